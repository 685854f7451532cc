"""What a typed answer stands for."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.buttons import AGENT
from botkit.conversation import Account, Conversation, User
from botkit.events import AgentRequested, ButtonPressed, Choice, Event, Media, MessageReceived, Point, TypingStarted
from botkit.menu import TOKEN, answer, asks_for_agent, token_of

MENU = (Choice("Today", "day:today"), Choice("On Friday", "day:fri"), Choice("2", "two"))
KNOWN: dict[str, Any] = {
    "id": "e" * 22,
    "at": datetime(2026, 7, 14, tzinfo=UTC),
    "conversation": Conversation(Account("sms", "demo"), "ana"),
    "user": User("ana"),
}


def wrote(text: str, **more: Any) -> MessageReceived:
    return MessageReceived(text=text, **(KNOWN | more))


def value(event: Event) -> str:
    return event.value if isinstance(event, ButtonPressed) else ""


@pytest.mark.parametrize(
    ("text", "picked"),
    [
        ("1", "day:today"),
        (" 1. ", "day:today"),
        ("1)", "day:today"),
        ("today", "day:today"),
        ("  ON FRIDAY ", "day:fri"),
        ("3", "two"),
    ],
)
def test_a_number_or_a_label_picks_its_choice(text: str, picked: str) -> None:
    assert value(answer(wrote(text), MENU)) == picked


def test_a_label_that_is_a_number_counts_before_the_place() -> None:
    assert value(answer(wrote("2"), MENU)) == "two"


@pytest.mark.parametrize("text", ["", "0", "4", "-1", "1.5", "1 2", "01", "tod", "today please", "¹", "١"])
def test_anything_else_is_what_it_is(text: str) -> None:
    event = wrote(text)
    assert answer(event, MENU) is event


@pytest.mark.parametrize(
    "event",
    [
        wrote("1", media=Media("image", "AgAC")),
        wrote("1", location=Point(1, 2)),
        wrote("1", edited=True),
        TypingStarted(**KNOWN),
    ],
)
def test_only_a_new_message_of_words_alone_picks(event: Event) -> None:
    assert answer(event, MENU) is event


def test_a_press_keeps_where_and_who_and_tells_the_label() -> None:
    event = wrote("1", reply_to="41")
    pressed = answer(event, MENU)
    assert isinstance(pressed, ButtonPressed)
    assert (pressed.id, pressed.at, pressed.conversation, pressed.user) == (
        event.id,
        event.at,
        event.conversation,
        event.user,
    )
    assert (pressed.label, pressed.message_id) == ("Today", "41")


@given(st.text())
def test_without_a_menu_nothing_is_picked(text: str) -> None:
    event = wrote(text)
    assert answer(event, ()) is event


@given(st.lists(st.text(min_size=1), min_size=1, max_size=30), st.data())
def test_every_choice_can_be_picked_by_its_number_unless_a_label_says_so_itself(labels: list[str], data: Any) -> None:
    menu = tuple(Choice(label, f"v{number}") for number, label in enumerate(labels))
    number = data.draw(st.integers(1, len(menu)))
    picked = value(answer(wrote(str(number)), menu))
    same = [choice.value for choice in menu if choice.label.strip().casefold() == str(number)]
    assert picked == (same[0] if same else f"v{number - 1}")


@given(st.text(min_size=1))
def test_a_token_has_24_characters_and_is_the_same_every_time(text: str) -> None:
    text = text.encode("utf-8", "replace").decode()
    assert token_of(text) == token_of(text)
    assert len(token_of(text)) == 24
    assert token_of(text).startswith(TOKEN)


def test_the_button_that_stands_in_for_a_service_s_own_asks_for_an_agent() -> None:
    pressed = ButtonPressed(value=AGENT, label="Talk to a person", **KNOWN)
    assert isinstance(asks_for_agent(pressed), AgentRequested)
    other = ButtonPressed(value="agent", **KNOWN)
    assert asks_for_agent(other) is other
