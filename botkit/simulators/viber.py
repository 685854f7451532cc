"""A Viber on this machine: its bot API, its people's phones and its callbacks."""

import asyncio
import hmac
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

import httpx
import msgspec
from starlette.applications import Starlette

from botkit.adapter import Adapter
from botkit.channels.viber import Viber
from botkit.clock import Clock
from botkit.session_rules import SessionRules
from botkit.simulators.simulator import Bubble, Choice, NotOnScreenError, Person, Simulator
from botkit.simulators.viber_api import CHOOSABLE, HOST, Api
from botkit.simulators.viber_checks import RefusedError, check_message
from botkit.simulators.viber_state import Bot, Chat, Delivery, Line, State, Violation, rows_of
from botkit.simulators.wire import Exchange

#: Seconds before each repeat of a callback; after the last one it is given up.
PAUSES = (10, 60, 300, 600, 900, 900, 900, 900, 900, 900)
#: A webhook must answer within so many seconds.
ANSWER_SECONDS = 5

_MARKS = (
    re.compile(r"(?<!\S)```(.+?)```(?!\S)", re.DOTALL),
    *(re.compile(rf"(?<!\S){mark}(?!\s)([^{mark}]+)(?<!\s){mark}(?!\S)") for mark in (r"\*", "_", "~")),
)
_KINDS = {"picture": "image", "url": "text"}
_CHOICES: Mapping[str, Literal["reply", "link", "location", "contact"]] = {
    "reply": "reply",
    "open-url": "link",
    "location-picker": "location",
    "share-phone": "contact",
}


