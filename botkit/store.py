"""What the engine asks of the place where conversations live; `redis/store.py` is the one implementation."""

import asyncio
import enum
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Protocol, TypeVar

from msgspec import Struct

from botkit.accounts import Accounts
from botkit.broadcast import Broadcasts
from botkit.contacts import Consents, Contacts
from botkit.deliveries import Deliveries, Status
from botkit.exceptions import StoreUnavailableError
from botkit.pace import Pace
from botkit.session_rules import Heard, SessionRules
from botkit.submission import Submissions
from botkit.timer import DueTimer, Timer
from botkit.turn import Queue, Record, Turn

T = TypeVar("T")


class Verdict(enum.Enum):
    """What a script made of a call."""

    DONE = "done"
    FENCED = "fenced"  # somebody else holds the conversation: stop working on it, nothing was changed
    WAITING = "waiting"  # given back, due again later
    DEAD = "dead"  # moved to the dead letters
    SPENT = "spent"  # no more repeats of an unknown outcome are allowed; the caller must give the message up
    HELD = "held"  # kept until the person writes, or until a time at which it may go
    LIMIT = "limit"  # it may not go, and holding was not asked for
    OUTSIDE = "outside"  # counted, but no session covers it: the account's month decides


class Begun(enum.Enum):
    """Whether an attempt at a message may be the first."""

    NEW = "new"
    AGAIN = "again"  # an earlier one may have arrived: nobody knows
    FENCED = "fenced"  # somebody else holds the conversation


class Counted(Struct, frozen=True):
    """What became of counting an attempt, and if it may not go, `why`: `hour`, `row`, `max`, `session` or `expired`.

    `country` is the person's where the message is `OUTSIDE`. `purchase` names what was then booked for it.
    """

    verdict: Verdict
    why: str = ""
    country: str = ""
    purchase: str = ""


class Mine(Struct, frozen=True):
    """Stored, and the caller's to handle at once."""

    turn: Turn


class Accepted(Struct, frozen=True):
    """Stored; somebody's turn will come to it. `depth` events are waiting."""

    depth: int


class Duplicate(Struct, frozen=True):
    """Known already; `reply` is the answer that was given to it, if it is ready and one was needed.

    Where it `differs`, something else came under the same id; one in a thousand of these is not noticed.
    """

    reply: bytes
    differs: bool = False


class Full(Struct, frozen=True):
    """Not stored: the conversation has too much mail."""


Ingested = Mine | Accepted | Duplicate | Full


class Reply(Struct, frozen=True):
    """The answer to an event, empty if there is none (yet); `is_pending` while its conversation has mail."""

    body: bytes
    is_pending: bool


class Commit(Struct, frozen=True):
    """Everything a handler decided. An empty `state` leaves the stored one as it is."""

    state: bytes
    outgoing: Sequence[bytes]
    timers: Sequence[Timer] = ()
    reply: bytes = b""


class Committed(Struct, frozen=True):
    """The transition stands; `sending` is the first message and `next` the next event, where they are the caller's.

    `is_queued` tells that its messages wait in the outbox for somebody else's turn, or the caller's next claim.
    """

    sending: Turn | None
    next: Turn | None
    is_queued: bool = False


class Claim(Struct, frozen=True):
    """The turns that were taken, and how long until something else is due (seconds, None = nothing waits)."""

    turns: Sequence[Turn]
    next_due: float | None


class Person(Struct, frozen=True):
    """A conversation that can be written to, or could be before; `place` encodes it where its key does not tell it."""

    cid: str
    record: Record
    place: bytes = b""
    country: str = ""


class Ahead(Struct, frozen=True):
    """What a look ahead finds: the seconds since the head came in, and the events behind it, each with its id.

    `age` is below 0 where the server's clock was set back.
    """

    age: float
    following: Sequence[tuple[str, bytes]]


