"""What the start tells of messages that a service shows otherwise than written."""

from pathlib import Path

import pytest

from botkit.app import App
from botkit.bot import Bot
from botkit.buttons import AskLocation
from botkit.channels.gbm import BusinessMessages
from botkit.channels.telegram import Telegram
from botkit.cli.banner import MOST_DEGRADED, degraded_rows, print_banner
from botkit.context import Context
from botkit.events import MessageReceived
from botkit.flow import Flow
from botkit.router import Router
from botkit.settings import Settings
from botkit.testing import BotTester

MORE = "and 1 more: botkit doctor"


async def asks(event: MessageReceived, ctx: Context[Flow]) -> None:
    ctx.reply("Where are you?", buttons=[AskLocation("Here")])


LINE = f"tests/cli/test_banner.py:{asks.__code__.co_firstlineno + 1}  Text on gbm: AskLocation as words"


def shop(name: str, ta: str = "") -> Bot:
    router = Router()
    router.text()(asks)
    return Bot(name, routers=[router], accounts=[Telegram(ta=f"{name}{ta}t"), BusinessMessages(ta=f"{name}{ta}g")])


def test_a_message_that_comes_out_otherwise_is_named_with_its_line_and_service() -> None:
    assert degraded_rows([shop("one")]) == [("degraded", LINE)]


def test_a_bot_whose_messages_come_out_as_written_has_no_such_row() -> None:
    assert degraded_rows([Bot("silent", routers=[Router()], accounts=[BusinessMessages()])]) == []


@pytest.mark.parametrize(("count", "last"), [(MOST_DEGRADED, LINE), (MOST_DEGRADED + 1, MORE)])
def test_ten_are_named_and_the_others_counted(count: int, last: str) -> None:
    rows = degraded_rows([shop(f"shop{number}") for number in range(count)])
    assert len(rows) == count
    assert rows[-1] == ("", last)
    assert [name for name, _ in rows].count("degraded") == 1


async def test_the_banner_ends_with_them(
    botkit_redis_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with BotTester(App([shop("one")]), botkit_redis_url, folder=tmp_path) as tester:
        print_banner(tester.app, Settings(folder=tmp_path))
    said = capsys.readouterr().out.splitlines()
    assert f"  degraded  {LINE}" in said
    assert said.index(f"  degraded  {LINE}") == len(said) - 3
