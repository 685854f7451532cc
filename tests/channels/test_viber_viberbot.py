"""The adapter and the official library of Viber agree on what is genuine, and on what a message is."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

# The library has no types.
from viberbot.api.api import Api  # type: ignore[import-untyped]
from viberbot.api.bot_configuration import BotConfiguration  # type: ignore[import-untyped]
from viberbot.api.messages import get_message  # type: ignore[import-untyped]

from botkit.adapter import Outcome
from botkit.buttons import Button, Link
from botkit.channels.viber import Viber
from botkit.clock import Clock
from botkit.conversation import Conversation
from botkit.http import Http
from botkit.messages import AnyMessage, File, Image, Location, Text
from botkit.outgoing import Outgoing
from botkit.simulators.simulator import Person
from botkit.simulators.viber import ViberSimulator
from botkit.webhook import WebhookRequest

TOKEN, OTHER = (
    "4dc2a1b9e8f7a6d0-31c5e0f2b4a69788-5f6e7d8c9b0a1f2e",
    "1111222233334444-5555666677778888-9999aaaabbbbcccc",
)
PAYLOADS = sorted((Path(__file__).parent / "payloads" / "viber").glob("*.json"))
RECORDED = [path for path in PAYLOADS if path.name != "account.json"]

signed_by_header_or_query = pytest.mark.parametrize("place", ["header", "query"])


def sign(body: bytes, token: str = TOKEN) -> str:
    """The library's own signature of a body."""
    signature: str = Api(BotConfiguration(token, "Demo", ""))._calculate_message_signature(body)
    return signature


def signed(body: bytes, signature: str, place: str) -> WebhookRequest:
    if place == "header":
        return WebhookRequest({"x-viber-content-signature": signature}, {"ta": "demo"}, body)
    return WebhookRequest({}, {"ta": "demo", "sig": signature}, body)


@signed_by_header_or_query
@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_a_recorded_callback_under_the_librarys_signature_is_genuine(path: Path, place: str) -> None:
    body = json.loads(path.read_text("utf-8"))["body"].encode()
    adapter = Viber(TOKEN, ta="demo")
    assert adapter.verify(signed(body, sign(body), place))
    assert not adapter.verify(signed(body + b" ", sign(body), place))
    assert not adapter.verify(signed(body, sign(body, OTHER), place))


@signed_by_header_or_query
@given(body=st.binary())
def test_whatever_the_library_signs_is_genuine_under_either_token(place: str, body: bytes) -> None:
    adapter = Viber(f"{OTHER},{TOKEN}", ta="demo")
    assert adapter.verify(signed(body, sign(body), place))
    assert adapter.verify(signed(body, sign(body, OTHER), place))


@signed_by_header_or_query
@given(body=st.binary(), token=st.text("0123456789abcdef-", min_size=1).filter(lambda token: token != TOKEN))
def test_what_the_library_signs_with_another_token_is_not(place: str, body: bytes, token: str) -> None:
    assert not Viber(TOKEN, ta="demo").verify(signed(body, sign(body, token), place))


# --- what the adapter sends


@pytest.fixture
async def simulator() -> AsyncIterator[ViberSimulator]:
    simulator = ViberSimulator(Clock(), httpx.MockTransport(lambda _: httpx.Response(200)))
    yield simulator
    await simulator.close()


@pytest.mark.parametrize(
    "message",
    [
        Text(text="**hi**"),
        Text(text="hi", buttons=((Button("Yes", "yes"), Link("More", "https://m.test/")),)),
        Image(source="https://m.test/a.png", caption="A cat"),
        File(source="https://m.test/a.pdf", name="a.pdf", size=10),
        Location(latitude=46.05, longitude=14.5),
    ],
)
async def test_what_the_adapter_sends_is_a_message_to_the_library(
    simulator: ViberSimulator, message: AnyMessage
) -> None:
    adapter, ana = Viber(TOKEN, name="Demo", ta="demo", api_url="http://viber.test"), Person("Ana")
    simulator.add_account(adapter)
    async with Http(transport=httpx.ASGITransport(simulator.app)) as client:
        await adapter.set_webhook("https://bot.test/webhooks/viber?ta=demo", client)
        await simulator.says("demo", ana, "hello")
        to = Conversation(adapter.account, simulator.conversation_id("demo", ana))
        (part,) = adapter.prepare(message, to).messages
        outgoing = Outgoing("event00", ("viber", "demo"), to.id, part)
        assert (await adapter.send(outgoing, to, client)).outcome is Outcome.SENT
    sent: dict[str, Any] = simulator.wire.calls("send_message")[-1].body
    read = get_message(sent)
    assert read.validate()
    known = ("receiver", "sender")
    assert {name: value for name, value in sent.items() if name not in known} == {
        name: value for name, value in read.to_dict().items() if value is not None
    }
