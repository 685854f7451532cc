"""Whatever is sent, signed or not: no failure of ours, nothing lost that was accepted, and no work for strangers.

`--long` sends a million requests; `--seed` repeats a run.
"""

import asyncio
import logging
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import structlog

from botkit.bot import Bot
from botkit.events import Event
from botkit.protocol import ConnectionPolicy
from botkit.receiver import ReceiverPolicy
from botkit.router import Router
from botkit.service import Policies
from botkit.testing import BotTester
from tests.conftest import Servers
from tests.faults.hostile import Attacker, Hostile, adapters
from tests.raw_http import serving

MEBIBYTE = 1024 * 1024
QUICK = ConnectionPolicy(idle_seconds=0.3, head_seconds=0.3, body_seconds=0.5)
POLICIES = Policies(receiver=ReceiverPolicy(body_seconds=0.3))


@pytest.fixture(autouse=True)
def silent_logs() -> Iterator[None]:
    # Each refusal is a line.
    structlog.configure(processors=[_drop])
    yield
    structlog.reset_defaults()


def _drop(*_: object) -> str:
    raise structlog.DropEvent


@asynccontextmanager
async def receiving(
    url: str, folder: Path, connections: ConnectionPolicy, policies: Policies | None = None
) -> AsyncIterator[tuple[BotTester, int]]:
    tester = BotTester([Bot("demo", routers=[Router()], accounts=adapters())], url, folder=folder, policies=policies)
    async with serving(tester.app, connections) as port:
        yield tester, port
    await tester.service.stop()


class Client:
    """One connection at a time, kept as long as the server keeps it; the slowest answer took `slowest` seconds."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self.slowest = 0.0

    async def send(self, request: Hostile) -> int:
        """Returns the status of the answer; 0 when the connection was closed without one."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(20):
                return await self._exchange(request)
        except (ConnectionError, asyncio.IncompleteReadError):
            self.close()
            return 0
        finally:
            self.slowest = max(self.slowest, time.monotonic() - began)

    async def _exchange(self, request: Hostile) -> int:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(request.head + request.body)
        head = b"HTTP/1.1 100 "
        while head.startswith(b"HTTP/1.1 100 "):
            head = (await reader.readuntil(b"\r\n\r\n")).lower().replace(b"http/", b"HTTP/", 1)
        assert b"\r\nserver:" not in head
        length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
        body = await reader.readexactly(length)
        assert b"Traceback" not in body
        if request.genuine is None or b"connection: close" in head:
            # What is behind an odd request may be half of another.
            self.close()
        return int(head[9:12])

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
        self._streams = None


async def shower(port: int, count: int, make: Callable[[], Hostile], check: Callable[[Hostile, int], object]) -> float:
    """Sends `count` requests, sixteen at a time; returns how long the slowest answer took."""
    clients = [Client(port) for _ in range(16)]
    left = iter(range(count))

    async def work(client: Client) -> None:
        for _ in left:
            request = make()
            result = check(request, await client.send(request))
            if asyncio.iscoroutine(result):
                await result

    try:
        await asyncio.gather(*(work(client) for client in clients))
    finally:
        for client in clients:
            client.close()
    return max(client.slowest for client in clients)


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class NoRedis:
    """A server that nobody may connect to."""

    def __init__(self) -> None:
        self.connections = 0

    async def accept(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        writer.close()


@pytest.mark.timeout(0)
async def test_strangers_get_nothing_done_whatever_they_send(
    seed: int, tmp_path: Path, pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_long = pytestconfig.getoption("--long")
    count = 700_000 if is_long else 14_000
    redis = NoRedis()
    server = await asyncio.start_server(redis.accept, "127.0.0.1", 0)
    url = f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    seen: Counter[int] = Counter()
    # A line for each that is no HTTP: pytest keeps all of them until the test ends, which is not what is measured.
    monkeypatch.setattr(logging.getLogger("uvicorn.error"), "disabled", True)
    async with receiving(url, tmp_path, QUICK, POLICIES) as (tester, port):
        attacker = Attacker(seed, [owner.adapter for owner in tester.service.owners.values()])

        def check(request: Hostile, status: int) -> None:
            seen[status] += 1
            assert status in (0, 200, 400, 403, 404, 405, 408, 413, 414, 431, 503), (status, request)
            # The check of an address is not signed, and does nothing.
            assert status != 200 or b'"webhook"' in request.body, (status, request)

        await shower(port, count // 7, attacker.unsigned, check)
        before = resident()
        slowest = await shower(port, count - count // 7, attacker.unsigned, check)
        grown = resident() - before
        held = tester.service.receiver.held.size
    server.close()
    print(f"{dict(seen)}; slowest {slowest:.3f} s, grown by {grown / MEBIBYTE:.1f} MiB")  # noqa: T201
    assert redis.connections == 0
    assert held == 0
    assert grown < 20 * MEBIBYTE
    assert not is_long or slowest < 1
    assert seen[403] > count / 4
    assert seen[400] > count / 50


@pytest.mark.timeout(0)
async def test_what_a_service_signs_is_stored_or_kept_whatever_it_says(
    seed: int, servers: Servers, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    is_long = pytestconfig.getoption("--long")
    count = 300_000 if is_long else 6_000
    seen: Counter[str] = Counter()
    async with receiving(servers.any_url(), tmp_path, ConnectionPolicy()) as (tester, port):
        attacker = Attacker(seed, [owner.adapter for owner in tester.service.owners.values()])

        async def check(request: Hostile, status: int) -> None:
            seen[str(status)] += 1
            assert status in (200, 503), (status, request)
            if status == 200:
                seen[await kept(tester, request)] += 1

        await shower(port, count // 3, attacker.signed, check)
        before = resident()
        slowest = await shower(port, count - count // 3, attacker.signed, check)
        grown = resident() - before
        await tester.service.engine.settle()
        held = tester.service.receiver.held.size
    print(f"{dict(seen)}; slowest {slowest:.3f} s, grown by {grown / MEBIBYTE:.1f} MiB")  # noqa: T201
    assert held == 0
    assert grown < 20 * MEBIBYTE
    assert not is_long or slowest < 1
    assert min(seen["stored"], seen["kept"]) > count / 20


async def kept(tester: BotTester, request: Hostile) -> str:
    """Tells where an accepted request is to be found; fails when that is nowhere."""
    assert request.genuine is not None
    try:
        events = request.adapter.parse(request.genuine)
    except Exception:
        latest = await tester.store.call("XREVRANGE", tester.store.keys.unreadable, "+", "-", "COUNT", 100)
        assert any(request.genuine.body[:65536] in entry for _, entry in latest), request
        return "kept"
    for event in events:
        assert await is_stored(tester, request, event), (event, request)
    return "stored" if events else "of no interest"


async def is_stored(tester: BotTester, request: Hostile, event: Event) -> bool:
    age = tester.clock.now() - event.at
    if request.adapter.signs_time and age > request.adapter.dedupe_window:
        return True
    keys = tester.store.keys.of(event.conversation.key, "x")
    return await tester.store.call("ZSCORE", keys[0], event.id) is not None
