"""A human in the bot's place: what is heard meanwhile, when it ends, who speaks; and the example of docs/handoff.md."""

import re
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from botkit.app import App
from botkit.bot import Bot
from botkit.buttons import Button
from botkit.capabilities import Capabilities
from botkit.context import Context
from botkit.events import (
    ButtonPressed,
    Choice,
    ConversationResumed,
    Event,
    MessageReceived,
    SignalReceived,
    TimerFired,
)
from botkit.exceptions import DefinitionError
from botkit.flow import Flow
from botkit.handoff import PAUSE_TIMER, Handoff, HandoffPolicy
from botkit.menu import Menu
from botkit.messages import Joined, Left, Representative, Text
from botkit.record import Flows
from botkit.router import Router
from botkit.testing import BotTester, Visitor
from tests.desk import NOT_SENT, Desk, Process, presses, says, where

ANA = Representative("Ana", "human")
STAFF = where("staff")


def shop() -> Router[Flow]:
    """A bot that echoes, pauses when told to, and passes on what it hears meanwhile."""
    router = Router()

    @router.text(r"^human ?(\S*)$")
    async def human(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.reply("wait")
        ctx.pause(minutes=1, slides=None if not ctx.match["1"] else ctx.match["1"] == "slides")

    @router.text("^bot$", state="idle")
    @router.signal("stop")
    async def stop(event: MessageReceived | SignalReceived, ctx: Context[Flow]) -> None:
        ctx.resume()

    @router.signal("say")
    async def say(event: SignalReceived, ctx: Context[Flow]) -> None:
        ctx.reply(event.data)

    @router.paused()
    async def listen(event: MessageReceived | ButtonPressed, ctx: Context[Flow]) -> None:
        heard = event.value if isinstance(event, ButtonPressed) else event.text
        ctx.send(STAFF, f"heard {type(event).__name__} {heard}")

    @router.resumed()
    async def resumed(event: ConversationResumed, ctx: Context[Flow]) -> None:
        ctx.reply(f"back {event.is_automatic}")

    @router.text("^tell ([a-z]+) ?([a-z]*)$")
    async def tell(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.signal(where(), ctx.match["1"], ctx.match["2"])

    @router.fallback()
    async def echo(event: MessageReceived | ButtonPressed, ctx: Context[Flow]) -> None:
        ctx.reply(f"bot {event.text if isinstance(event, MessageReceived) else event.value}")

    return router


def reminding() -> Router[Flow]:
    """A bot that pauses, and says something by itself all the same."""
    router = Router()

    @router.text("human")
    async def human(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.pause(minutes=1)
        ctx.after("reminder", seconds=50)

    @router.timer("reminder")
    async def reminder(event: TimerFired, ctx: Context[Flow]) -> None:
        ctx.reply("reminder")

    return router


def on(desk: Desk, router: Router[Any], **options: Any) -> Bot:
    return Bot("shop", routers=[router], accounts=[desk], **options)


async def paused(process: Process, person: str = "olena") -> bool:
    return Flows((await process.store.load(where(person).key)).state).pause is not None


# --- what is heard ---


async def test_what_a_person_does_in_a_pause_goes_only_to_the_routes_for_it(botkit_redis_url: str) -> None:
    desk = Desk()
    async with Process(botkit_redis_url, on(desk, shop())) as process:
        await process.hears("hello")
        await process.hears("human")
        await process.hears("bot")
        await process.takes(presses("day:fri"))
        await process.hears("hello")
        assert desk.shown[1] == ("olena", "wait")
        assert [text for person, text in desk.shown if person == "staff"] == [
            "heard MessageReceived bot",
            "heard ButtonPressed day:fri",
            "heard MessageReceived hello",
        ]
        assert "bot hello" in desk.texts[:1]
        assert [text for person, text in desk.shown[2:] if person == "olena"] == ["acknowledged"]


async def test_an_edited_message_goes_there_as_well(botkit_redis_url: str) -> None:
    desk = Desk()
    async with Process(botkit_redis_url, on(desk, shop())) as process:
        await process.hears("human")
        await process.takes(msgspec.structs.replace(says("better"), edited=True))
        await process.engine.settle()
        assert desk.texts == ["wait", "heard MessageReceived better"]


async def test_other_conversations_are_not_paused(botkit_redis_url: str) -> None:
    desk = Desk()
    async with Process(botkit_redis_url, on(desk, shop())) as process:
        await process.hears("human")
        await process.hears("hello", "taras")
        assert desk.shown[-1] == ("taras", "bot hello")


async def test_what_is_not_the_persons_doing_goes_on_as_always(botkit_redis_url: str) -> None:
    desk = Desk()
    async with Process(botkit_redis_url, on(desk, reminding())) as process:
        await process.hears("human")
        await process.advance(50)
        assert desk.texts == ["reminder"]
        assert await paused(process)


async def test_without_a_route_for_it_an_event_is_done_with_and_a_line_says_that_it_waits(
    botkit_redis_url: str,
) -> None:
    desk, router = Desk(), Router()

    @router.text("human")
    async def human(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.pause()

    @router.fallback()
    async def echo(event: MessageReceived | ButtonPressed, ctx: Context[Flow]) -> None:
        ctx.reply("bot")

    async with Process(botkit_redis_url, on(desk, router)) as process:
        await process.hears("human")
        with capture_logs() as logs:
            await process.hears("my pin is 4711")
        (line,) = [entry for entry in logs if entry["event"] == "waits for a human"]
        assert "4711" not in str(logs)
        assert line["log_level"] == "info"
        assert (desk.attempts, await process.version(), await process.dead_letters()) == ([], 2, [])


async def test_a_handler_that_fails_has_not_paused(botkit_redis_url: str) -> None:
    desk, router = Desk(), Router()

    @router.text("human")
    async def human(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.pause(representative=ANA)
        raise ValueError

    @router.error(ValueError)
    async def failed(event: Event, ctx: Context[Flow], error: ValueError) -> None:
        ctx.reply(f"paused: {ctx.is_paused}")

    async with Process(botkit_redis_url, on(desk, router)) as process:
        await process.hears("human")
        assert desk.texts == ["paused: False"]
        assert await process.store.due_timers(10) == ([], None)


async def test_a_request_for_a_human_that_nobody_takes_leaves_a_warning(botkit_redis_url: str) -> None:
    async with Process(botkit_redis_url, on(Desk(), shop())) as process:
        with capture_logs() as logs:
            await process.takes(presses("~agent"))
            await process.takes(presses("other"))
            await process.engine.settle()
        unhandled = [(entry["log_level"], entry["reason"]) for entry in logs if entry["event"] == "no handler"]
        assert unhandled == [("warning", "no handler for AgentRequested")]


async def test_a_number_typed_in_a_pause_is_no_choice_of_the_bots_menu(botkit_redis_url: str) -> None:
    class Typed(Desk):
        capabilities = Capabilities(types_answers=True)

    desk, router = Typed(), shop()

    @router.signal("offer")
    async def offer(event: SignalReceived, ctx: Context[Flow]) -> None:
        ctx.reply("Which?", buttons=[Button("A", "a"), Button("B", "b")])

    async with Process(botkit_redis_url, on(desk, router)) as process:
        await process.hears("tell offer", "staff")
        await process.hears("1")
        await process.hears("tell offer", "staff")
        await process.hears("human")
        await process.hears("2")
        await process.hears("tell offer", "staff")
        await process.hears("2")
        await process.hears("tell stop", "staff")
        await process.hears("2")
        said = [text for text in desk.texts if not text.startswith(("Which?", "acknowledged"))]
        assert said == ["bot a", "wait", "heard MessageReceived 2", "heard ButtonPressed b", "back False", "bot 2"]


# --- when it ends ---


async def test_a_pause_ends_by_itself_after_its_time_and_not_before(botkit_redis_url: str) -> None:
    desk = Desk()
    async with Process(botkit_redis_url, on(desk, shop())) as process:
        await process.hears("human")
        await process.advance(59)
        assert await paused(process)
        await process.advance(1.1)
        assert not await paused(process)
        await process.hears("hello")
        assert desk.texts == ["wait", "back True", "bot hello"]


async def test_each_message_of_the_person_begins_the_time_anew(botkit_redis_url: str) -> None:
    desk = Desk()
    async with Process(botkit_redis_url, on(desk, shop())) as process:
        await process.hears("human")
        await process.advance(50)
        await process.hears("hello?")
        await process.advance(59)
        assert await paused(process)
        await process.advance(1.1)
        assert not await paused(process)


async def test_each_signal_that_is_answered_here_begins_the_time_anew(botkit_redis_url: str) -> None:
    desk = Desk()
    async with Process(botkit_redis_url, on(desk, shop())) as process:
        await process.hears("human")
        await process.advance(50)
        await process.hears("tell say hello", "staff")
        await process.advance(59)
        assert await paused(process)
        await process.hears("tell nothing", "staff")
        await process.advance(1.1)
        assert not await paused(process)
        assert desk.texts == ["wait", "hello", "back True"]


async def test_what_the_bot_says_by_itself_does_not_prolong_a_pause(botkit_redis_url: str) -> None:
    async with Process(botkit_redis_url, on(Desk(), reminding())) as process:
        await process.hears("human")
        await process.advance(51)
        assert await paused(process)
        await process.advance(9.1)
        assert not await paused(process)


@pytest.mark.parametrize(("policy", "text"), [(True, "human fixed"), (False, "human")])
async def test_a_pause_that_does_not_slide_ends_when_its_time_is_over(
    botkit_redis_url: str, policy: bool, text: str
) -> None:
    bot = on(Desk(), shop(), handoff=HandoffPolicy(slides=policy))
    async with Process(botkit_redis_url, bot) as process:
        await process.hears(text)
        await process.advance(59)
        await process.hears("hello?")
        await process.hears("tell say hello", "staff")
        assert await paused(process)
        await process.advance(1.1)
        assert not await paused(process)


async def test_a_pause_says_more_than_the_policy(botkit_redis_url: str) -> None:
    bot = on(Desk(), shop(), handoff=HandoffPolicy(slides=False))
    async with Process(botkit_redis_url, bot) as process:
        await process.hears("human slides")
        await process.advance(59)
        await process.hears("hello?")
        await process.advance(59)
        assert await paused(process)


@pytest.mark.parametrize("seconds", [60, 30 * 86_400])
async def test_without_a_time_a_pause_lasts_as_the_bot_says(botkit_redis_url: str, seconds: float) -> None:
    router = Router()

    @router.text("human")
    async def human(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.pause()

    bot = on(Desk(), router, handoff=HandoffPolicy(seconds=seconds))
    async with Process(botkit_redis_url, bot) as process:
        await process.hears("human")
        await process.advance(seconds - 1)
        assert await paused(process)
        await process.advance(1.1)
        assert not await paused(process)


async def test_resuming_ends_it_at_once_and_is_heard_once(botkit_redis_url: str) -> None:
    desk = Desk()
    async with Process(botkit_redis_url, on(desk, shop())) as process:
        await process.hears("human")
        await process.hears("tell stop", "staff")
        await process.hears("hello")
        await process.advance(120)
        assert desk.texts == ["wait", "back False", "bot hello"]


async def test_resuming_what_is_not_paused_does_nothing(botkit_redis_url: str) -> None:
    desk = Desk()
    async with Process(botkit_redis_url, on(desk, shop())) as process:
        await process.hears("bot")
        await process.advance(1)
        assert (desk.attempts, await process.version()) == ([], 1)


async def test_a_pause_outlives_the_process(botkit_redis_url: str) -> None:
    desk = Desk()
    async with Process(botkit_redis_url, on(desk, shop())) as process, process.another() as successor:
        await process.hears("human")
        await process.engine.drain(0)
        await successor.hears("hello")
        await successor.advance(60.1)
        assert desk.texts == ["wait", "heard MessageReceived hello", "back True"]


async def test_the_bot_answers_again_even_if_no_handler_can_cope_with_the_end(botkit_redis_url: str) -> None:
    desk, router = Desk(), Router()

    @router.resumed()
    async def resumed(event: ConversationResumed, ctx: Context[Flow]) -> None:
        raise ValueError

    @router.text("human")
    async def human(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.pause(minutes=1, slides=False)

    @router.text("hello")
    async def hello(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.reply("bot hello")

    async with Process(botkit_redis_url, on(desk, router)) as process:
        await process.hears("human")
        for _ in range(5):
            await process.advance(65)
        assert not await paused(process)
        assert len(await process.dead_letters()) == 1
        await process.hears("hello")
        assert desk.texts == ["bot hello"]


# --- decisions ---


def turn(record: bytes = b"") -> tuple[Handoff, Flows]:
    flows, event = Flows(record), says("hello")
    return Handoff(HandoffPolicy(), flows, event, datetime.now(UTC)), flows


def expired(at: datetime) -> TimerFired:
    return TimerFired(id="e", at=at, conversation=where(), name=PAUSE_TIMER)


def test_a_pause_that_was_prolonged_is_not_ended_by_its_earlier_time() -> None:
    handoff, flows = turn()
    handoff.pause(60)
    assert flows.pause is not None
    later = datetime.fromtimestamp((flows.pause.until_ms + 1) / 1000, UTC)
    assert (handoff.expire(expired(later)), handoff.is_paused) == ([], True)
    handoff.expire(expired(datetime.fromtimestamp(flows.pause.until_ms / 1000, UTC)))
    assert not handoff.is_paused


def test_a_time_that_comes_after_the_end_changes_nothing() -> None:
    handoff, _ = turn()
    assert (handoff.expire(expired(datetime.now(UTC))), handoff.timer) == ([], None)


async def test_a_pause_that_follows_at_once_is_not_told_as_resumed(botkit_redis_url: str) -> None:
    desk, router = Desk(), shop()

    @router.signal("again")
    async def again(event: SignalReceived, ctx: Context[Flow]) -> None:
        ctx.resume()
        ctx.pause(minutes=1)

    async with Process(botkit_redis_url, on(desk, router)) as process:
        await process.hears("human")
        await process.hears("tell again", "staff")
        await process.advance(59)
        assert desk.texts == ["wait"]
        await process.advance(1.1)
        assert desk.texts == ["wait", "back True"]


@pytest.mark.parametrize("seconds", [60, 30 * 86_400])
def test_a_pause_lasts_at_least_a_minute_and_at_most_thirty_days(seconds: float) -> None:
    handoff, flows = turn()
    handoff.pause(seconds)
    assert flows.pause is not None
    assert flows.pause.seconds == HandoffPolicy(seconds=seconds).seconds == seconds


@pytest.mark.parametrize("seconds", [-60, 59.9, 30 * 86_400 + 0.1, float("nan")])
def test_any_other_time_is_refused(seconds: float) -> None:
    handoff, flows = turn()
    with pytest.raises(ValueError, match="a pause lasts 60 to 2592000 seconds"):
        handoff.pause(seconds)
    with pytest.raises(DefinitionError, match="a pause lasts 60 to 2592000 seconds"):
        HandoffPolicy(seconds=seconds)
    assert flows.pause is None


def test_a_menu_is_over_when_a_pause_begins_and_when_it_ends_but_not_within_it() -> None:
    handoff, flows = turn()
    menu: Menu = (Choice("A", "a"),)
    flows.menu = menu
    handoff.pause(60)
    assert not flows.menu
    flows.menu = menu
    handoff.pause(60)
    handoff.prolong()
    assert flows.menu == menu
    handoff.resume()
    assert not flows.menu
    flows.menu = menu
    handoff.resume()
    assert flows.menu == menu


def test_a_pause_is_kept_with_the_record() -> None:
    handoff, flows = turn()
    handoff.pause(60, slides=False, representative=ANA)
    again, kept = turn(flows.dump())
    assert (kept.pause, again.is_paused, again.representative) == (flows.pause, True, ANA)
    again.resume()
    assert Flows(kept.dump()).pause is None


# --- who speaks ---


def test_whoever_is_named_is_a_human() -> None:
    handoff, _ = turn()
    assert handoff.pause(60, representative=Representative("Ana")) == [Joined(representative=ANA)]
    assert handoff.representative == ANA


def test_who_is_there_already_does_not_join_again_and_another_comes_in_their_place() -> None:
    handoff, _ = turn()
    other = Representative("Bo", "human")
    assert handoff.pause(60) == []
    assert handoff.pause(60, representative=ANA) == [Joined(representative=ANA)]
    assert handoff.pause(60, representative=ANA) == handoff.pause(60) == []
    assert handoff.pause(60, representative=other) == [Left(representative=ANA), Joined(representative=other)]
    assert handoff.resume() == [Left(representative=other)]
    assert handoff.resume() == []


async def test_a_human_joins_before_they_speak_and_leaves_when_the_time_is_over(botkit_redis_url: str) -> None:
    desk, router = Desk(), Router()

    @router.text("human")
    async def human(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.reply("one moment")
        ctx.pause(minutes=1, representative=ANA)
        ctx.reply("hello")
        ctx.reply(Text(text="the bot notes", representative=Representative("Bot")))
        ctx.send(STAFF, "it is yours")

    @router.resumed()
    async def resumed(event: ConversationResumed, ctx: Context[Flow]) -> None:
        ctx.reply("back")

    async with Process(botkit_redis_url, on(desk, router)) as process:
        await process.hears("human")
        await process.advance(60.1)
        said = [sent.message for sent in desk.attempts if sent.to == "olena"]
        assert said == [
            Text(text="one moment"),
            Joined(representative=ANA),
            Text(text="hello", representative=ANA),
            Text(text="the bot notes", representative=Representative("Bot")),
            Left(representative=ANA),
            Text(text="back"),
        ]
        assert [sent.message for sent in desk.attempts if sent.to == "staff"] == [Text(text="it is yours")]


async def test_a_human_does_not_speak_before_it_is_shown_that_they_joined(botkit_redis_url: str) -> None:
    desk, router = Desk(), Router()
    desk.plan.append(NOT_SENT)

    @router.text("human")
    async def human(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.pause(representative=ANA)
        ctx.reply("hello")

    async with Process(botkit_redis_url, on(desk, router)) as process:
        await process.hears("human")
        assert (len(desk.attempts), desk.texts) == (1, [])
        await process.advance(2)
        assert desk.texts == ["Joined", "hello"]


async def test_until_somebody_is_named_the_bot_speaks(botkit_redis_url: str) -> None:
    desk = Desk()
    async with Process(botkit_redis_url, on(desk, shop())) as process:
        await process.hears("human")
        await process.hears("tell say hello", "staff")
        assert [sent.message for sent in desk.attempts] == [Text(text="wait"), Text(text="hello")]


# --- the example ---

DOCS = Path(__file__).parent.parent / "docs" / "handoff.md"


@pytest.fixture
def example(tmp_path: Path) -> Iterator[ModuleType]:
    """The bots of the page, as they stand there."""
    (code, *_) = re.findall(r"```python\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    path = tmp_path / "handoff_example.py"
    path.write_text(code, "utf-8")
    spec = spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[path.stem] = module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules[path.stem]


class Office:
    """A customer, and two colleagues who wait in their chats with the staff bot."""

    def __init__(self, tester: BotTester, customer: Visitor, ana: Visitor, bo: Visitor) -> None:
        self.tester = tester
        self.customer = customer
        self.ana = ana
        self.bo = bo

    async def ask(self) -> None:
        """The customer asks for a human."""
        await self.customer.says("hello")
        await self.customer.taps(self.customer.buttons[0])


@asynccontextmanager
async def opened(url: str, folder: Path, example: ModuleType, channel: str) -> AsyncIterator[Office]:
    async with BotTester(App(example.bots), url, folder=folder) as tester:
        ana, bo = (tester.user(name, channel="telegram", bot="staff") for name in ("Ana", "Bo"))
        for colleague in (ana, bo):
            await colleague.opens()
            example.TEAM.append(colleague.conversation)
        yield Office(tester, tester.user("Olena", channel=channel, bot="shop"), ana, bo)


every_channel = pytest.mark.parametrize("channel", ["telegram", "viber", "gbm"])


@every_channel
async def test_a_customer_is_handed_over_and_back(
    botkit_redis_url: str, tmp_path: Path, example: ModuleType, channel: str
) -> None:
    async with opened(botkit_redis_url, tmp_path, example, channel) as office:
        olena, ana = office.customer, office.ana
        await office.ask()
        assert (olena.last.text, olena.is_paused) == ("I am asking my colleagues.", True)
        await olena.says("Where is my *parcel*?")
        assert ana.last.text == office.bo.last.text == "Customer: Where is my *parcel*?"
        await ana.taps("Take")
        assert (olena.last.text, ana.state) == ("Hello, Ana here.", "busy")
        await ana.says("# At the post office")
        assert olena.last.text == "# At the post office"
        await olena.says("Thanks")
        assert (ana.last.text, office.bo.sees("Thanks")) == ("Customer: Thanks", False)
        await ana.taps("Done")
        assert (olena.last.text, olena.is_paused, ana.state) == ("The bot is back.", False, "free")
        assert ana.last.text.startswith("You are free")
        await olena.says("hello")
        assert olena.last.text == "I am a bot."


@every_channel
async def test_the_bot_comes_back_where_nobody_has_time(
    botkit_redis_url: str, tmp_path: Path, example: ModuleType, channel: str
) -> None:
    async with opened(botkit_redis_url, tmp_path, example, channel) as office:
        await office.ask()
        await office.tester.advance(minutes=14)
        assert not office.customer.sees("Nobody")
        await office.tester.advance(minutes=1.1)
        assert office.customer.sees("Nobody is free")
        assert not office.customer.is_paused
        await office.ana.taps("Take")
        assert office.ana.last.text.startswith("You are free")


async def test_of_two_colleagues_at_once_one_gets_the_customer(
    botkit_redis_url: str, tmp_path: Path, example: ModuleType
) -> None:
    async with opened(botkit_redis_url, tmp_path, example, "viber") as office:
        await office.ask()
        simulator = office.tester.simulator("telegram")
        for colleague in (office.ana, office.bo):
            await simulator.taps(colleague.account.ta, colleague.person, "Take")
        await office.tester.settle()
        assert sorted([office.ana.state, office.bo.state]) == ["busy", "free"]
        assert [text for text in office.customer.received if "here" in text] in (
            ["Hello, Ana here."],
            ["Hello, Bo here."],
        )


async def test_what_a_colleague_says_when_the_time_is_over_does_not_reach_the_customer(
    botkit_redis_url: str, tmp_path: Path, example: ModuleType
) -> None:
    async with opened(botkit_redis_url, tmp_path, example, "telegram") as office:
        await office.ask()
        await office.ana.taps("Take")
        await office.tester.advance(minutes=59)
        await office.ana.says("still here")
        await office.tester.advance(minutes=59)
        assert office.customer.is_paused
        await office.tester.advance(minutes=2)
        await office.ana.says("too late")
        assert (office.customer.sees("too late"), office.ana.state) == (False, "free")


async def test_strangers_are_not_heard_by_the_teams_bot(
    botkit_redis_url: str, tmp_path: Path, example: ModuleType
) -> None:
    async with opened(botkit_redis_url, tmp_path, example, "viber") as office:
        stranger = office.tester.user("Mallory", channel="telegram", bot="staff")
        await office.ask()
        await stranger.says("take")
        assert not stranger.received


async def test_business_messages_is_told_who_joins_before_the_first_word_and_who_leaves_at_the_end(
    botkit_redis_url: str, tmp_path: Path, example: ModuleType
) -> None:
    async with opened(botkit_redis_url, tmp_path, example, "gbm") as office:
        await office.ask()
        await office.ana.taps("Take")
        await office.ana.says("hi")
        await office.ana.taps("Done")
        human, robot = {"representativeType": "HUMAN", "displayName": "Ana"}, ("BOT", "shop-gbm")
        calls = [msgspec.json.decode(call.request) for call in office.tester.simulator("gbm").wire.calls()[1:]]
        shown = [
            (body.get("eventType") or body["text"], tuple(body["representative"].values()))
            for body in calls
            if body.get("eventType") in ("REPRESENTATIVE_JOINED", "REPRESENTATIVE_LEFT") or "text" in body
        ]
        ana = tuple(human.values())
        assert shown == [
            ("I am a bot.", robot),
            ("I am asking my colleagues.", robot),
            ("REPRESENTATIVE_JOINED", ana),
            ("Hello, Ana here.", ana),
            ("hi", ana),
            ("REPRESENTATIVE_LEFT", ana),
            ("The bot is back.", robot),
        ]


async def test_on_viber_the_humans_name_is_the_senders(
    botkit_redis_url: str, tmp_path: Path, example: ModuleType
) -> None:
    async with opened(botkit_redis_url, tmp_path, example, "viber") as office:
        await office.ask()
        await office.ana.taps("Take")
        await office.ana.taps("Done")
        sent = [msgspec.json.decode(c.request) for c in office.tester.simulator("viber").wire.calls("send_message")]
        assert [(body["text"], body["sender"]["name"]) for body in sent] == [
            ("I am a bot.", "shop-viber"),
            ("I am asking my colleagues.", "shop-viber"),
            ("Hello, Ana here.", "Ana"),
            ("The bot is back.", "shop-viber"),
        ]


async def test_telegram_shows_no_human_and_nothing_is_noted_as_lost(
    botkit_redis_url: str, tmp_path: Path, example: ModuleType
) -> None:
    async with opened(botkit_redis_url, tmp_path, example, "telegram") as office:
        with capture_logs() as logs:
            await office.ask()
            await office.ana.taps("Take")
            await office.ana.taps("Done")
        assert [entry for entry in logs if "representative" in str(entry)] == []
