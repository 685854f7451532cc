"""The transport before real sockets: what each failure proves, and that no answer is given to another request."""

import asyncio
import datetime
import ipaddress
import random
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from botkit.transport import MAX_ANSWER, AnswerTooLongError, Patience, Transport

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#: More than sockets hold on the way.
LONG = b"x" * 20_000_000
NOT_SENT = (
    httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol, httpx.LocalProtocolError,
)  # fmt: skip

Serve = Callable[["Peer"], Awaitable[None]]


class Peer:
    """The server's end of one connection."""

    def __init__(self, server: "Server", reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.server = server
        self.reader = reader
        self.writer = writer

    async def head(self) -> str:
        """Returns the path of the next request; the body is still to be read."""
        text = await self.reader.readuntil(b"\r\n\r\n")
        path = text.split()[1].decode()
        self.server.asked.append(path)
        self.length = next(
            (int(line[15:]) for line in text.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
        )
        return path

    async def request(self) -> str:
        """Returns the path of the next request, which is read whole."""
        path = await self.head()
        await self.reader.readexactly(self.length)
        return path

    async def say(self, *parts: bytes) -> None:
        for part in parts:
            self.writer.write(part)
            await self.writer.drain()

    async def has_ended(self) -> None:
        """Waits until the other side has closed."""
        try:
            while await self.reader.read(65536):
                pass
        except ConnectionError:
            pass


class Server:
    """A server that does one thing on each connection, then closes it."""

    def __init__(self, serve: Serve) -> None:
        self.url = ""
        self.asked: list[str] = []
        self.connections = 0
        self.ended = 0
        self._serve = serve
        self.tasks: set[asyncio.Task[Any]] = set()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.tasks.add(asyncio.current_task())  # type: ignore[arg-type]
        try:
            await self._serve(Peer(self, reader, writer))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.ended += 1
            writer.close()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not condition():  # noqa: ASYNC110 - another task makes it true
                await asyncio.sleep(0.005)


@asynccontextmanager
async def serving(serve: Serve, context: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    server = Server(serve)
    running = await asyncio.start_server(server.handle, "127.0.0.1", 0, ssl=context)
    scheme = "https" if context else "http"
    server.url = f"{scheme}://127.0.0.1:{running.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        running.close()
        for task in server.tasks:
            task.cancel()
        await asyncio.gather(*server.tasks, return_exceptions=True)


def transport(context: ssl.SSLContext | None = None, **options: Any) -> Transport:
    return Transport(certificates=lambda: context or ssl.create_default_context(), **options)


async def ask(client: Transport, url: str, method: str = "POST", *, content: bytes = b"{}", **extensions: Any) -> bytes:
    request = httpx.Request(method, url, content=content, extensions=extensions)
    return await (await client.handle_async_request(request)).aread()


async def failure(server: Server, content: bytes = b"{}", **options: Any) -> httpx.TransportError:
    async with transport(**options) as client:
        with pytest.raises(httpx.TransportError) as raised:
            await ask(client, server.url + "/x", content=content)
        assert client._all == set()
        assert client._free
    return raised.value


def answers(*parts: bytes) -> Serve:
    async def serve(peer: Peer) -> None:
        await peer.request()
        await peer.say(*parts)

    return serve


async def echo(peer: Peer) -> None:
    """Answers every request with its path."""
    while True:
        path = (await peer.request()).encode()
        await peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(path), path))


# --- nothing was written


async def test_a_port_where_nobody_listens_got_nothing() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        async with transport() as client:
            with pytest.raises(httpx.ConnectError):
                await ask(client, f"http://127.0.0.1:{taken.getsockname()[1]}/")


@pytest.mark.parametrize(
    "url", ["ftp://host/", "/path", "http:///path", f"http://{'a' * 64}.test/", "http://a.invalid"]
)
async def test_an_address_that_leads_nowhere_got_nothing(url: str) -> None:
    async with transport() as client:
        with pytest.raises(NOT_SENT):
            await ask(client, url)


async def test_whoever_does_not_connect_in_time_got_nothing() -> None:
    got = bytearray()

    async def silent(peer: Peer) -> None:
        # A handshake that never comes to its end.
        while data := await peer.reader.read(65536):
            got.extend(data)

    async with serving(silent) as server:
        server.url = server.url.replace("http:", "https:")
        assert isinstance(await failure(server, patience=Patience(connect=0.2)), httpx.ConnectTimeout)
        await server.until(lambda: server.ended == 1)
    assert b"POST" not in got


def certificate(folder: Path, name: str = "127.0.0.1") -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Returns what a server and a client need for a certificate that only this client trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    alternative: x509.GeneralName = x509.DNSName(name)
    if name[0].isdigit():
        alternative = x509.IPAddress(ipaddress.ip_address(name))
    made = (
        x509.CertificateBuilder(who, who, key.public_key(), 1, now - datetime.timedelta(1), now + datetime.timedelta(1))
        .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, secret = folder / "cert.pem", folder / "key.pem"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    secret.write_bytes(key.private_bytes(*form))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem, secret)
    return server, ssl.create_default_context(cafile=str(pem))


async def test_a_certificate_that_is_trusted_is_connected_to(tmp_path: Path) -> None:
    theirs, ours = certificate(tmp_path)
    async with serving(echo, theirs) as server, transport(ours) as client:
        assert [await ask(client, f"{server.url}/{number}") for number in range(3)] == [b"/0", b"/1", b"/2"]
    assert server.connections == 1


async def test_the_name_of_a_certificate_may_be_another_than_the_address(tmp_path: Path) -> None:
    theirs, ours = certificate(tmp_path, "name.test")
    async with serving(echo, theirs) as server, transport(ours) as client:
        assert await ask(client, f"{server.url}/a", sni_hostname="name.test") == b"/a"
        # What was checked for one name does not hold for another.
        with pytest.raises(httpx.ConnectError):
            await ask(client, f"{server.url}/b")
    assert server.asked == ["/a"]


async def test_nobody_without_a_trusted_certificate_gets_a_request(tmp_path: Path) -> None:
    theirs, _ = certificate(tmp_path)
    async with serving(echo, theirs) as server:
        assert isinstance(await failure(server), httpx.ConnectError)
    assert server.asked == []


async def test_nobody_who_speaks_an_old_tls_gets_a_request(tmp_path: Path) -> None:
    theirs, ours = certificate(tmp_path)
    theirs.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    theirs.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        theirs.maximum_version = ssl.TLSVersion.TLSv1_1
    async with serving(echo, theirs) as server, transport(ours) as client:
        with pytest.raises(httpx.ConnectError):
            await ask(client, server.url)
    assert server.asked == []


@pytest.mark.parametrize(
    "headers", [{"X-A": "b\r\nX-B: c"}, {"X-A": "b\nc"}, {"X-A": "b\0"}, {"X A": "b"}, {"X-A\r\nX-B": "c"}, {"": "b"}]
)
async def test_what_would_be_another_header_is_not_sent(headers: dict[str, str]) -> None:
    async with serving(echo) as server, transport() as client:
        with pytest.raises(httpx.LocalProtocolError):
            await client.handle_async_request(httpx.Request("POST", server.url, headers=headers))
    assert server.connections == 0


async def test_a_method_that_would_be_a_line_of_its_own_is_not_sent() -> None:
    async with serving(echo) as server, transport() as client:
        with pytest.raises(httpx.LocalProtocolError):
            await ask(client, server.url, "GET / HTTP/1.1\r\nX:")
    assert server.connections == 0


async def test_who_waits_too_long_for_a_connection_has_sent_nothing() -> None:
    async def hangs(peer: Peer) -> None:
        await peer.request()
        await peer.has_ended()

    async with serving(hangs) as server, transport(connections=2, patience=Patience(pool=0.1)) as client:
        busy = [asyncio.create_task(ask(client, f"{server.url}/{number}")) for number in range(2)]
        await server.until(lambda: len(server.asked) == 2)
        with pytest.raises(httpx.PoolTimeout):
            await ask(client, f"{server.url}/late")
        for task in busy:
            task.cancel()
        await asyncio.gather(*busy, return_exceptions=True)
    assert "/late" not in server.asked


# --- something may have been written


async def closes(peer: Peer) -> None:
    pass


async def resets(peer: Peer) -> None:
    peer.writer.transport.abort()


async def closes_while_reading(peer: Peer) -> None:
    await peer.head()
    await peer.reader.read(100)


async def resets_while_reading(peer: Peer) -> None:
    await closes_while_reading(peer)
    peer.writer.transport.abort()


async def resets_after_reading(peer: Peer) -> None:
    await peer.request()
    peer.writer.transport.abort()


async def stops_writing(peer: Peer) -> None:
    await peer.request()
    peer.writer.write_eof()
    await peer.has_ended()


async def endless(peer: Peer) -> None:
    await peer.request()
    await peer.say(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        await peer.say(b"x" * 65536)


async def endless_head(peer: Peer) -> None:
    await peer.request()
    await peer.say(b"HTTP/1.1 200 OK\r\n")
    while True:
        await peer.say(b"A: b\r\n" * 10_000)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"


@pytest.mark.parametrize("content", [b"{}", LONG], ids=["short", "long"])
@pytest.mark.parametrize(
    "serve",
    [
        pytest.param(closes, id="closes before reading"),
        pytest.param(resets, id="resets before reading"),
        pytest.param(closes_while_reading, id="closes while reading"),
        pytest.param(resets_while_reading, id="resets while reading"),
        pytest.param(answers(), id="closes after reading"),
        pytest.param(resets_after_reading, id="resets after reading"),
        pytest.param(stops_writing, id="stops writing"),
        pytest.param(answers(HEAD[:12]), id="closes in the status line"),
        pytest.param(answers(HEAD[:-2]), id="closes in the headers"),
        pytest.param(answers(HEAD, b"x" * 99), id="closes in the body"),
        pytest.param(
            answers(HEAD.replace(b"Content-Length: 100", b"Transfer-Encoding: chunked"), b"2\r\na"), id="chunk"
        ),
        pytest.param(answers(b"HTTP/1.1 100 Continue\r\n\r\n"), id="closes after an interim answer"),
        pytest.param(answers(b"\x15\x03\x01\x00\x02\x02\x28"), id="speaks TLS"),
        pytest.param(answers(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), id="no chunk"),
        pytest.param(endless, id="never ends its body"),
        pytest.param(endless_head, id="never ends its headers"),
    ],
)
async def test_once_a_byte_is_written_nobody_knows_and_nothing_is_asked_twice(serve: Serve, content: bytes) -> None:
    async with serving(serve) as server:
        error = await failure(server, content)
    assert not isinstance(error, NOT_SENT)
    assert server.connections == 1


async def test_an_answer_that_does_not_come_is_waited_for_so_long() -> None:
    async def hangs(peer: Peer) -> None:
        await peer.request()
        await peer.has_ended()

    async with serving(hangs) as server:
        assert isinstance(await failure(server, patience=Patience(read=0.1)), httpx.ReadTimeout)
        await server.until(lambda: server.ended == 1)


async def test_a_request_that_is_not_taken_is_waited_for_so_long() -> None:
    async def deaf(peer: Peer) -> None:
        await asyncio.Event().wait()

    async with serving(deaf) as server:
        patience = Patience(read=30, write=0.1)
        assert isinstance(await failure(server, LONG, patience=patience), httpx.WriteTimeout)


async def test_a_long_request_that_moves_is_not_given_up() -> None:
    async def slow(peer: Peer) -> None:
        await peer.head()
        while peer.length:
            peer.length -= len(await peer.reader.readexactly(min(peer.length, 1_000_000)))
            await asyncio.sleep(0.05)
        await peer.say(OK)

    async with serving(slow) as server, transport(patience=Patience(write=0.6, read=0.6)) as client:
        assert await ask(client, server.url, content=LONG) == b"ok"


# --- kept-alive connections


async def test_one_connection_serves_many_requests() -> None:
    async with serving(echo) as server, transport() as client:
        assert [await ask(client, f"{server.url}/{number}") for number in range(10)] == [
            b"/%d" % number for number in range(10)
        ]
    assert server.connections == 1


async def test_a_connection_that_ended_while_idle_is_not_written_to() -> None:
    async with serving(answers(OK)) as server, transport() as client:
        for number in range(3):
            assert await ask(client, f"{server.url}/{number}") == b"ok"
            await server.until(lambda: not client._all)
    assert (server.asked, server.connections) == (["/0", "/1", "/2"], 3)


@pytest.mark.parametrize("ends", [closes, resets])
async def test_a_connection_that_ends_at_a_second_request_may_have_taken_it(ends: Serve) -> None:
    async def serve(peer: Peer) -> None:
        await peer.request()
        await peer.say(OK)
        await peer.request()
        await ends(peer)

    async with serving(serve) as server, transport() as client:
        await ask(client, f"{server.url}/1")
        with pytest.raises(httpx.TransportError) as raised:
            await ask(client, f"{server.url}/2")
    assert not isinstance(raised.value, NOT_SENT)
    assert (server.asked, server.connections) == (["/1", "/2"], 1)


async def test_the_end_of_a_connection_that_comes_too_late_to_be_seen_proves_nothing() -> None:
    leave = asyncio.Event()

    async def serve(peer: Peer) -> None:
        await peer.request()
        await peer.say(OK)
        await leave.wait()

    async with serving(serve) as server, transport() as client:
        await ask(client, f"{server.url}/1")
        (connection,) = client._all
        # Nothing runs between the server's goodbye and our next request.
        raw = socket.fromfd(connection._transport.get_extra_info("socket").fileno(), socket.AF_INET, socket.SOCK_STREAM)  # type: ignore[union-attr]
        with raw:
            raw.shutdown(socket.SHUT_RD)
            with pytest.raises(httpx.TransportError) as raised:
                await ask(client, f"{server.url}/2")
        leave.set()
    assert not isinstance(raised.value, NOT_SENT)
    assert server.connections == 1


@pytest.mark.parametrize("more", [b"x", OK, b"HTTP/1.1 408 Late\r\nContent-Length: 4\r\n\r\nlate"])
async def test_what_nobody_asked_for_is_no_answer_to_what_is_asked_next(more: bytes) -> None:
    async def serve(peer: Peer) -> None:
        await peer.request()
        await peer.say(OK)
        await asyncio.sleep(0.01)
        await peer.say(more)
        await peer.has_ended()

    async with serving(serve) as server, transport() as client:
        assert await ask(client, f"{server.url}/1") == b"ok"
        await server.until(lambda: not client._all)
        assert await ask(client, f"{server.url}/2") == b"ok"
    assert server.connections == 2


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(OK.replace(b"OK\r\n", b"OK\r\nConnection: close\r\n"), id="says close"),
        pytest.param(OK.replace(b"1.1", b"1.0"), id="HTTP/1.0"),
        pytest.param(OK + b"more", id="is longer than it says"),
    ],
)
async def test_nothing_more_is_asked_behind_a_last_answer(answer: bytes) -> None:
    async def serve(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.say(answer)

    async with serving(serve) as server, transport() as client:
        assert [await ask(client, server.url), await ask(client, server.url)] == [b"ok", b"ok"]
    assert server.connections == 2


@pytest.mark.parametrize(
    ("answer", "method", "body"),
    [
        pytest.param(b"HTTP/1.1 204 No Content\r\n\r\n", "POST", b"", id="204"),
        pytest.param(b"HTTP/1.1 304 Same\r\nContent-Length: 5\r\n\r\n", "GET", b"", id="304"),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n" + OK, "POST", b"ok", id="interim"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", "POST", b"ok", id="chunks"
        ),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "HEAD", b"", id="HEAD"),
    ],
)
async def test_every_kind_of_answer_leaves_the_next_one_in_its_place(answer: bytes, method: str, body: bytes) -> None:
    async def serve(peer: Peer) -> None:
        while True:
            path = await peer.request()
            await peer.say(answer if path == "/odd" else b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext")

    async with serving(serve) as server, transport() as client:
        assert await ask(client, f"{server.url}/odd", method) == body
        assert await ask(client, f"{server.url}/next") == b"next"


async def test_an_answer_to_half_a_request_is_given_and_the_connection_ends() -> None:
    async def serve(peer: Peer) -> None:
        await peer.head()
        await peer.say(OK)
        await peer.has_ended()

    async with serving(serve) as server, transport() as client:
        assert await ask(client, server.url, content=LONG) == b"ok"
        assert client._all == set()


async def test_a_body_without_a_length_ends_with_the_connection() -> None:
    async with serving(answers(b"HTTP/1.1 200 OK\r\n\r\n", b"o", b"k")) as server, transport() as client:
        assert await ask(client, server.url) == b"ok"


async def test_no_connection_is_used_again_after_its_time() -> None:
    async with serving(echo) as server, transport(idle_seconds=0) as client:
        for number in range(3):
            await ask(client, f"{server.url}/{number}")
        await server.until(lambda: server.ended == 2)
    assert server.connections == 3


async def test_each_address_has_connections_of_its_own() -> None:
    async with serving(echo) as one, serving(echo) as two, transport() as client:
        for _ in range(2):
            assert await ask(client, f"{one.url}/one") == b"/one"
            assert await ask(client, f"{two.url}/two") == b"/two"
    assert (one.connections, two.connections) == (1, 1)


async def test_an_idle_connection_makes_room_for_one_elsewhere() -> None:
    async with serving(echo) as one, serving(echo) as two, transport(connections=1) as client:
        assert await ask(client, f"{one.url}/one") == b"/one"
        assert await ask(client, f"{two.url}/two") == b"/two"
        await one.until(lambda: one.ended == 1)
        assert len(client._all) == 1


async def test_no_more_connections_are_open_than_allowed() -> None:
    async with serving(echo) as server, transport(connections=3) as client:
        got = await asyncio.gather(*(ask(client, f"{server.url}/{number}") for number in range(50)))
    assert got == [b"/%d" % number for number in range(50)]
    assert server.connections == 3


# --- bounds


@pytest.mark.parametrize(("most", "extensions"), [(5, {"most": 5}), (MAX_ANSWER, {})])
async def test_an_answer_has_as_many_bytes_as_are_asked_for_and_not_one_more(
    most: int, extensions: dict[str, Any]
) -> None:
    async def serve(peer: Peer) -> None:
        while True:
            size = int((await peer.request())[1:])
            await peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size, b"x" * size)

    async with serving(serve) as server, transport() as client:
        assert len(await ask(client, f"{server.url}/{most}", **extensions)) == most
        with pytest.raises(AnswerTooLongError):
            await ask(client, f"{server.url}/{most + 1}", **extensions)


