"""The rules of sessions in plain Python: what each policy does with a message that is blocked, or that none covers.

A message is first looked at for what the service would refuse, whatever is paid: over the hour's limit, over the row
where that blocks, over a full session where that blocks. What remains is in the open session, begins one, or is of
none (bot-initiated): it goes out free while the month has free ones, else at its price under `charge`, else not.

What may not go is held under `hold`, stopped under `fail` and `failover`. Under `charge` it is held too: what may not
go now is what the service would refuse, and that cannot be bought. It is held until the person writes, and not longer
than until the hour or the session that blocks it is over, or until the message has expired.

A message of no session that goes out after the row is full ends the session: the person's next message or our reply to
it begins another. A full session that blocks is over once the person writes.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from botkit.session_rules import SessionRules

HOUR = 3_600_000


def month_at(now: int) -> str:
    return f"{datetime.fromtimestamp(now / 1000, UTC):%Y%m}"


@dataclass
class Window:
    """An open session, or what was one."""

    start: int
    end: int
    sent: int = 0


@dataclass
class Attempt:
    """What was counted last, to be taken back if it did not arrive."""

    month: str
    window: Window | None
    opens: bool = False
    paid: str = ""


@dataclass
class SessionModel:
    """One conversation, and what its account has booked by month; times in milliseconds."""

    rules: SessionRules
    window: Window | None = None
    in_row: int = 0
    hour: int = 0
    this_hour: int = 0
    country: str = ""
    held_till: float | None = None
    booked: dict[str, Counter[str]] = field(default_factory=dict)
    attempt: Attempt | None = None
    noted: str = ""

    def book(self, month: str, entry: str, number: int = 1) -> None:
        self.booked.setdefault(month, Counter())[entry] += number

    # --- the person ---

    def hears(self, now: int, at: int, country: str) -> None:
        rules = self.rules
        broke_row = rules.on_in_row == "end_session" and bool(rules.max_in_row) and self.in_row > rules.max_in_row
        is_spent = rules.on_max == "block" and self.window is not None and self._is_full(self.window)
        if broke_row or is_spent:
            self.window = None
        start = min(at, now)
        end = start + rules.length_ms
        if self._open(now) is None:
            if rules.starts_with == "first_user_message" and end > now:
                self.window = Window(start, end)
        elif rules.window == "sliding" and self.window:
            self.window.end = max(self.window.end, end)
        self.in_row = self.this_hour = 0
        self.country = country or self.country
        self.held_till = None

    def _open(self, now: int) -> Window | None:
        return self.window if self.window and now < self.window.end else None

    def _is_full(self, window: Window) -> bool:
        return 0 < self.rules.max_messages <= window.sent

    # --- our messages ---

    def tries(self, message: str, now: int, expires: int) -> tuple[str, str]:
        """Returns `go`, `held` or `limit`, and what was paid or why it may not go."""
        if 0 < expires <= now:
            return "limit", "expired"
        if self.hour != now // HOUR:
            self.hour, self.this_hour = now // HOUR, 0
        blocked, till = self._blocked(now)
        if blocked:
            return self._stops(message, now, blocked, min(till, expires or till))
        why = self._uncovered(now)
        if not why:
            self._counts_in_session(now)
            return "go", ""
        paid = self._pays(now)
        if not paid:
            return self._stops(message, now, why, expires or 9e15)
        self._counts(Attempt(month_at(now), None, paid=paid))
        self.book(month_at(now), "outside")
        self.book(month_at(now), paid)
        return "go", paid

    def _blocked(self, now: int) -> tuple[str, float]:
        rules, window = self.rules, self._open(now)
        if 0 < rules.max_per_hour <= self.this_hour:
            return "hour", (now // HOUR + 1) * HOUR
        if self._is_silent and rules.on_in_row == "block":
            return "row", 9e15
        if window and self._is_full(window) and rules.on_max == "block" and not self._is_silent:
            return "max", window.end
        return "", 0

    @property
    def _is_silent(self) -> bool:
        return 0 < self.rules.max_in_row <= self.in_row

    def _uncovered(self, now: int) -> str:
        """Why no session covers the next message, if so."""
        if self._is_silent:
            return "row"
        if self._open(now) is None and self.rules.starts_with == "first_user_message":
            return "session"
        return ""

    def _pays(self, now: int) -> str:
        if self.booked.get(month_at(now), Counter())["free"] < self.rules.free_per_month:
            return "free"
        price = self.rules.prices.by_country.get(self.country, self.rules.prices.message)
        return f"charged|{self.country}|{int(price * Decimal(10**6))}|EUR" if self.rules.at_limit == "charge" else ""

    def _stops(self, message: str, now: int, why: str, till: float) -> tuple[str, str]:
        is_held = self.rules.at_limit in ("hold", "charge")
        if self.noted != message:
            self.noted = message
            self.book(month_at(now), "held" if is_held else "stopped")
        if is_held:
            self.held_till = till
        return ("held" if is_held else "limit"), why

    def _counts_in_session(self, now: int) -> None:
        window, before = self._open(now), self._open(now)
        if window is None or self._is_full(window):
            window = self.window = Window(now, now + self.rules.length_ms)
            self.book(month_at(now), self._opening)
        window.sent += 1
        self._counts(Attempt(month_at(now), window, opens=before is None))
        self.book(month_at(now), "messages")

    @property
    def _opening(self) -> str:
        return f"opened|{int(self.rules.prices.session * Decimal(10**6))}|EUR"

    def _counts(self, attempt: Attempt) -> None:
        self.in_row += 1
        self.this_hour += 1
        self.attempt = attempt

    def did_not_arrive(self) -> None:
        """Takes the last attempt back: the service is known not to have the message."""
        attempt = self.attempt
        if attempt is None:
            return
        self.attempt = None
        self.in_row, self.this_hour = max(0, self.in_row - 1), max(0, self.this_hour - 1)
        self.book(attempt.month, "outside" if attempt.window is None else "messages", -1)
        self.book(attempt.month, "refunded")
        if attempt.paid:
            self.book(attempt.month, attempt.paid, -1)
        if attempt.opens and attempt.window is self.window:
            self.window = None
            self.book(attempt.month, self._opening, -1)
        elif attempt.window and attempt.window is self.window:
            attempt.window.sent -= 1
