"""Puts the messages of running broadcasts into their recipients' outboxes, never far ahead of the sending."""

import asyncio
from collections.abc import Mapping, Sequence

import structlog
from msgspec import Struct
from msgspec.structs import replace

from botkit.adapter import Adapter
from botkit.broadcast import Broadcast, Fate, Progress, Spot, Stage, Tally, key_of
from botkit.bulk import trail_to
from botkit.clock import Clock
from botkit.conversation import Account, Conversation
from botkit.degradation import Prepared
from botkit.events import BroadcastFinished, BroadcastProgressed, MenuOffered, encode, event_id
from botkit.exceptions import MessageError, StoreUnavailableError
from botkit.hops import joined
from botkit.outgoing import Outgoing
from botkit.store import Full, Store, insist
from botkit.trails import submit

# For how long a repeat of our own events is recognised, in seconds.
_WINDOW = 8 * 86_400.0
_NOTHING_LEFT = Prepared(())

log = structlog.get_logger("botkit.feeder")


class FeedPolicy(Struct, frozen=True):
    """How far ahead of the sending a broadcast is fed.

    At most `ahead` messages of a lane lie in outboxes; `page` are put there at a time. Where some wait, there is a look
    for room every `busy` seconds.

    What lies there for more than `patience` seconds, behind messages that are held perhaps, is not waited for, and
    `abandon` seconds after the last were put there the broadcast is over. One
    process works on a broadcast for `lease` seconds at a time; the others look every `poll`.
    """

    ahead: int = 200
    page: int = 100
    patience: float = 600
    abandon: float = 7200
    lease: float = 5
    busy: float = 0.1
    poll: float = 1


