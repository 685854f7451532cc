from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from botkit.simulators.rapporto_delivery import opening
from botkit.simulators.rapporto_state import Schedule
from tests.simulators.rapporto_rig import ANA, BORIS, NUMBER, REPORTS, Json, Rig, sms, telegram, viber, whatsapp


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    rig = Rig(cascades=True)
    yield rig
    await rig.simulator.close()


# --- reports


async def test_a_message_is_shown_at_once_and_reported_later(rig: Rig) -> None:
    await rig.send()
    assert rig.shown == [("telegram", "hello")]
    assert rig.client.requests == []
    await rig.simulator.redeliver()
    assert rig.client.statuses == [("TELEGRAM", 0), ("TELEGRAM", 2), ("TELEGRAM", 9)]
    assert await rig.simulator.redeliver() == 0


async def test_a_report_has_all_that_a_report_has(rig: Rig) -> None:
    answer = await rig.send(telegram(serviceNumber="SALE"), id="ord-1", destAddr=f"8{NUMBER[1:]}")
    await rig.simulator.redeliver()
    assert rig.client.told[1] == {
        "id": "ord-1",
        "mtNum": answer["mtNum"],
        "status": 2,
        "type": "TELEGRAM",
        "doneDate": "2030-03-05T12:00:00+0300",
        "submitDate": "2030-03-05T12:00:00+0300",
        "sourceAddr": "SALE",
        "destAddr": NUMBER,
        "text": "hello",
        "partCount": "001",
        "errorCode": "0",
        "mccMnc": "25001",
        "trafficType": 2,
    }
    assert rig.client.requests[0].headers["content-type"] == "application/json"


async def test_a_report_has_no_id_where_the_request_had_none_and_the_account_s_sender(rig: Rig) -> None:
    await rig.send()
    await rig.simulator.redeliver()
    assert all("id" not in body for body in rig.client.told)
    assert rig.client.told[0]["sourceAddr"] == "SHOP"


async def test_what_is_not_delivered_has_no_date_and_a_reason(rig: Rig) -> None:
    rig.simulator.set_fate("undelivered", error_code="6")
    await rig.send()
    await rig.simulator.redeliver()
    assert rig.client.statuses == [("TELEGRAM", 0), ("TELEGRAM", 5)]
    assert (rig.client.told[1]["doneDate"], rig.client.told[1]["errorCode"]) == ("", "6")
    assert rig.shown == []


@pytest.mark.parametrize("kind", ["SMS", "FLASHINGCALL"])
async def test_some_messages_are_never_read(rig: Rig, kind: str) -> None:
    await rig.send(sms("1234") | {"type": kind})
    await rig.simulator.redeliver()
    assert rig.client.statuses == [(kind, 0), (kind, 2)]


async def test_a_long_sms_has_parts(rig: Rig) -> None:
    for length in (70, 71, 134, 135):
        await rig.send(sms("x" * length))
    await rig.simulator.redeliver()
    assert [body["partCount"] for body in rig.client.told if body["status"] == 2] == ["001", "002", "002", "003"]


@pytest.mark.parametrize(
    ("wanted", "fate", "statuses"),
    [
        (0, "read", []),
        (0, "undelivered", []),
        (1, "delivered", [0, 2]),
        (1, "silent", []),
        (2, "read", []),
        (2, "undelivered", [5]),
    ],
)
async def test_only_the_reports_that_are_wanted_are_sent(rig: Rig, wanted: int, fate: Any, statuses: list[int]) -> None:
    rig.simulator.set_fate(fate)
    await rig.send(registeredDelivery=wanted)
    await rig.simulator.redeliver()
    assert [status for _, status in rig.client.statuses] == statuses


async def test_reports_go_where_the_request_says_else_where_the_account_says(rig: Rig) -> None:
    rig.simulator.set_fate("sent")
    await rig.send(notifyUrl="https://other.test/x")
    await rig.send()
    await rig.simulator.redeliver()
    assert [str(request.url) for request in rig.client.requests] == ["https://other.test/x", REPORTS]


async def test_what_becomes_of_a_message_may_differ_by_person_and_type(rig: Rig) -> None:
    rig.simulator.set_fate("sent")
    rig.simulator.set_fate("delivered", kind="SMS")
    rig.simulator.set_fate("undelivered", person=ANA)
    rig.simulator.set_fate("read", person=ANA, kind="WHATSAPP")
    boris = rig.simulator.conversation_id("demo", BORIS)
    for message in (telegram(), sms(), whatsapp()):
        await rig.send(message)
        await rig.send(message, destAddr=boris)
    await rig.simulator.redeliver()
    assert [pair for pair in rig.client.statuses if pair[1] != 0] == [
        ("TELEGRAM", 5),
        ("SMS", 5),
        ("SMS", 2),
        ("WHATSAPP", 2),
        ("WHATSAPP", 9),
    ]


