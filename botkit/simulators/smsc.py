"""A simulated SMSC: clients call its HTTP API, people get SMS and messages of Viber, Telegram and WhatsApp from it.

What its public pages leave open is ours, and switchable where a client might stumble: see `Servers`.
"""

from collections.abc import Sequence
from hashlib import blake2b
from typing import ClassVar

import httpx
import msgspec
from starlette.applications import Starlette

from botkit.clock import Clock
from botkit.simulators.simulator import Bubble, NotOnScreenError, Person, phone_number
from botkit.simulators.smsc_api import Api
from botkit.simulators.smsc_callbacks import Callbacks
from botkit.simulators.smsc_sending import Sending
from botkit.simulators.smsc_servers import Servers, bot_of, network_of
from botkit.simulators.smsc_state import Heard, Line, State, Subscriber


class SmscSimulator(Servers):
    """SMSC's servers and the people who get what they send; `Servers` has the switches.

    The statuses of a message go out with the next thing a person does, or with `redeliver`.
    """

    channel: ClassVar[str] = "smsc"

    def __init__(self, clock: Clock, transport: httpx.AsyncBaseTransport | None = None) -> None:
        super().__init__(clock, transport)
        self._callbacks = Callbacks(self)
        self._sending = Sending(self)
        self._api = Api(self, self._sending, self._callbacks)

    @property
    def app(self) -> Starlette:
        """The API: `/sys/send.php`, `status`, `phones`, `get` and `balance`."""
        return self._api.app

    def set_callback(self, ta: str, url: str) -> None:
        """Enters the one address of a client's callbacks: the last one counts, whichever account it is entered for."""
        self.client(ta).callback = url
        self.on_change()

    def console(self, ta: str, kind: str, url: str) -> None:
        """As `set_callback`: the service has one address for callbacks of all kinds."""
        self.set_callback(ta, url)

    def connect_bot(self, ta: str, name: str) -> None:
        """Connects another Telegram bot to a client, or a number of WhatsApp as `wa:<number>`."""
        self.client(ta).subscribers.setdefault(name.removeprefix("@"), {})

    # What people do

    async def opens(self, ta: str, person: Person, context: str = "") -> None:
        """The person starts the Telegram bot; elsewhere there is nothing to start."""
        if not self._bot(ta):
            return
        self._subscribe(ta, person)
        if self.tells_start:
            await self._writes(ta, person, f"/start {context}".strip())
        self.on_change()

    async def says(self, ta: str, person: Person, text: str) -> None:
        """The person writes a text; a Telegram bot is started by that."""
        if not text.strip():
            raise NotOnScreenError("an empty text cannot be sent")
        if self._bot(ta):
            self._subscribe(ta, person)
        await self._writes(ta, person, text)

    async def taps(self, ta: str, person: Person, label: str) -> None:
        """Raises NotOnScreenError: nothing that the service sends has buttons."""
        raise NotOnScreenError("SMSC sends no buttons: answer with the number or the words of a choice")

    async def sends_photo(self, ta: str, person: Person, caption: str = "") -> None:
        """Raises NotOnScreenError: the service passes on texts only."""
        raise NotOnScreenError("SMSC passes on texts only")

    async def sends_file(self, ta: str, person: Person, name: str = "document.pdf") -> None:
        """Raises NotOnScreenError: the service passes on texts only."""
        raise NotOnScreenError("SMSC passes on texts only")

    async def sends_location(self, ta: str, person: Person, latitude: float, longitude: float) -> None:
        """Raises NotOnScreenError: the service passes on texts only."""
        raise NotOnScreenError("SMSC passes on texts only")

    async def leaves(self, ta: str, person: Person) -> None:
        """The person blocks the Telegram bot, of which nobody is told; elsewhere they write STOP."""
        if not (bot := self._bot(ta)):
            await self.says(ta, person, "STOP")
            return
        subscriber = self.client(ta).subscribers[bot].get(_digits(person))
        if subscriber is None or not subscriber.is_there:
            raise NotOnScreenError("somebody who has not started the bot cannot block it")
        subscriber.is_there = False
        self.on_change()

    async def verifies(self, ta: str, person: Person) -> None:
        """The person calls to prove that their number is theirs."""
        self._callbacks.queue_verification(self.key(ta), _digits(person))
        await self.redeliver()

    # What their phones show, and who they are

    def screen(self, ta: str, person: Person) -> Sequence[Bubble]:
        """Returns what the person has on the account's network; the kind of a bubble is the network's name."""
        lines = self.client(ta).screens.get(f"{self._place(ta)}|{_digits(person)}", [])
        return [Bubble(line.side, line.kind, line.text, line.source) for line in lines]

    def conversation_id(self, ta: str, person: Person) -> str:
        """Returns the person's number in E.164; with `names`, what a Telegram bot knows them by."""
        if not self._bot(ta) or self.names == "phone":
            return phone_number(person)
        subscriber = _subscriber(person)
        return subscriber.uid if self.names == "uid" else subscriber.nickname

    async def redeliver(self) -> int:
        """Lets messages reach their next status, and posts callbacks that are due; returns how many there were."""
        moved = self._sending.proceed()
        return moved + await self._callbacks.post_due()

    def snapshot(self) -> bytes:
        """Returns the clients, their address books, messages and callbacks that are not delivered yet, as JSON."""
        return msgspec.json.encode(self.state)

    def restore(self, snapshot: bytes) -> None:
        """Takes up where a snapshot left off."""
        self.state = msgspec.json.decode(snapshot, type=State)

    # How

    def _bot(self, ta: str) -> str:
        """Returns the account's Telegram bot; empty where there is none."""
        return bot_of(self.account(ta)) if network_of(self.account(ta)) == "telegram" else ""

    def _place(self, ta: str) -> str:
        account = self.account(ta)
        if bot := self._bot(ta):
            return f"bot:{bot}"
        return bot_of(account) or network_of(account)

    def _subscribe(self, ta: str, person: Person) -> None:
        self.client(ta).subscribers[self._bot(ta)][_digits(person)] = _subscriber(person)

    async def _writes(self, ta: str, person: Person, text: str) -> None:
        client, place = self.client(ta), self._place(ta)
        client.show(place, _digits(person), Line("person", network_of(self.account(ta)), text))
        name = self.conversation_id(ta, person).removeprefix("+")
        heard = Heard(self.next_answer(), name, text, self._to(ta), self.clock.timestamp())
        client.inbox.append(heard)
        self._callbacks.queue_incoming(self.key(ta), heard)
        await self.redeliver()

    def _to(self, ta: str) -> str:
        if bot := self.account(ta).bot:
            return bot.removeprefix("wa:")
        return self.reception


def _digits(person: Person) -> str:
    return phone_number(person).removeprefix("+")


def _subscriber(person: Person) -> Subscriber:
    number = int.from_bytes(blake2b(person.name.encode(), digest_size=4).digest())
    return Subscriber(_digits(person), f"#{number}", f"@user{number}")
