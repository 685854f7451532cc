"""`botkit` as an operator starts it: whole processes, services on real sockets, and a look at what is left behind."""

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from itertools import cycle, repeat
from pathlib import Path
from typing import Protocol, Self

import httpx
import pytest
import redis.asyncio
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from botkit.adapter import Adapter
from botkit.channels.gbm import BusinessMessages
from botkit.channels.google_oauth import ServiceAccount
from botkit.channels.telegram import Telegram
from botkit.channels.viber import Viber
from botkit.clock import Clock
from botkit.http import Http
from botkit.redis.embedded import EmbeddedServer
from botkit.service import webhook_url
from botkit.simulators.gbm import BusinessMessagesSimulator
from botkit.simulators.simulator import Person, Simulator
from botkit.simulators.telegram import TelegramSimulator
from botkit.simulators.viber import ViberSimulator

OLENA = Person("Olena")

#: Where the services find the bots: the proxy in front of them has this name, and a certificate.
PUBLIC_URL = "https://bots.example.org"

SHOP = '''\
"""A shop that counts what it is told, and holds every conversation that is asked to wait or to block."""

import asyncio
import os
import signal
import time
from pathlib import Path

from botkit import App, Bot, BusinessMessages, Context, Flow, MessageReceived, Router, Telegram, Trigger, Viber


class Visit(Flow):
    states = ("idle", "drink")
    order = Trigger("idle", "drink")
    serve = Trigger("drink", "idle")

    count: int = 0


router = Router(Visit)


def is_first(name: str) -> bool:
    """Whether nobody in this folder, in whatever process, has asked so far."""
    try:
        Path(name).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


@router.text("^order$", state="idle")
async def order(event: MessageReceived, ctx: Context[Visit]) -> None:
    ctx.flow.order()
    ctx.reply("Tea or coffee?")


@router.text("", state="drink")
async def serve(event: MessageReceived, ctx: Context[Visit]) -> None:
    ctx.flow.serve()
    ctx.reply(f"Here is your {event.text}.")


@router.text("^six$")
async def six(event: MessageReceived, ctx: Context[Visit]) -> None:
    for number in range(1, 7):
        ctx.reply(f"reply {number}")


@router.text("^wait$")
async def wait(event: MessageReceived, ctx: Context[Visit]) -> None:
    if is_first("waiting"):
        while not Path("go").exists():
            await asyncio.sleep(0.01)
    count(event, ctx)


@router.text("^block$")
async def block(event: MessageReceived, ctx: Context[Visit]) -> None:
    if is_first("blocking"):
        while not Path("go").exists():
            time.sleep(0.01)
    count(event, ctx)


@router.text("^slowly$")
async def slowly(event: MessageReceived, ctx: Context[Visit]) -> None:
    await asyncio.sleep(0.3)
    count(event, ctx)


@router.text("^kill$")
async def kill(event: MessageReceived, ctx: Context[Visit]) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@router.text("")
async def other(event: MessageReceived, ctx: Context[Visit]) -> None:
    count(event, ctx)


def count(event: MessageReceived, ctx: Context[Visit]) -> None:
    ctx.flow.count += 1
    ctx.reply(f"{ctx.flow.count}: {event.text}")


ACCOUNTS = [Telegram.from_env("SHOP_TELEGRAM"), Viber.from_env("SHOP_VIBER"), BusinessMessages.from_env("SHOP_GBM")]
app = App([Bot("shop", routers=[router], accounts=ACCOUNTS)])
'''


