"""The ways of a message, step by step: who hears of them, how long each lasts, and what is told of it."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import cast

from msgspec import Raw
from msgspec.structs import replace

from botkit.adapter import Adapter, Joining
from botkit.conversation import Account, Conversation, digest
from botkit.delivery_route import DeliveryRoute
from botkit.events import HopReported, HopStatus, event_id
from botkit.events import encode as encode_event
from botkit.exceptions import MessageError
from botkit.messages import AnyMessage
from botkit.outgoing import Hop, Outgoing, Trail
from botkit.outgoing import encode as encode_outgoing
from botkit.timer import LATER, Timer

#: How long a message whose ways have no end is followed, in seconds: as long as what became of it is kept.
HORIZON = 4 * 86_400.0

FindAdapter = Callable[[Account], Adapter | None]


def trail_of(
    route: DeliveryRoute[Adapter], to: Conversation, home: Conversation, message: AnyMessage, *, phone: str, now_ms: int
) -> Trail:
    """Returns the ways of a message that begins in the conversation `to`.

    Where its account is one of the route's, the ways after it follow; else all of them.
    """
    place = next((number for number, leg in enumerate(route.legs) if leg.adapter.account == to.account), None)
    legs = route.legs if place is None else route.legs[place + 1 :]
    own = None if place is None else route.legs[place]
    first = Hop(_pair(to.account), to.id) if own is None else Hop(_pair(to.account), to.id, own.seconds, own.status)
    hops = (first, *(Hop(_pair(leg.adapter.account), "", leg.seconds, leg.status) for leg in legs))
    return Trail((*_pair(home.account), home.id), hops, message, since_ms=now_ms, phone=phone)


def home_of(trail: Trail) -> Conversation:
    """Returns the conversation that keeps a message's whole history."""
    channel, ta, place = trail.home
    return Conversation(Account(channel, ta), place)


def key_of(outgoing: Outgoing) -> str:
    """Returns the key by which a message is known to those who sent it."""
    return (outgoing.trail.key if outgoing.trail else "") or outgoing.key


def is_followed(outgoing: Outgoing) -> bool:
    """Whether a message's home must hear what becomes of this way."""
    trail = outgoing.trail
    if trail is None:
        return False
    is_away = trail.home != (*outgoing.account, outgoing.to)
    return len(trail.hops) > 1 or bool(trail.notify or trail.seconds or trail.is_part) or is_away


def is_over(outgoing: Outgoing, now_ms: float) -> bool:
    """Whether the time of the way that a message is on has passed."""
    return 0 < _end_ms(outgoing) <= now_ms


def needs_watch(outgoing: Outgoing) -> bool:
    """Whether a message's home waits for anything: another way, or an end of its time."""
    trail = outgoing.trail
    if trail is None or trail.is_part or not is_followed(outgoing):
        return False
    return bool(trail.has_more or trail.seconds or outgoing.message.ttl)


def watch_name(home: Conversation, key: str, hop: int) -> str:
    """Returns the name of the timer that watches over one way of a message; what it holds is kept for the next."""
    return f"{LATER}{_report_id(home, key, hop, 'overdue')}"


def watch(outgoing: Outgoing) -> Timer:
    """Returns the timer that tells a message's home that the way it is on took too long."""
    began_ms = _began_ms(outgoing)
    ends = (_end_ms(outgoing), outgoing.expires_ms, began_ms + round(1000 * HORIZON))
    due_ms = min(end for end in ends if end)
    report = report_of(outgoing, "overdue", datetime.fromtimestamp(due_ms / 1000, UTC), is_end=True)
    payload = encode_event(replace(report, rest=Raw(encode_outgoing(outgoing))))
    return Timer(watch_name(report.conversation, report.key, report.hop), due_ms, payload)


def report_of(
    outgoing: Outgoing, status: HopStatus, at: datetime, *, reason: str = "", is_end: bool, way: int | None = None
) -> HopReported:
    """Returns what a message's home is told of the way that it is on; the same id for the same news of it."""
    trail = outgoing.trail
    assert trail is not None  # noqa: S101  # who asks has looked
    home, key, number = home_of(trail), key_of(outgoing), trail.hop if way is None else way
    return HopReported(
        id=_report_id(home, key, number, status),
        at=at,
        conversation=home,
        key="" if trail.is_part else key,
        status=status,
        hop=trail.hop,
        way=number,
        via=trail.hops[number].account,
        reason=reason,
        awaited=trail.awaited,
        is_end=is_end,
        has_more=trail.has_more,
        notify=trail.notify,
        created_ms=outgoing.created_ms,
        expires_ms=outgoing.expires_ms,
        is_last_word=outgoing.is_last_word,
    )


