"""The sending methods of the simulated Bot API: what each takes, what it echoes, what it refuses."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from botkit.simulators.telegram import Connection, Group
from tests.simulators.telegram_desk import ANA, BO, Bot, opened_bot

FRIENDS, FORUM = Group("Friends"), Group("Forum", "supergroup", "forum")
PNG = "https://a.example/b.png"
CASTLE = {"latitude": 46, "longitude": 14, "title": "Castle", "address": "Hill 1"}
TEA = {
    "title": "Tea",
    "description": "A cup",
    "payload": "p",
    "currency": "XTR",
    "prices": [{"label": "Tea", "amount": 5}],
}


@pytest.fixture
async def bot() -> AsyncIterator[Bot]:
    async with opened_bot() as bot:
        yield bot


@pytest.mark.parametrize(
    ("method", "parameters", "description"),
    [
        ("sendVenue", {"latitude": 1, "longitude": 1, "address": "a"}, 'parameter "title" is required'),
        ("sendVenue", {"latitude": 1, "longitude": 1, "title": "a"}, 'parameter "address" is required'),
        ("sendContact", {"phone_number": "1"}, 'parameter "first_name" is required'),
        ("sendContact", {"phone_number": "1", "first_name": "B", "vcard": "x" * 2049}, "vCard is too long"),
        ("sendLocation", {"latitude": 1, "longitude": 1, "live_period": 59}, "invalid live location period specified"),
        (
            "sendLocation",
            {"latitude": 1, "longitude": 1, "live_period": 86401},
            "invalid live location period specified",
        ),
        ("sendLocation", {"latitude": 1, "longitude": 1, "heading": 361}, "invalid live location specified"),
        (
            "sendLocation",
            {"latitude": 1, "longitude": 1, "proximity_alert_radius": 100_001},
            "invalid live location specified",
        ),
        ("sendDice", {"emoji": "🍎"}, "EMOTICON_INVALID"),
        ("sendPoll", {"options": ["a", "b"]}, 'parameter "question" is required'),
        ("sendPoll", {"question": "x" * 301, "options": ["a", "b"]}, "poll question length must not exceed 300"),
        ("sendPoll", {"question": "q", "options": ["a"]}, "poll must have at least 2 option"),
        ("sendPoll", {"question": "q", "options": ["a"] * 13}, "poll can't have more than 12 options"),
        ("sendPoll", {"question": "q", "options": ["a", "x" * 101]}, "poll options length must not exceed 100"),
        ("sendPoll", {"question": "q", "options": ["a", "b"], "type": "x"}, "unsupported poll type specified"),
        ("sendPoll", {"question": "q", "options": ["a", "b"], "type": "quiz"}, "wrong correct option ID specified"),
        ("sendInvoice", TEA | {"title": ""}, 'parameter "title" is required'),
        ("sendInvoice", TEA | {"title": "x" * 33}, "INVOICE_TITLE_INVALID"),
        ("sendInvoice", TEA | {"description": "x" * 256}, "INVOICE_DESCRIPTION_INVALID"),
        ("sendInvoice", TEA | {"payload": "ш" * 65}, "INVOICE_PAYLOAD_INVALID"),
        ("sendInvoice", TEA | {"prices": []}, "can't parse prices JSON object"),
        ("sendInvoice", TEA | {"currency": "EUR"}, "PAYMENT_PROVIDER_INVALID"),
        (
            "sendInvoice",
            TEA | {"reply_markup": {"inline_keyboard": [[{"text": "x", "url": "https://a.example"}]]}},
            "REPLY_MARKUP_BUY_EMPTY",
        ),
        ("sendMediaGroup", {"media": []}, "there are no messages to send"),
        ("sendMediaGroup", {}, "there are no messages to send"),
        ("sendMediaGroup", {"media": [1]}, "can't parse media JSON object"),
        ("sendMediaGroup", {"media": [{"type": "photo", "media": PNG}] * 11}, "too many messages to send as an album"),
        ("sendMediaGroup", {"media": [{"type": "photo", "media": PNG}]}, "album must have at least 2 items"),
        (
            "sendMediaGroup",
            {"media": [{"type": "photo", "media": PNG}, {"type": "audio", "media": PNG}]},
            "can't use the media of the specified type in the album",
        ),
        (
            "sendMediaGroup",
            {"media": [{"type": "animation", "media": PNG}] * 2},
            "can't use the media of the specified type in the album",
        ),
        ("sendMediaGroup", {"media": [{"type": "photo"}] * 2}, "media not found"),
        (
            "sendMediaGroup",
            {"media": [{"type": "photo", "media": PNG}] * 2, "reply_markup": {"force_reply": True}},
            "album can't have a reply markup",
        ),
        ("sendMessage", {"text": "x", "link_preview_options": [1]}, "object expected as link preview options"),
        ("copyMessage", {"from_chat_id": 1, "message_id": 1}, "chat not found"),
        ("copyMessage", {}, "from_chat_id is empty"),
    ],
)
async def test_a_bad_call_is_refused(bot: Bot, method: str, parameters: dict[str, Any], description: str) -> None:
    assert await bot.refusal(method, **parameters) == f"Bad Request: {description}"
    assert bot.texts() == ["/start"]


@pytest.mark.parametrize(
    ("method", "parameters"),
    [
        ("sendContact", {"phone_number": "1", "first_name": "B", "vcard": "x" * 2048}),
        ("sendLocation", {"latitude": 1, "longitude": 1, "live_period": 60}),
        ("sendLocation", {"latitude": 1, "longitude": 1, "live_period": 86400, "heading": 360}),
        ("sendLocation", {"latitude": 1, "longitude": 1, "live_period": 0x7FFFFFFF, "proximity_alert_radius": 100_000}),
        ("sendPoll", {"question": "x" * 300, "options": ["x" * 100] * 12}),
        ("sendPoll", {"question": "q", "options": ["a", {"text": "b"}], "type": "quiz", "correct_option_id": 1}),
        ("sendPoll", {"question": "q", "options": json.dumps(["a", "b"]), "type": "quiz", "correct_option_ids": [0]}),
        ("sendInvoice", TEA | {"title": "x" * 32, "description": "x" * 255, "payload": "ш" * 64}),
        ("sendInvoice", TEA | {"currency": "EUR", "provider_token": "p"}),
        ("sendMediaGroup", {"media": [{"type": "photo", "media": PNG}] * 10}),
        ("sendMediaGroup", {"media": json.dumps([{"type": "photo", "media": PNG}] * 2)}),
    ],
)
async def test_a_call_at_a_bound_is_taken(bot: Bot, method: str, parameters: dict[str, Any]) -> None:
    result = await bot.result(method, **parameters)
    assert all(message["message_id"] for message in (result if isinstance(result, list) else [result]))


@pytest.mark.parametrize(
    ("method", "parameters", "bubble"),
    [
        ("sendAnimation", {"animation": "https://a.example/b.gif", "caption": "c"}, ("animation", "c")),
        ("sendSticker", {"sticker": "https://a.example/b.webp", "emoji": "👍"}, ("sticker", "👍")),
        ("sendVenue", CASTLE, ("venue", "Castle: Hill 1")),
        ("sendPoll", {"question": "Tea?", "options": ["Yes", "No"]}, ("poll", "Tea?")),
        ("sendInvoice", TEA, ("invoice", "Tea: A cup")),
    ],
)
async def test_every_further_kind_is_shown_on_the_screen(
    bot: Bot, method: str, parameters: dict[str, Any], bubble: tuple[str, str]
) -> None:
    await bot.result(method, **parameters)
    shown = bot.simulator.screen("demo", ANA)[-1]
    assert (shown.side, shown.kind, shown.text) == ("bot", *bubble)


@pytest.mark.parametrize(("emoji", "most"), [("🎲", 6), ("🏀", 5), ("⚽️", 5), ("🎰", 64)])
async def test_a_die_falls_on_one_of_its_faces(bot: Bot, emoji: str, most: int) -> None:
    dice = (await bot.result("sendDice", emoji=emoji))["dice"]
    assert 1 <= dice["value"] <= most
    assert bot.texts()[-1] == f"{dice['emoji']} {dice['value']}"


async def test_an_album_is_several_messages_with_one_group_id(bot: Bot) -> None:
    media = [
        {"type": "photo", "media": PNG, "caption": "<b>a</b>", "parse_mode": "HTML"},
        {"type": "photo", "media": PNG},
    ]
    first, second = await bot.result("sendMediaGroup", media=media, protect_content=True)
    assert (first["caption"], first["caption_entities"]) == ("a", [{"type": "bold", "offset": 0, "length": 1}])
    assert first["media_group_id"] == second["media_group_id"]
    assert second["message_id"] == first["message_id"] + 1
    assert "caption" not in second
    assert first["has_protected_content"] is second["has_protected_content"] is True
    assert [bubble.kind for bubble in bot.simulator.screen("demo", ANA)][-2:] == ["image", "image"]


async def test_an_album_of_uploads_names_their_parts(bot: Bot) -> None:
    media = json.dumps([{"type": "document", "media": "attach://a"}, {"type": "document", "media": "attach://b"}])
    files = {"a": ("a.pdf", b"1"), "b": ("b.pdf", b"22")}
    response = await bot.http.post("sendMediaGroup", data={"chat_id": bot.chat_id(), "media": media}, files=files)
    assert [message["document"]["file_size"] for message in response.json()["result"]] == [1, 2]


@pytest.mark.parametrize(
    ("parameters", "echo"),
    [
        ({"protect_content": True}, {"has_protected_content": True}),
        ({"message_effect_id": "5"}, {"effect_id": "5"}),
        ({"link_preview_options": {"is_disabled": True}}, {"link_preview_options": {"is_disabled": True}}),
        ({"disable_web_page_preview": "true"}, {"link_preview_options": {"is_disabled": True}}),
        ({"disable_notification": True}, {}),
    ],
)
async def test_what_a_message_carries_is_echoed(bot: Bot, parameters: dict[str, Any], echo: dict[str, Any]) -> None:
    plain = await bot.result("sendMessage", text="x")
    assert await bot.result("sendMessage", text="x", **parameters) == plain | echo | {
        "message_id": plain["message_id"] + 1
    }


async def test_a_reply_may_quote_what_is_in_the_message(bot: Bot) -> None:
    number = (await bot.result("sendMessage", text="😀 one two"))["message_id"]
    quoted = {"message_id": number, "quote": "<b>two</b>", "quote_parse_mode": "HTML"}
    result = await bot.result("sendMessage", text="x", reply_parameters=quoted)
    assert (result["quote"]["text"], result["quote"]["position"]) == ("two", 7)
    refusal = await bot.refusal("sendMessage", text="x", reply_parameters=quoted | {"quote": "three"})
    assert refusal == "Bad Request: QUOTE_TEXT_INVALID"


async def test_a_reply_to_another_chat_is_an_external_one(bot: Bot) -> None:
    await bot.simulator.adds_bot("demo", ANA, FRIENDS)
    number = (await bot.result("sendMessage", text="one", chat_id=FRIENDS.id))["message_id"]
    reply = {"message_id": number, "chat_id": FRIENDS.id}
    result = await bot.result("sendMessage", text="x", reply_parameters=reply)
    assert result["external_reply"]["message_id"] == number
    refusal = await bot.refusal("sendMessage", text="x", reply_parameters=reply | {"chat_id": 1})
    assert refusal == "Bad Request: chat not found"


async def test_a_copy_is_the_bots_own_and_a_forward_tells_its_origin(bot: Bot) -> None:
    await bot.simulator.says("demo", ANA, "mine")
    number = bot.told("message")[0]["message_id"]
    copy = await bot.result("copyMessage", from_chat_id=bot.chat_id(), message_id=number)
    forward = await bot.result("forwardMessage", from_chat_id=bot.chat_id(), message_id=number)
    assert set(copy) == {"message_id"}
    assert forward["forward_origin"]["sender_user"]["id"] == bot.chat_id()
    assert bot.texts()[-2:] == ["mine", "mine"]
    for method, what in (("copyMessage", "copy"), ("forwardMessage", "forward")):
        refusal = await bot.refusal(method, from_chat_id=bot.chat_id(), message_id=1)
        assert refusal == f"Bad Request: message to {what} not found"


async def test_a_copy_may_have_another_caption(bot: Bot) -> None:
    number = (await bot.result("sendPhoto", photo=PNG, caption="one"))["message_id"]
    await bot.result("copyMessage", from_chat_id=bot.chat_id(), message_id=number, caption="two")
    assert bot.texts()[-1] == "two"


@pytest.mark.parametrize(("method", "done"), [("copyMessage", "copied"), ("forwardMessage", "forwarded")])
async def test_a_protected_message_stays_where_it_is(bot: Bot, method: str, done: str) -> None:
    number = (await bot.result("sendMessage", text="x", protect_content=True))["message_id"]
    refusal = await bot.refusal(method, from_chat_id=bot.chat_id(), message_id=number)
    assert refusal == f"Bad Request: message can't be {done}"


async def test_a_message_goes_into_a_topic_that_is_there_and_open(bot: Bot) -> None:
    await bot.simulator.adds_bot("demo", ANA, FORUM)
    topic = await bot.simulator.opens_topic("demo", ANA, FORUM, "Tea")
    result = await bot.result("sendMessage", chat_id=FORUM.id, text="x", message_thread_id=topic.topic)
    assert (result["message_thread_id"], result["is_topic_message"]) == (topic.topic, True)
    there = {"chat_id": FORUM.id, "text": "x"}
    assert await bot.refusal("sendMessage", **there, message_thread_id=topic.topic + 1) == (
        "Bad Request: message thread not found"
    )
    await bot.simulator.closes_topic("demo", ANA, topic)
    assert await bot.refusal("sendMessage", **there, message_thread_id=topic.topic) == "Bad Request: TOPIC_CLOSED"


async def test_a_public_group_has_a_name_and_a_person_has_none(bot: Bot) -> None:
    await bot.simulator.adds_bot("demo", ANA, FORUM)
    assert (await bot.result("sendMessage", chat_id="@Forum", text="x"))["chat"]["id"] == FORUM.id
    assert await bot.refusal("sendMessage", chat_id="@ana", text="x") == "Bad Request: chat not found"


async def test_a_bot_speaks_for_a_business_account(bot: Bot) -> None:
    shop = Connection("bcA1", BO)
    await bot.simulator.connects("demo", shop)
    await bot.simulator.says("demo", ANA, "in stock?", where=shop)
    result = await bot.result("sendMessage", text="yes", business_connection_id="bcA1")
    assert (result["from"]["first_name"], result["sender_business_bot"]["is_bot"]) == ("Bo", True)
    assert bot.texts(where=shop) == ["in stock?", "yes"]
    assert bot.texts() == ["/start"]
    await bot.simulator.connects("demo", shop, is_enabled=False)
    refusal = await bot.refusal("sendMessage", text="x", business_connection_id="bcA1")
    assert refusal == "Bad Request: business connection not found"


async def test_a_message_in_a_channels_direct_chat_names_its_topic(bot: Bot) -> None:
    direct = Group("News", "direct")
    await bot.simulator.adds_bot("demo", ANA, direct, is_admin=True)
    await bot.simulator.says("demo", ANA, "may I ask", where=direct)
    topic = bot.told("message")[-1]["direct_messages_topic"]["topic_id"]
    there = {"chat_id": direct.id, "text": "x"}
    result = await bot.result("sendMessage", **there, direct_messages_topic_id=topic)
    assert result["direct_messages_topic"] == {"topic_id": topic}
    assert (await bot.refusal("sendMessage", **there)).startswith("Bad Request: invalid direct messages")


async def test_a_forwarded_post_tells_its_channel(bot: Bot) -> None:
    news = Group("News", "channel")
    await bot.simulator.adds_bot("demo", ANA, news, is_admin=True)
    number = (await bot.result("sendMessage", chat_id=news.id, text="x"))["message_id"]
    origin = (await bot.result("forwardMessage", from_chat_id=news.id, message_id=number))["forward_origin"]
    assert (origin["type"], origin["chat"]["id"], origin["message_id"]) == ("channel", news.id, number)
