"""How updates of the simulated Telegram travel: beside each other, held back, overtaking; and calls in answers."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.responses import Response

from botkit.simulators.simulator import Person
from botkit.simulators.telegram import TelegramSimulator
from tests.simulators.telegram_desk import ANA, URL, Bot, opened_bot

KEYBOARD = {"inline_keyboard": [[{"text": "Yes", "callback_data": "y"}]]}


@pytest.fixture
async def bot() -> AsyncIterator[Bot]:
    async with opened_bot() as bot:
        yield bot


def kinds(bot: Bot) -> list[str]:
    return [list(update)[1] for update in bot.updates]


@pytest.mark.parametrize(
    ("is_swapped", "order"), [(False, ["message", "callback_query"]), (True, ["callback_query", "message"])]
)
async def test_a_pressed_button_may_overtake_a_message(bot: Bot, is_swapped: bool, order: list[str]) -> None:
    await bot.send("Pick", reply_markup=KEYBOARD)
    with bot.simulator.holding():
        await bot.simulator.says("demo", ANA, "one")
        await bot.simulator.taps("demo", ANA, "Yes")
    assert kinds(bot) == []
    assert await bot.simulator.release("demo", is_swapped=is_swapped) == 2
    assert kinds(bot) == order


async def test_messages_of_a_chat_never_overtake_each_other(bot: Bot) -> None:
    with bot.simulator.holding():
        for text in ("one", "two"):
            await bot.simulator.says("demo", ANA, text)
    await bot.simulator.release("demo", is_swapped=True)
    assert [message["text"] for message in bot.told("message")] == ["one", "two"]


@pytest.mark.parametrize("most", [1, 3])
async def test_queues_go_beside_each_other_up_to_max_connections(bot: Bot, most: int) -> None:
    under_way = highest = 0

    async def receive(scope: Any, receive: Any, send: Any) -> None:
        nonlocal under_way, highest
        under_way += 1
        highest = max(highest, under_way)
        for _ in range(5):
            await asyncio.sleep(0)
        under_way -= 1
        await Response()(scope, receive, send)

    simulator = TelegramSimulator(bot.clock, httpx.ASGITransport(receive))
    simulator.add_account(bot.adapter)
    simulator.bot("demo").webhook.url = URL
    simulator.bot("demo").webhook.max_connections = most
    with simulator.holding():
        for number in range(5):
            await simulator.says("demo", Person(f"P{number}"), "hi")
    assert await simulator.redeliver() == 5
    assert highest == most
    await simulator.close()


async def test_update_ids_may_go_on_from_another_number(bot: Bot) -> None:
    await bot.simulator.says("demo", ANA, "one")
    bot.simulator.renumber_updates("demo", 7)
    await bot.simulator.says("demo", ANA, "two")
    assert bot.updates[-1]["update_id"] == 7 < bot.updates[0]["update_id"]


async def test_the_call_in_an_answer_may_be_multipart_with_a_file(bot: Bot) -> None:
    parts = {"method": "sendDocument", "chat_id": str(bot.chat_id())}
    form = httpx.Request("POST", URL, data=parts, files={"document": ("a.pdf", b"123")})
    bot.answers = [Response(form.read(), media_type=form.headers["content-type"])]
    await bot.simulator.says("demo", ANA, "Hello")
    assert bot.simulator.screen("demo", ANA)[-1].source == "a.pdf"


@pytest.mark.parametrize("method", ["close", "logOut", "getChat", "DELETEWEBHOOK"])
async def test_some_calls_in_an_answer_are_not_even_tried(bot: Bot, method: str) -> None:
    bot.clock.advance(seconds=1)
    bot.answers = [Response(f"method={method}", media_type="application/x-www-form-urlencoded")]
    await bot.simulator.says("demo", ANA, "Hello")
    assert bot.simulator.wire.calls(method) == []
    assert bot.simulator.bot("demo").webhook.url == URL


async def test_a_body_that_is_no_call_does_nothing(bot: Bot) -> None:
    bot.answers = [Response(b"\xff", media_type="application/json"), Response("{}", media_type="application/json")]
    for text in ("one", "two"):
        await bot.simulator.says("demo", ANA, text)
    assert bot.texts() == ["/start", "one", "two"]
