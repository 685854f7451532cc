"""An SMSGold account before a service whose answers are planned."""

import json
from pathlib import Path
from typing import Any

import httpx

from botkit.adapter import Receipt
from botkit.conversation import Conversation
from botkit.gateways.smsgold import SmsGold
from botkit.http import Http
from botkit.messages import AnyMessage
from botkit.outgoing import Outgoing

PAYLOADS = Path(__file__).parent / "payloads" / "smsgold"
BOT, SUBSCRIBER, NUMBER = "65f0c0ffee65f0c0ffee0001", "65f0c0ffee65f0c0ffee1001", "+79990001122"
PASSWORD = "demo-pass"

Json = dict[str, Any]


def recorded(name: str) -> Any:
    return json.loads((PAYLOADS / f"{name}.json").read_text("utf-8"))


def account(**options: Any) -> SmsGold:
    known = {"user": "12345", "password": PASSWORD, "bot_id": BOT, "ta": "demo", "prefix": "DEMO"}
    return SmsGold(**{**known, **options})


class Desk:
    """Sends by an adapter; `requests` are what it wrote, `answer` what the service says."""

    def __init__(self, adapter: SmsGold | None = None) -> None:
        self.adapter = adapter or account()
        self.requests: list[httpx.Request] = []
        self.status = 200
        self.answer: Any = {"success": True, "id": "65f0c0ffee65f0c0ffee9001"}
        self.headers: dict[str, str] = {}
        self.http = Http(transport=httpx.MockTransport(self._serve))

    def _serve(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        body = self.answer if isinstance(self.answer, bytes) else json.dumps(self.answer).encode()
        return httpx.Response(self.status, content=body, headers=self.headers)

    @property
    def told(self) -> Json:
        """The newest request's body."""
        found: Json = json.loads(self.requests[-1].content)
        return found

    async def send(self, message: AnyMessage, to: str = SUBSCRIBER) -> Receipt:
        """Makes one attempt to send a message that is fit as it stands."""
        outgoing = Outgoing("e" * 24, ("smsgold", "demo"), to, message)
        return await self.adapter.send(outgoing, Conversation(self.adapter.account, to), self.http)

    def place(self, to: str) -> Conversation:
        """A conversation of the account."""
        return Conversation(self.adapter.account, to)
