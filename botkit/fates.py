"""What becomes of each recipient of a broadcast: counted once, by whoever sends to them or hears of it."""

from collections.abc import Awaitable, Iterator, Mapping

from botkit.broadcast import Fate, spot_of
from botkit.hops import key_of
from botkit.outgoing import Outgoing
from botkit.store import Store, insist

# What is counted for each step of a message that has several ways; what was seen did arrive.
_FATES: Mapping[str, tuple[Fate, ...]] = {
    "sent": (Fate.SENT,),
    "delivered": (Fate.DELIVERED,),
    "seen": (Fate.DELIVERED, Fate.SEEN),
    "failed": (Fate.UNDELIVERED,),
    "expired": (Fate.UNDELIVERED,),
}


def counts(store: Store, outgoing: Outgoing, fate: Fate) -> Iterator[Awaitable[None]]:
    """Yields what notes how a message's sending ended; nothing for one that is no broadcast's.

    It is noted before the message leaves its outbox: who takes over notes it again, and nothing is counted twice.
    """
    if outgoing.broadcast and (spot := spot_of(key_of(outgoing))):
        yield store.broadcasts.note(spot, fate)


async def is_counted(store: Store, outgoing: Outgoing) -> bool:
    """Whether it is noted that a broadcast's message was sent, and so is its receipt, though it is in its outbox."""
    # On a later way its key is another: what was noted was of the first.
    spot = spot_of(outgoing.key) if outgoing.broadcast else None
    if spot is None:
        return False
    place = (spot.broadcast, spot.lane, spot.index, spot.index + 1)
    return await insist(lambda: store.broadcasts.fates(*place)) == [Fate.SENT]


async def count_news(store: Store, key: str, word: str) -> None:
    """Counts what its home was told of a bulk's message, each step once; nothing for any other message."""
    spot = spot_of(key)
    if spot is None or word not in _FATES:
        return
    fates = _FATES[word]
    if fates == (Fate.UNDELIVERED,):
        (end,) = await insist(lambda: store.broadcasts.fates(spot.broadcast, spot.lane, spot.index, spot.index + 1))
        # What no service ever took was not sent.
        fates = fates if end is Fate.SENT else (Fate.FAILED,)
    await insist(lambda: store.broadcasts.note(spot, *fates))
