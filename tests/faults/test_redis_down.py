"""Redis goes away and comes back: webhooks are told to come again, nothing is lost, and nobody has to do anything."""

import asyncio

import pytest

from tests.faults.conftest import MakeRedis
from tests.faults.redis_child import RedisChild
from tests.faults.traffic import Traffic


async def test_while_redis_is_down_webhooks_are_told_to_come_again_and_then_all_is_done(make_redis: MakeRedis) -> None:
    server = make_redis()
    async with Traffic(server.url, pause=0.01) as traffic:
        crowd = asyncio.create_task(traffic.crowd(people=10, texts=20))
        await traffic.until_shown(40)
        tasks = len(asyncio.all_tasks())
        await asyncio.to_thread(server.kill)
        during = await refused(traffic, 100)
        assert len(asyncio.all_tasks()) <= tasks + 20
        await asyncio.to_thread(server.start)
        await crowd
        await traffic.check()
        assert during == {503}
        assert traffic.statuses == {200, 503}
        assert traffic.slowest < 3


async def refused(traffic: Traffic, number: int) -> set[int]:
    """Waits for so many answers more; returns which they were but for those that were under way."""
    known = len(traffic.answers)
    async with asyncio.timeout(20):
        while len(traffic.answers) < known + number:
            await asyncio.sleep(0.01)
    return {answer.status for answer in traffic.answers[known + 20 :]}


async def test_a_handler_at_work_when_redis_goes_away_commits_when_it_is_back(make_redis: MakeRedis) -> None:
    server = make_redis()
    async with Traffic(server.url) as traffic:
        traffic.may_handle.clear()
        await traffic.crowd(people=3, texts=1)
        await asyncio.to_thread(server.kill)
        traffic.may_handle.set()
        await refused_once(traffic)
        await asyncio.to_thread(server.start)
        await traffic.check()
        assert set(traffic.begun.values()) == {1}


async def refused_once(traffic: Traffic) -> None:
    assert await traffic.post("nobody", "hello") == 503


@pytest.mark.parametrize("times", [4])
async def test_a_server_that_is_killed_under_load_again_and_again_loses_doubles_and_reorders_nothing(
    make_redis: MakeRedis, times: int
) -> None:
    server = make_redis()
    async with Traffic(server.url, lease=2, pause=0.01) as traffic:
        crowd = asyncio.create_task(traffic.crowd(people=20, texts=25))
        for number in range(1, times + 1):
            await traffic.until_shown(80 * number)
            await asyncio.to_thread(server.restart)
        await crowd
        await traffic.check(repeats=20 * times)


async def test_scripts_are_loaded_again_when_the_server_has_forgotten_them(make_redis: MakeRedis) -> None:
    server = make_redis()
    async with Traffic(server.url) as traffic:
        await traffic.crowd(people=2, texts=2)
        await asyncio.to_thread(forget_scripts, server)
        await traffic.crowd(people=2, texts=2, named="q")
        await traffic.check()
        assert traffic.statuses == {200}


def forget_scripts(server: RedisChild) -> None:
    server.ask("SCRIPT", "FLUSH")
