"""What the doctor says of a server that others can reach, read along with, or break out of."""

import hashlib
from pathlib import Path
from uuid import uuid4

import pytest

from botkit.cli.store_checks import PATCHED, acl_file, address_notes, release_note
from botkit.redaction import Secret
from botkit.redis.embedded import ServerKind
from botkit.redis.store import RedisStore
from tests.cli.conftest import Run
from tests.conftest import Servers

PASSWORD = "canary-of-a-password"


def notes(url: str) -> str:
    return "; ".join(what for what, _ in address_notes(Secret(url)))


@pytest.mark.parametrize(
    "url",
    [
        "unix:///run/redis.sock",
        f"redis://botkit:{PASSWORD}@127.0.0.1:6379/0",
        f"redis://botkit:{PASSWORD}@localhost",
        f"redis://botkit:{PASSWORD}@[::1]:6379",
        f"rediss://botkit:{PASSWORD}@redis.example.org",
    ],
)
def test_a_closed_server_gives_no_note(url: str) -> None:
    assert notes(url) == ""


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("redis://127.0.0.1", "no password"),
        ("rediss://botkit@redis.example.org", "no password"),
        (f"rediss://:{PASSWORD}@redis.example.org", "default user"),
        (f"rediss://default:{PASSWORD}@redis.example.org", "default user"),
        (f"redis://botkit:{PASSWORD}@redis.example.org", "not encrypted"),
        (f"redis://botkit:{PASSWORD}@10.0.0.1", "not encrypted"),
    ],
)
def test_an_open_server_is_told_without_its_address(url: str, said: str) -> None:
    assert said in notes(url)
    assert PASSWORD not in notes(url)
    assert "example" not in notes(url)


@pytest.mark.parametrize(("series", "patch"), PATCHED.items())
def test_a_release_is_of_use_from_the_one_that_was_mended(series: tuple[int, int], patch: int) -> None:
    assert release_note(f"{series[0]}.{series[1]}.{patch}") == ""
    assert "sandbox" in release_note(f"{series[0]}.{series[1]}.{patch - 1}")


@pytest.mark.parametrize(("version", "is_noted"), [("7.0.15", True), ("6.0.9", True), ("9.0.0", False), ("odd", False)])
def test_a_series_that_nobody_mends_is_noted_and_a_newer_one_is_not(version: str, is_noted: bool) -> None:
    assert bool(release_note(version)) is is_noted


def test_the_doctor_prints_a_file_with_botkit_s_user(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOTKIT_KEY_PREFIX", "shop")
    assert run("doctor", "--acl").out == acl_file("shop")


async def test_a_server_takes_the_user_that_is_printed(servers: Servers) -> None:
    kind = next((kind for kind in servers.found if kind is not ServerKind.FAKE), None)
    if kind is None:
        pytest.skip("no server with users on this machine")
    url, prefix = servers.url(kind), f"t{uuid4().hex[:8]}"
    hashed = hashlib.sha256(PASSWORD.encode()).hexdigest()
    _, line = acl_file(prefix).replace("<sha256 of the password>", hashed).splitlines()
    _, name, *rules = line.split()
    # A store of its own: others use the server with other numbers of partitions.
    admin = RedisStore(url, prefix=f"{prefix}admin")
    await admin.call("ACL", "SETUSER", name, "reset", *rules)
    await admin.close()
    place = url.partition("://")[2]
    store = RedisStore(f"unix://{name}:{PASSWORD}@{place}", prefix=prefix)
    await store.ingest("telegram:demo:1", "e" * 22, b"{}", token="", window=60)
    assert not await store.is_idle("telegram:demo:1")
    await store.close()


def test_an_open_server_is_a_note_of_the_doctor_s(
    run: Run, project: Path, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOTKIT_REDIS_URL", f"redis://:{PASSWORD}@redis.invalid:1/0")
    out = run("doctor").out
    assert "default user" in out
    assert "not encrypted" in out
    assert PASSWORD not in out
