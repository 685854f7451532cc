"""The simulated Business Messages on a bench: before it a webhook whose answers are planned, behind it a caller."""

from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import jwt

from botkit.adapter import Receipt
from botkit.channels.gbm import BusinessMessages
from botkit.channels.google_oauth import GRANT_TYPE
from botkit.clock import Clock
from botkit.conversation import Conversation
from botkit.events import MessageReceived
from botkit.http import Http
from botkit.messages import AnyMessage
from botkit.outgoing import Outgoing
from botkit.simulators.gbm import BusinessMessagesSimulator
from botkit.simulators.simulator import Choice, Person
from botkit.webhook import WebhookRequest

Json = dict[str, Any]
ANA = Person("Ana", "sl")
BOB = Person("Bob")
TEXT: Json = {"messageId": "m", "text": "hi"}


class Rig:
    """The simulator between a webhook that answers what `answers` says (then 200) and a client with a token."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.answers: deque[int | Exception] = deque()
        self.posts: list[WebhookRequest] = []
        self.simulator = BusinessMessagesSimulator(self.clock, httpx.MockTransport(self._webhook))
        self.simulator.base_url = "http://bot.test"
        self.adapter = BusinessMessages(ta="demo").simulated("http://gbm.test")
        self.simulator.add_account(self.adapter)
        transport = httpx.ASGITransport(self.simulator.app)
        self.api = httpx.AsyncClient(transport=transport, base_url="http://gbm.test")
        self.client = Http(transport=transport)
        self.sent = 0

    def _webhook(self, inbound: httpx.Request) -> httpx.Response:
        request = WebhookRequest(dict(inbound.headers), dict(inbound.url.params), inbound.content)
        self.posts.append(request)
        answer = self.answers.popleft() if self.answers else 200
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer)

    @property
    def talk(self) -> str:
        return self.simulator.conversation_id("demo", ANA)

    def authorize(self) -> None:
        self.api.headers["Authorization"] = f"Bearer {self.simulator.tokens.issue('demo')}"

    async def post(self, body: Json, path: str = "messages", **query: str) -> httpx.Response:
        return await self.api.post(f"/v1/conversations/{self.talk}/{path}", json=body, params=query)

    async def say(self, message: AnyMessage) -> Receipt:
        self.sent += 1
        outgoing = Outgoing(f"key{self.sent}", ("gbm", "demo"), self.talk, message)
        return await self.adapter.send(outgoing, Conversation(self.adapter.account, self.talk), self.client)

    def events(self) -> list[Any]:
        """What the webhook was told, each post checked as the receiver does; then forgets it."""
        posts, self.posts = self.posts, []
        assert all(self.adapter.verify(post) for post in posts)
        return [event for post in posts for event in self.adapter.parse(post)]

    def texts(self) -> list[str]:
        return [event.text for event in self.events() if isinstance(event, MessageReceived)]

    def choices(self) -> list[Choice]:
        return [choice for bubble in self.simulator.screen("demo", ANA) for row in bubble.choices for choice in row]


@asynccontextmanager
async def open_rig() -> AsyncIterator[Rig]:
    """Gives a rig to which Ana has written and whose caller is authorized."""
    rig = Rig()
    await rig.simulator.says("demo", ANA, "hello")
    rig.posts.clear()
    rig.authorize()
    yield rig
    await rig.api.aclose()
    await rig.client.close()
    await rig.simulator.close()


def grant_form(adapter: BusinessMessages, **changes: Any) -> bytes:
    credentials = adapter.credentials
    assert credentials
    now = int(adapter.clock.timestamp())
    claims = {
        "iss": credentials.client_email,
        "scope": "https://www.googleapis.com/auth/businessmessages",
        "aud": credentials.token_uri,
        "iat": now,
        "exp": now + 3600,
    } | changes
    assertion = jwt.encode(claims, credentials.private_key.reveal(), algorithm="RS256")
    return str(httpx.QueryParams(grant_type=GRANT_TYPE, assertion=assertion)).encode()


def error(code: int, status: str, message: str) -> Json:
    return {"error": {"code": code, "message": message, "status": status, "details": []}}


def reply(text: str = "a", value: str = "b") -> Json:
    return {"reply": {"text": text, "postbackData": value}}


def sign_in(**oauth: Any) -> Json:
    asked = {"clientId": "c", "codeChallenge": "E9Mel", "scopes": ["profile"]} | oauth
    return {"authenticationRequest": {"oauth": asked}}


def card(**content: Any) -> Json:
    return {"messageId": "m", "richCard": {"standaloneCard": {"cardContent": content}}}


def carousel(count: int, width: str = "SMALL", height: str = "SHORT") -> Json:
    media = {"height": height, "contentInfo": {"fileUrl": "https://e.x/a.png"}}
    cards = [{"title": "A", "media": media}] * count
    return {"messageId": "m", "richCard": {"carouselCard": {"cardWidth": width, "cardContents": cards}}}
