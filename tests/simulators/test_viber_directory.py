from typing import Any, Literal

import pytest

from tests.simulators import viber_rig
from tests.simulators.viber_rig import ANA, BORIS, WEBHOOK, Json, Rig

rig = viber_rig.rig


async def test_the_account_tells_its_webhook_and_counts_who_is_subscribed(rig: Rig) -> None:
    await rig.simulator.opens("demo", BORIS)
    info = await rig.asks("get_account_info", {})
    assert (info["status"], info["name"], info["webhook"], info["subscribers_count"]) == (0, "demo", WEBHOOK, 1)
    assert info["id"].startswith("pa:")


async def test_details_of_a_person_are_told_twice_in_12_hours(rig: Rig) -> None:
    ana = rig.simulator.conversation_id("demo", ANA)
    for _ in range(2):
        details = await rig.asks("get_user_details", {"id": ana})
        assert details["status"] == 0
        assert details["user"]["id"] == ana
        assert details["user"]["name"] == "Ana"
    assert (await rig.asks("get_user_details", {"id": ana}))["status"] == 12
    rig.clock.advance(hours=12)
    assert (await rig.asks("get_user_details", {"id": ana}))["status"] == 0


async def test_details_need_the_id_of_somebody_known(rig: Rig) -> None:
    assert (await rig.asks("get_user_details", {}))["status"] == 4
    assert (await rig.asks("get_user_details", {"id": "nobody"}))["status"] == 5


async def test_the_account_has_all_that_viber_tells(rig: Rig) -> None:
    info = await rig.asks("get_account_info", {})
    assert set(info) == {
        *("status", "status_message", "id", "chat_hostname", "name", "uri", "icon", "background", "category"),
        *("subcategory", "location", "country", "webhook", "event_types", "subscribers_count", "members", "chat_flags"),
    }
    assert set(info["location"]) == {"lon", "lat"}
    assert {"id", "name", "avatar", "role"} == set(info["members"][0])


async def test_details_have_all_that_viber_tells(rig: Rig) -> None:
    ana = rig.simulator.conversation_id("demo", ANA)
    details = await rig.asks("get_user_details", {"id": ana})
    assert details["message_token"] > 2**53
    assert details["user"].pop("avatar").startswith("https://")
    assert details["user"] == {
        "id": ana,
        "name": "Ana",
        "country": "UA",
        "language": "uk-UA",
        "primary_device_os": "android 14",
        "api_version": 10,
        "viber_version": "22.1.0",
        "mcc": 293,
        "mnc": 40,
        "device_type": "Pixel 8",
    }


async def test_the_limit_of_details_is_each_persons_own_and_can_be_switched_off(rig: Rig) -> None:
    await rig.simulator.opens("demo", BORIS)
    ana, boris = (rig.simulator.conversation_id("demo", person) for person in (ANA, BORIS))
    for _ in range(2):
        await rig.asks("get_user_details", {"id": ana})
    assert (await rig.asks("get_user_details", {"id": boris}))["status"] == 0
    rig.simulator.has_limits = False
    assert (await rig.asks("get_user_details", {"id": ana}))["status"] == 0


@pytest.mark.parametrize(
    ("online", "told"),
    [
        (0, {"online_status": 0, "online_status_message": "online"}),
        (2, {"online_status": 2, "online_status_message": "undisclosed"}),
        (3, {"online_status": 3, "online_status_message": "tryLater"}),
    ],
)
async def test_who_is_online_is_told(rig: Rig, online: Literal[0, 2, 3], told: Json) -> None:
    rig.simulator.chat("demo", ANA).online = online
    ana = rig.simulator.conversation_id("demo", ANA)
    assert await rig.asks("get_online", {"ids": [ana]}) == {
        "status": 0,
        "status_message": "ok",
        "users": [{"id": ana} | told],
    }


async def test_of_somebody_offline_is_told_since_when(rig: Rig) -> None:
    rig.simulator.chat("demo", ANA).online = 1
    ((user),) = (await rig.asks("get_online", {"ids": [rig.simulator.conversation_id("demo", ANA)]}))["users"]
    assert (user["online_status"], user["online_status_message"]) == (1, "offline")
    assert abs(user["last_online"] - rig.clock.timestamp() * 1000) < 60_000


async def test_strangers_and_who_left_are_unavailable(rig: Rig) -> None:
    await rig.simulator.leaves("demo", ANA)
    ids = [rig.simulator.conversation_id("demo", ANA), "nobody"]
    users = (await rig.asks("get_online", {"ids": ids}))["users"]
    assert users == [{"id": user_id, "online_status": 4, "online_status_message": "unavailable"} for user_id in ids]


@pytest.mark.parametrize(
    ("ids", "status"), [(["x"] * 100, 0), (["x"] * 101, 3), ([], 4), (None, 4), ("x", 3), ([7], 3)]
)
async def test_a_hundred_people_may_be_asked_after_at_once(rig: Rig, ids: Any, status: int) -> None:
    assert (await rig.asks("get_online", {"ids": ids}))["status"] == status
