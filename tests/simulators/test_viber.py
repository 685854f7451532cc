import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, Literal

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from botkit.adapter import WebhookRequest
from botkit.channels.telegram import Telegram
from botkit.channels.viber import Viber
from botkit.clock import Clock
from botkit.events import ConversationStarted, MessageReceived, Unsubscribed
from botkit.messages import Button, Link, Text
from botkit.session_rules import SessionRules
from botkit.simulators.simulator import NotOnScreenError, Person
from botkit.simulators.viber import ViberSimulator
from botkit.simulators.wire import Fault

Json = dict[str, Any]

WEBHOOK = "https://bot.test/webhooks/viber?ta=demo"
ANA = Person("Ana", "uk-UA")
BORIS = Person("Boris")
HEADER = "x-viber-content-signature"


class Bot:
    """A webhook: what it was told, and what it answers."""

    def __init__(self) -> None:
        self.status = 200
        self.body = b""
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return httpx.Response(self.status, content=self.body)

    @property
    def told(self) -> list[Json]:
        return [json.loads(request.content) for request in self.requests]

    @property
    def events(self) -> list[str]:
        return [body["event"] for body in self.told]


class Rig:
    """A Viber with one bot."""

    def __init__(self) -> None:
        self.bot = Bot()
        self.clock = Clock()
        self.simulator = ViberSimulator(self.clock, httpx.MockTransport(self.bot))
        self.adapter = Viber(ta="demo", name="Demo").simulated("http://viber.test")
        self.simulator.add_account(self.adapter)
        self.token = next(iter(self.adapter.secrets())).reveal()
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(self.simulator.app), base_url="http://viber.test")

    async def call(self, resource: str, call: Json | bytes, token: str | None = None) -> httpx.Response:
        token = self.token if token is None else token
        content = call if isinstance(call, bytes) else json.dumps(call, ensure_ascii=False).encode()
        return await self.http.post(f"/pa/{resource}", content=content, headers={"X-Viber-Auth-Token": token})

    async def asks(self, resource: str, call: Json | bytes) -> Json:
        answer: Json = (await self.call(resource, call)).json()
        return answer

    async def sends(self, person: Person = ANA, **message: Any) -> Json:
        known = {"receiver": self.simulator.conversation_id("demo", person), "sender": {"name": "Demo"}}
        return await self.asks("send_message", known | ({"type": "text", "text": "hi"} | message))

    async def registers(self, **settings: Any) -> Json:
        return await self.asks("set_webhook", {"url": WEBHOOK, "send_name": True, "send_photo": True} | settings)

    def sees(self, person: Person = ANA) -> list[str]:
        return [bubble.text for bubble in self.simulator.screen("demo", person)]

    async def close(self) -> None:
        await self.http.aclose()
        await self.simulator.close()


@pytest.fixture
async def new() -> AsyncIterator[Rig]:
    """A bot without a webhook."""
    rig = Rig()
    yield rig
    await rig.close()


@pytest.fixture
async def rig(new: Rig) -> Rig:
    """A bot that Ana has written to, and that has been told."""
    await new.registers()
    await new.simulator.says("demo", ANA, "hello")
    new.bot.requests.clear()
    return new


def keyboard(*buttons: Json, **attributes: Any) -> Json:
    return {
        "Type": "keyboard",
        "Buttons": [{"ActionBody": "x", "Text": "X"} | button for button in buttons],
    } | attributes


# --- who may call what


@pytest.mark.parametrize("resource", ["broadcast_message", "get_online", "post", "nonsense"])
async def test_a_path_that_it_does_not_have_is_http_404(rig: Rig, resource: str) -> None:
    answer = await rig.call(resource, {})
    assert (answer.status_code, answer.text) == (404, "Not Found")


async def test_only_post_is_taken(rig: Rig) -> None:
    assert (await rig.http.get("/pa/get_account_info")).status_code == 404
    assert (await rig.http.post("/somewhere")).status_code == 404


@pytest.mark.parametrize(("token", "text"), [("", "missing_auth_token"), ("wrong", "invalidAuthToken")])
@pytest.mark.parametrize("resource", ["set_webhook", "get_account_info", "get_user_details"])
async def test_a_call_without_a_known_token_is_refused_with_http_200(
    rig: Rig, resource: str, token: str, text: str
) -> None:
    answer = await rig.call(resource, {}, token)
    assert (answer.status_code, answer.json()) == (200, {"status": 2, "status_message": text})


async def test_two_bots_have_their_own_tokens_and_chats(rig: Rig) -> None:
    other = Viber(ta="other").simulated("http://viber.test")
    rig.simulator.add_account(other)
    token = next(iter(other.secrets())).reveal()
    assert (await rig.call("get_account_info", {}, token)).json()["webhook"] == ""
    assert rig.simulator.conversation_id("other", ANA) != rig.simulator.conversation_id("demo", ANA)


async def test_an_account_added_again_has_its_new_token_only(rig: Rig) -> None:
    again = rig.adapter.simulated("http://viber.test")
    rig.simulator.add_account(again)
    assert (await rig.asks("get_account_info", {}))["status"] == 2


def test_only_viber_adapters_with_a_token_have_accounts(new: Rig) -> None:
    with pytest.raises(TypeError, match="token"):
        new.simulator.add_account(Viber(ta="demo"))
    with pytest.raises(TypeError, match="token"):
        new.simulator.add_account(Telegram(ta="demo"))


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"[" * 3000])
async def test_a_body_that_is_no_object_is_bad_data(rig: Rig, body: bytes) -> None:
    assert (await rig.asks("get_account_info", body))["status"] == 3


async def test_a_request_may_have_30_kilobytes(rig: Rig) -> None:
    empty = len(json.dumps({"pad": ""}))
    assert (await rig.asks("get_account_info", {"pad": "x" * (30 * 1024 - empty)}))["status"] == 0
    refused = await rig.asks("get_account_info", {"pad": "x" * (30 * 1024 - empty + 1)})
    assert refused == {"status": 3, "status_message": "the request has 30721 bytes, at most 30720"}


