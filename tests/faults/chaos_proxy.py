"""A TCP proxy that does to a connection what networks do.

    async with ChaosProxy(server.url) as proxy:        # or http://..., or RedisChild.socket_url
        proxy.url, proxy.port                          # where to connect; RedisChild(replica_of=("127.0.0.1", port))
        proxy.latency, proxy.jitter = 0.2, 0.1         # seconds that each answer takes longer
        proxy.bandwidth = 10_000                       # bytes a second, each way
        proxy.slice = 1                                # bytes that travel together
        proxy.freeze(); proxy.thaw()                   # connections stay open, nothing passes
        proxy.refuse(); await proxy.accept()           # all are reset, new ones refused; and back, on the same port
        proxy.reset()                                  # all connections, now
        proxy.half_close()                             # the server's side ends, the client's goes on
        proxy.cut_after(100, "answers")                # reset when so many bytes more have passed
        proxy.cut_command(3, "half")                   # reset at the third Redis command from now
        proxy.cut_write(3, "reply")                    # as well, counting what the client writes at a time
        proxy.spare()                                  # no cut any more
        proxy.cuts                                     # how many of these have happened

A cut is made *before* the server sees any of a command, after *half* of it, or when the server has answered it and the
*reply* is not passed on. Everything belongs to one event loop, also where the other ends are other processes.
"""

import asyncio
import random
import socket
import struct
from collections.abc import Iterator, Sequence
from typing import Literal, Self
from urllib.parse import urlsplit

from msgspec import Struct

from tests.faults.resp import Frames

Cut = Literal["before", "half", "reply"]
Way = Literal["requests", "answers"]

_CHUNK = 1 << 20


class Planned(Struct):
    """A cut to come: at which of the commands or writes from now on."""

    number: int
    cut: Cut
    by_command: bool


class ChaosProxy:
    """Passes bytes to `target`, a URL with an address or a socket's path, and back; `seed` decides the jitter."""

    def __init__(self, target: str, *, seed: int = 0) -> None:
        self._target = urlsplit(target)
        self._random = random.Random(seed)
        self._server: asyncio.Server | None = None
        self._thawed = asyncio.Event()
        self._thawed.set()
        self._limits: dict[Way, int] = {}
        self._links: set[Link] = set()
        self._planned: Planned | None = None
        self.is_redis = self._target.scheme in ("redis", "unix")
        self.latency = 0.0
        self.jitter = 0.0
        self.bandwidth = 0
        self.slice = 0
        self.cuts = 0
        #: Whether nobody is let in any more from the moment of a cut.
        self.refuses_after_cut = False
        #: Connections so far, also those that are gone.
        self.connected = 0
        self.port = 0

    @property
    def url(self) -> str:
        """The target's URL with the proxy's address; for a socket's path that of the first database."""
        if self._target.scheme == "unix":
            return f"redis://127.0.0.1:{self.port}/0"
        return self._target._replace(netloc=f"127.0.0.1:{self.port}").geturl()

    async def __aenter__(self) -> Self:
        await self.accept()
        return self

    async def __aexit__(self, *_: object) -> None:
        links = tuple(self._links)
        self.refuse()
        await asyncio.gather(*(link.ended.wait() for link in links))

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connects to the target."""
        if self._target.scheme == "unix":
            return await asyncio.open_unix_connection(self._target.path)
        return await asyncio.open_connection(self._target.hostname, self._target.port)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connected += 1
        link = Link(self, reader, writer)
        self._links.add(link)
        try:
            await link.run()
        finally:
            self._links.discard(link)

    # --- faults ---

    def freeze(self) -> None:
        """Holds all bytes back, also those of new connections."""
        self._thawed.clear()

    def thaw(self) -> None:
        """Lets all bytes pass that were held back, and those that follow."""
        self._thawed.set()

    def refuse(self) -> None:
        """Resets all connections and refuses new ones."""
        if self._server is not None:
            self._server.close()
        self.reset()

    async def accept(self) -> None:
        """Takes connections, again where they were refused."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def reset(self) -> None:
        """Resets all connections (RST), whatever is under way."""
        for link in tuple(self._links):
            link.reset()

    def half_close(self) -> None:
        """Ends the server's half of all connections: clients read an end of file, and may still write."""
        for link in tuple(self._links):
            link.end_answers()

    def cut_after(self, size: int, way: Way) -> None:
        """Resets the connection on which so many bytes more, counted over all of them, have passed."""
        self._limits[way] = size

    def cut_command(self, number: int, cut: Cut) -> None:
        """Resets the connection at this Redis command from now on, counted from 1 over all connections."""
        self._planned = Planned(number, cut, by_command=True)

    def cut_write(self, number: int, cut: Cut) -> None:
        """Resets the connection at what a client writes in one go, counted from 1 over all connections."""
        self._planned = Planned(number, cut, by_command=False)

    def spare(self) -> None:
        """Gives up the cuts that are still to come."""
        self._planned = None
        self._limits.clear()

    # --- what a link asks ---

    @property
    def counts_commands(self) -> bool:
        """Whether a cut is planned at a command."""
        return self._planned is not None and self._planned.by_command

    def cuts_now(self) -> Cut | None:
        """Counts a command or a write; returns how to cut the connection if this is the one."""
        if self._planned is None:
            return None
        self._planned.number -= 1
        if self._planned.number:
            return None
        planned, self._planned = self._planned, None
        self.cuts += 1
        return planned.cut

    async def shape(self, data: bytes, way: Way) -> Iterator[bytes]:
        """Waits as long as it shall take; returns the pieces that travel together."""
        if way == "answers" and (self.latency or self.jitter):
            await asyncio.sleep(self.latency + self.jitter * self._random.random())
        if self.bandwidth:
            await asyncio.sleep(len(data) / self.bandwidth)
        await self._thawed.wait()
        size = self.slice or len(data)
        return (data[at : at + size] for at in range(0, len(data), size))

    def allowed(self, piece: bytes, way: Way) -> tuple[bytes, bool]:
        """Returns what of a piece may pass, and whether the connection is then to be reset."""
        if way not in self._limits:
            return piece, False
        passing = piece[: self._limits[way]]
        self._limits[way] -= len(passing)
        if self._limits[way]:
            return passing, False
        del self._limits[way]
        self.cuts += 1
        return passing, True