class Store(Protocol):
    """Keeps conversations. Every call is atomic, and may be repeated when its answer was lost.

    All raise StoreUnavailableError when the store did not answer in time.
    """

    @property
    def accounts(self) -> Accounts:
        """What all conversations of an account share."""
        ...

    @property
    def deliveries(self) -> Deliveries:
        """What became of messages."""
        ...

    @property
    def broadcasts(self) -> Broadcasts:
        """What is said to many people at once."""
        ...

    @property
    def consents(self) -> Consents:
        """Who took leave of a bot on a network."""
        ...

    @property
    def contacts(self) -> Contacts:
        """Who is the same person on several channels."""
        ...

    @property
    def submissions(self) -> Submissions:
        """What other programs asked to be sent."""
        ...

    def new_token(self) -> str:
        """Returns a token nobody used before."""
        ...

    async def ingest(
        self,
        cid: str,
        event_id: str,
        payload: bytes,
        *,
        token: str,
        window: float,
        heard: Heard | None = None,
        opens: bool | None = None,
        stays_away: bool = False,
    ) -> Ingested:
        """Stores an event once per `window` seconds; with a token, also takes an idle conversation.

        `heard` tells that the person wrote: a session may begin, and what was held for that goes out. `opens` tells
        that the person can be written to from here on, or that they cannot: what was held is then looked at again.
        With `stays_away` whoever left of their own will stays so.
        """
        ...

    async def fire(self, due: DueTimer, event_id: str) -> Ingested:
        """Moves a due timer into its conversation's mailbox; a Duplicate if it was moved, set anew or cancelled."""
        ...

    async def claim(self, queue: Queue, limit: int) -> Claim:
        """Takes up to about `limit` conversations whose queue is due, ended leases first returned. Not repeatable."""
        ...

    async def renew(self, queue: Queue, held: Mapping[str, str]) -> set[str]:
        """Prolongs the leases of `{cid: token}`; returns the conversations that are lost."""
        ...

    async def commit(self, turn: Turn, commit: Commit, *, keep: bool, send: bool) -> Committed | None:
        """Writes a transition if the event is still the head and the turn still held; None if not.

        Raises TooManyTimersError, with nothing written.

        `keep` asks for the next event as well, `send` for the right to send the first message.
        """
        ...

    async def sent(self, turn: Turn, *, keep: bool, pace: Pace | None = None) -> Turn | None:
        """Removes a message from the outbox; returns the next one if `keep` and there is one.

        With a pace, the message uses up some of the conversation's.
        """
        ...

    async def peek(self, turn: Turn, limit: int) -> Ahead:
        """Returns what stands in the mailbox behind the turn's event, up to `limit` events."""
        ...

    async def load_timers(self, cid: str) -> Sequence[bytes]:
        """Returns the payloads of a conversation's timers that are not due yet."""
        ...

    async def count(
        self, turn: Turn, rules: SessionRules, *, account: str, month: str, outside: bool, expires_ms: int = 0
    ) -> Counted:
        """Counts an attempt to send before it is made: DONE, OUTSIDE, HELD, LIMIT or FENCED.

        Without `outside` nothing goes out that no session covers; an attempt counted as OUTSIDE is taken back then.
        What is held is due again when its time comes, or at `expires_ms` (0 = never). Books it in the account's month.
        """
        ...

    async def buy(self, account: str, month: str, *, free: int, charged_as: str) -> str:
        """Books a message that no session covers, and returns the entry of the ledger: `free` while there are so many.

        Then it is `charged_as`, and where that is empty nothing is booked: the entry is empty.
        """
        ...

    async def book(self, account: str, month: str, entries: Mapping[str, int]) -> None:
        """Adds numbers to entries of an account's month; they are kept for 400 days."""
        ...

    async def booked(self, account: str, month: str) -> Mapping[str, int]:
        """Returns what `buy` and `book` have put into an account's month."""
        ...

    async def retry(
        self, queue: Queue, turn: Turn, *, delay: float, error: str = "", max_attempts: int = 0, refund: bool = False
    ) -> Verdict:
        """Gives the turn back, due after `delay` seconds: WAITING, DEAD after `max_attempts`, or FENCED.

        `max_attempts` 0 takes the attempt back; `refund` takes the session's count back.
        """
        ...

    async def retry_unknown(self, turn: Turn, *, delay: float, max_repeats: int) -> Verdict:
        """Gives a message of unknown outcome back for a repeat: WAITING, FENCED, or SPENT when there were enough."""
        ...

    async def fail(
        self,
        turn: Turn,
        *,
        error: str,
        event_id: str,
        event: bytes,
        refund: bool,
        keep: bool,
        is_dead: bool = True,
        gone: str = "",
        status: Status | None = Status.FAILED,
    ) -> Turn | None:
        """Makes a message a dead letter and puts its event into the mailbox; returns the next message.

        Without `is_dead` there is no dead letter. With `gone` the person cannot be written to from here on. Without a
        `status` nothing is noted of it here.
        """
        ...

    async def begin(self, turn: Turn, *, notes: bool = True) -> Begun:
        """Notes, before it is made, an attempt that may be made once only; without `notes` it only looks.

        The note stays until the message has left, or is given back as one that has not arrived.
        """
        ...

    async def suspect(self, turn: Turn) -> int:
        """Notes, before it is made, an attempt at an event alone; returns how many of them had no verdict before.

        Returns -1 where the turn is not the caller's any more.
        """
        ...

    async def enqueue(self, cid: str, key: str, payload: bytes, *, watch: Timer | None = None) -> bool:
        """Puts a message into a conversation's outbox once per key, and its timer with it; False if it is full."""
        ...

    def pseudonym(self, cid: str) -> str:
        """Returns what stands for a conversation in logs: the same in all processes, and no way back from it."""
        ...

    async def due_timers(self, limit: int) -> tuple[Sequence[DueTimer], float | None]:
        """Returns timers that are due, and the seconds until the next one (None = no timer waits)."""
        ...

    async def load(self, cid: str) -> Record:
        """Returns a conversation's record; an empty one if it is unknown."""
        ...

    def people(self) -> AsyncIterator[Sequence[Person]]:
        """Yields everybody who ever wrote or subscribed and was not forgotten, once, up to 500 at a time."""
        ...

    async def load_reply(self, cid: str, event_id: str) -> Reply:
        """Returns the stored answer to an event, and whether one may still come."""
        ...

    async def save_values(self, values: Mapping[str, str]) -> None:
        """Keeps long values of buttons by their tokens, for as long as the buttons may be pressed (a year)."""
        ...

    async def load_value(self, token: str) -> str:
        """Returns the value that a token stands for, or an empty string."""
        ...

    async def save_unreadable(self, account: str, reason: str, body: bytes) -> None:
        """Keeps a genuine but unreadable body for seven days, cut to 64 KiB, the newest 1,000 of them."""
        ...

    async def forget(self, cid: str) -> int:
        """Removes every trace of a conversation, dead letters included; a handler at work cannot write it back."""
        ...

    async def sweep(self, *, idle: float = 0) -> int:
        """Removes what is kept no longer: dead letters after 30 days; with `idle`, people not heard of for that long.

        In seconds; nobody is forgotten for whom anything waits. Returns how many people were. Safe to cancel.
        """
        ...

    async def wait(self, seconds: float) -> None:
        """Returns when another process stored something to do, or after that many seconds."""
        ...

    async def wake(self) -> None:
        """Lets the processes look for work that wait for some."""
        ...

    async def ping(self) -> None:
        """Returns if the store answers."""
        ...


async def insist(call: Callable[[], Awaitable[T]], *, seconds: float = 10) -> T:
    """Repeats a call of the store while it does not answer, for that long; every call but `claim` may be repeated.

    Raises the last StoreUnavailableError. The work is not lost then: its lease ends and somebody does it again.
    """
    deadline = 0.0
    while True:
        try:
            return await call()
        except StoreUnavailableError:
            # The time begins with the first failure: nearly no call has one.
            deadline = deadline or time.monotonic() + seconds
            pause = random.uniform(0.05, 0.25)  # noqa: S311
            if time.monotonic() + pause > deadline:
                raise
            await asyncio.sleep(pause)
