"""Sends what was committed, in order, and sees each message to its end."""

import asyncio
import math
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

import structlog
from msgspec import Struct
from msgspec.structs import replace

from botkit.adapter import Adapter, Outcome, Receipt
from botkit.attempts import Attempts, look_up
from botkit.batches import Batches
from botkit.broadcast import Fate
from botkit.charging import REASONS, Charging
from botkit.clock import Clock
from botkit.conversation import Account, Conversation
from botkit.endings import Ending, Endings
from botkit.events import SignalReceived
from botkit.events import encode as encode_event
from botkit.exceptions import MessageError, RecordError
from botkit.failover import redirected
from botkit.fates import counts
from botkit.governor import Governor, Hold
from botkit.hops import is_followed, is_over
from botkit.line import Line
from botkit.linking import stop_scope
from botkit.log_fields import tell_of
from botkit.messages import Raw
from botkit.metrics import Metrics
from botkit.migration import WINDOW, delivered
from botkit.outgoing import Outgoing
from botkit.outgoing import decode as decode_outgoing
from botkit.pace import Pace
from botkit.record import Flows
from botkit.relay import WINDOW as RELAY_WINDOW
from botkit.relay import relay
from botkit.reports import receipts
from botkit.store import Counted, Full, Store, Verdict, insist
from botkit.trails import HopTeller
from botkit.turn import Queue, Turn

# Age decides about messages that cannot be sent, not the number of attempts.
_NEVER_DEAD = 1_000_000

# Where no session counts messages.
_FREE = Counted(Verdict.DONE)

log = structlog.get_logger("botkit.outbox")


class SendPolicy(Struct, frozen=True):
    """How long a message is tried, in seconds, and how often it is sent again when its outcome is not known.

    With `max_repeats` 0 only a process that dies between sending and noting it leads to a second time. After `in_a_row`
    messages a conversation lets others go first.
    """

    max_age: float = 3600
    max_repeats: int = 2
    first_delay: float = 1
    longest_delay: float = 60
    max_attempts: int = 200
    in_a_row: int = 10


