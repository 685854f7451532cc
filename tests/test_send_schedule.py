"""A message goes when its window is open, in the right zone, until its deadline; wrong schedules are refused whole."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from botkit.exceptions import InvalidRequestError
from botkit.send_schedule import SendSchedule, decode, encode, read_send_schedule

# A Monday.
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
CROAT, RUSSIAN = "+385912345678", "+79161234567"


def read(phone: str = "", **body: Any) -> SendSchedule:
    return read_send_schedule(body, phone=phone)


def problems(phone: str = "", **body: Any) -> dict[str, str]:
    with pytest.raises(InvalidRequestError) as refused:
        read(phone, **body)
    return {problem.path: problem.rule for problem in refused.value.problems}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("now", "goes"),
    [
        ("2026-03-02T09:29:59+00:00", "2026-03-02T09:30:00+00:00"),
        ("2026-03-02T09:30:00+00:00", "2026-03-02T09:30:00+00:00"),
        ("2026-03-02T19:59:59+00:00", "2026-03-02T19:59:59+00:00"),
        ("2026-03-02T20:00:00+00:00", "2026-03-03T09:30:00+00:00"),
        # A Friday evening.
        ("2026-03-06T20:00:00+00:00", "2026-03-09T09:30:00+00:00"),
    ],
)
def test_it_waits_for_its_hours_on_its_days(now: str, goes: str) -> None:
    schedule = read(scheduleInfo={"timeBegin": "09:30", "timeEnd": "20:00", "weekdaysSchedule": "12345"})
    assert schedule.next_at(at(now)) == at(goes)


@pytest.mark.parametrize(
    ("now", "goes"),
    [
        ("2026-03-02T21:59:00+00:00", "2026-03-02T22:00:00+00:00"),
        ("2026-03-03T05:59:00+00:00", "2026-03-03T05:59:00+00:00"),
        ("2026-03-03T06:00:00+00:00", "2026-03-09T22:00:00+00:00"),
    ],
)
def test_a_window_over_midnight_belongs_to_the_day_it_begins_on(now: str, goes: str) -> None:
    schedule = read(scheduleInfo={"timeBegin": "22:00", "timeEnd": "06:00", "weekdaysSchedule": "1"})
    assert schedule.next_at(at(now)) == at(goes)


def test_without_hours_it_goes_at_once() -> None:
    assert read(scheduleInfo={}).next_at(NOON) == NOON
    assert read().next_at(NOON) == NOON


@pytest.mark.parametrize(
    ("deadline", "goes"), [("2026-03-02T10:00:00+0000", True), ("2026-03-02T09:59:59+0000", False)]
)
def test_it_does_not_go_after_its_deadline(deadline: str, *, goes: bool) -> None:
    schedule = read(scheduleInfo={"timeBegin": "10:00", "deadline": deadline})
    assert (schedule.next_at(at("2026-03-02T08:00:00+00:00")) is not None) is goes


def test_the_hours_are_those_of_the_zone_that_is_named() -> None:
    schedule = read(scheduleInfo={"timeBegin": "09:00", "timeEnd": "10:00"}, timeZone="Europe/Zagreb")
    assert schedule.next_at(at("2026-03-02T07:00:00+00:00")) == at("2026-03-02T08:00:00+00:00")
    # Summer time has begun.
    assert schedule.next_at(at("2026-07-01T05:00:00+00:00")) == at("2026-07-01T07:00:00+00:00")


def test_the_hours_may_be_those_of_the_recipient() -> None:
    schedule = read(CROAT, scheduleInfo={"timeBegin": "09:00"}, useTimeDiff=True)
    assert schedule.next_at(at("2026-03-02T07:00:00+00:00")) == at("2026-03-02T08:00:00+00:00")


def test_in_a_country_of_several_zones_it_goes_when_nobody_there_is_asleep() -> None:
    schedule = read(RUSSIAN, scheduleInfo={"timeBegin": "09:00", "timeEnd": "21:00"}, useTimeDiff=True)
    goes = schedule.next_at(at("2026-03-02T00:00:00+00:00"))
    assert goes is not None
    assert goes.astimezone(ZoneInfo("Europe/Kaliningrad")).hour == 9
    assert goes.astimezone(ZoneInfo("Asia/Kamchatka")).hour < 21


def test_a_window_that_is_nowhere_open_at_once_is_refused() -> None:
    found = problems(RUSSIAN, scheduleInfo={"timeBegin": "10:00", "timeEnd": "12:00"}, useTimeDiff=True)
    assert found == {
        "useTimeDiff": "the window is at no time open in all time zones of the recipient's country; give timeZone"
    }


def test_every_problem_is_told_with_its_path() -> None:
    found = problems(
        scheduleInfo={
            "timeBegin": "24:00",
            "timeEnd": "9:30",
            "weekdaysSchedule": "11",
            "deadline": "2026-03-02",
            "timeBegins": "",
        },
        timeZone="Mars/Olympus",
    )
    assert sorted(found) == [
        "scheduleInfo",
        "scheduleInfo.deadline",
        "scheduleInfo.timeBegin",
        "scheduleInfo.timeEnd",
        "scheduleInfo.weekdaysSchedule",
        "timeZone",
    ]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"scheduleInfo": []}, "scheduleInfo"),
        ({"scheduleInfo": {"timeBegin": 9}}, "scheduleInfo.timeBegin"),
        ({"scheduleInfo": {"timeBegin": "10:00", "timeEnd": "10:00"}}, "scheduleInfo.timeEnd"),
        ({"scheduleInfo": {"weekdaysSchedule": "08"}}, "scheduleInfo.weekdaysSchedule"),
        ({"useTimeDiff": "yes"}, "useTimeDiff"),
        ({"useTimeDiff": True}, "useTimeDiff"),
        ({"useTimeDiff": True, "timeZone": "UTC"}, "timeZone"),
    ],
)
def test_what_is_wrong_is_refused(body: dict[str, Any], path: str) -> None:
    assert list(problems(**body)) == [path]


minutes = st.integers(0, 1439)
zones = st.sampled_from(["UTC", "+05:45", "Europe/London"])


@given(minutes, minutes, st.sets(st.integers(1, 7), min_size=1), st.integers(0, 10_080), zones)
def test_the_instant_is_open_and_the_minute_before_it_is_not(
    begin: int, end: int, days: set[int], offset: int, zone: str
) -> None:
    assume(begin != end)
    schedule = SendSchedule(begin, end, tuple(sorted(days)), zones=(zone,))
    now = NOON + timedelta(minutes=offset)
    goes = schedule.next_at(now)
    assert goes is not None
    assert now <= goes <= now + timedelta(days=8)
    assert schedule.next_at(goes) == goes
    assert goes == now or schedule.next_at(goes - timedelta(minutes=1)) == goes
    assert decode(encode(schedule)) == schedule
