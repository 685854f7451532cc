"""Redis' memory or disk is full: what cannot be stored is refused as a whole, and what is there is worked on."""

import asyncio
from collections.abc import Sequence

import pytest

from botkit.redis.servers import Found, ServerKind, find_servers
from tests.faults.conftest import MakeRedis
from tests.faults.redis_child import RedisChild, real_server
from tests.faults.traffic import Traffic, until

REAL = [server for server in find_servers() if server.kind is not ServerKind.FAKE]


@pytest.fixture(params=[server.kind.value for server in REAL] or ["no server"])
def program(request: pytest.FixtureRequest) -> Found:
    """Each server of this machine in turn: they differ in what a script may do without memory."""
    return next((server for server in REAL if server.kind.value == request.param), None) or real_server()


def fill_memory(server: RedisChild) -> None:
    server.ask("CONFIG", "SET", "maxmemory", "1")


def free_memory(server: RedisChild) -> None:
    server.ask("CONFIG", "SET", "maxmemory", "0")


async def keys(traffic: Traffic) -> Sequence[bytes]:
    found: Sequence[bytes] = await traffic.process.store.call("KEYS", "*")
    return sorted(found)


async def test_without_memory_new_events_are_refused_whole_and_what_is_there_is_finished(
    make_redis: MakeRedis, program: Found
) -> None:
    server = make_redis(server=program)
    async with Traffic(server.url) as traffic:
        traffic.may_handle.clear()
        await traffic.crowd(people=3, texts=2)
        await until(lambda: len(traffic.begun) == 3)
        before = await keys(traffic)
        await asyncio.to_thread(fill_memory, server)
        assert await traffic.post("nobody", "hello") == 503
        assert await keys(traffic) == before
        traffic.may_handle.set()
        await traffic.until_done()
        await asyncio.to_thread(free_memory, server)
        assert await traffic.mistakes() == []
        assert await traffic.post("nobody", "hello") == 200


async def test_a_process_that_connects_where_there_is_no_memory_works_on_what_is_there(
    make_redis: MakeRedis, program: Found
) -> None:
    server = make_redis(server=program)
    stored = Traffic(server.url, role="web")
    await stored.crowd(people=3, texts=2)
    await asyncio.to_thread(fill_memory, server)
    async with Traffic(server.url, prefix=stored.process.store.keys.prefix) as traffic:
        traffic.acknowledged = stored.acknowledged
        await traffic.until_done()
        await asyncio.to_thread(free_memory, server)
        assert await traffic.mistakes() == []
    await stored.close()


async def test_a_disk_that_is_full_costs_nothing_that_was_acknowledged(make_redis: MakeRedis) -> None:
    server = make_redis(fsync="always")
    async with Traffic(server.url, lease=2, pause=0.01) as traffic:
        crowd = asyncio.create_task(traffic.crowd(people=10, texts=20))
        await traffic.until_shown(50)
        server.fill_disk(left=10_000)
        # A server that cannot keep what it promised ends itself.
        assert await asyncio.to_thread(server.wait_until_ended) == 1
        await traffic.until_answered(20)
        await asyncio.to_thread(server.start)
        await crowd
        assert await traffic.mistakes(repeats=10) == []
    assert traffic.statuses == {200, 503}


async def test_a_server_that_lives_on_with_a_full_disk_refuses_until_there_is_room(make_redis: MakeRedis) -> None:
    server = make_redis(fsync="everysec")
    async with Traffic(server.url, lease=2, pause=0.01) as traffic:
        crowd = asyncio.create_task(traffic.crowd(people=10, texts=20))
        await traffic.until_shown(50)
        server.fill_disk(left=10_000)
        await until(lambda: 503 in traffic.statuses)
        server.free_disk()
        await crowd
        assert await traffic.mistakes(repeats=10) == []
    assert traffic.statuses == {200, 503}
