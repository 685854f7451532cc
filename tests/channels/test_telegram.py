"""Telegram: what is read from its updates, what is sent, and what its answers mean."""

import json
import pickle
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.adapter import Outcome, Receipt
from botkit.buttons import AnyButton, Button, Link, rows
from botkit.channels.telegram import Telegram
from botkit.clock import Clock
from botkit.conversation import Conversation
from botkit.events import ButtonPressed, Event, MessageReceived, decoder
from botkit.events import encode as encode_event
from botkit.exceptions import (
    MessageError,
    PayloadError,
    ServiceError,
    SettingsError,
    UnknownOutcomeError,
)
from botkit.http import Http
from botkit.messages import AnyMessage, File, Image, Location, Raw, Text, Typing
from botkit.outgoing import Outgoing
from botkit.redaction import Redactor
from botkit.simulators.simulator import Person
from botkit.simulators.telegram import TelegramSimulator
from botkit.simulators.wire import Fault
from botkit.webhook import WebhookRequest

decode_event = decoder(Telegram.events)
PAYLOADS = Path(__file__).parent / "payloads" / "telegram"
CASES = sorted(path for path in PAYLOADS.glob("*.json") if path.name != "account.json")
ENVIRON: Mapping[str, str] = json.loads((PAYLOADS / "account.json").read_text("utf-8"))["environ"]
HEADER = "x-telegram-bot-api-secret-token"
TOKEN = ENVIRON["DEMO_TOKEN"]
SECRET, OLD_SECRET = ENVIRON["DEMO_SECRET"].split(",")
ANA = Person("Ana Kos")


def demo() -> Telegram:
    return Telegram.from_env("DEMO", ENVIRON)


def update(body: str | bytes, secret: str = SECRET) -> WebhookRequest:
    return WebhookRequest({HEADER: secret}, {"ta": "demo"}, body if isinstance(body, bytes) else body.encode())


@pytest.fixture(params=CASES, ids=lambda path: path.stem)
def case(request: pytest.FixtureRequest) -> dict[str, Any]:
    recorded: dict[str, Any] = json.loads(request.param.read_text("utf-8"))
    return recorded


def recorded_request(case: dict[str, Any]) -> WebhookRequest:
    return WebhookRequest(case["headers"], case["query"], case["body"].encode())


# What comes in


def test_a_recorded_update_is_genuine(case: dict[str, Any]) -> None:
    assert demo().verify(recorded_request(case))


def test_a_recorded_update_gives_its_events(case: dict[str, Any]) -> None:
    before = datetime.now(UTC)

    events = [json.loads(encode_event(event)) for event in demo().parse(recorded_request(case))]

    for event, expected in zip(events, case["events"], strict=True):
        assert event.pop("raw") == json.loads(case["body"])
        if "at" not in expected:
            assert before <= datetime.fromisoformat(event.pop("at")) <= datetime.now(UTC)
    assert events == case["events"]


def test_an_event_can_be_stored_and_read_again(case: dict[str, Any]) -> None:
    for event in demo().parse(recorded_request(case)):
        again = decode_event(encode_event(event))
        assert again == event
        assert again.raw == json.loads(case["body"])


def test_both_deliveries_of_an_update_have_one_id(case: dict[str, Any]) -> None:
    first, second = (demo().parse(recorded_request(case)) for _ in range(2))
    assert [event.id for event in first] == [event.id for event in second]


@pytest.mark.parametrize(
    "secret", ["", "x", SECRET[:-1], SECRET + "x", SECRET.upper(), f"{SECRET},{OLD_SECRET}", "ключ", "\udcff"]
)
def test_another_secret_is_refused(secret: str) -> None:
    assert not demo().verify(update("{}", secret))


def test_a_missing_secret_is_refused() -> None:
    assert not demo().verify(WebhookRequest({}, {}, b"{}"))


@pytest.mark.parametrize("secret", [SECRET, OLD_SECRET])
def test_two_secrets_are_accepted_while_one_replaces_the_other(secret: str) -> None:
    assert demo().verify(update("{}", secret))