# --- cancelling


async def cancel_at(client: Transport, url: str, server: Server, at: Callable[[], bool], content: bytes) -> None:
    task = asyncio.create_task(ask(client, url, content=content))
    await server.until(at)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert client._all == set()
    await server.until(lambda: server.ended == 1)


@pytest.mark.parametrize("phase", ["writing", "waiting", "reading the head", "reading the body"])
async def test_who_is_cancelled_leaves_no_connection_and_no_answer_behind(phase: str) -> None:
    reached = asyncio.Event()

    async def serve(peer: Peer) -> None:
        if peer.server.connections > 1:
            return await echo(peer)
        await (peer.head() if phase == "writing" else peer.request())
        if phase.startswith("reading"):
            await peer.say(HEAD if phase == "reading the body" else HEAD[:-2])
            await asyncio.sleep(0.05)
        reached.set()
        if phase == "writing":
            # Who read on would let all of it be written, and who ended now would be faster than the test.
            await peer.server.until(lambda: client._all == set())
        else:
            await peer.has_ended()
        return None

    async with serving(serve) as server, transport(connections=1) as client:
        content = LONG if phase == "writing" else b"{}"
        await cancel_at(client, f"{server.url}/first", server, reached.is_set, content)
        assert await ask(client, f"{server.url}/next") == b"/next"


