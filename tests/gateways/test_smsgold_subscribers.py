"""Who has come and who has left, by two lists."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.adapter import Polled
from botkit.conversation import Account, Conversation, User
from botkit.events import Event, Subscribed, Unsubscribed
from botkit.gateways.smsgold_answers import Listing
from botkit.gateways.smsgold_subscribers import synchronise
from tests.gateways.smsgold_desk import recorded

ACCOUNT = Account("smsgold", "demo")
NOW = datetime(2026, 7, 14, 12, tzinfo=UTC)


def listing(*ids: str, is_whole: bool = True) -> Listing:
    return Listing({each: {"id": each, "name": each.title()} for each in ids}, is_whole)


def hear(cursor: bytes, *ids: str, is_whole: bool = True) -> Polled:
    return synchronise(cursor, listing(*ids, is_whole=is_whole), ACCOUNT, NOW)


def told(polled: Polled) -> list[str]:
    signs = {Subscribed: "+", Unsubscribed: "-"}
    return [signs[type(event)] + event.conversation.id for event in polled.events]


def follow(*lists: str | tuple[str, bool]) -> list[str]:
    """Hears lists of one-letter ids, one after the other; returns all that was told."""
    cursor, found = b"", []
    for each in lists:
        ids, is_whole = each if isinstance(each, tuple) else (each, True)
        polled = hear(cursor, *ids, is_whole=is_whole)
        cursor = polled.cursor
        found += told(polled)
    return found


def test_a_subscriber_is_told_with_all_that_is_known_of_them() -> None:
    (entry,) = recorded("subscribers")
    polled = synchronise(b"", Listing({entry["id"]: entry}), ACCOUNT, NOW)
    (event,) = polled.events
    assert isinstance(event, Subscribed)
    assert event.conversation == Conversation(ACCOUNT, entry["id"])
    # That the number is theirs for sure is nowhere said.
    assert event.user == User(entry["id"], name="Anna", username="anna_demo")
    assert (event.raw, event.at) == (entry, NOW)


@pytest.mark.parametrize(
    ("lists", "expected"),
    [
        (("ab",), ["+a", "+b"]),
        (("ab", "ab"), ["+a", "+b"]),
        (("ab", "abc"), ["+a", "+b", "+c"]),
        (("ab", "a"), ["+a", "+b"]),
        (("ab", "a", "a"), ["+a", "+b", "-b"]),
        (("ab", "a", "a", "a"), ["+a", "+b", "-b"]),
        (("ab", "a", "ab", "a"), ["+a", "+b"]),
        (("ab", "a", "a", "ab"), ["+a", "+b", "-b", "+b"]),
        (("ab", "", ""), ["+a", "+b", "-a", "-b"]),
        (("ab", ("a", False), ("a", False), ("a", False)), ["+a", "+b"]),
        (("ab", "a", ("a", False), "a"), ["+a", "+b", "-b"]),
        (("a", ("b", False)), ["+a", "+b"]),
    ],
)
def test_whoever_two_whole_lists_in_a_row_do_not_name_has_left(lists: Any, expected: list[str]) -> None:
    assert follow(*lists) == expected


@given(st.lists(st.tuples(st.text("abcde", max_size=5), st.booleans()), max_size=12))
def test_what_is_told_always_adds_up_to_who_is_there(lists: list[tuple[str, bool]]) -> None:
    there: set[str] = set()
    for line in follow(*lists):
        assert (line[1] in there) is (line[0] == "-")
        there ^= {line[1]}
    # Two whole lists at the end leave nobody in doubt.
    settled = follow(*lists, "ab", "ab")
    assert {line[1] for line in settled if settled.count(f"+{line[1]}") > settled.count(f"-{line[1]}")} == {"a", "b"}


def test_the_same_change_is_the_same_event_until_it_is_kept_and_another_one_after_that() -> None:
    def ids(polled: Polled) -> list[str]:
        return [event.id for event in polled.events]

    first = hear(b"", "a")
    assert ids(first) == ids(hear(b"", "a"))
    gone = hear(hear(first.cursor).cursor)
    back = hear(gone.cursor, "a")
    seen: list[Event] = [*first.events, *gone.events, *back.events]
    assert len({event.id for event in seen}) == 3


@pytest.mark.parametrize("stored", [b"{}", b"null", b"\xff", b'[["a"],"b"]'])
def test_a_cursor_of_another_version_begins_anew(stored: bytes) -> None:
    assert told(hear(stored, "a")) == ["+a"]


@pytest.mark.parametrize("count", [5, 6, 7])
def test_no_more_than_so_many_are_kept_in_mind(count: int) -> None:
    ids = "abcdefg"[:count]
    polled = synchronise(b"", listing(*ids), ACCOUNT, NOW, most=5)
    assert told(polled) == ["+a", "+b", "+c", "+d", "+e"]
    for again in (ids, ids[::-1]):
        assert synchronise(polled.cursor, listing(*again), ACCOUNT, NOW, most=5).events == []


def test_new_people_find_room_when_others_leave() -> None:
    cursor, found = b"", []
    for each in ("abcd", "bcd", "bcd"):
        polled = synchronise(cursor, listing(*each), ACCOUNT, NOW, most=3)
        cursor = polled.cursor
        found += told(polled)
    assert found == ["+a", "+b", "+c", "+d", "-a"]


def test_a_cursor_takes_little_room_and_a_long_list_little_time() -> None:
    ids = [f"{number:024x}" for number in range(10_000)]
    cursor = hear(b"", *ids).cursor
    assert len(cursor) < 30 * len(ids)
    assert told(hear(hear(cursor).cursor)) == [f"-{each}" for each in ids]
