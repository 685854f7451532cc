"""What strangers can do by numbers: slow clients, many bodies, endless ones, some that leave, and some with a clock."""

import asyncio
import json
import os
import random
import statistics
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog

from botkit.bot import Bot
from botkit.channels.viber import Viber
from botkit.protocol import ConnectionPolicy
from botkit.receiver import ReceiverPolicy
from botkit.router import Router
from botkit.service import Policies
from botkit.testing import BotTester
from botkit.webhook import WebhookRequest
from tests.faults.slow_clients import HEAD
from tests.generated import ROOT
from tests.raw_http import exchange, serving, statuses

MEBIBYTE = 1024 * 1024
HEALTHY = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@asynccontextmanager
async def receiving(
    folder: Path, bounds: ConnectionPolicy | None = None, policy: ReceiverPolicy | None = None
) -> AsyncIterator[tuple[BotTester, int]]:
    # No request of these gets as far as the store.
    bot = Bot("shop", routers=[Router()], accounts=[Viber()])
    policies = Policies(receiver=policy or ReceiverPolicy())
    tester = BotTester([bot], "redis://127.0.0.1:1", folder=folder, policies=policies)
    async with serving(tester.app, bounds) as port:
        yield tester, port
    await tester.service.stop()


@pytest.mark.timeout(0)
async def test_slow_clients_are_closed_and_others_answered_meanwhile(
    tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    is_long = pytestconfig.getoption("--long")
    number = 1000 if is_long else 100
    quick = ConnectionPolicy(idle_seconds=0.5, head_seconds=1, body_seconds=2, write_seconds=1)
    policy = ReceiverPolicy() if is_long else ReceiverPolicy(body_seconds=1)
    async with receiving(tmp_path, ConnectionPolicy() if is_long else quick, policy) as (_, port):
        alone = await asked_during(port, asyncio.create_task(asyncio.sleep(10 * is_long)))
        slow = asyncio.create_task(slow_clients(port, number))
        async with asyncio.timeout(60):
            beside = await asked_during(port, slow)
        borne = await slow
    print(  # noqa: T201
        f"{number} slow sockets: closed after {min(borne):.1f} to {max(borne):.1f} s; "
        f"healthy {said_of(alone)} alone, {said_of(beside)} beside"
    )
    assert len(borne) == number
    assert len(beside) > 10
    assert not is_long or max(borne) <= 15


async def asked_during(port: int, work: asyncio.Task[Any]) -> list[float]:
    """Asks fifty times a second while something goes on; returns the seconds that each answer took."""
    times = []
    while not work.done():
        times.append(await healthy(port))
        await asyncio.wait([work], timeout=0.02)
    return times


async def slow_clients(port: int, number: int) -> list[float]:
    command = ("-m", "tests.faults.slow_clients", str(port), str(number))
    child = await asyncio.create_subprocess_exec(sys.executable, *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    said, _ = await child.communicate()
    borne: list[float] = json.loads(said)
    return borne


def said_of(times: list[float]) -> str:
    return f"p50 {statistics.median(times) * 1e3:.2f} ms, p99 {p99(times) * 1e3:.2f} ms"


async def healthy(port: int) -> float:
    began = time.monotonic()
    assert statuses(await exchange(port, HEALTHY)) == [200]
    return time.monotonic() - began


def p99(times: list[float]) -> float:
    return sorted(times)[len(times) * 99 // 100]


# --- bodies


@pytest.mark.parametrize(
    "parts",
    [
        [HEAD + b"Content-Length: 2147483648\r\n\r\n"],
        [HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *[b"10000\r\n" + b"a" * 65536 + b"\r\n"] * 64],
        [HEAD + b"Content-Length: 4194304\r\nExpect: 100-continue\r\n\r\n"],
    ],
    ids=["announced", "chunked without end", "asked for"],
)
async def test_a_huge_body_is_refused_as_soon_as_it_is_known_to_be_one(tmp_path: Path, parts: list[bytes]) -> None:
    async with receiving(tmp_path) as (tester, port):
        received = await exchange(port, *parts)
        held = tester.service.receiver.held.size
    assert statuses(received) == [413]
    assert b"connection: close" in received
    assert held == 0


@pytest.mark.timeout(120)
async def test_many_bodies_at_once_are_held_within_a_bound(tmp_path: Path) -> None:
    number, size = 200, MEBIBYTE
    before = resident()
    async with receiving(tmp_path, policy=ReceiverPolicy(max_bytes=16 * MEBIBYTE)) as (tester, port):
        held = tester.service.receiver.held
        greatest = 0
        streams = [await asyncio.open_connection("127.0.0.1", port) for _ in range(number)]
        # From the start, because what has come is gone once writing fails.
        answering = [asyncio.create_task(rest(reader)) for reader, _ in streams]
        for _, writer in streams:
            writer.write(HEAD + f"Content-Length: {size}\r\n\r\n".encode())
        # All but the last byte, a part of each in turn, so that all are there at a time.
        for _ in range(size // 32768):
            for _, writer in streams:
                writer.write(b"a" * 32767)
            await asyncio.sleep(0)
            greatest = max(greatest, held.size)
        for _, writer in streams:
            writer.write(b"a" * 32)
        answers = Counter([(statuses(answer) or [0])[0] for answer in await asyncio.gather(*answering)])
        grown = resident() - before
        for _, writer in streams:
            writer.close()
    print(f"{dict(answers)}; at most {greatest / MEBIBYTE:.1f} MiB held, grown by {grown / MEBIBYTE:.0f} MiB")  # noqa: T201
    assert answers[503] > 0
    assert set(answers) <= {0, 403, 408, 503}
    assert greatest <= 17 * MEBIBYTE
    assert held.size == 0


async def rest(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read(4096)
    except ConnectionError:
        return b""


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def test_a_thousand_who_leave_early_are_a_debug_line_each(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    number = 1000
    with structlog.testing.capture_logs() as lines:
        async with receiving(tmp_path) as (_, port):
            for _ in range(number):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(HEAD + b"Content-Length: 100\r\n\r\nhalf of")
                await writer.drain()
                writer.transport.abort()
                del reader
            async with asyncio.timeout(20):
                while sum(line["event"] == "the sender left early" for line in lines) < number * 9 // 10:
                    await healthy(port)
    assert {(line["log_level"], line["event"]) for line in lines} == {("debug", "the sender left early")}
    assert [record for record in caplog.records if record.levelname not in ("DEBUG", "INFO")] == []


# --- a clock


@pytest.mark.timeout(0)
async def test_an_account_that_nobody_has_takes_as_long_as_one_with_a_wrong_signature(
    tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    """The short form: the same answer by the same steps. The long one measures 10,000 of each."""
    verified: list[bytes] = []

    class Watched(Viber):
        def verify(self, request: WebhookRequest) -> bool:
            verified.append(request.body)
            return super().verify(request)

    is_long = pytestconfig.getoption("--long")
    tester = BotTester([Bot("shop", routers=[Router()], accounts=[Watched()])], "redis://127.0.0.1:1", folder=tmp_path)
    body = b"{" + b"a" * 500
    times: dict[str, list[float]] = {"shop-viber": [], "nobody": []}
    answers = set()
    with structlog.testing.capture_logs() as lines:
        for _ in range(10_000 if is_long else 20):
            for ta in random.sample(sorted(times), 2):
                began = time.perf_counter()
                answers.add(repr(await asked(tester.app, ta, body)))
                times[ta].append(time.perf_counter() - began)
        kinds = {tuple(sorted(line.items())) for line in lines}
    await tester.service.stop()
    difference = abs(statistics.median(times["shop-viber"]) - statistics.median(times["nobody"]))
    print(f"the medians differ by {difference * 1e6:.1f} us")  # noqa: T201
    assert len(answers) == 1
    assert len(kinds) == 1
    assert len(verified) == len(times["shop-viber"]) + len(times["nobody"])
    assert not is_long or difference < 50e-6


async def asked(app: Any, ta: str, body: bytes) -> list[Any]:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": "/webhooks/viber", "raw_path": b"/webhooks/viber", "root_path": "", "client": None, "server": None,
        "query_string": f"ta={ta}".encode(),
        "headers": [(b"host", b"x"), (b"x-viber-content-signature", b"0" * 64)],
    }  # fmt: skip
    await app(scope, receive, send)
    return sent
