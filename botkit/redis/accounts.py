"""What all conversations of an account share, on Redis: its rates, and until when it rests."""

import math
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from botkit.conversation import Account
from botkit.redis.keys import Keys
from botkit.store import Bucket


class RedisAccounts:
    """Implements `botkit.store.Accounts`; the keys of an account lie in a slot of their own. One trip for each call."""

    def __init__(self, run: Callable[..., Awaitable[Any]], keys: Keys) -> None:
        self._run = run
        self._keys = keys

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


def _name(account: Account) -> str:
    return f"{account.channel}:{account.ta}"
