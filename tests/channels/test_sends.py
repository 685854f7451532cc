"""Recorded sends: what each service is sent for a message, to the byte of its JSON.

`payloads/<channel>/sends/<case>.json` holds a `message` as it is stored, and the `requests` that it leads to, as they
go over the wire. The simulated service takes every one of them.
"""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from msgspec import Struct

from botkit.adapter import Adapter, Outcome
from botkit.capabilities import BUTTONS, KINDS
from botkit.channels.viber import Viber
from botkit.conversation import Conversation
from botkit.http import Http
from botkit.messages import AnyMessage, Carousel, Outgoing
from botkit.simulators.simulator import Simulator
from botkit.simulators.viber import ViberSimulator
from tests.simulators import gbm_rig, viber_rig

PAYLOADS = Path(__file__).parent / "payloads"
CHANNELS = ("viber", "gbm")
#: Stands for the id of what Ana wrote.
INBOUND = "the-inbound-message"

Json = dict[str, Any]


class Tap(httpx.AsyncBaseTransport):
    """Notes what goes to a service, but for its tokens."""

    def __init__(self, service: httpx.AsyncBaseTransport) -> None:
        self.service = service
        self.requests: list[Json] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = await request.aread()
        if request.url.path != "/token":
            path = request.url.raw_path.decode()
            self.requests.append({"method": request.method, "path": path, "body": json.loads(body)})
        return await self.service.handle_async_request(request)


class Line(Struct):
    """An adapter before its simulated service, which Ana has written to."""

    adapter: Adapter
    simulator: Simulator
    tap: Tap
    inbound: str = ""

    async def say(self, message: AnyMessage) -> list[Outcome]:
        """Sends a message the way the engine does; returns what became of each part."""
        place = Conversation(self.adapter.account, self.simulator.conversation_id("demo", viber_rig.ANA))
        account = (self.adapter.channel, "demo")
        async with Http(transport=self.tap) as client:
            parts = self.adapter.prepare(message, place).messages
            outgoing = [Outgoing(f"event{number:02}", account, place.id, part) for number, part in enumerate(parts)]
            return [(await self.adapter.send(part, place, client)).outcome for part in outgoing]


def sends(channel: str) -> list[Path]:
    return sorted((PAYLOADS / channel / "sends").glob("*.json"))


def recorded(channel: str) -> list[AnyMessage]:
    return [stored(json.loads(path.read_text("utf-8"))["message"]) for path in sends(channel)]


def stored(message: Json) -> AnyMessage:
    known: AnyMessage = msgspec.convert(message, AnyMessage)
    return known


@pytest.fixture
async def line(request: pytest.FixtureRequest) -> AsyncIterator[Line]:
    if request.param == "viber":
        async with viber_rig.written_to() as rig:
            adapter = Viber(rig.token, name="Demo Bot", ta="demo", api_url="http://viber.test")
            assert isinstance(rig.simulator, ViberSimulator)
            yield Line(adapter, rig.simulator, Tap(httpx.ASGITransport(rig.simulator.app)))
        return
    bench = gbm_rig.Rig()
    bench.adapter.name = "Shop bot"
    await bench.simulator.says("demo", viber_rig.ANA, "hello")
    (event,) = bench.events()
    yield Line(bench.adapter, bench.simulator, Tap(httpx.ASGITransport(bench.simulator.app)), event.message_id)
    await bench.simulator.close()
    await bench.client.close()
    await bench.api.aclose()


@pytest.mark.parametrize(
    ("line", "text"),
    [
        pytest.param(name, path.read_text("utf-8"), id=f"{name}-{path.stem}")
        for name in CHANNELS
        for path in sends(name)
    ],
    indirect=["line"],
)
async def test_a_message_is_sent_exactly_as_recorded_and_the_service_takes_it(line: Line, text: str) -> None:
    case = json.loads(text.replace(INBOUND, line.inbound))
    outcomes = await line.say(stored(case["message"]))
    assert line.tap.requests == case["requests"]
    assert set(outcomes) <= {Outcome.SENT}


@pytest.mark.parametrize("channel", CHANNELS)
def test_every_kind_of_message_and_of_button_has_a_recorded_send(channel: str) -> None:
    messages = recorded(channel)
    cards = [card for message in messages if isinstance(message, Carousel) for card in message.cards]
    buttons = [button for message in [*messages, *cards] for row in message.buttons for button in row]
    assert {type(message) for message in messages} == set(KINDS)
    assert {type(button) for button in buttons} == set(BUTTONS)
