"""The API of the simulated Mitto: keys, paths, JSON, shapes, rates, bulk."""

import re
from typing import Any

import pytest

from botkit.simulators.mitto_contents import Bounds
from botkit.simulators.wire import ConnectionDroppedError, Fault
from tests.simulators.mitto_rig import ANA, BOB, CONTENTS, KEY, TEXT, TO, TO_BOB, Rig, callback, opened

Json = dict[str, Any]

SEND = "/api/v1.1/Messages/send"
BODY: Json = {"trafficAccountId": "sms", "destination": TO, "sms": TEXT}
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z")
ULID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


async def posted(rig: Rig, content: str | bytes, content_type: str = "application/json") -> int:
    answer = await rig.http.post(SEND, content=content, headers={"Content-Type": content_type})
    return answer.status_code


# Keys


@pytest.mark.parametrize("key", ["", "another key", KEY.upper()])
@pytest.mark.parametrize("status", [401, 403])
async def test_a_call_without_a_known_key_is_refused(key: str, status: Any) -> None:
    async with opened() as rig:
        rig.simulator.bad_key_status = status
        for api, path in ((rig.http, SEND), (rig.http, "/api/v1/TrafficAccounts"), (rig.sms_api, "/sms")):
            assert (await api.post(path, json=BODY, headers={"X-Mitto-API-Key": key})).status_code == status
        assert rig.sees("sms") == []


async def test_a_key_opens_its_own_accounts_and_no_others() -> None:
    async with opened() as rig:
        rig.opens_account("sms2", "the key of somebody else")
        assert (await rig.sends("sms2", TEXT)).status_code == 400
        answer = await rig.http.get("/api/v1/TrafficAccounts", headers={"X-Mitto-API-Key": "the key of somebody else"})
        assert answer.json() == [{"id": "sms2", "name": "sms2", "channel": "sms"}]
        own = await rig.http.get("/api/v1.1/trafficaccounts")
        assert [account["channel"] for account in own.json()] == ["sms", "gbm", "viber", "telegram", "whatsapp"]


async def test_a_message_of_another_key_is_not_there() -> None:
    async with opened() as rig:
        message_id = await rig.sends_one("sms2", TEXT)
        rig.opens_account("sms2", "the key of somebody else")
        assert (await rig.http.get(f"/api/v1.1/Messages/{message_id}")).status_code == 404


# Paths


@pytest.mark.parametrize(
    "path",
    ["/api/v1.1/Messages/send", "/api/v1/messages/send", "/api/v1/Message/send", "/API/V1.1/MESSAGE/SEND"],
)
async def test_a_message_is_sent_at_any_spelling_of_the_path(path: str) -> None:
    async with opened() as rig:
        assert (await rig.sends("sms", TEXT, path)).status_code == 200
        assert rig.sees("sms") == ["Hello"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/messages/send", 404),
        ("POST", "/api/v2/Messages/send", 404),
        ("POST", "/api/v1x1/Messages/send", 404),
        ("POST", "/api/v1.1/Messages/send/", 404),
        ("POST", "/api/v1/Messages/sendbulk", 404),
        ("POST", "/api/v1/Messages/sendmessagesbulk", 404),
        ("POST", "/sms", 404),
        ("GET", "/api/v1.1/Messages/send", 405),
        ("PUT", "/api/v1.1/Messages/send", 405),
        ("POST", "/api/v1.1/Messages/01HQXEXAMPLE00000000000001", 405),
        ("GET", "/api/v1.1/Messages/01HQXEXAMPLE00000000000001", 404),
    ],
)
async def test_elsewhere_is_nothing(method: str, path: str, status: int) -> None:
    async with opened() as rig:
        assert (await rig.http.request(method, path, json=BODY)).status_code == status


# JSON


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 200),
        ("application/JSON; charset=UTF-8", 200),
        ('application/json; charset="utf-8"', 200),
        ("application/json; charset=windows-1251", 415),
        ("application/JSON.", 415),
        ("text/json", 415),
        ("application/x-www-form-urlencoded", 415),
        ("", 415),
    ],
)
async def test_a_request_is_json_and_says_so(content_type: str, status: int) -> None:
    async with opened() as rig:
        content = f'{{"trafficAccountId": "sms", "destination": "{TO}", "sms": {{"text": "Hi"}}}}'
        assert await posted(rig, content, content_type) == status


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b'"text"',
        b'{"trafficAccountId": "sms", // the shop\n "destination": "385910000001", "sms": {"text": "Hi"}}',
        b'{"trafficAccountId": "sms", "destination": "385910000001", "sms": {"text": "Hi"}',
        b'{"trafficAccountId": "sms", "destination": "385910000001", "sms": {"text": "Hi"},}',
        b'{"trafficAccountId": "sms", "destination": "385910000001", "sms": {"text": "Hi", "text": "Hi"}}',
        b'{"trafficAccountId": "sms", "destination": "385910000001", "sms": {"text": "Hi"}, "Sms": {}}',
        b'{"trafficAccountId": "sms", "destination": "385910000001", "sms": {"text": "\xff"}}',
        b'{"trafficAccountId": "sms", "destination": "385910000001", "sms": {"text": NaN}}',
        b"[" * 100_000,
    ],
    ids=[
        *("empty", "list", "text", "comment", "open", "comma", "twice", "twice in capitals", "no UTF-8", "NaN", "deep"),
    ],
)
async def test_json_is_read_strictly(content: bytes) -> None:
    async with opened() as rig:
        assert await posted(rig, content) == 400


