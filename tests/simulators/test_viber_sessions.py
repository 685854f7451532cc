import json
from collections.abc import AsyncIterator
from typing import Literal

import pytest

from botkit.adapter import SessionRules
from tests.simulators.viber_rig import ANA, WELCOME, Rig, unregistered, written_to


@pytest.fixture
async def new() -> AsyncIterator[Rig]:
    async with unregistered() as rig:
        yield rig


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


# --- Viber's own session, and what is paid outside of it


async def test_a_person_who_never_wrote_has_no_session(new: Rig) -> None:
    await new.registers()
    await new.simulator.subscribes("demo", ANA)
    assert (await new.sends())["billing_status"] == 3


async def test_a_bots_message_opens_no_session_but_its_answer_does(rig: Rig) -> None:
    rig.clock.advance(hours=25)
    assert [(await rig.sends())["billing_status"] for _ in range(2)] == [3, 3]
    await rig.simulator.says("demo", ANA, "yes?")
    assert (await rig.sends())["billing_status"] == 1


@pytest.mark.parametrize(("window", "at_30_hours", "at_45_hours"), [("fixed", 3, 3), ("sliding", 1, 3)])
async def test_a_session_ends_24_hours_after_its_opening_or_after_the_last_message(
    rig: Rig, window: Literal["fixed", "sliding"], at_30_hours: int, at_45_hours: int
) -> None:
    rig.simulator.window = window
    rig.clock.advance(hours=20)
    await rig.simulator.says("demo", ANA, "still here")
    rig.clock.advance(hours=10)
    assert (await rig.sends())["billing_status"] == at_30_hours
    rig.clock.advance(hours=15)
    assert (await rig.sends())["billing_status"] == at_45_hours


@pytest.mark.parametrize(("is_billable", "free", "beyond"), [(False, 3, 23), (True, 4, 24)])
async def test_free_messages_are_counted_by_the_month(rig: Rig, is_billable: bool, free: int, beyond: int) -> None:
    rig.simulator.is_billable, rig.simulator.free_messages, rig.simulator.balance = is_billable, 2, 0
    rig.clock.advance(hours=25)
    to_next_month(rig)
    assert [(await rig.sends()).get("billing_status") for _ in range(3)] == [free, free, None]
    assert (await rig.sends())["status"] == beyond
    to_next_month(rig)
    assert (await rig.sends())["billing_status"] == free


def to_next_month(rig: Rig) -> None:
    month = rig.clock.now().month
    while rig.clock.now().month == month:
        rig.clock.advance(hours=6)


async def test_a_bot_that_does_not_pay_has_ten_thousand_free_messages_a_month(rig: Rig) -> None:
    rig.clock.advance(hours=25)
    await rig.sends()
    rig.simulator.bot("demo").free_messages = 9_999
    assert (await rig.sends())["billing_status"] == 3
    assert await rig.sends() | {"message_token": 0} == {
        "status": 23,
        "status_message": "freeMessagesExceeded",
        "message_token": 0,
        "chat_hostname": "SN-CHAT-05_",
    }


async def test_a_bot_that_pays_sends_until_its_balance_is_gone(rig: Rig) -> None:
    rig.simulator.is_billable, rig.simulator.balance = True, 2
    assert (await rig.sends())["billing_status"] == 2
    rig.clock.advance(hours=25)
    assert [(await rig.sends()).get("billing_status") for _ in range(2)] == [5, 5]
    assert (await rig.sends())["status"] == 24
    await rig.simulator.says("demo", ANA, "hi")
    assert (await rig.sends())["billing_status"] == 2


async def test_a_message_that_cannot_be_paid_is_not_counted_against_the_hour(rig: Rig) -> None:
    rig.clock.advance(hours=25)
    rig.simulator.free_messages = 0
    for _ in range(5):
        assert (await rig.sends())["status"] == 23
    assert (rig.simulator.chat("demo", ANA).unanswered, list(rig.simulator.violations)) == (0, [])


# --- what follows a broken rule


async def test_one_too_many_in_a_row_can_be_refused_until_somebody_answers(rig: Rig) -> None:
    rig.simulator.at_max_in_row = "refuse"
    assert [(await rig.sends())["status"] for _ in range(7)] == [0, 0, 0, 0, 0, 12, 12]
    assert [violation.in_row for violation in rig.simulator.violations] == [6, 6]
    await rig.simulator.says("demo", ANA, "yes?")
    assert (await rig.sends())["status"] == 0


async def test_one_too_many_in_a_row_can_end_the_session_until_somebody_writes(rig: Rig) -> None:
    rig.simulator.at_max_in_row = "end_session"
    chat = rig.simulator.chat("demo", ANA)
    assert [(await rig.sends())["billing_status"] for _ in range(7)] == [1, 1, 1, 1, 1, 3, 3]
    assert (chat.sessions, chat.in_session) == (1, 0)
    await rig.simulator.says("demo", ANA, "yes?")
    assert (await rig.sends())["billing_status"] == 1
    assert (chat.sessions, chat.in_session) == (2, 1)


async def test_a_full_session_can_be_refused_until_somebody_answers(rig: Rig) -> None:
    rig.simulator.at_max_messages, rig.simulator.rules = "refuse", SessionRules(max_messages=3)
    assert [(await rig.sends())["status"] for _ in range(4)] == [0, 0, 0, 12]
    await rig.simulator.says("demo", ANA, "yes?")
    assert (await rig.sends())["status"] == 0
    assert rig.simulator.chat("demo", ANA).sessions == 2


async def test_a_full_session_is_over_with_its_24_hours(rig: Rig) -> None:
    rig.simulator.at_max_messages, rig.simulator.rules = "refuse", SessionRules(max_messages=1)
    assert [(await rig.sends())["status"] for _ in range(2)] == [0, 12]
    rig.clock.advance(hours=24)
    assert (await rig.sends())["status"] == 0