def test_an_account_without_a_secret_accepts_nothing() -> None:
    assert not Telegram(ta="demo").verify(WebhookRequest({HEADER: ""}, {}, b"{}"))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b'{"update_id":1}x', "not JSON"),
        (b'\xef\xbb\xbf{"update_id":1}', "not JSON"),
        (b'{"update_id":1,"message":{"text":"\\ud800"}}', "not JSON"),
        (b'{"update_id":1,"x":NaN}', "not JSON"),
        (b'{"update_id":1,"x":1e999}', "not JSON"),
        (b'{"update_id":1,"x":"\xff"}', "not UTF-8"),
        (b"[]", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b"{}", "no update_id"),
        (b'{"update_id":"1"}', "no update_id"),
        (b'{"update_id":true}', "no update_id"),
        (b'{"update_id":-1}', "no update_id"),
        (b'{"update_id":9223372036854775808}', "no update_id"),
        (b'{"update_id":1,"message":5}', "the update's message"),
        (b'{"update_id":1,"message":{"message_id":1,"date":1}}', "the update's message"),
        (b'{"update_id":1,"message":{"message_id":1,"date":-1,"chat":{"id":1}}}', "the update's message"),
        (b'{"update_id":1,"callback_query":{"id":7,"from":{"id":1}}}', "the update's callback_query"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused_with_the_reason(body: bytes, reason: str) -> None:
    with pytest.raises(PayloadError, match=reason):
        demo().parse(update(body))


def test_a_refusal_shows_nothing_of_the_body() -> None:
    body = '{"update_id":1,"message":{"message_id":"canary","date":1,"chat":{"id":1},"text":"canary"}}'
    with pytest.raises(PayloadError) as caught:
        demo().parse(update(body))
    assert "canary" not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(("levels", "is_read"), [(31, True), (32, False)])
def test_nesting_is_read_down_to_32_levels(levels: int, is_read: bool) -> None:
    body = '{"update_id":1,"flat":[],"new":' + "[" * levels + "]" * levels + "}"
    if is_read:
        assert len(demo().parse(update(body))) == 1
    else:
        with pytest.raises(PayloadError, match="deeper than 32"):
            demo().parse(update(body))


def test_brackets_in_texts_are_no_nesting() -> None:
    text = '[{"' * 40 + "\\"
    body = json.dumps({"update_id": 1, "message": {"message_id": 1, "date": 1, "chat": {"id": 1}, "text": text}})
    [event] = demo().parse(update(body))
    assert isinstance(event, MessageReceived)
    assert event.text == text


def test_a_hundred_thousand_brackets_are_refused() -> None:
    with pytest.raises(PayloadError, match="deeper"):
        demo().parse(update(b'{"update_id":1,"x":' + b"[" * 100_000))


def test_a_long_body_of_escaped_quotes_is_read_in_one_pass() -> None:
    with pytest.raises(PayloadError, match="not JSON"):
        demo().parse(update(b"[" + b"[]," * 33 + b'"' + b'\\"' * 400_000))


_MEMBERS = ("message_id", "chat", "from", "date", "text", "photo", "contact", "reply_markup", "data", "id", "type")
_TEXTS = st.sampled_from(["", "x", "/start a", "private", "\0", "😀", "\ud800"])
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(_MEMBERS), inner, max_size=4),
    max_leaves=12,
)
_KINDS = st.sampled_from(["message", "edited_message", "callback_query", "my_chat_member", "poll", "inline_query"])


def _read(body: bytes) -> Event | None:
    """Returns what an update says; nothing of one that is refused."""
    try:
        [event] = demo().parse(update(body))
    except PayloadError:
        return None
    return event


def _is_sound(event: Event) -> bool:
    is_kept = decode_event(encode_event(event)).conversation == event.conversation
    return bool(event.id and event.at.tzinfo and is_kept and len(event.conversation.key) <= 96)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    event = _read(body)
    assert event is None or _is_sound(event)


@given(_KINDS, st.dictionaries(st.sampled_from(_MEMBERS), _JSON))
def test_an_update_of_any_form_is_read_or_refused(kind: str, payload: dict[str, Any]) -> None:
    event = _read(json.dumps({"update_id": 1, kind: payload}).encode())
    assert event is None or _is_sound(event)


@given(st.sampled_from(CASES), st.data())
def test_a_damaged_update_is_read_or_refused(path: Path, data: st.DataObject) -> None:
    body = json.loads(path.read_text("utf-8"))["body"].encode()
    place = data.draw(st.integers(0, len(body) - 1))
    event = _read(body[:place] + data.draw(st.binary(max_size=3)) + body[place + data.draw(st.integers(0, 3)) :])
    assert event is None or _is_sound(event)


