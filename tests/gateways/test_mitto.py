"""One traffic account at Mitto: its settings, whom it writes to, what leaves it, and what its answers mean."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from structlog.testing import capture_logs

from botkit.adapter import Adapter, Joining, Outcome, Receipt
from botkit.addresses import AddressKind
from botkit.buttons import Button, Link
from botkit.channels.telegram import Telegram
from botkit.events import MessageDelivered
from botkit.exceptions import AddressError, InvalidRequestError, MessageError, SettingsError
from botkit.gateways.mitto import Mitto
from botkit.gateways.mitto_tokens import read_token
from botkit.http_client import HttpAnswer
from botkit.messages import Image, Raw, Text, Typing
from botkit.outgoing import Hop, Trail
from botkit.redaction import Secret
from tests.chatapps.requests_sent import BODIES
from tests.gateways.mitto_desk import (
    ANA,
    BEN,
    HELLO,
    INBOUND_KEY,
    KEY,
    MESSAGE_KEY,
    OLD_REPORT_KEY,
    OTHER_TA,
    REPORT_KEY,
    SECRET,
    TA,
    TAKEN,
    Gateway,
    at,
    callbacks,
    mitto,
    outgoing,
)

NETWORKS = ("sms", "gbm", "viber", "telegram", "whatsapp")


async def sent(adapter: Mitto, message: Any, gateway: Gateway | None = None, to: str = ANA) -> Gateway:
    """Prepares and sends a message that is one; returns the gateway that was called."""
    gateway = gateway or Gateway()
    (part,) = adapter.prepare(message, at(adapter, to)).messages
    await adapter.send(outgoing(part, adapter, to=to), at(adapter, to), gateway)
    return gateway


# --- settings

ENVIRON = {
    "SHOP_VIA": "Viber",
    "SHOP_API_KEY": KEY,
    "SHOP_TA": TA,
    "SHOP_SENDER": "BotKit",
    "SHOP_VIBER_TYPE": "session",
    "SHOP_PLUS": "yes",
    "SHOP_CALLBACK_URL": "https://bot.example/",
    "SHOP_REPORT_KEYS": f"{REPORT_KEY}, {'k' * 32}",
    "SHOP_INBOUND_KEYS": INBOUND_KEY,
    "SHOP_TOKEN_SECONDS": "3600",
    "SHOP_WEBHOOK_SECRET": SECRET,
    "SHOP_TRIGGERS": "MessageStatus, InboundMessage",
    "SHOP_BULK_SIZE": "5000",
    "SHOP_REPEATS": "2",
    "SHOP_SEND_PATH": "/api/v1/Message/send",
    "SHOP_BULK_PATH": "/api/v1.1/Message/sendbulk",
    "SHOP_API_URL": "https://chat.example/",
    "SHOP_SMS_API_URL": "https://sms.example/",
    "SHOP_RATE": "7",
}


def test_every_setting_is_read() -> None:
    adapter = Mitto.from_env("SHOP", ENVIRON)
    assert (adapter.via, adapter.network, adapter.ta, adapter.sender) == ("viber", "viber", TA, "BotKit")
    assert (adapter.viber_type, adapter.plus, adapter.callback_url) == ("session", True, "https://bot.example")
    assert adapter.report_keys == (Secret(REPORT_KEY), Secret("k" * 32))
    assert (adapter.inbound_keys, adapter.webhook_secret) == ((Secret(INBOUND_KEY),), Secret(SECRET))
    assert (adapter.token_seconds, adapter.triggers) == (3600, ("MessageStatus", "InboundMessage"))
    assert (adapter.bulk_size, adapter.max_repeats) == (5000, 2)
    assert (adapter.send_path, adapter.bulk_path) == ("/api/v1/Message/send", "/api/v1.1/Message/sendbulk")
    assert (adapter.api_url, adapter.sms_api_url) == ("https://chat.example", "https://sms.example")
    assert adapter.paces.account
    assert adapter.paces.account.limit == 7
    assert {secret.reveal() for secret in adapter.secrets()} == {KEY, REPORT_KEY, "k" * 32, INBOUND_KEY, SECRET}


def test_an_account_is_for_text_messages_unless_it_says_otherwise() -> None:
    adapter = Mitto.from_env("SHOP", {})
    assert (adapter.via, adapter.address, adapter.max_repeats) == ("sms", AddressKind.PHONE, 0)
    assert (adapter.token_seconds, adapter.bulk_size, adapter.has_credentials) == (72 * 3600, 1000, False)
    assert (adapter.send_path, adapter.bulk_path) == ("/api/v1.1/Messages/send", "/api/v1.1/Messages/sendbulk")
    assert (adapter.api_url, adapter.sms_api_url) == ("https://messaging.mittoapi.com", "https://rest.mittoapi.com")
    assert not list(adapter.secrets())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("VIA", "fax"),
        ("API_KEY", "two words"),
        ("API_KEY", "ключ"),
        ("VIBER_TYPE", "advert"),
        ("PLUS", "perhaps"),
        ("SENDER", "TwelveLetter"),
        ("SENDER", "12345678901234567"),
        ("SENDER", "a b"),
        ("CALLBACK_URL", "bot.example"),
        ("CALLBACK_URL", "https://bot.example/?x=1"),
        ("REPORT_KEYS", "short"),
        ("INBOUND_KEYS", "short"),
        ("TOKEN_SECONDS", "3599"),
        ("TOKEN_SECONDS", "31536001"),
        ("TOKEN_SECONDS", "long"),
        ("WEBHOOK_SECRET", "fifteen letters"),
        ("WEBHOOK_SECRET", "x" * 15),
        ("BULK_SIZE", "0"),
        ("BULK_SIZE", "5001"),
        ("REPEATS", "-1"),
        ("REPEATS", "101"),
        ("SEND_PATH", "api/send"),
        ("BULK_PATH", "/api/send?x=1"),
        ("API_URL", "ftp://chat.example"),
        ("SMS_API_URL", "chat.example"),
        ("RATE", "fast"),
    ],
)
def test_a_setting_of_the_wrong_form_is_named_and_not_shown(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as raised:
        Mitto.from_env("SHOP", ENVIRON | {f"SHOP_{name}": value})
    assert f"SHOP_{name}" in str(raised.value)
    assert value not in raised.value.what or value in ("long", "short", "fast", "0")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SENDER", "ElevenChars"),
        ("SENDER", "+385910000001234"),
        ("TOKEN_SECONDS", "31536000"),
        ("WEBHOOK_SECRET", "x" * 16),
        ("BULK_SIZE", "1"),
        ("REPEATS", "100"),
        ("PLUS", "No"),
    ],
)
def test_a_setting_at_its_bound_is_good(name: str, value: str) -> None:
    assert Mitto.from_env("SHOP", ENVIRON | {f"SHOP_{name}": value}).has_credentials


def test_reports_without_a_key_to_prove_them_are_refused_at_the_start() -> None:
    with pytest.raises(SettingsError, match="SHOP_REPORT_KEYS is not set"):
        Mitto.from_env("SHOP", ENVIRON | {"SHOP_REPORT_KEYS": " , "})
    with pytest.raises(SettingsError, match="SHOP_SENDER is not set"):
        Mitto.from_env("SHOP", ENVIRON | {"SHOP_VIA": "sms", "SHOP_SENDER": ""})


def test_a_key_comes_with_the_id_of_its_traffic_account() -> None:
    with pytest.raises(SettingsError, match="SHOP_TA is not set"):
        Mitto.from_env("SHOP", {"SHOP_API_KEY": KEY})
    assert not Mitto.from_env("SHOP", {}).has_credentials


def test_an_account_whose_reports_have_no_proof_says_so() -> None:
    assert not mitto(webhook_secret=SECRET).warnings
    (of_some,) = mitto(**callbacks()).warnings
    (of_all,) = mitto("viber", **callbacks()).warnings
    assert (
        of_some == "SHOP_SMS_WEBHOOK_SECRET is not set: what goes to many at once, or with a failover, has no reports"
    )
    assert "there are no reports" in of_all


def test_a_simulated_account_is_the_same_but_for_its_secrets_and_addresses() -> None:
    declared = Mitto.from_env("SHOP", ENVIRON)
    adapter = declared.simulated("http://mitto.simulator")
    assert (adapter.via, adapter.ta, adapter.viber_type, adapter.plus) == ("viber", TA, "session", True)
    assert (adapter.api_url, adapter.sms_api_url) == ("http://mitto.simulator", "http://sms.mitto.simulator")
    assert (adapter.callback_url, adapter.send_path) == ("https://botkit.localhost", "/api/v1/Message/send")
    assert (adapter.token_seconds, adapter.bulk_size, adapter.max_repeats) == (3600, 5000, 2)
    assert not {secret.reveal() for secret in declared.secrets()} & {secret.reveal() for secret in adapter.secrets()}


def test_an_account_shows_and_reports_what_its_network_does() -> None:
    assert [mitto(via).has_receipts for via in NETWORKS] == [True, True, True, False, True]
    assert [mitto(via).capabilities.is_native(Image) for via in NETWORKS] == [False, True, True, True, False]
    assert "representative" in mitto("gbm").capabilities.options


# --- addresses


@pytest.mark.parametrize("via", ["sms", "viber", "whatsapp"])
def test_a_number_is_found_with_and_without_its_plus(via: str) -> None:
    adapter = mitto(via)
    assert [adapter.find_address(each) for each in ("385910000001", "+385 91 000 0001", f" {ANA} ")] == [ANA] * 3
    with pytest.raises(AddressError):
        adapter.find_address("Ana")


def test_a_telegram_chat_is_a_number_and_a_business_conversation_any_word() -> None:
    assert mitto("telegram").find_address(" 1861000001 ") == "1861000001"
    assert mitto("telegram").find_address("-1001861000001") == "-1001861000001"
    assert mitto("gbm").find_address("6f0e6c1a-5d0f-4a55-9c39-0d1f6a1c7e01") == "6f0e6c1a-5d0f-4a55-9c39-0d1f6a1c7e01"


@pytest.mark.parametrize(
    ("via", "text"), [("telegram", "@ana"), ("telegram", "1" * 21), ("gbm", ""), ("gbm", "a b"), ("gbm", "a\nb")]
)
def test_what_is_no_chat_is_no_address(via: str, text: str) -> None:
    with pytest.raises(AddressError):
        mitto(via).find_address(text)


@pytest.mark.parametrize(("plus", "destination"), [(False, "385910000001"), (True, "+385910000001")])
async def test_a_number_leaves_with_its_plus_only_where_it_is_asked_for(*, plus: bool, destination: str) -> None:
    gateway = await sent(mitto(plus=plus), HELLO)
    assert gateway.body["destination"] == destination


async def test_a_chat_s_id_leaves_as_it_is() -> None:
    gateway = await sent(mitto("telegram"), HELLO, to="-100186")
    assert gateway.body["destination"] == "-100186"


# --- what leaves


async def test_a_call_is_made_with_the_key_at_the_path_of_the_settings() -> None:
    gateway = await sent(mitto(api_url="https://chat.example", send_path="/api/v1/Message/send"), HELLO)
    (call,) = gateway.calls
    assert (call.method, call.url) == ("POST", "https://chat.example/api/v1/Message/send")
    assert call.headers == {"X-Mitto-API-Key": KEY}


@pytest.mark.parametrize(
    ("via", "content"),
    [
        ("sms", {"text": "Hello", "sender": "BotKit"}),
        ("viber", {"type": "session", "text": "Hello"}),
        ("telegram", {"text": {"message": "Hello", "parseMode": "Default"}}),
        ("whatsapp", {"type": "regular", "regular": {"type": "text", "text": "Hello"}}),
        ("gbm", {"text": {"message": "Hello"}}),
    ],
)
async def test_a_text_leaves_in_the_words_of_its_network(via: str, content: dict[str, Any]) -> None:
    adapter = mitto(via)
    to = "1" if via in ("telegram", "gbm") else ANA
    gateway = await sent(adapter, HELLO, to=to)
    assert json.dumps(gateway.body) == json.dumps(
        {"trafficAccountId": TA, "destination": to.removeprefix("+"), via: content}
    )


async def test_a_message_without_a_sender_of_its_own_comes_from_the_account_s() -> None:
    gateway = await sent(mitto(sender=""), HELLO)
    assert gateway.body["sms"] == {"text": "Hello"}
    gateway = await sent(mitto(), Text(text="Hello", extra={"mitto": {"sender": "Bank"}}))
    assert gateway.body["sms"] == {"text": "Hello", "sender": "Bank"}


async def test_a_message_on_viber_has_the_account_s_type_unless_it_has_its_own() -> None:
    gateway = await sent(mitto("viber", viber_type="transactional"), HELLO)
    assert gateway.body["viber"]["type"] == "transactional"
    gateway = await sent(mitto("viber"), Text(text="Sale", buttons=((Link("Open", "https://shop.example/"),),)))
    assert gateway.body["viber"]["type"] == "promotional"


@pytest.mark.parametrize("name", [name for name in BODIES if name not in ("bulk", "failover")])
async def test_a_caller_s_request_leaves_as_it_came(name: str) -> None:
    body = BODIES[name]
    (via,) = set(NETWORKS) & set(body)
    adapter = mitto(via, ta=body["trafficAccountId"])
    addressed = adapter.read_send(body)
    gateway = await sent(adapter, addressed.message, to=addressed.to)
    expected = body | {"destination": body["destination"].removeprefix("+")}
    # An address that is empty is none.
    expected[via] = {member: value for member, value in body[via].items() if value != ""}
    assert json.dumps(gateway.body) == json.dumps(expected)


async def test_a_caller_s_failover_leaves_as_it_came_and_names_its_accounts_itself() -> None:
    body = BODIES["failover"]
    first = body["failover"]["timeoutFailover"]["trafficAccounts"][0]
    adapter = mitto("whatsapp", ta=first)
    addressed = adapter.read_send(body)
    gateway = Gateway(["id1", "id2"])
    receipt = await adapter.send(
        outgoing(addressed.message, adapter, to=addressed.to), at(adapter, addressed.to), gateway
    )
    assert json.dumps(gateway.body) == json.dumps(body)
    assert receipt == Receipt(Outcome.SENT, id="id1", others=("id2",))


def test_a_caller_s_time_to_live_counts_for_the_engine_too() -> None:
    body = {"trafficAccountId": TA, "destination": ANA, "viber": {"type": "session", "ttl": 60, "text": "Hello"}}
    assert mitto("viber").read_send(body).message.ttl == 60


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"destination": "Ana"}, "destination"),
        ({"destination": ""}, "destination"),
        ({"trafficAccountId": OTHER_TA}, "trafficAccountId"),
        ({"sms": {}, "viber": {"type": "session", "text": "Hello"}}, "sms"),
        ({"sms": {"text": "", "sender": "BotKit"}}, "sms.text"),
        ({"sms": {"text": "Hello", "sender": "TwelveLetter"}}, "sms.sender"),
        ({"smss": {"text": "Hello"}}, "smss"),
    ],
)
def test_everything_wrong_with_a_caller_s_request_is_told_with_its_path(change: dict[str, Any], path: str) -> None:
    body = {"trafficAccountId": TA, "destination": ANA, "sms": {"text": "Hello"}} | change
    with pytest.raises(InvalidRequestError) as raised:
        mitto().read_send(body)
    assert path in [problem.path for problem in raised.value.problems]


def test_two_things_wrong_with_a_request_s_envelope_are_both_told() -> None:
    body = {"trafficAccountId": OTHER_TA, "destination": "Ana", "viber": {"type": "session", "text": "Hello"}}
    with pytest.raises(InvalidRequestError) as raised:
        mitto().read_send(body)
    assert [problem.path for problem in raised.value.problems] == ["trafficAccountId", "sms", "destination"]


def test_a_raw_message_is_checked_before_it_is_sent() -> None:
    mitto("viber").check(Raw(channel="mitto", payload={"viber": {"type": "session", "text": "Hello"}}))
    mitto().check(Typing())
    for payload in (
        {"viber": {"type": "session"}},
        {"sms": {"text": "Hello"}},
        {"viber": {"type": "session", "text": "Hello"}, "destination": ANA},
        {"viber": {"type": "session", "text": "Hello"}, "trafficAccountId": TA},
        {},
    ):
        with pytest.raises(InvalidRequestError):
            mitto("viber").check(Raw(channel="mitto", payload=payload))
    with pytest.raises(MessageError, match="this Raw is for viber"):
        mitto("viber").check(Raw(channel="viber", payload={"type": "text"}))


def test_choices_are_never_lost() -> None:
    adapter = mitto("telegram")
    prepared = adapter.prepare(Text(text="Size?", buttons=((Button("S", "s"), Button("M", "m")),)), at(adapter, "1"))
    assert [choice.value for choice in prepared.menu] == ["s", "m"]
    (part,) = prepared.messages
    assert adapter.rendered(part).payload["telegram"]["text"]["message"] == "Size?\n\n1. S\n2. M"


def test_what_a_network_has_not_becomes_words() -> None:
    (part,) = mitto().prepare(Image(source="https://cdn.example/a.png", caption="Shop"), at(mitto())).messages
    assert mitto().rendered(part).payload == {"sms": {"text": "Shop\nhttps://cdn.example/a.png", "sender": "BotKit"}}


async def test_what_the_gateway_would_not_take_is_refused_without_a_call() -> None:
    gateway, adapter = Gateway(), mitto()
    receipt = await adapter.send(outgoing(Raw(channel="mitto", payload={}), adapter), at(adapter), gateway)
    assert receipt.outcome is Outcome.REFUSED
    assert gateway.calls == []


# --- text messages through the SMS API


async def test_with_a_callback_a_text_message_goes_through_the_sms_api() -> None:
    adapter = mitto(**callbacks())
    taken = {"id": "0a1b2c3d4e5f60718293a4b5c6d7e8f9", "responseCode": 0, "textLength": 5, "responseText": "SMS sent"}
    gateway = Gateway(taken)
    receipt = await adapter.send(outgoing(HELLO, adapter), at(adapter), gateway)
    (call,) = gateway.calls
    assert (call.method, call.url, call.headers) == ("POST", "https://rest.mittoapi.com/sms", {"X-Mitto-API-Key": KEY})
    callback = call.body.pop("callback")
    assert call.body == {"from": "BotKit", "to": "385910000001", "text": "Hello", "reference": MESSAGE_KEY}
    assert callback.startswith(f"https://bot.example/webhooks/mitto/report?ta={TA}&token=ey")
    # What a report names is bound to the message of its token.
    assert receipt == Receipt(Outcome.SENT, id=f"0a1b2c3d4e5f60718293a4b5c6d7e8f9.{MESSAGE_KEY}")


@pytest.mark.parametrize(
    ("text", "ttl", "more"),
    [
        ("Hello €", 0, {}),
        ("Привет", 0, {"type": "Unicode"}),
        ("Hello", 60, {"validity": 1}),
        ("Hello", 61, {"validity": 2}),
        ("Hello", 1_209_600, {"validity": 20_160}),
    ],
)
async def test_the_sms_api_is_told_the_alphabet_and_the_time(text: str, ttl: float, more: dict[str, Any]) -> None:
    adapter = mitto(**callbacks())
    gateway = await sent(adapter, Text(text=text, ttl=ttl), Gateway({"id": "1", "responseCode": 0}))
    known = {"from": "BotKit", "to": "385910000001", "text": text, "reference": MESSAGE_KEY}
    assert {name: value for name, value in gateway.body.items() if name != "callback"} == known | more


@pytest.mark.parametrize(
    ("token_seconds", "ttl", "lasting"), [(3600, 0, 86_400), (259_200, 60, 259_200), (3600, 172_800, 259_200)]
)
async def test_a_report_s_token_outlasts_its_message(token_seconds: int, ttl: float, lasting: int) -> None:
    adapter = mitto(**callbacks(token_seconds=token_seconds))
    gateway = await sent(adapter, Text(text="Hello", ttl=ttl), Gateway({"id": "1", "responseCode": 0}))
    (token,) = parse_qs(urlsplit(gateway.body["callback"]).query)["token"]
    claims = read_token(token, [Secret(REPORT_KEY)], purpose="report", now=adapter.clock.timestamp())
    assert claims
    assert (claims.sub, claims.to, claims.exp - claims.nbf) == (MESSAGE_KEY, ANA, lasting)


async def test_of_several_keys_the_first_signs() -> None:
    adapter = mitto(**callbacks(report_keys=f"{REPORT_KEY},{OLD_REPORT_KEY}", inbound_keys=f"{INBOUND_KEY},{'o' * 32}"))
    gateway = await sent(adapter, HELLO, Gateway({"id": "1", "responseCode": 0}))
    inbound = adapter.callback_address("inbound", "https://bot.example/webhooks/mitto/inbound?ta=x")
    for url, purpose, first in ((gateway.body["callback"], "report", REPORT_KEY), (inbound, "inbound", INBOUND_KEY)):
        (token,) = parse_qs(urlsplit(url).query)["token"]
        assert read_token(token, [Secret(first)], purpose=purpose, now=adapter.clock.timestamp())


async def test_without_a_callback_or_on_another_network_the_gateway_itself_is_called() -> None:
    gateway = await sent(mitto("viber", **callbacks()), HELLO)
    assert gateway.calls[0].url == "https://messaging.mittoapi.com/api/v1.1/Messages/send"
    gateway = await sent(mitto(report_keys=REPORT_KEY), HELLO)
    assert gateway.calls[0].url == "https://messaging.mittoapi.com/api/v1.1/Messages/send"


@pytest.mark.parametrize(
    ("sender", "is_good"),
    [
        ("ABC", True),
        ("AB", False),
        ("ElevenChars", True),
        ("123", True),
        ("12", False),
        ("1" * 14, True),
        ("1" * 15, False),
        ("+" + "1" * 13, True),
        ("+" + "1" * 14, False),
    ],
)
def test_the_sms_api_takes_fewer_senders_than_the_gateway(sender: str, is_good: bool) -> None:
    mitto(sender=sender).check(Text(text="Hello", extra={"mitto": {"sender": sender}}))
    body = {"trafficAccountId": TA, "destination": ANA, "sms": {"text": "Hello", "sender": sender}}
    adapter = mitto(**callbacks())
    raw = adapter.read_send(body).message
    if is_good:
        adapter.prepare(raw, at(adapter))
        mitto(sender=sender, **callbacks())
        return
    for message in (raw, Text(text="Hello", extra={"mitto": {"sender": sender}})):
        with pytest.raises(InvalidRequestError) as raised:
            adapter.prepare(message, at(adapter))
        assert [problem.path for problem in raised.value.problems] == ["sms.sender"]
    with pytest.raises(SettingsError, match="SHOP_SMS_SENDER is no sender"):
        mitto(sender=sender, **callbacks())


@pytest.mark.parametrize("settings", [{}, callbacks()], ids=["gateway", "sms api"])
async def test_a_caller_s_text_without_a_sender_comes_from_the_account_s(settings: dict[str, Any]) -> None:
    adapter = mitto(**settings)
    body = {"trafficAccountId": TA, "destination": ANA, "sms": {"text": "Hello"}}
    gateway = await sent(adapter, adapter.read_send(body).message, Gateway({"id": "1", "responseCode": 0}))
    assert (gateway.body if settings else gateway.body["sms"])["from" if settings else "sender"] == "BotKit"


async def test_an_address_with_a_path_keeps_it() -> None:
    adapter = mitto(**callbacks(callback_url="https://bot.example/shop/"))
    gateway = await sent(adapter, HELLO, Gateway({"id": "1", "responseCode": 0}))
    assert gateway.body["callback"].startswith("https://bot.example/shop/webhooks/mitto/report?ta=")


async def test_a_response_code_is_read_on_http_200() -> None:
    adapter = mitto(**callbacks())
    receipt = await adapter.send(outgoing(HELLO, adapter), at(adapter), Gateway({"responseCode": 8}))
    assert receipt == Receipt(Outcome.REFUSED, reason="responseCode 8 invalid receiver")


# --- many at once


async def test_a_broadcast_is_one_request_read_by_destination() -> None:
    adapter = mitto()
    messages = [
        {"destination": "385910000002", "trafficAccountId": TA, "messageId": "2"},
        {"destination": "385910000001", "trafficAccountId": TA, "messageId": "1"},
    ]
    gateway = Gateway({"bulkId": "b", "messages": messages})
    people = [at(adapter, ANA), at(adapter, BEN), at(adapter, "+385910000003")]
    receipts = await adapter.broadcast(HELLO, people, gateway)
    assert gateway.calls[0].url.endswith("/api/v1.1/Messages/sendbulk")
    assert json.dumps(gateway.body) == json.dumps(
        {
            "destinations": ["385910000001", "385910000002", "385910000003"],
            "trafficAccountId": TA,
            "sms": {"text": "Hello", "sender": "BotKit"},
        }
    )
    assert [(receipt.outcome, receipt.id) for receipt in receipts] == [
        (Outcome.SENT, "1"),
        (Outcome.SENT, "2"),
        (Outcome.REFUSED, ""),
    ]


async def test_a_broadcast_that_the_gateway_would_not_take_is_refused_without_a_call() -> None:
    gateway, adapter = Gateway(), mitto()
    receipts = await adapter.broadcast(Raw(channel="mitto", payload={}), [at(adapter), at(adapter, BEN)], gateway)
    assert [receipt.outcome for receipt in receipts] == [Outcome.REFUSED] * 2
    assert gateway.calls == []


def test_a_request_has_as_many_destinations_as_the_settings_say() -> None:
    assert [mitto().receivers(HELLO), mitto(bulk_size=5000).receivers(HELLO)] == [1000, 5000]


async def test_a_message_with_a_failover_of_its_own_goes_to_each_alone() -> None:
    body = BODIES["failover"]
    adapter = mitto("whatsapp", ta=body["failover"]["timeoutFailover"]["trafficAccounts"][0])
    message = adapter.read_send(body).message
    gateway = Gateway(["a1", "a2"], ["b1", "b2"])
    assert adapter.receivers(message) == 1
    receipts = await adapter.broadcast(message, [at(adapter, ANA), at(adapter, BEN)], gateway)
    assert [(receipt.id, receipt.others) for receipt in receipts] == [("a1", ("a2",)), ("b1", ("b2",))]
    assert [call.body["destination"] for call in gateway.calls] == ["385910000001", "385910000002"]


# --- joined ways


def ways(*hops: Hop, first: int = 0, joined: int = 2) -> Trail:
    return Trail(("mitto", OTHER_TA, ANA), hops, HELLO, hop=first, joined=joined)


def way(via: str, ta: str, *, seconds: float = 45, **more: Any) -> Hop:
    return Hop(("mitto", ta), ANA, seconds, message=mitto(via, ta=ta).rendered(HELLO), **more)


async def joined(trail: Trail, gateway: Gateway) -> Receipt:
    adapter = mitto("viber", ta=OTHER_TA)
    return await adapter.send(outgoing(HELLO, adapter, trail=trail), at(adapter), gateway)


async def test_joined_ways_are_one_request_with_a_failover() -> None:
    gateway = Gateway(["id1", "id2"])
    receipt = await joined(ways(way("viber", OTHER_TA, seconds=44.1), way("sms", TA, seconds=0)), gateway)
    timeout = {"status": "Delivered", "timeoutInSeconds": 45, "trafficAccounts": [OTHER_TA, TA]}
    assert json.dumps(gateway.body) == json.dumps(
        {
            "destination": "385910000001",
            "viber": {"type": "session", "text": "Hello"},
            "sms": {"text": "Hello", "sender": "BotKit"},
            "failover": {"type": "Timeout", "timeoutFailover": timeout},
        }
    )
    assert receipt == Receipt(Outcome.SENT, id="id1", others=("id2",))


async def test_only_the_joined_of_a_trail_s_ways_go_together() -> None:
    hops = (way("whatsapp", KEY), way("viber", OTHER_TA, status="seen"), way("sms", TA), way("whatsapp", "last"))
    gateway = Gateway(["id1", "id2"])
    await joined(ways(*hops, first=1), gateway)
    assert gateway.body.keys() == {"destination", "viber", "sms", "failover"}
    assert gateway.body["failover"]["timeoutFailover"]["status"] == "Seen"
    gateway = Gateway()
    await joined(ways(*hops, first=1, joined=1), gateway)
    assert "failover" not in gateway.body


@pytest.mark.parametrize(
    "hops",
    [
        pytest.param((way("viber", OTHER_TA), way("viber", TA)), id="one network"),
        pytest.param((way("viber", TA), way("sms", TA)), id="one account"),
        pytest.param((way("viber", OTHER_TA, seconds=0), way("sms", TA)), id="no time"),
        pytest.param(
            (way("viber", OTHER_TA), Hop(("mitto", TA), ANA, 45, message=HELLO)), id="no words of the gateway"
        ),
        pytest.param((way("viber", OTHER_TA), Hop(("mitto", TA), ANA, 45)), id="no message"),
        pytest.param((way("viber", OTHER_TA), way("sms", TA, seconds=9), way("whatsapp", KEY)), id="two times"),
        pytest.param((way("viber", OTHER_TA), way("sms", TA, status="seen"), way("whatsapp", KEY)), id="two statuses"),
    ],
)
async def test_ways_that_one_request_cannot_name_are_refused_without_a_call(hops: tuple[Hop, ...]) -> None:
    gateway = Gateway()
    assert (await joined(ways(*hops, joined=len(hops)), gateway)).outcome is Outcome.REFUSED
    assert gateway.calls == []


def test_accounts_under_one_key_that_reach_numbers_on_two_networks_join() -> None:
    viber, sms = mitto("viber", ta=OTHER_TA), mitto()
    assert isinstance(viber, Joining)
    assert viber.joins(sms)
    assert sms.joins(viber)


@pytest.mark.parametrize(
    "other",
    [
        mitto("viber", ta=TA),
        mitto("sms", ta=OTHER_TA),
        mitto("sms", api_key="another"),
        mitto("sms", api_url="https://chat.example"),
        mitto("telegram"),
        mitto("gbm"),
        Telegram.from_env("BOT", {}),
    ],
    ids=["network and account", "account", "key", "address", "telegram", "gbm", "channel"],
)
def test_others_do_not(other: Adapter) -> None:
    viber = mitto("viber", ta=OTHER_TA)
    assert viber.joins(mitto("sms", ta=TA))
    assert not viber.joins(other)
    assert not other.joins(viber)


# --- how far a message is


async def test_a_message_s_fate_is_asked_for_by_its_id() -> None:
    adapter = mitto("viber", send_path="/api/v1/Message/send")
    gateway = Gateway({"messageId": "a/1", "deliveryStatus": "Delivered"})
    event = await adapter.load_report("a/1", at(adapter), gateway)
    assert isinstance(event, MessageDelivered)
    assert (event.receipt_id, event.conversation) == ("a/1", at(adapter))
    (call,) = gateway.calls
    assert (call.method, call.url) == ("GET", "https://messaging.mittoapi.com/api/v1/Message/a%2F1")


@pytest.mark.parametrize(
    "answer",
    [
        HttpAnswer(200, {}, b'{"messageId":"1","deliveryStatus":"Ready"}'),
        HttpAnswer(200, {}, b'{"messageId":"1"}'),
        HttpAnswer(200, {}, b"<html>"),
        HttpAnswer(404, {}, b'{"messageId":"1","deliveryStatus":"Delivered"}'),
        HttpAnswer(500, {}, b""),
        HttpAnswer(200, {}, b'{"messageId":"1","deliveryStatus":"Delivered","more":"\xff"}'),
        HttpAnswer(200, {}, b'{"deliveryStatus":"\xff"}'),
        HttpAnswer(200, {}, b'{"more":' + b"[" * 5000),
    ],
    ids=["on its way", "no status", "no message", "not found", "in trouble", "no UTF-8", "no status in it", "deep"],
)
async def test_a_fate_that_is_not_known_is_none(answer: HttpAnswer) -> None:
    assert await mitto().load_report("1", at(mitto()), Gateway(answer)) is None


# --- secrets


async def test_no_secret_is_in_what_an_answer_came_to() -> None:
    adapter = mitto(**callbacks(webhook_secret=SECRET))
    for status in (200, 400, 401, 429, 500):
        echo = Gateway({"message": KEY, "errors": {KEY[:20]: [REPORT_KEY]}}, status=status)
        receipt = await adapter.send(outgoing(HELLO, adapter), at(adapter), echo)
        assert not [
            secret for secret in adapter.secrets() if secret.reveal() in f"{receipt} {adapter!r} {vars(adapter)}"
        ]


@pytest.mark.parametrize("status", [401, 403])
async def test_a_key_that_is_not_accepted_is_told_to_the_operator(status: int) -> None:
    adapter = mitto()
    with capture_logs() as logs:
        receipt = await adapter.send(outgoing(HELLO, adapter), at(adapter), Gateway({}, status=status))
    assert receipt == Receipt(Outcome.REFUSED, reason=f"HTTP {status}")
    (line,) = logs
    assert (line["log_level"], line["status"]) == ("error", status)
    assert "SHOP_SMS_API_KEY" in line["fix"]


async def test_an_answer_in_any_shape_is_success() -> None:
    adapter = mitto()
    for body in (TAKEN, {"messageId": "1"}, ["1"], {"bulkId": "b", "messages": [{"messageId": "1"}]}):
        receipt = await adapter.send(outgoing(HELLO, adapter), at(adapter), Gateway(body))
        assert receipt.outcome is Outcome.SENT
