"""A process ends, killed or asked to: another one takes its work over, and with --long it is told how soon."""

import asyncio
import os
import signal
import statistics
import time
from collections.abc import Awaitable, Callable

import pytest

from tests.faults.conftest import MakeRedis
from tests.faults.traffic import Traffic

#: Lives in the long form, and conversations that each leaves behind.
LIVES = 12
PEOPLE = 50

Life = Callable[[Traffic], Awaitable[None]]


async def at_work(traffic: Traffic) -> None:
    """Everybody has written, and no handler comes to its end."""
    traffic.may_handle.clear()
    await traffic.crowd(people=PEOPLE, texts=1)


async def in_a_row(traffic: Traffic) -> None:
    """Everybody has written three texts, of which a handler takes one at a time."""
    traffic.handling = 0.1
    await traffic.crowd(people=PEOPLE, texts=3)


def forked(life: Life, url: str, prefix: str, lease: float) -> tuple[int, int]:
    """Starts a process that writes to itself; returns its id and where it says that it has."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        return pid, reading
    code = 1
    try:
        asyncio.run(live(life, Traffic(url, prefix=prefix, lease=lease), writing))
        code = 0
    finally:
        os._exit(code)


async def live(life: Life, traffic: Traffic, ready: int) -> None:
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)
    async with traffic:
        await life(traffic)
        os.write(ready, b"!")
        await told.wait()
        await traffic.process.engine.drain(10)


async def take_over(traffic: Traffic, pid: int, ready: int, number: signal.Signals) -> list[float]:
    """Ends a process that has written; returns after how long each conversation was done."""
    async with traffic:
        await asyncio.to_thread(os.read, ready, 1)
        os.close(ready)
        os.kill(pid, number)
        ended_at = time.monotonic()
        done = await traffic.until_committed()
        await asyncio.to_thread(os.waitpid, pid, 0)
        assert await traffic.mistakes_stored() == []
        return [at - ended_at for at in done]


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize(
    ("life", "number", "texts"),
    [(at_work, signal.SIGKILL, 1), (in_a_row, signal.SIGTERM, 3)],
    ids=["killed", "asked to end"],
)
def test_what_a_process_leaves_behind_another_one_does(
    make_redis: MakeRedis, pytestconfig: pytest.Config, life: Life, number: signal.Signals, texts: int
) -> None:
    is_long = pytestconfig.getoption("--long")
    lease = 10 if is_long else 1
    server = make_redis()
    took: list[float] = []
    for round_ in range(LIVES if is_long else 1):
        prefix = f"life{round_}"
        pid, ready = forked(life, server.url, prefix, lease)
        traffic = Traffic(server.url, prefix=prefix, lease=lease)
        traffic.acknowledged = {f"p{person}": [str(text) for text in range(texts)] for person in range(PEOPLE)}
        took += asyncio.run(take_over(traffic, pid, ready, number))
        assert len(took) == (round_ + 1) * PEOPLE
    if is_long:
        *_, p99 = statistics.quantiles(took, n=100)
        said = f"p50 {statistics.median(took):.2f} s, p99 {p99:.2f} s, longest {max(took):.2f} s"
        print(f"\n{number.name}, lease {lease} s, {len(took)} conversations: {said}")  # noqa: T201
