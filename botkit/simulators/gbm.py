"""A simulated Google Business Messages: agents call its API, people talk to agents on its phones.

It signs with the first key of an account, sends receipts, and redelivers with growing pauses for seven days. What the
service did not publish is ours: the pauses, the wording of errors, and that a person who leaves cannot be written to.
"""

import hmac
import uuid
from asyncio import Lock
from base64 import b64encode
from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar, Literal
from urllib.parse import quote

import httpx
import msgspec
from msgspec import Struct
from starlette.applications import Starlette

from botkit.adapter import Adapter
from botkit.channels.gbm import BusinessMessages
from botkit.clock import Clock
from botkit.simulators.gbm_api import Api
from botkit.simulators.gbm_phone import MEMORY, Chat, Line
from botkit.simulators.gbm_tokens import TokenDesk
from botkit.simulators.simulator import Bubble, NotOnScreenError, Person, Simulator
from botkit.simulators.wire import Exchange

#: Pauses before a redelivery, in seconds: the first, and the longest.
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 600.0
#: A delivery is given up after this many seconds.
KEPT = 7 * 24 * 3600

#: Where a receiver in the same process answers.
BASE_URL = "https://botkit.localhost"

_PEOPLE = uuid.UUID("0d6c3f5e-61e4-5f0c-9d5c-9a3f5c0b1e77")


class _Delivery(Struct):
    name: str
    body: bytes
    made_at: float
    due_at: float
    tries: int = 0


class _State(Struct):
    chats: dict[str, Chat] = {}
    pending: dict[str, list[_Delivery]] = {}


