"""What the watchdog says and when it ends the process; the clock and the end are the tests' own."""

import asyncio
import subprocess
import sys
import threading

import pytest

from botkit.watchdog import BLOCKED, Watchdog


class Room:
    """A watchdog with its clock, and the exit codes it has given."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.ends: list[int] = []
        self.watchdog = Watchdog(patience=2, limit=30, end=self.ends.append, clock=lambda: self.seconds)


@pytest.fixture
def room() -> Room:
    return Room()


def test_a_loop_that_is_late_within_the_patience_is_not_told_of(room: Room, capfd: pytest.CaptureFixture[str]) -> None:
    room.seconds = 2.0
    room.watchdog.check()
    assert capfd.readouterr().err == ""


def test_a_blocked_loop_is_told_of_with_the_frame_that_blocks_it(room: Room, capfd: pytest.CaptureFixture[str]) -> None:
    room.seconds = 2.1
    room.watchdog.check()
    said = capfd.readouterr().err
    assert "blocked for 2.1 s" in said
    assert "test_a_blocked_loop_is_told_of" in said
    assert room.ends == []


def test_one_block_is_told_of_once_and_the_next_one_again(room: Room, capfd: pytest.CaptureFixture[str]) -> None:
    for room.seconds in (3.0, 4.0):
        room.watchdog.check()
    assert capfd.readouterr().err.count("blocked for") == 1
    room.watchdog.beat()
    room.seconds = 7.0
    room.watchdog.check()
    assert capfd.readouterr().err.count("blocked for") == 1


def test_the_process_ends_with_its_own_code_after_the_limit_and_not_before(
    room: Room, capfd: pytest.CaptureFixture[str]
) -> None:
    room.seconds = 30.0
    room.watchdog.check()
    assert room.ends == []
    room.seconds = 30.1
    room.watchdog.check()
    assert room.ends == [BLOCKED] == [70]
    assert "this process ends" in capfd.readouterr().err


def test_a_beat_begins_the_time_anew(room: Room, capfd: pytest.CaptureFixture[str]) -> None:
    room.seconds = 29.0
    room.watchdog.beat()
    room.seconds = 31.0
    room.watchdog.check()
    assert room.ends == []
    assert capfd.readouterr().err == ""


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
