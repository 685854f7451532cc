"""The process is killed at every line of an event's way: nothing accepted is lost, done twice or out of order.

A child is forked, runs a scenario and kills itself (SIGKILL) when it reaches the n-th distinct line of botkit; then
other processes recover, and what they find is checked. One kill may double one message: the one under way.
"""

import asyncio
import os
import signal
import sys
from itertools import count
from pathlib import Path
from types import FrameType

import pytest

import botkit
from botkit.clock import Clock
from tests.faults.scenarios import SCENARIOS, Run, check

PACKAGE = str(Path(botkit.__file__).parent)

#: Distinct lines between two kills; with --long there is none.
STRIDE = 13

#: How many tests share the kills of a life, so that several processes can do them at the same time.
PARTS = 3


class Tracer:
    """Kills its process when it has seen so many distinct lines of botkit."""

    def __init__(self, kill_at: int) -> None:
        self.kill_at = kill_at
        self.seen: set[tuple[str, int]] = set()

    def __call__(self, frame: FrameType, event: str, argument: object) -> "Tracer | None":
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        if event == "line":
            self.seen.add((frame.f_code.co_filename, frame.f_lineno))
            if len(self.seen) == self.kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
        return self


async def live(run: Run, kill_at: int) -> None:
    async with run.process(Clock()) as process:
        await process.store.ping()
        sys.settrace(Tracer(kill_at))
        try:
            await run.scenario(run, process)
        finally:
            sys.settrace(None)


def killed(run: Run, kill_at: int) -> bool:
    """Runs the scenario in a child; returns whether it was killed before it came to its end."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            asyncio.run(live(run, kill_at))
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_kill_at_any_line_loses_doubles_and_reorders_nothing(
    name: str, part: int, botkit_redis_url: str, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    wanted = SCENARIOS[name]
    is_long = pytestconfig.getoption("--long")
    stride = 1 if is_long else STRIDE
    for number in count(part, PARTS):
        kill_at = 1 + number * stride
        for after in wanted.after if is_long else wanted.after[number % len(wanted.after) :][:1]:
            run = Run(botkit_redis_url, tmp_path, wanted.scenario, wanted.sessions)
            was_killed = killed(run, kill_at)
            said = f"killed at line {kill_at}, taken over after {after} s"
            asyncio.run(check(run, wanted, faults=int(was_killed), said=said, after=after))
        if not was_killed:
            break
