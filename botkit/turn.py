"""A turn at a conversation: who holds it, what its head is, and what is stored beside."""

import enum

from msgspec import Struct


class Queue(enum.Enum):
    """The two queues of a conversation."""

    MAILBOX = "mailbox"  # events to handle
    OUTBOX = "outbox"  # messages to send

    # There is one of each: the name of it, which is an enum's hash, need not be asked for.
    __hash__ = object.__hash__


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

    `attempts` counts the started attempts on this head, this one included. `lag` is for how long, in seconds, a turn
    that was claimed had been due.
    """

    cid: str
    token: str
    id: str
    payload: bytes
    attempts: int
    record: Record = Record()
    lag: float = 0