# Refusals


@pytest.mark.parametrize(
    ("style", "body"),
    [
        ("message", {"message": "sms.text: a text is required"}),
        ("error", {"error": "sms.text: a text is required"}),
    ],
)
async def test_a_refusal_is_written_in_one_of_the_known_forms(style: Any, body: Json) -> None:
    async with opened() as rig:
        rig.simulator.errors = style
        answer = await rig.sends("sms", {"sender": "BotKit"})
        assert (answer.status_code, answer.json()) == (400, body)


async def test_a_refusal_may_be_a_problem_document() -> None:
    async with opened() as rig:
        rig.simulator.errors = "problem"
        answer = await rig.sends("sms", {"sender": "BotKit"})
        assert answer.headers["content-type"] == "application/problem+json"
        assert (answer.json()["status"], answer.json()["errors"]) == (400, {"sms.text": ["a text is required"]})
        unknown = (await rig.http.get("/api/v1.1/Messages/x")).json()
        assert (unknown["status"], unknown["title"]) == (404, "there is no such message")


@pytest.mark.parametrize("says_when", [True, False])
async def test_one_request_too_many_in_a_second_is_refused_and_not_carried_out(says_when: bool) -> None:
    async with opened() as rig:
        rig.simulator.rate, rig.simulator.says_retry_after = 2, says_when
        statuses = [(await rig.sends("sms", TEXT)).status_code for _ in range(3)]
        other = (await rig.sends("viber", CONTENTS["viber"])).status_code
        answer = await rig.sends("sms", TEXT)
        assert (statuses, other, answer.status_code) == ([200, 200, 429], 200, 429)
        assert answer.headers.get("retry-after") == ("1" if says_when else None)
        rig.clock.advance(seconds=1)
        assert (await rig.sends("sms", TEXT)).status_code == 200
        assert rig.sees("sms") == ["Hello"] * 3


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_fault_is_answered_in_place_of_the_call(status: int) -> None:
    async with opened() as rig:
        headers = {"Retry-After": "7", "Content-Type": "text/html"}
        rig.simulator.wire.faults.append(Fault(status, b"<html>sorry</html>", headers))
        answer = await rig.sends("sms", TEXT)
        assert (answer.status_code, answer.text, answer.headers["retry-after"]) == (status, "<html>sorry</html>", "7")
        assert answer.headers["content-type"] == "text/html"
        assert rig.sees("sms") == []


async def test_a_connection_may_break_after_the_message_was_taken() -> None:
    async with opened() as rig:
        rig.simulator.wire.faults.append(Fault(before=False, drop=True))
        with pytest.raises(ConnectionDroppedError):
            await rig.sends("sms", TEXT)
        assert [message.destination for message in rig.simulator.sent("sms")] == [TO]


# Answers


async def test_the_first_version_answers_with_the_message() -> None:
    async with opened() as rig:
        answer = (await rig.sends("telegram", CONTENTS["telegram"], "/api/v1/messages/send")).json()
        assert INSTANT.fullmatch(answer["createdAt"])
        assert INSTANT.fullmatch(answer["updatedAt"])
        sender = answer["sender"]
        assert sender == {"id": sender["id"], "messagingAppIdentifier": "telegram", "name": "telegram"}
        person = {"messagingAppIdentifier": rig.address("telegram")}
        assert answer["conversation"]["participants"] == [sender, person]
        assert (answer["trafficAccountId"], answer["deliveryStatus"]) == ("telegram", "Ready")
        assert "id" not in answer


@pytest.mark.parametrize("ta", ["sms", "viber", "whatsapp"])
async def test_people_with_a_phone_are_named_by_their_number(ta: str) -> None:
    async with opened() as rig:
        answer = (await rig.sends(ta, CONTENTS[ta], "/api/v1/messages/send")).json()
        assert answer["conversation"]["participants"][1] == {"phoneNumber": TO}
        assert ("id" in answer) is (ta == "viber")


async def test_the_answer_tells_a_message_as_it_was_taken_even_if_it_has_arrived_since() -> None:
    async with opened() as rig:
        answer = (await rig.sends("viber", CONTENTS["viber"], "/api/v1/messages/send")).json()
        assert (answer["deliveryStatus"], rig.sees("viber")) == ("Ready", ["Hello"])


