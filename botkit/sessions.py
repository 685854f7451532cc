"""What is left of a conversation's commercial window (Viber's session)."""

import math
from datetime import UTC, datetime

from msgspec import Struct

from botkit.session_rules import SessionRules
from botkit.turn import Counts

_HOUR_MS = 3_600_000


class Session(Struct, frozen=True):
    """The window as it will be when everything committed so far has gone out.

    `left` messages fit into the current session, or into the next while none is open; `left_in_row` may still go out
    before the person answers, `left_this_hour` in this clock hour; each is infinite where there is no such rule. Then
    comes what the account's `SessionRules` say. `covers_next` tells whether the next message belongs to a session, the
    open one or one that it opens; if not, it is bot-initiated or blocked. `ends_at` is None while no session is open.
    """

    started_at: datetime | None
    ends_at: datetime | None
    sent: int
    left: float
    left_in_row: float
    left_this_hour: float = math.inf
    covers_next: bool = True

    @property
    def is_open(self) -> bool:
        """Whether a session is running."""
        return self.started_at is not None


def session_at(rules: SessionRules, counts: Counts, queued: int, now: datetime) -> Session:
    """Returns the session that `rules` make of `counts`, with `queued` messages still to go out."""
    now_ms = now.timestamp() * 1000
    is_over = rules.on_in_row == "end_session" and 0 < rules.max_in_row < counts.in_row
    is_open = now_ms < counts.ends_ms and not is_over
    sent = counts.sent if is_open else 0
    this_hour = counts.this_hour if counts.hour == now_ms // _HOUR_MS else 0
    left = _left(rules.max_messages, sent + queued)
    left_in_row = _left(rules.max_in_row, counts.in_row + queued)
    has_session = (left > 0 or rules.on_max == "new_session") if is_open else rules.starts_with != "first_user_message"
    return Session(
        started_at=_instant(counts.started_ms) if is_open else None,
        ends_at=_instant(counts.ends_ms) if is_open else None,
        sent=sent,
        left=left,
        left_in_row=left_in_row,
        left_this_hour=_left(rules.max_per_hour, this_hour + queued),
        covers_next=has_session and left_in_row > 0,
    )


def _left(limit: int, used: int) -> float:
    return max(0, limit - used) if limit else math.inf


def _instant(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