async def test_the_token_is_masked_in_the_log(rig: Rig) -> None:
    await rig.sends()
    call = rig.simulator.wire.calls("send_message")[-1]
    assert call.headers["x-viber-auth-token"] == "***"
    assert call.account == "demo"
    assert rig.token not in repr(list(rig.simulator.wire))


# --- set_webhook


async def test_the_webhook_is_called_before_the_call_is_answered(new: Rig) -> None:
    answer = await new.registers()
    assert new.bot.events == ["webhook"]
    assert answer["status"] == 0
    assert answer["status_message"] == "ok"
    assert set(answer["event_types"]) >= {"message", "subscribed", "webhook", "action", "client_status", "seen"}


async def test_the_check_of_the_address_is_genuine_and_without_events(new: Rig) -> None:
    await new.registers()
    request = new.bot.requests[0]
    check = WebhookRequest(dict(request.headers), dict(request.url.params), request.content)
    assert new.adapter.verify(check)
    assert new.adapter.parse(check) == []
    assert check.query["ta"] == "demo"


async def test_the_unsigned_check_of_the_address_is_a_handshake(new: Rig) -> None:
    new.simulator.signatures = "none"
    await new.registers()
    request = new.bot.requests[0]
    assert (
        new.adapter.handshake(WebhookRequest(dict(request.headers), dict(request.url.params), request.content)) == b""
    )


async def test_an_address_that_answers_anything_but_200_is_refused_and_the_old_one_stays(rig: Rig) -> None:
    rig.bot.status = 500
    refused = await rig.asks("set_webhook", {"url": "https://elsewhere.test/hook"})
    assert refused["status"] == 1
    assert "POST /hook HTTP/1.1" in refused["status_message"]
    assert "HTTP/1.1 500" in refused["status_message"]
    assert (await rig.asks("get_account_info", {}))["webhook"] == WEBHOOK


async def test_an_address_where_nobody_answers_is_refused(new: Rig) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    new.simulator.http = httpx.AsyncClient(transport=httpx.MockTransport(refuse))
    refused = await new.registers()
    assert refused["status"] == 1
    assert "ConnectException" in refused["status_message"]


async def test_an_address_without_tls_is_refused_without_being_called(new: Rig) -> None:
    assert (await new.registers(url="http://bot.test/"))["status"] == 1
    assert new.bot.requests == []


@pytest.mark.parametrize("call", [{}, {"url": None}, {"url": 7}])
async def test_a_webhook_without_an_address_is_missing_data(rig: Rig, call: Json) -> None:
    assert await rig.asks("set_webhook", call) == {"status": 4, "status_message": "url is missing"}


@pytest.mark.parametrize("event_types", ["seen", ["hologram"], [7]])
async def test_event_types_that_do_not_exist_are_bad_data(rig: Rig, event_types: Any) -> None:
    assert (await rig.registers(event_types=event_types))["status"] == 3


async def test_without_a_webhook_nothing_is_sent_and_there_is_no_chat(rig: Rig) -> None:
    assert (await rig.asks("set_webhook", {"url": ""}))["status"] == 0
    assert (await rig.sends())["status"] == 10
    for verb in (rig.simulator.opens, rig.simulator.leaves, rig.simulator.subscribes):
        with pytest.raises(NotOnScreenError, match="webhook"):
            await verb("demo", ANA)
    with pytest.raises(NotOnScreenError, match="webhook"):
        await rig.simulator.says("demo", ANA, "hi")


@pytest.mark.parametrize(
    ("event_types", "told"),
    [
        (None, ["conversation_started", "message", "delivered", "seen", "unsubscribed", "subscribed"]),
        ([], ["message", "unsubscribed", "subscribed"]),
        (["seen"], ["message", "seen", "unsubscribed", "subscribed"]),
        (
            ["conversation_started", "delivered"],
            ["conversation_started", "message", "delivered", "unsubscribed", "subscribed"],
        ),
    ],
)
async def test_only_mandatory_and_wanted_events_come(new: Rig, event_types: list[str] | None, told: list[str]) -> None:
    await new.registers(event_types=event_types)
    new.bot.requests.clear()
    await new.simulator.opens("demo", ANA)
    await new.simulator.says("demo", ANA, "hi")
    await new.sends()
    await new.simulator.redeliver()
    await new.simulator.leaves("demo", ANA)
    await new.simulator.subscribes("demo", ANA)
    assert new.bot.events == told


# --- the callbacks


async def test_a_message_is_told_as_viber_tells_it(rig: Rig) -> None:
    await rig.simulator.says("demo", ANA, "good day")
    (told,) = rig.bot.told
    user = rig.simulator.conversation_id("demo", ANA)
    assert len(user) == 24
    assert abs(told.pop("timestamp") - rig.clock.timestamp() * 1000) < 60_000
    assert told.pop("message_token") > 10**18
    assert told["sender"].pop("avatar").startswith("https://")
    assert told == {
        "event": "message",
        "chat_hostname": "SN-CHAT-05_",
        "sender": {"id": user, "name": "Ana", "country": "UA", "language": "uk-UA", "api_version": 10},
        "message": {"type": "text", "text": "good day"},
        "silent": False,
    }


async def test_names_and_pictures_come_only_where_they_were_asked_for(new: Rig) -> None:
    await new.asks("set_webhook", {"url": WEBHOOK})
    await new.simulator.says("demo", ANA, "hi")
    assert set(new.bot.told[-1]["sender"]) == {"id", "country", "language", "api_version"}


