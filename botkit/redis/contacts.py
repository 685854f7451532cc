"""Contact records, on Redis: for each number a sorted set of its conversations, by when they were linked."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from botkit.clock import Clock
from botkit.contacts import Contact
from botkit.conversation import Conversation
from botkit.redis.keys import Keys

#: The conversations that are kept of one number.
MAX_CONVERSATIONS = 64

_decode = msgspec.json.Decoder(Conversation).decode


class RedisContacts:
    """Implements `botkit.contacts.Contacts`; each number has a slot of its own, and no key holds it readable."""

    def __init__(self, call: Callable[..., Awaitable[Any]], keys: Keys, clock: Clock) -> None:
        self._call = call
        self._keys = keys
        self._clock = clock

    async def link(self, phone: str, conversation: Conversation) -> None:
        """See `Contacts.link`. One trip."""
        key, now = self._keys.contact(phone), round(1000 * self._clock.timestamp())
        await asyncio.gather(
            self._call("ZADD", key, now, msgspec.json.encode(conversation)),
            self._call("ZREMRANGEBYRANK", key, 0, -1 - MAX_CONVERSATIONS),
        )

    async def unlink(self, phone: str, cid: str) -> None:
        """See `Contacts.unlink`. Two trips."""
        key = self._keys.contact(phone)
        known: list[bytes] = await self._call("ZRANGE", key, 0, -1)
        gone = [member for member in known if _decode(member).key == cid]
        if gone:
            await self._call("ZREM", key, *gone)

    async def load(self, phone: str) -> Contact:
        """See `Contacts.load`. One trip."""
        known: list[bytes] = await self._call("ZREVRANGE", self._keys.contact(phone), 0, -1)
        return Contact(phone, tuple(map(_decode, known)))


class RedisConsents:
    """Implements `botkit.contacts.Consents`; what somebody said stays when they are forgotten."""

    def __init__(self, call: Callable[..., Awaitable[Any]], keys: Keys) -> None:
        self._call = call
        self._keys = keys

    async def stop(self, phone: str, scope: str) -> None:
        """See `Consents.stop`. One trip."""
        await self._call("SADD", self._keys.stops(phone), scope)

    async def resume(self, phone: str, scope: str) -> None:
        """See `Consents.resume`. One trip."""
        await self._call("SREM", self._keys.stops(phone), scope)

    async def has_stopped(self, phone: str, scope: str) -> bool:
        """See `Consents.has_stopped`. One trip."""
        return bool(await self._call("SISMEMBER", self._keys.stops(phone), scope))
