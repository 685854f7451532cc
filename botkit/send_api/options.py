"""What a request in the common form says of when its message goes, and of who hears what becomes of it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from botkit.exceptions import InvalidRequestError, Problem
from botkit.public_urls import is_public_url
from botkit.send_schedule import DEFAULT_ZONE, SendSchedule, read_send_schedule

#: The members that say when a message may go.
SCHEDULING = ("scheduleInfo", "useTimeDiff", "timeZone")
#: The member that names who is told what becomes of it, and how long that may be.
NOTIFY = "notifyUrl"
MAX_NOTIFY = 2048

_DEADLINE = "scheduleInfo.deadline"


def read_schedule(
    options: Mapping[str, Any],
    problems: list[Problem],
    *,
    now: datetime,
    phone: str = "",
    default_zone: str = DEFAULT_ZONE,
) -> SendSchedule | None:
    """Returns when a message may go, None for at any time; adds what is wrong with it to the problems.

    `phone` is the recipient's number, for `useTimeDiff`. What could not go before its deadline is a problem, too.
    """
    if not any(name in options for name in SCHEDULING):
        return None
    try:
        schedule = read_send_schedule(options, phone=phone, default_zone=default_zone)
    except InvalidRequestError as error:
        problems += error.problems
        return None
    if schedule.deadline and schedule.deadline < now:
        problems.append(Problem(_DEADLINE, "has passed"))
    elif schedule.next_at(now) is None:
        problems.append(Problem(_DEADLINE, "comes before the first time at which it may go"))
    return None if schedule == SendSchedule(zones=schedule.zones) else schedule


def read_notify_url(options: Mapping[str, Any], problems: list[Problem], *, has_callbacks: bool) -> str:
    """Returns the address that is told what becomes of a message, or an empty text; adds what is wrong with it.

    Without `has_callbacks` there is nothing to sign with, and it is refused.
    """
    if NOTIFY not in options:
        return ""
    if not has_callbacks:
        problems.append(Problem(NOTIFY, "is only for keys with a callback_secret, which signs what it is told"))
        return ""
    url = options[NOTIFY]
    if _is_address(url):
        return str(url)
    problems.append(Problem(NOTIFY, f"is a public address with https of at most {MAX_NOTIFY} characters"))
    return ""


def _is_address(url: object) -> bool:
    if not isinstance(url, str) or len(url) > MAX_NOTIFY or not url.isascii() or not url.isprintable() or " " in url:
        return False
    return is_public_url(url)
