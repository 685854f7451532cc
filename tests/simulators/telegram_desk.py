"""A bot for the tests of the simulated Telegram: its webhook, and its way to the Bot API."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from botkit.channels.telegram import Telegram
from botkit.clock import Clock
from botkit.events import Event
from botkit.simulators.simulator import Person
from botkit.simulators.telegram import Place, TelegramSimulator
from botkit.webhook import WebhookRequest

URL = "https://bot.example.org/webhooks/telegram?ta=demo"
HEADER = "x-telegram-bot-api-secret-token"
ANA, BO = Person("Ana Kos", "sl"), Person("Bo")


class StoppedClock(Clock):
    """A clock that only a test moves."""

    def timestamp(self) -> float:
        return 1_784_000_000 + self.offset.total_seconds()


class Bot:
    """A bot's webhook and its way to the simulated Bot API."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.requests: list[WebhookRequest] = []
        #: What the webhook answers, by turns; 200 when there is nothing left.
        self.answers: list[Response] = []
        app = Starlette(routes=[Route("/webhooks/telegram", self._receive, methods=["POST"])])
        self.simulator = TelegramSimulator(clock, httpx.ASGITransport(app))
        self.simulator.limits_on = False
        self.adapter = Telegram(ta="demo").simulated("http://telegram.test")
        self.simulator.add_account(self.adapter)
        self.token, self.secret = (secret.reveal() for secret in self.adapter.secrets())
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.simulator.app), base_url=f"http://telegram.test/bot{self.token}/"
        )

    async def _receive(self, request: Request) -> Response:
        body = await request.body()
        self.requests.append(WebhookRequest(dict(request.headers), dict(request.query_params), body))
        return self.answers.pop(0) if self.answers else Response()

    async def call(self, method: str, **parameters: Any) -> httpx.Response:
        return await self.http.post(method, json=parameters)

    async def send(self, text: str = "Hello", **parameters: Any) -> httpx.Response:
        return await self.call("sendMessage", chat_id=self.chat_id(), text=text, **parameters)

    async def set_webhook(self, **parameters: Any) -> httpx.Response:
        return await self.call("setWebhook", **({"url": URL, "secret_token": self.secret} | parameters))

    async def result(self, method: str, **parameters: Any) -> Any:
        """Calls a method about Ana's chat, if about no other, and returns its result."""
        response = await self.call(method, **({"chat_id": self.chat_id()} | parameters))
        assert response.status_code == 200, response.text
        return response.json()["result"]

    async def refusal(self, method: str, **parameters: Any) -> str:
        """Calls a method about Ana's chat, if about no other, and returns the description of the refusal."""
        return refused(await self.call(method, **({"chat_id": self.chat_id()} | parameters)))[1]

    def chat_id(self, person: Person = ANA) -> int:
        return int(self.simulator.conversation_id("demo", person))

    def texts(self, person: Person = ANA, where: Place = None) -> list[str]:
        """Returns the texts on a screen."""
        return [bubble.text for bubble in self.simulator.screen("demo", person, where=where)]

    def told(self, kind: str) -> list[Any]:
        """Returns the payloads of the updates of a kind."""
        return [update[kind] for update in self.updates if kind in update]

    @property
    def updates(self) -> list[dict[str, Any]]:
        return [json.loads(request.body) for request in self.requests]

    @property
    def events(self) -> list[Event]:
        return [event for request in self.requests for event in self.adapter.parse(request)]

    async def due(self, seconds: float) -> int:
        self.clock.advance(seconds=seconds)
        return await self.simulator.redeliver()

    async def close(self) -> None:
        await self.http.aclose()
        await self.simulator.close()


@asynccontextmanager
async def opened_bot(**webhook: Any) -> AsyncIterator[Bot]:
    """Yields a bot whose webhook is set and whose chat Ana has opened."""
    bot = Bot(StoppedClock())
    await bot.set_webhook(**webhook)
    await bot.simulator.opens("demo", ANA)
    bot.requests.clear()
    yield bot
    await bot.close()


def refused(response: httpx.Response) -> tuple[int, str]:
    body = response.json()
    assert response.headers["content-type"] == "application/json"
    assert (body["ok"], body["error_code"]) == (False, response.status_code)
    return response.status_code, body["description"]
