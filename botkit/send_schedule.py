"""When a message may be sent: hours, days of the week, a deadline, in whose time."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, time, timedelta, timezone, tzinfo
from typing import Any

import msgspec
from msgspec import Struct

from botkit.exceptions import InvalidRequestError, Problem
from botkit.time_zones import find_zone, zones_of

#: The zone of a schedule that names none.
DEFAULT_ZONE = "UTC"
#: A day more than a week: every day of the week has begun once in any zone by then.
_DAYS = 9

_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_WEEKDAYS = re.compile(r"(?!.*(.).*\1)[1-7]{0,7}")
_MEMBERS = ("timeBegin", "timeEnd", "weekdaysSchedule", "deadline")


class SendSchedule(Struct, frozen=True, omit_defaults=True):
    """When a message may be sent: from `begin` to before `end` on these `weekdays`, until the `deadline`.

    Minutes of the day, 0 to 1,440; an `end` before `begin` is on the day after. Monday is 1. The window is open when it
    is in each of `zones`: names of time zones, or offsets as `+03:00`.
    """

    begin: int = 0
    end: int = 1440
    weekdays: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7)
    deadline: datetime | None = None
    zones: tuple[str, ...] = (DEFAULT_ZONE,)

    def next_at(self, now: datetime) -> datetime | None:
        """Returns the first instant from `now` on at which the message may go; None if the deadline is before it.

        Raises ValueError where the window is at no time open in all of the zones.
        """
        zones = [_zone(name) for name in self.zones]
        openings = (opening for zone in zones for opening in self._openings(now, zone) if opening > now)
        for instant in (now, *sorted(openings)):
            if all(self._is_open(instant.astimezone(zone)) for zone in zones):
                return None if self.deadline and instant > self.deadline else instant
        raise ValueError("the window is at no time open in all time zones of the recipient's country")

    def _openings(self, now: datetime, zone: tzinfo) -> Iterator[datetime]:
        today = now.astimezone(zone).date()
        for day in range(_DAYS):
            date = today + timedelta(days=day)
            begins = datetime.combine(date, time(*divmod(self.begin, 60)), zone)
            if date.isoweekday() in self.weekdays:
                # By way of UTC: an hour that the clocks leave out begins after it.
                yield begins.astimezone(UTC)

    def _is_open(self, local: datetime) -> bool:
        minute, today = 60 * local.hour + local.minute, local.isoweekday()
        yesterday = 7 if today == 1 else today - 1
        if self.begin < self.end:
            return today in self.weekdays and self.begin <= minute < self.end
        return (today in self.weekdays and minute >= self.begin) or (yesterday in self.weekdays and minute < self.end)


def read_send_schedule(body: Mapping[str, Any], *, phone: str = "", default_zone: str = DEFAULT_ZONE) -> SendSchedule:
    """Reads `scheduleInfo`, `useTimeDiff` and `timeZone` of a request to send; `phone` is the recipient's number.

    `timeBegin` and `timeEnd` are as `09:30`, `weekdaysSchedule` has the digits 1 (Monday) to 7, empty for every day,
    `deadline` is as `2027-05-10T16:29:30+0300`. They are read in `timeZone`, with `useTimeDiff` in the recipient's
    time, and else in the default zone. Raises InvalidRequestError with every problem.
    """
    info = body.get("scheduleInfo", {})
    if not isinstance(info, Mapping):
        raise InvalidRequestError([Problem("scheduleInfo", "must be an object")])
    reading = _Reading(info)
    schedule = SendSchedule(
        begin=reading.minute("timeBegin", 0),
        end=reading.minute("timeEnd", 1440),
        weekdays=reading.weekdays(),
        deadline=reading.deadline(),
        zones=reading.zones(body, phone, default_zone),
    )
    if schedule.begin == schedule.end:
        reading.add("scheduleInfo.timeEnd", "must differ from timeBegin")
    if not reading.problems:
        reading.check_overlap(schedule)
    if reading.problems:
        raise InvalidRequestError(reading.problems)
    return schedule


class _Reading:
    """What has been found wrong so far, while the members are read."""

    def __init__(self, info: Mapping[str, Any]) -> None:
        self._info = info
        self.problems: list[Problem] = []
        for name in info:
            if name not in _MEMBERS:
                self.add("scheduleInfo", f"has no members but {', '.join(_MEMBERS)}")

    def add(self, path: str, rule: str) -> None:
        self.problems.append(Problem(path, rule))

    def _text(self, name: str) -> str:
        value = self._info.get(name, "")
        if isinstance(value, str):
            return value
        self.add(f"scheduleInfo.{name}", "must be a string")
        return ""

    def minute(self, name: str, default: int) -> int:
        text = self._text(name)
        if not text:
            return default
        if found := _TIME.fullmatch(text):
            return 60 * int(found[1]) + int(found[2])
        self.add(f"scheduleInfo.{name}", "must be a time from 00:00 to 23:59")
        return default

    def weekdays(self) -> tuple[int, ...]:
        text = self._text("weekdaysSchedule")
        if not _WEEKDAYS.fullmatch(text):
            self.add("scheduleInfo.weekdaysSchedule", "must be digits from 1 (Monday) to 7, each once")
            return ()
        return tuple(sorted(map(int, text or "1234567")))

    def deadline(self) -> datetime | None:
        text = self._text("deadline")
        try:
            return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z") if text else None
        except ValueError:
            self.add("scheduleInfo.deadline", "must be an instant as 2027-05-10T16:29:30+0300")
            return None

    def zones(self, body: Mapping[str, Any], phone: str, default_zone: str) -> tuple[str, ...]:
        named, theirs = body.get("timeZone", ""), body.get("useTimeDiff", False)
        if not isinstance(theirs, bool):
            self.add("useTimeDiff", "must be true or false")
        elif theirs and named:
            self.add("timeZone", "cannot be given together with useTimeDiff")
        elif theirs:
            return self._theirs(phone, default_zone)
        return (self._named(named) or default_zone,)

    def _named(self, named: object) -> str:
        try:
            return find_zone(named).key if isinstance(named, str) and named else ""
        except ValueError as error:
            self.add("timeZone", str(error))
            return ""

    def _theirs(self, phone: str, default_zone: str) -> tuple[str, ...]:
        zones = tuple(zones_of(phone))
        if not zones:
            self.add("useTimeDiff", "needs a recipient with a phone number that tells the country; give timeZone")
        return zones or (default_zone,)

    def check_overlap(self, schedule: SendSchedule) -> None:
        try:
            schedule.next_at(datetime(2026, 1, 1, tzinfo=UTC))
        except ValueError as error:
            self.add("useTimeDiff", f"{error}; give timeZone")


def _zone(name: str) -> tzinfo:
    if name[:1] in "+-":
        hours, _, minutes = name[1:].partition(":")
        offset = timedelta(hours=int(hours), minutes=int(minutes))
        return timezone(-offset if name[0] == "-" else offset)
    return find_zone(name)


encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(SendSchedule).decode
