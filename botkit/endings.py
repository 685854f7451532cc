"""Giving a message up: who is told, what is noted of it, and what comes next."""

import asyncio
from collections.abc import Callable

import structlog
from msgspec import Struct

from botkit.broadcast import Fate
from botkit.charging import REASONS
from botkit.clock import Clock
from botkit.conversation import Account, Conversation
from botkit.deliveries import Status
from botkit.events import Event, HopStatus, MessageFailed, event_id
from botkit.events import encode as encode_event
from botkit.fates import counts
from botkit.hops import is_followed
from botkit.metrics import Metrics
from botkit.outgoing import Outgoing
from botkit.reports import expired
from botkit.store import Begun, Store, insist
from botkit.trails import HopTeller, is_end
from botkit.turn import Queue, Turn

log = structlog.get_logger("botkit.endings")


class Ending(Struct, frozen=True):
    """Why a message is given up.

    With `refund` the session's count is taken back: the service refused it. Unless it `is_dead`, nobody is to look into
    it. `gone` says why the person cannot be written to from here on. With `is_unknown` it may have arrived.
    """

    reason: str
    refund: bool = False
    is_dead: bool = True
    gone: str = ""
    is_unknown: bool = False

    @property
    def fate(self) -> Fate:
        """What it is counted as, if it is one of a broadcast."""
        return Fate.FAILED if self.is_dead else Fate.SKIPPED


class Endings:
    """Gives messages up; `delay` says in how many seconds a turn is due again after so many attempts."""

    def __init__(
        self, store: Store, clock: Clock, teller: HopTeller, delay: Callable[[int], float], metrics: Metrics
    ) -> None:
        self._store = store
        self._clock = clock
        self._teller = teller
        self._delay = delay
        self._metrics = metrics

    async def give_up(self, turn: Turn, outgoing: Outgoing, ending: Ending, *, keep: bool) -> Turn | None:
        """Takes a message out of its outbox for good; returns the next one if `keep` and there is one.

        Where its home follows it, that is told first: its mailbox may be full, and the turn is given back then.
        """
        if outgoing.message.is_transient:
            return await self._store.sent(turn, keep=keep)
        self._metrics.count("messages_given_up", Account(*outgoing.account))
        log.warning("given up", account=outgoing.account[1], message=outgoing.key, reason=ending.reason)
        if is_followed(outgoing):
            return await self._leave_way(turn, outgoing, ending, keep=keep)
        await insist(lambda: asyncio.gather(*counts(self._store, outgoing, ending.fate)))
        failed, status = self._failure(outgoing, ending.reason)
        # A reply to a failure that fails as well is the last word: else the two would go on for ever.
        relayed = failed.conversation.key != turn.cid
        event = b"" if outgoing.is_last_word or relayed else encode_event(failed)
        # Nobody is to look into what was given up as it was decided.
        is_dead = ending.is_dead and status is Status.FAILED
        return await self._fail(
            turn, ending, keep=keep, event_id=failed.id, event=event, is_dead=is_dead, status=status
        )

    async def _leave_way(self, turn: Turn, outgoing: Outgoing, ending: Ending, *, keep: bool) -> Turn | None:
        """Gives one way of a message up: its home is told, and takes the next."""
        ended = await self._hop_status(turn, ending)
        if not await self._teller.ended(outgoing, ended, ending.reason):
            await insist(lambda: self._store.retry(Queue.OUTBOX, turn, delay=self._delay(turn.attempts)))
            return None
        is_dead = ending.is_dead and is_end(outgoing, ended)
        return await self._fail(turn, ending, keep=keep, event_id="", event=b"", is_dead=is_dead, status=None)

    async def _fail(
        self,
        turn: Turn,
        ending: Ending,
        *,
        keep: bool,
        event_id: str,
        event: bytes,
        is_dead: bool,
        status: Status | None,
    ) -> Turn | None:
        return await insist(
            lambda: self._store.fail(
                turn,
                error=ending.reason,
                event_id=event_id,
                event=event,
                refund=ending.refund,
                keep=keep,
                is_dead=is_dead,
                gone=ending.gone,
                status=status,
            )
        )

    async def _hop_status(self, turn: Turn, ending: Ending) -> HopStatus:
        """Returns what a way that is given up ended as: an attempt at it may have arrived all the same."""
        if ending.is_unknown:
            return "unknown"
        if ending.reason == REASONS["expired"]:
            return "expired"
        if ending.refund:
            return "failed"
        begun = await insist(lambda: self._store.begin(turn, notes=False))
        return "unknown" if begun is Begun.AGAIN else "failed"

    def _failure(self, outgoing: Outgoing, reason: str) -> tuple[Event, Status]:
        """Returns what tells the handlers that a message will not arrive, and what it is noted as."""
        to, now = Conversation(Account(*outgoing.account), outgoing.to), self._clock.now()
        if reason == REASONS["expired"]:
            return expired(outgoing.key, to, now), Status.EXPIRED
        failed = MessageFailed(
            id=event_id(to.account, f"failed|{outgoing.key}"),
            at=now,
            conversation=to,
            message_key=outgoing.key,
            reason=reason,
        )
        return failed, Status.FAILED
