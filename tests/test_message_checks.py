"""What the start tells of messages that a service shows otherwise than written."""

from types import FunctionType
from typing import Any

from botkit.bot import Bot
from botkit.buttons import AskLocation, Button
from botkit.capabilities import Capabilities, Support
from botkit.channels.gbm import BusinessMessages
from botkit.channels.telegram import Telegram
from botkit.context import Context
from botkit.events import MessageReceived
from botkit.flow import Flow
from botkit.languages import _
from botkit.message_checks import degradations, said_by
from botkit.messages import Card, Carousel, Sticker, Text, Typing
from botkit.router import Router

LABEL = "computed"


def said(handler: Any) -> list[Any]:
    assert isinstance(handler, FunctionType)
    return [found.message for found in said_by(handler)]


def lines(handler: Any, *accounts: Any) -> list[str]:
    router = Router()
    router.text()(handler)
    bot = Bot("shop", routers=[router], accounts=accounts or [Telegram(), BusinessMessages()])
    return [line.partition("  ")[2] for line in degradations(bot)]


def test_what_is_written_out_is_read() -> None:
    async def handler(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.reply("Hello", buttons=[Button("A", "a")], silent=True)
        ctx.reply(f"Hello {event.text}, {LABEL}")
        ctx.send(ctx.conversation, Card(title="Shirt", buttons=[Button("Buy", "b")]))  # type: ignore[arg-type]
        ctx.reply(Typing())

    assert said(handler) == [
        Text(text="Hello", buttons=((Button("A", "a"),),), silent=True),
        Text(text="Hello x, x"),
        Card(title="Shirt", buttons=((Button("Buy", "b"),),)),
        Typing(),
    ]


def test_what_is_computed_is_left_to_the_moment_it_is_said() -> None:
    async def handler(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.reply(LABEL)
        ctx.reply("x", buttons=[Button(name, name) for name in "abc"])
        ctx.reply(Text(text="x"))

    assert said(handler) == [Text(text="x")]


def test_each_loss_is_told_with_its_line_and_service() -> None:
    async def handler(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.reply("Where?", buttons=[AskLocation("Send it"), Button("A label of more than 25 chars", "v")], silent=True)

    assert lines(handler) == [
        "Text on gbm: no silent",
        "Text on gbm: AskLocation as words",
        "Text on gbm: Button with a label cut short",
    ]


def test_a_line_names_file_and_number() -> None:
    async def handler(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.reply(Carousel(cards=(Card(title="A"), Card(title="B"))))

    router = Router()
    router.text()(handler)
    line, *_ = degradations(Bot("shop", routers=[router], accounts=[Telegram()]))
    number = handler.__code__.co_firstlineno + 1
    assert line == f"tests/test_message_checks.py:{number}  Carousel on telegram: Carousel in parts"


def test_what_a_service_can_never_be_sent_is_told_as_well() -> None:
    async def handler(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.reply(Sticker(id="40133"))

    assert lines(handler, BusinessMessages()) == [
        "Sticker cannot be sent on gbm: this service has no Sticker, and there is nothing to say instead"
    ]


def test_a_service_that_shows_all_of_it_has_nothing_told() -> None:
    async def handler(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.reply("Hello", buttons=[Button("A", "a")])

    assert lines(handler) == []


def test_capabilities_say_how_a_kind_is_taken_where_nothing_is_declared() -> None:
    can = Capabilities()
    assert can.support(Carousel) is Support.PARTS
    assert can.support(Typing) is Support.NOTHING
    assert can.support(Card) is Support.WORDS


def test_what_cannot_be_built_is_left_to_the_moment_it_is_said() -> None:
    async def handler(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.reply("One to five?", buttons=[Button(5, "five")])  # type: ignore[arg-type]
        ctx.reply(Text(text=None))  # type: ignore[arg-type]
        ctx.reply(_(), silent=True)  # type: ignore[call-arg]

    assert said(handler) == []
