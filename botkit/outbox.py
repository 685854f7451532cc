"""Sends what was committed, in order, and sees each message to its end."""

import asyncio
import math
import random
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import structlog
from msgspec import Struct
from msgspec.structs import replace

from botkit.adapter import Adapter, Outcome, Receipt
from botkit.attempts import CUT_SHORT, is_noted, look_up
from botkit.batches import Batches, Note
from botkit.broadcast import Fate
from botkit.charging import REASONS, Charging
from botkit.clock import Clock
from botkit.conversation import Account, Conversation
from botkit.deliveries import Status
from botkit.events import Event, HopStatus, MessageFailed, SignalReceived, event_id
from botkit.events import encode as encode_event
from botkit.exceptions import MessageError, NotSentError, RecordError, StoreUnavailableError, UnknownOutcomeError
from botkit.failover import redirected
from botkit.fates import counts, is_counted
from botkit.governor import Governor, Hold, is_shared
from botkit.hops import is_followed, is_over
from botkit.http_client import HttpClient
from botkit.messages import Raw
from botkit.migration import WINDOW, delivered
from botkit.outgoing import Outgoing
from botkit.outgoing import decode as decode_outgoing
from botkit.record import Flows
from botkit.redaction import frames
from botkit.relay import WINDOW as RELAY_WINDOW
from botkit.relay import relay
from botkit.reports import expired, receipts
from botkit.store import Begun, Full, Store, Verdict, insist
from botkit.trails import HopTeller, is_end
from botkit.turn import Queue, Turn

# Age decides about messages that cannot be sent, not the number of attempts.
_NEVER_DEAD = 1_000_000

# Why a way is not taken any more; nobody is to look into it.
_OVERDUE = "the time of this way was over"

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


class Line(Struct, frozen=True):
    """An account ready to send: its adapter and its connections."""

    adapter: Adapter
    client: HttpClient


