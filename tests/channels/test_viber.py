import hmac
import json
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from botkit import events
from botkit.adapter import Outcome, Receipt
from botkit.buttons import AnyButton, Button, Link
from botkit.channels.viber import Viber
from botkit.clock import Clock
from botkit.conversation import Account, Conversation
from botkit.events import (
    ButtonPressed,
    ConversationStarted,
    Event,
    MessageDelivered,
    MessageReceived,
    MessageSeen,
    Subscribed,
    UnknownEvent,
)
from botkit.exceptions import MessageError, NotSentError, PayloadError, ServiceError, SettingsError, UnknownOutcomeError
from botkit.http import Http
from botkit.messages import AnyMessage, File, Image, Location, Raw, Text, Typing
from botkit.outgoing import Outgoing
from botkit.session_rules import SessionRules
from botkit.simulators.simulator import Bubble, Person
from botkit.simulators.viber import ViberSimulator
from botkit.simulators.wire import Fault
from botkit.webhook import WebhookRequest

Json = dict[str, Any]

PAYLOADS = Path(__file__).parent / "payloads" / "viber"
ENVIRON = json.loads((PAYLOADS / "account.json").read_text())["environ"]
CASES = sorted(path.stem for path in PAYLOADS.glob("*.json") if path.stem != "account")
TOKEN, OLD_TOKEN = ENVIRON["DEMO_TOKEN"].split(",")
HEADER = "x-viber-content-signature"
WEBHOOK = "https://bot.test/webhooks/viber?ta=demo"
ANA = Person("Ana Kos", "sl-SI")
USER = {"id": "aUc1jJ3kQ8mZtYwXbNvR2g=="}
HERE = Conversation(Account("viber", "demo"), USER["id"])


def adapter(**changes: str) -> Viber:
    return Viber.from_env("DEMO", ENVIRON | changes)


def load(case: str) -> tuple[WebhookRequest, list[Json]]:
    content = json.loads((PAYLOADS / f"{case}.json").read_text())
    return WebhookRequest(content["headers"], content["query"], content["body"].encode()), content["events"]


def sign(body: bytes, token: str = TOKEN) -> str:
    return hmac.new(token.encode(), body, "sha256").hexdigest()


def request(
    body: bytes | Json, headers: Mapping[str, str] | None = None, query: Mapping[str, str] | None = None
) -> WebhookRequest:
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    return WebhookRequest(headers or {}, query or {}, body)


def parse(**callback: Any) -> Event:
    known = {"event": "message", "timestamp": 1784000004101, "message_token": 5753750845017000005, "sender": USER}
    (event,) = adapter().parse(request(known | callback))
    return event


def typed(text: str, rows: Sequence[Sequence[AnyButton]] = (), *, silent: bool = False) -> Event:
    """What comes when somebody writes, or presses, after a message with these buttons."""
    message = json.loads(adapter().render_answer(Text(text="?", buttons=tuple(tuple(row) for row in rows))))
    content = {"type": "text", "text": text, "tracking_data": message.get("tracking_data", "")}
    return parse(message=content, silent=silent)


