"""What is left of a service's commercial window."""

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.session_rules import SessionRules
from botkit.sessions import Session, session_at
from botkit.turn import Counts

RULES = SessionRules(seconds=24 * 3600, max_messages=60, max_in_row=5)
START = datetime(2026, 7, 14, 12, tzinfo=UTC)
START_MS = round(START.timestamp() * 1000)
DAY = timedelta(hours=24)
END_MS = START_MS + 24 * 3600 * 1000


def test_before_the_first_message_no_session_is_open() -> None:
    session = session_at(RULES, Counts(), 0, START)
    assert session == Session(None, None, 0, 60, 5, 100)
    assert not session.is_open


def test_a_running_session_shows_what_is_left() -> None:
    session = session_at(RULES, Counts(START_MS, sent=12, in_row=2, ends_ms=END_MS), 0, START + timedelta(hours=1))
    assert session == Session(START, START + DAY, 12, 48, 3, 100)
    assert session.is_open


def test_a_session_ends_to_the_second() -> None:
    counts = Counts(START_MS, sent=12, in_row=2, ends_ms=END_MS)
    assert session_at(RULES, counts, 0, START + DAY - timedelta(milliseconds=1)).is_open
    assert not session_at(RULES, counts, 0, START + DAY).is_open


def test_after_a_session_a_whole_one_is_left_but_the_row_goes_on() -> None:
    session = session_at(RULES, Counts(START_MS, sent=12, in_row=2, ends_ms=END_MS), 0, START + DAY)
    assert (session.sent, session.left, session.left_in_row) == (0, 60, 3)


@pytest.mark.parametrize("counts", [Counts(), Counts(START_MS, sent=3, in_row=1, ends_ms=END_MS)])
def test_what_waits_to_be_sent_counts_already(counts: Counts) -> None:
    idle, busy = (session_at(RULES, counts, queued, START) for queued in (0, 2))
    assert (busy.left, busy.left_in_row) == (idle.left - 2, idle.left_in_row - 2)
    assert busy.sent == idle.sent


def test_the_last_message_of_a_session_leaves_none() -> None:
    assert session_at(RULES, Counts(START_MS, sent=59, ends_ms=END_MS), 0, START).left == 1
    assert session_at(RULES, Counts(START_MS, sent=60, ends_ms=END_MS), 0, START).left == 0


@given(st.integers(0, 100), st.integers(0, 100), st.integers(0, 100), st.integers(0, 50))
def test_nothing_is_ever_less_than_none(sent: int, in_row: int, queued: int, hours: int) -> None:
    session = session_at(RULES, Counts(START_MS, sent, in_row, END_MS), queued, START + timedelta(hours=hours))
    assert 0 <= session.left <= 60
    assert 0 <= session.left_in_row <= 5


OPEN = Counts(START_MS, sent=12, in_row=2, ends_ms=END_MS, hour=START_MS // 3_600_000, this_hour=2)


def test_the_hour_s_count_is_over_with_the_hour() -> None:
    last = START + timedelta(hours=1, milliseconds=-1)
    assert session_at(RULES, OPEN, 3, last).left_this_hour == 95
    assert session_at(RULES, OPEN, 3, START + timedelta(hours=1)).left_this_hour == 97


def test_without_a_rule_there_is_no_end_to_what_is_left() -> None:
    boundless = SessionRules(max_messages=0, max_in_row=0, max_per_hour=0)
    session = session_at(boundless, OPEN, 9, START)
    assert session.left == session.left_in_row == session.left_this_hour == math.inf
    assert session.covers_next


@pytest.mark.parametrize(
    ("rules", "counts", "covers"),
    [
        (SessionRules(), Counts(), True),
        (SessionRules(), OPEN, True),
        (SessionRules(max_in_row=3), OPEN, True),
        (SessionRules(max_in_row=2), OPEN, False),
        (SessionRules(max_messages=13), OPEN, True),
        (SessionRules(max_messages=12), OPEN, True),
        (SessionRules(max_messages=12, on_max="block"), OPEN, False),
        (SessionRules(max_messages=13, on_max="block"), OPEN, True),
        (SessionRules(starts_with="first_user_message"), OPEN, True),
        (SessionRules(starts_with="first_user_message"), Counts(), False),
    ],
)
def test_whether_the_next_message_is_of_a_session(rules: SessionRules, counts: Counts, *, covers: bool) -> None:
    assert session_at(rules, counts, 0, START).covers_next is covers


def test_more_in_a_row_than_the_rules_allow_ended_the_session() -> None:
    assert session_at(SessionRules(max_in_row=2), OPEN, 0, START).is_open
    assert not session_at(SessionRules(max_in_row=1), OPEN, 0, START).is_open
    assert session_at(SessionRules(max_in_row=1, on_in_row="block"), OPEN, 0, START).is_open
