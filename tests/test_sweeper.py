"""What is kept no longer is removed now and then, by one process of many, and nobody by default."""

from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from botkit.clock import Clock
from botkit.redis.store import RedisStore
from botkit.store import Commit, Mine
from botkit.sweeper import EVERY, Sweeper

DAY = 86_400.0
Open = Callable[[], RedisStore]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def open_store(botkit_redis_url: str, clock: Clock) -> AsyncIterator[Open]:
    """Opens the same store as another process would."""
    prefix, opened = f"t{uuid4().hex[:12]}", list[RedisStore]()

    def another() -> RedisStore:
        opened.append(RedisStore(botkit_redis_url, clock=clock, prefix=prefix))
        return opened[-1]

    yield another
    for store in opened:
        await store.close()


async def greet(store: RedisStore, cid: str = "viber:shop:ann") -> Callable[[], Awaitable[bool]]:
    found = await store.ingest(cid, "a" * 22, b"{}", token=store.new_token(), window=60, opens=True)
    assert isinstance(found, Mine)
    await store.commit(found.turn, Commit(b"{}", ()), keep=False, send=False)

    async def is_known() -> bool:
        return bool((await store.load(cid)).version)

    return is_known


async def test_people_who_stayed_away_are_forgotten_once_and_told_by_number(open_store: Open, clock: Clock) -> None:
    store = open_store()
    is_known = await greet(store)
    clock.advance(seconds=11 * DAY)
    with capture_logs() as logged:
        await Sweeper(store, idle=10 * DAY).step()
    assert not await is_known()
    assert [(entry["event"], entry["people"]) for entry in logged] == [("forgot people who stayed away", 1)]
    assert "ann" not in str(logged)


async def test_without_a_time_nobody_is_forgotten(open_store: Open, clock: Clock) -> None:
    store = open_store()
    is_known = await greet(store)
    clock.advance(seconds=9999 * DAY)
    await Sweeper(store).step()
    assert await is_known()


class Counting(RedisStore):
    """Counts how often it was looked for what is kept no longer."""

    sweeps = 0

    async def sweep(self, *, idle: float = 0) -> int:
        self.sweeps += 1
        return await super().sweep(idle=idle)


async def test_of_many_processes_one_works_in_each_hour(botkit_redis_url: str, clock: Clock) -> None:
    prefix = f"t{uuid4().hex[:12]}"
    stores = [Counting(botkit_redis_url, clock=clock, prefix=prefix) for _ in range(3)]
    sweepers = [Sweeper(store, idle=DAY) for store in stores]
    for hour in range(1, 4):
        for _ in range(2):
            waits = [await sweeper.step() for sweeper in sweepers]
            assert all(EVERY - 60 < wait <= EVERY for wait in waits)
        assert sum(store.sweeps for store in stores) == hour
        clock.advance(seconds=EVERY + 1)
    for store in stores:
        await store.close()
