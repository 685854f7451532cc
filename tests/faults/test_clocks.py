"""Clocks jump, Redis' or that of botkit's machine: work goes on at once, and nothing is lost or done twice."""

import asyncio
from datetime import datetime, timedelta

import pytest

from botkit.accounts import Bucket
from botkit.clock import Clock
from botkit.conversation import Account
from botkit.pace import Pace, Paces
from tests.faults.conftest import MakeRedis
from tests.faults.traffic import Traffic

DAY = 86_400

#: Nobody waits for its end in these tests, unless a clock jumps over it.
LEASE = 300


@pytest.mark.parametrize("jumps", [(DAY, 0), (-DAY, 0), (DAY, -DAY)], ids=["ahead and back", "back and ahead", "far"])
async def test_the_clock_of_redis_may_jump_by_a_day_under_load(make_redis: MakeRedis, jumps: tuple[int, int]) -> None:
    server = make_redis(clock_shift=True)
    async with Traffic(server.url, lease=LEASE, pause=0.01) as traffic:
        crowd = asyncio.create_task(traffic.crowd(people=10, texts=20))
        for number, jump in enumerate(jumps, 1):
            await traffic.until_shown(60 * number)
            server.shift_clock(jump)
        await crowd
        assert await traffic.mistakes(repeats=20) == []
    assert traffic.statuses == {200}


async def test_events_at_work_are_not_frozen_when_the_clock_of_redis_is_set_back(make_redis: MakeRedis) -> None:
    server = make_redis(clock_shift=True)
    dying = Traffic(server.url, lease=LEASE)
    dying.may_handle.clear()
    await dying.crowd(people=3, texts=2)
    server.shift_clock(-DAY)
    async with Traffic(server.url, lease=LEASE, prefix=dying.process.store.keys.prefix) as traffic:
        traffic.acknowledged = dying.acknowledged
        assert await traffic.mistakes(seconds=20) == []
    assert dying.desk.shown == []
    dying.may_handle.set()
    await dying.close()


@pytest.mark.parametrize("jump", [DAY, -DAY])
async def test_what_was_seen_before_is_known_whatever_the_clock_of_redis_does(make_redis: MakeRedis, jump: int) -> None:
    server = make_redis(clock_shift=True)
    async with Traffic(server.url) as traffic:
        await traffic.write("olena", map(str, range(10)))
        assert await traffic.mistakes() == []
        server.shift_clock(3 * jump)
        # Beyond the time for which ids are remembered; the newest stay all the same. A repeat of each:
        for number in range(10):
            assert await traffic.post("olena", str(number)) == 200
        assert await traffic.mistakes() == []


async def test_an_account_does_not_rest_for_a_day_because_the_clock_of_redis_was_set_back(
    make_redis: MakeRedis,
) -> None:
    server = make_redis(clock_shift=True)
    async with Traffic(server.url) as traffic:
        accounts, account = traffic.process.store.accounts, Account("desk", "desk")
        buckets = [Bucket("rl", Pace(1, 60))]
        await accounts.take(account, buckets)
        assert (await accounts.take(account, buckets))[1] > 0
        await accounts.rest(account, 5)
        assert (await accounts.take(account, buckets))[0] > 0
        server.shift_clock(-DAY)
        assert await accounts.take(account, buckets) == (0, 0)
        # The next turn is given from now on, not from where the clock was.
        assert 0 < (await accounts.take(account, buckets))[1] <= 60


class HostClock(Clock):
    """The clock of a machine whose time somebody sets; Redis does not hear of it."""

    def __init__(self) -> None:
        super().__init__()
        self.jump = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.jump)

    def timestamp(self) -> float:
        return super().timestamp() + self.jump


async def test_the_queue_does_not_hear_that_botkit_s_own_clock_is_set_back(make_redis: MakeRedis) -> None:
    server, clock = make_redis(), HostClock()
    async with Traffic(server.url, lease=LEASE, clock=clock, pause=0.01) as traffic:
        crowd = asyncio.create_task(traffic.crowd(people=10, texts=10))
        await traffic.until_shown(30)
        clock.jump = -DAY
        await crowd
        assert await traffic.mistakes() == []
    assert set(traffic.begun.values()) == {1}


async def test_when_botkit_s_own_clock_jumps_ahead_only_what_is_then_too_old_to_send_is_not_sent(
    make_redis: MakeRedis,
) -> None:
    server, clock = make_redis(), HostClock()
    async with Traffic(server.url, lease=LEASE, clock=clock) as traffic:
        await traffic.crowd(people=10, texts=5)
        assert await traffic.mistakes() == []
        clock.jump = DAY
        await traffic.crowd(people=10, texts=5, named="q")
        assert await traffic.mistakes() == []
    assert set(traffic.begun.values()) == {1}


@pytest.mark.parametrize("jump", [DAY, -DAY])
async def test_an_account_rests_as_long_as_it_was_told_whatever_botkit_s_own_clock_does(
    make_redis: MakeRedis, jump: int
) -> None:
    server, clock = make_redis(), HostClock()
    async with Traffic(server.url, clock=clock) as traffic:
        traffic.desk.paces = Paces()
        await traffic.process.outbox.governor.pause(traffic.desk.account, 1.5)
        clock.jump = jump
        began = asyncio.get_running_loop().time()
        await traffic.write("olena", ["one"])
        assert await traffic.mistakes(seconds=20) == []
        assert asyncio.get_running_loop().time() - began > 1