class Outbox:
    """Takes turns at outboxes, one message after the other, until none is left or the turn is lost."""

    def __init__(
        self,
        store: Store,
        lines: Mapping[Account, Line],
        clock: Clock,
        *,
        policy: SendPolicy | None = None,
        metrics: Metrics | None = None,
        jitter: Callable[[], float] = random.random,
        tells_all: bool = True,
    ) -> None:
        self._store = store
        self._lines = lines
        self._clock = clock
        self._policy = policy or SendPolicy()
        self._jitter = jitter
        # What nobody reads is not put into words.
        self._tells_all = tells_all
        self._charging = Charging(store, clock)
        self.governor = Governor(store.accounts, clock)
        metrics = metrics or Metrics()
        self._attempts = Attempts(store, Batches(self.governor), metrics)
        self._teller = HopTeller(store, clock)
        self._endings = Endings(store, clock, self._teller, self._delay, metrics)
        #: When the last message is due that a pace held back, in seconds: a test's clock may be moved there.
        self.paced_until = 0.0

    async def run(self, turn: Turn, *, keep: Callable[[], bool]) -> bool:
        """Sends from the head on while `keep()` holds; every way out leaves the store knowing where things stand.

        Returns whether there may be more of it, now or later.
        """
        for number in range(1, self._policy.in_a_row + 1):
            following = await self._step(turn, keep=keep() and number < self._policy.in_a_row)
            if not isinstance(following, Turn):
                return following is Verdict.WAITING or number == self._policy.in_a_row
            turn = following
        return False

    def _step(self, turn: Turn, *, keep: bool) -> Awaitable[Turn | Verdict | None]:
        """Returns what is to be done about a message: it need only be awaited."""
        outgoing = decode_outgoing(turn.payload)
        account = Account(*outgoing.account)
        tell_of(turn, account)
        to = Conversation(account, outgoing.to)
        if isinstance(outgoing.message, Raw) and (event := delivered(outgoing)):
            return self._deliver(turn, to, *event, keep=keep)
        # Nearly all keys are as plain as this, and need not be made.
        if turn.cid != f"{account.channel}:{account.ta}:{to.id}" and turn.cid != to.key:
            return self._relay(turn, outgoing, to, keep=keep)
        line = self._lines.get(account)
        if line is None:
            ending = Ending("no bot here speaks for its account any more")
            return self._endings.give_up(turn, outgoing, ending, keep=keep)
        if turn.record.gone or line.adapter.stays_away:
            return self._send_unless_gone(line, turn, outgoing, to, keep=keep)
        return self._send_in_time(line, turn, outgoing, to, keep=keep)

    async def _send_unless_gone(
        self, line: Line, turn: Turn, outgoing: Outgoing, to: Conversation, *, keep: bool
    ) -> Turn | Verdict | None:
        if not _is_call(outgoing) and (why := turn.record.gone or await self._leave(line.adapter, to)):
            return await self._suppress(turn, outgoing, why, keep=keep)
        return await self._send_in_time(line, turn, outgoing, to, keep=keep)

    def _send_in_time(
        self, line: Line, turn: Turn, outgoing: Outgoing, to: Conversation, *, keep: bool
    ) -> Awaitable[Turn | Verdict | None]:
        if ending := self._lateness(turn, outgoing, line.adapter):
            return self._endings.give_up(turn, outgoing, ending, keep=keep)
        send = self._send if self.governor.lets_pass(line.adapter, to, outgoing) else self._send_when_let
        return send(line, turn, outgoing, to, keep=keep)

    async def _send_when_let(
        self, line: Line, turn: Turn, outgoing: Outgoing, to: Conversation, *, keep: bool
    ) -> Turn | Verdict | None:
        if hold := await insist(lambda: self.governor.wait(line.adapter, to, turn, outgoing)):
            return await self._put_off(turn, hold)
        return await self._send(line, turn, outgoing, to, keep=keep)

    async def _send(
        self, line: Line, turn: Turn, outgoing: Outgoing, to: Conversation, *, keep: bool
    ) -> Turn | Verdict | None:
        counted = _FREE if line.adapter.sessions is None else await self._charging.count(line.adapter, turn, outgoing)
        if counted.verdict is Verdict.LIMIT:
            return await self._stop(turn, outgoing, line.adapter, counted.why, keep=keep)
        if counted.verdict is not Verdict.DONE:
            return None
        receipt = await self._attempts.make(line, turn, outgoing, to)
        if receipt is None:
            return None
        conclude = self._sent if receipt.outcome is Outcome.SENT else self._not_sent
        conclusion = conclude(turn, outgoing, to, receipt, keep=keep)
        if not (counted.purchase or receipt.billing):
            return await conclusion
        # Both travel in one batch.
        following, _ = await asyncio.gather(conclusion, self._charging.settle(line.adapter, counted, receipt))
        return following

    async def _put_off(self, turn: Turn, hold: Hold) -> Verdict:
        verdict = await insist(lambda: self._store.retry(Queue.OUTBOX, turn, delay=hold.seconds))
        if hold.is_pace:
            self.paced_until = max(self.paced_until, self._clock.timestamp() + hold.seconds + 0.001)
        return verdict

    async def _leave(self, adapter: Adapter, to: Conversation) -> str:
        """Returns why a person cannot be written to who took leave of the bot by another gateway; else nothing."""
        if not (scope := stop_scope(adapter)):
            return ""
        has_left = await insist(lambda: self._store.consents.has_stopped(to.id, scope))
        return "unsubscribed" if has_left else ""

    async def _suppress(self, turn: Turn, outgoing: Outgoing, why: str, *, keep: bool) -> Turn | None:
        # Nothing went wrong, and nobody is to look into it: the handlers are told, and that is all.
        reason = f"the person cannot be written to ({why})"
        return await self._endings.give_up(turn, outgoing, Ending(reason, is_dead=False), keep=keep)

    async def _relay(self, turn: Turn, outgoing: Outgoing, to: Conversation, *, keep: bool) -> Turn | None:
        if outgoing.signal is not None:
            return await self._tell(turn, outgoing, outgoing.signal, keep=keep)
        # A commit touches one conversation; what it says in another goes there by its key, once.
        if not await relay(self._store, self._clock, replace(outgoing, to=to.id), to):
            return await self._endings.give_up(
                turn, outgoing, Ending("the other conversation's outbox is full"), keep=keep
            )
        return await insist(lambda: self._store.sent(turn, keep=keep))

    async def _tell(self, turn: Turn, outgoing: Outgoing, signal: SignalReceived, *, keep: bool) -> Turn | None:
        payload, window = encode_event(signal), RELAY_WINDOW
        key = signal.conversation.key
        told = await insist(lambda: self._store.ingest(key, signal.id, payload, token="", window=window))
        if not isinstance(told, Full):
            return await insist(lambda: self._store.sent(turn, keep=keep))
        if self._clock.timestamp() - outgoing.created_ms / 1000 > self._policy.max_age:
            return await self._endings.give_up(
                turn, outgoing, Ending("the other conversation's mailbox is full"), keep=keep
            )
        delay = self._delay(turn.attempts)
        await insist(lambda: self._store.retry(Queue.OUTBOX, turn, delay=delay, max_attempts=_NEVER_DEAD))
        return None

    async def _deliver(self, turn: Turn, to: Conversation, event_id: str, event: bytes, *, keep: bool) -> Turn | None:
        # An event for another conversation goes into its mailbox by its id, once; nothing of it may be lost.
        stored = await insist(lambda: self._store.ingest(to.key, event_id, event, token="", window=WINDOW))
        if isinstance(stored, Full):
            delay = self._delay(turn.attempts)
            await insist(lambda: self._store.retry(Queue.OUTBOX, turn, delay=delay))
            return None
        return await insist(lambda: self._store.sent(turn, keep=keep))

    def _lateness(self, turn: Turn, outgoing: Outgoing, adapter: Adapter) -> Ending | None:
        """Returns why it is too late for a message, or None."""
        now = self._clock.timestamp()
        if outgoing.message.ttl and 0 < outgoing.expires_ms <= now * 1000:
            return Ending(REASONS["expired"])
        if outgoing.trail and is_over(outgoing, now * 1000):
            return Ending("the time of this way was over", is_dead=False)
        age = now - outgoing.created_ms / 1000
        # Where messages are held for the person, one may be old before its first attempt.
        max_age = adapter.max_age or self._policy.max_age
        is_late = age > max_age and (turn.attempts > 1 or adapter.sessions is None)
        most = math.inf if adapter.max_age else self._policy.max_attempts
        return Ending("not sent within its time") if is_late or turn.attempts > most else None

    async def _stop(self, turn: Turn, outgoing: Outgoing, adapter: Adapter, why: str, *, keep: bool) -> Turn | None:
        """Sends what a limit stopped by the conversation's other way, if it may and there is one, or gives it up."""
        may_move = adapter.sessions is not None and adapter.sessions.at_limit == "failover" and why != "expired"
        if may_move and not (outgoing.has_failed_over or outgoing.trail) and await self._fail_over(turn, outgoing):
            return await insist(lambda: self._store.sent(turn, keep=keep))
        return await self._endings.give_up(turn, outgoing, Ending(REASONS[why]), keep=keep)

    async def _fail_over(self, turn: Turn, outgoing: Outgoing) -> bool:
        try:
            to = Flows((await insist(lambda: self._store.load(turn.cid))).state).failover
            if to is None or (line := self._lines.get(to.account)) is None:
                return False
            moved = redirected(outgoing, to, line.adapter)
        except (MessageError, RecordError) as error:
            log.warning("cannot fail over", account=outgoing.account[1], message=outgoing.key, reason=error.what)
            return False
        if moved.values:
            # Before the message: a button that can be pressed has its value.
            await insist(lambda: self._store.save_values(moved.values))
        for part in moved.parts:
            if not await relay(self._store, self._clock, part, to):
                return False
        log.info(
            "failed over", account=outgoing.account[1], message=outgoing.key, to=to.account.ta, losses=moved.losses
        )
        return bool(moved.parts)

    async def _not_sent(
        self, turn: Turn, outgoing: Outgoing, to: Conversation, receipt: Receipt, *, keep: bool
    ) -> Turn | Verdict | None:
        account = to.account
        log.info(
            "not sent", account=account.ta, message=outgoing.key, outcome=receipt.outcome.value, reason=receipt.reason,
            attempt=turn.attempts,
        )  # fmt: skip
        if receipt.outcome is Outcome.REFUSED:
            self.governor.worked(account)
            # A Raw holds the address that was refused: only who wrote it can change it.
            if receipt.moved_to not in ("", outgoing.to) and not isinstance(outgoing.message, Raw):
                return await self._relay(turn, outgoing, Conversation(account, receipt.moved_to), keep=keep)
            gone = (receipt.reason or "gone") if receipt.is_gone else ""
            refused = Ending(receipt.reason, refund=True, gone=gone)
            return await self._endings.give_up(turn, outgoing, refused, keep=keep)
        if receipt.outcome is Outcome.THROTTLED:
            await self.governor.pause(account, receipt.retry_after)
            return await insist(lambda: self._store.retry(Queue.OUTBOX, turn, delay=receipt.retry_after, refund=True))
        # Told when to come again, it is this conversation that must wait; else the service has trouble.
        note = self.governor.worked if receipt.retry_after else self.governor.failed
        note(account)
        if outgoing.message.is_transient:
            return await insist(lambda: self._store.sent(turn, keep=keep))
        if receipt.outcome is Outcome.NOT_SENT:
            delay = receipt.retry_after or self._delay(turn.attempts, self._lines[account].adapter.delays)
            return await insist(
                lambda: self._store.retry(Queue.OUTBOX, turn, delay=delay, max_attempts=_NEVER_DEAD, refund=True)
            )
        return await self._repeat(turn, outgoing, to, receipt.reason, keep=keep)

    def _sent(
        self, turn: Turn, outgoing: Outgoing, to: Conversation, receipt: Receipt, *, keep: bool
    ) -> Awaitable[Turn | Verdict | None]:
        adapter = self._lines[to.account].adapter
        self.governor.worked(to.account)
        if self._tells_all:
            log.debug("sent", account=to.account.ta, message=outgoing.key, attempt=turn.attempts)
        if (pace := adapter.chat_pace(to)) and outgoing.message.is_transient:
            pace = None
        if adapter.has_receipts or outgoing.trail or outgoing.broadcast:
            return self._tell_sent(turn, outgoing, receipt, adapter, pace, keep=keep)
        return insist(partial(self._store.sent, turn, keep=keep, pace=pace))

    async def _tell_sent(
        self, turn: Turn, outgoing: Outgoing, receipt: Receipt, adapter: Adapter, pace: Pace | None, *, keep: bool
    ) -> Turn | None:
        if is_followed(outgoing):
            await self._teller.sent(turn, outgoing, receipt, adapter)
        return await insist(lambda: self._note_sent(turn, outgoing, receipt, adapter, pace, keep=keep))

    async def _note_sent(
        self, turn: Turn, outgoing: Outgoing, receipt: Receipt, adapter: Adapter, pace: Pace | None, *, keep: bool
    ) -> Turn | None:
        sent = self._store.sent(turn, keep=keep, pace=pace)
        notes = [
            *receipts(self._store, adapter, turn, outgoing, receipt, now=self._clock.timestamp()),
            *counts(self._store, outgoing, Fate.SENT),
        ]
        if not notes:
            return await sent
        # All travel in one batch, the receipts first: no report can find the message gone and itself unknown, and what
        # counts as sent has its receipt.
        *_, following = await asyncio.gather(*notes, sent)
        return following

    async def _repeat(
        self, turn: Turn, outgoing: Outgoing, to: Conversation, reason: str, *, keep: bool
    ) -> Turn | Verdict | None:
        line, delay = self._lines[to.account], self._delay(turn.attempts)
        found = await look_up(line.adapter, outgoing, to, line.client)
        if found and found.outcome is Outcome.SENT:
            return await self._sent(turn, outgoing, to, found, keep=keep)
        if found:
            # It may be under way still: it is looked for again before it is sent again.
            return await insist(lambda: self._store.retry(Queue.OUTBOX, turn, delay=delay, max_attempts=_NEVER_DEAD))
        own = line.adapter.max_repeats
        repeats = self._policy.max_repeats if own is None else own
        verdict = await insist(lambda: self._store.retry_unknown(turn, delay=delay, max_repeats=repeats))
        if verdict is Verdict.SPENT:
            spent = Ending(f"its outcome is not known ({reason})", is_unknown=True)
            return await self._endings.give_up(turn, outgoing, spent, keep=keep)
        return verdict

    def _delay(self, attempts: int, delays: Sequence[float] = ()) -> float:
        exact = min(self._policy.first_delay * 2.0 ** min(attempts - 1, 20), self._policy.longest_delay)
        if delays:
            exact = delays[min(attempts, len(delays)) - 1]
        return exact * (0.5 + self._jitter())


def _is_call(outgoing: Outgoing) -> bool:
    """Whether it only answers the service, as a callback's acknowledgement does, and nobody is written to."""
    return isinstance(outgoing.message, Raw) and (outgoing.message.is_transient or outgoing.message.is_call)
