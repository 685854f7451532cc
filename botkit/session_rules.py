"""The rules of a service's commercial window: what opens a session, what it holds, and what messages cost."""

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Literal

from msgspec import Struct

OnMax = Literal["new_session", "block"]
OnInRow = Literal["end_session", "block"]
StartsWith = Literal["first_business_reply", "first_user_message"]
Window = Literal["fixed", "sliding"]
AtLimit = Literal["hold", "fail", "failover", "charge"]

#: The finest price: a millionth of the currency's unit.
MICRO = Decimal(1_000_000)

_CHOICES: Mapping[str, tuple[str, ...]] = {
    "on_max": ("new_session", "block"),
    "on_in_row": ("end_session", "block"),
    "starts_with": ("first_business_reply", "first_user_message"),
    "window": ("fixed", "sliding"),
    "at_limit": ("hold", "fail", "failover", "charge"),
}
_COUNTRY = re.compile(r"[A-Z]{2}")


def _require(condition: object, what: str) -> None:
    if not condition:
        raise ValueError(what)


class Prices(Struct, frozen=True):
    """What is paid, in one currency: for each session, and for each message that no session covers.

    `by_country` goes by the person's country, two capital letters; `message` is the price for all the others, and for
    somebody whose country is not known. Amounts are not negative and have at most six decimals. Raises ValueError.
    """

    currency: str = "EUR"
    session: Decimal = Decimal(0)
    message: Decimal = Decimal(0)
    by_country: Mapping[str, Decimal] = {}

    def __post_init__(self) -> None:
        _require(re.fullmatch(r"[A-Z]{3}", self.currency), "a currency is three capital letters, as EUR")
        _require(all(map(_COUNTRY.fullmatch, self.by_country)), "a country is two capital letters, as UA")
        amounts = (self.session, self.message, *self.by_country.values())
        _require(all(map(_is_amount, amounts)), "a price is from 0 to less than a million and has at most six decimals")

    def of_message(self, country: str) -> Decimal:
        """Returns the price of a message to somebody in that country; an empty one is not known."""
        return self.by_country.get(country, self.message)


def _is_amount(amount: Decimal) -> bool:
    return amount.is_finite() and 0 <= amount < 1_000_000 and amount * MICRO == int(amount * MICRO)


class SessionRules(Struct, frozen=True):
    """A service's commercial window, counted per conversation.

    A session lasts `seconds`, or is treated as over `closes_early` seconds before that. With `starts_with`
    `first_business_reply` our first message while none is open opens one; with `first_user_message` only the person's
    does. A `sliding` window is renewed by each message of the person, a `fixed` one runs from its start.

    It holds `max_messages`; the next one begins a `new_session` at once, or is blocked until the person writes or the
    session is over. `max_in_row` messages may go out without an answer; the next one ends the session, or is blocked
    until the person writes. `max_per_hour` messages may go out in a clock hour (UTC) without an answer; the next one
    is blocked until the hour or the person's silence ends. A limit of 0 is none.

    A message that no session covers is bot-initiated: in each calendar month (UTC) `free_per_month` of them go out
    free of charge. `at_limit` says what becomes of the others, and of what is blocked: `hold` keeps it, in order, until
    it may go; `fail` gives it up with a `MessageFailed` event; `failover` sends it to the conversation that
    `ctx.fail_over_to` named, or else fails; `charge` sends it bot-initiated at its price, and holds what is blocked,
    for that has no price.

    Raises ValueError for a value out of its bounds.
    """

    seconds: int = 24 * 3600
    max_messages: int = 60
    max_in_row: int = 5
    at_limit: AtLimit = "hold"
    on_max: OnMax = "new_session"
    on_in_row: OnInRow = "end_session"
    starts_with: StartsWith = "first_business_reply"
    window: Window = "fixed"
    max_per_hour: int = 100
    free_per_month: int = 0
    closes_early: int = 0
    prices: Prices = Prices()

    def __post_init__(self) -> None:
        for name, known in _CHOICES.items():
            _require(getattr(self, name) in known, f"{name} is one of {', '.join(known)}")
        _require(self.seconds > 0, "a session lasts at least 1 second")
        _require(0 <= self.closes_early < self.seconds, "closes_early is from 0 to less than the session's seconds")
        counts = (self.max_messages, self.max_in_row, self.max_per_hour, self.free_per_month)
        _require(min(counts) >= 0, "a number of messages is not negative; 0 is no limit")

    @property
    def length_ms(self) -> int:
        """How long a session is open, in milliseconds."""
        return (self.seconds - self.closes_early) * 1000

    @property
    def sends_outside(self) -> bool:
        """Whether a message that no session covers may go out at all."""
        return self.at_limit == "charge" or self.free_per_month > 0


class Heard(Struct, frozen=True):
    """What the store is told when a person writes in a conversation whose messages are counted.

    `at` is the service's time of it; a session that it opens starts then, though never in the future.
    """

    rules: SessionRules
    account: str
    at: datetime
    country: str = ""

    @property
    def known_country(self) -> str:
        """The country, or nothing for what is none."""
        return self.country if _COUNTRY.fullmatch(self.country) else ""
