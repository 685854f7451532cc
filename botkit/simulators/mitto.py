"""A Mitto on this machine: its APIs, the phones that it reaches, and its callbacks."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import httpx
import msgspec
from starlette.applications import Starlette

from botkit.clock import Clock
from botkit.simulators.mitto_api import Api
from botkit.simulators.mitto_callbacks import Callbacks
from botkit.simulators.mitto_checks import address_of
from botkit.simulators.mitto_delivery import Deliverer
from botkit.simulators.mitto_phones import find_choice
from botkit.simulators.mitto_servers import Servers
from botkit.simulators.mitto_state import Message, State, place_of
from botkit.simulators.simulator import Bubble, NotOnScreenError, Person

#: Where the SMS API is.
SMS_HOST = "sms.mitto.simulator"


class MittoSimulator(Servers):
    """Mitto's servers, and people with a phone on every network; `Servers` has the switches.

    One simulator has many accounts, each on one network, and a screen of its own for each person. What is sent arrives
    after `delivery_seconds`; its reports go out with the next thing a person does, or with `redeliver`. What people
    write goes to the webhooks that are linked to the account, or to the address in Mitto's `console`. What happens to
    a phone, such as `phone_off`, happens to it on all networks.
    """

    channel: ClassVar[str] = "mitto"

    def __init__(self, clock: Clock, transport: httpx.AsyncBaseTransport | None = None) -> None:
        super().__init__(clock, transport)
        self._callbacks = Callbacks(self)
        self._deliverer = Deliverer(self, self._callbacks)
        self._api = Api(self, self._deliverer, self._callbacks)

    @property
    def app(self) -> Starlette:
        """The API for all networks: `/api/v1.1/Messages/send` and what belongs to it."""
        return self._api.app

    @property
    def hosts(self) -> Mapping[str, Starlette]:
        """The SMS API, which has a host of its own: `/sms`."""
        return {SMS_HOST: self._api.sms_app}

    # What people do

    async def opens(self, ta: str, person: Person, context: str = "") -> None:
        """The person opens the chat and sees what came; on Telegram that is told as `/start`, elsewhere not at all."""
        await self.looks(ta, person)
        if self.accounts[ta].via == "telegram":
            await self.says(ta, person, f"/start {context}".rstrip())

    async def looks(self, ta: str, person: Person) -> None:
        """The person looks at the chat: what has arrived there is seen, where the network tells so."""
        self._deliverer.catch_up()
        self._deliverer.see(ta, self._address(ta, person))
        await self.redeliver()
        self.on_change()

    async def says(self, ta: str, person: Person, text: str) -> None:
        """The person writes a text. Raises NotOnScreenError where nobody would hear of it."""
        if not text.strip():
            raise NotOnScreenError("an empty text cannot be sent")
        await self._writes(ta, person, text)

    async def taps(self, ta: str, person: Person, label: str) -> None:
        """The person presses a button; of a link nobody hears."""
        choice = find_choice(self.screen(ta, person), label)
        if choice.kind == "reply":
            await self._writes(ta, person, choice.label, postbackData=choice.value)

    async def sends_photo(self, ta: str, person: Person, caption: str = "") -> None:
        """The person sends a picture. Raises NotOnScreenError on SMS, which has none."""
        await self._sends_media(ta, person, "photo.jpg", caption)

    async def sends_file(self, ta: str, person: Person, name: str = "document.pdf") -> None:
        """The person sends a document. Raises NotOnScreenError on SMS, which has none."""
        await self._sends_media(ta, person, name, "")

    async def sends_location(self, ta: str, person: Person, latitude: float, longitude: float) -> None:
        """Raises NotOnScreenError: of places that people send through Mitto nothing is known."""
        raise NotOnScreenError("nobody knows how Mitto tells of a place")

    async def leaves(self, ta: str, person: Person) -> None:
        """The person writes STOP on SMS, and blocks the sender elsewhere: what is sent to them fails from now on."""
        if self.accounts[ta].via == "sms":
            await self.says(ta, person, "STOP")
            return
        self.state.blocked.add(place_of(ta, self._address(ta, person)))
        self.on_change()

    async def returns(self, ta: str, person: Person) -> None:
        """The person takes a sender back whom they had blocked."""
        self.state.blocked.discard(place_of(ta, self._address(ta, person)))
        self.on_change()

    def phone_off(self, person: Person) -> None:
        """Switches the person's phone off: what is sent to it waits."""
        self.state.off |= set(self._addresses(person))
        self.on_change()

    def phone_on(self, person: Person) -> None:
        """Switches the phone on: what waited and is still tried arrives."""
        self._deliverer.catch_up()
        self._deliverer.switch_on(self._addresses(person))
        self.on_change()

    def without(self, person: Person, via: str, *, has: bool = False) -> None:
        """Takes a network such as `viber` from the person's phone, or gives it back; what is sent there fails."""
        missing = self.state.missing.setdefault(via, set())
        addresses = {address_of(via, self.conversation_id(ta, person)) for ta in self._accounts_on(via)}
        self.state.missing[via] = missing - addresses if has else missing | addresses
        self.on_change()

    def screen(self, ta: str, person: Person) -> Sequence[Bubble]:
        """Returns what stands in the person's chat with the account; the kind of each message is its network."""
        self._deliverer.catch_up()
        return tuple(self.state.screens.get(place_of(ta, self._address(ta, person)), ()))

    # Behind the counter

    def message(self, message_id: str) -> Message:
        """Returns what is remembered of a message. Raises KeyError."""
        self._deliverer.catch_up()
        return self.state.messages[message_id]

    def sent(self, ta: str) -> Sequence[Message]:
        """Returns the messages that left through an account, oldest first; steps that only wait have not left."""
        self._deliverer.catch_up()
        messages = self.state.messages.values()
        return [message for message in messages if message.ta == ta and message.status != "Created"]

    def statistics(self, ta: str) -> Mapping[str, int]:
        """Returns how many of an account's messages have each status; a step that never started does not count."""
        statuses = [message.status for message in self.sent(ta)]
        return {status: statuses.count(status) for status in sorted(set(statuses))}

    async def report(self, message_id: str, status: str, *, told_id: str = "") -> int:
        """Reports a status out of turn, under another id if one is given; returns what was answered, 0 for nothing.

        The message itself stays as it is.
        """
        numbers = self._callbacks.tell(self.message(message_id), status, self.clock.timestamp(), told_id=told_id)
        return max(await self._callbacks.post(numbers), default=0)

    async def redeliver(self) -> int:
        """Does what is due: arrivals, steps of failovers, endings, and then the callbacks."""
        done = self._deliverer.catch_up()
        if done:
            self.on_change()
        return done + await self._callbacks.post_due()

    def snapshot(self) -> bytes:
        """Returns messages, failovers, webhooks, screens and what is not told yet, as JSON."""
        return msgspec.json.encode(self.state)

    def restore(self, snapshot: bytes) -> None:
        """Takes up where a snapshot left off."""
        self.state = msgspec.json.decode(snapshot, type=State)

    def _address(self, ta: str, person: Person) -> str:
        return address_of(self.accounts[ta].via, self.conversation_id(ta, person))

    def _addresses(self, person: Person) -> list[str]:
        return [self._address(ta, person) for ta in self.accounts]

    def _accounts_on(self, via: str) -> list[str]:
        return [ta for ta, account in self.accounts.items() if account.via == via]

    async def _sends_media(self, ta: str, person: Person, name: str, caption: str) -> None:
        if self.accounts[ta].via == "sms":
            raise NotOnScreenError("an SMS is a text")
        await self._writes(ta, person, caption, mediaUrl=f"https://media.mitto.simulator/{name}")

    async def _writes(self, ta: str, person: Person, text: str, **more: Any) -> None:
        destination = self.conversation_id(ta, person)
        self._callbacks.tell_inbound(ta, destination, text, person.name, **more)
        bubble = Bubble("person", self.accounts[ta].via, text, more.get("mediaUrl", ""))
        self.state.show(ta, self._address(ta, person), bubble)
        await self.redeliver()
        self.on_change()
