"""Tokens in callback addresses: who signs, who verifies, for how long and for what."""

from base64 import urlsafe_b64encode

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.exceptions import SettingsError
from botkit.gateways.mitto_tokens import Claims, read_keys, read_token, sign_token
from botkit.redaction import Secret

NEW = Secret("key-new-0123456789abcdef0123456789abcdef")
OLD = Secret("key-old-0123456789abcdef0123456789abcdef")
FROM, UNTIL = 1700000000, 1700086400
PLAIN = Claims(FROM, UNTIL, "bk-msg-1")
REPORT = Claims(FROM, UNTIL, "bk-msg-1", "report", "+385910000001")

HEAD = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJuYmYiOjE3MDAwMDAwMDAsImV4cCI6MTcwMDA4NjQwMCwic3ViIjoiYmstbXNnLTEifQ."
VECTORS = {
    NEW: f"{HEAD}ozI_dH-9j31lt9pxqROCl_qvyRU_HiiM8-u0FVzi1FE",
    OLD: f"{HEAD}OnNrTEeEoBoGjDgo6S_3HTMJV6AFHW5xnDRfKV37J18",
}


def read(token: str, *keys: Secret, purpose: str = "report", now: float = FROM) -> Claims | None:
    return read_token(token, keys or (NEW,), purpose=purpose, now=now)


def part(text: bytes) -> str:
    return urlsafe_b64encode(text).rstrip(b"=").decode()


@pytest.mark.parametrize("key", [NEW, OLD], ids=["new", "old"])
def test_a_known_token_is_signed_and_read_to_the_letter(key: Secret) -> None:
    assert sign_token(PLAIN, key) == VECTORS[key]
    assert read(VECTORS[key], key, purpose="") == PLAIN


def test_what_was_signed_is_read_with_all_it_says() -> None:
    assert read(sign_token(REPORT, NEW)) == REPORT


def test_any_of_the_keys_verifies_until_it_is_taken_away() -> None:
    token = sign_token(REPORT, OLD)
    assert read(token, NEW, OLD) == read(token, OLD, NEW) == REPORT
    assert read(token, NEW) is None


def test_without_keys_no_token_is_valid() -> None:
    assert read_token(sign_token(REPORT, NEW), (), purpose="report", now=FROM) is None


def test_a_token_of_one_purpose_is_none_for_another_even_under_the_same_key() -> None:
    token = sign_token(REPORT, NEW)
    assert read(token, purpose="report") == REPORT
    assert [read(token, purpose=other) for other in ("inbound", "", "REPORT")] == [None] * 3
    assert read(VECTORS[NEW], purpose="report") is None


@pytest.mark.parametrize(
    ("now", "is_valid"), [(FROM - 61, False), (FROM - 60, True), (UNTIL + 59, True), (UNTIL + 60, False)]
)
def test_a_token_is_valid_in_its_time_and_a_minute_around_it(now: int, is_valid: bool) -> None:
    assert (read(sign_token(REPORT, NEW), now=now) is not None) is is_valid


@pytest.mark.parametrize("missing", ["nbf", "exp", "sub"])
def test_a_token_without_a_beginning_an_end_or_a_message_is_not_valid(missing: str) -> None:
    claims = {"nbf": FROM, "exp": UNTIL, "sub": "bk-msg-1", "purpose": "report"}
    assert read(jwt.encode(claims, NEW.reveal())) is not None
    del claims[missing]
    assert read(jwt.encode(claims, NEW.reveal())) is None


@pytest.mark.parametrize("value", ["1700000000", None, True, 1700000000.5, []])
def test_a_time_that_is_no_whole_number_is_none(value: object) -> None:
    claims = {"nbf": value, "exp": UNTIL, "sub": "bk-msg-1", "purpose": "report"}
    assert read(jwt.encode(claims, NEW.reveal())) is None


def test_no_other_algorithm_is_accepted() -> None:
    claims = {"nbf": FROM, "exp": UNTIL, "sub": "bk-msg-1", "purpose": "report"}
    unsigned = jwt.encode(claims, "", algorithm="none")
    assert read(unsigned) is None
    body = sign_token(REPORT, NEW).split(".")[1]
    assert read(part(b'{"alg":"none","typ":"JWT"}') + f".{body}.") is None
    stronger = Secret(NEW.reveal() * 2)
    assert read(jwt.encode(claims, stronger.reveal(), algorithm="HS512"), stronger) is None


def test_a_changed_letter_anywhere_makes_it_invalid() -> None:
    token = sign_token(REPORT, NEW)
    # The last letter has two bits that mean nothing.
    changed = [
        token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :] for place in range(len(token) - 1)
    ]
    assert [each for each in changed if read(each)] == []


@given(st.text(st.characters(exclude_categories=())))
def test_any_text_is_read_and_none_of_it_valid(text: str) -> None:
    assert read(text) is None
    assert read(f"{text}.{text}.{text}") is None


@pytest.mark.parametrize(
    "token",
    [
        f"{part(b'[' * 1300)}.e30.e30",
        part(b"{" + b'"a":{' * 250) + ".e30.e30",
        f"{part(b'1')}.e30.e30",
        "." * 2000,
        "a" * 100_000,
        "ключ",
        "\udcff",
    ],
    ids=["deep list", "deep object", "number", "dots", "long", "other letters", "half a letter"],
)
def test_a_token_that_is_made_to_hurt_is_only_invalid(token: str) -> None:
    assert read(token) is None


def test_a_token_that_is_too_long_to_be_ours_is_not_read() -> None:
    long = sign_token(Claims(FROM, UNTIL, "x" * 2000, "report"), NEW)
    assert read(long) is None
    assert read(sign_token(Claims(FROM, UNTIL, "x" * 1000, "report"), NEW)) is not None


# --- keys


def test_keys_are_read_in_their_order_with_blanks_between() -> None:
    assert read_keys(f" {NEW.reveal()} ,, {OLD.reveal()}, ", "DEMO_REPORT_KEYS") == (NEW, OLD)
    assert read_keys(" , ", "DEMO_REPORT_KEYS") == ()


def test_a_key_that_could_be_guessed_is_refused_and_not_shown() -> None:
    assert read_keys("k" * 32, "DEMO_REPORT_KEYS") == (Secret("k" * 32),)
    with pytest.raises(SettingsError, match="DEMO_REPORT_KEYS has a key of less than 32 bytes") as raised:
        read_keys(f"{NEW.reveal()},{'k' * 31}", "DEMO_REPORT_KEYS")
    assert "kkk" not in str(raised.value)
