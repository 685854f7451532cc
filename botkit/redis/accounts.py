"""What all conversations of an account share, on Redis: rates and rests, where messages are, what was asked last."""

import math
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from botkit.accounts import Bucket, Poll
from botkit.conversation import Account
from botkit.redis.keys import Keys


class RedisAccounts:
    """Implements `botkit.accounts.Accounts`; an account's keys lie in a slot of their own. One trip for each call."""

    def __init__(
        self, run: Callable[..., Awaitable[Any]], call: Callable[..., Awaitable[Any]], keys: Keys, *, life: float
    ) -> None:
        self._run = run
        self._call = call
        self._keys = keys
        self._life = round(1000 * life)

    async def take(self, account: Account, buckets: Sequence[Bucket]) -> tuple[float, float]:
        """See `Accounts.take`."""
        name = _name(account)
        keys = [self._keys.account(kind, name) for kind in ("cb", *(bucket.name for bucket in buckets))]
        numbers = [
            number
            for bucket in buckets
            for number in (math.ceil(1_000_000 * bucket.pace.interval), bucket.pace.at_once, bucket.left)
        ]
        rest, wait = await self._run("bucket", keys, *numbers)
        return rest / 1000, wait / 1000

    async def rest(self, account: Account, seconds: float) -> None:
        """See `Accounts.rest`."""
        await self._run("rest", [self._keys.account("cb", _name(account))], max(1, math.ceil(1000 * seconds)))

    async def remember(self, account: Account, receipt_id: str, conversation_id: str) -> None:
        """See `Accounts.remember`."""
        await self._call("SET", self._keys.place(_name(account), receipt_id), conversation_id, "PX", self._life)

    async def find(self, account: Account, receipt_id: str) -> str:
        """See `Accounts.find`."""
        found = await self._call("GET", self._keys.place(_name(account), receipt_id))
        return found.decode() if found else ""

    async def begin_poll(self, account: Account, token: str, *, every: float, lease: float) -> Poll:
        """See `Accounts.begin_poll`."""
        key = self._keys.account("poll", _name(account))
        wait, cursor = await self._run("poll", [key], token, math.ceil(1000 * every), math.ceil(1000 * lease))
        return Poll(wait / 1000, cursor)

    async def end_poll(self, account: Account, token: str, *, every: float, cursor: bytes | None) -> None:
        """See `Accounts.end_poll`."""
        key = self._keys.account("poll", _name(account))
        kept = () if cursor is None else (cursor,)
        await self._run("polled", [key], token, math.ceil(1000 * every), *kept)

    async def load_cursor(self, account: Account) -> bytes:
        """See `Accounts.load_cursor`."""
        found: bytes | None = await self._call("HGET", self._keys.account("poll", _name(account)), "cursor")
        return found or b""


def _name(account: Account) -> str:
    return f"{account.channel}:{account.ta}"
