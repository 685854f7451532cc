"""The SMS API of the simulated Mitto."""

import re
from typing import Any

import pytest
from msgspec.structs import replace

from botkit.simulators.mitto_sms import TEXTS
from botkit.simulators.wire import Fault
from tests.simulators.mitto_rig import ANA, KEY, REPORT, TEXT, TO, Rig, callback, opened

Json = dict[str, Any]


async def test_an_sms_is_taken_and_shown() -> None:
    async with opened() as rig:
        answer = await rig.sms()
        assert re.fullmatch("[0-9a-f]{32}", answer.pop("id"))
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z", answer.pop("timestamp"))
        assert answer == {"responseCode": 0, "textLength": 5, "responseText": "SMS sent"}
        assert rig.sees("sms") == ["Hello"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"type": "GSM"}, 0),
        ({"type": "unicode"}, 0),
        ({"type": "auto", "text": "Привет"}, 0),
        ({"type": "Unicode", "text": "Привет"}, 0),
        ({"type": "Binary", "text": "48656c6C"}, 0),
        ({"text": "€[ñ]^"}, 0),
        ({"type": "Flash"}, 2),
        ({"type": ""}, 2),
        ({"text": ""}, 3),
        ({"text": "Привет"}, 4),
        ({"text": "ç"}, 4),
        ({"type": "Binary", "text": "486"}, 4),
        ({"type": "Binary", "text": "Hello"}, 4),
        ({"from": ""}, 5),
        ({"from": "ab"}, 6),
        ({"from": "abc"}, 0),
        ({"from": "ABCDEFGHI12"}, 0),
        ({"from": "ABCDEFGHI123"}, 6),
        ({"from": "12"}, 6),
        ({"from": "123"}, 0),
        ({"from": "1" * 14}, 0),
        ({"from": "1" * 15}, 6),
        ({"from": "Bot Kit"}, 6),
        ({"to": ""}, 7),
        ({"to": "123456"}, 8),
        ({"to": "1234567"}, 0),
        ({"to": "1" * 16}, 8),
        ({"to": "me"}, 8),
    ],
)
async def test_what_is_wrong_with_an_sms_is_told_by_a_code_in_200(change: Json, code: int) -> None:
    async with opened() as rig:
        response = await rig.sms_api.post("/sms", json={"from": "BotKit", "to": TO, "text": "Hello"} | change)
        answer = response.json()
        assert (response.status_code, answer["responseCode"], answer["responseText"]) == (200, code, TEXTS[code])
        assert ("id" in answer, len(rig.simulator.sent("sms"))) == (code == 0, 1 if code == 0 else 0)


@pytest.mark.parametrize("name", ["from", "to", "text"])
async def test_what_is_missing_is_empty(name: str) -> None:
    async with opened() as rig:
        body = {"from": "BotKit", "to": TO, "text": "Hello"}
        del body[name]
        answer = (await rig.sms_api.post("/sms", json=body)).json()
        assert answer["responseCode"] == {"from": 5, "to": 7, "text": 3}[name]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"text": 5}, "text"),
        ({"to": 385910000001}, "to"),
        ({"callback": "bot.example/cb"}, "callback"),
        ({"callback": "https://bot.example/cb with space"}, "callback"),
        ({"validity": 0}, "validity"),
        ({"validity": "60"}, "validity"),
        ({"pid": 256}, "pid"),
        ({"flash": "yes"}, "flash"),
        ({"test": 1}, "test"),
        ({"destination": TO}, "destination"),
    ],
)
async def test_what_is_no_request_at_all_is_refused_with_400(change: Json, path: str) -> None:
    async with opened() as rig:
        answer = await rig.sms_api.post("/sms", json={"from": "BotKit", "to": TO, "text": "Hello"} | change)
        assert (answer.status_code, answer.json()["message"].partition(":")[0]) == (400, path)


