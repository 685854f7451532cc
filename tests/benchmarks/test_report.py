from pathlib import Path

import pytest
from msgspec.structs import replace

from benchmarks import contestants
from benchmarks.arena import Cores, Flooded, Measured
from benchmarks.checker import Verdict
from benchmarks.contestants import Contestant
from benchmarks.measurements import Key, Measurements
from benchmarks.plan import Trips
from benchmarks.report import page
from benchmarks.start import Imported, Started

CLEAN = Verdict(right=100, lost=0, double=0, wrong=0, reordered=0)
OURS = Measured(
    rate=4000, cpu=0.25, answer_p50=1, answer_p99=4, reply_p50=3, reply_p99=9, rss=60, rss_all=80, redis_reads=0.5,
    redis_cpu=0.12, own_cpu=0.05, other_core=0.4, repeated=0, verdict=CLEAN,
)  # fmt: skip
THEIRS = replace(OURS, rate=1000, cpu=1, rss=180, verdict=replace(CLEAN, lost=2, wrong=1))
# They need no environments of their own, as those that are measured do.
BOTKIT = replace(contestants.BOTKIT, venv="")
PEER = Contestant("peer", "a peer", "bare")


@pytest.fixture
def found(tmp_path: Path) -> Measurements:
    found = Measurements(tmp_path / "found.jsonl", resume=False)
    for number, slowness in enumerate((1, 2, 1)):
        for name, figures in (("botkit", OURS), ("peer", THEIRS)):
            found.add(Key("talks", name, 16, number), replace(figures, rate=figures.rate / slowness))
            found.add(Key("flood", name, 0, number), Flooded(1200, figures.rate, 0, figures.verdict))
        for workers in (1, 2):
            found.add(Key("workers", "botkit", workers, number), replace(OURS, rate=1000 * workers))
        for size in (1000, 1_000_000):
            found.add(Key("growth", "botkit", size, number), OURS)
    found.add(Key("calm", "botkit", 50, 0), OURS)
    for case in (0, 1):
        found.add(Key("neighbour", "botkit", case, 0), replace(OURS, reply_p99=10 + 2 * case))
    found.add(Key("trips", "botkit", 0, 0), Trips(3.1))
    found.add(Key("layers", "botkit", 16, 0), {"sending": 75, "engine": 25})
    found.add(Key("start", "botkit", 0, 0), Started({"import botkit": Imported(140, 130)}, 900, 1200))
    return found


def row(text: str, section: str, name: str) -> list[str]:
    lines = text.partition(f"## {section}\n")[2].splitlines()
    line = next(line for line in lines if line.startswith(f"| {name} "))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_a_row_has_medians_the_spread_of_the_rate_and_the_ratio_within_rounds(found: Measurements) -> None:
    cells = row(page(found, [BOTKIT, PEER]), "16 conversations in flight", "a peer")
    assert cells == ["a peer", "1000 (500-1000)", "4.00", "1.000", "1.0", "4.0", "3.0", "9.0", "180", "9"]


@pytest.mark.parametrize(
    ("name", "value", "reached"),
    [
        ("CPU per event", "0.250 ms", "yes"),
        ("replies lost, double, wrong, reordered", "0", "yes"),
        ("`botkit run` ready", "1.20 s", "yes"),
        ("reply at 50 messages a second, p50 and p99", "3.0 ms and 9.0 ms", "yes"),
        ("commands to Redis per event, with those that look for more work", "3.10", "yes"),
        ("`import botkit`", "140 ms", "yes"),
        ("reply, p99, beside one person who writes without a pause, of that without", "1.20 times", "yes"),
        ("CPU per event with Redis's, 1,000,000 conversations stored beside 1,000", "1.00 times", "yes"),
    ],
)
def test_what_was_measured_is_held_against_its_aim(found: Measurements, name: str, value: str, reached: str) -> None:
    cells = row(page(found, [BOTKIT]), "In short", name)
    assert (cells[0], cells[2], cells[3]) == (name, value, reached)


@pytest.mark.parametrize(
    ("peer", "ours", "aim", "reached"),
    [
        ("aiogram", {}, "replies/s, of aiogram's default mode", "4.00 times | yes"),
        ("aiogram", {"rate": 3999.0}, "replies/s, of aiogram's default mode", "4.00 times | no"),
        ("aiogram", {"rss": 90.0}, "peak memory, of aiogram's", "0.50 | no"),
        ("aiogram-inline", {"answer_p50": 0.9}, "webhook's answer, p50, of aiogram's inline mode", "0.90 | yes"),
        ("aiogram-inline", {}, "webhook's answer, p99, of aiogram's inline mode", "1.00 | no"),
    ],
)
def test_peers_are_compared_with(tmp_path: Path, peer: str, ours: dict[str, float], aim: str, reached: str) -> None:
    found = Measurements(tmp_path / "found.jsonl", resume=False)
    found.add(Key("talks", "botkit", 16, 0), replace(OURS, **ours))
    found.add(Key("talks", peer, 16, 0), THEIRS)
    assert " | ".join(row(page(found, [BOTKIT]), "In short", aim)[2:]) == reached


def test_faults_of_all_rounds_are_added(found: Measurements) -> None:
    cells = row(page(found, [BOTKIT, PEER]), "Messages that come faster than replies", "a peer")
    assert cells == ["a peer", "3600", "6", "0", "0", "3", "1000"]


def test_the_start_has_imports_and_the_time_until_ready(found: Measurements) -> None:
    text = page(found, [BOTKIT])
    assert row(text, "Start", "`import botkit`") == ["`import botkit`", "140", "130"]
    assert row(text, "Start", "`botkit run` ready, its Redis there")[1] == "900"


def test_two_workers_are_compared_with_one(found: Measurements) -> None:
    assert "Two answer 2.00 times as many as one." in page(found, [BOTKIT])


def test_the_growth_is_told_in_parts_of_the_smallest(found: Measurements) -> None:
    assert row(page(found, [BOTKIT]), "Growth", "1,000,000")[-1] == "1.00"


def test_where_the_time_goes_is_told_in_microseconds_of_what_was_measured(found: Measurements) -> None:
    text = page(found, [BOTKIT])
    assert row(text, "Where the remaining time goes", "sending") == ["sending", "75%", "188"]
    assert "{" not in text.partition("## Where")[2]


def test_what_was_not_measured_has_no_section(tmp_path: Path) -> None:
    text = page(Measurements(tmp_path / "found.jsonl", resume=False), [BOTKIT])
    assert [line for line in text.splitlines() if line.startswith("## ")] == ["## Versions"]


def test_the_server_has_the_last_cores_and_the_rest_the_first() -> None:
    assert Cores.choose([0, 1, 2, 3], workers=2) == Cores(frozenset({2, 3}), frozenset({0}))
    assert Cores.choose([4, 7]) == Cores(frozenset({7}), frozenset({4}))


def test_one_core_is_too_few() -> None:
    with pytest.raises(ValueError, match="two cores"):
        Cores.choose([0])
