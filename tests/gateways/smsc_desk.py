"""Accounts at a simulated SMSC, one for each way, and Ana and Boris, whom they write to."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx

from botkit.adapter import Receipt
from botkit.clock import Clock
from botkit.conversation import Conversation
from botkit.gateways.smsc import Smsc, SmscContacts
from botkit.http import Http
from botkit.http_client import HttpAnswer
from botkit.messages import AnyMessage, Text
from botkit.outgoing import Outgoing
from botkit.simulators.simulator import Person, phone_number
from botkit.simulators.smsc import SmscSimulator
from botkit.webhook import WebhookRequest

ANA, BORIS = Person("Ana Kos", "sl-SI"), Person("Boris", "ru")
WORD = "s3cr3t-demo"
WAYS: Mapping[str, Mapping[str, str]] = {
    "sms": {},
    "viber": {"sender": "SHOP"},
    "telegram": {},
    "bot": {"bot": "@demo_shop_bot"},
    "whatsapp": {"bot": "79037000009"},
}


def account(way: str = "sms", **more: Any) -> Smsc:
    """Returns an account that sends one way, all with one login."""
    known: dict[str, Any] = {
        "login": "demo",
        "password": "demo-pass",
        "callback_secret": WORD,
        "ta": way,
        "api_url": "http://smsc.test",
        **WAYS[way],
    }
    return Smsc("telegram" if way == "bot" else way, **(known | more))  # type: ignore[arg-type]


class Desk:
    """The accounts before the simulator, whose callbacks are kept in `told`."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.told: list[httpx.Request] = []
        self.simulator = SmscSimulator(self.clock, httpx.MockTransport(self._hear))
        self.accounts = {way: self.open(account(way)) for way in WAYS}
        self.simulator.set_callback("sms", "https://bot.test/webhooks/smsc/report?ta=sms")
        self.client = Http(transport=httpx.ASGITransport(self.simulator.app))
        self._keys = 0

    def open(self, adapter: Smsc) -> Smsc:
        """Opens another account, which goes by the same clock."""
        adapter.clock = self.clock
        self.simulator.add_account(adapter)
        return adapter

    def _hear(self, request: httpx.Request) -> httpx.Response:
        self.told.append(request)
        return httpx.Response(200)

    @property
    def contacts(self) -> SmscContacts:
        """The address book of the one login."""
        return self.accounts["sms"].contacts(self.client)

    def outgoing(self, message: AnyMessage, way: str = "sms", person: Person = ANA, **more: Any) -> Outgoing:
        """Returns a message on its way, with a key of its own unless one is given."""
        self._keys += 1
        place = self.place(way, person)
        known: dict[str, Any] = {"key": f"event{self._keys:02}", "created_ms": round(self.clock.timestamp() * 1000)}
        return Outgoing(account=("smsc", way), to=place.id, message=message, **(known | more))

    def place(self, way: str = "sms", person: Person = ANA) -> Conversation:
        """Returns the conversation with somebody."""
        return Conversation(self.accounts[way].account, self.simulator.conversation_id(way, person))

    async def send(
        self, message: AnyMessage | str = "hi", way: str = "sms", person: Person = ANA, **more: Any
    ) -> Receipt:
        """Prepares and sends a message of one part, as the engine does."""
        adapter, place = self.accounts[way], self.place(way, person)
        whole = Text(text=message) if isinstance(message, str) else message
        (part,) = adapter.prepare(whole, place).messages
        return await adapter.send(self.outgoing(part, way, person, **more), place, self.client)

    def sees(self, way: str = "sms", person: Person = ANA) -> list[str]:
        """Returns what somebody has been sent."""
        return [bubble.text for bubble in self.simulator.screen(way, person) if bubble.side == "bot"]

    def asked(self, script: str) -> list[dict[str, str]]:
        """Returns the forms that a script was called with, without the credentials."""
        forms = [read_form(call.request) for call in self.simulator.wire.calls(script)]
        return [{name: value for name, value in form.items() if name not in ("login", "psw")} for form in forms]

    def callbacks(self) -> list[WebhookRequest]:
        """Returns what the service has called with, and forgets it."""
        found = [webhook(request) for request in self.told]
        self.told.clear()
        return found


def webhook(request: httpx.Request) -> WebhookRequest:
    """Returns a callback as the receiver hands it on."""
    query = urlsplit(str(request.url)).query
    return WebhookRequest(
        dict(request.headers), dict(parse_qsl(query)), request.content, "report", request.method, query.encode()
    )


def read_form(body: bytes) -> dict[str, str]:
    """Returns the fields of a form."""
    return dict(parse_qsl(body.decode(), keep_blank_values=True))


def answering(*bodies: str | HttpAnswer | Exception) -> "Canned":
    """Returns a client that gets these answers, one after the other."""
    return Canned(list(bodies))


class Canned:
    """A client with answers of its own; `forms` is what it was asked, by script."""

    def __init__(self, bodies: list[str | HttpAnswer | Exception]) -> None:
        self._bodies = bodies
        self.forms: list[tuple[str, dict[str, str]]] = []

    async def request(self, method: str, url: str, *, form: Mapping[str, str] | None = None, **more: Any) -> HttpAnswer:
        self.forms.append((url.rpartition("/")[2], dict(form or {})))
        answer = self._bodies.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, HttpAnswer) else HttpAnswer(200, {}, answer.encode())

    async def download(self, url: str, **more: Any) -> Any:
        raise AssertionError("nothing is fetched")


@asynccontextmanager
async def opened() -> AsyncIterator[Desk]:
    """A desk whose accounts have sent nothing yet."""
    desk = Desk()
    try:
        yield desk
    finally:
        await desk.client.close()
        await desk.simulator.close()


def digits(person: Person) -> str:
    """Returns somebody's number as SMSC writes it."""
    return phone_number(person).removeprefix("+")
