"""What the simulated Mitto tells its customers, and when, and how often."""

import asyncio
import json
from typing import Any
from urllib.parse import parse_qs

import httpx
import jwt
import pytest

from botkit.simulators.mitto_servers import SPELLINGS
from botkit.simulators.simulator import NotOnScreenError
from tests.simulators.mitto_rig import (
    ANA,
    CONTENTS,
    HOOK,
    INBOUND,
    INBOUND_KEYS,
    REPORT,
    REPORT_KEYS,
    TEXT,
    TO,
    Rig,
    callback,
    opened,
)

Json = dict[str, Any]


# Delivery reports


async def test_a_report_is_posted_to_the_address_that_the_sms_named() -> None:
    async with opened() as rig:
        url = callback()
        message_id = (await rig.sms(callback=url))["id"]
        before = len(rig.customer.requests)
        await rig.simulator.redeliver()
        (request,) = rig.customer.requests
        assert (before, request.method, str(request.url)) == (0, "POST", url)
        assert request.headers["content-type"] == "application/json"
        assert json.loads(request.content) == {"messageId": message_id, "status": "DELIVERED", "errorcode": "0"}


async def test_a_report_may_arrive_before_the_answer_to_the_call() -> None:
    async with opened() as rig:
        rig.simulator.reports_early = True
        answer = await rig.sms()
        assert [body["messageId"] for body in rig.customer.told] == [answer["id"]]


@pytest.mark.parametrize(
    "statuses",
    [
        ("BUFFERED", "SENT", "DELIVERED"),
        ("DELIVERED", "DELIVERED"),
        ("DELIVERED", "SENT"),
        ("TELEPORTED",),
        (),
    ],
)
async def test_what_is_reported_of_an_arrival_is_chosen(statuses: tuple[str, ...]) -> None:
    async with opened() as rig:
        rig.simulator.sms_reports = statuses
        await rig.sms()
        await rig.simulator.redeliver()
        assert rig.customer.statuses == list(statuses)


async def test_reports_can_be_left_out() -> None:
    async with opened() as rig:
        rig.simulator.reports = False
        await rig.sms()
        assert (await rig.simulator.redeliver(), rig.customer.requests) == (0, [])


async def test_an_sms_that_does_not_arrive_is_reported_with_an_error_code() -> None:
    async with opened() as rig:
        rig.simulator.without(ANA, "sms")
        await rig.sms()
        rig.simulator.without(ANA, "sms", has=True)
        rig.simulator.phone_off(ANA)
        await rig.sms(validity=1)
        rig.clock.advance(minutes=1)
        await rig.simulator.redeliver()
        told = [(body["status"], body["errorcode"]) for body in rig.customer.told]
        assert told == [("UNDELIVERED", "1"), ("EXPIRED", "2")]


@pytest.mark.parametrize(
    ("switches", "body"),
    [
        ({"fills_template": False}, b'{"messageId": "~msgid~", "status": "~status~", "errorcode": "~errorcode~"}'),
        ({"template": '{"status": "~status~", "errorcode": ~errorcode~}'}, b'{"status": "DELIVERED", "errorcode": 0}'),
        ({"template": '{"ref": "~reference~"}'}, b'{"ref": "r-1"}'),
    ],
)
async def test_a_report_is_what_the_account_s_template_makes_of_it(switches: Json, body: bytes) -> None:
    async with opened() as rig:
        for name, value in switches.items():
            setattr(rig.simulator, name, value)
        await rig.sms(reference="r-1")
        await rig.simulator.redeliver()
        assert rig.customer.requests[0].content == body


