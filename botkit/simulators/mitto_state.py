"""What the simulated Mitto remembers."""

from enum import IntEnum
from heapq import heappop, heappush
from typing import Any, Literal

from msgspec import Struct

from botkit.simulators.simulator import Bubble

#: The networks that an account sends through, which are the members of a request.
NETWORKS = ("sms", "gbm", "viber", "telegram", "whatsapp")

#: The statuses of a message that gets through, in order; `Failure` and `Expired` are the ends of one that does not.
STAGES = ("Created", "Ready", "Sent", "Delivered", "Seen")

#: How many messages are remembered, or a tenth more.
MEMORY = 10_000
#: How many messages a screen keeps.
SCREEN = 1_000


class Turn(IntEnum):
    """What may become due for a message; of what is due at one moment the lower goes first."""

    ARRIVE = 0
    EXPIRE = 1
    FAIL_OVER = 2
    FORGET = 3


class Message(Struct):
    """One message: a step of a failover, or all there is.

    `address` is whom it is for in one spelling: digits, a chat's id, a conversation's id. `callback` is the address
    that a message of the SMS API is reported to. `chain` is the id of a failover's first step. `lifetime` is how many
    seconds it is tried for, 0 for ever. `is_over` tells that it arrived or never will. Instants are seconds since the
    epoch.
    """

    id: str
    ta: str
    via: str
    destination: str
    address: str
    content: dict[str, Any]
    created_at: float
    updated_at: float
    status: str = "Ready"
    api: Literal["chat", "sms"] = "chat"
    description: str = ""
    reference: str = ""
    callback: str = ""
    chain: str = ""
    lifetime: float = 0
    is_over: bool = False

    def has_reached(self, status: str) -> bool:
        """Whether it got as far as a status or further."""
        return self.status in STAGES and STAGES.index(self.status) >= STAGES.index(status)


class Chain(Struct):
    """A failover: its steps in order, the status that ends it, and the seconds that each step has."""

    ids: list[str]
    status: str
    seconds: float


class Hook(Struct):
    """A customer's webhook; `owner` tells whose it is without telling the key, `triggers` is empty for all."""

    id: str
    owner: str
    url: str
    description: str = ""
    triggers: list[str] = []
    headers: dict[str, str] = {}
    accounts: list[str] = []


class Report(Struct):
    """A call to the customer that waits for its 2xx: to a `hook`, or to the address that `url` is.

    It is a GET where there is no content type.
    """

    ta: str
    name: str
    body: str
    due_at: float
    url: str = ""
    hook: str = ""
    content_type: str = ""
    tries: int = 0


class State(Struct):
    """All that is under way.

    `agenda` is a heap of what is to happen: when, in what order at that moment, a number, and to which message.
    `screens` and `blocked` go by account and address, `off` by address, `missing` by network; `waiting` are the
    messages to phones that are off; `console` has what was entered by hand: an account's addresses, kind by kind.
    """

    messages: dict[str, Message] = {}
    chains: dict[str, Chain] = {}
    hooks: dict[str, Hook] = {}
    reports: dict[int, Report] = {}
    agenda: list[tuple[float, int, int, str]] = []
    screens: dict[str, list[Bubble]] = {}
    blocked: set[str] = set()
    off: set[str] = set()
    missing: dict[str, set[str]] = {}
    waiting: list[str] = []
    console: dict[str, dict[str, str]] = {}
    numbered: int = 0

    def next_number(self) -> int:
        """Returns the next number of this snapshot's line."""
        self.numbered += 1
        return self.numbered

    def schedule(self, at: float, turn: Turn, message_id: str) -> None:
        """Puts something down for later."""
        heappush(self.agenda, (at, turn.value, self.next_number(), message_id))

    def next_due(self, now: float) -> tuple[float, Turn, str] | None:
        """Takes the first thing that is due off the agenda: when it was, what, and for which message."""
        if not self.agenda or self.agenda[0][0] > now:
            return None
        at, turn, _, message_id = heappop(self.agenda)
        return at, Turn(turn), message_id

    def remember(self, message: Message) -> None:
        """Keeps a message, and forgets the oldest beyond the bound that nothing more becomes of."""
        self.messages[message.id] = message
        surplus = len(self.messages) - MEMORY
        if surplus < MEMORY // 10:
            return
        past = [known.id for known in self.messages.values() if known.is_over and not known.chain]
        for message_id in past[:surplus]:
            del self.messages[message_id]

    def show(self, ta: str, address: str, bubble: Bubble) -> None:
        """Adds to a screen."""
        place = place_of(ta, address)
        self.screens[place] = [*self.screens.get(place, [])[1 - SCREEN :], bubble]


def place_of(ta: str, address: str) -> str:
    """Returns the key of one address at one account."""
    return f"{ta}|{address}"
