"""What can be asked of the simulated SMSC."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.simulators.smsc_rig import ANA, TO_ANA, TO_BORIS, Rig, opened
from tests.simulators.stopped_clock import StoppedClock

# 11:02:09 in Moscow.
AT = datetime(2025, 3, 3, 8, 2, 9, 500_000, tzinfo=UTC)


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with opened(StoppedClock(AT)) as rig:
        yield rig


async def status(rig: Rig, phone: Any = TO_ANA, message_id: Any = 7, **fields: Any) -> Any:
    return json.loads(await rig.asks("status", phone=phone, id=message_id, fmt=3, **fields))


async def inbox(rig: Rig, **fields: Any) -> list[str]:
    return [row["message"] for row in json.loads(await rig.asks("get", get_answers=1, fmt=3, **fields))]


# --- statuses


@pytest.mark.parametrize(
    ("fmt", "body"),
    [
        (0, "Status = 1, check_time = 03.03.2025 11:02:09"),
        (1, "1,1740988929,0"),
        (
            2,
            "<result><status>1</status><last_date>03.03.2025 11:02:09</last_date>"
            "<last_timestamp>1740988929</last_timestamp></result>",
        ),
        (3, '{"status": 1, "last_date": "03.03.2025 11:02:09", "last_timestamp": 1740988929}'),
    ],
)
async def test_a_status_has_four_forms(rig: Rig, fmt: int, body: str) -> None:
    await rig.sends(id=7)
    await rig.simulator.redeliver()
    assert await rig.asks("status", phone=TO_ANA, id=7, fmt=fmt) == body


async def test_the_further_code_comes_with_what_is_not_delivered(rig: Rig) -> None:
    rig.simulator.err = 13
    rig.simulator.fates = {TO_ANA: [20]}
    await rig.sends(id=7, phones=f"{TO_ANA},{TO_BORIS}")
    await rig.simulator.redeliver()
    assert (await status(rig))["err"] == 13
    assert (await rig.asks("status", phone=TO_ANA, id=7, fmt=1)).endswith(",13")
    assert "err" not in await status(rig, TO_BORIS)


async def test_a_message_is_known_by_its_recipient_and_its_id(rig: Rig) -> None:
    await rig.sends(id=7)
    for phone, message_id in ((TO_BORIS, 7), (TO_ANA, 8)):
        assert (await status(rig, phone, message_id))["status"] == -3
    assert (await status(rig, f"+{TO_ANA}"))["status"] == 0


@pytest.mark.parametrize(("bot", "is_bot"), [("demo_shop_bot", True), ("wa:79037000009", True), ("", False)])
async def test_messages_of_bots_are_asked_for_by_a_parameter(rig: Rig, bot: str, is_bot: bool) -> None:
    await rig.simulator.opens("bot", ANA)
    await rig.sends(id=7, **({"bot": bot} if bot else {}))
    assert [(await status(rig))["status"], (await status(rig, bot=1))["status"]] == ([-3, 0] if is_bot else [0, -3])


async def test_a_list_is_answered_as_a_list(rig: Rig) -> None:
    await rig.sends(id=7)
    await rig.sends(id=8, phones=TO_BORIS)
    rows = await status(rig, f"{TO_ANA},{TO_BORIS},{TO_ANA}", "7,8,9")
    assert [(row["phone"], row["id"], row["status"]) for row in rows] == [
        (TO_ANA, 7, 0),
        (TO_BORIS, 8, 0),
        (TO_ANA, 9, -3),
    ]
    text = await rig.asks("status", phone=f"{TO_ANA},{TO_BORIS}", id="7,8")
    assert [line.startswith("Status = 0") for line in text.split("\n")] == [True, True]


@pytest.mark.parametrize(("phone", "message_id"), [(f"{TO_ANA},", "7"), (TO_ANA, "7,"), (f"{TO_ANA},", "7,")])
async def test_a_comma_after_one_value_makes_a_list_of_one(rig: Rig, phone: str, message_id: str) -> None:
    await rig.sends(id=7)
    (row,) = await status(rig, phone, message_id)
    assert row["status"] == 0
    xml = await rig.asks("status", phone=phone, id=message_id, fmt=2)
    assert xml.startswith("<list><result><status>0</status>")


async def test_more_is_told_when_asked_for(rig: Rig) -> None:
    await rig.sends("hello", id=7, sender="SHOP")
    more = {
        "send_date": "03.03.2025 11:02:09",
        "send_timestamp": 1_740_988_929,
        "phone": TO_ANA,
        "cost": "1.40",
        "sender_id": "SHOP",
        "status_name": "Passed to the operator",
        "message": "hello",
    }
    plain = await status(rig)
    assert await status(rig, all=1) == plain | more
    assert await status(rig, all=2) == plain | more | {"country": "Russia", "operator": "Demo", "region": "Demo"}
    numbers = await rig.asks("status", phone=TO_ANA, id=7, fmt=1, all=1)
    assert numbers == f"0,1740988929,0,1740988929,{TO_ANA},1.40,SHOP,Passed to the operator,hello"


async def test_a_message_can_be_deleted(rig: Rig) -> None:
    await rig.sends(id=7)
    assert await status(rig, **{"del": 1}) == {"result": "OK"}
    assert (await status(rig))["status"] == -3
    assert (await status(rig, **{"del": 1}))["error_code"] == 3


@pytest.mark.parametrize("fields", [{"phone": None}, {"id": None}, {"id": "x"}, {"phone": ","}])
async def test_a_status_without_a_message_is_an_error_of_the_parameters(rig: Rig, fields: dict[str, Any]) -> None:
    answer = json.loads(await rig.asks("status", **{"phone": TO_ANA, "id": 7, "fmt": 3} | fields))
    assert answer["error_code"] == 1


# --- the inbox


async def test_what_people_write_is_in_the_inbox(rig: Rig) -> None:
    await rig.simulator.says("sms", ANA, "привет")
    (row,) = json.loads(await rig.asks("get", get_answers=1, fmt=3))
    assert row == {
        "id": row["id"],
        "received": "03.03.2025 11:02:09",
        "phone": TO_ANA,
        "message": "привет",
        "to_phone": "79037000000",
        "sent": "03.03.2025 11:02:09",
    }
    assert isinstance(row["id"], int)
    text = await rig.asks("get", get_answers=1)
    assert text.startswith(f"id = {row['id']}, received = 03.03.2025 11:02:09, phone = {TO_ANA}, message = привет, ")
    assert (await rig.asks("get", get_answers=1, fmt=1)).split(",")[:2] == [str(row["id"]), "03.03.2025 11:02:09"]


async def test_one_asks_on_after_the_last_id(rig: Rig) -> None:
    for text in "abcde":
        await rig.simulator.says("sms", ANA, text)
    ids = [row["id"] for row in json.loads(await rig.asks("get", get_answers=1, fmt=3))]
    assert ids == sorted(set(ids))
    assert await inbox(rig, after_id=ids[1]) == ["c", "d", "e"]
    assert await inbox(rig, after_id=ids[1], cnt=2) == ["c", "d"]
    assert await inbox(rig, cnt=2) == ["d", "e"]
    assert await inbox(rig, after_id=ids[4]) == []


async def test_an_inbox_without_news_is_a_list_or_an_error(rig: Rig) -> None:
    assert await rig.asks("get", get_answers=1, fmt=3) == "[]"
    rig.simulator.empty_inbox = "error"
    assert json.loads(await rig.asks("get", get_answers=1, fmt=3))["error_code"] == 3


async def test_the_inbox_goes_back_a_week_at_most(rig: Rig) -> None:
    await rig.simulator.says("sms", ANA, "hi")
    rig.clock.advance(hours=2)
    assert (await inbox(rig, hour=1), await inbox(rig, hour=3)) == ([], ["hi"])
    rig.clock.advance(hours=165)
    assert await inbox(rig) == ["hi"]
    rig.clock.advance(hours=2)
    assert (await inbox(rig), await inbox(rig, hour=1000)) == ([], [])


async def test_the_inbox_is_told_apart_by_who_was_written_to(rig: Rig) -> None:
    await rig.simulator.says("sms", ANA, "to a number")
    await rig.simulator.says("whatsapp", ANA, "to another")
    assert await inbox(rig, to_phone="79037000009") == ["to another"]


async def test_more_messages_than_the_most_are_cut_off(rig: Rig) -> None:
    await rig.simulator.says("sms", ANA, "hi")
    assert await inbox(rig, cnt=10_001) == ["hi"]
    heard = rig.simulator.client("sms").inbox
    heard += heard * 10_001
    assert len(await inbox(rig, cnt=10_001)) == 10_000


@pytest.mark.parametrize("fields", [{"get_answers": 0}, {"cnt": 0}, {"hour": "x"}, {"after_id": -1}], ids=str)
async def test_wrong_questions_are_errors_of_the_parameters(rig: Rig, fields: dict[str, Any]) -> None:
    assert json.loads(await rig.asks("get", **{"get_answers": 1, "fmt": 3} | fields))["error_code"] == 1
