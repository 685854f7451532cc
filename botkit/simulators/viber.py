"""A Viber on this machine: its bot API, its people's phones and its callbacks."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any, ClassVar

import httpx
import msgspec
from starlette.applications import Starlette

from botkit.clock import Clock
from botkit.simulators.simulator import Bubble, NotOnScreenError, Person
from botkit.simulators.simulator import phone_number as own_number
from botkit.simulators.viber_api import MEDIA, Api
from botkit.simulators.viber_delivery import Deliverer
from botkit.simulators.viber_directory import Directory
from botkit.simulators.viber_phone import bubbles_of, find_button
from botkit.simulators.viber_servers import Servers
from botkit.simulators.viber_sessions import Sessions
from botkit.simulators.viber_state import Chat, Line, State, Violation

#: Where people are when a bot asks them and they do not say.
HOME = (46.0503, 14.469)


class ViberSimulator(Servers):
    """Viber's servers and the people who use them; `Servers` has the switches.

    Each accepted message is reported as delivered and seen: the reports wait, and go out with the next thing a person
    does, or with `redeliver`. With a message over the session rules nothing happens but an entry in `violations`.
    What differs from person to person, such as the version of their Viber, is set on their `chat`.
    """

    channel: ClassVar[str] = "viber"

    def __init__(self, clock: Clock, transport: httpx.AsyncBaseTransport | None = None) -> None:
        super().__init__(clock, transport)
        self._sessions = Sessions(self)
        self._deliverer = Deliverer(self, self._sessions)
        self._directory = Directory(self)
        self._api = Api(self, self._deliverer, self._directory)

    @property
    def app(self) -> Starlette:
        """The API: `/pa/<resource>`, and `/media/` with what people sent."""
        return self._api.app

    def chat(self, ta: str, person: Person) -> Chat:
        """Returns what is remembered of a person's chat."""
        chat = self.bot(ta).chats.setdefault(self.conversation_id(ta, person), Chat(person))
        chat.person = person
        return chat

    def conversation_id(self, ta: str, person: Person) -> str:
        """Returns the person's user id with this bot: the same on every start, another one with another bot."""
        return b64encode(blake2b(f"{ta}|{person.name}".encode(), digest_size=16).digest()).decode()

    @property
    def violations(self) -> Sequence[Violation]:
        """The messages that were one too many without an answer, by `rules`."""
        return self.state.violations

    # What people do

    async def opens(self, ta: str, person: Person, context: str = "") -> None:
        """The person opens the chat; what the bot answers to the callback is shown as its welcome."""
        chat = self._visible(ta, person)
        event = {"type": "open", "user": self._user(ta, person), "subscribed": chat.is_subscribed}
        await self._tell(ta, "conversation_started", person, event | ({"context": context} if context else {}))
        if self.opening_subscribes and not chat.is_subscribed:
            await self.subscribes(ta, person)

    async def says(self, ta: str, person: Person, text: str) -> None:
        """The person writes a text; the first one subscribes them, and nobody is told."""
        if not text.strip():
            raise NotOnScreenError("an empty text cannot be sent")
        await self._writes(ta, person, {"type": "text", "text": text}, Line("person", "text", text))

    async def taps(self, ta: str, person: Person, label: str) -> None:
        """The person presses a button of the keyboard, or of the newest card that has it."""
        button = find_button(self._visible(ta, person), label)
        action, body, silent = button.get("ActionType", "reply"), button["ActionBody"], button.get("Silent", False)
        if action == "share-phone":
            await self.sends_contact(ta, person, text=body)
        elif action == "location-picker":
            await self.picks_location(ta, person, *HOME, label=label)
        elif action == "reply" or (action == "open-url" and not silent):
            line = None if silent else Line("person", "text", body)
            await self._writes(ta, person, {"type": "text", "text": body}, line, silent=silent)

    async def picks_location(
        self, ta: str, person: Person, latitude: float, longitude: float, *, label: str | None = None
    ) -> None:
        """The person picks a place after the newest button that asks for one. Raises NotOnScreenError without one."""
        find_button(self._visible(ta, person), label, "location-picker")
        await self.sends_location(ta, person, latitude, longitude)

    async def sends_photo(self, ta: str, person: Person, caption: str = "") -> None:
        """The person sends a picture."""
        content = self._file(ta, "picture", "photo.jpg") | self._thumbnail(ta) | {"file_name": "photo.jpg"}
        line = Line("person", "image", caption, content["media"])
        await self._writes(ta, person, content | ({"text": caption} if caption else {}), line)

    async def sends_video(self, ta: str, person: Person, caption: str = "") -> None:
        """The person sends a video of twelve seconds."""
        content = self._file(ta, "video", "video.mp4") | self._thumbnail(ta) | {"duration": 12}
        line = Line("person", "video", caption, content["media"])
        await self._writes(ta, person, content | ({"text": caption} if caption else {}), line)

    async def sends_file(self, ta: str, person: Person, name: str = "document.pdf") -> None:
        """The person sends a document."""
        content = self._file(ta, "file", "file")
        content |= {"file_name": name, "file_size": content.pop("size")}
        await self._writes(ta, person, content, Line("person", "file", name, name))

    async def sends_sticker(self, ta: str, person: Person, sticker_id: int = 40_126) -> None:
        """The person sends a sticker."""
        url = self.file_url(ta, "sticker.png")
        content = {"type": "sticker", "sticker_id": sticker_id, "media": url}
        await self._writes(ta, person, content, Line("person", "sticker", "", url))

    async def sends_contact(
        self, ta: str, person: Person, name: str = "", phone_number: str = "", *, text: str = ""
    ) -> None:
        """The person sends somebody's number, their own where none is named, as after a button that asks for it."""
        number = phone_number or own_number(person).removeprefix("+")
        contact = {"name": name or person.name, "phone_number": number}
        content: dict[str, Any] = {"type": "contact", "contact": contact} | ({"text": text} if text else {})
        line = Line("person", "contact", f"{contact['name']} {contact['phone_number']}")
        await self._writes(ta, person, content, line)

    async def sends_url(self, ta: str, person: Person, url: str, text: str = "") -> None:
        """The person sends a link."""
        content = {"type": "url", "media": url} | ({"text": text} if text else {})
        await self._writes(ta, person, content, Line("person", "text", f"{text}\n{url}".strip()))

    async def sends_location(self, ta: str, person: Person, latitude: float, longitude: float) -> None:
        """The person sends a place."""
        content = {"type": "location", "location": {"lat": latitude, "lon": longitude}}
        await self._writes(ta, person, content, Line("person", "location", f"{latitude}, {longitude}"))

    async def sends(self, ta: str, person: Person, content: Mapping[str, Any]) -> None:
        """The person sends anything else: the `message` of a callback, also of a kind that Viber does not have."""
        line = Line("person", content["type"], content.get("text", ""), content.get("media", ""))
        await self._writes(ta, person, content, line)

    async def pays(self, ta: str, person: Person, tracking_data: str = "") -> None:
        """The person presses a button to pay; Viber tells which payment services their device has."""
        status = {"type": "payment", "code": 0, "supported_psps": ["LiqPay", "Portmone"]}
        fields = {"user": self._user(ta, person), "status": status | {"tracking_data": tracking_data}}
        await self._tell(ta, "client_status", person, fields)

    async def leaves(self, ta: str, person: Person) -> None:
        """The person unsubscribes. Raises NotOnScreenError when they were not subscribed."""
        chat = self._visible(ta, person)
        if not chat.is_subscribed:
            raise NotOnScreenError("somebody who is not subscribed cannot unsubscribe")
        chat.is_subscribed = False
        await self._tell(ta, "unsubscribed", person, {"user_id": self.conversation_id(ta, person)})

    async def subscribes(self, ta: str, person: Person) -> None:
        """The person allows messages (again), which forgets the chat's tracking data."""
        chat = self._visible(ta, person)
        chat.is_subscribed, chat.tracking_data = True, ""
        await self._tell(ta, "subscribed", person, {"user": self._user(ta, person)})

    async def emits(self, ta: str, person: Person, event: str, fields: Mapping[str, Any]) -> None:
        """Sends a callback of any kind, also of one that Viber does not have; a person is in it if the fields say so.

        The fields win over what every callback has: its instant, host and token.
        """
        self._visible(ta, person)
        await self._tell(ta, event, person, fields)

    # What their phones show

    def screen(self, ta: str, person: Person) -> Sequence[Bubble]:
        """Returns what the person's phone shows; the keyboard belongs to the last message that had one."""
        chat = self.bot(ta).chats.get(self.conversation_id(ta, person))
        return bubbles_of(chat) if chat else []

    def _visible(self, ta: str, person: Person) -> Chat:
        if not self.bot(ta).url:
            raise NotOnScreenError(f"Viber shows no chat with {ta}: its webhook is not set")
        return self.chat(ta, person)

    def _user(self, ta: str, person: Person) -> dict[str, Any]:
        return self._directory.user(ta, self.conversation_id(ta, self._visible(ta, person).person))

    def _file(self, ta: str, kind: str, name: str) -> dict[str, Any]:
        return {"type": kind, "media": self.file_url(ta, name), "size": MEDIA[name][0]}

    def _thumbnail(self, ta: str) -> dict[str, Any]:
        return {"thumbnail": self.file_url(ta, "thumbnail.jpg")}

    async def _writes(
        self, ta: str, person: Person, content: Mapping[str, Any], line: Line | None, *, silent: bool = False
    ) -> None:
        chat = self._visible(ta, person)
        chat.is_subscribed = True
        self._sessions.heard(chat)
        if line:
            chat.remember(line)
        tracking = {"tracking_data": chat.tracking_data} if chat.tracking_data else {}
        fields = {"sender": self._user(ta, person), "message": {**content, **tracking}, "silent": silent}
        await self._tell(ta, "message", person, fields)

    async def _tell(self, ta: str, event: str, person: Person, fields: Mapping[str, Any]) -> None:
        user_id = self.conversation_id(ta, person)
        self._deliverer.callbacks.queue(ta, event, user_id, fields, self.next_token())
        await self.redeliver()

    async def redeliver(self) -> int:
        """Posts what is due: reports, and repeats 10, 60, 300, 600, then each 900 seconds after a failure."""
        return await self._deliverer.callbacks.post_due()

    def snapshot(self) -> bytes:
        """Returns the bots, their chats and webhooks, and what is not delivered yet, as JSON."""
        return msgspec.json.encode(self.state)

    def restore(self, snapshot: bytes) -> None:
        """Takes up where a snapshot left off."""
        self.state = msgspec.json.decode(snapshot, type=State)