class Link:
    """One client's connection and the one to the target that belongs to it."""

    def __init__(self, proxy: ChaosProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.ended = asyncio.Event()
        self._proxy = proxy
        self._reader = reader
        self._writer = writer
        self._far: asyncio.StreamWriter | None = None
        self._task = asyncio.current_task()
        self._requests, self._answers = Frames(), Frames()
        self._asked = self._answered = 0
        #: The number of the first answer that is not passed on.
        self._swallow_from: int | None = None
        self._swallowed = asyncio.Event()
        self._is_half_closed = False

    async def run(self) -> None:
        """Passes on what comes, in both directions, until both ends have closed or a fault ends it."""
        try:
            reader, self._far = await self._proxy.connect()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._answer(reader))
                group.create_task(self._ask(self._far))
        except* (OSError, asyncio.CancelledError):
            # Nobody there any more, or a fault that was asked for: the client sees it.
            pass
        finally:
            self._close()
            self.ended.set()

    def reset(self) -> None:
        """Ends the connection to the client by RST, and the one to the target."""
        if self._task is not None:
            self._task.cancel()

    def end_answers(self) -> None:
        """Ends the target's half of the connection."""
        self._is_half_closed = True
        if self._writer.can_write_eof() and not self._writer.is_closing():
            self._writer.write_eof()

    def _close(self) -> None:
        wire = self._writer.get_extra_info("socket")
        if wire is not None and wire.fileno() >= 0:
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()
        if self._far is not None:
            # What was written before still arrives there.
            self._far.close()

    # --- requests ---

    async def _ask(self, far: asyncio.StreamWriter) -> None:
        while data := await self._reader.read(_CHUNK):
            for unit in self._units(data):
                before, self._asked = self._asked, self._asked + unit[1]
                cut = self._proxy.cuts_now()
                if cut is None:
                    await self._pass(unit[0], far, "requests")
                else:
                    await self._break_off(unit[0], cut, before, far)
        if far.can_write_eof():
            far.write_eof()

    def _units(self, data: bytes) -> Sequence[tuple[bytes, int]]:
        """Splits what a client wrote as a planned cut counts it; beside each, how many commands end in it."""
        if not self._proxy.is_redis:
            return [(data, 0)]
        rest = self._requests.unfinished
        frames = list(self._requests.feed(data))
        if not self._proxy.counts_commands or rest or self._requests.unfinished:
            return [(data, len(frames))]
        return [(frame, 1) for frame in frames]

    async def _break_off(self, unit: bytes, cut: Cut, before: int, far: asyncio.StreamWriter) -> None:
        if cut == "reply":
            self._swallow_from = before
            far.write(unit)
            await self._swallowed.wait()
        elif cut == "half":
            far.write(unit[: len(unit) // 2])
        await far.drain()
        if self._proxy.refuses_after_cut:
            self._proxy.refuse()
        raise ConnectionAbortedError

    # --- answers ---

    async def _answer(self, reader: asyncio.StreamReader) -> None:
        while data := await reader.read(_CHUNK):
            for answer in [] if self._is_half_closed else self._passing(data):
                await self._pass(answer, self._writer, "answers")
        self.end_answers()

    def _passing(self, data: bytes) -> Sequence[bytes]:
        """Returns what of the answers may reach the client."""
        if not self._proxy.is_redis:
            if self._swallow_from is not None:
                self._swallowed.set()
            return [] if self._swallow_from is not None else [data]
        frames = list(self._answers.feed(data))
        known, self._answered = self._answered, self._answered + len(frames)
        if self._swallow_from is None:
            return [data]
        if self._answered >= self._asked:
            self._swallowed.set()
        return frames[: max(0, self._swallow_from - known)]

    async def _pass(self, data: bytes, writer: asyncio.StreamWriter, way: Way) -> None:
        for piece in await self._proxy.shape(data, way):
            passing, is_last = self._proxy.allowed(piece, way)
            writer.write(passing)
            await writer.drain()
            if is_last:
                raise ConnectionAbortedError
            # Whoever reads gets the pieces one by one.
            await asyncio.sleep(0)
