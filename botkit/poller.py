"""Asks the services that do not call us: inboxes, lists of subscribers, blacklists."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog

from botkit.adapter import Adapter
from botkit.conversation import Account
from botkit.events import Event
from botkit.exceptions import BotkitError, ServiceError, StoreUnavailableError, TransportError
from botkit.line import Line
from botkit.redaction import frames
from botkit.store import Store

#: How long one process may be at an account before another may ask, in seconds.
LEASE = 120.0
#: How many events are stored at a time.
PAGE = 100

log = structlog.get_logger("botkit.poller")


class Poller:
    """Asks for each account that has something to ask for, when it is due; any number of processes have one.

    What is heard is stored by `accept`, which tells whether all of it was, before the next question is due: what a
    process that dies has not stored is asked for again.
    """

    def __init__(
        self,
        store: Store,
        lines: Mapping[Account, Line],
        accept: Callable[[Adapter, Sequence[Event]], Awaitable[bool]],
        *,
        idle: float = 5,
    ) -> None:
        self._store = store
        self._lines = [line for line in lines.values() if line.adapter.poll_seconds]
        self._accept = accept
        self._idle = idle
        self._token = store.new_token()

    @property
    def has_work(self) -> bool:
        """Whether any account is asked for at all."""
        return bool(self._lines)

    async def step(self) -> float:
        """Asks whatever is due, one account after the other; returns the seconds until it should be called again.

        Raises StoreUnavailableError.
        """
        return min([await self._ask(line) for line in self._lines], default=self._idle)

    async def _ask(self, line: Line) -> float:
        adapter, every = line.adapter, line.adapter.poll_seconds
        turn = await self._store.accounts.begin_poll(adapter.account, self._token, every=every, lease=LEASE)
        if turn.wait:
            return min(turn.wait, self._idle)
        cursor = await self._hear(line, turn.cursor)
        await self._store.accounts.end_poll(adapter.account, self._token, every=every, cursor=cursor)
        return min(every, self._idle)

    async def _hear(self, line: Line, cursor: bytes) -> bytes | None:
        """Returns what to keep of an answer; None where there was none, or not all of it could be stored."""
        account = line.adapter.ta
        try:
            polled = await line.adapter.poll(cursor, line.client)
        except StoreUnavailableError:
            raise
        except (ServiceError, TransportError) as error:
            log.warning("the service could not be asked", account=account, reason=error.what)
            return None
        except BotkitError as error:
            log.error("the service's answer cannot be read", account=account, reason=error.what)
            return None
        except Exception as error:  # an adapter's own mistake must not end the others' polls
            log.error("the adapter failed", account=account, error=type(error).__name__, frames=frames(error))
            return None
        for start in range(0, len(polled.events), PAGE):
            if not await self._accept(line.adapter, polled.events[start : start + PAGE]):
                log.warning("not all that was heard could be stored", account=account)
                return None
        return polled.cursor
