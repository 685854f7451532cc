"""The connection to Redis breaks at every batch of commands: nothing accepted is lost, done twice or out of order.

A proxy on a real socket counts what the process writes; at the k-th write it closes the connection before Redis sees
any of it, after half of it, or when Redis has done it all and before the answer is back.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import pytest

from botkit.clock import Clock
from tests.faults.scenarios import SCENARIOS, Run, check

Cut = Literal["before", "half", "reply"]

#: The others are parts of these; of what reports do, the model of the scripts makes every call twice.
NAMES = ("two queued", "dead", "timer", "welcome", "charged", "failed over")


#: Batches between two cuts of a life that has many; with --every-line there is none.
STRIDES = {"failed over": 11, "dead": 3}


class CuttingProxy:
    """Passes bytes to Redis and back, but for one write."""

    def __init__(self, target: str, cut: Cut, cut_at: int) -> None:
        self._target = urlsplit(target)
        self._cut = cut
        self._cut_at = cut_at
        self._writes = 0
        self.was_cut = False

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await self._connect()
        answering = asyncio.create_task(_pass_on(server_reader, writer))
        try:
            while data := await reader.read(1 << 20):
                self._writes += 1
                if self._writes == self._cut_at:
                    self.was_cut = True
                    await self._break_off(data, answering, server_writer)
                    return
                server_writer.write(data)
        except ConnectionError:
            return
        finally:
            answering.cancel()
            writer.close()
            server_writer.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._target.scheme == "unix":
            return await asyncio.open_unix_connection(self._target.path)
        return await asyncio.open_connection(self._target.hostname, self._target.port)

    async def _break_off(
        self, data: bytes, answering: "asyncio.Task[None]", server_writer: asyncio.StreamWriter
    ) -> None:
        if self._cut == "before":
            return
        answering.cancel()
        await asyncio.gather(answering, return_exceptions=True)
        server_writer.write(data if self._cut == "reply" else data[: len(data) // 2])
        await server_writer.drain()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1 << 20):
        writer.write(data)


@asynccontextmanager
async def cutting(target: str, cut: Cut, cut_at: int) -> AsyncIterator[tuple[CuttingProxy, str]]:
    proxy = CuttingProxy(target, cut, cut_at)
    async with await asyncio.start_server(proxy, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        yield proxy, f"redis://127.0.0.1:{port}/0"


@pytest.mark.parametrize("cut", ["before", "half", "reply"])
@pytest.mark.parametrize("name", NAMES)
async def test_a_connection_that_breaks_at_any_batch_loses_doubles_and_reorders_nothing(
    name: str, cut: Cut, botkit_redis_url: str, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    wanted = SCENARIOS[name]
    for cut_at in count(1, 1 if pytestconfig.getoption("--every-line") else STRIDES.get(name, 1)):
        run = Run(botkit_redis_url, tmp_path, wanted.scenario, wanted.sessions)
        async with cutting(botkit_redis_url, cut, cut_at) as (proxy, address), run.process(Clock(), address) as process:
            await run.scenario(run, process)
        await check(run, wanted, faults=int(proxy.was_cut), said=f"cut {cut} at write {cut_at}")
        if not proxy.was_cut:
            break