async def test_a_report_may_be_a_get_with_all_in_its_query() -> None:
    async with opened() as rig:
        rig.simulator.callback_style = "query"
        url = callback()
        message_id = (await rig.sms(callback=url))["id"]
        await rig.sms(callback="https://bot.test/plain")
        await rig.simulator.redeliver()
        first, second = rig.customer.requests
        assert (first.method, first.content) == ("GET", b"")
        assert str(first.url) == f"{url}&msgid={message_id}&status=DELIVERED&errorcode=0"
        assert str(second.url).startswith("https://bot.test/plain?msgid=")
        logged = [exchange.request for exchange in rig.simulator.wire.deliveries("report")]
        assert b"status=DELIVERED" in logged[0]
        assert b"eyJ" not in logged[0]


async def test_a_report_may_be_a_form_or_of_an_oddly_written_type() -> None:
    async with opened() as rig:
        rig.simulator.callback_style = "form"
        await rig.sms()
        await rig.simulator.redeliver()
        rig.simulator.callback_style, rig.simulator.content_type = "json", "application/JSON; charset=utf-8"
        await rig.sms()
        await rig.simulator.redeliver()
        form, odd = rig.customer.requests
        assert form.headers["content-type"] == "application/x-www-form-urlencoded"
        assert parse_qs(form.content.decode())["status"] == ["DELIVERED"]
        assert odd.headers["content-type"] == "application/JSON; charset=utf-8"


async def test_a_report_out_of_turn_says_what_it_is_told_to_and_changes_nothing() -> None:
    async with opened() as rig:
        message_id = (await rig.sms())["id"]
        await rig.simulator.redeliver()
        rig.customer.status = 401
        assert await rig.simulator.report(message_id, "SENT", told_id="unknown") == 401
        assert rig.customer.told[-1] == {"messageId": "unknown", "status": "SENT", "errorcode": "0"}
        assert rig.simulator.message(message_id).status == "Delivered"


async def test_a_callback_that_is_not_answered_with_2xx_is_repeated_and_at_last_given_up() -> None:
    async with opened() as rig:
        rig.customer.status = 401
        await rig.sms()
        rig.simulator.pauses = (60, 300)
        tried = [await rig.simulator.redeliver(), await rig.simulator.redeliver()]
        for seconds in (59, 1, 299, 1, 86_400):
            rig.clock.advance(seconds=seconds)
            tried.append(await rig.simulator.redeliver())
        assert tried == [1, 0, 0, 1, 0, 1, 0]


async def test_a_callback_that_succeeds_is_not_repeated() -> None:
    async with opened() as rig:
        rig.customer.status = 503
        await rig.sms()
        await rig.simulator.redeliver()
        rig.customer.status = 204
        rig.clock.advance(days=1)
        assert [await rig.simulator.redeliver() for _ in range(2)] == [1, 0]
        assert [exchange.status for exchange in rig.simulator.wire.deliveries("report")] == [503, 204]


# Webhooks


@pytest.mark.parametrize("ta", ["sms", "gbm", "viber", "whatsapp"])
async def test_a_webhook_is_told_of_an_arrival_in_the_form_of_the_message(ta: str) -> None:
    async with opened() as rig:
        await rig.registers(ta)
        message_id = await rig.sends_one(ta, CONTENTS[ta])
        await rig.simulator.redeliver()
        (told,) = rig.customer.told
        assert (told["messageId"], told["trafficAccountId"], told["deliveryStatus"]) == (message_id, ta, "Delivered")
        assert str(rig.customer.requests[0].url) == HOOK


async def test_of_telegram_nothing_is_told() -> None:
    async with opened() as rig:
        await rig.registers("telegram")
        await rig.sends_one("telegram", CONTENTS["telegram"])
        rig.simulator.without(ANA, "telegram")
        await rig.sends_one("telegram", CONTENTS["telegram"])
        assert (rig.sees("telegram"), await rig.simulator.redeliver(), rig.customer.told) == (["Hello"], 0, [])


