from pathlib import Path

from msgspec import Struct

from benchmarks.measurements import Key, Measurements


class Figures(Struct):
    rate: float


def test_rounds_come_back_in_their_order(tmp_path: Path) -> None:
    found = Measurements(tmp_path / "found.jsonl", resume=False)
    for number in (1, 0):
        found.add(Key("talks", "botkit", 16, number), Figures(number))
    found.add(Key("talks", "botkit", 64, 0), Figures(9))
    assert found.rounds("talks", "botkit", 16, Figures) == [Figures(0), Figures(1)]
    assert found.cases("talks") == [16, 64]


def test_what_was_measured_before_is_there_when_a_run_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "found.jsonl"
    key = Key("talks", "botkit", 16, 0)
    Measurements(path, resume=False).add(key, Figures(5))
    found = Measurements(path, resume=True)
    assert key in found
    assert found.rounds("talks", "botkit", 16, Figures) == [Figures(5)]


def test_a_new_run_forgets_the_last(tmp_path: Path) -> None:
    path = tmp_path / "found.jsonl"
    key = Key("talks", "botkit", 16, 0)
    Measurements(path, resume=False).add(key, Figures(5))
    Measurements(path, resume=False)
    assert key not in Measurements(path, resume=True)


def test_a_run_that_never_began_can_go_on(tmp_path: Path) -> None:
    assert Measurements(tmp_path / "none" / "found.jsonl", resume=True).cases("talks") == []
