"""How long it takes to import a framework, and until `botkit run` takes requests."""

import asyncio
import resource
import shutil
import subprocess
import time
from collections.abc import Mapping
from statistics import median

from msgspec import Struct

from benchmarks.arena import Cores, is_ready
from benchmarks.contestants import AIOGRAM, BOTKIT, ROOT, SCRATCH, Contestant
from benchmarks.processes import Child
from benchmarks.redis_server import DURABLE, RedisServer, free_port


class Imported(Struct, frozen=True):
    """What an import adds to the start of a bare interpreter: milliseconds, and milliseconds of CPU; medians."""

    wall: float
    cpu: float


class Started(Struct, frozen=True):
    """The imports by what is imported, and the milliseconds until `botkit run` is ready; medians."""

    imports: dict[str, Imported]
    ready: float
    ready_embedded: float


#: What a bot imports, by the name it has in the page.
IMPORTS = {
    "import botkit": BOTKIT,
    "from botkit import App, Bot, Context, Flow, MessageReceived, Router, Telegram, Trigger": BOTKIT,
    "from aiogram import Bot, Dispatcher, F, Router": AIOGRAM,
}


def time_import(contestant: Contestant, statement: str, *, times: int) -> Imported:
    """Times a statement in fresh interpreters, each beside a bare one."""
    added = []
    for _ in range(times):
        bare, full = _time(contestant, "pass"), _time(contestant, statement)
        added.append((full[0] - bare[0], full[1] - bare[1]))
    return Imported(median(wall for wall, _ in added) * 1000, median(cpu for _, cpu in added) * 1000)


def _time(contestant: Contestant, code: str) -> tuple[float, float]:
    began, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([str(contestant.python), "-c", code], check=True, cwd=ROOT)
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
    return time.perf_counter() - began, cpu


async def time_start(cores: Cores, *, times: int) -> Started:
    """Returns the figures of botkit, and for comparison the import of aiogram where that is installed."""
    imports = {
        statement: time_import(contestant, statement, times=times)
        for statement, contestant in IMPORTS.items()
        if contestant.python.exists()
    }
    ready = [await _time_ready(cores, is_embedded=False) for _ in range(times)]
    embedded = [await _time_ready(cores, is_embedded=True) for _ in range(times)]
    return Started(imports, median(ready), median(embedded))


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
