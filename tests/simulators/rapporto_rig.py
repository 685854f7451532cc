"""A simulated Rapporto with one account, for its tests."""

import json
from datetime import UTC, datetime
from typing import Any

import httpx

from botkit.clock import Clock
from botkit.gateways.rapporto import Rapporto
from botkit.simulators.rapporto import RapportoSimulator
from botkit.simulators.simulator import Person, phone_number
from tests.simulators.listener import Listener

Json = dict[str, Any]

ANA = Person("Ana")
BORIS = Person("Boris")
NUMBER = phone_number(ANA).removeprefix("+")
REPORTS = "https://bot.test/webhooks/rapporto/report?ta=demo&key=word"
INBOUND = "https://bot.test/webhooks/rapporto/inbound?ta=demo&key=word"


class Client(Listener):
    """The addresses that Rapporto calls."""

    @property
    def statuses(self) -> list[tuple[str, int]]:
        """The type and status of each report, in the order of arrival."""
        return [(body["type"], body["status"]) for body in self.told if "status" in body]


class Rig:
    """A Rapporto with one account; it is a Tuesday, noon in Moscow."""

    def __init__(self, via: str = "telegram", **options: Any) -> None:
        self.client = Client()
        self.clock = Clock()
        noon = datetime(2030, 3, 5, 9, 0, tzinfo=UTC)
        self.clock.offset = noon - datetime.now(UTC)
        self.simulator = RapportoSimulator(self.clock, httpx.MockTransport(self.client))
        self.adapter = Rapporto(via, ta="demo", **options).simulated("http://rapporto.test")
        self.simulator.add_account(self.adapter)
        self.simulator.console("demo", "report", REPORTS)
        self.simulator.console("demo", "inbound", INBOUND)
        transport = httpx.ASGITransport(self.simulator.app, client=("192.0.2.1", 5000))
        self.http = httpx.AsyncClient(transport=transport, base_url="http://rapporto.test")

    def body(self, message: Json | None = None, **members: Any) -> Json:
        """Returns a request; a member that is ... is left out."""
        whole = {
            "login": self.adapter.login,
            "password": self.adapter.password.reveal(),
            "destAddr": f"+{NUMBER}",
            "message": message if message is not None else telegram(),
        }
        return {name: value for name, value in (whole | members).items() if value is not ...}

    async def post(self, body: Json | bytes, **headers: str) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.http.post("/", content=content, headers={"content-type": "application/json", **headers})

    async def send(self, message: Json | None = None, **members: Any) -> Json:
        """Sends a request that is taken; returns the answer."""
        response = await self.post(self.body(message, **members))
        assert response.status_code == 200, response.text
        found: Json = response.json()
        return found

    async def refusal(self, message: Json | None = None, **members: Any) -> tuple[int, int, str]:
        """Sends a request that is refused; returns the HTTP status, the code, and what is said beside it."""
        response = await self.post(self.body(message, **members))
        told = response.json()
        assert told.keys() <= {"error", "extendedDescription"}
        assert told["error"].keys() == {"code", "description"}
        return response.status_code, told["error"]["code"], told.get("extendedDescription", "")

    async def passes(self, **time: float) -> None:
        """Lets time pass, and what is due happen."""
        self.clock.advance(**time)
        await self.simulator.redeliver()

    @property
    def shown(self) -> list[tuple[str, str]]:
        """The apps and texts on Ana's phone."""
        return [(bubble.kind, bubble.text) for bubble in self.simulator.screen("demo", ANA)]


def telegram(text: Any = "hello", **data: Any) -> Json:
    return {"type": "TELEGRAM", "data": {"text": text} | data}


def sms(text: Any = "hello", **data: Any) -> Json:
    return {"type": "SMS", "data": {"text": text} | data}


def whatsapp(data: Any = None, content: str = "TEXT", **more: Any) -> Json:
    inner = {"text": "hello"} if data is None else data
    return {"type": "WHATSAPP", "data": {"instantContent": {"type": content, "data": inner}} | more}


def viber(data: Json, content: str = "TEXT", **more: Any) -> Json:
    return whatsapp(data, content, **more) | {"type": "VIBER"}
