"""What the simulated SMSC takes, what it costs, and where it arrives."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from botkit.simulators.smsc_sending import parts_of, read_time
from tests.simulators.smsc_rig import ANA, BORIS, TO_ANA, TO_BORIS, Rig, opened

Json = dict[str, Any]


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with opened() as rig:
        yield rig


async def send(rig: Rig, text: str = "hi", phones: str = TO_ANA, **fields: Any) -> Json:
    answer: Json = json.loads(await rig.sends(text, phones, **fields))
    return answer


async def status(rig: Rig, message_id: int, phone: str = TO_ANA, **fields: Any) -> int:
    await rig.simulator.redeliver()
    return int(json.loads(await rig.asks("status", phone=phone, id=message_id, fmt=3, **fields))["status"])


# --- ways


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({}, "sms"),
        ({"viber": 1}, "viber"),
        ({"tg": 1}, "telegram"),
        ({"bot": "@demo_shop_bot"}, "bot"),
        ({"bot": "demo_shop_bot"}, "bot"),
        ({"bot": "wa:79037000009"}, "whatsapp"),
    ],
    ids=["sms", "viber", "telegram", "bot", "bot without @", "whatsapp"],
)
async def test_a_message_takes_the_way_that_it_names(rig: Rig, fields: Json, place: str) -> None:
    await rig.simulator.opens("bot", ANA)
    assert (await send(rig, "hello", **fields))["cnt"] == 1
    assert {ta: rig.sees(ta) for ta in rig.accounts if rig.sees(ta)} == {place: ["hello"]}
    (bubble,) = rig.simulator.screen(place, ANA)
    assert (bubble.side, bubble.kind) == ("bot", "telegram" if place == "bot" else place)


@pytest.mark.parametrize(
    "fields",
    [{"viber": 1, "tg": 1}, {"viber": 1, "bot": "demo_shop_bot"}, {"viber": 2}, {"tg": "x"}, {"bot": "other_bot"}],
    ids=["viber and tg", "viber and bot", "viber=2", "tg=x", "unknown bot"],
)
async def test_two_ways_and_ways_to_nowhere_are_errors_of_the_parameters(rig: Rig, fields: Json) -> None:
    answer = await send(rig, id=7, **fields)
    assert answer["error_code"] == 1
    assert "id" not in answer


async def test_a_client_may_connect_more_bots(rig: Rig) -> None:
    rig.simulator.connect_bot("bot", "@second_bot")
    assert (await send(rig, bot="second_bot"))["cnt"] == 1


# --- recipients


@pytest.mark.parametrize("name", ["phone", "uid", "nickname"])
async def test_a_subscriber_of_a_bot_has_three_names(rig: Rig, name: Any) -> None:
    await rig.simulator.opens("bot", ANA)
    rig.simulator.names = name
    recipient = rig.simulator.conversation_id("bot", ANA).removeprefix("+")
    await send(rig, "hello", recipient, bot="@demo_shop_bot", id=7)
    assert rig.sees("bot") == ["hello"]
    assert await status(rig, 7, recipient, bot=1) == 2


async def test_whoever_has_not_started_the_bot_is_accepted_and_gets_nothing_for_nothing(rig: Rig) -> None:
    for person, phone in ((ANA, TO_ANA), (BORIS, TO_BORIS)):
        await rig.simulator.opens("bot", person)
        await rig.simulator.leaves("bot", person)
        assert (await send(rig, phones=phone, bot="demo_shop_bot", id=7, cost=2))["cost"] == "0.00"
        assert await status(rig, 7, phone, bot=1) == 20
        assert rig.sees("bot", person) == []
    answer = await send(rig, phones="#77", bot="demo_shop_bot", id=7)
    assert (answer["id"], await status(rig, 7, "#77", bot=1)) == (7, 20)


async def test_whoever_has_blocked_the_bot_gets_messages_again_when_they_write(rig: Rig) -> None:
    await rig.simulator.opens("bot", ANA)
    await rig.simulator.leaves("bot", ANA)
    await rig.simulator.says("bot", ANA, "I am back")
    await send(rig, bot="demo_shop_bot")
    assert rig.sees("bot") == ["I am back", "hi"]


@pytest.mark.parametrize("fields", [{}, {"viber": 1}, {"bot": "wa:79037000009"}], ids=["sms", "viber", "whatsapp"])
@pytest.mark.parametrize("recipient", ["@ana_demo", "#12345"])
async def test_only_telegram_knows_people_by_name(rig: Rig, recipient: str, fields: Json) -> None:
    assert (await send(rig, phones=recipient, id=7, **fields))["error_code"] == 7
    assert (await send(rig, phones=recipient, id=7, tg=1))["id"] == 7
    assert await status(rig, 7, recipient) == 20


async def test_a_group_of_contacts_is_addressed_by_its_number(rig: Rig) -> None:
    group = int(await rig.asks("phones", add_group=1, name="VIP", num=3, fmt=1))
    assert (await send(rig, phones="G3"))["error_code"] == 1
    for phone in (TO_ANA, TO_BORIS):
        await rig.asks("phones", add=1, phone=phone, grp=group)
    assert (await send(rig, "to all", "G3"))["cnt"] == 2
    assert (rig.sees("sms", ANA), rig.sees("sms", BORIS)) == (["to all"], ["to all"])
    assert (await send(rig, phones="G4"))["error_code"] == 1


@pytest.mark.parametrize("separator", [",", ";", "\n"])
async def test_several_people_share_one_id_and_nobody_gets_it_twice(rig: Rig, separator: str) -> None:
    answer = await send(rig, phones=separator.join([TO_ANA, TO_BORIS, f"+{TO_ANA}", ""]), id=7)
    assert answer == {"id": 7, "cnt": 2}
    assert rig.sees("sms") == ["hi"]
    assert (await status(rig, 7), await status(rig, 7, TO_BORIS)) == (1, 1)


async def test_each_recipient_is_listed_when_asked_for(rig: Rig) -> None:
    answer = await send(rig, phones=f"{TO_ANA},123", id=7, op=1, cost=3)
    assert answer == {
        "id": 7,
        "cnt": 1,
        "cost": "1.40",
        "balance": "998.60",
        "phones": [
            {"phone": TO_ANA, "mccmnc": "25001", "cost": "1.40"},
            {"phone": "123", "mccmnc": "25001", "cost": "0", "status": "22", "error": "1"},
        ],
    }
    assert await status(rig, 7, "123") == 22


# --- refusals


@pytest.mark.parametrize(
    "fields",
    [
        {"mes": None},
        {"mes": " "},
        {"mes": "x" * 1001},
        {"phones": None},
        {"phones": " , "},
        {"id": 0},
        {"id": 2**31},
        {"id": "x"},
        {"cost": 4},
        {"sender": "TWELVE CHARS"},
        {"sender": "1" * 16},
    ],
    ids=lambda fields: "-".join(f"{name} {str(value)[:12]}" for name, value in fields.items()),
)
async def test_wrong_parameters_are_refused_without_an_id(rig: Rig, fields: Json) -> None:
    answer = json.loads(await rig.asks("send", **{"phones": TO_ANA, "mes": "hi", "id": 7, "fmt": 3} | fields))
    assert answer["error_code"] == 1
    assert "id" not in answer


@pytest.mark.parametrize(
    "fields",
    [{"mes": "x" * 1000}, {"id": 1}, {"id": 2**31 - 1}, {"sender": "ELEVEN CHAR"}, {"sender": "1" * 15}],
    ids=lambda fields: "-".join(f"{name} {str(value)[:12]}" for name, value in fields.items()),
)
async def test_the_bounds_themselves_are_accepted(rig: Rig, fields: Json) -> None:
    answer = json.loads(await rig.asks("send", **{"phones": TO_ANA, "mes": "hi", "fmt": 3} | fields))
    assert answer["id"] == fields.get("id", answer["id"])
    assert "error" not in answer


async def test_the_sender_of_a_bot_s_message_is_not_looked_at(rig: Rig) -> None:
    assert "error" not in await send(rig, bot="demo_shop_bot", sender="TWELVE CHARS")


async def test_a_number_that_is_none_is_refused_with_the_id(rig: Rig) -> None:
    assert await send(rig, phones="123", id=7) == {"error": "invalid number", "error_code": 7, "id": 7}


async def test_what_cannot_be_delivered_is_refused_with_the_id(rig: Rig) -> None:
    rig.simulator.undeliverable = frozenset({TO_ANA})
    answer = await send(rig, id=7)
    assert (answer["error_code"], answer["id"]) == (8, 7)
    assert "error" not in await send(rig, phones=TO_BORIS)


async def test_forbidden_words_are_refused_with_the_id(rig: Rig) -> None:
    rig.simulator.forbidden = frozenset({"casino"})
    answer = await send(rig, "New CASINO", id=7)
    assert (answer["error_code"], answer["id"]) == (6, 7)
    assert (await send(rig, "hi", sender="Casino"))["error_code"] == 6
    assert "error" not in await send(rig, "hi")


async def test_without_money_nothing_is_sent(rig: Rig) -> None:
    client = rig.simulator.client("sms")
    client.balance = 139
    answer = await send(rig, id=7)
    assert (answer["error_code"], answer["id"]) == (3, 7)
    assert (rig.sees("sms"), client.balance) == ([], 139)
    client.credit = 1
    assert "error" not in await send(rig, id=8)
    assert client.balance == -1


@pytest.mark.parametrize(("kind", "to_one", "to_many"), [(0, 8, 1), (1, 0, 1), (2, 8, 2)])
async def test_the_blacklist_keeps_away_what_its_records_say(rig: Rig, kind: int, to_one: int, to_many: int) -> None:
    await rig.asks("phones", add_bl=1, phone=TO_ANA, type=kind)
    assert (await send(rig)).get("error_code", 0) == to_one
    assert (await send(rig, phones=f"{TO_ANA},{TO_BORIS}", id=7))["cnt"] == to_many
    assert await status(rig, 7) == (23 if to_many == 1 else 1)


# --- price and life


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("x" * 160, 1),
        ("x" * 161, 2),
        ("x" * 306, 2),
        ("x" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("ж" * 70, 1),
        ("ж" * 71, 2),
        ("ж" * 134, 2),
        ("ж" * 135, 3),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
    ],
    ids=lambda value: f"{len(value)}{value[0]}" if isinstance(value, str) else str(value),
)
def test_short_messages_are_counted_by_parts(text: str, parts: int) -> None:
    assert parts_of(text, "sms") == parts
    assert parts_of(text, "viber") == 1


async def test_each_network_has_its_price(rig: Rig) -> None:
    await rig.simulator.opens("bot", ANA)
    ways: list[Json] = [{}, {"viber": 1}, {"tg": 1}, {"bot": "demo_shop_bot"}, {"bot": "wa:79037000009"}]
    costs = [(await send(rig, cost=1, **way))["cost"] for way in ways]
    assert costs == ["1.40", "1.10", "0.50", "0.50", "3.00"]
    assert (await send(rig, "ж" * 71, cost=2))["cost"] == "2.80"
    assert await rig.asks("balance") == "997.20"


async def test_an_id_may_come_again_and_the_newest_is_meant(rig: Rig) -> None:
    await send(rig, "one", id=7)
    rig.simulator.fates = {"": [3]}
    await send(rig, "two", id=7)
    assert rig.sees("sms") == ["one"]
    assert await status(rig, 7) == 3


@pytest.mark.parametrize("fate", [-2, 1, 2, 3, 4, 20, 22, 23, 24, 25])
async def test_every_status_can_be_reached(rig: Rig, fate: int) -> None:
    rig.simulator.fates = {TO_ANA: [fate]}
    message_id = (await send(rig))["id"]
    assert await status(rig, message_id) == fate
    assert bool(rig.sees("sms")) is (fate in (1, 2, 4))


async def test_statuses_take_their_time(rig: Rig) -> None:
    rig.simulator.step_seconds = 10
    message_id = (await send(rig, viber=1))["id"]
    seen = [await status(rig, message_id)]
    for seconds in (9, 1, 10):
        rig.clock.advance(seconds=seconds)
        seen.append(await status(rig, message_id))
    assert seen == [0, 0, 1, 2]
    assert rig.handler.statuses == ["1", "2"]


async def test_a_message_for_later_waits(rig: Rig) -> None:
    message_id = (await send(rig, time="+5"))["id"]
    assert (await status(rig, message_id), rig.sees("sms")) == (-1, [])
    rig.clock.advance(minutes=5)
    assert (await status(rig, message_id), rig.sees("sms")) == (1, ["hi"])


async def test_files_come_by_a_parameter_and_with_bots_in_the_text(rig: Rig) -> None:
    await rig.simulator.opens("bot", ANA)
    await send(rig, "look <file https://x.test/a.png>", bot="demo_shop_bot")
    await send(rig, "look <file https://x.test/a.png>")
    await send(rig, "", fileurl="https://x.test/b.png", viber=1)
    shown = [rig.simulator.screen(ta, ANA)[0] for ta in ("bot", "sms", "viber")]
    assert [(bubble.text, bubble.source) for bubble in shown] == [
        ("look", "https://x.test/a.png"),
        ("look <file https://x.test/a.png>", ""),
        ("", "https://x.test/b.png"),
    ]


NOW = datetime(2025, 3, 3, 8, 0, tzinfo=UTC)  # eleven o'clock in Moscow


@pytest.mark.parametrize(
    ("text", "zone", "hours"),
    [
        ("", "", 0),
        ("0", "", 0),
        ("+90", "", 1.5),
        ("0303251230", "", 1.5),
        ("03.03.25 12:30", "", 1.5),
        ("03.03.25 14:30", "2", 1.5),
        ("01741003200", "", 4),
        ("10-18", "", 0),
        ("11-12", "", 0),
        ("12-18", "", 1),
        ("9-11", "", 22),
        ("12-18", "1", 0),
    ],
)
def test_the_time_of_a_message_has_five_forms(text: str, zone: str, hours: float) -> None:
    assert read_time(text, zone, NOW) - NOW == timedelta(hours=hours)


@pytest.mark.parametrize("text", ["soon", "3203251230", "03.13.25 12:30", "25-26", "+x", "2025-03-03", "+" + "9" * 30])
async def test_any_other_form_is_a_wrong_date(rig: Rig, text: str) -> None:
    answer = await send(rig, id=7, time=text)
    assert (answer["error_code"], "id" in answer) == (5, False)


@pytest.mark.parametrize("zone", ["x", "1e300", "nan"])
async def test_a_zone_that_is_none_is_a_wrong_date(rig: Rig, zone: str) -> None:
    assert (await send(rig, time="+5", tz=zone))["error_code"] == 5


async def test_a_time_that_has_passed_is_now(rig: Rig) -> None:
    assert await status(rig, (await send(rig, time="01.01.20 00:00"))["id"]) == 1
