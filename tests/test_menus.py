"""Menus and tokens through the whole engine: what was typed is what was pressed."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from botkit.bot import Bot
from botkit.buttons import AskAgent, AskContact, AskLocation, Button, rows
from botkit.capabilities import EVERYTHING, Capabilities
from botkit.channels.gbm import BusinessMessages
from botkit.channels.telegram import Telegram
from botkit.channels.viber import Viber
from botkit.context import Context
from botkit.dispatcher import HandlerPolicy
from botkit.events import AgentRequested, ButtonPressed, Event, Media, MessageReceived
from botkit.flow import Flow
from botkit.menu import token_of
from botkit.messages import Location, Text
from botkit.router import Router
from botkit.testing import BotTester
from tests.desk import Desk, Process, bot, presses, says, where

LONG = "delivery:" + "x" * 3000


class Counter(Desk):
    """A desk without buttons: choices are numbered, values of more than 64 characters are kept."""

    capabilities = Capabilities(max_value=64)


def shop() -> Router[Flow]:
    """Answers words with menus, and presses and other texts with what they are."""
    router = Router(Flow)

    @router.text("when")
    async def when(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.reply("When?", buttons=[Button("Today", "day:today"), Button("On Friday", LONG)])

    @router.text("both")
    async def both(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.reply("Size?", buttons=[Button("Small", "s"), Button("Large", "l")])
        ctx.reply("Colour?", buttons=[Button("Red", "r"), Button("Blue", "b")])

    @router.text("quiet")
    async def quiet(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.typing()

    @router.text("agent")
    async def agent(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.reply("Shall we talk?", buttons=[AskAgent("Talk to Ana"), Button("No", "no")])

    @router.on(AgentRequested)
    async def asked(event: AgentRequested, ctx: Context[Flow]) -> None:
        ctx.reply("Ana is coming")

    @router.on(ButtonPressed)
    async def pressed(event: ButtonPressed, ctx: Context[Flow]) -> None:
        ctx.reply(f"pressed {event.value[:9]} {len(event.value)} {event.label}")

    @router.on(MessageReceived)
    async def other(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.reply(f"heard {event.text}")

    return router


@pytest.fixture
async def counter(botkit_redis_url: str) -> AsyncIterator[tuple[Process, Counter]]:
    desk = Counter()
    async with Process(botkit_redis_url, bot(shop(), desk)) as process:
        yield process, desk


Line = tuple[Process, Counter]


# --- answered


@pytest.mark.parametrize(
    ("typed", "pressed"),
    [
        ("1", "pressed day:today 9 Today"),
        (" 2. ", "pressed delivery: 3009 On Friday"),
        ("2)", "pressed delivery: 3009 On Friday"),
        ("on friday", "pressed delivery: 3009 On Friday"),
        (" TODAY ", "pressed day:today 9 Today"),
        ("3", "heard 3"),
        ("0", "heard 0"),
        ("Friday", "heard Friday"),
    ],
)
async def test_a_menu_is_answered_by_number_and_by_label(counter: Line, typed: str, pressed: str) -> None:
    process, desk = counter
    await process.hears("when")
    assert desk.texts == ["When?\n\n1. Today\n2. On Friday"]
    await process.hears(typed)
    assert desk.texts[-1] == pressed


@pytest.mark.parametrize("more", [{"edited": True}, {"media": Media("image", file_id="7")}], ids=["edited", "caption"])
async def test_what_is_not_a_new_text_is_no_answer(counter: Line, more: dict[str, Any]) -> None:
    process, desk = counter
    await process.hears("when")
    await process.takes(replace(says("1"), **more))
    await process.engine.settle()
    assert desk.texts[-1] == "heard 1"


async def test_a_turn_that_says_something_else_ends_the_menu(counter: Line) -> None:
    process, desk = counter
    await process.hears("when")
    await process.hears("hello")
    await process.hears("1")
    assert desk.texts[-1] == "heard 1"


async def test_a_turn_that_says_nothing_keeps_the_menu(counter: Line) -> None:
    process, desk = counter
    await process.hears("when")
    await process.hears("quiet")
    await process.hears("1")
    assert desk.texts[-1] == "pressed day:today 9 Today"


async def test_two_menus_in_one_turn_go_on_numbering(counter: Line) -> None:
    process, desk = counter
    await process.hears("both")
    assert desk.texts == ["Size?\n\n1. Small\n2. Large", "Colour?\n\n3. Red\n4. Blue"]
    await process.hears("4")
    assert desk.texts[-1] == "pressed b 1 Blue"


async def test_menus_belong_to_their_conversation(counter: Line) -> None:
    process, desk = counter
    await process.hears("when")
    await process.hears("1", "taras")
    assert desk.texts[-1] == "heard 1"


async def test_a_menu_is_there_for_another_process(counter: Line) -> None:
    process, desk = counter
    await process.hears("when")
    async with process.another() as second:
        await second.hears("1")
    assert desk.texts[-1] == "pressed day:today 9 Today"


async def test_a_handler_that_fails_leaves_the_menu_of_the_turn_before(botkit_redis_url: str) -> None:
    desk, router = Counter(), Router(Flow)

    @router.text("boom")
    async def boom(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.reply("Other?", buttons=[Button("Other", "other")])
        raise RuntimeError

    router.include(shop())
    async with Process(botkit_redis_url, bot(router, desk), handler=HandlerPolicy(delays=())) as process:
        await process.hears("when")
        await process.hears("boom")
        await process.hears("1")
        assert desk.texts[-1] == "pressed day:today 9 Today"


async def test_who_asks_for_a_person_by_number_has_asked_for_one(counter: Line) -> None:
    process, desk = counter
    await process.hears("agent")
    assert desk.texts[-1] == "Shall we talk?\n\n1. Talk to Ana\n2. No"
    await process.hears("1")
    assert desk.texts[-1] == "Ana is coming"


# --- in another conversation


async def test_what_is_sent_elsewhere_offers_its_menu_there(botkit_redis_url: str) -> None:
    desk, router = Counter(), Router(Flow)

    @router.text("tell")
    async def tell(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.send(where("taras"), "Size?", buttons=[Button("Small", "s"), Button("Large", LONG)])
        ctx.send(where("taras"), "Colour?", buttons=[Button("Red", "r"), Button("Blue", "b")])
        ctx.send(where("taras"), "Thank you")

    router.include(shop())
    async with Process(botkit_redis_url, bot(router, desk)) as process:
        await process.hears("tell")
        assert desk.texts == ["Size?\n\n1. Small\n2. Large", "Colour?\n\n3. Red\n4. Blue", "Thank you"]
        await process.hears("1")
        assert desk.texts[-1] == "heard 1", "the menu is not where it was sent from"
        for typed, pressed in (("2", "pressed delivery: 3009 Large"), ("x", "heard x"), ("2", "heard 2")):
            await process.hears(typed, "taras")
            assert desk.texts[-1] == pressed
        await process.hears("tell")
        await process.hears("4", "taras")
        assert desk.texts[-1] == "pressed b 1 Blue"


async def test_nobody_hears_of_a_menu_that_was_offered(botkit_redis_url: str) -> None:
    desk, router = Counter(), Router(Flow)
    heard: list[str] = []

    @router.text("tell")
    async def tell(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.send(where("taras"), "Size?", buttons=[Button("Small", "s")])

    @router.on(Event)
    async def everything(event: Event, ctx: Context[Flow]) -> None:
        heard.append(type(event).__name__)

    async with Process(botkit_redis_url, bot(router, desk)) as process:
        await process.hears("tell")
        assert heard == []
        assert await process.version("taras") == 1


async def test_numbers_that_stand_in_a_text_can_be_typed_though_there_are_buttons_too(botkit_redis_url: str) -> None:
    class Narrow(Desk):
        capabilities = replace(EVERYTHING, with_buttons=frozenset({Text}))

    desk, router = Narrow(), Router(Flow)

    @router.text("show")
    async def show(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.reply(Location(latitude=1, longitude=2, buttons=rows([Button("Go", "go"), Button("Stay", "stay")])))

    router.include(shop())
    async with Process(botkit_redis_url, bot(router, desk)) as process:
        await process.hears("show")
        assert desk.texts == ["Location", "1. Go\n2. Stay"]
        await process.hears("2")
        assert desk.texts[-1] == "pressed stay 4 Stay"


# --- tokens


async def test_a_token_that_is_pressed_is_its_value(counter: Line) -> None:
    process, desk = counter
    await process.hears("when")
    await process.takes(presses(token_of(LONG)))
    await process.engine.settle()
    assert desk.texts[-1].startswith("pressed delivery: 3009")


async def test_a_token_whose_value_is_gone_arrives_as_it_is(counter: Line) -> None:
    process, desk = counter
    await process.takes(presses(token_of("never said")))
    await process.engine.settle()
    assert desk.texts[-1].startswith("pressed ~v")


# --- on the services


def account_of(channel: str) -> Any:
    return {"telegram": Telegram, "viber": Viber, "gbm": BusinessMessages}[channel](ta="demo")


@pytest.fixture
async def tester(botkit_redis_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[BotTester]:
    shopping = Bot("shop", routers=[shop()], accounts=[account_of(request.param)])
    async with BotTester([shopping], botkit_redis_url, folder=tmp_path) as tester:
        yield tester


on_each_service = pytest.mark.parametrize("tester", ["telegram", "viber", "gbm"], indirect=True)


def ana_of(tester: BotTester) -> Any:
    (channel,) = tester.service.simulators
    return tester.user("Ana", channel=channel)


@on_each_service
async def test_a_long_value_comes_back_whole_from_a_button(tester: BotTester) -> None:
    ana = ana_of(tester)
    await ana.opens()
    await ana.says("when")
    await ana.taps("On Friday")
    assert ana.last.text == "pressed delivery: 3009 On Friday"


@on_each_service
async def test_whoever_presses_the_button_for_a_person_has_asked_for_one(tester: BotTester) -> None:
    ana = ana_of(tester)
    await ana.opens()
    await ana.says("agent")
    label = next(label for label in ana.buttons if label != "No")
    await ana.taps(label)
    assert ana.last.text == "Ana is coming"


@pytest.mark.parametrize("tester", ["viber", "gbm"], indirect=True)
async def test_where_a_label_can_be_typed_it_is_pressed(tester: BotTester) -> None:
    ana = ana_of(tester)
    await ana.opens()
    await ana.says("when")
    await ana.says("on friday" if "gbm" in tester.service.simulators else "On Friday")
    assert ana.last.text == "pressed delivery: 3009 On Friday"


async def test_a_key_of_telegrams_own_keyboard_types_its_label_and_is_pressed(
    botkit_redis_url: str, tmp_path: Path
) -> None:
    router = Router(Flow)

    @router.text("where")
    async def where_(event: MessageReceived, ctx: Context[Flow]) -> None:
        keys = rows([AskLocation("My place"), AskContact("My number"), [Button("Later", LONG), AskAgent("A person")]])
        ctx.reply(Text(text="Where?", buttons=keys))

    router.include(shop())
    demo = Bot("shop", routers=[router], accounts=[Telegram(ta="demo")])
    async with BotTester([demo], botkit_redis_url, folder=tmp_path) as tester:
        ana = tester.user("Ana", channel="telegram")
        await ana.opens()
        for typed, answer in (("Later", "pressed delivery: 3009 Later"), ("A person", "Ana is coming")):
            await ana.says("where")
            await ana.says(typed)
            assert ana.last.text == answer
