"""Two processes, a Redis and a service under every fault at once: nothing is lost, doubled, reordered or made up.

People write in bursts to whichever process takes it, some of it twice. Meanwhile processes are killed, stopped and
paused, Redis loses its power or stands still, connections freeze and break, and the service refuses, delays and
forgets to answer. The run counts only if it came to the places where things could go wrong.
"""

import asyncio
import contextlib
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import redis
from msgspec import Struct

from botkit.record import Flows
from botkit.redis.audit import audit
from botkit.redis.keys import Keys
from botkit.redis.store import RedisStore
from tests.faults.chaos_app import BOUNDS, LEASE, PARTITIONS, SECRET, Count
from tests.faults.chaos_platform import FAULTS, Platform
from tests.faults.chaos_proxy import ChaosProxy
from tests.faults.checker import Fault, History, Mark, judge
from tests.faults.conftest import MakeRedis
from tests.faults.redis_child import RedisChild

NAMES = ("one", "two")
KEYS = Keys("bk", PARTITIONS)
ROOT = Path(__file__).parents[2]


class Scale(Struct, frozen=True):
    """How much happens, and what must be reached; `seconds` is how long the people take to say it all."""

    events: int
    people: int
    poison: int
    seconds: float
    kills: int
    fenced: int
    recovered: int
    unsent: int
    power_cuts: int = 1
    pauses: int = 1


SHORT = Scale(6000, 150, 12, 50, kills=6, fenced=5, recovered=20, unsent=5, power_cuts=2, pauses=3)
LONG = Scale(100_000, 300, 100, 1500, kills=300, fenced=20, recovered=20, unsent=5, power_cuts=100, pauses=100)


class App:
    """A working process, its way to Redis, and its socket, which stays when it dies."""

    def __init__(self, name: str, proxy: ChaosProxy) -> None:
        self.name = name
        self.proxy = proxy
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.listener.set_inheritable(True)
        self.port: int = self.listener.getsockname()[1]
        self.pid = 0

    def signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    @property
    def is_running(self) -> bool:
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        return True


