"""One broadcast on all three services: everybody's phone shows it, its buttons work, and the reports are counted."""

from pathlib import Path

import pytest

from botkit.bot import Bot
from botkit.broadcast import Segment, Tally
from botkit.broadcaster import Broadcaster
from botkit.buttons import Button
from botkit.channels.gbm import BusinessMessages
from botkit.channels.telegram import Telegram
from botkit.channels.viber import Viber
from botkit.context import Context
from botkit.events import ButtonPressed, MessageReceived
from botkit.flow import Flow
from botkit.messages import Text
from botkit.router import Router
from botkit.testing import BotTester, Visitor

CHANNELS = ("telegram", "viber", "gbm")


def shop() -> Bot:
    router = Router()

    @router.button("day:{day}")
    async def day(event: ButtonPressed, ctx: Context[Flow]) -> None:
        ctx.reply(f"See you on {ctx.match['day']}.")

    @router.text("^vip")
    async def vip(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.tag("vip")

    @router.text()
    async def anything(event: MessageReceived, ctx: Context[Flow]) -> None:
        """Says nothing."""

    return Bot("shop", routers=[router], accounts=[Telegram(ta="t"), Viber(ta="v"), BusinessMessages(ta="g")])


async def met(t: BotTester, words: str, *names: str) -> list[Visitor]:
    people = [t.user(name, channel=channel) for channel in CHANNELS for name in names]
    for person in people:
        if person.account.channel == "telegram":
            await person.opens()
        await person.says(words)
    return people


async def send(t: BotTester, segment: Segment | None = None) -> tuple[Tally, ...]:
    bot = next(iter(t.service.owners.values())).bot
    message = Text(
        text="**Sale!** Which day?", buttons=((Button("Friday", "day:Friday"), Button("Monday", "day:Monday")),)
    )
    broadcaster = Broadcaster(bot, t.store, t.clock)
    plan = await broadcaster.plan(message, segment)
    assert await broadcaster.start(plan.broadcast.id)
    await t.settle()
    progress = await t.store.broadcasts.load(plan.broadcast.id)
    assert progress
    assert progress.stage.value == "done"
    return progress.lanes


@pytest.fixture
def tester(botkit_redis_url: str, tmp_path: Path) -> BotTester:
    return BotTester([shop()], botkit_redis_url, folder=tmp_path)


async def test_everybody_sees_it_and_can_answer(tester: BotTester) -> None:
    async with tester as t:
        people = await met(t, "hi", "Olena", "Petro")
        lanes = await send(t)
        assert [lane.sent for lane in lanes] == [2, 2, 2]
        for person in people:
            assert person.last.text == "Sale! Which day?"
            await person.taps("Monday")
            assert person.last.text == "See you on Monday."


async def test_the_reports_of_each_service_are_counted(tester: BotTester) -> None:
    async with tester as t:
        await met(t, "hi", "Olena", "Petro")
        telegram, viber, gbm = await send(t)
        assert (telegram.delivered, telegram.seen) == (0, 0)
        assert (viber.delivered, viber.seen) == (2, 2)
        assert gbm.delivered == 2


async def test_only_the_segment_sees_it(tester: BotTester) -> None:
    async with tester as t:
        chosen, others = await met(t, "vip", "Olena"), await met(t, "hi", "Petro")
        assert [lane.sent for lane in await send(t, Segment(tags=("vip",)))] == [1, 1, 1]
        assert all(person.sees("Sale!") for person in chosen)
        assert not any(person.sees("Sale!") for person in others)


async def test_who_has_left_sees_nothing(tester: BotTester) -> None:
    async with tester as t:
        people = await met(t, "hi", "Olena", "Petro")
        left = [person for person in people if person.person.name == "Petro" and person.account.channel != "gbm"]
        for person in left:
            await person.leaves()
        assert [lane.sent for lane in await send(t)] == [1, 1, 2]
        assert not any(person.sees("Sale!") for person in left)
