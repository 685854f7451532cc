"""Writes RESULTS.md from what was measured."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median

from benchmarks import machine
from benchmarks.aims import aims
from benchmarks.arena import Flooded, Measured
from benchmarks.contestants import AIOGRAM, BARE, BOTKIT, Contestant
from benchmarks.figures import ratio
from benchmarks.measurements import Measurements
from benchmarks.plan import Trips
from benchmarks.start import Started

RESULTS = Path(__file__).with_name("RESULTS.md")
EXPLANATION = Path(__file__).with_name("explanation.md")

Figure = Callable[[Measured], float]


def page(found: Measurements, contestants: Sequence[Contestant]) -> str:
    """Returns the page: medians over the rounds, and ratios within a round."""
    sections = [
        _head(),
        _aims(found),
        *(_talks(found, contestants, at_once) for at_once in found.cases("talks")),
        *(_calm(found, contestants, rate) for rate in found.cases("calm")),
        _trips(found, contestants),
        _flood(found, contestants),
        _neighbour(found),
        _workers(found),
        _growth(found),
        _start(found),
        _versions(contestants),
        _layers(found),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _head() -> str:
    return f"""# Results

Written by `scripts/bench` on {machine.today()}; the method is in [README.md](README.md).

- Machine: {machine.machine()}
- Redis {machine.redis_version()}: for botkit with `appendonly yes` and `appendfsync always`, for others without a log
- botkit {machine.revision()}"""


def _aims(found: Measurements) -> str:
    said = {True: "yes", False: "no", None: "cannot tell"}
    rows = [[name, aim, value, said[is_met]] for name, aim, value, is_met in aims(found)]
    text = "At 16 conversations in flight, ratios within a round."
    return f"## In short\n\n{text}\n\n{_table(['', 'aim', 'measured', 'reached'], rows)}" if rows else ""


# --- tables ---


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---", *("---:" for _ in head[1:])], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _talks(found: Measurements, contestants: Sequence[Contestant], at_once: int) -> str:
    head = ["", "replies/s", "botkit, times", "CPU ms", "webhook p50", "p99", "reply p50", "p99", "RSS MiB", "wrong"]
    ours = found.rounds("talks", BOTKIT.name, at_once, Measured)
    rows = []
    for one in contestants:
        theirs = found.rounds("talks", one.name, at_once, Measured)
        if theirs:
            rows.append([one.title, *_row(theirs, ours)])
    noun = "conversation" if at_once == 1 else "conversations"
    return f"## {at_once} {noun} in flight\n\n{_table(head, rows)}"


def _calm(found: Measurements, contestants: Sequence[Contestant], rate: int) -> str:
    head = ["", "CPU ms", "webhook p50", "p99", "reply p50", "p99", "wrong"]
    rows = []
    for one in contestants:
        rounds = found.rounds("calm", one.name, rate, Measured)
        if rounds:
            times = [f"{_median(rounds, figure):.1f}" for figure in _LATENCIES]
            cpu = f"{_median(rounds, lambda one: one.cpu):.3f}"
            rows.append([one.title, cpu, *times, str(sum(one.verdict.faults for one in rounds))])
    return f"## {rate} messages a second\n\nLittle to do, evenly spread.\n\n{_table(head, rows)}"


def _row(theirs: Sequence[Measured], ours: Sequence[Measured]) -> Iterator[str]:
    yield _spread(theirs, lambda one: one.rate)
    comparable = len(theirs) == len(ours)
    yield f"{ratio([one.rate for one in ours], [one.rate for one in theirs]):.2f}" if comparable else ""
    yield f"{_median(theirs, lambda one: one.cpu):.3f}"
    for figure in _LATENCIES:
        yield f"{_median(theirs, figure):.1f}"
    yield f"{_median(theirs, lambda one: one.rss):.0f}"
    yield str(sum(one.verdict.faults for one in theirs))


_LATENCIES: Sequence[Figure] = (
    lambda one: one.answer_p50,
    lambda one: one.answer_p99,
    lambda one: one.reply_p50,
    lambda one: one.reply_p99,
)


def _median(rounds: Sequence[Measured], figure: Figure) -> float:
    return median(figure(one) for one in rounds)


def _spread(rounds: Sequence[Measured], figure: Figure) -> str:
    values = [figure(one) for one in rounds]
    return f"{median(values):.0f} ({min(values):.0f}-{max(values):.0f})" if len(values) > 1 else f"{values[0]:.0f}"


def _trips(found: Measurements, contestants: Sequence[Contestant]) -> str:
    rows = []
    for one in contestants:
        commands = found.rounds("trips", one.name, 0, Trips)
        talks = found.rounds("talks", one.name, 16, Measured)
        if commands and talks:
            rows.append(
                [
                    one.title,
                    f"{commands[0].commands:.1f}",
                    f"{_median(talks, lambda one: one.redis_reads):.1f}",
                    f"{_median(talks, lambda one: one.redis_cpu) * 1000:.0f}",
                    f"{_median(talks, lambda one: one.own_cpu) * 1000:.0f}",
                    f"{_median(talks, lambda one: one.other_core):.0%}",
                    f"{_median(talks, lambda one: one.rss_all):.0f}",
                ]
            )
    if not rows:
        return ""
    head = ["", "commands", "reads", "Redis CPU µs", "harness CPU µs", "other core", "RSS of all MiB"]
    return f"## Redis, and what the measuring itself costs\n\nPer event, at 16 in flight.\n\n{_table(head, rows)}"


def _flood(found: Measurements, contestants: Sequence[Contestant]) -> str:
    rows = []
    for one in contestants:
        floods = found.rounds("flood", one.name, 0, Flooded)
        if not floods:
            continue
        verdicts = [flood.verdict for flood in floods]
        rows.append(
            [
                one.title,
                f"{sum(flood.sent for flood in floods)}",
                *(
                    str(sum(getattr(one, name) for one in verdicts))
                    for name in ("lost", "reordered", "double", "wrong")
                ),
                f"{median(flood.rate for flood in floods):.0f}",
            ]
        )
    if not rows:
        return ""
    head = ["", "messages", "lost", "reordered", "double", "wrong", "replies/s"]
    return f"## Messages that come faster than replies\n\nAll rounds together.\n\n{_table(head, rows)}"


def _neighbour(found: Measurements) -> str:
    rows = []
    for case, title in ((0, "nobody else"), (1, "one person who writes without a pause")):
        rounds = found.rounds("neighbour", BOTKIT.name, case, Measured)
        if not rounds:
            return ""
        times = [f"{_median(rounds, figure):.1f}" for figure in _LATENCIES]
        cpu = f"{_median(rounds, lambda one: one.cpu):.3f}"
        rows.append([title, cpu, *times, str(sum(one.verdict.faults for one in rounds))])
    text = (
        "64 people write 50 messages a second; beside them, one writes the next word as soon as the last was taken, "
        "so that there is always mail of theirs. CPU is that of all events, for each of the 64's."
    )
    head = ["beside them", "CPU ms", "webhook p50", "p99", "reply p50", "p99", "wrong"]
    return f"## A noisy neighbour\n\n{text}\n\n{_table(head, rows)}"


def _workers(found: Measurements) -> str:
    one, two = (found.rounds("workers", BOTKIT.name, workers, Measured) for workers in (1, 2))
    if not one or len(one) != len(two):
        return ""
    rows = [
        [str(workers), _spread(rounds, lambda one: one.rate), f"{_median(rounds, lambda one: one.cpu):.3f}"]
        for workers, rounds in ((1, one), (2, two))
    ]
    gain = ratio([figures.rate for figures in two], [figures.rate for figures in one])
    text = f"64 conversations in flight. Two answer {gain:.2f} times as many as one. {_sharing()}"
    return f"## Worker processes\n\n{text}\n\n{_table(['workers', 'replies/s', 'CPU ms'], rows)}"


def _sharing() -> str:
    if machine.cores() > 2:
        return "Each has a core of its own, and so have Redis, the platform and the load together."
    return (
        "This machine has two cores: the second worker shares one with Redis, the platform and the load, "
        "so this is not what two would reach on cores of their own."
    )


def _growth(found: Measurements) -> str:
    sizes = found.cases("growth")
    if not sizes:
        return ""
    rounds: Mapping[int, list[Measured]] = {size: found.rounds("growth", BOTKIT.name, size, Measured) for size in sizes}
    first = _median(rounds[sizes[0]], lambda one: one.cpu + one.redis_cpu)
    rows = [
        [
            f"{size:,}",
            f"{_median(rounds[size], lambda one: one.rate):.0f}",
            f"{_median(rounds[size], lambda one: one.cpu):.3f}",
            f"{_median(rounds[size], lambda one: one.redis_cpu):.3f}",
            f"{_median(rounds[size], lambda one: one.cpu + one.redis_cpu) / first:.2f}",
        ]
        for size in sizes
    ]
    head = ["conversations stored", "replies/s", "CPU ms", "Redis CPU ms", f"both, of those at {sizes[0]:,}"]
    return f"## Growth\n\n16 in flight, over all the stored conversations.\n\n{_table(head, rows)}"


def _start(found: Measurements) -> str:
    times = _started(found)
    if times is None:
        return ""
    imports = [
        [f"`{statement}`", f"{figures.wall:.0f}", f"{figures.cpu:.0f}"] for statement, figures in times.imports.items()
    ]
    ready = [
        ["`botkit run` ready, its Redis there", f"{times.ready:.0f}", ""],
        ["`botkit run` ready, starting its own Redis", f"{times.ready_embedded:.0f}", ""],
    ]
    text = (
        "Medians; imports are what they add to an interpreter's own start. What is in the package is loaded when it is "
        "first asked for, so the second row is what a bot pays."
    )
    return f"## Start\n\n{text}\n\n{_table(['', 'ms', 'CPU ms'], [*imports, *ready])}"


def _started(found: Measurements) -> Started | None:
    rounds = found.rounds("start", BOTKIT.name, 0, Started)
    return rounds[0] if rounds else None


def _versions(contestants: Sequence[Contestant]) -> str:
    by_venv = {one.venv: one for one in reversed(contestants) if one.venv and one.python.exists()}
    lines = [f"- {one.venv}: {', '.join(machine.versions(one))}" for one in by_venv.values()]
    return "## Versions\n\n" + "\n".join(lines)


def _layers(found: Measurements) -> str:
    """Where the remaining time goes: the explanation, with what was measured in place of its `{...}`."""
    rounds = found.rounds("layers", BOTKIT.name, 16, dict[str, int])
    talks = found.rounds("talks", BOTKIT.name, 16, Measured)
    if not rounds or not talks:
        return ""
    cpu = _median(talks, lambda one: one.cpu)
    samples = rounds[0]
    total = sum(samples.values())
    ranked = sorted(samples.items(), key=lambda item: -item[1])
    rows = [[name, f"{count / total:.0%}", f"{count / total * cpu * 1000:.0f}"] for name, count in ranked]
    return (
        EXPLANATION.read_text(encoding="utf-8")
        .format(
            table=_table(["layer", "share", "µs per event"], rows),
            cpu=f"{cpu:.3f}",
            aiogram_cpu=_cpu(found, AIOGRAM),
            bare_cpu=_cpu(found, BARE),
            redis_cpu=f"{_median(talks, lambda one: one.redis_cpu):.3f}",
            samples=total,
        )
        .rstrip()
    )


def _cpu(found: Measurements, contestant: Contestant) -> str:
    rounds = found.rounds("talks", contestant.name, 16, Measured)
    return f"{_median(rounds, lambda one: one.cpu):.3f}" if rounds else "?"
