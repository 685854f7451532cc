"""The timers that are due."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from botkit.redis.keys import Keys
from botkit.redis.script_values import answered
from botkit.timer import LATER, DueTimer, Timer


async def load_due(
    call: Callable[..., Awaitable[Any]], keys: Keys, now: int, limit: int
) -> tuple[Sequence[DueTimer], float | None]:
    """See `Store.due_timers`; `now` in ms."""
    heads = await asyncio.gather(
        *(call("ZRANGE", shared["tmr"], 0, limit - 1, "WITHSCORES") for shared in keys.partitions),
        return_exceptions=True,
    )
    timers = [
        (member.decode(), int(float(score)))
        for head in answered(heads)
        for member, score in zip(head[::2], head[1::2], strict=True)
    ]
    loads = (_load(call, keys, member, score) for member, score in timers if score <= now)
    due = answered(await asyncio.gather(*loads, return_exceptions=True))
    later = min((score for _, score in timers if score > now), default=None)
    return [timer for timer in due if timer], None if later is None else (later - now) / 1000


async def _load(call: Callable[..., Awaitable[Any]], keys: Keys, member: str, due_ms: int) -> DueTimer | None:
    cid, name = member.split("|", 1)
    payload = await call("HGET", keys.of(cid, "e" if name.startswith(LATER) else "t")[0], name)
    return DueTimer(cid, Timer(name, due_ms, payload)) if payload else None
