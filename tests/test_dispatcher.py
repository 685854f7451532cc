"""One event's journey through a handler to its commit, and every way in which that can go wrong."""

import asyncio
import re
import threading
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

import pytest
from structlog.testing import capture_logs

from botkit.context import Context
from botkit.dispatcher import HandlerPolicy
from botkit.events import ButtonPressed, ConversationStarted, Event, MessageReceived, TimerFired
from botkit.exceptions import RecordError
from botkit.flow import After, Flow, State, Trigger
from botkit.redis.audit import audit
from botkit.router import Router
from botkit.turn import Queue
from tests.desk import Desk, Process, bot, opens, presses, says, where

SECRET_TEXT = "my pin is 4711"


class Order(Flow):
    states = ("idle", State("order", ("size", "colour")), "done")
    ask = Trigger("*", "order")
    choose = Trigger("order.size", "order.colour")
    give_up = Trigger("order", "idle")
    finish = Trigger("*", "done")
    timeouts = {"order": After(minutes=30, trigger="give_up")}

    size: str = ""


class Newer(Order):
    version = 2


Newer.__name__ = "Order"


async def test_an_event_makes_one_transition_with_state_data_and_replies(botkit_redis_url: str) -> None:
    desk, router = Desk(), Router(Order)

    @router.text("pizza")
    async def pizza(event: MessageReceived, ctx: Context[Order]) -> None:
        ctx.flow.ask()
        ctx.flow.size = "large"
        ctx.reply("one")
        ctx.reply("two")

    @router.text("size", state="order")
    async def size(event: MessageReceived, ctx: Context[Order]) -> None:
        ctx.reply(f"{ctx.flow.state} {ctx.flow.size}")

    async with Process(botkit_redis_url, bot(router, desk)) as process:
        await process.hears("pizza")
        assert await process.version() == 1
        await process.hears("size")
        assert desk.texts == ["one", "two", "order.size large"]
        assert await process.version() == 2


async def test_nothing_is_saved_or_sent_when_a_handler_raises(botkit_redis_url: str) -> None:
    desk, router = Desk(), Router(Order)
    attempts = []

    @router.text()
    async def failing(event: MessageReceived, ctx: Context[Order]) -> None:
        attempts.append(ctx.flow.state)
        ctx.flow.ask()
        ctx.reply("this never leaves")
        ctx.after("reminder", seconds=1)
        raise ValueError

    async with Process(botkit_redis_url, bot(router, desk)) as process:
        await process.hears("hello")
        record = await process.store.load(where().key)
        assert (record.state, record.version, desk.attempts) == (b"", 0, [])
        await process.advance(1)
        assert attempts == ["idle", "idle"]
        assert await process.store.due_timers(10) == ([], None)


@pytest.mark.parametrize(("jitter", "factor"), [(0.0, 0.5), (0.5, 1.0), (1.0, 1.5)])
async def test_a_failing_event_is_tried_again_after_1_4_16_and_64_seconds_and_then_is_a_dead_letter(
    botkit_redis_url: str, jitter: float, factor: float
) -> None:
    desk, router = Desk(), Router()
    attempts = []

    @router.text("bad")
    async def failing(event: MessageReceived, ctx: Context[Flow]) -> None:
        attempts.append(event.id)
        raise ValueError("the parcel fell off")

    async with Process(botkit_redis_url, bot(router, desk), jitter=lambda: jitter) as process:
        await process.hears("bad")
        for number, delay in enumerate((1, 4, 16, 64), 1):
            assert len(attempts) == number
            # Real time goes by as well: of a busy machine's, some.
            margin = 0.4 + 0.05 * delay * factor
            await process.advance(delay * factor - margin)
            assert len(attempts) == number, f"tried again too soon after attempt {number}"
            assert not await process.dead_letters()
            await process.advance(margin + 0.05)
        assert len(attempts) == 5
        assert len(set(attempts)) == 1
        (letter,) = await process.dead_letters()
        assert letter.queue.value == "mailbox"
        assert "ValueError: the parcel fell off" in letter.error
        await process.advance(1000)
        assert len(attempts) == 5
        assert await audit(process.store) == []


