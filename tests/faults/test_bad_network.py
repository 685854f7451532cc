"""The way to Redis is bad: replies are lost, requests arrive in part, connections break. Nothing is lost or doubled."""

import asyncio
from itertools import count

import pytest

from tests.faults.chaos_proxy import ChaosProxy, Cut
from tests.faults.conftest import MakeRedis
from tests.faults.traffic import Traffic

#: Nobody waits for its end in these tests: whoever does, fails.
LEASE = 300


@pytest.mark.parametrize("cut", ["before", "half", "reply"])
async def test_a_connection_that_breaks_at_any_command_costs_nobody_a_lease(make_redis: MakeRedis, cut: Cut) -> None:
    server = make_redis(fsync="everysec")
    for number in count(1):
        async with ChaosProxy(server.url) as proxy:
            traffic = Traffic(proxy.url, lease=LEASE, partitions=1)
            await traffic.process.store.ping()
            proxy.cut_command(number, cut)
            await traffic.write("olena", ["one", "two"])
            await traffic.process.engine.settle()
            proxy.spare()
            assert await traffic.mistakes(seconds=10) == []
            await traffic.close()
        assert traffic.statuses == {200}
        if not proxy.cuts:
            break
    assert number > 10


async def test_an_event_of_which_nobody_knew_whether_it_was_stored_is_handled_when_it_comes_again(
    make_redis: MakeRedis,
) -> None:
    server = make_redis()
    async with ChaosProxy(server.url) as proxy:
        traffic = Traffic(proxy.url, lease=LEASE)
        await traffic.process.store.ping()
        proxy.cut_write(1, "reply")
        proxy.refuses_after_cut = True
        assert await traffic.post("olena", "one") == 503
        assert proxy.cuts == 1
        await proxy.accept()
        await traffic.write("olena", ["one"])
        assert await traffic.mistakes(seconds=10) == []
        await traffic.close()


async def test_requests_and_answers_in_small_slices_are_read_all_the_same(make_redis: MakeRedis) -> None:
    server = make_redis()
    async with ChaosProxy(server.url) as proxy, Traffic(proxy.url) as traffic:
        await traffic.process.store.ping()
        proxy.slice = 7
        await traffic.crowd(people=5, texts=3)
        assert await traffic.mistakes() == []
    assert set(traffic.begun.values()) == {1}


async def test_a_narrow_way_is_used_as_far_as_it_goes(make_redis: MakeRedis) -> None:
    server = make_redis()
    async with ChaosProxy(server.url) as proxy, Traffic(proxy.url) as traffic:
        await traffic.process.store.ping()
        proxy.bandwidth = 50_000
        await traffic.crowd(people=5, texts=3)
        assert await traffic.mistakes() == []


@pytest.mark.parametrize("fault", ["reset", "half close"])
async def test_connections_that_break_again_and_again_lose_double_and_reorder_nothing(
    make_redis: MakeRedis, fault: str
) -> None:
    server = make_redis()
    async with ChaosProxy(server.url) as proxy, Traffic(proxy.url, lease=2, pause=0.01) as traffic:
        crowd = asyncio.create_task(traffic.crowd(people=10, texts=20))
        for number in range(1, 10):
            await traffic.until_shown(20 * number)
            proxy.reset() if fault == "reset" else proxy.half_close()
        await crowd
        assert await traffic.mistakes() == []
