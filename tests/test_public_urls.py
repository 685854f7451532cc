"""Files are fetched from public addresses, and from where the service itself is."""

import pytest

from botkit.public_urls import is_fetchable


@pytest.mark.parametrize(
    "url",
    [
        "https://dl-media.viber.com/1/share/2/long/a.jpg",
        "https://storage.googleapis.com:443/a",
        "https://8.8.8.8/a",
        "http://viber.simulator/media/1/a.jpg",
    ],
)
def test_files_come_by_https_from_public_hosts_and_from_the_service_itself(url: str) -> None:
    assert is_fetchable(url, "http://viber.simulator")


@pytest.mark.parametrize(
    "url",
    [
        "http://dl-media.viber.com/a",
        "http://viber.simulator:8080/a",
        "https://viber.simulator.evil:8080/a",
        "ftp://dl-media.viber.com/a",
        "file:///etc/passwd",
        "https://localhost/a",
        "https://bot.localhost/a",
        "https://db.internal/a",
        "https://printer.local./a",
        "https://redis:6379/a",
        "https://127.0.0.1/a",
        "https://127.1/a",
        "https://0x7f.1/a",
        "https://2130706433/a",
        "https://10.0.0.1/a",
        "https://192.168.1.1/a",
        "https://169.254.169.254/latest/meta-data",
        "https://100.64.0.1/a",
        "https://[::1]/a",
        "https://[::ffff:127.0.0.1]/a",
        "https://[fd00::1]/a",
        "https://192.0.0.192/opc/v2",
        "https://[64:ff9b::a9fe:a9fe]/a",
        "https://user@media.example/a",
        "https://user:password@media.example/a",
        "https://media.example\\@127.0.0.1/a",
        "https://media.ex\tample/a",
        "https://mediä.example/a",
        "http://user@viber.simulator/a",
        "http://viber.simulator\\@127.0.0.1/a",
        "http://viber.simul\tator/a",
        "https://media.example:22/a",
        "https://media.example:x/a",
        "https://[/a",
        "//media.example/a",
        "",
    ],
)
def test_no_other_address_is_fetched(url: str) -> None:
    assert not is_fetchable(url, "http://viber.simulator")


HOSTS = ("viber.com", "cdn.example")


@pytest.mark.parametrize(
    "url",
    ["https://viber.com/a", "https://dl-media.viber.com/a", "https://CDN.example./a", "http://viber.simulator/a"],
)
def test_where_its_hosts_are_known_files_come_from_these_and_from_the_service_itself(url: str) -> None:
    assert is_fetchable(url, "http://viber.simulator", HOSTS)


@pytest.mark.parametrize("url", ["https://evilviber.com/a", "https://viber.com.evil.example/a", "https://8.8.8.8/a"])
def test_where_its_hosts_are_known_files_come_from_no_other_public_host(url: str) -> None:
    assert is_fetchable(url, "http://viber.simulator")
    assert not is_fetchable(url, "http://viber.simulator", HOSTS)


def test_an_account_without_an_address_of_its_own_has_no_origin() -> None:
    assert not is_fetchable("", "")
    assert not is_fetchable("file:///etc/passwd", "file:///")
