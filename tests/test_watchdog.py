"""What the watchdog says and when it ends the process; the clock and the end are the tests' own."""

import asyncio
import re
import subprocess
import sys
import threading
from inspect import signature

import pytest
from structlog.testing import capture_logs

from botkit.metrics import BOUNDS, Metrics
from botkit.redis.bounds import Bounds
from botkit.watchdog import BLOCKED, Watchdog
from tests.test_metrics import value as counted


class Room:
    """A watchdog with its clock, and the exit codes it has given."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.ends: list[int] = []
        self.metrics = Metrics()
        self.watchdog = Watchdog(
            patience=2, limit=30, metrics=self.metrics, end=self.ends.append, clock=lambda: self.seconds
        )


@pytest.fixture
def room() -> Room:
    return Room()


def test_a_loop_that_is_late_within_the_patience_is_not_told_of(room: Room) -> None:
    room.seconds = 2.0
    with capture_logs() as logs:
        room.watchdog.check()
    assert logs == []
    assert counted(room.metrics, "loop_blocked") == 0


def test_a_blocked_loop_is_told_of_with_the_frame_that_blocks_it_and_every_other_stack(room: Room) -> None:
    room.seconds = 2.1
    has_started, may_end = threading.Event(), threading.Event()

    def in_another_thread() -> None:
        has_started.set()
        may_end.wait(10)

    thread = threading.Thread(target=in_another_thread, name="another")
    thread.start()
    assert has_started.wait(10)
    is_blocking = threading.Event()

    def look() -> None:
        assert is_blocking.wait(10)
        room.watchdog.check()

    watching = threading.Thread(target=look)
    with capture_logs() as logs:
        watching.start()
        blocking(is_blocking, watching)
    may_end.set()
    thread.join()
    (line,) = logs
    assert line["seconds"] == 2.1
    assert re.search(r"test_watchdog.py:\d+ in blocking", line["stack"])
    assert line["frame"] == line["stack"].split(" > ")[-1]
    assert re.search(r"another: .*test_watchdog.py:\d+ in in_another_thread", line["threads"])
    assert room.ends == []
    assert counted(room.metrics, "loop_blocked") == 1


def blocking(is_blocking: threading.Event, watching: threading.Thread) -> None:
    is_blocking.set()
    watching.join()


def test_one_block_is_told_of_once_and_the_next_one_again(room: Room) -> None:
    with capture_logs() as logs:
        for room.seconds in (3.0, 4.0):
            room.watchdog.check()
        assert len(logs) == 1
        room.watchdog.beat()
        room.seconds = 7.0
        room.watchdog.check()
    assert len(logs) == counted(room.metrics, "loop_blocked") == 2


def test_the_process_ends_with_its_own_code_after_the_limit_and_not_before(room: Room) -> None:
    room.seconds = 30.0
    with capture_logs() as logs:
        room.watchdog.check()
        assert room.ends == []
        room.seconds = 30.1
        room.watchdog.check()
    assert room.ends == [BLOCKED] == [70]
    assert logs[-1]["event"] == "the event loop is blocked: this process ends"


def test_the_limit_is_three_leases() -> None:
    assert signature(Watchdog).parameters["limit"].default == 3 * Bounds().lease


def test_a_beat_begins_the_time_anew(room: Room) -> None:
    room.seconds = 29.0
    room.watchdog.beat()
    room.seconds = 31.0
    with capture_logs() as logs:
        room.watchdog.check()
    assert room.ends == []
    assert logs == []


_STUCK = """
import asyncio, re, sys
from botkit.watchdog import Watchdog

async def main():
    watching = Watchdog(patience=0.2, limit=0.4).start()
    await asyncio.sleep(0)
    print("stuck", flush=True)
    # Holds the interpreter, so that no other thread comes to run.
    re.match("(a+)+$", "a" * 60 + "b")

asyncio.run(main())
"""


def test_a_process_that_lets_no_thread_run_ends_all_the_same_and_names_the_frame() -> None:
    run = subprocess.run([sys.executable, "-c", _STUCK], capture_output=True, text=True, timeout=40, check=False)
    assert run.stdout == "stuck\n"
    assert run.returncode == 1
    assert "in main" in run.stderr


async def test_how_late_the_loop_ran_what_was_due_is_observed() -> None:
    metrics, ticks = Metrics(), iter([0.0, 0.0, 0.0, 5.0, *[9.0] * 10_000])
    has_observed = asyncio.Event()

    def clock() -> float:
        if threading.current_thread() is not threading.main_thread():
            return 0.0
        if counted(metrics, "loop_lag_seconds"):
            has_observed.set()
        return next(ticks)

    task = Watchdog(patience=0.1, end=lambda _: None, clock=clock, metrics=metrics).start()
    async with asyncio.timeout(10):
        await has_observed.wait()
    task.cancel()
    (series,) = [series for series in metrics.read() if series.family.name == "loop_lag_seconds"]
    # Five seconds went by where a quarter of the patience was asked for.
    assert series.numbers[BOUNDS.index(5.0)] == 1


async def test_a_running_loop_beats_by_itself_until_the_task_is_cancelled() -> None:
    beats: list[None] = []
    has_beaten = asyncio.Event()

    def clock() -> float:
        # The thread that looks asks the clock, too.
        if threading.current_thread() is threading.main_thread():
            beats.append(None)
        if len(beats) == 3:
            has_beaten.set()
        return 0

    task = Watchdog(patience=0.1, end=lambda _: None, clock=clock).start()
    async with asyncio.timeout(5):
        await has_beaten.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


_ORPHAN = """
import os
from botkit.watchdog import Watchdog

is_watched, watches = os.pipe()
if os.fork():
    os.read(is_watched, 1)
    os._exit(0)
ends = []
watchdog = Watchdog(end=ends.append)
watchdog.check()
print(ends)
parent = os.getppid()
os.write(watches, b".")
while os.getppid() == parent:
    os.sched_yield()
watchdog.check()
print(ends, flush=True)
"""


def test_a_process_ends_when_its_parent_is_gone_and_not_before() -> None:
    run = subprocess.run([sys.executable, "-c", _ORPHAN], capture_output=True, timeout=20, check=True)
    assert run.stdout.splitlines() == [b"[]", b"[70]"]