async def test_a_body_of_another_type_is_refused_and_so_is_another_path_or_method() -> None:
    async with opened() as rig:
        assert (await rig.sms_api.post("/sms", data={"from": "BotKit"})).status_code == 415
        assert (await rig.sms_api.post("/smsbulk", json={})).status_code == 404
        assert (await rig.sms_api.get("/sms")).status_code == 405


async def test_a_text_may_be_counted_in_digits() -> None:
    async with opened() as rig:
        rig.simulator.text_length = "text"
        assert (await rig.sms())["textLength"] == "5"


@pytest.mark.parametrize("has_id", [True, False])
async def test_a_test_sends_nothing_and_may_have_an_id(has_id: bool) -> None:
    async with opened() as rig:
        rig.simulator.tests_have_ids = has_id
        answer = await rig.sms(test=True)
        assert (answer["responseCode"], "id" in answer) == (0, has_id)
        assert (rig.sees("sms"), await rig.simulator.redeliver()) == ([], 0)


async def test_an_sms_is_sent_by_the_account_whose_sender_it_names_or_by_the_first() -> None:
    async with opened() as rig:
        await rig.sms(**{"from": "Other"})
        rig.simulator.accounts["sms2"] = replace(rig.simulator.accounts["sms2"], sender="Other")
        await rig.sms(**{"from": "Other"})
        assert [len(rig.simulator.sent(ta)) for ta in ("sms", "sms2")] == [1, 1]


async def test_an_sms_of_this_api_is_unknown_to_the_other() -> None:
    async with opened() as rig:
        assert await rig.statuses([(await rig.sms())["id"]]) == ["gone"]


async def test_an_sms_that_does_not_arrive_within_its_validity_expires() -> None:
    async with opened() as rig:
        rig.simulator.phone_off(ANA)
        message_id = (await rig.sms(validity=10))["id"]
        rig.clock.advance(minutes=9)
        before = rig.simulator.message(message_id).status
        rig.clock.advance(minutes=1)
        assert (before, rig.simulator.message(message_id).status) == ("Ready", "Expired")
        rig.simulator.phone_on(ANA)
        assert rig.sees("sms") == []


async def test_an_sms_is_tried_for_two_days() -> None:
    async with opened() as rig:
        rig.simulator.phone_off(ANA)
        ids = [(await rig.sms())["id"], await rig.sends_one("sms", TEXT)]
        rig.clock.advance(hours=47)
        before = [rig.simulator.message(message_id).status for message_id in ids]
        rig.clock.advance(hours=1)
        after = [rig.simulator.message(message_id).status for message_id in ids]
        assert (before, after) == (["Ready"] * 2, ["Expired"] * 2)


async def test_a_rate_holds_for_this_api_too() -> None:
    async with opened() as rig:
        rig.simulator.rate = 1
        body = {"from": "BotKit", "to": TO, "text": "Hello"}
        assert [(await rig.sms_api.post("/sms", json=body)).status_code for _ in range(2)] == [200, 429]


async def test_a_fault_meets_this_api_too() -> None:
    async with opened() as rig:
        rig.simulator.wire.faults.append(Fault(503, before=False))
        assert (await rig.sms_api.post("/sms", json={"from": "BotKit", "to": TO, "text": "x"})).status_code == 503
        assert rig.sees("sms") == ["x"]


async def test_the_address_of_the_report_is_kept_as_it_was_given() -> None:
    async with opened() as rig:
        url = callback()
        message = rig.simulator.message((await rig.sms(callback=url, reference="r-1"))["id"])
        assert (message.callback, message.reference) == (url, "r-1")
        assert url not in repr(list(rig.simulator.wire))
        assert KEY not in repr(list(rig.simulator.wire))


async def reported_to(rig: Rig, **fields: Any) -> list[str]:
    await rig.sms(**fields)
    await rig.simulator.redeliver()
    return [str(request.url) for request in rig.customer.requests]


async def test_a_report_without_an_address_of_its_own_goes_to_the_account_s() -> None:
    async with opened() as rig:
        assert await reported_to(rig, callback="") == []
        rig.simulator.console("sms", "report", REPORT)
        assert await reported_to(rig, callback="") == [REPORT]
