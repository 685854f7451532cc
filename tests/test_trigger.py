import re

import pytest

from botkit.exceptions import FlowError
from botkit.trigger import After, State, Trigger, did_you_mean, is_inside


def test_a_span_adds_up_its_parts() -> None:
    assert After(seconds=1, minutes=2, hours=3, days=4).total_seconds() == 1 + 120 + 10_800 + 345_600


def test_a_span_may_be_366_days_and_no_longer() -> None:
    assert After(days=366).total_seconds() == 366 * 86_400
    with pytest.raises(FlowError, match="at most 366 days"):
        After(days=366, seconds=1)


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_a_span_is_more_than_nothing(seconds: float) -> None:
    with pytest.raises(FlowError, match=r"test_trigger\.py:\d+ .*more than 0 seconds"):
        After(seconds=seconds)


def test_a_span_reads_as_people_say_it() -> None:
    assert str(After(hours=1, minutes=30)) == "1 h 30 min"
    assert str(After(days=0.5)) == "0.5 d"


def test_a_span_takes_keywords_only() -> None:
    with pytest.raises(TypeError):
        After(30)  # type: ignore[call-arg]


def test_a_state_enters_its_first_state_unless_it_names_another() -> None:
    assert State("order", ("size", "address")).first == "size"
    assert State("order", (State("size", ("s",)), "address")).first == "size"
    assert State("order", ("size", "address"), initial="address").first == "address"


@pytest.mark.parametrize(
    ("current", "wanted", "expected"),
    [
        ("order", "order", True),
        ("order.size", "order", True),
        ("order.size.s", "order.size", True),
        ("order", "order.size", False),
        ("orders", "order", False),
        ("order.size", "size", False),
    ],
)
def test_a_state_is_inside_those_around_it(current: str, wanted: str, expected: bool) -> None:
    assert is_inside(current, wanted) is expected


def test_a_trigger_starts_in_its_sources_and_the_states_inside_them() -> None:
    trigger = Trigger(("idle", "order"), "done")
    assert [state for state in ("idle", "order.size", "done") if trigger.starts_in(state)] == ["idle", "order.size"]
    assert Trigger("*", "done").starts_in("anything")


def test_the_label_of_a_trigger_shows_its_guards() -> None:
    class Holder:
        pay = Trigger("a", "b", conditions="has_card", unless=("is_late", bool))

    assert Holder.__dict__["pay"].label == "pay [has_card, not is_late, not bool]"


def test_only_a_near_name_is_suggested() -> None:
    assert did_you_mean("adress", ["size", "address"]) == "; did you mean 'address'?"
    assert did_you_mean("colour", ["size", "address"]) == ""


def test_a_trigger_knows_its_line() -> None:
    assert re.search(r"test_trigger\.py:\d+$", str(Trigger("a", "b").place))
