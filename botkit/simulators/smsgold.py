"""A simulated SMSGold: accounts send to the subscribers of their Telegram bots, and hear nothing from them.

What its pages leave open - every answer, and some requests - is ours, and switchable: see `Servers`.
"""

from collections.abc import Sequence
from hashlib import blake2b
from typing import ClassVar

import httpx
import msgspec
from starlette.applications import Starlette

from botkit.clock import Clock
from botkit.simulators.simulator import Bubble, Choice, NotOnScreenError, Person, phone_number
from botkit.simulators.smsgold_api import Api
from botkit.simulators.smsgold_servers import Servers
from botkit.simulators.smsgold_state import Line, State, Subscriber


class SmsGoldSimulator(Servers):
    """SMSGold's servers, and the subscribers of the bots."""

    channel: ClassVar[str] = "smsgold"

    def __init__(self, clock: Clock, transport: httpx.AsyncBaseTransport | None = None) -> None:
        super().__init__(clock, transport)
        self._api = Api(self)

    @property
    def app(self) -> Starlette:
        """The API: `/v1/telegram/bot/bots/`, `subscribers/` and `sendMessage/`."""
        return self._api.app

    # What people do: SMSGold hears of it, and its clients do not

    async def opens(self, ta: str, person: Person, context: str = "") -> None:
        """The person starts the bot."""
        self._subscribe(ta, person)
        self.on_change()

    async def says(self, ta: str, person: Person, text: str) -> None:
        """The person writes a text to the bot, which starts it."""
        if not text.strip():
            raise NotOnScreenError("an empty text cannot be sent")
        self._subscribe(ta, person).remember(Line("person", text))
        self.on_change()

    async def taps(self, ta: str, person: Person, label: str) -> None:
        """The person opens the link with this label. Raises NotOnScreenError without one."""
        labels = [shown for line in self._lines(ta, person) for shown, _ in line.links]
        if label not in labels:
            raise NotOnScreenError(f"there is no such link; the screen has {', '.join(labels) or 'none'}")

    async def sends_photo(self, ta: str, person: Person, caption: str = "") -> None:
        """The person sends a picture."""
        await self.says(ta, person, caption or "(a picture)")

    async def sends_file(self, ta: str, person: Person, name: str = "document.pdf") -> None:
        """The person sends a document."""
        await self.says(ta, person, name)

    async def sends_location(self, ta: str, person: Person, latitude: float, longitude: float) -> None:
        """The person sends a place."""
        await self.says(ta, person, f"{latitude}, {longitude}")

    async def leaves(self, ta: str, person: Person) -> None:
        """The person blocks the bot. Raises NotOnScreenError for whoever has not started it."""
        subscriber = self.bot(ta).subscribers.get(self.conversation_id(ta, person))
        if subscriber is None or not subscriber.is_there:
            raise NotOnScreenError("somebody who has not started the bot cannot block it")
        subscriber.is_there = False
        self.on_change()

    # What their phones show, and who they are

    def screen(self, ta: str, person: Person) -> Sequence[Bubble]:
        """Returns what the person's Telegram shows of the chat with the bot."""
        return [
            Bubble(line.side, "telegram", line.text, choices=[[Choice(text, "link", url)] for text, url in line.links])
            for line in self._lines(ta, person)
        ]

    def conversation_id(self, ta: str, person: Person) -> str:
        """Returns the person's id as a subscriber of the account's bot: the same on every start."""
        return blake2b(f"{ta}|{person.name}".encode(), digest_size=12).hexdigest()

    async def redeliver(self) -> int:
        """Returns 0: SMSGold calls nobody."""
        return 0

    def snapshot(self) -> bytes:
        """Returns the bots, their subscribers and their screens, as JSON."""
        return msgspec.json.encode(self.state)

    def restore(self, snapshot: bytes) -> None:
        """Takes up where a snapshot left off."""
        self.state = msgspec.json.decode(snapshot, type=State)

    def _subscribe(self, ta: str, person: Person) -> Subscriber:
        identity, number = self.conversation_id(ta, person), phone_number(person).removeprefix("+")
        known = self.bot(ta).subscribers
        subscriber = known.setdefault(identity, Subscriber(identity, person.name, f"user_{identity[:8]}", number))
        subscriber.is_there = True
        return subscriber

    def _lines(self, ta: str, person: Person) -> Sequence[Line]:
        subscriber = self.bot(ta).subscribers.get(self.conversation_id(ta, person))
        return subscriber.lines if subscriber else []
