"""The ids of submissions: the same for the same key, and of the form that keys of messages have."""

import re

from hypothesis import given
from hypothesis import strategies as st

from botkit.broadcast import spot_of
from botkit.submission import message_id, part_key

NAMES, KEYS = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True), st.from_regex(r"[!-~]{1,255}", fullmatch=True)


@given(NAMES, KEYS)
def test_the_same_key_of_the_same_program_is_the_same_id(owner: str, key: str) -> None:
    found = message_id(owner, key)
    assert found == message_id(owner, key)
    assert re.fullmatch(r"[A-Za-z0-9_-]{22}00", found)
    assert spot_of(found) is None


@given(st.tuples(NAMES, KEYS), st.tuples(NAMES, KEYS))
def test_other_keys_and_other_programs_have_other_ids(one: tuple[str, str], two: tuple[str, str]) -> None:
    assert (message_id(*one) == message_id(*two)) is (one == two)


def test_without_a_key_each_id_is_new_and_has_the_same_form() -> None:
    found = message_id("shop")
    assert found != message_id("shop")
    assert re.fullmatch(r"[A-Za-z0-9_-]{22}00", found)
    assert spot_of(found) is None


def test_the_last_part_of_a_message_has_its_id() -> None:
    found = message_id("shop", "1")
    assert part_key(found, 0) == found
    assert part_key(found, 12) == found[:-2] + "12"
