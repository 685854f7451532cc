"""How much the simulated Telegram lets a bot send: to one chat, to one group, and in all."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from botkit.simulators.simulator import Person
from botkit.simulators.telegram import Group
from tests.simulators.telegram_desk import ANA, Bot, opened_bot

FRIENDS = Group("Friends")


@pytest.fixture
async def bot() -> AsyncIterator[Bot]:
    async with opened_bot() as bot:
        bot.simulator.limits_on = True
        yield bot


async def statuses(bot: Bot, count: int, **parameters: Any) -> list[int]:
    return [(await bot.send(**parameters)).status_code for _ in range(count)]


async def test_five_messages_to_a_chat_pass_at_once_and_then_one_a_second(bot: Bot) -> None:
    assert await statuses(bot, 6) == [200] * 5 + [429]
    response = await bot.send()
    assert response.json() == {
        "ok": False,
        "error_code": 429,
        "description": "Too Many Requests: retry after 1",
        "parameters": {"retry_after": 1},
    }
    assert response.headers["retry-after"] == "1"
    bot.clock.advance(seconds=0.5)
    assert await statuses(bot, 1) == [429]
    bot.clock.advance(seconds=0.5)
    assert await statuses(bot, 2) == [200, 429]
    bot.clock.advance(seconds=100)
    assert await statuses(bot, 6) == [200] * 5 + [429]


async def test_a_group_gets_twenty_messages_within_a_minute(bot: Bot) -> None:
    await bot.simulator.adds_bot("demo", ANA, FRIENDS)
    for _ in range(20):
        assert (await bot.call("sendMessage", chat_id=FRIENDS.id, text="x")).status_code == 200
        bot.clock.advance(seconds=1)
    response = await bot.call("sendMessage", chat_id=FRIENDS.id, text="x")
    assert response.json()["parameters"] == {"retry_after": 40}
    bot.clock.advance(seconds=39)
    assert (await bot.call("sendMessage", chat_id=FRIENDS.id, text="x")).status_code == 429
    bot.clock.advance(seconds=1)
    assert (await bot.call("sendMessage", chat_id=FRIENDS.id, text="x")).status_code == 200


async def test_a_bot_sends_thirty_messages_within_a_second(bot: Bot) -> None:
    people = [Person(f"P{number}") for number in range(7)]
    for person in people:
        await bot.simulator.says("demo", person, "hi")
    chats = [bot.chat_id(person) for person in people] * 5
    sent = [(await bot.call("sendMessage", chat_id=chat, text="x")).status_code for chat in chats[:31]]
    assert sent == [200] * 30 + [429]
    paid = await bot.call("sendMessage", chat_id=chats[30], text="x", allow_paid_broadcast=True)
    assert paid.status_code == 200
    bot.clock.advance(seconds=1)
    assert (await bot.call("sendMessage", chat_id=chats[31], text="x")).status_code == 200


async def test_edits_and_deletions_count_too(bot: Bot) -> None:
    number = (await bot.result("sendMessage", text="x"))["message_id"]
    for text in "abcd":
        await bot.result("editMessageText", message_id=number, text=text)
    assert await bot.refusal("deleteMessage", message_id=number) == "Too Many Requests: retry after 1"
    assert await bot.refusal("editMessageText", message_id=number, text="e") == "Too Many Requests: retry after 1"


async def test_answers_questions_and_chat_actions_do_not_count(bot: Bot) -> None:
    await statuses(bot, 5, reply_markup={"inline_keyboard": [[{"text": "Yes", "callback_data": "y"}]]})
    await bot.simulator.taps("demo", ANA, "Yes")
    for _ in range(40):
        await bot.result("answerCallbackQuery", callback_query_id=bot.simulator.bot("demo").last_query_id)
        await bot.result("sendChatAction", action="typing")
        await bot.result("getMe")
    for method in ("answerCallbackQuery", "sendChatAction", "getMe"):
        assert [call.status for call in bot.simulator.wire.calls(method)] == [200] * 40


async def test_a_refused_message_does_not_count(bot: Bot) -> None:
    for _ in range(10):
        await bot.refusal("sendMessage", text="")
    assert await statuses(bot, 6) == [200] * 5 + [429]


async def test_the_limits_can_be_switched_off(bot: Bot) -> None:
    bot.simulator.limits_on = False
    assert set(await statuses(bot, 50)) == {200}
