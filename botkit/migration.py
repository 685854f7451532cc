"""A conversation that goes on under another id: what is stored of it, and what is under way, goes with it.

The old conversation's commit leaves a pointer in its record, and in its outbox an `Adopted` event for the new one.
The outbox puts that into the new mailbox, once; a new conversation that begins with the news of the move waits for it.
Whatever comes to the old conversation later is passed on in the same way, and what a service refuses because of the
move is sent to the new id.
"""

from collections.abc import Callable, Sequence

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from botkit.context import FLOW_TIMER
from botkit.conversation import Conversation
from botkit.events import Event, TimerFired, event_id, type_of
from botkit.events import encode as encode_event
from botkit.messages import Raw as RawMessage
from botkit.outgoing import Outgoing
from botkit.outgoing import encode as encode_outgoing
from botkit.record import Flows
from botkit.store import Commit, Store, insist
from botkit.timer import Timer
from botkit.turn import Turn

#: How long a delivered event is known again, in seconds: as long as any store remembers.
WINDOW = 8 * 86_400.0

#: How long a new conversation waits for the old one's record, and how often it looks; seconds.
PATIENCE = 5.0
_PAUSE = 0.5
_AHEAD = 20

# Where the delivery stands among its event's messages: in the place of the acknowledgement, which it has none of.
_PLACE = 99
_CHANNEL = "botkit"
_TAG = "botkit.adopted"
_GATHERED, _MOVED_TO = b'"gathered":', b'"moved_to":'

_decode_timer = msgspec.json.Decoder(TimerFired).decode


class Adopted(Event, frozen=True, kw_only=True, omit_defaults=True, tag=_TAG):
    """What a conversation takes over from the one that it continues: the record, and the timers that run."""

    state: Raw = Raw(b"null")
    timers: tuple[Raw, ...] = ()


class Taken(Struct, frozen=True):
    """A turn with the record that it continues, and what its commit must say for that.

    Where `rest` is not 0, the record may still come after that many seconds.
    """

    turn: Turn
    ids: tuple[str, ...] = ()
    timers: tuple[Timer, ...] = ()
    rest: float = 0


async def take_over(store: Store, decode: Callable[[bytes], Event], turn: Turn, event: Event) -> Taken:
    """Returns the turn as it is but for the first event of a conversation that continues another.

    That one is handled with the other's record, which stands behind it in the mailbox as soon as the old
    conversation's commit is through.
    """
    if not event.moves_from or turn.record.state:
        return Taken(turn)
    ahead = await insist(lambda: store.peek(turn, _AHEAD))
    for known, payload in ahead.following:
        adopted = decode(payload) if type_of(payload) == _TAG else None
        if isinstance(adopted, Adopted):
            adoption = _adopt(turn, adopted)
            record = replace(turn.record, state=adoption.state)
            return Taken(replace(turn, record=record), (known,), tuple(adoption.timers))
    return Taken(turn, rest=_PAUSE if 0 <= ahead.age < PATIENCE else 0)


def is_moving(event: Event) -> bool:
    """Whether the event says that its conversation goes on under another id."""
    return event.moves_to not in ("", event.conversation.id)


def hand_over(turn: Turn, event: Event, commit: Commit, timers: Sequence[bytes]) -> Commit:
    """Returns what the old conversation commits instead: its record and its timers go, a pointer stays."""
    running = {fired.name: Timer(fired.name, 1, payload) for payload in timers for fired in (_decode_timer(payload),)}
    kept = running | {timer.name: timer for timer in commit.timers}
    to = Conversation(event.account, event.moves_to)
    adopted = Adopted(
        id=event_id(event.account, f"adopted|{event.conversation.key}|{event.id}"),
        at=event.at,
        conversation=to,
        user=event.user,
        state=Raw(commit.state or turn.record.state or b"null"),
        timers=tuple(Raw(timer.payload) for timer in kept.values() if timer.due_ms),
    )
    return Commit(
        Flows(commit.state or turn.record.state).dump_moved(event.moves_to),
        [*commit.outgoing, _delivery(event, adopted)],
        [Timer(name, 0) for name in running],
        commit.reply,
    )


def set_aside(turn: Turn, event: Event) -> Commit | None:
    """Returns the commit of an event that no handler of this conversation is for, or None for all others."""
    state = turn.record.state
    # Hardly a record has either: most need not be read for it.
    if _GATHERED in state or _MOVED_TO in state:
        flows = Flows(state)
        if turn.id in flows.gathered:
            flows.gathered = tuple(known for known in flows.gathered if known != turn.id)
            return Commit(flows.dump(), [])
        if flows.moved_to:
            moved = replace(event, conversation=Conversation(event.account, flows.moved_to))
            return Commit(b"", [_delivery(event, moved)])
    return _adopt(turn, event) if isinstance(event, Adopted) else None


def delivered(outgoing: Outgoing) -> tuple[str, bytes] | None:
    """Returns the id and the payload of the event that an entry of an outbox carries, or None for a message."""
    message = outgoing.message
    if not isinstance(message, RawMessage) or message.channel != _CHANNEL:
        return None
    return message.payload["id"], msgspec.json.encode(message.payload)


def _delivery(event: Event, moved: Event) -> bytes:
    account = (moved.account.channel, moved.account.ta)
    message = RawMessage(channel=_CHANNEL, payload=msgspec.json.decode(encode_event(moved)))
    outgoing = Outgoing(f"{event.id}{_PLACE}", account, moved.conversation.id, message)
    return outgoing.key.encode() + encode_outgoing(outgoing)


def _adopt(turn: Turn, event: Adopted) -> Commit:
    # A conversation that has a record of its own keeps it: what was done here is the newer.
    is_new = not turn.record.state
    fired = [_decode_timer(payload) for payload in event.timers]
    timers = [
        Timer(
            timer.name,
            round(timer.at.timestamp() * 1000),
            encode_event(replace(timer, conversation=event.conversation)),
        )
        for timer in fired
        if is_new or not timer.name.startswith(FLOW_TIMER)
    ]
    state = bytes(event.state)
    return Commit(state if is_new and state != b"null" else b"", [], timers)
