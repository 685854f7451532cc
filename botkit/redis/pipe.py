"""One connection to Redis that sends the commands of all concurrent callers together.

Commands that meet in one turn of the event loop share one write and one read; while a batch is under way, the next
one gathers. Nothing is ever repeated here: a caller that got no answer decides for itself.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import hiredis
from redis.asyncio.connection import AbstractConnection, ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from botkit.exceptions import BotkitError, StoreUnavailableError
from botkit.redis.refusals import RefusedError

Command = tuple[str | bytes | int | float, ...]
#: Sends commands in one write; an error is the answer of its command.
Send = Callable[[Sequence[Command]], Awaitable[list[Any]]]
OnConnect = Callable[[Send], Awaitable[None]]

#: Commands in one write; more of them wait for the next.
MAX_BATCH = 256

# The command was not carried out, and may be later. Redis 6.2 tells it inside another error when a script meets it.
_PASSING = re.compile(
    r"(?:^|: -)(LOADING|BUSY|TRYAGAIN|ASK|MOVED|CLUSTERDOWN|READONLY|MASTERDOWN|OOM|MISCONF|NOREPLICAS) "
)
# The server is no longer the one to talk to; another connection may lead to the right one.
_ELSEWHERE = ("READONLY", "MASTERDOWN")
_CLOSED = "the connection to Redis is closed"


class Pipe:
    """A connection that is opened when first needed and again after it broke.

    `on_connect` gets the means to send commands ahead of all others. Safe to cancel: a command that was not yet
    written is then never sent. Not thread-safe; belongs to one event loop.
    """

    def __init__(
        self,
        url: str,
        *,
        seconds: float = 2.0,
        on_connect: OnConnect | None = None,
    ) -> None:
        self._pool = ConnectionPool.from_url(
            url,
            protocol=2,
            retry=Retry(NoBackoff(), 0),
            socket_timeout=None,
            socket_connect_timeout=None,
            driver_info=None,
        )
        self._seconds = seconds
        self._on_connect = on_connect
        self._connection: AbstractConnection | None = None
        self._waiting: list[tuple[Command, asyncio.Future[Any]]] = []
        self._runner: asyncio.Task[None] | None = None
        self._closed = False

    def call(self, *command: str | bytes | int | float) -> asyncio.Future[Any]:
        """Sends a command with the next batch; the future holds its answer.

        It raises StoreUnavailableError when there was no answer in time, ResponseError when the command was wrong.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        if self._closed:
            future.set_exception(StoreUnavailableError(_CLOSED))
            return future
        self._waiting.append((command, future))
        if self._runner is None:
            self._runner = loop.create_task(self._run())
        return future

    async def close(self) -> None:
        """Drops the connection; callers that still wait get StoreUnavailableError."""
        self._closed = True
        if self._runner is not None:
            self._runner.cancel()
            await asyncio.gather(self._runner, return_exceptions=True)
        # A runner that never began to run has rejected nobody.
        self._reject_waiting(StoreUnavailableError(_CLOSED))
        await self._disconnect()

    async def _run(self) -> None:
        batch: list[tuple[Command, asyncio.Future[Any]]] = []
        try:
            while self._waiting:
                taken, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
                batch = [(command, future) for command, future in taken if not future.cancelled()]
                if batch:
                    await self._settle(batch)
        finally:
            self._runner = None
            _reject(batch, StoreUnavailableError(_CLOSED))
            self._reject_waiting(StoreUnavailableError(_CLOSED))

    def _reject_waiting(self, error: StoreUnavailableError) -> None:
        waiting, self._waiting = self._waiting, []
        _reject(waiting, error)

    async def _settle(self, batch: Sequence[tuple[Command, asyncio.Future[Any]]]) -> None:
        try:
            async with asyncio.timeout(self._seconds):
                connection = self._connection or await self._connect()
                answers = await self._exchange(connection, [command for command, _ in batch])
        except BotkitError as error:
            # `on_connect` found that this is no server to work with.
            _reject(batch, error)
            return
        except (RedisError, TimeoutError, OSError) as error:
            await self._disconnect()
            silent = StoreUnavailableError(f"Redis did not answer ({type(error).__name__})")
            _reject(batch, silent)
            if isinstance(error, TimeoutError):
                # What waits behind it would wait as long, batch by batch, while more comes than is refused.
                self._reject_waiting(silent)
            return
        except BaseException:
            await self._disconnect()
            raise
        for (_, future), answer in zip(batch, answers, strict=True):
            _deliver(future, answer)
        if any(_refusal(answer) in _ELSEWHERE for answer in answers):
            await self._disconnect()

    async def _exchange(self, connection: AbstractConnection, commands: Sequence[Command]) -> list[Any]:
        return await _exchange(connection, commands)

    async def _connect(self) -> AbstractConnection:
        connection: AbstractConnection = self._pool.make_connection()  # type: ignore[no-untyped-call]
        try:
            await connection.connect()  # type: ignore[no-untyped-call]
            if self._on_connect is not None:
                await self._on_connect(lambda commands: _exchange(connection, commands))
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        self._connection = connection
        return connection

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.disconnect(nowait=True)


async def _exchange(connection: AbstractConnection, commands: Sequence[Command]) -> list[Any]:
    packed = [_pack(command) for command in commands]
    try:
        await connection.send_packed_command([part for part in packed if isinstance(part, bytes)], check_health=False)
    except RuntimeError as error:
        # So uvloop calls a connection that the other side has reset while nothing was under way.
        raise ConnectionResetError(_CLOSED) from error
    return [await _read(connection) if isinstance(part, bytes) else part for part in packed]


def _pack(command: Command) -> bytes | Exception:
    # Text with lone surrogates, or a None: a mistake in one command must not cost the others their answers.
    try:
        # The connection's own packer is written in Python, and would be a fifth of what an event costs.
        packed: bytes = hiredis.pack_command(command)  # type: ignore[arg-type]  # a tuple of any length
        return packed
    except (TypeError, ValueError) as error:
        return error


async def _read(connection: AbstractConnection) -> Any:
    try:
        return await connection.read_response(disable_decoding=True)
    except ResponseError as error:
        return error


def _refusal(answer: Any) -> str:
    """The word by which Redis refuses a command for now, empty if it does not."""
    if not isinstance(answer, ResponseError):
        return ""
    # redis-py takes the words it knows off the text.
    found = _PASSING.search(f"{answer.status_code or ''} {answer}".lstrip())
    return found[1] if found else ""


def _deliver(future: asyncio.Future[Any], answer: Any) -> None:
    if future.done():
        return
    if word := _refusal(answer):
        future.set_exception(RefusedError(word, answer))
    elif isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)


def _reject(batch: Sequence[tuple[Command, asyncio.Future[Any]]], error: BotkitError) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(error)
            # Nobody may be left to look at it; that is no news for the log.
            future.exception()