@pytest.mark.parametrize(
    ("signatures", "in_header", "in_query", "is_genuine"),
    [
        ("both", True, True, True),
        ("header", True, False, True),
        ("query", False, True, True),
        ("none", False, False, False),
        ("wrong", True, True, False),
    ],
)
async def test_callbacks_are_signed_as_set(
    rig: Rig,
    signatures: Literal["both", "header", "query", "none", "wrong"],
    in_header: bool,
    in_query: bool,
    is_genuine: bool,
) -> None:
    rig.simulator.signatures = signatures
    await rig.simulator.says("demo", ANA, "šž 🙂")
    (request,) = rig.bot.requests
    assert (HEADER in request.headers, "sig" in request.url.params) == (in_header, in_query)
    assert request.url.params["ta"] == "demo"
    callback = WebhookRequest(dict(request.headers), dict(request.url.params), request.content)
    assert rig.adapter.verify(callback) is is_genuine


async def test_every_kind_of_message_is_read_by_the_adapter(rig: Rig) -> None:
    await rig.simulator.sends_photo("demo", ANA, "my cat")
    await rig.simulator.sends_file("demo", ANA, "cv.pdf")
    await rig.simulator.sends_location("demo", ANA, 46.05, 14.5)
    await rig.simulator.sends(
        "demo", ANA, {"type": "sticker", "sticker_id": 40126, "media": "https://dl.example/s.png"}
    )
    parsed = [rig.adapter.parse(WebhookRequest({}, {}, request.content))[0] for request in rig.bot.requests]
    events = [event for event in parsed if isinstance(event, MessageReceived)]
    assert events == parsed
    assert [event.media.kind for event in events if event.media] == ["image", "file", "sticker"]
    assert events[0].text == "my cat"
    assert events[1].media
    assert events[1].media.name == "cv.pdf"
    assert events[2].location
    assert (events[2].location.latitude, events[2].location.longitude) == (46.05, 14.5)
    assert rig.sees()[1:] == ["my cat", "cv.pdf", "46.05, 14.5", ""]


async def test_events_that_viber_does_not_have_can_be_sent(rig: Rig) -> None:
    await rig.simulator.emits("demo", ANA, "hologram", {"user_id": "x"})
    assert rig.bot.events == ["hologram"]


async def test_tokens_have_19_digits_and_only_rise(rig: Rig) -> None:
    tokens = [(await rig.sends())["message_token"] for _ in range(20)]
    assert all(len(str(token)) == 19 and token > 2**53 and token < 2**63 for token in tokens)
    assert tokens == sorted(set(tokens))


async def test_tokens_after_a_restart_are_later_even_if_the_state_was_lost(rig: Rig) -> None:
    before = (await rig.sends())["message_token"]
    rig.clock.advance(seconds=1)
    assert ViberSimulator(rig.clock).next_token() > before


@pytest.mark.parametrize("status", [201, 302, 403, 500, 503])
async def test_what_is_not_answered_with_200_comes_again_unchanged(rig: Rig, status: int) -> None:
    rig.bot.status = status
    await rig.simulator.says("demo", ANA, "hi")
    rig.bot.status = 200
    rig.clock.advance(seconds=10)
    assert await rig.simulator.redeliver() == 1
    first, second = rig.bot.requests
    assert first.content == second.content
    assert first.headers[HEADER] == second.headers[HEADER]
    rig.clock.advance(hours=1)
    assert await rig.simulator.redeliver() == 0


async def test_repeats_come_after_10_60_300_600_and_then_every_900_seconds_ten_times(rig: Rig) -> None:
    rig.bot.status = 500
    await rig.simulator.says("demo", ANA, "hi")
    for pause in (10, 60, 300, 600, 900, 900, 900, 900, 900, 900):
        rig.clock.advance(seconds=pause - 1)
        assert await rig.simulator.redeliver() == 0
        rig.clock.advance(seconds=1)
        assert await rig.simulator.redeliver() == 1
    rig.clock.advance(days=1)
    assert await rig.simulator.redeliver() == 0
    assert len(rig.bot.requests) == 11


async def test_a_callback_that_fails_does_not_hold_up_the_next(rig: Rig) -> None:
    rig.bot.status = 500
    await rig.simulator.says("demo", ANA, "one")
    rig.bot.status = 200
    await rig.simulator.says("demo", ANA, "two")
    assert [told["message"]["text"] for told in rig.bot.told] == ["one", "two"]


async def test_a_callback_under_way_is_not_posted_again_meanwhile(rig: Rig) -> None:
    entered, leave = asyncio.Event(), asyncio.Event()

    async def slow(request: httpx.Request) -> httpx.Response:
        entered.set()
        await leave.wait()
        return httpx.Response(200)

    rig.simulator.http = httpx.AsyncClient(transport=httpx.MockTransport(slow))
    saying = asyncio.create_task(rig.simulator.says("demo", ANA, "hi"))
    await entered.wait()
    assert await rig.simulator.redeliver() == 0
    leave.set()
    await saying
    assert len(rig.simulator.wire.deliveries("message")) == 2


# --- the welcome


WELCOME: Json = {
    "sender": {"name": "Demo"},
    "type": "text",
    "text": "*Hi!*",
    "tracking_data": "w",
    "keyboard": keyboard({}),
}


async def test_opening_the_chat_tells_the_context_and_that_nobody_is_subscribed(new: Rig) -> None:
    await new.registers()
    await new.simulator.opens("demo", ANA, "promo 7")
    told = new.bot.told[-1]
    assert (told["event"], told["type"], told["context"], told["subscribed"]) == (
        "conversation_started",
        "open",
        "promo 7",
        False,
    )
    (event,) = new.adapter.parse(WebhookRequest({}, {}, new.bot.requests[-1].content))
    assert isinstance(event, ConversationStarted)
    assert event.context == "promo 7"


async def test_without_a_deep_link_there_is_no_context_and_later_the_person_is_subscribed(rig: Rig) -> None:
    await rig.simulator.opens("demo", ANA)
    assert "context" not in rig.bot.told[-1]
    assert rig.bot.told[-1]["subscribed"] is True


