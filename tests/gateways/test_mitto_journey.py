"""Whole ways through a simulated Mitto: what people write, what they get, and what is reported of it."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from botkit.bot import Bot
from botkit.context import Context
from botkit.events import (
    Event,
    MessageDelivered,
    MessageExpired,
    MessageFailed,
    MessageReceived,
    MessageSeen,
    Subscribed,
    Unsubscribed,
)
from botkit.flow import Flow
from botkit.gateways.mitto import Mitto
from botkit.http import Http
from botkit.messages import Text
from botkit.outgoing import Hop, Outgoing, Trail
from botkit.redaction import Secret
from botkit.router import Router
from botkit.service import LOOPBACK
from botkit.simulators.mitto import MittoSimulator
from botkit.simulators.simulator import Person
from botkit.simulators.wire import Fault
from botkit.testing import BotTester, Visitor
from tests.gateways.mitto_desk import HELLO, REPORT_KEY

CALLBACKS = {"callback_url": "https://bot.example", "report_keys": REPORT_KEY}


class Shop:
    """A bot that echoes, on one account; what it was told, and somebody who writes to it."""

    def __init__(self, tester: BotTester, told: list[Event]) -> None:
        self.tester = tester
        self.told = told
        self.ana: Visitor = tester.user("Ana", channel="mitto")
        simulator = tester.simulator("mitto")
        assert isinstance(simulator, MittoSimulator)
        self.simulator = simulator
        adapter = tester.service.owners[self.ana.account].adapter
        assert isinstance(adapter, Mitto)
        self.adapter = adapter

    def kinds(self) -> list[str]:
        return [type(event).__name__ for event in self.told]


Open = Callable[..., AbstractAsyncContextManager[Shop]]


@pytest.fixture
def shop(botkit_redis_url: str, tmp_path: Path) -> Open:
    @asynccontextmanager
    async def opened(via: str = "sms", **settings: Any) -> AsyncIterator[Shop]:
        router, told = Router(), list[Event]()

        @router.text()
        async def echo(event: MessageReceived, ctx: Context[Flow]) -> None:
            ctx.reply(Text(text=f"You said: {event.text}", ttl=60))

        for kind in (MessageDelivered, MessageSeen, MessageFailed, MessageExpired, Subscribed, Unsubscribed):

            @router.on(kind)
            async def note(event: Any, ctx: Context[Flow]) -> None:
                told.append(event)

        account = Mitto(via, ta=f"shop-{via}", sender="BotKit", **settings)
        bot = Bot("shop", routers=[router], accounts=[account])
        async with BotTester([bot], botkit_redis_url, folder=tmp_path) as tester:
            yield Shop(tester, told)

    return opened


# --- both ways


@pytest.mark.parametrize("via", ["sms", "viber", "telegram", "whatsapp", "gbm"])
async def test_somebody_writes_and_is_answered_on_their_network(shop: Open, via: str) -> None:
    async with shop(via) as site:
        await site.ana.says("hello")
        assert site.ana.received == ["You said: hello"]
        assert site.kinds() == ([] if via == "telegram" else ["MessageDelivered"])


async def test_what_is_seen_is_told(shop: Open) -> None:
    async with shop("viber") as site:
        await site.ana.says("hello")
        await site.simulator.looks(site.ana.account.ta, site.ana.person)
        await site.tester.settle()
        assert site.kinds() == ["MessageDelivered", "MessageSeen"]


async def test_whoever_has_blocked_the_sender_gets_nothing_and_that_is_told(shop: Open) -> None:
    async with shop("viber") as site:
        await site.ana.leaves()
        await site.ana.says("hello")
        assert site.ana.received == []
        (event,) = site.told
        assert isinstance(event, MessageFailed)
        assert event.reason == "failure"


async def test_a_phone_that_is_off_gets_it_too_late(shop: Open) -> None:
    async with shop("viber") as site:
        site.simulator.phone_off(site.ana.person)
        await site.ana.says("hello")
        assert site.told == []
        await site.tester.advance(seconds=61)
        assert site.kinds() == ["MessageExpired"]


async def test_a_word_ends_text_messages_and_another_allows_them_again(shop: Open) -> None:
    async with shop() as site:
        await site.ana.says("stop")
        await site.ana.says("START")
        assert site.kinds() == ["Unsubscribed", "Subscribed"]
        assert site.ana.received == []


# --- reports of the SMS API


async def test_a_text_message_is_reported_at_the_address_that_it_was_given(shop: Open) -> None:
    async with shop(**CALLBACKS) as site:
        await site.ana.says("hello")
        assert site.ana.received == ["You said: hello"]
        assert site.kinds() == ["MessageDelivered"]
        (report,) = site.simulator.wire.deliveries("report")
        assert report.status == 200
        assert LOOPBACK in site.adapter.callback_url


@pytest.mark.parametrize("how", ["missing", "altered", "unsigned", "expired", "early", "foreign", "swapped", "endless"])
async def test_a_report_with_a_bad_token_is_refused_and_changes_nothing(shop: Open, how: Any) -> None:
    async with shop(**CALLBACKS) as site:
        await site.ana.says("hi")
        site.told.clear()
        site.simulator.tokens = how
        await site.ana.says("hello")
        # What Ana writes comes with a token as well.
        assert site.ana.received == ["You said: hi"]
        assert site.told == []
        assert site.simulator.wire.deliveries()[-1].status == 403


async def test_a_token_of_another_message_changes_nothing(shop: Open) -> None:
    async with shop(**CALLBACKS) as site:
        site.simulator.reports = False
        await site.ana.says("hello")
        site.simulator.reports, site.simulator.tokens = True, "other"
        (message,) = site.simulator.sent(site.ana.account.ta)
        await site.simulator.report(message.id, "DELIVERED")
        await site.tester.settle()
        assert [event for event in site.told if getattr(event, "message_key", "")] == []
        site.simulator.tokens = "given"
        await site.simulator.report(message.id, "DELIVERED")
        await site.tester.settle()
        assert [type(event) for event in site.told if getattr(event, "message_key", "")] == [MessageDelivered]


@pytest.mark.parametrize("style", ["json", "query"])
@pytest.mark.parametrize("content_type", ["application/json", "application/JSON; charset=utf-8"])
async def test_a_report_may_come_in_either_style(shop: Open, style: Any, content_type: str) -> None:
    async with shop(**CALLBACKS) as site:
        site.simulator.callback_style, site.simulator.content_type = style, content_type
        await site.ana.says("hello")
        assert site.kinds() == ["MessageDelivered"]


async def test_a_report_as_a_form_is_refused(shop: Open) -> None:
    async with shop(**CALLBACKS) as site:
        await site.ana.says("hi")
        site.told.clear()
        site.simulator.callback_style = "form"
        (message,) = site.simulator.sent(site.ana.account.ta)
        assert await site.simulator.report(message.id, "UNDELIVERED") == 403
        assert site.told == []


async def test_a_report_that_comes_before_the_answer_waits_for_it(shop: Open) -> None:
    async with shop(**CALLBACKS) as site:
        site.simulator.reports_early = True
        await site.ana.says("hello")
        assert site.kinds() == ["MessageDelivered"]


async def test_late_and_repeated_reports_are_no_news(shop: Open) -> None:
    async with shop(**CALLBACKS) as site:
        site.simulator.sms_reports = ("BUFFERED", "DELIVERED", "SENT", "DELIVERED")
        await site.ana.says("hello")
        assert site.kinds() == ["MessageDelivered"]


@pytest.mark.parametrize(
    ("words", "kinds"),
    [
        (("DELIVERED", "UNDELIVERED", "EXPIRED"), ["MessageDelivered"]),
        (("UNDELIVERED", "FAILED", "EXPIRED"), ["MessageFailed"]),
        (("CANARY", "DELIVERED"), ["MessageDelivered"]),
    ],
    ids=["failed late", "failed thrice", "unknown first"],
)
async def test_no_report_takes_back_an_earlier_one(shop: Open, words: tuple[str, ...], kinds: list[str]) -> None:
    async with shop(**CALLBACKS) as site:
        site.simulator.sms_reports = words
        await site.ana.says("hello")
        assert site.kinds() == kinds


async def test_a_report_on_nobody_s_message_is_no_news(shop: Open) -> None:
    async with shop("viber") as site:
        await site.ana.says("hello")
        (message,) = site.simulator.sent(site.ana.account.ta)
        assert await site.simulator.report(message.id, "Failure", told_id="nobody-s") == 200
        await site.tester.settle()
        assert site.kinds()[:1] == ["MessageDelivered"]
        assert [event for event in site.told[1:] if getattr(event, "message_key", "")] == []


async def test_placeholders_are_kept_for_the_operator_and_change_nothing(shop: Open) -> None:
    async with shop(**CALLBACKS) as site:
        site.simulator.fills_template = False
        await site.ana.says("hello")
        assert site.told == []
        assert site.simulator.wire.deliveries("report")[-1].status == 200


async def test_no_token_is_in_the_log_of_the_wire(shop: Open) -> None:
    async with shop(**CALLBACKS) as site:
        await site.ana.says("hello")
        logged = b"".join(exchange.request + exchange.answer for exchange in site.simulator.wire)
        assert b"eyJ" not in logged


# --- answers


@pytest.mark.parametrize(("repeats", "count"), [(0, 1), (1, 2)])
@pytest.mark.parametrize("settings", [{}, CALLBACKS], ids=["gateway", "sms api"])
async def test_what_was_taken_before_the_connection_broke_is_sent_again_only_where_that_is_asked_for(
    shop: Open, settings: dict[str, str], repeats: int, count: int
) -> None:
    async with shop(repeats=repeats, **settings) as site:
        site.simulator.wire.faults.append(Fault(drop=True, before=False))
        await site.ana.says("hello")
        for _ in range(5):
            await site.tester.advance(seconds=5)
        assert site.ana.received == ["You said: hello"] * count


async def test_a_gateway_that_is_flooded_or_down_gets_it_later_once(shop: Open) -> None:
    async with shop("viber") as site:
        site.simulator.wire.faults += [
            Fault(status=429, headers={"retry-after": "3"}),
            Fault(status=503),
            Fault(status=500),
        ]
        await site.ana.says("hello")
        for _ in range(5):
            await site.tester.advance(seconds=5)
        assert site.ana.received == ["You said: hello"]


@pytest.mark.parametrize("shape", ["A", "B"])
async def test_an_answer_of_either_version_is_understood(shop: Open, shape: Any) -> None:
    async with shop("viber") as site:
        site.simulator.shapes = {"1": shape, "1.1": shape}
        await site.ana.says("hello")
        assert site.kinds() == ["MessageDelivered"]


# --- failover by the gateway


async def test_joined_ways_go_out_once_and_the_gateway_takes_the_next(shop: Open) -> None:
    async with shop("viber") as site, Http(transport=site.tester.service.network) as client:
        viber = site.adapter
        sms = Mitto("sms", ta="other", api_key=viber.api_key.reveal(), sender="BotKit", api_url=viber.api_url)
        site.simulator.add_account(sms)
        assert viber.joins(sms)
        to = site.ana.conversation
        first = Hop(("mitto", viber.ta), to.id, 45, message=viber.rendered(HELLO))
        second = Hop(("mitto", "other"), message=sms.rendered(HELLO))
        trail = Trail(("mitto", viber.ta, to.id), (first, second), HELLO, joined=2)
        site.simulator.without(site.ana.person, "viber")
        outgoing = Outgoing("e" * 24, ("mitto", viber.ta), to.id, HELLO, trail=trail)
        receipt = await viber.send(outgoing, to, client)
        await site.simulator.redeliver()
        assert [site.simulator.message(each).status for each in (receipt.id, *receipt.others)] == [
            "Failure",
            "Delivered",
        ]
        assert [bubble.text for bubble in site.simulator.screen("other", site.ana.person)] == ["Hello"]
        report = await viber.load_report(receipt.id, to, client)
        assert isinstance(report, MessageFailed)


# --- registration


async def test_a_webhook_is_registered_found_and_deleted(shop: Open) -> None:
    async with shop("viber") as site, Http(transport=site.tester.service.network) as client:
        status = await site.adapter.load_webhook(client)
        assert status.url == f"https://{LOOPBACK}/webhooks/mitto?ta=shop-viber"
        await site.adapter.set_webhook("https://bot.example/webhooks/mitto?ta=shop-viber", client)
        assert (await site.adapter.load_webhook(client)).url == "https://bot.example/webhooks/mitto?ta=shop-viber"
        await site.adapter.delete_webhook(client)
        assert (await site.adapter.load_webhook(client)).url == ""


# --- a route over two accounts


@pytest.fixture
async def routed(botkit_redis_url: str, tmp_path: Path) -> AsyncIterator[tuple[BotTester, MittoSimulator, list[str]]]:
    """A bot that answers on Viber, and by text message where that has not arrived within a minute."""
    router, told = Router(), list[str]()
    viber = Mitto("viber", ta="shop-viber")
    sms = Mitto("sms", ta="shop-sms", sender="BotKit")

    @router.text()
    async def send(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.reply("Your code is 1234.", route="urgent")

    for kind in (MessageDelivered, MessageFailed):

        @router.on(kind)
        async def note(event: Any, ctx: Context[Flow]) -> None:
            told.append(type(event).__name__)

    routes = {"urgent": viber.within(60) | sms}
    bot = Bot("shop", routers=[router], accounts=[viber, sms], routes=routes)
    async with BotTester([bot], botkit_redis_url, folder=tmp_path) as tester:
        simulator = tester.simulator("mitto")
        assert isinstance(simulator, MittoSimulator)
        for adapter in (owner.adapter for owner in tester.service.owners.values()):
            # As two accounts under one key, which is how they are at Mitto.
            assert isinstance(adapter, Mitto)
            adapter.api_key = Secret("one-key-for-both")
            simulator.add_account(adapter)
            async with Http(transport=tester.service.network) as client:
                await adapter.set_webhook(f"https://{LOOPBACK}/webhooks/mitto?ta={adapter.ta}", client)
        yield tester, simulator, told


@pytest.mark.parametrize("is_off", [False, True])
async def test_the_gateway_itself_goes_on_to_the_next_account_of_a_route(
    routed: tuple[BotTester, MittoSimulator, list[str]], *, is_off: bool
) -> None:
    tester, simulator, told = routed
    ana = Person("Ana")
    if is_off:
        simulator.without(ana, "viber")
        simulator.fails_over_early = False
    await simulator.says("shop-viber", ana, "send")
    await tester.settle()
    assert len(simulator.wire.calls("send")) == 1
    await tester.advance(seconds=61)
    texts = {ta: [b.text for b in simulator.screen(ta, ana) if b.side == "bot"] for ta in ("shop-viber", "shop-sms")}
    assert texts == {
        "shop-viber": [] if is_off else ["Your code is 1234."],
        "shop-sms": ["Your code is 1234."] if is_off else [],
    }
    assert told == ["MessageDelivered"]
    assert len(simulator.wire.calls("send")) == 1
