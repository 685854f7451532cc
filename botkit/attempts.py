"""Attempts to send: which are noted before they are made, how one is made, and what became of one."""

from collections.abc import Awaitable
from functools import partial
from time import perf_counter

import structlog

from botkit import tracing
from botkit.adapter import Adapter, Outcome, Receipt
from botkit.batches import Batches, Note
from botkit.conversation import Conversation
from botkit.exceptions import NotSentError, ServiceError, StoreUnavailableError, UnknownOutcomeError
from botkit.fates import is_counted
from botkit.governor import is_shared
from botkit.http_client import HttpClient
from botkit.line import Line
from botkit.metrics import Metrics
from botkit.outgoing import Outgoing
from botkit.redaction import frames
from botkit.store import Begun, Store, insist
from botkit.turn import Turn

#: What is known of an attempt whose process ended before it told.
CUT_SHORT = Receipt(Outcome.UNKNOWN, reason="the process that sent it ended before it knew")

log = structlog.get_logger("botkit.attempts")


def is_noted(adapter: Adapter, outgoing: Outgoing) -> bool:
    """Whether it is noted before an attempt that there is one.

    So it is where it must not be repeated, where the service can be asked what became of it, and where a message has
    several ways: it is told then whether it may have gone two of them.
    """
    has_ways = outgoing.trail is not None and len(outgoing.trail.hops) > 1
    return adapter.max_repeats == 0 or has_ways or type(adapter).look_up is not Adapter.look_up


async def look_up(adapter: Adapter, outgoing: Outgoing, to: Conversation, client: HttpClient) -> Receipt | None:
    """Asks what became of an attempt; None where the service cannot tell, and UNKNOWN where it did not answer."""
    try:
        return await adapter.look_up(outgoing, to, client)
    except (NotSentError, UnknownOutcomeError, ServiceError) as error:
        return Receipt(Outcome.UNKNOWN, reason=error.what)
    except Exception as error:  # an adapter's own mistake
        log.error("the adapter failed", account=adapter.ta, error=type(error).__name__, frames=frames(error))
        return Receipt(Outcome.UNKNOWN, reason=f"{type(error).__name__} in the adapter")


class Attempts:
    """Makes attempts at messages; one that may have been made already is looked for first, where that matters."""

    def __init__(self, store: Store, batches: Batches, metrics: Metrics) -> None:
        self._store = store
        self._metrics = metrics
        self._batches = batches

    @tracing.sending
    def make(self, line: Line, turn: Turn, outgoing: Outgoing, to: Conversation) -> Awaitable[Receipt | None]:
        """Makes an attempt, or finds out what became of an earlier one; None if the turn is lost.

        Raises StoreUnavailableError, and nothing else.
        """
        if outgoing.broadcast or is_noted(line.adapter, outgoing):
            return self._make_with_care(line, turn, outgoing, to)
        return self._try(line, turn, outgoing, to)  # type: ignore[return-value]  # a Begun comes from a note alone

    async def _make_with_care(self, line: Line, turn: Turn, outgoing: Outgoing, to: Conversation) -> Receipt | None:
        note = partial(insist, lambda: self._store.begin(turn)) if is_noted(line.adapter, outgoing) else None
        if note is None or is_shared(line.adapter, outgoing):
            # With others, it is noted when their request is made: what waits for them has not been sent.
            begun = await self._try(line, turn, outgoing, to, note)
        else:
            begun = await note()
        if begun is Begun.FENCED:
            return None
        if begun is Begun.AGAIN and (receipt := await self._find_out(line, outgoing, to)):
            return receipt
        tried = begun if isinstance(begun, Receipt) else await self._try(line, turn, outgoing, to)
        return tried if isinstance(tried, Receipt) else None

    async def _find_out(self, line: Line, outgoing: Outgoing, to: Conversation) -> Receipt | None:
        """Returns what became of an attempt that may have arrived; None if it is to be made again."""
        if await is_counted(self._store, outgoing):
            return Receipt(Outcome.SENT)
        found = await look_up(line.adapter, outgoing, to, line.client)
        if found is None:
            return CUT_SHORT if line.adapter.max_repeats == 0 else None
        return None if found.outcome is Outcome.NOT_SENT else found

    async def _try(
        self, line: Line, turn: Turn, outgoing: Outgoing, to: Conversation, note: Note | None = None
    ) -> Receipt | Begun:
        if turn.attempts > 1:
            self._metrics.count("send_repeats", to.account)
            log.info("sending again", account=line.adapter.ta, message=outgoing.key, attempt=turn.attempts)
        started = perf_counter()
        tried: Receipt | Begun
        try:
            if outgoing.broadcast and is_shared(line.adapter, outgoing):
                tried = await self._batches.send(line.adapter, outgoing.message, to, line.client, note=note)
            else:
                tried = await line.adapter.send(outgoing, to, line.client)
        except StoreUnavailableError:
            raise
        except NotSentError as error:
            tried = Receipt(Outcome.NOT_SENT, reason=error.what)
        except UnknownOutcomeError as error:
            tried = Receipt(Outcome.UNKNOWN, reason=error.what)
        except Exception as error:  # an adapter's own mistake: nobody knows how far it came
            log.error("the adapter failed", account=line.adapter.ta, error=type(error).__name__, frames=frames(error))
            tried = Receipt(Outcome.UNKNOWN, reason=f"{type(error).__name__} in the adapter")
        if isinstance(tried, Receipt):
            self._metrics.observe("send_seconds", perf_counter() - started, to.account)
            # What an enum's value costs is spent on the few others.
            outcome = "sent" if tried.outcome is Outcome.SENT else tried.outcome.value
            self._metrics.count("sends", to.account, outcome)
        return tried
