"""Working processes for the chaos run: each the whole service, with a short lease, on a socket that outlives it.

`python -m tests.faults.chaos_app` is told on its command line what they need, and forks one for each line of its input,
`NAME FD`; it answers with the process's id. What they meet that is worth counting goes into a file, line by line.
"""

import asyncio
import contextlib
import os
import random
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import uvicorn
from msgspec import Struct
from starlette.applications import Starlette
from starlette.routing import Route

from botkit import Context, Flow, MessageReceived, Router, Telegram, Trigger
from botkit.bot import Bot
from botkit.dispatcher import HandlerPolicy
from botkit.engine import EnginePolicy
from botkit.outbox import SendPolicy
from botkit.receiver import Webhooks
from botkit.redaction import Secret
from botkit.redis.bounds import Bounds
from botkit.redis.store import RedisStore
from botkit.service import Policies, Service
from botkit.settings import Settings
from botkit.store import Claim, Commit, Committed
from botkit.telemetry import set_up_logging
from botkit.turn import Queue, Turn
from tests.faults.checker import Mark

LEASE = 1.5
PARTITIONS = 4
BOUNDS = Bounds(lease=LEASE, partitions=PARTITIONS)
POLICIES = Policies(
    handler=HandlerPolicy(delays=(0.05, 0.05, 0.05, 0.05)),
    engine=EnginePolicy(lease=LEASE, poll=0.25),
    send=SendPolicy(first_delay=0.1, longest_delay=0.5),
)
SECRET = "chaos-chaos-chaos-chaos-chaos-chaos"


class Count(Flow):
    """What was heard so far, as one mark."""

    states = ("on",)
    note = Trigger("on", "on")
    mark: str = str(Mark())


router = Router(Count)


@router.text()
async def heard(event: MessageReceived, ctx: Context[Count]) -> None:
    if "poison" in event.text:
        raise ValueError("never works")
    # Long enough for others to come in behind it.
    await asyncio.sleep(random.uniform(0.05, 0.25))
    ctx.flow.mark = str(Mark.read(ctx.flow.mark).then(event.text))
    ctx.reply(ctx.flow.mark)


class Job(Struct, frozen=True):
    """What every process needs: the platform's address, and the file for what is to be counted."""

    platform: str
    notes: Path

    def environ(self, name: str) -> Mapping[str, str]:
        return {
            "SHOP_TELEGRAM_TOKEN": "123456789:AAF_chaos_chaos_chaos_chaos_chaos_ch",
            "SHOP_TELEGRAM_SECRET": SECRET,
            # The service is to know who calls it.
            "SHOP_TELEGRAM_API_URL": f"{self.platform}/{name}",
            "SHOP_TELEGRAM_RATE": "0",
            "SHOP_TELEGRAM_CHAT_RATE": "0",
        }


def shop(environ: Mapping[str, str]) -> Bot:
    return Bot("shop", routers=[router], accounts=[Telegram.from_env("SHOP_TELEGRAM", environ)])


class NotingStore(RedisStore):
    """A store that writes down what shows that the run comes near the edge."""

    notes: int

    def note(self, line: str) -> None:
        os.write(self.notes, f"{line}\n".encode())

    async def claim(self, queue: Queue, limit: int) -> Claim:
        found = await super().claim(queue, limit)
        for turn in found.turns:
            # No other event is ever tried again but after the end of a lease.
            if queue is Queue.MAILBOX and turn.attempts > 1 and b"poison" not in turn.payload:
                self.note("recovered")
        return found

    async def commit(self, turn: Turn, commit: Commit, *, keep: bool, send: bool) -> Committed | None:
        committed = await super().commit(turn, commit, keep=keep, send=send)
        if committed is None:
            self.note("fenced")
        return committed


def serve(job: Job, name: str, redis_url: str, listener: socket.socket) -> None:
    """Works until SIGTERM."""
    settings = Settings(env="prod", redis_url=Secret(redis_url), log="error", log_format="json", shutdown_seconds=3)
    store = NotingStore(redis_url, bounds=BOUNDS)
    store.notes = os.open(job.notes, os.O_WRONLY | os.O_APPEND)
    store.note(f"worker {name} {store.new_token().partition('.')[0]}")
    service = Service([shop(job.environ(name))], settings, store, policies=POLICIES)
    set_up_logging(settings, service.redactor)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        service.start()
        yield
        await service.stop()

    app = Starlette(
        routes=[Route("/webhooks/{channel}", Webhooks(service.receiver.serve), methods=["POST"])], lifespan=lifespan
    )
    config = uvicorn.Config(
        app, http="httptools", lifespan="on", log_config=None, access_log=False, timeout_graceful_shutdown=3
    )
    uvicorn.Server(config).run(sockets=[listener])


def main() -> None:
    """Forks a process for each line of its input; none of them outlives it."""
    job = Job(sys.argv[1], Path(sys.argv[2]))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        name, redis_url, fd = line.split()
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            code = 1
            try:
                serve(job, name, redis_url, socket.socket(fileno=int(fd)))
                code = 0
            finally:
                os._exit(code)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
