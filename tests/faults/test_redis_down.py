"""Redis goes away and comes back: webhooks are told to come again, nothing is lost, and nobody has to do anything."""

import asyncio
import resource
import time
from pathlib import Path

import pytest
from msgspec import Struct, field

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
        # Some were under way.
        await traffic.until_answered(10)
        assert await traffic.until_answered(100) == {503}
        assert len(asyncio.all_tasks()) <= tasks + 20
        await asyncio.to_thread(server.start)
        await crowd
        assert await traffic.mistakes() == []
        assert traffic.statuses == {200, 503}
        assert traffic.slowest < 3


async def test_a_handler_at_work_when_redis_goes_away_commits_when_it_is_back(make_redis: MakeRedis) -> None:
    server = make_redis()
    async with Traffic(server.url) as traffic:
        traffic.may_handle.clear()
        await traffic.crowd(people=3, texts=1)
        await asyncio.to_thread(server.kill)
        traffic.may_handle.set()
        assert await traffic.post("nobody", "hello") == 503
        await asyncio.to_thread(server.start)
        assert await traffic.mistakes() == []
        assert set(traffic.begun.values()) == {1}


async def test_a_server_that_is_killed_under_load_again_and_again_loses_doubles_and_reorders_nothing(
    make_redis: MakeRedis, pytestconfig: pytest.Config
) -> None:
    server, times = make_redis(), 50 if pytestconfig.getoption("--long") else 4
    async with Traffic(server.url, lease=2, pause=0.01) as traffic:
        crowd = asyncio.create_task(traffic.crowd(people=20, texts=5 + 5 * times))
        for number in range(1, times + 1):
            await traffic.until_shown(80 * number)
            await asyncio.to_thread(server.restart)
        await crowd
        assert await traffic.mistakes(repeats=20 * times) == []


async def test_scripts_are_loaded_again_when_the_server_has_forgotten_them(make_redis: MakeRedis) -> None:
    server = make_redis()
    async with Traffic(server.url) as traffic:
        await traffic.crowd(people=2, texts=2)
        await asyncio.to_thread(forget_scripts, server)
        await traffic.crowd(people=2, texts=2, named="q")
        assert await traffic.mistakes() == []
        assert traffic.statuses == {200}


def forget_scripts(server: RedisChild) -> None:
    server.ask("SCRIPT", "FLUSH")


async def test_a_backlog_is_worked_off_by_itself_after_an_outage(
    make_redis: MakeRedis, pytestconfig: pytest.Config
) -> None:
    is_long = pytestconfig.getoption("--long")
    people, seconds = (2000, 30) if is_long else (60, 1)
    server = make_redis()
    normal = await drain(server, people, None)
    outage = await drain(server, people, seconds)
    assert outage.statuses == {503}
    if is_long:
        share = 100 * outage.rate / normal.rate
        print(  # noqa: T201
            f"\n{5 * people} events: {normal.rate:.0f}/s; after {seconds} s without Redis the first commit "
            f"{outage.first:.2f} s after its return, {outage.rate:.0f}/s ({share:.0f} %), "
            f"slowest of {outage.refused} answers 503 {outage.slowest:.2f} s, at most {outage.tasks} tasks more, "
            f"{outage.grown / 1024:.0f} KiB more memory in it"
        )


class Drained(Struct):
    """How a backlog was worked off: events a second, and what an outage before it was like."""

    rate: float
    first: float = 0
    statuses: set[int] = field(default_factory=set)
    refused: int = 0
    slowest: float = 0
    tasks: int = 0
    grown: int = 0


async def drain(server: RedisChild, people: int, seconds: float | None) -> Drained:
    """Stores five texts of each, then lets a process work on them, without Redis for so long if at all."""
    web = Traffic(server.url, role="web")
    for start in range(0, people, 100):
        await web.crowd(people=min(100, people - start), texts=5, named=f"s{start}-")
    await web.close()
    outage = Drained(0)
    async with Traffic(server.url, prefix=web.process.store.keys.prefix) as traffic:
        traffic.acknowledged = web.acknowledged
        if seconds is not None:
            await traffic.until_shown(10)
            await asyncio.to_thread(server.kill)
            outage = await without(traffic, seconds)
            await asyncio.to_thread(server.start)
        known, began_at = len(traffic.desk.shown), time.monotonic()
        await traffic.until_shown(known + 1)
        outage.first = time.monotonic() - began_at
        await traffic.until_done(300)
        outage.rate = (5 * people - known) / (time.monotonic() - began_at)
        assert await traffic.mistakes(repeats=100) == []
    return outage


async def without(traffic: Traffic, seconds: float) -> Drained:
    """Lets webhooks come while Redis is away; returns how they fared and what the process needed more."""
    outage, before = Drained(0), len(asyncio.all_tasks())
    memory = resident()
    deadline = time.monotonic() + seconds
    posting: set[asyncio.Task[int]] = set()
    while time.monotonic() < deadline:
        posting.add(asyncio.create_task(traffic.post("nobody", "hello")))
        await asyncio.sleep(0.01)
        outage.tasks = max(outage.tasks, len(asyncio.all_tasks()) - before)
        posting = {task for task in posting if not task.done()}
    await asyncio.gather(*posting)
    outage.statuses, outage.refused, outage.slowest = traffic.statuses, len(traffic.answers), traffic.slowest
    outage.grown = resident() - memory
    return outage


def resident() -> int:
    """The bytes of memory that this process has."""
    status = Path("/proc/self/statm")
    return int(status.read_text().split()[1]) * resource.getpagesize() if status.exists() else 0