async def test_the_steps_of_a_message_take_their_time(rig: Rig) -> None:
    rig.simulator.delays = (1, 10, 60)
    await rig.send()
    for seconds, statuses in ((0, 0), (1, 1), (8, 1), (1, 2), (49, 2), (1, 3)):
        await rig.passes(seconds=seconds)
        assert len(rig.client.requests) == statuses
    assert rig.client.told[2]["doneDate"] == "2030-03-05T12:01:00+0300"


@pytest.mark.parametrize(
    ("message", "code"),
    [(telegram(), "2"), (sms(), "2"), (whatsapp(), "7"), (viber({"text": "x"}), "2")],
    ids=["TELEGRAM", "SMS", "WHATSAPP", "VIBER"],
)
async def test_a_message_that_does_not_arrive_in_its_time_fails(rig: Rig, message: Json, code: str) -> None:
    rig.simulator.set_fate("sent")
    await rig.send(message)
    await rig.passes(hours=23.9)
    assert [status for _, status in rig.client.statuses] == [0]
    await rig.passes(hours=0.1)
    assert [status for _, status in rig.client.statuses] == [0, 5]
    assert rig.client.told[1]["errorCode"] == code


async def test_a_message_has_the_time_that_it_asks_for(rig: Rig) -> None:
    rig.simulator.set_fate("sent")
    await rig.send(telegram(ttl=60, ttlUnit="SECONDS"))
    await rig.passes(seconds=59)
    assert len(rig.client.requests) == 1
    await rig.passes(seconds=1)
    assert rig.client.statuses[-1] == ("TELEGRAM", 5)


async def test_what_is_over_does_not_arrive_any_more(rig: Rig) -> None:
    rig.simulator.delays = (0, 120, 180)
    await rig.send(telegram(ttl=60, ttlUnit="SECONDS"))
    await rig.passes(minutes=5)
    assert [status for _, status in rig.client.statuses] == [0, 5]
    assert rig.shown == []


# --- cascades


def chain(*links: tuple[str, Json]) -> Json:
    whole: Json = {}
    for state, message in reversed(links):
        whole = {"state": state, "message": message} | ({"nextLink": whole} if whole else {})
    return whole


async def test_a_way_that_arrives_in_time_is_the_last(rig: Rig) -> None:
    await rig.send(telegram(ttl=2), cascadeChainLink=chain(("DELIVERED", sms("later"))))
    await rig.passes(hours=1)
    assert rig.shown == [("telegram", "hello")]
    assert {kind for kind, _ in rig.client.statuses} == {"TELEGRAM"}


async def test_a_way_that_does_not_is_followed_when_its_time_is_over(rig: Rig) -> None:
    rig.simulator.set_fate("sent", kind="TELEGRAM")
    answer = await rig.send(telegram(ttl=2), cascadeChainLink=chain(("DELIVERED", sms("later"))), id="ord-1")
    await rig.passes(seconds=119)
    assert rig.shown == []
    await rig.passes(seconds=1)
    assert rig.shown == [("sms", "later")]
    assert rig.client.statuses == [("TELEGRAM", 0), ("TELEGRAM", 5), ("SMS", 0), ("SMS", 2)]
    assert {body["mtNum"] for body in rig.client.told} == {answer["mtNum"]}
    assert {body["id"] for body in rig.client.told} == {"ord-1"}


async def test_what_is_delivered_but_not_read_is_followed_where_it_must_be_read(rig: Rig) -> None:
    rig.simulator.set_fate("delivered", kind="TELEGRAM")
    await rig.send(telegram(ttl=2), cascadeChainLink=chain(("READ", sms("later"))))
    await rig.passes(minutes=2)
    assert rig.shown == [("telegram", "hello"), ("sms", "later")]


async def test_what_is_read_too_late_was_followed(rig: Rig) -> None:
    rig.simulator.delays = (0, 0, 300)
    await rig.send(telegram(ttl=2), cascadeChainLink=chain(("READ", sms("later"))))
    await rig.passes(minutes=10)
    assert rig.client.statuses == [("TELEGRAM", 0), ("TELEGRAM", 2), ("SMS", 0), ("SMS", 2), ("TELEGRAM", 9)]


async def test_a_refused_way_is_followed_at_the_end_of_its_time_or_at_once(rig: Rig) -> None:
    rig.simulator.set_fate("undelivered", kind="TELEGRAM")
    link = chain(("DELIVERED", sms("later")))
    await rig.send(telegram(ttl=2), cascadeChainLink=link)
    assert rig.shown == []
    rig.simulator.hurries = True
    await rig.send(telegram(ttl=2), cascadeChainLink=link)
    assert rig.shown == [("sms", "later")]
    await rig.passes(hours=1)
    assert rig.shown == [("sms", "later")] * 2


