"""What a server tells of itself; nothing where it does not know the question, or the user may not ask it."""

import asyncio
import re
from collections.abc import Sequence

from botkit.redis.refusals import ResponseError
from botkit.redis.single import Call


async def load_server_settings(call: Call, names: Sequence[str]) -> dict[str, str]:
    """Returns a server's settings of these names, without those it does not tell."""
    answers = await asyncio.gather(*(call("CONFIG", "GET", name) for name in names), return_exceptions=True)
    found = [answer for answer in answers if isinstance(answer, list) and len(answer) == 2]
    return {name.decode(): value.decode() for name, value in found}


async def count_replicas(call: Call) -> int | None:
    """Returns how many replicas are connected to a server; None if it does not tell."""
    try:
        told = (await call("INFO", "replication")).decode()
    except ResponseError:
        return None
    found = re.search(r"^connected_slaves:(\d+)", told, re.MULTILINE)
    return int(found[1]) if found else None
