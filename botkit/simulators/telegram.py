"""A Telegram on this machine: its Bot API, its people's phones and its deliveries to webhooks."""

import re
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from math import ceil
from typing import Any

import httpx
import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from botkit.adapter import Adapter
from botkit.channels.telegram import Telegram
from botkit.clock import Clock
from botkit.simulators.simulator import Bubble, Choice, NotOnScreenError, Person, Simulator
from botkit.simulators.telegram_delivery import Courier
from botkit.simulators.telegram_methods import METHODS, Called, add_message, file_id, private_chat
from botkit.simulators.telegram_parameters import ApiError, Parameters, read_parameters
from botkit.simulators.telegram_state import BotState, ChatState, Query, State, StoredFile
from botkit.simulators.wire import Exchange

#: A pressed button must be answered within so many seconds.
QUERY_SECONDS = 150

#: How many messages may be sent at once, and how many a second after that: to one chat, and by one bot to all.
CHAT_BURST, CHAT_RATE = 40, 1.0
BOT_BURST, BOT_RATE = 300, 30.0

_COMMAND = re.compile(r"/[A-Za-z0-9_]{1,32}(?:@[A-Za-z0-9_]+)?(?!\S)")
_CONTEXT = re.compile(r"[A-Za-z0-9_-]{0,64}")
# The member of a Message that holds its content, and what the screen calls it.
_SHOWN = {
    "photo": "image",
    "document": "file",
    "video": "video",
    "audio": "audio",
    "voice": "voice",
    "location": "location",
    "contact": "contact",
    "notification": "notification",
}


