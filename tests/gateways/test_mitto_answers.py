"""Mitto's answers: four shapes of success, the SMS API's numbers, and every form of error."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.adapter import Outcome, Receipt
from botkit.gateways.mitto_answers import (
    RESPONSE_CODES,
    Accepted,
    read_accepted,
    read_receipt,
    read_receipts,
    read_sms_receipt,
    read_words,
)
from botkit.http_client import HttpAnswer

TA = "33333333-2222-4333-8444-555555555555"
SHAPE_A = {
    "messageId": "aaaa1111-0000-4000-8000-000000000001",
    "sender": {"id": "bbbb1111-0000-4000-8000-000000000002", "messagingAppIdentifier": "shop_agent", "name": "Shop"},
    "conversation": {
        "id": "cccc1111-0000-4000-8000-000000000003",
        "participants": [
            {"id": "bbbb1111-0000-4000-8000-000000000002", "messagingAppIdentifier": "shop_agent", "name": "Shop"},
            {"messagingAppIdentifier": "1861000001"},
        ],
    },
    "createdAt": "2024-03-01T09:00:00.8954354Z",
    "updatedAt": "2024-03-01T09:00:00.8956709Z",
    "trafficAccountId": TA,
    "deliveryStatus": "Ready",
}
SHAPE_B = {"messages": [{"messageId": "01HQXEXAMPLE00000000000001", "trafficAccountId": TA}]}
SHAPE_C = ["id1", "id2"]
ONE, OTHER = "385910000001", "385910000002"
SHAPE_D = {
    "bulkId": "dddd1111-0000-4000-8000-000000000004",
    "messages": [
        {"destination": ONE, "trafficAccountId": TA, "messageId": "eeee1111-0000-4000-8000-000000000005"},
        {"destination": OTHER, "trafficAccountId": TA, "messageId": "eeee1111-0000-4000-8000-000000000006"},
    ],
}
SMS = {
    "id": "0a1b2c3d4e5f60718293a4b5c6d7e8f9",
    "timestamp": "2024-03-01T09:00:00.3091182Z",
    "responseCode": 0,
    "textLength": 5,
    "responseText": "SMS sent",
}


def answer(body: Any, status: int = 200, **headers: str) -> HttpAnswer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HttpAnswer(status, {name.replace("_", "-"): value for name, value in headers.items()}, content)


def bulk(*messages: dict[str, Any], to: list[str]) -> list[tuple[Outcome, str]]:
    found = read_receipts(answer({"bulkId": "b", "messages": messages}), to)
    return [(receipt.outcome, receipt.id) for receipt in found]


# --- success


@pytest.mark.parametrize(
    ("body", "ids"),
    [
        pytest.param(SHAPE_A, ["aaaa1111-0000-4000-8000-000000000001"], id="A"),
        pytest.param(SHAPE_A | {"id": "another"}, ["aaaa1111-0000-4000-8000-000000000001"], id="A-with-id"),
        pytest.param(SHAPE_B, ["01HQXEXAMPLE00000000000001"], id="B"),
        pytest.param(SHAPE_C, ["id1", "id2"], id="C"),
        pytest.param(SHAPE_D, ["eeee1111-0000-4000-8000-000000000005", "eeee1111-0000-4000-8000-000000000006"], id="D"),
    ],
)
def test_every_shape_of_success_is_read_by_its_structure(body: Any, ids: list[str]) -> None:
    receipt = read_receipt(answer(body))
    assert receipt == Receipt(Outcome.SENT, id=ids[0], others=tuple(ids[1:]))


def test_a_bulk_s_answer_names_destinations() -> None:
    first, _ = read_accepted(json.dumps(SHAPE_D).encode())
    assert first == Accepted("eeee1111-0000-4000-8000-000000000005", ONE)


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b"<html>", b"[1]", b'{"messageId":7}', b'{"messages":[{}]}', b'[""]']
)
def test_a_success_without_an_id_is_not_believed(body: bytes) -> None:
    assert read_receipt(answer(body)).outcome is Outcome.UNKNOWN
    assert [receipt.outcome for receipt in read_receipts(answer(body), [ONE, OTHER])] == [Outcome.UNKNOWN] * 2


@given(st.binary())
def test_any_answer_is_classed(body: bytes) -> None:
    assert read_receipt(answer(body)).outcome in (Outcome.UNKNOWN, Outcome.SENT)
    assert len(read_receipts(answer(body), [ONE, OTHER])) == 2
    assert read_sms_receipt(answer(body)).outcome in Outcome
    assert len(read_words(answer(body, 400))) <= 200


# --- bulk


def test_a_bulk_is_matched_by_destination_and_not_by_place() -> None:
    mixed = [{"destination": f"+{OTHER}", "messageId": "2"}, {"destination": ONE, "messageId": "1"}]
    assert bulk(*mixed, to=[ONE, OTHER]) == [(Outcome.SENT, "1"), (Outcome.SENT, "2")]


def test_a_destination_that_stands_twice_gets_both_its_ids() -> None:
    twice = [{"destination": ONE, "messageId": "1"}, {"destination": ONE, "messageId": "2"}]
    assert bulk(*twice, to=[ONE, ONE]) == [(Outcome.SENT, "1"), (Outcome.SENT, "2")]
    assert bulk(*twice, to=[ONE, ONE, ONE])[2] == (Outcome.REFUSED, "")
    assert bulk(*twice, to=[ONE]) == [(Outcome.SENT, "1")]


def test_who_is_missing_in_a_bulk_s_answer_was_refused() -> None:
    assert bulk({"destination": OTHER, "messageId": "2"}, to=[ONE, OTHER]) == [
        (Outcome.REFUSED, ""),
        (Outcome.SENT, "2"),
    ]


def test_of_whom_a_bulk_s_answer_has_no_id_was_refused() -> None:
    error: list[dict[str, Any]] = [{"destination": ONE, "error": "blocked"}, {"destination": OTHER, "messageId": "2"}]
    assert bulk(*error, to=[ONE, OTHER]) == [(Outcome.REFUSED, ""), (Outcome.SENT, "2")]
    assert bulk({"destination": ONE, "messageId": None}, to=[ONE]) == [(Outcome.UNKNOWN, "")]


@pytest.mark.parametrize("stray", [{"messageId": "1"}, {"messageId": "1", "destination": "0385910000001"}])
def test_an_id_of_nobody_may_be_anybody_s_who_is_missing(stray: dict[str, Any]) -> None:
    found = bulk(stray, {"destination": OTHER, "messageId": "2"}, to=[ONE, OTHER])
    assert found == [(Outcome.UNKNOWN, ""), (Outcome.SENT, "2")], "it may have been sent: refused, it would go again"


def test_ids_without_destinations_are_in_the_order_of_the_request_when_none_is_missing() -> None:
    bare: list[dict[str, Any]] = [{"messageId": "1", "destination": None}, {"messageId": "2"}]
    assert bulk(*bare, to=[ONE, OTHER]) == [(Outcome.SENT, "1"), (Outcome.SENT, "2")]
    assert bulk(*bare, to=[ONE, OTHER, "385910000003"]) == [(Outcome.UNKNOWN, "")] * 3


def test_a_bulk_that_is_refused_is_refused_for_everybody() -> None:
    receipts = read_receipts(answer({"message": "no"}, 400), [ONE, OTHER])
    assert receipts == [Receipt(Outcome.REFUSED, reason="HTTP 400")] * 2


# --- errors


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        *((status, Outcome.REFUSED) for status in (301, 400, 401, 403, 404, 415, 422)),
        (429, Outcome.THROTTLED),
        *((status, Outcome.NOT_SENT) for status in (408, 500, 503)),
        *((status, Outcome.UNKNOWN) for status in (501, 502, 504)),
    ],
)
def test_an_error_is_classed_by_its_status(status: int, outcome: Outcome) -> None:
    receipt = read_receipt(answer({"message": "canary"}, status))
    assert (receipt.outcome, receipt.reason) == (outcome, f"HTTP {status}")
    assert [read_sms_receipt(answer(b"<html>", status)).outcome] == [outcome]


@pytest.mark.parametrize(("given", "seconds"), [("7", 7), ("0", 1), ("", 1), ("soon", 1), ("-3", 1), ("9" * 30, 1)])
def test_a_flooded_gateway_says_how_long_to_wait_or_it_is_a_second(given: str, seconds: float) -> None:
    assert read_receipt(answer(b"", 429, retry_after=given)).retry_after == seconds


def test_a_gateway_that_is_down_may_say_how_long() -> None:
    assert read_receipt(answer(b"", 503, retry_after="30")).retry_after == 30
    assert read_receipt(answer(b"", 503)).retry_after == 0


def test_an_error_s_reason_names_fields_and_repeats_no_words() -> None:
    problem = {
        "title": "canary",
        "errors": {"sms.sender": ["canary"], "can ary!": ["x"], "a[0].b": [], "c": [], "d": []},
    }
    assert read_receipt(answer(problem, 400)).reason == "HTTP 400 (sms.sender, a[0].b, c)"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"message": "no such account"}, "no such account"),
        ({"error": "no such account"}, "no such account"),
        ({"title": "no such account", "errors": {}}, "no such account"),
        (b"no such account\nsecond line", "no such account"),
        ({"message": 7}, ""),
        (b"", ""),
        (b"\xff", "\ufffd"),
    ],
)
def test_the_words_of_an_error_are_found_in_every_form(body: Any, words: str) -> None:
    assert read_words(answer(body, 400)) == words


# --- the SMS API


def test_a_text_message_that_was_taken_has_the_sms_api_s_own_id() -> None:
    assert read_sms_receipt(answer(SMS)) == Receipt(Outcome.SENT, id="0a1b2c3d4e5f60718293a4b5c6d7e8f9")
    assert read_sms_receipt(answer(SMS | {"responseCode": "0", "textLength": "5"})).outcome is Outcome.SENT


def test_a_test_without_an_id_was_taken_as_well() -> None:
    assert read_sms_receipt(answer({"responseCode": 0})) == Receipt(Outcome.SENT)


@pytest.mark.parametrize("code", RESPONSE_CODES)
@pytest.mark.parametrize("status", [200, 400])
def test_a_response_code_counts_more_than_the_status(code: int, status: int) -> None:
    receipt = read_sms_receipt(answer(SMS | {"responseCode": code}, status))
    assert receipt.outcome is (Outcome.NOT_SENT if code == 1 else Outcome.REFUSED)
    assert receipt.reason == f"responseCode {code} {RESPONSE_CODES[code]}"


@pytest.mark.parametrize(
    ("status", "outcome"), [(500, Outcome.NOT_SENT), (502, Outcome.UNKNOWN), (400, Outcome.REFUSED)]
)
def test_a_response_code_of_success_is_not_believed_beside_an_error(status: int, outcome: Outcome) -> None:
    assert read_sms_receipt(answer(SMS, status)).outcome is outcome


@pytest.mark.parametrize("code", [0, 1, 8])
def test_a_flooded_sms_api_is_given_time_whatever_its_code(code: int) -> None:
    receipt = read_sms_receipt(answer({"responseCode": code}, 429, retry_after="7"))
    assert receipt == Receipt(Outcome.THROTTLED, reason="HTTP 429", retry_after=7)


def test_a_response_code_that_nobody_knows_is_a_refusal() -> None:
    assert read_sms_receipt(answer({"responseCode": 99})) == Receipt(Outcome.REFUSED, reason="responseCode 99")


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b'{"responseCode":null}', b'{"responseCode":"sent"}', b'{"id":"1"}']
)
def test_a_success_without_a_response_code_is_not_believed(body: bytes) -> None:
    assert read_sms_receipt(answer(body)).outcome is Outcome.UNKNOWN


def test_a_key_that_is_wrong_is_a_refusal() -> None:
    assert read_sms_receipt(answer(b"", 401)) == Receipt(Outcome.REFUSED, reason="HTTP 401")
