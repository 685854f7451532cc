"""An open connection to Redis: commands go out, their answers come back in the same order."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Sequence
from typing import Any, Protocol, cast
from urllib.parse import unquote, urlsplit

import hiredis
from msgspec import Struct

from botkit.redis.refusals import read_error

Command = tuple[str | bytes | int | float, ...]

# A peer that is gone without a word is noticed within a minute: idle, pause, and number of the kernel's questions.
_KEEP_ALIVE = (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3))


class Address(Struct, frozen=True):
    """Where a server is, and as whom it is spoken to; `path` is that of a socket, `tls` makes a TLS context."""

    host: str = "localhost"
    port: int = 6379
    path: str = ""
    db: int = 0
    username: str = ""
    password: str = ""
    client_name: str = ""
    tls: Callable[[], ssl.SSLContext] | None = None

    @property
    def greeting(self) -> Sequence[Command]:
        """The commands that come first."""
        who = (self.username, self.password) if self.username else (self.password,)
        commands: list[Command] = [("AUTH", *who)] if any(who) else []
        if self.client_name:
            commands.append(("CLIENT", "SETNAME", self.client_name))
        if self.db:
            commands.append(("SELECT", self.db))
        return commands


class Listener(Protocol):
    """Gets the answers of a wire, and why there will be no more."""

    def take(self, answer: Any) -> None:
        """An answer came; an error of its command is one."""

    def end(self, error: Exception) -> None:
        """The connection broke; it is told once."""


class Wire(asyncio.Protocol):
    """One connection, which is never used again after it broke; `error` tells why, None while it is open."""

    _transport: asyncio.Transport

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.listener: Listener | None = None
        self._reader = hiredis.Reader(replyError=read_error)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        reader = self._reader
        reader.feed(data)
        try:
            # RESP2 has no False of its own.
            while (answer := reader.gets()) is not False:
                if self.listener is None:
                    # Nobody has asked: a server that refuses whoever connects.
                    return self.drop(ConnectionError("Redis speaks unasked"))
                self.listener.take(answer)
        except hiredis.HiredisError as error:
            self.drop(error)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self.drop(ConnectionError(f"the connection ended ({type(exc).__name__})"))

    def write(self, data: bytes) -> None:
        """Sends packed commands."""
        self._transport.write(data)

    def drop(self, error: Exception) -> None:
        """Closes the connection at once and tells whoever listens."""
        if self.error is not None:
            return
        self.error = error
        self._transport.abort()
        if self.listener is not None:
            self.listener.end(error)

    async def ask(self, commands: Sequence[Command]) -> list[Any]:
        """Returns the answers to commands, an error being that of its command; nothing else may be under way."""
        if self.error is not None:
            raise self.error
        if not commands:
            return []
        question = self.listener = _Question(len(commands))
        self.write(b"".join(hiredis.pack_command(command) for command in commands))  # type: ignore[arg-type]
        try:
            return await question.answers
        finally:
            self.listener = None


class _Question:
    """Collects the answers to some commands."""

    def __init__(self, number: int) -> None:
        self.answers: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        self._number = number
        self._taken: list[Any] = []

    def take(self, answer: Any) -> None:
        self._taken.append(answer)
        if len(self._taken) == self._number and not self.answers.done():
            self.answers.set_result(self._taken)

    def end(self, error: Exception) -> None:
        if not self.answers.done():
            self.answers.set_exception(error)


def read_address(url: str) -> Address:
    """Returns what a URL says; raises ValueError for one that is none."""
    parts = urlsplit(url)
    if parts.scheme != "redis" or parts.query:
        return _read_options(url)
    db = parts.path.replace("/", "")
    return Address(
        host=unquote(parts.hostname or "localhost"),
        port=parts.port or 6379,
        db=int(db) if db.isdecimal() else 0,
        username=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )


def _read_options(url: str) -> Address:
    # redis-py knows all options, those of TLS above all; its import is a quarter of a start.
    from redis.asyncio.connection import ConnectionPool, SSLConnection

    made: Any = ConnectionPool.from_url(url, protocol=2).make_connection()  # type: ignore[no-untyped-call]
    return Address(
        host=getattr(made, "host", ""),
        port=getattr(made, "port", 0),
        path=getattr(made, "path", ""),
        db=int(made.db or 0),
        username=made.username or "",
        password=made.password or "",
        client_name=made.client_name or "",
        tls=made.ssl_context.get if isinstance(made, SSLConnection) else None,
    )


async def open_wire(address: Address) -> Wire:
    """Connects; raises OSError where that fails, and ConnectionError where the server does not accept the greeting."""
    loop = asyncio.get_running_loop()
    try:
        if address.path:
            _, wire = await loop.create_unix_connection(Wire, address.path)
        else:
            tls = address.tls and address.tls()
            transport, wire = await loop.create_connection(Wire, address.host, address.port, ssl=tls)
            _keep_alive(transport.get_extra_info("socket"))
    except TimeoutError:
        raise
    except OSError as error:
        raise ConnectionError(type(error).__name__) from error
    try:
        for answer in await wire.ask(address.greeting):
            if isinstance(answer, Exception):
                raise ConnectionError("Redis refuses the greeting") from answer
    except BaseException as error:
        wire.drop(ConnectionError(type(error).__name__))
        raise
    return wire


def _keep_alive(connected: socket.socket) -> None:
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEP_ALIVE:
        # Not every system has each of them.
        if (option := getattr(socket, name, None)) is not None:
            connected.setsockopt(socket.IPPROTO_TCP, option, value)
