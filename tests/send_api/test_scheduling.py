"""What a program asks for goes when its window is open, in whose time it says, until its deadline, or is cancelled."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from starlette.testclient import TestClient

from botkit.app import App
from botkit.redaction import Secret
from botkit.redis.audit import audit
from botkit.router import Router
from botkit.settings import Settings
from botkit.submission import Stage
from tests.desk import bot
from tests.send_api.conftest import KEYS, OTHER_KEY, READER_KEY, SHOP_KEY, Counter, Program, hello

DAYTIME: Mapping[str, Any] = {"timeBegin": "09:00", "timeEnd": "20:00"}
MONDAY, FRIDAY = 1, 5


def is_at(program: Program, time: str, *, day: int = MONDAY) -> datetime:
    """Moves the clock to a time of a day of the week, in UTC."""
    clock = program.tester.clock
    now, (hours, minutes, seconds) = clock.now(), map(int, f"{time}:00".split(":")[:3])
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    at = midnight + timedelta(days=7 + (day - now.isoweekday()) % 7, hours=hours, minutes=minutes, seconds=seconds)
    clock.advance(seconds=(at - now).total_seconds())
    return at


async def takes(program: Program, **members: object) -> dict[str, Any]:
    """Lets the service take a message, and do all that it leads to for now."""
    taken = await program.posts(body=hello(**members))
    assert taken.status_code == 200, taken.text
    await program.tester.settle()
    found: dict[str, Any] = taken.json()
    return found


async def state(program: Program, taken: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await program.asks(taken["messageId"])).json()
    return found


def at(text: str) -> datetime:
    """Reads an instant of an answer."""
    return datetime.fromisoformat(f"{text[:26]}+00:00")


def deadline(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S%z")


# --- windows ---


@pytest.mark.parametrize(("time", "goes"), [("08:59:58", False), ("09:00", True), ("19:59:58", True), ("20:00", False)])
async def test_it_goes_at_once_while_its_window_is_open_and_else_waits(
    program: Program, time: str, *, goes: bool
) -> None:
    is_at(program, time)
    taken = await takes(program, scheduleInfo=DAYTIME)
    assert bool(program.desk.texts) is goes
    assert ("scheduledAt" in taken) is not goes
    assert taken["deliveryStatus"] == ("Ready" if goes else "Created")
    assert (await state(program, taken))["status"] == ("sent" if goes else "scheduled")


async def test_what_waits_goes_when_its_window_opens_and_is_followed_all_the_way(program: Program) -> None:
    opens = is_at(program, "08:00") + timedelta(hours=1)
    taken = await takes(program, scheduleInfo=DAYTIME)
    assert at(taken["scheduledAt"]) == opens
    waiting = await state(program, taken)
    assert (waiting["status"], waiting["deliveryStatus"]) == ("scheduled", "Created")
    assert (at(waiting["scheduledAt"]), waiting["times"]) == (opens, {"scheduled": taken["createdAt"]})
    await program.tester.advance(minutes=59, seconds=50)
    assert program.desk.texts == []
    await program.tester.advance(seconds=10)
    assert program.desk.texts == ["hello"]
    sent = await state(program, taken)
    assert (sent["status"], sent["deliveryStatus"]) == ("sent", "Sent")
    assert "scheduledAt" not in sent
    assert set(sent["times"]) == {"scheduled", "committed", "sent"}
    assert at(sent["times"]["committed"]) >= opens
    await program.tester.advance(days=7)
    assert program.desk.texts == ["hello"]
    assert await audit(program.tester.store) == []


async def test_it_goes_on_its_days_of_the_week_only(program: Program) -> None:
    is_at(program, "20:30", day=FRIDAY)
    await takes(program, scheduleInfo={**DAYTIME, "weekdaysSchedule": "12345"})
    await program.tester.advance(days=2)
    assert program.desk.texts == []
    await program.tester.advance(hours=12, minutes=29)
    assert program.desk.texts == []
    await program.tester.advance(minutes=1)
    assert program.desk.texts == ["hello"]


async def test_its_hours_are_in_the_zone_that_it_names(program: Program) -> None:
    # There it is 17:59.
    is_at(program, "08:59")
    await takes(program, scheduleInfo={"timeBegin": "18:00"}, timeZone="Asia/Tokyo")
    assert program.desk.texts == []
    await program.tester.advance(minutes=1)
    assert program.desk.texts == ["hello"]


async def test_its_hours_may_be_those_of_the_recipient_by_their_number(program: Program) -> None:
    is_at(program, "08:59")
    await takes(program, scheduleInfo={"timeBegin": "18:00"}, useTimeDiff=True, destination="+81312345678")
    assert program.desk.texts == []
    await program.tester.advance(minutes=1)
    assert program.desk.texts == ["hello"]


async def test_of_a_country_with_several_zones_it_is_open_in_all(program: Program) -> None:
    # 11:00 in the west of Russia is 21:00 in its east.
    is_at(program, "10:00")
    schedule = {"timeBegin": "11:00", "timeEnd": "22:00"}
    await takes(program, scheduleInfo=schedule, useTimeDiff=True, destination="+79161234567")
    assert program.desk.texts == []
    await program.tester.advance(hours=22, minutes=59)
    assert program.desk.texts == []
    await program.tester.advance(minutes=1)
    assert program.desk.texts == ["hello"]


def test_without_a_zone_its_hours_are_in_the_services_own(botkit_redis_url: str, tmp_path: Path) -> None:
    opens = (datetime.now(ZoneInfo("Asia/Tokyo")) + timedelta(hours=2)).replace(second=0, microsecond=0)
    settings = Settings(
        folder=tmp_path,
        redis_url=Secret(botkit_redis_url),
        key_prefix="zoned",
        api_keys=KEYS,
        shutdown_seconds=0,
        time_zone="Asia/Tokyo",
    )
    schedule = {"timeBegin": f"{opens:%H:%M}", "timeEnd": f"{opens + timedelta(hours=1):%H:%M}"}
    with TestClient(App([bot(Router(), Counter())], settings=settings)) as client:
        taken = client.post("/messages/send", json=hello(scheduleInfo=schedule), headers={"X-Botkit-Key": SHOP_KEY})
    assert at(taken.json()["scheduledAt"]) == opens


@pytest.mark.parametrize("members", [{"scheduleInfo": {}}, {"useTimeDiff": True}, {"timeZone": "Asia/Tokyo"}], ids=str)
async def test_without_hours_and_days_it_was_never_scheduled(program: Program, members: dict[str, Any]) -> None:
    taken = await takes(program, **members)
    assert program.desk.texts == ["hello"]
    assert set((await state(program, taken))["times"]) == {"committed", "sent"}


async def test_a_window_that_passed_while_nobody_worked_is_waited_for_again(program: Program) -> None:
    is_at(program, "08:00")
    taken = await takes(program, scheduleInfo=DAYTIME)
    await program.tester.advance(hours=13)
    assert program.desk.texts == []
    waiting = await state(program, taken)
    assert waiting["status"] == "scheduled"
    await program.tester.advance(hours=11, minutes=59)
    assert program.desk.texts == []
    await program.tester.advance(minutes=1)
    assert program.desk.texts == ["hello"]


# --- deadlines ---


@pytest.mark.parametrize(
    ("seconds", "rule"), [(-1, "has passed"), (3599, "comes before the first time"), (3600, ""), (86_400, "")]
)
async def test_a_deadline_that_it_cannot_meet_is_a_problem(program: Program, seconds: int, rule: str) -> None:
    now = is_at(program, "08:00")
    schedule = {**DAYTIME, "deadline": deadline(now + timedelta(seconds=seconds))}
    answered = await program.posts(body=hello(scheduleInfo=schedule))
    assert answered.status_code == (400 if rule else 200)
    problems = answered.json().get("problems", [])
    assert [problem["path"] for problem in problems] == ["scheduleInfo.deadline"] * bool(rule)
    assert all(problem["rule"].startswith(rule) for problem in problems)


@pytest.mark.parametrize(("late", "goes"), [(-1, True), (1, False)])
async def test_what_nobody_worked_on_goes_until_its_deadline_and_then_expires(
    program: Program, late: int, *, goes: bool
) -> None:
    now = is_at(program, "08:00")
    taken = await takes(program, scheduleInfo={**DAYTIME, "deadline": deadline(now + timedelta(hours=2))})
    await program.tester.advance(hours=2, seconds=late)
    assert bool(program.desk.texts) is goes
    found = await state(program, taken)
    assert (found["status"], found["deliveryStatus"]) == (("sent", "Sent") if goes else ("expired", "Expired"))
    if not goes:
        assert set(found["times"]) == {"scheduled", "expired"}
        assert "scheduledAt" not in found
        kept = await program.tester.store.submissions.load(taken["messageId"])
        assert kept is not None
        assert kept.parts == ()


async def test_all_that_is_wrong_with_a_schedule_is_told_with_everything_else(program: Program) -> None:
    refused = await program.posts(
        body=hello(
            sms={"text": "hello", "colour": "red"},
            scheduleInfo={"timeBegin": "24:00", "weekdaysSchedule": "8", "deadline": "soon", "canary": 1},
            timeZone="Nowhere/canary",
            useTimeDiff=1,
        )
    )
    assert {problem["path"] for problem in refused.json()["problems"]} == {
        "sms.colour",
        "scheduleInfo",
        "scheduleInfo.timeBegin",
        "scheduleInfo.weekdaysSchedule",
        "scheduleInfo.deadline",
        "timeZone",
        "useTimeDiff",
    }
    assert "canary" not in refused.text


async def test_the_recipients_hours_need_a_number(program: Program) -> None:
    body = {"trafficAccountId": "desk-bot", "destination": "olena", "telegram": {"text": {"message": "hello"}}}
    refused = await program.posts(body=body | {"useTimeDiff": True, "scheduleInfo": DAYTIME})
    assert [problem["path"] for problem in refused.json()["problems"]] == ["useTimeDiff"]


# --- once ---


async def test_the_same_again_is_answered_the_same_at_any_time_and_goes_once(program: Program) -> None:
    now = is_at(program, "08:00")
    body = hello(id="7", scheduleInfo={**DAYTIME, "deadline": deadline(now + timedelta(hours=2))})
    answers = [await program.posts(body=body)]
    # While it waits, while it may go, and when it could not be asked for any more.
    for minutes in (30, 30, 180):
        answers.append(await program.posts(body=body))
        await program.tester.advance(minutes=minutes)
    answers.append(await program.posts(body=body))
    assert {answer.content for answer in answers} == {answers[0].content}
    assert program.desk.texts == ["hello"]


async def test_of_several_ways_the_first_waits_for_its_time_and_the_others_for_theirs(program: Program) -> None:
    is_at(program, "08:00")
    timeout = {"status": "Delivered", "timeoutInSeconds": 45, "trafficAccounts": ["desk-viber", "desk"]}
    body = {
        "destination": "385910000001",
        "viber": {"type": "promotional", "text": "by Viber"},
        "sms": {"text": "by SMS"},
        "failover": {"type": "Timeout", "timeoutFailover": timeout},
        "scheduleInfo": DAYTIME,
    }
    first, second = (await program.posts(body=body)).json()
    await program.tester.advance(minutes=59)
    assert (await program.asks(first)).json()["status"] == "scheduled"
    assert (await program.asks(second)).json()["deliveryStatus"] == "Created"
    await program.tester.advance(minutes=1)
    await program.tester.advance(seconds=44)
    assert (program.viber.texts, program.desk.texts) == (["by Viber"], [])
    await program.tester.advance(seconds=1)
    assert (program.viber.texts, program.desk.texts) == (["by Viber"], ["by SMS"])


# --- cancelled ---


async def test_what_is_cancelled_in_time_never_goes(program: Program) -> None:
    is_at(program, "08:00")
    taken = await takes(program, id="7", scheduleInfo=DAYTIME)
    cancelled = await program.cancels(taken["messageId"])
    assert cancelled.status_code == 200
    found = cancelled.json()
    assert (found["status"], found["deliveryStatus"]) == ("cancelled", "Cancelled")
    assert set(found["times"]) == {"scheduled", "cancelled"}
    assert "scheduledAt" not in found
    assert (await program.asks(taken["messageId"])).json() == found
    assert (await takes(program, id="7", scheduleInfo=DAYTIME)) == taken
    await program.tester.advance(days=1)
    assert program.desk.texts == []
    again = await program.cancels(taken["messageId"])
    assert (again.status_code, again.json()) == (200, found)
    assert await audit(program.tester.store) == []


async def test_a_cancelled_one_leaves_no_timer(program: Program) -> None:
    is_at(program, "08:00")
    taken = await takes(program, scheduleInfo=DAYTIME)
    await program.cancels(taken["messageId"])
    _, later = await program.tester.store.due_timers(100)
    assert later is None


async def test_what_has_left_or_never_waited_cannot_be_cancelled(program: Program) -> None:
    is_at(program, "08:00")
    taken = [await takes(program), await takes(program, scheduleInfo=DAYTIME)]
    await program.tester.advance(hours=1)
    for each in taken:
        refused = await program.cancels(each["messageId"])
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "too_late")
    assert program.desk.texts == ["hello", "hello"]


async def test_only_the_key_that_asked_for_it_and_may_send_can_cancel_it(program: Program) -> None:
    is_at(program, "08:00")
    taken = await takes(program, scheduleInfo=DAYTIME)
    statuses = [(await program.another(key).cancels(taken["messageId"])).status_code for key in (OTHER_KEY, READER_KEY)]
    assert statuses == [404, 403]
    assert (await program.cancels("A" * 22 + "00")).status_code == 404
    assert (await state(program, taken))["status"] == "scheduled"


@pytest.mark.parametrize("number", range(8))
async def test_between_cancelling_and_its_time_one_of_the_two_wins(program: Program, number: int) -> None:
    is_at(program, "08:00")
    taken = await takes(program, scheduleInfo=DAYTIME)
    program.tester.clock.advance(hours=1)

    async def cancels() -> int:
        for _ in range(number):
            await program.tester.store.ping()
        return (await program.cancels(taken["messageId"])).status_code

    status, _ = await asyncio.gather(cancels(), program.tester.settle())
    await program.tester.settle()
    assert (status, program.desk.texts) in [(200, []), (409, ["hello"])]
    kept = await program.tester.store.submissions.load(taken["messageId"])
    assert kept is not None
    assert kept.stage is (Stage.CANCELLED if status == 200 else Stage.STARTED)
