import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.conversation import Account, Conversation
from botkit.events import ButtonPressed, Event, Media, MediaKind, MessageReceived, Point, SharedContact, TimerFired
from botkit.exceptions import RouteError
from botkit.filters import (
    ButtonPattern,
    Command,
    HasContact,
    HasLocation,
    HasMedia,
    SignalNamed,
    TextPattern,
    TimeoutOf,
    TimerNamed,
    describe,
)

WHERE: dict[str, Any] = {
    "id": "e1",
    "at": datetime(2025, 1, 1, tzinfo=UTC),
    "conversation": Conversation(Account("telegram", "ta"), "7"),
}


def message(text: str = "", **fields: Any) -> MessageReceived:
    return MessageReceived(text=text, **WHERE, **fields)


def pressed(value: str) -> ButtonPressed:
    return ButtonPressed(value=value, **WHERE)


def text(pattern: str, said: str) -> object:
    return TextPattern(re.compile(pattern))(message(said))


# Text.


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        (r"(?i)where is my parcel", "Where is my parcel?"),
        (r"\d{6,}", "123456"),
        (r"\d{6,}", "it is 1234567, I think"),
        (r"^так$", "так"),
        ("", "anything"),
    ],
)
def test_a_text_matches_where_the_pattern_is_found(pattern: str, said: str) -> None:
    assert text(pattern, said) == {}


@pytest.mark.parametrize(("pattern", "said"), [(r"\d{6,}", "12345"), (r"^так$", "так так"), ("yes", "YES"), ("", "")])
def test_a_text_does_not_match_where_the_pattern_is_not_found(pattern: str, said: str) -> None:
    assert text(pattern, said) is False


def test_a_message_without_text_matches_no_pattern() -> None:
    assert TextPattern(re.compile(""))(message(media=Media("image"))) is False


def test_a_caption_counts_as_text() -> None:
    assert TextPattern(re.compile("cat"))(message("my cat", media=Media("image"))) == {}


def test_groups_are_captured_by_name_or_number_and_those_without_a_part_are_absent() -> None:
    assert text(r"(\d+) (?P<unit>kg|g)( net)?", "weighs 5 kg") == {"1": "5", "unit": "kg"}


def test_only_the_first_4096_characters_are_searched() -> None:
    assert text("end", "x" * 4093 + "end") == {}
    assert text("end", "x" * 4094 + "end") is False


# Commands.


@pytest.mark.parametrize(
    ("said", "args"),
    [
        ("/track", ""),
        ("/TRACK", ""),
        ("/track@parcel_bot", ""),
        ("/track 123", "123"),
        ("/track@parcel_bot 123 456 ", "123 456"),
        ("/track\n123", "123"),
        ("/відстежити 1", "1"),
    ],
)
def test_a_command_captures_what_follows_it(said: str, args: str) -> None:
    assert Command(("track", "Відстежити"))(message(said)) == {"args": args}


@pytest.mark.parametrize(
    "said", ["track", "/tracker", "/trac", "say /track", " /track", "/track,now", "", "/", "/@bot"]
)
def test_other_texts_are_not_the_command(said: str) -> None:
    assert Command(("track",))(message(said)) is False


# Buttons.


@pytest.mark.parametrize(
    ("pattern", "value", "captured"),
    [
        ("day:{day}", "day:fri", {"day": "fri"}),
        ("day:{day}", "day:a:b\nc", {"day": "a:b\nc"}),
        ("menu", "menu", {}),
        ("{city}:{day}", "kyiv:fri", {"city": "kyiv", "day": "fri"}),
        ("{a}->{b}", "1-2->3", {"a": "1-2", "b": "3"}),
        ("{{{a}}}", "{1}", {"a": "1"}),
        ("{a}:end", "1:2:end", {"a": "1:2"}),
        ("1+1.{a}?", "1+1.2?", {"a": "2"}),
    ],
)
def test_a_button_value_gives_its_captures(pattern: str, value: str, captured: dict[str, str]) -> None:
    assert ButtonPattern.parse(pattern)(pressed(value)) == captured


