"""Everybody who can be written to, or could be before, on Redis."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import msgspec
from msgspec import Raw, Struct

from botkit.conversation import Account, Conversation
from botkit.redis.keys import Keys
from botkit.store import Person
from botkit.turn import Record

#: Conversations that are looked at in one go.
BATCH = 500


class _Placed(Struct):
    conversation: Raw = Raw(b"")


def place_of(cid: str, event: bytes) -> bytes:
    """Returns the encoded conversation of a stored event whose key does not tell it for sure; else nothing."""
    if cid.count(":") == 2:
        return b""
    return bytes(msgspec.json.decode(event, type=_Placed).conversation)


def conversation_of(cid: str, place: bytes) -> Conversation | None:
    """Returns the conversation of a key; `place` is what `place_of` told of one whose key does not tell it."""
    if place:
        return msgspec.json.decode(place, type=Conversation)
    channel, _, rest = cid.partition(":")
    ta, _, name = rest.partition(":")
    return Conversation(Account(channel, ta), name) if name and cid.count(":") == 2 else None


async def scan_people(
    call: Callable[..., Awaitable[Any]], keys: Keys, known: Sequence[str], read: Callable[[Sequence[Any]], Record]
) -> AsyncIterator[Sequence[Person]]:
    """Yields everybody once, partition by partition; who comes or goes meanwhile may be among them or not.

    `read` makes a record of the fields that are `known`, and the number of messages in the outbox.
    """
    for shared in keys.partitions:
        # All have the same score, so that they stand in the order of their names, whoever comes in between.
        last = "-"
        while page := await call("ZRANGEBYLEX", shared["all"], last, "+", "LIMIT", 0, BATCH):
            yield await asyncio.gather(*(_load(call, keys, cid.decode(), known, read) for cid in page))
            last = f"({page[-1].decode()}"


async def _load(
    call: Callable[..., Awaitable[Any]],
    keys: Keys,
    cid: str,
    known: Sequence[str],
    read: Callable[[Sequence[Any]], Record],
) -> Person:
    c, o = keys.of(cid, "c o")
    fields, queued = await asyncio.gather(call("HMGET", c, *known, "g", "co", "id"), call("LLEN", o))
    *values, gone, country, place = fields
    record = msgspec.structs.replace(read([*values, queued]), gone=(gone or b"").decode(errors="replace"))
    return Person(cid, record, place or b"", (country or b"").decode())


async def is_reachable(call: Callable[..., Awaitable[Any]], keys: Keys, cid: str, *, strangers: bool) -> bool:
    """Whether a conversation's outbox may take a message: known or a stranger's, not gone, and nothing held there."""
    everybody, c, held = keys.of(cid, "all c ohld")
    known, gone, waits = await asyncio.gather(
        call("ZSCORE", everybody, cid), call("HGET", c, "g"), call("ZSCORE", held, cid)
    )
    return (strangers or known is not None) and gone is None and waits is None