async def test_the_answer_to_an_opened_chat_is_shown_as_the_welcome(new: Rig) -> None:
    await new.registers()
    new.bot.body = json.dumps(WELCOME).encode()
    await new.simulator.opens("demo", ANA)
    (bubble,) = new.simulator.screen("demo", ANA)
    assert (bubble.side, bubble.kind, bubble.text) == ("bot", "text", "Hi!")
    assert bubble.choices[0][0].label == "X"
    await new.simulator.taps("demo", ANA, "X")
    assert new.bot.told[-1]["message"] == {"type": "text", "text": "x", "tracking_data": "w"}


async def test_an_adapters_welcome_is_taken(new: Rig) -> None:
    await new.registers()
    new.bot.body = new.adapter.render_answer(
        Text(text="Hi!", buttons=((Button("Go", "go"), Link("A", "https://a.test")),))
    )
    await new.simulator.opens("demo", ANA)
    assert new.simulator.refused_welcomes == []
    assert new.sees() == ["Hi!"]


@pytest.mark.parametrize(
    "answer",
    [
        json.dumps(WELCOME | {"receiver": "x"}),
        json.dumps(WELCOME | {"sender": {}}),
        json.dumps(WELCOME | {"text": "x" * 7001}),
        json.dumps([WELCOME]),
        "ok",
    ],
)
async def test_an_answer_that_is_no_welcome_is_not_shown_but_told(new: Rig, answer: str) -> None:
    await new.registers()
    new.bot.body = answer.encode()
    await new.simulator.opens("demo", ANA)
    assert new.sees() == []
    assert len(new.simulator.refused_welcomes) == 1


async def test_no_answer_is_no_welcome(new: Rig) -> None:
    await new.registers()
    await new.simulator.opens("demo", ANA)
    assert (new.sees(), new.simulator.refused_welcomes) == ([], [])


async def test_the_answer_to_a_repeat_is_the_welcome_when_the_first_answer_was_lost(new: Rig) -> None:
    await new.registers()
    new.bot.status, new.bot.body = 503, json.dumps(WELCOME).encode()
    await new.simulator.opens("demo", ANA)
    assert new.sees() == []
    new.bot.status = 200
    new.clock.advance(seconds=10)
    await new.simulator.redeliver()
    assert new.sees() == ["Hi!"]


async def test_the_answer_to_anything_else_is_ignored(rig: Rig) -> None:
    rig.bot.body = json.dumps(WELCOME).encode()
    await rig.simulator.says("demo", ANA, "hi")
    assert "Hi!" not in rig.sees()


# --- subscriptions


async def test_a_strangers_first_message_subscribes_without_an_event(new: Rig) -> None:
    await new.registers()
    assert (await new.sends())["status"] == 5
    await new.simulator.opens("demo", ANA)
    assert await new.sends() | {"message_token": 0} == {
        "status": 6,
        "status_message": "notSubscribed",
        "message_token": 0,
        "chat_hostname": "SN-CHAT-05_",
    }
    await new.simulator.says("demo", ANA, "hi")
    assert new.bot.events == ["webhook", "conversation_started", "message"]
    assert (await new.sends())["status"] == 0


async def test_who_leaves_cannot_be_written_to_until_they_write_again(rig: Rig) -> None:
    await rig.simulator.leaves("demo", ANA)
    (event,) = rig.adapter.parse(WebhookRequest({}, {}, rig.bot.requests[-1].content))
    assert isinstance(event, Unsubscribed)
    assert (await rig.sends())["status"] == 6
    with pytest.raises(NotOnScreenError, match="not subscribed"):
        await rig.simulator.leaves("demo", ANA)
    await rig.simulator.opens("demo", ANA)
    assert rig.bot.told[-1]["subscribed"] is False
    assert (await rig.sends())["status"] == 6
    await rig.simulator.says("demo", ANA, "back")
    assert rig.bot.events == ["unsubscribed", "conversation_started", "message"]
    assert (await rig.sends())["status"] == 0


async def test_allowing_messages_again_is_told_and_forgets_the_tracking_data(rig: Rig) -> None:
    await rig.sends(tracking_data="step1")
    await rig.simulator.leaves("demo", ANA)
    await rig.simulator.subscribes("demo", ANA)
    await rig.simulator.says("demo", ANA, "hi")
    assert rig.bot.events[-2:] == ["subscribed", "message"]
    assert "tracking_data" not in rig.bot.told[-1]["message"]
    assert (await rig.sends())["status"] == 0


async def test_a_message_brings_back_the_tracking_data_of_the_last_one(rig: Rig) -> None:
    for sent, told in [("one", "one"), ("two", "two"), (None, None)]:
        message: Json = {"tracking_data": sent} if sent else {}
        await rig.sends(**message)
        await rig.simulator.says("demo", ANA, "hi")
        assert rig.bot.told[-1]["message"].get("tracking_data") == told


# --- what send_message takes

LONG = "x" * 2001
FILE: Json = {"type": "file", "media": "https://m.test/a.pdf", "size": 10, "file_name": "a.pdf"}
VIDEO: Json = {"type": "video", "media": "https://m.test/v.mp4", "size": 10}
CARD: Json = {"Type": "rich_media", "ButtonsGroupRows": 7, "Buttons": [{"ActionBody": "x", "Text": "Card", "Rows": 7}]}


