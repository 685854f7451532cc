"""What the entries of a month come to."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from botkit.ledger import Cost, Ledger, charged_entry, month_of, read_ledger
from botkit.session_rules import Prices


def test_a_month_ends_to_the_microsecond_in_utc() -> None:
    end = datetime(2026, 12, 1, tzinfo=UTC)
    assert [month_of(end - timedelta(microseconds=1)), month_of(end)] == ["202611", "202612"]


def test_a_month_without_entries_is_all_zeros() -> None:
    assert read_ledger("viber:demo", "202611", []) == Ledger("viber:demo", "202611")


def test_the_same_entry_of_several_places_is_added_up() -> None:
    ledger = read_ledger("viber:demo", "202611", [("messages", 3), ("held", 1), ("messages", 4)])
    assert (ledger.messages, ledger.held) == (7, 1)


def test_costs_are_exact_by_country_and_a_changed_price_holds_from_then_on() -> None:
    dear, cheap = (Prices(by_country={"UA": Decimal(price)}) for price in ("0.1", "0.2"))
    entries = [(charged_entry(dear, "UA"), 3), (charged_entry(cheap, "UA"), 1), (charged_entry(dear, ""), 5)]
    ledger = read_ledger("viber:demo", "202611", entries)
    assert ledger.charged == 9
    assert ledger.costs == (Cost("UA", 4, Decimal("0.5"), "EUR"),), "what is free of charge is no cost"
    assert ledger.total == {"EUR": Decimal("0.5")}


def test_sessions_cost_what_they_did_when_they_were_opened() -> None:
    ledger = read_ledger("viber:demo", "202611", [("opened|250000|EUR", 3), ("opened|1000000|USD", 1)])
    assert ledger.sessions == 4
    assert ledger.costs == (Cost("session", 3, Decimal("0.75"), "EUR"), Cost("session", 1, Decimal(1), "USD"))
    assert ledger.total == {"EUR": Decimal("0.75"), "USD": Decimal(1)}


@pytest.mark.parametrize(("word", "outside"), [("0", 0), ("1", 0), ("2", 0), ("3", 2), ("4", 2), ("5", 2), ("6", 0)])
def test_what_the_service_said_stands_beside_what_was_counted(word: str, outside: int) -> None:
    ledger = read_ledger("viber:demo", "202611", [(f"billing|{word}", 2)])
    assert ledger.billing == {word: 2}
    assert ledger.outside_by_service == outside
