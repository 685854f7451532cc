"""The texts of a call to the simulated Telegram: which mode wins, what is counted, and what is found in them."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.simulators.telegram_desk import ANA, Bot, opened_bot

TOO_LONG = "Bad Request: message is too long"


@pytest.fixture
async def bot() -> AsyncIterator[Bot]:
    async with opened_bot() as bot:
        yield bot


@pytest.mark.parametrize("mode", ["HTML", "html", "Markdown", "MARKDOWNV2"])
async def test_the_case_of_a_mode_does_not_matter(bot: Bot, mode: str) -> None:
    text = "<b>a</b>" if mode.lower() == "html" else "*a*"
    result = await bot.result("sendMessage", text=text, parse_mode=mode)
    assert (result["text"], result["entities"]) == ("a", [{"type": "bold", "offset": 0, "length": 1}])


async def test_a_mode_wins_over_entities(bot: Bot) -> None:
    entities = [{"type": "italic", "offset": 50, "length": 3}]
    result = await bot.result("sendMessage", text="<b>a</b>", parse_mode="HTML", entities=entities)
    assert [entity["type"] for entity in result["entities"]] == ["bold"]


@pytest.mark.parametrize(
    ("text", "is_taken"),
    [
        ("<b>" + "x" * 4096 + "</b>", True),
        ("<b>" + "x" * 4097 + "</b>", False),
        ("&lt;" * 4096, True),
        ("😀" * 2048, True),
        ("😀" * 2049, False),
    ],
)
async def test_a_text_is_counted_after_it_was_parsed(bot: Bot, text: str, is_taken: bool) -> None:
    response = await bot.send(text, parse_mode="HTML")
    assert response.json().get("description") == (None if is_taken else TOO_LONG)


@pytest.mark.parametrize(("caption", "is_taken"), [("😀" * 512, True), ("😀" * 512 + "x", False)])
async def test_a_caption_is_counted_in_utf_16_units(bot: Bot, caption: str, is_taken: bool) -> None:
    response = await bot.call("sendPhoto", chat_id=bot.chat_id(), photo="https://a.example/b.png", caption=caption)
    assert response.json().get("description") == (None if is_taken else "Bad Request: message caption is too long")


@pytest.mark.parametrize(("length", "is_taken"), [(4096, True), (4097, False)])
async def test_a_server_may_count_code_points(bot: Bot, length: int, is_taken: bool) -> None:
    bot.simulator.counts_code_points = True
    assert ((await bot.send("😀" * length)).status_code == 200) is is_taken


@pytest.mark.parametrize(("size", "description"), [(32768, TOO_LONG), (32769, "Bad Request: text is too long")])
async def test_a_raw_text_has_at_most_32768_bytes(bot: Bot, size: int, description: str) -> None:
    assert await bot.refusal("sendMessage", text="x" * size) == description


async def test_a_mention_shows_the_person_who_is_known_and_nobody_else(bot: Bot) -> None:
    text = f'<a href="tg://user?id={bot.chat_id()}">Ana</a> <a href="tg://user?id=1">Nobody</a>'
    [entity] = (await bot.result("sendMessage", text=text, parse_mode="HTML"))["entities"]
    assert (entity["type"], entity["offset"], entity["user"]["first_name"]) == ("text_mention", 0, "Ana")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("/go", [("bot_command", 0, 3)]),
        ("/go@demo_bot 5", [("bot_command", 0, 12)]),
        ("a/go", []),
        ("/go/x", []),
        ("😀 https://a.example/b?c, ok", [("url", 3, 21)]),
        ("me@a.example", [("email", 0, 12)]),
        ("@ana #tea $EUR", [("mention", 0, 4), ("hashtag", 5, 4), ("cashtag", 10, 4)]),
        ("+38640111222", [("phone_number", 0, 12)]),
        ("#1 $eur @a 5+5", []),
    ],
)
async def test_telegram_marks_what_it_finds_in_everybodys_text(
    bot: Bot, text: str, found: list[tuple[str, int, int]]
) -> None:
    def places(message: dict[str, Any]) -> list[tuple[str, int, int]]:
        return [(entity["type"], entity["offset"], entity["length"]) for entity in message.get("entities", ())]

    await bot.simulator.says("demo", ANA, text)
    assert places(bot.told("message")[0]) == found
    assert places(await bot.result("sendMessage", text=text)) == found


async def test_inside_code_and_links_nothing_is_found(bot: Bot) -> None:
    text = '<code>/go</code> <a href="https://a.example">@ana</a>'
    entities = (await bot.result("sendMessage", text=text, parse_mode="HTML"))["entities"]
    assert [entity["type"] for entity in entities] == ["code", "text_link"]
