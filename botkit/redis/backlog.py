"""What waits in the store, as numbers: for metrics, in one trip."""

import asyncio
from collections.abc import Mapping

from msgspec import Struct

from botkit.redis.store import RedisStore
from botkit.turn import Queue

_NAMES = {Queue.MAILBOX: ("rdy", "lse"), Queue.OUTBOX: ("ordy", "olse")}


class Backlog(Struct, frozen=True):
    """A queue's conversations: how many are due now or later, and how many somebody works on.

    `age` is for how many seconds the one has been due that waits longest for a process.
    """

    waiting: int
    leased: int
    age: float


async def load_backlogs(store: RedisStore) -> Mapping[Queue, Backlog]:
    """Returns what waits in each queue. Raises StoreUnavailableError. One trip for all partitions together."""
    queues = await asyncio.gather(*(_load(store, *names) for names in _NAMES.values()))
    return dict(zip(_NAMES, queues, strict=True))


async def _load(store: RedisStore, ready: str, leased: str) -> Backlog:
    call, partitions = store.call, store.keys.partitions
    waiting, working, first = await asyncio.gather(
        asyncio.gather(*(call("ZCARD", keys[ready]) for keys in partitions)),
        asyncio.gather(*(call("ZCARD", keys[leased]) for keys in partitions)),
        # A lease that has ended is as much a wait for a process as a turn that nobody took.
        asyncio.gather(
            *(call("ZRANGE", keys[name], 0, 0, "WITHSCORES") for keys in partitions for name in (ready, leased))
        ),
    )
    now = store.clock.timestamp() * 1000
    due = min((float(found[1]) for found in first if found), default=now)
    return Backlog(sum(waiting), sum(working), max(0.0, now - due) / 1000)
