"""A bulk of any size: through the whole service and a gateway with a limit, past kills, once each, in flat memory."""

import asyncio
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from botkit.conversation import Account, Conversation
from botkit.engine import EnginePolicy
from botkit.redis.store import RedisStore
from botkit.send_api.keys import digest_of
from tests.processes.conftest import AppChild, OwnRedis, Project, until
from tests.processes.mitto_service import ACCOUNT, API_KEY, Seen

KEY = "bk_shop_canary"
#: How many requests a second the gateway takes.
RATE = 8
KILLS = 2
BOTS = """\
from botkit import App, Bot, Mitto, Router

app = App([Bot("shop", routers=[Router()], accounts=[Mitto.from_env("SHOP_MITTO")])])
"""


class Gateway:
    """Mitto in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "mitto.txt"
        root = Path(__file__).parent.parent.parent
        command = [sys.executable, "-m", "tests.processes.mitto_service", str(self._file), str(RATE)]
        self._process = subprocess.Popen(command, cwd=folder, env=os.environ | {"PYTHONPATH": str(root)})

    async def until_ready(self) -> str:
        """Waits until it serves; returns its address."""
        await until(self._file.exists)
        return self._file.read_text()

    async def seen(self) -> Seen:
        """Returns what has come to it."""
        async with httpx.AsyncClient(timeout=60) as client:
            return msgspec.json.decode((await client.get(f"{self._file.read_text()}/seen")).content, type=Seen)

    async def phones(self) -> set[str]:
        """Returns the digits of those who have the message."""
        async with httpx.AsyncClient(timeout=60) as client:
            return set((await client.get(f"{self._file.read_text()}/phones")).json())

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture
def gateway(folder: Path, project: Project) -> Iterator[Gateway]:
    gateway = Gateway(folder)
    yield gateway
    project.kill_all()
    gateway.stop()


class Shop:
    """The service as it is killed and started again, and a program that sends by it."""

    def __init__(self, project: Project, gateway: Gateway, own_redis: OwnRedis) -> None:
        self.project = project
        self.gateway = gateway
        self._redis = own_redis
        self._app: AppChild | None = None
        #: The most memory that one of its processes had so far, in kibibytes.
        self.peak = 0
        self.bulk_id = ""

    async def start(self) -> None:
        self._app = await self.project.start("run", "--log=warning").until_ready()

    async def restart(self) -> None:
        """Kills it with all its processes, and starts it again after what it held has come free."""
        assert self._app is not None
        self.look()
        self._app.kill()
        await self._redis.end_leases()
        await self.start()

    def look(self) -> None:
        """Looks at its memory."""
        assert self._app is not None
        for pid in self._app.workers:
            found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
            self.peak = max(self.peak, int(found[1]) if found else 0)

    @property
    def _client(self) -> httpx.AsyncClient:
        assert self._app is not None
        return httpx.AsyncClient(base_url=self._app.url, headers={"X-Botkit-Key": KEY}, timeout=60)

    async def ask(self, path: str = "") -> Any:
        async with self._client as client:
            return (await client.get(f"/bulk/{self.bulk_id}{path}")).json()

    async def send(self, body: bytes) -> list[str]:
        """Asks for a bulk, and returns the ids of its messages."""
        headers = {"Content-Type": "application/json"}
        async with self._client as client:
            taken = await client.post("/api/v1.1/Messages/sendbulk", content=body, headers=headers)
        assert taken.status_code == 200, taken.text
        self.bulk_id = taken.json()["bulkId"]
        return [each["messageId"] for each in taken.json()["messages"]]

    async def begin_to_send(self, body: bytes) -> None:
        """Asks for a bulk, and looks no further than the beginning of the answer."""
        headers = {"Content-Type": "application/json"}
        post = self._client.stream("POST", "/api/v1.1/Messages/sendbulk", content=body, headers=headers)
        async with post as answer:
            async for _ in answer.aiter_raw():
                return

    async def until_sent(self, number: int, *, seconds: float) -> None:
        """Waits until so many phones have it."""
        deadline = time.monotonic() + seconds
        while (await self.gateway.seen()).phones < number:
            assert time.monotonic() < deadline, f"{await self.gateway.seen()} {await self.ask()}"
            await asyncio.sleep(0.05)

    async def until_done(self, *, seconds: float) -> None:
        """Waits until the bulk is over."""
        deadline = time.monotonic() + seconds
        while (await self.ask())["stage"] != "done":
            assert time.monotonic() < deadline, f"{await self.gateway.seen()} {await self.ask()}"
            await asyncio.sleep(0.05)

    async def ends(self) -> dict[str, str]:
        """Returns how each destination is told to have ended."""
        found: dict[str, str] = {}
        after = "0"
        while after:
            page = await self.ask(f"/messages?limit=1000&after={after}")
            found |= {line["destination"]: line["deliveryStatus"] for line in page["messages"]}
            after = page.get("next", "")
        return found


@pytest.fixture
async def shop(project: Project, own_redis: OwnRedis, gateway: Gateway) -> Shop:
    project.write(BOTS)
    project.environ |= {
        "SHOP_MITTO_TA": ACCOUNT,
        "SHOP_MITTO_API_KEY": API_KEY,
        "SHOP_MITTO_SENDER": "Shop",
        "SHOP_MITTO_API_URL": await gateway.until_ready(),
        "SHOP_MITTO_RATE": str(RATE),
        "BOTKIT_API_KEYS": f"shop:{digest_of(KEY)}:bulk+read",
    }
    shop = Shop(project, gateway, own_redis)
    await shop.start()
    return shop


async def reasons(own_redis: OwnRedis, numbers: list[str]) -> set[str]:
    """Returns why messages were given up."""
    store = RedisStore(own_redis.url)
    cids = [Conversation(Account("mitto", ACCOUNT), number).key for number in numbers]
    letters = [letter for cid in cids for letter in await store.dead_letters.read(cid)]
    await store.close()
    assert len(letters) == len(numbers)
    return {letter.error for letter in letters}


async def test_everybody_has_the_message_once_whatever_was_killed(
    shop: Shop, own_redis: OwnRedis, pytestconfig: pytest.Config
) -> None:
    count: int = pytestconfig.getoption("--destinations")
    numbers = [f"+38591{number:07}" for number in range(count)]
    body = {"id": "opening", "trafficAccountId": ACCOUNT, "sms": {"text": "Open again!"}, "destinations": numbers}
    content, seconds = json.dumps(body).encode(), 30 + count / 100
    started = time.monotonic()
    await shop.begin_to_send(content)
    await shop.restart()
    ids = await shop.send(content)
    for kill in range(1, KILLS + 1):
        await shop.until_sent(kill * count // (KILLS + 1), seconds=seconds)
        await shop.restart()
    await shop.until_done(seconds=seconds)
    assert await shop.send(content) == ids
    shop.look()
    seen, state, ends = await shop.gateway.seen(), await shop.ask(), await shop.ends()
    # Shown with -s, or where the test fails.
    took = f"{count} in {time.monotonic() - started:.1f} s, at most {shop.peak} KiB, {state['failed']} unknown"
    sys.stdout.write(f"{took}: {seen}\n")

    assert len(set(ids)) == count
    assert [*ends] == numbers
    assert {*ends.values()} <= {"Sent", "Failure"}
    sent = {number.removeprefix("+") for number, status in ends.items() if status == "Sent"}
    unknown = [number for number, status in ends.items() if status == "Failure"]
    phones = await shop.gateway.phones()
    assert sent <= phones
    assert phones <= {number.removeprefix("+") for number in numbers}
    assert (len(sent), len(unknown)) == (state["sent"], state["failed"])
    # Whoever was in the middle of it is told so, and is not sent to again.
    assert len(unknown) <= (KILLS + 1) * EnginePolicy().concurrency
    assert all("outcome is not known" in reason for reason in await reasons(own_redis, unknown))
    assert seen.doubles == 0
    assert seen.refused == 0
    assert seen.most_in_a_second <= RATE
