"""A Redis Cluster: each command goes to the server that has its key."""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any

import structlog

from botkit.exceptions import BotkitError, SettingsError, StoreUnavailableError
from botkit.redis.gate import GatedPipe
from botkit.redis.pipe import OnConnect, OnError, Pipe, Send
from botkit.redis.refusals import RefusedError, ResponseError, ScriptRefusedError, UnconfirmedError
from botkit.redis.slots import SlotMap, read_slots, slot_of
from botkit.redis.urls import ClusterUrl
from botkit.redis.wakes import Wakes
from botkit.redis.wire import Command

log = structlog.get_logger("botkit.redis")

# By these a server tells that the map is not right any more, or that the cluster is about to change it.
_STALE = ("MOVED", "CLUSTERDOWN", "READONLY", "MASTERDOWN")
# Between two looks at a cluster of which something is missing.
_PAUSE = 0.1
# How long a server has to answer that nobody waits for.
_PATIENCE = 0.5


class _Server:
    """The connections to one server; `is_away` while it does not answer."""

    def __init__(self, address: str, url: str, on_connect: OnConnect, on_error: OnError, replicas: int) -> None:
        self.address = address
        self.is_away = False
        self.pipe = Pipe(url, on_connect=on_connect, on_error=on_error)
        self.gate = (
            GatedPipe(url, replicas=replicas, on_connect=on_connect, on_error=on_error) if replicas else self.pipe
        )

    async def probe(self) -> None:
        """Finds out whether it answers again."""
        with contextlib.suppress(BotkitError, TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                await self.pipe.call("PING")
            self.is_away = False

    async def close(self) -> None:
        await asyncio.gather(self.pipe.close(), self.gate.close())


class Cluster:
    """The servers of a cluster; `call` and `confirm` are those of `Single`.

    `on_connect` is called for each connection, `on_error` for each error that is an answer, `on_open` once before
    all else, with the means to send commands to the servers that have their keys. Which one has a key is asked when
    first needed, and anew when a server does not answer or says that the key is elsewhere. Nothing is repeated but
    a command that was refused by a server because another one has its slot: that one is asked once. While a server
    is away its commands fail at once, the others' do not.
    """

    def __init__(
        self,
        url: ClusterUrl,
        on_connect: OnConnect,
        on_error: OnError,
        on_open: Callable[[Send], Awaitable[None]],
        *,
        replicas: int = 0,
    ) -> None:
        self._url = url
        self._on_connect = on_connect
        self._on_error = on_error
        self._on_open = on_open
        self._replicas = replicas
        self._map = SlotMap()
        self._servers: dict[str, _Server] = {}
        self._opening: asyncio.Task[None] | None = None
        self._is_open = False
        self._mending: asyncio.Task[None] | None = None
        self._is_stale = False
        self._closed = False
        self._wakes = Wakes(self._listener_for)

    # --- commands ---

    async def call(self, *command: str | bytes | int | float) -> Any:
        """Sends a command to the server that has its key, which is the first one that it names."""
        await self._open()
        return await self._route(command)

    async def confirm(self, *command: str | bytes | int | float) -> Any:
        """Sends a command likewise; its answer counts only when replicas of that server have confirmed it."""
        await self._open()
        return await self._route(command, gated=True)

    async def wait(self, keys: Sequence[str], seconds: float) -> None:
        """Returns when one of these lists has had an element, which is taken, or after that time."""
        await self._open()
        await self._wakes.wait(keys, seconds)

    async def servers(self) -> Mapping[str, Callable[..., Awaitable[Any]]]:
        """Returns the means to send a command to each server that has keys, by its address."""
        await self._open()
        await self._refresh()
        return {address: self._server(address).pipe.call for address in self._map.primaries}

    async def close(self) -> None:
        """Closes the connections; callers that still wait get StoreUnavailableError."""
        self._closed = True
        tasks = [task for task in (self._opening, self._mending) if task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(self._wakes.close(), *(server.close() for server in self._servers.values()))

    async def _route(self, command: Command, *, gated: bool = False) -> Any:
        slot = slot_of(command)
        if slot is None:
            return await self._ask_any(command)
        server = self._server(self._owner(slot))
        try:
            return await self._ask(server, command, gated=gated)
        except RefusedError as refusal:
            if not refusal.elsewhere:
                raise
            return await self._follow(refusal, server, command, gated=gated)

    async def _follow(self, refusal: RefusedError, server: _Server, command: Command, *, gated: bool) -> Any:
        """Sends a command to where its slot is said to be: it was refused, so that it has not been carried out."""
        address = refusal.elsewhere
        if address.startswith(":"):
            address = server.address.rpartition(":")[0] + address
        there = self._server(address)
        if refusal.word == "MOVED":
            self._map.move(refusal.slot, address)
        return await self._ask(there, command, gated=gated, asking=refusal.word == "ASK")

    async def _ask(self, server: _Server, command: Command, *, gated: bool = False, asking: bool = False) -> Any:
        if server.is_away:
            raise StoreUnavailableError(f"the server {server.address} of the cluster does not answer")
        pipe = server.gate if gated else server.pipe
        try:
            if not asking:
                return await pipe.call(*command)
            # It is for the command behind it: nothing may come between the two.
            _, answer = await asyncio.gather(pipe.call("ASKING"), pipe.call(*command))
            return answer
        except RefusedError as refusal:
            if refusal.word in _STALE:
                self._mend()
            raise
        except (UnconfirmedError, ScriptRefusedError):
            raise
        except StoreUnavailableError:
            server.is_away = True
            self._mend()
            raise

    async def _ask_any(self, command: Command) -> Any:
        for address in random.sample(self._map.primaries, len(self._map.primaries)):
            with contextlib.suppress(StoreUnavailableError):
                return await self._ask(self._server(address), command)
        raise StoreUnavailableError("no server of the cluster answers")

    def _owner(self, slot: int) -> str:
        if address := self._map.owner(slot):
            return address
        self._mend()
        raise StoreUnavailableError("no server of the cluster has the key's slot")

    def _server(self, address: str) -> _Server:
        if address not in self._servers:
            self._servers[address] = _Server(
                address, self._url.of(address), self._on_connect, self._on_error, self._replicas
            )
        return self._servers[address]

    def _listener_for(self, key: str) -> tuple[str, str]:
        slot = slot_of(("BLPOP", key))
        address = self._map.owner(slot) if slot is not None else ""
        return address, self._url.of(address) if address else ""

    # --- the map ---

    async def _open(self) -> None:
        if self._closed:
            raise StoreUnavailableError("the connection to Redis is closed")
        if self._is_open:
            return
        if self._opening is None:
            self._opening = asyncio.create_task(self._connect())
            # Nobody may be left to look at it.
            self._opening.add_done_callback(lambda task: task.cancelled() or task.exception())
        # Whoever gives up must not cost the others their answer.
        await asyncio.shield(self._opening)

    async def _connect(self) -> None:
        try:
            await self._refresh()
            await self._on_open(self._send)
            self._is_open = True
        finally:
            self._opening = None

    async def _send(self, commands: Sequence[Command]) -> list[Any]:
        return await asyncio.gather(*(self._route(command) for command in commands), return_exceptions=True)

    async def _refresh(self) -> None:
        for address in self._known():
            try:
                answer = await self._load(address)
            except StoreUnavailableError:
                continue
            if answer:
                self._map = read_slots(answer, address)
                return
        raise StoreUnavailableError("no server of the cluster tells where its slots are")

    def _known(self) -> Iterator[str]:
        """Yields where the cluster may be asked, first who answered lately, in any order."""
        known = [*self._map.primaries, *self._map.others]
        away = {address for address, server in self._servers.items() if server.is_away}
        random.shuffle(known)
        yield from dict.fromkeys([*(a for a in known if a not in away), *self._url.seeds, *known])

    async def _load(self, address: str) -> Any:
        pipe = Pipe(self._url.of(address), seconds=_PATIENCE)
        try:
            return await pipe.call("CLUSTER", "SLOTS")
        except ResponseError as error:
            if "cluster support disabled" not in str(error):
                raise StoreUnavailableError(f"{address} does not tell its slots") from error
            raise SettingsError(
                f"the server at {address} is not part of a cluster", fix="write BOTKIT_REDIS_URL as redis://host:port"
            ) from None
        finally:
            await pipe.close()

    def _mend(self) -> None:
        self._is_stale = True
        if self._mending is None and not self._closed:
            self._mending = asyncio.create_task(self._restore())

    async def _restore(self) -> None:
        """Looks where the slots are, and for the servers that are away, until all that have slots answer."""
        try:
            while self._is_stale or self._away():
                self._is_stale = False
                with contextlib.suppress(BotkitError):
                    await self._refresh()
                await self._drop_old()
                await asyncio.gather(*(server.probe() for server in self._away()))
                await asyncio.sleep(_PAUSE)
        finally:
            self._mending = None

    def _away(self) -> list[_Server]:
        return [server for server in self._servers.values() if server.is_away]

    async def _drop_old(self) -> None:
        """Forgets the servers that are away and have no slots any more."""
        needed = self._map.primaries
        old = [server for server in self._away() if server.address not in needed]
        for server in old:
            del self._servers[server.address]
            log.warning("a server of the cluster was replaced", server=server.address)
        await asyncio.gather(*(server.close() for server in old))
