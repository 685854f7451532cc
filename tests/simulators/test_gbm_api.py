from collections.abc import AsyncIterator
from typing import Any

import pytest

from botkit.adapter import Outcome
from botkit.buttons import Button
from botkit.channels.gbm import BusinessMessages
from botkit.messages import Image, Text
from tests.simulators.gbm_rig import ANA, BOB, TEXT, Json, Rig, card, carousel, error, open_rig, reply, sign_in


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with open_rig() as rig:
        yield rig


async def test_a_call_without_a_good_token_is_refused(rig: Rig) -> None:
    message = (
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other "
        "valid authentication credential."
    )
    for header in ("", "Bearer nonsense", rig.api.headers["Authorization"].replace("Bearer", "Basic")):
        rig.api.headers["Authorization"] = header
        response = await rig.post({"messageId": "1", "text": "hi"})
        assert (response.status_code, response.json()) == (401, error(401, "UNAUTHENTICATED", message))


async def test_unknown_conversations_and_those_of_another_agent_are_refused_alike(rig: Rig) -> None:
    rig.simulator.add_account(BusinessMessages(ta="other").simulated("http://gbm.test"))
    await rig.simulator.opens("other", ANA)
    for talk in ("nobody", rig.simulator.conversation_id("other", ANA), rig.simulator.conversation_id("demo", BOB)):
        response = await rig.api.post(f"/v1/conversations/{talk}/messages", json={"messageId": "1", "text": "hi"})
        assert response.status_code == 403
        assert response.json() == error(403, "PERMISSION_DENIED", "The caller does not have permission")


async def test_unknown_methods_are_not_found(rig: Rig) -> None:
    for response in (
        await rig.post({}, "reactions"),
        await rig.api.get(f"/v1/conversations/{rig.talk}/messages"),
        await rig.api.post("/v2/anything"),
    ):
        assert response.status_code == 404
        assert response.json() == error(404, "NOT_FOUND", "Method not found.")


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
    assert (response.status_code, response.json()) == (400, error(400, "INVALID_ARGUMENT", text))


_MEDIA = {"height": "TALL", "contentInfo": {"fileUrl": "https://e.x/a.png"}}


def _suggests(*suggestions: Any) -> Json:
    return TEXT | {"suggestions": list(suggestions)}


def _acts(**action: Json) -> Json:
    return _suggests({"action": {"text": "a", "postbackData": "b"} | action})


def _says(**representative: Any) -> Json:
    return TEXT | {"representative": {"representativeType": "BOT"} | representative}