async def test_who_is_cancelled_while_connecting_leaves_nothing_behind() -> None:
    async def silent(peer: Peer) -> None:
        await peer.has_ended()

    async with serving(silent) as server, transport(connections=1) as client:
        url = server.url.replace("http:", "https:")
        await cancel_at(client, url, server, lambda: server.connections == 1, b"{}")
        assert client._free


async def test_who_is_cancelled_while_waiting_for_a_connection_takes_none() -> None:
    answer = asyncio.Event()

    async def serve(peer: Peer) -> None:
        while True:
            path = (await peer.request()).encode()
            await answer.wait()
            await peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(path), path))

    async with serving(serve) as server, transport(connections=1) as client:
        first = asyncio.create_task(ask(client, f"{server.url}/first"))
        await server.until(lambda: server.asked == ["/first"])
        waiting = [asyncio.create_task(ask(client, f"{server.url}/{number}")) for number in range(4)]
        await asyncio.sleep(0)
        for task in waiting[::2]:
            task.cancel()
        answer.set()
        assert await first == b"/first"
        assert (await waiting[1], await waiting[3]) == (b"/1", b"/3")
    assert server.asked == ["/first", "/1", "/3"]


async def test_who_is_cancelled_at_the_moment_of_getting_a_connection_leaves_it_to_the_next() -> None:
    async def serve(peer: Peer) -> None:
        while True:
            path = (await peer.request()).encode()
            await peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(path), path))

    async with serving(serve) as server, transport(connections=1) as client:

        async def first() -> None:
            await ask(client, f"{server.url}/first")
            # Its place was given to the next one in line, who has not run since.
            second.cancel()

        leading = asyncio.create_task(first())
        await asyncio.sleep(0)
        second, third = (asyncio.create_task(ask(client, f"{server.url}/{name}")) for name in ("second", "third"))
        await leading
        assert await third == b"/third"
        assert second.cancelled()
        assert client._free == 1
    assert server.asked == ["/first", "/third"]


