"""The power of Redis' machine is cut: with every write synced, nothing that was acknowledged is lost."""

import asyncio

import pytest

from tests.faults.conftest import MakeRedis
from tests.faults.redis_child import RedisChild
from tests.faults.traffic import Traffic


async def cut_under_load(traffic: Traffic, server: RedisChild, *, times: int) -> None:
    """Lets a crowd write while the power is cut again and again."""
    crowd = asyncio.create_task(traffic.crowd(people=20, texts=5 + 5 * times))
    for number in range(1, times + 1):
        await traffic.until_shown(80 * number)
        await asyncio.to_thread(server.cut_power)
        await asyncio.to_thread(server.start)
    await crowd


async def test_a_server_that_syncs_every_write_loses_nothing_in_a_power_cut(
    make_redis: MakeRedis, pytestconfig: pytest.Config
) -> None:
    server, times = make_redis(fsync="always", power_cut=True), 50 if pytestconfig.getoption("--long") else 3
    async with Traffic(server.url, lease=2, pause=0.01) as traffic:
        await cut_under_load(traffic, server, times=times)
        assert await traffic.mistakes(repeats=20 * times) == []


async def test_a_server_that_syncs_once_a_second_does_lose_in_the_same_power_cut(make_redis: MakeRedis) -> None:
    lost = 0
    for _ in range(5):
        # What was written right before the cut may just have been synced; not five times.
        server = make_redis(fsync="everysec", power_cut=True)
        async with Traffic(server.url, lease=2, pause=0.01) as traffic:
            await traffic.crowd(people=20, texts=5)
            await traffic.until_shown(100)
            await asyncio.to_thread(server.cut_power)
            await asyncio.to_thread(server.start)
            lost += await traffic.count_lost()
        if lost:
            break
    assert lost > 0
