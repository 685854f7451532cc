"""Finds the conversation of a report that names only the service's id of a message."""

from typing import Any

import structlog
from msgspec.structs import replace

from botkit.conversation import Conversation
from botkit.events import Event, encode
from botkit.reports import PATIENCE
from botkit.store import Commit, Full, Store, insist
from botkit.turn import Queue, Turn

# As long as any store remembers, in seconds.
_WINDOW = 8 * 86_400.0
# How often the message is looked for: it may be about to be noted as sent, or never have been ours. In seconds.
_SOON, _LATER, _EAGER = 0.5, 15.0, 10.0

log = structlog.get_logger("botkit.addressing")


async def place(store: Store, turn: Turn, event: Event) -> Commit | None:
    """Hands a report on to the conversation of its message, once; returns the commit that ends its turn.

    None if the turn was given back: the message may become known, within ten minutes, or its mailbox was full.
    """
    receipt_id: str = event.conversation.id[1:]
    found = await insist(lambda: store.accounts.find(event.account, receipt_id))
    if found and await _pass_on(store, replace(event, conversation=Conversation(event.account, found))):
        return Commit(b"", ())
    age = (await insist(lambda: store.peek(turn, 1))).age
    if not found and age > PATIENCE:
        log.info("a report of a message that is not known here", account=event.account.ta, event_id=event.id)
        return Commit(b"", ())
    delay = _SOON if 0 <= age < _EAGER else _LATER
    await insist(lambda: store.retry(Queue.MAILBOX, turn, delay=delay))
    return None


async def _pass_on(store: Store, event: Any) -> bool:
    key, payload = event.conversation.key, encode(event)
    stored = await insist(lambda: store.ingest(key, event.id, payload, token="", window=_WINDOW))
    return not isinstance(stored, Full)
