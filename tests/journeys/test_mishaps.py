"""Callbacks of every service get lost, come twice, late or in another order: the bot hears each once."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from botkit.adapter import Adapter
from botkit.bot import Bot
from botkit.channels.gbm import BusinessMessages
from botkit.channels.telegram import Telegram
from botkit.channels.viber import Viber
from botkit.context import Context
from botkit.deliveries import Status
from botkit.events import MessageReceived
from botkit.flow import Flow
from botkit.gateways.mitto import Mitto
from botkit.gateways.rapporto import Rapporto
from botkit.gateways.smsc import Smsc
from botkit.redis.audit import audit
from botkit.router import Router
from botkit.simulators.gbm import BusinessMessagesSimulator
from botkit.simulators.mail import Mail, Mishap
from botkit.simulators.mitto import MittoSimulator
from botkit.simulators.rapporto import RapportoSimulator
from botkit.simulators.simulator import Simulator
from botkit.simulators.smsc import SmscSimulator
from botkit.simulators.viber import ViberSimulator
from botkit.testing import BotTester, Visitor

#: SMSGold calls nobody: it is asked.
ACCOUNTS: Mapping[str, Adapter] = {
    "telegram": Telegram(ta="t"),
    "viber": Viber(ta="v"),
    "gbm": BusinessMessages(ta="g"),
    "mitto": Mitto("sms", ta="m", sender="Shop"),
    "rapporto": Rapporto("telegram", ta="r"),
    "smsc": Smsc("telegram", ta="s", bot="shop"),
}
every_channel = pytest.mark.parametrize("channel", ACCOUNTS)
with_reports = pytest.mark.parametrize("channel", [name for name, adapter in ACCOUNTS.items() if adapter.has_receipts])


class Shop:
    """A bot that counts what it hears; `key` is that of its newest reply."""

    def __init__(self, channel: str) -> None:
        self.heard: list[str] = []
        self.key = ""
        router: Router[Flow] = Router()

        @router.text()
        async def answer(event: MessageReceived, ctx: Context[Flow]) -> None:
            self.heard.append(event.text)
            self.key = ctx.reply(f"{len(self.heard)}: {event.text}").id

        self.bot = Bot("shop", routers=[router], accounts=[ACCOUNTS[channel]])


@pytest.fixture
def shop(channel: str) -> Shop:
    return Shop(channel)


@pytest.fixture
async def tester(shop: Shop, botkit_redis_url: str, tmp_path: Path) -> AsyncIterator[BotTester]:
    async with BotTester([shop.bot], botkit_redis_url, folder=tmp_path) as tester:
        yield tester


@pytest.fixture
def mail(tester: BotTester, channel: str) -> Mail:
    simulator = tester.simulator(channel)
    if isinstance(simulator, SmscSimulator):
        # Without a time of its own a callback is a repeat within the same second alone, which may end in between.
        simulator.extras = {"time": "03.03.2025 11:02:09"}
    return simulator.mail


@pytest.fixture
async def ana(tester: BotTester, shop: Shop, channel: str) -> Visitor:
    """Ana, whom the bot has greeted."""
    visitor = tester.user("Ana", channel=channel)
    await visitor.says("hello")
    shop.heard.clear()
    return visitor


async def status(tester: BotTester, ana: Visitor, shop: Shop) -> Status:
    """How far the newest reply has come."""
    delivery = await tester.store.deliveries.load(ana.conversation.key, shop.key)
    assert delivery
    return delivery.status


@every_channel
@pytest.mark.parametrize("mishap", [Mishap.DOUBLED, Mishap.UNANSWERED])
async def test_what_arrives_more_than_once_is_heard_and_answered_once(
    tester: BotTester, ana: Visitor, shop: Shop, mail: Mail, mishap: Mishap
) -> None:
    mail.mishaps.append(mishap)
    await ana.says("tea")
    await tester.advance(days=1)
    assert shop.heard == ["tea"]
    assert ana.received.count("1: tea") == 1


@every_channel
async def test_what_is_late_is_heard_once_in_the_order_of_its_arrival(
    tester: BotTester, ana: Visitor, shop: Shop, mail: Mail
) -> None:
    mail.mishaps += [Mishap.LATE, Mishap.LATE]
    await ana.says("one")
    await ana.says("two")
    assert shop.heard == []
    await mail.arrive(backwards=True)
    await tester.settle()
    assert shop.heard == ["two", "one"]


@with_reports
@pytest.mark.parametrize("mishap", [Mishap.DOUBLED, Mishap.UNANSWERED])
async def test_reports_that_come_more_than_once_leave_the_record_true(
    tester: BotTester, ana: Visitor, shop: Shop, mail: Mail, mishap: Mishap
) -> None:
    undisturbed = await status(tester, ana, shop)
    # The first callback is what Ana says.
    mail.mishaps += [None, *[mishap] * 5]
    await ana.says("tea")
    # A service that is not answered tries again, and some report the next thing only then.
    for _ in range(6):
        await tester.advance(hours=6)
    assert len(mail.mishaps) < 5
    assert await status(tester, ana, shop) == undisturbed


@with_reports
@pytest.mark.parametrize("backwards", [False, True])
async def test_reports_that_are_late_leave_the_record_true_in_whatever_order(
    tester: BotTester, ana: Visitor, shop: Shop, mail: Mail, backwards: bool
) -> None:
    undisturbed = await status(tester, ana, shop)
    mail.mishaps += [None, *[Mishap.LATE] * 5]
    await ana.says("tea")
    assert await status(tester, ana, shop) == Status.SENT != undisturbed
    assert set(await mail.arrive(backwards=backwards)) == {200}
    await tester.settle()
    assert await status(tester, ana, shop) == undisturbed


@with_reports
async def test_reports_that_overtake_the_answer_to_the_send_count(
    tester: BotTester, ana: Visitor, shop: Shop, mail: Mail, channel: str
) -> None:
    undisturbed = await status(tester, ana, shop)
    assert set_early(tester.simulator(channel))
    (mailbox,) = tester.store.keys.of(ana.conversation.key, "m")

    async def handled() -> None:
        # The answer to the send comes when the bot is done with the report.
        async with asyncio.timeout(10):
            while shop.heard and await tester.store.call("EXISTS", mailbox):  # noqa: ASYNC110
                await asyncio.sleep(0.005)

    mail.after = handled
    await ana.says("tea")
    assert await status(tester, ana, shop) == undisturbed != Status.SENT
    assert await audit(tester.store) == []


def set_early(simulator: Simulator) -> bool:
    """Lets a simulated service report before it answers; returns whether it can."""
    match simulator:
        case BusinessMessagesSimulator():
            simulator.oddities = {"early_receipts"}
        case ViberSimulator() | MittoSimulator() | RapportoSimulator() | SmscSimulator():
            simulator.reports_early = True
        case _:
            return False
    return True
