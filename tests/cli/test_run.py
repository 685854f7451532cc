"""The parent of the working processes: it lives as long as they do, and shall cost next to nothing."""

import subprocess
import sys

HEAVY = ("_ssl", "_hashlib", "asyncio", "redis", "structlog", "httpx", "uvicorn")


def test_the_parent_loads_nothing_that_only_its_children_need() -> None:
    asked = f"import sys, botkit.cli.run; print([name for name in {HEAVY} if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert answer.stdout == "[]\n"
