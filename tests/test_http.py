"""The outbound client before a real socket: what each kind of failure proves, and what it must not tell."""

import asyncio
import logging
import socket
import ssl
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from botkit import http
from botkit.exceptions import NotSentError, TransportError, UnknownOutcomeError
from botkit.http import ASGIApp, Http, InProcess
from botkit.transport import MAX_ANSWER

CANARY = "123456789:AAE-canary-canary-canary-canary-ca"
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def server(serve: Serve) -> AsyncIterator[str]:
    """A server that does one thing to each connection once it has read the request's head."""
    tasks: set[asyncio.Task[Any]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())  # type: ignore[arg-type]
        try:
            await reader.readuntil(b"\r\n\r\n")
            await serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    running = await asyncio.start_server(handle, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{running.sockets[0].getsockname()[1]}/bot{CANARY}/sendMessage"
    running.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def says(*parts: bytes) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()

    return serve


async def hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def drips(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while True:
        writer.write(b".")
        await writer.drain()
        await asyncio.sleep(0.01)


async def resets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


def closed_port() -> str:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}/bot{CANARY}/sendMessage"


async def failure(url: str, **options: Any) -> TransportError:
    async with Http(**options) as client:
        with pytest.raises(TransportError) as raised:
            await client.request("POST", url, json={"key": CANARY}, headers={"X-Token": CANARY})
    return raised.value


def shown(error: BaseException) -> str:
    """Everything that tools show of an error: its text, its repr, its traceback with the locals of every frame."""
    trace = traceback.TracebackException.from_exception(error, capture_locals=True)
    frames = [frame for frame in trace.stack if "botkit" in frame.filename and "tests" not in frame.filename]
    assert frames
    assert all(frame.locals for frame in frames)
    trace.stack = traceback.StackSummary.from_list(frames)
    return f"{error} {error!r} {vars(error)} {''.join(trace.format())}"


# --- answers


async def test_an_answer_is_given_whole() -> None:
    answer = b"HTTP/1.1 429 Too Many\r\nRetry-After: 7\r\nContent-Length: 4\r\n\r\n{}ab"
    async with server(says(answer)) as url, Http() as client:
        got = await client.request("POST", url, json={})
    assert (got.status, got.headers["retry-after"], got.body) == (429, "7", b"{}ab")


async def test_what_is_sent_is_json_or_a_form() -> None:
    seen: list[httpx.Request] = []

    def take(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200)

    async with Http(transport=httpx.MockTransport(take)) as client:
        await client.request("POST", "http://api.test", json={"text": "дім"}, headers={"X-Key": "1"})
        await client.request("POST", "http://api.test", form={"a": "b c"})
        await client.request("GET", "http://api.test")
    assert [request.content.decode() for request in seen] == ['{"text":"дім"}', "a=b+c", ""]
    assert (seen[0].headers["x-key"], seen[0].headers["content-type"]) == ("1", "application/json")


async def test_a_redirect_is_an_answer_and_not_followed() -> None:
    asked = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(1)
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n")

    async with server(serve) as url, Http() as client:
        assert (await client.request("GET", url)).status == 302
    assert len(asked) == 1


def test_certificates_are_checked_and_old_tls_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere")
    context = http._certificates()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nX-Evil: 1", "a\rX-Evil: 1", "a\0b", "\r\n\r\nGET / HTTP/1.1"])
async def test_a_header_that_would_be_two_is_not_sent(value: str) -> None:
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(b"!")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    async with server(serve) as url, Http() as client:
        with pytest.raises(NotSentError):
            await client.request("POST", url, headers={"X-Token": value})
        with pytest.raises(NotSentError):
            await client.request("POST", url, headers={f"X-{value}": "1"})
    assert heard == []


async def test_no_proxy_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    async with server(says(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nproxy!")) as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy)
        async with server(says(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\ndirect")) as url, Http() as client:
            assert (await client.request("GET", url)).body == b"direct"


@pytest.mark.parametrize("head", [b"Content-Length: %d\r\n" % MAX_ANSWER, b""])
async def test_an_answer_of_the_greatest_length_is_read(head: bytes) -> None:
    async with server(says(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n", b"x" * MAX_ANSWER)) as url, Http() as client:
        assert len((await client.request("GET", url)).body) == MAX_ANSWER


@pytest.mark.parametrize("head", [b"Content-Length: %d\r\n" % (MAX_ANSWER + 1), b""])
async def test_one_byte_more_is_cut_off(head: bytes) -> None:
    async with server(says(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n", b"x" * (MAX_ANSWER + 1))) as url:
        error = await failure(url)
    assert isinstance(error, UnknownOutcomeError)
    assert str(MAX_ANSWER) in error.what


@pytest.mark.parametrize(("most", "size"), [(10, 10), (MAX_ANSWER + 1, MAX_ANSWER + 1)])
async def test_an_answer_may_have_as_many_bytes_as_the_caller_says_and_no_more(most: int, size: int) -> None:
    async with Http(transport=httpx.MockTransport(lambda _: httpx.Response(200, content=bytes(size)))) as client:
        assert len((await client.request("GET", "http://service.test", most=most)).body) == size
        with pytest.raises(UnknownOutcomeError, match=str(most - 1)):
            await client.request("GET", "http://service.test", most=most - 1)


async def test_an_endless_answer_is_cut_off() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()

    async with server(serve) as url:
        assert isinstance(await failure(url), UnknownOutcomeError)


# --- what a failure proves


async def test_a_port_where_nobody_listens_got_nothing() -> None:
    assert isinstance(await failure(closed_port()), NotSentError)


@pytest.mark.parametrize("url", ["ftp://host", "no-scheme", "http://", "http://[::1", f"http://{'a' * 64}.test/"])
async def test_an_address_that_leads_nowhere_got_nothing(url: str) -> None:
    assert isinstance(await failure(url), NotSentError)


async def test_whoever_cannot_be_connected_in_time_got_nothing() -> None:
    def stall(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectTimeout("")

    assert isinstance(await failure("http://api.test", transport=httpx.MockTransport(stall)), NotSentError)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"


@pytest.mark.parametrize(
    "serve",
    [
        pytest.param(hangs, id="never answers"),
        pytest.param(drips, id="drips for ever"),
        pytest.param(says(), id="closes before an answer"),
        pytest.param(resets, id="resets"),
        pytest.param(says(HEAD[:9]), id="closes in the status line"),
        pytest.param(says(HEAD, b"half"), id="closes in the body"),
        pytest.param(says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"), id="closes in a chunk"),
        pytest.param(says(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), id="speaks another protocol"),
        pytest.param(says(b"HTTP/1.1 nine OK\r\n\r\n"), id="has no status"),
        pytest.param(
            says(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nxxxx"), id="is not gzip"
        ),
    ],
)
async def test_after_the_request_was_written_nobody_knows(serve: Serve) -> None:
    async with server(serve) as url:
        error = await failure(url, read_seconds=0.1, seconds=0.2)
    assert isinstance(error, UnknownOutcomeError)
    assert error.what.startswith("the connection failed")


async def test_a_listener_that_never_accepts_may_have_got_it() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=8) as deaf:
        error = await failure(f"http://127.0.0.1:{deaf.getsockname()[1]}/", read_seconds=0.1)
    assert isinstance(error, UnknownOutcomeError)


async def test_a_cancelled_request_is_cancelled() -> None:
    async with server(hangs) as url, Http() as client:
        task = asyncio.create_task(client.request("GET", url))
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


# --- what a failure must not tell


@pytest.mark.parametrize(
    "serve",
    [hangs, resets, says(HEAD, b"x"), says(b"?\r\n\r\n"), says(HEAD[:17] + b"\r\n\r\n" + bytes(MAX_ANSWER + 1))],
)
async def test_no_unknown_outcome_shows_address_or_token(serve: Serve) -> None:
    async with server(serve) as url:
        error = await failure(url, read_seconds=0.1)
    assert CANARY not in shown(error)
    assert "127.0.0.1" not in shown(error)


async def test_no_proof_of_not_sending_shows_address_or_token() -> None:
    text = shown(await failure(closed_port()))
    assert CANARY not in text
    assert "127.0.0.1" not in text


async def test_httpx_s_own_error_is_not_kept_behind_ours() -> None:
    error = await failure(closed_port())
    assert error.__cause__ is None
    assert error.__context__ is None


async def test_no_log_line_shows_address_or_token(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with server(says(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")) as url, Http() as client:
        await client.request("POST", url)
    await failure(closed_port())
    assert CANARY not in caplog.text
    assert [record for record in caplog.records if record.name.startswith("http")] == []


# --- in process


def app(body: bytes) -> ASGIApp:
    async def answer(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body + scope["path"].encode()})

    return answer


async def broken(scope: Any, receive: Any, send: Any) -> None:
    raise ValueError(CANARY)


@pytest.fixture
async def client() -> AsyncIterator[Http]:
    network = InProcess()
    network.mount("one.test", app(b"one"))
    network.mount("two.test", app(b"two"))
    network.mount("broken.test", broken)
    async with Http(transport=network) as client:
        yield client


async def test_each_host_name_leads_to_its_application(client: Http) -> None:
    assert (await client.request("GET", "http://one.test/a")).body == b"one/a"
    assert (await client.request("GET", "https://two.test:8443/b")).body == b"two/b"


async def test_no_other_host_exists(client: Http) -> None:
    with pytest.raises(NotSentError):
        await client.request("GET", "http://localhost/")


async def test_an_application_that_fails_has_closed_the_connection(client: Http) -> None:
    with pytest.raises(UnknownOutcomeError) as raised:
        await client.request("GET", f"http://broken.test/{CANARY}")
    assert CANARY not in shown(raised.value)
