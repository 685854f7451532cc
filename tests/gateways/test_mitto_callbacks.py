"""Who is let in at Mitto's webhooks: a secret in a header, a token in the address, and nobody else."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.events import MessageDelivered, MessageReceived, Unsubscribed
from botkit.exceptions import PayloadError
from botkit.gateways.mitto import Mitto
from botkit.gateways.mitto_tokens import Claims, sign_token
from botkit.redaction import Secret
from botkit.webhook import WebhookRequest
from tests.gateways.mitto_desk import (
    ANA,
    INBOUND_KEY,
    MESSAGE_KEY,
    OLD_REPORT_KEY,
    OTHER_TA,
    REPORT_KEY,
    SECRET,
    TA,
    mitto,
)

JSON = {"content-type": "application/json"}
DLR = b'{"messageId":"dlr-1","status":"DELIVERED","errorcode":"0"}'
WRITTEN = b'{"from":"385910000001","to":"385990000009","text":"STOP","messageId":"in-1"}'
STORED = b'{"messageId":"1","text":"Hi","sender":{"phoneNumber":"385910000001"}}'


def account(**settings: Any) -> Mitto:
    known = {"report_keys": f"{REPORT_KEY},{OLD_REPORT_KEY}", "inbound_keys": INBOUND_KEY, "webhook_secret": SECRET}
    return mitto(**{**known, **settings})


def token(adapter: Mitto, key: str = REPORT_KEY, *, in_seconds: int = 0, **claims: str) -> str:
    now = int(adapter.clock.timestamp())
    known = {"sub": MESSAGE_KEY, "purpose": "report", "to": ANA} | claims
    return sign_token(Claims(now + in_seconds, now + 86_400, **known), Secret(key))


def inbound_token(adapter: Mitto, key: str = INBOUND_KEY, **claims: str) -> str:
    known = {"sub": TA, "purpose": "inbound", "to": ""} | claims
    return token(adapter, key, in_seconds=0, **known)


def post(
    body: bytes = DLR, kind: str = "report", *, secret: str = "", headers: Any = JSON, **query: str
) -> WebhookRequest:
    own = {"x-botkit-secret": secret} if secret else {}
    return WebhookRequest({**headers, **own}, {"ta": TA, **query}, body, kind)


def get(kind: str = "report", **query: str) -> WebhookRequest:
    return WebhookRequest({}, {"ta": TA, **query}, b"", kind, "GET")


# --- the webhook's secret


@pytest.mark.parametrize("kind", ["report", "inbound"])
def test_the_secret_opens_both_addresses(kind: str) -> None:
    adapter = account()
    request = post(STORED, kind, secret=SECRET)
    assert adapter.verify(request)
    (event,) = adapter.parse(request)
    assert isinstance(event, MessageReceived)


@pytest.mark.parametrize(
    "secret", ["", SECRET[:-1], SECRET + "0", SECRET.upper(), f"{SECRET}, {SECRET}", "ключ", "\udcff"]
)
def test_nothing_but_the_secret_does(secret: str) -> None:
    assert not account().verify(post(STORED, secret=secret))


def test_without_a_secret_and_keys_nothing_is_genuine() -> None:
    bare = mitto()
    assert not bare.verify(post(STORED))
    assert not bare.verify(WebhookRequest({**JSON, "x-botkit-secret": ""}, {"ta": TA}, STORED, "report"))
    assert not bare.verify(post(token=token(account())))
    assert not bare.verify(post(token=""))


# --- tokens


def test_a_report_with_its_token_is_let_in_under_each_of_the_keys() -> None:
    adapter = account()
    for key in (REPORT_KEY, OLD_REPORT_KEY):
        request = post(token=token(adapter, key))
        assert adapter.verify(request)
        (event,) = adapter.parse(request)
        assert isinstance(event, MessageDelivered)
        assert (event.conversation.id, event.receipt_id) == (ANA, f"dlr-1.{MESSAGE_KEY}")


def test_a_key_that_was_taken_away_opens_nothing() -> None:
    adapter = account(report_keys=REPORT_KEY)
    assert adapter.verify(post(token=token(adapter)))
    assert not adapter.verify(post(token=token(adapter, OLD_REPORT_KEY)))


def test_a_token_of_another_message_is_about_that_one_alone() -> None:
    adapter = account()
    (event,) = adapter.parse(post(token=token(adapter, sub="another message")))
    assert isinstance(event, MessageDelivered)
    assert event.receipt_id != f"dlr-1.{MESSAGE_KEY}"


def test_a_token_opens_only_what_it_is_for() -> None:
    adapter = account()
    report, inbound = token(adapter), inbound_token(adapter)
    assert adapter.verify(post(token=report))
    assert adapter.verify(post(WRITTEN, "inbound", token=inbound))
    assert not adapter.verify(post(token=inbound))
    assert not adapter.verify(post(WRITTEN, "inbound", token=report))
    # Even where somebody uses one key for both.
    shared = account(inbound_keys=REPORT_KEY)
    assert not shared.verify(post(WRITTEN, "inbound", token=token(shared)))
    assert not shared.verify(post(token=inbound_token(shared, REPORT_KEY)))


def test_a_number_s_token_is_for_its_own_account() -> None:
    adapter = account()
    assert not adapter.verify(post(WRITTEN, "inbound", token=inbound_token(adapter, sub=OTHER_TA)))


def test_a_report_s_token_is_on_a_message_to_somebody() -> None:
    adapter = account()
    assert not adapter.verify(post(token=token(adapter, to="")))


def test_a_token_is_good_in_its_time_by_the_service_s_clock() -> None:
    adapter = account()
    request = post(token=token(adapter))
    adapter.clock.advance(hours=24, seconds=50)
    assert adapter.verify(request)
    adapter.clock.advance(seconds=15)
    assert not adapter.verify(request)
    assert not adapter.verify(post(token=token(adapter, in_seconds=120)))
    assert adapter.verify(post(token=token(adapter, in_seconds=50)))


def test_a_bad_token_beside_the_secret_is_not_believed() -> None:
    adapter = account()
    request = post(secret=SECRET, token=token(adapter, "x" * 32))
    assert adapter.verify(request)
    with pytest.raises(PayloadError):
        adapter.parse(post(WRITTEN, "inbound", secret=SECRET, token=token(adapter, "x" * 32)))


# --- how it is called


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/JSON", "application/JSON; charset=utf-8", " application/json ;charset=utf-8"],
)
def test_json_is_json_in_any_case(content_type: str) -> None:
    adapter = account()
    assert adapter.verify(post(headers={"content-type": content_type}, token=token(adapter)))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": ""},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "text/json"},
        {"content-type": "application/json.x"},
    ],
)
def test_what_is_posted_otherwise_is_refused(headers: dict[str, str]) -> None:
    adapter = account()
    assert not adapter.verify(post(headers=headers, token=token(adapter)))
    assert not adapter.verify(post(STORED, headers=headers, secret=SECRET))


def test_a_report_may_come_as_a_query() -> None:
    adapter = account()
    request = get(token=token(adapter), msgid="dlr-1", status="DELIVERED", errorcode="0")
    assert adapter.verify(request)
    (event,) = adapter.parse(request)
    assert isinstance(event, MessageDelivered)
    assert event.receipt_id == f"dlr-1.{MESSAGE_KEY}"
    assert event.raw == {"msgid": "dlr-1", "status": "DELIVERED", "errorcode": "0"}
    assert event.id == adapter.parse(post(token=token(adapter)))[0].id


def test_a_text_message_may_come_as_a_query() -> None:
    adapter = account()
    request = get("inbound", token=inbound_token(adapter), msisdn="385910000001", text="stop", id="in-1")
    assert adapter.verify(request)
    (event,) = adapter.parse(request)
    assert isinstance(event, Unsubscribed)
    assert event.conversation.id == ANA


def test_a_query_without_a_token_is_refused() -> None:
    adapter = account()
    assert not adapter.verify(get(msgid="dlr-1", status="DELIVERED"))


def test_the_token_is_not_kept_with_the_event() -> None:
    adapter = account()
    given = token(adapter)
    (event,) = adapter.parse(get(token=given, msgid="dlr-1", status="DELIVERED"))
    assert given.encode() not in bytes(event.raw_json)


@given(
    st.binary(),
    st.sampled_from(["report", "inbound"]),
    st.dictionaries(st.text(), st.text(st.characters(exclude_categories=()))),
)
def test_any_call_with_a_good_token_gives_events_or_an_error_of_ours(
    body: bytes, kind: str, query: dict[str, str]
) -> None:
    adapter = account()
    good = token(adapter) if kind == "report" else inbound_token(adapter)
    for method in ("GET", "POST"):
        request = WebhookRequest(JSON, {**query, "ta": TA, "token": good}, body, kind, method)
        assert adapter.verify(request)
        try:
            adapter.parse(request)
        except PayloadError:
            continue


# --- addresses in the console


def test_a_two_way_number_s_address_opens_its_messages_until_the_key_is_taken_away() -> None:
    adapter = account()
    url = adapter.callback_address("inbound", f"https://bot.example/webhooks/mitto/inbound?ta={TA}")
    assert url.startswith(f"https://bot.example/webhooks/mitto/inbound?ta={TA}&token=")
    given = url.partition("&token=")[2]
    adapter.clock.advance(days=3000)
    assert adapter.verify(post(WRITTEN, "inbound", token=given))
    assert not account(inbound_keys="y" * 32).verify(post(WRITTEN, "inbound", token=given))


def test_other_addresses_are_entered_as_they_are() -> None:
    url = f"https://bot.example/webhooks/mitto/report?ta={TA}"
    assert account().callback_address("report", url) == url
    assert mitto().callback_address("inbound", url) == url


def test_what_is_heard_is_told_when_it_was_said() -> None:
    adapter = account()
    body = b'{"from":"385910000001","text":"Hi","messageId":"in-2","timestamp":"2024-03-01T09:00:00Z"}'
    (event,) = adapter.parse(post(body, "inbound", token=inbound_token(adapter)))
    assert event.at == datetime(2024, 3, 1, 9, tzinfo=UTC)
