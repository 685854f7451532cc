"""What became of messages, on Redis: by the service's id of each, and by its key."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from botkit.conversation import Account
from botkit.deliveries import Delivery, Following, HopDelivery, HopNews, Status
from botkit.events import HopReported
from botkit.outgoing import decode as decode_outgoing
from botkit.redis.keys import Keys
from botkit.redis.script_values import cut
from botkit.timer import Timer
from botkit.turn import Turn

# What is noted of a way beside its times.
_WORDS = frozenset({"via", "why", "far", "ids"})


class RedisDeliveries:
    """Implements `botkit.deliveries.Deliveries`; all lies in the conversation's slot. One trip for each call."""

    def __init__(
        self, run: Callable[..., Awaitable[Any]], call: Callable[..., Awaitable[Any]], keys: Keys, *, life: float
    ) -> None:
        self._run = run
        self._call = call
        self._keys = keys
        self._life = round(1000 * life)

    async def sent(self, turn: Turn, receipt_id: str, *, created_ms: int, expiry: Timer | None, mark: str = "") -> None:
        """See `Deliveries.sent`."""
        keys = [*self._of_receipt(turn.cid, receipt_id), self._keys.delivery(turn.cid, turn.id)]
        keys += self._keys.of(turn.cid, "tmr e m rdy own wake oown")
        later = expiry or Timer("", 0)
        await self._run(
            "receipt", keys, turn.cid, turn.token, mark or turn.id, self._life, "" if mark else created_ms, later.name,
            later.due_ms, later.payload,
        )  # fmt: skip

    async def find(self, cid: str, receipt_id: str) -> str:
        """See `Deliveries.find`."""
        found = await self._call("GET", self._of_receipt(cid, receipt_id)[0])
        return found.decode() if found else ""

    async def note(self, cid: str, key: str, status: Status, event_id: str, *, expiry: str) -> bool:
        """See `Deliveries.note`."""
        keys = [self._keys.delivery(cid, key), *self._keys.of(cid, "tmr e")]
        return bool(await self._run("status", keys, cid, status.value, event_id, self._life, expiry))

    async def park(self, turn: Turn, receipt_id: str, *, name: str, seconds: float, most: int) -> str | None:
        """See `Deliveries.park`."""
        keys = [*self._of_receipt(turn.cid, receipt_id), *self._keys.of(turn.cid, "m rdy lse own try tmr e")]
        delay = round(1000 * seconds)
        answer: bytes = await self._run("park", keys, turn.cid, turn.token, turn.id, name, delay, most)
        if answer in (b"", b"FENCED"):
            return None
        return "" if answer == b"FULL" else answer.decode()

    async def step(
        self,
        turn: Turn,
        report: HopReported,
        *,
        watch: str,
        later_ms: int,
        following: Following | None,
        skipped: Sequence[tuple[int, tuple[str, str], str]] = (),
    ) -> HopNews | None:
        """See `Deliveries.step`."""
        keys = [self._keys.delivery(turn.cid, report.key), *self._keys.of(turn.cid, "own m tmr e")]
        taken: list[str | bytes | int] = ["", "", "", "", 0, ""]
        if following:
            timer = following.watch
            via = "|".join(following.via)
            taken = [following.hop, via, following.awaited, timer.name, timer.due_ms, timer.payload]
        left_out = [part for number, via, why in skipped for part in (number, "|".join(via), cut(why, 200))]
        word, rest, reason = await self._run(
            "step", keys, turn.cid, turn.token, turn.id, self._life, report.created_ms, report.hop, report.way,
            "|".join(report.via), report.status, int(report.is_end), int(report.has_more), cut(report.reason, 200),
            report.awaited, watch, later_ms, "\n".join(report.ids), *taken, *left_out,
        )  # fmt: skip
        return None if word == b"FENCED" else HopNews(word.decode(), rest, reason.decode(errors="replace"))

    async def load_ids(self, cid: str, key: str, hop: int) -> Sequence[str]:
        """See `Deliveries.load_ids`."""
        found = await self._call("HGET", self._keys.delivery(cid, key), f"{hop}.ids")
        return found.decode().split("\n") if found else ()

    async def load_watch(self, cid: str, name: str) -> bytes:
        """See `Deliveries.load_watch`."""
        return await self._call("HGET", self._keys.of(cid, "e")[0], name) or b""

    async def load(self, cid: str, key: str) -> Delivery | None:
        """See `Deliveries.load`."""
        # In this order: what left the outbox before it was looked at is noted by then.
        queue, stored = await asyncio.gather(
            self._call("LRANGE", self._keys.of(cid, "o")[0], 0, -1),
            self._call("HGETALL", self._keys.delivery(cid, key)),
        )
        if stored:
            fields = [part.decode() for part in stored]
            return _read(dict(zip(fields[::2], fields[1::2], strict=True)))
        waiting = next((entry for entry in queue if entry.startswith(key.encode())), None)
        if waiting is None:
            return None
        return Delivery(Status.COMMITTED, {Status.COMMITTED: _instant(decode_outgoing(waiting[len(key) :]).created_ms)})

    def _of_receipt(self, cid: str, receipt_id: str) -> list[str]:
        return [self._keys.receipt(kind, cid, receipt_id) for kind in ("r", "rp")]


def _read(fields: Mapping[str, str]) -> Delivery:
    times = {status: _instant(int(fields[status.value])) for status in Status if status.value in fields}
    return Delivery(Status(fields["st"]), times, tuple(_read_hops(fields)))


def _read_hops(fields: Mapping[str, str]) -> Iterator[HopDelivery]:
    numbers = sorted(int(name.removesuffix(".via")) for name in fields if name.endswith(".via"))
    for number in numbers:
        ahead = f"{number}."
        known = {name.removeprefix(ahead): text for name, text in fields.items() if name.startswith(ahead)}
        times = {word: _instant(int(text)) for word, text in known.items() if word not in _WORDS}
        yield HopDelivery(number, Account(*known["via"].split("|", 1)), times, known.get("why", ""))


def _instant(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
