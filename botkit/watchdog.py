"""A thread that notices when the event loop stands still, and when nobody waits for this process any more."""

import asyncio
import faulthandler
import os
import sys
import threading
import time
from collections.abc import Callable

#: The exit code of a process whose loop was blocked for too long; whoever runs it should start another.
BLOCKED = 70


class Watchdog:
    """Prints every stack after `patience` seconds of a blocked loop, and ends the process after `limit`.

    A process whose loop is blocked keeps its conversations from everybody: after the limit its leases are long over,
    and another process has gone on with them. `end` gets the exit code.
    """

    def __init__(
        self,
        *,
        patience: float = 2,
        limit: float = 30,
        end: Callable[[int], None] = os._exit,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._patience = patience
        self._limit = limit
        self._end = end
        self._clock = clock
        self._beat = clock()
        self._told = False
        self._parent = os.getppid()

    def start(self) -> "asyncio.Task[None]":
        """Starts to watch the running loop, until the task returned is cancelled."""
        threading.Thread(target=self._watch, name="botkit-watchdog", daemon=True).start()
        return asyncio.create_task(self._live())

    async def _live(self) -> None:
        while True:
            self.beat()
            await asyncio.sleep(self._patience / 4)

    def _watch(self) -> None:
        while True:
            time.sleep(self._patience / 4)
            self.check()

    def beat(self) -> None:
        """Notes that the loop runs."""
        self._beat = self._clock()
        self._told = False

    def check(self) -> None:
        """Looks once: tells of a blocked loop, or ends the process."""
        if os.getppid() != self._parent:
            self._end(BLOCKED)
        silence = self._clock() - self._beat
        if silence > self._patience and not self._told:
            self._told = True
            sys.stderr.write(f"the event loop is blocked for {silence:.1f} s; a handler does not await:\n")
            faulthandler.dump_traceback(sys.stderr)
        if silence > self._limit:
            sys.stderr.write(f"the event loop is blocked for {silence:.1f} s: this process ends\n")
            self._end(BLOCKED)
