import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.contestants import CONTESTANTS

ROOT = Path(__file__).parents[2]


def run(*arguments: str, cores: int, path: str = os.defpath) -> tuple[int, str]:
    """Returns the exit code and what was said, with so many cores to use."""
    chosen = ",".join(map(str, sorted(os.sched_getaffinity(0))[:cores]))
    pinned = f"import os; os.sched_setaffinity(0, [{chosen}])"
    code = f"{pinned}; from benchmarks.__main__ import main; raise SystemExit(main())"
    command = [sys.executable, "-c", code, *arguments]
    environ = {**os.environ, "PATH": path}
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


def test_a_name_that_nobody_has_is_answered_with_those_there_are() -> None:
    code, said = run("aiogramm", cores=1)
    assert code == 2
    assert "there is no 'aiogramm'; known are: botkit, aiogram," in said


def test_one_core_is_not_enough() -> None:
    assert run("botkit", cores=1) == (1, "bench: needs two cores: one for the server, one for the load\n")


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="this machine has one core")
def test_a_missing_redis_is_named() -> None:
    code, said = run("botkit", cores=2, path="/nonexistent")
    assert code == 1
    assert said.startswith("bench: there is no redis-server on PATH")


def test_names_are_the_names_of_environments_before_their_hyphen() -> None:
    # As scripts/bench finds what to install.
    for one in CONTESTANTS:
        assert one.venv in ("", one.name.partition("-")[0])
