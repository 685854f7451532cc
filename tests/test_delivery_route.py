"""The ways of a bot's messages: how they are written, and what is refused at the start."""

from typing import Any

import pytest

from botkit.bot import Bot
from botkit.context import Context
from botkit.delivery_route import MAX_SECONDS, DeliveryRoute, Leg, route_of
from botkit.events import ConversationStarted, MessageReceived
from botkit.exceptions import DefinitionError, MessageError
from botkit.flow import Flow
from botkit.messages import Typing
from botkit.router import Router
from tests.desk import Desk, Process, opens, says


def legs(route: DeliveryRoute[Any]) -> list[tuple[str, float, str]]:
    return [(leg.adapter.ta, leg.seconds, leg.status) for leg in route.legs]


ONE, TWO, THREE = Desk(ta="one"), Desk(ta="two"), Desk(ta="three")


class Silent(Desk):
    """A service that reports nothing."""

    has_receipts = False


@pytest.mark.parametrize(
    "route",
    [
        ONE.within(60) | TWO | THREE,
        ONE.within(60) | (TWO | THREE),
        ONE.within(60) | TWO | Leg(THREE),
        DeliveryRoute((Leg(ONE, 60), Leg(TWO), Leg(THREE))),
    ],
    ids=["in a row", "in brackets", "with a leg", "spelled out"],
)
def test_ways_are_taken_in_the_order_written(route: DeliveryRoute[Any]) -> None:
    assert legs(route) == [("one", 60, "delivered"), ("two", 0, "delivered"), ("three", 0, "delivered")]


def test_what_a_way_must_reach_can_be_chosen() -> None:
    assert legs(route_of(ONE.within(5, "sent"))) == [("one", 5, "sent")]
    assert legs(ONE | TWO.within(90, "seen")) == [("one", 0, "delivered"), ("two", 90, "seen")]


@pytest.mark.parametrize("seconds", [-1, MAX_SECONDS + 1])
def test_a_way_has_a_time_that_is_kept_track_of(seconds: float) -> None:
    with pytest.raises(ValueError, match=str(MAX_SECONDS)):
        ONE.within(seconds)
    assert ONE.within(MAX_SECONDS).seconds == MAX_SECONDS


@pytest.mark.parametrize("status", ["delivered", "seen"])
def test_what_a_service_never_reports_is_not_waited_for(status: Any) -> None:
    silent = Silent(ta="silent")
    with pytest.raises(DefinitionError, match=status):
        silent.within(60, status)
    assert legs(silent.within(60, "sent") | ONE) == [("silent", 60, "sent"), ("one", 0, "delivered")]
    assert legs(silent | ONE)[0] == ("silent", 0, "delivered")


def test_an_account_stands_once_in_a_route() -> None:
    with pytest.raises(DefinitionError, match="twice"):
        ONE | TWO | ONE


def test_the_accounts_of_routes_are_the_bot_s_each_once() -> None:
    bot = Bot("shop", routers=[Router()], accounts=[ONE], routes={"a": ONE | TWO, "b": THREE.within(5) | TWO})
    assert bot.accounts == (ONE, TWO, THREE)


def test_an_account_of_a_route_gets_a_name_like_any_other() -> None:
    nameless = Desk(ta="")
    Bot("shop", routers=[Router()], accounts=[ONE], routes={"a": nameless})
    assert nameless.ta == "shop-desk"


# --- in a handler ---


async def refusal(redis_url: str, event: Any, *desks: Desk, routes: Any, route: str) -> str:
    """Returns why a handler may not send by a route; an empty string if it may."""
    router = Router[Flow]()
    refusals: list[str] = []

    @router.text()
    @router.started()
    async def send(event: MessageReceived | ConversationStarted, ctx: Context[Flow]) -> None:
        try:
            ctx.reply("hello", route=route)
        except MessageError as error:
            refusals.append(f"{error.what}; {error.fix}")

    async with Process(redis_url, Bot("shop", routers=[router], accounts=desks, routes=routes)) as process:
        await process.takes(event)
        await process.engine.settle()
    return refusals[0] if refusals else ""


async def test_a_route_that_does_not_exist_names_those_that_do(botkit_redis_url: str) -> None:
    desk, other = Desk(), Desk(ta="other")
    routes = {"slow": desk | other, "fast": other | desk}
    said = await refusal(botkit_redis_url, says("hi"), desk, routes=routes, route="quick")
    assert "'quick'" in said
    assert "it has fast, slow" in said
    assert "routes={...}" in await refusal(botkit_redis_url, says("hi"), Desk(), routes=None, route="quick")
    assert await refusal(botkit_redis_url, says("hi"), desk, routes=routes, route="fast") == ""


async def test_what_travels_in_the_webhook_s_answer_goes_no_other_way(botkit_redis_url: str) -> None:
    desk, other = Desk(), Desk(ta="other")
    desk.answered = (ConversationStarted,)
    said = await refusal(botkit_redis_url, opens(), desk, routes={"a": desk | other}, route="a")
    assert "webhook's answer" in said


@pytest.mark.parametrize(
    ("ta", "ways"),
    [("one", ["one", "two", "three"]), ("two", ["two", "three"]), ("own", ["own", "one", "two", "three"])],
)
async def test_a_message_begins_where_the_conversation_is(botkit_redis_url: str, ta: str, ways: list[str]) -> None:
    router, own = Router[Flow](), Desk(ta="own")
    one, two, three = Desk(ta="one"), Desk(ta="two"), Desk(ta="three")

    @router.text()
    async def send(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.reply(Typing(), route="a")
        ctx.reply("hello", route="a")

    bot = Bot("shop", routers=[router], accounts=[own], routes={"a": one.within(60) | two | three})
    async with Process(botkit_redis_url, bot) as process:
        await process.takes(says("hi", ta=ta))
        await process.engine.settle()
    desk = next(desk for desk in (own, one, two, three) if desk.ta == ta)
    typing, sent = desk.attempts
    assert typing.trail is None
    assert sent.trail
    assert [hop.account[1] for hop in sent.trail.hops] == ways
    assert sent.trail.hops[0].to == "olena"
    assert sent.trail.hops[0].seconds == (60 if ta == "one" else 0)
