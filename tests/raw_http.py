"""A server of botkit's own kind on a real socket, and requests to it byte by byte."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import uvicorn

from botkit.protocol import ConnectionPolicy, bounded


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Any:
        # Ctrl+C belongs to pytest.
        yield


@asynccontextmanager
async def serving(app: Any, bounds: ConnectionPolicy | None = None) -> AsyncIterator[int]:
    """Serves an application as `botkit run` does, and tells the port."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        config = uvicorn.Config(
            app,
            http=bounded(bounds or ConnectionPolicy()),
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=1,
        )
        server = _Server(config)
        task = asyncio.create_task(server.serve([listener]))
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            await task


async def exchange(port: int, *parts: bytes, seconds: float = 20) -> bytes:
    """Sends the parts one after another, and returns what comes until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    received: list[bytes] = []
    # At the same time, because what has come is gone once writing fails.
    reading = asyncio.create_task(_collect(reader, received))
    try:
        async with asyncio.timeout(seconds):
            for part in parts:
                writer.write(part)
                with suppress(ConnectionError):
                    await writer.drain()
                await asyncio.sleep(0)
            await reading
    finally:
        reading.cancel()
        writer.close()
    return b"".join(received)


async def _collect(reader: asyncio.StreamReader, received: list[bytes]) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            received.append(data)


def statuses(received: bytes) -> list[int]:
    """Returns the status of each answer."""
    return [int(status) for status in re.findall(rb"HTTP/1\.1 ([0-9]{3}) ", received)]
