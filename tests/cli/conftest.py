"""A project in a folder of its own, the command line run in it, and servers on real sockets."""

import asyncio
import importlib
import io
import os
import socket
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple
from uuid import uuid4

import pytest
import uvicorn
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp

from botkit.channels.telegram import Telegram
from botkit.channels.viber import Viber
from botkit.cli import main
from botkit.clock import Clock
from botkit.http import InProcess
from botkit.redis.store import RedisStore
from botkit.simulators.telegram import TelegramSimulator
from botkit.simulators.viber import ViberSimulator

TELEGRAM_TOKEN, VIBER_TOKEN = f"123456789:{'A' * 35}", "4453b6ac12345678-e02c5f12174805f9-daec9cbb5448c51f"

PACKAGES = ("bots", "handlers", "state")


class Outcome(NamedTuple):
    """What a command did; `code` is its exit code."""

    code: int
    out: str
    err: str


Run = Callable[..., Outcome]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder as the working directory, where `bots` means the one in it."""
    for name in [name for name in os.environ if name.startswith(("BOTKIT_", "PARCEL_", "TAXI_"))]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    kept = _take_modules()
    yield tmp_path
    _take_modules()
    sys.modules.update(kept)


Do = Callable[[Callable[[RedisStore], Coroutine[Any, Any, Any]]], Any]


@pytest.fixture
def prefix(project: Path, botkit_redis_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """What the project's keys begin with; no other test's do."""
    prefix = f"t{uuid4().hex[:12]}"
    monkeypatch.setenv("BOTKIT_REDIS_URL", botkit_redis_url)
    monkeypatch.setenv("BOTKIT_KEY_PREFIX", prefix)
    return prefix


@pytest.fixture
def do(botkit_redis_url: str, prefix: str) -> Do:
    """Does something with the project's store."""

    async def opened(work: Callable[[RedisStore], Coroutine[Any, Any, Any]]) -> Any:
        store = RedisStore(botkit_redis_url, prefix=prefix)
        try:
            return await work(store)
        finally:
            await store.close()

    return lambda work: asyncio.run(opened(work))


def _take_modules() -> dict[str, ModuleType]:
    names = [name for name in sys.modules if name.partition(".")[0] in PACKAGES]
    return {name: sys.modules.pop(name) for name in names}


@pytest.fixture
def run(project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `botkit` with these arguments in the project, with `typed` as its input."""

    def run(*args: str, typed: str = "") -> Outcome:
        _take_modules()
        importlib.invalidate_caches()
        monkeypatch.setattr(sys, "argv", ["botkit", *args])
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
        said = capsys.readouterr()
        return Outcome(code, said.out, said.err)

    return run


@pytest.fixture(scope="session")
def closed_port() -> int:
    """A port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


class _Server(uvicorn.Server):
    def __init__(self, app: ASGIApp) -> None:
        super().__init__(uvicorn.Config(app, port=0, log_config=None, access_log=False, ws="none", lifespan="auto"))
        self.is_up = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.is_up.set()


@contextmanager
def served(app: ASGIApp) -> Iterator[str]:
    """The address of an application that is served from a thread."""
    server = _Server(app)
    thread = threading.Thread(target=server.run)
    thread.start()
    assert server.is_up.wait(20)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def network() -> InProcess:
    """Where the simulated services find our receiver, which says 200 to everything."""
    network = InProcess()
    network.mount("bots.example.org", PlainTextResponse("ok"))
    return network


@pytest.fixture
def telegram(network: InProcess, monkeypatch: pytest.MonkeyPatch) -> Iterator[TelegramSimulator]:
    """A Telegram that knows the parcel bot's token."""
    simulator = TelegramSimulator(Clock(), network)
    simulator.add_account(Telegram(TELEGRAM_TOKEN, "secret", ta="parcel-telegram"))
    with served(simulator.app) as url:
        monkeypatch.setenv("PARCEL_TELEGRAM_TOKEN", TELEGRAM_TOKEN)
        monkeypatch.setenv("PARCEL_TELEGRAM_SECRET", "secret")
        monkeypatch.setenv("PARCEL_TELEGRAM_API_URL", url)
        yield simulator


@pytest.fixture
def viber(network: InProcess, monkeypatch: pytest.MonkeyPatch) -> Iterator[ViberSimulator]:
    """A Viber that knows the taxi bot's token."""
    simulator = ViberSimulator(Clock(), network)
    simulator.add_account(Viber(VIBER_TOKEN, ta="taxi-viber"))
    with served(simulator.app) as url:
        monkeypatch.setenv("TAXI_VIBER_TOKEN", VIBER_TOKEN)
        monkeypatch.setenv("TAXI_VIBER_API_URL", url)
        yield simulator
