"""A simulated Rapporto: clients call its REST API, people get messages of several networks from it.

What its public pages leave open is ours, and switchable where a client might stumble: see `Servers`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Literal

import httpx
import msgspec
from starlette.applications import Starlette

from botkit.clock import Clock
from botkit.simulators.rapporto_api import Api
from botkit.simulators.rapporto_callbacks import Callbacks, written
from botkit.simulators.rapporto_delivery import READ, Deliverer, events_of, newest
from botkit.simulators.rapporto_servers import Servers
from botkit.simulators.rapporto_state import Delivery, Line, Message, State, Violation
from botkit.simulators.simulator import Bubble, Choice, NotOnScreenError, Person, phone_number

#: By which network people write to an account: Rapporto's Telegram and VK go one way, but its number takes texts.
_INBOUND: Mapping[str, str] = {"whatsapp": "WHATSAPP", "viber": "VIBER"}


class RapportoSimulator(Servers):
    """Rapporto and the phones of the people who get what it sends; `Servers` has the switches.

    Each message is sent, delivered and read at once, unless `set_fate` or `delays` say otherwise; the reports go out
    with the next thing a person does, or with `redeliver`.
    """

    channel: ClassVar[str] = "rapporto"

    def __init__(self, clock: Clock, transport: httpx.AsyncBaseTransport | None = None) -> None:
        super().__init__(clock, transport)
        self._callbacks = Callbacks(self, self._show_answer)
        self._deliverer = Deliverer(self, self._callbacks)
        self._api = Api(self, self._deliverer, self._callbacks)

    @property
    def app(self) -> Starlette:
        """The API at every path, and `/media/` with what people sent."""
        return self._api.app

    def conversation_id(self, ta: str, person: Person) -> str:
        """Returns the person's number in E.164."""
        return phone_number(person)

    @property
    def violations(self) -> Sequence[Violation]:
        """What clients did that they must not, as far as it could not be refused."""
        return self.state.violations

    def messages(self, person: Person) -> Sequence[Message]:
        """Returns the messages to a person, oldest first, with the ways of cascades that were gone."""
        return [message for message in self.state.messages.values() if message.number == _number(person)]

    # What people do

    async def opens(self, ta: str, person: Person, context: str = "") -> None:
        """Nobody is told: a phone number has no chat to open."""

    async def says(self, ta: str, person: Person, text: str) -> None:
        """The person writes a text: by WhatsApp or Viber where the account sends by it, else by SMS."""
        if not text.strip():
            raise NotOnScreenError("an empty text cannot be sent")
        await self._writes(ta, person, {"message": text}, Line("person", self._network(ta), text))

    async def sends_photo(self, ta: str, person: Person, caption: str = "") -> None:
        """The person sends a picture by WhatsApp or Viber. Raises NotOnScreenError elsewhere."""
        if self._network(ta) == "sms":
            raise NotOnScreenError("an SMS has no picture")
        url = f"{self.account(ta).address}/media/{self.next_number()}/photo.jpg"
        told = {"mediaURL": url} | ({"message": caption} if caption else {})
        await self._writes(ta, person, told, Line("person", self._network(ta), caption, url))

    async def sends_file(self, ta: str, person: Person, name: str = "document.pdf") -> None:
        """Raises NotOnScreenError: Rapporto passes on texts and pictures."""
        raise NotOnScreenError("Rapporto passes on texts and pictures only")

    async def sends_location(self, ta: str, person: Person, latitude: float, longitude: float) -> None:
        """Raises NotOnScreenError: Rapporto passes on texts and pictures."""
        raise NotOnScreenError("Rapporto passes on texts and pictures only")

    async def leaves(self, ta: str, person: Person) -> None:
        """The person writes STOP, which is all that they can do."""
        await self.says(ta, person, "STOP")

    async def taps(self, ta: str, person: Person, label: str) -> None:
        """The person follows the newest link with this label or address; of one in Telegram the client is told."""
        lines = [line for line in self._lines(ta, person) if line.link]
        for line in reversed(lines):
            if label in (line.link, line.caption):
                await self._follow(line)
                return
        known = ", ".join(line.caption or line.link for line in lines)
        raise NotOnScreenError(f"there is no such link; the screen has {known or 'none'}")

    async def _follow(self, line: Line) -> None:
        message = self.state.messages.get(line.message)
        if message is not None and message.kind == "TELEGRAM":
            message.clicks += 1
            await self._tell(message, "click")

    async def views(self, ta: str, person: Person) -> None:
        """The person looks at their newest message in Telegram (again). Raises NotOnScreenError without one."""
        message = self._newest(ta, person)
        message.views += 1
        await self._tell(message, "view")

    async def subscribes(self, ta: str, person: Person) -> None:
        """The person subscribes from their newest message in Telegram. Raises NotOnScreenError without one."""
        await self._tell(self._newest(ta, person), "subscribe")

    async def _tell(self, message: Message, event: Literal["view", "click", "subscribe"]) -> None:
        now = self.clock.timestamp()
        self._deliverer.tell(message, READ, now, event=events_of(message, event, now))
        await self.redeliver()

    async def emits(self, ta: str, kind: Literal["report", "inbound"], body: Mapping[str, Any]) -> None:
        """Posts a callback of any content."""
        self._callbacks.queue(ta, kind, dict(body))
        await self.redeliver()

    # What their phones show

    def screen(self, ta: str, person: Person) -> Sequence[Bubble]:
        """Returns what the person's phone shows of an account, whichever app it came by."""
        return [_bubble(line) for line in self._lines(ta, person)]

    def _lines(self, ta: str, person: Person) -> Sequence[Line]:
        return self.state.screens.get(ta, {}).get(_number(person), [])

    def _newest(self, ta: str, person: Person) -> Message:
        names = [line.message for line in self._lines(ta, person)]
        message = newest(self.state.messages, names, "TELEGRAM")
        if message is None:
            raise NotOnScreenError("the screen has no message in Telegram")
        return message

    def _network(self, ta: str) -> str:
        return _INBOUND.get(self.account(ta).via, "SMS").lower()

    async def _writes(self, ta: str, person: Person, content: Mapping[str, Any], line: Line) -> None:
        number, now = _number(person), self.clock.timestamp()
        self.state.remember(ta, number, line)
        stamp = datetime.strptime(written(now), "%Y-%m-%dT%H:%M:%S%z").strftime("%Y%m%d%H%M%S")
        told = {
            "transactionId": f"{stamp}{self.next_number() % 1_000_000:06}",
            "destAddr": self.sender or "SHOP",
            "sourceAddr": number,
            "type": self._network(ta).upper(),
            **content,
            "partCount": 1,
            "receivedDate": written(now),
        }
        self._callbacks.queue(ta, "inbound", told, number=number)
        await self.redeliver()

    def _show_answer(self, delivery: Delivery, text: str) -> None:
        for words in text.split("\r\n"):
            line = Line("bot", str(delivery.body.get("type", "sms")).lower(), words)
            self.state.remember(delivery.ta, delivery.number, line)

    async def redeliver(self) -> int:
        """Does what is due by the clock, then posts it; callbacks are repeated 5 times, 60 seconds apart."""
        count = self._deliverer.run_due() + await self._callbacks.post_due()
        if count:
            self.on_change()
        return count

    def snapshot(self) -> bytes:
        """Returns messages, screens and what is under way, as JSON."""
        return msgspec.json.encode(self.state)

    def restore(self, snapshot: bytes) -> None:
        """Takes up where a snapshot left off."""
        self.state = msgspec.json.decode(snapshot, type=State)


def _number(person: Person) -> str:
    return phone_number(person).removeprefix("+")


def _bubble(line: Line) -> Bubble:
    choices = [[Choice(line.caption or line.link, "link", line.link)]] if line.link else []
    return Bubble(line.side, line.network, line.text, line.source, choices)
