"""HTTP/1.1 over kept-alive connections of ours, under the API of httpx: it costs an event less than all else does."""

import asyncio
import re
import ssl
from collections import deque
from collections.abc import Callable
from typing import cast

import httpx
from msgspec import Struct

from botkit.answer_reader import AnswerReader, LongAnswerError, MalformedError

#: A longer answer is not read to its end where a request does not say how long it may be, in bytes.
MAX_ANSWER = 1024 * 1024

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
# Anything else could be read as something else; that no line hides in another one is counted.
_HEAD = re.compile(rb"%b [\x21-\x7e]+ HTTP/1\.1\r\n(?:%b: [\t\x20-\x7e\x80-\xff]*\r\n)*" % (_TOKEN, _TOKEN))

_PORTS = {"http": 80, "https": 443}


class AnswerTooLongError(httpx.ReadError):
    """The body of an answer has more bytes than the request takes, as its extension `most` says."""


class Patience(Struct, frozen=True):
    """How many seconds it may take to connect, until a byte moves either way, and until a connection is free.

    And in `total`, from the first byte of a request to the last of its answer.
    """

    connect: float = 3
    read: float = 15
    write: float = 10
    pool: float = 10
    total: float = 60

    @property
    def least(self) -> float:
        """The time after which something may be over."""
        return min(self.read, self.write, self.total)


class Transport(httpx.AsyncBaseTransport):
    """Sends requests over at most `connections` at a time, which stay open for `idle_seconds` after their last use.

    An answer comes whole, of at most as many bytes as the request's extension `most` says. Names no proxy, follows no
    redirect, asks nothing twice. Raises ConnectError, ConnectTimeout, PoolTimeout, UnsupportedProtocol or
    LocalProtocolError where no byte of the request was written, and other errors of httpx where one may have been.
    Safe to cancel: the connection is then closed, and no later request gets its answer.
    """

    def __init__(
        self,
        *,
        certificates: Callable[[], ssl.SSLContext],
        patience: Patience | None = None,
        connections: int = 20,
        idle_seconds: float = 30,
    ) -> None:
        self._certificates = certificates
        self._patience = patience or Patience()
        self._most = connections
        self._idle_seconds = idle_seconds
        self._free = connections
        # Who waits for one of them, and is told when it is theirs.
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._all: set[_Connection] = set()
        # The one used last is the next: the others may grow old.
        self._idle: dict[_Origin, deque[_Connection]] = {}
        self._is_closed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Sends one request and reads the whole answer."""
        body = b"".join(request.stream) if isinstance(request.stream, httpx.ByteStream) else await request.aread()
        answer = await self.exchange(opening(request), b"\r\n" + body, most=request.extensions.get("most", MAX_ANSWER))
        return httpx.Response(answer.status, headers=answer.headers, stream=httpx.ByteStream(answer.body))

    async def exchange(self, begun: "Opening", rest: bytes, *, most: int = MAX_ANSWER) -> AnswerReader:
        """Sends a request that begins so, and reads its whole answer: as `handle_async_request`, without its objects.

        `rest` is more headers, a blank line, and the body.
        """
        if self._free:
            self._free -= 1
        else:
            await self._wait_for_slot()
        try:
            connection = self._take_idle(begun.origin) or await self._connect(begun.origin)
            reader = AnswerReader(is_head=begun.is_head, most=most)
            try:
                await connection.ask(begun.head + rest, reader)
            except BaseException:
                # An answer that nobody waits for must not be given to another request.
                connection.close()
                raise
            self._put_back(begun.origin, connection)
        finally:
            if self._waiting:
                self._free_slot()
            else:
                self._free += 1
        return reader

    async def aclose(self) -> None:
        """Closes every connection; what is under way fails."""
        self._is_closed = True
        for connection in list(self._all):
            connection.fail(httpx.ReadError("the client is closed"))

    async def _wait_for_slot(self) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(self._patience.pool):
                await turn
        except BaseException as error:
            if not turn.cancel() and not turn.cancelled():
                # It came at the same moment.
                self._free_slot()
            if isinstance(error, TimeoutError):
                raise httpx.PoolTimeout("every connection is busy") from None
            raise

    def _free_slot(self) -> None:
        """Gives a slot to who waits for one longest; those who gave up meanwhile are passed over."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

    def _take_idle(self, origin: "_Origin") -> "_Connection | None":
        idle = self._idle.get(origin)
        while idle:
            connection = idle.pop()
            if connection.is_fresh(self._idle_seconds):
                return connection
            connection.close()
        return None

    def _put_back(self, origin: "_Origin", connection: "_Connection") -> None:
        if self._is_closed:
            connection.close()
        elif connection.is_open:
            if (idle := self._idle.get(origin)) is None:
                idle = self._idle[origin] = deque()
            idle.append(connection)

    async def _connect(self, origin: "_Origin") -> "_Connection":
        if self._is_closed:
            raise httpx.ConnectError("the client is closed")
        self._make_room()
        loop = asyncio.get_running_loop()
        connection = _Connection(loop, self._patience, self._all)
        secure = self._certificates() if origin.scheme == "https" else None
        try:
            async with asyncio.timeout(self._patience.connect):
                await loop.create_connection(
                    lambda: connection, origin.host, origin.port, ssl=secure, server_hostname=origin.name or None
                )
        except TimeoutError:
            connection.close()
            raise httpx.ConnectTimeout("nobody answered in time") from None
        except (OSError, ValueError) as error:
            # Nobody there, no such name, a name that cannot be one, or a certificate that does not fit.
            raise httpx.ConnectError(type(error).__name__) from None
        except BaseException:
            connection.close()
            raise
        return connection

    def _make_room(self) -> None:
        """Closes what has grown old, and what is in the way of another connection."""
        oldest_use = asyncio.get_running_loop().time() - self._idle_seconds
        idle = sorted((each for queue in self._idle.values() for each in queue), key=lambda each: each.used_at)
        too_many = len(self._all) + 1 - self._most
        for number, each in enumerate(idle):
            if number < too_many or each.used_at <= oldest_use:
                each.close()
        self._idle = {
            origin: kept
            for origin, queue in self._idle.items()
            if (kept := deque(each for each in queue if each.is_open))
        }