async def test_a_cascade_goes_on_to_its_end_in_its_order(rig: Rig) -> None:
    rig.simulator.set_fate("sent")
    ways = (
        ("DELIVERED", viber({"text": "v"}, ttl=1)),
        ("DELIVERED", whatsapp(ttl=1440)),
        ("READ", sms(ttl=1)),
        ("DELIVERED", telegram("t", ttl=1)),
    )
    await rig.send(telegram(ttl=1), cascadeChainLink=chain(*ways))
    await rig.passes(days=2)
    sent = [body for body in rig.client.told if body["status"] == 0]
    assert [body["type"] for body in sent] == ["TELEGRAM", "VIBER", "WHATSAPP", "SMS", "TELEGRAM"]
    assert [body["submitDate"][8:19] for body in sent] == [
        "05T12:00:00",
        "05T12:01:00",
        "05T12:02:00",
        "06T12:02:00",
        "06T12:03:00",
    ]


# --- hours


def at(text: str) -> float:
    return datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("schedule", "now", "opens"),
    [
        (Schedule(), "2030-03-05 09:00", "2030-03-05 09:00"),
        (Schedule(9 * 60, 20 * 60), "2030-03-05 06:00", "2030-03-05 06:00"),
        (Schedule(9 * 60, 20 * 60), "2030-03-05 05:59", "2030-03-05 06:00"),
        (Schedule(9 * 60, 20 * 60), "2030-03-05 16:59", "2030-03-05 16:59"),
        (Schedule(9 * 60, 20 * 60), "2030-03-05 17:00", "2030-03-06 06:00"),
        (Schedule(9 * 60, 20 * 60, offset=0), "2030-03-05 17:00", "2030-03-05 17:00"),
        (Schedule(22 * 60, 6 * 60), "2030-03-05 18:00", "2030-03-05 19:00"),
        (Schedule(22 * 60, 6 * 60), "2030-03-05 23:00", "2030-03-05 23:00"),
        (Schedule(22 * 60, 6 * 60), "2030-03-06 02:59", "2030-03-06 02:59"),
        (Schedule(22 * 60, 6 * 60), "2030-03-06 03:00", "2030-03-06 19:00"),
        (Schedule(weekdays="12345"), "2030-03-09 09:00", "2030-03-10 21:00"),
        (Schedule(9 * 60, 20 * 60, "2"), "2030-03-05 17:00", "2030-03-12 06:00"),
        (Schedule(600, 600), "2030-03-05 07:00", None),
    ],
    ids=str,
)
def test_a_message_goes_out_in_its_hours(schedule: Schedule, now: str, opens: str | None) -> None:
    assert opening(schedule, at(now)) == (at(opens) if opens else None)


async def test_a_message_waits_for_its_hours(rig: Rig) -> None:
    await rig.send(scheduleInfo={"timeBegin": "13:00", "timeEnd": "14:00"})
    await rig.passes(minutes=59)
    assert rig.shown == []
    assert rig.client.requests == []
    await rig.passes(minutes=1)
    assert rig.shown == [("telegram", "hello")]


async def test_hours_are_moscow_s_or_the_person_s(rig: Rig) -> None:
    rig.simulator.offsets = {"7": 3, NUMBER[:4]: 8}
    hours = {"timeBegin": "09:00", "timeEnd": "16:00"}
    # It is noon in Moscow, and 17:00 there.
    await rig.send(scheduleInfo=hours)
    assert len(rig.shown) == 1
    await rig.send(scheduleInfo=hours, useTimeDiff=True)
    assert len(rig.shown) == 1
    await rig.passes(hours=16)
    assert len(rig.shown) == 2


async def test_a_message_is_given_up_after_its_deadline(rig: Rig) -> None:
    schedule = {"timeBegin": "13:00", "timeEnd": "14:00", "deadline": "2030-03-05T12:30:00+0300"}
    await rig.send(scheduleInfo=schedule)
    await rig.passes(minutes=30)
    assert rig.client.requests == []
    await rig.passes(minutes=1)
    assert rig.client.statuses == [("TELEGRAM", 5)]
    assert rig.client.told[0]["errorCode"] == "1"
    await rig.passes(hours=24)
    assert rig.shown == []


async def test_a_deadline_that_has_passed_fails_at_once(rig: Rig) -> None:
    await rig.send(scheduleInfo={"deadline": "2030-03-05T11:59:59+0300"})
    await rig.simulator.redeliver()
    assert rig.client.statuses == [("TELEGRAM", 5)]


async def test_a_window_that_is_empty_never_opens(rig: Rig) -> None:
    await rig.send(scheduleInfo={"timeBegin": "10:00", "timeEnd": "10:00"})
    await rig.passes(days=30)
    assert rig.client.requests == []
