"""Secrets do not print, and whatever is logged goes past somebody who knows them."""

import copy
import io
import json
import logging
import pickle
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.redaction import MASK, Redactor, Secret

TEXT = "4dc2a1b9e8f7a6d0-canary"
SECRET = Secret(TEXT)
any_text = st.text(st.characters(exclude_categories=()))
TOKEN = "123456789:AAE-abcdefghijklmnopqrstuvwxyz_0123"


@dataclass
class Holder:
    secret: Secret


class Struct(msgspec.Struct):
    secret: Secret


@pytest.mark.parametrize(
    "show",
    [
        repr,
        str,
        ascii,
        "{}".format,
        "{!r:>40}".format,
        lambda secret: f"{secret}",
        lambda secret: f"{secret:>40}",
        lambda secret: "%s" % (secret,),  # noqa: UP031 - the form that logging uses
        lambda secret: repr([secret, {"secret": secret}]),
        lambda secret: repr(Holder(secret)),
        lambda secret: repr(Struct(secret)),
        lambda secret: repr(ValueError(secret)),
        lambda secret: json.dumps({"secret": secret}, default=str),
    ],
)
def test_a_secret_prints_as_three_stars(show: Callable[[Secret], str]) -> None:
    assert TEXT not in show(SECRET)
    assert MASK in show(SECRET)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_secret_cannot_be_pickled(protocol: int) -> None:
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(SECRET, protocol)


@pytest.mark.parametrize("encode", [json.dumps, msgspec.json.encode, msgspec.to_builtins, msgspec.msgpack.encode])
def test_json_encoders_refuse_a_secret(encode: Callable[[object], object]) -> None:
    with pytest.raises(TypeError) as raised:
        encode({"secret": SECRET})
    assert TEXT not in str(raised.value)


def test_a_secret_holds_nothing_that_can_be_listed() -> None:
    assert not hasattr(SECRET, "__dict__")


def test_only_reveal_gives_the_text() -> None:
    assert SECRET.reveal() == TEXT


def test_secrets_are_equal_when_their_texts_are() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2


@given(any_text, any_text)
def test_any_two_texts_can_be_compared(one: str, other: str) -> None:
    assert (Secret(one) == Secret(other)) is (one == other)


def test_an_empty_secret_is_false() -> None:
    assert not Secret("")
    assert Secret("x")


def test_a_secret_is_not_copied_by_accident() -> None:
    with pytest.raises(TypeError):
        copy.deepcopy(SECRET)


@pytest.mark.parametrize("text", [TEXT, f"a {TEXT} b", f"{TEXT}{TEXT}", f"key={TEXT}&x=1"])
def test_a_known_secret_is_masked_wherever_it_stands(text: str) -> None:
    assert Redactor([SECRET]).redact(text) == text.replace(TEXT, MASK)


def test_the_longer_of_two_secrets_is_masked_whole() -> None:
    redactor = Redactor([Secret("canary-one"), Secret("canary-one-and-more")])
    assert redactor.redact("<canary-one-and-more>") == f"<{MASK}>"


def test_a_secret_with_signs_of_regular_expressions_is_taken_literally() -> None:
    assert Redactor([Secret("a.c(d*e]f")]).redact("a.c(d*e]f abcdddef") == f"{MASK} abcdddef"


@pytest.mark.parametrize("around", ["{}", "pass={}&botId=1", '{{"pass": "{}"}}', "user/{}/", "it is {}.", "{}\n"])
@pytest.mark.parametrize("text", ["x1", "1234567", "p%26w", "gößt!"])
def test_a_text_of_less_than_eight_characters_is_masked_where_it_stands_alone(text: str, around: str) -> None:
    assert Redactor([Secret(text)]).redact(around.format(text)) == around.format(MASK)


def test_a_short_text_is_left_where_it_is_part_of_another_word_and_a_long_one_nowhere() -> None:
    redactor = Redactor([Secret("1234567"), Secret("abcdefgh"), Secret("")])
    assert redactor.redact("01234567 12345678 x1234567") == "01234567 12345678 x1234567"
    assert redactor.redact("xabcdefghx") == f"x{MASK}x"


@pytest.mark.parametrize("text", [TOKEN, f"https://api.telegram.org/bot{TOKEN}/sendMessage", f"/file/bot{TOKEN}/a.jpg"])
def test_what_looks_like_a_telegram_token_is_masked_even_if_nobody_told(text: str) -> None:
    assert Redactor().redact(text) == text.replace(TOKEN, MASK)


@pytest.mark.parametrize("text", ["12:30 to 13:45", "parcel 1234567: on its way", "1234:short", ""])
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert Redactor([SECRET]).redact(text) == text


@given(any_text, st.lists(st.text(min_size=8), max_size=5))
def test_no_secret_is_left_in_any_text(text: str, secrets: list[str]) -> None:
    redacted = Redactor(map(Secret, secrets)).redact(text.join(secrets))
    rest = redacted.split(MASK)
    assert not [secret for secret in secrets for part in rest if secret in part]


# --- log records


@pytest.fixture
def output() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(Redactor([SECRET]).filter)
    logger = logging.getLogger("tests.redaction")
    logger.addHandler(handler)
    logger.propagate = False
    yield stream
    logger.removeHandler(handler)
    logger.propagate = True


log = logging.getLogger("tests.redaction")


def test_the_message_and_its_arguments_are_masked(output: io.StringIO) -> None:
    log.warning(f"{TEXT} %s %r", TEXT, {"key": TEXT})
    assert output.getvalue() == "*** *** {'key': '***'}\n"


def test_the_traceback_of_a_record_is_masked(output: io.StringIO) -> None:
    try:
        raise ValueError(TEXT)
    except ValueError:
        log.exception("failed")
    assert TEXT not in output.getvalue()
    assert "ValueError: ***" in output.getvalue()


def test_a_stack_is_masked(output: io.StringIO) -> None:
    log.warning("here", stack_info=True)  # 4dc2a1b9e8f7a6d0-canary stands in this line of source
    assert "Stack (most recent call last)" in output.getvalue()
    assert TEXT not in output.getvalue()


def test_a_record_that_does_not_fit_its_arguments_harms_nobody(output: io.StringIO) -> None:
    log.warning("%d parcels", TEXT)
    assert TEXT not in output.getvalue()
    assert "%d parcels" in output.getvalue()


# --- structlog's entries


def entry(**values: object) -> dict[str, object]:
    return dict(Redactor([SECRET]).processor()(None, "info", values))


def test_every_value_of_an_entry_is_masked() -> None:
    assert entry(event=f"x {TEXT}", url=TEXT) == {"event": f"x {MASK}", "url": MASK}


@pytest.mark.parametrize("value", [{"a": [TEXT]}, [TEXT], (TEXT, 1), ValueError(TEXT), TEXT.encode(), Holder(SECRET)])
def test_what_is_nested_is_masked_by_its_text(value: object) -> None:
    assert TEXT not in str(entry(value=value))


@pytest.mark.parametrize("value", [1, 2.5, True, None, sys.maxsize])
def test_numbers_and_the_like_stay_what_they_are(value: object) -> None:
    assert entry(value=value)["value"] is value
