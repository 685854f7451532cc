"""Whole ways: a bot, its engine, and the simulated Rapporto with the phones behind it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from botkit.bot import Bot
from botkit.buttons import Link
from botkit.context import Context
from botkit.delivery_route import DeliveryRoute
from botkit.events import Event, MessageDelivered, MessageFailed, MessageReceived, MessageSeen, Subscribed, Unsubscribed
from botkit.flow import Flow
from botkit.gateways.rapporto import ChannelSubscribed, LinkClicked, Rapporto
from botkit.messages import Image, Raw, Text
from botkit.router import Router
from botkit.simulators.rapporto import RapportoSimulator
from botkit.simulators.rapporto_refusals import BROKEN, LOST_ANSWER, MALFORMED_SUCCESS, fault
from botkit.simulators.simulator import Person
from botkit.testing import BotTester, Visitor
from tests.gateways.rapporto_desk import body_of

ANA = Person("Ana")
Message = Text | Image | Raw
Open = Callable[..., Any]


class Talk:
    """Ana, an account that says `message` when she writes, and what its bot hears."""

    def __init__(self, tester: BotTester, ana: Visitor, heard: list[Event]) -> None:
        self.tester = tester
        self.ana = ana
        self.heard = heard
        simulator = tester.simulator("rapporto")
        assert isinstance(simulator, RapportoSimulator)
        self.simulator = simulator

    @property
    def kinds(self) -> list[type[Event]]:
        return [type(event) for event in self.heard]

    @property
    def requests(self) -> list[dict[str, Any]]:
        return [exchange.body for exchange in self.simulator.wire.calls("send")]

    @property
    def shown(self) -> list[tuple[str, str]]:
        return [(bubble.kind, bubble.text) for bubble in self.ana.screen if bubble.side == "bot"]


@pytest.fixture
def talk(botkit_redis_url: str, tmp_path: Path) -> Open:
    @asynccontextmanager
    async def open_talk(
        message: Message, *more: Rapporto, route: DeliveryRoute[Any] | None = None, **options: Any
    ) -> AsyncIterator[Talk]:
        heard: list[Event] = []
        router = Router[Flow]()

        @router.text("^go")
        async def go(event: MessageReceived, ctx: Context[Flow]) -> None:
            ctx.reply(message, route="urgent" if route else "")

        async def note(event: Any, ctx: Context[Flow]) -> None:
            heard.append(event)

        for kind in (MessageDelivered, MessageSeen, MessageFailed, Subscribed, Unsubscribed):
            router.on(kind)(note)
        for own in (LinkClicked, ChannelSubscribed):
            router.on(own)(note)
        accounts = list(more) or [Rapporto(ta="demo", **options)]
        bot = Bot("shop", routers=[router], accounts=accounts, routes={"urgent": route} if route else {})
        async with BotTester([bot], botkit_redis_url, folder=tmp_path) as tester:
            yield Talk(tester, Visitor(tester, accounts[0].account, ANA), heard)

    return open_talk


# --- there and back


@pytest.mark.parametrize("via", ["telegram", "whatsapp", "viber", "sms"])
async def test_a_message_is_shown_and_what_became_of_it_is_told(talk: Open, via: str) -> None:
    async with talk(Text(text="Your **parcel**"), via=via) as there:
        await there.ana.says("go")
        assert there.shown == [(via, "Your parcel")]
        told = [MessageDelivered] if via == "sms" else [MessageDelivered, MessageSeen]
        assert there.kinds == told
        assert len({event.message_key for event in there.heard}) == 1
        assert all(event.message_key for event in there.heard)


async def test_what_people_write_is_answered_with_nothing(talk: Open) -> None:
    async with talk(Text(text="hello")) as there:
        await there.ana.says("go")
        await there.tester.settle()
        answers = {(exchange.status, exchange.answer) for exchange in there.simulator.wire.deliveries()}
        assert answers == {(200, b"")}
        assert there.simulator.violations == []


async def test_a_picture_comes_back_to_be_fetched(talk: Open, botkit_redis_url: str, tmp_path: Path) -> None:
    router, fetched = Router[Flow](), []

    @router.on(MessageReceived)
    async def photo(event: MessageReceived, ctx: Context[Flow]) -> None:
        assert event.media
        fetched.append((event.text, (await ctx.download(event.media)).mime))

    bot = Bot("shop", routers=[router], accounts=[Rapporto("whatsapp", ta="demo")])
    async with BotTester([bot], botkit_redis_url, folder=tmp_path) as tester:
        await tester.user("Ana", channel="rapporto").sends_photo("this one?")
    assert fetched == [("this one?", "image/jpeg")]


async def test_views_clicks_and_subscriptions_are_told_after_the_message_was_read(talk: Open) -> None:
    message = Text(text="Here", buttons=((Link("Track", "https://shop.example/p/1"),),))
    async with talk(message) as there:
        await there.ana.says("go")
        there.heard.clear()
        await there.simulator.views("demo", ANA)
        await there.ana.taps("https://shop.example/p/1")
        await there.simulator.subscribes("demo", ANA)
        await there.tester.settle()
        click, subscription = there.heard
        assert isinstance(click, LinkClicked)
        assert isinstance(subscription, ChannelSubscribed)
        assert (click.views, click.clicks, click.conversation) == (1, 1, there.ana.conversation)


async def test_who_says_stop_is_not_written_to_until_they_say_start(talk: Open) -> None:
    async with talk(Text(text="hello"), via="sms") as there:
        await there.ana.leaves()
        assert there.kinds == [Unsubscribed]
        await there.ana.says("START")
        assert there.kinds == [Unsubscribed, Subscribed]
        assert there.requests == []


async def test_why_a_message_did_not_arrive_is_told(talk: Open) -> None:
    async with talk(Text(text="hello")) as there:
        there.simulator.set_fate("undelivered", error_code="6")
        await there.ana.says("go")
        (event,) = there.heard
        assert isinstance(event, MessageFailed)
        assert event.reason == "6 teleservice-not-provisioned"


@pytest.mark.parametrize("switch", ["reports_early", "reports_backwards"])
async def test_reports_in_any_order_lead_to_the_same_end(talk: Open, switch: str) -> None:
    async with talk(Text(text="hello")) as there:
        setattr(there.simulator, switch, True)
        there.simulator.report_copies = 2
        await there.ana.says("go")
        kinds = there.kinds
        assert kinds.count(MessageSeen) == 1
        assert kinds.count(MessageDelivered) == (0 if switch == "reports_backwards" else 1)


async def test_reports_are_repeated_until_they_are_taken(talk: Open) -> None:
    async with talk(Text(text="hello")) as there:
        there.simulator.console("demo", "report", "https://botkit.localhost/webhooks/rapporto/report?ta=demo&key=wrong")
        await there.ana.says("go")
        assert there.heard == []
        adapter = there.tester.service.owners[there.ana.account].adapter
        url = "https://botkit.localhost/webhooks/rapporto/report?ta=demo"
        there.simulator.console("demo", "report", adapter.callback_address("report", url))
        await there.tester.advance(minutes=1)
        assert there.kinds == [MessageDelivered, MessageSeen]


# --- trouble


async def test_a_lost_answer_is_asked_for_again_where_repeats_are_dropped(talk: Open) -> None:
    async with talk(Text(text="hello"), resubmission=True) as there:
        there.simulator.wire.faults.append(LOST_ANSWER)
        await there.ana.says("go")
        await there.tester.advance(minutes=2)
        first, second = there.requests
        assert first == second
        assert there.shown == [("telegram", "hello")]
        assert there.kinds == [MessageDelivered, MessageSeen]


async def test_a_lost_answer_is_no_reason_to_send_twice_where_they_are_not(talk: Open) -> None:
    async with talk(Text(text="hello")) as there:
        there.simulator.wire.faults.append(LOST_ANSWER)
        await there.ana.says("go")
        await there.tester.advance(hours=1)
        assert len(there.requests) == 1
        assert there.shown == [("telegram", "hello")]


async def test_a_malformed_success_is_not_repeated_either(talk: Open) -> None:
    async with talk(Text(text="hello")) as there:
        there.simulator.wire.faults.append(MALFORMED_SUCCESS)
        await there.ana.says("go")
        await there.tester.advance(hours=1)
        assert len(there.requests) == 1


async def test_after_an_error_of_theirs_a_minute_passes(talk: Open) -> None:
    async with talk(Text(text="hello")) as there:
        there.simulator.wire.faults.append(fault(BROKEN))
        await there.ana.says("go")
        await there.tester.advance(seconds=58)
        assert len(there.requests) == 1
        await there.tester.advance(seconds=3)
        assert there.shown == [("telegram", "hello")]


# --- several ways


async def test_two_ways_of_one_login_are_one_request_and_the_second_is_taken_by_rapporto(talk: Open) -> None:
    first = Rapporto("telegram", ta="tg", cascades=True)
    second = Rapporto("sms", ta="sms", cascades=True, service_number="SHOP")
    async with talk(Text(text="hello"), first, second, route=first.within(60) | second) as there:
        there.simulator.set_fate("sent", kind="TELEGRAM")
        await there.ana.says("go")
        (request,) = there.requests
        assert request["message"]["data"] == {"text": "hello", "ttl": 1, "ttlUnit": "MINUTES"}
        assert request["cascadeChainLink"] == {
            "state": "DELIVERED",
            "message": {"type": "SMS", "data": {"text": "hello", "serviceNumber": "SHOP"}},
        }
        await there.tester.advance(seconds=59)
        assert there.shown == []
        await there.tester.advance(seconds=30)
        assert there.shown == [("sms", "hello")]
        assert there.kinds == [MessageDelivered]
        await there.tester.advance(hours=1)
        assert len(there.requests) == 1


async def test_a_way_whose_time_rapporto_cannot_keep_is_left_by_our_own_clock(talk: Open) -> None:
    first = Rapporto("whatsapp", ta="wa", cascades=True)
    second = Rapporto("sms", ta="sms", cascades=True)
    async with talk(Text(text="hello"), first, second, route=first.within(60) | second) as there:
        there.simulator.set_fate("sent", kind="WHATSAPP")
        await there.ana.says("go")
        await there.tester.advance(seconds=61)
        assert [request["message"]["type"] for request in there.requests] == ["WHATSAPP", "SMS"]
        assert all("cascadeChainLink" not in request for request in there.requests)
        assert [bubble.text for bubble in there.simulator.screen("sms", ANA)] == ["hello"]


async def test_two_ways_without_cascades_are_two_requests(talk: Open) -> None:
    first, second = Rapporto("telegram", ta="tg"), Rapporto("sms", ta="sms")
    async with talk(Text(text="hello"), first, second, route=first.within(60) | second) as there:
        there.simulator.set_fate("sent", kind="TELEGRAM")
        await there.ana.says("go")
        await there.tester.advance(seconds=61)
        assert [request["message"]["type"] for request in there.requests] == ["TELEGRAM", "SMS"]
        assert all("cascadeChainLink" not in request for request in there.requests)
        bubbles = there.simulator.screen("sms", ANA)
        assert [bubble.text for bubble in bubbles] == ["hello"]


async def test_a_cascade_in_rapporto_s_own_words_arrives_by_whichever_way(talk: Open) -> None:
    body = {name: value for name, value in body_of("cascade").items() if name != "destAddr"}
    async with talk(Raw(channel="rapporto", payload=body), cascades=True) as there:
        there.simulator.set_fate("sent", kind="TELEGRAM")
        await there.ana.says("go")
        await there.tester.advance(minutes=3)
        assert there.shown == [("whatsapp", "Parcel is ready")]
        assert there.kinds[-2:] == [MessageDelivered, MessageSeen]
        assert len({event.message_key for event in there.heard}) == 1


async def test_a_cascade_in_rapporto_s_own_words_that_arrives_nowhere_has_failed_once(talk: Open) -> None:
    body = {name: value for name, value in body_of("cascade").items() if name != "destAddr"}
    async with talk(Raw(channel="rapporto", payload=body), cascades=True) as there:
        there.simulator.set_fate("sent")
        await there.ana.says("go")
        await there.tester.advance(hours=23)
        assert there.heard == []
        await there.tester.advance(hours=3)
        assert there.kinds == [MessageFailed]


async def test_a_cascade_in_rapporto_s_own_words_is_one_of_several_ways(talk: Open) -> None:
    body = {name: value for name, value in body_of("cascade").items() if name != "destAddr"}
    first, second = Rapporto("telegram", ta="tg"), Rapporto("sms", ta="sms")
    route = first.within(600) | second
    async with talk(Raw(channel="rapporto", payload=body), first, second, route=route) as there:
        there.simulator.cascades = True
        there.simulator.set_fate("sent", kind="TELEGRAM")
        await there.ana.says("go")
        await there.tester.advance(minutes=3)
        assert there.shown == [("whatsapp", "Parcel is ready")]
        assert MessageDelivered in there.kinds
        assert MessageFailed not in there.kinds
        await there.tester.advance(hours=1)
        assert len(there.requests) == 1
