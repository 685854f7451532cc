"""`botkit run` as two web and two worker processes on a cluster that loses servers and moves slots under load."""

import asyncio
import contextlib
import random
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

import httpx
import msgspec
import pytest
import uvicorn
from redis.crc import key_slot
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from botkit.redis.audit import audit
from botkit.redis.store import RedisStore
from tests.faults.counting_bot import post, put_bot
from tests.faults.redis_cluster import RedisCluster
from tests.processes import conftest as processes
from tests.processes.conftest import AppChild, Project

folder, project = processes.folder, processes.project

PEOPLE = 16
#: How much of everything happens with --long.
LONG_ROUNDS = 25


class Platform:
    """What takes the messages of the bot, and keeps them by chat in the order of their arrival."""

    def __init__(self) -> None:
        self.shown: dict[str, list[str]] = {}
        self._ids = count(1)
        self.app = Starlette(routes=[Route("/{token}/{method}", self._take, methods=["POST"])])

    async def _take(self, request: Request) -> JSONResponse:
        sent = msgspec.json.decode(await request.body())
        chat = str(sent["chat_id"])
        self.shown.setdefault(chat, []).append(sent["text"])
        message = {"message_id": next(self._ids), "date": 1, "chat": {"id": int(chat), "type": "private"}}
        return JSONResponse({"ok": True, "result": message | {"text": sent["text"]}})

    def unique(self, chat: str) -> list[str]:
        """What somebody was shown, without what was sent again."""
        return list(dict.fromkeys(self.shown.get(chat, ())))


class Crowd:
    """People who write to the bot at whichever web process, as a service delivers: each text until it is taken."""

    def __init__(self, webs: list[AppChild]) -> None:
        self._webs = webs
        self._client = httpx.AsyncClient(timeout=10)
        self._is_over = asyncio.Event()
        self._writers: list[asyncio.Task[None]] = []
        #: How many texts of each chat were acknowledged; each is the number of its place.
        self.acknowledged = dict.fromkeys((str(1000 + number) for number in range(PEOPLE)), 0)
        self.statuses: list[int] = []

    def start(self) -> None:
        self._writers = [asyncio.create_task(self._write(chat)) for chat in self.acknowledged]

    async def stop(self) -> None:
        """Lets everybody finish the text that they are at."""
        self._is_over.set()
        await asyncio.gather(*self._writers)
        await self._client.aclose()

    async def _write(self, chat: str) -> None:
        while not self._is_over.is_set():
            number = self.acknowledged[chat] + 1
            while await self._post(chat, number) != 200:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
            self.acknowledged[chat] = number
            await asyncio.sleep(0.05)

    async def _post(self, chat: str, number: int) -> int:
        web = self._webs[(int(chat) + len(self.statuses)) % len(self._webs)]
        answer = await post(self._client, web, int(chat) * 100_000 + number, int(chat), f"text {number}")
        self.statuses.append(answer.status_code)
        assert answer.status_code != 503 or answer.headers["Retry-After"]
        return answer.status_code

    async def until_taken(self, number: int) -> None:
        """Waits until everybody has had so many texts more taken."""
        wanted = {chat: taken + number for chat, taken in self.acknowledged.items()}
        await processes.until(
            lambda: all(self.acknowledged[chat] >= wanted[chat] for chat in wanted),
            seconds=40,
            told=lambda: self.acknowledged,
        )


@pytest.fixture
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    with RedisCluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@asynccontextmanager
async def serving(app: Starlette) -> AsyncIterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = processes._Server(uvicorn.Config(app, lifespan="off", log_config=None, ws="none"))
        task = asyncio.create_task(server.serve([listener]))
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        with contextlib.suppress(asyncio.CancelledError):
            await task


def move_a_slot(cluster: RedisCluster, chance: random.Random) -> None:
    slot = key_slot(f"{{bk:{chance.randrange(16)}}}".encode())
    others = [server for server in cluster.primaries() if server is not cluster.owner(slot)]
    assert cluster.move_slot(slot, to=chance.choice(others), pause=0.001) > 0


def lose_a_server(cluster: RedisCluster, chance: random.Random) -> None:
    """A primary dies, its replica takes its place, and it comes back as a replica."""
    lost = cluster.owner(key_slot(f"{{bk:{chance.randrange(16)}}}".encode()))
    lost.kill()
    cluster.wait_until_replaced(lost)
    # Until then nobody confirms what its heir is given.
    lost.start()
    cluster.wait_until_whole()


# Every wait in it has a bound of its own.
@pytest.mark.timeout(1800)
async def test_a_lost_server_and_a_moved_slot_cost_nothing_but_a_while(
    cluster: RedisCluster, folder: Path, project: Project, seed: int, pytestconfig: pytest.Config
) -> None:
    chance, platform = random.Random(seed), Platform()
    async with serving(platform.app) as url:
        put_bot(project, url)
        project.environ |= {"BOTKIT_REDIS_URL": cluster.url, "BOTKIT_ACK_REPLICAS": "1"}
        webs = [project.start("run", "--role=web") for _ in range(2)]
        workers = [project.start("run", "--role=worker") for _ in range(2)]
        await asyncio.gather(*(process.until_ready() for process in webs + workers))
        crowd = Crowd(webs)
        crowd.start()
        for _ in range(LONG_ROUNDS if pytestconfig.getoption("long") else 1):
            await crowd.until_taken(3)
            await asyncio.to_thread(move_a_slot, cluster, chance)
            await crowd.until_taken(3)
            await asyncio.to_thread(lose_a_server, cluster, chance)
            await crowd.until_taken(3)
        await crowd.stop()
        await check(cluster, crowd, platform)
        assert set(crowd.statuses) == {200, 503}
        doctor = project.start("doctor", "--audit")
        assert await doctor.until_ended() == 0, doctor.output
        assert "everything stored is whole" in doctor.output
        shown = sum(map(len, platform.shown.values()))
        again = shown - sum(len(platform.unique(chat)) for chat in crowd.acknowledged)
        refused = crowd.statuses.count(503)
        answered = f"{refused} of {len(crowd.statuses)} webhooks answered 503"
        print(f"{shown} messages, {again} of them again; {answered}")  # noqa: T201


async def check(cluster: RedisCluster, crowd: Crowd, platform: Platform) -> None:
    """Fails unless each text was handled once and in order, and answered; what was sent again is the same again."""
    expected = {chat: [f"{n}: text {n}" for n in range(1, taken + 1)] for chat, taken in crowd.acknowledged.items()}
    await processes.until(
        lambda: all(len(platform.unique(chat)) >= len(texts) for chat, texts in expected.items()),
        seconds=40,
        told=lambda: {chat: texts[-1] for chat, texts in platform.shown.items()},
    )
    assert {chat: platform.unique(chat) for chat in expected} == expected
    store = RedisStore(cluster.url)
    try:
        async with asyncio.timeout(20):
            # What was sent is noted a moment later.
            while [key async for key in claims(store)]:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert await audit(store) == []
        assert await store.dead_letters.count() == 0
    finally:
        await store.close()


async def claims(store: RedisStore) -> AsyncIterator[str]:
    """Yields the keys of leases that somebody has."""
    for shared in store.keys.partitions:
        for kind in ("lse", "olse"):
            if await store.call("EXISTS", shared[kind]):
                yield shared[kind]