class Outbox:
    """Takes turns at outboxes, one message after the other, until none is left or the turn is lost."""

    def __init__(
        self,
        store: Store,
        lines: Mapping[Account, Line],
        clock: Clock,
        *,
        policy: SendPolicy | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._lines = lines
        self._clock = clock
        self._policy = policy or SendPolicy()
        self._jitter = jitter
        self._charging = Charging(store, clock)
        self.governor = Governor(store.accounts, clock)
        self._batches = Batches(self.governor)
        self._teller = HopTeller(store, clock)
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

    async def _step(self, turn: Turn, *, keep: bool) -> Turn | Verdict | None:
        outgoing = decode_outgoing(turn.payload)
        account = Account(*outgoing.account)
        to = Conversation(account, outgoing.to)
        if event := delivered(outgoing):
            return await self._deliver(turn, to, *event, keep=keep)
        if to.key != turn.cid:
            return await self._relay(turn, outgoing, to, keep=keep)
        line = self._lines.get(account)
        if line is None:
            return await self._give_up(turn, outgoing, "no bot here speaks for its account any more", keep=keep)
        if turn.record.gone and not _is_call(outgoing):
            return await self._suppress(turn, outgoing, keep=keep)
        if reason := self._lateness(turn, outgoing, line.adapter):
            return await self._give_up(turn, outgoing, reason, keep=keep)
        if hold := await self.governor.wait(line.adapter, to, turn, outgoing):
            return await self._put_off(turn, hold)
        return await self._send(line, turn, outgoing, to, keep=keep)

    async def _send(
        self, line: Line, turn: Turn, outgoing: Outgoing, to: Conversation, *, keep: bool
    ) -> Turn | Verdict | None:
        counted = await self._charging.count(line.adapter, turn, outgoing)
        if counted.verdict is Verdict.LIMIT:
            return await self._stop(turn, outgoing, line.adapter, counted.why, keep=keep)
        if counted.verdict is not Verdict.DONE:
            return None
        receipt = await self._attempt(line, turn, outgoing, to)
        if receipt is None:
            return None
        conclusion = self._conclude(turn, outgoing, to, receipt, keep=keep)
        if not (counted.purchase or receipt.billing):
            return await conclusion
        # Both travel in one batch.
        following, _ = await asyncio.gather(conclusion, self._charging.settle(line.adapter, counted, receipt))
        return following

    async def _put_off(self, turn: Turn, hold: Hold) -> Verdict:
        verdict = await self._store.retry(Queue.OUTBOX, turn, delay=hold.seconds)
        if hold.is_pace:
            self.paced_until = max(self.paced_until, self._clock.timestamp() + hold.seconds + 0.001)
        return verdict

    async def _suppress(self, turn: Turn, outgoing: Outgoing, *, keep: bool) -> Turn | None:
        # Nothing went wrong, and nobody is to look into it: the handlers are told, and that is all.
        reason = f"the person cannot be written to ({turn.record.gone})"
        return await self._give_up(turn, outgoing, reason, keep=keep, is_dead=False)

    async def _relay(self, turn: Turn, outgoing: Outgoing, to: Conversation, *, keep: bool) -> Turn | None:
        if outgoing.signal is not None:
            return await self._tell(turn, outgoing, outgoing.signal, keep=keep)
        # A commit touches one conversation; what it says in another goes there by its key, once.
        if not await relay(self._store, self._clock, replace(outgoing, to=to.id), to):
            return await self._give_up(turn, outgoing, "the other conversation's outbox is full", keep=keep)
        return await insist(lambda: self._store.sent(turn, keep=keep))

    async def _tell(self, turn: Turn, outgoing: Outgoing, signal: SignalReceived, *, keep: bool) -> Turn | None:
        payload, window = encode_event(signal), RELAY_WINDOW
        key = signal.conversation.key
        told = await insist(lambda: self._store.ingest(key, signal.id, payload, token="", window=window))
        if not isinstance(told, Full):
            return await insist(lambda: self._store.sent(turn, keep=keep))
        if self._clock.timestamp() - outgoing.created_ms / 1000 > self._policy.max_age:
            return await self._give_up(turn, outgoing, "the other conversation's mailbox is full", keep=keep)
        delay = self._delay(turn.attempts)
        await insist(lambda: self._store.retry(Queue.OUTBOX, turn, delay=delay, max_attempts=_NEVER_DEAD))
        return None

    async def _deliver(self, turn: Turn, to: Conversation, event_id: str, event: bytes, *, keep: bool) -> Turn | None:
        # An event for another conversation goes into its mailbox by its id, once; nothing of it may be lost.
        stored = await insist(lambda: self._store.ingest(to.key, event_id, event, token="", window=WINDOW))
        if isinstance(stored, Full):
            await self._store.retry(Queue.OUTBOX, turn, delay=self._delay(turn.attempts))
            return None
        return await insist(lambda: self._store.sent(turn, keep=keep))

    def _lateness(self, turn: Turn, outgoing: Outgoing, adapter: Adapter) -> str:
        """Returns why it is too late for a message, or nothing."""
        if 0 < outgoing.expires_ms <= self._clock.timestamp() * 1000:
            return REASONS["expired"]
        if is_over(outgoing, self._clock.timestamp() * 1000):
            return _OVERDUE
        age = self._clock.timestamp() - outgoing.created_ms / 1000
        # Where messages are held for the person, one may be old before its first attempt.
        max_age = adapter.max_age or self._policy.max_age
        is_late = age > max_age and (turn.attempts > 1 or adapter.sessions is None)
        most = math.inf if adapter.max_age else self._policy.max_attempts
        return "not sent within its time" if is_late or turn.attempts > most else ""

    async def _stop(self, turn: Turn, outgoing: Outgoing, adapter: Adapter, why: str, *, keep: bool) -> Turn | None:
        """Sends what a limit stopped by the conversation's other way, if it may and there is one, or gives it up."""
        may_move = adapter.sessions is not None and adapter.sessions.at_limit == "failover" and why != "expired"
        if may_move and not (outgoing.has_failed_over or outgoing.trail) and await self._fail_over(turn, outgoing):
            return await insist(lambda: self._store.sent(turn, keep=keep))
        return await self._give_up(turn, outgoing, REASONS[why], keep=keep)

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

    async def _attempt(self, line: Line, turn: Turn, outgoing: Outgoing, to: Conversation) -> Receipt | None:
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
            log.info("sending again", account=line.adapter.ta, message=outgoing.key, attempt=turn.attempts)
        try:
            if is_shared(line.adapter, outgoing):
                return await self._batches.send(line.adapter, outgoing.message, to, line.client, note=note)
            return await line.adapter.send(outgoing, to, line.client)
        except StoreUnavailableError:
            raise
        except NotSentError as error:
            return Receipt(Outcome.NOT_SENT, reason=error.what)
        except UnknownOutcomeError as error:
            return Receipt(Outcome.UNKNOWN, reason=error.what)
        except Exception as error:  # an adapter's own mistake: nobody knows how far it came
            log.error("the adapter failed", account=line.adapter.ta, error=type(error).__name__, frames=frames(error))
            return Receipt(Outcome.UNKNOWN, reason=f"{type(error).__name__} in the adapter")

    async def _conclude(
        self, turn: Turn, outgoing: Outgoing, to: Conversation, receipt: Receipt, *, keep: bool
    ) -> Turn | Verdict | None:
        account = to.account
        if receipt.outcome is Outcome.SENT:
            return await self._sent(turn, outgoing, to, receipt, keep=keep)
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
            return await self._give_up(turn, outgoing, receipt.reason, keep=keep, refund=True, gone=gone)
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

    async def _sent(
        self, turn: Turn, outgoing: Outgoing, to: Conversation, receipt: Receipt, *, keep: bool
    ) -> Turn | None:
        adapter = self._lines[to.account].adapter
        self.governor.worked(to.account)
        log.debug("sent", account=adapter.ta, message=outgoing.key, attempt=turn.attempts)
        pace = None if outgoing.message.is_transient else adapter.chat_pace(to)
        if is_followed(outgoing):
            await self._teller.sent(turn, outgoing, receipt, adapter)
        # All travel in one batch, the receipts first: no report can find the message gone and itself unknown, and what
        # counts as sent has its receipt.
        *_, following = await insist(
            lambda: asyncio.gather(
                *receipts(self._store, adapter, turn, outgoing, receipt, now=self._clock.timestamp()),
                *counts(self._store, outgoing, Fate.SENT),
                self._store.sent(turn, keep=keep, pace=pace),
            )
        )
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
        verdict = await self._store.retry_unknown(turn, delay=delay, max_repeats=repeats)
        if verdict is Verdict.SPENT:
            reason = f"its outcome is not known ({reason})"
            return await self._give_up(turn, outgoing, reason, keep=keep, is_unknown=True)
        return verdict

    async def _give_up(
        self,
        turn: Turn,
        outgoing: Outgoing,
        reason: str,
        *,
        keep: bool,
        refund: bool = False,
        is_dead: bool = True,
        gone: str = "",
        is_unknown: bool = False,
    ) -> Turn | None:
        if outgoing.message.is_transient:
            return await self._store.sent(turn, keep=keep)
        log.warning("given up", account=outgoing.account[1], message=outgoing.key, reason=reason)
        if is_followed(outgoing):
            return await self._leave_way(
                turn, outgoing, reason, keep=keep, refund=refund, is_dead=is_dead, gone=gone, is_unknown=is_unknown
            )
        await self._note(outgoing, Fate.FAILED if is_dead else Fate.SKIPPED)
        failed, status = self._failure(outgoing, reason)
        # A reply to a failure that fails as well is the last word: else the two would go on for ever.
        relayed = failed.conversation.key != turn.cid
        event = b"" if outgoing.is_last_word or relayed else encode_event(failed)
        return await insist(
            lambda: self._store.fail(
                turn,
                error=reason,
                event_id=failed.id,
                event=event,
                refund=refund,
                keep=keep,
                # Nobody is to look into what was given up as it was decided.
                is_dead=is_dead and status is Status.FAILED,
                gone=gone,
                status=status,
            )
        )

    async def _leave_way(
        self,
        turn: Turn,
        outgoing: Outgoing,
        reason: str,
        *,
        keep: bool,
        refund: bool,
        is_dead: bool,
        gone: str,
        is_unknown: bool,
    ) -> Turn | None:
        """Gives one way of a message up: its home is told, and takes the next."""
        ended = "unknown" if is_unknown else await self._hop_status(turn, outgoing, reason, is_refused=refund)
        if not await self._teller.ended(outgoing, ended, reason):
            await insist(lambda: self._store.retry(Queue.OUTBOX, turn, delay=self._delay(turn.attempts)))
            return None
        is_dead = is_dead and is_end(outgoing, ended) and reason != _OVERDUE
        return await insist(
            lambda: self._store.fail(
                turn,
                error=reason,
                event_id="",
                event=b"",
                refund=refund,
                keep=keep,
                is_dead=is_dead,
                gone=gone,
                status=None,
            )
        )

    async def _hop_status(self, turn: Turn, outgoing: Outgoing, reason: str, *, is_refused: bool) -> HopStatus:
        """Returns what a way that is given up ended as: an attempt at it may have arrived all the same."""
        if reason == REASONS["expired"]:
            return "expired"
        if is_refused:
            return "failed"
        begun = await insist(lambda: self._store.begin(turn, notes=False))
        return "unknown" if begun is Begun.AGAIN else "failed"

    async def _note(self, outgoing: Outgoing, fate: Fate) -> None:
        await insist(lambda: asyncio.gather(*counts(self._store, outgoing, fate)))

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

    def _delay(self, attempts: int, delays: Sequence[float] = ()) -> float:
        exact = min(self._policy.first_delay * 2.0 ** min(attempts - 1, 20), self._policy.longest_delay)
        if delays:
            exact = delays[min(attempts, len(delays)) - 1]
        return exact * (0.5 + self._jitter())


def _is_call(outgoing: Outgoing) -> bool:
    """Whether it only answers the service, as a callback's acknowledgement does, and nobody is written to."""
    return isinstance(outgoing.message, Raw) and (outgoing.message.is_transient or outgoing.message.is_call)