@pytest.mark.parametrize(
    ("within", "beyond", "status"),
    [
        ({"sender": {"name": "x" * 28}}, {"sender": {"name": "x" * 29}}, 3),
        ({"sender": {"name": "x"}}, {"sender": {"name": ""}}, 4),
        ({"sender": {"name": "x"}}, {"sender": {}}, 4),
        ({"sender": {"name": "x"}}, {"sender": "x"}, 3),
        ({"text": "x" * 7000}, {"text": "x" * 7001}, 3),
        ({"text": "🙂" * 3500}, {"text": "🙂" * 3501}, 3),
        ({"text": "x"}, {"text": ""}, 4),
        ({"text": "x"}, {"text": 7}, 3),
        ({"type": "text"}, {"type": "hologram"}, 3),
        ({"tracking_data": "x" * 4096}, {"tracking_data": "x" * 4097}, 3),
        ({"min_api_version": 10}, {"min_api_version": 11}, 13),
        (
            {"type": "picture", "media": "https://m.test/a.PNG?x", "text": "x" * 768},
            {"type": "picture", "media": "https://m.test/a.png", "text": "x" * 769},
            3,
        ),
        (
            {"type": "picture", "media": "https://m.test/a.gif", "text": ""},
            {"type": "picture", "media": "https://m.test/a.webp"},
            3,
        ),
        ({"type": "url", "media": "https://m.test/"}, {"type": "url"}, 4),
        ({"type": "url", "media": "https://m.test/"}, {"type": "url", "media": "m.test"}, 3),
        (
            {"type": "url", "media": f"https://m.test/{'x' * 1985}"},
            {"type": "url", "media": f"https://m.test/{'x' * 1986}"},
            3,
        ),
        (FILE | {"size": 52_428_800}, FILE | {"size": 52_428_801}, 3),
        (FILE | {"size": "1"}, FILE | {"size": 0}, 3),
        (FILE | {"file_name": "x" * 256}, FILE | {"file_name": "x" * 257}, 3),
        (FILE | {"file_name": "exe"}, FILE | {"file_name": "a.EXE"}, 3),
        (FILE, {name: value for name, value in FILE.items() if name != "size"}, 4),
        (FILE, {name: value for name, value in FILE.items() if name != "file_name"}, 4),
        (VIDEO | {"size": 27_262_976}, VIDEO | {"size": 27_262_977}, 3),
        (VIDEO | {"duration": 180}, VIDEO | {"duration": 181}, 3),
        (
            {"type": "location", "location": {"lat": -90, "lon": "180"}},
            {"type": "location", "location": {"lat": -90.1, "lon": 180}},
            3,
        ),
        (
            {"type": "location", "location": {"lat": 90, "lon": -180}},
            {"type": "location", "location": {"lat": 90, "lon": "nan"}},
            3,
        ),
        ({"type": "location", "location": {"lat": 0, "lon": 0}}, {"type": "location"}, 4),
        (
            {"type": "contact", "contact": {"name": "x" * 28, "phone_number": "1" * 18}},
            {"type": "contact", "contact": {"name": "x" * 29, "phone_number": "1" * 18}},
            3,
        ),
        (
            {"type": "contact", "contact": {"name": "x", "phone_number": "1"}},
            {"type": "contact", "contact": {"name": "x", "phone_number": "1" * 19}},
            3,
        ),
        ({"type": "sticker", "sticker_id": 46105}, {"type": "sticker", "sticker_id": "cat"}, 3),
        (
            {"type": "rich_media", "rich_media": CARD, "min_api_version": 2},
            {"type": "rich_media", "rich_media": CARD},
            14,
        ),
    ],
)
async def test_a_field_is_taken_within_its_bound_and_refused_beyond(
    rig: Rig, within: Json, beyond: Json, status: int
) -> None:
    assert (await rig.sends(**within))["status"] == 0
    shown = rig.sees()
    refused = await rig.sends(**beyond)
    assert refused["status"] == status
    assert set(refused) == {"status", "status_message", "message_token", "chat_hostname"}
    assert rig.sees() == shown


@pytest.mark.parametrize(("field", "text"), [("receiver", "receiver is missing"), ("sender", "sender is missing")])
async def test_a_missing_field_is_named(rig: Rig, field: str, text: str) -> None:
    call = {
        "receiver": rig.simulator.conversation_id("demo", ANA),
        "sender": {"name": "D"},
        "type": "text",
        "text": "x",
    }
    del call[field]
    refused = await rig.asks("send_message", call)
    assert (refused["status"], refused["status_message"]) == (4, text)


async def test_a_message_needs_a_type_or_a_keyboard(rig: Rig) -> None:
    call = {"receiver": rig.simulator.conversation_id("demo", ANA), "sender": {"name": "D"}}
    assert (await rig.asks("send_message", call))["status"] == 4
    assert (await rig.asks("send_message", call | {"keyboard": keyboard({})}))["status"] == 0
    assert rig.simulator.screen("demo", ANA)[-1].choices[0][0].label == "X"


async def test_a_keyboard_without_type_is_refused_in_vibers_words(rig: Rig) -> None:
    refused = await rig.sends(keyboard={"Buttons": [{"ActionBody": "x"}]})
    assert refused["status"] == 3
    assert refused["status_message"] == 'keyboard is not valid. [object has missing required properties (["Type"])]'


