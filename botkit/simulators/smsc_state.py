"""What the simulated SMSC remembers."""

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

#: How many messages a phone keeps, and ten times as many a client's history.
MEMORY = 1000

Network = Literal["sms", "viber", "telegram", "whatsapp"]


class Contact(Struct):
    """A record of the address book; `fields` are as the requests name them, `id` is the service's own."""

    id: int
    phones: list[str]
    fields: dict[str, str] = {}
    groups: list[int] = []


class Group(Struct):
    """A group of contacts: messages to `G<number>` go to all of it."""

    id: int
    name: str
    number: int


class Barred(Struct):
    """A record of the blacklist; `type` 0 keeps all messages away, 1 mass mailings, 2 single messages."""

    id: int
    phone: str
    type: int = 0
    comment: str = ""


class Sent(Struct, eq=False):
    """A message to one recipient, who is named as in the request.

    `place` is where it shows: `sms`, `viber`, `telegram`, `bot:<name>` or `wa:<number>`; on the phone with this number,
    if anybody has it. `plan` has the statuses to come, the next one at `due_at`; `cost` is in hundredths.
    """

    id: int
    recipient: str
    network: Network
    place: str
    phone: str
    sender: str
    text: str
    source: str
    cost: int
    at: float
    status: int
    changed_at: float
    due_at: float
    plan: list[int]
    err: int = 0

    @property
    def key(self) -> str:
        """What tells it from others: whom it is for, and the id of the sending."""
        return sent_key(self.recipient, self.id)


class Heard(Struct):
    """A message of a person."""

    id: int
    phone: str
    text: str
    to: str
    at: float


class Line(Struct):
    """A message on a phone."""

    side: Literal["bot", "person"]
    kind: Network
    text: str = ""
    source: str = ""


class Subscriber(Struct):
    """Somebody who has started a Telegram bot; `is_there` is false from when they block it."""

    phone: str
    uid: str
    nickname: str
    is_there: bool = True


class Client(Struct):
    """One client of the service, who may have several accounts of bots: what belongs to the login.

    `balance` is in hundredths. `screens` are by `<place>|<phone>`, `subscribers` by bot and phone, `sent` by key;
    `opened` are the groups that the settings of accounts name.
    """

    balance: int = 100_000
    credit: int = 0
    callback: str = ""
    contacts: list[Contact] = []
    groups: list[Group] = []
    blacklist: list[Barred] = []
    sent: dict[str, Sent] = {}
    under_way: list[str] = []
    inbox: list[Heard] = []
    screens: dict[str, list[Line]] = {}
    subscribers: dict[str, dict[str, Subscriber]] = {}
    opened: list[str] = []

    def show(self, place: str, phone: str, line: Line) -> None:
        """Adds a message to a screen."""
        key = f"{place}|{phone}"
        self.screens[key] = [*self.screens.get(key, [])[1 - MEMORY :], line]

    def keep(self, sent: Sent) -> None:
        """Adds a message to the history, which forgets the oldest ones."""
        # The same id and recipient again: the newest is the one that is found.
        self.sent.pop(sent.key, None)
        self.sent[sent.key] = sent
        while len(self.sent) > 10 * MEMORY:
            del self.sent[next(iter(self.sent))]

    def find_subscriber(self, bot: str, recipient: str) -> Subscriber | None:
        """Returns who has started a bot, by number, `@nickname` or `#id`."""
        known = self.subscribers.get(bot, {}).values()
        return next((each for each in known if recipient in (each.phone, each.uid, each.nickname)), None)

    def barred_types(self, phone: str) -> Sequence[int]:
        """Returns what the blacklist has of a number."""
        return [record.type for record in self.blacklist if record.phone == phone]


class Delivery(Struct, eq=False):
    """A callback that waits for its 2xx: its form, which never changes."""

    client: str
    kind: Literal["status", "incoming", "verification"]
    form: str
    due_at: float
    tries: int = 0


class State(Struct):
    """All clients, by the account that was opened first, and what is under way."""

    clients: dict[str, Client] = {}
    pending: list[Delivery] = []
    last_id: int = 0
    last_record: int = 0
    last_answer: int = 0


def sent_key(recipient: str, message_id: int) -> str:
    """Returns the key of a message in the history."""
    return f"{recipient}|{message_id}"
