"""Takes a message from one way to the next, and keeps its history: whatever happens, at its home, one after the other.

What becomes of a way is told to the message's home as an event, and is handled there in its turn: it is noted in the
record, and if the way is over the next one is taken. A timer at home watches over each way and holds what is needed for
the next. Every step may be made again after a crash, and comes to the same.
"""

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import cast

import structlog
from msgspec import Struct
from msgspec.structs import replace

from botkit.adapter import Adapter, Receipt
from botkit.callback import callback
from botkit.clock import Clock
from botkit.contacts import find_conversation
from botkit.conversation import Account, Conversation
from botkit.degradation import Prepared
from botkit.deliveries import Following, HopNews, Status
from botkit.events import (
    Event,
    HopReported,
    HopStatus,
    MessageDelivered,
    MessageExpired,
    MessageFailed,
    MessageSeen,
)
from botkit.events import decode as decode_event
from botkit.events import encode as encode_event
from botkit.exceptions import MessageError
from botkit.fates import count_news
from botkit.hops import HORIZON, FindAdapter, joined, moved_on, needs_watch, parts_of, report_of, watch, watch_name
from botkit.http_client import HttpClient
from botkit.outgoing import Outgoing, Trail
from botkit.outgoing import decode as decode_outgoing
from botkit.outgoing import encode as encode_outgoing
from botkit.record import phone_in
from botkit.relay import WINDOW, relay
from botkit.store import Full, Store, Verdict, insist
from botkit.turn import Queue, Turn

#: What a report of a message with several ways begins with where a message's key would stand.
_MARK = "{"
_PAUSE = 1.0
_STATUSES = {
    Status.DELIVERED: "delivered",
    Status.SEEN: "seen",
    Status.FAILED: "failed",
    Status.EXPIRED: "expired",
}
_EVENTS = {"delivered": MessageDelivered, "seen": MessageSeen, "failed": MessageFailed, "expired": MessageExpired}
_REPORTED: Mapping[type, str] = {kind: status for status, kind in _EVENTS.items()}
_RANK = {"sent": 1, "delivered": 2, "seen": 3}
_REACHED = frozenset({"sent", "delivered", "seen"})

log = structlog.get_logger("botkit.trails")


async def submit(store: Store, outgoing: Outgoing) -> bool:
    """Puts a message straight into the outbox of its home, once by its key; False if that is full.

    The conversation that it goes to first is its home. May be called again when nobody knows how far it came.
    """
    to = Conversation(Account(*outgoing.account), outgoing.to)
    timer = watch(outgoing) if needs_watch(outgoing) else None
    entry = encode_outgoing(outgoing)
    return await insist(lambda: store.enqueue(to.key, outgoing.key, entry, watch=timer))


def as_told(mark: str, event: Event, status: Status) -> HopReported | None:
    """Returns what a message's home is to be told by a service's report; None where a key stands for the message."""
    if not mark.startswith(_MARK):
        return None
    known = cast(HopReported, decode_event(mark.encode()))
    reason = event.reason if isinstance(event, MessageFailed) else ""
    told = cast(HopStatus, _STATUSES[status])
    return replace(known, id=event.id, at=event.at, status=told, reason=reason)


def is_end(outgoing: Outgoing, status: HopStatus) -> bool:
    """Whether a message has failed as a whole with the way that it was on, and somebody is to look into it."""
    trail = cast(Trail, outgoing.trail)
    if trail.is_part or status == "expired":
        return False
    return not trail.has_more if status == "failed" else not trail.seconds


class HopTeller:
    """Tells a message's home what became of the way that it was on."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def sent(self, turn: Turn, outgoing: Outgoing, receipt: Receipt, adapter: Adapter) -> None:
        """Tells that a service has the message, and keeps what its ids stand for."""
        now = self._clock.now()
        trail = cast(Trail, outgoing.trail)
        is_last_news = not adapter.has_receipts or not needs_watch(outgoing)
        ids = (receipt.id, *receipt.others)
        report = replace(report_of(outgoing, "sent", now, is_end=is_last_news), ids=tuple(filter(None, ids)))
        # Before any report of the service can be matched: what it says comes after this.
        if report.key and not await _tell(self._store, report):
            log.warning("a mailbox is full: its message is not noted as sent", message=outgoing.key)
        if not adapter.has_receipts:
            return
        # A cascade in the service's own words has more ids than the trail has ways.
        last = trail.hop + trail.joined - 1
        marks = (
            report_of(outgoing, "sent", now, is_end=n + 1 == max(len(ids), trail.joined), way=min(trail.hop + n, last))
            for n in range(len(ids))
        )
        known = [(name, encode_event(mark).decode()) for name, mark in zip(ids, marks, strict=True) if name]
        if adapter.finds_by_receipt:
            for name, _ in known:
                await insist(partial(self._store.accounts.remember, adapter.account, name, outgoing.to))
        await insist(
            lambda: asyncio.gather(
                *(self._store.deliveries.sent(turn, name, created_ms=0, expiry=None, mark=mark) for name, mark in known)
            )
        )

    async def ended(self, outgoing: Outgoing, status: HopStatus, reason: str) -> bool:
        """Tells that the way brought the message no further; False if home's mailbox is full."""
        trail = cast(Trail, outgoing.trail)
        # Where it is not known whether it arrived, its time decides, if it has one; and then no other way.
        is_open = status == "unknown" and trail.seconds > 0
        report = report_of(outgoing, status, self._clock.now(), reason=reason, is_end=not is_open)
        if status in ("unknown", "expired"):
            report = replace(report, has_more=False)
        return not report.key or await _tell(self._store, report)


