"""The clock that tests and simulators move."""

from datetime import UTC, datetime, timedelta

import pytest

from botkit.clock import Clock


def test_a_clock_tells_the_system_s_time() -> None:
    before = datetime.now(UTC)
    assert before <= Clock().now() <= datetime.now(UTC)


def test_the_present_is_an_aware_utc_instant() -> None:
    assert Clock().now().utcoffset() == timedelta()


def test_a_moved_clock_is_ahead_by_as_much() -> None:
    clock, still = Clock(), Clock()
    clock.advance(days=1, hours=2, minutes=3, seconds=4.5)
    ahead = timedelta(days=1, hours=2, minutes=3, seconds=4.5)
    assert clock.now() - still.now() == pytest.approx(ahead, abs=timedelta(seconds=1))
    assert clock.timestamp() - still.timestamp() == pytest.approx(ahead.total_seconds(), abs=1)


def test_moves_add_up() -> None:
    clock = Clock()
    clock.advance(hours=1)
    clock.advance(minutes=30)
    assert clock.offset_ms == 5_400_000


def test_both_ways_to_ask_agree() -> None:
    clock = Clock()
    clock.advance(days=400)
    assert clock.now().timestamp() == pytest.approx(clock.timestamp(), abs=1)


@pytest.mark.parametrize(("seconds", "ms"), [(0, 0), (0.0004, 0), (0.0006, 1), (-1.5, -1500)])
def test_the_scripts_get_the_offset_in_whole_milliseconds(seconds: float, ms: int) -> None:
    clock = Clock()
    clock.advance(seconds=seconds)
    assert clock.offset_ms == ms


def test_a_new_clock_is_not_moved() -> None:
    assert Clock().offset_ms == 0


def test_the_even_clock_moves_along() -> None:
    clock, still = Clock(), Clock()
    clock.advance(hours=1)
    assert clock.monotonic() - still.monotonic() == pytest.approx(3600, abs=1)
