"""Puts what other programs ask for on its way, each request once, and each when its time has come.

What must wait has a durable timer in its conversation, whose event leads back here. Every step may be made again after
a crash, and comes to the same.
"""

import enum
from datetime import datetime, timedelta

from msgspec.structs import replace

from botkit.clock import Clock
from botkit.conversation import Account, Conversation
from botkit.events import MenuOffered, SendDue, encode, event_id
from botkit.hops import started
from botkit.outgoing import Outgoing
from botkit.store import Commit, Store
from botkit.submission import Stage, Submission
from botkit.timer import LATER, Timer
from botkit.trails import HopTeller, submit

# For how long a repeat of a menu is recognised: longer than a message is tried, in seconds.
_WINDOW = 8 * 86_400.0
# How long what has come to its time waits for room in its conversation.
_PAUSE = timedelta(minutes=1)


class Rejection(enum.Enum):
    """Why a submission was not taken."""

    CONFLICT = "conflict"  # its id stands for another request
    FULL = "full"  # too much waits in its conversation; the same again later completes it


class Sender:
    """Takes submissions; the processes of the running service do the sending."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._teller = HopTeller(store, clock)

    async def submit(self, submission: Submission) -> Submission | Rejection:
        """Keeps a submission and puts its messages into their outbox, or waits for its time; returns it as first kept.

        It is kept first, so that the same again does what a process left undone that died in between, and no message
        goes out twice. Raises StoreUnavailableError; it may be kept then, and may be submitted again.
        """
        kept = await self._store.submissions.keep(submission)
        if kept.fingerprint != submission.fingerprint:
            return Rejection.CONFLICT
        left = await self._proceed(kept)
        if isinstance(left, datetime):
            return kept if await self._arm(kept, _timer(kept, left)) else Rejection.FULL
        return left or kept

    async def due(self, event: SendDue) -> Commit:
        """Does what a submission's time stands for; returns the commit of that turn. Raises StoreUnavailableError."""
        known = await self._store.submissions.load(event.submission)
        left = await self._proceed(known) if known else None
        if known is None or left is None:
            return Commit(b"", ())
        # A window may have gone by while nobody worked.
        at = left if isinstance(left, datetime) else self._clock.now() + _PAUSE
        return Commit(b"", (), timers=[_timer(known, at)])

    async def cancel(self, submission: Submission) -> Submission:
        """Cancels a submission that is still scheduled; returns it as it stands then, its stage tells whether it was.

        Raises StoreUnavailableError; nobody knows then, and it may be cancelled again.
        """
        decided = await self._decide(submission, Stage.CANCELLED)
        now = self._clock.now()
        if decided.stage is Stage.CANCELLED and decided.schedule and (at := decided.schedule.next_at(now)):
            timer = _timer(decided, at)
            await self._arm(decided, Timer(timer.name, 0))
        return decided

    async def _proceed(self, known: Submission) -> datetime | Rejection | None:
        """Does what can be done for it now; returns when to do the rest, FULL for soon, None if nothing is left."""
        if known.stage is Stage.SCHEDULED:
            now = self._clock.now()
            at = known.schedule.next_at(now) if known.schedule else now
            if at and at > now:
                return at
            known = await self._decide(known, Stage.STARTED if at else Stage.EXPIRED)
        if not known.parts:
            return None
        finish = self._expire if known.stage is Stage.EXPIRED else self._send
        if not await finish(known):
            return Rejection.FULL
        await self._store.submissions.settle(known)
        return None

    async def _decide(self, submission: Submission, stage: Stage) -> Submission:
        at_ms = round(1000 * self._clock.timestamp())
        # What is forgotten meanwhile has nothing left to do.
        gone = replace(submission, parts=(), values={})
        return await self._store.submissions.decide(submission.id, stage, at_ms=at_ms) or gone

    async def _arm(self, submission: Submission, timer: Timer) -> bool:
        return await self._store.submissions.arm(submission, timer.name, timer.due_ms, timer.payload)

    async def _expire(self, submission: Submission) -> bool:
        """Tells who is to hear of it; False if that must wait."""
        last = submission.parts[-1]
        if last.trail is None:
            return True
        # Nobody's handler sent it.
        told = replace(last, is_last_word=True)
        return await self._teller.ended(told, "expired", "its deadline came before its time")

    async def _send(self, submission: Submission) -> bool:
        if submission.values:
            # Before the message: a button that can be pressed has its value.
            await self._store.save_values(submission.values)
        now_ms = round(self._clock.timestamp() * 1000)
        # What was left undone for long is not late for that.
        parts = [started(part, now_ms) for part in submission.parts]
        for part in parts:
            if not await self._enqueue(part):
                return False
        return True

    async def _enqueue(self, part: Outgoing) -> bool:
        to = Conversation(Account(*part.account), part.to)
        if part.menu:
            await self._offer(part, to)
        return await submit(self._store, part)

    async def _offer(self, part: Outgoing, to: Conversation) -> None:
        # Before the message: nobody can answer what they do not see.
        offered = MenuOffered(
            id=event_id(to.account, f"menu|{part.key}"),
            at=self._clock.now(),
            conversation=to,
            choices=part.menu,
        )
        await self._store.ingest(to.key, offered.id, encode(offered), token="", window=_WINDOW)


def _timer(submission: Submission, at: datetime) -> Timer:
    """Returns the timer of a submission's time: another time is another timer."""
    due_ms = round(1000 * at.timestamp())
    to = submission.conversation
    event = SendDue(
        id=event_id(to.account, f"due|{submission.id}|{due_ms}"), at=at, conversation=to, submission=submission.id
    )
    return Timer(f"{LATER}{event.id}", due_ms, encode(event))
