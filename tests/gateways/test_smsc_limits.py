import asyncio
import gc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.adapter import Receipt
from botkit.gateways import smsc_limits
from botkit.gateways.smsc_limits import CONNECTIONS, MAX_WINDOWS, Limits, Window, shared_limits
from tests.gateways.smsc_desk import Desk, opened


def test_as_many_as_the_limit_pass_and_the_next_waits_for_the_first_to_be_over() -> None:
    limits, three = Limits(), Window(3, 61)
    assert [limits.wait("a", three, now) for now in (100, 110, 120)] == [0, 0, 0]
    assert limits.wait("a", three, 130) == 31
    assert limits.wait("b", three, 130) == 0
    assert limits.wait("a", three, 160.9) == pytest.approx(0.1)
    assert limits.wait("a", three, 161) == 0
    assert limits.wait("a", three, 161) == 10


@given(st.lists(st.floats(0, 20), max_size=60))
def test_no_minute_has_more_than_the_limit(pauses: list[float]) -> None:
    limits, now, passed = Limits(), 0.0, []
    for pause in pauses:
        now += pause
        if not limits.wait("a", Window(3), now):
            passed.append(now)
    assert all(later - earlier >= 60 for earlier, later in zip(passed, passed[3:], strict=False))


def test_what_is_over_is_forgotten() -> None:
    limits = Limits()
    for number in range(MAX_WINDOWS):
        limits.wait(str(number), Window(3), 0)
    limits.wait("late", Window(3), 61)
    assert len(limits._asked) == 1


async def test_accounts_with_one_login_share_what_it_may() -> None:
    assert shared_limits("a") is shared_limits("a")
    assert shared_limits("a") is not shared_limits("b")


def test_each_event_loop_has_its_own_and_takes_it_along() -> None:
    async def limits() -> int:
        return id(shared_limits("a"))

    before = len(smsc_limits._SHARED)
    asyncio.run(limits())
    gc.collect()
    assert len(smsc_limits._SHARED) <= before


async def test_no_more_than_eight_requests_are_under_way_at_once() -> None:
    async with opened() as desk:
        desk.simulator.is_open.clear()
        sends = [asyncio.create_task(send(desk, number)) for number in range(40)]
        for _ in range(300):
            await asyncio.sleep(0)
        assert desk.simulator.limits._at_once["sms"] == CONNECTIONS
        desk.simulator.is_open.set()
        assert {receipt.outcome.value for receipt in await asyncio.gather(*sends)} == {"sent"}


async def send(desk: Desk, number: int) -> Receipt:
    way = ("sms", "viber", "telegram")[number % 3]
    return await desk.send(f"number {number}", way)
