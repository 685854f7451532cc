"""What the simulated Telegram knows of a bot and of the chats that it is in."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from botkit.simulators.telegram import Group
from tests.simulators.telegram_desk import ANA, Bot, opened_bot

FRIENDS = Group("Friends")


@pytest.fixture
async def bot() -> AsyncIterator[Bot]:
    async with opened_bot() as bot:
        yield bot


def command(name: str = "start", description: str = "Starts") -> dict[str, str]:
    return {"command": name, "description": description}


async def test_commands_are_kept_by_scope_and_language(bot: Bot) -> None:
    chats = {"type": "all_private_chats"}
    await bot.result("setMyCommands", commands=[command("/start")])
    await bot.result("setMyCommands", commands=[command("help")], scope=chats, language_code="sl")
    assert await bot.result("getMyCommands") == [command("start")]
    assert await bot.result("getMyCommands", scope=chats, language_code="sl") == [command("help")]
    assert await bot.result("getMyCommands", scope=chats) == []
    await bot.result("deleteMyCommands")
    await bot.result("deleteMyCommands")
    assert await bot.result("getMyCommands") == []
    assert await bot.result("getMyCommands", scope=chats, language_code="sl") == [command("help")]


@pytest.mark.parametrize(
    ("commands", "description"),
    [
        ([command(f"c{number}") for number in range(101)], "BOT_COMMANDS_TOO_MUCH"),
        ([command("x" * 33)], "BOT_COMMAND_INVALID"),
        ([command("Start")], "BOT_COMMAND_INVALID"),
        ([command("")], "BOT_COMMAND_INVALID"),
        ([command(description="")], "BOT_COMMAND_DESCRIPTION_INVALID"),
        ([command(description="x" * 257)], "BOT_COMMAND_DESCRIPTION_INVALID"),
        ([1], "can't parse commands JSON object"),
    ],
)
async def test_bad_commands_are_refused(bot: Bot, commands: list[Any], description: str) -> None:
    assert await bot.refusal("setMyCommands", commands=commands) == f"Bad Request: {description}"


async def test_commands_at_the_bounds_are_taken(bot: Bot) -> None:
    commands = [command(f"{number:032}", "x" * 256) for number in range(100)]
    await bot.result("setMyCommands", commands=commands)
    assert len(await bot.result("getMyCommands")) == 100


@pytest.mark.parametrize("has_privacy", [True, False])
async def test_a_bot_knows_whether_it_hears_everything(bot: Bot, has_privacy: bool) -> None:
    bot.simulator.bot("demo").has_privacy_mode = has_privacy
    assert (await bot.result("getMe"))["can_read_all_group_messages"] is not has_privacy


async def test_a_chat_can_be_looked_up_also_when_it_is_blocked(bot: Bot) -> None:
    await bot.simulator.leaves("demo", ANA)
    assert (await bot.result("getChat"))["first_name"] == "Ana"
    assert await bot.refusal("getChat", chat_id=1) == "Bad Request: chat not found"
    assert await bot.refusal("getChat", chat_id="") == "Bad Request: chat_id is empty"
    await bot.simulator.adds_bot("demo", ANA, FRIENDS)
    assert (await bot.result("getChat", chat_id=FRIENDS.id))["title"] == "Friends"
    await bot.simulator.kicks_bot("demo", ANA, FRIENDS)
    assert await bot.refusal("getChat", chat_id=FRIENDS.id) == "Forbidden: bot was kicked from the group chat"


async def test_a_private_chat_cannot_be_left_by_a_bot(bot: Bot) -> None:
    refusal = await bot.refusal("leaveChat")
    assert refusal == "Bad Request: chat member status can't be changed in private chats"
