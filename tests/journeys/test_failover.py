"""A code that does not arrive on Viber comes as a text message by Mitto, and by SMSC while Mitto is down."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from botkit.bot import Bot
from botkit.channels.viber import Viber
from botkit.context import Context
from botkit.events import Event, MessageDelivered, MessageFailed, MessageReceived
from botkit.flow import Flow
from botkit.gateways.mitto import Mitto
from botkit.gateways.smsc import Smsc
from botkit.router import Router
from botkit.simulators.simulator import phone_number
from botkit.simulators.viber import ViberSimulator
from botkit.simulators.wire import Fault
from botkit.testing import BotTester, Visitor


class Shop:
    """A bot that says a code by every way there is, and notes what becomes of it."""

    def __init__(self) -> None:
        self.told: list[tuple[type[Event], str]] = []
        self.ids: list[str] = []
        router = Router[Flow]()
        viber, mitto, smsc = Viber(ta="v"), Mitto(ta="m", via="sms"), Smsc(ta="s", via="sms")

        @router.text(r"^code (?P<phone>\+\d+)$")
        async def code(event: MessageReceived, ctx: Context[Flow]) -> None:
            ctx.link_phone(ctx.match["phone"])
            self.ids.append(ctx.reply("Your code is 1234.", route="code").id)

        @router.delivered()
        async def delivered(event: MessageDelivered, ctx: Context[Flow]) -> None:
            self.told.append((MessageDelivered, event.message_key))

        @router.failed()
        async def failed(event: MessageFailed, ctx: Context[Flow]) -> None:
            self.told.append((MessageFailed, event.message_key))

        routes = {"code": viber.within(60) | mitto.within(30) | smsc}
        self.bot = Bot("shop", routers=[router], accounts=[viber], routes=routes)


def shown(ana: Visitor, t: BotTester) -> Mapping[str, list[str]]:
    """Returns what stands on the phone, by the channel that brought it."""
    people = {channel: t.user(ana.person.name, channel=channel) for channel in ("mitto", "smsc")}
    return {channel: [text for text in who.received if "1234" in text] for channel, who in people.items()}


@pytest.mark.parametrize("is_down", [False, True], ids=["Mitto works", "Mitto is down"])
async def test_a_code_that_is_not_delivered_on_viber_comes_as_a_text_message(
    botkit_redis_url: str, tmp_path: Path, *, is_down: bool
) -> None:
    shop = Shop()
    async with BotTester([shop.bot], botkit_redis_url, folder=tmp_path) as t:
        viber = t.simulator("viber")
        assert isinstance(viber, ViberSimulator)
        viber.reports = ()
        if is_down:
            t.simulator("mitto").wire.faults.extend([Fault(status=503)] * 50)
        ana = t.user("Ana", channel="viber")
        await ana.says(f"code {phone_number(ana.person)}")
        await t.advance(seconds=59)
        assert shown(ana, t) == {"mitto": [], "smsc": []}
        await t.advance(seconds=2)
        for _ in range(4):
            await t.advance(seconds=10)
        code = "Your code is 1234."
        assert shown(ana, t) == ({"mitto": [], "smsc": [code]} if is_down else {"mitto": [code], "smsc": []})
        assert shop.told == [(MessageDelivered, shop.ids[0])]
        delivery = await t.store.deliveries.load(ana.conversation.key, shop.ids[0])
        assert delivery
        assert [hop.account.ta for hop in delivery.hops] == (["v", "m", "s"] if is_down else ["v", "m"])
        assert delivery.may_be_double, "Viber took it"


async def test_a_code_that_arrives_on_viber_is_no_text_message(botkit_redis_url: str, tmp_path: Path) -> None:
    shop = Shop()
    async with BotTester([shop.bot], botkit_redis_url, folder=tmp_path) as t:
        ana = t.user("Ana", channel="viber")
        await ana.says(f"code {phone_number(ana.person)}")
        await t.advance(hours=2)
        assert ana.received == ["Your code is 1234."]
        assert shown(ana, t) == {"mitto": [], "smsc": []}
        assert shop.told == [(MessageDelivered, shop.ids[0])]
