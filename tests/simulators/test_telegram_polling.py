"""Updates of the simulated Telegram by polling: what is confirmed, who waits, and who is refused."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.simulators.telegram_desk import ANA, URL, Bot, StoppedClock, refused

BESIDE = "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"


@pytest.fixture
async def bot() -> AsyncIterator[Bot]:
    """A bot without a webhook, to which Ana has said three things."""
    bot = Bot(StoppedClock())
    for text in ("one", "two", "three"):
        await bot.simulator.says("demo", ANA, text)
    yield bot
    await bot.close()


async def texts(bot: Bot, **parameters: Any) -> list[str]:
    return [update["message"]["text"] for update in await bot.result("getUpdates", **parameters)]


async def waiting(bot: Bot) -> asyncio.Task[httpx.Response]:
    """Starts a call that finds nothing and waits."""
    [*_, last] = await bot.result("getUpdates")
    call = asyncio.create_task(bot.call("getUpdates", offset=last["update_id"] + 1, timeout=50))
    for _ in range(20):
        await asyncio.sleep(0)
    assert not call.done()
    return call


async def test_updates_come_again_until_an_offset_confirms_them(bot: Bot) -> None:
    assert await texts(bot) == await texts(bot) == ["one", "two", "three"]
    first = (await bot.result("getUpdates"))[0]["update_id"]
    assert await texts(bot, offset=first) == ["one", "two", "three"]
    assert await texts(bot, offset=first + 1) == ["two", "three"]
    assert await texts(bot) == ["two", "three"]


async def test_a_negative_offset_keeps_the_tail(bot: Bot) -> None:
    assert await texts(bot, offset=-2) == ["two", "three"]
    assert await texts(bot) == ["two", "three"]


@pytest.mark.parametrize(("limit", "count"), [(-1, 1), (1, 1), (2, 2), (3, 3), (101, 3)])
async def test_a_limit_is_kept_between_1_and_100(bot: Bot, limit: int, count: int) -> None:
    assert len(await texts(bot, limit=limit)) == count


async def test_old_updates_are_gone(bot: Bot) -> None:
    bot.clock.advance(hours=24)
    assert await texts(bot) == []


async def test_the_kinds_are_chosen_for_updates_to_come(bot: Bot) -> None:
    await texts(bot, allowed_updates=["poll"])
    await bot.simulator.says("demo", ANA, "four")
    assert await texts(bot) == ["one", "two", "three"]


async def test_there_is_no_polling_beside_a_webhook(bot: Bot) -> None:
    await bot.set_webhook()
    assert refused(await bot.call("getUpdates")) == (409, BESIDE)
    bot.clock.advance(seconds=1)
    await bot.call("deleteWebhook")
    assert (await bot.call("getUpdates")).status_code == 200


async def test_a_waiting_call_gets_the_next_update(bot: Bot) -> None:
    call = await waiting(bot)
    await bot.simulator.says("demo", ANA, "four")
    assert [update["message"]["text"] for update in (await call).json()["result"]] == ["four"]


async def test_a_second_call_ends_the_first(bot: Bot) -> None:
    call = await waiting(bot)
    await bot.result("getUpdates")
    text = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
    assert refused(await call) == (409, text)


async def test_a_webhook_ends_a_waiting_call(bot: Bot) -> None:
    call = await waiting(bot)
    await bot.call("setWebhook", url=URL)
    assert refused(await call) == (409, "Conflict: terminated by setWebhook request")


async def test_a_caller_who_goes_away_leaves_nothing_behind(bot: Bot) -> None:
    call = await waiting(bot)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await bot.simulator.says("demo", ANA, "four")
    assert await texts(bot) == ["four"]
