"""Broadcasts on Redis: what is said, to whom, how far it has come, and what became of each message."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from botkit.broadcast import BEFORE, ENDS, REPORTS, Broadcast, Due, Fate, Progress, Spot, Stage, Tally
from botkit.clock import Clock
from botkit.redis.keys import Keys
from botkit.redis.people import is_reachable

_DAY_MS = 86_400_000
_DRAFT_MS = _DAY_MS
_LIFE_MS = 30 * _DAY_MS
# More in one command would hold up everybody else's.
_PUSH = 500

# By the second letter of each: sent, failed, skipped.
_MARKS = {ord(fate.value[1]): fate for fate in ENDS}

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Broadcast).decode


class RedisBroadcasts:
    """Implements `botkit.broadcast.Broadcasts`; the keys of a broadcast lie in a slot of their own.

    Of each it has a hash with counters, a list of recipients for each lane, and by recipient, so that nothing is
    counted twice, a letter for the end that their message came to, and a bit for each kind of report. A bulk has
    besides the place of each destination. Two sets name all of them, and those to work on, the latter by the time from
    which they run.
    """

    def __init__(
        self,
        run: Callable[..., Awaitable[Any]],
        call: Callable[..., Awaitable[Any]],
        accept: Callable[..., Awaitable[Any]],
        confirm: Callable[..., Awaitable[Any]],
        keys: Keys,
        clock: Clock,
    ) -> None:
        self._run = run
        self._call = call
        # For what is told to have been taken.
        self._accept = accept
        self._confirm = confirm
        self._keys = keys
        self._clock = clock
        self._every, self._active = keys.broadcasts("all"), keys.broadcasts("active")

    async def draft(self, broadcast: Broadcast) -> None:
        """See `Broadcasts.draft`. Two trips."""
        # One after the other: whoever lists them takes a name without its hash for one that is gone.
        await self._accept("draft", [self._keys.broadcast("h", broadcast.id)], _encode(broadcast), _DRAFT_MS)
        await self._confirm("ZADD", self._every, "NX", round(self._clock.timestamp() * 1000), broadcast.id)

    async def add(self, broadcast_id: str, lane: int, ids: Sequence[str]) -> None:
        """See `Broadcasts.add`. One trip."""
        h, to = self._keys.broadcast("h", broadcast_id), self._lane(broadcast_id, lane)
        pushes = [self._confirm("RPUSH", to, *ids[first : first + _PUSH]) for first in range(0, len(ids), _PUSH)]
        await asyncio.gather(
            *pushes, self._confirm("PEXPIRE", to, _DRAFT_MS), self._confirm("HINCRBY", h, f"total{lane}", len(ids))
        )

    async def enlist(self, broadcast_id: str, lane: int, ids: Sequence[str]) -> Sequence[int | None]:
        """See `Broadcasts.enlist`. One trip."""
        keys = [self._keys.broadcast("h", broadcast_id), self._lane(broadcast_id, lane)]
        keys.append(self._keys.broadcast(f"places{lane}", broadcast_id))
        pages = (ids[first : first + _PUSH] for first in range(0, len(ids), _PUSH))
        # One after the other: the places are in the order of the list.
        places = [await self._accept("enlist", keys, f"total{lane}", _DRAFT_MS, *page) for page in pages]
        return [place if place >= 0 else None for page in places for place in page]

    async def move(self, broadcast_id: str, stage: Stage, *, at_ms: int = 0) -> bool:
        """See `Broadcasts.move`. Up to four trips."""
        known = await self.load(broadcast_id)
        if known is None:
            return False
        if stage is Stage.RUNNING:
            # Before it runs: whoever dies in between leaves nothing that nobody works on. One whose process died
            # before it was named, or that was begun anew just when its old name went, is named here.
            await asyncio.gather(
                self._confirm("ZADD", self._active, max(at_ms, known.starts_ms), broadcast_id),
                self._confirm("ZADD", self._every, "NX", known.created_ms, broadcast_id),
            )
        keys = [self._keys.broadcast("h", broadcast_id)]
        kinds = ("to", "places") if known.broadcast.bulk else ("to",)
        keys += [
            self._keys.broadcast(f"{kind}{lane}", broadcast_id) for lane in range(len(known.lanes)) for kind in kinds
        ]
        keeps = int(known.broadcast.bulk is not None)
        froms = (was.value for was in BEFORE[stage])
        moved = await self._accept("stage", keys, stage.value, at_ms, _LIFE_MS, keeps, *froms)
        if moved and stage in (Stage.DONE, Stage.CANCELLED):
            await self._call("ZREM", self._active, broadcast_id)
        return bool(moved)

    async def load(self, broadcast_id: str) -> Progress | None:
        """See `Broadcasts.load`. One trip."""
        stored = await self._call("HGETALL", self._keys.broadcast("h", broadcast_id))
        fields = dict(zip(stored[::2], stored[1::2], strict=True))
        return _progress({name.decode(): value for name, value in fields.items()}) if b"what" in fields else None

    async def list(self) -> Sequence[Progress]:
        """See `Broadcasts.list`. Two trips, and one if some were so old that they are gone."""
        ids = [name.decode() for name in await self._call("ZREVRANGE", self._every, 0, -1)]
        found = await asyncio.gather(*map(self.load, ids))
        gone = [name for name, progress in zip(ids, found, strict=True) if progress is None]
        if gone:
            # Of those to work on nobody takes one out but who has ended it: it may run anew since it was looked for.
            await self._call("ZREM", self._every, *gone)
        return [progress for progress in found if progress]

    async def due(self) -> Due:
        """See `Broadcasts.due`. One trip."""
        now = round(self._clock.timestamp() * 1000)
        ids, later = await asyncio.gather(
            self._call("ZRANGEBYSCORE", self._active, "-inf", now),
            self._call("ZRANGEBYSCORE", self._active, f"({now}", "+inf", "WITHSCORES", "LIMIT", 0, 1),
        )
        return Due([name.decode() for name in ids], (float(later[1]) - now) / 1000 if later else None)

    async def lead(self, broadcast_id: str, token: str, seconds: float) -> bool:
        """See `Broadcasts.lead`. One trip."""
        # Two that lead for a moment do no harm: a message goes into an outbox once.
        return bool(await self._run("lead", [self._keys.broadcast("h", broadcast_id)], token, round(1000 * seconds)))

    async def recipients(self, broadcast_id: str, lane: int, start: int, stop: int) -> Sequence[str]:
        """See `Broadcasts.recipients`. One trip."""
        return [name.decode() for name in await self._call("LRANGE", self._lane(broadcast_id, lane), start, stop - 1)]

    async def reachable(self, cids: Sequence[str], *, strangers: bool = False) -> Sequence[bool]:
        """See `Broadcasts.reachable`. One trip for some eighty of them."""
        return await asyncio.gather(*(is_reachable(self._call, self._keys, cid, strangers=strangers) for cid in cids))

    async def feed(self, broadcast_id: str, lane: int, start: int, stop: int) -> None:
        """See `Broadcasts.feed`. One trip."""
        await self._run("feed", [self._keys.broadcast("h", broadcast_id)], f"fed{lane}", f"at{lane}", start, stop)

    async def fates(self, broadcast_id: str, lane: int, start: int, stop: int) -> Sequence[Fate | None]:
        """See `Broadcasts.fates`. One trip."""
        key = self._keys.broadcast(f"end{lane}", broadcast_id)
        marks: bytes = await self._call("GETRANGE", key, start, stop - 1)
        return [_MARKS.get(mark) for mark in marks.ljust(stop - start, b"\0")]

    async def reported(self, broadcast_id: str, lane: int, start: int, stop: int) -> Sequence[Fate | None]:
        """See `Broadcasts.reported`. One trip."""
        first, last = start // 8, (stop - 1) // 8
        keys = [self._keys.broadcast(f"{fate.value}{lane}", broadcast_id) for fate in REPORTS]
        marks = await asyncio.gather(*(self._call("GETRANGE", key, first, last) for key in keys))
        found = [(fate, each.ljust(last - first + 1, b"\0")) for fate, each in zip(REPORTS, marks, strict=True)]
        places = range(start - 8 * first, stop - 8 * first)
        return [next((fate for fate, bits in found if bits[n // 8] >> (7 - n % 8) & 1), None) for n in places]

    async def note(self, spot: Spot, *fates: Fate) -> None:
        """See `Broadcasts.note`. One trip, two for several fates."""
        first, *others = fates
        # At once: what the caller sends after it comes after it.
        await self._note(spot, first)
        await asyncio.gather(*(self._note(spot, fate) for fate in others))

    async def _note(self, spot: Spot, fate: Fate) -> None:
        kind = "end" if fate in ENDS else fate.value
        keys = [self._keys.broadcast(name, spot.broadcast) for name in ("h", f"{kind}{spot.lane}")]
        mark = fate.value[:2][-1] if fate in ENDS else ""
        await self._run("fate", keys, spot.index, f"{fate.value}{spot.lane}", _LIFE_MS, mark)

    def _lane(self, broadcast_id: str, lane: int) -> str:
        return self._keys.broadcast(f"to{lane}", broadcast_id)


def _progress(fields: Mapping[str, bytes]) -> Progress:
    broadcast = _decode(fields["what"])

    def number(name: str) -> int:
        return int(fields.get(name, b"0"))

    counters = ("total", "fed", *(fate.value for fate in Fate))
    lanes = [
        Tally(**{name: number(f"{name}{lane}") for name in counters}, fed_ms=number(f"at{lane}"))
        for lane in range(len(broadcast.accounts))
    ]
    return Progress(
        broadcast,
        Stage(fields["stage"].decode()),
        created_ms=number("created"),
        starts_ms=number("starts"),
        ended_ms=number("ended"),
        lanes=tuple(lanes),
    )
