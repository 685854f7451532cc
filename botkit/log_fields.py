"""What every log line of a turn carries: noted once for the turn, and put into words only where a line is written."""

import secrets
from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any

from botkit.conversation import Account, pseudonym
from botkit.turn import Turn

# The length of an event's id, with which the key of a message begins.
_EVENT_ID = 22

_current: ContextVar[tuple[Turn, Account] | None] = ContextVar("botkit_turn", default=None)


def tell_of(turn: Turn, account: Account) -> None:
    """Notes what the current task, and all that it starts, works on from here: log lines carry it."""
    _current.set((turn, account))


class Pseudonyms:
    """Puts names in the place of conversations, which nobody can trace back without the key.

    All processes on a store have the same `key`, so that lines of one conversation are found together.
    """

    def __init__(self) -> None:
        self.key = secrets.token_bytes(32)

    def name(self, conversation: str) -> str:
        """Returns the name of a conversation, by its key: the store's own (`Store.pseudonym`)."""
        return pseudonym(conversation, self.key)

    def processor(self, _logger: Any, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Completes a log entry by the turn it belongs to, where the entry does not name these things itself."""
        if (current := _current.get()) is not None:
            turn, account = current
            entry.setdefault("account", account.ta)
            entry.setdefault("channel", account.channel)
            entry.setdefault("event_id", turn.id[:_EVENT_ID])
            entry.setdefault("conversation", self.name(turn.cid))
            if len(turn.id) > _EVENT_ID:
                entry.setdefault("message", turn.id)
        return entry
