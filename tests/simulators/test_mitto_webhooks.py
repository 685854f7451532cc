"""The webhooks that customers register at the simulated Mitto."""

from typing import Any

import pytest

from tests.simulators.mitto_rig import ANA, CONTENTS, HOOK, Rig, opened

OTHERS = {"X-Mitto-API-Key": "the key of somebody else"}


async def told(rig: Rig) -> list[str]:
    """Sends to Ana on Viber, lets her answer, and returns what was heard."""
    rig.customer.requests.clear()
    await rig.sends_one("viber", CONTENTS["viber"])
    await rig.simulator.says("viber", ANA, "hi")
    return ["report" if body["deliveryStatus"] else "inbound" for body in rig.customer.told]


async def test_a_webhook_is_created_linked_and_called_with_its_own_headers() -> None:
    async with opened() as rig:
        answer = await rig.registers("viber", description="ours", headers={"X-Secret": "s3"})
        hook = answer.json()
        assert (answer.status_code, hook["url"], hook["linkTrafficAccountIds"]) == (201, HOOK, ["viber"])
        assert await told(rig) == ["report", "inbound"]
        assert [request.headers["x-secret"] for request in rig.customer.requests] == ["s3", "s3"]


@pytest.mark.parametrize(
    ("triggers", "heard"),
    [
        (["DeliveryStatus", "InboundMessage"], ["report", "inbound"]),
        (["messagestatus"], ["report"]),
        ([], ["report", "inbound"]),
    ],
)
async def test_a_webhook_is_called_for_its_triggers(triggers: list[str], heard: list[str]) -> None:
    async with opened() as rig:
        rig.simulator.console("viber", "inbound", "https://bot.test/elsewhere")
        await rig.registers("viber", webhookTriggers=triggers)
        await told(rig)
        urls = [str(request.url) for request in rig.customer.requests]
        assert ["report", "inbound"][: urls.count(HOOK)] == heard


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"url": None}, "url"),
        ({"url": "bot.test/hook"}, "url"),
        ({"url": "https://bot.test/a b"}, "url"),
        ({"description": 5}, "description"),
        ({"webhookTriggers": ["Nothing"]}, "webhookTriggers"),
        ({"webhookTriggers": "DeliveryStatus"}, "webhookTriggers"),
        ({"headers": ["X-Secret"]}, "headers"),
        ({"headers": {"X-Secret": 5}}, "headers.name"),
        ({"headers": {"X Secret": "s"}}, "headers.name"),
        ({"headers": {"X-Secret": "a\nb"}}, "headers.name"),
        ({"headers": {f"X-{number}": "s" for number in range(21)}}, "headers"),
        ({"linkTrafficAccountIds": ["unknown"]}, "linkTrafficAccountIds"),
        ({"linkTrafficAccountIds": [5]}, "linkTrafficAccountIds"),
        ({"secret": "s"}, "secret"),
    ],
)
async def test_a_webhook_that_is_not_right_is_refused(change: dict[str, Any], path: str) -> None:
    async with opened() as rig:
        answer = await rig.registers("viber", **change)
        assert (answer.status_code, answer.json()["message"].partition(":")[0]) == (400, path)


async def test_a_webhook_is_changed_and_its_links_stay_unless_others_are_named() -> None:
    async with opened() as rig:
        hook_id = (await rig.registers("viber", headers={"X-Secret": "s3"})).json()["id"]
        path, moved = f"/api/v1/Webhooks/{hook_id}", {"url": "https://bot.test/moved"}
        assert (await rig.http.put(path, json=moved)).status_code == 200
        await told(rig)
        (request, _) = rig.customer.requests
        assert (str(request.url), "x-secret" in request.headers) == ("https://bot.test/moved", False)
        answer = await rig.http.put(path, json=moved | {"linkTrafficAccountIds": ["sms"]})
        assert answer.json()["linkTrafficAccountIds"] == ["sms"]


@pytest.mark.parametrize(
    ("query", "status"),
    [("", 400), ("?forceDelete=false", 400), ("?forceDelete=true", 200), ("?forceDelete=True", 200)],
)
async def test_a_webhook_with_links_is_deleted_by_force_only(query: str, status: int) -> None:
    async with opened() as rig:
        hook_id = (await rig.registers("viber")).json()["id"]
        assert (await rig.http.delete(f"/api/v1/Webhooks/{hook_id}{query}")).status_code == status
        assert len((await rig.http.get("/api/v1/Webhooks")).json()) == (1 if status == 400 else 0)


async def test_a_webhook_without_links_is_deleted_without_force_and_then_is_not_there() -> None:
    async with opened() as rig:
        path = f"/api/v1/Webhooks/{(await rig.registers()).json()['id']}"
        assert (await rig.http.delete(path)).status_code == 200
        assert (await rig.http.delete(path)).status_code == 400
        assert (await rig.http.put(path, json={"url": HOOK})).status_code == 400


async def test_what_waits_for_a_deleted_webhook_is_never_told() -> None:
    async with opened() as rig:
        hook_id = (await rig.registers("viber")).json()["id"]
        await rig.sends_one("viber", CONTENTS["viber"])
        await rig.http.delete(f"/api/v1/Webhooks/{hook_id}?forceDelete=true")
        await rig.simulator.redeliver()
        rig.clock.advance(days=1)
        assert (await rig.simulator.redeliver(), rig.customer.requests) == (0, [])


async def test_nobody_sees_or_changes_the_webhooks_of_another_key() -> None:
    async with opened() as rig:
        rig.opens_account("sms2", "the key of somebody else")
        path = f"/api/v1/Webhooks/{(await rig.registers()).json()['id']}"
        assert (await rig.http.delete(path, headers=OTHERS)).status_code == 400
        assert (await rig.http.put(path, json={"url": HOOK}, headers=OTHERS)).status_code == 400
        assert (await rig.http.get("/api/v1/Webhooks", headers=OTHERS)).json() == []


async def test_the_webhook_of_a_key_that_an_account_has_no_more_is_not_called() -> None:
    async with opened() as rig:
        await rig.registers("viber")
        rig.opens_account("viber", "the new key of the shop")
        key = {"X-Mitto-API-Key": "the new key of the shop"}
        body = {"url": "https://bot.test/new", "linkTrafficAccountIds": ["viber"]}
        assert (await rig.http.post("/api/v1/Webhooks", json=body, headers=key)).status_code == 201
        await rig.simulator.says("viber", ANA, "hi")
        assert [str(request.url) for request in rig.customer.requests] == ["https://bot.test/new"]


async def test_the_list_of_webhooks_hides_their_headers_and_may_not_be_there() -> None:
    async with opened() as rig:
        await rig.registers("viber", headers={"X-Secret": "s3"})
        (entry,) = (await rig.http.get("/api/v1/Webhooks")).json()
        assert (entry["url"], entry["headers"]) == (HOOK, {"X-Secret": "***"})
        rig.simulator.lists_webhooks = False
        assert (await rig.http.get("/api/v1/Webhooks")).status_code == 405
