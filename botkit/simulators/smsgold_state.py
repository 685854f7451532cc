"""What the simulated SMSGold remembers."""

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

#: How many messages a phone keeps, and how many accepted ones the service.
MEMORY = 1000


class Line(Struct):
    """A message on a phone, with the links below it: each a label and an address."""

    side: Literal["bot", "person"]
    text: str
    links: list[tuple[str, str]] = []


class Subscriber(Struct):
    """Somebody who has started the bot; `is_there` is false from when they block it."""

    id: str
    name: str
    username: str
    number: str
    is_there: bool = True
    lines: list[Line] = []

    def remember(self, line: Line) -> None:
        """Adds a message to the screen."""
        self.lines = [*self.lines[1 - MEMORY :], line]


class Accepted(Struct, frozen=True):
    """A message that was taken: the subscriber who got it, what it said, and what was odd about the request."""

    id: str
    subscriber: str
    text: str
    buttons: tuple[tuple[str, str], ...] = ()
    warnings: tuple[str, ...] = ()
    unknown: Mapping[str, Any] = {}


class Bot(Struct):
    """A connected bot: its subscribers by id, and what was sent to them."""

    subscribers: dict[str, Subscriber] = {}
    accepted: list[Accepted] = []


class State(Struct):
    """All bots by the account that they belong to."""

    bots: dict[str, Bot] = {}
    last_id: int = 0
