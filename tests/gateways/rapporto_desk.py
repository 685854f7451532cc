"""A Rapporto account before a service whose answers are planned, for the tests of the adapter."""

import json
from pathlib import Path
from typing import Any

import httpx

from botkit.adapter import Outcome, Receipt
from botkit.conversation import Conversation
from botkit.gateways.rapporto import Rapporto
from botkit.http import Http
from botkit.messages import AnyMessage
from botkit.outgoing import Outgoing, Trail

PAYLOADS = Path(__file__).parent / "payloads" / "rapporto"
ENVIRON: dict[str, str] = json.loads((PAYLOADS / "account.json").read_text("utf-8"))["environ"]
WORD = "3f9c1a7be2d84460a5c8"
NUMBER = "+79990001122"
KEY = f"{'e' * 22}07"

Json = dict[str, Any]


def account(**environ: str) -> Rapporto:
    """Returns the recorded account, with further settings."""
    return Rapporto.from_env("DEMO", ENVIRON | {f"DEMO_{name}": text for name, text in environ.items()})


def body_of(name: str) -> Json:
    """Returns a recorded request, without login and password."""
    found: Json = json.loads((PAYLOADS / "requests" / f"{name}.json").read_text("utf-8"))
    return found


class Desk:
    """Sends by an adapter; `requests` are what it wrote, `answer` what the service says."""

    def __init__(self, adapter: Rapporto) -> None:
        self.adapter = adapter
        self.requests: list[httpx.Request] = []
        self.status = 200
        self.answer: Json | bytes = {"mtNum": "7390000042"}
        self.headers: dict[str, str] = {}

    @property
    def told(self) -> Json:
        """The newest request's body."""
        found: Json = json.loads(self.requests[-1].content)
        return found

    def _serve(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        body = self.answer if isinstance(self.answer, bytes) else json.dumps(self.answer).encode()
        return httpx.Response(self.status, content=body, headers=self.headers)

    async def send(self, message: AnyMessage, *, number: str = NUMBER, trail: Trail | None = None) -> Receipt:
        """Makes one attempt to send a message that is fit as it stands."""
        to = Conversation(self.adapter.account, number)
        outgoing = Outgoing(KEY, ("rapporto", "demo"), number, message, trail=trail)
        async with Http(transport=httpx.MockTransport(self._serve)) as client:
            return await self.adapter.send(outgoing, to, client)

    async def says(self, message: AnyMessage) -> list[Json]:
        """Returns the `message` of each request that a message becomes, after it was made fit."""
        first = len(self.requests)
        for part in self.adapter.prepare(message, Conversation(self.adapter.account, NUMBER)).messages:
            assert (await self.send(part)).outcome is Outcome.SENT
        return [json.loads(request.content)["message"] for request in self.requests[first:]]