class _Plan(Struct, frozen=True):
    """The next way, if there is one, and those before it that cannot be taken: number, account, reason."""

    outgoing: Outgoing | None = None
    skipped: tuple[tuple[int, tuple[str, str], str], ...] = ()


class Trails:
    """A message's home at work."""

    def __init__(
        self, store: Store, find_adapter: FindAdapter, clients: Mapping[Account, HttpClient], clock: Clock
    ) -> None:
        self._store = store
        self._find_adapter = find_adapter
        self._clients = clients
        self._clock = clock

    async def step(self, turn: Turn, report: HopReported, event: Event) -> Event | Verdict:
        """Does what a report of one way leads to; `event` is what the turn is for.

        Returns the event to handle, DONE if it is none of the handlers', or else that the turn is over. Raises
        StoreUnavailableError.
        """
        if not report.key:
            return Verdict.DONE
        if report.conversation.key != turn.cid:
            return await self._pass_on(turn, report)
        rest = await self._rest(turn, report)
        if rest and 0 < rest.expires_ms <= 1000 * self._clock.timestamp():
            report = replace(report, status="expired", has_more=False)
        if report.status == "overdue" and not report.awaited:
            # For as long as anything is kept of it, nothing was heard.
            return Verdict.DONE
        if report.status == "overdue" and rest:
            report = await self._ask(turn, report, rest)
        plan = await self._plan(turn, rest) if rest and report.has_more else _Plan()
        news = await self._note(turn, report, rest, plan)
        if news is None:
            return Verdict.FENCED
        await count_news(self._store, report.key, news.word)
        if news.word == "next":
            await self._take(report, news)
        if news.word and report.notify:
            await self._call_back(turn, report, news)
        return _event(report, news, event) or Verdict.DONE

    async def _pass_on(self, turn: Turn, report: HopReported) -> Verdict:
        if await _tell(self._store, report):
            return Verdict.DONE
        await insist(lambda: self._store.retry(Queue.MAILBOX, turn, delay=_PAUSE))
        return Verdict.WAITING

    async def _rest(self, turn: Turn, report: HopReported) -> Outgoing | None:
        """Returns the message on the way that may be over; None if nothing depends on it, or its timer is under way."""
        if report.status in _REACHED or not report.is_end:
            return None
        if report.status != "overdue":
            if not report.has_more:
                return None
            name = watch_name(report.conversation, report.key, report.hop)
            payload = await insist(lambda: self._store.deliveries.load_watch(turn.cid, name))
            if not payload:
                return None
            report = cast(HopReported, decode_event(payload))
        return decode_outgoing(bytes(report.rest))

    async def _ask(self, turn: Turn, report: HopReported, rest: Outgoing) -> HopReported:
        """Asks the service before its way is left, as its report may be lost; returns what it says, if that decides."""
        account = Account(*rest.account)
        adapter, client = self._find_adapter(account), self._clients.get(account)
        if adapter is None or client is None or type(adapter).load_report is Adapter.load_report:
            return report
        to = Conversation(account, rest.to)
        for receipt_id in await insist(lambda: self._store.deliveries.load_ids(turn.cid, report.key, report.hop)):
            status = _REPORTED.get(type(await _asked(adapter, receipt_id, to, client)), "")
            if status == "failed" or _RANK.get(status, 0) >= _RANK[report.awaited]:
                return replace(report, status=cast(HopStatus, status))
        return report

    async def _plan(self, turn: Turn, rest: Outgoing) -> _Plan:
        trail = cast(Trail, rest.trail)
        is_with_home = trail.home == (*trail.hops[0].account, trail.hops[0].to)
        # Whoever it goes to from elsewhere is somebody else.
        phone = trail.phone or (phone_in(turn.record.state) if is_with_home else "")
        skipped: list[tuple[int, tuple[str, str], str]] = []
        for number in range(trail.hop + trail.joined, len(trail.hops)):
            found = await self._try_way(rest, number, phone)
            if isinstance(found, Outgoing):
                return _Plan(found, tuple(skipped))
            skipped.append((number, trail.hops[number].account, found))
        return _Plan(None, tuple(skipped))

    async def _try_way(self, rest: Outgoing, number: int, phone: str) -> Outgoing | str:
        """Returns the message as it goes that way, or why it cannot."""
        hop = cast(Trail, rest.trail).hops[number]
        adapter = self._find_adapter(Account(*hop.account))
        if adapter is None:
            return "no bot here speaks for its account"
        to = hop.to or await insist(lambda: find_conversation(self._store.contacts, adapter, phone))
        if not to:
            return "nobody knows where to reach the person there"
        moved = moved_on(rest, number, to, now_ms=round(1000 * self._clock.timestamp()))
        try:
            messages = self._prepared(moved).messages
        except MessageError as error:
            return error.what
        return joined(moved, messages, self._find_adapter) if messages else "its service has nothing to show for it"

    def _prepared(self, outgoing: Outgoing) -> Prepared:
        account = Account(*outgoing.account)
        return cast(Adapter, self._find_adapter(account)).prepare(outgoing.message, Conversation(account, outgoing.to))

    async def _note(self, turn: Turn, report: HopReported, rest: Outgoing | None, plan: _Plan) -> HopNews | None:
        following = None
        if plan.outgoing is not None:
            trail = cast(Trail, plan.outgoing.trail)
            following = Following(trail.hop, plan.outgoing.account, trail.awaited, watch(plan.outgoing))
        elif rest is not None:
            report = replace(report, has_more=False)
        name = watch_name(report.conversation, report.key, report.hop)
        later_ms = report.expires_ms or round(1000 * (self._clock.timestamp() + HORIZON))
        return await insist(
            lambda: self._store.deliveries.step(
                turn, report, watch=name, later_ms=later_ms, following=following, skipped=plan.skipped
            )
        )

    async def _take(self, report: HopReported, news: HopNews) -> None:
        """Hands the message over to the way that was taken; by its key, once."""
        if not news.rest:
            # A turn made again, so late that the timer of that way has fired: it finds the way over.
            return
        outgoing = decode_outgoing(bytes(cast(HopReported, decode_event(news.rest)).rest))
        to = Conversation(Account(*outgoing.account), outgoing.to)
        prepared = self._prepared(outgoing)
        if prepared.values:
            await insist(lambda: self._store.save_values(prepared.values))
        parts = parts_of(outgoing, prepared.messages)
        parts[-1] = replace(parts[-1], menu=prepared.menu)
        log.info(
            "next way", message=report.key, after=report.via[1], to=to.account.ta, reason=news.reason or report.status,
            losses=prepared.losses,
        )  # fmt: skip
        for part in parts:
            if not await relay(self._store, self._clock, part, to):
                reason = "the other conversation's outbox is full"
                await _tell(self._store, report_of(parts[-1], "failed", self._clock.now(), reason=reason, is_end=True))
                return

    async def _call_back(self, turn: Turn, report: HopReported, news: HopNews) -> None:
        delivery = await insist(lambda: self._store.deliveries.load(turn.cid, report.key))
        now_ms = round(1000 * self._clock.timestamp())
        outgoing = callback(report, news, delivery, now_ms=now_ms)
        await relay(self._store, self._clock, outgoing, Conversation(Account(*outgoing.account), outgoing.to))


async def _asked(adapter: Adapter, receipt_id: str, to: Conversation, client: HttpClient) -> Event | None:
    try:
        return await adapter.load_report(receipt_id, to, client)
    except Exception as error:  # a service that does not answer, or an adapter's own mistake: the time decides
        log.info("no answer to what became of a message", account=adapter.ta, error=type(error).__name__)
        return None


async def _tell(store: Store, report: HopReported) -> bool:
    key, payload = report.conversation.key, encode_event(report)
    stored = await insist(lambda: store.ingest(key, report.id, payload, token="", window=WINDOW))
    return not isinstance(stored, Full)


def _event(report: HopReported, news: HopNews, event: Event) -> Event | None:
    """Returns what the handlers hear, in the terms of the whole message; None where it is nothing to them."""
    kind = _EVENTS.get(news.word)
    if kind is None or (report.is_last_word and news.word in ("failed", "expired")):
        return None
    if isinstance(event, kind):
        return replace(event, message_key=report.key)
    told = kind(id=report.id, at=report.at, conversation=report.conversation, message_key=report.key)
    if not isinstance(told, MessageFailed):
        return told
    return replace(told, reason=news.reason or f"not {report.awaited} in its time")
