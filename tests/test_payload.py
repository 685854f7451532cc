"""A body is a JSON object or it is refused, and no error holds a word of it."""

import pytest

from botkit.exceptions import PayloadError
from botkit.payload import MAX_DEPTH, MAX_VALUES, read_lenient, read_object


def nested(depth: int) -> bytes:
    return b'{"a":' * depth + b"1" + b"}" * depth


UNREADABLE = {
    "not_utf8": b'{"canary": "\xff"}',
    "not_json": b'{"canary"',
    "no_object": b'["canary"]',
    "nothing": b"",
    "too_deep": nested(MAX_DEPTH + 1),
    "far_too_deep": b"[" * 1_000_000,
    "too_much": b'{"canary": [' + b"0," * MAX_VALUES + b"0]}",
    "other_encoding": '{"canary": 1}'.encode("utf-16"),
    "order_mark": b'\xef\xbb\xbf{"canary": 1}',
    "not_a_number": b'{"canary": NaN}',
    "infinite": b'{"canary": -Infinity}',
    "too_large_a_number": b'{"canary": 1e999}',
    "endless_integer": b'{"canary": ' + b"9" * 5000 + b"}",
    "half_a_character": b'{"canary": "\\ud800"}',
}


def test_an_object_is_read_with_its_integers_exact() -> None:
    assert read_object(b'{"id": 9007199254740993}') == {"id": 9_007_199_254_740_993}


def test_an_object_may_be_nested_as_deep_as_the_bound() -> None:
    assert read_object(nested(MAX_DEPTH))


def test_brackets_in_strings_do_not_count() -> None:
    assert read_object(b'{"text": "' + b"[" * 100 + b'"}') == {"text": "[" * 100}


@pytest.mark.parametrize(("values", "is_read"), [(MAX_VALUES, True), (MAX_VALUES + 1, False)])
def test_an_object_has_a_greatest_number_of_values(values: int, *, is_read: bool) -> None:
    # The object is one and the list another.
    body = b'{"a": [' + b",".join([b"0"] * (values - 1)) + b"]}"
    assert bool(read_lenient(body)) is is_read


def test_commas_in_strings_do_not_count() -> None:
    assert read_object(b'{"text": "' + b"," * 2 * MAX_VALUES + b'"}')


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
def test_any_other_body_is_refused_without_a_word_of_it(body: bytes) -> None:
    with pytest.raises(PayloadError) as caught:
        read_object(body)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
def test_read_leniently_any_other_body_says_nothing(body: bytes) -> None:
    assert read_lenient(body) == {}


def test_read_leniently_an_object_is_read_as_it_is() -> None:
    assert read_lenient(b'{"a": 1}') == {"a": 1}


def test_an_integer_is_exact_up_to_a_number_of_digits_that_no_service_sends() -> None:
    assert read_object(b'{"id":%b}' % (b"9" * 4300)) == {"id": 10**4300 - 1}
    with pytest.raises(PayloadError, match="not JSON"):
        read_object(b'{"id":%b}' % (b"9" * 4301))


def test_of_a_key_that_stands_twice_the_last_counts() -> None:
    assert read_object(b'{"id":1,"id":2}') == {"id": 2}
