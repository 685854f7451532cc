"""A Redis of one run's own, and what it says of its work."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Sequence, Set
from pathlib import Path
from typing import Any

import redis
from msgspec import Struct

from benchmarks.processes import Child

#: Nothing is answered that is not on the disk.
DURABLE = ("--appendonly", "yes", "--appendfsync", "always")
#: As the distribution's configuration has it: snapshots now and then, no log.
DEFAULT = ("--appendonly", "no")


class Work(Struct, frozen=True):
    """What a server did so far: seconds of CPU, and reads from sockets, of which a batch of commands is one."""

    cpu: float
    reads: int


class Watch(asyncio.Protocol):
    """What MONITOR tells, counted."""

    def __init__(self) -> None:
        self.commands = 0

    def data_received(self, data: bytes) -> None:
        """Counts the lines that are no script's: each has its client's address, or that word."""
        self.commands += data.count(b"\r\n") - data.count(b" lua] ")


class RedisServer:
    """A server on a free port of the loopback, with its data in `folder`."""

    def __init__(self, folder: Path, *, options: Sequence[str], cores: Set[int]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
        self.child = Child([*command, *options], cores=cores, log=folder / "redis.log", cwd=folder)
        self.client = redis.Redis(port=self.port, protocol=2)
        self._await_ready()

    def _await_ready(self) -> None:
        deadline = time.monotonic() + 10
        while True:
            try:
                self.client.ping()
            except (redis.ConnectionError, redis.BusyLoadingError):
                if time.monotonic() > deadline or not self.child.is_alive():
                    raise RuntimeError(f"redis-server does not start: {self.child.last_words()}") from None
                time.sleep(0.02)
            else:
                return

    def work(self) -> Work:
        """Returns what it did so far."""
        told: Any = self.client.info("everything")
        cpu = told["used_cpu_user"] + told["used_cpu_sys"]
        return Work(cpu, told["total_reads_processed"])

    @property
    def version(self) -> str:
        """Its version."""
        told: Any = self.client.info("server")
        return str(told["redis_version"])

    @contextlib.asynccontextmanager
    async def watch(self) -> AsyncIterator["Watch"]:
        """Counts the commands that come from clients."""
        watch = Watch()
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_connection(lambda: watch, "127.0.0.1", self.port)
        try:
            transport.write(b"MONITOR\r\n")
            yield watch
        finally:
            transport.close()

    def stop(self) -> None:
        """Ends it."""
        self.client.close()
        self.child.stop()


def free_port() -> int:
    """Returns a port that nobody listens on at the moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
