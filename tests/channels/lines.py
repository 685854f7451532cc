"""An adapter before its simulated service, and Ana, who has written to it.

Telegram's is a Bot API that takes everything.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from msgspec import Struct

from botkit.adapter import Adapter, Outcome
from botkit.channels.viber import Viber
from botkit.clock import Clock
from botkit.conversation import Conversation
from botkit.degradation import Prepared
from botkit.http import Http
from botkit.messages import AnyMessage
from botkit.outgoing import Outgoing
from botkit.simulators.simulator import Simulator
from botkit.simulators.telegram import TelegramSimulator
from tests.channels import bot_api
from tests.simulators import gbm_rig, viber_rig

Json = dict[str, Any]


class Tap(httpx.AsyncBaseTransport):
    """Notes what goes to a service, but for its tokens."""

    def __init__(self, service: httpx.AsyncBaseTransport) -> None:
        self.service = service
        self.requests: list[Json] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        if request.url.path != "/token":
            path = request.url.raw_path.decode().replace(bot_api.TOKEN, "TOKEN")
            self.requests.append({"method": request.method, "path": path, **_content(request)})
        return await self.service.handle_async_request(request)


def _content(request: httpx.Request) -> Json:
    if request.headers["content-type"] == "application/json":
        return {"body": json.loads(request.content)}
    call = bot_api.read(request.url.path, request)
    files = {name: {"name": file.name, "mime": file.mime} for name, file in call.files.items()}
    return {"form": call.parameters, "files": files}


class Line(Struct):
    """An adapter before its simulated service, which Ana has written to."""

    adapter: Adapter
    simulator: Simulator
    tap: Tap
    inbound: str = ""

    @property
    def place(self) -> Conversation:
        """Ana's conversation."""
        return Conversation(self.adapter.account, self.simulator.conversation_id("demo", viber_rig.ANA))

    def prepare(self, message: AnyMessage) -> Prepared:
        """Returns what is made of a message for Ana."""
        return self.adapter.prepare(message, self.place)

    async def say(self, message: AnyMessage, *, first: int = 0) -> list[Outcome]:
        """Sends a message the way the engine does, its parts numbered from `first`; returns what became of each."""
        account = (self.adapter.channel, "demo")
        parts = self.prepare(message).messages
        outgoing = [
            Outgoing(f"event{number:02}", account, self.place.id, part) for number, part in enumerate(parts, first)
        ]
        async with Http(transport=self.tap) as client:
            return [(await self.adapter.send(part, self.place, client)).outcome for part in outgoing]


@asynccontextmanager
async def open_line(channel: str) -> AsyncIterator[Line]:
    """Gives the line of a channel."""
    async with {"telegram": _telegram, "viber": _viber, "gbm": _gbm}[channel]() as line:
        yield line


@asynccontextmanager
async def _telegram() -> AsyncIterator[Line]:
    api = bot_api.BotApi()
    simulator = TelegramSimulator(Clock(), httpx.MockTransport(lambda _: httpx.Response(200)))
    yield Line(api.adapter, simulator, Tap(httpx.MockTransport(api.serve)))
    await simulator.close()


@asynccontextmanager
async def _viber() -> AsyncIterator[Line]:
    async with viber_rig.written_to() as rig:
        rig.simulator.checks_on_device = False
        adapter = Viber(rig.token, name="Demo Bot", ta="demo", api_url="http://viber.test")
        yield Line(adapter, rig.simulator, Tap(httpx.ASGITransport(rig.simulator.app)))


@asynccontextmanager
async def _gbm() -> AsyncIterator[Line]:
    rig = gbm_rig.Rig()
    rig.adapter.name = "Shop bot"
    await rig.simulator.says("demo", viber_rig.ANA, "hello")
    (event,) = rig.events()
    yield Line(rig.adapter, rig.simulator, Tap(httpx.ASGITransport(rig.simulator.app)), event.message_id)
    await rig.simulator.close()
    await rig.client.close()
    await rig.api.aclose()
