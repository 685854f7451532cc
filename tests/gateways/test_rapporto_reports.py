import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from botkit.conversation import Account
from botkit.events import (
    Event,
    MessageDelivered,
    MessageFailed,
    MessageReceived,
    MessageSeen,
    Subscribed,
    UnknownEvent,
    Unsubscribed,
)
from botkit.gateways.rapporto_events import LinkClicked
from botkit.gateways.rapporto_reports import REASONS, read_events
from tests.gateways.rapporto_desk import PAYLOADS, Json

ACCOUNT = Account("rapporto", "demo")


def body_of(name: str) -> Json:
    found: Json = json.loads(json.loads((PAYLOADS / f"{name}.json").read_text("utf-8"))["body"])
    return found


def read(name: str, **members: Any) -> Event:
    (event,) = read_all(name, **members)
    return event


def read_all(name: str, **members: Any) -> list[Event]:
    body = {key: value for key, value in (body_of(name) | members).items() if value is not ...}
    return read_events(ACCOUNT, json.dumps(body).encode())


# --- reports


@pytest.mark.parametrize(
    ("status", "kind"), [(2, MessageDelivered), (5, MessageFailed), (9, MessageSeen), (1, UnknownEvent)]
)
def test_a_status_may_be_a_number_or_a_string(status: int, kind: type[Event]) -> None:
    number, string = read("delivered", status=status), read("delivered", status=str(status))
    assert type(number) is type(string) is kind
    assert number.id == string.id


@pytest.mark.parametrize("status", [0, "0"])
def test_that_a_message_was_passed_on_is_no_event(status: object) -> None:
    assert read_all("delivered", status=status) == []


@pytest.mark.parametrize("status", [None, "", "x", -1, True, 2.0, [], 10**50])
def test_a_status_that_nobody_knows_is_an_unknown_event(status: object) -> None:
    assert isinstance(read("delivered", status=status), UnknownEvent)


def test_the_ways_of_a_cascade_are_told_apart_by_their_type() -> None:
    ids = [getattr(read("delivered", type=kind), "receipt_id", "") for kind in ("VIBER", "SMS", "sms")]
    assert ids == ["7390000042:VIBER", "7390000042:SMS", "7390000042:SMS"]


@pytest.mark.parametrize("code", REASONS)
def test_why_a_message_was_not_delivered_is_told_by_code_and_name(code: str) -> None:
    event = read("undelivered", errorCode=code)
    assert isinstance(event, MessageFailed)
    assert event.reason == f"{code} {REASONS[code]}"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        *((6, "6 teleservice-not-provisioned"), ("77", "77"), ("new-code", "new-code"), (..., "unknown")),
        *(("", "unknown"), (None, "unknown"), ("what the person wrote", "unknown"), ("x" * 41, "unknown")),
    ],
)
def test_a_code_that_is_not_known_is_kept_and_nothing_else_is(code: object, reason: str) -> None:
    event = read("undelivered", errorCode=code)
    assert isinstance(event, MessageFailed)
    assert event.reason == reason


@pytest.mark.parametrize("done", [..., None, "", "soon"])
def test_without_its_own_instant_a_report_has_that_of_the_message(done: object) -> None:
    assert read("delivered", doneDate=done).at == datetime(2025, 3, 3, 8, 2, 1, tzinfo=UTC)


def test_without_any_instant_a_report_is_of_now() -> None:
    at = read("delivered", doneDate="", submitDate=...).at
    assert timedelta() <= datetime.now(UTC) - at < timedelta(minutes=1)


@pytest.mark.parametrize("number", [..., "", "SHOP", 5])
def test_a_report_that_names_nobody_is_found_by_its_message(number: object) -> None:
    event = read("delivered", destAddr=number)
    assert event.conversation.id == "?7390000042:TELEGRAM"
    assert event.user is None


def test_a_report_names_the_conversation_in_e164() -> None:
    assert read("delivered", destAddr="8-999-000-11-22").conversation.id == "+79990001122"