async def until(holds: Callable[[], object], *, seconds: float = 20, told: Callable[[], object] = str) -> None:
    """Waits until something holds; `told` says what there is instead."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {told()}"
        await asyncio.sleep(0.01)


def processes_in(folder: Path) -> dict[int, str]:
    """Returns the processes that work in a folder or below, with their command lines."""
    found = {}
    for process in Path("/proc").iterdir():
        # Most are somebody else's, and some are gone by now.
        with contextlib.suppress(OSError):
            if process.name.isdigit() and (process / "cwd").readlink().is_relative_to(folder):
                found[int(process.name)] = (process / "cmdline").read_text().replace("\0", " ")
    return found


def _heed_ctrl_c() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class AppChild:
    """A command of botkit as a process in a project's folder: on a port of its own, what it says in a file."""

    def __init__(self, folder: Path, arguments: Sequence[str], environ: Mapping[str, str], log: Path) -> None:
        self.folder = folder
        self._log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "botkit", *arguments],
                cwd=folder,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # As a terminal starts it: a shell that runs these tests in the background has Ctrl+C ignored.
                preexec_fn=_heed_ctrl_c,
            )

    @property
    def output(self) -> str:
        """What it and its children have said."""
        return self._log.read_text(errors="replace")

    @property
    def port(self) -> int:
        """The port that its banner names; 0 before there is one."""
        found = re.findall(r"webhooks +http://127\.0\.0\.1:(\d+)/", self.output)
        return int(found[-1]) if found else 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def workers(self) -> list[int]:
        """The ids of its working processes."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in children.read_text().split()]

    async def until_ready(self) -> Self:
        """Waits for the banner, and for what `/readyz` says after it."""
        await until(lambda: self.port or self.process.poll() is not None, told=lambda: self.output)
        assert self.process.poll() is None, self.output
        assert (await self.get("readyz")).status_code == 200, self.output
        return self

    async def get(self, path: str) -> httpx.Response:
        async with httpx.AsyncClient(timeout=20) as client:
            return await client.get(f"{self.url}/{path}")

    async def until_ended(self, *, seconds: float = 15) -> int:
        """Waits for the end and returns the exit code, the negative number of a signal that ended it."""
        await until(lambda: self.process.poll() is not None, seconds=seconds, told=lambda: self.output)
        return self.process.wait()

    async def until_gone(self, *, seconds: float = 20) -> dict[int, str]:
        """Waits until nobody works in its folder; returns the processes that do."""
        await until(lambda: not processes_in(self.folder), seconds=seconds, told=lambda: processes_in(self.folder))
        return processes_in(self.folder)

    async def until_workers_change(self, before: Sequence[int]) -> None:
        """Waits until none of those working processes is left and as many others are."""
        await until(lambda: len(self.workers) == len(before) and not set(self.workers) & set(before))

    async def says(self, channel: str, text: str) -> list[str]:
        """Lets Olena write on a simulated account, and returns what the bot has ever answered there."""
        return await self._act(channel, {"verb": "says", "text": text})

    async def looks(self, channel: str) -> list[str]:
        """Lets Olena look at her phone, and returns what the bot has ever answered there."""
        return await self._act(channel, {"verb": "looks"})

    async def _act(self, channel: str, act: Mapping[str, str]) -> list[str]:
        async with httpx.AsyncClient(timeout=20) as client:
            answer = await client.post(f"{self.url}/play/{channel}/shop-{channel}", json=act)
        assert answer.status_code == 200, answer.text
        return [bubble["text"] for bubble in answer.json()["bubbles"] if bubble["side"] == "bot"]

    def send_to_all(self, number: signal.Signals) -> None:
        """Sends a signal to it and to its working processes, as a terminal does."""
        os.killpg(self.process.pid, number)

    def kill(self) -> None:
        """Ends it and its working processes in no good way, as a machine out of memory would."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Project:
    """A project in a folder of its own, and what was started in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environ: dict[str, str] = {}
        self._started: list[AppChild] = []
        self.write(SHOP)

    def write(self, code: str) -> None:
        """Replaces the bots by this code."""
        file = self.folder / "bots" / "__init__.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(code)

    def start(self, *arguments: str, port: int = 0) -> AppChild:
        """Starts `botkit run`, or `botkit` with other arguments, on any free port by default."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("BOTKIT_", "SHOP_"))}
        log = self.folder / f"said-{len(self._started)}.txt"
        first = arguments or ("run",)
        command = [*first, *([f"--port={port}"] if first[0] in ("run", "dev") else [])]
        self._started.append(AppChild(self.folder, command, clean | self.environ, log))
        return self._started[-1]

    def set_failpoint(self, function: str) -> Path:
        """Kills the first process that is started from here on and returns from a function, `file.py:qualified.name`.

        Returns the file that is there once it has happened.
        """
        happened = self.folder / "failpoint"
        self.environ |= {
            "PYTHONPATH": str(Path(__file__).parent.parent / "faults" / "failpoints"),
            "FAILPOINT": function,
            "FAILPOINT_FILE": str(happened),
        }
        return happened

    def file(self, name: str) -> Path:
        """A file by which tests and handlers tell each other how far they are."""
        return self.folder / name

    def kill_all(self) -> None:
        """Ends what is still running."""
        for child in self._started:
            child.kill()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder in which, after the test, no process may be left: it is where all that a test starts are at work."""
    if not Path("/proc/self/cwd").exists():
        pytest.skip("only Linux tells in which folder a process works")
    yield tmp_path
    deadline = time.monotonic() + 10
    while (left := processes_in(tmp_path)) and time.monotonic() < deadline:
        time.sleep(0.01)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert left == {}


@pytest.fixture
def project(folder: Path) -> Iterator[Project]:
    """A project with the shop's bot; what the test started in it is ended after it."""
    project = Project(folder / "project")
    yield project
    project.kill_all()


