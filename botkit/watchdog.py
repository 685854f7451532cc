"""A thread that notices when the event loop stands still, and when nobody waits for this process any more."""

import asyncio
import contextlib
import faulthandler
import io
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from types import FrameType

import structlog

from botkit.metrics import Metrics

#: The exit code of a process whose loop was blocked for too long; whoever runs it should start another.
BLOCKED = 70

log = structlog.get_logger("botkit.watchdog")


class Watchdog:
    """Logs every stack after `patience` seconds of a blocked loop, and ends the process after `limit`.

    A process whose loop is blocked keeps its conversations from everybody: after the limit its leases are long over,
    and another process has gone on with them. `end` gets the exit code. Where not even a thread comes to run, since
    something in C does not let go of the interpreter, the system's own timer prints the stacks as they are
    and ends the process `patience` seconds later, with exit code 1.

    It watches the loop of the thread that made it, and counts how late that ran what was due.
    """

    def __init__(
        self,
        *,
        patience: float = 2,
        limit: float = 30,
        metrics: Metrics | None = None,
        end: Callable[[int], None] = os._exit,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._patience = patience
        self._limit = limit
        self._metrics = metrics or Metrics()
        self._end = end
        self._clock = clock
        self._beat = clock()
        self._told = False
        self._parent = os.getppid()
        self._loop_thread = threading.get_ident()

    def start(self) -> "asyncio.Task[None]":
        """Starts to watch the running loop, until the task returned is cancelled."""
        threading.Thread(target=self._watch, name="botkit-watchdog", daemon=True).start()
        return asyncio.create_task(self._live())

    async def _live(self) -> None:
        pause = self._patience / 4
        try:
            while True:
                self.beat()
                self._set_timer()
                before = self._clock()
                await asyncio.sleep(pause)
                self._metrics.observe("loop_lag_seconds", max(0.0, self._clock() - before - pause))
        finally:
            faulthandler.cancel_dump_traceback_later()

    def _set_timer(self) -> None:
        # Standard error may be something that is no file, as in tests.
        with contextlib.suppress(io.UnsupportedOperation):
            faulthandler.dump_traceback_later(self._limit + self._patience, exit=True, file=sys.stderr)

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
            self._tell(silence)
        if silence > self._limit:
            log.critical("the event loop is blocked: this process ends", seconds=round(silence, 1), code=BLOCKED)
            self._end(BLOCKED)

    def _tell(self, silence: float) -> None:
        self._metrics.count("loop_blocked")
        names = {thread.ident: thread.name for thread in threading.enumerate()}
        stacks = {thread: _places(frame) for thread, frame in sys._current_frames().items()}
        own = stacks.pop(self._loop_thread, ["unknown"])
        log.error(
            "the event loop is blocked; a handler does not await",
            seconds=round(silence, 1),
            frame=own[-1],
            stack=" > ".join(own),
            threads=" | ".join(f"{names.get(thread)}: {' > '.join(places)}" for thread, places in stacks.items()),
        )


def _places(frame: FrameType) -> list[str]:
    # Without the lines of code, and so without what may stand in them; the innermost last.
    calls = reversed(list(traceback.walk_stack(frame)))
    return [f"{call.f_code.co_filename}:{number} in {call.f_code.co_name}" for call, number in calls]
