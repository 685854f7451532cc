"""Redis is slow, hangs, or the way to it is bad: work goes on as fast as it can, and nothing is done twice."""

import asyncio

from structlog.testing import capture_logs

from tests.faults.chaos_proxy import ChaosProxy
from tests.faults.conftest import MakeRedis
from tests.faults.traffic import Traffic, until

LOST = ("a lease was lost", "a lease could not be renewed in time", "left to whoever comes after the lease")


async def test_slow_answers_make_all_slower_and_nothing_else(make_redis: MakeRedis) -> None:
    server = make_redis()
    with capture_logs() as logs:
        async with ChaosProxy(server.url) as proxy, Traffic(proxy.url, lease=3) as traffic:
            await traffic.process.store.ping()
            proxy.latency, proxy.jitter = 0.2, 0.1
            await traffic.crowd(people=10, texts=2)
            await traffic.until_done()
            proxy.latency = proxy.jitter = 0
            assert await traffic.mistakes() == []
    assert traffic.statuses == {200}
    assert set(traffic.begun.values()) == {1}
    assert [entry["event"] for entry in logs if entry["event"] in LOST] == []


async def test_a_long_handler_keeps_its_lease_where_answers_are_slow(make_redis: MakeRedis) -> None:
    server = make_redis()
    async with ChaosProxy(server.url) as proxy, Traffic(proxy.url, lease=1.2) as traffic:
        await traffic.process.store.ping()
        proxy.latency = 0.1
        traffic.may_handle.clear()
        await traffic.crowd(people=2, texts=1)
        # More than two leases, which only others see.
        await asyncio.sleep(2.6)
        traffic.may_handle.set()
        assert await traffic.mistakes() == []
    assert set(traffic.begun.values()) == {1}


async def test_while_redis_hangs_webhooks_are_told_to_come_again_within_a_second(make_redis: MakeRedis) -> None:
    server = make_redis()
    async with Traffic(server.url, lease=4, pause=0.01) as traffic:
        crowd = asyncio.create_task(traffic.crowd(people=10, texts=10))
        await traffic.until_shown(20)
        server.freeze()
        tasks = len(asyncio.all_tasks())
        await traffic.until_answered(30)
        assert len(asyncio.all_tasks()) <= tasks + 4 * 10
        server.thaw()
        await crowd
        assert await traffic.mistakes(repeats=10) == []
    assert traffic.statuses == {200, 503}
    assert traffic.slowest < 3


async def test_a_server_that_is_busy_with_something_long_is_waited_for(make_redis: MakeRedis) -> None:
    server = make_redis()
    async with Traffic(server.url, lease=2, pause=0.01) as traffic:
        crowd = asyncio.create_task(traffic.crowd(people=10, texts=10))
        await traffic.until_shown(20)
        await asyncio.to_thread(server.ask, "DEBUG", "SLEEP", "2.5")
        await crowd
        assert await traffic.mistakes(repeats=10) == []
    assert traffic.statuses == {200, 503}


async def test_a_handler_whose_lease_cannot_be_renewed_is_stopped_and_runs_again_where_redis_answers(
    make_redis: MakeRedis,
) -> None:
    server = make_redis()
    async with ChaosProxy(server.url) as proxy, Traffic(proxy.url, lease=1.5) as cut_off:
        cut_off.may_handle.clear()
        await cut_off.crowd(people=3, texts=1)
        await until(lambda: len(cut_off.begun) == 3)
        proxy.freeze()
        async with Traffic(server.url, lease=1.5, prefix=cut_off.process.store.keys.prefix) as other:
            other.acknowledged = cut_off.acknowledged
            # Before the deadline of handlers, which stops them as well.
            await until(lambda: cut_off.stopped == 3, seconds=15)
            assert await other.mistakes() == []
            proxy.thaw()
            cut_off.may_handle.set()
            await cut_off.process.engine.drain(5)
            assert await other.mistakes() == []
    assert cut_off.desk.shown == []
    assert set(other.begun.values()) == {1}
