"""One Redis server, perhaps with replicas."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from botkit.redis.gate import GatedPipe
from botkit.redis.pipe import OnConnect, OnError, Pipe
from botkit.redis.urls import shown_address

Call = Callable[..., Awaitable[Any]]


class Single:
    """A server that has all keys.

    `call` sends a command; `confirm` does, and waits until `replicas` replicas have it, see GatedPipe.
    """

    def __init__(self, url: str, on_connect: OnConnect, on_error: OnError, *, replicas: int = 0) -> None:
        self._address = shown_address(url)
        self._pipe = Pipe(url, on_connect=on_connect, on_error=on_error)
        # On a connection of its own: it waits, which is nothing to the others.
        self._gate = (
            GatedPipe(url, replicas=replicas, on_connect=on_connect, on_error=on_error) if replicas else self._pipe
        )
        self._listener = Pipe(url, seconds=3600)
        self.call: Call = self._pipe.call
        self.confirm: Call = self._gate.call

    async def wait(self, keys: Sequence[str], seconds: float) -> None:
        """Returns when one of these lists has an element, which is taken, or after that time."""
        await self._listener.call("BLPOP", *keys, max(0.05, seconds))

    async def servers(self) -> Mapping[str, Call]:
        """Returns the means to send a command to each server that has keys, by its address."""
        return {self._address: self.call}

    async def close(self) -> None:
        """Closes the connections."""
        await asyncio.gather(self._pipe.close(), self._gate.close(), self._listener.close())