@pytest.mark.parametrize("seed", range(5))
async def test_whoever_is_cancelled_everyone_else_gets_their_own_answer(seed: int) -> None:
    chance = random.Random(seed)

    async def serve(peer: Peer) -> None:
        while True:
            path = (await peer.request()).encode()
            await asyncio.sleep(chance.choice([0, 0, 0.001, 0.004]))
            await peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(path), path)

    async def one(client: Transport, url: str, number: int) -> None:
        # Whoever gives up does so at any moment: before the connection, at it, or far into the answer.
        async with asyncio.timeout(chance.choice([None, None, 0, 0.0005, 0.002, 0.005])):
            assert await ask(client, f"{url}/{number}") == b"/%d" % number

    async with serving(serve) as server, transport(connections=5) as client:
        results = await asyncio.gather(
            *(one(client, server.url, number) for number in range(300)), return_exceptions=True
        )
        assert {type(result) for result in results} == {type(None), TimeoutError}
        assert client._free == 5
        assert len(client._all) <= 5


async def test_closing_ends_what_is_under_way_and_whatever_comes_after() -> None:
    async def half(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\n\r\nhalf of it")
        await peer.has_ended()

    async with serving(half) as server:
        client = transport()
        task = asyncio.create_task(ask(client, server.url))
        await server.until(lambda: bool(server.asked))
        await asyncio.sleep(0.05)
        await client.aclose()
        with pytest.raises(httpx.ReadError):
            await task
        with pytest.raises(httpx.ConnectError):
            await ask(client, server.url)
        await server.until(lambda: server.ended == 1)
