"""A service at half its load for as long as `--hours` says, one of its processes killed again and again: nothing grows.

scripts/test -s tests/faults/test_soak.py --hours 8
"""

import asyncio
import contextlib
import os
import signal
import statistics
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path

import httpx
import pytest
import redis.asyncio
from msgspec import Struct

from benchmarks.fake_telegram import FakeTelegram
from botkit.redis.audit import audit
from botkit.redis.store import RedisStore
from tests.faults.counting_bot import post, put_bot
from tests.processes.conftest import AppChild, OwnRedis, Project, until

#: People who write, and the pause of each between two messages: together about 100 messages a second.
PEOPLE, PAUSE = 50, 0.5

MEBIBYTE = 1024 * 1024


class Look(Struct):
    """What there was at a time: of the eldest process, and of the store."""

    at: float
    memory: int
    files: int
    keys: int
    stored: int


class Soak:
    """A service under load, and how it fares."""

    def __init__(self, app: AppChild, redis_url: str) -> None:
        self.app = app
        self.store = RedisStore(redis_url)
        self.looks: list[Look] = []
        #: The newest number that each chat was told of.
        self.told: dict[int, int] = defaultdict(int)
        #: How often a reply came again, and how often a process was killed.
        self.repeats = self.kills = 0
        self.mistakes: list[str] = []
        self._updates = count(1)

    def hear(self, chat: int, text: str) -> None:
        """Checks a reply: the next of its chat, or the one before it once more."""
        number, _, said = text.partition(": ")
        if number != said or int(number) - self.told[chat] not in (0, 1):
            self.mistakes.append(f"after {self.told[chat]}: {text}")
        self.repeats += int(number) == self.told[chat]
        self.told[chat] = int(number)

    async def write(self, chat: int, client: httpx.AsyncClient) -> None:
        """Writes number after number, each when the one before was answered."""
        for number in count(1):
            update_id = next(self._updates)
            while not await self.take(client, update_id, chat, number):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
            # Leases of a killed process are over by then, three times.
            await until(lambda: self.told[chat] >= number, seconds=30, told=lambda: self.mistakes)  # noqa: B023
            await asyncio.sleep(PAUSE)

    async def take(self, client: httpx.AsyncClient, update_id: int, chat: int, number: int) -> bool:
        with contextlib.suppress(httpx.TransportError):
            return (await post(client, self.app, update_id, chat, str(number))).status_code == 200
        return False

    async def kill(self, pause: float) -> None:
        """Kills the younger process again and again; the eldest tells what grows."""
        while True:
            await asyncio.sleep(pause)
            before = self.app.workers
            os.kill(before[-1], signal.SIGKILL)
            self.kills += 1
            await until(lambda: len(self.app.workers) == 2 and self.app.workers != before)  # noqa: B023

    async def look(self, redis_url: str, pause: float) -> None:
        """Looks at memory, files, the store and its structure, again and again."""
        async with redis.asyncio.Redis.from_url(redis_url, protocol=2) as client:
            while True:
                await asyncio.sleep(pause)
                assert await audit(self.store) == []
                process = Path(f"/proc/{self.app.workers[0]}")
                memory = int((process / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
                files, stored = len([*(process / "fd").iterdir()]), (await client.info("memory"))["used_memory"]
                self.looks.append(Look(time.monotonic(), memory, files, await client.dbsize(), stored))


@contextlib.asynccontextmanager
async def serving(project: Project) -> AsyncIterator[tuple[AppChild, FakeTelegram]]:
    telegram = FakeTelegram()
    put_bot(project, await telegram.start())
    app = project.start("run", "--workers=2")
    yield await app.until_ready(), telegram
    project.kill_all()
    telegram.stop()


def slope(looks: list[Look]) -> float:
    """Returns by how many bytes an hour the eldest process grew after the first quarter, or the first hour."""
    start = looks[0].at + min(3600, (looks[-1].at - looks[0].at) / 4)
    late = [look for look in looks if look.at >= start]
    found = statistics.linear_regression([look.at for look in late], [look.memory for look in late])
    return found.slope * 3600


@pytest.mark.timeout(0)
async def test_a_service_under_load_neither_grows_nor_loses_anything_whatever_is_killed(
    project: Project, own_redis: OwnRedis, pytestconfig: pytest.Config
) -> None:
    hours = pytestconfig.getoption("--hours")
    seconds, kill_pause, look_pause = (
        (hours * 3600, min(300, hours * 900), min(60, hours * 180)) if hours else (8, 3, 1)
    )
    async with serving(project) as (app, telegram), httpx.AsyncClient(timeout=20) as client:
        soak = Soak(app, own_redis.url)
        telegram.on_reply = soak.hear
        work = [soak.write(chat, client) for chat in range(1, PEOPLE + 1)]
        tasks = [asyncio.create_task(each) for each in work]
        tasks += [asyncio.create_task(soak.kill(kill_pause)), asyncio.create_task(soak.look(own_redis.url, look_pause))]
        ended, _ = await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await soak.store.close()
    assert [task.exception() for task in ended] == []
    assert soak.mistakes == []
    assert soak.kills > 0
    # What was under way when a process was killed.
    assert soak.repeats <= PEOPLE * soak.kills
    assert max(look.files for look in soak.looks) < 500
    first, last = soak.looks[len(soak.looks) // 4], soak.looks[-1]
    grown = slope(soak.looks)
    print(  # noqa: T201
        f"\n{sum(soak.told.values())} messages, {soak.kills} kills, {soak.repeats} repeats, {len(soak.looks)} audits; "
        f"the eldest process {last.memory / MEBIBYTE:.1f} MiB ({grown / MEBIBYTE:+.2f} MiB/h), {first.files} to "
        f"{last.files} files; {first.keys} to {last.keys} keys, {first.stored / MEBIBYTE:.1f} to "
        f"{last.stored / MEBIBYTE:.1f} MiB stored"
    )
    assert hours < 2 or grown < MEBIBYTE
