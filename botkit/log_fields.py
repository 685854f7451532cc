"""What every log line of a turn carries: noted once for the turn, and put into words only where a line is written."""

import secrets
from collections.abc import Callable, MutableMapping
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


class LogFields:
    """Completes log entries by the turn they belong to.

    `name` gives the name of a conversation, which nobody can trace back without the key that all processes on a store
    share, so that lines of one conversation are found together.
    """

    def __init__(self, name: Callable[[str], str] | None = None) -> None:
        key = secrets.token_bytes(32)
        self._name = name or (lambda conversation: pseudonym(conversation, key))

    def processor(self, _logger: Any, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Completes a log entry; what it has already stays."""
        if (current := _current.get()) is not None:
            turn, account = current
            entry.setdefault("account", account.ta)
            entry.setdefault("channel", account.channel)
            entry.setdefault("event_id", turn.id[:_EVENT_ID])
            if len(turn.id) > _EVENT_ID:
                entry.setdefault("message", turn.id)
            if "conversation" not in entry:
                entry["conversation"] = self._name(turn.cid)
        return entry
