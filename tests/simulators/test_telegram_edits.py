"""Changes of messages in the simulated Telegram: edits, deletions, pins, reactions."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from botkit.simulators.telegram import Group
from tests.simulators.telegram_desk import ANA, Bot, opened_bot

FRIENDS = Group("Friends")
PNG = "https://a.example/b.png"
KEYBOARD = {"inline_keyboard": [[{"text": "Yes", "callback_data": "y"}]]}
SAME = (
    "Bad Request: message is not modified: specified new message content and reply markup are exactly the same as a "
    "current content and reply markup of the message"
)


@pytest.fixture
async def bot() -> AsyncIterator[Bot]:
    async with opened_bot() as bot:
        yield bot


async def sent(bot: Bot, method: str = "sendMessage", **parameters: Any) -> int:
    return int((await bot.result(method, **({"text": "one"} | parameters)))["message_id"])


async def test_an_edited_text_is_shown_in_its_old_place(bot: Bot) -> None:
    number = await sent(bot)
    await sent(bot, text="later")
    bot.clock.advance(seconds=5)
    result = await bot.result("editMessageText", message_id=number, text="<b>two</b>", parse_mode="HTML")
    assert (result["text"], result["edit_date"] - result["date"]) == ("two", 5)
    assert bot.texts() == ["/start", "two", "later"]


async def test_an_edit_takes_the_keyboard_away_unless_it_brings_one(bot: Bot) -> None:
    number = await sent(bot, reply_markup=KEYBOARD)
    assert "reply_markup" in await bot.result("editMessageText", message_id=number, text="two", reply_markup=KEYBOARD)
    assert "reply_markup" not in await bot.result("editMessageText", message_id=number, text="three")
    assert "reply_markup" in await bot.result("editMessageReplyMarkup", message_id=number, reply_markup=KEYBOARD)
    assert "reply_markup" not in await bot.result("editMessageReplyMarkup", message_id=number)


async def test_an_edit_that_changes_nothing_is_refused_also_the_second_time(bot: Bot) -> None:
    number = await sent(bot, reply_markup=KEYBOARD)
    same = {"message_id": number, "text": "one", "reply_markup": KEYBOARD}
    assert await bot.refusal("editMessageText", **same) == SAME
    await bot.result("editMessageText", **same | {"text": "two"})
    bot.clock.advance(seconds=1)
    assert await bot.refusal("editMessageText", **same | {"text": "two"}) == SAME
    await bot.result("editMessageText", **same | {"text": "two", "reply_markup": None})


@pytest.mark.parametrize(
    ("method", "parameters", "description"),
    [
        ("editMessageText", {"text": "x"}, "message identifier is not specified"),
        ("editMessageText", {"text": "x", "message_id": 1}, "message to edit not found"),
        ("editMessageText", {"text": "", "message_id": 1}, "message text is empty"),
        ("editMessageText", {"text": "x", "inline_message_id": "x"}, "MESSAGE_ID_INVALID"),
        ("editMessageCaption", {"caption": "x" * 1025, "message_id": 1}, "message caption is too long"),
        ("deleteMessage", {}, "message identifier is not specified"),
        ("deleteMessage", {"message_id": 1}, "message to delete not found"),
        ("deleteMessages", {}, "message identifiers are not specified"),
        ("deleteMessages", {"message_ids": list(range(101))}, "too many message identifiers specified"),
        ("pinChatMessage", {"message_id": 1}, "message to pin not found"),
        ("unpinChatMessage", {"message_id": 1}, "message to unpin not found"),
        ("unpinChatMessage", {}, "message to unpin not found"),
        ("setMessageReaction", {"message_id": 1}, "message to react not found"),
        ("setMessageReaction", {"message_id": 1, "reaction": [{"type": "emoji"}]}, "REACTION_INVALID"),
    ],
)
async def test_a_bad_change_is_refused(bot: Bot, method: str, parameters: dict[str, Any], description: str) -> None:
    assert await bot.refusal(method, **parameters) == f"Bad Request: {description}"


@pytest.mark.parametrize(
    ("method", "parameters", "description"),
    [
        ("editMessageText", {"text": "x"}, "there is no text in the message to edit"),
        ("editMessageLiveLocation", {"latitude": 1, "longitude": 1}, "message can't be edited"),
        ("stopPoll", {}, "message with poll to stop not found"),
    ],
)
async def test_a_change_needs_a_message_of_its_kind(
    bot: Bot, method: str, parameters: dict[str, Any], description: str
) -> None:
    number = await sent(bot, "sendPhoto", photo=PNG)
    assert await bot.refusal(method, message_id=number, **parameters) == f"Bad Request: {description}"


async def test_a_text_has_no_caption_to_edit(bot: Bot) -> None:
    refusal = await bot.refusal("editMessageCaption", message_id=await sent(bot), caption="x")
    assert refusal == "Bad Request: there is no caption in the message to edit"


async def test_what_a_person_wrote_cannot_be_edited(bot: Bot) -> None:
    await bot.simulator.says("demo", ANA, "mine")
    number = bot.told("message")[0]["message_id"]
    assert await bot.refusal("editMessageText", message_id=number, text="x") == "Bad Request: message can't be edited"


async def test_an_edit_brings_inline_keyboards_only(bot: Bot) -> None:
    keyboard = {"keyboard": [["A"]]}
    refusal = await bot.refusal("editMessageText", message_id=await sent(bot), text="x", reply_markup=keyboard)
    assert refusal == "Bad Request: inline keyboard expected"


async def test_a_caption_and_the_media_change(bot: Bot) -> None:
    number = await sent(bot, "sendPhoto", photo=PNG, caption="one")
    await bot.result("editMessageCaption", message_id=number, caption="two")
    assert bot.texts()[-1] == "two"
    media = {"type": "video", "media": "https://a.example/b.mp4", "caption": "three"}
    result = await bot.result("editMessageMedia", message_id=number, media=media)
    assert "photo" not in result
    assert (bot.simulator.screen("demo", ANA)[-1].kind, bot.texts()[-1]) == ("video", "three")
    refusal = await bot.refusal("editMessageMedia", message_id=number, media={"type": "x", "media": PNG})
    assert refusal == "Bad Request: can't parse InputMedia: type is unknown"


async def test_a_live_location_moves_until_it_stops_or_ends(bot: Bot) -> None:
    place = {"latitude": 1, "longitude": 1}
    numbers = [await sent(bot, "sendLocation", live_period=60, **place) for _ in range(2)]
    bot.clock.advance(seconds=59)
    await bot.result("editMessageLiveLocation", message_id=numbers[0], latitude=2, longitude=3)
    assert "2.0, 3.0" in bot.texts()
    stopped = await bot.result("stopMessageLiveLocation", message_id=numbers[0])
    assert "live_period" not in stopped["location"]
    bot.clock.advance(seconds=1)
    for number in numbers:
        refusal = await bot.refusal("editMessageLiveLocation", message_id=number, **place)
        assert refusal == "Bad Request: message can't be edited"


async def test_a_poll_is_closed_once(bot: Bot) -> None:
    number = await sent(bot, "sendPoll", question="Tea?", options=["Yes", "No"])
    assert (await bot.result("stopPoll", message_id=number))["is_closed"] is True
    assert await bot.refusal("stopPoll", message_id=number) == "Bad Request: poll has already been closed"


async def test_both_sides_messages_are_deleted_from_a_private_chat(bot: Bot) -> None:
    await bot.simulator.says("demo", ANA, "mine")
    for number in (bot.told("message")[0]["message_id"], await sent(bot)):
        assert await bot.result("deleteMessage", message_id=number) is True
    assert bot.texts() == ["/start"]


@pytest.mark.parametrize(("hours", "is_deleted"), [(47.9, True), (48, False)])
async def test_a_message_is_deleted_within_48_hours(bot: Bot, hours: float, is_deleted: bool) -> None:
    number = await sent(bot)
    bot.clock.advance(hours=hours)
    responses = [
        await bot.call("deleteMessages", chat_id=bot.chat_id(), message_ids=[number, 1]),
        await bot.call("deleteMessage", chat_id=bot.chat_id(), message_id=number),
    ]
    assert [response.status_code for response in responses] == ([200, 400] if is_deleted else [400, 400])
    assert (bot.texts() == ["/start"]) is is_deleted


async def test_a_die_is_deleted_after_a_day(bot: Bot) -> None:
    number = await sent(bot, "sendDice")
    bot.clock.advance(hours=23.9)
    assert await bot.refusal("deleteMessage", message_id=number) == "Bad Request: message can't be deleted"
    bot.clock.advance(hours=0.1)
    assert await bot.result("deleteMessage", message_id=number) is True


async def test_in_a_group_only_an_administrator_deletes_what_others_wrote(bot: Bot) -> None:
    await bot.simulator.adds_bot("demo", ANA, FRIENDS, context="x")
    theirs = bot.told("message")[-1]["message_id"]
    there: dict[str, Any] = {"chat_id": FRIENDS.id}
    assert await bot.refusal("deleteMessage", **there, message_id=theirs) == "Bad Request: message can't be deleted"
    assert await bot.result("deleteMessage", **there, message_id=await sent(bot, **there))
    await bot.simulator.promotes_bot("demo", ANA, FRIENDS)
    assert await bot.result("deleteMessage", **there, message_id=theirs)


async def test_the_keyboard_goes_with_its_message(bot: Bot) -> None:
    number = await sent(bot, reply_markup={"keyboard": [["A"]]})
    await bot.result("deleteMessage", message_id=number)
    assert bot.simulator.bot("demo").chats[bot.chat_id()].keyboard == {}


async def test_messages_are_pinned_and_unpinned(bot: Bot) -> None:
    first, second = await sent(bot), await sent(bot, text="two")
    for number in (first, second):
        assert await bot.result("pinChatMessage", message_id=number) is True
    assert bot.simulator.screen("demo", ANA)[-1].kind == "pinned_message"
    assert (await bot.result("getChat"))["pinned_message"]["text"] == "two"
    await bot.result("unpinChatMessage")
    assert (await bot.result("getChat"))["pinned_message"]["text"] == "one"
    await bot.result("unpinAllChatMessages")
    assert "pinned_message" not in await bot.result("getChat")


async def test_in_a_group_only_an_administrator_pins(bot: Bot) -> None:
    await bot.simulator.adds_bot("demo", ANA, FRIENDS)
    number = await sent(bot, chat_id=FRIENDS.id)
    right = "Bad Request: not enough rights to manage pinned messages in the chat"
    assert await bot.refusal("pinChatMessage", chat_id=FRIENDS.id, message_id=number) == right
    assert await bot.refusal("unpinAllChatMessages", chat_id=FRIENDS.id) == right


async def test_a_bot_has_one_reaction(bot: Bot) -> None:
    number, thumb = await sent(bot), {"type": "emoji", "emoji": "👍"}
    assert await bot.result("setMessageReaction", message_id=number, reaction=[thumb]) is True
    refusal = await bot.refusal("setMessageReaction", message_id=number, reaction=[thumb, thumb])
    assert refusal == "Bad Request: REACTIONS_TOO_MANY"


async def test_a_message_by_way_of_the_bot_is_edited_by_its_inline_id(bot: Bot) -> None:
    content = {"message_text": "found"}
    article = {"type": "article", "id": "r", "title": "R", "input_message_content": content, "reply_markup": KEYBOARD}
    query = await bot.simulator.queries_inline("demo", ANA, "q")
    await bot.result("answerInlineQuery", inline_query_id=query, results=[article])
    await bot.simulator.chooses_inline("demo", ANA, "r")
    name = bot.told("chosen_inline_result")[0]["inline_message_id"]
    await bot.simulator.taps("demo", ANA, "Yes")
    pressed = bot.told("callback_query")[0]
    assert (pressed["inline_message_id"], "message" in pressed) == (name, False)
    assert (await bot.call("editMessageText", inline_message_id=name, text="changed")).json()["result"] is True
    assert bot.texts()[-1] == "changed"


async def test_a_place_cannot_become_a_picture(bot: Bot) -> None:
    number = await sent(bot, "sendLocation", latitude=1, longitude=1)
    refusal = await bot.refusal("editMessageMedia", message_id=number, media={"type": "photo", "media": PNG})
    assert refusal == "Bad Request: message can't be edited"
