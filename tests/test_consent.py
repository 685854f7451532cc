"""Words that end messages, words that allow them again, and words that do neither."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.consent import consent

STOP = ("STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "STOPP", "СТОП")
START = ("START", "UNSTOP", "СТАРТ")


@pytest.mark.parametrize("word", STOP)
def test_a_word_that_ends_messages_does_so_in_any_case(word: str) -> None:
    assert [consent(each) for each in (word, word.lower(), word.capitalize(), f" {word}\n")] == [False] * 4


@pytest.mark.parametrize("word", START)
def test_a_word_that_allows_messages_again_does_so_in_any_case(word: str) -> None:
    assert [consent(each) for each in (word, word.lower(), word.capitalize(), f"\t{word} ")] == [True] * 4


@pytest.mark.parametrize("text", ["", " ", "Stop it", "STOP.", "please stop", "stop stop", "yes", "startle", "S T O P"])
def test_whoever_says_more_than_the_word_says_neither(text: str) -> None:
    assert consent(text) is None


@given(st.text(" \t\r\n\u00a0"), st.sampled_from(STOP + START), st.text(" \t\r\n\u00a0"))
def test_white_space_around_the_word_changes_nothing(before: str, word: str, after: str) -> None:
    assert consent(before + word + after) is (word in START)