class ViberSimulator(Simulator):
    """Viber's servers and the people who use them.

    Each accepted message is reported as delivered and seen: the reports wait, and go out with the next thing a person
    does, or with `redeliver`. With a message over the session rules nothing happens but an entry in `violations`.
    """

    channel: ClassVar[str] = "viber"

    def __init__(self, clock: Clock, transport: httpx.AsyncBaseTransport | None = None) -> None:
        super().__init__(clock, transport)
        #: How callbacks are signed: in the header, in the query, in both, not at all, or with another key.
        self.signatures: Literal["both", "header", "query", "none", "wrong"] = "both"
        #: Whether messages are reported.
        self.receipts = True
        #: Whether devices refuse what the API took: reported as failed then.
        self.devices_refuse = False
        #: Whether a person who does not answer gets no more than 100 messages an hour.
        self.has_limits = True
        #: Whether the bot pays for messages outside of sessions.
        self.is_billable = False
        #: What `violations` and the count of sessions go by.
        self.rules = SessionRules()
        #: Why welcome messages were not shown, newest last.
        self.refused_welcomes: list[str] = []
        self._tokens: dict[str, str] = {}
        self._state = State()
        self._posting: set[int] = set()
        self._api = Api(self)

    @property
    def app(self) -> Starlette:
        """The API: `/pa/<resource>`."""
        return self._api.app

    def add_account(self, adapter: Adapter) -> None:
        """Makes the adapter's bot known, by its first token. Raises TypeError for an adapter without one."""
        if not isinstance(adapter, Viber) or not adapter.has_credentials:
            raise TypeError("the simulated Viber opens accounts for Viber adapters with a token")
        self._tokens[adapter.ta] = next(iter(adapter.secrets())).reveal()

    def owner(self, token: str) -> str | None:
        """Returns the account that has this token."""
        return next((ta for ta, known in self._tokens.items() if known == token), None)

    def bot(self, ta: str) -> Bot:
        """Returns what is remembered of a bot."""
        return self._state.bots.setdefault(ta, Bot())

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
        return self._state.violations

    def next_token(self) -> int:
        """Returns a message_token: 19 digits, more than a float can hold, and later than those of an earlier run."""
        earliest = 5_000_000_000_000_000_000 + int(self.clock.timestamp() * 1000) * 100_000
        self._state.last_token = max(self._state.last_token + 1, earliest)
        return self._state.last_token

    # What the bot sends

    def took(self, ta: str, user_id: str, message: Mapping[str, Any], token: int) -> None:
        """Shows an accepted message, counts it, and queues its reports."""
        chat = self.bot(ta).chats[user_id]
        self._count(ta, user_id, chat)
        self._show(chat, message)
        reports = ("failed",) if self.devices_refuse else ("delivered", "seen")
        for event in reports if self.receipts else ():
            desc = {"desc": "message validation failed"} if event == "failed" else {}
            self._queue(ta, event, user_id, {"user_id": user_id} | desc, token)

    def _count(self, ta: str, user_id: str, chat: Chat) -> None:
        now = self.clock.timestamp()
        is_over = now - chat.session_at >= self.rules.seconds or chat.in_session >= self.rules.max_messages
        if is_over:
            chat.session_at, chat.in_session = now, 0
            chat.sessions += 1
        chat.in_session += 1
        chat.in_row += 1
        if chat.in_row > self.rules.max_in_row:
            self._state.violations.append(Violation(ta, user_id, now, chat.in_row))

    def _show(self, chat: Chat, message: Mapping[str, Any]) -> None:
        chat.tracking_data = message.get("tracking_data") or ""
        kind = message.get("type", "keyboard")
        source = message["media"] if kind in ("picture", "video", "file") else ""
        line = Line("bot", _KINDS.get(kind, kind), _shown_text(message), source)
        line.keyboard = message["keyboard"]["Buttons"] if "keyboard" in message else []
        line.card = message["rich_media"]["Buttons"] if kind == "rich_media" else []
        chat.remember(line)

    # The phones

    async def opens(self, ta: str, person: Person, context: str = "") -> None:
        """The person opens the chat; what the bot answers to the callback is shown as its welcome."""
        chat = self._visible(ta, person)
        event = {"type": "open", "user": self._user(ta, person), "subscribed": chat.is_subscribed}
        await self._tell(ta, "conversation_started", person, event | ({"context": context} if context else {}))

    async def says(self, ta: str, person: Person, text: str) -> None:
        """The person writes a text; the first one subscribes them, and nobody is told."""
        if not text.strip():
            raise NotOnScreenError("an empty text cannot be sent")
        await self._writes(ta, person, {"type": "text", "text": text}, Line("person", "text", text))

    async def taps(self, ta: str, person: Person, label: str) -> None:
        """The person presses a button of the keyboard, or of the newest card that has it."""
        chat = self._visible(ta, person)
        button = _find(chat.visible_buttons, label)
        action, body, silent = button.get("ActionType", "reply"), button["ActionBody"], button.get("Silent", False)
        if action == "share-phone":
            await self._shares_phone(ta, person, body)
        elif action == "location-picker":
            await self.sends_location(ta, person, 46.0503, 14.469)
        elif action == "reply" or (action == "open-url" and not silent):
            line = None if silent else Line("person", "text", body)
            await self._writes(ta, person, {"type": "text", "text": body}, line, silent=silent)

    async def _shares_phone(self, ta: str, person: Person, body: str) -> None:
        digits = int.from_bytes(blake2b(person.name.encode(), digest_size=4).digest()) % 10_000_000
        contact = {"name": person.name, "phone_number": f"3864{digits:07}"}
        line = Line("person", "contact", f"{person.name} {contact['phone_number']}")
        await self._writes(ta, person, {"type": "contact", "text": body, "contact": contact}, line)

    async def sends_photo(self, ta: str, person: Person, caption: str = "") -> None:
        """The person sends a picture; its address works for an hour."""
        url = self._file_url("photo.jpg")
        content = {"type": "picture", "media": url, "thumbnail": url, "file_name": "photo.jpg", "size": 88120}
        line = Line("person", "image", caption, url)
        await self._writes(ta, person, content | ({"text": caption} if caption else {}), line)

    async def sends_file(self, ta: str, person: Person, name: str = "document.pdf") -> None:
        """The person sends a document."""
        content = {"type": "file", "media": self._file_url("file"), "file_name": name, "file_size": 20480}
        await self._writes(ta, person, content, Line("person", "file", name, name))

    async def sends_location(self, ta: str, person: Person, latitude: float, longitude: float) -> None:
        """The person sends a place."""
        content = {"type": "location", "location": {"lat": latitude, "lon": longitude}}
        await self._writes(ta, person, content, Line("person", "location", f"{latitude}, {longitude}"))

    async def sends(self, ta: str, person: Person, content: Mapping[str, Any]) -> None:
        """The person sends anything else: the `message` of a callback, such as a sticker, or of an unknown kind."""
        line = Line("person", content["type"], content.get("text", ""), content.get("media", ""))
        await self._writes(ta, person, content, line)

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
        """Sends a callback of any kind about the person, also of one that Viber does not have."""
        self._visible(ta, person)
        await self._tell(ta, event, person, fields)

    def screen(self, ta: str, person: Person) -> Sequence[Bubble]:
        """Returns what the person's phone shows; the keyboard belongs to the last message that had one."""
        chat = self.bot(ta).chats.get(self.conversation_id(ta, person))
        if not chat:
            return []
        shown = chat.keyboard_line
        return [_bubble(line, [*(line.keyboard if line is shown else ()), *line.card]) for line in chat.lines]

    def _visible(self, ta: str, person: Person) -> Chat:
        if not self.bot(ta).url:
            raise NotOnScreenError(f"Viber shows no chat with {ta}: its webhook is not set")
        return self.chat(ta, person)

    def _user(self, ta: str, person: Person) -> dict[str, Any]:
        bot = self.bot(ta)
        user: dict[str, Any] = {"id": self.conversation_id(ta, person)}
        if bot.sends_names:
            user["name"] = person.name
        if bot.sends_photos:
            user["avatar"] = f"https://media-direct.viber.example/{user['id'][:8].encode().hex()}.jpg"
        country = person.locale.partition("-")[2].upper()
        device = {"country": country if len(country) == 2 else "SI", "language": person.locale}
        return user | device | {"api_version": self.chat(ta, person).api_version}

    def _file_url(self, name: str) -> str:
        return f"https://dl-media.viber.example/{self.next_token()}/{name}"

    async def _writes(
        self, ta: str, person: Person, content: Mapping[str, Any], line: Line | None, *, silent: bool = False
    ) -> None:
        chat = self._visible(ta, person)
        chat.is_subscribed = True
        chat.wrote_at, chat.unanswered, chat.in_row = self.clock.timestamp(), 0, 0
        if line:
            chat.remember(line)
        tracking = {"tracking_data": chat.tracking_data} if chat.tracking_data else {}
        fields = {"sender": self._user(ta, person), "message": {**content, **tracking}, "silent": silent}
        await self._tell(ta, "message", person, fields)

    # The callbacks

    async def _tell(self, ta: str, event: str, person: Person, fields: Mapping[str, Any]) -> None:
        self._queue(ta, event, self.conversation_id(ta, person), fields, self.next_token())
        await self._post_due()

    def _queue(self, ta: str, event: str, user_id: str, fields: Mapping[str, Any], token: int) -> None:
        if event not in CHOOSABLE or event in self.bot(ta).event_types:
            body = msgspec.json.encode(self._callback(event, fields, token)).decode()
            self._state.pending.append(Delivery(ta, event, user_id, body, self.clock.timestamp()))
        self.on_change()

    def _callback(self, event: str, fields: Mapping[str, Any], token: int) -> dict[str, Any]:
        at = int(self.clock.timestamp() * 1000)
        return {"event": event, "timestamp": at, "chat_hostname": HOST, **fields, "message_token": token}

    async def redeliver(self) -> int:
        """Posts what is due: reports, and repeats 10, 60, 300, 600, then each 900 seconds after a failure."""
        return await self._post_due()

    async def _post_due(self) -> int:
        now = self.clock.timestamp()
        due = [
            delivery for delivery in self._state.pending if delivery.due_at <= now and id(delivery) not in self._posting
        ]
        self._posting |= set(map(id, due))
        try:
            for delivery in due:
                await self._attempt(delivery)
        finally:
            self._posting -= set(map(id, due))
        return len(due)

    async def _attempt(self, delivery: Delivery) -> None:
        url = self.bot(delivery.ta).url
        status, answer = await self._post(delivery.ta, url, delivery.event, delivery.body.encode()) if url else (0, b"")
        if status == 200 or delivery.tries >= len(PAUSES):
            self._state.pending.remove(delivery)
        else:
            delivery.due_at = self.clock.timestamp() + PAUSES[delivery.tries]
            delivery.tries += 1
        if status == 200 and delivery.event == "conversation_started" and answer:
            self._welcome(delivery, answer)
        self.on_change()

    def _welcome(self, delivery: Delivery, answer: bytes) -> None:
        try:
            message = msgspec.json.decode(answer)
            if not isinstance(message, dict) or "receiver" in message:
                raise RefusedError(3, "a welcome message is an object without receiver")
            check_message(message)
        except (msgspec.DecodeError, RefusedError) as error:
            self.refused_welcomes.append(str(error))
        else:
            self._show(self.bot(delivery.ta).chats[delivery.user_id], message)

    async def check_address(self, ta: str, url: str) -> str:
        """Posts a `webhook` callback; returns what went wrong, in words like those of Viber's servers, or nothing."""
        body = msgspec.json.encode(self._callback("webhook", {}, self.next_token()))
        status, _ = await self._post(ta, url, "webhook", body)
        if status == 200:
            return ""
        request = f"HttpRequest[POST {urlsplit(url).path or '/'} HTTP/1.1]@{len(body):x}"
        if not status:
            return f"Result[{request} > null] java.net.ConnectException: no answer"
        return f"Result[{request} > HttpResponse[HTTP/1.1 {status}]@{status:x}] null"

    async def _post(self, ta: str, url: str, event: str, body: bytes) -> tuple[int, bytes]:
        """Posts one callback; the status is 0 when there is no answer in time."""
        headers = {"content-type": "application/json"}
        signature = self._signature(ta, body)
        if self.signatures in ("both", "header", "wrong"):
            headers["x-viber-content-signature"] = signature
        if self.signatures in ("both", "query", "wrong"):
            url += f"{'&' if '?' in url else '?'}sig={signature}"
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                response = await self.http.post(url, content=body, headers=headers)
            status, answer = response.status_code, response.content
        except (httpx.HTTPError, TimeoutError):
            status, answer = 0, b""
        self.wire.add(Exchange("inbound", self.clock.now(), ta, event, body, status, answer, headers))
        return status, answer

    def _signature(self, ta: str, body: bytes) -> str:
        key = "another token" if self.signatures == "wrong" else self._tokens[ta]
        return hmac.digest(key.encode(), body, "sha256").hex()

    def snapshot(self) -> bytes:
        """Returns the bots, their chats and webhooks, and what is not delivered yet, as JSON."""
        return msgspec.json.encode(self._state)

    def restore(self, snapshot: bytes) -> None:
        """Takes up where a snapshot left off."""
        self._state = msgspec.json.decode(snapshot, type=State)


