"""How SMSGold's answers are read, which nobody has written down."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.adapter import Outcome, Receipt
from botkit.exceptions import PayloadError, ServiceError
from botkit.gateways.smsgold_answers import id_of, read_answer, read_list, word_of
from botkit.http_client import HttpAnswer


def answered(data: Any, status: int = 200, **headers: str) -> HttpAnswer:
    body = data if isinstance(data, bytes) else json.dumps(data).encode()
    return HttpAnswer(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


def receipt(data: Any, status: int = 200, **headers: str) -> Receipt:
    return read_answer(answered(data, status, **headers)).receipt


# --- messages


@pytest.mark.parametrize(
    ("data", "identity"),
    [
        ({"success": True, "id": "65f0"}, "65f0"),
        ({"id": 17}, "17"),
        ({"messageId": "a", "data": {"id": "b"}}, "a"),
        ({"message_id": "a"}, "a"),
        ({"data": {"id": "b"}, "result": {"id": "c"}}, "b"),
        ({"result": {"id": "c"}}, "c"),
        ({"id": "", "result": {"id": "c"}}, "c"),
        ({"id": None, "message_id": True}, ""),
        ({"id": "x" * 201}, ""),
        ({"success": True}, ""),
        ({"error": None, "errors": [], "error_code": 0, "errorCode": "0", "status": "ok"}, ""),
        ({"error": False}, ""),
        ([], ""),
        ("queued", ""),
        ({}, ""),
    ],
    ids=str,
)
def test_json_without_a_word_of_failure_means_accepted(data: Any, identity: str) -> None:
    assert receipt(data) == Receipt(Outcome.SENT, id=identity)
    assert receipt(data, 201).outcome is Outcome.SENT


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({"success": False, "error": "auth failed"}, "SMSGold reported an error"),
        ({"error": "canary text", "id": "65f0"}, "SMSGold reported an error"),
        ({"errors": ["canary"]}, "SMSGold reported an error"),
        ({"error_code": 17}, "SMSGold reported error 17"),
        ({"errorCode": "17", "message": "canary"}, "SMSGold reported error 17"),
        ({"error": True, "code": 403}, "SMSGold reported error 403"),
        ({"error_code": "canary"}, "SMSGold reported an error"),
        ({"ok": False}, "SMSGold reported an error"),
        ({"result": False}, "SMSGold reported an error"),
        ({"result": "false"}, "SMSGold reported an error"),
        ({"status": "error", "id": "65f0"}, "SMSGold reported an error"),
        (False, "SMSGold answered no"),
    ],
    ids=str,
)
def test_json_with_one_means_refused_and_the_reason_has_no_word_of_it(data: Any, reason: str) -> None:
    assert receipt(data) == Receipt(Outcome.REFUSED, reason=reason)


@pytest.mark.parametrize("body", [b"", b"OK", b"<html>", b"\xff", b"[" * 50_000, b"{"])
def test_what_is_not_json_means_accepted_unless_one_is_strict(body: bytes) -> None:
    lenient, strict = read_answer(answered(body)), read_answer(answered(body), is_strict=True)
    assert (lenient.receipt, lenient.is_read) == (Receipt(Outcome.SENT), False)
    assert (strict.receipt, strict.is_read) == (Receipt(Outcome.UNKNOWN, reason="the answer is not JSON"), False)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (302, Outcome.REFUSED),
        (400, Outcome.REFUSED),
        (401, Outcome.REFUSED),
        (404, Outcome.REFUSED),
        (405, Outcome.REFUSED),
        (429, Outcome.THROTTLED),
        (500, Outcome.UNKNOWN),
        (502, Outcome.UNKNOWN),
        (503, Outcome.NOT_SENT),
        (504, Outcome.UNKNOWN),
    ],
)
def test_only_two_statuses_say_that_nothing_was_sent_and_it_may_be_tried_again(status: int, outcome: Outcome) -> None:
    found = receipt({"success": True, "id": "65f0", "error": "canary"}, status)
    assert (found.outcome, found.reason, found.id) == (outcome, f"HTTP {status}", "")


def test_what_the_service_asks_to_wait_is_waited() -> None:
    assert receipt(b"", 429, retry_after="7").retry_after == 7
    assert receipt(b"", 503, retry_after="7").retry_after == 7
    assert receipt(b"", 429).retry_after == 1
    assert receipt(b"", 429, retry_after="Wed, 21 Oct 2026 07:28:00 GMT").retry_after == 1
    assert receipt(b"", 503).retry_after == 0


@given(st.binary(max_size=200), st.integers(100, 599), st.booleans())
def test_any_answer_means_something(body: bytes, status: int, strict: bool) -> None:
    assert isinstance(read_answer(answered(body, status), is_strict=strict).receipt, Receipt)


# --- lists

ANNA, BORIS = {"id": "a1", "name": "Anna"}, {"id": 22, "name": "Boris"}


def listed(data: Any) -> list[str]:
    return list(read_list(json.dumps(data).encode(), "subscribers").entries)


@pytest.mark.parametrize(
    "data",
    [
        [ANNA, BORIS],
        {"subscribers": [ANNA, BORIS], "items": []},
        {"items": [ANNA, BORIS], "other": []},
        {"data": [ANNA, BORIS]},
        {"result": [ANNA, BORIS], "total": 2},
        {"success": True, "payload": [ANNA, BORIS]},
        {"subscribers": None, "who": [ANNA, BORIS], "next": None, "has_more": False},
    ],
    ids=["bare", "by name", "items", "data", "result", "odd", "null by name"],
)
def test_a_list_is_found_bare_or_wrapped(data: Any) -> None:
    found = read_list(json.dumps(data).encode(), "subscribers")
    assert list(found.entries) == ["a1", "22"]
    assert found.entries["a1"] == ANNA
    assert found.is_whole


@pytest.mark.parametrize(
    "members",
    [{"next": "/page/2"}, {"hasMore": True}, {"has_more": 1}, {"cursor": "x"}, {"total": 3}, {"total_count": 3}],
    ids=str,
)
def test_a_list_that_goes_on_elsewhere_is_not_whole(members: dict[str, Any]) -> None:
    found = read_list(json.dumps({"items": [ANNA, BORIS], **members}).encode(), "subscribers")
    assert (len(found.entries), found.is_whole) == (2, False)


@pytest.mark.parametrize("entry", [7, "a2", None, {}, {"id": ""}, {"id": None}, {"id": True}, {"id": "a1"}], ids=str)
def test_a_list_with_an_entry_that_has_no_id_of_its_own_is_not_whole(entry: Any) -> None:
    found = read_list(json.dumps([ANNA, entry]).encode(), "subscribers")
    assert (list(found.entries), found.is_whole) == (["a1"], False)


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b'"list"', b'{"subscribers": {}}', b"[" * 50_000, b"\xff"])
def test_what_holds_no_list_is_an_error(body: bytes) -> None:
    with pytest.raises(PayloadError):
        read_list(body, "subscribers")


def test_an_error_in_place_of_a_list_is_the_service_s() -> None:
    with pytest.raises(ServiceError, match="SMSGold reported error 17 in place of the subscribers"):
        read_list(b'{"success": false, "error": "canary", "code": 17}', "subscribers")


def test_an_empty_list_is_a_list() -> None:
    assert listed([]) == listed({"subscribers": []}) == []


@pytest.mark.parametrize(("value", "identity"), [("a", "a"), (" a ", "a"), (7, "7"), (True, ""), (1.5, ""), (None, "")])
def test_an_id_is_a_text_or_a_whole_number(value: object, identity: str) -> None:
    assert id_of(value) == identity


def test_a_word_is_the_first_text_with_something_in_it() -> None:
    assert word_of({"name": " ", "title": "Shop"}, "name", "title") == "Shop"
    assert word_of({"name": 7}, "name") == ""