async def test_the_newer_version_answers_with_a_list_of_ids() -> None:
    async with opened() as rig:
        answer = (await rig.sends("sms", TEXT)).json()
        (message,) = answer["messages"]
        assert (answer.keys(), message.keys()) == ({"messages"}, {"trafficAccountId", "messageId"})


async def test_the_shapes_of_the_answers_can_be_exchanged() -> None:
    async with opened() as rig:
        rig.simulator.shapes = {"1": "B", "1.1": "A"}
        assert "messages" in (await rig.sends("sms", TEXT, "/api/v1/messages/send")).json()
        assert "conversation" in (await rig.sends("sms", TEXT)).json()


async def test_a_failover_is_answered_with_bare_ids_or_with_a_list_of_them() -> None:
    async with opened() as rig:
        bare = (await rig.fails_over("viber", "sms")).json()
        assert all(map(ULID.fullmatch, bare))
        rig.simulator.failover_shape = "B"
        listed = (await rig.fails_over("viber", "sms")).json()
        assert [message["trafficAccountId"] for message in listed["messages"]] == ["viber", "sms"]


@pytest.mark.parametrize(("ids", "form"), [("ulid", ULID), ("uuid", UUID)])
async def test_ids_have_one_of_two_forms_and_differ(ids: Any, form: re.Pattern[str]) -> None:
    async with opened() as rig:
        rig.simulator.ids = ids
        found = [await rig.sends_one("sms", TEXT) for _ in range(3)]
        assert len(set(found)) == 3
        assert all(map(form.fullmatch, found))


async def test_answers_may_have_members_that_nobody_knows() -> None:
    async with opened() as rig:
        rig.simulator.extras = {"region": "eu"}
        single = (await rig.sends("sms", TEXT)).json()
        first = (await rig.sends("sms", TEXT, "/api/v1/messages/send")).json()
        assert (single["region"], single["messages"][0]["region"], first["region"]) == ("eu", "eu", "eu")


# Reading back


async def test_a_message_is_read_back_with_what_was_asked_for() -> None:
    async with opened() as rig:
        message_id = await rig.sends_one("sms", {"text": "x" * 161})
        answer = (await rig.http.get(f"/api/v1/messages/{message_id}")).json()
        assert (answer["messageId"], answer["text"], answer["messageParts"]) == (message_id, "x" * 161, 2)
        assert answer["requestInfo"] == {"trafficAccountId": "sms", "destination": TO, "sms": {"text": "x" * 161}}


async def test_a_message_is_read_back_with_its_tag() -> None:
    async with opened() as rig:
        rig.simulator.bounds = Bounds(takes_reference=True)
        answer = await rig.sends("sms", TEXT, reference="r-1")
        message_id = answer.json()["messages"][0]["messageId"]
        assert (await rig.http.get(f"/api/v1.1/Messages/{message_id}")).json()["reference"] == "r-1"


@pytest.mark.parametrize(
    ("text", "parts"), [("x" * 160, 1), ("x" * 306, 2), ("x" * 307, 3), ("я" * 70, 1), ("я" * 71, 2)]
)
async def test_a_long_sms_has_several_parts(text: str, parts: int) -> None:
    async with opened() as rig:
        message_id = await rig.sends_one("sms", {"text": text})
        assert (await rig.http.get(f"/api/v1.1/Messages/{message_id}")).json()["messageParts"] == parts


async def test_the_life_of_a_message_can_be_followed() -> None:
    async with opened() as rig:
        rig.simulator.delivery_seconds = 5
        ids = [await rig.sends_one("viber", CONTENTS["viber"])]
        followed = await rig.statuses(ids)
        rig.clock.advance(seconds=5)
        followed += await rig.statuses(ids)
        await rig.simulator.looks("viber", ANA)
        assert followed + await rig.statuses(ids) == ["Ready", "Delivered", "Seen"]


async def test_a_status_may_be_spelled_otherwise() -> None:
    async with opened() as rig:
        rig.simulator.words = {"Delivered": "DELIVERED_TO_HANDSET"}
        assert await rig.statuses([await rig.sends_one("sms", TEXT)]) == ["DELIVERED_TO_HANDSET"]


async def test_a_failure_says_why() -> None:
    async with opened() as rig:
        rig.simulator.without(ANA, "viber")
        message_id = await rig.sends_one("viber", CONTENTS["viber"])
        answer = (await rig.http.get(f"/api/v1.1/Messages/{message_id}")).json()
        assert (answer["deliveryStatus"], answer["description"]) == ("Failure", "the person has no viber")


# Bulk


