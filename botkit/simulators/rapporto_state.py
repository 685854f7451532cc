"""What the simulated Rapporto remembers."""

from typing import Any, Literal, TypeVar

from msgspec import Struct

V = TypeVar("V")

#: How many messages a phone keeps, and how many the service.
MEMORY = 1000
MESSAGES = 5000

#: What becomes of a message: nothing is reported, it stays on its way, it arrives, is read, or is refused.
Fate = Literal["silent", "sent", "delivered", "read", "undelivered"]


#: What may happen to a message: it sets out, is passed on, arrives, is read, is refused, is over, or is followed.
What = Literal["send", "pass", "deliver", "read", "fail", "expire", "next"]


class Line(Struct):
    """A message on a phone; `network` says in which of its apps, `link` and `caption` what can be pressed there.

    `message` names what the service sent.
    """

    side: Literal["bot", "person", "service"]
    network: str
    text: str = ""
    source: str = ""
    link: str = ""
    caption: str = ""
    message: str = ""


class Schedule(Struct, frozen=True):
    """When a message may go out: between two times of certain weekdays, in a zone `offset` hours from UTC.

    Times are minutes of the day; `deadline` is in seconds since the epoch.
    """

    begin: int = 0
    end: int = 24 * 60
    weekdays: str = ""
    deadline: float | None = None
    offset: int = 3


class Step(Struct, eq=False):
    """What happens to a message when it is due."""

    due_at: float
    what: What
    message: str


class Message(Struct):
    """One message to one phone, alone or as a way of a cascade.

    `links` are the ways after it, in the request's words; the first is gone unless this message reaches `state` within
    `ttl` seconds. `statuses` are those that it had.
    """

    ta: str
    mt_num: str
    number: str
    kind: str
    sender: str
    text: str = ""
    source: str = ""
    link: str = ""
    caption: str = ""
    ttl: float = 0
    id: str = ""
    registered: int = 1
    notify_url: str = ""
    submitted_at: float = 0
    schedule: Schedule = Schedule()
    extra: dict[str, str] = {}
    state: str = ""
    links: list[dict[str, Any]] = []
    statuses: list[int] = []
    is_followed: bool = False
    views: int = 0
    clicks: int = 0

    @property
    def name(self) -> str:
        """What tells it from all others: the ways of a cascade share a number and differ in type."""
        return f"{self.mt_num}:{self.kind}:{len(self.links)}"


class Delivery(Struct, eq=False):
    """A callback that waits for its 2xx; without `url` it goes where the account's own setting says."""

    ta: str
    kind: Literal["report", "inbound"]
    body: dict[str, Any]
    due_at: float
    url: str = ""
    number: str = ""
    tries: int = 0


class Violation(Struct, frozen=True):
    """What a client does that it must not, as far as the service could not refuse it."""

    ta: str
    at: float
    what: str


class State(Struct):
    """All that is known.

    `screens` are the phones' messages by account and number. `answers` are the answers to requests by login and id,
    `texts` when a number was last sent a text. `dropped` are callbacks that were given up.
    """

    screens: dict[str, dict[str, list[Line]]] = {}
    messages: dict[str, Message] = {}
    steps: list[Step] = []
    pending: list[Delivery] = []
    dropped: list[Delivery] = []
    answers: dict[str, tuple[str, str]] = {}
    texts: dict[str, float] = {}
    violations: list[Violation] = []
    last_number: int = 0

    def remember(self, ta: str, number: str, line: Line) -> None:
        """Adds a message to a phone."""
        screen = self.screens.setdefault(ta, {}).setdefault(number, [])
        screen.append(line)
        del screen[:-MEMORY]


def keep(memory: dict[str, V], name: str, value: V) -> None:
    """Remembers a value by its name, and forgets the oldest where there are too many."""
    memory[name] = value
    for old in [*memory][:-MESSAGES]:
        del memory[old]
