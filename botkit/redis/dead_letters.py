"""What was given up: the events and messages of a partition, with the reason of each."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from botkit.redis.keys import Keys


async def count_letters(call: Callable[..., Awaitable[Any]], keys: Keys) -> int:
    """Returns how many dead letters there are. One trip for all partitions together."""
    lengths = await asyncio.gather(*(call("XLEN", shared["dead"]) for shared in keys.partitions))
    return sum(lengths)


async def scan_letters(call: Callable[..., Awaitable[Any]], name: str, cid: str) -> AsyncIterator[dict[str, str]]:
    """Yields a conversation's letters of the partition's stream, oldest first. One trip for each 500 of the stream."""
    start = "-"
    while page := await call("XRANGE", name, start, "+", "COUNT", 500):
        for entry_id, fields in page:
            pairs = [part.decode() for part in fields]
            letter = dict(zip(pairs[::2], pairs[1::2], strict=True))
            if letter["cid"] == cid:
                yield {"id": entry_id.decode(), **letter}
        start = f"({page[-1][0].decode()}"
