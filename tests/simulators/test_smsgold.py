"""The people of the simulated SMSGold, and what it remembers."""

from collections.abc import AsyncIterator

import pytest

from botkit.channels.viber import Viber
from botkit.clock import Clock
from botkit.gateways.smsgold import SmsGold
from botkit.simulators.simulator import Choice, NotOnScreenError
from botkit.simulators.smsgold import SmsGoldSimulator
from botkit.simulators.smsgold_state import MEMORY
from tests.simulators.smsgold_rig import ANA, BORIS, LINK, Rig, opened


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with opened() as rig:
        yield rig


async def test_people_have_an_id_with_each_bot(rig: Rig) -> None:
    ids = [rig.simulator.conversation_id(ta, person) for ta in ("demo", "other") for person in (ANA, BORIS)]
    assert len(set(ids)) == 4
    assert {len(each) for each in ids} == {24}


async def test_a_phone_shows_what_was_said_with_its_links(rig: Rig) -> None:
    await rig.simulator.says("demo", ANA, "hello")
    await rig.sends(text="Look", buttons=[LINK])
    first, second = rig.simulator.screen("demo", ANA)
    assert (first.side, first.text, second.side, second.kind, second.text) == (
        "person",
        "hello",
        "bot",
        "telegram",
        "Look",
    )
    assert second.choices == [[Choice("Route", "link", "https://x.example/r")]]
    await rig.simulator.taps("demo", ANA, "Route")
    with pytest.raises(NotOnScreenError, match="the screen has Route"):
        await rig.simulator.taps("demo", ANA, "Other")
    assert rig.simulator.screen("demo", BORIS) == []


async def test_only_who_is_there_is_on_the_list(rig: Rig) -> None:
    await rig.simulator.opens("demo", BORIS)
    await rig.simulator.leaves("demo", ANA)
    assert [each["name"] for each in (await rig.lists("subscribers")).json()] == ["Boris"]
    await rig.simulator.says("demo", ANA, "back")
    assert [each["name"] for each in (await rig.lists("subscribers")).json()] == ["Ana", "Boris"]


async def test_whoever_is_not_there_cannot_leave(rig: Rig) -> None:
    with pytest.raises(NotOnScreenError):
        await rig.simulator.leaves("demo", BORIS)
    await rig.simulator.leaves("demo", ANA)
    with pytest.raises(NotOnScreenError):
        await rig.simulator.leaves("demo", ANA)


async def test_whatever_people_do_nobody_is_called(rig: Rig) -> None:
    simulator = rig.simulator
    await simulator.sends_photo("demo", ANA)
    await simulator.sends_file("demo", ANA)
    await simulator.sends_location("demo", ANA, 1, 2)
    with pytest.raises(NotOnScreenError):
        await simulator.says("demo", ANA, " ")
    assert [bubble.text for bubble in simulator.screen("demo", ANA)] == ["(a picture)", "document.pdf", "1, 2"]
    assert await simulator.redeliver() == 0
    assert simulator.wire.deliveries() == []


def test_only_accounts_of_the_service_with_a_password_and_a_bot_are_opened() -> None:
    simulator = SmsGoldSimulator(Clock())
    with pytest.raises(TypeError, match="SMSGold adapters"):
        simulator.add_account(Viber("44d32a6f1b-cafe-0123-canary", ta="demo"))
    for adapter in (SmsGold(ta="demo", bot_id="x"), SmsGold(ta="demo", user="1", password="x")):
        with pytest.raises(TypeError, match="a password and a bot"):
            simulator.add_account(adapter)


async def test_a_restart_forgets_nothing_but_the_accounts(rig: Rig) -> None:
    await rig.sends(text="one", buttons=[LINK])
    later = SmsGoldSimulator(rig.simulator.clock)
    later.add_account(SmsGold(user="1", password="new", bot_id="new", ta="demo"))
    later.restore(rig.simulator.snapshot())
    assert later.screen("demo", ANA) == rig.simulator.screen("demo", ANA)
    assert later.accepted("demo") == rig.simulator.accepted("demo")
    assert later.next_id() > rig.simulator.accepted("demo")[0].id
    await later.close()


async def test_a_phone_keeps_the_newest_messages(rig: Rig) -> None:
    for number in range(MEMORY + 1):
        await rig.simulator.says("demo", ANA, str(number))
    texts = [bubble.text for bubble in rig.simulator.screen("demo", ANA)]
    assert (len(texts), texts[0], texts[-1]) == (MEMORY, "1", str(MEMORY))
