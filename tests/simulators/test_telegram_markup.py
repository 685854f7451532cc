"""What may stand under a message of the simulated Telegram, and what becomes of it on the screen."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from botkit.simulators.simulator import Choice
from botkit.simulators.telegram import Group
from tests.simulators.telegram_desk import ANA, Bot, opened_bot

FRIENDS = Group("Friends", "supergroup")
NEWS = Group("News", "channel")


@pytest.fixture
async def bot() -> AsyncIterator[Bot]:
    async with opened_bot() as bot:
        yield bot


def inline(*actions: dict[str, Any]) -> dict[str, Any]:
    return {"inline_keyboard": [[{"text": "b"} | action for action in actions]]}


def keyboard(*keys: Any, **options: Any) -> dict[str, Any]:
    return {"keyboard": [list(keys)]} | options


@pytest.mark.parametrize(
    "action",
    [
        {"url": "tg://user?id=5"},
        {"callback_data": "x" * 64},
        {"web_app": {"url": "https://a.example"}},
        {"login_url": {"url": "https://a.example"}},
        {"switch_inline_query": ""},
        {"switch_inline_query_current_chat": "cats"},
        {"switch_inline_query_chosen_chat": {"query": "cats"}},
        {"copy_text": {"text": "x" * 256}},
        {"callback_game": {}},
        {"pay": True},
        {"callback_data": "x", "style": "danger", "icon_custom_emoji_id": "5"},
    ],
)
async def test_every_kind_of_inline_button_is_echoed(bot: Bot, action: dict[str, Any]) -> None:
    markup = inline(action)
    assert (await bot.result("sendMessage", text="x", reply_markup=markup))["reply_markup"] == markup


@pytest.mark.parametrize(
    ("action", "description"),
    [
        ({"callback_data": "x" * 65}, "BUTTON_DATA_INVALID"),
        ({"web_app": {"url": "http://a.example"}}, "BUTTON_URL_INVALID"),
        ({"login_url": {}}, "BUTTON_URL_INVALID"),
        ({"copy_text": {"text": ""}}, "BUTTON_COPY_TEXT_INVALID"),
        ({"copy_text": {"text": "x" * 257}}, "BUTTON_COPY_TEXT_INVALID"),
        ({"callback_data": "x", "style": "loud"}, "invalid button style specified"),
    ],
)
async def test_a_bad_inline_button_is_refused(bot: Bot, action: dict[str, Any], description: str) -> None:
    assert await bot.refusal("sendMessage", text="x", reply_markup=inline(action)) == f"Bad Request: {description}"


async def test_to_pay_is_the_first_button_or_none(bot: Bot) -> None:
    markup = inline({"url": "https://a.example"}, {"pay": True})
    assert await bot.refusal("sendMessage", text="x", reply_markup=markup) == "Bad Request: BUTTON_POS_INVALID"


@pytest.mark.parametrize(
    ("key", "description"),
    [
        ({}, "keyboard button text must be non-empty"),
        ("", "keyboard button text must be non-empty"),
        (5, "can't parse keyboard button: expected an Object"),
    ],
)
async def test_a_bad_key_is_refused(bot: Bot, key: object, description: str) -> None:
    assert await bot.refusal("sendMessage", text="x", reply_markup=keyboard(key)) == f"Bad Request: {description}"


@pytest.mark.parametrize(("length", "is_taken"), [(64, True), (65, False)])
@pytest.mark.parametrize("markup", [keyboard("A"), {"force_reply": True}])
async def test_a_placeholder_has_at_most_64_characters(
    bot: Bot, markup: dict[str, Any], length: int, is_taken: bool
) -> None:
    response = await bot.send(reply_markup=markup | {"input_field_placeholder": "x" * length})
    assert (response.status_code == 200) is is_taken


@pytest.mark.parametrize(
    ("request_name", "what"),
    [("request_contact", "phone number"), ("request_location", "location"), ("request_poll", "poll")],
)
async def test_a_key_asks_for_something_in_private_chats_only(bot: Bot, request_name: str, what: str) -> None:
    await bot.simulator.adds_bot("demo", ANA, FRIENDS)
    markup = keyboard({"text": "A", request_name: True})
    assert (await bot.send(reply_markup=markup)).status_code == 200
    refusal = await bot.refusal("sendMessage", chat_id=FRIENDS.id, text="x", reply_markup=markup)
    assert refusal == f"Bad Request: {what} can be requested in private chats only"


async def test_a_web_app_button_is_for_private_chats(bot: Bot) -> None:
    await bot.simulator.adds_bot("demo", ANA, FRIENDS)
    markup = inline({"web_app": {"url": "https://a.example"}})
    refusal = await bot.refusal("sendMessage", chat_id=FRIENDS.id, text="x", reply_markup=markup)
    assert refusal == "Bad Request: BUTTON_TYPE_INVALID"


async def test_a_channel_has_inline_keyboards_only(bot: Bot) -> None:
    await bot.simulator.adds_bot("demo", ANA, NEWS, is_admin=True)
    await bot.result("sendMessage", chat_id=NEWS.id, text="x", reply_markup=inline({"callback_data": "x"}))
    refusal = await bot.refusal("sendMessage", chat_id=NEWS.id, text="x", reply_markup=keyboard("A"))
    assert refusal == "Bad Request: inline keyboard expected"


async def test_of_several_kinds_the_reply_keyboard_is_read(bot: Bot) -> None:
    result = await bot.result("sendMessage", text="x", reply_markup=keyboard("A") | inline({"callback_data": "x"}))
    assert "reply_markup" not in result
    assert bot.simulator.screen("demo", ANA)[-1].choices == [[Choice("A")]]


async def test_a_tap_on_a_key_sends_its_text(bot: Bot) -> None:
    await bot.send("Pick", reply_markup=keyboard("A", {"text": "B"}))
    await bot.simulator.taps("demo", ANA, "B")
    assert bot.told("message")[0]["text"] == "B"
    assert bot.texts()[-1] == "B"


async def test_a_tap_on_a_key_sends_what_it_asks_for(bot: Bot) -> None:
    asked = [{"text": "C", "request_contact": True}, {"text": "L", "request_location": True}]
    asked += [{"text": "U", "request_users": {"request_id": 7}}, {"text": "G", "request_chat": {"request_id": 8}}]
    await bot.send("Share", reply_markup=keyboard(*asked))
    assert [choice.kind for choice in bot.simulator.screen("demo", ANA)[-1].choices[0]][:2] == ["contact", "location"]
    for label in "CLUG":
        await bot.simulator.taps("demo", ANA, label)
    contact, place, users, chat = bot.told("message")
    assert contact["contact"]["user_id"] == contact["from"]["id"]
    assert place["location"]["latitude"] == 46.05
    assert (users["users_shared"]["request_id"], chat["chat_shared"]["request_id"]) == (7, 8)


async def test_a_keyboard_lasts_until_it_is_replaced_or_removed(bot: Bot) -> None:
    await bot.send("one", reply_markup=keyboard("A"))
    await bot.send("two")
    assert [[choice.label for row in bubble.choices for choice in row] for bubble in bot.simulator.screen("demo", ANA)][
        -2:
    ] == [["A"], []]
    await bot.send("three", reply_markup=keyboard("B"))
    assert [bubble.choices for bubble in bot.simulator.screen("demo", ANA)][-3:] == [[], [], [[Choice("B")]]]
    await bot.send("four", reply_markup={"remove_keyboard": True})
    assert not any(bubble.choices for bubble in bot.simulator.screen("demo", ANA))


async def test_a_keyboard_for_one_time_goes_with_the_first_tap(bot: Bot) -> None:
    await bot.send("Pick", reply_markup=keyboard("A", one_time_keyboard=True))
    await bot.simulator.taps("demo", ANA, "A")
    assert not any(bubble.choices for bubble in bot.simulator.screen("demo", ANA))


async def test_a_forced_reply_is_a_reply_once(bot: Bot) -> None:
    await bot.send("Your name?", reply_markup={"force_reply": True})
    await bot.simulator.says("demo", ANA, "Ana")
    await bot.simulator.says("demo", ANA, "and more")
    first, second = bot.told("message")
    assert first["reply_to_message"]["text"] == "Your name?"
    assert "reply_to_message" not in second


async def test_a_web_app_is_a_link_on_the_screen(bot: Bot) -> None:
    await bot.send(reply_markup=inline({"web_app": {"url": "https://a.example"}}))
    assert bot.simulator.screen("demo", ANA)[-1].choices == [[Choice("b", "link", "https://a.example")]]


async def test_a_button_may_start_an_inline_query(bot: Bot) -> None:
    await bot.send(reply_markup=inline({"switch_inline_query_current_chat": "cats"}))
    await bot.simulator.taps("demo", ANA, "b")
    assert bot.told("inline_query")[0]["query"] == "cats"
