"""What botkit means to reach, beside what was measured."""

from collections.abc import Callable, Iterator, Sequence
from statistics import median

from benchmarks import machine
from benchmarks.arena import Flooded, Measured
from benchmarks.contestants import AIOGRAM, BOTKIT, INLINE
from benchmarks.figures import ratio
from benchmarks.measurements import Measurements
from benchmarks.plan import Trips
from benchmarks.start import Started

Row = tuple[str, str, str, bool | None]
Figure = Callable[[Measured], float]


def aims(found: Measurements) -> Iterator[Row]:
    """Returns a row for each figure that was measured: its name, the aim, the value, and whether that is reached.

    None where this machine cannot tell.
    """
    ours = _at_16(found, BOTKIT.name)
    if ours:
        yield from _beside_peers(found, ours)
        cpu = median(one.cpu for one in ours)
        yield "CPU per event", "at most 0.3 ms", f"{cpu:.3f} ms", cpu <= 0.3
        faults = sum(one.verdict.faults for one in ours) + sum(
            flood.verdict.faults for flood in found.rounds("flood", BOTKIT.name, 0, Flooded)
        )
        yield "replies lost, double, wrong, reordered", "none", str(faults), not faults
    for trips in found.rounds("trips", BOTKIT.name, 0, Trips):
        name = "commands to Redis per event, with those that look for more work"
        yield name, "at most 3.5", f"{trips.commands:.2f}", trips.commands <= 3.5
    yield from _alone(found)


def _at_16(found: Measurements, name: str) -> Sequence[Measured]:
    return found.rounds("talks", name, 16, Measured)


def _beside_peers(found: Measurements, ours: Sequence[Measured]) -> Iterator[Row]:
    default, inline = _at_16(found, AIOGRAM.name), _at_16(found, INLINE.name)
    if len(default) == len(ours):
        times = _ratio(ours, default, lambda one: one.rate)
        yield "replies/s, of aiogram's default mode", "at least 4 times", f"{times:.2f} times", times >= 4
        share = _ratio(ours, default, lambda one: one.rss)
        yield "peak memory, of aiogram's", "less than half", f"{share:.2f}", share < 0.5
    if len(inline) == len(ours):
        for name, figure in _ANSWERS.items():
            share = _ratio(ours, inline, figure)
            yield f"webhook's answer, {name}, of aiogram's inline mode", "below 1", f"{share:.2f}", share < 1


_ANSWERS: dict[str, Figure] = {"p50": lambda one: one.answer_p50, "p99": lambda one: one.answer_p99}


def _calm(found: Measurements) -> Iterator[Row]:
    for rate in found.cases("calm"):
        rounds = found.rounds("calm", BOTKIT.name, rate, Measured)
        for name, aims in _CALM.items() if rounds else ():
            values = [median(figure(one) for one in rounds) for _, figure in aims]
            aim = " and ".join(f"{most} ms" for most, _ in aims)
            is_met = all(value <= most for value, (most, _) in zip(values, aims, strict=True))
            told = " and ".join(f"{value:.1f} ms" for value in values)
            yield f"{name} at {rate} messages a second, p50 and p99", f"at most {aim}", told, is_met


_CALM: dict[str, Sequence[tuple[int, Figure]]] = {
    "webhook's answer": ((3, lambda one: one.answer_p50), (8, lambda one: one.answer_p99)),
    "reply": ((6, lambda one: one.reply_p50), (15, lambda one: one.reply_p99)),
}


def _ratio(ours: Sequence[Measured], theirs: Sequence[Measured], figure: Figure) -> float:
    return ratio([figure(one) for one in ours], [figure(one) for one in theirs])


def _alone(found: Measurements) -> Iterator[Row]:
    yield from _calm(found)
    quiet, beside = (found.rounds("neighbour", BOTKIT.name, case, Measured) for case in (0, 1))
    if quiet and len(quiet) == len(beside):
        times = _ratio(beside, quiet, lambda one: one.reply_p99)
        name = "reply, p99, beside one person who writes without a pause, of that without"
        yield name, "at most 1.2 times", f"{times:.2f} times", times <= 1.2
    sizes = found.cases("growth")
    if len(sizes) > 1:
        small, large = (found.rounds("growth", BOTKIT.name, size, Measured) for size in (sizes[0], sizes[-1]))
        growth = median(one.cpu + one.redis_cpu for one in large) / median(one.cpu + one.redis_cpu for one in small)
        name = f"CPU per event with Redis's, {sizes[-1]:,} conversations stored beside {sizes[0]:,}"
        yield name, "flat: at most 1.2 times", f"{growth:.2f} times", growth <= 1.2
    one, two = (found.rounds("workers", BOTKIT.name, workers, Measured) for workers in (1, 2))
    if one and len(one) == len(two):
        times = _ratio(two, one, lambda one: one.rate)
        enough = times >= 1.7 if machine.cores() > 2 else None
        yield "two workers beside one", "at least 1.7 times, with three cores", f"{times:.2f} times", enough
    for started in found.rounds("start", BOTKIT.name, 0, Started):
        slowest = max(started.ready, started.ready_embedded) / 1000
        yield "`botkit run` ready", "under 1.5 s", f"{slowest:.2f} s", slowest < 1.5
        for name, imported in started.imports.items():
            if name == "import botkit":
                yield f"`{name}`", "under 150 ms", f"{imported.wall:.0f} ms", imported.wall < 150
