"""What is left of a conversation's commercial window (Viber's session)."""

from datetime import UTC, datetime, timedelta

from msgspec import Struct

from botkit.adapter import SessionRules
from botkit.store import Counts


class Session(Struct, frozen=True):
    """The window as it will be when everything committed so far has gone out.

    `left` messages fit into the current session; after them a new one begins by itself. `left_in_row` may still go out
    before the person answers; what comes after that is held or fails, as the account is set.
    `ends_at` is None while no session is open: the next message starts one.
    """

    started_at: datetime | None
    ends_at: datetime | None
    sent: int
    left: int
    left_in_row: int

    @property
    def is_open(self) -> bool:
        """Whether a session is running."""
        return self.started_at is not None


def session_at(rules: SessionRules, counts: Counts, queued: int, now: datetime) -> Session:
    """Returns the session that `rules` make of `counts`, with `queued` messages still to go out."""
    left_in_row = max(0, rules.max_in_row - counts.in_row - queued)
    started_at = datetime.fromtimestamp(counts.started_ms / 1000, UTC)
    ends_at = started_at + timedelta(seconds=rules.seconds)
    if not counts.started_ms or now >= ends_at:
        return Session(None, None, 0, max(0, rules.max_messages - queued), left_in_row)
    left = max(0, rules.max_messages - counts.sent - queued)
    return Session(started_at, ends_at, counts.sent, left, left_in_row)