class _Origin(Struct, frozen=True):
    scheme: str
    host: str
    port: int
    # What the certificate must be for; empty without one.
    name: str


class Opening(Struct, frozen=True):
    """How a request begins: where it goes, and its first lines, each with its end.

    To HEAD, which `is_head` tells, an answer has no body.
    """

    origin: _Origin
    head: bytes
    is_head: bool


class _Connection(asyncio.Protocol):
    """One connection, with at most one request under way."""

    def __init__(self, loop: asyncio.AbstractEventLoop, patience: Patience, register: "set[_Connection]") -> None:
        self.used_at = 0.0
        #: Whether more may be asked here, as far as the loop has told.
        self.is_open = False
        self._loop = loop
        self._patience = patience
        self._register = register
        self._transport: asyncio.Transport | None = None
        self._reader: AnswerReader | None = None
        self._done: asyncio.Future[AnswerReader] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._began_at = self._moved_at = 0.0
        self._unwritten = 0

    def is_fresh(self, seconds: float) -> bool:
        """Whether it can be used and was, not more than that long ago."""
        transport = self._transport
        return transport is not None and not transport.is_closing() and self.used_at > self._loop.time() - seconds

    def ask(self, request: bytes, reader: AnswerReader) -> asyncio.Future[AnswerReader]:
        """Writes a request; returns its answer to come, and whatever goes wrong with it, the connection is closed.

        Who waits no longer for the answer closes the connection.
        """
        transport = self._transport
        if transport is None or transport.is_closing():
            # It ended between the handshake and here.
            raise httpx.ConnectError("the connection ended before the request")
        self._reader = reader
        self._done = done = self._loop.create_future()
        self._began_at = self._moved_at = self._loop.time()
        self._unwritten = len(request)
        transport.write(request)
        if self._timer is None:
            self._timer = self._loop.call_later(self._patience.least, self._look)
        return done

    def close(self) -> None:
        """Ends the connection at once."""
        self.is_open = False
        self._reader = self._done = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._transport is not None:
            self._transport.abort()
        self._register.discard(self)

    # --- what the loop calls ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._register.add(self)
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        reader = self._reader
        if reader is None:
            # Nobody asked: whatever it is, it must not be taken for the answer to what is asked next.
            self.close()
            return
        try:
            reader.feed(data)
        except MalformedError as error:
            self.fail(httpx.RemoteProtocolError(str(error)))
        except LongAnswerError:
            self.fail(AnswerTooLongError("the answer is too long"))
        else:
            if reader.is_complete:
                self._finish(reader)
            else:
                self._moved_at = self._loop.time()

    def resume_writing(self) -> None:
        # A long request is nearly written: only now its answer is waited for.
        self._moved_at = self._loop.time()

    def connection_lost(self, error: Exception | None) -> None:
        reader = self._reader
        if reader is not None and error is None:
            try:
                reader.end()
            except MalformedError as fault:
                self.fail(httpx.RemoteProtocolError(str(fault)))
            else:
                self._finish(reader)
        elif reader is not None:
            self.fail(httpx.ReadError(type(error).__name__))
        self.close()

    # --- how a request ends ---

    def _finish(self, reader: AnswerReader) -> None:
        done, self._reader, self._done = self._done, None, None
        self.used_at = self._loop.time()
        # An answer to half a request ends the connection: the other half is still on its way.
        if not reader.keeps_alive or self._transport is None or self._transport.get_write_buffer_size():
            self.close()
        if done is not None and not done.done():
            done.set_result(reader)

    def fail(self, error: httpx.TransportError) -> None:
        """Ends the connection, and the request that is under way with this error."""
        if self._done is not None and not self._done.done():
            self._done.set_exception(error)
        self.close()

    def _look(self) -> None:
        """Looks whether anything still moves; one timer serves all requests of a connection."""
        self._timer = None
        if self._reader is None:
            return
        left = self._left_to_write()
        now = self._loop.time()
        if 0 < left < self._unwritten:
            self._unwritten, self._moved_at = left, now
        patience = self._patience.write if left else self._patience.read
        due_at = min(self._moved_at + patience, self._began_at + self._patience.total)
        if now < due_at:
            self._timer = self._loop.call_at(due_at, self._look)
        elif left:
            self.fail(httpx.WriteTimeout("the request was not taken in time"))
        else:
            self.fail(httpx.ReadTimeout("the answer did not come in time"))

    def _left_to_write(self) -> int:
        return self._transport.get_write_buffer_size() if self._transport is not None else 0


def _origin(request: httpx.Request) -> _Origin:
    url = request.url
    if url.scheme not in _PORTS:
        raise httpx.UnsupportedProtocol("an address begins with http:// or https://")
    if not url.host:
        raise httpx.UnsupportedProtocol("the address has no host")
    host = url.raw_host.decode("ascii")
    name = request.extensions.get("sni_hostname", host) if url.scheme == "https" else ""
    return _Origin(url.scheme, host, url.port or _PORTS[url.scheme], name)


def opening(request: httpx.Request) -> Opening:
    """Returns how a request begins, with all its headers. Raises UnsupportedProtocol, LocalProtocolError."""
    lines = [b"%b %b HTTP/1.1" % (request.method.encode("ascii", "replace"), request.url.raw_path)]
    lines += [b"%b: %b" % header for header in request.headers.raw]
    head = b"\r\n".join((*lines, b""))
    if head.count(b"\r") != len(lines) or not _HEAD.fullmatch(head):
        raise httpx.LocalProtocolError("a method, path or header cannot be sent as it is")
    return Opening(_origin(request), head, request.method == "HEAD")