@pytest.mark.parametrize(("ta", "is_told"), [("viber", True), ("whatsapp", True), ("gbm", True), ("sms", False)])
async def test_where_the_network_tells_so_a_webhook_hears_of_what_was_seen_once(ta: str, is_told: bool) -> None:
    async with opened() as rig:
        await rig.registers(ta)
        await rig.sends_one(ta, CONTENTS[ta])
        await rig.simulator.looks(ta, ANA)
        await rig.simulator.looks(ta, ANA)
        assert rig.customer.statuses == ["Delivered", "Seen"][: 1 + is_told]


async def test_what_webhooks_hear_of_is_chosen() -> None:
    async with opened() as rig:
        await rig.registers("viber")
        rig.simulator.webhook_reports, rig.simulator.told = ("Delivered", "Sent", "Odd"), frozenset({"Seen"})
        rig.simulator.words = {"Seen": "Read"}
        await rig.sends_one("viber", CONTENTS["viber"])
        await rig.simulator.looks("viber", ANA)
        rig.simulator.without(ANA, "viber")
        await rig.sends_one("viber", CONTENTS["viber"])
        await rig.simulator.redeliver()
        assert rig.customer.statuses == ["Delivered", "Sent", "Odd", "Read"]


async def test_a_webhook_may_be_told_in_lists() -> None:
    async with opened() as rig:
        rig.simulator.webhook_lists = True
        await rig.registers("viber")
        await rig.sends_one("viber", CONTENTS["viber"])
        await rig.simulator.redeliver()
        assert [body["deliveryStatus"] for body in rig.customer.told[0]] == ["Delivered"]


async def test_an_account_without_a_webhook_tells_what_was_entered_by_hand() -> None:
    async with opened() as rig:
        rig.simulator.console("viber", "report", f"{REPORT}&x=1")
        rig.simulator.console("viber", "inbound", INBOUND)
        await rig.sends_one("viber", CONTENTS["viber"])
        await rig.simulator.says("viber", ANA, "hi")
        urls = [str(request.url) for request in rig.customer.requests]
        assert urls == [f"{REPORT}&x=1", INBOUND]
        await rig.registers("viber")
        await rig.sends_one("viber", CONTENTS["viber"])
        await rig.simulator.redeliver()
        assert str(rig.customer.requests[-1].url) == HOOK


# What people write


@pytest.mark.parametrize("spelling", SPELLINGS, ids=["from", "sender", "msisdn"])
async def test_an_incoming_sms_is_told_in_every_spelling(spelling: dict[str, str]) -> None:
    async with opened() as rig:
        rig.simulator.set_inbound("sms", INBOUND)
        rig.simulator.spelling = spelling
        await rig.simulator.says("sms", ANA, "STOP")
        (told,) = rig.customer.told
        assert told.keys() == set(spelling.values())
        assert (told[spelling["from"]], told[spelling["text"]]) == (TO.removeprefix("+"), "STOP")


async def test_an_incoming_sms_has_an_id_of_its_own() -> None:
    async with opened() as rig:
        rig.simulator.set_inbound("sms", INBOUND)
        for _ in range(2):
            await rig.simulator.says("sms", ANA, "hi")
        assert len({body["messageId"] for body in rig.customer.told}) == 2


async def test_an_incoming_sms_goes_to_the_address_as_it_was_entered() -> None:
    async with opened() as rig:
        token = jwt.encode({"nbf": 1, "exp": 4_000_000_000}, INBOUND_KEYS[0], algorithm="HS256")
        rig.simulator.set_inbound("sms", f"{INBOUND}&token={token}")
        await rig.registers("sms")
        await rig.simulator.says("sms", ANA, "hi")
        assert [str(request.url) for request in rig.customer.requests] == [f"{INBOUND}&token={token}"]


async def test_an_incoming_sms_may_be_a_get() -> None:
    async with opened() as rig:
        rig.simulator.set_inbound("sms", INBOUND)
        rig.simulator.callback_style = "query"
        await rig.simulator.says("sms", ANA, "да & нет")
        (request,) = rig.customer.requests
        assert (request.method, request.url.params["text"], request.url.params["ta"]) == ("GET", "да & нет", "sms")