class OwnRedis:
    """A server that several services share, as in production, and that can go away."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server = EmbeddedServer.start(folder, fsync="everysec")

    @property
    def url(self) -> str:
        return self._server.url

    @property
    def pid(self) -> int:
        return self._server.pid

    def stop(self) -> None:
        self._server.stop()

    def start(self) -> None:
        """Starts it again, at the same address and with its data."""
        if not self._server.is_durable:
            pytest.skip("the server of this machine forgets everything when it is stopped")
        self._server = EmbeddedServer.start(self._folder, fsync="everysec")

    async def until_noted(self) -> None:
        """Waits until all that was sent is noted: whoever dies before that leaves a message to be sent again."""
        async with redis.asyncio.Redis.from_url(self.url, protocol=2) as client:
            async with asyncio.timeout(20):
                # Another process notes it: there is nothing here to wait on.
                while [key async for key in client.scan_iter("*olse")]:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)

    async def end_leases(self) -> None:
        """Lets all leases end, as time would."""
        async with redis.asyncio.Redis.from_url(self.url, protocol=2) as client:
            async for key in client.scan_iter("*lse"):
                for conversation in await client.zrange(key, 0, -1):
                    assert isinstance(conversation, bytes)
                    await client.zadd(key, {conversation: 0})
            # So has everybody who works on a broadcast.
            async for key in client.scan_iter("*{b:*}:h"):
                await client.hset(key, "until", "0")


@pytest.fixture
def own_redis(folder: Path, project: Project) -> Iterator[OwnRedis]:
    """A Redis that all that is started in the project uses."""
    server = OwnRedis(folder / "redis")
    project.environ["BOTKIT_REDIS_URL"] = server.url
    yield server
    project.kill_all()
    server.stop()


class Served(Protocol):
    """Whatever listens on a port of this machine."""

    @property
    def port(self) -> int: ...


class Front(httpx.AsyncHTTPTransport):
    """What stands before the bots on the internet: takes https for `PUBLIC_URL`, and hands it to them in turn."""

    def __init__(self) -> None:
        super().__init__()
        self._behind: Iterator[Served] = iter(())
        self._proxy: tuple[httpx.AsyncHTTPTransport, int] | None = None

    def lead_to(self, *apps: Served) -> None:
        self._behind = cycle(apps)

    def lead_through(self, transport: httpx.AsyncHTTPTransport, port: int) -> None:
        """Lets a real proxy on a port of this machine take the https, by a transport that trusts its certificate."""
        self._proxy = transport, port

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.host == "bots.example.org" and self._proxy:
            request.extensions["sni_hostname"] = request.url.host
            request.url = request.url.copy_with(host="127.0.0.1", port=self._proxy[1])
            return await self._proxy[0].handle_async_request(request)
        if request.url.host == "bots.example.org":
            request.url = request.url.copy_with(scheme="http", host="127.0.0.1", port=next(self._behind).port)
        return await super().handle_async_request(request)


class Services:
    """Telegram, Viber and Business Messages on a real socket, and the shop's accounts on them."""

    def __init__(self, url: str, key_file: Path) -> None:
        self.clock = Clock()
        self.front = Front()
        self.client = httpx.AsyncClient(timeout=20, limits=httpx.Limits(max_keepalive_connections=0))
        self.telegram = TelegramSimulator(self.clock, self.front)
        # These bots are to be as fast as they can.
        self.telegram.limits_on = False
        self.viber = ViberSimulator(self.clock, self.front)
        self.gbm = BusinessMessagesSimulator(self.clock, self.front)
        self.all: tuple[Simulator, ...] = (self.telegram, self.viber, self.gbm)
        self.environ = _credentials(url, key_file)
        self.adapters: Mapping[str, Adapter] = {
            "telegram": Telegram.from_env("SHOP_TELEGRAM", self.environ),
            "viber": Viber.from_env("SHOP_VIBER", self.environ),
            "gbm": BusinessMessages.from_env("SHOP_GBM", self.environ),
        }
        for simulator in self.all:
            simulator.add_account(self.adapters[simulator.channel])

    @property
    def app(self) -> Starlette:
        """Their APIs, each below its name."""
        return Starlette(routes=[Mount(f"/{simulator.channel}", simulator.app) for simulator in self.all])

    async def set_webhook(self, channel: str) -> None:
        """Registers the webhook as the set-up command does, from a machine that sees what the services see."""
        adapter = self.adapters[channel]
        async with Http(transport=self.front) as client:
            await adapter.set_webhook(webhook_url(PUBLIC_URL, adapter.account), client)
        # Google's is entered by hand.
        self.gbm.webhooks[adapter.ta] = webhook_url(PUBLIC_URL, adapter.account)

    async def greet(self, *apps: Served) -> None:
        """Puts the apps behind the front, and lets Olena say hello on Telegram: her first message is answered."""
        self.front.lead_to(*apps)
        await self.set_webhook("telegram")
        await self.telegram.says("shop-telegram", OLENA, "hello")
        assert await self.until_replied(self.telegram, 1) == ["1: hello"]

    async def post(self, app: AppChild, number: int, text: str, person: Person = OLENA) -> httpx.Response:
        """Posts an update of Olena's, or of somebody else's, as Telegram does, but once, whatever the answer."""
        someone = {"id": int(self.telegram.conversation_id("shop-telegram", person)), "first_name": person.name}
        message = {
            "message_id": number,
            "date": int(time.time()),
            "from": someone | {"is_bot": False},
            "chat": someone | {"type": "private"},
            "text": text,
        }
        url = f"{app.url}/webhooks/telegram?ta=shop-telegram"
        headers = {"X-Telegram-Bot-Api-Secret-Token": self.environ["SHOP_TELEGRAM_SECRET"]}
        return await self.client.post(url, json={"update_id": number, "message": message}, headers=headers)

    async def deliver(self, app: AppChild, number: int, text: str) -> None:
        """Posts an update of Olena's again and again until it is taken, as Telegram does, but with no long pauses."""
        async with asyncio.timeout(20):
            for pause in repeat(0.02):
                with contextlib.suppress(httpx.HTTPError):
                    if (await self.post(app, number, text)).status_code == 200:
                        return
                await asyncio.sleep(pause)

    async def until_replied(self, simulator: Simulator, number: int, *, seconds: float = 20) -> list[str]:
        """Waits until Olena's phone shows so many messages of the bot; returns what it shows."""
        await until(lambda: len(replies(simulator)) >= number, seconds=seconds, told=lambda: replies(simulator))
        return replies(simulator)

    async def redeliver(self) -> None:
        """Repeats what was not taken, and reports what was, as services do all the time."""
        while True:
            for simulator in self.all:
                await simulator.redeliver()
            await asyncio.sleep(0.05)