class TelegramSimulator(Simulator):
    """Telegram's servers and the people who use them, in private chats.

    `has_limits` can be switched off for load; `is_local` is a self-hosted Bot API server, which also takes webhooks
    over http, on every port and at every address.
    """

    channel = "telegram"

    def __init__(self, clock: Clock, transport: httpx.AsyncBaseTransport | None = None) -> None:
        super().__init__(clock, transport)
        self.has_limits = True
        self.is_local = False
        self._state = State()
        self._accounts: dict[str, str] = {}
        self._buckets: dict[tuple[str, int], tuple[float, float]] = {}
        self._courier = Courier(clock, self.http, self.wire, self.call, lambda: self.on_change())
        handlers = {404: _not_found, 405: _not_found}
        route = Route("/bot{token}/{method}", self._serve, methods=["GET", "POST"])
        self._app = Starlette(routes=[route], exception_handlers=handlers)

    @property
    def app(self) -> Starlette:
        """The Bot API: `/bot<token>/<method>`."""
        return self._app

    def add_account(self, adapter: Adapter) -> None:
        """Makes the adapter's bot known, as @BotFather would. Raises TypeError for an adapter without a token."""
        if not isinstance(adapter, Telegram) or not adapter.has_credentials:
            raise TypeError("the simulated Telegram opens accounts for Telegram adapters with a token")
        token = next(iter(adapter.secrets())).reveal()
        self._accounts = {known: ta for known, ta in self._accounts.items() if ta != adapter.ta} | {token: adapter.ta}

    def bot(self, ta: str) -> BotState:
        """Returns what is remembered of a bot."""
        # Update ids start at the time, so that those of an earlier run are not met again.
        first = int(self.clock.timestamp() * 16) % 1_900_000_000 + 1
        return self._state.bots.setdefault(ta, BotState(next_update_id=first))

    def unanswered(self, ta: str) -> list[str]:
        """Returns the ids of the pressed buttons that the bot has not answered."""
        return [name for name, query in self.bot(ta).queries.items() if not query.is_answered]

    # The Bot API

    async def _serve(self, request: Request) -> Response:
        ta = self._accounts.get(request.path_params["token"])
        method = request.path_params["method"]
        body = await request.body()
        response = await self.wire.answer(lambda: self._answer(ta, method, request, body))
        self._log(ta or "", method, body or request.url.query.encode(), response.status_code, bytes(response.body))
        return response

    async def _answer(self, ta: str | None, method: str, request: Request, body: bytes) -> Response:
        try:
            if ta is None:
                raise ApiError(401)
            if method.lower() not in METHODS:
                raise ApiError(404, "method not found")
            content_type = request.headers.get("content-type", "")
            result = self.call(ta, method, read_parameters(request.url.query, content_type, body))
        except ApiError as error:
            retry_after = error.parameters.get("retry_after")
            headers = {"retry-after": str(retry_after)} if retry_after else {}
            return _json(error.envelope, error.code, headers)
        said = {"result": True, "description": result} if isinstance(result, str) else {"result": result}
        return _json({"ok": True} | said)

    def call(self, ta: str, method: str, parameters: Parameters) -> Any:
        """Carries out one method of a bot and returns its result. Raises ApiError."""
        bot = self.bot(ta)
        now = self.clock.timestamp()
        if method.lower() in ("setwebhook", "deletewebhook") and self.has_limits and now - bot.webhook.changed_at < 1:
            raise ApiError(429, "retry after 1", retry_after=1)

        def check_rate(chat_id: int) -> None:
            self._take(ta, 0, BOT_BURST, BOT_RATE)
            self._take(ta, chat_id, CHAT_BURST, CHAT_RATE)

        called = Called(self._me(ta), bot, self._state.people, parameters, now, self.is_local, check_rate)
        result = METHODS[method.lower()](called)
        self.on_change()
        return result

    def _take(self, ta: str, chat_id: int, burst: int, rate: float) -> None:
        now = self.clock.timestamp()
        left, since = self._buckets.get((ta, chat_id), (float(burst), now))
        left = min(left + max(now - since, 0) * rate, burst)
        if self.has_limits and left < 1:
            seconds = ceil((1 - left) / rate)
            raise ApiError(429, f"retry after {seconds}", retry_after=seconds)
        self._buckets[ta, chat_id] = (max(left - 1, 0), now)

    def _me(self, ta: str) -> dict[str, Any]:
        token = next(token for token, known in self._accounts.items() if known == ta)
        name = re.sub(r"[^a-z0-9_]", "_", ta.lower())[:28] or "demo"
        return {"id": int(token.partition(":")[0]), "is_bot": True, "first_name": ta, "username": f"{name}_bot"}

    def _log(self, ta: str, method: str, body: bytes, status: int, answer: bytes) -> None:
        self.wire.add(Exchange("outbound", self.clock.now(), ta, method, body, status, answer))

    # The phones

    async def opens(self, ta: str, person: Person, context: str = "") -> None:
        """The person presses Start, with what a deep link carried: at most 64 of A-Z a-z 0-9 _ and -."""
        if not _CONTEXT.fullmatch(context):
            raise ValueError("a deep link carries at most 64 of A-Z a-z 0-9 _ and -")
        await self.says(ta, person, f"/start {context}".strip())

    async def says(self, ta: str, person: Person, text: str) -> None:
        """The person writes a text; the first one opens the chat."""
        if not text.strip():
            raise NotOnScreenError("an empty text cannot be sent")
        command = _COMMAND.match(text.strip())
        entities = [{"type": "bot_command", "offset": 0, "length": len(command[0])}] if command else []
        await self._writes(ta, person, {"text": text.strip()} | ({"entities": entities} if entities else {}))

    async def taps(self, ta: str, person: Person, label: str) -> None:
        """The person presses the newest button with this label (or value); a link only opens a page."""
        message, button = self._find_button(ta, person, label)
        if "callback_data" not in button:
            return
        await self._enters(ta, person)
        user = self._user(person)
        query_id = self._remember(self.bot(ta), user["id"])
        query = {"id": query_id, "from": user, "message": message, "chat_instance": str(-user["id"])}
        await self._emit(ta, "callback_query", query | {"data": button["callback_data"]})

    def _find_button(self, ta: str, person: Person, label: str) -> tuple[dict[str, Any], dict[str, Any]]:
        labels: list[str] = []
        chat = self.bot(ta).chats.get(self._user(person)["id"])
        for message in reversed(chat.messages if chat else ()):
            for button in _buttons(message):
                if label in (button["text"], button.get("callback_data")):
                    return message, button
                labels.append(button["text"])
        raise NotOnScreenError(f"there is no such button; the screen has {', '.join(labels) or 'none'}")

    def _remember(self, bot: BotState, chat_id: int) -> str:
        now = self.clock.timestamp()
        bot.last_query_id = max(bot.last_query_id + 1, int(now * 1_000_000))
        # A day later nobody asks any more.
        bot.queries = {name: query for name, query in bot.queries.items() if query.expires_at > now - 86400}
        bot.queries[str(bot.last_query_id)] = Query(chat_id, expires_at=now + QUERY_SECONDS)
        return str(bot.last_query_id)

    async def sends_photo(self, ta: str, person: Person, caption: str = "") -> None:
        """The person sends a picture, in two sizes."""
        sizes = [self._stored(ta, "photo", 90, 60, 1200), self._stored(ta, "photo", 1280, 853, 88000)]
        await self._writes(ta, person, {"photo": sizes} | ({"caption": caption} if caption else {}))

    def _stored(self, ta: str, kind: str, width: int, height: int, size: int) -> dict[str, Any]:
        bot = self.bot(ta)
        name = file_id(kind, width, bot.next_update_id)
        bot.files[name] = StoredFile(kind, size)
        reference = {"file_id": name, "file_unique_id": name[-16:], "file_size": size}
        return reference | {"width": width, "height": height}

    async def sends_file(self, ta: str, person: Person, name: str = "document.pdf") -> None:
        """The person sends a document."""
        bot = self.bot(ta)
        reference = file_id("document", name, bot.next_update_id)
        bot.files[reference] = StoredFile("document", 2048, name=name)
        document = {"file_id": reference, "file_unique_id": reference[-16:], "file_size": 2048, "file_name": name}
        await self._writes(ta, person, {"document": document})

    async def sends_location(self, ta: str, person: Person, latitude: float, longitude: float) -> None:
        """The person sends a place."""
        await self._writes(ta, person, {"location": {"latitude": latitude, "longitude": longitude}})

    async def leaves(self, ta: str, person: Person) -> None:
        """The person blocks the bot. Raises NotOnScreenError when the chat was never opened."""
        chat = self.bot(ta).chats.get(self._user(person)["id"])
        if not chat:
            raise NotOnScreenError("the chat was never opened, so there is nothing to block")
        if not chat.is_blocked:
            await self._moves(ta, person, chat, is_blocked=True)

    async def _writes(self, ta: str, person: Person, content: dict[str, Any]) -> None:
        chat = await self._enters(ta, person)
        user = self._user(person)
        sender = {"from": user, "chat": private_chat(user), "date": int(self.clock.timestamp())}
        await self._emit(ta, "message", add_message(chat, sender | content))

    async def _enters(self, ta: str, person: Person) -> ChatState:
        user = self._user(person)
        self._state.people[user["id"]] = user
        first = max(int(self.clock.timestamp()) - 1_700_000_000, 1)
        chat = self.bot(ta).chats.setdefault(user["id"], ChatState(next_message_id=first))
        if chat.is_blocked:
            await self._moves(ta, person, chat, is_blocked=False)
        return chat

    async def _moves(self, ta: str, person: Person, chat: ChatState, *, is_blocked: bool) -> None:
        chat.is_blocked = is_blocked
        user, me = self._user(person), self._me(ta)
        member = {"user": me, "status": "member"}
        kicked = {"user": me, "status": "kicked", "until_date": 0}
        change = {"old_chat_member": member, "new_chat_member": kicked}
        if not is_blocked:
            change = {"old_chat_member": kicked, "new_chat_member": member}
        where = {"chat": private_chat(user), "from": user, "date": int(self.clock.timestamp())}
        await self._emit(ta, "my_chat_member", where | change)

    def _user(self, person: Person) -> dict[str, Any]:
        seed = int.from_bytes(blake2b(person.name.encode(), digest_size=6).digest())
        first, _, last = person.name.strip().partition(" ")
        user = {"id": 1_000_000_000 + seed % 6_000_000_000, "is_bot": False, "first_name": first}
        return user | ({"last_name": last.strip()} if last.strip() else {}) | {"language_code": person.locale}

    def conversation_id(self, ta: str, person: Person) -> str:
        """Returns the id of the private chat, which is the person's."""
        return str(self._user(person)["id"])

    def screen(self, ta: str, person: Person) -> Sequence[Bubble]:
        """Returns what the person's phone shows, oldest first.

        The text of an answer to a button is a notification; a chat action is shown for five seconds, as typing.
        """
        chat = self.bot(ta).chats.get(self._user(person)["id"])
        if not chat:
            return []
        is_typing = self.clock.timestamp() < chat.typing_until
        return [*(self._bubble(ta, message) for message in chat.messages), *[Bubble("bot", "typing")] * is_typing]

    def _bubble(self, ta: str, message: Mapping[str, Any]) -> Bubble:
        content = next((key for key in _SHOWN if key in message), "text")
        if content == "notification":
            return Bubble("service", "notification", message["notification"])
        text = message.get("text") or message.get("caption", "")
        if content == "location":
            text = f"{message['location']['latitude']}, {message['location']['longitude']}"
        if content == "contact":
            text = f"{message['contact']['first_name']} {message['contact']['phone_number']}"
        rows = message.get("reply_markup", {}).get("inline_keyboard", ())
        return Bubble(
            "bot" if message["from"]["is_bot"] else "person",
            _SHOWN.get(content, content),
            text,
            self._source(ta, message.get(content)),
            [[_choice(button) for button in row] for row in rows],
        )

    def _source(self, ta: str, content: Any) -> str:
        file = content[-1] if isinstance(content, list) else content
        stored = self.bot(ta).files.get(file.get("file_id", "")) if isinstance(file, dict) else None
        return (stored.url or stored.name) if stored else ""

    # The deliveries

    async def _emit(self, ta: str, kind: str, payload: dict[str, Any]) -> None:
        await self._courier.emit(ta, self.bot(ta), kind, payload)

    async def emits(self, ta: str, kind: str, payload: dict[str, Any]) -> None:
        """Sends an update of any kind, also of one that Telegram does not have."""
        await self._emit(ta, kind, payload)

    async def redeliver(self) -> int:
        """Repeats what is due: at once after the first failure, then 2, 4, 8 ... seconds later, up to two minutes."""
        return sum([await self._courier.flush(ta, self.bot(ta)) for ta in list(self._accounts.values())])

    def snapshot(self) -> bytes:
        """Returns the bots, their chats, files, webhooks and waiting updates as JSON."""
        return msgspec.json.encode(self._state)

    def restore(self, snapshot: bytes) -> None:
        """Takes up where a snapshot left off."""
        self._state = msgspec.json.decode(snapshot, type=State)
        for bot in self._state.bots.values():
            # A server that was started again has not counted the calls of the one before.
            bot.webhook.changed_at = 0


def _buttons(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = message.get("reply_markup", {}).get("inline_keyboard", ())
    return [button for row in rows for button in row]


def _choice(button: Mapping[str, Any]) -> Choice:
    if "url" in button:
        return Choice(button["text"], "link", button["url"])
    return Choice(button["text"], "reply", button.get("callback_data", ""))


async def _not_found(request: Request, error: Exception) -> Response:
    return _json(ApiError(404).envelope, 404)


def _json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(value), status, headers, "application/json")
