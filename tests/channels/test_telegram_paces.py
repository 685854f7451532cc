"""Our paces against the limits that the simulated Telegram enforces: no send is ever refused."""

from pathlib import Path

import pytest

from botkit.bot import Bot
from botkit.channels.telegram import Telegram
from botkit.context import Context
from botkit.events import MessageExpired, MessageReceived
from botkit.flow import Flow
from botkit.messages import Text
from botkit.router import Router
from botkit.simulators.simulator import Person
from botkit.simulators.telegram import TelegramSimulator
from botkit.simulators.telegram_places import Group
from botkit.testing import BotTester


@pytest.fixture
def chatty() -> Bot:
    router = Router()

    @router.text()
    async def answer(event: MessageReceived, ctx: Context[Flow]) -> None:
        for number in range(int(event.text.rpartition(" ")[2])):
            ctx.reply(f"{number}")

    return Bot("chatty", routers=[router], accounts=[Telegram.from_env("CHATTY", {})])


def strict(tester: BotTester) -> TelegramSimulator:
    simulator = tester.simulator("telegram")
    assert isinstance(simulator, TelegramSimulator)
    simulator.limits_on = True
    return simulator


def refusals(simulator: TelegramSimulator) -> list[int]:
    return [call.status for call in simulator.wire.calls("sendMessage") if call.status != 200]


async def test_many_replies_to_one_person_keep_the_pace(chatty: Bot, botkit_redis_url: str, tmp_path: Path) -> None:
    async with BotTester([chatty], botkit_redis_url, folder=tmp_path) as tester:
        simulator = strict(tester)
        ana = tester.user("Ana", channel="telegram")
        await ana.says("say 20")
        assert (len(ana.received), refusals(simulator)) == (20, [])


async def test_a_group_is_told_no_more_than_twenty_things_a_minute(
    chatty: Bot, botkit_redis_url: str, tmp_path: Path
) -> None:
    async with BotTester([chatty], botkit_redis_url, folder=tmp_path) as tester:
        simulator, group = strict(tester), Group("Friends")
        ta, ana = tester.user("Ana", channel="telegram").account.ta, Person("Ana")
        await simulator.adds_bot(ta, ana, group)
        await simulator.promotes_bot(ta, ana, group)
        await simulator.says(ta, ana, "say 45", where=group)
        await tester.settle()
        assert (len(simulator.wire.calls("sendMessage")), refusals(simulator)) == (45, [])


async def test_answers_to_many_people_at_once_keep_the_pace_of_the_bot(
    chatty: Bot, botkit_redis_url: str, tmp_path: Path
) -> None:
    async with BotTester([chatty], botkit_redis_url, folder=tmp_path) as tester:
        simulator = strict(tester)
        ta = tester.user("Ana", channel="telegram").account.ta
        for number in range(80):
            await simulator.says(ta, Person(f"Person {number}"), "say 2")
        await tester.settle()
        assert (len(simulator.wire.calls("sendMessage")), refusals(simulator)) == (160, [])


async def test_what_is_not_sent_within_its_ttl_has_expired_and_the_table_says_so(
    botkit_redis_url: str, tmp_path: Path
) -> None:
    expired: list[str] = []
    router = Router()

    @router.text()
    async def answer(event: MessageReceived, ctx: Context[Flow]) -> None:
        for number in range(3):
            ctx.reply(Text(text=f"{number}", ttl=60))

    @router.expired()
    async def told(event: MessageExpired, ctx: Context[Flow]) -> None:
        expired.append(event.message_key)

    # One at once, and the next after 67 s.
    slow = Telegram.from_env("SLOW", {"SLOW_CHAT_RATE": "0.015"})
    async with BotTester([Bot("slow", routers=[router], accounts=[slow])], botkit_redis_url, folder=tmp_path) as tester:
        ana = tester.user("Ana", channel="telegram")
        await ana.says("hello")
        assert (list(ana.received), len(expired)) == (["0"], 2)
    assert "ttl" in slow.capabilities.options