class Run:
    """One run, with all that it is made of."""

    def __init__(self, scale: Scale, seed: int, server: RedisChild, folder: Path) -> None:
        self.scale = scale
        # Whatever else happens, each of these plans is the same with the same seed.
        self.random, self.app_plan, self.redis_plan = (
            random.Random(f"{seed} {of}") for of in ("people", "apps", "redis")
        )
        self.redis = server
        self.platform = Platform(seed)
        self.apps: list[App] = []
        self.history = History()
        self.reached: Counter[str] = Counter()
        self.notes = folder / "notes"
        self.notes.touch()
        self._forge: subprocess.Popen[str] | None = None
        self._redis_turn = asyncio.Lock()
        self._updates = 0

    # --- processes ---

    @asynccontextmanager
    async def living(self) -> AsyncIterator[None]:
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(self.platform.open())
            for name in NAMES:
                proxy = await stack.enter_async_context(ChaosProxy(self.redis.url))
                self.apps.append(App(name, proxy))
            self._forge = subprocess.Popen(  # noqa: ASYNC220
                [sys.executable, "-m", "tests.faults.chaos_app", f"http://127.0.0.1:{self.platform.port}", self.notes],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                pass_fds=[app.listener.fileno() for app in self.apps],
            )
            try:
                for app in self.apps:
                    self.start(app)
                yield
            finally:
                for app in self.apps:
                    app.signal(signal.SIGKILL)
                    app.listener.close()
                self._forge.kill()
                self._forge.communicate()

    def start(self, app: App) -> None:
        assert self._forge
        assert self._forge.stdin
        assert self._forge.stdout
        self._forge.stdin.write(f"{app.name} {app.proxy.url} {app.listener.fileno()}\n")
        self._forge.stdin.flush()
        app.pid = int(self._forge.stdout.readline())

    def worker(self, app: App) -> str:
        """The name by which a process is known in its tokens."""
        return re.findall(rf"worker {app.name} (\w+)", self.notes.read_text())[-1] if app.pid else ""

    # --- a look at Redis ---

    def held_by(self, app: App, kind: str) -> list[str]:
        """The conversations that a process holds."""
        found: list[str] = []
        # It may be without power.
        with contextlib.suppress(redis.RedisError):
            worker = f"{self.worker(app)}.".encode()
            for partition in range(PARTITIONS):
                owners: dict[bytes, bytes] = self.redis.ask("HGETALL", f"{{bk:{partition}}}:{kind}")
                found += [cid.decode() for cid, token in owners.items() if token.startswith(worker)]
        return found

    def longest_queue(self, app: App) -> int:
        """How much mail waits in the fullest of the conversations that a process holds."""
        with contextlib.suppress(redis.RedisError):
            queues = [KEYS.of(cid, "m")[0] for cid in self.held_by(app, "own")]
            return max((int(self.redis.ask("LLEN", queue)) for queue in queues), default=0)
        return 0

    async def until(self, holds: Callable[[], object], seconds: float) -> None:
        """Waits until something holds, but no longer than that."""
        deadline = time.monotonic() + seconds
        # What it waits for happens in another process.
        while not holds() and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    # --- nemeses ---

    @asynccontextmanager
    async def fault(self, kind: str, process: str = "") -> AsyncIterator[None]:
        began = time.monotonic()
        try:
            yield
        finally:
            self.history.faults.append(Fault(kind, process, began, time.monotonic()))
            self.reached[kind] += 1

    async def kill(self, app: App) -> None:
        await self.until(lambda: self.held_by(app, "oown"), 0.5)
        async with self.fault("kill", app.name):
            app.signal(signal.SIGKILL)
            self.reached["unsent"] += bool(self.held_by(app, "oown"))
        await asyncio.sleep(self.app_plan.uniform(0, 0.3))
        self.start(app)

    async def stop(self, app: App) -> None:
        async with self.fault("stop", app.name):
            app.signal(signal.SIGTERM)
            await self.until(lambda: not app.is_running, 15)
        assert not app.is_running, "it did not stop"
        self.start(app)

    async def pause(self, app: App) -> None:
        await self.until(lambda: self.longest_queue(app) >= 3, 2)
        async with self.fault("pause", app.name):
            app.signal(signal.SIGSTOP)
            self.reached["pause with mail"] += self.longest_queue(app) >= 3
            await asyncio.sleep(LEASE * self.app_plan.uniform(1.1, 2.5))
            app.signal(signal.SIGCONT)

    async def freeze_connection(self, app: App) -> None:
        async with self.fault("freeze", app.name):
            app.proxy.freeze()
            await asyncio.sleep(LEASE * self.app_plan.uniform(0.2, 2))
            app.proxy.thaw()

    async def reset_connection(self, app: App) -> None:
        async with self.fault("reset", app.name):
            app.proxy.reset()

    async def cut_power(self) -> None:
        async with self._redis_turn, self.fault("power cut"):
            await asyncio.to_thread(self.redis.cut_power)
            await asyncio.sleep(self.redis_plan.uniform(0, 0.3))
            await asyncio.to_thread(self.redis.start)

    async def freeze_redis(self) -> None:
        async with self._redis_turn, self.fault("stand still"):
            self.redis.freeze()
            await asyncio.sleep(self.redis_plan.uniform(0.2, 2.5))
            self.redis.thaw()

    async def trouble_apps(self) -> None:
        kinds: list[Callable[[App], Awaitable[None]]] = [
            self.kill,
            self.kill,
            self.kill,
            self.stop,
            self.pause,
            self.pause,
        ]
        kinds += [self.freeze_connection, self.reset_connection]
        while True:
            for kind in self.app_plan.sample(kinds, len(kinds)):
                await asyncio.sleep(self.app_plan.uniform(0.1, 0.8))
                await kind(self.app_plan.choice(self.apps))

    async def trouble_redis(self) -> None:
        while True:
            for kind in self.redis_plan.sample([self.cut_power, self.cut_power, self.freeze_redis], 3):
                await asyncio.sleep(self.redis_plan.uniform(3, 6))
                await kind()

    # --- people ---

    async def post(self, app: App, update: int, person: int, text: str) -> bool:
        """Delivers an update once; tells whether it was acknowledged."""
        someone = {"id": person, "first_name": "P"}
        message = {"message_id": update, "date": int(time.time()), "text": text}
        message |= {"from": someone | {"is_bot": False}, "chat": someone | {"type": "private"}}
        body = json.dumps({"update_id": update, "message": message}).encode()
        head = (
            f"POST /webhooks/telegram?ta=shop-telegram HTTP/1.1\r\nhost: bot\r\nconnection: close\r\n"
            f"x-telegram-bot-api-secret-token: {SECRET}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\n\r\n"
        )
        self.history.tried.append((str(person), text))
        writer = None
        try:
            async with asyncio.timeout(2):
                reader, writer = await asyncio.open_connection("127.0.0.1", app.port)
                writer.write(head.encode() + body)
                return (await reader.readline()).split()[1:2] == [b"200"]
        except (TimeoutError, OSError):
            return False
        finally:
            if writer:
                writer.transport.abort()

    async def say(self, person: int, text: str) -> None:
        """Delivers an update again and again until it is acknowledged, and sometimes once more."""
        self._updates += 1
        update = self._updates
        while not await self.post(self.random.choice(self.apps), update, person, text):  # noqa: ASYNC110
            await asyncio.sleep(self.random.uniform(0.05, 0.3))
        self.history.acknowledged.append((str(person), text))
        if self.random.random() < 0.05:
            await self.post(self.random.choice(self.apps), update, person, text)

    async def talk(self, person: int, texts: list[str]) -> None:
        bursts = max(1, len(texts) // 5)
        pause = self.scale.seconds / bursts
        await asyncio.sleep(self.random.uniform(0, pause))
        while texts:
            size = self.random.randint(1, 9)
            burst, texts = texts[:size], texts[size:]
            began = time.monotonic()
            for text in burst:
                await self.say(person, text)
            if texts:
                await asyncio.sleep(max(0, began + pause * len(burst) / 5 - time.monotonic()))

    def script(self) -> dict[int, list[str]]:
        """What each of the people says."""
        texts = {
            person: [f"{person}-{number}" for number in range(self.scale.events // self.scale.people)]
            for person in range(1000, 1000 + self.scale.people)
        }
        for person in self.random.sample(sorted(texts), self.scale.poison):
            place = self.random.randrange(len(texts[person]))
            texts[person][place] = f"{person}-poison"
            self.history.poison.add(f"{person}-poison")
        return texts

    # --- the end ---

    async def live(self) -> None:
        troubles = [asyncio.create_task(self.trouble_apps()), asyncio.create_task(self.trouble_redis())]
        try:
            async with asyncio.TaskGroup() as group:
                for person, texts in self.script().items():
                    group.create_task(self.talk(person, texts))
        finally:
            for trouble in troubles:
                trouble.cancel()
            results = await asyncio.gather(*troubles, return_exceptions=True)
        assert all(isinstance(result, asyncio.CancelledError) for result in results), results
        await self.make_peace()

    async def make_peace(self) -> None:
        """Ends all trouble, and waits until nothing is left to do."""
        if not self.redis.is_running:
            await asyncio.to_thread(self.redis.start)
        self.redis.thaw()
        for app in self.apps:
            app.proxy.thaw()
            app.signal(signal.SIGCONT)
            if not app.is_running:
                self.start(app)
        deadline = time.monotonic() + 240
        while left := self.redis.ask("KEYS", "*}:[mo]:*"):
            assert time.monotonic() < deadline, f"never done: {left[:5]}"
            await asyncio.sleep(0.1)

    async def judge(self) -> None:
        """Fails unless all is well and the run came to the dangerous places."""
        store = RedisStore(self.redis.url, bounds=BOUNDS)
        history = self.history
        history.sendings = self.platform.sendings
        try:
            for person in range(1000, 1000 + self.scale.people):
                cid = f"telegram:shop-telegram:{person}"
                history.states[str(person)] = Mark.read(Flows((await store.load(cid)).state).get(Count).mark)
                letters = await store.dead_letters.read(cid)
                self.reached.update(f"dead: {letter.error[-60:]}" for letter in letters)
                history.dead += [
                    text for letter in letters for text in re.findall(r'"text":"([^"]+)', letter.entry.decode())
                ]
            problems = await audit(store)
        finally:
            await store.close()
        findings = judge(history)
        print(f"reached {dict(self.reached)}, injected {dict(self.platform.injected)}, explained {findings.explained}")  # noqa: T201
        assert findings.classes == set(), findings
        assert sorted(history.dead) == sorted(history.poison)
        assert problems == []
        assert findings.explained <= self.most_repeats

    @property
    def most_repeats(self) -> int:
        """One for each answer that the service kept to itself, and for each fault what was under way."""
        kept = self.platform.injected["reset after"] + self.platform.injected["5xx after"]
        return kept + 10 * len(self.history.faults)

    def check_reached(self) -> None:
        """Fails if the run was too tame to prove anything."""
        noted = Counter(line.split()[0] for line in self.notes.read_text().splitlines())
        reached = self.reached + noted
        wanted = {
            **dict.fromkeys(("kill", "stop", "pause", "freeze", "reset", "power cut", "stand still"), 1),
            "kill": self.scale.kills,
            "pause": self.scale.pauses,
            "power cut": self.scale.power_cuts,
            "fenced": self.scale.fenced,
            "recovered": self.scale.recovered,
            "unsent": self.scale.unsent,
            "pause with mail": round(0.3 * self.reached["pause"]),
        }
        print(f"noted {dict(noted)}")  # noqa: T201
        missed = {kind: (reached[kind], number) for kind, number in wanted.items() if reached[kind] < number}
        assert missed == {}, "reached, wanted"
        assert self.platform.injected.keys() == FAULTS.keys()


async def test_chaos_loses_doubles_reorders_and_makes_up_nothing(
    make_redis: MakeRedis, tmp_path: Path, seed: int, pytestconfig: pytest.Config
) -> None:
    scale = LONG if pytestconfig.getoption("--long") else SHORT
    run = Run(scale, seed, make_redis(power_cut=True), tmp_path)
    async with run.living():
        await run.live()
        await run.judge()
    run.check_reached()
