"""What was given up: the events and messages of all conversations, with the reason of each."""

import asyncio
import enum
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from botkit.redis.bounds import Bounds
from botkit.redis.keys import Keys
from botkit.turn import Queue

#: How many letters are read in one trip.
PAGE = 500

_ID = re.compile(r"([0-9]{1,4})-([0-9]{1,16}-[0-9]{1,6})")


class DeadLetter(Struct, frozen=True):
    """An event or a message that was given up at `at`; `entry` is its id and its payload.

    `id` names it among all letters of the store.
    """

    id: str
    at: datetime
    conversation: str
    queue: Queue
    error: str
    entry: bytes


class Replay(enum.Enum):
    """What became of putting a dead letter back."""

    DONE = "OK"  # it will be handled or sent
    GONE = "GONE"  # there is no such letter (any more)
    HELD = "HELD"  # the conversation is being worked on: try again, or put it behind
    FULL = "FULL"  # its queue takes no more


class DeadLetters:
    """The dead letters of one store; each may be put back or removed, once, whoever tries."""

    def __init__(
        self, script: Callable[..., Awaitable[Any]], call: Callable[..., Awaitable[Any]], keys: Keys, bounds: Bounds
    ) -> None:
        self._script = script
        self._call = call
        self._keys = keys
        self._depths = {Queue.MAILBOX: bounds.mailbox, Queue.OUTBOX: bounds.outbox}

    async def count(self) -> int:
        """Returns how many there are. One trip for all partitions together."""
        lengths = await asyncio.gather(*(self._call("XLEN", shared["dead"]) for shared in self._keys.partitions))
        return sum(lengths)

    async def read(self, conversation: str) -> list[DeadLetter]:
        """Returns a conversation's, oldest first. One trip for each `PAGE` of its partition."""
        return [letter async for letter in self.scan(conversation)]

    async def scan(self, conversation: str = "") -> AsyncIterator[DeadLetter]:
        """Yields all of them, or a conversation's: those of a partition oldest first. One trip for each `PAGE`."""
        chosen = self._keys.partition(conversation) if conversation else None
        for partition in range(len(self._keys.partitions)) if chosen is None else (chosen,):
            async for letter in self._scan(partition):
                if conversation in ("", letter.conversation):
                    yield letter

    async def _scan(self, partition: int) -> AsyncIterator[DeadLetter]:
        start = "-"
        while page := await self._range(partition, start, "+", PAGE):
            for entry in page:
                yield _read(partition, entry)
            start = f"({page[-1][0].decode()}"

    async def find(self, letter_id: str) -> DeadLetter | None:
        """Returns the letter of this id, or None. One trip."""
        partition, entry_id = self._place(letter_id)
        if partition is None:
            return None
        found = await self._range(partition, entry_id, entry_id, 1)
        return _read(partition, found[0]) if found else None

    async def replay(self, letter: DeadLetter, *, first: bool = False) -> Replay:
        """Puts a letter back behind all else of its conversation, or `first`. One trip.

        An event is handled as if it had just arrived, with all its attempts before it.
        """
        _, entry_id = self._place(letter.id)
        queue = "m rdy own try" if letter.queue is Queue.MAILBOX else "o ordy oown otry"
        keys = self._keys.of(letter.conversation, f"dead {queue} ohld wake")
        depth = self._depths[letter.queue]
        answer = await self._script("replay", keys, letter.conversation, entry_id, int(first), depth)
        return Replay(answer.decode())

    async def remove(self, letter_id: str) -> bool:
        """Removes a letter for good; False when there is no such letter. One trip."""
        partition, entry_id = self._place(letter_id)
        if partition is None:
            return False
        return bool(await self._call("XDEL", self._keys.partitions[partition]["dead"], entry_id))

    async def trim(self, before_ms: int) -> None:
        """Removes those that were given up before that time. One trip for all partitions together."""
        names = [shared["dead"] for shared in self._keys.partitions]
        await asyncio.gather(*(self._call("XTRIM", name, "MINID", max(0, before_ms)) for name in names))

    def _place(self, letter_id: str) -> tuple[int | None, str]:
        found = _ID.fullmatch(letter_id)
        partition = int(found[1]) if found else -1
        return (partition, found[2]) if found and partition < len(self._keys.partitions) else (None, "")

    async def _range(self, partition: int, start: str, end: str, most: int) -> Sequence[Any]:
        name = self._keys.partitions[partition]["dead"]
        found: Sequence[Any] = await self._call("XRANGE", name, start, end, "COUNT", most)
        return found


def _read(partition: int, stored: Sequence[Any]) -> DeadLetter:
    entry_id, pairs = stored[0].decode(), stored[1]
    fields = dict(zip(pairs[::2], pairs[1::2], strict=True))
    return DeadLetter(
        id=f"{partition}-{entry_id}",
        at=datetime.fromtimestamp(int(entry_id.partition("-")[0]) / 1000, UTC),
        conversation=fields[b"cid"].decode(),
        queue=Queue(fields[b"kind"].decode()),
        error=fields[b"err"].decode(),
        entry=fields[b"entry"],
    )
