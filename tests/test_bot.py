"""A bot: its name, its accounts, its routes."""

import pytest

from botkit.bot import Bot
from botkit.channels.telegram import Telegram
from botkit.channels.viber import Viber
from botkit.context import Context
from botkit.conversation import Account
from botkit.events import MessageReceived
from botkit.exceptions import DefinitionError, RouteError
from botkit.flow import Flow
from botkit.router import Router


@pytest.mark.parametrize("name", ["a", "parcel", "parcel-2", "a" * 32, "a-"])
def test_small_letters_digits_and_hyphens_make_a_name(name: str) -> None:
    assert Bot(name, routers=[], accounts=[]).name == name


@pytest.mark.parametrize("name", ["", "Parcel", "2parcel", "-a", "a_b", "a b", "a\n", "a" * 33, "бот"])
def test_anything_else_is_no_name(name: str) -> None:
    with pytest.raises(DefinitionError, match="cannot be a bot's name") as raised:
        Bot(name, routers=[], accounts=[])
    assert repr(name) in raised.value.what
    assert raised.value.fix


def test_an_account_without_an_id_is_called_after_bot_and_channel() -> None:
    bot = Bot("parcel", routers=[], accounts=[Telegram(), Viber()])
    assert [account.ta for account in bot.accounts] == ["parcel-telegram", "parcel-viber"]


def test_an_account_keeps_the_id_it_was_given() -> None:
    bot = Bot("parcel", routers=[], accounts=[Telegram(ta="desk")])
    assert bot.accounts[0].account == Account("telegram", "desk")


@pytest.mark.parametrize("ids", [("", ""), ("desk", "desk"), ("", "parcel-telegram")])
def test_two_accounts_of_one_channel_need_ids_of_their_own(ids: tuple[str, str]) -> None:
    with pytest.raises(DefinitionError, match="two accounts of one channel") as raised:
        Bot("parcel", routers=[], accounts=[Telegram(ta=ta) for ta in ids])
    assert "_TA" in raised.value.fix


def test_two_accounts_of_one_channel_can_live_beside_each_other() -> None:
    bot = Bot("parcel", routers=[], accounts=[Telegram(), Telegram(ta="desk")])
    assert len(bot.accounts) == 2


def test_one_id_may_stand_on_two_channels() -> None:
    assert len(Bot("parcel", routers=[], accounts=[Telegram(ta="desk"), Viber(ta="desk")]).accounts) == 2


def test_routes_are_checked_when_the_bot_is_built() -> None:
    router = Router()

    @router.text(state="nowhere")
    async def lost(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.reply("never")

    with pytest.raises(RouteError, match="nowhere"):
        Bot("parcel", routers=[router], accounts=[])


def test_a_bot_shows_its_name() -> None:
    assert repr(Bot("parcel", routers=[], accounts=[])) == "Bot('parcel')"