async def bulk(rig: Rig, *destinations: str, **change: Any) -> Json:
    body = {"trafficAccountId": "sms", "destinations": list(destinations), "sms": TEXT} | change
    answer: Json = (await rig.http.post("/api/v1.1/Messages/sendbulk", json=body)).json()
    return answer


async def test_a_bulk_gives_each_destination_an_id_even_when_it_is_there_twice() -> None:
    async with opened() as rig:
        answer = await bulk(rig, TO, TO_BOB, TO)
        assert [message["destination"] for message in answer["messages"]] == [TO, TO_BOB, TO]
        assert len({message["messageId"] for message in answer["messages"]}) == 3
        assert UUID.fullmatch(answer["bulkId"])
        assert (rig.sees("sms", ANA), rig.sees("sms", BOB)) == (["Hello", "Hello"], ["Hello"])


async def test_a_bulk_may_be_answered_in_another_order() -> None:
    async with opened() as rig:
        rig.simulator.shuffles = True
        assert [message["destination"] for message in (await bulk(rig, TO, TO_BOB))["messages"]] == [TO_BOB, TO]


async def test_a_bulk_may_forget_a_destination() -> None:
    async with opened() as rig:
        rig.simulator.omits = frozenset({TO})
        assert [message["destination"] for message in (await bulk(rig, TO, TO_BOB))["messages"]] == [TO_BOB]
        assert (rig.sees("sms", ANA), rig.sees("sms", BOB)) == ([], ["Hello"])
        assert (await rig.sends("sms", TEXT)).status_code == 200
        assert rig.sees("sms", ANA) == ["Hello"]


async def test_a_bulk_with_one_bad_destination_is_refused_as_a_whole() -> None:
    async with opened() as rig:
        answer = await bulk(rig, TO, "x")
        assert answer == {"message": "destinations: it is no address of sms"}
        assert rig.sees("sms") == []


async def test_a_bulk_with_a_failover_has_every_step_of_every_destination() -> None:
    async with opened() as rig:
        timeout = {"status": "Delivered", "timeoutInSeconds": 45, "trafficAccounts": ["viber", "sms"]}
        body = {"destinations": [TO, TO_BOB], "viber": CONTENTS["viber"], "sms": TEXT}
        body["failover"] = {"type": "Timeout", "timeoutFailover": timeout}
        messages = (await rig.http.post("/api/v1.1/Messages/sendbulk", json=body)).json()["messages"]
        found = [(message["destination"], message["trafficAccountId"]) for message in messages]
        assert found == [(TO, "viber"), (TO, "sms"), (TO_BOB, "viber"), (TO_BOB, "sms")]


async def test_several_messages_in_one_request_are_answered_without_their_destinations() -> None:
    async with opened() as rig:
        viber = {"trafficAccountId": "viber", "destination": TO_BOB, "viber": CONTENTS["viber"]}
        answer = await rig.http.post("/api/v1.1/Messages/sendmessagesbulk", json={"messages": [BODY, viber]})
        messages = answer.json()["messages"]
        assert [message["trafficAccountId"] for message in messages] == ["sms", "viber"]
        assert all(message.keys() == {"trafficAccountId", "messageId"} for message in messages)
        assert (rig.sees("sms"), rig.sees("viber", BOB)) == (["Hello"], ["Hello"])


async def test_how_many_destinations_a_bulk_may_have_can_be_set() -> None:
    async with opened() as rig:
        rig.simulator.bounds = Bounds(destinations=1)
        assert "message" in await bulk(rig, TO, TO_BOB)


# The log


async def test_the_log_names_calls_and_accounts_and_hides_every_secret() -> None:
    async with opened() as rig:
        await rig.sends("sms", TEXT)
        await rig.sms(callback=callback())
        await rig.registers("viber", headers={"X-Secret": "the secret of the hook"})
        await rig.sends("viber", CONTENTS["viber"])
        await rig.simulator.redeliver()
        log = list(rig.simulator.wire)
        assert [(exchange.name, exchange.account) for exchange in log] == [
            ("send", "sms"),
            ("sms", "sms"),
            ("webhooks", "sms"),
            ("send", "viber"),
            ("report", "sms"),
            ("report", "viber"),
        ]
        written = repr(log)
        assert not [secret for secret in (KEY, "the secret of the hook", "eyJ") if secret in written]


async def test_a_call_that_is_no_json_is_logged_as_it_came() -> None:
    async with opened() as rig:
        await rig.http.post(SEND, content=b"{", headers={"Content-Type": "application/json"})
        (exchange,) = rig.simulator.wire.calls("send")
        assert (exchange.request, exchange.status, exchange.body) == (b"{", 400, None)


async def test_an_unknown_call_is_logged_too() -> None:
    async with opened() as rig:
        await rig.http.request("GET", "/api/v1.1/Statistic")
        assert [exchange.status for exchange in rig.simulator.wire.calls("unknown")] == [404]
