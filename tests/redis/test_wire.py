"""The connection itself: how an address is read, and how a server is greeted."""

import asyncio
import ssl
import subprocess
import sys

import pytest
from redis.asyncio.connection import ConnectionPool

from botkit.exceptions import StoreUnavailableError
from botkit.redis.pipe import Pipe
from botkit.redis.wire import open_wire, read_address
from tests.redis.fake_server import Server


@pytest.mark.parametrize(
    "url",
    [
        "redis://",
        "redis://redis.example.org",
        "redis://redis.example.org:6380/3",
        "redis://redis.example.org/no-number",
        "redis://:p%40ss@[::1]:7000/0",
        "redis://bot%2Fkit:p%40ss@10.0.0.5/",
        "redis://a:1/2?client_name=botkit&db=5",
        "rediss://botkit:secret@redis.example.org/1",
        "unix://botkit:secret@/run/redis.sock?db=4",
    ],
)
def test_an_address_says_what_redis_py_reads_in_it(url: str) -> None:
    made = ConnectionPool.from_url(url).make_connection()  # type: ignore[no-untyped-call]
    read = read_address(url)
    found = (read.db, read.username or None, read.password or None, read.client_name or None)
    assert found == (int(made.db or 0), made.username, made.password, made.client_name)
    if read.path:
        assert read.path == made.path
    else:
        assert (read.host, read.port) == (made.host, made.port)


def test_an_encrypted_way_checks_the_certificate_and_its_name() -> None:
    tls = read_address("rediss://redis.example.org").tls
    assert tls
    assert tls().verify_mode is ssl.CERT_REQUIRED
    assert tls().check_hostname


@pytest.mark.parametrize("url", ["http://redis.example.org", "redis://a:port", "redis://a?db=x"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_address(url)


def test_without_options_nothing_of_redis_py_is_imported() -> None:
    program = "import sys, botkit.redis.store as s; s.RedisStore('redis://a:p@b/1'); sys.exit('redis' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], timeout=60, check=False).returncode == 0


@pytest.mark.parametrize(
    ("userinfo", "path", "greeting"),
    [
        ("", "/0", []),
        (":pass@", "/0", [b"AUTH pass"]),
        ("bot:pass@", "/2", [b"AUTH bot pass", b"SELECT 2"]),
        ("", "/0?client_name=botkit", [b"CLIENT SETNAME botkit"]),
    ],
)
async def test_a_server_is_told_who_speaks_before_anything_else(
    server: Server, userinfo: str, path: str, greeting: list[bytes]
) -> None:
    pipe = Pipe(f"redis://{userinfo}127.0.0.1:{server.port}{path}")
    await pipe.call("PING")
    await pipe.close()
    assert [command for write in server.writes for command in write] == [*greeting, b"PING"]


async def test_a_server_that_refuses_the_greeting_is_unavailable(server: Server) -> None:
    server.answers[b"AUTH"] = b"-WRONGPASS invalid username-password pair or user is disabled.\r\n"
    pipe = Pipe(f"redis://:wrong-pass@127.0.0.1:{server.port}")
    with pytest.raises(StoreUnavailableError) as caught:
        await pipe.call("PING")
    assert "wrong-pass" not in repr(caught.value)
    await pipe.close()
    assert server.writes == [[b"AUTH wrong-pass"]]


@pytest.mark.parametrize(
    "answer", [b"-NOAUTH Authentication required.\r\n", b"-ERR max number of clients reached\r\n"], ids=["auth", "max"]
)
async def test_a_server_that_takes_nobody_is_unavailable(server: Server, answer: bytes) -> None:
    server.answers[b"PING"] = answer
    pipe = Pipe(server.url)
    with pytest.raises(StoreUnavailableError):
        await pipe.call("PING")
    await pipe.close()


async def test_what_a_server_says_unasked_ends_the_connection(server: Server) -> None:
    wire = await open_wire(read_address(server.url))
    assert await wire.ask([("PING",)]) == [b"OK"]
    server.say(b"-ERR somebody else's answer\r\n")
    await asyncio.wait_for(server.left.wait(), 5)
    with pytest.raises(ConnectionError, match="unasked"):
        await wire.ask([("PING",)])


async def test_what_a_server_says_unasked_is_nobody_s_answer(server: Server) -> None:
    pipe = Pipe(server.url)
    await pipe.call("PING")
    server.say(b":1\r\n")
    await asyncio.wait_for(server.left.wait(), 5)
    server.answers[b"GET"] = b":2\r\n"
    assert await pipe.call("GET", "a") == 2
    assert server.connections == 2
    await pipe.close()