def _find(buttons: Sequence[dict[str, Any]], label: str) -> dict[str, Any]:
    for button in buttons:
        if label in (button.get("Text"), button["ActionBody"]):
            return button
    labels = ", ".join(button.get("Text") or button["ActionBody"] for button in buttons)
    raise NotOnScreenError(f"there is no such button; the screen has {labels or 'none'}")


def _shown_text(message: Mapping[str, Any]) -> str:
    match message.get("type"):
        case "location":
            return f"{message['location']['lat']}, {message['location']['lon']}"
        case "contact":
            return f"{message['contact']['name']} {message['contact']['phone_number']}"
        case "file":
            return str(message["file_name"])
        case "url":
            return str(message["media"])
        case "rich_media":
            return str(message.get("alt_text") or "")
        case "text" | "picture" | "video":
            return _unmarked(str(message.get("text") or ""))
    return ""


def _unmarked(text: str) -> str:
    for mark in _MARKS:
        text = mark.sub(r"\1", text)
    return text


def _bubble(line: Line, buttons: Sequence[dict[str, Any]]) -> Bubble:
    choices = [[_choice(button) for button in row] for row in rows_of(buttons)]
    return Bubble(line.side, line.kind, line.text, line.source, choices)


def _choice(button: Mapping[str, Any]) -> Choice:
    kind = _CHOICES.get(button.get("ActionType", "reply"), "link")
    return Choice(button.get("Text") or button["ActionBody"], kind, button["ActionBody"])
