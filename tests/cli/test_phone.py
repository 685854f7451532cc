import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.cli.phone import Deed, added_bubbles, choices_of, choose_account, parse_line, parse_place
from botkit.play.phones import PhoneAccount
from botkit.simulators.simulator import Bubble, Choice

TODAY, FRIDAY = Choice("Today", value="day:today"), Choice("Friday", value="day:fri")


@pytest.mark.parametrize(
    ("line", "deed"),
    [
        ("where is it?", Deed("says", "where is it?")),
        ("/track 12", Deed("says", "/track 12")),
        ("2", Deed("taps", "Friday")),
        ("friday", Deed("taps", "Friday")),
        ("3", Deed("says", "3")),
        ("0", Deed("says", "0")),
        ("", Deed("looks")),
        ("  ", Deed("looks")),
        ("/say 2", Deed("says", "2")),
        ("/tap Today", Deed("taps", "Today")),
        ("/open promo", Deed("opens", "promo")),
        ("/open", Deed("opens")),
        ("/photo my cat", Deed("photo", "my cat")),
        ("/file a.pdf", Deed("file", "a.pdf")),
        ("/location 46.05 -14.5", Deed("location", "46.05 -14.5", 46.05, -14.5)),
        ("/leave", Deed("leaves")),
        ("/state", Deed("state")),
        ("/quit", Deed("quit")),
    ],
)
def test_a_line_is_a_command_a_button_or_a_text(line: str, deed: Deed) -> None:
    assert parse_line(line, [TODAY, FRIDAY]) == deed


def test_without_buttons_a_number_is_a_text() -> None:
    assert parse_line("1", []) == Deed("says", "1")


def test_of_two_buttons_with_one_label_the_numbered_one_is_pressed_by_its_value() -> None:
    choices = [Choice("Take it", value="take:1"), Choice("Take it", value="take:2")]
    assert parse_line("2", choices) == Deed("taps", "take:2")


@given(st.floats(-90, 90), st.floats(-180, 180), st.sampled_from([",", " ", " , "]))
def test_every_place_on_earth_can_be_written(latitude: float, longitude: float, between: str) -> None:
    assert parse_place(f"{latitude!r}{between}{longitude!r}") == (latitude, longitude)


@pytest.mark.parametrize("text", ["", "50", "50,30,1", "x,y", "90.01,0", "-90.01,0", "0,180.01", "0,-180.01", "nan,0"])
def test_what_is_no_place_on_earth_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a place is a latitude"):
        parse_place(text)


def bubbles(*texts: str) -> list[Bubble]:
    return [Bubble("bot", "text", text) for text in texts]


@given(st.lists(st.integers(), unique=True, max_size=8), st.integers(0, 8), st.integers(0, 8))
def test_what_is_new_is_found_also_where_the_oldest_messages_are_gone(
    texts: list[int], known: int, forgotten: int
) -> None:
    screen = bubbles(*map(str, texts))
    before, added = screen[:known], screen[known:]
    assert added_bubbles(before, before[forgotten:] + added) == added


def test_a_message_that_is_repeated_is_new() -> None:
    assert added_bubbles(bubbles("hello"), bubbles("hello", "hello")) == bubbles("hello")


def test_a_message_that_only_lost_its_buttons_is_not_new() -> None:
    with_button = [Bubble("bot", "text", "hello", choices=[[TODAY]])]
    assert added_bubbles(with_button, bubbles("hello", "bye")) == bubbles("bye")


def test_the_buttons_are_those_of_the_newest_message_that_has_some() -> None:
    older = Bubble("bot", "text", "one", choices=[[TODAY]])
    newer = Bubble("bot", "text", "two", choices=[[TODAY], [FRIDAY]])
    assert choices_of([older, newer, *bubbles("three")]) == [TODAY, FRIDAY]
    assert choices_of(bubbles("three")) == []


def test_an_account_is_chosen_by_what_tells_it_from_the_others() -> None:
    taxi, parcel = PhoneAccount("taxi", "viber", "t"), PhoneAccount("parcel", "viber", "p")
    assert choose_account([taxi, parcel], "taxi", None, None) == taxi
    assert choose_account([taxi, parcel], None, None, "p") == parcel
    assert choose_account([taxi, parcel], None, "viber", None) == [taxi, parcel]
    assert choose_account([taxi, parcel], "taxi", "gbm", None) == []
