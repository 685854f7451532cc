from collections.abc import AsyncIterator

import pytest

from tests.simulators.viber_rig import ANA, BORIS, WEBHOOK, Rig, written_to


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with written_to() as rig:
        yield rig


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
