"""Sends what was committed, in order, and sees each message to its end."""

import asyncio
import random
from collections.abc import Callable, Mapping

import msgspec
import structlog
from msgspec import Struct

from botkit.adapter import Adapter, HttpClient, Outcome, Receipt
from botkit.charging import REASONS, Charging, expires_ms
from botkit.clock import Clock
from botkit.conversation import Account, Conversation
from botkit.events import MessageFailed, event_id
from botkit.events import encode as encode_event
from botkit.exceptions import MessageError, NotSentError, RecordError, UnknownOutcomeError
from botkit.governor import Governor
from botkit.messages import Outgoing
from botkit.messages import decode as decode_outgoing
from botkit.messages import encode as encode_outgoing
from botkit.record import Flows
from botkit.store import Queue, Store, Turn, Verdict, insist

# Age decides about messages that cannot be sent, not the number of attempts.
_NEVER_DEAD = 1_000_000

log = structlog.get_logger("botkit.outbox")


class SendPolicy(Struct, frozen=True):
    """How long a message is tried, in seconds, and how often it is sent again when its outcome is not known.

    With `max_repeats` 0 only a process that dies between sending and noting it leads to a second time.
    """

    max_age: float = 3600
    max_repeats: int = 2
    first_delay: float = 1
    longest_delay: float = 60
    max_attempts: int = 200


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
        self.governor = Governor(clock.timestamp)

    async def run(self, turn: Turn, *, keep: Callable[[], bool]) -> None:
        """Sends from the head on while `keep()` holds; every way out leaves the store knowing where things stand."""
        following: Turn | None = turn
        while following is not None:
            following = await self._step(following, keep=keep())

    async def _step(self, turn: Turn, *, keep: bool) -> Turn | None:
        outgoing = decode_outgoing(turn.payload)
        account = Account(*outgoing.account)
        to = Conversation(account, outgoing.to)
        if to.key != turn.cid:
            return await self._relay(turn, outgoing, to, keep=keep)
        line = self._lines.get(account)
        if line is None:
            return await self._give_up(turn, outgoing, "no bot here speaks for its account any more", keep=keep)
        if 0 < expires_ms(outgoing) <= self._clock.timestamp() * 1000:
            return await self._give_up(turn, outgoing, REASONS["expired"], keep=keep)
        if wait := self.governor.wait(account):
            await self._store.retry(Queue.OUTBOX, turn, delay=wait)
            return None
        if self._is_too_old(turn, outgoing, line.adapter):
            return await self._give_up(turn, outgoing, "not sent within its time", keep=keep)
        counted = await self._charging.count(line.adapter, turn, outgoing)
        if counted.verdict is Verdict.LIMIT:
            return await self._stop(turn, outgoing, line.adapter, counted.why, keep=keep)
        if counted.verdict is not Verdict.DONE:
            return None
        receipt = await self._attempt(line, turn, outgoing, to)
        conclusion = self._conclude(turn, outgoing, account, receipt, keep=keep)
        if not (counted.purchase or receipt.billing):
            return await conclusion
        # Both travel in one batch.
        following, _ = await asyncio.gather(conclusion, self._charging.settle(line.adapter, counted, receipt))
        return following

    async def _relay(self, turn: Turn, outgoing: Outgoing, to: Conversation, *, keep: bool) -> Turn | None:
        # A commit touches one conversation; what it says in another goes there by its key, once.
        if not await insist(lambda: self._store.enqueue(to.key, outgoing.key, turn.payload)):
            return await self._give_up(turn, outgoing, "the other conversation's outbox is full", keep=keep)
        return await insist(lambda: self._store.sent(turn, keep=keep))

    def _is_too_old(self, turn: Turn, outgoing: Outgoing, adapter: Adapter) -> bool:
        age = self._clock.timestamp() - outgoing.created_ms / 1000
        # Where messages are held for the person, one may be old before its first attempt.
        is_late = age > self._policy.max_age and (turn.attempts > 1 or adapter.sessions is None)
        return is_late or turn.attempts > self._policy.max_attempts

    async def _stop(self, turn: Turn, outgoing: Outgoing, adapter: Adapter, why: str, *, keep: bool) -> Turn | None:
        """Sends what a limit stopped by the conversation's other way, if it may and there is one, or gives it up."""
        is_moved = adapter.sessions is not None and adapter.sessions.at_limit == "failover" and why != "expired"
        moved = await self._elsewhere(turn, outgoing) if is_moved else None
        if moved is not None:
            to, payload = Conversation(Account(*moved.account), moved.to), encode_outgoing(moved)
            if await insist(lambda: self._store.enqueue(to.key, moved.key, payload)):
                log.info("failed over", account=adapter.ta, message=outgoing.key, to=to.account.ta)
                return await insist(lambda: self._store.sent(turn, keep=keep))
        return await self._give_up(turn, outgoing, REASONS[why], keep=keep)

    async def _elsewhere(self, turn: Turn, outgoing: Outgoing) -> Outgoing | None:
        if outgoing.has_failed_over:
            return None
        try:
            to = Flows((await insist(lambda: self._store.load(turn.cid))).state).failover
            if to is None or (line := self._lines.get(to.account)) is None:
                return None
            message = line.adapter.check(outgoing.message)
        except (MessageError, RecordError) as error:
            log.warning("cannot fail over", account=outgoing.account[1], message=outgoing.key, reason=error.what)
            return None
        account = (to.account.channel, to.account.ta)
        return msgspec.structs.replace(outgoing, account=account, to=to.id, message=message, has_failed_over=True)

    async def _attempt(self, line: Line, turn: Turn, outgoing: Outgoing, to: Conversation) -> Receipt:
        if turn.attempts > 1:
            log.info("sending again", account=line.adapter.ta, message=outgoing.key, attempt=turn.attempts)
        try:
            return await line.adapter.send(outgoing, to, line.client)
        except NotSentError as error:
            return Receipt(Outcome.NOT_SENT, reason=error.what)
        except UnknownOutcomeError as error:
            return Receipt(Outcome.UNKNOWN, reason=error.what)
        except Exception as error:  # an adapter's own mistake: nobody knows how far it came
            log.exception("the adapter failed", account=line.adapter.ta)
            return Receipt(Outcome.UNKNOWN, reason=f"{type(error).__name__} in the adapter")

    async def _conclude(
        self, turn: Turn, outgoing: Outgoing, account: Account, receipt: Receipt, *, keep: bool
    ) -> Turn | None:
        if receipt.outcome is Outcome.SENT:
            return await self._sent(turn, outgoing, account, receipt, keep=keep)
        log.info(
            "not sent", account=account.ta, message=outgoing.key, outcome=receipt.outcome.value, reason=receipt.reason,
            attempt=turn.attempts,
        )  # fmt: skip
        if receipt.outcome is Outcome.REFUSED:
            self.governor.worked(account)
            return await self._give_up(turn, outgoing, receipt.reason, keep=keep, refund=True)
        if receipt.outcome is Outcome.THROTTLED:
            self.governor.pause(account, receipt.retry_after)
            await insist(lambda: self._store.retry(Queue.OUTBOX, turn, delay=receipt.retry_after, refund=True))
            return None
        # Told when to come again, it is this conversation that must wait; else the service has trouble.
        note = self.governor.worked if receipt.retry_after else self.governor.failed
        note(account)
        if outgoing.message.is_transient:
            return await insist(lambda: self._store.sent(turn, keep=keep))
        if receipt.outcome is Outcome.NOT_SENT:
            delay = receipt.retry_after or self._delay(turn.attempts)
            await insist(
                lambda: self._store.retry(Queue.OUTBOX, turn, delay=delay, max_attempts=_NEVER_DEAD, refund=True)
            )
            return None
        return await self._repeat(turn, outgoing, receipt.reason, keep=keep)

    async def _sent(
        self, turn: Turn, outgoing: Outgoing, account: Account, receipt: Receipt, *, keep: bool
    ) -> Turn | None:
        self.governor.worked(account)
        log.debug("sent", account=account.ta, message=outgoing.key, attempt=turn.attempts)
        if not (receipt.id and self._lines[account].adapter.has_receipts):
            return await insist(lambda: self._store.sent(turn, keep=keep))
        receipts = f"{account.channel}:{account.ta}"
        # Both travel in one batch, the receipt first: no report can find the message gone and itself unknown.
        _, following = await insist(
            lambda: asyncio.gather(
                self._store.save_receipt(receipts, receipt.id, outgoing.key), self._store.sent(turn, keep=keep)
            )
        )
        return following

    async def _repeat(self, turn: Turn, outgoing: Outgoing, reason: str, *, keep: bool) -> Turn | None:
        delay, repeats = self._delay(turn.attempts), self._policy.max_repeats
        verdict = await self._store.retry_unknown(turn, delay=delay, max_repeats=repeats)
        if verdict is Verdict.SPENT:
            return await self._give_up(turn, outgoing, f"its outcome is not known ({reason})", keep=keep)
        return None

    async def _give_up(
        self, turn: Turn, outgoing: Outgoing, reason: str, *, keep: bool, refund: bool = False
    ) -> Turn | None:
        if outgoing.message.is_transient:
            return await self._store.sent(turn, keep=keep)
        log.warning("given up", account=outgoing.account[1], message=outgoing.key, reason=reason)
        account = Account(*outgoing.account)
        failed = MessageFailed(
            id=event_id(account, f"failed|{outgoing.key}"),
            at=self._clock.now(),
            conversation=Conversation(account, outgoing.to),
            message_key=outgoing.key,
            reason=reason,
        )
        # A reply to a failure that fails as well is the last word: else the two would go on for ever.
        relayed = failed.conversation.key != turn.cid
        event = b"" if outgoing.is_last_word or relayed else encode_event(failed)
        return await insist(
            lambda: self._store.fail(turn, error=reason, event_id=failed.id, event=event, refund=refund, keep=keep)
        )

    def _delay(self, attempts: int) -> float:
        exact = min(self._policy.first_delay * 2.0 ** min(attempts - 1, 20), self._policy.longest_delay)
        return exact * (0.5 + self._jitter())
