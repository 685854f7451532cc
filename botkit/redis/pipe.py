"""One connection to Redis that sends the commands of all concurrent callers together.

Commands that meet in one turn of the event loop share one write and one read; while a batch is under way, the next
one gathers. What got no answer is never repeated here: its caller decides for itself.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import hiredis

from botkit.exceptions import BotkitError, StoreUnavailableError
from botkit.redis.refusals import RefusedError, ResponseError
from botkit.redis.wire import Command, Wire, open_wire, read_address

#: Sends commands in one write; an error is the answer of its command.
Send = Callable[[Sequence[Command]], Awaitable[list[Any]]]
OnConnect = Callable[[Send], Awaitable[None]]
#: Says what becomes of a command that Redis answered with an error of its own making: the command to send instead, or
#: the error that its caller gets.
OnError = Callable[[Command, ResponseError], Command | Exception]

#: Commands in one write; more of them wait for the next.
MAX_BATCH = 256

# The server is no longer the one to talk to; another connection may lead to the right one.
_ELSEWHERE = ("READONLY", "MASTERDOWN")
_CLOSED = "the connection to Redis is closed"


class Pipe:
    """A connection that is opened when first needed and again after it broke.

    `on_connect` gets the means to send commands ahead of all others; `on_error` is asked about errors, which else reach
    the callers as they are. Safe to cancel: a command that was not yet
    written is then never sent. Not thread-safe; belongs to one event loop.
    """

    _loop: asyncio.AbstractEventLoop

    def __init__(
        self,
        url: str,
        *,
        seconds: float = 2.0,
        on_connect: OnConnect | None = None,
        on_error: OnError | None = None,
    ) -> None:
        self._address = read_address(url)
        self._seconds = seconds
        self._on_connect = on_connect
        self._on_error = on_error
        self._wire: Wire | None = None
        self._opening: asyncio.Task[None] | None = None
        self._waiting: list[tuple[Command, asyncio.Future[Any]]] = []
        self._under_way: deque[tuple[Command, asyncio.Future[Any]]] = deque()
        self._is_busy = False
        self._is_elsewhere = False
        self._closed = False
        # One timer for many batches: it looks again at the deadline of the one that is under way by then.
        self._timer: asyncio.TimerHandle | None = None
        self._deadline = 0.0

    def call(self, *command: str | bytes | int | float) -> asyncio.Future[Any]:
        """Sends a command with the next batch; the future holds its answer.

        It raises StoreUnavailableError when there was no answer in time, ResponseError when the command was wrong.
        """
        try:
            loop = self._loop
        except AttributeError:
            # Asked for once: each time it is a call of the system's, before Python 3.12.
            loop = self._loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        if self._closed:
            future.set_exception(StoreUnavailableError(_CLOSED))
            return future
        self._waiting.append((command, future))
        if not self._is_busy:
            self._is_busy = True
            loop.call_soon(self._begin)
        return future

    async def close(self) -> None:
        """Drops the connection; callers that still wait get StoreUnavailableError."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._fail(StoreUnavailableError(_CLOSED), all_that_wait=True)
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.gather(self._opening, return_exceptions=True)

    # --- a batch ---

    def _begin(self) -> None:
        """Sends what has gathered, over a new connection if there is none."""
        self._waiting = [each for each in self._waiting if not each[1].cancelled()]
        if not self._waiting:
            self._is_busy = False
            return
        self._deadline = self._loop.time() + self._seconds
        if self._wire is not None:
            self._send(self._wire)
        else:
            self._opening = self._loop.create_task(self._open())

    def _send(self, wire: Wire) -> None:
        if self._timer is None:
            self._timer = self._loop.call_at(self._deadline, self._look)
        batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
        packed: list[bytes] = []
        for called in batch:
            command, future = called
            # Nobody waits for it any more.
            if future.done():
                continue
            try:
                packed.append(hiredis.pack_command(command))  # type: ignore[arg-type]  # a tuple of any length
                self._under_way.append(called)
            except (TypeError, ValueError) as error:
                # Text with lone surrogates, or a None: a mistake in one must not cost the others their answers.
                future.set_exception(error)
        if packed:
            wire.write(b"".join(self._complete(packed)))
        else:
            self._go_on()

    def _complete(self, packed: list[bytes]) -> list[bytes]:
        """Returns what is written together: the commands, and what must be behind them."""
        return packed

    def take(self, answer: Any) -> None:
        """Hands an answer to whoever waits for it; called by the wire."""
        if not self._under_way:
            # A server that speaks unasked is about to end the connection.
            self._drop()
            return
        command, future = self._under_way.popleft()
        if isinstance(answer, Exception):
            self._refuse(command, future, answer)
        elif not future.done():
            future.set_result(answer)
        if not self._under_way:
            self._finish()

    def _refuse(self, command: Command, future: asyncio.Future[Any], error: Exception) -> None:
        told: Command | Exception = error
        if isinstance(error, ResponseError) and error.word:
            self._is_elsewhere |= error.word in _ELSEWHERE
            told = RefusedError(error)
        elif isinstance(error, ResponseError) and self._on_error is not None:
            told = self._on_error(command, error)
        if isinstance(told, tuple):
            self._waiting.append((told, future))
        elif not future.done():
            future.set_exception(told)

    def _finish(self) -> None:
        if self._is_elsewhere:
            self._drop()
        self._go_on()

    def _go_on(self) -> None:
        """Has the next batch begin, behind the callers that got answers just now and have more to send."""
        self._is_busy = bool(self._waiting)
        if self._is_busy:
            self._loop.call_soon(self._begin)

    def _look(self) -> None:
        """Ends a batch that took too long."""
        self._timer = None
        if self._under_way and self._loop.time() < self._deadline:
            self._timer = self._loop.call_at(self._deadline, self._look)
        elif self._under_way:
            # What waits behind it would wait as long, batch by batch, while more comes than is refused.
            self._fail(_silent(TimeoutError()), all_that_wait=True)

    def _fail(self, error: BotkitError, *, all_that_wait: bool = False) -> None:
        self._drop()
        failed, self._under_way = self._under_way, deque()
        if all_that_wait:
            failed.extend(self._waiting)
            self._waiting = []
        for _, future in failed:
            if not future.done():
                future.set_exception(error)
                # Nobody may be left to look at it; that is no news for the log.
                future.exception()
        if failed:
            self._go_on()

    # --- a connection ---

    async def _open(self) -> None:
        try:
            async with asyncio.timeout_at(self._deadline):
                wire = await self._connect()
        except BotkitError as error:
            # `on_connect` found that this is no server to work with.
            self._fail(error, all_that_wait=True)
        except (OSError, hiredis.HiredisError) as error:
            self._fail(_silent(error), all_that_wait=True)
        except BaseException:
            self._fail(StoreUnavailableError(_CLOSED), all_that_wait=True)
            raise
        else:
            self._wire, wire.listener, self._is_elsewhere = wire, self, False
            self._send(wire)
        finally:
            self._opening = None

    async def _connect(self) -> Wire:
        wire = await open_wire(self._address)
        try:
            if self._on_connect is not None:
                await self._on_connect(wire.ask)
            if wire.error is not None:
                raise wire.error
        except BaseException:
            wire.drop(ConnectionError(_CLOSED))
            raise
        return wire

    def end(self, error: Exception) -> None:
        """Fails what is under way; called by the wire when it broke."""
        self._fail(_silent(error))

    def _drop(self) -> None:
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.listener = None
            wire.drop(ConnectionError(_CLOSED))


def _silent(error: Exception) -> StoreUnavailableError:
    return StoreUnavailableError(f"Redis did not answer ({type(error).__name__})")
