"""A Viber account's session rules as settings."""

from decimal import Decimal

import pytest

from botkit.channels.viber import Viber
from botkit.channels.viber_sessions import read_session_rules
from botkit.exceptions import SettingsError
from botkit.session_rules import Prices, SessionRules


def test_every_variant_of_the_rules_is_a_setting() -> None:
    environ = {
        "DEMO_SESSION_SECONDS": "43200",
        "DEMO_SESSION_MESSAGES": "0",
        "DEMO_SESSION_ON_MAX": "block",
        "DEMO_SESSION_IN_ROW": "10",
        "DEMO_SESSION_ON_IN_ROW": "block",
        "DEMO_SESSION_STARTS_WITH": "first_user_message",
        "DEMO_SESSION_WINDOW": "sliding",
        "DEMO_SESSION_PER_HOUR": "50",
        "DEMO_SESSION_FREE_PER_MONTH": "10000",
        "DEMO_SESSION_CLOSES_EARLY": "60",
        "DEMO_SESSION_CURRENCY": "USD",
        "DEMO_SESSION_PRICE": "0.25",
        "DEMO_SESSION_PRICES": " UA=0.01, SI=0.03,*=0.05,",
        "DEMO_AT_LIMIT": "charge",
    }
    assert Viber.from_env("DEMO", environ).sessions == SessionRules(
        seconds=43_200,
        max_messages=0,
        max_in_row=10,
        at_limit="charge",
        on_max="block",
        on_in_row="block",
        starts_with="first_user_message",
        window="sliding",
        max_per_hour=50,
        free_per_month=10_000,
        closes_early=60,
        prices=Prices("USD", Decimal("0.25"), Decimal("0.05"), {"UA": Decimal("0.01"), "SI": Decimal("0.03")}),
    )


def test_nothing_set_is_as_usual() -> None:
    assert read_session_rules("DEMO", {"DEMO_SESSION_ON_MAX": " ", "OTHER_AT_LIMIT": "fail"}) == SessionRules()


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("DEMO_SESSION_SECONDS", "0"),
        ("DEMO_SESSION_SECONDS", "1000000000"),
        ("DEMO_SESSION_MESSAGES", "-1"),
        ("DEMO_SESSION_IN_ROW", "many"),
        ("DEMO_SESSION_PER_HOUR", "1.5"),
        ("DEMO_SESSION_FREE_PER_MONTH", "٣"),
        ("DEMO_SESSION_CLOSES_EARLY", "86400"),
        ("DEMO_SESSION_ON_MAX", "end_session"),
        ("DEMO_SESSION_ON_IN_ROW", "new_session"),
        ("DEMO_SESSION_STARTS_WITH", "FIRST_USER_MESSAGE"),
        ("DEMO_SESSION_WINDOW", "24h"),
        ("DEMO_AT_LIMIT", "drop"),
        ("DEMO_SESSION_CURRENCY", "euro"),
        ("DEMO_SESSION_PRICE", "-1"),
        ("DEMO_SESSION_PRICE", "0.0000001"),
        ("DEMO_SESSION_PRICES", "UA:0.01"),
        ("DEMO_SESSION_PRICES", "Ukraine=0.01"),
        ("DEMO_SESSION_PRICES", "UA=0.01,UA=0.02"),
        ("DEMO_SESSION_PRICES", "UA=free"),
        ("DEMO_SESSION_PRICES", "*="),
    ],
)
def test_a_wrong_value_is_an_error_that_names_its_setting(setting: str, value: str) -> None:
    with pytest.raises(SettingsError, match=setting) as caught:
        read_session_rules("DEMO", {setting: value})
    assert caught.value.fix


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("DEMO_SESSION_SECONDS", "1"),
        ("DEMO_SESSION_SECONDS", "999999999"),
        ("DEMO_SESSION_CLOSES_EARLY", "86399"),
        ("DEMO_SESSION_PRICE", "999999.999999"),
        ("DEMO_SESSION_PRICES", ""),
    ],
)
def test_the_bounds_themselves_are_taken(setting: str, value: str) -> None:
    assert (read_session_rules("DEMO", {setting: value}) == SessionRules()) is (value == "")