def joined(outgoing: Outgoing, messages: Sequence[AnyMessage], find_adapter: FindAdapter) -> Outgoing:
    """Returns a message with those ways taken together that one service looks after itself, if there are any.

    They are one request then: each way's message is in the service's words. `messages` is what the first way shows.
    """
    trail = outgoing.trail
    if trail is None or not trail.has_more or len(messages) != 1:
        return outgoing
    ways = _joining(trail, find_adapter)
    if len(ways) < 2:
        return outgoing
    try:
        shown = [messages[0], *(_shown(trail, adapter, hop, outgoing.to) for adapter, hop in ways[1:])]
        said = [adapter.rendered(message) for (adapter, _), message in zip(ways, shown, strict=True)]
    except MessageError:
        return outgoing
    hops = [replace(hop, to=outgoing.to, message=raw) for (_, hop), raw in zip(ways, said, strict=True)]
    after = trail.hops[trail.hop + len(hops) :]
    kept = replace(trail, hops=(*trail.hops[: trail.hop], *hops, *after), joined=len(hops))
    return replace(outgoing, trail=kept)


def _joining(trail: Trail, find_adapter: FindAdapter) -> list[tuple[Joining, Hop]]:
    """Returns the ways from the present one on that one request can name: with one time and status in common."""
    found: list[tuple[Joining, Hop]] = []
    for hop in trail.hops[trail.hop :]:
        # As anything: no adapter is known to be of both kinds.
        adapter: object = find_adapter(Account(*hop.account))
        if not isinstance(adapter, Joining) or not all(known.joins(cast(Adapter, adapter)) for known, _ in found):
            break
        if found and (found[-1][1].seconds, found[-1][1].status) != (found[0][1].seconds, found[0][1].status):
            break
        if not adapter.can_last(hop.seconds):
            break
        found.append((adapter, hop))
        if not hop.seconds:
            break
    return found


def _shown(trail: Trail, adapter: Joining, hop: Hop, to: str) -> AnyMessage:
    prepared = cast(Adapter, adapter).prepare(
        replace(hop.message or trail.message, reply_to=""), Conversation(Account(*hop.account), to)
    )
    if len(prepared.messages) != 1 or prepared.values:
        raise MessageError("it is not one message there")
    return prepared.messages[0]


def started(outgoing: Outgoing, now_ms: int) -> Outgoing:
    """Returns a message whose time begins now."""
    trail = outgoing.trail
    return replace(outgoing, created_ms=now_ms, trail=replace(trail, since_ms=now_ms) if trail else None)


def moved_on(outgoing: Outgoing, number: int, to: str, *, now_ms: int) -> Outgoing:
    """Returns a message as it goes the way of that number, to the conversation `to` there; not yet made fit for it."""
    trail = outgoing.trail
    assert trail is not None  # noqa: S101  # who asks has looked
    key, hop = key_of(outgoing), trail.hops[number]
    message = replace(hop.message or trail.message, reply_to="")
    if outgoing.expires_ms:
        # What is left of its time; no service takes less than this.
        message = replace(message, ttl=max(30.0, (outgoing.expires_ms - now_ms) / 1000))
    hops = (*trail.hops[:number], replace(hop, to=to), *trail.hops[number + 1 :])
    return replace(
        outgoing,
        key=f"{digest(f'{key}|{number}')}00",
        account=hop.account,
        to=to,
        message=message,
        created_ms=now_ms,
        menu=(),
        trail=replace(trail, hops=hops, hop=number, joined=1, since_ms=now_ms, key=key),
    )


def parts_of(outgoing: Outgoing, messages: Sequence[AnyMessage]) -> list[Outgoing]:
    """Returns what goes out, in order, for a message that was made fit; the last part stands for it."""
    last = len(messages) - 1
    key, trail = outgoing.key, outgoing.trail
    assert trail is not None  # noqa: S101  # who asks has looked
    ahead = replace(trail, is_part=True)
    return [
        replace(outgoing, message=message)
        if number == last
        else replace(outgoing, key=f"{digest(f'{key}|{number}')}00", message=message, trail=ahead)
        for number, message in enumerate(messages)
    ]


def _pair(account: Account) -> tuple[str, str]:
    return account.channel, account.ta


def _began_ms(outgoing: Outgoing) -> int:
    return (outgoing.trail.since_ms if outgoing.trail else 0) or outgoing.created_ms


def _end_ms(outgoing: Outgoing) -> int:
    trail = outgoing.trail
    return _began_ms(outgoing) + round(1000 * trail.seconds) if trail and trail.seconds else 0


def _report_id(home: Conversation, key: str, way: int, status: str) -> str:
    return event_id(home.account, f"hop|{home.key}|{key}|{way}|{status}")
