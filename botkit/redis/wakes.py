"""Waits for lists that lie on several servers of a cluster."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence

from botkit.exceptions import StoreUnavailableError
from botkit.redis.pipe import Pipe

# How long a list is waited for at a time, in seconds: after it, it is looked for where it is by then.
_TURN = 5.0


class Wakes:
    """Waits for several lists at once, each on a connection of its own: a cluster refuses one wait for several slots.

    `find` tells of a key the address of the server that has it, and its URL; both empty while nobody knows.
    """

    def __init__(self, find: Callable[[str], tuple[str, str]]) -> None:
        self._find = find
        self._news = asyncio.Event()
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def wait(self, keys: Sequence[str], seconds: float) -> None:
        """Returns when one of the lists has had an element since the last call, or after that time."""
        for key in keys:
            if key not in self._tasks:
                self._tasks[key] = asyncio.create_task(self._listen(key))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._news.wait()
        self._news.clear()

    async def close(self) -> None:
        """Ends all waiting."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _listen(self, key: str) -> None:
        while True:
            address, url = self._find(key)
            if not url:
                await asyncio.sleep(1)
                continue
            pipe = Pipe(url, seconds=2 * _TURN)
            try:
                await self._take(key, address, pipe)
            except StoreUnavailableError:
                # Whoever waits looks for work by themselves once a second.
                await asyncio.sleep(1)
            finally:
                await pipe.close()

    async def _take(self, key: str, address: str, pipe: Pipe) -> None:
        """Takes what comes into the list while its server has it."""
        while self._find(key)[0] == address:
            if await pipe.call("BLPOP", key, _TURN):
                self._news.set()