class Feeder:
    """Works on whatever broadcasts run; any number of processes have one.

    A message goes into an outbox by its key, once, and is then sent as any other: in order, by the session's rules,
    within the paces, replies first. Whatever process dies, another goes on from what the store knows.
    """

    def __init__(
        self, store: Store, adapters: Mapping[Account, Adapter], clock: Clock, *, policy: FeedPolicy | None = None
    ) -> None:
        self._store = store
        self._adapters = adapters
        self._clock = clock
        self._policy = policy or FeedPolicy()
        self._token = store.new_token()
        self._told: dict[str, int] = {}

    async def step(self) -> float:
        """Feeds what there is room for; returns the seconds until it should be called again.

        Raises StoreUnavailableError.
        """
        due = await self._store.broadcasts.due()
        waits = [self._policy.poll if due.next is None else due.next]
        for broadcast_id in due.ids:
            try:
                waits.append(await self._work_on(broadcast_id))
            except StoreUnavailableError:
                raise
            except Exception:
                log.exception("a broadcast cannot go on", broadcast=broadcast_id)
        return min(waits)

    async def _work_on(self, broadcast_id: str) -> float:
        progress = await self._store.broadcasts.load(broadcast_id)
        if progress is None or progress.stage is not Stage.RUNNING:
            return self._policy.poll
        if not await self._store.broadcasts.lead(broadcast_id, self._token, self._policy.lease):
            return self._policy.poll
        wait = self._wait(progress)
        if wait is None:
            log.info("a bulk is cancelled: its deadline has passed", broadcast=broadcast_id)
            await self._store.broadcasts.move(broadcast_id, Stage.CANCELLED)
            return 0.0
        fed = 0 if wait else sum([await self._feed(progress, lane) for lane in range(len(progress.lanes))])
        await self._tell(progress)
        if fed or await self._finish(progress):
            return 0.0
        return min(wait, self._policy.poll) if wait else self._policy.busy

    def _wait(self, progress: Progress) -> float | None:
        """Returns the seconds until the rest may be fed; None where its deadline has passed."""
        bulk, tally = progress.broadcast.bulk, progress.tally
        if bulk is None or bulk.schedule is None or tally.fed >= tally.total:
            return 0.0
        now = self._clock.now()
        goes_at = bulk.schedule.next_at(now)
        return (goes_at - now).total_seconds() if goes_at else None

    # --- feeding ---

    async def _feed(self, progress: Progress, lane: int) -> int:
        """Feeds a page of a lane if there is room; returns how many it was."""
        broadcast, tally = progress.broadcast, progress.lanes[lane]
        adapter = self._adapters.get(broadcast.accounts[lane])
        size = min(self._policy.page, tally.total - tally.fed, self._room(tally))
        if adapter is None or size <= 0:
            return 0
        start = tally.fed
        ids = await self._store.broadcasts.recipients(broadcast.id, lane, start, start + size)
        people = {Spot(broadcast.id, lane, start + n): Conversation(adapter.account, i) for n, i in enumerate(ids)}
        cids = [to.key for to in people.values()]
        reachable = await self._store.broadcasts.reachable(cids, strangers=broadcast.bulk is not None)
        prepared = {
            spot: _prepared(broadcast, adapter, to) if may else _NOTHING_LEFT
            for (spot, to), may in zip(people.items(), reachable, strict=True)
        }
        values = {token: value for each in prepared.values() if each for token, value in each.values.items()}
        if values:
            await self._store.save_values(values)
        await asyncio.gather(*(self._give(spot, to, prepared[spot], broadcast) for spot, to in people.items()))
        await self._store.broadcasts.feed(broadcast.id, lane, start, start + len(ids))
        return len(ids)

    def _room(self, tally: Tally) -> int:
        if self._is_older(tally, self._policy.patience):
            return self._policy.page
        # A page, or nothing: not one after the other.
        room = self._policy.ahead - tally.waiting
        return room if room >= min(self._policy.page, self._policy.ahead) else 0

    def _is_older(self, tally: Tally, seconds: float) -> bool:
        return self._clock.timestamp() - tally.fed_ms / 1000 > seconds

    async def _give(self, spot: Spot, to: Conversation, prepared: Prepared | None, broadcast: Broadcast) -> None:
        if prepared is None or not prepared.messages:
            await self._store.broadcasts.note(spot, Fate.SKIPPED if prepared else Fate.FAILED)
            return
        if prepared.menu:
            await self._offer(spot, to, prepared)
        for outgoing in self._parts(spot, to, prepared, broadcast):
            if not await submit(self._store, outgoing):
                await self._store.broadcasts.note(spot, Fate.FAILED)
                return

    def _parts(self, spot: Spot, to: Conversation, prepared: Prepared, broadcast: Broadcast) -> Sequence[Outgoing]:
        """Returns what goes out to one person, in order; the last part stands for all, and has the ways that follow."""
        last, account = len(prepared.messages) - 1, (to.account.channel, to.account.ta)
        now_ms = round(self._clock.timestamp() * 1000)
        parts = [
            Outgoing(key_of(spot, last - number), account, to.id, message, now_ms, broadcast=spot.broadcast)
            for number, message in enumerate(prepared.messages)
        ]
        if trail := trail_to(broadcast, self._adapters[to.account], to, now_ms=now_ms):
            parts[-1] = joined(replace(parts[-1], trail=trail), prepared.messages, self._adapters.get)
        return parts

    async def _offer(self, spot: Spot, to: Conversation, prepared: Prepared) -> None:
        # Before the message: nobody can answer what they do not see.
        offered = MenuOffered(
            id=event_id(to.account, f"menu|{key_of(spot)}"),
            at=self._clock.now(),
            conversation=to,
            choices=prepared.menu,
        )
        await self._store.ingest(to.key, offered.id, encode(offered), token="", window=_WINDOW)

    # --- telling ---

    async def _tell(self, progress: Progress) -> None:
        tally, broadcast = progress.tally, progress.broadcast
        tenth = 10 * tally.ended // max(1, tally.total)
        if broadcast.notify is None or not self._told.get(broadcast.id, 0) < tenth < 10:
            return
        await self._notify(BroadcastProgressed, broadcast, broadcast.notify, tally, str(tenth))
        self._told[broadcast.id] = tenth

    async def _finish(self, progress: Progress) -> bool:
        """Ends a broadcast that has nobody left; returns whether it did."""
        abandon = self._policy.abandon
        if any(
            tally.fed < tally.total or (tally.waiting and not self._is_older(tally, abandon))
            for tally in progress.lanes
        ):
            return False
        broadcast, tally = progress.broadcast, progress.tally
        # Before it ends: whoever dies in between leaves it to be told again, by the same id.
        if broadcast.notify and not await self._notify(BroadcastFinished, broadcast, broadcast.notify, tally, "end"):
            return False
        log.info("broadcast finished", broadcast=broadcast.id, sent=tally.sent, failed=tally.failed)
        self._told.pop(broadcast.id, None)
        return await insist(lambda: self._store.broadcasts.move(broadcast.id, Stage.DONE))

    async def _notify(
        self,
        kind: type[BroadcastProgressed | BroadcastFinished],
        broadcast: Broadcast,
        to: Conversation,
        tally: Tally,
        step: str,
    ) -> bool:
        event = kind(
            id=event_id(to.account, f"broadcast|{broadcast.id}|{step}"),
            at=self._clock.now(),
            conversation=to,
            broadcast=broadcast.id,
            name=broadcast.name,
            total=tally.total,
            sent=tally.sent,
            failed=tally.failed,
            skipped=tally.skipped,
        )
        stored = await self._store.ingest(to.key, event.id, encode(event), token="", window=_WINDOW)
        return not isinstance(stored, Full)


def _prepared(broadcast: Broadcast, adapter: Adapter, to: Conversation) -> Prepared | None:
    """Returns what this person is sent; None where this conversation cannot take it."""
    try:
        return adapter.prepare(broadcast.message, to)
    except MessageError as error:
        log.warning("a broadcast does not fit a conversation", account=adapter.ta, reason=error.what)
        return None
