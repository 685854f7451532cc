from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import jwt
import msgspec
import pytest

from botkit.adapter import Outcome, Receipt, WebhookRequest
from botkit.buttons import Button, Link
from botkit.channels.gbm import BusinessMessages
from botkit.channels.google_oauth import GRANT_TYPE
from botkit.channels.viber import Viber
from botkit.clock import Clock
from botkit.conversation import Conversation
from botkit.events import AgentRequested, ButtonPressed, MessageDelivered, MessageReceived, MessageSeen
from botkit.http import Http
from botkit.messages import AnyMessage, Image, Outgoing, Text
from botkit.simulators.gbm import BusinessMessagesSimulator
from botkit.simulators.simulator import Choice, NotOnScreenError, Person
from botkit.simulators.wire import Fault

Json = dict[str, Any]
Answer = Callable[[bytes, bool], tuple[int, bytes]]
ANA = Person("Ana", "sl")
BOB = Person("Bob")


class Rig:
    """The simulator between a webhook that answers what `answers` says (then 200) and a client with a token."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.answers: deque[int | Exception] = deque()
        self.posts: list[WebhookRequest] = []
        self.simulator = BusinessMessagesSimulator(self.clock, httpx.MockTransport(self._webhook))
        self.simulator.base_url = "http://bot.test"
        self.adapter = BusinessMessages(ta="demo").simulated("http://gbm.test")
        self.simulator.add_account(self.adapter)
        transport = httpx.ASGITransport(self.simulator.app)
        self.api = httpx.AsyncClient(transport=transport, base_url="http://gbm.test")
        self.client = Http(transport=transport)
        self.sent = 0

    def _webhook(self, inbound: httpx.Request) -> httpx.Response:
        request = WebhookRequest(dict(inbound.headers), dict(inbound.url.params), inbound.content)
        self.posts.append(request)
        answer = self.answers.popleft() if self.answers else 200
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer)

    @property
    def talk(self) -> str:
        return self.simulator.conversation_id("demo", ANA)

    async def authorize(self) -> None:
        token = self.simulator.tokens.trade(_form(self.adapter))
        self.api.headers["Authorization"] = f"Bearer {token}"

    async def post(self, body: Json, path: str = "messages", **query: str) -> httpx.Response:
        return await self.api.post(f"/v1/conversations/{self.talk}/{path}", json=body, params=query)

    async def say(self, message: AnyMessage) -> Receipt:
        self.sent += 1
        outgoing = Outgoing(f"key{self.sent}", ("gbm", "demo"), self.talk, message)
        return await self.adapter.send(outgoing, Conversation(self.adapter.account, self.talk), self.client)

    def events(self) -> list[Any]:
        """What the webhook was told, each post checked as the receiver does; then forgets it."""
        posts, self.posts = self.posts, []
        assert all(self.adapter.verify(post) for post in posts)
        return [event for post in posts for event in self.adapter.parse(post)]

    def texts(self) -> list[str]:
        return [event.text for event in self.events() if isinstance(event, MessageReceived)]

    def choices(self) -> list[Choice]:
        return [choice for bubble in self.simulator.screen("demo", ANA) for row in bubble.choices for choice in row]


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    rig = Rig()
    await rig.simulator.says("demo", ANA, "hello")
    rig.posts.clear()
    await rig.authorize()
    yield rig
    await rig.api.aclose()
    await rig.client.close()
    await rig.simulator.close()


def _form(adapter: BusinessMessages, **changes: Any) -> bytes:
    credentials = adapter.credentials
    assert credentials
    now = int(adapter.clock.timestamp())
    claims = {
        "iss": credentials.client_email,
        "scope": "https://www.googleapis.com/auth/businessmessages",
        "aud": credentials.token_uri,
        "iat": now,
        "exp": now + 3600,
    } | changes
    assertion = jwt.encode(claims, credentials.private_key.reveal(), algorithm="RS256")
    return str(httpx.QueryParams(grant_type=GRANT_TYPE, assertion=assertion)).encode()


def _error(code: int, status: str, message: str) -> Json:
    return {"error": {"code": code, "message": message, "status": status, "details": []}}


def _reply(text: str = "a", value: str = "b") -> Json:
    return {"reply": {"text": text, "postbackData": value}}


def _card(**content: Any) -> Json:
    return {"messageId": "m", "richCard": {"standaloneCard": {"cardContent": content}}}


def _carousel(count: int, width: str = "SMALL", height: str = "SHORT") -> Json:
    media = {"height": height, "contentInfo": {"fileUrl": "https://e.x/a.png"}}
    cards = [{"title": "A", "media": media}] * count
    return {"messageId": "m", "richCard": {"carouselCard": {"cardWidth": width, "cardContents": cards}}}


# --- what people do


async def test_a_text_is_signed_and_told_with_its_context(rig: Rig) -> None:
    await rig.simulator.says("demo", ANA, "Dober dan")
    post = rig.posts[0]
    (event,) = rig.events()
    assert (event.text, event.user.name, event.locale, event.conversation.id) == ("Dober dan", "Ana", "sl", rig.talk)
    assert post.query == {"ta": "demo"}
    body = msgspec.json.decode(post.body)
    assert body["agent"] == "brands/simulated/agents/demo"
    assert len(body["sendTime"].partition(".")[2]) == len("123456789Z")


async def test_opening_the_chat_tells_nobody_but_the_context_rides_on_the_next_message(rig: Rig) -> None:
    await rig.simulator.opens("demo", BOB, "from-the-footer")
    assert rig.posts == []
    await rig.simulator.says("demo", BOB, "one")
    await rig.simulator.says("demo", BOB, "two")
    first, second = [msgspec.json.decode(post.body)["context"] for post in rig.posts]
    assert first["customContext"] == "from-the-footer"
    assert "customContext" not in second


async def test_a_photo_is_told_by_a_signed_address_and_its_caption_as_a_second_message(rig: Rig) -> None:
    await rig.simulator.sends_photo("demo", ANA, "my dog")
    photo, caption = rig.events()
    assert photo.media.kind == "image"
    assert caption.text == "my dog"
    assert [bubble.kind for bubble in rig.simulator.screen("demo", ANA)][-2:] == ["image", "text"]


async def test_files_and_places_are_not_on_the_screen(rig: Rig) -> None:
    with pytest.raises(NotOnScreenError, match="file"):
        await rig.simulator.sends_file("demo", ANA)
    with pytest.raises(NotOnScreenError, match="place"):
        await rig.simulator.sends_location("demo", ANA, 46.05, 14.5)


async def test_typing_and_the_wish_for_a_person_are_told(rig: Rig) -> None:
    await rig.simulator.types("demo", ANA, typing=True)
    await rig.simulator.types("demo", ANA, typing=False)
    await rig.simulator.asks_agent("demo", ANA)
    assert [type(event).__name__ for event in rig.events()] == ["TypingStarted", "TypingStopped", "AgentRequested"]


async def test_a_tapped_reply_comes_back_with_its_value_and_the_messages_id(rig: Rig) -> None:
    receipt = await rig.say(Text(text="Sure?", buttons=((Button("Yes", "sure:yes"), Button("No", "sure:no")),)))
    await rig.simulator.taps("demo", ANA, "Yes")
    tap = rig.events()[-1]
    assert isinstance(tap, ButtonPressed)
    assert (tap.value, tap.label, tap.kind, tap.message_id) == ("sure:yes", "Yes", "reply", receipt.id)
    assert rig.simulator.screen("demo", ANA)[-1].text == "Yes"


async def test_a_tapped_link_comes_back_as_an_action_and_writes_nothing(rig: Rig) -> None:
    await rig.say(Text(text="Look", buttons=((Link("Website", "https://shop.example/"),),)))
    assert rig.choices() == [Choice("Website", "link", "https://shop.example/")]
    await rig.simulator.taps("demo", ANA, "https://shop.example/")
    tap = rig.events()[-1]
    assert (tap.value, tap.kind) == ("open:1", "action")
    assert rig.simulator.screen("demo", ANA)[-1].text == "Look"


async def test_suggestions_vanish_with_the_next_message_and_those_of_a_card_stay(rig: Rig) -> None:
    await rig.post(_card(title="Shirt", suggestions=[_reply("Buy", "buy")]) | {"suggestions": [_reply("Help", "help")]})
    assert [choice.label for choice in rig.choices()] == ["Buy", "Help"]
    await rig.simulator.says("demo", ANA, "hm")
    assert [choice.label for choice in rig.choices()] == ["Buy"]
    with pytest.raises(NotOnScreenError, match="'Help' on the screen of Ana, but Buy"):
        await rig.simulator.taps("demo", ANA, "Help")


async def test_the_newest_of_equal_labels_is_pressed(rig: Rig) -> None:
    for number in ("1", "2"):
        await rig.post(_card(title="Shirt", suggestions=[_reply("Buy", number)]) | {"messageId": number})
    await rig.simulator.taps("demo", ANA, "Buy")
    assert rig.events()[-1].value == "2"


async def test_the_button_for_a_person_asks_for_one(rig: Rig) -> None:
    await rig.post({"messageId": "m", "text": "Well", "suggestions": [{"liveAgentRequest": {}}]})
    assert rig.choices() == [Choice("Message a live agent", "agent")]
    await rig.simulator.taps("demo", ANA, "Message a live agent")
    assert isinstance(rig.events()[-1], AgentRequested)


async def test_signing_in_is_shown_and_cannot_be_done(rig: Rig) -> None:
    oauth = {"clientId": "c", "codeChallenge": "E9Mel", "scopes": ["profile"]}
    await rig.post({"messageId": "m", "text": "Well", "suggestions": [{"authenticationRequest": {"oauth": oauth}}]})
    with pytest.raises(NotOnScreenError, match="sign in"):
        await rig.simulator.taps("demo", ANA, "Sign in")


async def test_who_leaves_cannot_be_written_to_until_they_return(rig: Rig) -> None:
    await rig.simulator.leaves("demo", ANA)
    gone = await rig.say(Text(text="Hello?"))
    assert (gone.outcome, gone.is_gone) == (Outcome.REFUSED, True)
    await rig.simulator.says("demo", ANA, "I am back")
    assert (await rig.say(Text(text="Welcome"))).outcome is Outcome.SENT


async def test_the_same_name_is_the_same_person_on_every_start(rig: Rig) -> None:
    assert Rig().talk == rig.talk
    assert rig.simulator.conversation_id("demo", BOB) != rig.talk


# --- deliveries


async def test_receipts_are_told_with_the_next_delivery_in_order(rig: Rig) -> None:
    receipt = await rig.say(Text(text="hi"))
    assert rig.posts == []
    await rig.simulator.says("demo", ANA, "thanks")
    delivered, seen, thanks = rig.events()
    assert isinstance(delivered, MessageDelivered)
    assert isinstance(seen, MessageSeen)
    assert delivered.receipt_id == seen.receipt_id == receipt.id
    assert thanks.text == "thanks"


async def test_receipts_can_be_fetched_by_redelivery_or_switched_off(rig: Rig) -> None:
    await rig.say(Text(text="hi"))
    assert await rig.simulator.redeliver() == 2
    assert await rig.simulator.redeliver() == 0
    rig.simulator.receipts = False
    await rig.say(Text(text="hi"))
    assert await rig.simulator.redeliver() == 0


@pytest.mark.parametrize("failure", [500, 503, 302, 204, 404, httpx.ConnectError("down"), httpx.ReadTimeout("slow")])
async def test_anything_but_200_is_repeated_with_the_same_bytes(rig: Rig, failure: int | Exception) -> None:
    rig.answers.append(failure)
    await rig.simulator.says("demo", ANA, "hello")
    assert await rig.simulator.redeliver() == 0
    rig.clock.advance(seconds=1)
    assert await rig.simulator.redeliver() == 1
    first, second = rig.posts
    assert first.body == second.body
    assert await rig.simulator.redeliver() == 0


async def test_pauses_double_up_to_ten_minutes(rig: Rig) -> None:
    rig.answers.extend([503] * 13)
    await rig.simulator.says("demo", ANA, "hello")
    for pause in (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600):
        rig.clock.advance(seconds=pause - 0.5)
        assert await rig.simulator.redeliver() == 0
        rig.clock.advance(seconds=0.5)
        assert await rig.simulator.redeliver() == 1


async def test_a_delivery_is_given_up_after_seven_days(rig: Rig) -> None:
    rig.answers.extend([503] * 2)
    await rig.simulator.says("demo", ANA, "hello")
    rig.clock.advance(days=7, seconds=-1)
    assert await rig.simulator.redeliver() == 1
    rig.clock.advance(minutes=11)
    assert await rig.simulator.redeliver() == 0
    assert len(rig.posts) == 2


async def test_an_agents_queue_keeps_its_order_and_holds_up_nobody_else(rig: Rig) -> None:
    other = BusinessMessages(ta="other").simulated("http://gbm.test")
    rig.simulator.add_account(other)
    rig.answers.append(503)
    await rig.simulator.says("demo", ANA, "one")
    await rig.simulator.says("demo", ANA, "two")
    await rig.simulator.says("other", ANA, "elsewhere")
    assert [post.query["ta"] for post in rig.posts] == ["demo", "other"]
    rig.posts.clear()
    rig.clock.advance(seconds=1)
    assert await rig.simulator.redeliver() == 2
    assert rig.texts() == ["one", "two"]


async def test_the_webhooks_address_can_be_set(rig: Rig) -> None:
    rig.simulator.webhooks["demo"] = "http://elsewhere.test/callback/"
    await rig.simulator.says("demo", ANA, "hello")
    assert rig.posts[0].query == {}


@pytest.mark.parametrize(
    ("answer", "passes"),
    [
        (lambda secret, is_right: (200, secret) if is_right else (403, b""), True),
        (lambda secret, is_right: (200, secret), False),
        (lambda secret, is_right: (200, secret + b"\n"), False),
        (lambda secret, is_right: (201, secret) if is_right else (403, b""), False),
        (lambda secret, is_right: (403, b""), False),
    ],
)
async def test_the_address_check_wants_the_secret_for_the_right_token_only(answer: Answer, passes: bool) -> None:
    account = BusinessMessages(ta="demo").simulated("http://gbm.test")

    def webhook(inbound: httpx.Request) -> httpx.Response:
        body = msgspec.json.decode(inbound.content)
        status, content = answer(body["secret"].encode(), body["clientToken"] == account.client_token.reveal())
        return httpx.Response(status, content=content)

    simulator = BusinessMessagesSimulator(Clock(), httpx.MockTransport(webhook))
    simulator.add_account(account)
    assert await simulator.verifies("demo") is passes
    await simulator.close()


# --- the token endpoint


async def test_a_good_grant_gets_a_token_that_expires(rig: Rig) -> None:
    response = await rig.api.post("/token", content=_form(rig.adapter))
    grant = response.json()
    assert (response.status_code, grant["expires_in"], grant["token_type"]) == (200, 3599, "Bearer")
    rig.api.headers["Authorization"] = f"Bearer {grant['access_token']}"
    assert (await rig.post({"messageId": "1", "text": "hi"})).status_code == 200
    rig.clock.advance(seconds=3599)
    assert (await rig.post({"messageId": "2", "text": "hi"})).status_code == 401


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"iss": "somebody@else.example"}, "invalid_grant"),
        ({"aud": "https://elsewhere.example/token"}, "invalid_grant"),
        ({"scope": "https://www.googleapis.com/auth/userinfo.email"}, "invalid_scope"),
        ({"exp": 1}, "invalid_grant"),
        ({"iat": 1}, "invalid_grant"),
        ({"iat": 4102444800, "exp": 4102448400}, "invalid_grant"),
        ({"iat": "now"}, "invalid_grant"),
        ({"iat": "1", "exp": "2"}, "invalid_grant"),
        ({"exp": None}, "invalid_grant"),
    ],
)
async def test_a_grant_with_a_wrong_claim_is_refused(rig: Rig, changes: Json, error: str) -> None:
    response = await rig.api.post("/token", content=_form(rig.adapter, **changes))
    assert (response.status_code, response.json()["error"]) == (400, error)
    assert response.json()["error_description"]


async def test_a_grant_of_another_kind_or_signature_is_refused(rig: Rig) -> None:
    form = _form(rig.adapter)
    for body, error in [
        (b"grant_type=refresh_token", "unsupported_grant_type"),
        (form[:-20] + b"A" * 20, "invalid_grant"),
        (form.partition(b"assertion=")[0] + b"assertion=nonsense", "invalid_grant"),
        (b"\xff", "unsupported_grant_type"),
    ]:
        response = await rig.api.post("/token", content=body)
        assert (response.status_code, response.json()["error"]) == (400, error)


# --- refusals of the API


async def test_a_call_without_a_good_token_is_refused(rig: Rig) -> None:
    message = (
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other "
        "valid authentication credential."
    )
    for header in ("", "Bearer nonsense", rig.api.headers["Authorization"].replace("Bearer", "Basic")):
        rig.api.headers["Authorization"] = header
        response = await rig.post({"messageId": "1", "text": "hi"})
        assert (response.status_code, response.json()) == (401, _error(401, "UNAUTHENTICATED", message))


async def test_unknown_conversations_and_those_of_another_agent_are_refused_alike(rig: Rig) -> None:
    rig.simulator.add_account(BusinessMessages(ta="other").simulated("http://gbm.test"))
    await rig.simulator.opens("other", ANA)
    for talk in ("nobody", rig.simulator.conversation_id("other", ANA), rig.simulator.conversation_id("demo", BOB)):
        response = await rig.api.post(f"/v1/conversations/{talk}/messages", json={"messageId": "1", "text": "hi"})
        assert response.status_code == 403
        assert response.json() == _error(403, "PERMISSION_DENIED", "The caller does not have permission")


async def test_unknown_methods_are_not_found(rig: Rig) -> None:
    for response in (
        await rig.post({}, "surveys", surveyId="s"),
        await rig.api.get(f"/v1/conversations/{rig.talk}/messages"),
        await rig.api.post("/v2/anything"),
    ):
        assert response.status_code == 404
        assert response.json() == _error(404, "NOT_FOUND", "Method not found.")


@pytest.mark.parametrize(
    ("content", "kind"), [(b"{}", "text/plain"), (b"{", "application/json"), (b"[]", "application/json")]
)
async def test_a_body_that_is_no_json_object_is_refused(rig: Rig, content: bytes, kind: str) -> None:
    url = f"/v1/conversations/{rig.talk}/messages"
    response = await rig.api.post(url, content=content, headers={"Content-Type": kind})
    assert response.status_code == 400
    assert response.json()["error"]["message"].startswith("Invalid JSON payload received.")


async def test_an_unknown_field_is_refused_by_its_name(rig: Rig) -> None:
    response = await rig.post({"messageId": "m", "text": "hi", "parse_mode": "HTML"})
    text = "Invalid JSON payload received. Unknown name \"parse_mode\" at 'message': Cannot find field."
    assert (response.status_code, response.json()) == (400, _error(400, "INVALID_ARGUMENT", text))


_TEXT = {"messageId": "m", "text": "hi"}
_MEDIA = {"height": "TALL", "contentInfo": {"fileUrl": "https://e.x/a.png"}}


def _suggests(*suggestions: Any) -> Json:
    return _TEXT | {"suggestions": list(suggestions)}


def _acts(**action: Json) -> Json:
    return _suggests({"action": {"text": "a", "postbackData": "b"} | action})


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (_TEXT, {"text": "hi"}),
        (_TEXT, {"messageId": 7, "text": "hi"}),
        (_TEXT, {"messageId": "m"}),
        (_TEXT, {"messageId": "m", "text": ""}),
        (_TEXT, {"messageId": "m", "text": ["hi"]}),
        (_TEXT, _TEXT | {"image": {"contentInfo": {"fileUrl": "https://e.x/a.png"}}}),
        ({"messageId": "m", "text": "x" * 3072}, {"messageId": "m", "text": "x" * 3073}),
        (_TEXT | {"fallback": "x" * 3072}, _TEXT | {"fallback": "x" * 3073}),
        (_TEXT | {"containsRichText": True}, _TEXT | {"containsRichText": "true"}),
        (_TEXT | {"text": "**b** *i*", "containsRichText": True}, _TEXT | {"text": "**b", "containsRichText": True}),
        (_suggests(*[_reply()] * 13), _suggests(*[_reply()] * 14)),
        (_suggests(_reply("x" * 25)), _suggests(_reply("x" * 26))),
        (_suggests(_reply("a", "x" * 2048)), _suggests(_reply("a", "x" * 2049))),
        (_suggests(_reply()), _suggests(_reply("a", ""))),
        (_suggests(_reply()), _suggests({"reply": {"text": "a", "postbackData": "b", "url": "c"}})),
        (_suggests(_reply()), _suggests(_reply() | {"liveAgentRequest": {}})),
        (_suggests(_reply()), _suggests("reply")),
        (_suggests(_reply()), _TEXT | {"suggestions": {}}),
        (_suggests({"liveAgentRequest": {}}), _suggests({"liveAgentRequest": {"text": "a"}})),
        (_acts(openUrlAction={"url": "https://e.x"}), _acts()),
        (_acts(dialAction={"phoneNumber": "+1-201"}), _acts(dialAction={"phoneNumber": "1-201"})),
        (_acts(dialAction={"phoneNumber": "+1"}), _acts(dialAction={"phoneNumber": "+1"}, openUrlAction={"url": "u"})),
        (_acts(openUrlAction={"url": "https://e.x"}), _acts(openUrlAction={"url": ""})),
        (
            _suggests({"authenticationRequest": {"oauth": {"clientId": "c", "codeChallenge": "d", "scopes": ["p"]}}}),
            _suggests({"authenticationRequest": {"oauth": {"clientId": "c", "scopes": ["p"]}}}),
        ),
        (
            {"messageId": "m", "image": {"contentInfo": {"fileUrl": "https://e.x/a.png"}}},
            {"messageId": "m", "image": {"contentInfo": {"fileUrl": "file-7"}}},
        ),
        (
            _TEXT | {"representative": {"representativeType": "HUMAN"}},
            _TEXT | {"representative": {"representativeType": "human"}},
        ),
        (_TEXT | {"representative": {"representativeType": "BOT"}}, _TEXT | {"representative": {"displayName": "x"}}),
        (_card(title="x" * 200), _card(title="x" * 201)),
        (_card(title="a", description="x" * 2000), _card(title="a", description="x" * 2001)),
        (_card(media=_MEDIA), _card(description="neither media nor title")),
        (_card(media=_MEDIA), _card(media=_MEDIA | {"height": "tall"})),
        (_card(title="a", suggestions=[_reply()] * 4), _card(title="a", suggestions=[_reply()] * 5)),
        (_carousel(2), _carousel(1)),
        (_carousel(10), _carousel(11)),
        (_carousel(2, "MEDIUM", "TALL"), _carousel(2, "SMALL", "TALL")),
        (_carousel(2, "MEDIUM"), _carousel(2, "LARGE")),
    ],
)
async def test_each_bound_is_checked_on_both_sides(rig: Rig, good: Json, bad: Json) -> None:
    refused = await rig.post(bad)
    assert (refused.status_code, refused.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")
    accepted = await rig.post(good)
    assert accepted.status_code == 200
    assert accepted.json() == good | {"name": f"conversations/{rig.talk}/messages/m"}


async def test_a_used_message_id_is_an_error_or_ignored(rig: Rig) -> None:
    assert (await rig.post(_TEXT)).status_code == 200
    again = await rig.post(_TEXT)
    assert (again.status_code, again.json()) == (
        409,
        _error(409, "ALREADY_EXISTS", "Requested entity already exists"),
    )
    rig.simulator.duplicates = "ignored"
    assert (await rig.post(_TEXT)).status_code == 200
    assert [bubble.text for bubble in rig.simulator.screen("demo", ANA)] == ["hello", "hi"]


async def test_a_device_that_cannot_show_a_message_gets_its_fallback_or_nothing(rig: Rig) -> None:
    rig.simulator.limit_device("demo", ANA, "suggestions")
    refused = await rig.post(_suggests(_reply()))
    assert (refused.status_code, refused.json()["error"]["status"]) == (400, "FAILED_PRECONDITION")
    assert (await rig.post(_suggests(_reply()) | {"fallback": "Reply b"})).status_code == 200
    assert rig.simulator.screen("demo", ANA)[-1].text == "Reply b"
    assert rig.choices() == []
    rig.simulator.limit_device("demo", ANA)
    assert (await rig.post(_suggests(_reply()) | {"messageId": "n"})).status_code == 200


async def test_every_message_of_the_adapter_reaches_a_device_that_shows_text_only(rig: Rig) -> None:
    rig.simulator.limit_device("demo", ANA, "suggestions", "richCard", "image")
    for message in (
        Text(text="Sure?", buttons=((Button("Yes", "y"),),)),
        Image(source="https://cdn.example/a.jpg"),
        Image(source="https://cdn.example/a.jpg", caption="Shop"),
    ):
        assert (await rig.say(message)).outcome is Outcome.SENT
    assert [bubble.text for bubble in rig.simulator.screen("demo", ANA)[1:]] == [
        "Sure?\nReply with: Yes",
        "https://cdn.example/a.jpg",
        "Shop\nhttps://cdn.example/a.jpg",
    ]


async def test_a_fallback_can_be_forced_while_the_agent_is_not_launched(rig: Rig) -> None:
    assert (await rig.post(_TEXT, forceFallback="true")).status_code == 400
    forced = _TEXT | {"fallback": "short"}
    assert (await rig.post(forced, forceFallback="true")).status_code == 200
    assert rig.simulator.screen("demo", ANA)[-1].text == "short"
    rig.simulator.launched.add("demo")
    assert (await rig.post(forced | {"messageId": "n"}, forceFallback="true")).status_code == 400


async def test_sixty_messages_a_minute_pass_and_no_more(rig: Rig) -> None:
    for number in range(60):
        assert (await rig.post({"messageId": str(number), "text": "hi"})).status_code == 200
    full = await rig.post(_TEXT)
    assert (full.status_code, full.json()["error"]["status"]) == (429, "RESOURCE_EXHAUSTED")
    rig.clock.advance(seconds=60)
    assert (await rig.post(_TEXT)).status_code == 200


async def test_the_quota_can_be_switched_off(rig: Rig) -> None:
    rig.simulator.has_quota = False
    assert {(await rig.post({"messageId": str(number), "text": "hi"})).status_code for number in range(61)} == {200}


async def test_thirty_days_after_the_persons_last_message_the_agent_is_refused(rig: Rig) -> None:
    rig.clock.advance(days=30, seconds=-60)
    await rig.authorize()
    assert (await rig.post(_TEXT)).status_code == 200
    rig.clock.advance(seconds=61)
    late = await rig.post(_TEXT | {"messageId": "n"})
    assert (late.status_code, late.json()["error"]["status"]) == (400, "FAILED_PRECONDITION")
    await rig.simulator.types("demo", ANA, typing=True)
    assert (await rig.post(_TEXT | {"messageId": "n"})).status_code == 400
    await rig.simulator.says("demo", ANA, "still here")
    assert (await rig.post(_TEXT | {"messageId": "n"})).status_code == 200


async def test_events_show_typing_and_who_joined(rig: Rig) -> None:
    for number, kind in enumerate(["REPRESENTATIVE_JOINED", "TYPING_STARTED"]):
        response = await rig.post({"eventType": kind}, "events", eventId=str(number))
        name = f"conversations/{rig.talk}/events/{number}"
        assert (response.status_code, response.json()) == (200, {"eventType": kind, "name": name})
    assert [bubble.kind for bubble in rig.simulator.screen("demo", ANA)] == ["text", "event", "typing"]
    await rig.post({"eventType": "TYPING_STOPPED"}, "events", eventId="2")
    assert rig.simulator.screen("demo", ANA)[-1].text == "A person joined"


async def test_malformed_and_repeated_events_are_refused(rig: Rig) -> None:
    assert (await rig.post({"eventType": "TYPING_STARTED"}, "events")).status_code == 400
    assert (await rig.post({"eventType": "typing"}, "events", eventId="1")).status_code == 400
    assert (await rig.post({"eventType": "TYPING_STARTED", "x": 1}, "events", eventId="1")).status_code == 400
    assert (await rig.post({"eventType": "TYPING_STARTED"}, "events", eventId="1")).status_code == 200
    assert (await rig.post({"eventType": "TYPING_STARTED"}, "events", eventId="1")).status_code == 409
    rig.simulator.duplicates = "ignored"
    assert (await rig.post({"eventType": "TYPING_STARTED"}, "events", eventId="1")).status_code == 200


async def test_only_messages_of_the_person_can_be_marked_as_read(rig: Rig) -> None:
    await rig.simulator.says("demo", ANA, "hello")
    (event,) = rig.events()
    url = f"/v1/conversations/{rig.talk}/messages/{event.message_id}/receipt"
    response = await rig.api.patch(url, json={"receiptType": "READ"})
    assert response.json() == {"receiptType": "READ", "name": url.removeprefix("/v1/")}
    assert (await rig.api.patch(url, json={"receiptType": "DELIVERED"})).status_code == 400
    other = await rig.api.patch(url.replace(event.message_id, "unknown"), json={"receiptType": "READ"})
    assert other.status_code == 400


# --- faults, wire, memory


async def test_a_fault_before_forgets_the_call_and_one_after_carries_it_out(rig: Rig) -> None:
    rig.simulator.wire.faults.append(Fault(500, b"before", {"X-Fault": "1"}))
    rig.simulator.wire.faults.append(Fault(500, b"after", before=False))
    before = await rig.post({"messageId": "1", "text": "forgotten"})
    assert (before.status_code, before.content, before.headers["X-Fault"]) == (500, b"before", "1")
    assert (await rig.post({"messageId": "2", "text": "kept"})).content == b"after"
    assert [bubble.text for bubble in rig.simulator.screen("demo", ANA)] == ["hello", "kept"]


async def test_a_dropped_connection_gives_no_answer_and_is_logged_without_a_status(rig: Rig) -> None:
    rig.simulator.wire.faults.append(Fault(drop=True, hang=0.001, before=False))
    with pytest.raises(httpx.ReadError):
        await rig.post(_TEXT)
    assert rig.simulator.wire.calls("messages")[-1].status == 0
    assert rig.simulator.screen("demo", ANA)[-1].text == "hi"


async def test_the_wire_shows_both_directions_and_no_credentials(rig: Rig) -> None:
    await rig.say(Text(text="hi"))
    await rig.simulator.says("demo", ANA, "thanks")
    await rig.simulator.verifies("demo")
    log = list(rig.simulator.wire)
    assert [exchange.name for exchange in log[-7:]] == [
        *("token", "messages"),
        *("receipts", "receipts", "message"),
        *("verify", "verify"),
    ]
    assert {exchange.account for exchange in log if exchange.name == "messages"} == {"demo"}
    secrets = [secret.reveal() for secret in rig.adapter.secrets()]
    assert not any(secret in str(msgspec.json.encode(log)) for secret in secrets)


async def test_a_snapshot_keeps_people_screens_and_undelivered_payloads(rig: Rig) -> None:
    await rig.say(Text(text="Sure?", buttons=((Button("Yes", "y"),),)))
    rig.answers.append(503)
    await rig.simulator.redeliver()
    later = Rig()
    later.simulator.restore(rig.simulator.snapshot())
    assert later.simulator.screen("demo", ANA) == rig.simulator.screen("demo", ANA)
    later.clock.advance(seconds=2)
    assert await later.simulator.redeliver() == 2
    assert [type(event) for event in later.events()] == [MessageDelivered, MessageSeen]
    await later.simulator.taps("demo", ANA, "Yes")
    assert later.events()[0].value == "y"
    assert (await later.say(Text(text="again"))).reason == "409 ALREADY_EXISTS"


async def test_a_pending_delivery_of_an_account_that_is_gone_is_kept(rig: Rig) -> None:
    rig.answers.append(503)
    await rig.simulator.says("demo", ANA, "hello")
    bare = BusinessMessagesSimulator(Clock())
    bare.restore(rig.simulator.snapshot())
    assert await bare.redeliver() == 0
    assert bare.snapshot() == rig.simulator.snapshot()


async def test_every_change_is_announced(rig: Rig) -> None:
    changes: list[bytes] = []
    rig.simulator.on_change = lambda: changes.append(rig.simulator.snapshot())
    await rig.simulator.opens("demo", BOB)
    await rig.post(_TEXT)
    await rig.simulator.leaves("demo", BOB)
    assert len(set(changes)) == 3
    assert changes[-1] == rig.simulator.snapshot()


async def test_a_redelivery_without_anything_due_announces_no_change(rig: Rig) -> None:
    changes: list[bool] = []
    rig.simulator.on_change = lambda: changes.append(True)
    await rig.simulator.redeliver()
    assert changes == []


async def test_what_a_person_does_is_announced_before_it_is_delivered(rig: Rig) -> None:
    changes: list[int] = []
    rig.simulator.on_change = lambda: changes.append(len(rig.posts))
    await rig.simulator.says("demo", ANA, "hello")
    assert changes == [0, 1]


async def test_an_account_needs_credentials_and_an_agent(rig: Rig) -> None:
    for account in (Viber(ta="v"), BusinessMessages(ta="x")):
        with pytest.raises(TypeError, match="simulated"):
            rig.simulator.add_account(account)


async def test_the_accounts_grants_follow_the_simulators_clock(rig: Rig) -> None:
    rig.clock.advance(days=25)
    assert (await rig.say(Text(text="hi"))).outcome is Outcome.SENT
