"""The calls of the store in the short form that its tests use."""

from collections.abc import Sequence
from typing import Any

import redis.asyncio

from botkit.clock import Clock
from botkit.redis.store import RedisStore
from botkit.session_rules import Heard, SessionRules
from botkit.store import Commit, Committed, Ingested, Mine, Verdict
from botkit.timer import Timer
from botkit.turn import Queue, Turn

Raw = redis.asyncio.Redis
ANN, BEN = "viber:parcel:ann", "viber:parcel:ben"
HOUR = 3600.0
LEASE = 10


def event(number: int) -> str:
    return f"{number:022d}"


def key(number: int, index: int = 0) -> str:
    return f"{event(number)}{index:02d}"


def message(number: int, index: int = 0) -> bytes:
    return f"{key(number, index)}message {number}.{index}".encode()


async def ingest(
    store: RedisStore, number: int, *, cid: str = ANN, token: str = "", window: float = HOUR, answers: bool = False
) -> Ingested:
    heard = Heard(SessionRules(), "viber:parcel", store.clock.now()) if answers else None
    return await store.ingest(cid, event(number), b"event %d" % number, token=token, window=window, heard=heard)


async def take(store: RedisStore, number: int, *, cid: str = ANN) -> Turn:
    """Stores an event of an idle conversation and takes it at once."""
    stored = await ingest(store, number, cid=cid, token=store.new_token())
    assert isinstance(stored, Mine)
    return stored.turn


async def claim(store: RedisStore, queue: Queue = Queue.MAILBOX) -> Turn | None:
    turns = (await store.claim(queue, 100)).turns
    assert len(turns) < 2
    return turns[0] if turns else None


async def claim_one(store: RedisStore, queue: Queue = Queue.MAILBOX) -> Turn:
    turn = await claim(store, queue)
    assert turn
    return turn


async def commit(
    store: RedisStore,
    turn: Turn,
    *,
    state: bytes = b"",
    outgoing: Sequence[bytes] = (),
    timers: Sequence[Timer] = (),
    reply: bytes = b"",
    keep: bool = False,
    send: bool = False,
) -> Committed | None:
    return await store.commit(turn, Commit(state, outgoing, timers, reply), keep=keep, send=send)


async def post(store: RedisStore, *numbers: int, cid: str = ANN) -> Turn:
    """Puts messages into the outbox and takes the first."""
    for number in numbers:
        assert await store.enqueue(cid, key(number), b"message %d" % number)
    return await claim_one(store, Queue.OUTBOX)


#: Without a session nothing may go out.
SILENT = SessionRules(starts_with="first_user_message")


async def count(store: RedisStore, turn: Turn, rules: SessionRules = SessionRules(max_in_row=100)) -> Verdict:  # noqa: B008
    counted = await store.count(turn, rules, account="viber:parcel", month="202611", outside=False)
    return counted.verdict


async def fail(store: RedisStore, turn: Turn, *, refund: bool = False, keep: bool = False) -> Turn | None:
    return await store.fail(turn, error="refused", event_id=event(900), event=b"failed", refund=refund, keep=keep)


def in_ms(clock: Clock, seconds: float) -> int:
    return round((clock.timestamp() + seconds) * 1000)


async def everything(raw: Raw) -> str:
    """All keys and all that is in them, as text."""
    readers = {
        b"string": ("GET",),
        b"hash": ("HGETALL",),
        b"list": ("LRANGE", 0, -1),
        b"zset": ("ZRANGE", 0, -1),
        b"stream": ("XRANGE", "-", "+"),
    }
    found = []
    async for name in raw.scan_iter():
        command, *rest = readers[await ask(raw, "TYPE", name)]
        found.append((name, await ask(raw, command, name, *rest)))
    return repr(sorted(found))


async def ask(raw: Raw, *command: Any) -> Any:
    return await raw.execute_command(*command)  # type: ignore[no-untyped-call]
