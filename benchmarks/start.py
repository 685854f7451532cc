"""How long it takes to import a framework, and until `botkit run` takes requests."""

import asyncio
import contextlib
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from statistics import median

from msgspec import Struct

from benchmarks.arena import Cores, is_ready
from benchmarks.contestants import AIOGRAM, BOTKIT, ROOT, SCRATCH, Contestant
from benchmarks.fake_telegram import FakeTelegram
from benchmarks.processes import Child
from benchmarks.redis_server import DURABLE, RedisServer, free_port


class Started(Struct, frozen=True):
    """Medians, in milliseconds: the import beyond a bare interpreter's start, and the time until ready."""

    imported: float
    ready: float = 0.0
    ready_embedded: float = 0.0


def time_import(contestant: Contestant, module: str, *, times: int) -> float:
    """Returns what `import module` adds to the start of a fresh interpreter, in milliseconds; the median."""
    added = []
    for _ in range(times):
        bare = _time(contestant, "pass")
        added.append(_time(contestant, f"import {module}") - bare)
    return median(added) * 1000


def _time(contestant: Contestant, code: str) -> float:
    began = time.perf_counter()
    subprocess.run([str(contestant.python), "-c", code], check=True, cwd=ROOT)
    return time.perf_counter() - began


async def time_start(cores: Cores, *, times: int) -> Mapping[str, Started]:
    """Returns the figures of botkit, and for comparison the import of aiogram where that is installed."""
    found = {"botkit": time_import(BOTKIT, "botkit", times=times)}
    if AIOGRAM.python.exists():
        found["aiogram"] = time_import(AIOGRAM, "aiogram", times=times)
    ready = median([await _time_ready(cores, is_embedded=False) for _ in range(times)])
    embedded = median([await _time_ready(cores, is_embedded=True) for _ in range(times)])
    return {
        name: Started(imported, ready, embedded) if name == "botkit" else Started(imported)
        for name, imported in found.items()
    }


async def _time_ready(cores: Cores, *, is_embedded: bool) -> float:
    folder = SCRATCH / "run" / "start"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    server = None if is_embedded else RedisServer(folder / "redis", options=DURABLE, cores=cores.rest)
    environ = dict(BOTKIT.environ(0, "http://127.0.0.1:9", server.url if server else ""))
    if server is None:
        del environ["BOTKIT_REDIS_URL"]
        environ |= {"BOTKIT_ENV": "dev", "BOTKIT_FOLDER": str(folder / "botkit")}
    try:
        return await _until_ready(cores, environ)
    finally:
        if server is not None:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


async def _until_ready(cores: Cores, environ: Mapping[str, str]) -> float:
    port = free_port()
    log = SCRATCH / "run" / "start" / "server.log"
    began = time.perf_counter()
    child = Child(BOTKIT.command(port), cores=cores.server, log=log, cwd=ROOT, environ=environ)
    try:
        while not await is_ready(port):
            if not child.is_alive() or time.perf_counter() - began > 60:
                raise RuntimeError(f"botkit does not start:\n{child.last_words()}")
            await asyncio.sleep(0.002)
        return (time.perf_counter() - began) * 1000
    finally:
        child.stop()