@pytest.mark.parametrize("number", ["", None, [], {}])
def test_a_report_that_names_no_message_is_an_unknown_event(number: object) -> None:
    assert isinstance(read("delivered", mtNum=number), UnknownEvent)
    assert read("delivered", mtNum=number, destAddr="").conversation.id == "-"


# --- events


def test_a_view_is_a_message_seen_and_a_click_has_its_counts() -> None:
    assert isinstance(read("event_view"), MessageSeen)
    event = read("event_click")
    assert isinstance(event, LinkClicked)
    assert (event.receipt_id, event.views, event.clicks) == ("7390000042:TELEGRAM", 3, 1)


@pytest.mark.parametrize("count", [..., None, "", "x", -1, True, 10**50])
def test_a_count_that_is_none_is_not_told(count: object) -> None:
    event = read("event_click", viewsCount=count, clicksCount=count)
    assert isinstance(event, LinkClicked)
    assert (event.views, event.clicks) == (None, None)


@pytest.mark.parametrize("nothing", [None, ""])
def test_an_event_without_a_type_is_a_report(nothing: object) -> None:
    assert read("event_click", eventType=nothing) == read("read", **body_of("event_click") | {"eventType": nothing})
    assert isinstance(read("event_click", eventType=nothing), MessageSeen)


# --- repeats


def test_a_repeated_report_has_the_same_id_and_what_does_not_matter_changes_nothing() -> None:
    assert read("delivered").id == read("delivered", id=..., partCount=1, segmentPrice=2.5).id


@pytest.mark.parametrize(
    "members",
    [
        *({"mtNum": "1"}, {"type": "SMS"}, {"status": 2}, {"eventType": "view"}),
        *({"eventDate": "2025-03-03T11:06:13+0300"}, {"viewsCount": 4}, {"clicksCount": 2}),
    ],
    ids=lambda members: next(iter(members)),
)
def test_another_view_or_click_is_another_event(members: Json) -> None:
    assert read("event_click").id != read("event_click", **members).id


# --- what people write


def test_a_message_is_known_by_its_transaction() -> None:
    assert read("inbound_text").id == read("inbound_text", partCount=2).id
    assert read("inbound_text").id != read("inbound_text", transactionId="20250303112245000018").id


@pytest.mark.parametrize(
    ("url", "is_media"), [("https://a.example/1.jpg", True), ("javascript:1", False), ("", False), (5, False)]
)
def test_a_picture_is_an_address(url: object, is_media: bool) -> None:
    event = read("inbound_image", mediaURL=url)
    assert isinstance(event, MessageReceived)
    assert (event.media is not None) is is_media
    assert event.text == ""


@pytest.mark.parametrize("text", [..., None, 5])
def test_a_message_without_a_text_has_none(text: object) -> None:
    event = read("inbound_text", message=text)
    assert isinstance(event, MessageReceived)
    assert event.text == ("5" if text == 5 else "")


@pytest.mark.parametrize("kind", ["SMS", "VIBER", "WhatsApp"])
def test_who_says_stop_leaves_on_each_network_and_comes_back_with_start(kind: str) -> None:
    assert isinstance(read("inbound_text", type=kind, message="STOP"), Unsubscribed)
    assert isinstance(read("inbound_text", type=kind, message="start"), Subscribed)
    assert isinstance(read("inbound_text", type=kind, message="stop it"), MessageReceived)


@pytest.mark.parametrize("members", [{"transactionId": ""}, {"transactionId": None}, {"sourceAddr": "BANK"}])
def test_a_message_of_nobody_is_an_unknown_event(members: Json) -> None:
    assert isinstance(read("inbound_text", **members), UnknownEvent)


def test_reports_and_messages_may_come_to_one_address() -> None:
    kinds = [type(read(name)) for name in ("delivered", "event_click", "inbound_text", "unknown")]
    assert kinds == [MessageDelivered, LinkClicked, MessageReceived, UnknownEvent]
