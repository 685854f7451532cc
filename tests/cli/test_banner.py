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
from botkit.gateways.mitto import Mitto
from botkit.router import Router
from botkit.send_api.keys import digest_of
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


async def told(bot: Bot, redis_url: str, folder: Path, capsys: pytest.CaptureFixture[str], keys: str = "") -> str:
    async with BotTester(App([bot]), redis_url, folder=folder, api_keys=keys) as tester:
        print_banner(tester.app, Settings(folder=folder, api_keys=keys))
    return capsys.readouterr().out


async def test_an_account_of_a_gateway_stands_there_with_its_network_and_the_form_of_its_webhooks(
    botkit_redis_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bot = Bot("shop", routers=[], accounts=[Mitto("viber", ta="m"), Telegram(ta="t")])
    said = await told(bot, botkit_redis_url, tmp_path, capsys)
    assert "m on mitto (viber)   SIMULATED" in said
    assert "t on telegram   SIMULATED" in said
    assert "http://127.0.0.1:8000/webhooks/<gateway>/<kind>?ta=<account>" in said


async def test_the_address_for_other_programs_stands_there_where_they_have_keys(
    botkit_redis_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bot = shop("one")
    assert "send API" not in await told(bot, botkit_redis_url, tmp_path, capsys)
    keys = f"shop:{digest_of('bk_1')}:send"
    assert "http://127.0.0.1:8000/messages/send   1 key\n" in await told(bot, botkit_redis_url, tmp_path, capsys, keys)
