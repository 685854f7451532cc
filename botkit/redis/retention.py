"""What is kept no longer: old dead letters, people who stayed away, and the traces of somebody who is forgotten."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from typing import Any

import msgspec

from botkit.conversation import Conversation
from botkit.redis.dead_letters import DeadLetter
from botkit.redis.keys import Keys
from botkit.submission import Submission

#: Names that are looked at in one go.
BATCH = 500

Call = Callable[..., Awaitable[Any]]


async def find_idle(call: Call, keys: Keys, since_ms: int) -> AsyncIterator[str]:
    """Yields who is known and was not heard of since that time. One trip for 500 of a partition."""
    for shared in keys.partitions:
        last = "-"
        while page := await call("ZRANGEBYLEX", shared["all"], last, "+", "LIMIT", 0, BATCH):
            names = [name.decode() for name in page]
            heard = await asyncio.gather(*(call("HGET", keys.of(name, "c")[0], "at") for name in names))
            for name, at in zip(names, heard, strict=True):
                if int(at or 0) < since_ms:
                    yield name
            last = f"({names[-1]}"


async def forget_traces(call: Call, servers: Iterable[Call], keys: Keys, where: Conversation) -> int:
    """Removes what `find_traces` yields; returns how much that was."""
    removed = 0
    async for key, value in find_traces(call, servers, keys, where):
        removed += await (call("ZREM", key, value) if "{p:" in key else call("DEL", key))
    return removed


async def find_traces(
    call: Call, servers: Iterable[Call], keys: Keys, where: Conversation
) -> AsyncIterator[tuple[str, bytes]]:
    """Yields what lies outside of a conversation's own keys and names it: each key, and what it holds of it.

    That are the links of phone numbers, what other programs asked to be sent there, and the places of messages that a
    service knows by an id alone. Looks at the name of every key of the `servers`.
    """
    own = re.escape(keys.prefix)
    links, orders = re.compile(rf"{own}:\{{p:[0-9a-f]+\}}"), re.compile(rf"{own}:\{{s:.+\}}")
    places = keys.account("r:", f"{where.account.channel}:{where.account.ta}")
    async for name in _scan(servers):
        if links.fullmatch(name):
            for member in await call("ZRANGE", name, 0, -1):
                if _decode_place(member) == where:
                    yield name, member
        elif orders.fullmatch(name):
            found = await call("GET", name)
            if found and _decode_submission(found).conversation == where:
                yield name, found
        elif name.startswith(places) and await call("GET", name) == where.id.encode():
            yield name, where.id.encode()


async def export(
    call: Call,
    servers: Iterable[Call],
    keys: Keys,
    cid: str,
    where: Conversation | None,
    letters: Sequence[DeadLetter],
) -> dict[str, Any]:
    """Returns all that is kept of a conversation, by the kind of thing, for whoever has a right to see it."""
    c, m, o, t, e = keys.of(cid, "c m o t e")
    record, mailbox, outbox, timers, watches = await asyncio.gather(
        call("HGETALL", c), call("LRANGE", m, 0, -1), call("LRANGE", o, 0, -1), call("HGETALL", t), call("HGETALL", e)
    )
    traces = [value async for _, value in find_traces(call, servers, keys, where)] if where else []
    return {
        "record": _pairs(record),
        "mailbox": _texts(mailbox),
        "outbox": _texts(outbox),
        "timers": _pairs(timers) | _pairs(watches),
        "dead_letters": [
            {
                "id": each.id,
                "queue": each.queue.value,
                "error": each.error,
                "entry": each.entry.decode(errors="replace"),
            }
            for each in letters
        ],
        "elsewhere": _texts(traces),
    }


def _texts(found: Sequence[bytes]) -> list[str]:
    return [each.decode(errors="replace") for each in found]


def _pairs(found: Sequence[bytes]) -> dict[str, str]:
    texts = _texts(found)
    return dict(zip(texts[::2], texts[1::2], strict=True))


async def _scan(servers: Iterable[Call]) -> AsyncIterator[str]:
    for call in servers:
        cursor = "0"
        while True:
            # No pattern is made of what is looked for: a store may be asked about anybody.
            answer = await call("SCAN", cursor, "COUNT", BATCH)
            cursor = answer[0].decode()
            for name in answer[1]:
                yield name.decode(errors="replace")
            if cursor == "0":
                break


_decode_submission = msgspec.json.Decoder(Submission).decode
_decode_place = msgspec.json.Decoder(Conversation).decode
