"""A broadcast as values: what is said to whom, how far it has come, and what the store must keep of it."""

import enum
import re
from collections.abc import Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from botkit.conversation import Account, Conversation
from botkit.messages import AnyMessage
from botkit.outgoing import Hop
from botkit.send_schedule import SendSchedule

# Three numbers and a mark: a digest, which all other messages' keys begin with, never ends with that letter.
_KEY = re.compile(r"([A-Za-z0-9_-]{10})(\d{2})(\d{9})b(\d{2})")


class Segment(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whom a broadcast is for: everybody who fits all that is asked; as it stands, everybody.

    `states` are those of flows, such as `Parcel.day`, with all that is inside it; `Parcel` alone is any state but the
    first. One of them is enough, as is one of `channels`, `accounts`, `any_tags` and `locales`; all of `tags` must be
    there, and none of `no_tags`. A locale stands for all that begins with it: `sl` for `sl-SI`.
    """

    channels: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    any_tags: tuple[str, ...] = ()
    no_tags: tuple[str, ...] = ()
    locales: tuple[str, ...] = ()


class Stage(enum.Enum):
    """Where a broadcast stands; the last two are its ends."""

    DRAFT = "draft"  # its recipients are chosen, nobody is written to
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    CANCELLED = "cancelled"


#: The stages from which each one can be reached.
BEFORE: Mapping[Stage, tuple[Stage, ...]] = {
    Stage.RUNNING: (Stage.DRAFT, Stage.PAUSED),
    Stage.PAUSED: (Stage.RUNNING,),
    Stage.DONE: (Stage.RUNNING,),
    Stage.CANCELLED: (Stage.DRAFT, Stage.RUNNING, Stage.PAUSED),
}


class Fate(enum.Enum):
    """What became of one recipient's message: one of the first three, and what was reported after that."""

    SENT = "sent"
    FAILED = "failed"
    SKIPPED = "skipped"  # they cannot be written to
    DELIVERED = "delivered"
    SEEN = "seen"
    UNDELIVERED = "undelivered"


#: What may be reported after that, the best first.
REPORTS = (Fate.SEEN, Fate.DELIVERED, Fate.UNDELIVERED)

#: The three of which each recipient meets one.
ENDS = frozenset({Fate.SENT, Fate.FAILED, Fate.SKIPPED})


class Bulk(Struct, frozen=True, omit_defaults=True):
    """What a broadcast has besides that goes to a list of destinations, for a program that asked for it.

    `owner` is the program's name, `fingerprint` stands for its request. `hops` are the ways of each message, without
    their conversations, where it has several; `callback` names who hears of each step of each message, at
    `notify_url` if that is not their usual address. Messages go out while `schedule` is open, if there is one.
    """

    owner: str
    fingerprint: str = ""
    hops: tuple[Hop, ...] = ()
    callback: str = ""
    notify_url: str = ""
    reference: str = ""
    schedule: SendSchedule | None = None


class Broadcast(Struct, frozen=True, omit_defaults=True):
    """One message to the people of a segment; each of `accounts` is a lane with recipients of its own.

    `notify` is a conversation of this bot whose handlers hear of the progress. With `bulk` the recipients are those
    that were listed, whoever they are, and their list is kept as long as the numbers.
    """

    id: str
    bot: str
    message: AnyMessage
    segment: Segment
    accounts: tuple[Account, ...]
    name: str = ""
    notify: Conversation | None = None
    bulk: Bulk | None = None


class Tally(Struct, frozen=True):
    """How many recipients there are, how many messages lie in their outboxes or did, and what became of them."""

    total: int = 0
    fed: int = 0
    sent: int = 0
    failed: int = 0
    skipped: int = 0
    delivered: int = 0
    seen: int = 0
    undelivered: int = 0
    #: When the last were fed, in milliseconds.
    fed_ms: int = 0

    @property
    def ended(self) -> int:
        """How many are over with."""
        return self.sent + self.failed + self.skipped

    @property
    def waiting(self) -> int:
        """How many lie in their outboxes."""
        return self.fed - self.ended

    def __add__(self, other: "Tally") -> "Tally":
        names = self.__struct_fields__
        summed = {name: getattr(self, name) + getattr(other, name) for name in names}
        return Tally(**summed | {"fed_ms": max(self.fed_ms, other.fed_ms)})


class Progress(Struct, frozen=True):
    """How far a broadcast has come, lane by lane; times in milliseconds, 0 for what has not been."""

    broadcast: Broadcast
    stage: Stage
    created_ms: int
    starts_ms: int
    ended_ms: int
    lanes: tuple[Tally, ...]

    @property
    def tally(self) -> Tally:
        """All lanes together."""
        return sum(self.lanes, Tally())


class Spot(Struct, frozen=True):
    """A recipient's place in a broadcast."""

    broadcast: str
    lane: int
    index: int


def key_of(spot: Spot, part: int = 0) -> str:
    """Returns the key of a recipient's message; of several parts the last is 0."""
    return f"{spot.broadcast}{spot.lane:02}{spot.index:09}b{part:02}"


def spot_of(key: str) -> Spot | None:
    """Returns whose message a key names, if it is the last part of one of a broadcast."""
    found = _KEY.fullmatch(key)
    if found is None or found[4] != "00":
        return None
    return Spot(found[1], int(found[2]), int(found[3]))


class Due(Struct, frozen=True):
    """The broadcasts that are to be worked on, and the seconds until the next (None = none waits for its time)."""

    ids: Sequence[str]
    next: float | None = None


class Broadcasts(Protocol):
    """What the store keeps of broadcasts, for 30 days after their end. All calls raise StoreUnavailableError."""

    async def draft(self, broadcast: Broadcast) -> None:
        """Stores a broadcast without recipients, if there is none of its id; a draft ends after a day."""
        ...

    async def add(self, broadcast_id: str, lane: int, ids: Sequence[str]) -> None:
        """Adds recipients to a draft's lane. Not idempotent."""
        ...

    async def enlist(self, broadcast_id: str, lane: int, ids: Sequence[str]) -> Sequence[int | None]:
        """Adds recipients to a draft's lane that are not there yet; returns the place of each, the same at a repeat.

        None for those that are not there when it is no draft any more. A draft lasts another day from then on.
        """
        ...

    async def move(self, broadcast_id: str, stage: Stage, *, at_ms: int = 0) -> bool:
        """Brings a broadcast to another stage, RUNNING not before `at_ms`; False if there is no way to it."""
        ...

    async def load(self, broadcast_id: str) -> Progress | None:
        """Returns how far a broadcast has come; None if it is unknown."""
        ...

    async def list(self) -> Sequence[Progress]:
        """Returns all that is known, newest first."""
        ...

    async def due(self) -> Due:
        """Returns the broadcasts to work on; some may be paused."""
        ...

    async def lead(self, broadcast_id: str, token: str, seconds: float) -> bool:
        """Makes the caller the one who works on a broadcast for so many seconds; False if another one is."""
        ...

    async def recipients(self, broadcast_id: str, lane: int, start: int, stop: int) -> Sequence[str]:
        """Returns the ids of the conversations from `start` to before `stop`."""
        ...

    async def reachable(self, cids: Sequence[str], *, strangers: bool = False) -> Sequence[bool]:
        """Tells of each conversation whether its outbox may take a message: known, not gone, and nothing held.

        With `strangers` it need not be known.
        """
        ...

    async def feed(self, broadcast_id: str, lane: int, start: int, stop: int) -> None:
        """Notes that all before `stop` have their message in the outbox, if those before `start` were the last."""
        ...

    async def fates(self, broadcast_id: str, lane: int, start: int, stop: int) -> Sequence[Fate | None]:
        """Returns how the messages to the recipients from `start` to before `stop` ended; None for those under way."""
        ...

    async def reported(self, broadcast_id: str, lane: int, start: int, stop: int) -> Sequence[Fate | None]:
        """Returns the best that was reported of each of these messages: SEEN, DELIVERED, else UNDELIVERED or None."""
        ...

    async def note(self, spot: Spot, *fates: Fate) -> None:
        """Notes what became of a recipient's message; each fate counts once, and the first of the ends stands."""
        ...
