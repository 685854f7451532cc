"""Puts what other programs ask for on its way, each request once."""

import enum

from botkit.clock import Clock
from botkit.conversation import Account, Conversation
from botkit.events import MenuOffered, encode, event_id
from botkit.hops import started
from botkit.outgoing import Outgoing
from botkit.store import Store
from botkit.submission import Submission
from botkit.trails import submit

# For how long a repeat of a menu is recognised: longer than a message is tried, in seconds.
_WINDOW = 8 * 86_400.0


class Rejection(enum.Enum):
    """Why a submission was not taken."""

    CONFLICT = "conflict"  # its id stands for another request
    FULL = "full"  # its conversation has too many messages waiting; the same again later completes it


class Sender:
    """Takes submissions; the processes of the running service do the sending."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def submit(self, submission: Submission) -> Submission | Rejection:
        """Keeps a submission and puts its messages into their outbox; returns it as it was first kept.

        It is kept first, so that the same again does what a process left undone that died in between, and no message
        goes out twice. Raises StoreUnavailableError; it may be kept then, and may be submitted again.
        """
        kept = await self._store.submissions.keep(submission)
        if kept.fingerprint != submission.fingerprint:
            return Rejection.CONFLICT
        if kept.parts:
            if not await self._send(kept):
                return Rejection.FULL
            await self._store.submissions.settle(kept)
        return kept

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
