import json
from base64 import b64encode
from collections import deque
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Union

import httpx
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from botkit import events
from botkit.adapter import Outcome, Receipt
from botkit.buttons import AnyButton, Button, Link
from botkit.channels.gbm import BusinessMessages
from botkit.channels.google_oauth import ServiceAccount
from botkit.clock import Clock
from botkit.conversation import Conversation
from botkit.events import AnyEvent, Event
from botkit.exceptions import MessageError, NotSentError, PayloadError, ServiceError, SettingsError
from botkit.http import Http
from botkit.messages import AnyMessage, File, Image, Location, Raw, Text, Typing
from botkit.outgoing import Outgoing
from botkit.simulators.gbm import BusinessMessagesSimulator
from botkit.simulators.simulator import Bubble, Person
from botkit.simulators.wire import Fault
from botkit.webhook import WebhookRequest

PAYLOADS = Path(__file__).parent / "payloads" / "gbm"
ENVIRON = json.loads((PAYLOADS / "account.json").read_text())["environ"]
CASES = sorted(path.stem for path in PAYLOADS.glob("*.json") if path.stem != "account")
DECODER = msgspec.json.Decoder(Union[(AnyEvent, *BusinessMessages.events)])
ANA = Person("Ana")
Json = dict[str, Any]
Body = bytes | list[str] | Json
TALK = "6f0e6c1a-5d0f-4a55-9c39-0d1f6a1c7e01"


def adapter(**settings: str) -> BusinessMessages:
    return BusinessMessages.from_env("DEMO", ENVIRON | settings)


def credentials(account: BusinessMessages) -> ServiceAccount:
    assert account.credentials
    return account.credentials


def load(case: str) -> tuple[WebhookRequest, list[Json]]:
    content = json.loads((PAYLOADS / f"{case}.json").read_text())
    return WebhookRequest(content["headers"], content["query"], content["body"].encode()), content["events"]


def request(body: Body, **headers: str) -> WebhookRequest:
    return WebhookRequest(headers, {"ta": "demo"}, body if isinstance(body, bytes) else json.dumps(body).encode())


def parse_one(body: Json) -> Event:
    (event,) = adapter().parse(request({"agent": ENVIRON["DEMO_AGENT"], "conversationId": TALK} | body))
    return event


