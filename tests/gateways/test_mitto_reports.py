"""What Mitto posts, read as events: every sample, every spelling, every status, and any bytes at all."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from botkit.addresses import AddressKind
from botkit.conversation import Account, Conversation
from botkit.events import (
    Event,
    MessageDelivered,
    MessageExpired,
    MessageFailed,
    MessageReceived,
    MessageSeen,
    Subscribed,
    UnknownEvent,
    Unsubscribed,
)
from botkit.exceptions import PayloadError
from botkit.gateways.mitto_reports import (
    Source,
    bound_id,
    read_delivery_report,
    read_fields,
    read_inbound_sms,
    read_messages,
    read_stored,
)

NOW = datetime(2024, 3, 1, 12, tzinfo=UTC)
ACCOUNT = Account("mitto", "demo")
SMS = Source(ACCOUNT, AddressKind.PHONE, NOW, has_consent_words=True)
VIBER = Source(ACCOUNT, AddressKind.PHONE, NOW)
TELEGRAM = Source(ACCOUNT, AddressKind.CONVERSATION, NOW)
ANA = "+385910000001"
KEY = "e" * 24

DLR = {"messageId": "0a1b2c3d4e5f60718293a4b5c6d7e8f9", "status": "DELIVERED", "errorcode": "0"}
INBOUND = {
    "from": "385910000001",
    "to": "385990000009",
    "text": "STOP",
    "messageId": "in-1",
    "timestamp": "2024-03-01T09:00:00Z",
}
WRITTEN = {
    "messageId": "01HQXEXAMPLE00000000000001",
    "trafficAccountId": "33333333-2222-4333-8444-555555555555",
    "text": "Hi there",
    "sender": {"messagingAppIdentifier": "1861000001", "name": "Ana"},
    "conversation": {"id": "cccc1111-0000-4000-8000-000000000003", "participants": []},
    "createdAt": "2024-03-01T09:00:00.1234567Z",
    "deliveryStatus": None,
}
SENT = {
    "messageId": "aaaa1111-0000-4000-8000-000000000001",
    "sender": {"id": "bbbb1111-0000-4000-8000-000000000002", "phoneNumber": "385990000009", "name": "Shop"},
    "conversation": {
        "id": "cccc1111-0000-4000-8000-000000000003",
        "participants": [
            {"id": "bbbb1111-0000-4000-8000-000000000002", "phoneNumber": "385990000009", "name": "Shop"},
            {"phoneNumber": "385910000001"},
        ],
    },
    "createdAt": "2024-03-01T09:00:00.8954354Z",
    "updatedAt": "2024-03-01T09:00:30.8956709Z",
    "deliveryStatus": "Delivered",
}


def encoded(body: Any) -> bytes:
    return json.dumps(body).encode()


def report(**members: Any) -> Event | None:
    body = encoded(DLR | members)
    found = read_delivery_report(SMS, ANA, KEY, read_fields(body), body)
    return found[0] if found else None


def inbound(body: dict[str, Any]) -> Event:
    (event,) = read_inbound_sms(SMS, read_fields(encoded(body)), encoded(body))
    return event


def posted(body: Any, source: Source = VIBER) -> list[Event]:
    return list(read_messages(source, encoded(body)))


# --- delivery reports


def test_a_delivery_report_belongs_to_the_conversation_of_its_token() -> None:
    event = report()
    assert isinstance(event, MessageDelivered)
    assert (event.conversation, event.receipt_id) == (Conversation(ACCOUNT, ANA), f"{DLR['messageId']}.{KEY}")
    assert (event.at, event.raw) == (NOW, DLR)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("DELIVERED", MessageDelivered),
        ("Delivered", MessageDelivered),
        (" delivered ", MessageDelivered),
        ("SEEN", MessageSeen),
        ("Read", MessageSeen),
        ("EXPIRED", MessageExpired),
        ("FAILED", MessageFailed),
        ("Failure", MessageFailed),
        ("UNDELIVERED", MessageFailed),
        ("REJECTED", MessageFailed),
    ],
)
def test_a_status_means_one_event_whatever_its_case(status: str, kind: type[Event]) -> None:
    assert type(report(status=status)) is kind
    (event,) = posted(SENT | {"deliveryStatus": status})
    assert type(event) is kind


@pytest.mark.parametrize("status", ["BUFFERED", "SENT", "Queued", "Pending", "Created", "Ready", "Accepted"])
def test_a_message_that_is_on_its_way_is_no_news(status: str) -> None:
    assert report(status=status) is None
    assert posted(SENT | {"deliveryStatus": status}) == []


def test_a_status_that_nobody_knows_moves_nothing() -> None:
    event = report(status="PARKED")
    assert isinstance(event, UnknownEvent)
    assert event.kind == "report.parked"
    odd = report(status="what a status!")
    assert isinstance(odd, UnknownEvent)
    assert odd.kind == "report"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("0", "failed"),
        ("", "failed"),
        (None, "failed"),
        ("000", "failed"),
        ("5", "failed, error 5"),
        (5, "failed, error 5"),
        ("ABSENT", "failed, error ABSENT"),
        ("somebody's words", "failed"),
    ],
)
def test_a_failure_says_its_code_and_nobody_s_words(code: object, reason: str) -> None:
    event = report(status="FAILED", errorcode=code)
    assert isinstance(event, MessageFailed)
    assert event.reason == reason


def test_a_repeated_report_has_one_id_and_another_status_another() -> None:
    ids = [
        event.id
        for event in (report(), report(status="delivered"), report(status="FAILED"), report(messageId="2"))
        if event
    ]
    assert len(ids) == 4
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3


def test_the_short_spelling_of_a_report_is_read_as_well() -> None:
    body = encoded({"MSGID": 17, "Status": "delivered", "ErrorCode": 0})
    (event,) = read_delivery_report(SMS, ANA, KEY, read_fields(body), body)
    assert isinstance(event, MessageDelivered)
    assert event.receipt_id == bound_id("17", KEY)


@pytest.mark.parametrize("name", ["messageId", "status", "errorcode"])
def test_a_placeholder_that_was_not_filled_in_is_told_with_its_cure(name: str) -> None:
    with pytest.raises(PayloadError, match="placeholders") as raised:
        report(**{name: f"~{name}~"})
    assert "Mitto's console" in raised.value.fix


@pytest.mark.parametrize(("name", "said"), [("messageId", "messageId"), ("status", "status")])
@pytest.mark.parametrize("value", [None, "", " ", [], {}, 1.5])
def test_a_report_without_a_message_or_a_status_cannot_be_read(name: str, said: str, value: object) -> None:
    with pytest.raises(PayloadError, match=f"no {said}"):
        report(**{name: value})


def test_a_report_names_the_message_of_its_token_beside_its_own_id() -> None:
    body = encoded(DLR)
    (event,) = read_delivery_report(SMS, ANA, "another", read_fields(body), body)
    assert isinstance(event, MessageDelivered)
    assert event.receipt_id == bound_id(DLR["messageId"], "another") != bound_id(DLR["messageId"], KEY)


# --- inbound text messages


def test_a_text_message_is_heard_with_its_id_and_its_time() -> None:
    event = inbound(INBOUND | {"text": "Hello"})
    assert isinstance(event, MessageReceived)
    assert (event.text, event.message_id, event.conversation.id) == ("Hello", "in-1", ANA)
    assert event.at == datetime(2024, 3, 1, 9, tzinfo=UTC)
    assert event.user
    assert event.user.id == ANA


@pytest.mark.parametrize("sender", ["from", "sender", "msisdn", "From"])
@pytest.mark.parametrize(("text", "number"), [("text", "messageId"), ("message", "id"), ("Text", "MessageId")])
def test_every_spelling_of_a_text_message_says_the_same(sender: str, text: str, number: str) -> None:
    event = inbound({sender: "+385 91 000 0001", "to": "385990000009", text: "Hello", number: "in-1"})
    assert isinstance(event, MessageReceived)
    assert (event.text, event.message_id, event.conversation.id) == ("Hello", "in-1", ANA)
    assert event.id == inbound(INBOUND).id


@pytest.mark.parametrize(
    ("text", "kind"), [("STOP", Unsubscribed), ("start", Subscribed), ("Stop it", MessageReceived)]
)
def test_a_word_that_stands_alone_ends_or_allows_text_messages(text: str, kind: type[Event]) -> None:
    assert type(inbound(INBOUND | {"text": text})) is kind
    written = SENT | {"deliveryStatus": None, "text": text}
    assert [type(event) for event in posted(written, SMS)] == [kind]


def test_on_other_networks_the_words_are_words() -> None:
    (event,) = posted(WRITTEN | {"text": "STOP"}, TELEGRAM)
    assert isinstance(event, MessageReceived)


@pytest.mark.parametrize("time", ["", "soon", "99999999999999", "2024-13-01T00:00:00Z", None, 7, []])
def test_a_time_that_cannot_be_read_is_now(time: object) -> None:
    assert inbound(INBOUND | {"timestamp": time}).at == NOW


@pytest.mark.parametrize(
    "time", ["2024-03-01T09:00:00", "2024-03-01T10:00:00+01:00", "2024-03-01T09:00:00.0000000Z", "2024-03-01 09:00:00"]
)
def test_a_time_is_utc_unless_it_says_otherwise(time: str) -> None:
    assert inbound(INBOUND | {"timestamp": time}).at == datetime(2024, 3, 1, 9, tzinfo=UTC)


def test_a_short_number_is_heard_though_nobody_can_answer_it() -> None:
    assert inbound(INBOUND | {"from": "Bank"}).conversation.id == "Bank"


def test_two_messages_without_an_id_are_two() -> None:
    bare = {"from": "385910000001", "text": "Hello"}
    assert inbound(bare).id == inbound(bare).id != inbound(bare | {"text": "Hello!"}).id


def test_the_same_answer_a_minute_later_is_another_where_nothing_else_tells_them_apart() -> None:
    def read(body: dict[str, Any], now: datetime) -> str:
        (event,) = read_inbound_sms(replace(SMS, now=now), read_fields(encoded(body)), encoded(body))
        return event.id

    bare, later = {"from": "385910000001", "text": "1"}, NOW + timedelta(minutes=1)
    assert read(bare, NOW) == read(bare, NOW + timedelta(seconds=59)) != read(bare, later)
    for named in (bare | {"id": "in-1"}, bare | {"timestamp": "2024-03-01T09:00:00Z"}):
        assert read(named, NOW) == read(named, later)
    posted = encoded(WRITTEN | {"messageId": None, "createdAt": None})
    first, again, other = (read_messages(replace(VIBER, now=at), posted)[0].id for at in (NOW, NOW, later))
    assert first == again != other


def test_a_message_in_the_gateway_s_form_is_read_at_a_number_s_address_too() -> None:
    event = inbound(SENT | {"deliveryStatus": None, "text": "Hello"})
    assert isinstance(event, MessageReceived)
    assert (event.text, event.conversation.id) == ("Hello", "+385990000009")


def test_a_text_message_from_nobody_cannot_be_read() -> None:
    with pytest.raises(PayloadError, match="from whom"):
        inbound({"to": "385990000009", "text": "Hello"})


# --- the gateway's own webhook


def test_what_somebody_wrote_is_heard() -> None:
    (event,) = posted(WRITTEN, TELEGRAM)
    assert isinstance(event, MessageReceived)
    assert (event.text, event.message_id, event.conversation.id) == ("Hi there", WRITTEN["messageId"], "1861000001")
    assert event.at == datetime(2024, 3, 1, 9, 0, 0, 123456, tzinfo=UTC)
    assert event.user
    assert event.user.name == "Ana"
    assert event.raw == WRITTEN


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("https://cdn.example/a.PNG?x=1", "image"),
        ("https://cdn.example/a.mp4", "video"),
        ("https://cdn.example/a.mp3", "audio"),
        ("https://cdn.example/a.ogg", "voice"),
        ("https://cdn.example/a.pdf", "file"),
        ("https://cdn.example/", "file"),
        ("https://[cdn/", "file"),
    ],
)
def test_what_somebody_sent_is_heard_with_its_address(url: str, kind: str) -> None:
    (event,) = posted(WRITTEN | {"text": None, "mediaUrl": url, "quotedMessageId": "q"}, TELEGRAM)
    assert isinstance(event, MessageReceived)
    assert event.media
    assert (event.media.kind, event.media.url, event.text, event.reply_to) == (kind, url, "", "q")


def test_a_message_without_words_and_media_is_unknown() -> None:
    (event,) = posted(WRITTEN | {"text": None}, TELEGRAM)
    assert isinstance(event, UnknownEvent)


def test_a_report_is_for_the_one_who_is_not_the_sender() -> None:
    (event,) = posted(SENT)
    assert isinstance(event, MessageDelivered)
    assert (event.conversation.id, event.receipt_id) == (ANA, SENT["messageId"])
    assert event.at == datetime(2024, 3, 1, 9, 0, 30, 895670, tzinfo=UTC)


@pytest.mark.parametrize(
    "participants",
    [
        [],
        None,
        [{"phoneNumber": "385990000009"}],
        [{"phoneNumber": "1"}, {"phoneNumber": "2"}],
        [{"phoneNumber": "Shop2"}],
    ],
    ids=["none", "null", "only the sender", "two", "no number"],
)
def test_a_report_that_names_nobody_is_found_by_its_message(participants: object) -> None:
    (event,) = posted(SENT | {"conversation": {"participants": participants}})
    assert event.conversation.id == f"?{SENT['messageId']}"


def test_several_messages_may_come_at_once() -> None:
    events = posted([SENT, WRITTEN, SENT | {"deliveryStatus": "Ready"}])
    assert [type(event) for event in events] == [MessageDelivered, MessageReceived]
    assert [event.raw for event in events] == [SENT, WRITTEN]
    assert posted([]) == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"1",
        b"[1]",
        b'"x"',
        b"[],[]",
        b'[],"x":1',
        b"{}",
        b"[" * 100_000,
        b'{"deliveryStatus":"Delivered"}',
        b'{"deliveryStatus":7,"messageId":"1"}',
        b'{"sender":{"phoneNumber":7}}',
        b"\xff",
    ],
)
def test_what_is_no_message_cannot_be_read(body: bytes) -> None:
    with pytest.raises(PayloadError):
        read_messages(VIBER, body)


MEMBERS = st.sampled_from([*SENT, "text", "mediaUrl", "phoneNumber"])
VALUES = st.recursive(
    st.none() | st.text(max_size=5) | st.integers(),
    lambda part: st.lists(part, max_size=2) | st.dictionaries(MEMBERS, part, max_size=3),
    max_leaves=6,
)


@given(st.binary() | VALUES.map(encoded))
def test_any_bytes_are_events_or_an_error_of_ours(body: bytes) -> None:
    for source in (SMS, TELEGRAM):
        try:
            events = read_messages(source, body)
        except PayloadError:
            continue
        assert all(event.account == source.account for event in events)


# --- the gateway's copy of a message


def test_the_copy_of_a_message_says_how_far_it_is() -> None:
    to = Conversation(ACCOUNT, "+385910000002")
    event = read_stored(VIBER, encoded(SENT), to)
    assert isinstance(event, MessageDelivered)
    assert event.conversation == to
    assert read_stored(VIBER, encoded(SENT | {"deliveryStatus": "Ready"}), to) is None


def test_a_copy_without_a_status_says_nothing() -> None:
    with pytest.raises(PayloadError, match="deliveryStatus"):
        read_stored(VIBER, encoded(WRITTEN), Conversation(ACCOUNT, ANA))
