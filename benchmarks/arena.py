"""One bot at work: its Redis, the platform and the load on one core, the bot itself on another."""

import asyncio
import contextlib
import os
import shutil
import signal
import time
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Self

import msgspec
from msgspec import Struct

from benchmarks.checker import Checker, Verdict
from benchmarks.contestants import ROOT, SCRATCH, Contestant
from benchmarks.fake_telegram import FakeTelegram
from benchmarks.figures import percentile
from benchmarks.processes import Child, own_cpu
from benchmarks.redis_server import RedisServer, free_port
from benchmarks.talks import Flood, Neighbour, Talks, Times
from benchmarks.webhook import SECRET, Webhook

#: Chats that take turns, so that no chat is the only one.
PEOPLE = 2000
_FIRST_CHAT = 700_000_000


class Measured(Struct, frozen=True):
    """What one bot did in a window. Times are in milliseconds, memory in MiB, CPU in milliseconds per event."""

    rate: float
    cpu: float
    answer_p50: float
    answer_p99: float
    reply_p50: float
    reply_p99: float
    #: The most memory of the largest process, and of all processes together.
    rss: float
    rss_all: float
    #: Reads from sockets per event: commands that came together count as one.
    redis_reads: float
    redis_cpu: float
    #: CPU of the load and the platform.
    own_cpu: float
    #: The share of their core that the load, the platform and Redis took together.
    other_core: float
    #: Updates that had to be sent again.
    repeated: int
    verdict: Verdict


class Flooded(Struct, frozen=True):
    """What became of messages that came faster than replies."""

    sent: int
    rate: float
    repeated: int
    verdict: Verdict


class Cores(Struct, frozen=True):
    """Which cores the server has, and which all the rest."""

    server: frozenset[int]
    rest: frozenset[int]

    @classmethod
    def choose(cls, available: Collection[int], workers: int = 1) -> Self:
        """Takes the last cores for the server's processes, one each, and the first for the rest.

        Where there is none left for the rest, all share the first. Raises ValueError for fewer than two cores.
        """
        cores = sorted(available)
        if len(cores) < 2:
            raise ValueError("needs two cores: one for the server, one for the load")
        return cls(frozenset(cores[-workers:]), frozenset(cores[:1]))