class Rig:
    """The adapter before the simulator, and Ana, who has written."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.simulator = BusinessMessagesSimulator(self.clock, httpx.MockTransport(lambda _: httpx.Response(200)))
        self.adapter = BusinessMessages(ta="demo", name="Shop").simulated("http://gbm.test")
        self.simulator.add_account(self.adapter)
        self.client = Http(transport=httpx.ASGITransport(self.simulator.app))
        self.to = Conversation(self.adapter.account, self.simulator.conversation_id("demo", ANA))

    @property
    def faults(self) -> deque[Fault]:
        return self.simulator.wire.faults

    async def send(self, message: AnyMessage, key: str = "event00", to: str = "") -> Receipt:
        place = Conversation(self.adapter.account, to or self.to.id)
        (part,) = self.adapter.prepare(message, place).messages
        return await self.adapter.send(Outgoing(key, ("gbm", "demo"), place.id, part), place, self.client)

    def bodies(self, name: str = "messages") -> list[Any]:
        return [exchange.body for exchange in self.simulator.wire.calls(name)]

    def screen(self) -> list[Bubble]:
        return [bubble for bubble in self.simulator.screen("demo", ANA) if bubble.side == "bot"]


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    rig = Rig()
    await rig.simulator.says("demo", ANA, "hello")
    yield rig
    await rig.client.close()
    await rig.simulator.close()


# --- what comes in


@pytest.mark.parametrize("case", CASES)
def test_a_recorded_payload_is_genuine_and_gives_its_events(case: str) -> None:
    recorded, expected = load(case)
    assert adapter().verify(recorded)
    got = [json.loads(events.encode(event)) for event in adapter().parse(recorded)]
    assert [{name: value for name, value in event.items() if name != "raw"} for event in got] == expected


@pytest.mark.parametrize("case", CASES)
def test_a_changed_body_or_signature_is_refused(case: str) -> None:
    recorded, _ = load(case)
    signature = recorded.headers["x-goog-signature"]
    swapped = ("A" if signature[0] != "A" else "B") + signature[1:]
    for headers, body in [
        (recorded.headers, recorded.body + b" "),
        ({"x-goog-signature": swapped}, recorded.body),
        ({"x-goog-signature": signature[:-2]}, recorded.body),
        ({"x-goog-signature": "žé\udc80"}, recorded.body),
        ({}, recorded.body),
    ]:
        assert not adapter().verify(WebhookRequest(headers, {}, body))


@pytest.mark.parametrize(
    ("key", "signature"),
    [
        ("botkit-demo-key", "xw6rQpPcLTjghbmvfiOI+wdJpkoxTLmZBFADr5WVbZpfdaWybuEk7GRFAcCZCTXGirISiGLre9UzUsOAx/92pw=="),
        ("botkit-old-key", "p3v5vsiHeIbge/DAqLZII0MN8IV5jRrApb9eveiPiDjiVqlpR3nvHulUvzIPSQVVY1YLeVA83cdcjLXfInEjSg=="),
    ],
)
def test_known_signatures_are_genuine_under_any_of_several_keys(key: str, signature: str) -> None:
    body = load("text_escaped")[0].body
    signed = request(body, **{"x-goog-signature": signature})
    assert len(body) == 461
    assert BusinessMessages(keys=["another", key]).verify(signed)
    assert BusinessMessages(keys=[key, "another"]).verify(signed)
    assert not BusinessMessages(keys=["another"]).verify(signed)


def test_nothing_is_genuine_without_a_key() -> None:
    recorded, _ = load("text")
    assert not BusinessMessages().verify(recorded)
    assert not BusinessMessages().verify(request(b"", **{"x-goog-signature": ""}))


def test_the_address_check_is_answered_with_the_secret_unchanged() -> None:
    body = {"clientToken": "TOK-EXAMPLE-1", "secret": "0090817263540"}
    assert adapter().handshake(request(body)) == b"0090817263540"


@pytest.mark.parametrize(
    "body",
    [
        {"clientToken": "TOK-EXAMPLE-2", "secret": "1"},
        {"clientToken": "", "secret": "1"},
        {"clientToken": "TOK-EXAMPLE-1"},
        {"clientToken": "TOK-EXAMPLE-1", "secret": 7},
        {"clientToken": "TOK-EXAMPLE-1", "secret": "1", "conversationId": TALK},
        ["clientToken", "secret"],
        b"\xff",
        b"[" * 100_000,
    ],
)
def test_no_other_request_is_an_address_check(body: Body) -> None:
    assert adapter().handshake(request(body)) is None


def test_without_a_client_token_no_address_check_passes() -> None:
    assert BusinessMessages(keys=["k"]).handshake(request({"clientToken": "", "secret": "1"})) is None


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not JSON"),
        (b"\xff{}", "not UTF-8"),
        (b'{"conversationId": "\xed\xa0\x80"}', "not UTF-8"),
        (b'{"conversationId": NaN}', "not JSON"),
        (b"[]", "not a JSON object"),
        (b'{"conversationId": 7}', "unknown form"),
        (b"{}", "unknown form"),
        ({"conversationId": ""}, "without a conversationId"),
        ({"conversationId": "c", "agent": "brands/b-100/agents/other"}, "DEMO_AGENT"),
        ({"conversationId": "c"}, "DEMO_AGENT"),
        (
            {"conversationId": "c", "agent": "brands/b-100/agents/a-200", "receipts": {"receipts": [{"message": 7}]}},
            "receipt of an unknown form",
        ),
        ({"message": {"data": "not base64!"}}, "not base64"),
        ({"message": {"data": b64encode(b"{").decode()}}, "not JSON"),
    ],
)
def test_an_unreadable_body_is_refused_with_the_reason(body: Body, reason: str) -> None:
    with pytest.raises(PayloadError, match=reason):
        adapter().parse(request(body))


@pytest.mark.parametrize(
    "time", ["yesterday", "2024-03-01T09:00:00", "1999-12-31T23:59:59Z", "9999-01-01T00:00:00Z", ""]
)
def test_a_time_that_is_none_is_refused(time: str) -> None:
    with pytest.raises(PayloadError, match="time"):
        parse_one({"message": {"text": "hi", "messageId": "m"}, "sendTime": time})


def test_bodies_nested_deeper_than_32_are_refused_and_32_are_read() -> None:
    deep = '{"agent":"%s","conversationId":"c","sendTime":"2024-03-01T09:00:00Z","new":%s"]["%s}'
    good = deep % (ENVIRON["DEMO_AGENT"], "[" * 31, "]" * 31)
    bad = deep % (ENVIRON["DEMO_AGENT"], "[" * 32, "]" * 32)
    assert adapter().parse(request(good.encode()))[0].raw["new"]
    with pytest.raises(PayloadError, match="32"):
        adapter().parse(request(bad.encode()))


@settings(deadline=None)
@given(st.binary() | st.text().map(str.encode))
def test_no_bytes_lead_to_another_error_than_payload_error(body: bytes) -> None:
    with pytest.raises(PayloadError):
        adapter().parse(request(body))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
_MEMBERS = [
    *("message", "suggestionResponse", "receipts", "userStatus", "surveyResponse", "context", "requestId", "sendTime"),
    *("text", "createTime", "isTyping", "requestedLiveAgent", "userInfo", "data", "postbackData", "messageId"),
    *("authenticationResponse", "code", "redirect_uri", "errorDetails", "feedbackResponse", "feedback", "rating"),
    *("questionIndex", "totalQuestionCount"),
]


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(_MEMBERS), _JSON | st.dictionaries(st.sampled_from(_MEMBERS), _JSON)))
def test_members_of_any_form_are_events_or_a_payload_error(members: Json) -> None:
    body = {"agent": ENVIRON["DEMO_AGENT"], "conversationId": TALK, "sendTime": "2024-03-01T09:00:00Z"} | members
    try:
        got = adapter().parse(request(body))
    except PayloadError:
        return
    for event in got:
        assert DECODER.decode(events.encode(event)) == event


def test_the_raw_payload_is_the_body_and_for_a_batch_the_one_receipt() -> None:
    text, _ = load("text")
    assert adapter().parse(text)[0].raw["message"]["text"] == "Are you open today?"
    delivered, seen = adapter().parse(load("receipts")[0])
    assert delivered.raw["receiptType"] == "DELIVERED"
    assert seen.raw["receiptType"] == "READ"
    assert adapter().parse(load("wrapped_in_data")[0])[0].raw["requestId"] == "req-0064"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (
            {"requestId": "r", "message": {"messageId": "m", "text": "a"}},
            {"requestId": "r", "userStatus": {"isTyping": True}},
        ),
        ({"message": {"messageId": "m", "text": "a"}}, {"message": {"messageId": "m", "text": "a", "x": 1}}),
        (
            {"surveyResponse": {"survey": "s", "surveyQuestionId": "q"}},
            {"surveyResponse": {"survey": "s", "surveyQuestionId": "q", "rating": "GOOD"}},
        ),
        (
            {"receipts": {"receipts": [{"message": "c/messages/m", "receiptType": "READ"}]}},
            {"requestId": "r", "receipts": {"receipts": [{"message": "c/messages/m", "receiptType": "READ"}]}},
        ),
    ],
)
def test_a_redelivery_has_the_same_id_whatever_else_changed(first: Json, second: Json) -> None:
    assert (
        parse_one(first | {"sendTime": "2024-03-01T09:00:00Z"}).id
        == parse_one(second | {"sendTime": "2024-03-01T09:30:00Z"}).id
    )


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"requestId": "r"}, {"requestId": "s"}),
        ({"message": {"messageId": "m"}}, {"message": {"messageId": "n"}}),
        ({"surveyResponse": {"survey": "s", "surveyQuestionId": "q"}}, {"surveyResponse": {"survey": "s"}}),
        (
            {"receipts": {"receipts": [{"message": "m", "receiptType": "READ"}]}},
            {"receipts": {"receipts": [{"message": "m", "receiptType": "DELIVERED"}]}},
        ),
        ({"suggestionResponse": {"postbackData": "a"}}, {"suggestionResponse": {"postbackData": "b"}}),
    ],
)
def test_different_facts_have_different_ids(first: Json, second: Json) -> None:
    at = {"sendTime": "2024-03-01T09:00:00Z"}
    assert parse_one(first | at).id != parse_one(second | at).id


def test_a_missing_send_time_is_made_up_for_by_the_members_own_time() -> None:
    event = parse_one({"message": {"messageId": "m", "text": "a", "createTime": "2024-03-01T09:00:00.123456789Z"}})
    assert event.at.isoformat() == "2024-03-01T09:00:00.123456+00:00"


# --- settings


def _key_file(**changes: str) -> str:
    account = credentials(BusinessMessages(ta="x").simulated("http://gbm.test"))
    return json.dumps(
        {
            "client_email": "bot@shop.example",
            "private_key": account.private_key.reveal(),
            "private_key_id": "id-1",
            "token_uri": "https://oauth2.example/token",
        }
        | changes
    )


def test_the_settings_are_read(tmp_path: Path) -> None:
    (tmp_path / "key.json").write_text(_key_file())
    got = adapter(DEMO_CREDENTIALS_FILE=str(tmp_path / "key.json"), DEMO_NAME="Shop", DEMO_API_URL="http://gbm.test/")
    assert (got.ta, got.agent, got.name, got.api_url) == (
        "demo",
        "brands/b-100/agents/a-200",
        "Shop",
        "http://gbm.test",
    )
    assert got.has_credentials
    assert credentials(got).token_uri == "https://oauth2.example/token"
    assert [key.reveal() for key in got.keys] == ["botkit-demo-key", "botkit-old-key", "TOK-EXAMPLE-1"]
    assert credentials(adapter(DEMO_CREDENTIALS=_key_file())).client_email == "bot@shop.example"


def test_without_credentials_the_account_is_for_simulation() -> None:
    assert not adapter().has_credentials
    assert BusinessMessages.from_env("NONE", {}).keys == ()


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({"DEMO_CREDENTIALS": "{"}, "DEMO_CREDENTIALS is not JSON"),
        ({"DEMO_CREDENTIALS": "{}"}, "DEMO_CREDENTIALS is not a service account"),
        ({"DEMO_CREDENTIALS": _key_file(private_key="PLANTED")}, "private_key"),
        ({"DEMO_CREDENTIALS": _key_file(token_uri="ftp://PLANTED")}, "token_uri"),
        ({"DEMO_CREDENTIALS": _key_file(token_uri="http://[PLANTED")}, "token_uri"),
        ({"DEMO_CREDENTIALS_FILE": "/nowhere"}, "DEMO_CREDENTIALS_FILE"),
        ({"DEMO_CREDENTIALS": _key_file(), "DEMO_KEY": "", "DEMO_CLIENT_TOKEN": ""}, "DEMO_KEY and DEMO_CLIENT_TOKEN"),
        ({"DEMO_AGENT": "PLANTED"}, "DEMO_AGENT"),
        ({"DEMO_API_URL": "PLANTED"}, "DEMO_API_URL"),
    ],
)
def test_a_setting_of_the_wrong_form_is_named_and_not_shown(settings: dict[str, str], names: str) -> None:
    with pytest.raises(SettingsError, match=names) as caught:
        adapter(**settings)
    assert "PLANTED" not in str(caught.value)
    assert caught.value.fix


async def test_secrets_are_listed_and_never_shown(rig: Rig) -> None:
    await rig.send(Text(text="hi"))
    shown = f"{rig.adapter!r} {rig.adapter.credentials!r}"
    texts = [secret.reveal() for secret in rig.adapter.secrets()]
    assert rig.adapter.client_token.reveal() in texts
    assert any(text.startswith("ya29.") for text in texts)
    assert not any(text in shown for text in [*texts, credentials(rig.adapter).private_key.reveal()])
    configured = adapter(DEMO_CREDENTIALS=_key_file())
    assert credentials(configured).private_key in list(configured.secrets())


# --- what goes out


async def test_a_plain_text_is_sent_with_an_id_made_of_its_key(rig: Rig) -> None:
    receipt = await rig.send(Text(text="Hello *there", markdown=False))
    (body,) = rig.bodies()
    assert receipt == Receipt(Outcome.SENT, id=body["messageId"])
    assert body == {
        "messageId": body["messageId"],
        "text": "Hello *there",
        "representative": {"representativeType": "BOT", "displayName": "Shop"},
    }
    assert [bubble.text for bubble in rig.screen()] == ["Hello *there"]


async def test_equal_keys_give_equal_ids_and_other_keys_others(rig: Rig) -> None:
    first = await rig.send(Text(text="one"), key="event00")
    again = await rig.send(Text(text="one"), key="event00")
    other = await rig.send(Text(text="two"), key="event01")
    assert first.id == again.id != other.id
    assert [bubble.text for bubble in rig.screen()] == ["one", "two"]


async def test_formatted_text_is_marked_as_rich_and_has_a_fallback(rig: Rig) -> None:
    await rig.send(Text(text="See **today's** [offers](https://shop.example/o)"))
    (body,) = rig.bodies()
    assert body["text"] == "See **today's** [offers](https://shop.example/o)"
    assert body["containsRichText"] is True
    assert body["fallback"] == "See today's offers (https://shop.example/o)"
    assert rig.screen()[0].text == "See today's offers"


async def test_buttons_of_all_rows_become_suggestions_and_their_fallback(rig: Rig) -> None:
    buttons = (
        (Button("Hours", "faq:hours"), Link("Website", "https://shop.example/")),
        (Link("Call us", "tel:+4412345678"), Button("Agent", "faq:agent")),
    )
    await rig.send(Text(text="How can we help?", buttons=buttons))
    (body,) = rig.bodies()
    assert body["suggestions"] == [
        {"reply": {"text": "Hours", "postbackData": "faq:hours"}},
        {"action": {"text": "Website", "postbackData": "open:2", "openUrlAction": {"url": "https://shop.example/"}}},
        {"action": {"text": "Call us", "postbackData": "open:3", "dialAction": {"phoneNumber": "+4412345678"}}},
        {"reply": {"text": "Agent", "postbackData": "faq:agent"}},
    ]
    assert body["fallback"] == (
        "How can we help?\nWebsite: https://shop.example/\nCall us: tel:+4412345678\nReply with: Hours, Agent"
    )


async def test_a_given_fallback_is_sent_as_it_is(rig: Rig) -> None:
    await rig.send(Text(text="Choose", buttons=((Button("Yes", "y"),),), fallback="Write YES"))
    assert rig.bodies()[0]["fallback"] == "Write YES"


async def test_a_derived_fallback_is_cut_where_the_words_are_long_but_keeps_the_choices(rig: Rig) -> None:
    await rig.send(Text(text="x" * 3072, buttons=((Button("Yes", "y"),),)))
    fallback = rig.bodies()[0]["fallback"]
    assert len(fallback) == 3072
    assert fallback.endswith("x…\nReply with: Yes")


async def test_an_image_without_a_caption_is_an_image(rig: Rig) -> None:
    await rig.send(Image(source="https://cdn.example/a.jpg"))
    (body,) = rig.bodies()
    assert body["image"] == {"contentInfo": {"fileUrl": "https://cdn.example/a.jpg", "forceRefresh": False}}
    assert body["fallback"] == "https://cdn.example/a.jpg"
    assert rig.screen()[0].source == "https://cdn.example/a.jpg"


async def test_an_image_with_a_caption_is_a_card(rig: Rig) -> None:
    await rig.send(Image(source="https://cdn.example/a.jpg", caption="Our **shop**", buttons=((Button("Go", "go"),),)))
    (body,) = rig.bodies()
    contents = {"fileUrl": "https://cdn.example/a.jpg", "forceRefresh": False, "altText": "Our shop"}
    assert body["richCard"] == {
        "standaloneCard": {
            "cardContent": {"description": "Our shop", "media": {"height": "MEDIUM", "contentInfo": contents}}
        }
    }
    assert body["fallback"] == "Our shop\nhttps://cdn.example/a.jpg\nReply with: Go"
    (bubble,) = rig.screen()
    assert (bubble.kind, bubble.text, bubble.choices[0][0].label) == ("card", "Our shop", "Go")


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (
            File(source="https://cdn.example/a_b_c.pdf", caption="Your **bill**"),
            "Your bill\nhttps://cdn.example/a_b_c.pdf",
        ),
        (Location(latitude=46.05, longitude=14.5), "https://www.openstreetmap.org/?mlat=46.05&mlon=14.5"),
    ],
)
async def test_files_and_places_go_as_text_with_their_buttons(rig: Rig, message: AnyMessage, text: str) -> None:
    message = msgspec.structs.replace(message, buttons=((Button("Thanks", "t"),),))
    await rig.send(message)
    assert rig.bodies()[0]["text"] == text
    assert rig.screen()[0].choices[0][0].label == "Thanks"


async def test_typing_is_an_event_and_shows(rig: Rig) -> None:
    receipt = await rig.send(Typing())
    (exchange,) = rig.simulator.wire.calls("events")
    assert receipt.outcome is Outcome.SENT
    assert exchange.body["eventType"] == "TYPING_STARTED"
    assert rig.screen()[-1].kind == "typing"
    assert (await rig.send(Typing())).reason == "409 ALREADY_EXISTS"


async def test_raw_goes_as_it_is_with_an_id_where_it_has_none(rig: Rig) -> None:
    card = {"richCard": {"standaloneCard": {"cardContent": {"title": "Blue shirt"}}}}
    await rig.send(Raw(channel="gbm", payload=card), key="a")
    named = await rig.send(Raw(channel="gbm", payload={"text": "hi", "messageId": "mine"}), key="b")
    event = {"eventType": "REPRESENTATIVE_JOINED", "representative": {"representativeType": "HUMAN"}}
    await rig.send(Raw(channel="gbm", payload=event, method="events"), key="c")
    assert rig.bodies()[0].items() >= card.items()
    assert named.id == "mine"
    assert rig.bodies("events") == [event]


def _text(length: int) -> Text:
    return Text(text="x" * length)


def _with(*buttons: AnyButton) -> Text:
    return Text(text="Choose", buttons=(tuple(buttons),))


@pytest.mark.parametrize(
    ("good", "bad", "names"),
    [
        (_text(3072), _text(3073), "3072.*3073"),
        (Text(text=f"**{'x' * 3068}**"), Text(text=f"**{'x' * 3069}**"), "3072.*3073"),
        (_with(*[Button("a", "b")] * 13), _with(*[Button("a", "b")] * 14), "13.*14"),
        (_with(Button("x" * 25, "b")), _with(Button("x" * 26, "b")), "25.*26"),
        (_with(Link("x" * 25, "https://e.x")), _with(Link("x" * 26, "https://e.x")), "25.*26"),
        (_with(Button("a", "x" * 2048)), _with(Button("a", "x" * 2049)), "2048.*2049"),
        (_with(Link("Call", "tel:+441")), _with(Link("Call", "tel:0441")), r"start with \+"),
        (
            Image(source="https://e.x/a.png", caption="x" * 2000),
            Image(source="https://e.x/a.png", caption="x" * 2001),
            "2000.*2001",
        ),
        (Text(text="a", fallback="x" * 3072), Text(text="a", fallback="x" * 3073), "3072.*3073"),
        (Image(source="https://e.x/a.JPEG?x=.gif"), Image(source="https://e.x/a.gif"), "jpeg, jpg, png, webp"),
        (Image(source="https://e.x/picture"), Image(source="http://e.x/a.png"), "https"),
        (Image(source="https://e.x/v1.0/picture"), Image(source="file-id-7"), "https"),
        (Image(source="https://e.x/a.webp"), Image(source="https://[e.x/a.webp"), "malformed"),
        (Raw(channel="gbm", payload={}), Raw(channel="viber", payload={}), "viber"),
        (Raw(channel="gbm", payload={}, method="surveys"), Raw(channel="gbm", payload={}, method="survey"), "method"),
    ],
)
async def test_every_bound_is_kept_on_both_sides_and_agrees_with_the_service(
    rig: Rig, good: AnyMessage, bad: AnyMessage, names: str
) -> None:
    if not isinstance(good, Raw):
        assert (await rig.send(good)).outcome is Outcome.SENT
    else:
        rig.adapter.check(good)
    with pytest.raises(MessageError, match=names):
        rig.adapter.check(bad)


# --- outcomes


async def test_503_is_not_repeated_as_google_asks(rig: Rig) -> None:
    rig.faults.append(Fault(503, b'{"error":{"code":503,"message":"PLANTED","status":"UNAVAILABLE"}}'))
    receipt = await rig.send(Text(text="once"))
    assert (receipt.outcome, receipt.reason) == (Outcome.REFUSED, "503 UNAVAILABLE")


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault(500, b'{"error":{"code":500,"message":"PLANTED","status":"INTERNAL"}}'), "500 INTERNAL"),
        (Fault(502, b"<html>PLANTED</html>"), "502"),
        (Fault(504, b'{"error":{"status":"PLANTED words"}}'), "504"),
        (Fault(200, b"<html>PLANTED</html>", before=False), "200 and an answer that cannot be read"),
        (Fault(200, b"[" * 100_000, before=False), "200 and an answer that cannot be read"),
        (Fault(drop=True), "the connection failed (ConnectionDroppedError)"),
        (Fault(drop=True, before=False), "the connection failed (ConnectionDroppedError)"),
    ],
)
async def test_whatever_may_have_arrived_is_sent_again_and_arrives_once(rig: Rig, fault: Fault, reason: str) -> None:
    rig.faults.append(fault)
    first = await rig.send(Text(text="once"))
    assert (first.outcome, first.reason) == (Outcome.NOT_SENT, reason)
    assert (await rig.send(Text(text="once"))).outcome is Outcome.SENT
    assert [bubble.text for bubble in rig.screen()] == ["once"]


async def test_a_repeat_that_the_service_ignores_is_sent_too(rig: Rig) -> None:
    rig.simulator.duplicates = "ignored"
    rig.faults.append(Fault(drop=True, before=False))
    assert (await rig.send(Text(text="once"))).outcome is Outcome.NOT_SENT
    assert await rig.send(Text(text="once")) == Receipt(Outcome.SENT, id=rig.bodies()[0]["messageId"])
    assert len(rig.screen()) == 1


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [({}, 60), ({"Retry-After": "7"}, 7), ({"Retry-After": "soon"}, 60), ({"Retry-After": "9999"}, 3600)],
)
async def test_a_full_quota_holds_this_conversation_and_not_the_account(
    rig: Rig, headers: dict[str, str], seconds: int
) -> None:
    rig.faults.append(Fault(429, b'{"error":{"status":"RESOURCE_EXHAUSTED"}}', headers))
    receipt = await rig.send(Text(text="hi"))
    assert (receipt.outcome, receipt.retry_after) == (Outcome.NOT_SENT, seconds)
    assert receipt.reason == "429 RESOURCE_EXHAUSTED"


async def test_a_conversation_that_is_not_ours_is_gone(rig: Rig) -> None:
    receipt = await rig.send(Text(text="hi"), to="somebody-else")
    assert receipt == Receipt(Outcome.REFUSED, reason="403 PERMISSION_DENIED", is_gone=True)


async def test_an_old_conversation_refuses(rig: Rig) -> None:
    rig.clock.advance(days=31)
    assert await rig.send(Text(text="hi")) == Receipt(Outcome.REFUSED, reason="400 FAILED_PRECONDITION")


async def test_a_conflict_of_another_kind_is_refused(rig: Rig) -> None:
    rig.faults.append(Fault(409, b'{"error":{"status":"ABORTED"}}'))
    assert (await rig.send(Text(text="hi"))).outcome is Outcome.REFUSED


async def test_an_id_of_the_service_stays_one_part_of_the_path(rig: Rig) -> None:
    seen: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.raw_path)
        return httpx.Response(200, json={"access_token": "t", "expires_in": 3599})

    async with Http(transport=httpx.MockTransport(answer)) as client:
        for to in ("..", "a/../b", "a?b#c@d\\e", "\udc80"):
            outgoing = Outgoing("k", ("gbm", "demo"), to, Text(text="hi"))
            await rig.adapter.send(outgoing, Conversation(rig.adapter.account, to), client)
    assert seen[1:] == [
        b"/v1/conversations/%2E%2E/messages",
        b"/v1/conversations/a%2F%2E%2E%2Fb/messages",
        b"/v1/conversations/a%3Fb%23c%40d%5Ce/messages",
        b"/v1/conversations/%3F/messages",
    ]


# --- access tokens on the way


async def test_one_token_serves_many_messages(rig: Rig) -> None:
    for number in range(3):
        await rig.send(Text(text="hi"), key=str(number))
    assert len(rig.simulator.wire.calls("token")) == 1


async def test_a_token_that_is_no_longer_accepted_is_replaced_once(rig: Rig) -> None:
    await rig.send(Text(text="one"), key="1")
    rig.simulator.tokens.expire()
    assert (await rig.send(Text(text="two"), key="2")).outcome is Outcome.SENT
    assert [exchange.status for exchange in rig.simulator.wire.calls("messages")] == [200, 401, 200]


async def test_a_second_refusal_of_the_token_is_final(rig: Rig) -> None:
    rig.faults.extend([Fault(401, b'{"error":{"status":"UNAUTHENTICATED"}}')] * 2)
    assert await rig.send(Text(text="hi")) == Receipt(Outcome.REFUSED, reason="401 UNAUTHENTICATED")
    assert len(rig.simulator.wire.calls("messages")) == 2


async def test_a_revoked_service_account_is_refused(rig: Rig) -> None:
    stranger = BusinessMessages(ta="stranger").simulated("http://gbm.test")
    outgoing = Outgoing("k", ("gbm", "stranger"), rig.to.id, Text(text="hi"))
    receipt = await stranger.send(outgoing, rig.to, rig.client)
    assert receipt == Receipt(Outcome.REFUSED, reason="invalid_grant")


async def test_without_credentials_nothing_is_sent(rig: Rig) -> None:
    outgoing = Outgoing("k", ("gbm", "demo"), rig.to.id, Text(text="hi"))
    receipt = await adapter().send(outgoing, rig.to, rig.client)
    assert receipt == Receipt(Outcome.REFUSED, reason="no credentials")


async def test_no_connection_is_left_to_the_engine(rig: Rig) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    async with Http(transport=httpx.MockTransport(refuse)) as client:
        outgoing = Outgoing("k", ("gbm", "demo"), rig.to.id, Text(text="hi"))
        with pytest.raises(NotSentError):
            await rig.adapter.send(outgoing, rig.to, client)


# --- the webhook's address


async def test_set_webhook_passes_when_our_address_gives_the_secret_back(rig: Rig) -> None:
    asked: list[str] = []
    receive = _receiver(rig.adapter)

    def noted(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return receive(request)

    async with Http(transport=httpx.MockTransport(noted)) as client:
        await rig.adapter.set_webhook("https://bot.example/webhooks/gbm?ta=demo", client)
    assert asked == ["https://bot.example/webhooks/gbm?ta=demo"]


@pytest.mark.parametrize(("status", "body"), [(403, b""), (200, b"ok"), (302, b"")])
async def test_set_webhook_says_how_to_mend_a_wrong_answer(rig: Rig, status: int, body: bytes) -> None:
    answer = httpx.MockTransport(lambda _: httpx.Response(status, content=body))
    async with Http(transport=answer) as client:
        with pytest.raises(ServiceError, match=str(status)) as caught:
            await rig.adapter.set_webhook("https://bot.example/webhooks/gbm?ta=demo", client)
    assert "CLIENT_TOKEN" in caught.value.fix


async def test_the_address_itself_is_set_in_the_console(rig: Rig) -> None:
    status = await rig.adapter.load_webhook(rig.client)
    assert (status.url, list(status.details)) == ("", ["set in"])
    with pytest.raises(ServiceError, match="no call") as caught:
        await rig.adapter.delete_webhook(rig.client)
    assert "console" in caught.value.fix


def _receiver(account: BusinessMessages) -> Callable[[httpx.Request], httpx.Response]:
    def receive(inbound: httpx.Request) -> httpx.Response:
        secret = account.handshake(WebhookRequest(dict(inbound.headers), {}, inbound.content))
        return httpx.Response(200, content=secret) if secret is not None else httpx.Response(403)

    return receive


def test_a_repeat_is_known_longer_than_google_repeats() -> None:
    assert BusinessMessages.dedupe_window > timedelta(days=7)