class BusinessMessagesSimulator(Simulator):
    """Google Business Messages on this machine.

    `base_url` is where the receiver answers; `webhooks` holds other addresses by account. `duplicates` says what a used
    messageId leads to: an error as until 2023, or a silent 200 as later. Faults of the wire strike the API's calls, but
    never the token endpoint: end the tokens with `tokens.expire()`.
    """

    channel: ClassVar[str] = "gbm"

    def __init__(self, clock: Clock, transport: httpx.AsyncBaseTransport | None = None) -> None:
        super().__init__(clock, transport)
        self.tokens = TokenDesk(clock)
        self.base_url = BASE_URL
        self.webhooks: dict[str, str] = {}
        self.duplicates: Literal["409", "ignored"] = "409"
        #: Whether messages are reported as delivered and read.
        self.receipts = True
        #: Whether a conversation takes no more than 60 messages a minute.
        self.has_quota = True
        #: The accounts whose agent is launched: they may not force a fallback.
        self.launched: set[str] = set()
        self._accounts: dict[str, BusinessMessages] = {}
        self._locks: dict[str, Lock] = {}
        self._state = _State()
        self._api = Api(self)

    @property
    def app(self) -> Starlette:
        """The API of the service and its token endpoint, `/token`."""
        return self._api.app

    def add_account(self, adapter: Adapter) -> None:
        """Opens an account: registers the public key of its service account, its signature keys and its agent.

        The adapter's clock becomes the simulator's, or grants would expire when the clock is moved.
        """
        if not isinstance(adapter, BusinessMessages) or not adapter.credentials or not adapter.agent:
            raise TypeError(
                "a Business Messages account needs credentials and an agent: use adapter.simulated(api_url)"
            )
        adapter.clock = self.clock
        self.tokens.register(adapter.ta, adapter.credentials)
        self._accounts[adapter.ta] = adapter
        self._locks.setdefault(adapter.ta, Lock())

    def chat(self, conversation_id: str) -> Chat | None:
        """Returns an open conversation by its id."""
        chat = self._state.chats.get(conversation_id)
        return chat if chat and chat.is_open else None

    def took(self, chat: Chat, message_id: str) -> None:
        """Queues the receipts of a message for the next delivery."""
        if not self.receipts:
            return
        for kind in ("DELIVERED", "READ"):
            entry = {"message": f"conversations/{chat.id}/messages/{message_id}", "receiptType": kind}
            self._queue(chat, "receipts", {"receipts": {"receipts": [entry], "createTime": self._time()}})

    async def verifies(self, ta: str) -> bool:
        """Checks the webhook as the console's button does: the right token must be answered, a wrong one must not."""
        token = self._accounts[ta].client_token.reveal()
        right = await self._check_webhook(ta, token)
        wrong = await self._check_webhook(ta, f"not-{token}")
        return right and not wrong

    async def opens(self, ta: str, person: Person, context: str = "") -> None:
        """The person opens the chat; Google tells nobody. The context rides on their next message."""
        chat = self._open(ta, person)
        chat.context = context or chat.context
        self.on_change()

    async def says(self, ta: str, person: Person, text: str) -> None:
        """The person writes a text."""
        await self._write(ta, person, text, Line("person", "text", text))

    async def taps(self, ta: str, person: Person, label: str) -> None:
        """The person presses the newest visible suggestion. Chips show on the newest message only."""
        chat = self._open(ta, person)
        line, offer = chat.find(label)
        if offer.kind == "agent":
            await self.asks_agent(ta, person)
            return
        if offer.kind == "login":
            raise NotOnScreenError("the simulator has nobody to sign in with")
        if offer.kind == "reply":
            chat.remember(Line("person", "text", offer.label))
        response = {
            "message": f"conversations/{chat.id}/messages/{line.message_id}",
            "postbackData": offer.postback,
            "createTime": self._time(),
            "text": offer.label,
            "suggestionType": offer.kind.upper(),
        }
        await self._tell(chat, "suggestionResponse", response)

    async def sends_photo(self, ta: str, person: Person, caption: str = "") -> None:
        """The person sends a picture: a signed address as text. A caption is a message of its own."""
        url = (
            f"https://storage.googleapis.com/business-messages-simulated/42/{uuid.uuid4()}"
            f"?x-goog-algorithm=GOOG4-RSA-SHA256&x-goog-expires=604800&x-goog-signature={uuid.uuid4().hex}"
        )
        await self._write(ta, person, url, Line("person", "image", source=url))
        if caption:
            await self.says(ta, person, caption)

    async def sends_file(self, ta: str, person: Person, name: str = "document.pdf") -> None:
        """Raises NotOnScreenError: the service has no files."""
        raise NotOnScreenError("Business Messages has no button to send a file: text and photos only")

    async def sends_location(self, ta: str, person: Person, latitude: float, longitude: float) -> None:
        """Raises NotOnScreenError: the service has no places."""
        raise NotOnScreenError("Business Messages has no button to send a place: text and photos only")

    async def asks_agent(self, ta: str, person: Person) -> None:
        """The person asks for somebody to talk to."""
        status = {"requestedLiveAgent": True, "createTime": self._time()}
        await self._tell(self._open(ta, person), "userStatus", status)

    async def types(self, ta: str, person: Person, *, typing: bool) -> None:
        """The person starts or stops typing."""
        status = {"isTyping": typing, "createTime": self._time()}
        await self._tell(self._open(ta, person), "userStatus", status, counts=False)

    async def leaves(self, ta: str, person: Person) -> None:
        """The person blocks the agent: nobody is told, and the agent's calls are refused until they come back."""
        self._open(ta, person).is_open = False
        self.on_change()

    def screen(self, ta: str, person: Person) -> Sequence[Bubble]:
        """Returns what the phone shows; nothing before the chat was opened."""
        chat = self._state.chats.get(self.conversation_id(ta, person))
        return chat.bubbles() if chat else []

    def limit_device(self, ta: str, person: Person, *lacks: Literal["suggestions", "richCard", "image"]) -> None:
        """Takes abilities away from the person's device; without any it can do everything again."""
        self._open(ta, person).lacks = list(lacks)
        self.on_change()

    def conversation_id(self, ta: str, person: Person) -> str:
        """Returns the id of the person's conversation with the account's agent: the same on every start."""
        return str(uuid.uuid5(_PEOPLE, f"{self._accounts[ta].agent}|{person.name}"))

    async def redeliver(self) -> int:
        """Repeats what is due, and delivers receipts that wait; each agent's queue in order."""
        return sum([await self._drain(ta) for ta in list(self._state.pending) if ta in self._accounts])

    def snapshot(self) -> bytes:
        """Returns conversations, screens and undelivered payloads; tokens are forgotten."""
        return msgspec.json.encode(self._state)

    def restore(self, snapshot: bytes) -> None:
        """Takes up where the snapshot left off."""
        self._state = msgspec.json.decode(snapshot, type=_State)

    def _open(self, ta: str, person: Person) -> Chat:
        identity = self.conversation_id(ta, person)
        chat = self._state.chats.setdefault(identity, Chat(identity, ta, person))
        chat.is_open, chat.person = True, person
        return chat

    async def _write(self, ta: str, person: Person, text: str, line: Line) -> None:
        chat = self._open(ta, person)
        message_id = str(uuid.uuid4())
        chat.remember(line)
        chat.received = [*chat.received[1 - MEMORY :], message_id]
        message = {
            "messageId": message_id,
            "name": f"conversations/{chat.id}/messages/{message_id}",
            "text": text,
            "createTime": self._time(),
        }
        await self._tell(chat, "message", message)

    async def _tell(self, chat: Chat, member: str, value: dict[str, Any], *, counts: bool = True) -> None:
        """Delivers what the person did; it counts as their last message unless they only typed."""
        if counts:
            chat.wrote_at = self.clock.timestamp()
        locale = chat.person.locale
        info = {"displayName": chat.person.name, "userDeviceLocale": locale}
        context = {"entryPoint": "PLACESHEET", "placeId": "ChIJsimulated", "resolvedLocale": locale, "userInfo": info}
        if chat.context:
            context["customContext"], chat.context = chat.context, ""
        self._queue(chat, member, {"requestId": str(uuid.uuid4()), member: value, "context": context})
        self.on_change()
        await self._drain(chat.ta)

    def _queue(self, chat: Chat, name: str, payload: dict[str, Any]) -> None:
        envelope = {"agent": self._accounts[chat.ta].agent, "conversationId": chat.id}
        body = msgspec.json.encode(envelope | payload | {"sendTime": self._time()})
        now = self.clock.timestamp()
        self._state.pending.setdefault(chat.ta, []).append(_Delivery(name, body, now, now))

    async def _drain(self, ta: str) -> int:
        """Posts an agent's queue as far as it was when we came, until one fails or is not due; returns how many."""
        tried = 0
        async with self._locks[ta]:
            queue = self._state.pending.setdefault(ta, [])
            fresh = [delivery for delivery in queue if self.clock.timestamp() - delivery.made_at <= KEPT]
            is_changed, queue[:] = len(fresh) < len(queue), fresh
            for delivery in fresh:
                if delivery.due_at > self.clock.timestamp():
                    break
                tried += 1
                if not await self._attempt(ta, delivery):
                    break
                queue.remove(delivery)
        if tried or is_changed:
            self.on_change()
        return tried

    async def _attempt(self, ta: str, delivery: _Delivery) -> bool:
        key = self._accounts[ta].keys[0].reveal().encode()
        signature = b64encode(hmac.digest(key, delivery.body, "sha512")).decode()
        status, _ = await self._post(ta, delivery.name, delivery.body, {"X-Goog-Signature": signature})
        if status != 200:
            delivery.due_at = self.clock.timestamp() + min(FIRST_PAUSE * 2**delivery.tries, LONGEST_PAUSE)
            delivery.tries = min(delivery.tries + 1, 30)
        return status == 200

    async def _check_webhook(self, ta: str, token: str) -> bool:
        secret = str(uuid.uuid4().int)[:10]
        body = msgspec.json.encode({"clientToken": token, "secret": secret})
        return await self._post(ta, "verify", body, {}) == (200, secret.encode())

    async def _post(self, ta: str, name: str, body: bytes, signature: dict[str, str]) -> tuple[int, bytes]:
        """Posts to the webhook; the status is 0 when it cannot be reached."""
        url = self.webhooks.get(ta) or f"{self.base_url}/webhooks/gbm?ta={quote(ta, safe='')}"
        headers = {"Content-Type": "application/json", **signature}
        try:
            response = await self.http.post(url, content=body, headers=headers)
            status, answer = response.status_code, response.content
        except httpx.HTTPError:
            status, answer = 0, b""
        logged = b"***" if name == "verify" else body
        self.wire.add(Exchange("inbound", self.clock.now(), ta, name, logged, status, answer, headers))
        return status, answer

    def _time(self) -> str:
        return _nine_digits(self.clock.now())


def _nine_digits(at: datetime) -> str:
    """Returns the instant as Google writes it, with nanoseconds."""
    return f"{at:%Y-%m-%dT%H:%M:%S.%f}000Z"
