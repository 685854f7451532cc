"""What an account's messages of a month were: in which sessions, outside of them, and what they cost."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal

from msgspec import Struct

from botkit.session_rules import MICRO, Prices

#: What the service says of a message, and whether it counts it as one outside of sessions (Viber's `billing_status`).
OUTSIDE_BILLING = ("3", "4", "5")


def month_of(instant: datetime) -> str:
    """Returns the calendar month of an aware UTC instant, as 202611."""
    return f"{instant:%Y%m}"


def charged_entry(prices: Prices, country: str) -> str:
    """Returns the entry under which a charged message is booked; it holds the price, which may change later."""
    return f"charged|{country}|{int(prices.of_message(country) * MICRO)}|{prices.currency}"


class Cost(Struct, frozen=True):
    """What the messages to one country cost; `country` is empty where it is not known, and for sessions `session`."""

    country: str
    number: int
    amount: Decimal
    currency: str


class Ledger(Struct, frozen=True):
    """One account's month; every number may be too high by what crashed between counting and sending, never too low.

    `sessions` were opened, and hold `messages`; `outside` went out without one: `free` in the month's quota and the
    rest `charged`. `held` messages waited, `stopped` ones were given up or sent elsewhere; `refunded` counts are those
    taken back because the service did not take a message. `billing` is what the service itself said, by its own word.
    """

    account: str
    month: str
    sessions: int = 0
    messages: int = 0
    outside: int = 0
    free: int = 0
    charged: int = 0
    held: int = 0
    stopped: int = 0
    refunded: int = 0
    costs: tuple[Cost, ...] = ()
    billing: Mapping[str, int] = {}

    @property
    def total(self) -> Mapping[str, Decimal]:
        """The whole cost, by currency."""
        totals: dict[str, Decimal] = {}
        for cost in self.costs:
            totals[cost.currency] = totals.get(cost.currency, Decimal(0)) + cost.amount
        return totals

    @property
    def outside_by_service(self) -> int:
        """How many messages the service itself counted outside of sessions."""
        return sum(number for word, number in self.billing.items() if word in OUTSIDE_BILLING)


def read_ledger(account: str, month: str, entries: Iterable[tuple[str, int]]) -> Ledger:
    """Returns the ledger that the stored entries make; an entry may come more than once."""
    numbers: dict[str, int] = {}
    for entry, number in entries:
        numbers[entry] = numbers.get(entry, 0) + number
    opened = {entry: number for entry, number in numbers.items() if entry.startswith("opened|")}
    charged = {entry: number for entry, number in numbers.items() if entry.startswith("charged|")}
    costs = [_cost(f"charged|session|{entry.removeprefix('opened|')}", number) for entry, number in opened.items()]
    costs += [_cost(entry, number) for entry, number in charged.items()]
    plain = {name: numbers.get(name, 0) for name in ("messages", "outside", "free", "held", "stopped", "refunded")}
    return Ledger(
        account,
        month,
        sessions=sum(opened.values()),
        charged=sum(charged.values()),
        costs=_summed(cost for cost in costs if cost.amount),
        billing={entry.removeprefix("billing|"): n for entry, n in sorted(numbers.items()) if "billing|" in entry},
        **plain,
    )


def _cost(entry: str, number: int) -> Cost:
    _, country, micros, currency = entry.split("|")
    return Cost(country, number, number * Decimal(micros) / MICRO, currency)


def _summed(costs: Iterable[Cost]) -> tuple[Cost, ...]:
    # A price that changed within the month makes two entries of one country.
    sums: dict[tuple[str, str], Cost] = {}
    for cost in costs:
        before = sums.get((cost.country, cost.currency), Cost(cost.country, 0, Decimal(0), cost.currency))
        added = Cost(cost.country, before.number + cost.number, before.amount + cost.amount, cost.currency)
        sums[cost.country, cost.currency] = added
    return tuple(sums[key] for key in sorted(sums))
