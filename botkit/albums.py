"""Albums: files that come in one by one, handled as the one message that somebody sent."""

from collections.abc import Callable

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from botkit.events import Event, MessageReceived
from botkit.store import Store, insist
from botkit.turn import Turn

#: Seconds from the first file until an album is taken for complete: no service tells that it is.
WINDOW = 1.0

# More than the ten files of an album, for there may be words in between.
_AHEAD = 20


class Gathered(Struct, frozen=True):
    """An album as far as it came: the event to handle, and the ids of the later ones that are handled with it.

    Where `rest` is not 0, it may not be complete for that many seconds.
    """

    event: Event
    ids: tuple[str, ...] = ()
    rest: float = 0


async def gather(store: Store, decode: Callable[[bytes], Event], turn: Turn, event: Event) -> Gathered:
    """Returns the event with all files of its album that are in the mailbox, or how long to wait for them.

    What is no part of an album is returned as it is, without a look at the store. The later parts stay where they are:
    only the commit that remembers their ids makes them handled.
    """
    if not isinstance(event, MessageReceived) or not event.group:
        return Gathered(event)
    ahead = await insist(lambda: store.peek(turn, _AHEAD))
    if 0 <= ahead.age < WINDOW:
        return Gathered(event, rest=WINDOW - ahead.age)
    parts = {turn.id: event}
    for event_id, payload in ahead.following:
        part = _read(decode, payload)
        if isinstance(part, MessageReceived) and part.group == event.group:
            parts[event_id] = part
    return Gathered(_joined(list(parts.values())), tuple(parts)[1:])


def _joined(parts: list[MessageReceived]) -> MessageReceived:
    album = tuple(part.media for part in parts if part.media)
    text = next((part.text for part in parts if part.text), "")
    return replace(parts[0], media=next(iter(album), None), album=album, text=text)


def _read(decode: Callable[[bytes], Event], payload: bytes) -> Event | None:
    try:
        return decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        # Its own turn will make a dead letter of it.
        return None
