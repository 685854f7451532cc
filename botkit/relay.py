"""Puts a message into the outbox of another conversation than the one that decided on it, once by its key."""

from botkit.clock import Clock
from botkit.conversation import Conversation
from botkit.events import MenuOffered, event_id
from botkit.events import encode as encode_event
from botkit.outgoing import Outgoing
from botkit.outgoing import encode as encode_outgoing
from botkit.store import Store, insist

#: For how long a repeat of a menu, a signal or a report is recognised: longer than a message is tried, in seconds.
WINDOW = 8 * 86_400.0


async def relay(store: Store, clock: Clock, outgoing: Outgoing, to: Conversation) -> bool:
    """Hands a message over, what may be answered to it first; False if the other outbox is full."""
    if outgoing.menu:
        await insist(lambda: _offer(store, clock, outgoing, to))
    entry = encode_outgoing(outgoing)
    return await insist(lambda: store.enqueue(to.key, outgoing.key, entry))


async def _offer(store: Store, clock: Clock, outgoing: Outgoing, to: Conversation) -> None:
    # Before the message: nobody can answer what they do not see.
    offered = MenuOffered(
        id=event_id(to.account, f"menu|{outgoing.key}"), at=clock.now(), conversation=to, choices=outgoing.menu
    )
    await store.ingest(to.key, offered.id, encode_event(offered), token="", window=WINDOW)
