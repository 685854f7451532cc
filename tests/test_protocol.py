"""Connections as `botkit run` takes them: what is no sound HTTP is refused, and who is slow is not waited for."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httptools
import pytest

from botkit.answer import Answer, whole_of
from botkit.gate import Gate
from botkit.protocol import ConnectionPolicy, bounded
from tests.raw_http import exchange, serving, statuses

QUICK = ConnectionPolicy(idle_seconds=0.3, head_seconds=0.6, body_seconds=0.6, write_seconds=0.3)
HEAD = b"POST /a HTTP/1.1\r\nHost: x\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
CLOSE = b"GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


class Echo:
    """Answers with the path, once it has the body; `/early` without it, `/slow` when told to, `/big` at length."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.headers: list[Any] = []
        self.begun = asyncio.Event()
        self.go = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.paths.append(scope["path"])
        self.begun.set()
        if scope["path"] != "/early":
            while (await receive()).get("more_body"):
                pass
        if scope["path"] == "/slow":
            await self.go.wait()
        self.headers.append(list(scope["headers"]))
        body = scope["path"].encode() * (1_000_000 if scope["path"] == "/big" else 1)
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
async def port(echo: Echo) -> AsyncIterator[int]:
    async with serving(Gate(echo), QUICK) as port:
        yield port


# --- what two readers may take for two requests

SMUGGLED = {
    "length_and_coding": HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "coding_and_length": HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "two_lengths": HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi",
    "the_same_length_twice": HEAD + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi",
    "list_of_lengths": HEAD + b"Content-Length: 2, 2\r\n\r\nhi",
    "length_with_a_sign": HEAD + b"Content-Length: +2\r\n\r\nhi",
    "negative_length": HEAD + b"Content-Length: -2\r\n\r\nhi",
    "empty_length": HEAD + b"Content-Length: \r\n\r\nhi",
    "endless_length": HEAD + b"Content-Length: " + b"9" * 30 + b"\r\n\r\nhi",
    "coding_twice": HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "coding_misspelt": HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "coding_behind_a_control": HEAD + b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    "coding_before_a_space": HEAD + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "coding_that_is_not_last": HEAD + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "compressed_chunks": HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "coding_in_an_old_request": b"POST /a HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunk_in_other_digits": CHUNKED + b"0x2\r\nhi\r\n0\r\n\r\n",
    "negative_chunk": CHUNKED + b"-2\r\nhi\r\n0\r\n\r\n",
    "endless_chunk": CHUNKED + b"f" * 17 + b"\r\nhi\r\n0\r\n\r\n",
    "chunk_longer_than_it_says": CHUNKED + b"2\r\nhi there\r\n0\r\n\r\n",
    "chunk_lines_end_in_lf": CHUNKED + b"2\nhi\n0\n\n",
    "lf_in_a_chunk_s_extension": CHUNKED + b"2;a\nb\r\nhi\r\n0\r\n\r\n",
    "headers_behind_the_body": CHUNKED + b"2\r\nhi\r\n0\r\nX-Signature: 1\r\n\r\n",
    "folded_header": HEAD + b"X: a\r\n b\r\nContent-Length: 0\r\n\r\n",
    "folded_first_header": b"POST /a HTTP/1.1\r\n Host: x\r\nContent-Length: 0\r\n\r\n",
    "lines_end_in_lf": b"POST /a HTTP/1.1\nHost: x\nContent-Length: 0\n\n",
    "one_line_ends_in_lf": b"POST /a HTTP/1.1\r\nHost: x\nContent-Length: 0\r\n\r\n",
    "cr_in_a_value": b"POST /a HTTP/1.1\r\nHost: x\rY: z\r\nContent-Length: 0\r\n\r\n",
    "nul_in_a_value": HEAD + b"X: a\0b\r\n\r\n",
    "name_that_is_none": HEAD + b"X(y): b\r\n\r\n",
    "empty_name": HEAD + b": b\r\n\r\n",
    "line_without_a_colon": HEAD + b"foo\r\n\r\n",
    "no_host": b"GET /a HTTP/1.1\r\n\r\n",
    "empty_host": b"GET /a HTTP/1.1\r\nHost:\r\n\r\n",
    "two_hosts": HEAD + b"Host: y\r\n\r\n",
    "whole_address": b"GET http://evil.example/a HTTP/1.1\r\nHost: x\r\n\r\n",
    "fragment": b"GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n",
    "no_path": b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    "tunnel": b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n",
    "encoded_slash": b"GET /a%2Fb HTTP/1.1\r\nHost: x\r\n\r\n",
    "encoded_dots": b"GET /a/%2e%2E/b HTTP/1.1\r\nHost: x\r\n\r\n",
    "encoded_nul": b"GET /a%00 HTTP/1.1\r\nHost: x\r\n\r\n",
    "escape_that_is_none": b"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n",
    "two_slashes": b"GET //a HTTP/1.1\r\nHost: x\r\n\r\n",
    "dots": b"GET /a/../b HTTP/1.1\r\nHost: x\r\n\r\n",
    "backslash": b"GET /a\\b HTTP/1.1\r\nHost: x\r\n\r\n",
    "byte_that_is_no_ascii": b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
    "space_in_the_path": b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n",
    "no_version": b"GET /a\r\n\r\n",
    "version_of_the_future": b"GET /a HTTP/9.9\r\nHost: x\r\n\r\n",
    "another_protocol": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "method_that_is_none": b"BLAH /a HTTP/1.1\r\nHost: x\r\n\r\n",
    "greeting_of_tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
}


