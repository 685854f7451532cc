import json
from datetime import UTC, datetime, timedelta
from typing import Literal

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from botkit.session_rules import SessionRules
from botkit.simulators.viber import ViberSimulator
from botkit.simulators.viber_refusals import RefusedError
from botkit.simulators.viber_sessions import Sessions
from botkit.simulators.viber_state import Chat
from tests.simulators import viber_rig
from tests.simulators.stopped_clock import StoppedClock
from tests.simulators.viber_rig import ANA, WELCOME, Rig

new, rig = viber_rig.new, viber_rig.rig


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


async def test_a_limit_of_0_is_none(rig: Rig) -> None:
    rig.simulator.rules = SessionRules(max_messages=0, max_in_row=0)
    rig.simulator.at_max_in_row = rig.simulator.at_max_messages = "refuse"
    for _ in range(61):
        assert (await rig.sends())["status"] == 0
    assert (rig.simulator.chat("demo", ANA).sessions, list(rig.simulator.violations)) == (1, [])


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


# --- all of it together, against the rules in plain Python

START = datetime(2026, 1, 30, 22, 30, tzinfo=UTC)


NOWHERE = httpx.MockTransport(lambda _: httpx.Response(404))


class Model:
    """What Viber's rules say of one person, from the list of all that happened."""

    def __init__(self, *, is_billable: bool, free: int, balance: int) -> None:
        self.is_billable, self.free, self.balance = is_billable, free, balance
        self.sent: list[datetime] = []
        self.outside: list[datetime] = []
        self.opened_at: datetime | None = None
        self.charged = 0

    def writes(self, now: datetime) -> None:
        self.sent.clear()
        if not self.is_open(now):
            self.opened_at = now

    def is_open(self, now: datetime) -> bool:
        return self.opened_at is not None and now < self.opened_at + timedelta(hours=24)

    def sends(self, now: datetime) -> int:
        """The billing status, or the status of the refusal."""
        hour = now.replace(minute=0, second=0, microsecond=0)
        if sum(at >= hour for at in self.sent) >= 100:
            return 12
        billing_status = self.price(now)
        if billing_status < 6:
            self.sent.append(now)
        return billing_status

    def price(self, now: datetime) -> int:
        if self.is_open(now):
            return 2 if self.is_billable else 1
        if sum((at.year, at.month) == (now.year, now.month) for at in self.outside) < self.free:
            self.outside.append(now)
            return 4 if self.is_billable else 3
        if not self.is_billable or self.charged >= self.balance:
            return 24 if self.is_billable else 23
        self.charged += 1
        return 5


STEPS = st.one_of(
    st.just(("writes", 0)),
    st.tuples(st.just("sends"), st.sampled_from([1, 2, 60, 101])),
    st.tuples(st.just("waits"), st.sampled_from([1, 29, 30, 60, 24 * 60 - 1, 24 * 60])),
)


def send(sessions: Sessions) -> int:
    try:
        return sessions.admit("demo", "ana")
    except RefusedError as refusal:
        return refusal.status


@settings(max_examples=60, deadline=None)
@given(st.lists(STEPS, max_size=12), st.booleans(), st.sampled_from([0, 3, 150]), st.sampled_from([0, 2, 150]))
def test_what_is_billed_and_refused_follows_from_all_that_happened(
    steps: list[tuple[str, int]], is_billable: bool, free: int, balance: int
) -> None:
    simulator = ViberSimulator(StoppedClock(START), NOWHERE)
    simulator.is_billable, simulator.free_messages, simulator.balance = is_billable, free, balance
    sessions, model = Sessions(simulator), Model(is_billable=is_billable, free=free, balance=balance)
    chat = simulator.bot("demo").chats["ana"] = Chat(ANA)
    for kind, number in steps:
        if kind == "writes":
            sessions.heard(chat)
            model.writes(simulator.clock.now())
        elif kind == "waits":
            simulator.clock.advance(minutes=number)
        else:
            now = simulator.clock.now()
            assert [send(sessions) for _ in range(number)] == [model.sends(now) for _ in range(number)]
