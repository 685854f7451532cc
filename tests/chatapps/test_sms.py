"""The object `sms`: a text, and a sender that is a number or a name."""

import pytest

from botkit.chatapps.contents import read_content
from botkit.chatapps.sms import Sms
from tests.chatapps.requests_sent import told


@pytest.mark.parametrize(
    "sender", ["1", "1" * 16, "+1", "+" + "1" * 15, "+38599000000009", "A", "BotKit", "A" * 11, "1a", "0800Help"]
)
def test_a_sender_within_its_bounds_is_taken(sender: str) -> None:
    assert read_content("sms", {"text": "Hello", "sender": sender}) == Sms("Hello", sender)


@pytest.mark.parametrize("sender", ["1" * 17, "+" + "1" * 16])
def test_a_number_has_at_most_16_characters_and_its_plus_is_one_of_them(sender: str) -> None:
    assert told("sms", {"text": "Hello", "sender": sender}) == {
        "sms.sender": "a number, with its plus, has 1 to 16 characters, not 17"
    }


def test_a_name_has_at_most_11_characters() -> None:
    assert told("sms", {"text": "Hello", "sender": "A" * 12}) == {"sms.sender": "a name has 1 to 11 characters, not 12"}


@pytest.mark.parametrize("sender", ["+", "My Shop", "Šop", "1+", "++1", "٣٤", "a-b"])
def test_a_sender_is_digits_or_letters_of_ascii(sender: str) -> None:
    rule = "is a number of 1 to 16 characters or a name of 1 to 11 letters and digits"
    assert told("sms", {"text": "Hello", "sender": sender}) == {"sms.sender": rule}


def test_the_sender_may_be_left_out() -> None:
    assert read_content("sms", {"text": "Hello", "sender": ""}) == Sms("Hello")


@pytest.mark.parametrize("text", [None, "", " \n", 5, ["Hello"]])
def test_a_text_that_can_be_seen_is_needed(text: object) -> None:
    assert list(told("sms", {"text": text})) == ["sms.text"]


def test_every_problem_is_told() -> None:
    found = told("sms", {"text": 7, "sender": "A" * 12, "txet": "Hello"})
    assert found["sms.text"] == "is a text"
    assert found["sms.txet"] == "there is no such member here; did you mean text?"
    assert "sms.sender" in found
