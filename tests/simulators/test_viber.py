import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest

from botkit.adapter import WebhookRequest
from botkit.events import Unsubscribed
from botkit.simulators.simulator import NotOnScreenError
from botkit.simulators.viber import ViberSimulator
from tests.simulators.viber_rig import ANA, BORIS, Json, Rig, keyboard, unregistered, written_to


@pytest.fixture
async def new() -> AsyncIterator[Rig]:
    async with unregistered() as rig:
        yield rig


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with written_to() as rig:
        yield rig


# --- subscriptions


async def test_a_strangers_first_message_subscribes_without_an_event(new: Rig) -> None:
    await new.registers()
    assert (await new.sends())["status"] == 5
    await new.simulator.opens("demo", ANA)
    assert await new.sends() | {"message_token": 0} == {
        "status": 6,
        "status_message": "notSubscribed",
        "message_token": 0,
        "chat_hostname": "SN-CHAT-05_",
    }
    await new.simulator.says("demo", ANA, "hi")
    assert new.bot.events == ["webhook", "conversation_started", "message"]
    assert (await new.sends())["status"] == 0


async def test_who_leaves_cannot_be_written_to_until_they_write_again(rig: Rig) -> None:
    await rig.simulator.leaves("demo", ANA)
    (event,) = rig.adapter.parse(WebhookRequest({}, {}, rig.bot.requests[-1].content))
    assert isinstance(event, Unsubscribed)
    assert (await rig.sends())["status"] == 6
    with pytest.raises(NotOnScreenError, match="not subscribed"):
        await rig.simulator.leaves("demo", ANA)
    await rig.simulator.opens("demo", ANA)
    assert rig.bot.told[-1]["subscribed"] is False
    assert (await rig.sends())["status"] == 6
    await rig.simulator.says("demo", ANA, "back")
    assert rig.bot.events == ["unsubscribed", "conversation_started", "message"]
    assert (await rig.sends())["status"] == 0


async def test_allowing_messages_again_is_told_and_forgets_the_tracking_data(rig: Rig) -> None:
    await rig.sends(tracking_data="step1")
    await rig.simulator.leaves("demo", ANA)
    await rig.simulator.subscribes("demo", ANA)
    await rig.simulator.says("demo", ANA, "hi")
    assert rig.bot.events[-2:] == ["subscribed", "message"]
    assert "tracking_data" not in rig.bot.told[-1]["message"]
    assert (await rig.sends())["status"] == 0


async def test_a_message_brings_back_the_tracking_data_of_the_last_one(rig: Rig) -> None:
    for sent, told in [("one", "one"), ("two", "two"), (None, None)]:
        message: Json = {"tracking_data": sent} if sent else {}
        await rig.sends(**message)
        await rig.simulator.says("demo", ANA, "hi")
        assert rig.bot.told[-1]["message"].get("tracking_data") == told


# --- memory


async def test_a_restart_forgets_nothing_but_the_accounts(rig: Rig) -> None:
    await rig.sends(keyboard=keyboard({"Text": "Go"}), tracking_data="t")
    rig.bot.status = 500
    await rig.simulator.says("demo", BORIS, "hi")
    later = ViberSimulator(rig.clock, httpx.MockTransport(rig.bot))
    later.restore(rig.simulator.snapshot())
    later.add_account(rig.adapter)
    rig.bot.status = 200
    rig.bot.requests.clear()
    rig.clock.advance(seconds=10)
    assert await later.redeliver() == 3
    assert sorted(rig.bot.events) == ["delivered", "message", "seen"]
    assert later.screen("demo", ANA) == rig.simulator.screen("demo", ANA)
    await later.taps("demo", ANA, "Go")
    assert rig.bot.told[-1]["message"]["tracking_data"] == "t"
    assert later.next_token() > rig.simulator.next_token() - 10**9
    await later.close()


async def test_every_change_is_announced(rig: Rig) -> None:
    changes: list[int] = []
    rig.simulator.on_change = lambda: changes.append(len(rig.simulator.snapshot()))
    for act in (
        rig.sends(),
        rig.simulator.says("demo", ANA, "hi"),
        rig.simulator.leaves("demo", ANA),
        rig.simulator.opens("demo", BORIS),
        rig.registers(),
    ):
        before = len(changes)
        await act
        assert len(changes) > before


async def test_thirty_replies_at_once_pass(rig: Rig) -> None:
    answers = await asyncio.gather(*(rig.sends(text=str(number)) for number in range(30)))
    assert {answer["status"] for answer in answers} == {0}
    assert len({answer["message_token"] for answer in answers}) == 30


async def test_time_in_callbacks_moves_with_the_clock(rig: Rig) -> None:
    await rig.simulator.says("demo", ANA, "now")
    rig.clock.advance(days=2)
    await rig.simulator.says("demo", ANA, "then")
    before, after = (told["timestamp"] for told in rig.bot.told)
    assert timedelta(milliseconds=after - before) >= timedelta(days=2)