class Rig:
    """The adapter before the simulator, with a webhook that takes everything, and Ana, who has written."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.simulator = ViberSimulator(self.clock, httpx.MockTransport(lambda _: httpx.Response(200)))
        self.adapter = Viber(TOKEN, name="Demo Bot", ta="demo", api_url="http://viber.test", prefix="DEMO")
        self.simulator.add_account(self.adapter)
        self.client = Http(transport=httpx.ASGITransport(self.simulator.app))
        self.to = Conversation(self.adapter.account, self.simulator.conversation_id("demo", ANA))

    @property
    def faults(self) -> deque[Fault]:
        return self.simulator.wire.faults

    async def send(self, message: AnyMessage, to: str = "") -> Receipt:
        place = Conversation(self.adapter.account, to or self.to.id)
        (part,) = self.adapter.prepare(message, place).messages
        outgoing = Outgoing("event00", ("viber", "demo"), place.id, part)
        return await self.adapter.send(outgoing, place, self.client)

    @property
    def sent(self) -> Any:
        return self.simulator.wire.calls("send_message")[-1].body

    def screen(self) -> list[Bubble]:
        return [bubble for bubble in self.simulator.screen("demo", ANA) if bubble.side == "bot"]


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    rig = Rig()
    await rig.adapter.set_webhook(WEBHOOK, rig.client)
    await rig.simulator.says("demo", ANA, "hello")
    yield rig
    await rig.client.close()
    await rig.simulator.close()


async def answered(answer: httpx.Response) -> Receipt:
    """The receipt of a send that the service answers so."""
    viber = adapter()
    to = Conversation(viber.account, USER["id"])
    async with Http(transport=httpx.MockTransport(lambda _: answer)) as client:
        return await viber.send(Outgoing("k", ("viber", "demo"), to.id, Text(text="hi")), to, client)


# --- what comes in


@pytest.mark.parametrize("case", CASES)
def test_a_recorded_callback_is_genuine_and_gives_its_events(case: str) -> None:
    recorded, expected = load(case)
    assert adapter().verify(recorded)
    got = [json.loads(events.encode(event)) for event in adapter().parse(recorded)]
    assert [{name: value for name, value in event.items() if name != "raw"} for event in got] == expected


@pytest.mark.parametrize("case", CASES)
def test_an_events_raw_payload_is_the_whole_callback(case: str) -> None:
    recorded, _ = load(case)
    assert all(event.raw == json.loads(recorded.body) for event in adapter().parse(recorded))


@pytest.mark.parametrize("case", CASES)
def test_a_changed_body_or_signature_is_refused(case: str) -> None:
    recorded, _ = load(case)
    signature = recorded.headers.get(HEADER) or recorded.query["sig"]
    for wrong in ("", signature[:-1], signature.upper(), "0" * 64, signature + "0", "žé\udc80"):
        if wrong != signature:
            assert not adapter().verify(WebhookRequest({HEADER: wrong}, {}, recorded.body))
            assert not adapter().verify(WebhookRequest({}, {"sig": wrong}, recorded.body))
    assert not adapter().verify(WebhookRequest(recorded.headers, recorded.query, recorded.body + b" "))
    assert not adapter().verify(WebhookRequest({}, {"ta": "demo"}, recorded.body))


def test_a_known_body_has_the_signature_that_another_implementation_gives() -> None:
    # echo -n '{"event":"webhook"}' | openssl dgst -sha256 -hmac "<the first token>"
    genuine = "53b57ee3fc69d956f7d40197e508aeff8268d7cd5f19e82db17698463a0de725"
    assert adapter().verify(request(b'{"event":"webhook"}', {HEADER: genuine}))


def test_the_header_counts_before_the_query() -> None:
    body = b"{}"
    assert not adapter().verify(request(body, {HEADER: "0" * 64}, {"sig": sign(body)}))
    assert adapter().verify(request(body, {HEADER: sign(body)}, {"sig": "0" * 64}))


@pytest.mark.parametrize("tokens", [f"{TOKEN},{OLD_TOKEN}", f" {OLD_TOKEN} , {TOKEN} "])
def test_either_of_two_tokens_verifies_in_any_order(tokens: str) -> None:
    body = b"{}"
    for token in (TOKEN, OLD_TOKEN):
        assert adapter(DEMO_TOKEN=tokens).verify(request(body, {HEADER: sign(body, token)}))
    assert not adapter(DEMO_TOKEN=tokens).verify(request(body, {HEADER: sign(body, "neither")}))


def test_an_account_without_a_token_takes_nothing_for_genuine() -> None:
    viber = adapter(DEMO_TOKEN="")
    assert not viber.verify(request(b"{}", {HEADER: sign(b"{}", "")}))
    assert not viber.verify(request(b"{}"))
    assert not viber.has_credentials


@pytest.mark.parametrize(
    ("body", "headers", "query", "answer"),
    [
        (b'{"event":"webhook"}', {}, {"ta": "demo"}, b""),
        (b'{"event":"webhook"}' + b" " * 1005, {}, {}, b""),
        (b'{"event":"webhook"}' + b" " * 1006, {}, {}, None),
        (b'{"event":"webhook"}', {HEADER: ""}, {}, None),
        (b'{"event":"webhook"}', {}, {"sig": ""}, None),
        (b'{"event":"message"}', {}, {}, None),
        (b'["webhook"]', {}, {}, None),
        (b"\xff", {}, {}, None),
        (b"", {}, {}, None),
        (b"[" * 1000, {}, {}, None),
    ],
)
def test_only_the_unsigned_check_of_the_address_is_answered_at_once(
    body: bytes, headers: dict[str, str], query: dict[str, str], answer: bytes | None
) -> None:
    assert adapter().handshake(request(body, headers, query)) == answer


def test_a_signed_check_of_the_address_is_verified_and_gives_no_event() -> None:
    recorded, _ = load("webhook")
    assert adapter().handshake(recorded) is None
    assert adapter().parse(recorded) == []


def test_an_event_has_the_same_id_whenever_it_is_delivered_again() -> None:
    again, _ = load("text_escaped_and_spaced")
    assert adapter().parse(again)[0].id == adapter().parse(again)[0].id


def test_tokens_that_a_float_cannot_tell_apart_are_told_apart() -> None:
    one, other = (parse(message_token=token, message={"type": "text", "text": "x"}) for token in (2**53, 2**53 + 1))
    assert one.id != other.id
    assert isinstance(other, MessageReceived)
    assert other.message_id == "9007199254740993"
    seen = parse(event="seen", user_id="a", message_token=2**63 - 1)
    assert isinstance(seen, MessageSeen)
    assert seen.receipt_id == "9223372036854775807"


def test_reports_of_one_message_differ_by_event_and_person_but_not_by_device() -> None:
    def ids(event: str, user: str) -> str:
        return parse(event=event, sender=None, user_id=user, chat_hostname="x").id

    assert len({ids("delivered", "a"), ids("delivered", "b"), ids("seen", "a"), ids("failed", "a")}) == 4
    assert ids("delivered", "a") == parse(event="delivered", sender=None, user_id="a", timestamp=1).id


def test_events_without_a_token_are_told_apart_by_their_bodies() -> None:
    one, other = (parse(event="hologram", message_token=None, timestamp=at) for at in (1, 2))
    assert one.id != other.id
    assert isinstance(one, UnknownEvent)


def test_a_received_file_expires_after_an_hour() -> None:
    event = parse(message={"type": "picture", "media": "https://dl.example/p.jpg"})
    assert isinstance(event, MessageReceived)
    assert event.media
    assert event.media.expires_at
    assert event.media.expires_at - event.at == timedelta(hours=1)


def test_a_conversation_is_a_persons_id_as_it_is() -> None:
    assert parse(event="subscribed", user={"id": "a/b+c=="}, sender=None).conversation.id == "a/b+c=="


def test_a_callback_about_nobody_is_an_unknown_event_in_the_conversation_of_nobody() -> None:
    for event in ("message", "subscribed", "delivered", "conversation_started"):
        nobody = parse(event=event, sender=None)
        assert isinstance(nobody, UnknownEvent)
        assert (nobody.kind, nobody.conversation.id, nobody.user) == (event, "-", None)


def test_a_silent_text_is_a_pressed_button_with_its_label() -> None:
    pressed = typed("day:fri", [[Button("Friday", "day:fri"), Button("Today", "day:today")]], silent=True)
    assert isinstance(pressed, ButtonPressed)
    assert (pressed.value, pressed.label) == ("day:fri", "Friday")
    assert pressed.is_from_user


@pytest.mark.parametrize("text", ["friday", " FRIDAY ", "day:fri", "Friday"])
def test_typing_a_buttons_label_or_value_presses_it(text: str) -> None:
    pressed = typed(text, [[Button("Friday", "day:fri"), Link("Site", "https://site.example")]])
    assert isinstance(pressed, ButtonPressed)
    assert (pressed.value, pressed.label) == ("day:fri", "Friday")


@pytest.mark.parametrize("text", ["fri", "DAY:FRI", "Site", "https://site.example", ""])
def test_other_words_are_a_message(text: str) -> None:
    assert isinstance(
        typed(text, [[Button("Friday", "day:fri"), Link("Site", "https://site.example")]]), MessageReceived
    )


@pytest.mark.parametrize(
    "tracking_data",
    ["", "welcome", '{"b":{"x":1}}', '{"b":["x"]}', "[" * 5000, 7, {"b": {"x": "x"}}, None, '"\\ud800"'],
)
def test_tracking_data_that_is_not_ours_makes_no_button(tracking_data: Any) -> None:
    event = parse(message={"type": "text", "text": "x", "tracking_data": tracking_data})
    assert isinstance(event, MessageReceived)


words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40).filter(str.strip)


@settings(max_examples=60)
@given(st.lists(st.tuples(words, words), min_size=1, max_size=12, unique_by=lambda pair: pair[1]))
def test_every_button_that_is_sent_comes_back_with_its_value_and_label(pairs: list[tuple[str, str]]) -> None:
    rows = [[Button(label, value)] for label, value in pairs]
    for label, value in pairs:
        pressed = typed(value, rows, silent=True)
        assert isinstance(pressed, ButtonPressed)
        assert pressed.value == value
        assert pressed.label == label


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b'{"event":"message"', "not JSON"),
        (b'{"event":NaN}', "not JSON"),
        (b'{"event":"\\ud800x"}', "not JSON"),
        (b'{"event":"x"}{}', "not JSON"),
        (b"[]", "not a JSON object"),
        (b'"secretword"', "not a JSON object"),
        (b'{"event":"secretword"}', "timestamp"),
        (b'{"timestamp":1}', "event"),
        (b'{"event":7,"timestamp":1}', "$.event"),
        (b'{"event":"x","timestamp":-1}', "$.timestamp"),
        (b'{"event":"x","timestamp":253402300800000}', "$.timestamp"),
        (b'{"event":"x","timestamp":1,"message_token":9223372036854775808}', "$.message_token"),
        (b'{"event":"x","timestamp":1,"message_token":5.5e18}', "$.message_token"),
        (b'{"event":"x","timestamp":1,"user":"secretword"}', "$.user"),
        (
            b'{"event":"x","timestamp":1,"message":{"type":"location","location":{"lat":91,"lon":0}}}',
            "$.message.location",
        ),
        (b'{"event":"x","timestamp":1,"message":{"type":"location","location":{"lat":"nan","lon":0}}}', "location.lat"),
    ],
)
def test_a_body_that_cannot_be_read_is_an_error_that_says_why_but_not_what(body: bytes, reason: str) -> None:
    with pytest.raises(PayloadError) as caught:
        adapter().parse(request(body))
    assert reason in str(caught.value)
    assert "secretword" not in str(caught.value)


def test_the_last_instant_of_the_year_9999_is_still_an_instant() -> None:
    assert parse(event="subscribed", timestamp=253402300799999).at.year == 9999


@pytest.mark.parametrize(("depth", "is_read"), [(32, True), (33, False)])
def test_a_body_may_be_nested_32_levels_deep(depth: int, is_read: bool) -> None:
    # The object itself is the first level.
    body = b'{"event":"x","timestamp":1,"user_id":"a","deep":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"
    if is_read:
        assert len(adapter().parse(request(body))) == 1
    else:
        with pytest.raises(PayloadError, match="deeper than 32"):
            adapter().parse(request(body))


def test_brackets_in_a_text_are_not_nesting() -> None:
    text = '[{"' * 100 + "\\"
    event = parse(message={"type": "text", "text": text})
    assert isinstance(event, MessageReceived)
    assert event.text == text


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
members = st.sampled_from(
    ["event", "timestamp", "message_token", "user", "sender", "user_id", "message", "silent", "subscribed", "context"]
)
EVENTS = [
    "message",
    "conversation_started",
    "subscribed",
    "unsubscribed",
    "delivered",
    "seen",
    "failed",
    "webhook",
    "x",
]
contents = st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "picture", "video", "file", "sticker", "contact", "url", "location", "x"])},
    optional=dict.fromkeys(
        ("text", "media", "size", "duration", "sticker_id", "contact", "location", "tracking_data"), json_values
    ),
)
callbacks = st.fixed_dictionaries(
    {"event": st.sampled_from(EVENTS), "timestamp": st.integers(0, 2**45)},
    optional={"message": contents, "sender": st.just(USER), "user_id": st.text(max_size=5), "silent": st.booleans()},
)


@settings(max_examples=200)
@given(
    st.binary(max_size=80)
    | json_values.map(lambda value: json.dumps(value).encode())
    | st.dictionaries(members, json_values).map(lambda value: json.dumps(value).encode())
    | callbacks.map(lambda value: json.dumps(value).encode())
)
def test_any_bytes_give_storable_events_or_a_payload_error(body: bytes) -> None:
    try:
        parsed = adapter().parse(request(body))
    except PayloadError:
        return
    assert [events.decode(events.encode(event)) for event in parsed] == list(parsed)
    adapter().handshake(request(body))


@given(st.binary(max_size=80), st.text(), st.text())
def test_no_request_upsets_the_check_of_its_signature(body: bytes, header: str, sig: str) -> None:
    assert not adapter().verify(request(body, {HEADER: header}))
    assert not adapter().verify(request(body, {}, {"sig": sig}))


# --- the welcome


@pytest.mark.parametrize(
    ("case", "takes"), [("conversation_started", True), ("conversation_started_subscribed", False)]
)
def test_only_a_stranger_is_welcomed_in_the_webhooks_answer(case: str, takes: bool) -> None:
    (event,) = adapter().parse(load(case)[0])
    assert isinstance(event, ConversationStarted)
    assert adapter().takes_answer(event) is takes


def test_other_events_are_not_answered_in_the_webhooks_answer() -> None:
    (event,) = adapter().parse(load("subscribed")[0])
    assert isinstance(event, Subscribed)
    assert not adapter().takes_answer(event)


def test_a_welcome_is_a_message_without_receiver_and_always_the_same_bytes() -> None:
    message = Text(text="**Hi!**", buttons=((Button("Start", "start"),),))
    body = adapter().render_answer(message)
    assert json.loads(body) == {
        "sender": {"name": "Demo Bot", "avatar": "https://media.example/bot.png"},
        "type": "text",
        "text": "*Hi!*",
        "keyboard": {
            "Type": "keyboard",
            "Buttons": [
                {
                    "Columns": 6,
                    "Rows": 1,
                    "ActionType": "reply",
                    "ActionBody": "start",
                    "Text": "Start",
                    "Silent": True,
                }
            ],
        },
        "tracking_data": '{"b":{"start":"Start"}}',
    }
    assert adapter().render_answer(message) == body


def test_a_welcome_has_no_receiver_even_if_a_raw_one_names_one() -> None:
    raw = Raw(channel="viber", payload={"receiver": "somebody", "type": "text", "text": "hi"})
    assert "receiver" not in json.loads(adapter().render_answer(raw))


def test_typing_is_no_welcome() -> None:
    assert adapter().render_answer(Typing()) == b""


# --- what goes out


async def test_a_text_arrives_with_vibers_marks_and_the_senders_name(rig: Rig) -> None:
    receipt = await rig.send(Text(text="**Bold** and _italic_ and ~~gone~~"))
    assert rig.sent == {
        "receiver": rig.to.id,
        "sender": {"name": "Demo Bot"},
        "type": "text",
        "text": "*Bold* and _italic_ and ~gone~",
    }
    assert rig.screen()[-1].text == "Bold and italic and gone"
    assert receipt.outcome is Outcome.SENT


@pytest.mark.parametrize(
    ("members", "billing"),
    [({"billing_status": 5}, "5"), ({"billing_status": "2"}, "2"), ({}, ""), ({"billing_status": None}, "")],
)
async def test_a_receipt_tells_how_viber_counted_the_message(members: dict[str, Any], billing: str) -> None:
    answer = {"status": 0, "status_message": "ok", "message_token": 1}
    receipt = await answered(httpx.Response(200, json=answer | members))
    assert (receipt.outcome, receipt.billing) == (Outcome.SENT, billing)


async def test_a_receipt_is_named_by_all_digits_of_the_message_token(rig: Rig) -> None:
    receipt = await rig.send(Text(text="hi"))
    answer = rig.simulator.wire.calls("send_message")[-1].answer
    assert f'"message_token":{receipt.id},'.encode() in answer
    assert int(receipt.id) > 2**53
    await rig.simulator.redeliver()
    (delivered,) = rig.simulator.wire.deliveries("delivered")
    (event,) = rig.adapter.parse(request(delivered.request))
    assert isinstance(event, MessageDelivered)
    assert event.receipt_id == receipt.id


async def test_a_picture_arrives_with_its_caption(rig: Rig) -> None:
    await rig.send(Image(source="https://media.example/cat.JPG?w=1", caption="my **cat**"))
    assert rig.screen()[-1].kind == "image"
    assert rig.screen()[-1].text == "my cat"
    assert rig.screen()[-1].source == "https://media.example/cat.JPG?w=1"


async def test_a_file_arrives_with_its_name_and_size(rig: Rig) -> None:
    await rig.send(File(source="https://media.example/a", name="a.pdf", size=10240))
    assert rig.sent["type"] == "file"
    assert (rig.sent["media"], rig.sent["size"], rig.sent["file_name"]) == ("https://media.example/a", 10240, "a.pdf")


async def test_a_file_with_a_caption_is_sent_as_words_and_a_link(rig: Rig) -> None:
    buttons = ((Button("Pay", "pay"),),)
    await rig.send(File(source="https://media.example/a.pdf", caption="Your **invoice**", buttons=buttons))
    assert rig.screen()[-1].text == "Your invoice\nhttps://media.example/a.pdf"
    assert rig.screen()[-1].choices[0][0].label == "Pay"


async def test_a_place_arrives(rig: Rig) -> None:
    await rig.send(Location(latitude=46.05, longitude=-14.5))
    assert rig.screen()[-1].text == "46.05, -14.5"


async def test_typing_is_sent_by_not_calling(rig: Rig) -> None:
    calls = len(rig.simulator.wire)
    assert rig.adapter.prepare(Typing(), rig.to).messages == ()
    assert len(rig.simulator.wire) == calls


async def test_a_raw_message_is_sent_as_it_is_to_the_person_of_the_conversation(rig: Rig) -> None:
    sticker = {"type": "sticker", "sticker_id": 46105, "sender": {"name": "Somebody"}, "receiver": "other"}
    receipt = await rig.send(Raw(channel="viber", payload=sticker))
    assert receipt.outcome is Outcome.SENT
    assert rig.sent == sticker | {"receiver": rig.to.id}


async def test_a_raw_message_without_a_sender_gets_ours(rig: Rig) -> None:
    await rig.send(Raw(channel="viber", payload={"type": "sticker", "sticker_id": 46105}))
    assert rig.sent["sender"] == {"name": "Demo Bot"}


async def test_a_raw_call_of_another_method_carries_nothing_but_its_payload(rig: Rig) -> None:
    receipt = await rig.send(Raw(channel="viber", method="get_user_details", payload={"id": rig.to.id}))
    assert receipt.outcome is Outcome.SENT
    assert rig.simulator.wire.calls("get_user_details")[-1].body == {"id": rig.to.id}


@pytest.mark.parametrize(
    ("count", "widths"),
    [(1, [6]), (2, [3, 3]), (3, [2, 2, 2]), (4, [2, 2, 1, 1]), (5, [2, 1, 1, 1, 1]), (6, [1, 1, 1, 1, 1, 1])],
)
async def test_the_buttons_of_a_row_fill_its_six_columns(rig: Rig, count: int, widths: list[int]) -> None:
    row = tuple(Button(f"B{number}", f"v{number}") for number in range(count))
    await rig.send(Text(text="Choose", buttons=(row, row[:1])))
    assert [button["Columns"] for button in rig.sent["keyboard"]["Buttons"]] == [*widths, 6]
    assert [[choice.label for choice in line] for line in rig.screen()[-1].choices] == [
        [button.text for button in row],
        ["B0"],
    ]


async def test_a_press_comes_back_as_the_button_and_does_not_show_its_value(rig: Rig) -> None:
    await rig.send(Text(text="When?", buttons=((Button("Today", "day:today"), Link("Map", "https://map.example")),)))
    await rig.simulator.taps("demo", ANA, "Today")
    (event,) = rig.adapter.parse(request(rig.simulator.wire.deliveries("message")[-1].request))
    assert isinstance(event, ButtonPressed)
    assert (event.value, event.label) == ("day:today", "Today")
    assert "day:today" not in [bubble.text for bubble in rig.simulator.screen("demo", ANA)]


async def test_a_pressed_link_says_nothing_to_the_bot(rig: Rig) -> None:
    await rig.send(Text(text="Look", buttons=((Link("Map", "https://map.example"),),)))
    before = len(rig.simulator.wire.deliveries("message"))
    await rig.simulator.taps("demo", ANA, "Map")
    assert len(rig.simulator.wire.deliveries("message")) == before
    assert rig.screen()[-1].choices[0][0].kind == "link"
    assert "tracking_data" not in rig.sent


def test_labels_that_do_not_fit_into_the_tracking_data_are_left_out_before_values() -> None:
    def tracking(label: str, value: str) -> Any:
        buttons = tuple((Button(f"{row}{label}", f"{row:02}{value}"),) for row in range(12))
        return json.loads(adapter().render_answer(Text(text="x", buttons=buttons))).get("tracking_data")

    assert json.loads(tracking("short", "v"))["b"]["00v"] == "0short"
    assert set(json.loads(tracking("x" * 248, "y" * 98))["b"].values()) == {""}
    assert len(tracking("x" * 248, "y" * 98)) <= 4000
    assert len(tracking("x" * 225, "y" * 98)) <= 4000
    assert "x" * 200 in tracking("x" * 220, "y" * 98)


def test_values_that_do_not_fit_into_the_tracking_data_leave_it_out() -> None:
    rows = tuple(tuple(Button("x", f"{row}{column}{'y' * 90}") for column in range(6)) for row in range(12))
    assert "tracking_data" not in json.loads(adapter().render_answer(Text(text="x", buttons=rows)))


def one_button(label: str = "x", value: str = "x") -> Text:
    return Text(text="x", buttons=((Button(label, value),),))


FILE = File(source="https://m.example/a", name="a.pdf", size=1)
WITHIN: dict[str, tuple[AnyMessage, AnyMessage]] = {
    "text": (Text(text="x" * 7000, markdown=False), Text(text="x" * 7001, markdown=False)),
    "text in UTF-16": (Text(text="🙂" * 3500), Text(text="🙂" * 3500 + "x")),
    "marks count": (Text(text=f"**{'x' * 6998}**"), Text(text=f"**{'x' * 6999}**")),
    "caption": (
        Image(source="https://m.example/a.png", caption="x" * 768),
        Image(source="https://m.example/a.png", caption="x" * 769),
    ),
    "address": (
        Image(source=f"https://m.example/{'x' * 1978}.png"),
        Image(source=f"https://m.example/{'x' * 1979}.png"),
    ),
    "file name": (msgspec.structs.replace(FILE, name="x" * 256), msgspec.structs.replace(FILE, name="x" * 257)),
    "no file name": (msgspec.structs.replace(FILE, name=""), File(source="https://m.example/", size=1)),
    "empty file": (FILE, msgspec.structs.replace(FILE, size=0)),
    "big file": (msgspec.structs.replace(FILE, size=52_428_800), msgspec.structs.replace(FILE, size=52_428_801)),
    "forbidden file": (FILE, msgspec.structs.replace(FILE, name="setup.EXE")),
    "file id": (FILE, File(source="AgACAgIAAxkBAAI", name="a.pdf", size=1)),
    "picture": (Image(source="https://m.example/a.gif"), Image(source="https://m.example/a.webp")),
    "picture by path": (Image(source="https://m.example/a.jpeg"), Image(source="https://m.example/a?b.jpeg")),
    "label": (one_button("x" * 250), one_button("x" * 251)),
    "value": (one_button(value="x" * 250), one_button(value="x" * 251)),
    "link": (
        Text(text="x", buttons=((Link("x", f"https://m.example/{'x' * 1982}"),),)),
        Text(text="x", buttons=((Link("x", f"https://m.example/{'x' * 1983}"),),)),
    ),
    "rows": (
        Text(text="x", buttons=((Button("x", "x"),),) * 12),
        Text(text="x", buttons=((Button("x", "x"),),) * 13),
    ),
    "columns": (
        Text(text="x", buttons=((Button("x", "x"),) * 6,)),
        Text(text="x", buttons=((Button("x", "x"),) * 7,)),
    ),
    "method": (
        Raw(channel="viber", payload={}, method="get_online"),
        Raw(channel="viber", payload={}, method="../get_online"),
    ),
    "channel": (Raw(channel="viber", payload={}), Raw(channel="telegram", payload={})),
    "surrogate": (one_button("x"), one_button("\ud800")),
}


@pytest.mark.parametrize("bound", WITHIN)
def test_what_is_within_a_bound_passes_and_what_is_beyond_does_not(bound: str) -> None:
    within, beyond = WITHIN[bound]
    assert adapter().prepare(within, HERE).messages == (within,)
    with pytest.raises(MessageError, match=r"(?i)viber"):
        adapter().check(beyond)


@pytest.mark.parametrize("bound", [bound for bound in WITHIN if bound not in ("method", "channel")])
async def test_viber_takes_what_is_just_within_a_bound(rig: Rig, bound: str) -> None:
    receipt = await rig.send(WITHIN[bound][0])
    assert receipt.outcome is Outcome.SENT


def test_an_error_names_the_bound_and_both_numbers() -> None:
    with pytest.raises(MessageError, match=r"7001.*7000"):
        adapter().check(Text(text="x" * 7001))
    with pytest.raises(MessageError, match=r"13 rows.*12"):
        adapter().check(WITHIN["rows"][1])


def raw_of(size: int, viber: Viber) -> Raw:
    """A raw message whose request has so many bytes, to a receiver whose id has 64 characters."""
    empty = {"receiver": "x" * 64, "sender": {"name": viber.name}, "type": "text", "text": ""}
    return Raw(channel="viber", payload={"type": "text", "text": "x" * (size - len(msgspec.json.encode(empty)))})


def test_a_request_may_have_30_kilobytes() -> None:
    viber = Viber(TOKEN, name="Demo Bot", ta="demo")
    viber.check(raw_of(30 * 1024, viber))
    with pytest.raises(MessageError, match=r"30721 bytes.*30720"):
        viber.check(raw_of(30 * 1024 + 1, viber))


async def test_the_size_of_a_request_is_measured_as_it_is_sent() -> None:
    viber, message = adapter(), Text(text="x", buttons=tuple((Button("ž🙂", "v"),) for _ in range(12)))
    sent: list[bytes] = []

    def fail(request: httpx.Request) -> httpx.Response:
        sent.append(request.content)
        return httpx.Response(500)

    async with Http(transport=httpx.MockTransport(fail)) as client:
        to = Conversation(viber.account, "x" * 64)
        await viber.send(Outgoing("k", ("viber", "demo"), to.id, message), to, client)
    rendered = json.loads(viber.render_answer(message)) | {"receiver": "x" * 64}
    assert len(sent[0]) == len(msgspec.json.encode(rendered))


# --- what the service says


@pytest.mark.parametrize(
    ("status", "outcome", "is_gone"),
    [
        (1, Outcome.REFUSED, False),
        (2, Outcome.REFUSED, False),
        (3, Outcome.REFUSED, False),
        (4, Outcome.REFUSED, False),
        (5, Outcome.REFUSED, True),
        (6, Outcome.REFUSED, True),
        (7, Outcome.REFUSED, False),
        (10, Outcome.REFUSED, False),
        (11, Outcome.REFUSED, False),
        (12, Outcome.NOT_SENT, False),
        (13, Outcome.REFUSED, False),
        (23, Outcome.REFUSED, False),
        (24, Outcome.REFUSED, False),
        (25, Outcome.UNKNOWN, False),
        (-1, Outcome.UNKNOWN, False),
    ],
)
async def test_a_status_has_its_outcome(status: int, outcome: Outcome, is_gone: bool) -> None:
    answer = {"status": status, "status_message": "the person wrote secretword", "message_token": 1}
    receipt = await answered(httpx.Response(200, json=answer))
    assert (receipt.outcome, receipt.is_gone, receipt.id) == (outcome, is_gone, "")
    assert receipt.reason.startswith(f"{status} ")
    assert "secretword" not in receipt.reason


async def test_a_status_is_named_in_the_reason() -> None:
    assert (await answered(httpx.Response(200, json={"status": 6}))).reason == "6 receiverNotSubscribed"
    assert (await answered(httpx.Response(200, json={"status": 99}))).reason == "99 unknown status"


@pytest.mark.parametrize(
    "body", [b"", b"<html>ok</html>", b"[0]", b"{}", b'{"status":"0"}', b'{"status":false}', b"\xff"]
)
async def test_an_answer_that_says_nothing_leaves_the_outcome_unknown(body: bytes) -> None:
    assert await answered(httpx.Response(200, content=body)) == Receipt(
        Outcome.UNKNOWN, reason="HTTP 200 without a status"
    )


@pytest.mark.parametrize(
    ("response", "receipt"),
    [
        (httpx.Response(500, content=b"<html>"), Receipt(Outcome.UNKNOWN, reason="HTTP 500")),
        (httpx.Response(502, content=b"<html>"), Receipt(Outcome.UNKNOWN, reason="HTTP 502")),
        (httpx.Response(503, json={"status": 0}), Receipt(Outcome.UNKNOWN, reason="HTTP 503")),
        (httpx.Response(504), Receipt(Outcome.UNKNOWN, reason="HTTP 504")),
        (httpx.Response(429), Receipt(Outcome.THROTTLED, reason="HTTP 429", retry_after=1)),
        (
            httpx.Response(429, headers={"retry-after": "30"}),
            Receipt(Outcome.THROTTLED, reason="HTTP 429", retry_after=30),
        ),
        (
            httpx.Response(429, headers={"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}),
            Receipt(Outcome.THROTTLED, reason="HTTP 429", retry_after=1),
        ),
        (httpx.Response(404), Receipt(Outcome.REFUSED, reason="HTTP 404")),
        (httpx.Response(403, json={"status": 0}), Receipt(Outcome.REFUSED, reason="HTTP 403")),
        (httpx.Response(302, headers={"location": "http://x"}), Receipt(Outcome.REFUSED, reason="HTTP 302")),
    ],
)
async def test_another_http_status_has_its_outcome(response: httpx.Response, receipt: Receipt) -> None:
    assert await answered(response) == receipt


async def test_somebody_who_left_is_gone(rig: Rig) -> None:
    await rig.simulator.leaves("demo", ANA)
    receipt = await rig.send(Text(text="hi"))
    assert receipt == Receipt(Outcome.REFUSED, reason="6 receiverNotSubscribed", is_gone=True)


async def test_somebody_whom_viber_does_not_know_is_gone(rig: Rig) -> None:
    receipt = await rig.send(Text(text="hi"), to="nobody/../x==")
    assert receipt == Receipt(Outcome.REFUSED, reason="5 receiverNotRegistered", is_gone=True)


async def test_the_hundred_and_first_message_of_an_hour_was_not_sent(rig: Rig) -> None:
    for _ in range(100):
        assert (await rig.send(Text(text="hi"))).outcome is Outcome.SENT
    assert await rig.send(Text(text="hi")) == Receipt(Outcome.NOT_SENT, reason="12 tooManyRequests", retry_after=60)


async def test_a_dropped_connection_leaves_the_outcome_unknown_though_the_message_arrived(rig: Rig) -> None:
    rig.faults.append(Fault(drop=True, before=False))
    with pytest.raises(UnknownOutcomeError) as caught:
        await rig.send(Text(text="hi"))
    assert rig.screen()[-1].text == "hi"
    assert "viber.test" not in str(caught.value)


async def test_a_fault_after_the_message_was_taken_is_unknown(rig: Rig) -> None:
    rig.faults.append(Fault(502, b"<html>bad gateway</html>", before=False))
    assert (await rig.send(Text(text="hi"))).outcome is Outcome.UNKNOWN
    assert rig.screen()[-1].text == "hi"


async def test_no_connection_is_told_as_not_sent() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    viber = adapter()
    to = Conversation(viber.account, "a")
    async with Http(transport=httpx.MockTransport(refuse)) as client:
        with pytest.raises(NotSentError):
            await viber.send(Outgoing("k", ("viber", "demo"), "a", Text(text="hi")), to, client)


# --- the webhook


async def test_setting_the_webhook_asks_for_every_event_and_for_names(rig: Rig) -> None:
    assert rig.simulator.wire.calls("set_webhook")[-1].body == {
        "url": WEBHOOK,
        "event_types": ["delivered", "seen", "failed", "subscribed", "unsubscribed", "conversation_started"],
        "send_name": True,
        "send_photo": True,
    }
    status = await rig.adapter.load_webhook(rig.client)
    assert status.url == WEBHOOK
    assert status.details["name"] == "demo"
    assert status.details["subscribers_count"] == 1


async def test_a_deleted_webhook_is_gone(rig: Rig) -> None:
    await rig.adapter.delete_webhook(rig.client)
    assert (await rig.adapter.load_webhook(rig.client)).url == ""
    assert (await rig.send(Text(text="hi"))).reason == "10 webhookNotSet"


async def test_an_address_that_does_not_answer_is_refused_with_vibers_account_of_it(rig: Rig) -> None:
    rig.simulator.http = httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(500)))
    with pytest.raises(ServiceError) as caught:
        await rig.adapter.set_webhook(WEBHOOK, rig.client)
    assert caught.value.code == 1
    assert "HTTP/1.1 500" in caught.value.what
    assert "https" in caught.value.fix


async def test_a_refusal_never_repeats_the_token(rig: Rig) -> None:
    rig.faults.append(Fault(200, json.dumps({"status": 1, "status_message": f"{'x' * 150} {TOKEN}"}).encode()))
    with pytest.raises(ServiceError) as caught:
        await rig.adapter.set_webhook(WEBHOOK, rig.client)
    assert TOKEN[:8] not in str(caught.value)


async def test_a_wrong_token_is_told_with_the_services_code(rig: Rig) -> None:
    stranger = Viber(OLD_TOKEN, ta="demo", api_url="http://viber.test")
    with pytest.raises(ServiceError, match="2 invalidAuthToken") as caught:
        await stranger.load_webhook(rig.client)
    assert caught.value.code == 2
    assert OLD_TOKEN not in str(caught.value)


@pytest.mark.parametrize(
    "fault", [Fault(502, b"<html>"), Fault(404, b"Not Found"), Fault(200, b"hello"), Fault(200, b"{}")]
)
async def test_an_answer_that_is_not_vibers_is_a_service_error(rig: Rig, fault: Fault) -> None:
    rig.faults.append(fault)
    with pytest.raises(ServiceError, match=f"HTTP {fault.status}") as caught:
        await rig.adapter.set_webhook(WEBHOOK, rig.client)
    assert caught.value.code == f"HTTP {fault.status}"
    assert "DEMO_API_URL" in caught.value.fix


async def test_calls_carry_the_first_token_in_a_header_only() -> None:
    seen: list[httpx.Request] = []

    def take(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"status": 0})

    async with Http(transport=httpx.MockTransport(take)) as client:
        await adapter().set_webhook(WEBHOOK, client)
    assert seen[0].headers["x-viber-auth-token"] == TOKEN
    assert str(seen[0].url) == "https://chatapi.viber.com/pa/set_webhook"
    assert TOKEN.encode() not in seen[0].content


# --- the settings


def test_the_settings_are_read() -> None:
    viber = adapter(
        DEMO_API_URL="http://viber.test/",
        DEMO_SESSION_SECONDS="3600",
        DEMO_SESSION_MESSAGES="10",
        DEMO_SESSION_IN_ROW="2",
        DEMO_AT_LIMIT="fail",
    )
    assert (viber.ta, viber.name, viber.avatar) == ("demo", "Demo Bot", "https://media.example/bot.png")
    assert viber.api_url == "http://viber.test"
    assert viber.sessions == SessionRules(seconds=3600, max_messages=10, max_in_row=2, at_limit="fail")


def test_nothing_set_is_an_account_to_be_simulated_with_the_usual_rules() -> None:
    viber = Viber.from_env("DEMO", {})
    assert not viber.has_credentials
    assert list(viber.secrets()) == []
    assert viber.api_url == "https://chatapi.viber.com"
    assert viber.sessions == SessionRules(seconds=86400, max_messages=60, max_in_row=5, at_limit="hold")


def test_a_token_may_be_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    viber = Viber.from_env("DEMO", {"DEMO_TOKEN_FILE": str(tmp_path / "token")})
    assert [secret.reveal() for secret in viber.secrets()] == [TOKEN]


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("DEMO_TOKEN", f"{TOKEN},"),
        ("DEMO_TOKEN", f"{TOKEN},{OLD_TOKEN},{TOKEN}"),
        ("DEMO_TOKEN", "secret word"),
        ("DEMO_TOKEN", "secretž"),
        ("DEMO_NAME", "x" * 29),
        ("DEMO_AVATAR", "media.example/a.png"),
        ("DEMO_AVATAR", f"https://{'x' * 1993}"),
        ("DEMO_API_URL", "chatapi.viber.com"),
        ("DEMO_SESSION_SECONDS", "0"),
        ("DEMO_SESSION_MESSAGES", "many"),
        ("DEMO_SESSION_IN_ROW", "-5"),
        ("DEMO_SESSION_IN_ROW", "5.0"),
        ("DEMO_AT_LIMIT", "drop"),
    ],
)
def test_a_wrong_setting_is_named_and_a_wrong_secret_not_shown(setting: str, value: str) -> None:
    with pytest.raises(SettingsError, match=setting) as caught:
        adapter(**{setting: value})
    assert caught.value.fix
    if setting == "DEMO_TOKEN":
        assert value not in str(caught.value)
        assert TOKEN not in str(caught.value)


def test_a_name_may_have_28_characters_and_an_avatar_2000() -> None:
    viber = adapter(DEMO_NAME="x" * 28, DEMO_AVATAR=f"https://{'x' * 1992}")
    assert len(viber.name) == 28
    assert len(viber.avatar) == 2000


def test_the_name_is_the_start_of_the_account_where_none_is_set() -> None:
    viber = Viber(TOKEN)
    viber.ta = "a-traffic-account-of-more-than-28-characters"
    assert json.loads(viber.render_answer(Text(text="hi")))["sender"] == {"name": "a-traffic-account-of-more-th"}


def test_a_simulated_account_is_the_same_with_another_token() -> None:
    simulated = adapter(DEMO_SESSION_IN_ROW="2").simulated("http://127.0.0.1:9/viber")
    (token,) = simulated.secrets()
    assert [len(part) for part in token.reveal().split("-")] == [16, 16, 16]
    assert token.reveal() not in (TOKEN, OLD_TOKEN)
    assert (simulated.ta, simulated.name, simulated.prefix) == ("demo", "Demo Bot", "DEMO")
    assert simulated.sessions.max_in_row == 2
    assert simulated.api_url == "http://127.0.0.1:9/viber"


def test_no_text_of_the_adapter_shows_a_token() -> None:
    viber = adapter()
    assert {secret.reveal() for secret in viber.secrets()} == {TOKEN, OLD_TOKEN}
    shown = f"{viber!r} {viber} {vars(viber)}"
    assert TOKEN not in shown
    assert OLD_TOKEN not in shown
