import json
from collections.abc import AsyncIterator

import pytest

from botkit.adapter import SessionRules
from tests.simulators.viber_rig import ANA, WELCOME, Rig, written_to


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with written_to() as rig:
        yield rig


async def test_a_person_who_does_not_answer_gets_100_messages_a_clock_hour(rig: Rig) -> None:
    for _ in range(100):
        assert (await rig.sends())["status"] == 0
    refused = await rig.sends()
    assert refused["status"] == 12
    assert refused["status_message"] == "maximum messages from Public Account to Viber user without reply exceeded."
    await rig.simulator.says("demo", ANA, "yes?")
    assert (await rig.sends())["status"] == 0


async def test_the_hundred_messages_start_anew_with_the_clock_hour(rig: Rig) -> None:
    to_the_hour = 3600 - rig.clock.timestamp() % 3600
    rig.clock.advance(seconds=to_the_hour)
    for _ in range(100):
        await rig.sends()
    rig.clock.advance(minutes=59)
    assert (await rig.sends())["status"] == 12
    rig.clock.advance(minutes=1)
    assert (await rig.sends())["status"] == 0


async def test_the_limit_can_be_switched_off(rig: Rig) -> None:
    rig.simulator.has_limits = False
    assert {(await rig.sends())["status"] for _ in range(101)} == {0}


@pytest.mark.parametrize(("billable", "inside", "outside"), [(False, 1, 3), (True, 2, 5)])
async def test_the_billing_status_tells_whether_a_session_is_open(
    rig: Rig, billable: bool, inside: int, outside: int
) -> None:
    rig.simulator.is_billable = billable
    rig.clock.advance(hours=23)
    assert (await rig.sends())["billing_status"] == inside
    rig.clock.advance(hours=1, seconds=1)
    assert (await rig.sends())["billing_status"] == outside


async def test_the_sixth_message_in_a_row_is_taken_and_written_down(rig: Rig) -> None:
    for _ in range(5):
        await rig.sends()
    assert list(rig.simulator.violations) == []
    assert (await rig.sends())["status"] == 0
    (violation,) = rig.simulator.violations
    assert (violation.ta, violation.in_row) == ("demo", 6)
    assert violation.user_id == rig.simulator.conversation_id("demo", ANA)


async def test_an_answer_starts_the_row_anew(rig: Rig) -> None:
    for _ in range(3):
        for _ in range(5):
            await rig.sends()
        await rig.simulator.says("demo", ANA, "yes?")
    assert list(rig.simulator.violations) == []


async def test_refused_messages_and_welcomes_do_not_count(rig: Rig) -> None:
    rig.bot.body = json.dumps(WELCOME).encode()
    await rig.simulator.opens("demo", ANA)
    for _ in range(5):
        await rig.sends()
        await rig.sends(text="")
    assert list(rig.simulator.violations) == []
    assert rig.simulator.chat("demo", ANA).in_session == 5


async def test_a_session_lasts_24_hours_from_the_bots_first_message(rig: Rig) -> None:
    chat = rig.simulator.chat("demo", ANA)
    assert chat.sessions == 0
    rig.clock.advance(hours=5)
    await rig.sends()
    rig.clock.advance(hours=23, minutes=59)
    await rig.sends()
    assert (chat.sessions, chat.in_session) == (1, 2)
    rig.clock.advance(minutes=1)
    await rig.sends()
    assert (chat.sessions, chat.in_session) == (2, 1)


async def test_after_60_messages_a_new_session_begins(rig: Rig) -> None:
    chat = rig.simulator.chat("demo", ANA)
    for _ in range(12):
        for _ in range(5):
            await rig.sends()
        await rig.simulator.says("demo", ANA, "go on")
    assert (chat.sessions, chat.in_session) == (1, 60)
    await rig.sends()
    assert (chat.sessions, chat.in_session) == (2, 1)


async def test_the_rules_can_be_others(rig: Rig) -> None:
    rig.simulator.rules = SessionRules(max_in_row=1, max_messages=2)
    for _ in range(3):
        await rig.sends()
    assert [violation.in_row for violation in rig.simulator.violations] == [2, 3]
    assert rig.simulator.chat("demo", ANA).sessions == 2
