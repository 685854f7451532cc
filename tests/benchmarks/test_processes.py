import os
import sys
from pathlib import Path

import pytest

from benchmarks.processes import Child
from tests.waiting import wait_until

if sys.platform != "linux":
    pytest.skip("processes are measured on Linux alone", allow_module_level=True)

# Works for a while in a thread and in a child that has ended, then says so and waits with another child.
BUSY = """
import signal, subprocess, sys, threading, time
def work():
    while time.thread_time() < 0.2: pass
thread = threading.Thread(target=work)
thread.start()
thread.join()
subprocess.run([sys.executable, "-c", "import time\\nwhile time.process_time() < 0.2: pass"])
held = bytearray(60 * 1024 * 1024)
subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
print("ready", flush=True)
signal.pause()
"""


def child(folder: Path, code: str = BUSY) -> Child:
    cores = {min(os.sched_getaffinity(0))}
    return Child([sys.executable, "-c", code], cores=cores, log=folder / "log", cwd=folder)


def until_ready(child: Child) -> None:
    wait_until(lambda: "ready" in child.last_words(), told=child.last_words)


def is_there(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_what_threads_and_children_use_counts_and_so_does_their_memory(tmp_path: Path) -> None:
    busy = child(tmp_path)
    try:
        until_ready(busy)
        assert len(busy.pids()) == 2
        assert busy.cpu() >= 0.39
        largest, together = busy.peak_rss()
        assert 60 < largest < together
    finally:
        busy.stop()


def test_a_child_has_the_cores_it_was_given(tmp_path: Path) -> None:
    busy = child(tmp_path, "print('ready', flush=True)\nimport signal; signal.pause()")
    try:
        until_ready(busy)
        assert os.sched_getaffinity(busy.pid) == {min(os.sched_getaffinity(0))}
    finally:
        busy.stop()


def test_nothing_outlives_a_child_that_was_stopped(tmp_path: Path) -> None:
    busy = child(tmp_path)
    until_ready(busy)
    pids = busy.pids()
    busy.stop()
    wait_until(lambda: not any(is_there(pid) for pid in pids))
    assert not busy.is_alive()


def test_a_child_that_ended_by_itself_leaves_its_words(tmp_path: Path) -> None:
    short = child(tmp_path, "raise SystemExit('no port')")
    wait_until(lambda: not short.is_alive())
    assert "no port" in short.last_words()
    short.stop()