@pytest.mark.parametrize(("ta", "name"), [("viber", "phoneNumber"), ("telegram", "messagingAppIdentifier")])
async def test_what_people_write_is_a_message_without_a_status(ta: str, name: str) -> None:
    async with opened() as rig:
        await rig.registers(ta)
        await rig.simulator.says(ta, ANA, "hi")
        (told,) = rig.customer.told
        assert (told["text"], told["deliveryStatus"], told["trafficAccountId"]) == ("hi", None, ta)
        assert told["sender"] == {name: rig.address(ta), "name": "Ana"}


async def test_nobody_writes_where_nobody_hears() -> None:
    async with opened() as rig:
        with pytest.raises(NotOnScreenError, match="nobody hears"):
            await rig.simulator.says("sms", ANA, "hi")
        assert rig.sees("sms") == []


async def test_reports_can_be_left_out_and_people_still_be_heard() -> None:
    async with opened() as rig:
        rig.simulator.reports = False
        rig.simulator.set_inbound("sms", INBOUND)
        await rig.simulator.says("sms", ANA, "hi")
        assert len(rig.customer.requests) == 1


# Tokens


async def token_of(rig: Rig, how: Any) -> str | None:
    rig.simulator.tokens = how
    await rig.sms()
    await rig.simulator.redeliver()
    return dict(rig.customer.requests[-1].url.params).get("token")


async def test_a_token_may_be_spoilt_for_a_trial() -> None:
    async with opened() as rig:
        given = await token_of(rig, "given")
        assert given
        assert jwt.decode(given, REPORT_KEYS[0], algorithms=["HS256"])["sub"] == "m1"
        assert await token_of(rig, "missing") is None
        swapped = await token_of(rig, "swapped")
        assert swapped
        assert jwt.decode(swapped, INBOUND_KEYS[0], algorithms=["HS256"])["sub"] == "m1"


async def test_the_token_of_incoming_messages_is_swapped_the_other_way() -> None:
    async with opened() as rig:
        token = jwt.encode({"sub": "in"}, INBOUND_KEYS[0], algorithm="HS256")
        rig.simulator.set_inbound("sms", f"{INBOUND}&token={token}")
        rig.simulator.tokens = "swapped"
        await rig.simulator.says("sms", ANA, "hi")
        swapped = rig.customer.requests[0].url.params["token"]
        assert jwt.decode(swapped, REPORT_KEYS[0], algorithms=["HS256"]) == {"sub": "in"}


async def test_two_rounds_at_once_post_each_callback_once() -> None:
    async def answers_late(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)
        return rig.customer(request)

    async with opened() as rig:
        rig.simulator.http = httpx.AsyncClient(transport=httpx.MockTransport(answers_late))
        await rig.sms()
        await asyncio.gather(rig.simulator.redeliver(), rig.simulator.redeliver())
        assert len(rig.customer.requests) == 1


async def test_callbacks_that_are_due_are_posted_in_the_order_of_their_times() -> None:
    async with opened() as rig:
        rig.customer.status, rig.simulator.pauses = 503, (600,)
        first = (await rig.sms())["id"]
        await rig.simulator.redeliver()
        rig.clock.advance(seconds=60)
        second = (await rig.sms())["id"]
        rig.customer.status = 200
        rig.clock.advance(seconds=600)
        await rig.simulator.redeliver()
        assert [body["messageId"] for body in rig.customer.told] == [first, second, first]


async def test_the_text_of_an_sms_of_the_other_api_is_reported_to_its_webhook_only() -> None:
    async with opened() as rig:
        rig.simulator.console("sms", "report", REPORT)
        await rig.registers("sms")
        await rig.sends_one("sms", TEXT)
        await rig.simulator.redeliver()
        assert [str(request.url) for request in rig.customer.requests] == [HOOK]