def replies(simulator: Simulator, person: Person = OLENA) -> list[str]:
    """Returns the texts that the bot has sent to Olena, or to somebody else."""
    shown = simulator.screen(f"shop-{simulator.channel}", person)
    return [bubble.text for bubble in shown if bubble.side == "bot"]


def _credentials(url: str, key_file: Path) -> dict[str, str]:
    account = ServiceAccount("shop@example.org", None, "key-1", f"{url}/gbm/token")
    key = {
        "client_email": account.client_email,
        "private_key": account.private_key.reveal(),
        "private_key_id": account.private_key_id,
        "token_uri": account.token_uri,
    }
    key_file.write_text(json.dumps(key))
    return {
        "SHOP_TELEGRAM_TA": "shop-telegram",
        "SHOP_TELEGRAM_TOKEN": f"123456789:{'A' * 35}",
        "SHOP_TELEGRAM_SECRET": "telegram-secret",
        # Many messages at once are what these tests are about.
        "SHOP_TELEGRAM_RATE": "0",
        "SHOP_TELEGRAM_CHAT_RATE": "0",
        "SHOP_TELEGRAM_API_URL": f"{url}/telegram",
        "SHOP_VIBER_TA": "shop-viber",
        "SHOP_VIBER_TOKEN": "4453b6ac12345678-e02c5f12174805f9-daec9cbb5448c51f",
        "SHOP_VIBER_API_URL": f"{url}/viber",
        "SHOP_GBM_TA": "shop-gbm",
        "SHOP_GBM_CREDENTIALS_FILE": str(key_file),
        "SHOP_GBM_CLIENT_TOKEN": "client-token",
        "SHOP_GBM_AGENT": "brands/shop/agents/shop",
        "SHOP_GBM_API_URL": f"{url}/gbm",
    }


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # Ctrl+C belongs to pytest.
        yield


@pytest.fixture
async def services(folder: Path, project: Project, request: pytest.FixtureRequest) -> AsyncIterator[Services]:
    """The services, with accounts that all that is started in the project has; no webhook is set."""
    is_open = request.node.get_closest_marker("services_open") is not None
    with socket.create_server(("" if is_open else "127.0.0.1", 0)) as listener:
        services = Services(f"http://127.0.0.1:{listener.getsockname()[1]}", folder / "key.json")
        project.environ |= services.environ
        server = _Server(uvicorn.Config(services.app, lifespan="off", log_config=None, ws="none"))
        tasks = [asyncio.create_task(work) for work in (server.serve([listener]), services.redeliver())]
        yield services
        project.kill_all()
        server.should_exit = True
        tasks[1].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await services.client.aclose()
        for simulator in services.all:
            await simulator.close()
