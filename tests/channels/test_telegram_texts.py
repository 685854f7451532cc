"""A text and nothing else is read in one step, to the same event as any other update is read in several."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from botkit.channels.telegram_texts import read_text
from botkit.channels.telegram_updates import read_update
from botkit.conversation import Account
from botkit.exceptions import PayloadError

ACCOUNT = Account("telegram", "demo")
ANA = {"id": 7, "is_bot": False, "first_name": "Ana", "username": "ana", "language_code": "hr"}
PRIVATE = {"id": 7, "type": "private", "first_name": "Ana", "username": "ana"}
MESSAGE = {"message_id": 9, "date": 1784000000, "chat": PRIVATE, "from": ANA, "text": "hi"}


def body(message: Any = MESSAGE, **update: Any) -> bytes:
    return json.dumps({"update_id": 1, "message": message} | update).encode()


@pytest.mark.parametrize(
    "message",
    [
        MESSAGE,
        MESSAGE | {"chat": {"id": -100, "type": "supergroup", "title": "Friends", "username": "friends"}},
        MESSAGE | {"from": ANA | {"last_name": "Kos", "is_premium": True}},
        MESSAGE | {"text": 'é \U0001f600 \\ " }'},
    ],
    ids=["person", "group", "premium", "signs"],
)
def test_a_text_and_nothing_else_is_read_in_one_step(message: dict[str, Any]) -> None:
    assert read_text(ACCOUNT, body(message)) == read_update(ACCOUNT, body(message))


@pytest.mark.parametrize(
    "message",
    [
        MESSAGE | {"text": "/start"},
        MESSAGE | {"text": ""},
        MESSAGE | {"date": 0},
        MESSAGE | {"edit_date": 5},
        MESSAGE | {"message_thread_id": 4, "is_topic_message": True},
        MESSAGE | {"business_connection_id": "b"},
        MESSAGE | {"reply_to_message": {"message_id": 8}},
        MESSAGE | {"entities": [{"type": "bold", "offset": 0, "length": 2}]},
        {key: value for key, value in MESSAGE.items() if key != "from"},
    ],
    ids=["command", "empty", "no date", "edited", "topic", "business", "reply", "entities", "no sender"],
)
def test_what_says_more_or_less_than_a_text_is_left_to_the_general_reader(message: dict[str, Any]) -> None:
    assert read_text(ACCOUNT, body(message)) is None


def test_a_text_that_is_long_is_counted_by_the_general_reader() -> None:
    assert read_text(ACCOUNT, body(MESSAGE | {"text": "a" * 9_000})) is not None
    assert read_text(ACCOUNT, body(MESSAGE | {"text": "a" * 10_000})) is None


_odd: st.SearchStrategy[Any] = st.sampled_from(
    [None, 0, 1, -1, 2**62, 2**63, 1.0, True, "", "7", "/start", "hi", " ", [], {}, {"id": 1}]
)
_members = st.sampled_from([*MESSAGE, *ANA, *PRIVATE, "update_id", "edit_date", "photo", "last_name", "entities", "x"])


@given(st.lists(st.tuples(st.sampled_from(["update", "message", "chat", "from"]), _members, _odd), max_size=3))
@example([("update", "update_id", 2**63)])
@example([("update", "update_id", True)])
@example([("message", "from", None)])
def test_whatever_it_reads_the_general_reader_reads_alike(changes: list[tuple[str, str, Any]]) -> None:
    chat: dict[str, Any] = dict(PRIVATE)
    sender: dict[str, Any] = dict(ANA)
    message: dict[str, Any] = MESSAGE | {"chat": chat, "from": sender}
    update: dict[str, Any] = {"update_id": 1, "message": message}
    for where, member, value in changes:
        {"update": update, "message": message, "chat": chat, "from": sender}[where][member] = value
    read = read_text(ACCOUNT, json.dumps(update).encode())
    assert read is None or read == read_update(ACCOUNT, json.dumps(update).encode())


@given(st.data())
def test_a_body_that_is_damaged_is_refused_by_both(data: st.DataObject) -> None:
    whole = body()
    at = data.draw(st.integers(0, len(whole) - 1))
    damaged = whole[:at] + data.draw(st.binary(max_size=2)) + whole[at + 1 :]
    read = read_text(ACCOUNT, damaged)
    try:
        expected = read_update(ACCOUNT, damaged)
    except PayloadError:
        assert read is None
    else:
        assert read is None or read == expected
