"""Segments: who belongs to one, at both sides of each thing that can be asked."""

import pytest

from botkit.broadcast import Segment
from botkit.exceptions import BotkitError
from botkit.flow import Flow, State, Trigger
from botkit.record import Flows
from botkit.segments import Sieve


class Parcel(Flow):
    states = ("idle", "number", State("day", ("morning", "evening")))
    ask = Trigger("*", "number")
    found = Trigger("number", "day")


def record(
    *moves: str, tags: frozenset[str] = frozenset(), locale: str = "", said_locale: str = "", flow: type[Flow] = Parcel
) -> Flows:
    flows = Flows(b"")
    for move in moves:
        getattr(flows.get(flow), move)()
    flows.tags, flows.locale, flows.said_locale = tags, locale, said_locale
    return Flows(flows.dump())


def takes(segment: Segment, flows: Flows) -> bool:
    return Sieve(segment, (Flow, Parcel)).takes(flows)


def test_without_questions_everybody_belongs_to_it() -> None:
    assert takes(Segment(), Flows(b""))


@pytest.mark.parametrize(
    ("asked", "moves", "belongs"),
    [
        (("Parcel.number",), ("ask",), True),
        (("Parcel.number",), (), False),
        (("parcel.NUMBER",), ("ask",), True),
        (("Parcel.day",), ("ask", "found"), True),
        (("Parcel.day.morning",), ("ask", "found"), True),
        (("Parcel.day.evening",), ("ask", "found"), False),
        (("Parcel.idle",), (), True),
        (("Parcel",), (), False),
        (("Parcel",), ("ask",), True),
        (("Parcel.idle", "Parcel.number"), ("ask",), True),
        (("Parcel.idle", "Parcel.day"), ("ask",), False),
    ],
)
def test_a_state_has_all_that_is_inside_it_and_a_flow_all_but_its_first(
    asked: tuple[str, ...], moves: tuple[str, ...], belongs: bool
) -> None:
    assert takes(Segment(states=asked), record(*moves)) is belongs


@pytest.mark.parametrize(
    ("segment", "belongs"),
    [
        (Segment(tags=("vip", "sl")), True),
        (Segment(tags=("vip", "new")), False),
        (Segment(any_tags=("new", "vip")), True),
        (Segment(any_tags=("new", "old")), False),
        (Segment(no_tags=("new",)), True),
        (Segment(no_tags=("new", "vip")), False),
        (Segment(tags=("vip",), no_tags=("sl",)), False),
    ],
)
def test_all_tags_one_of_them_or_none(segment: Segment, belongs: bool) -> None:
    assert takes(segment, record(tags=frozenset({"vip", "sl"}))) is belongs


@pytest.mark.parametrize(
    ("asked", "said", "belongs"),
    [("sl", "sl", True), ("sl", "sl-SI", True), ("sl", "SL_si", True), ("sl", "slk", False), ("sl-SI", "sl", False)],
)
def test_a_locale_stands_for_all_that_begins_with_it(asked: str, said: str, belongs: bool) -> None:
    assert takes(Segment(locales=(asked,)), record(said_locale=said)) is belongs


def test_the_language_that_was_chosen_goes_before_the_one_that_was_said() -> None:
    flows = record(locale="en", said_locale="sl")
    assert takes(Segment(locales=("en",)), flows)
    assert not takes(Segment(locales=("sl",)), flows)


def test_of_somebody_whose_language_is_not_known_no_locale_is_true() -> None:
    assert not takes(Segment(locales=("sl",)), Flows(b""))


@pytest.mark.parametrize(
    ("state", "text"),
    [
        ("Parcle.day", "no flow 'Parcle'; did you mean 'Parcel'?\n  fix: there are: Parcel"),
        ("Parcel.dya", "Parcel has no state 'dya'; did you mean 'day'?"),
        ("Flow", "no flow 'Flow'"),
    ],
)
def test_a_state_that_no_flow_has_is_an_error_that_names_those_there_are(state: str, text: str) -> None:
    with pytest.raises(BotkitError) as raised:
        Sieve(Segment(states=(state,)), (Flow, Parcel))
    assert str(raised.value).startswith(text)
