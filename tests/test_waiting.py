"""Whoever waits leaves the work alone, whether it ends, fails or takes too long."""

import asyncio

import pytest

from botkit.waiting import wait_for


async def after(turns: int) -> str:
    for _ in range(turns):
        await asyncio.sleep(0)
    return "done"


@pytest.mark.parametrize("turns", [0, 1, 5])
async def test_work_that_is_done_in_time_is_done(turns: int) -> None:
    work = asyncio.ensure_future(after(turns))
    assert await wait_for(work, 60) is True
    assert work.result() == "done"


async def test_work_that_was_done_before_is_done() -> None:
    work = asyncio.ensure_future(after(0))
    await work
    assert await wait_for(work, 0) is True


async def test_a_failure_stays_with_the_work() -> None:
    async def fail() -> None:
        raise ValueError("mine")

    work = asyncio.ensure_future(fail())
    assert await wait_for(work, 60) is True
    with pytest.raises(ValueError, match="mine"):
        work.result()


async def test_work_that_takes_too_long_goes_on() -> None:
    more = asyncio.Event()
    work = asyncio.ensure_future(more.wait())
    assert await wait_for(work, 0.01) is False
    assert not work.done()
    more.set()
    assert await work is True


async def test_work_goes_on_when_whoever_waits_is_cancelled() -> None:
    more = asyncio.Event()
    work = asyncio.ensure_future(more.wait())
    waiting = asyncio.create_task(wait_for(work, 60))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert not work.cancelled()
    more.set()
    assert await work is True


async def test_work_that_is_cancelled_is_done() -> None:
    work = asyncio.ensure_future(asyncio.Event().wait())
    waiting = asyncio.create_task(wait_for(work, 60))
    await asyncio.sleep(0)
    work.cancel()
    assert await waiting is True
    assert work.cancelled()