@pytest.mark.parametrize(
    ("within", "beyond"),
    [
        (keyboard({}), keyboard({}, Type="rich_media")),
        (keyboard({}), keyboard()),
        (keyboard({}), {"Type": "keyboard"}),
        (keyboard({}), []),
        (keyboard({}), {"Type": "keyboard", "Buttons": [[]]}),
        (keyboard({}), {"Type": "keyboard", "Buttons": [{"Text": "X"}]}),
        (keyboard({"Columns": 1}, {"Columns": 6}), keyboard({"Columns": 0})),
        (keyboard({"Columns": 6}), keyboard({"Columns": 7})),
        (keyboard({"Columns": 2}, ButtonsGroupColumns=2), keyboard({"Columns": 3}, ButtonsGroupColumns=2)),
        (keyboard({"Columns": 3}), keyboard({"Columns": 2.5})),
        (keyboard({"Rows": 2}), keyboard({"Rows": 3})),
        (keyboard({}, ButtonsGroupRows=2), keyboard({}, ButtonsGroupRows=3)),
        (keyboard({"Text": "x" * 250}), keyboard({"Text": "x" * 251})),
        (keyboard({"ActionBody": "x" * 5000}), keyboard({"ActionBody": ""})),
        (keyboard({"ActionType": "none"}), keyboard({"ActionType": "fly"})),
        (keyboard({"ActionType": "open-url"}), keyboard({"ActionType": "open_url"})),
        (keyboard({"Silent": True}), keyboard({"Silent": "true"})),
        (keyboard({"TextSize": "large"}), keyboard({"TextSize": "huge"})),
        (keyboard({}, InputFieldState="hidden"), keyboard({}, InputFieldState="gone")),
        (keyboard(*[{}] * 24), keyboard(*[{}] * 25)),
        (keyboard(*[{"Columns": 1}] * 144), keyboard(*[{"Columns": 1}] * 145)),
        (keyboard(*[{"Rows": 2}] * 12), keyboard(*[{"Rows": 2}] * 13)),
    ],
)
async def test_a_keyboard_is_taken_within_its_bounds_and_refused_beyond(rig: Rig, within: Json, beyond: Any) -> None:
    assert (await rig.sends(keyboard=within))["status"] == 0
    refused = await rig.sends(keyboard=beyond)
    assert refused["status"] == 3
    assert refused["status_message"].startswith("keyboard is not valid. [")


@pytest.mark.parametrize("action", ["location-picker", "share-phone"])
async def test_asking_for_a_place_or_a_number_needs_version_3_and_is_not_for_cards(rig: Rig, action: str) -> None:
    asking = keyboard({"ActionType": action})
    assert (await rig.sends(keyboard=asking, min_api_version=3))["status"] == 0
    assert (await rig.sends(keyboard=asking))["status"] == 14
    card: Json = {"type": "rich_media", "rich_media": asking | {"Type": "rich_media"}, "min_api_version": 7}
    assert (await rig.sends(**card))["status"] == 3


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6) | st.sampled_from(["keyboard", "text", "reply"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["Type", "Buttons", "Columns", "ActionBody", "lat", "name"]), inner, max_size=4
        )
    ),
    max_leaves=10,
)
fields = st.sampled_from(["type", "text", "keyboard", "location", "contact", "rich_media", "media", "min_api_version"])


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(fields, json_values))
def test_no_message_upsets_the_service(message: Json) -> None:
    async def send() -> Json:
        rig = Rig()
        await rig.registers()
        await rig.simulator.says("demo", ANA, "hi")
        try:
            return await rig.sends(**message)
        finally:
            await rig.close()

    assert asyncio.run(send())["status"] in (0, 3, 4, 13, 14)


# --- limits and money


async def test_a_person_who_does_not_answer_gets_100_messages_a_clock_hour(rig: Rig) -> None:
    for _ in range(100):
        assert (await rig.sends())["status"] == 0
    refused = await rig.sends()
    assert refused["status"] == 12
    assert refused["status_message"] == "maximum messages from Public Account to Viber user without reply exceeded."
    await rig.simulator.says("demo", ANA, "yes?")
    assert (await rig.sends())["status"] == 0


async def test_the_hundred_messages_start_anew_with_the_clock_hour(rig: Rig) -> None:
    to_the_hour = 3600 - rig.clock.timestamp() % 3600
    rig.clock.advance(seconds=to_the_hour)
    for _ in range(100):
        await rig.sends()
    rig.clock.advance(minutes=59)
    assert (await rig.sends())["status"] == 12
    rig.clock.advance(minutes=1)
    assert (await rig.sends())["status"] == 0


async def test_the_limit_can_be_switched_off(rig: Rig) -> None:
    rig.simulator.has_limits = False
    assert {(await rig.sends())["status"] for _ in range(101)} == {0}


@pytest.mark.parametrize(("billable", "inside", "outside"), [(False, 1, 3), (True, 2, 5)])
async def test_the_billing_status_tells_whether_a_session_is_open(
    rig: Rig, billable: bool, inside: int, outside: int
) -> None:
    rig.simulator.is_billable = billable
    rig.clock.advance(hours=23)
    assert (await rig.sends())["billing_status"] == inside
    rig.clock.advance(hours=1, seconds=1)
    assert (await rig.sends())["billing_status"] == outside


async def test_the_sixth_message_in_a_row_is_taken_and_written_down(rig: Rig) -> None:
    for _ in range(5):
        await rig.sends()
    assert list(rig.simulator.violations) == []
    assert (await rig.sends())["status"] == 0
    (violation,) = rig.simulator.violations
    assert (violation.ta, violation.in_row) == ("demo", 6)
    assert violation.user_id == rig.simulator.conversation_id("demo", ANA)


async def test_an_answer_starts_the_row_anew(rig: Rig) -> None:
    for _ in range(3):
        for _ in range(5):
            await rig.sends()
        await rig.simulator.says("demo", ANA, "yes?")
    assert list(rig.simulator.violations) == []


async def test_refused_messages_and_welcomes_do_not_count(rig: Rig) -> None:
    rig.bot.body = json.dumps(WELCOME).encode()
    await rig.simulator.opens("demo", ANA)
    for _ in range(5):
        await rig.sends()
        await rig.sends(text="")
    assert list(rig.simulator.violations) == []
    assert rig.simulator.chat("demo", ANA).in_session == 5


async def test_a_session_lasts_24_hours_from_the_bots_first_message(rig: Rig) -> None:
    chat = rig.simulator.chat("demo", ANA)
    assert chat.sessions == 0
    rig.clock.advance(hours=5)
    await rig.sends()
    rig.clock.advance(hours=23, minutes=59)
    await rig.sends()
    assert (chat.sessions, chat.in_session) == (1, 2)
    rig.clock.advance(minutes=1)
    await rig.sends()
    assert (chat.sessions, chat.in_session) == (2, 1)


