"""Running broadcasts: everybody once, never far ahead, whoever dies on the way; pauses, ends, and who hears of them."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest

from botkit.broadcast import Fate, Segment, Stage, Tally, spot_of
from botkit.broadcaster import Broadcaster
from botkit.buttons import Button
from botkit.capabilities import Capabilities
from botkit.clock import Clock
from botkit.context import Context
from botkit.engine import EnginePolicy
from botkit.estimate import Plan
from botkit.events import BroadcastFinished, BroadcastProgressed, ButtonPressed, MessageReceived, Unsubscribed
from botkit.flow import Flow
from botkit.messages import Text
from botkit.pace import Pace, Paces
from botkit.redis.audit import audit
from botkit.router import Router
from botkit.session_rules import SessionRules
from tests.desk import NOT_SENT, REFUSED, UNKNOWN, Desk, Process, bot, happens, says, where

TEXT = Text(text="News!")


def people(number: int) -> list[str]:
    return [f"p{index:04}" for index in range(number)]


def quiet() -> Router[Flow]:
    """A router that answers to "hello", and lets everything else be."""
    router = Router()

    @router.text("^hello")
    async def answer(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.reply("hello yourself")

    return router


async def met(process: Process, number: int, *, ta: str = "desk") -> list[str]:
    """Lets so many people write; nobody is answered."""
    names = people(number)
    for start in range(0, number, 100):
        # All at once, a busy machine would not have stored the last of them in time.
        await asyncio.gather(*(process.takes(says("hi", name, ta=ta)) for name in names[start : start + 100]))
        await process.engine.settle()
    return names


async def planned(process: Process, message: Text = TEXT, segment: Segment | None = None) -> Plan:
    return await Broadcaster(process.bots[0], process.store, process.clock).plan(message, segment)


async def started(process: Process, message: Text = TEXT, segment: Segment | None = None) -> str:
    plan = await planned(process, message, segment)
    assert await process.store.broadcasts.move(plan.broadcast.id, Stage.RUNNING)
    return plan.broadcast.id


async def stage(process: Process, broadcast_id: str) -> Stage:
    progress = await process.store.broadcasts.load(broadcast_id)
    assert progress
    return progress.stage


async def tally(process: Process, broadcast_id: str) -> Tally:
    progress = await process.store.broadcasts.load(broadcast_id)
    assert progress
    return progress.tally


def received(*desks: Desk) -> Counter[tuple[str, str]]:
    return Counter((desk.ta, person) for desk in desks for person, text in desk.shown if text == TEXT.text)


async def test_a_thousand_people_on_two_accounts_get_it_once_each(botkit_redis_url: str) -> None:
    first, second = Desk(ta="first"), Desk(ta="second")
    async with Process(botkit_redis_url, bot(quiet(), first, second)) as process:
        for ta, number in (("first", 700), ("second", 400)):
            await met(process, number, ta=ta)
        broadcast = await started(process)
        await process.engine.settle()
        assert received(first, second) == Counter(
            {("first", name): 1 for name in people(700)} | {("second", name): 1 for name in people(400)}
        )
        done = await process.store.broadcasts.load(broadcast)
        assert done
        assert done.stage is Stage.DONE
        assert [(lane.total, lane.sent) for lane in done.lanes] == [(700, 700), (400, 400)]
        assert await audit(process.store) == []


async def test_a_draft_goes_to_nobody(botkit_redis_url: str) -> None:
    desk = Desk()
    async with Process(botkit_redis_url, bot(quiet(), desk)) as process:
        await met(process, 3)
        plan = await planned(process)
        await process.advance(60)
        assert not desk.shown
        assert await stage(process, plan.broadcast.id) is Stage.DRAFT


async def test_who_came_after_the_plan_is_not_written_to(botkit_redis_url: str) -> None:
    desk = Desk()
    async with Process(botkit_redis_url, bot(quiet(), desk)) as process:
        await met(process, 2)
        plan = await planned(process)
        await process.takes(says("hi", "late"))
        await Broadcaster(process.bots[0], process.store, process.clock).start(plan.broadcast.id)
        await process.engine.settle()
        assert {person for person, _ in desk.shown} == set(people(2))


async def test_one_for_later_starts_at_its_time(botkit_redis_url: str) -> None:
    desk = Desk()
    async with Process(botkit_redis_url, bot(quiet(), desk)) as process:
        await met(process, 1)
        plan = await planned(process)
        at = process.clock.now() + timedelta(hours=1)
        assert await Broadcaster(process.bots[0], process.store, process.clock).start(plan.broadcast.id, at=at)
        await process.advance(3590)
        assert not desk.shown
        await process.advance(11)
        assert desk.texts == ["News!"]


# --- never far ahead ---


async def test_no_more_lie_in_outboxes_than_the_policy_says(botkit_redis_url: str) -> None:
    desk = Desk()
    async with Process(botkit_redis_url, bot(quiet(), desk)) as process:
        await met(process, 301)
        desk.is_open.clear()
        broadcast = await started(process)
        for _ in range(10):
            await process.engine.work_once()
        assert (await tally(process, broadcast)).fed == 200
        desk.is_open.set()
        await process.engine.settle()
        assert (await tally(process, broadcast)).sent == 301


async def test_what_is_stuck_is_not_waited_for_for_ever(botkit_redis_url: str) -> None:
    desk = Desk()
    async with Process(botkit_redis_url, bot(quiet(), desk)) as process:
        await met(process, 301)
        desk.is_open.clear()
        broadcast = await started(process)
        for _ in range(10):
            await process.engine.work_once()
        process.clock.advance(seconds=599)
        await process.engine.work_once()
        assert (await tally(process, broadcast)).fed == 200
        process.clock.advance(seconds=2)
        await process.engine.work_once()
        assert (await tally(process, broadcast)).fed == 300
        desk.is_open.set()


async def test_a_broadcast_whose_last_messages_are_stuck_is_over_in_the_end(botkit_redis_url: str) -> None:
    desk = Desk()
    async with Process(botkit_redis_url, bot(quiet(), desk)) as process:
        await met(process, 1)
        desk.is_open.clear()
        broadcast = await started(process)
        for seconds, expected in ((7190, Stage.RUNNING), (20, Stage.DONE)):
            await process.feeder.step()
            process.clock.advance(seconds=seconds)
            await process.feeder.step()
            assert await stage(process, broadcast) is expected
        desk.is_open.set()


async def test_replies_go_before_the_rest_of_a_broadcast(botkit_redis_url: str) -> None:
    desk = Desk()
    desk.paces = Paces(account=Pace(10, 1, burst=2))
    async with Process(botkit_redis_url, bot(quiet(), desk)) as process:
        await met(process, 150)
        await started(process)
        await process.engine.settle()
        before = len(desk.shown)
        assert before < 10
        await process.hears("hello", "boss")
        assert desk.shown[before:] == [("boss", "hello yourself")]


# --- who is left out ---


async def test_who_unsubscribed_is_skipped_before_and_in_the_middle(botkit_redis_url: str) -> None:
    desk = Desk()
    async with Process(botkit_redis_url, bot(quiet(), desk), engine=EnginePolicy(concurrency=10)) as process:
        names = await met(process, 20)
        await process.takes(happens(Unsubscribed, names[0]))
        plan = await planned(process)
        assert [(lane.recipients, lane.gone) for lane in plan.lanes] == [(19, 1)]
        await process.takes(happens(Unsubscribed, names[1]))
        desk.is_open.clear()
        await process.store.broadcasts.move(plan.broadcast.id, Stage.RUNNING)
        await process.engine.work_once()
        await process.takes(happens(Unsubscribed, names[19]))
        desk.is_open.set()
        await process.engine.settle()
        assert {person for person, _ in desk.shown} == set(names[2:19])
        assert (await tally(process, plan.broadcast.id)).skipped == 2
        assert await process.store.dead_letters.count() == 0


async def test_who_was_forgotten_in_the_middle_is_not_written_to(botkit_redis_url: str) -> None:
    desk = Desk()
    async with Process(botkit_redis_url, bot(quiet(), desk)) as process:
        names = await met(process, 2)
        broadcast = await started(process)
        await process.store.forget(where(names[0]).key)
        await process.engine.settle()
        assert desk.shown == [(names[1], "News!")]
        assert (await tally(process, broadcast)).skipped == 1


async def test_a_broadcast_is_not_held_until_the_person_writes(botkit_redis_url: str) -> None:
    desk = Desk(sessions=SessionRules(max_in_row=1))
    async with Process(botkit_redis_url, bot(quiet(), desk)) as process:
        await met(process, 2)
        await process.hears("hello", "p0000")
        plan = await planned(process)
        assert [(lane.opens, lane.stopped) for lane in plan.lanes] == [(1, 1)]
        await process.store.broadcasts.move(plan.broadcast.id, Stage.RUNNING)
        await process.engine.settle()
        counted = await tally(process, plan.broadcast.id)
        assert (counted.sent, counted.failed) == (1, 1)
        assert await stage(process, plan.broadcast.id) is Stage.DONE


async def test_who_has_messages_held_is_skipped(botkit_redis_url: str) -> None:
    desk = Desk(sessions=SessionRules(max_in_row=1))
    router = Router()

    @router.text("twice")
    async def twice(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.reply("one")
        ctx.reply("two")

    async with Process(botkit_redis_url, bot(router, desk)) as process:
        await process.hears("twice")
        broadcast = await started(process)
        await process.engine.settle()
        assert desk.texts == ["one"]
        assert (await tally(process, broadcast)).skipped == 1


# --- what becomes of the messages ---


async def test_each_recipient_meets_one_end(botkit_redis_url: str) -> None:
    desk = Desk()
    async with Process(botkit_redis_url, bot(quiet(), desk)) as process:
        await met(process, 4)
        desk.plan.extend([REFUSED, NOT_SENT, UNKNOWN])
        broadcast = await started(process)
        await process.engine.settle()
        assert await stage(process, broadcast) is Stage.RUNNING
        for _ in range(3):
            await process.advance(60)
        counted = await tally(process, broadcast)
        assert (counted.sent, counted.failed, counted.waiting) == (3, 1, 0)
        assert await stage(process, broadcast) is Stage.DONE


async def test_an_end_and_each_report_count_once(botkit_redis_url: str) -> None:
    async with Process(botkit_redis_url, bot(quiet(), Desk())) as process:
        await met(process, 2)
        broadcast = await started(process)
        await process.engine.settle()
        first = spot_of(f"{broadcast}00000000000b00")
        assert first
        for fate in (Fate.FAILED, Fate.DELIVERED, Fate.DELIVERED, Fate.SEEN):
            await process.store.broadcasts.note(first, fate)
        counted = await tally(process, broadcast)
        assert (counted.sent, counted.failed, counted.delivered, counted.seen) == (2, 0, 1, 1)


async def test_a_long_text_goes_in_parts_and_counts_once(botkit_redis_url: str) -> None:
    desk = Desk()
    desk.capabilities = Capabilities()  # type: ignore[misc]  # this desk shows plain text alone
    async with Process(botkit_redis_url, bot(quiet(), desk)) as process:
        await met(process, 2)
        message = Text(text="Which day?", buttons=((Button("Today", "day:today"),),))
        broadcast = await started(process, message)
        await process.engine.settle()
        assert (await tally(process, broadcast)).sent == 2


async def test_a_numbered_menu_of_a_broadcast_can_be_answered(botkit_redis_url: str) -> None:
    desk, pressed = Desk(), []
    desk.capabilities = Capabilities()  # type: ignore[misc]  # this desk shows plain text alone
    router = Router()

    @router.button("day:{day}")
    async def day(event: ButtonPressed, ctx: Context[Flow]) -> None:
        pressed.append(ctx.match["day"])

    async with Process(botkit_redis_url, bot(router, desk)) as process:
        await process.hears("hi")
        await started(process, Text(text="Which day?", buttons=((Button("Today", "day:today"),),)))
        await process.engine.settle()
        await process.hears("1")
        assert pressed == ["today"]


# --- pause, resume, cancel ---


async def test_a_paused_broadcast_goes_on_where_it_stopped(botkit_redis_url: str) -> None:
    desk = Desk()
    async with Process(botkit_redis_url, bot(quiet(), desk)) as process:
        names = await met(process, 250)
        broadcasts, broadcast = process.store.broadcasts, await started(process)
        desk.is_open.clear()
        for _ in range(3):
            await process.engine.work_once()
        assert await broadcasts.move(broadcast, Stage.PAUSED)
        desk.is_open.set()
        await process.engine.settle()
        assert len(desk.shown) == 200
        assert await broadcasts.move(broadcast, Stage.RUNNING)
        await process.engine.settle()
        assert received(desk) == Counter({("desk", name): 1 for name in names})
        assert await stage(process, broadcast) is Stage.DONE


async def test_a_cancelled_broadcast_is_over(botkit_redis_url: str) -> None:
    desk = Desk()
    async with Process(botkit_redis_url, bot(quiet(), desk)) as process:
        await met(process, 3)
        broadcasts, broadcast = process.store.broadcasts, await started(process)
        assert await broadcasts.move(broadcast, Stage.CANCELLED)
        assert not await broadcasts.move(broadcast, Stage.RUNNING)
        await process.engine.settle()
        assert not desk.shown
        assert await stage(process, broadcast) is Stage.CANCELLED


# --- whoever dies on the way ---


async def test_another_process_goes_on_when_the_one_that_led_is_gone(botkit_redis_url: str) -> None:
    desk = Desk()
    async with Process(botkit_redis_url, bot(quiet(), desk)) as process:
        names = await met(process, 300)
        broadcast = await started(process)
        # It leaves after two pages as a kill does: with its lead, and with all that it has put into outboxes.
        for _ in range(2):
            await process.feeder.step()
        async with process.another() as other:
            await other.engine.settle()
            assert (await tally(process, broadcast)).fed == 200
            await other.advance(6)
        assert received(desk) == Counter({("desk", name): 1 for name in names})


async def test_a_page_that_was_fed_but_not_noted_is_not_sent_twice(botkit_redis_url: str) -> None:
    desk = Desk()
    async with Process(botkit_redis_url, bot(quiet(), desk)) as process:
        names = await met(process, 20)
        broadcast = await started(process)
        await process.feeder.step()
        # As a kill leaves it that comes between the page and its note.
        await process.store.call("HSET", process.store.keys.broadcast("h", broadcast), "fed0", 0)
        await process.engine.settle()
        assert received(desk) == Counter({("desk", name): 1 for name in names})
        assert (await tally(process, broadcast)).sent == 20


# --- who hears of it ---


async def test_a_conversation_hears_each_tenth_and_the_end_once(botkit_redis_url: str) -> None:
    heard: list[tuple[str, int, int]] = []
    router, desk = Router(), Desk()

    @router.on(BroadcastProgressed)
    async def progressed(event: BroadcastProgressed, ctx: Context[Flow]) -> None:
        heard.append(("progressed", event.sent, event.total))

    @router.on(BroadcastFinished)
    async def finished(event: BroadcastFinished, ctx: Context[Flow]) -> None:
        heard.append((event.name, event.sent, event.total))
        ctx.reply("done")

    async with Process(botkit_redis_url, bot(router, desk)) as process:
        await met(process, 300)
        broadcaster = Broadcaster(process.bots[0], process.store, process.clock)
        plan = await broadcaster.plan(TEXT, name="spring", notify=where("boss"))
        await broadcaster.start(plan.broadcast.id)
        await process.engine.settle()
        *steps, end = heard
        assert end == ("spring", 300, 300)
        assert steps
        assert all(kind == "progressed" and 0 < sent < 300 for kind, sent, _ in steps)
        assert len({sent // 30 for _, sent, _ in steps}) == len(steps)
        assert ("boss", "done") in desk.shown


async def test_a_broadcast_to_nobody_is_done_at_once(botkit_redis_url: str) -> None:
    async with Process(botkit_redis_url, bot(quiet(), Desk()), clock=Clock()) as process:
        broadcast = await started(process)
        await process.engine.settle()
        assert await stage(process, broadcast) is Stage.DONE


@pytest.mark.parametrize("key", ["e" * 22 + "00", "a" * 10 + "00" + "0" * 9 + "b01", "a" * 10 + "00000000000a00"])
def test_other_keys_name_nobody_s_place_in_a_broadcast(key: str) -> None:
    assert spot_of(key) is None
