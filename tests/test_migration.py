"""A conversation that goes on under another id takes with it what is stored of it, and what is under way."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from msgspec import Raw
from msgspec.structs import replace

from botkit.adapter import Outcome, Receipt
from botkit.context import Context
from botkit.conversation import Account
from botkit.events import Event, Media, MessageReceived, TimerFired, event_id
from botkit.flow import After, Flow, Trigger
from botkit.messages import Raw as RawMessage
from botkit.migration import WINDOW, Adopted, delivered, is_moving
from botkit.outgoing import Outgoing
from botkit.outgoing import decode as decode_outgoing
from botkit.redis.audit import audit
from botkit.redis.bounds import Bounds
from botkit.router import Router
from botkit.turn import Queue
from tests.desk import NOT_SENT, Desk, Process, bot, says, where

MOVED = Receipt(Outcome.REFUSED, reason="400 the chat moved", moved_to="new")
_natives: Iterator[int] = count()


class Moved(Event, frozen=True, kw_only=True, omit_defaults=True, tag="desk.moved"):
    """The service goes on with this conversation under another id."""

    to: str = ""

    @property
    def moves_to(self) -> str:
        return self.to


class Continued(Event, frozen=True, kw_only=True, omit_defaults=True, tag="desk.continued"):
    """This conversation begins where another ended."""

    origin: str = ""

    @property
    def moves_from(self) -> str:
        return self.origin


class Order(Flow):
    states = ("idle", "asked", "late")
    ask = Trigger("idle", "asked")
    give_up = Trigger("asked", "late")
    timeouts = {"asked": After(minutes=5, trigger="give_up")}

    heard: list[str] = []


class Chats(Desk):
    """A desk that can move its conversations."""

    events = (Moved, Continued)


def moves(old: str = "old", to: str = "new") -> Moved:
    native = event_id(Account("desk", "desk"), f"moved {next(_natives)}")
    return Moved(id=native, at=datetime.now(UTC), conversation=where(old), to=to)


def continues() -> Continued:
    native = event_id(Account("desk", "desk"), f"moved {next(_natives)}")
    return Continued(id=native, at=datetime.now(UTC), conversation=where("new"), origin="old")


@pytest.fixture
def desk() -> Chats:
    return Chats()


@pytest.fixture
def router() -> Router[Order]:
    router = Router(Order)

    @router.text("^ask")
    async def ask(event: MessageReceived, ctx: Context[Order]) -> None:
        ctx.flow.ask()
        ctx.after("call", "back", minutes=1)

    @router.text()
    async def every(event: MessageReceived, ctx: Context[Order]) -> None:
        ctx.flow.heard.append(event.text)
        ctx.reply(f"{ctx.flow.state}: {' '.join(ctx.flow.heard)}")

    @router.timer("call")
    async def call(event: TimerFired, ctx: Context[Order]) -> None:
        ctx.reply(f"call {event.data}")

    @router.timeout("asked")
    async def late(event: TimerFired, ctx: Context[Order]) -> None:
        ctx.reply("too late")

    return router


async def takes(process: Process, *events: Event) -> None:
    for event in events:
        await process.takes(event)
    await process.engine.settle()


async def test_the_new_conversation_goes_on_with_state_and_data(
    botkit_redis_url: str, desk: Chats, router: Router[Order]
) -> None:
    async with Process(botkit_redis_url, bot(router, desk)) as process:
        await takes(process, says("ask", "old"), says("one", "old"), moves())
        await takes(process, says("two", "new"))
        assert desk.shown == [("old", "asked: one"), ("new", "asked: one two")]
        assert await audit(process.store) == []


async def test_a_conversation_that_begins_with_the_news_of_the_move_waits_for_the_record_of_the_old_one(
    botkit_redis_url: str, desk: Chats, router: Router[Order]
) -> None:
    @router.on(Continued)
    async def continued(event: Continued, ctx: Context[Order]) -> None:
        ctx.flow.heard.append("continued")

    async with Process(botkit_redis_url, bot(router, desk)) as process:
        await takes(process, says("ask", "old"), says("one", "old"))
        await takes(process, continues(), says("two", "new"), moves(), says("three", "new"))
        assert desk.shown == [("old", "asked: one")]
        await process.advance(0.5)
        assert desk.shown[1:] == [("new", "asked: one continued two"), ("new", "asked: one continued two three")]
        await process.advance(60)
        assert desk.shown[3:] == [("new", "call back")]
        assert await audit(process.store) == []


async def test_a_conversation_waits_five_seconds_for_a_record_that_does_not_come(
    botkit_redis_url: str, desk: Chats, router: Router[Order]
) -> None:
    async with Process(botkit_redis_url, bot(router, desk)) as process:
        await takes(process, continues(), says("two", "new"))
        for _ in range(9):
            await process.advance(0.5)
        assert desk.shown == []
        await process.advance(0.5)
        await process.advance(0.5)
        assert desk.shown == [("new", "idle: two")]


async def test_timers_fire_in_the_new_conversation_and_only_there(
    botkit_redis_url: str, desk: Chats, router: Router[Order]
) -> None:
    async with Process(botkit_redis_url, bot(router, desk)) as process:
        await takes(process, says("ask", "old"), moves())
        await process.advance(59)
        assert desk.shown == []
        await process.advance(2)
        assert desk.shown == [("new", "call back")]
        await process.advance(240)
        assert desk.shown == [("new", "call back"), ("new", "too late")]
        await takes(process, says("hi", "new"))
        assert desk.shown[-1] == ("new", "late: hi")
        assert await process.store.due_timers(10) == ([], None)


async def test_what_the_handler_of_the_move_decides_goes_along(
    botkit_redis_url: str, desk: Chats, router: Router[Order]
) -> None:
    @router.on(Moved)
    async def moved(event: Moved, ctx: Context[Order]) -> None:
        ctx.flow.heard.append("moved")
        ctx.cancel("call")
        ctx.after("call", "again", minutes=2)

    async with Process(botkit_redis_url, bot(router, desk)) as process:
        await takes(process, says("ask", "old"), moves())
        await takes(process, says("one", "new"))
        assert desk.shown == [("new", "asked: moved one")]
        await process.advance(121)
        assert desk.shown[1:] == [("new", "call again")]


async def test_what_comes_to_the_old_conversation_later_is_heard_in_the_new_one(
    botkit_redis_url: str, desk: Chats, router: Router[Order]
) -> None:
    async with Process(botkit_redis_url, bot(router, desk)) as process:
        await takes(process, says("ask", "old"), moves(), says("late", "old"), moves(), says("later", "old"))
        assert desk.shown == [("new", "asked: late"), ("new", "asked: late later")]
        assert await process.version("old") == 5
        assert await audit(process.store) == []


async def test_what_the_service_refuses_because_of_the_move_goes_to_the_new_conversation_in_order(
    botkit_redis_url: str, desk: Chats, router: Router[Order]
) -> None:
    async with Process(botkit_redis_url, bot(router, desk)) as process:
        desk.plan.extend([NOT_SENT, MOVED, MOVED])
        await takes(process, says("one", "old"), says("two", "old"), moves())
        await process.advance(1)
        assert desk.shown == [("new", "idle: one"), ("new", "idle: one two")]
        assert await process.dead_letters("old") == []


async def test_a_refusal_that_names_the_same_conversation_is_final(botkit_redis_url: str, desk: Chats) -> None:
    router = Router()

    @router.text()
    async def every(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.reply(event.text)

    async with Process(botkit_redis_url, bot(router, desk)) as process:
        desk.plan.append(MOVED)
        await takes(process, says("hello", "new"))
        assert (desk.shown, len(await process.dead_letters("new"))) == ([], 1)


async def test_a_raw_call_is_not_sent_elsewhere(botkit_redis_url: str, desk: Chats) -> None:
    router = Router()

    @router.text()
    async def every(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.reply(RawMessage(channel="desk", method="call", payload={"chat_id": "old"}))

    async with Process(botkit_redis_url, bot(router, desk)) as process:
        desk.plan.append(MOVED)
        await takes(process, says("hello", "old"))
        assert (desk.shown, len(await process.dead_letters("old"))) == ([], 1)


async def test_a_conversation_with_a_record_keeps_it_and_takes_the_timers_that_handlers_set(
    botkit_redis_url: str, desk: Chats, router: Router[Order]
) -> None:
    async with Process(botkit_redis_url, bot(router, desk)) as process:
        await takes(process, says("ask", "old"), says("one", "new"), moves(), says("two", "new"))
        assert desk.shown == [("new", "idle: one"), ("new", "idle: one two")]
        await process.advance(301)
        assert desk.shown[2:] == [("new", "call back")]


async def test_a_move_is_passed_on_once_when_the_process_dies_before_it_is_noted(
    botkit_redis_url: str, desk: Chats, router: Router[Order]
) -> None:
    async with Process(botkit_redis_url, bot(router, desk), role="web") as web:
        await takes(web, says("ask", "old"))
        async with web.another() as first:
            await first.engine.settle()
        async with web.another() as second:
            await takes(web, moves())
            (turn,) = (await second.store.claim(Queue.MAILBOX, 1)).turns
            await second.dispatcher.run(turn, keep=False, send=False)
            (entry,) = (await second.store.claim(Queue.OUTBOX, 1)).turns
            delivery = delivered(decode_outgoing(entry.payload))
            assert delivery
            # It was put into the new mailbox; that it was, nobody noted.
            await second.store.ingest(where("new").key, *delivery, token="", window=WINDOW)
        async with web.another() as third:
            await third.advance(11)
            assert await third.version("new") == 1
            await takes(third, says("one", "new"))
            assert desk.shown == [("new", "asked: one")]


async def test_a_full_mailbox_delays_the_move_and_loses_nothing(botkit_redis_url: str) -> None:
    desk, router, is_stuck = Chats(), Router(Order), [True]

    @router.text()
    async def every(event: MessageReceived, ctx: Context[Order]) -> None:
        if event.text == "stuck" and is_stuck:
            raise ValueError
        ctx.flow.heard.append(event.text)
        ctx.reply(" ".join(ctx.flow.heard))

    async with Process(botkit_redis_url, bot(router, desk), bounds=Bounds(mailbox=1)) as process:
        await takes(process, says("one", "old"))
        await takes(process, says("stuck", "new"))
        await takes(process, moves())
        assert await process.version("new") == 0
        is_stuck.clear()
        for _ in range(5):
            await process.advance(2)
        assert await process.version("new") == 2
        assert await audit(process.store) == []


async def test_the_parts_of_an_album_that_was_handled_do_not_come_again_after_the_move(
    botkit_redis_url: str, desk: Chats
) -> None:
    router = Router()

    @router.on(MessageReceived)
    async def every(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.reply(f"{event.text} {len(event.album)}")

    parts = [replace(says(name, "old"), media=Media("image", name), group="g") for name in ("a", "b")]
    async with Process(botkit_redis_url, bot(router, desk)) as process:
        await takes(process, parts[0], moves(), parts[1])
        await process.advance(1)
        assert desk.shown == [("old", "a 2")]


def test_a_conversation_that_stays_itself_does_not_move() -> None:
    assert is_moving(moves("old", "new"))
    assert not is_moving(moves("new", "new"))
    assert not is_moving(says("hello"))


@pytest.mark.parametrize("message", [RawMessage(channel="desk", payload={"id": "x"})])
def test_a_message_is_no_delivery(message: Any) -> None:
    assert delivered(Outgoing("k", ("desk", "desk"), "old", message)) is None


def test_what_is_adopted_is_stored_as_it_is() -> None:
    event = Adopted(id="e", at=datetime.now(UTC), conversation=where(), state=Raw(b'{"flows":{}}'))
    assert bytes(event.state) == b'{"flows":{}}'
