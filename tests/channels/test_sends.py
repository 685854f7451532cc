"""Recorded sends: what each service is sent for a message, to the byte of its JSON.

`payloads/<channel>/sends/<case>.json` holds a `message` as it is stored, and the `requests` that it leads to, as they
go over the wire. The simulated service takes every one of them; Telegram's are put to aiogram in
`test_telegram_methods.py`.
"""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from botkit.adapter import Outcome
from botkit.capabilities import BUTTONS, KINDS
from botkit.messages import AnyMessage, Carousel
from tests.channels.lines import Line, open_line

PAYLOADS = Path(__file__).parent / "payloads"
CHANNELS = ("telegram", "viber", "gbm")
#: Stands for the id of what Ana wrote.
INBOUND = "the-inbound-message"

Json = dict[str, Any]


def sends(channel: str) -> list[Path]:
    return sorted((PAYLOADS / channel / "sends").glob("*.json"))


def recorded(channel: str) -> list[AnyMessage]:
    return [stored(json.loads(path.read_text("utf-8"))["message"]) for path in sends(channel)]


def stored(message: Json) -> AnyMessage:
    known: AnyMessage = msgspec.convert(message, AnyMessage)
    return known


@pytest.fixture
async def line(request: pytest.FixtureRequest) -> AsyncIterator[Line]:
    async with open_line(request.param) as line:
        yield line


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
