"""A Viber message that does not arrive in time goes by SMS, through the first gateway or through the second."""

from pathlib import Path

import pytest

from botkit.bot import Bot
from botkit.channels.viber import Viber
from botkit.context import Context
from botkit.deliveries import Delivery
from botkit.events import MessageDelivered, MessageFailed, MessageReceived
from botkit.flow import Flow
from botkit.gateways.mitto import Mitto
from botkit.gateways.smsc import Smsc
from botkit.router import Router
from botkit.simulators.simulator import Bubble, Person, phone_number
from botkit.simulators.viber import ViberSimulator
from botkit.simulators.wire import Fault
from botkit.testing import BotTester, Visitor

ANA = Person("Ana")
CODE = "Your code is 1234."


class Bank:
    """A bank whose codes must arrive; `heard` are the reports, `code` is the handle of the last one."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.code = ""
        viber, mitto, smsc = Viber(ta="v"), Mitto("sms", ta="m", sender="Bank"), Smsc("sms", ta="s", sender="Bank")
        routes = {"code": viber.within(60) | mitto.within(120) | smsc}
        self.bot = Bot("bank", routers=[self._router()], accounts=[viber], routes=routes)

    def _router(self) -> Router[Flow]:
        router = Router()

        @router.text("^my number is (?P<number>.+)$")
        async def link(event: MessageReceived, ctx: Context[Flow]) -> None:
            ctx.link_phone(ctx.match["number"])

        @router.text("^code$")
        async def code(event: MessageReceived, ctx: Context[Flow]) -> None:
            self.code = ctx.reply(CODE, route="code").id

        @router.on(MessageDelivered)
        async def delivered(event: MessageDelivered, ctx: Context[Flow]) -> None:
            self.heard.append(f"delivered {event.message_key == self.code} {event.channel}")

        @router.on(MessageFailed)
        async def failed(event: MessageFailed, ctx: Context[Flow]) -> None:
            self.heard.append("failed")

        return router


@pytest.fixture
def bank() -> Bank:
    return Bank()


async def ana(t: BotTester) -> Visitor:
    """Ana, whose number the bank knows, and whose phone reports nothing to Viber from now on."""
    visitor = t.user("Ana", channel="viber")
    await visitor.opens()
    await visitor.says(f"my number is {phone_number(ANA)}")
    viber = t.simulator("viber")
    assert isinstance(viber, ViberSimulator)
    viber.reports = ()
    await visitor.says("code")
    return visitor


def texts(t: BotTester, channel: str, ta: str) -> list[str]:
    """What Ana's phone shows of a gateway's account."""
    shown: list[Bubble] = list(t.simulator(channel).screen(ta, ANA))
    return [bubble.text for bubble in shown if bubble.side == "bot"]


async def history(t: BotTester, bank: Bank, visitor: Visitor) -> Delivery:
    delivery = await t.store.deliveries.load(visitor.conversation.key, bank.code)
    assert delivery
    return delivery


async def test_undelivered_in_its_time_it_goes_through_the_first_gateway(
    botkit_redis_url: str, tmp_path: Path, bank: Bank
) -> None:
    async with BotTester([bank.bot], botkit_redis_url, folder=tmp_path) as t:
        visitor = await ana(t)
        await t.advance(seconds=59)
        assert texts(t, "mitto", "m") == []
        await t.advance(seconds=2)
        assert texts(t, "mitto", "m") == [CODE]
        await t.advance(hours=1)
        assert texts(t, "smsc", "s") == []
        assert bank.heard == ["delivered True viber"]
        known = await history(t, bank, visitor)
        assert [hop.account.ta for hop in known.hops] == ["v", "m"]
        assert known.may_be_double, "Viber may still show it"


async def test_with_the_first_gateway_down_it_goes_through_the_second(
    botkit_redis_url: str, tmp_path: Path, bank: Bank
) -> None:
    async with BotTester([bank.bot], botkit_redis_url, folder=tmp_path) as t:
        t.simulator("mitto").wire.faults.extend([Fault(503)] * 100)
        visitor = await ana(t)
        await t.advance(seconds=61)
        assert texts(t, "smsc", "s") == []
        await t.advance(seconds=121)
        assert texts(t, "smsc", "s") == [CODE]
        assert texts(t, "mitto", "m") == []
        await t.advance(hours=1)
        assert bank.heard == ["delivered True viber"]
        assert [hop.account.ta for hop in (await history(t, bank, visitor)).hops] == ["v", "m", "s"]


async def test_delivered_in_its_time_it_goes_no_other_way(botkit_redis_url: str, tmp_path: Path, bank: Bank) -> None:
    async with BotTester([bank.bot], botkit_redis_url, folder=tmp_path) as t:
        visitor = t.user("Ana", channel="viber")
        await visitor.opens()
        await visitor.says(f"my number is {phone_number(ANA)}")
        await visitor.says("code")
        await t.advance(hours=1)
        assert (texts(t, "mitto", "m"), texts(t, "smsc", "s")) == ([], [])
        assert bank.heard == ["delivered True viber"]
        assert not (await history(t, bank, visitor)).may_be_double


async def test_whoever_left_viber_gets_it_by_sms_at_once(botkit_redis_url: str, tmp_path: Path, bank: Bank) -> None:
    async with BotTester([bank.bot], botkit_redis_url, folder=tmp_path) as t:
        visitor = t.user("Ana", channel="viber")
        await visitor.opens()
        await visitor.says(f"my number is {phone_number(ANA)}")
        t.simulator("viber").wire.faults.append(Fault(200, b'{"status":6,"status_message":"notSubscribed"}'))
        await visitor.says("code")
        assert texts(t, "mitto", "m") == [CODE]
        assert not (await history(t, bank, visitor)).may_be_double


async def test_somebody_whose_number_nobody_knows_has_viber_alone(
    botkit_redis_url: str, tmp_path: Path, bank: Bank
) -> None:
    async with BotTester([bank.bot], botkit_redis_url, folder=tmp_path) as t:
        visitor = t.user("Ana", channel="viber")
        await visitor.opens()
        viber = t.simulator("viber")
        assert isinstance(viber, ViberSimulator)
        viber.reports = ()
        await visitor.says("code")
        await t.advance(hours=2)
        assert (texts(t, "mitto", "m"), texts(t, "smsc", "s")) == ([], [])
        assert bank.heard == ["failed"]


async def test_whoever_said_stop_to_one_gateway_gets_it_by_none_until_they_say_start(
    botkit_redis_url: str, tmp_path: Path, bank: Bank
) -> None:
    async with BotTester([bank.bot], botkit_redis_url, folder=tmp_path) as t:
        by_mitto = t.user("Ana", channel="mitto")
        await by_mitto.says("STOP")
        visitor = await ana(t)
        await t.advance(seconds=61)
        assert (texts(t, "mitto", "m"), texts(t, "smsc", "s")) == ([], [])
        assert bank.heard == ["failed"]
        assert [hop.account.ta for hop in (await history(t, bank, visitor)).hops] == ["v", "m", "s"]
        await by_mitto.says("START")
        await visitor.says("code")
        await t.advance(seconds=61)
        assert texts(t, "mitto", "m") == [CODE]
