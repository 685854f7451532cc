"""One bot at work: its Redis, the platform and the load on one core, the bot itself on another."""

import asyncio
import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from msgspec import Struct

from benchmarks.checker import Checker, Verdict
from benchmarks.contestants import ROOT, SCRATCH, Contestant
from benchmarks.fake_telegram import FakeTelegram
from benchmarks.figures import percentile
from benchmarks.load import SECRET, Talks, Times, Webhook
from benchmarks.processes import Child, own_cpu
from benchmarks.redis_server import RedisServer, free_port

#: Chats that take turns, so that no chat is the only one.
PEOPLE = 2000


class Measured(Struct, frozen=True):
    """What one bot did in a window. Times are in milliseconds, memory in MiB, CPU in milliseconds per event."""

    rate: float
    cpu: float
    answer_p50: float
    answer_p99: float
    reply_p50: float
    reply_p99: float
    rss: float
    rss_all: float
    redis_reads: float
    redis_cpu: float
    own_cpu: float
    #: The share of its core that the load, the platform and Redis took together.
    other_core: float
    verdict: Verdict


class Cores(Struct, frozen=True):
    """Which cores the server has, and which all the rest."""

    server: set[int]
    rest: set[int]

    @classmethod
    def choose(cls) -> Self:
        """Takes the last core for the server and the first for the rest; raises RuntimeError with fewer than two."""
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) < 2:
            raise RuntimeError("needs two cores: one for the server, one for the load")
        return cls({cores[-1]}, {cores[0]})


class Arena:
    """A context in which one bot runs, ready for updates."""

    def __init__(self, contestant: Contestant, cores: Cores, *, workers: int = 1) -> None:
        self.contestant = contestant
        self.cores = cores
        self.workers = workers
        self.telegram = FakeTelegram()
        self._folder = SCRATCH / "run" / contestant.name
        #: Seconds from its start until it took requests.
        self.start_seconds = 0.0

    async def __aenter__(self) -> Self:
        shutil.rmtree(self._folder, ignore_errors=True)
        self.redis = RedisServer(self._folder / "redis", options=self.contestant.redis, cores=self.cores.rest)
        try:
            api_url = await self.telegram.start()
            self.port = free_port()
            self.server = self._start(api_url)
            try:
                await self._await_ready()
            except BaseException:
                self.server.stop()
                raise
        except BaseException:
            self.redis.stop()
            raise
        self.webhook = Webhook(self.port, self.contestant.path, self.telegram.secret or SECRET)
        return self

    def _start(self, api_url: str) -> Child:
        return Child(
            self.contestant.command(self.port, self.workers),
            cores=self.cores.server,
            log=self._folder / "server.log",
            cwd=ROOT,
            environ=self.contestant.environ(self.port, api_url, self.redis.url),
        )

    async def _await_ready(self) -> None:
        began = time.perf_counter()
        while not await self._answers():
            if not self.server.is_alive() or time.perf_counter() - began > 30:
                raise RuntimeError(f"{self.contestant.name} does not start:\n{self.server.last_words()}")
            await asyncio.sleep(0.01)
        self.start_seconds = time.perf_counter() - began

    async def _answers(self) -> bool:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.write(b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        answer = await reader.read(100)
        writer.close()
        # A peer has no such page, and says so as soon as it takes requests.
        return answer.startswith(b"HTTP/1.1 ") and answer[9:12] != b"503"

    async def __aexit__(self, *_: object) -> None:
        self.webhook.close()
        self.server.stop()
        self.redis.stop()
        self.telegram.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def measure(self, at_once: int, *, warm_up: float, seconds: float, people: int = PEOPLE) -> Measured:
        """Lets so many conversations go on at a time, and measures what happens in so many seconds of it."""
        checker = Checker()
        talks = Talks(self.webhook, checker, at_once=at_once, people=people)
        self.telegram.on_reply = talks.on_reply
        talks.start()
        await self._pass(talks, warm_up)
        talks.times = times = Times()
        before = self._snapshot()
        await self._pass(talks, seconds)
        after = self._snapshot()
        talks.times = Times()
        peaks = self.server.peak_rss()
        await talks.stop()
        return _measured(before, after, times, peaks, checker.verdict())

    async def _pass(self, talks: Talks, seconds: float) -> None:
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            await asyncio.sleep(min(left, 1))
            talks.give_up_waiting()
            if not self.server.is_alive():
                raise RuntimeError(f"{self.contestant.name} has ended:\n{self.server.last_words()}")

    def _snapshot(self) -> "_Snapshot":
        work = self.redis.work()
        return _Snapshot(time.perf_counter(), self.server.cpu(), own_cpu(), work.cpu, work.reads)


class _Snapshot(Struct, frozen=True):
    at: float
    server: float
    own: float
    redis: float
    reads: int


def _measured(
    before: _Snapshot, after: _Snapshot, times: Times, peaks: tuple[float, float], verdict: Verdict
) -> Measured:
    events = len(times.replies) or 1
    seconds = after.at - before.at
    own, redis = after.own - before.own, after.redis - before.redis
    return Measured(
        rate=len(times.replies) / seconds,
        cpu=(after.server - before.server) / events * 1000,
        answer_p50=_ms(times.answers, 0.5),
        answer_p99=_ms(times.answers, 0.99),
        reply_p50=_ms(times.replies, 0.5),
        reply_p99=_ms(times.replies, 0.99),
        rss=peaks[0],
        rss_all=peaks[1],
        redis_reads=(after.reads - before.reads) / events,
        redis_cpu=redis / events * 1000,
        own_cpu=own / events * 1000,
        other_core=(own + redis) / seconds,
        verdict=verdict,
    )


def _ms(seconds: Sequence[float], share: float) -> float:
    return percentile(seconds, share) * 1000 if seconds else float("nan")