def _shows(**contents: Any) -> Json:
    return {"messageId": "m", "image": {"contentInfo": {"fileUrl": "https://e.x/a.png"} | contents}}


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (TEXT, {"text": "hi"}),
        (TEXT, {"messageId": 7, "text": "hi"}),
        (TEXT, {"messageId": "m"}),
        (TEXT, {"messageId": "m", "text": ""}),
        (TEXT, {"messageId": "m", "text": ["hi"]}),
        (TEXT, TEXT | {"image": {"contentInfo": {"fileUrl": "https://e.x/a.png"}}}),
        ({"messageId": "m", "text": "x" * 3072}, {"messageId": "m", "text": "x" * 3073}),
        (TEXT | {"fallback": "x" * 3072}, TEXT | {"fallback": "x" * 3073}),
        (TEXT | {"containsRichText": True}, TEXT | {"containsRichText": "true"}),
        (TEXT | {"text": "**b** *i*", "containsRichText": True}, TEXT | {"text": "**b", "containsRichText": True}),
        (_suggests(*[reply()] * 13), _suggests(*[reply()] * 14)),
        (_suggests(reply("x" * 25)), _suggests(reply("x" * 26))),
        (_suggests(reply("a", "x" * 2048)), _suggests(reply("a", "x" * 2049))),
        (_suggests(reply()), _suggests(reply("a", ""))),
        (_suggests(reply()), _suggests({"reply": {"text": "a", "postbackData": "b", "url": "c"}})),
        (_suggests(reply()), _suggests(reply() | {"liveAgentRequest": {}})),
        (_suggests(reply()), _suggests("reply")),
        (_suggests(reply()), TEXT | {"suggestions": {}}),
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
            TEXT | {"representative": {"representativeType": "HUMAN"}},
            TEXT | {"representative": {"representativeType": "human"}},
        ),
        (TEXT | {"representative": {"representativeType": "BOT"}}, TEXT | {"representative": {"displayName": "x"}}),
        (_says(displayName="Robi"), _says(displayName=7)),
        (_says(avatarImage="https://e.x/a.png"), _says(avatarImage="a.png")),
        (_suggests(sign_in(codeChallengeMethod="S256")), _suggests(sign_in(codeChallengeMethod="s256"))),
        (_suggests(sign_in(codeChallengeMethod="plain")), _suggests(sign_in(scopes=[]))),
        (_suggests(sign_in(scopes=["a", "b"])), _suggests(sign_in(scopes=["a", 7]))),
        (_suggests(sign_in()), _suggests(sign_in(scopes="profile"))),
        (_acts(openUrlAction={"url": "https://e.x"}), _acts(openUrlAction={"url": "shop.example"})),
        (_acts(dialAction={"phoneNumber": "+1-201-555-0123"}), _acts(dialAction={"phoneNumber": "+SHOP"})),
        (_shows(thumbnailUrl="https://e.x/s.png"), _shows(thumbnailUrl="s.png")),
        (_shows(altText="Shop", forceRefresh=True), _shows(altText=["Shop"])),
        (_shows(), _shows(forceRefresh="false")),
        (_shows(), _shows(caption="Shop")),
        (card(title="a", suggestions=[reply("x" * 25)]), card(title="a", suggestions=[reply("x" * 26)])),
        (card(title="a", media=_MEDIA), card(title="a", media={"height": "SHORT"})),
        (card(title="a"), {"messageId": "m", "richCard": {"standaloneCard": {}}}),
        (card(title="a"), {"messageId": "m", "richCard": {}}),
        (card(title="x" * 200), card(title="x" * 201)),
        (card(title="a", description="x" * 2000), card(title="a", description="x" * 2001)),
        (card(media=_MEDIA), card(description="neither media nor title")),
        (card(media=_MEDIA), card(media=_MEDIA | {"height": "tall"})),
        (card(title="a", suggestions=[reply()] * 4), card(title="a", suggestions=[reply()] * 5)),
        (carousel(2), carousel(1)),
        (carousel(10), carousel(11)),
        (carousel(2, "MEDIUM", "TALL"), carousel(2, "SMALL", "TALL")),
        (carousel(2, "MEDIUM"), carousel(2, "LARGE")),
    ],
)
async def test_each_bound_is_checked_on_both_sides(rig: Rig, good: Json, bad: Json) -> None:
    refused = await rig.post(bad)
    assert (refused.status_code, refused.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")
    accepted = await rig.post(good)
    assert accepted.status_code == 200
    assert accepted.json() == good | {"name": f"conversations/{rig.talk}/messages/m"}


async def test_a_used_message_id_is_an_error_or_ignored(rig: Rig) -> None:
    assert (await rig.post(TEXT)).status_code == 200
    again = await rig.post(TEXT)
    assert (again.status_code, again.json()) == (
        409,
        error(409, "ALREADY_EXISTS", "Requested entity already exists"),
    )
    rig.simulator.duplicates = "ignored"
    assert (await rig.post(TEXT)).status_code == 200
    assert [bubble.text for bubble in rig.simulator.screen("demo", ANA)] == ["hello", "hi"]


async def test_a_device_that_cannot_show_a_message_gets_its_fallback_or_nothing(rig: Rig) -> None:
    rig.simulator.limit_device("demo", ANA, "suggestions")
    refused = await rig.post(_suggests(reply()))
    assert (refused.status_code, refused.json()["error"]["status"]) == (400, "FAILED_PRECONDITION")
    assert (await rig.post(_suggests(reply()) | {"fallback": "Reply b"})).status_code == 200
    assert rig.simulator.screen("demo", ANA)[-1].text == "Reply b"
    assert rig.choices() == []
    rig.simulator.limit_device("demo", ANA)
    assert (await rig.post(_suggests(reply()) | {"messageId": "n"})).status_code == 200


async def test_a_card_with_suggestions_needs_a_device_with_suggestions(rig: Rig) -> None:
    rig.simulator.limit_device("demo", ANA, "suggestions")
    assert (await rig.post(card(title="Shirt", suggestions=[reply()]))).status_code == 400
    assert (await rig.post(card(title="Shirt"))).status_code == 200


async def test_a_force_that_is_no_boolean_is_refused(rig: Rig) -> None:
    assert (await rig.post(TEXT | {"fallback": "short"}, forceFallback="yes")).status_code == 400
    assert (await rig.post(TEXT | {"fallback": "short"}, forceFallback="false")).status_code == 200
    assert rig.simulator.screen("demo", ANA)[-1].text == "hi"


async def test_what_a_late_message_leads_to_can_be_set(rig: Rig) -> None:
    rig.simulator.late = (403, "PERMISSION_DENIED")
    rig.clock.advance(days=31)
    rig.authorize()
    late = await rig.post(TEXT)
    assert (late.status_code, late.json()["error"]["status"]) == (403, "PERMISSION_DENIED")


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
    assert (await rig.post(TEXT, forceFallback="true")).status_code == 400
    forced = TEXT | {"fallback": "short"}
    assert (await rig.post(forced, forceFallback="true")).status_code == 200
    assert rig.simulator.screen("demo", ANA)[-1].text == "short"
    rig.simulator.launched.add("demo")
    assert (await rig.post(forced | {"messageId": "n"}, forceFallback="true")).status_code == 400


async def test_sixty_messages_a_minute_pass_and_no_more(rig: Rig) -> None:
    for number in range(60):
        assert (await rig.post({"messageId": str(number), "text": "hi"})).status_code == 200
    full = await rig.post(TEXT)
    assert (full.status_code, full.json()["error"]["status"]) == (429, "RESOURCE_EXHAUSTED")
    rig.clock.advance(seconds=60)
    assert (await rig.post(TEXT)).status_code == 200


async def test_the_quota_can_be_switched_off(rig: Rig) -> None:
    rig.simulator.has_quota = False
    assert {(await rig.post({"messageId": str(number), "text": "hi"})).status_code for number in range(61)} == {200}


async def test_thirty_days_after_the_persons_last_message_the_agent_is_refused(rig: Rig) -> None:
    rig.clock.advance(days=30, seconds=-60)
    rig.authorize()
    assert (await rig.post(TEXT)).status_code == 200
    rig.clock.advance(seconds=61)
    late = await rig.post(TEXT | {"messageId": "n"})
    assert (late.status_code, late.json()["error"]["status"]) == (400, "FAILED_PRECONDITION")
    await rig.simulator.types("demo", ANA)
    assert (await rig.post(TEXT | {"messageId": "n"})).status_code == 400
    await rig.simulator.says("demo", ANA, "still here")
    assert (await rig.post(TEXT | {"messageId": "n"})).status_code == 200


async def test_events_show_typing_and_who_joined(rig: Rig) -> None:
    for number, kind in enumerate(["REPRESENTATIVE_JOINED", "TYPING_STARTED"]):
        response = await rig.post({"eventType": kind}, "events", eventId=str(number))
        name = f"conversations/{rig.talk}/events/{number}"
        assert (response.status_code, response.json()) == (200, {"eventType": kind, "name": name})
    assert [bubble.kind for bubble in rig.simulator.screen("demo", ANA)] == ["text", "event", "typing"]
    await rig.post({"eventType": "TYPING_STOPPED"}, "events", eventId="2")
    assert rig.simulator.screen("demo", ANA)[-1].text == "A person joined"


async def test_who_joins_and_leaves_is_shown_by_name(rig: Rig) -> None:
    human = {"representative": {"representativeType": "HUMAN", "displayName": "Maja"}}
    await rig.post({"eventType": "REPRESENTATIVE_JOINED"} | human, "events", eventId="1")
    await rig.post({"eventType": "REPRESENTATIVE_LEFT"} | human, "events", eventId="2")
    await rig.post({"eventType": "REPRESENTATIVE_LEFT"}, "events", eventId="3")
    shown = [(bubble.side, bubble.text) for bubble in rig.simulator.screen("demo", ANA)[1:]]
    assert shown == [("service", "Maja joined"), ("service", "Maja left"), ("service", "The person left")]


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


async def test_a_read_mark_may_name_its_message_and_nothing_else(rig: Rig) -> None:
    await rig.simulator.says("demo", ANA, "hello")
    (event,) = rig.events()
    name = f"conversations/{rig.talk}/messages/{event.message_id}"
    good = await rig.api.patch(f"/v1/{name}/receipt", json={"receiptType": "READ", "message": name})
    assert (good.status_code, good.json()["name"]) == (200, f"{name}/receipt")
    for body in ({}, {"receiptType": "READ", "at": "now"}, {"receiptType": "read"}):
        assert (await rig.api.patch(f"/v1/{name}/receipt", json=body)).status_code == 400


async def test_a_carousel_is_shown_card_by_card_with_its_suggestions(rig: Rig) -> None:
    cards = [{"title": name, "description": "20 EUR", "suggestions": [reply(f"Buy {name}", name)]} for name in "AB"]
    await rig.post({"messageId": "m", "richCard": {"carouselCard": {"cardWidth": "MEDIUM", "cardContents": cards}}})
    shown = [(bubble.kind, bubble.text) for bubble in rig.simulator.screen("demo", ANA)[1:]]
    assert shown == [("card", "A\n20 EUR"), ("card", "B\n20 EUR")]
    assert [choice.label for choice in rig.choices()] == ["Buy A", "Buy B"]