@pytest.mark.parametrize(
    ("pattern", "value"),
    [
        ("day:{day}", "day:"),
        ("day:{day}", "xday:fri"),
        ("day:{day}", "DAY:fri"),
        ("menu", "menu2"),
        ("menu", "menu\n"),
        ("{city}:{day}!", "kyiv:fri"),
        ("{a}:end", "1:end:end"),
        ("1+1", "111"),
    ],
)
def test_a_button_value_must_match_as_a_whole(pattern: str, value: str) -> None:
    assert ButtonPattern.parse(pattern)(pressed(value)) is False


LITERAL = st.text(":/!-|{}.*", min_size=1, max_size=3)
CAPTURE = st.text(st.characters(exclude_characters=":/!-|{}.*", exclude_categories=["Cs"]), min_size=1)


@given(st.lists(st.tuples(LITERAL, CAPTURE), min_size=1, max_size=4), LITERAL)
def test_what_was_put_into_a_pattern_comes_out_of_it(parts: list[tuple[str, str]], end: str) -> None:
    escaped = [literal.replace("{", "{{").replace("}", "}}") for literal, _ in parts]
    pattern = "".join(f"{literal}{{n{number}}}" for number, literal in enumerate(escaped))
    pattern += end.replace("{", "{{").replace("}", "}}")
    values = {f"n{number}": value for number, (_, value) in enumerate(parts)}
    assert ButtonPattern.parse(pattern)(pressed(pattern.format(**values))) == values


@pytest.mark.parametrize(
    "pattern", ["", "{", "day:{", "day:}", "{}", "{a b}", "{1}", "{a}{b}", "{a}:{a}", "{a!r}", "{a:3}"]
)
def test_a_button_pattern_that_is_not_well_formed_is_refused(pattern: str) -> None:
    with pytest.raises(RouteError, match="is not well formed"):
        ButtonPattern.parse(pattern)


# The others.


def test_media_match_by_their_kind() -> None:
    ask = HasMedia(frozenset[MediaKind]({"image", "video"}))
    found = [ask(message(media=Media(kind))) for kind in ("image", "video", "file")]
    assert (found, ask(message("image"))) == ([True, True, False], False)


def test_a_location_and_a_contact_match_where_there_is_one() -> None:
    assert HasLocation()(message(location=Point(50.45, 30.52))) is True
    assert HasLocation()(message("here")) is False
    assert HasContact()(message(contact=SharedContact("+380441234567"))) is True
    assert HasContact()(message("+380441234567")) is False


def test_a_timer_matches_by_its_name_unless_it_is_a_timeout() -> None:
    ask = TimerNamed("remind")
    assert ask(TimerFired(name="remind", **WHERE)) is True
    assert ask(TimerFired(name="other", **WHERE)) is False
    assert ask(TimerFired(name="remind", flow="Order", state="size", **WHERE)) is False


@pytest.mark.parametrize(
    ("flow", "state", "expected"),
    [("Order", "order", True), ("Order", "order.size", True), ("Order", "orders", False), ("Other", "order", False)],
)
def test_a_timeout_matches_its_state_and_those_inside(flow: str, state: str, expected: bool) -> None:
    fired = TimerFired(name="timeout", flow=flow, state=state, **WHERE)
    assert TimeoutOf("Order", "order")(fired) is expected


def test_equal_filters_are_equal_values() -> None:
    assert TextPattern(re.compile("a")) == TextPattern(re.compile("a")) != TextPattern(re.compile("a", re.IGNORECASE))
    assert ButtonPattern.parse("day:{day}") == ButtonPattern.parse("day:{day}") != ButtonPattern.parse("day:{d}")
    assert hash(Command(("a",))) == hash(Command(("a",)))


def is_weekend(event: Event) -> bool:
    return event.at.weekday() > 4


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (TextPattern(re.compile(r"\d+")), r"text '\\d+'"),
        (TextPattern(re.compile("")), "text"),
        (Command(("track", "follow")), "command /track /follow"),
        (ButtonPattern.parse("day:{day}"), "button 'day:{day}'"),
        (HasMedia(frozenset[MediaKind]({"video", "image"})), "image/video"),
        (HasLocation(), "location"),
        (HasContact(), "contact"),
        (TimerNamed("remind"), "timer 'remind'"),
        (SignalNamed("done"), "signal 'done'"),
        (TimeoutOf("Order", "size"), "timeout of Order in 'size'"),
        (is_weekend, "is_weekend"),
    ],
)
def test_a_filter_is_told_in_a_few_words(ask: Any, said: str) -> None:
    assert describe(ask) == said
