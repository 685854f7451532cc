"""The first look at a request: it holds under any server, also one that reads heads less strictly."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import pytest
import uvicorn

from botkit.gate import Gate, HeadPolicy, fault
from tests.raw_http import exchange, statuses

HOST = (b"host", b"bots.test")


def scope(
    path: bytes = b"/webhooks/viber",
    headers: Sequence[tuple[bytes, bytes]] = (HOST,),
    *,
    query: bytes = b"",
    version: str = "1.1",
) -> dict[str, Any]:
    return {
        "type": "http",
        "path": path.decode("latin-1"),
        "raw_path": path,
        "query_string": query,
        "http_version": version,
        "headers": list(headers),
    }


@pytest.mark.parametrize("path", [b"/", b"/webhooks/viber", b"/a%20b", b"/.well-known", b"/a.b/...", b"/%C3%A9"])
def test_a_path_that_all_read_alike_goes_through(path: bytes) -> None:
    assert fault(scope(path), HeadPolicy()) == 0


@pytest.mark.parametrize(
    "path",
    [
        *(
            b"",
            b"*",
            b"a",
            b"//",
            b"/a//b",
            b"/.",
            b"/..",
            b"/a/../b",
            b"/a/./b",
            b"/a/..",
            b"/a\\b",
            b"/a b",
            b"/\xff",
        ),
        *(b"/%2f", b"/%2F", b"/%5c", b"/%00", b"/%0a", b"/%1f", b"/%7f", b"/%2e%2e", b"/%", b"/%4", b"/%zz", b"/a#b"),
    ],
)
def test_a_path_that_two_may_read_differently_is_refused(path: bytes) -> None:
    assert fault(scope(path), HeadPolicy()) == 400


def test_without_the_bytes_of_a_path_its_text_is_looked_at() -> None:
    assert fault({**scope(), "raw_path": None}, HeadPolicy()) == 0
    assert fault({**scope(), "raw_path": None, "path": "/a//b"}, HeadPolicy()) == 400


@pytest.mark.parametrize(
    ("version", "headers", "status"),
    [
        ("1.1", [HOST], 0),
        ("2", [HOST], 0),
        ("1.0", [HOST], 0),
        ("1.0", [], 0),
        ("0.9", [HOST], 400),
        ("1.1", [], 400),
        ("1.1", [HOST, HOST], 400),
        ("1.1", [(b"host", b"")], 400),
        ("1.1", [HOST, (b"content-length", b"1")], 0),
        ("1.1", [HOST, (b"transfer-encoding", b"Chunked")], 0),
        ("1.1", [HOST, (b"content-length", b"1"), (b"transfer-encoding", b"chunked")], 400),
        ("1.1", [HOST, (b"content-length", b"1"), (b"content-length", b"1")], 400),
        ("1.1", [HOST, (b"transfer-encoding", b"gzip, chunked")], 400),
        ("1.0", [HOST, (b"transfer-encoding", b"chunked")], 400),
    ],
)
def test_a_head_says_one_thing_about_its_host_and_its_body(
    version: str, headers: list[tuple[bytes, bytes]], status: int
) -> None:
    assert fault(scope(headers=headers, version=version), HeadPolicy()) == status


@pytest.mark.parametrize(("lines", "status"), [(64, 0), (65, 431)])
def test_a_head_has_a_greatest_number_of_lines(lines: int, status: int) -> None:
    assert fault(scope(headers=[HOST] + [(b"x", b"y")] * (lines - 1)), HeadPolicy()) == status


@pytest.mark.parametrize(("size", "status"), [(100, 0), (101, 431)])
def test_a_head_has_a_greatest_size(size: int, status: int) -> None:
    headers = [HOST, (b"x", b"y" * (size - 1 - len(b"".join(HOST))))]
    assert fault(scope(headers=headers), HeadPolicy(max_size=100)) == status


@pytest.mark.parametrize(("size", "status"), [(20, 0), (21, 414)])
def test_a_path_and_its_query_have_a_greatest_size(size: int, status: int) -> None:
    assert fault(scope(b"/a", query=b"q" * (size - 2)), HeadPolicy(max_target=20)) == status


# --- under another server


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """The gate as `uvicorn bots:app` may serve it where httptools is missing."""

    async def app(_: Any, __: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = _Server(uvicorn.Config(Gate(app), http="h11", lifespan="off", ws="none", log_config=None))
        task = asyncio.create_task(server.serve([listener]))
        yield listener.getsockname()[1]
        server.should_exit = True
        await task


HEAD = b"POST /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (HEAD + b"Content-Length: 0\r\n\r\n", 200),
        (HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (HEAD + b"X: y\r\n" * 70 + b"\r\n", 431),
        (HEAD + b"X: " + b"y" * 20_000 + b"\r\n\r\n", 431),
        (b"GET /a%2fb HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET http://evil.example//a HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    ],
    ids=["sound", "length and coding", "too many lines", "too large", "odd path", "whole address"],
)
async def test_it_holds_under_a_server_that_reads_less_strictly(port: int, request_bytes: bytes, status: int) -> None:
    assert statuses(await exchange(port, request_bytes)) == [status]
