"""The test kit itself; with it, the commercial rules of Viber over conversations that hypothesis invents."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from botkit.app import App
from botkit.bot import Bot
from botkit.buttons import Button
from botkit.channels.telegram import Telegram
from botkit.channels.viber import Viber
from botkit.clock import Clock
from botkit.context import Context
from botkit.events import ButtonPressed, ConversationStarted, MessageReceived, TimerFired, Unsubscribed
from botkit.flow import Flow, Trigger
from botkit.redis.audit import audit
from botkit.router import Router
from botkit.simulators.simulator import NotOnScreenError
from botkit.simulators.viber import ViberSimulator
from botkit.simulators.wire import Fault
from botkit.testing import BotTester, Visitor


class Order(Flow):
    states = ("idle", "size", "done")
    ask = Trigger("*", "size")
    finish = Trigger("size", "done")


@pytest.mark.parametrize(("replies", "seconds"), [(3, 0), (4, 1), (8, 5)])
async def test_what_a_service_s_pace_holds_back_is_seen_and_takes_its_time(
    botkit_redis_url: str, tmp_path: Path, replies: int, seconds: float
) -> None:
    router = Router()

    @router.text()
    async def count_up(event: MessageReceived, ctx: Context[Flow]) -> None:
        for number in range(replies):
            ctx.reply(str(number))

    bot = Bot("shop", routers=[router], accounts=[Telegram()])
    async with BotTester([bot], botkit_redis_url, folder=tmp_path) as tester:
        olena = tester.user("olena", channel="telegram")
        before = tester.clock.offset
        await olena.says("go")
        assert olena.received == [str(number) for number in range(replies)]
        assert (tester.clock.offset - before).total_seconds() == pytest.approx(seconds, abs=0.9)


@pytest.mark.parametrize("step", [0.02, 0.03, 0.04, 0.05, 0.06])
async def test_what_a_pace_holds_back_is_seen_also_where_its_time_goes_by_while_the_tester_looks(
    botkit_redis_url: str, tmp_path: Path, step: float
) -> None:
    router = Router()

    @router.text()
    async def count_up(event: MessageReceived, ctx: Context[Flow]) -> None:
        for number in range(8):
            ctx.reply(str(number))

    async def hurry(clock: Clock) -> None:
        while True:
            clock.advance(seconds=step)
            await asyncio.sleep(0)

    bot = Bot("shop", routers=[router], accounts=[Telegram()])
    async with BotTester([bot], botkit_redis_url, folder=tmp_path) as tester:
        olena = tester.user("olena", channel="telegram")
        hurrying = asyncio.create_task(hurry(tester.clock))
        await olena.says("go")
        hurrying.cancel()
        assert olena.received == [str(number) for number in range(8)]


def pizzeria() -> Router[Order]:
    router = Router(Order)

    @router.started()
    async def started(event: ConversationStarted, ctx: Context[Order]) -> None:
        ctx.reply(f"welcome {event.context}".strip(), buttons=[Button("Order", "order")])

    @router.button("order")
    async def order(event: ButtonPressed, ctx: Context[Order]) -> None:
        ctx.flow.ask()
        ctx.reply("Which size?", buttons=[[Button("Small", "size:s"), Button("Large", "size:l")]])

    @router.button("size:{size}", state="size")
    async def size(event: ButtonPressed, ctx: Context[Order]) -> None:
        ctx.flow.finish()
        ctx.after("oven", minutes=15)
        ctx.reply(f"{event.label}, good.")

    @router.timer("oven")
    async def oven(event: TimerFired, ctx: Context[Order]) -> None:
        ctx.reply("Ready!")

    @router.photo()
    async def photo(event: MessageReceived, ctx: Context[Order]) -> None:
        ctx.reply("a photo")

    @router.file()
    async def file(event: MessageReceived, ctx: Context[Order]) -> None:
        ctx.reply("a file")

    @router.location()
    async def location(event: MessageReceived, ctx: Context[Order]) -> None:
        ctx.reply("a place")

    @router.unsubscribed()
    async def gone(event: Unsubscribed, ctx: Context[Order]) -> None:
        ctx.flow.reset()

    @router.text("fail")
    async def fail(event: MessageReceived, ctx: Context[Order]) -> None:
        raise ValueError

    return router


def shop() -> Bot:
    return Bot("shop", routers=[pizzeria()], accounts=[Viber(), Telegram()])


# --- the kit ---


@pytest.mark.parametrize("channel", ["viber", "telegram"])
async def test_a_whole_talk_is_driven_and_seen(botkit_redis_url: str, tmp_path: Path, channel: str) -> None:
    async with BotTester([shop()], botkit_redis_url, folder=tmp_path) as tester:
        olena = tester.user("Olena", channel=channel)
        await olena.opens("flyer")
        assert (olena.last.text, olena.buttons, olena.state) == ("welcome flyer", ["Order"], "idle")
        await olena.taps("Order")
        assert (olena.buttons, olena.state) == (["Small", "Large"], "size")
        await olena.taps("Large")
        assert (olena.last.text, olena.state, olena.states) == ("Large, good.", "done", {"Order": "done"})
        await tester.advance(minutes=14)
        assert not olena.sees("Ready")
        await tester.advance(minutes=1)
        assert olena.last.text == "Ready!"
        assert "bot: welcome flyer" in olena.transcript
        assert olena.transcript.endswith("bot: Ready!\n-- {'Order': 'done'}")


@pytest.mark.parametrize("channel", ["viber", "telegram"])
async def test_every_verb_reaches_the_bot(botkit_redis_url: str, tmp_path: Path, channel: str) -> None:
    async with BotTester([shop()], botkit_redis_url, folder=tmp_path) as tester:
        olena = tester.user("Olena", channel=channel)
        await olena.sends_photo()
        await olena.sends_file()
        await olena.sends_location(50.45, 30.52)
        assert list(olena.received) == ["a photo", "a file", "a place"]
        await olena.opens()
        await olena.taps("Order")
        await olena.leaves()
        assert olena.state == "idle"


async def test_people_talk_apart_from_each_other(botkit_redis_url: str, tmp_path: Path) -> None:
    async with BotTester([shop()], botkit_redis_url, folder=tmp_path) as tester:
        olena, taras = (tester.user(name, channel="viber") for name in ("Olena", "Taras"))
        await olena.opens()
        await olena.taps("Order")
        assert (olena.state, taras.state, taras.received) == ("size", "idle", [])
        with pytest.raises(LookupError, match="has said nothing to Taras"):
            taras.last  # noqa: B018


async def test_testers_share_a_server_and_nothing_else(botkit_redis_url: str, tmp_path: Path) -> None:
    async with (
        BotTester([shop()], botkit_redis_url, folder=tmp_path / "one") as one,
        BotTester(App([shop()]), botkit_redis_url, folder=tmp_path / "two") as two,
    ):
        olena, again = one.user("Olena", channel="viber"), two.user("Olena", channel="viber")
        await olena.opens()
        await olena.taps("Order")
        await two.settle()
        assert (olena.state, again.state, again.received) == ("size", "idle", [])
        one.clock.advance(days=3)
        assert two.clock.offset == timedelta()


async def test_what_cannot_be_done_is_told(botkit_redis_url: str, tmp_path: Path) -> None:
    async with BotTester([shop()], botkit_redis_url, folder=tmp_path) as tester:
        with pytest.raises(LookupError, match="there are: shop on viber, shop on telegram"):
            tester.user("Olena", channel="gbm")
        with pytest.raises(LookupError, match="0 accounts fit bot 'hotel'"):
            tester.user("Olena", channel="viber", bot="hotel")
        olena = tester.user("Olena", channel="viber", bot="shop")
        await olena.opens()
        with pytest.raises(NotOnScreenError, match="the screen has Order"):
            await olena.taps("Pay")


async def test_time_that_a_test_does_not_move_stands(botkit_redis_url: str, tmp_path: Path) -> None:
    async with BotTester([shop()], botkit_redis_url, folder=tmp_path) as tester:
        olena = tester.user("Olena", channel="telegram")
        await olena.says("fail")
        assert await tester.store.dead_letters.count() == 0
        for _ in range(4):
            await tester.advance(seconds=100)
        assert await tester.store.dead_letters.count() == 1, "each attempt comes when its time has come"


async def test_only_a_service_with_sessions_shows_one(botkit_redis_url: str, tmp_path: Path) -> None:
    async with BotTester([shop()], botkit_redis_url, folder=tmp_path) as tester:
        olena, taras = tester.user("Olena", channel="viber"), tester.user("Taras", channel="telegram")
        await olena.opens()
        assert olena.session is not None
        assert (olena.session.is_open, olena.session.left, olena.session.left_in_row) == (False, 60, 5)
        await olena.taps("Order")
        assert (olena.session.is_open, olena.session.left, olena.session.left_in_row) == (True, 59, 4)
        assert taras.session is None


# --- Viber's rules ---

FAULTS = {
    # A refusal in Viber's words; a service that is busy, that has lost the message, that has lost only its answer.
    "refused": Fault(status=200, body=b'{"status": 7, "status_message": "notFound"}'),
    "throttled": Fault(status=429, headers={"retry-after": "5"}),
    "lost": Fault(status=500),
    "arrived": Fault(drop=True, before=False),
}


@dataclass
class Waiting:
    text: str
    hours: float = 0
    repeats: int = 0


@dataclass
class Rules:
    """The rules in plain Python: what is shown, what waits, and what has been counted."""

    shown: list[str] = field(default_factory=list)
    queue: deque[Waiting] = field(default_factory=deque)
    faults: deque[str] = field(default_factory=deque)
    is_subscribed: bool = False
    is_held: bool = False
    is_open: bool = False
    # Behind a full one, it stays open whatever becomes of its first message.
    follows: bool = False
    hours: float = 0
    sent: int = 0
    in_row: int = 0

    def hears(self, texts: Sequence[str]) -> None:
        self.is_subscribed, self.is_held, self.in_row = True, False, 0
        self.replies(texts)

    def replies(self, texts: Sequence[str]) -> None:
        self.queue.extend(map(Waiting, texts))
        while self.queue and not self.is_held:
            self.attempt(self.queue[0])

    def attempt(self, head: Waiting) -> None:
        if head.repeats and head.hours > 1:
            self.queue.popleft()
        elif self.in_row >= 5:
            self.is_held = True
        else:
            self.count()
            self.conclude(head, self.faults.popleft() if self.faults else "sent")

    def count(self) -> None:
        if not self.is_open or self.hours >= 24 or self.sent >= 60:
            self.follows = self.is_open and self.hours < 24
            self.is_open, self.hours, self.sent = True, 0, 0
        self.sent += 1
        self.in_row += 1

    def conclude(self, head: Waiting, outcome: str) -> None:
        if outcome in ("sent", "arrived"):
            self.shown.append(head.text)
        if outcome in ("refused", "throttled"):
            self.sent -= 1
            self.in_row -= 1
            self.is_open = self.sent > 0 or self.follows
        head.repeats += outcome in ("lost", "arrived")
        if outcome in ("sent", "refused") or head.repeats > 2:
            self.queue.popleft()

    def passes(self, hours: float) -> None:
        self.hours += hours
        for waiting in self.queue:
            waiting.hours += hours

    @property
    def session(self) -> tuple[bool, int, int, int]:
        is_open = self.is_open and self.hours < 24
        sent = self.sent if is_open else 0
        waiting = len(self.queue)
        return is_open, sent, max(0, 60 - sent - waiting), max(0, 5 - self.in_row - waiting)


def talkative() -> Bot:
    router = Router()

    @router.started()
    async def started(event: ConversationStarted, ctx: Context[Flow]) -> None:
        ctx.reply("welcome")

    @router.text()
    async def words(event: MessageReceived, ctx: Context[Flow]) -> None:
        for word in event.text.split()[1:]:
            ctx.reply(word)

    return Bot("shop", routers=[router], accounts=[Viber()])


async def calm_down(tester: BotTester, visitor: Visitor) -> None:
    for _ in range(40):
        if await tester.store.is_idle(visitor.conversation.key):
            break
        await tester.advance(seconds=10)
    await visitor.refresh()


STEPS = st.one_of(
    st.just(("opens", 0, ())),
    st.tuples(st.just("says"), st.integers(0, 8), st.lists(st.sampled_from(sorted(FAULTS)), max_size=4)),
    st.tuples(st.just("chats"), st.integers(1, 12), st.just(())),
    st.tuples(st.just("waits"), st.sampled_from((5, 25)), st.just(())),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(STEPS, max_size=9))
@example([("chats", 12, ()), ("says", 1, ["refused"])])
async def test_no_conversation_breaks_viber_s_rules_and_each_is_counted_as_the_rules_say(
    botkit_redis_url: str, tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, Sequence[str]]]
) -> None:
    folder, numbers = tmp_path_factory.mktemp("viber"), count()
    async with BotTester([talkative()], botkit_redis_url, folder=folder) as tester:
        viber, olena, rules = tester.simulator("viber"), tester.user("Olena", channel="viber"), Rules()
        assert isinstance(viber, ViberSimulator)
        viber.receipts = False
        for kind, number, faults in steps:
            viber.wire.faults.extend(FAULTS[fault] for fault in faults)
            rules.faults.extend(faults)
            if kind == "opens":
                await olena.opens()
                if rules.is_subscribed:
                    rules.replies(["welcome"])
                else:
                    rules.shown.append("welcome")
            elif kind == "waits":
                await tester.advance(hours=number)
                rules.passes(number)
            for _ in range({"says": 1, "chats": number}.get(kind, 0)):
                words = [f"w{next(numbers)}" for _ in range(number if kind == "says" else 5)]
                await olena.says(" ".join(["say", *words]))
                rules.hears(words)
                await calm_down(tester, olena)
            await calm_down(tester, olena)
            assert list(olena.received) == rules.shown
            assert olena.session is not None
            now = olena.session
            assert (now.is_open, now.sent, now.left, now.left_in_row) == rules.session
        assert viber.violations == []
        assert await audit(tester.store) == []
