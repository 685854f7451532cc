"""Addresses of the store: those of a cluster, and what of an address may be shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.redis.urls import ClusterUrl, is_cluster, shown_address

CANARY = "pass-word-canary"


@pytest.mark.parametrize(
    ("text", "seeds"),
    [
        ("redis+cluster://a:7000,b:7001", ("a:7000", "b:7001")),
        ("redis+cluster://a,b:7001/0", ("a:6379", "b:7001")),
        (f"rediss+cluster://bot:{CANARY}@[::1]:7000/", ("[::1]:7000",)),
    ],
)
def test_a_cluster_s_address_names_some_of_its_servers(text: str, seeds: tuple[str, ...]) -> None:
    assert is_cluster(text)
    assert ClusterUrl(text).seeds == seeds


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("redis+cluster://a:7000", "redis://c:1/0"),
        (f"rediss+cluster://bot:{CANARY}@a:7000,b", f"rediss://bot:{CANARY}@c:1/0"),
        ("redis+cluster://a:7000?client_name=botkit", "redis://c:1/0?client_name=botkit"),
    ],
)
def test_each_server_is_spoken_to_as_the_address_says(text: str, url: str) -> None:
    assert ClusterUrl(text).of("c:1") == url


@pytest.mark.parametrize(
    "text",
    [
        "redis://a:7000",
        "redis+cluster://",
        "redis+cluster://a:7000,",
        "redis+cluster://a:0",
        "redis+cluster://a:70000",
        "redis+cluster://a:port",
        "redis+cluster://a:7000/1",
    ],
)
def test_another_address_is_refused_and_not_repeated(text: str) -> None:
    text = text.replace("://", f"://:{CANARY}@")
    with pytest.raises(ValueError, match="host:port") as raised:
        ClusterUrl(text)
    assert CANARY not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (f"redis://:{CANARY}@10.0.0.5:6380/0", "10.0.0.5:6380"),
        (f"rediss://bot:{CANARY}@redis.example.org", "redis.example.org:6379"),
        ("redis://[::1]:7000/0", "[::1]:7000"),
        ("unix:///run/redis.sock?db=0", "/run/redis.sock"),
        (f"redis+cluster://bot:{CANARY}@a:7000,b:7001", "a:7000,b:7001"),
    ],
)
def test_an_address_is_shown_without_its_password(url: str, shown: str) -> None:
    assert shown_address(url) == shown


@given(st.text())
def test_no_text_is_repeated_by_an_error(text: str) -> None:
    told = ""
    try:
        ClusterUrl(f"redis+cluster://:{CANARY}@{text}")
    except ValueError as error:
        told = str(error)
    assert CANARY not in told