async def test_after_60_messages_a_new_session_begins(rig: Rig) -> None:
    chat = rig.simulator.chat("demo", ANA)
    for _ in range(12):
        for _ in range(5):
            await rig.sends()
        await rig.simulator.says("demo", ANA, "go on")
    assert (chat.sessions, chat.in_session) == (1, 60)
    await rig.sends()
    assert (chat.sessions, chat.in_session) == (2, 1)


async def test_the_rules_can_be_others(rig: Rig) -> None:
    rig.simulator.rules = SessionRules(max_in_row=1, max_messages=2)
    for _ in range(3):
        await rig.sends()
    assert [violation.in_row for violation in rig.simulator.violations] == [2, 3]
    assert rig.simulator.chat("demo", ANA).sessions == 2


# --- get_account_info and get_user_details


async def test_the_account_tells_its_webhook_and_counts_who_is_subscribed(rig: Rig) -> None:
    await rig.simulator.opens("demo", BORIS)
    info = await rig.asks("get_account_info", {})
    assert (info["status"], info["name"], info["webhook"], info["subscribers_count"]) == (0, "demo", WEBHOOK, 1)
    assert info["id"].startswith("pa:")


async def test_details_of_a_person_are_told_twice_in_12_hours(rig: Rig) -> None:
    ana = rig.simulator.conversation_id("demo", ANA)
    for _ in range(2):
        details = await rig.asks("get_user_details", {"id": ana})
        assert details["status"] == 0
        assert details["user"]["id"] == ana
        assert details["user"]["name"] == "Ana"
    assert (await rig.asks("get_user_details", {"id": ana}))["status"] == 12
    rig.clock.advance(hours=12)
    assert (await rig.asks("get_user_details", {"id": ana}))["status"] == 0


async def test_details_need_the_id_of_somebody_known(rig: Rig) -> None:
    assert (await rig.asks("get_user_details", {}))["status"] == 4
    assert (await rig.asks("get_user_details", {"id": "nobody"}))["status"] == 5


# --- reports


async def test_reports_wait_until_somebody_asks_for_them_and_name_the_message(rig: Rig) -> None:
    token = (await rig.sends())["message_token"]
    assert rig.bot.requests == []
    assert await rig.simulator.redeliver() == 2
    ana = rig.simulator.conversation_id("demo", ANA)
    assert [(told["event"], told["message_token"], told["user_id"]) for told in rig.bot.told] == [
        ("delivered", token, ana),
        ("seen", token, ana),
    ]


async def test_reports_go_out_before_the_next_thing_a_person_does(rig: Rig) -> None:
    await rig.sends()
    await rig.simulator.says("demo", BORIS, "hi")
    assert rig.bot.events == ["delivered", "seen", "message"]


async def test_reports_can_be_switched_off_and_devices_can_refuse(rig: Rig) -> None:
    rig.simulator.receipts = False
    await rig.sends()
    assert await rig.simulator.redeliver() == 0
    rig.simulator.receipts, rig.simulator.devices_refuse = True, True
    token = (await rig.sends())["message_token"]
    assert await rig.simulator.redeliver() == 1
    assert (rig.bot.told[0]["event"], rig.bot.told[0]["message_token"]) == ("failed", token)
    assert rig.bot.told[0]["desc"]


# --- the phones


async def test_a_tap_sends_what_the_button_says_and_shows_it(rig: Rig) -> None:
    await rig.sends(keyboard=keyboard({"ActionBody": "start", "Text": "Start"}), tracking_data="t")
    await rig.simulator.taps("demo", ANA, "Start")
    told = rig.bot.told[-1]
    assert told["message"] == {"type": "text", "text": "start", "tracking_data": "t"}
    assert told["silent"] is False
    assert rig.sees()[-1] == "start"


async def test_a_silent_tap_is_told_but_not_shown(rig: Rig) -> None:
    await rig.sends(keyboard=keyboard({"ActionBody": "start", "Text": "Start", "Silent": True}))
    await rig.simulator.taps("demo", ANA, "start")
    assert rig.bot.told[-1]["message"]["text"] == "start"
    assert rig.bot.told[-1]["silent"] is True
    assert rig.sees()[-1] == "hi"


async def test_the_keyboard_is_that_of_the_last_message_that_had_one(rig: Rig) -> None:
    await rig.sends(keyboard=keyboard({"Text": "Old"}))
    await rig.sends(keyboard=keyboard({"Text": "New"}))
    await rig.sends(text="no buttons")
    assert [len(bubble.choices) for bubble in rig.simulator.screen("demo", ANA)] == [0, 0, 1, 0]
    with pytest.raises(NotOnScreenError, match="the screen has New"):
        await rig.simulator.taps("demo", ANA, "Old")
    await rig.simulator.taps("demo", ANA, "New")
    assert rig.bot.events[-1] == "message"


async def test_a_card_keeps_its_buttons(rig: Rig) -> None:
    card: Json = {"type": "rich_media", "rich_media": CARD, "min_api_version": 7, "alt_text": "An offer"}
    await rig.sends(**card)
    await rig.sends(keyboard=keyboard({"Text": "New"}))
    await rig.simulator.taps("demo", ANA, "Card")
    assert rig.bot.told[-1]["message"]["text"] == "x"
    assert "An offer" in rig.sees()


async def test_buttons_are_told_by_what_they_do(rig: Rig) -> None:
    actions = ["reply", "open-url", "location-picker", "share-phone"]
    buttons = [{"ActionType": action, "ActionBody": action, "Columns": 3} for action in actions]
    await rig.sends(keyboard=keyboard(*buttons), min_api_version=3)
    rows = rig.simulator.screen("demo", ANA)[-1].choices
    assert [[choice.kind for choice in row] for row in rows] == [["reply", "link"], ["location", "contact"]]
    await rig.simulator.taps("demo", ANA, "share-phone")
    assert rig.bot.told[-1]["message"]["type"] == "contact"
    assert rig.bot.told[-1]["message"]["contact"]["phone_number"].isdecimal()
    await rig.simulator.taps("demo", ANA, "location-picker")
    assert rig.bot.told[-1]["message"]["type"] == "location"
    await rig.simulator.taps("demo", ANA, "open-url")
    assert rig.bot.told[-1]["message"]["text"] == "open-url"


