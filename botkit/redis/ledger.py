"""Reads what the store knows of sessions: the open ones, and each account's ledger."""

import asyncio
from collections.abc import AsyncIterator, Iterable

from msgspec import Struct

from botkit.ledger import Ledger, month_of, read_ledger
from botkit.redis.store import RedisStore
from botkit.turn import Counts

#: Conversations that are looked at in one go.
BATCH = 500


class OpenSession(Struct, frozen=True):
    """A conversation with an open session, or whose messages are held; `queued` messages wait in its outbox."""

    cid: str
    account: str
    counts: Counts
    queued: int
    is_held: bool


async def load_ledgers(store: RedisStore, month: str, accounts: Iterable[str] = ()) -> list[Ledger]:
    """Returns the ledgers of a month such as 202611, of these accounts and all others that booked something in it.

    One trip, and one for the months. Entries of two years ago are removed on the way.
    """
    entries: dict[str, list[tuple[str, int]]] = {account: [] for account in accounts}
    shelves = [shared["led"] for shared in store.keys.partitions]
    for found in await asyncio.gather(*(_load_shelf(store, shelf) for shelf in shelves)):
        for (account, booked_in, entry), number in found:
            if booked_in == month:
                entries.setdefault(account, []).append((entry, number))
    answers = await asyncio.gather(*(store.call("HGETALL", store.keys.month(account, month)) for account in entries))
    for booked, answer in zip(entries.values(), answers, strict=True):
        booked += [(name.decode(), int(number)) for name, number in zip(answer[::2], answer[1::2], strict=True)]
    return [read_ledger(account, month, entries[account]) for account in sorted(entries)]


async def _load_shelf(store: RedisStore, key: str) -> list[tuple[tuple[str, str, str], int]]:
    answer = await store.call("HGETALL", key)
    names = [name.decode() for name in answer[::2]]
    now = store.clock.now()
    oldest = month_of(now.replace(year=now.year - 2, day=1))
    found = [(_parts(name), int(number)) for name, number in zip(names, answer[1::2], strict=True)]
    stale = [name for name, ((_, month, _), _) in zip(names, found, strict=True) if month < oldest]
    if stale:
        await store.call("HDEL", key, *stale)
    return found


def _parts(name: str) -> tuple[str, str, str]:
    # The account's name may hold anything, the rest is ours: account|month|entry, where an entry may have parts.
    words = name.split("|")
    at = next(i for i in range(1, len(words)) if len(words[i]) == 6 and words[i].isdecimal())
    return "|".join(words[:at]), words[at], "|".join(words[at + 1 :])


async def list_sessions(store: RedisStore) -> AsyncIterator[OpenSession]:
    """Yields every open session, and every conversation whose messages are held. Two trips for `BATCH` of them."""
    now = round(store.clock.timestamp() * 1000)
    for shared in store.keys.partitions:
        listed, held = await asyncio.gather(
            store.call("ZRANGEBYSCORE", shared["ses"], f"({now}", "+inf"), store.call("ZRANGE", shared["ohld"], 0, -1)
        )
        cids, waiting = list(dict.fromkeys(listed + held)), set(held)
        for first in range(0, len(cids), BATCH):
            batch = cids[first : first + BATCH]
            for each in await asyncio.gather(*(_load(store, cid.decode(), is_held=cid in waiting) for cid in batch)):
                yield each


async def _load(store: RedisStore, cid: str, *, is_held: bool) -> OpenSession:
    record, account = await asyncio.gather(store.load(cid), store.call("HGET", store.keys.of(cid, "c")[0], "ac"))
    return OpenSession(cid, (account or b"").decode(), record.counts, record.queued, is_held)
