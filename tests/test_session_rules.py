"""The rules refuse what they cannot mean; prices go by country."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from botkit.session_rules import Heard, Prices, SessionRules


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("seconds", 0),
        ("max_messages", -1),
        ("max_in_row", -1),
        ("max_per_hour", -1),
        ("free_per_month", -1),
        ("closes_early", -1),
        ("closes_early", 86_400),
        ("at_limit", "drop"),
        ("on_max", "end_session"),
        ("on_in_row", "new_session"),
        ("starts_with", "anything"),
        ("window", "open"),
    ],
)
def test_a_value_out_of_its_bounds_is_refused(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        SessionRules(**{field: value})


def test_the_bounds_themselves_are_allowed() -> None:
    rules = SessionRules(seconds=1, max_messages=0, max_in_row=0, max_per_hour=0, free_per_month=0)
    assert rules.length_ms == 1000
    assert SessionRules(seconds=60, closes_early=59).length_ms == 1000


def test_the_usual_rules_are_a_day_sixty_messages_and_five_in_a_row() -> None:
    usual = SessionRules()
    assert (usual.seconds, usual.max_messages, usual.max_in_row, usual.max_per_hour) == (86_400, 60, 5, 100)
    assert (usual.on_max, usual.on_in_row, usual.at_limit) == ("new_session", "end_session", "hold")
    assert (usual.starts_with, usual.window, usual.closes_early) == ("first_business_reply", "fixed", 0)


@pytest.mark.parametrize(
    ("rules", "sends"),
    [
        (SessionRules(), False),
        (SessionRules(at_limit="failover"), False),
        (SessionRules(at_limit="charge"), True),
        (SessionRules(free_per_month=1), True),
    ],
)
def test_only_who_pays_or_has_a_free_quota_sends_outside_of_sessions(rules: SessionRules, *, sends: bool) -> None:
    assert rules.sends_outside is sends


def test_a_price_is_the_country_s_or_that_of_all_the_others() -> None:
    prices = Prices(message=Decimal("0.05"), by_country={"UA": Decimal("0.01")})
    assert [prices.of_message(country) for country in ("UA", "SI", "")] == [
        Decimal("0.01"),
        Decimal("0.05"),
        Decimal("0.05"),
    ]


@pytest.mark.parametrize(
    "values",
    [
        {"currency": "eur"},
        {"session": Decimal(-1)},
        {"message": Decimal("0.0000001")},
        {"message": Decimal("NaN")},
        {"message": Decimal(1_000_000)},
        {"by_country": {"Ukraine": Decimal(1)}},
        {"by_country": {"UA": Decimal(-1)}},
    ],
)
def test_a_price_that_is_none_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        Prices(**values)


def test_the_finest_and_the_greatest_price_are_allowed() -> None:
    assert Prices(session=Decimal("0.000001"), message=Decimal("999999.999999")).session == Decimal("0.000001")


@pytest.mark.parametrize(("told", "known"), [("UA", "UA"), ("", ""), ("ua", ""), ("UA|SI", ""), ("Ukraine", "")])
def test_a_country_that_is_none_is_not_known(told: str, known: str) -> None:
    assert Heard(SessionRules(), "viber:demo", datetime.now(UTC), told).known_country == known
