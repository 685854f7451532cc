"""Estimates: each rule of sessions at both sides of its bound, prices by country, and the time that paces take."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from botkit.broadcast import Broadcast, Segment
from botkit.buttons import Button
from botkit.capabilities import Capabilities
from botkit.channels.viber import Viber
from botkit.conversation import Account
from botkit.estimate import Estimate, Estimator, Plan
from botkit.messages import Text
from botkit.pace import Pace, Paces
from botkit.session_rules import Prices, SessionRules
from botkit.store import Person
from botkit.turn import Counts, Record
from tests.desk import Desk, where

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
NOW_MS = round(1000 * NOW.timestamp())
OPEN = {"started_ms": NOW_MS - 1000, "ends_ms": NOW_MS + 1}
TEXT = Text(text="News!")
PRICES = Prices(session=Decimal("0.5"), message=Decimal("0.05"), by_country={"UA": Decimal("0.01")})


def person(country: str = "", *, gone: str = "", queued: int = 0, counts: Mapping[str, int] | None = None) -> Person:
    return Person("cid", Record(counts=Counts(**(counts or {})), gone=gone, queued=queued), country=country)


def told(rules: SessionRules, *people: Person, free_used: int = 0) -> dict[str, int]:
    found = estimated(rules, *people, free_used=free_used)
    names = ("within", "opens", "free", "charged", "stopped")
    return {name: getattr(found, name) for name in names if getattr(found, name)}


def estimated(rules: SessionRules | None, *people: Person, free_used: int = 0, paces: Paces | None = None) -> Estimate:
    desk = Desk(sessions=rules)
    desk.paces = paces or Paces()
    estimator = Estimator(desk, TEXT, NOW, free_used=free_used)
    for each in people:
        estimator.take(each)
    return estimator.estimate()


@pytest.mark.parametrize(
    ("rules", "counts", "kind"),
    [
        ({}, OPEN, "within"),
        ({}, OPEN | {"ends_ms": NOW_MS}, "opens"),
        ({"starts_with": "first_user_message"}, OPEN, "within"),
        ({"starts_with": "first_user_message"}, {}, "stopped"),
        ({"max_messages": 3}, OPEN | {"sent": 2}, "within"),
        ({"max_messages": 3}, OPEN | {"sent": 3}, "opens"),
        ({"max_messages": 3, "on_max": "block"}, OPEN | {"sent": 3}, "stopped"),
        ({"max_in_row": 2}, OPEN | {"in_row": 1}, "within"),
        ({"max_in_row": 2}, OPEN | {"in_row": 2}, "stopped"),
        ({"max_in_row": 2, "at_limit": "charge"}, OPEN | {"in_row": 2}, "charged"),
        ({"max_in_row": 2, "at_limit": "charge", "on_in_row": "block"}, OPEN | {"in_row": 2}, "stopped"),
        ({"max_per_hour": 2}, OPEN | {"hour": NOW_MS // 3_600_000, "this_hour": 1}, "within"),
        ({"max_per_hour": 2}, OPEN | {"hour": NOW_MS // 3_600_000, "this_hour": 2}, "stopped"),
    ],
)
def test_what_a_message_will_be_is_told_by_the_rules(rules: dict[str, Any], counts: dict[str, int], kind: str) -> None:
    assert told(SessionRules(**rules), person(counts=counts)) == {kind: 1}


def test_what_waits_in_the_outbox_goes_first() -> None:
    assert told(SessionRules(max_in_row=2), person(queued=2, counts=OPEN)) == {"stopped": 1}


def test_the_month_s_free_messages_are_used_up_before_any_is_charged() -> None:
    rules = SessionRules(starts_with="first_user_message", at_limit="charge", free_per_month=3, prices=PRICES)
    assert told(rules, *[person()] * 4, free_used=1) == {"free": 2, "charged": 2}
    assert told(rules, person(), free_used=5) == {"charged": 1}


def test_a_price_is_that_of_the_country_and_a_session_has_its_own() -> None:
    rules = SessionRules(starts_with="first_user_message", at_limit="charge", prices=PRICES)
    assert estimated(rules, person("UA"), person("SI"), person()).cost == Decimal("0.11")
    assert estimated(SessionRules(prices=PRICES), person(), person(counts=OPEN)).cost == Decimal("0.5")


def test_costs_are_summed_by_currency() -> None:
    account = Account("desk", "desk")
    lanes = [Estimate(account, cost=Decimal(amount), currency=currency) for amount, currency in
             (("1.5", "EUR"), ("2", "USD"), ("1", "EUR"), ("0", "UAH"))]  # fmt: skip
    plan = Plan(Broadcast("b", "shop", TEXT, Segment(), (account,)), lanes)
    assert plan.costs == {"EUR": Decimal("2.5"), "USD": Decimal(2)}


def test_a_service_without_sessions_costs_nothing() -> None:
    found = estimated(None, person(), person(gone="blocked"))
    assert (found.recipients, found.gone, found.within, found.opens) == (1, 1, 0, 0)
    assert not found.cost


def test_each_part_of_a_message_counts() -> None:
    desk = Desk(sessions=SessionRules(prices=PRICES))
    desk.capabilities = Capabilities(text=Capabilities().text)  # type: ignore[misc]  # plain text alone
    message = Text(text="Which day?", buttons=((Button("Today", "day:today"),),))
    parts = len(desk.prepare(message, where()).messages)
    estimator = Estimator(desk, message, NOW)
    estimator.take(person())
    assert (estimator.estimate().opens, estimator.estimate().within) == (1, parts - 1)


@pytest.mark.parametrize(("number", "seconds"), [(2, 0), (3, 1), (12, 10)])
def test_the_time_is_the_least_that_the_pace_allows(number: int, seconds: float) -> None:
    found = estimated(None, *[person()] * number, paces=Paces(account=Pace(2, 1, burst=2)))
    assert found.seconds == pytest.approx(seconds)


def test_on_viber_it_is_requests_that_take_time() -> None:
    viber = Viber(ta="v", sessions=SessionRules())
    viber.paces = Paces(broadcast=Pace(1, 10))
    estimator = Estimator(viber, TEXT, NOW)
    for _ in range(601):
        estimator.take(person())
    assert estimator.estimate().seconds == pytest.approx(20)