async def test_a_silent_link_and_a_button_without_action_say_nothing(rig: Rig) -> None:
    buttons: list[Json] = [
        {"ActionType": "open-url", "ActionBody": "https://a.test", "Silent": True},
        {"ActionType": "none"},
    ]
    await rig.sends(keyboard=keyboard(*buttons))
    rig.simulator.receipts = False
    await rig.simulator.redeliver()
    rig.bot.requests.clear()
    await rig.simulator.taps("demo", ANA, "https://a.test")
    await rig.simulator.taps("demo", ANA, "x")
    assert rig.bot.requests == []


async def test_without_a_keyboard_there_is_nothing_to_tap(rig: Rig) -> None:
    with pytest.raises(NotOnScreenError, match="the screen has none"):
        await rig.simulator.taps("demo", ANA, "Start")


async def test_an_empty_text_cannot_be_written(rig: Rig) -> None:
    with pytest.raises(NotOnScreenError):
        await rig.simulator.says("demo", ANA, " \n")


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("*bold* and _it_ ~no~ ```x*y*```", "bold and it no x*y*"),
        ("2*3*4 snake_case_name", "2*3*4 snake_case_name"),
        ("* not bold *", "* not bold *"),
        ("plain", "plain"),
    ],
)
async def test_marks_are_shown_as_formatting(rig: Rig, sent: str, shown: str) -> None:
    await rig.sends(text=sent)
    assert rig.sees()[-1] == shown


def test_people_are_the_same_on_every_start(new: Rig) -> None:
    again = ViberSimulator(new.clock)
    assert again.conversation_id("demo", ANA) == new.simulator.conversation_id("demo", Person("Ana", "de"))
    assert again.conversation_id("demo", ANA) != again.conversation_id("demo", BORIS)


def test_a_stranger_has_an_empty_screen(new: Rig) -> None:
    assert list(new.simulator.screen("demo", BORIS)) == []


# --- faults


async def test_a_fault_before_the_call_forgets_it(rig: Rig) -> None:
    rig.simulator.wire.faults.append(Fault(500, b"<html>", {"x-served-by": "proxy"}))
    answer = await rig.call("send_message", {})
    assert (answer.status_code, answer.content, answer.headers["x-served-by"]) == (500, b"<html>", "proxy")
    assert rig.simulator.wire.calls("send_message")[-1].status == 500
    assert (await rig.sends())["status"] == 0


async def test_a_fault_after_the_call_has_carried_it_out(rig: Rig) -> None:
    rig.simulator.wire.faults.append(Fault(502, b"<html>", before=False))
    with pytest.raises(json.JSONDecodeError):
        await rig.sends(text="arrived")
    assert rig.sees()[-1] == "arrived"


@pytest.mark.parametrize("before", [True, False])
async def test_a_dropped_call_has_no_answer(rig: Rig, before: bool) -> None:
    rig.simulator.wire.faults.append(Fault(drop=True, before=before))
    with pytest.raises(httpx.ReadError):
        await rig.sends(text="lost")
    assert ("lost" in rig.sees()) is not before
    assert rig.simulator.wire.calls("send_message")[-1].status == 0


async def test_a_call_that_hangs_is_answered_later(rig: Rig) -> None:
    rig.simulator.wire.faults.append(Fault(503, hang=0.01))
    loop = asyncio.get_running_loop()
    started = loop.time()
    assert (await rig.call("send_message", {})).status_code == 503
    assert loop.time() - started >= 0.01


# --- memory


async def test_a_restart_forgets_nothing_but_the_accounts(rig: Rig) -> None:
    await rig.sends(keyboard=keyboard({"Text": "Go"}), tracking_data="t")
    rig.bot.status = 500
    await rig.simulator.says("demo", BORIS, "hi")
    later = ViberSimulator(rig.clock, httpx.MockTransport(rig.bot))
    later.restore(rig.simulator.snapshot())
    later.add_account(rig.adapter)
    rig.bot.status = 200
    rig.bot.requests.clear()
    rig.clock.advance(seconds=10)
    assert await later.redeliver() == 3
    assert sorted(rig.bot.events) == ["delivered", "message", "seen"]
    assert later.screen("demo", ANA) == rig.simulator.screen("demo", ANA)
    await later.taps("demo", ANA, "Go")
    assert rig.bot.told[-1]["message"]["tracking_data"] == "t"
    assert later.next_token() > rig.simulator.next_token() - 10**9
    await later.close()


async def test_every_change_is_announced(rig: Rig) -> None:
    changes: list[int] = []
    rig.simulator.on_change = lambda: changes.append(len(rig.simulator.snapshot()))
    for act in (
        rig.sends(),
        rig.simulator.says("demo", ANA, "hi"),
        rig.simulator.leaves("demo", ANA),
        rig.simulator.opens("demo", BORIS),
        rig.registers(),
    ):
        before = len(changes)
        await act
        assert len(changes) > before


async def test_thirty_replies_at_once_pass(rig: Rig) -> None:
    answers = await asyncio.gather(*(rig.sends(text=str(number)) for number in range(30)))
    assert {answer["status"] for answer in answers} == {0}
    assert len({answer["message_token"] for answer in answers}) == 30


async def test_time_in_callbacks_moves_with_the_clock(rig: Rig) -> None:
    await rig.simulator.says("demo", ANA, "now")
    rig.clock.advance(days=2)
    await rig.simulator.says("demo", ANA, "then")
    before, after = (told["timestamp"] for told in rig.bot.told)
    assert timedelta(milliseconds=after - before) >= timedelta(days=2)
