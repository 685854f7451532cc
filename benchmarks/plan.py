"""What is measured, in which order."""

import asyncio
import time
from collections.abc import Collection, Sequence

import msgspec
from msgspec import Struct

from benchmarks.arena import Arena, Cores, Flooded, Measured
from benchmarks.contestants import BOTKIT, SCRATCH, Contestant
from benchmarks.growth import fill
from benchmarks.measurements import Key, Measurements
from benchmarks.start import time_start

# Conversations stored beforehand have these chats.
_STORED_CHATS = 900_000_000
# Who writes without a pause.
_NOISY_CHAT = 800_000_000


class Plan(Struct, frozen=True, kw_only=True):
    """How much is measured. Times are in seconds."""

    rounds: int = 3
    at_once: Sequence[int] = (1, 16, 64)
    warm_up: float = 1
    seconds: float = 3
    #: Messages a second where little is to be done; 0 leaves that out.
    calm: int = 50
    #: Chats whose messages come faster than replies, and how often each goes through its three steps.
    flood: tuple[int, int] = (40, 33)
    sizes: Sequence[int] = (1_000, 10_000, 100_000, 1_000_000)
    #: How often each start is timed.
    starts: int = 9


FULL = Plan()
QUICK = Plan(rounds=1, at_once=(16,), warm_up=0.8, seconds=2.5, calm=0, flood=(40, 5), sizes=(), starts=3)


class Trips(Struct, frozen=True):
    """Commands to Redis per event, not counting what scripts call."""

    commands: float


class Session:
    """Carries a plan out for some bots; what was measured before is not measured again."""

    def __init__(
        self, plan: Plan, contestants: Sequence[Contestant], cores: Collection[int], found: Measurements
    ) -> None:
        self._plan = plan
        self._contestants = contestants
        self._available = cores
        self._cores = Cores.choose(cores)
        self._found = found
        self._began_at = time.monotonic()

    async def run(self) -> None:
        """Measures all of it."""
        for number in range(self._plan.rounds):
            # Each begins a round in turn: whoever comes first finds the machine as the last round left it.
            shift = number % len(self._contestants)
            for contestant in [*self._contestants[shift:], *self._contestants[:shift]]:
                await self._round(contestant, number)
        if BOTKIT not in self._contestants:
            return
        await self._layers()
        if len(self._plan.sizes) > 1:
            await self._neighbour()
            await self._workers()
            await self._starts()
            for size in self._plan.sizes:
                await self._growth(size)

    async def _round(self, contestant: Contestant, number: int) -> None:
        plan, name = self._plan, contestant.name
        calm = [Key("calm", name, rate, number) for rate in (plan.calm,) if rate]
        talks = [Key("talks", name, at_once, number) for at_once in plan.at_once]
        flood = Key("flood", name, 0, number)
        if all(key in self._found for key in (*calm, *talks, flood)):
            return
        async with Arena(contestant, self._cores) as arena:
            for key in calm:
                figures = await arena.measure(64, warm_up=plan.warm_up, seconds=plan.seconds, rate=key.case)
                self._add(key, figures)
            for key in talks:
                self._add(key, await arena.measure(key.case, warm_up=plan.warm_up, seconds=plan.seconds))
            if number == 0:
                self._add(Key("trips", name, 0, 0), Trips(await arena.commands(at_once=16, seconds=1)))
            chats, turns = plan.flood
            self._add(flood, await arena.flood(chats=chats, turns=turns))

    async def _layers(self) -> None:
        key = Key("layers", BOTKIT.name, 16, 0)
        if key in self._found:
            return
        samples = SCRATCH / "samples.json"
        async with Arena(BOTKIT, self._cores, environ={"BENCH_SAMPLES": str(samples)}) as arena:
            self._add(key, await arena.sample(at_once=16, seconds=2 * self._plan.seconds))

    async def _neighbour(self) -> None:
        for number in range(self._plan.rounds):
            quiet, noisy = (Key("neighbour", BOTKIT.name, case, number) for case in (0, 1))
            if quiet in self._found and noisy in self._found:
                continue
            plan = self._plan
            async with Arena(BOTKIT, self._cores) as arena:
                figures = await arena.measure(64, warm_up=plan.warm_up, seconds=plan.seconds, rate=plan.calm)
                self._add(quiet, figures)
                figures = await arena.measure_beside(
                    _NOISY_CHAT, warm_up=plan.warm_up, seconds=plan.seconds, rate=plan.calm
                )
                self._add(noisy, figures)

    async def _workers(self) -> None:
        for number in range(self._plan.rounds):
            for workers in (1, 2):
                key = Key("workers", BOTKIT.name, workers, number)
                if key in self._found:
                    continue
                cores = Cores.choose(self._available, workers)
                async with Arena(BOTKIT, cores, workers=workers) as arena:
                    self._add(key, await arena.measure(64, warm_up=self._plan.warm_up, seconds=self._plan.seconds))

    async def _starts(self) -> None:
        key = Key("start", BOTKIT.name, 0, 0)
        if key not in self._found:
            self._add(key, await time_start(self._cores, times=self._plan.starts))

    async def _growth(self, size: int) -> None:
        keys = [Key("growth", BOTKIT.name, size, number) for number in range(self._plan.rounds)]
        if all(key in self._found for key in keys):
            return
        async with Arena(BOTKIT, self._cores) as arena:
            model = _STORED_CHATS - 1
            # A few talks: what is remembered of hundreds of messages, a million times, is more than a machine has.
            await arena.flood(chats=1, turns=3, first_chat=model)
            await asyncio.to_thread(fill, arena.redis, model=model, first_chat=_STORED_CHATS, chats=size)
            for key in keys:
                figures = await arena.measure(
                    16, warm_up=self._plan.warm_up, seconds=self._plan.seconds, people=size, first_chat=_STORED_CHATS
                )
                self._add(key, figures)

    def _add(self, key: Key, figures: object) -> None:
        self._found.add(key, figures)
        print(f"{time.monotonic() - self._began_at:5.0f} s  {_told(key)}  {_digest(figures)}", flush=True)


def _told(key: Key) -> str:
    return f"{key.part:<7} {key.name:<18} {key.case or '':>7}  round {key.round + 1}"


def _digest(figures: object) -> str:
    if isinstance(figures, Measured):
        faults = "" if figures.verdict.is_clean else f"  {figures.verdict}"
        return f"{figures.rate:7.0f} replies/s  {figures.cpu:6.3f} ms CPU  p99 {figures.reply_p99:6.1f} ms{faults}"
    if isinstance(figures, Flooded):
        verdict = figures.verdict
        return f"{figures.rate:7.0f} replies/s  lost {verdict.lost} of {figures.sent}, reordered {verdict.reordered}"
    return msgspec.json.encode(figures).decode()