def test_updates_are_remembered_twice_as_long_as_telegram_repeats_them() -> None:
    assert Telegram.dedupe_window == timedelta(hours=48)


def test_ids_of_two_accounts_differ_for_one_update() -> None:
    body = '{"update_id":1,"poll":{"id":"1"}}'
    [one], [other] = (Telegram(ta=ta).parse(update(body)) for ta in ("one", "other"))
    assert one.id != other.id


# Settings


def test_settings_are_read_from_the_environment(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    environ = {"A_TOKEN_FILE": str(tmp_path / "token"), "A_SECRET": "s", "A_TA": "a", "A_API_URL": "http://tg.test/"}
    adapter = Telegram.from_env("A", environ)
    assert (adapter.ta, adapter.api_url, adapter.has_credentials) == ("a", "http://tg.test", True)
    assert [secret.reveal() for secret in adapter.secrets()] == [TOKEN, "s"]


def test_without_settings_the_account_has_no_credentials() -> None:
    adapter = Telegram.from_env("A", {})
    assert not adapter.has_credentials
    assert adapter.api_url == "https://api.telegram.org"


@pytest.mark.parametrize("length", [1, 256])
def test_a_secret_of_1_to_256_characters_is_accepted(length: int) -> None:
    assert Telegram(TOKEN, "s" * length).has_credentials


@pytest.mark.parametrize(
    ("setting", "kinds"),
    [
        ("", ()),
        ("message, chat_member ,", ("message", "chat_member")),
        ("all", ("all",)),
    ],
)
def test_the_kinds_of_updates_are_read_from_the_environment(setting: str, kinds: tuple[str, ...]) -> None:
    adapter = Telegram.from_env("A", {"A_UPDATES": setting})
    assert adapter.updates == kinds
    assert adapter.simulated("http://sim").updates == kinds


def test_a_kind_of_update_that_does_not_exist_is_named() -> None:
    with pytest.raises(SettingsError, match="A_UPDATES names 'mesage'") as caught:
        Telegram.from_env("A", {"A_UPDATES": "mesage"})
    assert "message" in caught.value.fix


@pytest.mark.parametrize(
    ("token", "secret", "api_url", "setting"),
    [
        ("123456", "s", "", "A_TOKEN"),
        ("123456:short", "s", "", "A_TOKEN"),
        (f"0{TOKEN}", "s", "", "A_TOKEN"),
        (f"{TOKEN} ", "s", "", "A_TOKEN"),
        (f"{TOKEN}/../x", "s", "", "A_TOKEN"),
        (TOKEN, "", "", "A_SECRET"),
        (TOKEN, "s" * 257, "", "A_SECRET"),
        (TOKEN, "with space", "", "A_SECRET"),
        (TOKEN, "ключ", "", "A_SECRET"),
        (TOKEN, "one,", "", "A_SECRET"),
        (TOKEN, "one,two,three", "", "A_SECRET"),
        (TOKEN, "s", "ftp://x", "A_API_URL"),
    ],
)
def test_a_setting_of_the_wrong_form_is_named_but_not_shown(
    token: str, secret: str, api_url: str, setting: str
) -> None:
    with pytest.raises(SettingsError, match=setting) as caught:
        Telegram(token, secret, api_url=api_url, prefix="A")
    assert caught.value.fix
    assert token not in str(caught.value)
    assert not secret or len(secret) < 3 or secret not in str(caught.value)


def test_a_simulated_account_has_credentials_of_the_right_form() -> None:
    first, second = (Telegram(ta="demo", prefix="A").simulated("http://sim") for _ in range(2))
    (token, secret), (other_token, other_secret) = ([s.reveal() for s in a.secrets()] for a in (first, second))
    assert (first.ta, first.prefix, first.api_url) == ("demo", "A", "http://sim")
    assert token.partition(":")[0] == other_token.partition(":")[0]
    assert (token, secret) != (other_token, other_secret)
    assert first.verify(update("{}", secret))
    assert not second.verify(update("{}", secret))


def test_nothing_printed_of_the_adapter_holds_a_secret() -> None:
    adapter = demo()
    shown = f"{adapter!r} {adapter} {list(adapter.secrets())} {vars(adapter)}"
    assert TOKEN not in shown
    assert SECRET not in shown
    with pytest.raises(TypeError):
        pickle.dumps(adapter)


# What may be sent


def text_of(length: int) -> Text:
    return Text(text="x" * length, markdown=False)


def buttons_of(count: int, row: int = 1) -> Text:
    buttons = [Button(f"b{number}", "v") for number in range(count)]
    return Text(text="x", buttons=rows([buttons[start : start + row] for start in range(0, count, row)]))


@pytest.mark.parametrize(
    "message",
    [
        text_of(4096),
        Text(text="😀" * 2048),
        Text(text=f"**{'x' * 4096}**"),
        Text(text=f" {'x' * 4096}\n", markdown=False),
        Image(source="https://a.example/b.png", caption="x" * 1024),
        File(source="AgAC-id", caption="😀" * 512),
        buttons_of(100),
        buttons_of(96, row=8),
        Text(text="x", buttons=rows([Button("b", "v" * 64)])),
        Text(text="x", buttons=rows([Button("b", "ш" * 32)])),
        Text(text="x", buttons=rows([Link("b", "tg://user?id=1")])),
        Location(latitude=90, longitude=-180),
        Typing(),
        Raw(channel="telegram", method="sendDice", payload={"chat_id": 1}),
    ],
)
def test_a_message_within_the_bounds_is_kept_as_it_is(message: AnyMessage) -> None:
    assert demo().prepare(message, Conversation(demo().account, "5550001")).messages == (message,)


@pytest.mark.parametrize(
    ("message", "numbers"),
    [
        (Text(text="&nbsp;"), ("0", "1")),
        (text_of(4097), ("4097", "4096")),
        (Text(text="😀" * 2049), ("4098", "4096")),
        (Text(text=f"**{'x' * 4097}**"), ("4097", "4096")),
        (Image(source="https://a.example/b.png", caption="x" * 1025), ("1025", "1024")),
        (File(source="AgAC-id", caption="😀" * 513), ("1026", "1024")),
        (buttons_of(101), ("101", "100")),
        (buttons_of(9, row=9), ("9", "8")),
        (Text(text="x", buttons=rows([Button("b", "v" * 65)])), ("65", "64")),
        (Text(text="x", buttons=rows([Button("b", "ш" * 33)])), ("66", "64")),
        (Location(latitude=1, longitude=1, buttons=rows([Button("b", "v" * 65)])), ("65", "64")),
    ],
)
def test_a_message_over_a_bound_is_refused_with_both_numbers(message: AnyMessage, numbers: tuple[str, str]) -> None:
    with pytest.raises(MessageError) as caught:
        demo().check(message)
    assert all(number in str(caught.value) for number in numbers)


@pytest.mark.parametrize("url", ["tel:+38640111222", "viber://chat", "tg:resolve"])
def test_a_link_that_telegram_does_not_open_is_refused(url: str) -> None:
    with pytest.raises(MessageError, match="http, https or tg"):
        demo().check(Text(text="x", buttons=rows([Link("b", url)])))


@pytest.mark.parametrize("method", ["", "../getMe", "send Message", "getMe?x"])
def test_a_raw_call_needs_the_name_of_a_method(method: str) -> None:
    with pytest.raises(MessageError, match="method"):
        demo().check(Raw(channel="telegram", method=method, payload={}))


def test_a_raw_call_of_another_channel_is_refused() -> None:
    with pytest.raises(MessageError, match="viber"):
        demo().check(Raw(channel="viber", payload={}))


# What goes out


class Service:
    """The adapter under test, the real HTTP client and a simulated Telegram."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.adapter = Telegram(ta="demo").simulated("http://telegram.test")
        self.simulator = TelegramSimulator(self.clock)
        self.simulator.add_account(self.adapter)
        self.http = Http(transport=httpx.ASGITransport(self.simulator.app))

    async def send(self, message: AnyMessage, to: str = "") -> Receipt:
        self.adapter.check(message)
        conversation = Conversation(self.adapter.account, to or str(self.chat_id))
        outgoing = Outgoing("key", ("telegram", "demo"), conversation.id, message)
        return await self.adapter.send(outgoing, conversation, self.http)

    @property
    def chat_id(self) -> int:
        return next(iter(self.simulator.bot("demo").chats))

    @property
    def sent(self) -> Any:
        return list(self.simulator.wire)[-1].body


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    service = Service()
    await service.simulator.opens("demo", ANA)
    yield service
    await service.http.close()
    await service.simulator.close()


async def test_a_text_is_sent_with_entities_and_no_parse_mode(service: Service) -> None:
    receipt = await service.send(Text(text="😀 **bold** [site](https://example.org)"))

    assert service.sent == {
        "chat_id": service.chat_id,
        "text": "😀 bold site",
        "entities": [
            {"type": "bold", "offset": 3, "length": 4},
            {"type": "text_link", "offset": 8, "length": 4, "url": "https://example.org"},
        ],
    }
    assert receipt.outcome is Outcome.SENT
    assert receipt.id == str(service.simulator.bot("demo").chats[service.chat_id].messages[-1]["message_id"])
    assert service.simulator.screen("demo", ANA)[-1].text == "😀 bold site"


async def test_a_text_that_is_no_markdown_is_sent_as_given(service: Service) -> None:
    await service.send(Text(text="**not bold**", markdown=False))
    assert service.sent == {"chat_id": service.chat_id, "text": "**not bold**"}


async def test_buttons_become_an_inline_keyboard(service: Service) -> None:
    row: list[AnyButton] = [Button("Yes", "y"), Link("Site", "https://example.org")]
    await service.send(Text(text="Pick", buttons=rows([row])))
    assert service.sent["reply_markup"] == {
        "inline_keyboard": [[{"text": "Yes", "callback_data": "y"}, {"text": "Site", "url": "https://example.org"}]]
    }
    [[yes, site]] = service.simulator.screen("demo", ANA)[-1].choices
    assert (yes.label, yes.value, yes.kind) == ("Yes", "y", "reply")
    assert (site.label, site.value, site.kind) == ("Site", "https://example.org", "link")


async def test_a_silent_message_makes_no_sound(service: Service) -> None:
    await service.send(Text(text="psst", silent=True))
    assert service.sent["disable_notification"] is True


@pytest.mark.parametrize(
    ("message", "method", "parameters", "kind"),
    [
        (
            Image(source="https://a.example/b.png", caption="*cat*"),
            "sendPhoto",
            {
                "photo": "https://a.example/b.png",
                "caption": "cat",
                "caption_entities": [{"type": "italic", "offset": 0, "length": 3}],
            },
            "image",
        ),
        (File(source="https://a.example/b.pdf"), "sendDocument", {"document": "https://a.example/b.pdf"}, "file"),
        (Location(latitude=46.05, longitude=14.5), "sendLocation", {"latitude": 46.05, "longitude": 14.5}, "location"),
    ],
)
async def test_a_kind_is_sent_by_its_own_method(
    service: Service, message: AnyMessage, method: str, parameters: dict[str, Any], kind: str
) -> None:
    receipt = await service.send(message)
    assert receipt.outcome is Outcome.SENT
    assert list(service.simulator.wire)[-1].name == method
    assert service.sent == {"chat_id": service.chat_id} | parameters
    assert service.simulator.screen("demo", ANA)[-1].kind == kind


async def test_a_picture_that_was_received_can_be_sent_back_by_its_file_id(service: Service) -> None:
    await service.simulator.sends_photo("demo", ANA)
    received = service.simulator.bot("demo").chats[service.chat_id].messages[-1]["photo"][-1]["file_id"]
    assert (await service.send(Image(source=received))).outcome is Outcome.SENT


async def test_typing_is_a_chat_action(service: Service) -> None:
    assert (await service.send(Typing())) == Receipt(Outcome.SENT)
    assert list(service.simulator.wire)[-1].name == "sendChatAction"
    assert service.sent == {"chat_id": service.chat_id, "action": "typing"}


async def test_a_raw_call_is_sent_as_it_is(service: Service) -> None:
    payload = {"chat_id": service.chat_id, "phone_number": "+38640111222", "first_name": "Bo"}
    receipt = await service.send(Raw(channel="telegram", method="sendContact", payload=payload))
    assert receipt.id
    assert service.sent == payload


@pytest.mark.parametrize(
    ("place", "parameters"),
    [
        ("5550001", {"chat_id": 5550001}),
        ("-1001234500777/42", {"chat_id": -1001234500777, "message_thread_id": 42}),
        ("-1001234500777/d77", {"chat_id": -1001234500777, "direct_messages_topic_id": 77}),
        ("5550001@bcA1", {"chat_id": 5550001, "business_connection_id": "bcA1"}),
        ("-100/42@a/b@c", {"chat_id": -100, "message_thread_id": 42, "business_connection_id": "a/b@c"}),
        ("@demo_channel", {"chat_id": "@demo_channel"}),
    ],
)
async def test_the_conversations_id_says_where_to_send(
    service: Service, place: str, parameters: dict[str, Any]
) -> None:
    await service.send(Text(text="x"), to=place)
    assert service.sent == parameters | {"text": "x"}


async def test_an_update_is_answered_where_it_came_from(service: Service) -> None:
    body = json.loads((PAYLOADS / "topic.json").read_text("utf-8"))["body"]
    [event] = demo().parse(update(body))
    await service.send(Text(text="x"), to=event.conversation.id)
    assert (service.sent["chat_id"], service.sent["message_thread_id"]) == (-1001234500777, 42)


@pytest.mark.parametrize("place", ["poll:5300001", "telepathy", "5550001/x", "../getMe", "1" * 20])
async def test_what_is_no_chat_is_refused_without_a_call(service: Service, place: str) -> None:
    before = len(service.simulator.wire)
    assert (await service.send(Text(text="x"), to=place)).outcome is Outcome.REFUSED
    assert len(service.simulator.wire) == before


async def test_a_pressed_button_is_acknowledged(service: Service) -> None:
    await service.send(Text(text="Pick", buttons=rows([Button("Yes", "y")])))
    await service.simulator.taps("demo", ANA, "Yes")
    [query_id] = service.simulator.unanswered("demo")
    account = Conversation(service.adapter.account, str(service.chat_id))
    event = ButtonPressed(id="1", at=datetime.now(UTC), conversation=account, value="y", query_id=query_id)

    answer = service.adapter.acknowledge(event)

    assert answer is not None
    assert answer.is_transient
    assert (await service.send(answer)) == Receipt(Outcome.SENT)
    assert service.simulator.unanswered("demo") == []


def test_other_events_need_no_acknowledgement() -> None:
    [event] = demo().parse(update('{"update_id":1,"poll":{"id":"1"}}'))
    assert demo().acknowledge(event) is None


# What its answers mean


def refusal(code: int, description: str, **parameters: int) -> bytes:
    body = {"ok": False, "error_code": code, "description": description}
    return json.dumps(body | ({"parameters": parameters} if parameters else {})).encode()


NOT_MODIFIED = (
    "Bad Request: message is not modified: specified new message content and reply markup are exactly the same"
)
UPGRADED = "Bad Request: group chat was upgraded to a supergroup chat"


@pytest.mark.parametrize(
    ("status", "body", "receipt"),
    [
        (400, refusal(400, "Bad Request: chat not found"), ("refused", "400 chat not found", True)),
        (400, refusal(400, "Bad Request: PEER_ID_INVALID"), ("refused", "400 PEER_ID_INVALID", True)),
        (400, refusal(400, "Bad Request: message is too long"), ("refused", "400 message is too long", False)),
        (400, refusal(400, "Bad Request: BUTTON_URL_INVALID"), ("refused", "400 BUTTON_URL_INVALID", False)),
        (400, refusal(400, NOT_MODIFIED), ("sent", "", False)),
        (
            400,
            refusal(400, UPGRADED, migrate_to_chat_id=-1001234509999),
            ("refused", "400 group chat was upgraded to a supergroup chat, now -1001234509999", False),
        ),
        (401, refusal(401, "Unauthorized"), ("refused", "401 Unauthorized", False)),
        (
            403,
            refusal(403, "Forbidden: bot was blocked by the user"),
            ("refused", "403 bot was blocked by the user", True),
        ),
        (403, refusal(403, "Forbidden: user is deactivated"), ("refused", "403 user is deactivated", True)),
        (
            403,
            refusal(403, "Forbidden: bot was kicked from the supergroup chat"),
            ("refused", "403 bot was kicked from the", True),
        ),
        (404, refusal(404, "Not Found: method not found"), ("refused", "404 method not found", False)),
        (404, b"<html>", ("refused", "404 Not Found", False)),
        (413, b"<html>too large</html>", ("refused", "413 Request Entity Too Large", False)),
        (200, refusal(400, "Bad Request: chat not found"), ("refused", "400 chat not found", True)),
        (200, b'{"ok":false}', ("refused", "200 OK", False)),
        (200, b"", ("unknown", "200 OK", False)),
        (200, b"<html>hello</html>", ("unknown", "200 OK", False)),
        (200, b"[" * 100_000, ("unknown", "200 OK", False)),
        (200, b'{"result":{"message_id":1}}', ("unknown", "200 OK", False)),
        (302, b"", ("unknown", "302 Found", False)),
        (500, refusal(500, "Internal Server Error: restart"), ("unknown", "500 Internal Server Error", False)),
        (502, b"<html>Bad Gateway</html>", ("unknown", "502 Bad Gateway", False)),
        (502, refusal(400, "Bad Request: chat not found"), ("unknown", "502 chat not found", False)),
        (503, b"", ("unknown", "503 Service Unavailable", False)),
        (504, b"\xff\xfe", ("unknown", "504 Gateway Timeout", False)),
        (520, b"", ("unknown", "520 without a reason", False)),
    ],
)
async def test_an_answer_has_its_class(
    service: Service, status: int, body: bytes, receipt: tuple[str, str, bool]
) -> None:
    service.simulator.wire.faults.append(Fault(status=status, body=body))
    got = await service.send(Text(text="x"))
    assert (got.outcome.value, got.reason, got.is_gone) == receipt


@pytest.mark.parametrize(
    ("body", "headers", "seconds"),
    [
        (refusal(429, "Too Many Requests: retry after 7", retry_after=7), {}, 7),
        (refusal(429, "Too Many Requests: retry after 7", retry_after=7), {"retry-after": "9"}, 7),
        (refusal(429, "Too Many Requests"), {"retry-after": "9"}, 9),
        (b"<html>slow down</html>", {"retry-after": "9"}, 9),
        (b"<html>slow down</html>", {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, 1),
        (b"<html>slow down</html>", {"retry-after": "9" * 5000}, 1),
        (b"", {}, 1),
        (refusal(429, "Too Many Requests", retry_after=-5), {}, 1),
    ],
)
async def test_too_many_requests_wait_as_long_as_telegram_says(
    service: Service, body: bytes, headers: dict[str, str], seconds: float
) -> None:
    service.simulator.wire.faults.append(Fault(status=429, body=body, headers=headers))
    receipt = await service.send(Text(text="x"))
    assert receipt == Receipt(Outcome.THROTTLED, reason="429 Too Many Requests", retry_after=seconds)


@pytest.mark.parametrize(
    "description",
    [
        'Bad Request: can\'t parse entities: Unsupported start tag "canary" at byte offset 3',
        "Bad Request: inline keyboard button URL 'http://canary' is invalid: Wrong port number",
        "Bad Request: canary is not a chat",
        f"Bad Request: canary {TOKEN}",
        "canary",
        "Bad Request: canary: bot was blocked by the user",
    ],
)
async def test_a_reason_never_repeats_what_telegram_quotes(service: Service, description: str) -> None:
    service.simulator.wire.faults.append(Fault(status=400, body=refusal(400, description)))
    receipt = await service.send(Text(text="x"))
    assert receipt.outcome is Outcome.REFUSED
    assert not receipt.is_gone
    assert "canary" not in receipt.reason
    assert TOKEN not in receipt.reason


async def test_a_connection_that_breaks_after_the_message_was_taken_passes_through(service: Service) -> None:
    service.simulator.wire.faults.append(Fault(drop=True, before=False))
    with pytest.raises(UnknownOutcomeError) as caught:
        await service.send(Text(text="once"))
    assert service.simulator.screen("demo", ANA)[-1].text == "once"
    assert "telegram.test" not in str(caught.value)


async def test_a_raw_call_about_somebody_else_does_not_give_this_conversation_up(service: Service) -> None:
    payload = {"chat_id": 1, "text": "x"}
    receipt = await service.send(Raw(channel="telegram", method="sendMessage", payload=payload))
    assert receipt == Receipt(Outcome.REFUSED, reason="400 chat not found")


async def test_a_raw_call_about_this_conversation_tells_when_it_is_over(service: Service) -> None:
    await service.simulator.leaves("demo", ANA)
    payload = {"chat_id": service.chat_id, "text": "x"}
    assert (await service.send(Raw(channel="telegram", method="sendMessage", payload=payload))).is_gone


async def test_sending_without_a_token_names_the_setting() -> None:
    adapter = Telegram(ta="demo", prefix="A")
    outgoing = Outgoing("key", ("telegram", "demo"), "1", Text(text="x"))
    async with Http() as http:
        with pytest.raises(SettingsError, match="A_TOKEN is not set"):
            await adapter.send(outgoing, Conversation(adapter.account, "1"), http)


# The webhook

URL = "https://bot.example.org/webhooks/telegram?ta=demo"


async def test_the_webhook_is_set_with_the_first_secret_for_the_default_kinds(service: Service) -> None:
    adapter = Telegram(TOKEN, "new-secret,old-secret", ta="demo", api_url="http://telegram.test")
    service.simulator.add_account(adapter)
    await adapter.set_webhook(URL, service.http)
    assert service.sent == {
        "url": URL,
        "secret_token": "new-secret",
        "allowed_updates": [],
        "max_connections": 40,
    }
    status = await adapter.load_webhook(service.http)
    assert status.url == URL
    assert status.details["pending_update_count"] == 1


async def test_the_webhook_is_removed(service: Service) -> None:
    await service.adapter.set_webhook(URL, service.http)
    service.clock.advance(seconds=1)
    await service.adapter.delete_webhook(service.http)
    assert (await service.adapter.load_webhook(service.http)).url == ""


async def test_a_refused_webhook_is_explained(service: Service) -> None:
    with pytest.raises(ServiceError, match="An HTTPS URL must be provided") as caught:
        await service.adapter.set_webhook("http://bot.example.org/", service.http)
    assert caught.value.code == 400
    assert "443, 80, 88 or 8443" in caught.value.fix


async def test_a_refused_token_is_explained(service: Service) -> None:
    adapter = Telegram(TOKEN, "s", ta="demo", api_url="http://telegram.test", prefix="A")
    with pytest.raises(ServiceError, match="401 Unauthorized") as caught:
        await adapter.load_webhook(service.http)
    assert caught.value.fix == "check A_TOKEN"


@pytest.mark.parametrize("body", [b"<html>", b'{"ok":true,"result":5}'])
async def test_an_answer_that_cannot_be_read_is_an_error(service: Service, body: bytes) -> None:
    service.simulator.wire.faults.append(Fault(status=200, body=body))
    with pytest.raises(ServiceError, match="getWebhookInfo"):
        await service.adapter.load_webhook(service.http)


async def test_no_failure_shows_a_secret(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    secrets = [secret.reveal() for secret in service.adapter.secrets()]
    shown = ""
    for fault in (Fault(), Fault(status=401, body=refusal(401, secrets[0])), Fault(drop=True), Fault(status=200)):
        service.simulator.wire.faults.append(fault)
        try:
            await service.adapter.load_webhook(service.http)
        except Exception as error:
            shown += f"{error!r} {error} {error.__context__ if not error.__suppress_context__ else ''}"
        service.simulator.wire.faults.append(fault)
        try:
            shown += repr(await service.send(Text(text="x")))
        except Exception as error:
            shown += f"{error!r} {error}"
    shown += caplog.text + repr(list(service.simulator.wire)[-1])
    assert shown
    assert not any(secret in shown for secret in secrets)


def test_the_redactor_masks_what_the_adapter_names() -> None:
    redactor = Redactor(demo().secrets())
    assert redactor.redact(f"{TOKEN} {SECRET} {OLD_SECRET}") == "*** *** ***"


def test_an_event_keeps_large_integers_exact() -> None:
    body = f'{{"update_id":1,"telepathy":{{"x":{2**63 - 1}}}}}'
    [event] = demo().parse(update(body))
    assert event.raw == {"update_id": 1, "telepathy": {"x": 2**63 - 1}}
    assert msgspec.json.decode(encode_event(event))["raw"]["telepathy"]["x"] == 2**63 - 1
