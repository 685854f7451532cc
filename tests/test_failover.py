"""What another conversation sends instead, and how it is answered there."""

from typing import Any

from botkit.buttons import Button, rows
from botkit.capabilities import Bound, Capabilities
from botkit.context import Context
from botkit.conversation import Conversation
from botkit.events import ButtonPressed, MessageReceived
from botkit.failover import redirected
from botkit.flow import Flow
from botkit.messages import Text
from botkit.outgoing import Outgoing
from botkit.redis.audit import audit
from botkit.router import Router
from botkit.session_rules import SessionRules
from tests.desk import Desk, Process, bot, presses, says, where

KEY = "k" * 24


class Plain(Desk):
    """Shows plain text of at most forty characters."""

    capabilities = Capabilities(text=Bound(40))


class Narrow(Desk):
    """Has buttons of short values."""

    capabilities = Capabilities(buttons=frozenset({Button}), max_value=24)


def over(message: Text) -> Any:
    desk = Plain(ta="other")
    outgoing = Outgoing(KEY, ("desk", "desk"), "olena", message, 7)
    return redirected(outgoing, Conversation(desk.account, "ana"), desk)


def test_a_message_that_fails_over_is_what_the_other_service_can_show() -> None:
    (part,) = over(Text(text="**When?**", buttons=rows([Button("Today", "d:1"), Button("Friday", "d:5")]))).parts
    assert part.message.text == "When?\n\n1. Today\n2. Friday"
    assert [choice.value for choice in part.menu] == ["d:1", "d:5"]
    assert (part.account, part.to, part.created_ms) == (("desk", "other"), "ana", 7)


def test_of_several_parts_the_last_has_the_key_and_the_menu() -> None:
    parts = over(Text(text="One sentence is here. " * 3, buttons=rows([Button("Yes", "y")]))).parts
    assert len(parts) > 1
    assert [bool(part.menu) for part in parts] == [False] * (len(parts) - 1) + [True]
    assert parts[-1].key == KEY
    assert {len(part.key) for part in parts} == {24}
    assert len({part.key for part in parts}) == len(parts)
    assert all(part.has_failed_over for part in parts)


def test_what_a_message_answers_stays_where_it_is() -> None:
    (part,) = over(Text(text="hi", reply_to="4")).parts
    assert part.message.reply_to == ""


async def test_a_button_that_failed_over_means_there_what_it_meant_however_long_that_is(botkit_redis_url: str) -> None:
    desk, other = Desk(sessions=SessionRules(max_in_row=1, at_limit="failover")), Narrow(ta="other")
    pressed: list[str] = []
    router = Router()

    @router.text("^ask$")
    async def ask(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.fail_over_to(where("ana", ta="other"))
        ctx.reply("Your parcel is here.")
        ctx.reply("When?", buttons=[Button("Friday", f"day:{'5' * 30}")])

    @router.button("day:{day}")
    async def day(event: ButtonPressed, ctx: Context[Flow]) -> None:
        pressed.append(event.value)

    async with Process(botkit_redis_url, bot(router, desk, other)) as process:
        await process.hears("ask")
        (sent,) = other.attempts
        assert isinstance(sent.message, Text)
        ((button,),) = sent.message.buttons
        assert isinstance(button, Button)
        assert len(button.value) == 24
        await process.takes(presses(button.value, "ana", ta="other"))
        await process.engine.settle()
        assert pressed == [f"day:{'5' * 30}"]


async def test_a_choice_that_failed_over_is_pressed_by_typing_its_number_there(botkit_redis_url: str) -> None:
    desk, other = Desk(sessions=SessionRules(max_in_row=1, at_limit="failover")), Plain(ta="other")
    pressed: list[tuple[str, str]] = []
    router = Router()

    @router.text("^ask$")
    async def ask(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.fail_over_to(where("ana", ta="other"))
        ctx.reply("Your parcel is here.")
        ctx.reply(
            "When should it come to you? We are here daily.", buttons=[Button("Today", "1"), Button("Friday", "5")]
        )

    @router.button("{day}")
    async def day(event: ButtonPressed, ctx: Context[Flow]) -> None:
        pressed.append((event.account.ta, event.value))

    async with Process(botkit_redis_url, bot(router, desk, other)) as process:
        await process.hears("ask")
        assert desk.texts == ["Your parcel is here."]
        assert other.texts == ["When should it come to you?", "We are here daily.\n\n1. Today\n2. Friday"]
        await process.takes(says("2", "ana", ta="other"))
        await process.engine.settle()
        assert pressed == [("other", "5")]
        assert await audit(process.store) == []
