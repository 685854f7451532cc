"""Who talks where in the simulated Telegram: people as users, groups and channels, and business accounts."""

from hashlib import blake2b
from typing import Any, Literal

from msgspec import Struct

from botkit.simulators.simulator import Person


class Group(Struct, frozen=True):
    """A chat of several. The same title and kind is the same chat, with the same id, on every start.

    `direct` is where people write to a channel in private, each in a topic of their own; `topic` is the one of a forum
    that somebody speaks in, 0 for the general one.
    """

    title: str
    kind: Literal["group", "supergroup", "channel", "direct"] = "group"
    username: str = ""
    topic: int = 0

    @property
    def id(self) -> int:
        """The chat's id: all but plain groups begin with -100."""
        seed = _seed(self.title) % 1_000_000_000
        if self.kind == "group":
            return -1_000_000 - seed
        return -1_001_000_000_000 - seed * 3 - ("supergroup", "channel", "direct").index(self.kind)

    @property
    def info(self) -> dict[str, Any]:
        """Its Chat object."""
        info = {"id": self.id, "type": "supergroup" if self.kind == "direct" else self.kind, "title": self.title}
        direct = {"is_direct_messages": True} if self.kind == "direct" else {}
        return info | ({"username": self.username} if self.username else {}) | direct


class Connection(Struct, frozen=True):
    """A business account that the bot speaks for: the id of the connection and whose account it is."""

    id: str
    owner: Person


#: Where somebody acts; None is their private chat with the bot.
Place = Group | Connection | None


def user_of(person: Person) -> dict[str, Any]:
    """Returns the User object of a person."""
    first, _, last = person.name.strip().partition(" ")
    user = {"id": 1_000_000_000 + _seed(person.name) % 6_000_000_000, "is_bot": False, "first_name": first}
    return user | ({"last_name": last.strip()} if last.strip() else {}) | {"language_code": person.locale}


def _seed(name: str) -> int:
    return int.from_bytes(blake2b(name.encode(), digest_size=6).digest())
