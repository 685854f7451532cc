"""What the engine asks of the place where conversations live; `redis/store.py` is the one implementation."""

import asyncio
import enum
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from msgspec import Struct

from botkit.accounts import Accounts
from botkit.broadcast import Broadcasts
from botkit.contacts import Contacts
from botkit.conversation import Account
from botkit.events import HopReported
from botkit.exceptions import StoreUnavailableError
from botkit.pace import Pace
from botkit.session_rules import Heard, SessionRules
from botkit.submission import Submissions

T = TypeVar("T")


class Queue(enum.Enum):
    """The two queues of a conversation."""

    MAILBOX = "mailbox"  # events to handle
    OUTBOX = "outbox"  # messages to send


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


class Counts(Struct, frozen=True):
    """A conversation's commercial window: when it started and ends (ms, 0 = none), and how many went out in it.

    `in_row` went out without an answer, `this_hour` of them in the clock hour `hour` (hours since the epoch).
    """

    started_ms: int = 0
    sent: int = 0
    in_row: int = 0
    ends_ms: int = 0
    hour: int = 0
    this_hour: int = 0


class Counted(Struct, frozen=True):
    """What became of counting an attempt, and if it may not go, `why`: `hour`, `row`, `max`, `session` or `expired`.

    `country` is the person's where the message is `OUTSIDE`. `purchase` names what was then booked for it.
    """

    verdict: Verdict
    why: str = ""
    country: str = ""
    purchase: str = ""


class Record(Struct, frozen=True):
    """What is stored of a conversation; `queued` messages wait in its outbox.

    A turn at an outbox knows only the rest: until when (ms) the conversation's pace is used up, and why the person
    cannot be written to, if they cannot.
    """

    state: bytes = b""
    version: int = 0
    counts: Counts = Counts()
    queued: int = 0
    paced_ms: int = 0
    gone: str = ""


class Turn(Struct, frozen=True):
    """The head of one queue of one conversation, held by `token` until the lease ends.

    `attempts` counts the started attempts on this head, this one included.
    """

    cid: str
    token: str
    id: str
    payload: bytes
    attempts: int
    record: Record = Record()


class Mine(Struct, frozen=True):
    """Stored, and the caller's to handle at once."""

    turn: Turn


class Accepted(Struct, frozen=True):
    """Stored; somebody's turn will come to it. `depth` events are waiting."""

    depth: int


class Duplicate(Struct, frozen=True):
    """Known already; `reply` is the answer that was given to it, if it is ready and one was needed."""

    reply: bytes


class Full(Struct, frozen=True):
    """Not stored: the conversation has too much mail."""


Ingested = Mine | Accepted | Duplicate | Full


class Reply(Struct, frozen=True):
    """The answer to an event, empty if there is none (yet); `is_pending` while its conversation has mail."""

    body: bytes
    is_pending: bool


class Timer(Struct, frozen=True):
    """A timer to set, or with `due_ms` 0 to cancel; `payload` is the encoded `TimerFired`."""

    name: str
    due_ms: int
    payload: bytes = b""


class DueTimer(Struct, frozen=True):
    """A timer whose time has come."""

    cid: str
    timer: Timer


#: How the names of timers begin that deliver an event of their own: `ctx.after` takes none that begins with "flow:".
LATER = "flow:="


class Status(enum.Enum):
    """How far a message has come; of the last three only one is ever reached, unless what had failed arrives."""

    COMMITTED = "committed"
    SENT = "sent"
    DELIVERED = "delivered"
    SEEN = "seen"
    FAILED = "failed"
    EXPIRED = "expired"


class HopDelivery(Struct, frozen=True):
    """What became of one way of a message: `times` of `taken`, `skipped`, `overdue` and what was heard of it."""

    number: int
    account: Account
    times: Mapping[str, datetime]
    reason: str = ""

    @property
    def may_have_arrived(self) -> bool:
        """Whether the message may have arrived this way, for all that is known."""
        heard = self.times.keys()
        is_out = bool(heard & {"sent", "unknown"}) and not heard & {"failed", "expired"}
        return is_out or bool(heard & {"delivered", "seen"})


