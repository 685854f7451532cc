"""A simulated Viber with one bot, for its tests."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from botkit.channels.viber import Viber
from botkit.clock import Clock
from botkit.simulators.simulator import Person
from botkit.simulators.viber import ViberSimulator
from tests.simulators.listener import Listener

Json = dict[str, Any]

WEBHOOK = "https://bot.test/webhooks/viber?ta=demo"
ANA = Person("Ana", "uk-UA")
BORIS = Person("Boris")
HEADER = "x-viber-content-signature"


class Bot(Listener):
    """A webhook."""

    @property
    def events(self) -> list[str]:
        return [body["event"] for body in self.told]


class Rig:
    """A Viber with one bot."""

    def __init__(self) -> None:
        self.bot = Bot()
        self.clock = Clock()
        # No test may run across a clock hour unless it wants to.
        self.clock.advance(seconds=3600 - self.clock.timestamp() % 3600)
        self.simulator = ViberSimulator(self.clock, httpx.MockTransport(self.bot))
        self.adapter = Viber(ta="demo", name="Demo").simulated("http://viber.test")
        self.simulator.add_account(self.adapter)
        self.token = next(iter(self.adapter.secrets())).reveal()
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(self.simulator.app), base_url="http://viber.test")

    async def call(self, resource: str, call: Json | bytes, token: str | None = None) -> httpx.Response:
        token = self.token if token is None else token
        content = call if isinstance(call, bytes) else json.dumps(call, ensure_ascii=False).encode()
        return await self.http.post(f"/pa/{resource}", content=content, headers={"X-Viber-Auth-Token": token})

    async def asks(self, resource: str, call: Json | bytes) -> Json:
        answer: Json = (await self.call(resource, call)).json()
        return answer

    async def sends(self, person: Person = ANA, **message: Any) -> Json:
        known = {"receiver": self.simulator.conversation_id("demo", person), "sender": {"name": "Demo"}}
        return await self.asks("send_message", known | ({"type": "text", "text": "hi"} | message))

    async def registers(self, **settings: Any) -> Json:
        return await self.asks("set_webhook", {"url": WEBHOOK, "send_name": True, "send_photo": True} | settings)

    def sees(self, person: Person = ANA) -> list[str]:
        return [bubble.text for bubble in self.simulator.screen("demo", person)]

    async def close(self) -> None:
        await self.http.aclose()
        await self.simulator.close()


@asynccontextmanager
async def unregistered() -> AsyncIterator[Rig]:
    """A bot without a webhook."""
    rig = Rig()
    try:
        yield rig
    finally:
        await rig.close()


@asynccontextmanager
async def written_to() -> AsyncIterator[Rig]:
    """A bot that Ana has written to, and that has been told."""
    async with unregistered() as rig:
        await rig.registers()
        await rig.simulator.says("demo", ANA, "hello")
        rig.bot.requests.clear()
        yield rig


@pytest.fixture
async def new() -> AsyncIterator[Rig]:
    async with unregistered() as rig:
        yield rig


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with written_to() as rig:
        yield rig


def keyboard(*buttons: Json, **attributes: Any) -> Json:
    return {
        "Type": "keyboard",
        "Buttons": [{"ActionBody": "x", "Text": "X"} | button for button in buttons],
    } | attributes


WELCOME: Json = {
    "sender": {"name": "Demo"},
    "type": "text",
    "text": "*Hi!*",
    "tracking_data": "w",
    "keyboard": keyboard({}),
}
CARD: Json = {"Type": "rich_media", "ButtonsGroupRows": 7, "Buttons": [{"ActionBody": "x", "Text": "Card", "Rows": 7}]}