@pytest.mark.parametrize("request_bytes", SMUGGLED.values(), ids=SMUGGLED)
async def test_what_two_readers_may_understand_differently_is_refused_and_nothing_behind_it_is_read(
    port: int, echo: Echo, request_bytes: bytes
) -> None:
    received = await exchange(port, request_bytes + CLOSE)
    assert statuses(received) == [400]
    assert received.endswith(b"\r\n\r\n"), "it says no more than that"
    assert b"server:" not in received.lower()
    assert "/last" not in echo.paths


@pytest.mark.parametrize(
    "request_bytes",
    [
        HEAD + b"Content-Length: 2\r\n\r\nhi",
        CHUNKED + b"2;name=value\r\nhi\r\n0\r\n\r\n",
        b"\r\n" + HEAD + b"\r\n",
        HEAD + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\nhi",
        b"GET /b%20%C3%A9?x=%2F..// HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
    ids=["length", "chunks", "empty line first", "asks first", "escapes"],
)
async def test_what_is_sound_is_answered_and_what_is_behind_it_too(port: int, request_bytes: bytes) -> None:
    received = statuses(await exchange(port, request_bytes + CLOSE))
    assert [status for status in received if status != 100] == [200, 200]


async def test_an_old_request_needs_no_host_and_is_the_last(port: int) -> None:
    received = await exchange(port, b"GET /a HTTP/1.0\r\n\r\n" + CLOSE)
    assert statuses(received) == [200]


async def test_a_header_behind_the_body_reaches_nobody(port: int, echo: Echo) -> None:
    await exchange(port, CHUNKED + b"0\r\nX-Late: 1\r\n\r\n")
    assert all(b"x-late" not in dict(headers) for headers in echo.headers)


@pytest.mark.parametrize("protocol", [b"websocket", b"h2c"])
async def test_whoever_asks_for_another_protocol_gets_this_one_and_for_one_request(
    port: int, echo: Echo, protocol: bytes
) -> None:
    received = await exchange(port, HEAD + b"Connection: upgrade\r\nUpgrade: " + protocol + b"\r\n\r\n", CLOSE)
    assert statuses(received) == [200]
    assert echo.paths == ["/a"]


async def test_what_is_no_request_does_not_take_the_answer_of_the_one_before(port: int, echo: Echo) -> None:
    asking = asyncio.create_task(exchange(port, b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n" + b"nonsense\r\n\r\n"))
    await echo.begun.wait()
    echo.go.set()
    assert statuses(await asking) == [200]


# --- answers in one message


@pytest.fixture
async def whole() -> AsyncIterator[int]:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        headers = ((b"connection", b"close"),) if scope["path"] == "/close" else ((b"x-a", b"b"),)
        await Answer(200, headers, b"hello").send(send)
        with pytest.raises(RuntimeError):
            await Answer(200).send(send)

    async with serving(Gate(app), QUICK) as port:
        yield port


GET = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"


async def test_an_answer_in_one_message_is_written_whole(whole: int) -> None:
    received = await exchange(whole, GET + CLOSE)
    assert statuses(received) == [200, 200]
    assert received.count(b"content-length: 5\r\nx-a: b\r\n") == 2
    assert received.count(b"connection: close\r\n") == 1
    assert received.endswith(b"\r\n\r\nhello")


async def test_an_answer_in_one_message_may_be_the_last(whole: int) -> None:
    received = await exchange(whole, GET.replace(b"/a", b"/close") + CLOSE)
    assert statuses(received) == [200]
    assert received.count(b"connection: close\r\n") == 1


async def test_whoever_asks_only_for_the_head_gets_no_body(whole: int) -> None:
    received = await exchange(whole, GET.replace(b"GET", b"HEAD") + CLOSE)
    assert statuses(received) == [200, 200]
    assert received.count(b"hello") == 1


# --- bodies in one piece


class Taker:
    """Takes bodies in one piece where it can, by the path: `/twice`, `/late` after a first part, else at once."""

    def __init__(self) -> None:
        self.bodies: list[bytes | None] = []
        self.received: list[bytes] = []
        self.begun = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        whole = whole_of(send, receive)
        if scope["path"] == "/late":
            self.received.append((await receive())["body"])
        self.bodies.append(whole.take_body())
        if scope["path"] == "/twice":
            self.bodies.append(whole.take_body())
        if self.bodies[-1] is None and scope["path"] == "/a":
            more = True
            while more:
                message = await receive()
                self.received.append(message["body"])
                self.begun.set()
                more = message["more_body"]
        await Answer(200).send(send)


@pytest.fixture
def taker() -> Taker:
    return Taker()


@pytest.fixture
async def taking(taker: Taker) -> AsyncIterator[int]:
    async with serving(taker) as port:
        yield port


@pytest.mark.parametrize(
    ("request_bytes", "bodies"),
    [
        (HEAD + b"Content-Length: 2\r\n\r\nhi", [b"hi"]),
        (CHUNKED + b"1\r\nh\r\n1\r\ni\r\n0\r\n\r\n", [b"hi"]),
        (HEAD + b"\r\n", [b""]),
        (HEAD.replace(b"/a", b"/twice") + b"Content-Length: 2\r\n\r\nhi", [b"hi", None]),
        (HEAD.replace(b"/a", b"/late") + b"Content-Length: 2\r\n\r\nhi", [None]),
    ],
    ids=["length", "chunks", "none", "twice", "after it was received"],
)
async def test_a_body_that_is_all_there_can_be_taken_once(
    taking: int, taker: Taker, request_bytes: bytes, bodies: list[bytes | None]
) -> None:
    assert statuses(await exchange(taking, request_bytes + CLOSE)) == [200, 200]
    assert taker.bodies == [*bodies, b""]


async def test_a_body_of_which_a_part_is_missing_is_received(taking: int, taker: Taker) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", taking)
    writer.write(HEAD + b"Content-Length: 2\r\n\r\nh")
    async with asyncio.timeout(20):
        await taker.begun.wait()
        writer.write(b"i" + CLOSE)
        assert statuses(await reader.read()) == [200, 200]
    assert (taker.bodies, taker.received) == ([None, b""], [b"h", b"i"])
    writer.close()


async def test_whoever_asks_first_whether_to_send_a_body_is_told_to(taking: int, taker: Taker) -> None:
    asking = HEAD + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\nhi"
    assert statuses(await exchange(taking, asking + CLOSE)) == [100, 200, 200]
    assert b"".join(taker.received) == b"hi"


async def test_after_the_body_was_taken_only_the_end_is_to_be_received() -> None:
    end: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def app(_: Any, receive: Any, send: Any) -> None:
        assert whole_of(send, receive).take_body() == b"hi"
        end.set_result((await receive())["type"])

    async with serving(app) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD + b"Content-Length: 2\r\n\r\nhi")
        await writer.drain()
        writer.close()
        async with asyncio.timeout(20):
            assert await end == "http.disconnect"


# --- too much


@pytest.mark.parametrize(("size", "status"), [(15_000, 200), (16_500, 431)])
async def test_a_head_has_a_greatest_size(port: int, size: int, status: int) -> None:
    assert statuses(await exchange(port, CLOSE[:-2] + b"X: " + b"a" * size + b"\r\n\r\n")) == [status]


async def test_a_head_that_never_ends_is_read_no_further(port: int) -> None:
    assert statuses(await exchange(port, CLOSE[:-2] + b"X: ", *[b"a" * 4096] * 10)) == [431]


@pytest.mark.parametrize(("lines", "status"), [(62, 200), (63, 431)])
async def test_a_head_has_at_most_64_lines(port: int, lines: int, status: int) -> None:
    assert statuses(await exchange(port, CLOSE[:-2] + b"X: a\r\n" * lines + b"\r\n")) == [status]


async def test_when_there_are_too_many_who_has_kept_us_waiting_longest_has_to_go() -> None:
    bounds = ConnectionPolicy(max_connections=20)
    async with serving(Echo(), bounds) as port:
        idlers = [await asyncio.open_connection("127.0.0.1", port) for _ in range(40)]
        assert statuses(await exchange(port, CLOSE)) == [200]
        async with asyncio.timeout(20):
            assert await idlers[0][0].read() == b"", "closed, and told nothing"
        for _, writer in idlers:
            writer.close()


# --- too slow


async def test_who_connects_and_says_nothing_is_closed(port: int) -> None:
    assert await exchange(port) == b""


@pytest.mark.parametrize(
    "said",
    [b"P", b"GET /a HTTP/1.1\r\nHos", b"\r\n", HEAD + b"X: "],
    ids=["a letter", "half a name", "an empty line", "half a header"],
)
async def test_a_head_that_stalls_is_given_up(port: int, said: bytes) -> None:
    assert statuses(await exchange(port, said)) == [408]


async def test_a_head_that_drips_is_given_up_all_the_same(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    ended = asyncio.create_task(reader.read())
    async with asyncio.timeout(20):
        while not ended.done():
            writer.write(b"a")
            # Oftener than the bound for silence.
            await asyncio.wait([ended], timeout=0.05)
    assert statuses(ended.result()) in ([400], [408])
    writer.close()


async def test_a_body_that_no_application_bounds_is_bounded_all_the_same(port: int) -> None:
    assert statuses(await exchange(port, HEAD + b"Content-Length: 9\r\n\r\nhalf")) == [408]


async def test_who_was_answered_before_the_body_came_is_not_read_any_further(port: int) -> None:
    early = b"POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf"
    assert statuses(await exchange(port, early)) == [200]


async def test_half_a_request_behind_a_whole_one_is_not_waited_for(port: int) -> None:
    assert statuses(await exchange(port, HEAD + b"\r\n" + b"GET /b HT")) in ([200], [200, 408])


async def test_who_was_answered_and_says_nothing_more_is_closed(port: int) -> None:
    began_at = asyncio.get_running_loop().time()
    assert statuses(await exchange(port, GET)) == [200]
    assert asyncio.get_running_loop().time() - began_at >= QUICK.idle_seconds


async def test_who_does_not_read_the_answer_is_closed(echo: Echo) -> None:
    async with serving(echo, QUICK) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        writer.write(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n" * 20)
        deadline = asyncio.get_running_loop().time() + 20
        while not (is_closed := writer.transport.is_closing()) and asyncio.get_running_loop().time() < deadline:
            writer.write(b" ")
            await asyncio.sleep(0.05)
        assert is_closed
        writer.close()


# --- the parser


def test_a_parser_that_takes_two_lengths_is_noticed_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    class Lenient:
        def __init__(self, _: object) -> None:
            pass

        def feed_data(self, _: bytes) -> None:
            pass

    monkeypatch.setattr(httptools, "HttpRequestParser", Lenient)
    with pytest.raises(RuntimeError, match="httptools"):
        bounded(QUICK)