async def test_a_policy_without_delays_makes_a_failing_event_a_dead_letter_at_once(botkit_redis_url: str) -> None:
    router = Router()

    @router.text()
    async def failing(event: MessageReceived, ctx: Context[Flow]) -> None:
        raise ValueError

    async with Process(botkit_redis_url, bot(router), handler=HandlerPolicy(delays=())) as process:
        await process.hears("hello")
        assert len(await process.dead_letters()) == 1


async def test_the_traceback_of_a_dead_letter_holds_no_secret(botkit_redis_url: str) -> None:
    router = Router()
    token = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw0"

    @router.text()
    async def failing(event: MessageReceived, ctx: Context[Flow]) -> None:
        raise ValueError(f"https://api.telegram.org/bot{token}/getMe said no")

    async with Process(botkit_redis_url, bot(router), handler=HandlerPolicy(delays=(1,))) as process:
        await process.hears("hello")
        await process.advance(1)
        (letter,) = await process.dead_letters()
        assert "/bot***/getMe said no" in letter.error
        assert "test_dispatcher.py" in letter.error
        assert token not in str(letter)


async def test_a_poison_event_delays_no_other_conversation_and_its_own_goes_on_after_it(botkit_redis_url: str) -> None:
    desk, router = Desk(), Router()

    @router.text("bad")
    async def failing(event: MessageReceived, ctx: Context[Flow]) -> None:
        raise ValueError

    @router.text()
    async def echo(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.reply(event.text)

    async with Process(botkit_redis_url, bot(router, desk)) as process:
        await process.hears("bad")
        await process.hears("after it")
        await process.hears("hello", person="taras")
        assert desk.shown == [("taras", "hello")]
        for delay in (1, 4, 16, 64):
            await process.advance(delay)
        assert desk.shown == [("taras", "hello"), ("olena", "after it")]
        assert len(await process.dead_letters()) == 1


# --- error handlers ---


async def test_an_error_handler_commits_its_own_decisions_instead_of_the_failed_ones(botkit_redis_url: str) -> None:
    desk, router = Desk(), Router(Order)

    @router.text("pizza")
    async def failing(event: MessageReceived, ctx: Context[Order]) -> None:
        ctx.flow.ask()
        ctx.flow.size = "large"
        ctx.reply("coming")
        ctx.after("reminder", seconds=1)
        raise ValueError

    @router.text("size")
    async def size(event: MessageReceived, ctx: Context[Order]) -> None:
        ctx.reply(f"{ctx.flow.state} {ctx.flow.size!r}")

    @router.error(ValueError)
    async def sorry(event: Event, ctx: Context[Order], error: ValueError) -> None:
        assert (ctx.flow.state, ctx.flow.size) == ("idle", "")
        ctx.flow.finish()
        ctx.reply("sorry")

    async with Process(botkit_redis_url, bot(router, desk)) as process:
        await process.hears("pizza")
        await process.hears("size")
        assert desk.texts == ["sorry", "done ''"]
        assert await process.store.due_timers(10) == ([], None)
        assert await process.version() == 2


async def test_an_error_handler_that_fails_itself_is_a_failed_attempt(botkit_redis_url: str) -> None:
    desk, router = Desk(), Router()

    @router.text()
    async def failing(event: MessageReceived, ctx: Context[Flow]) -> None:
        raise ValueError("first")

    @router.error()
    async def worse(event: Event, ctx: Context[Flow], error: Exception) -> None:
        ctx.reply("sorry")
        raise KeyError("second")

    async with Process(botkit_redis_url, bot(router, desk), handler=HandlerPolicy(delays=(1,))) as process:
        await process.hears("hello")
        assert await process.version() == 0
        await process.advance(1)
        (letter,) = await process.dead_letters()
        assert "KeyError: 'second'" in letter.error
        assert desk.attempts == []


# --- handlers that end or hold the process ---


@pytest.mark.parametrize(
    "raised",
    [SystemExit, KeyboardInterrupt, asyncio.CancelledError, GeneratorExit, BaseException, StopAsyncIteration],
    ids=lambda kind: str(kind.__name__),
)
@pytest.mark.parametrize("is_plain", [False, True], ids=["async def", "def"])
async def test_whatever_a_handler_raises_is_only_a_failed_attempt(
    botkit_redis_url: str, raised: type[BaseException], *, is_plain: bool
) -> None:
    desk, router, attempts = Desk(), Router(), []

    def fail(text: str, ctx: Context[Flow]) -> None:
        attempts.append(text)
        if len(attempts) == 1:
            raise raised
        ctx.reply(text)

    if is_plain:

        @router.text()
        def plain(event: MessageReceived, ctx: Context[Flow]) -> None:
            fail(event.text, ctx)
    else:

        @router.text()
        async def coroutine(event: MessageReceived, ctx: Context[Flow]) -> None:
            fail(event.text, ctx)

    async with Process(botkit_redis_url, bot(router, desk)) as process:
        with capture_logs() as logs:
            await process.hears("hello")
        (entry,) = [entry for entry in logs if entry["event"] == "handler failed"]
        assert (entry["error"], entry["attempt"]) == (raised.__name__, 1)
        await process.advance(1)
        assert desk.texts == ["hello"]


@pytest.mark.parametrize("waits", [False, True])
async def test_what_a_handler_sets_in_its_context_is_gone_with_it(botkit_redis_url: str, *, waits: bool) -> None:
    router = Router()
    mood, found = ContextVar("mood", default="none"), []

    @router.text("at once")
    async def at_once(event: MessageReceived, ctx: Context[Flow]) -> None:
        found.append(mood.get())
        mood.set("set")

    @router.text("later")
    async def later(event: MessageReceived, ctx: Context[Flow]) -> None:
        await asyncio.sleep(0)
        found.append(mood.get())
        mood.set("set")

    async with Process(botkit_redis_url, bot(router)) as process:
        # All three are handled in a row, by one task.
        text = "later" if waits else "at once"
        await asyncio.gather(*(process.takes(says(text)) for _ in range(3)))
        await process.engine.settle()
    assert found == ["none"] * 3


async def test_a_handler_that_hangs_is_cancelled_at_its_deadline(botkit_redis_url: str) -> None:
    router = Router()
    ends = []

    @router.text()
    async def hanging(event: MessageReceived, ctx: Context[Flow]) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ends.append("cancelled")
            raise

    async with Process(botkit_redis_url, bot(router), handler=HandlerPolicy(deadline=0.05, delays=())) as process:
        await process.hears("hello")
        assert ends == ["cancelled"]
        (letter,) = await process.dead_letters()
        assert "the handler took longer than 0.05 s" in letter.error


async def test_a_handler_that_ignores_its_cancellation_is_left_behind_and_cannot_commit(botkit_redis_url: str) -> None:
    desk, router = Desk(), Router(Order)
    go_on, has_ended = asyncio.Event(), asyncio.Event()

    @router.text("stubborn")
    async def stubborn(event: MessageReceived, ctx: Context[Order]) -> None:
        try:
            await go_on.wait()
        except asyncio.CancelledError:
            ctx.reply("I am still here")
            await go_on.wait()
        ctx.flow.ask()
        has_ended.set()

    @router.text()
    async def echo(event: MessageReceived, ctx: Context[Order]) -> None:
        ctx.reply(f"{event.text} in {ctx.flow.state}")

    policy = HandlerPolicy(deadline=0.05, grace=0.05, delays=())
    async with Process(botkit_redis_url, bot(router, desk), handler=policy) as process:
        await process.hears("stubborn")
        await process.hears("hello")
        assert desk.texts == ["hello in idle"]
        go_on.set()
        await has_ended.wait()
        await process.engine.settle()
        assert desk.texts == ["hello in idle"]
        assert await process.version() == 1


async def test_a_handler_that_a_drain_cuts_short_is_given_back_and_is_no_failed_attempt(botkit_redis_url: str) -> None:
    desk, router = Desk(), Router()
    has_begun, is_second = asyncio.Event(), False

    @router.text()
    async def slow(event: MessageReceived, ctx: Context[Flow]) -> None:
        has_begun.set()
        if not is_second:
            await asyncio.Event().wait()
        ctx.reply("done")

    async with Process(botkit_redis_url, bot(router, desk)) as process, process.another() as colleague:
        with capture_logs() as logs:
            await process.takes(says("hello"))
            await has_begun.wait()
            await process.engine.drain(0)
        assert [entry["event"] for entry in logs] == []
        is_second = True
        (turn,) = (await colleague.store.claim(Queue.MAILBOX, 10)).turns
        assert turn.attempts == 1
        await colleague.store.retry(Queue.MAILBOX, turn, delay=0)
        await colleague.engine.settle()
        assert desk.texts == ["done"]


async def test_a_plain_function_runs_in_a_thread_of_its_own(botkit_redis_url: str) -> None:
    desk, router = Desk(), Router()

    @router.text()
    def plain(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.reply("elsewhere" if threading.current_thread() is not threading.main_thread() else "here")

    async with Process(botkit_redis_url, bot(router, desk)) as process:
        await process.hears("where are you?")
        assert desk.texts == ["elsewhere"]


# --- records and accounts ---


@pytest.mark.parametrize(
    "stored",
    [
        b"not json",
        b'{"flows": []}',
        b'{"flows": {"\xff": {}}}',
        b'{"flows": {"Order": {"s": "order.size", "v": 2}}}',
        b'{"flows": {"Order": {"s": "no such state", "v": 1}}}',
        b'{"flows": {"Order": {"s": "idle", "v": 1, "d": {"size": 3}}}}',
    ],
    ids=["not json", "another form", "not text", "a newer version", "an unknown state", "data that does not fit"],
)
async def test_a_record_that_cannot_be_read_is_left_as_it_is_and_the_event_is_a_dead_letter(
    botkit_redis_url: str, stored: bytes
) -> None:
    desk, router = Desk(), Router(Order)

    @router.text()
    async def echo(event: MessageReceived, ctx: Context[Order]) -> None:
        ctx.reply(f"{ctx.flow.state}")

    async with Process(botkit_redis_url, bot(router, desk)) as process:
        (key,) = process.store.keys.of(where().key, "c")
        await process.store.call("HSET", key, "s", stored, "v", 7)
        await process.hears("hello")
        record = await process.store.load(where().key)
        assert (record.state, record.version, desk.attempts) == (stored, 7, [])
        assert len(await process.dead_letters()) == 1
        await process.store.call("HDEL", key, "s")
        await process.hears("hello")
        assert desk.texts == ["idle"], "the conversation goes on once its record is mended"


async def test_a_record_of_an_older_release_is_read_by_a_newer_one_but_not_the_other_way_round(
    botkit_redis_url: str,
) -> None:
    desk = Desk()

    def release(flow: type[Order]) -> Router[Order]:
        router = Router(flow)

        @router.text()
        async def ask(event: MessageReceived, ctx: Context[Order]) -> None:
            ctx.flow.ask()
            ctx.reply(f"release {flow.version}")

        return router

    old, new = (bot(release(flow), desk) for flow in (Order, Newer))
    async with Process(botkit_redis_url, old) as process, process.another(new) as newer:
        await process.hears("one")
        await newer.hears("two")
        await process.hears("three")
        assert desk.texts == ["release 1", "release 2"]
        (letter,) = await process.dead_letters()
        assert "version 2" in letter.error


async def test_a_handler_that_meets_a_broken_record_of_its_own_is_not_tried_again(botkit_redis_url: str) -> None:
    router = Router()

    @router.text()
    async def failing(event: MessageReceived, ctx: Context[Flow]) -> None:
        raise RecordError("the order is of another shop")

    async with Process(botkit_redis_url, bot(router)) as process:
        await process.hears("hello")
        (letter,) = await process.dead_letters()
        assert letter.error == "the order is of another shop"


async def test_an_event_of_an_account_that_nobody_speaks_for_is_a_dead_letter(botkit_redis_url: str) -> None:
    router = Router()

    @router.text()
    async def echo(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.reply("hello")

    gone, kept = bot(router, Desk(ta="gone")), bot(router, Desk())
    async with Process(botkit_redis_url, gone, role="web") as web, web.another(kept) as worker:
        await web.takes(says("hello", ta="gone"))
        await worker.engine.settle()
        (letter,) = await worker.store.dead_letters.read(where(ta="gone").key)
        assert letter.error == "no bot here speaks for its account any more"


async def test_an_event_that_cannot_be_read_is_a_dead_letter_that_says_so(botkit_redis_url: str) -> None:
    async with Process(botkit_redis_url, bot(Router())) as process:
        await process.store.ingest(where().key, "e" * 22, b'{"type": "from tomorrow"}', token="", window=60)
        await process.engine.settle()
        (letter,) = await process.dead_letters()
        assert letter.error == "the event cannot be read by any adapter here (ValidationError in type 'from tomorrow')"
        assert "from tomorrow" in letter.entry.decode()


class Waved(Event, frozen=True, kw_only=True, omit_defaults=True, tag="desk.waved"):
    hand: str = ""


class WavedTwice(Waved, frozen=True, kw_only=True, omit_defaults=True, tag="desk.waved_twice"):
    pass


class WavingDesk(Desk):
    events = (Waved, WavedTwice)


async def test_an_event_that_only_its_channel_knows_reaches_the_handler_of_its_type(botkit_redis_url: str) -> None:
    desk, router, heard = WavingDesk(), Router(), list[Waved]()

    @router.on(Waved)
    async def waved(event: Waved, ctx: Context[Flow]) -> None:
        heard.append(event)

    known: dict[str, Any] = {"at": datetime.now(UTC), "conversation": where()}
    events = [Waved(id="1" * 22, hand="left", **known), WavedTwice(id="2" * 22, **known)]
    async with Process(botkit_redis_url, bot(router, desk)) as process:
        for event in events:
            await process.takes(event)
            await process.engine.settle()
    assert heard == events


async def test_an_event_of_another_channel_is_a_dead_letter_that_names_its_type(botkit_redis_url: str) -> None:
    async with Process(botkit_redis_url, bot(Router())) as process:
        await process.takes(Waved(id="1" * 22, at=datetime.now(UTC), conversation=where()))
        await process.engine.settle()
        (letter,) = await process.dead_letters()
        assert "desk.waved" in letter.error


# --- flow timeouts ---


async def waiting(process: Process) -> None:
    await process.hears("pizza")
    assert await state(process) == "order.size"


async def state(process: Process) -> str:
    found = re.search(rb'"s":"([a-z.]+)"', (await process.store.load(where().key)).state)
    return found[1].decode() if found else "idle"


def order_router(*, listens: bool = True) -> Router[Order]:
    router = Router(Order)

    @router.text("pizza")
    async def pizza(event: MessageReceived, ctx: Context[Order]) -> None:
        ctx.flow.ask()

    @router.text("colour", state="order.size")
    async def colour(event: MessageReceived, ctx: Context[Order]) -> None:
        ctx.flow.choose()

    @router.text("finish")
    async def finish(event: MessageReceived, ctx: Context[Order]) -> None:
        ctx.flow.finish()

    if listens:

        @router.timeout("order")
        async def too_late(event: TimerFired, ctx: Context[Order]) -> None:
            ctx.reply(f"left {event.state}, now {ctx.flow.state}")

    return router


async def test_a_timeout_moves_the_state_and_calls_the_handler_of_the_state_before(botkit_redis_url: str) -> None:
    desk = Desk()
    async with Process(botkit_redis_url, bot(order_router(), desk)) as process:
        await waiting(process)
        await process.advance(30 * 60 - 2)
        assert (await state(process), desk.texts) == ("order.size", [])
        await process.advance(3)
        assert (await state(process), desk.texts) == ("idle", ["left order, now idle"])
        await process.advance(100 * 60)
        assert len(desk.texts) == 1


async def test_a_timeout_moves_the_state_without_any_handler(botkit_redis_url: str) -> None:
    async with Process(botkit_redis_url, bot(order_router(listens=False))) as process:
        await waiting(process)
        await process.advance(30 * 60 + 1)
        assert await state(process) == "idle"


async def test_states_inside_another_share_its_timeout(botkit_redis_url: str) -> None:
    async with Process(botkit_redis_url, bot(order_router())) as process:
        await waiting(process)
        await process.advance(20 * 60)
        await process.hears("colour")
        assert await state(process) == "order.colour"
        await process.advance(10 * 60 + 1)
        assert await state(process) == "idle"


async def test_leaving_the_state_ends_its_timeout(botkit_redis_url: str) -> None:
    async with Process(botkit_redis_url, bot(order_router())) as process:
        await waiting(process)
        await process.hears("finish")
        assert await process.store.due_timers(10) == ([], None)
        await process.advance(31 * 60)
        assert await state(process) == "done"


async def test_a_state_that_was_left_and_entered_again_has_its_whole_time(botkit_redis_url: str) -> None:
    async with Process(botkit_redis_url, bot(order_router())) as process:
        await waiting(process)
        await process.advance(20 * 60)
        await process.hears("finish")
        await process.hears("pizza")
        await process.advance(20 * 60)
        assert await state(process) == "order.size"
        await process.advance(10 * 60 + 1)
        assert await state(process) == "idle"


async def test_a_timeout_that_a_move_has_overtaken_in_the_mailbox_does_nothing(botkit_redis_url: str) -> None:
    desk = Desk()
    async with Process(botkit_redis_url, bot(order_router(), desk)) as process, process.another(role="web") as web:
        await waiting(process)
        # Both moves wait in the mailbox before the timeout does: it is about a stay that is over.
        await web.takes(says("finish"))
        await web.takes(says("pizza"))
        process.clock.advance(minutes=31)
        (due,), _ = await process.store.due_timers(10)
        await process.store.fire(due, "t" * 22)
        await process.engine.settle()
        assert (await state(process), desk.texts) == ("order.size", [])
        await process.advance(31 * 60)
        assert (await state(process), len(desk.texts)) == ("idle", 1)


async def test_a_timeout_whose_handler_fails_is_tried_again_from_the_state_before(botkit_redis_url: str) -> None:
    desk, router, attempts = Desk(), order_router(listens=False), []

    @router.timeout("order")
    async def failing(event: TimerFired, ctx: Context[Order]) -> None:
        attempts.append(ctx.flow.state)
        if len(attempts) == 1:
            raise ValueError
        ctx.reply("too late")

    async with Process(botkit_redis_url, bot(router, desk)) as process:
        await waiting(process)
        await process.advance(30 * 60 + 1)
        assert await state(process) == "order.size"
        await process.advance(1)
        assert (await state(process), attempts, desk.texts) == ("idle", ["idle", "idle"], ["too late"])


async def test_a_timer_outlives_the_process_that_set_it(botkit_redis_url: str) -> None:
    desk, router = Desk(), order_router()

    @router.text("remind")
    async def remind(event: MessageReceived, ctx: Context[Order]) -> None:
        ctx.after("call", "the dentist", hours=2)

    @router.timer("call")
    async def call(event: TimerFired, ctx: Context[Order]) -> None:
        ctx.reply(f"call {event.data}")

    async with Process(botkit_redis_url, bot(router, desk)) as process:
        await waiting(process)
        await process.hears("remind")
        async with process.another() as successor:
            await process.engine.drain(0)
            await successor.advance(31 * 60)
            assert desk.texts == ["left order, now idle"]
            await successor.advance(90 * 60)
            assert desk.texts[1:] == ["call the dentist"]


# --- what goes out beside the replies ---


async def test_the_press_of_a_button_is_acknowledged_before_any_reply(botkit_redis_url: str) -> None:
    desk, router = Desk(), Router()

    @router.button("yes")
    async def yes(event: ButtonPressed, ctx: Context[Flow]) -> None:
        ctx.reply("good")

    async with Process(botkit_redis_url, bot(router, desk)) as process:
        await process.takes(presses("yes"))
        await process.engine.settle()
        assert desk.texts == ["acknowledged", "good"]


@pytest.mark.parametrize("value", ["silent", "nobody listens"])
async def test_the_press_of_a_button_is_acknowledged_though_nothing_is_replied(
    botkit_redis_url: str, value: str
) -> None:
    desk, router = Desk(), Router()

    @router.button("silent")
    async def silent(event: ButtonPressed, ctx: Context[Flow]) -> None:
        pass

    async with Process(botkit_redis_url, bot(router, desk)) as process:
        await process.takes(presses(value))
        await process.engine.settle()
        assert desk.texts == ["acknowledged"]


async def test_the_answer_to_an_opening_carries_the_reply_and_not_what_is_sent_elsewhere(botkit_redis_url: str) -> None:
    desk, router = Desk(), Router()
    desk.answered = (ConversationStarted,)

    @router.started()
    async def started(event: ConversationStarted, ctx: Context[Flow]) -> None:
        ctx.send(where("manager"), "a visitor")
        ctx.typing()
        ctx.reply("welcome")

    async with Process(botkit_redis_url, bot(router, desk)) as process:
        accepted = await process.takes(opens())
        await process.engine.settle()
        assert accepted.reply == b"welcome"
        assert desk.shown == [("manager", "a visitor")]


async def test_a_second_reply_to_an_opening_is_refused_with_the_reason(botkit_redis_url: str) -> None:
    desk, router = Desk(), Router()
    desk.answered = (ConversationStarted,)

    @router.started()
    async def started(event: ConversationStarted, ctx: Context[Flow]) -> None:
        ctx.reply("welcome")
        ctx.reply("and welcome")

    async with Process(botkit_redis_url, bot(router, desk), handler=HandlerPolicy(delays=())) as process:
        await process.takes(opens())
        await process.engine.settle()
        (letter,) = await process.dead_letters()
        assert "takes one message in answer" in letter.error


# --- the log ---


async def test_a_person_who_got_no_handler_is_logged_with_the_reason(botkit_redis_url: str) -> None:
    async with Process(botkit_redis_url, bot(order_router())) as process:
        with capture_logs() as logs:
            await process.hears("colour")
    (entry,) = [entry for entry in logs if entry["event"] == "no handler"]
    assert "no handler for text in state 'idle'; nearest:" in entry["reason"]
    assert 'text("colour"' in entry["reason"]


async def test_an_opening_that_got_no_handler_is_not_worth_a_line(botkit_redis_url: str) -> None:
    async with Process(botkit_redis_url, bot(order_router())) as process:
        with capture_logs() as logs:
            await process.takes(opens())
            await process.engine.settle()
    assert [entry for entry in logs if entry["event"] == "no handler"] == []


def fails_with_their_words(event: MessageReceived, ctx: Context[Flow]) -> None:
    raise ValueError(event.text)


def answers(event: MessageReceived, ctx: Context[Flow]) -> None:
    ctx.reply(event.text)


@pytest.mark.parametrize("handler", [None, answers, fails_with_their_words])
async def test_no_log_line_holds_a_person_s_words_or_id(
    botkit_redis_url: str, handler: Callable[[MessageReceived, Context[Flow]], None] | None
) -> None:
    router = Router()
    if handler:
        router.text()(handler)
    async with Process(botkit_redis_url, bot(router), handler=HandlerPolicy(delays=(1,))) as process:
        with capture_logs() as logs:
            await process.hears(SECRET_TEXT, person="personal-id")
            await process.advance(1)
    assert logs
    assert SECRET_TEXT not in str(logs)
    assert "personal-id" not in str(logs)
