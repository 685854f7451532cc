"""What was measured on, and with what."""

import os
import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.contestants import ROOT, Contestant

_TOLD = ("botkit", "aiogram", "python-telegram-bot", "pyTelegramBotAPI", "nonebot2", "nonebot-adapter-telegram",
         "aiohttp", "httpx", "pydantic", "starlette", "uvicorn", "httptools", "uvloop", "redis", "hiredis", "msgspec",
         "transitions")  # fmt: skip
_ASK = """
from importlib.metadata import PackageNotFoundError, version
for name in {names!r}:
    try:
        print(name, version(name))
    except PackageNotFoundError:
        pass
"""


def cores() -> int:
    """Returns how many cores there are for us; this process itself may be kept on one."""
    return len(os.sched_getaffinity(os.getppid()))


def machine() -> str:
    """Returns the processor, the number of cores, the system and the interpreter."""
    return f"{_processor()}, {cores()} cores; Linux {platform.release()}; Python {platform.python_version()}"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def today() -> str:
    """Returns the date."""
    return f"{datetime.now(UTC):%Y-%m-%d}"


def revision() -> str:
    """Returns the commit of botkit, marked where files differ from it; empty outside a repository."""
    command = ["git", "describe", "--always", "--dirty", "--exclude", "*"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return told.stdout.strip()


def redis_version() -> str:
    """Returns the version of the Redis server."""
    told = subprocess.run(["redis-server", "--version"], capture_output=True, text=True, check=True).stdout
    return told.partition("v=")[2].split()[0]


def versions(contestant: Contestant) -> Sequence[str]:
    """Returns the libraries in a bot's environment, each with its version."""
    command = [str(contestant.python), "-c", _ASK.format(names=_TOLD)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