class Arena:
    """A context in which one bot runs, ready for updates."""

    def __init__(
        self,
        contestant: Contestant,
        cores: Cores,
        *,
        workers: int = 1,
        environ: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.contestant = contestant
        self.cores = cores
        self.telegram = FakeTelegram()
        self._workers = workers
        self._environ = environ
        self._folder = SCRATCH / "run" / contestant.name
        self._first_chat = _FIRST_CHAT

    async def __aenter__(self) -> Self:
        shutil.rmtree(self._folder, ignore_errors=True)
        self.redis = RedisServer(self._folder / "redis", options=self.contestant.redis, cores=self.cores.rest)
        try:
            api_url = await self.telegram.start()
            self.port = free_port()
            self.server = self._start(api_url)
            await self._await_ready()
        except BaseException:
            await self.__aexit__()
            raise
        self.webhook = Webhook(self.port, self.contestant.path, self.telegram.secret or SECRET)
        return self

    def _start(self, api_url: str) -> Child:
        return Child(
            self.contestant.command(self.port, self._workers),
            cores=self.cores.server,
            log=self._folder / "server.log",
            cwd=ROOT,
            environ={**self.contestant.environ(self.port, api_url, self.redis.url), **self._environ},
        )

    async def _await_ready(self) -> None:
        deadline = time.monotonic() + 60
        while not await is_ready(self.port):
            self._insist_alive()
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.contestant.name} takes no requests:\n{self.server.last_words()}")
            await asyncio.sleep(0.01)

    def _insist_alive(self) -> None:
        if not self.server.is_alive():
            raise RuntimeError(f"{self.contestant.name} has ended:\n{self.server.last_words()}")

    async def __aexit__(self, *_: object) -> None:
        if hasattr(self, "webhook"):
            self.webhook.close()
        if hasattr(self, "server"):
            self.server.stop()
        self.redis.stop()
        self.telegram.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def measure(
        self,
        at_once: int,
        *,
        warm_up: float,
        seconds: float,
        people: int = PEOPLE,
        first_chat: int = 0,
        rate: float = 0,
    ) -> Measured:
        """Lets so many conversations go on at a time, and measures what happens in so many seconds of it."""
        repeated = self.webhook.repeated
        async with self._talking(at_once, people=people, first_chat=first_chat, rate=rate) as (talks, checker):
            await self._pass(talks, warm_up)
            talks.times = times = Times()
            before = self._snapshot()
            await self._pass(talks, seconds)
            after = self._snapshot()
            talks.times = Times()
            peaks = self.server.peak_rss()
        return _measured(before, after, times, peaks, self.webhook.repeated - repeated, checker.verdict())

    async def measure_beside(self, neighbour: int, *, warm_up: float, seconds: float, rate: float) -> Measured:
        """Measures people who write at a calm rate, beside the one in this chat who writes without a pause."""
        noisy = Neighbour(self.webhook.post, neighbour)
        self.telegram.ignored = neighbour
        noisy.go_on()
        try:
            return await self.measure(64, warm_up=warm_up, seconds=seconds, rate=rate)
        finally:
            noisy.stop()

    async def flood(self, *, chats: int, turns: int, first_chat: int = 0) -> Flooded:
        """Lets people write without waiting for replies."""
        checker = Checker()
        first_chat = first_chat or self._chats(chats)
        flood = Flood(self.webhook.post, checker, chats=chats, turns=turns, first_chat=first_chat)
        self.telegram.on_reply = flood.on_reply
        repeated = self.webhook.repeated
        rate = await flood.run()
        return Flooded(flood.sent, rate, self.webhook.repeated - repeated, checker.verdict())

    async def commands(self, *, at_once: int, seconds: float) -> float:
        """Returns how many commands Redis gets per event, not counting what scripts call; slows it down meanwhile."""
        async with self._talking(at_once) as (talks, _), self.redis.watch() as watch:
            talks.times, before = Times(), watch.commands
            await self._pass(talks, seconds)
            return (watch.commands - before) / (len(talks.times.replies) or 1)

    async def sample(self, *, at_once: int, seconds: float) -> Mapping[str, int]:
        """Returns how many of the samples of botkit's worker fell into each layer; see `Sampler`."""
        worker = next(pid for pid in self.server.pids() if pid != self.server.pid)
        found = Path(self._environ["BENCH_SAMPLES"])
        found.unlink(missing_ok=True)
        async with self._talking(at_once) as (talks, _):
            await self._pass(talks, 1)
            os.kill(worker, signal.SIGUSR2)
            await self._pass(talks, seconds)
            os.kill(worker, signal.SIGUSR2)
            while not found.exists():
                await self._pass(talks, 0.05)
        return msgspec.json.decode(found.read_bytes(), type=dict[str, int])

    @contextlib.asynccontextmanager
    async def _talking(
        self, at_once: int, *, people: int = PEOPLE, first_chat: int = 0, rate: float = 0
    ) -> AsyncIterator[tuple[Talks, Checker]]:
        checker = Checker()
        first_chat = first_chat or self._chats(people)
        post = self.webhook.post
        talks = Talks(post, checker, at_once=at_once, people=people, first_chat=first_chat, rate=rate)
        self.telegram.on_reply = talks.on_reply
        talks.start()
        yield talks, checker
        await talks.stop()

    def _chats(self, count: int) -> int:
        # Nobody meets a conversation that another one left half-way.
        first, self._first_chat = self._first_chat, self._first_chat + count
        return first

    async def _pass(self, talks: Talks, seconds: float) -> None:
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            await asyncio.sleep(min(left, 1))
            talks.give_up_waiting()
            self._insist_alive()

    def _snapshot(self) -> "_Snapshot":
        work = self.redis.work()
        return _Snapshot(time.perf_counter(), self.server.cpu(), own_cpu(), work.cpu, work.reads)


async def is_ready(port: int) -> bool:
    """Tells whether a server takes requests."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    try:
        writer.write(b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        answer = await reader.read(100)
    except OSError:
        return False
    finally:
        writer.close()
    # A peer has no such page, and says so as soon as it takes requests.
    return answer.startswith(b"HTTP/1.1 ") and answer[9:12] != b"503"


class _Snapshot(Struct, frozen=True):
    at: float
    server: float
    own: float
    redis: float
    reads: int


def _measured(
    before: _Snapshot, after: _Snapshot, times: Times, peaks: tuple[float, float], repeated: int, verdict: Verdict
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
        repeated=repeated,
        verdict=verdict,
    )


def _ms(seconds: Sequence[float], share: float) -> float:
    # Nothing came: that is as slow as can be told.
    return percentile(seconds, share) * 1000 if seconds else float("inf")