class Delivery(Struct, frozen=True):
    """What became of a message, and when it came to each status that it has had; `hops` are its ways, if several."""

    status: Status
    times: Mapping[Status, datetime]
    hops: tuple[HopDelivery, ...] = ()

    @property
    def may_be_double(self) -> bool:
        """Whether the person may have it more than once: more than one way may have brought it."""
        return sum(hop.may_have_arrived for hop in self.hops) > 1


class Following(Struct, frozen=True):
    """The way that a message takes next: its number and account, what is awaited of it, and the timer that watches."""

    hop: int
    via: tuple[str, str]
    awaited: str
    watch: Timer


class HopNews(Struct, frozen=True):
    """What a report of one way comes to: `word` is empty for no news, a status, or `next` where another was taken.

    `rest` is then what its timer holds: empty if that has fired meanwhile. `reason` is why the other is over.
    """

    word: str
    rest: bytes = b""
    reason: str = ""


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


class Deliveries(Protocol):
    """What became of messages, for four days after the last news. All calls raise StoreUnavailableError."""

    async def sent(self, turn: Turn, receipt_id: str, *, created_ms: int, expiry: Timer | None, mark: str = "") -> None:
        """Notes that a message was sent, and that the service's id stands for it in its conversation.

        Reports that came before it are due. `expiry` holds an event for the case that nothing is heard until then;
        its name begins with `LATER`. With a `mark`, the id stands for that, and the record is kept by others.
        """
        ...

    async def find(self, cid: str, receipt_id: str) -> str:
        """Returns the key of the message that a service's id stands for, or its mark, or an empty string."""
        ...

    async def step(
        self,
        turn: Turn,
        report: HopReported,
        *,
        watch: str,
        later_ms: int,
        following: Following | None,
        skipped: Sequence[tuple[int, tuple[str, str], str]] = (),
    ) -> HopNews | None:
        """Notes what became of one way, and takes the `following` one if that is over; None if the turn is lost.

        To the event that told it, it answers the same again. `watch` names the way's timer, which is put off to
        `later_ms` when it has reached what was awaited. Ways `skipped` are noted with their account and the reason.
        """
        ...

    async def load_ids(self, cid: str, key: str, hop: int) -> Sequence[str]:
        """Returns what the service calls a message that took the ways from that number on; nothing if it did not."""
        ...

    async def load_watch(self, cid: str, name: str) -> bytes:
        """Returns what a timer holds that watches over a way; empty once it has fired or is off."""
        ...

    async def note(self, cid: str, key: str, status: Status, event_id: str, *, expiry: str) -> bool:
        """Notes what an event tells of a message; False if it is no news. The `expiry` of that name is off then.

        To the event that brought the news it stays news, so that its handler can be run again.
        """
        ...

    async def park(self, turn: Turn, receipt_id: str, *, name: str, seconds: float, most: int) -> str | None:
        """Puts a report of an unknown message aside, and gives the mailbox back; None if the turn is over with that.

        It comes back as an event with the id that `name` has after `LATER`, when the message is noted as sent, or
        after so many seconds. Returns the message's key if it became known, or an empty string if `most` are parked.
        """
        ...

    async def load(self, cid: str, key: str) -> Delivery | None:
        """Returns what became of a message; None if nothing is known of it (any more)."""
        ...


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

    async def enqueue(self, cid: str, key: str, payload: bytes, *, watch: Timer | None = None) -> bool:
        """Puts a message into a conversation's outbox once per key, and its timer with it; False if it is full."""
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

    async def wait(self, seconds: float) -> None:
        """Returns when another process stored something to do, or after that many seconds."""
        ...

    async def ping(self) -> None:
        """Returns if the store answers."""
        ...


async def insist(call: Callable[[], Awaitable[T]], *, seconds: float = 10) -> T:
    """Repeats a call of the store while it does not answer, for that long; every call but `claim` may be repeated.

    Raises the last StoreUnavailableError. The work is not lost then: its lease ends and somebody does it again.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return await call()
        except StoreUnavailableError:
            pause = random.uniform(0.05, 0.25)  # noqa: S311
            if time.monotonic() + pause > deadline:
                raise
            await asyncio.sleep(pause)
