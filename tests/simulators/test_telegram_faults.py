"""What may go wrong at the simulated Telegram, as a caller sees it."""

from collections.abc import AsyncIterator

import pytest

from botkit.simulators.telegram_faults import (
    BAD_GATEWAY,
    DROPPED,
    DROPPED_AFTERWARDS,
    RESTART,
    RESTART_AFTERWARDS,
    flood,
    slow,
)
from botkit.simulators.wire import ConnectionDroppedError, Fault
from tests.simulators.telegram_desk import Bot, opened_bot, refused


@pytest.fixture
async def bot() -> AsyncIterator[Bot]:
    async with opened_bot() as bot:
        yield bot


@pytest.mark.parametrize(("fault", "texts"), [(RESTART, []), (RESTART_AFTERWARDS, ["x"]), (slow(0), ["x"])])
async def test_a_restart_may_have_done_the_work(bot: Bot, fault: Fault, texts: list[str]) -> None:
    bot.simulator.wire.faults.append(fault)
    assert refused(await bot.send("x")) == (500, "Internal Server Error: restart")
    assert bot.texts() == ["/start", *texts]


@pytest.mark.parametrize(("fault", "texts"), [(DROPPED, []), (DROPPED_AFTERWARDS, ["x"])])
async def test_a_dropped_connection_may_have_done_the_work(bot: Bot, fault: Fault, texts: list[str]) -> None:
    bot.simulator.wire.faults.append(fault)
    with pytest.raises(ConnectionDroppedError):
        await bot.send("x")
    assert bot.texts() == ["/start", *texts]


async def test_a_proxy_answers_in_html(bot: Bot) -> None:
    bot.simulator.wire.faults.append(BAD_GATEWAY)
    response = await bot.send("x")
    assert (response.status_code, response.headers["content-type"]) == (502, "text/html")
    assert response.text.startswith("<html>")


async def test_a_flood_tells_when_to_come_again(bot: Bot) -> None:
    bot.simulator.wire.faults.append(flood(7))
    response = await bot.send("x")
    assert refused(response) == (429, "Too Many Requests: retry after 7")
    assert (response.headers["retry-after"], response.json()["parameters"]) == ("7", {"retry_after": 7})
    assert (await bot.send("x")).status_code == 200
