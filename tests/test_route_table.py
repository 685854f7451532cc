import functools
import threading
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, get_args

import pytest

from botkit.conversation import Account, Conversation
from botkit.events import (
    AnyEvent,
    ButtonPressed,
    ConversationStarted,
    Event,
    Media,
    MessageReceived,
    Point,
    SharedContact,
    SignalReceived,
    Subscribed,
    TimerFired,
)
from botkit.exceptions import RouteError
from botkit.flow import Flow, State, Trigger
from botkit.route_table import Matched, RouteTable
from botkit.router import Router

WHERE: dict[str, Any] = {
    "id": "e1",
    "at": datetime(2025, 1, 1, tzinfo=UTC),
    "conversation": Conversation(Account("telegram", "ta"), "7"),
}


class Order(Flow):
    states = ("idle", State("order", ("size", "address")), "done")
    start = Trigger("idle", "order")


class Parcel(Flow):
    states = ("number", "day")


def say(text: str = "", **fields: Any) -> MessageReceived:
    return MessageReceived(text=text, **WHERE, **fields)


def press(value: str) -> ButtonPressed:
    return ButtonPressed(value=value, **WHERE)


def states(**states: str) -> Callable[[type[Flow]], str]:
    return lambda flow: states.get(flow.__name__, "idle")


class Log:
    """Handlers that write down their names."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def handler(self, name: str) -> Callable[[Any, Any], Awaitable[None]]:
        async def handle(event: Any, ctx: Any) -> None:
            self.said.append(name)

        handle.__name__ = name
        return handle

    def middleware(self, name: str) -> Callable[[Event, Any, Callable[[], Awaitable[None]]], Awaitable[None]]:
        async def around(event: Event, ctx: Any, call_next: Callable[[], Awaitable[None]]) -> None:
            self.said.append(f"{name} in")
            await call_next()
            self.said.append(f"{name} out")

        return around


@pytest.fixture
def log() -> Log:
    return Log()


def name_of(matched: Matched | None) -> str:
    return "" if matched is None else getattr(matched.route.handler, "__name__", "")


# Finding.


def test_bound_routes_come_first_then_the_others_then_fallbacks_each_as_written(log: Log) -> None:
    one, two = Router(Order), Router(Order)
    one.fallback()(log.handler("fallback"))
    one.fallback(state="done")(log.handler("fallback done"))
    one.text("a")(log.handler("a"))
    one.text("a", state="done")(log.handler("a done"))
    two.text("b")(log.handler("b"))
    two.text("b", state="done")(log.handler("b done"))
    table = RouteTable([one, two])
    order = [getattr(route.handler, "__name__", "") for route in table.routes]
    assert order == ["a done", "b done", "a", "b", "fallback done", "fallback"]


def test_the_first_route_that_matches_wins(log: Log) -> None:
    router = Router(Order)
    router.text("a")(log.handler("a"))
    router.text("b")(log.handler("b"))
    router.text("b", state="order")(log.handler("b in order"))
    router.fallback()(log.handler("fallback"))
    table = RouteTable([router])
    assert name_of(table.match(say("ab"), states())) == "a"
    assert name_of(table.match(say("b"), states())) == "b"
    assert name_of(table.match(say("ab"), states(Order="order.size"))) == "b in order"
    assert name_of(table.match(say("c"), states())) == "fallback"
    assert name_of(table.match(press("b"), states())) == "fallback"
    assert table.match(Subscribed(**WHERE), states()) is None


def test_what_the_filters_captured_comes_with_the_route(log: Log) -> None:
    router = Router()
    router.button("day:{day}")(log.handler("day"))
    matched = RouteTable([router]).match(press("day:fri"), states())
    assert matched is not None
    assert matched.captures == {"day": "fri"}


def test_each_route_is_asked_with_the_state_of_its_own_flow(log: Log) -> None:
    one, two = Router(Order), Router(Parcel)
    one.text("a", state="done")(log.handler("order"))
    two.text("a", state="day")(log.handler("parcel"))
    table = RouteTable([one, two])
    assert name_of(table.match(say("a"), states(Order="idle", Parcel="day"))) == "parcel"
    assert name_of(table.match(say("a"), states(Order="done", Parcel="day"))) == "order"
    assert table.match(say("a"), states(Order="idle", Parcel="number")) is None


def test_a_state_is_asked_for_only_where_a_route_is_bound(log: Log) -> None:
    router = Router(Order)
    router.text("a")(log.handler("a"))

    def refuse(flow: type[Flow]) -> str:
        raise AssertionError

    assert RouteTable([router]).match(say("a"), refuse) is not None


def test_a_handler_for_every_event_gets_every_event(log: Log) -> None:
    router = Router()
    router.on(Event)(log.handler("all"))
    table = RouteTable([router])
    fields = {
        "name": "t",
        "value": "v",
        "choices": (),
        "broadcast": "b1",
        "submission": "s1",
        "key": "k1",
        "status": "sent",
        "sender": WHERE["conversation"],
    }
    for kind in get_args(AnyEvent):
        known = {name: value for name, value in fields.items() if name in kind.__struct_fields__}
        assert table.match(kind(**WHERE, **known), states()) is not None


def test_in_a_pause_only_the_routes_for_it_are_asked_and_only_about_the_person(log: Log) -> None:
    router = Router()
    router.fallback()(log.handler("bot"))
    router.on(TimerFired)(log.handler("timer"))
    router.on(MessageReceived, lambda event: event.text == "a", paused=True)(log.handler("first"))
    router.paused()(log.handler("second"))
    table = RouteTable([router])
    assert name_of(table.match(say("a"), states(), is_paused=True)) == "first"
    assert name_of(table.match(say("b"), states(), is_paused=True)) == "second"
    assert name_of(table.match(press("b"), states(), is_paused=True)) == "second"
    assert name_of(table.match(say("a"), states())) == "bot"
    assert name_of(table.match(TimerFired(name="t", **WHERE), states(), is_paused=True)) == "timer"
    assert [name_of(Matched(route, {})) for route in table.routes] == ["timer", "bot", "first", "second"]


def test_a_route_for_a_pause_is_never_named_as_the_nearest(log: Log) -> None:
    router = Router()
    router.paused()(log.handler("listen"))
    assert RouteTable([router]).explain(say("a"), states()) == "no handler for text"


def test_an_unhandled_signal_is_named() -> None:
    signal = SignalReceived(name="done", data="secret", sender=WHERE["conversation"], **WHERE)
    assert RouteTable([]).explain(signal, states()) == "no handler for signal 'done'"


def test_included_routers_stand_where_they_are_included(log: Log) -> None:
    outer, inner = Router(name="outer"), Router(name="inner")
    outer.text("a")(log.handler("a"))
    outer.include(inner)
    outer.text("c")(log.handler("c"))
    inner.text("b")(log.handler("b"))
    table = RouteTable([outer])
    assert [route.written for route in table.routes] == ['@router.text("a")', '@router.text("b")', '@router.text("c")']
    assert [route.router.name for route in table.routes] == ["outer", "inner", "outer"]


def test_flows_are_told_once_each(log: Log) -> None:
    assert RouteTable([Router(Order), Router(Parcel), Router(Order)]).flows == (Order, Parcel)


# Running.


async def run(table: RouteTable, event: Event, ctx: Any = None) -> None:
    matched = table.match(event, states())
    assert matched is not None
    await table.run(matched, event, ctx)


async def test_middlewares_of_outer_routers_are_around_those_of_inner_ones(log: Log) -> None:
    outer, inner = Router(), Router()
    inner.middleware(log.middleware("inner"))
    outer.middleware(log.middleware("first"))
    outer.middleware(log.middleware("second"))
    outer.include(inner)
    inner.text("a")(log.handler("handler"))
    await run(RouteTable([outer]), say("a"))
    assert log.said == ["first in", "second in", "inner in", "handler", "inner out", "second out", "first out"]


async def test_middlewares_of_an_inner_router_leave_the_outer_ones_handlers_alone(log: Log) -> None:
    outer, inner = Router(), Router()
    inner.middleware(log.middleware("inner"))
    outer.include(inner)
    outer.text("a")(log.handler("handler"))
    await run(RouteTable([outer]), say("a"))
    assert log.said == ["handler"]


async def test_a_middleware_can_keep_an_event_from_its_handler(log: Log) -> None:
    router = Router()

    @router.middleware
    async def refuse(event: Event, ctx: Any, call_next: Callable[[], Awaitable[None]]) -> None:
        log.said.append("refused")

    router.text("a")(log.handler("handler"))
    await run(RouteTable([router]), say("a"))
    assert log.said == ["refused"]


async def test_a_handler_gets_the_event_and_the_context() -> None:
    router = Router()
    got: list[object] = []

    @router.text("a")
    async def handle(event: MessageReceived, ctx: Any) -> None:
        got.extend([event, ctx])

    event, ctx = say("a"), SimpleNamespace()
    await run(RouteTable([router]), event, ctx)
    assert got == [event, ctx]


async def test_a_plain_function_runs_in_a_thread_and_a_coroutine_does_not() -> None:
    router = Router()
    threads: dict[str, object] = {}

    @router.text("plain")
    def plain(event: MessageReceived, ctx: Any) -> None:
        threads["plain"] = threading.current_thread()

    @router.text("coroutine")
    async def coroutine(event: MessageReceived, ctx: Any) -> None:
        threads["coroutine"] = threading.current_thread()

    class Callable_:
        async def __call__(self, event: MessageReceived, ctx: Any) -> None:
            threads["object"] = threading.current_thread()

    router.text("object")(Callable_())
    table = RouteTable([router])
    for text in ("plain", "coroutine", "object"):
        await run(table, say(text))
    assert threads["plain"] is not threading.current_thread()
    assert threads["coroutine"] is threads["object"] is threading.current_thread()


async def _tells(event: Event, ctx: Any) -> None:
    ctx.told = event


async def _awaits(event: Event, ctx: Any) -> None:
    await ctx


async def _enters(event: Event, ctx: Any) -> None:
    async with ctx:
        pass


async def _iterates(event: Event, ctx: Any) -> None:
    async for each in ctx:
        ctx.told = each


async def _comprehends(event: Event, ctx: Any) -> None:
    ctx.told = [[each async for each in several] for several in ctx]


def _plain(event: Event, ctx: Any) -> None:
    ctx.told = event


def _passes_on(event: Event, ctx: Any) -> Awaitable[None]:
    return _awaits(event, ctx)


class _Object:
    async def __call__(self, event: Event, ctx: Any) -> None:
        await ctx


@pytest.mark.parametrize(
    ("handler", "expected"),
    [(_tells, True), *((handler, False) for handler in (_awaits, _enters, _iterates, _comprehends)),
     (_plain, False), (_passes_on, False), (_Object(), False), (functools.partial(_tells), False)],
    ids=["tells", "awaits", "enters", "iterates", "comprehends", "plain", "passes on", "object", "partial"],
)  # fmt: skip
def test_a_coroutine_without_any_await_never_waits_and_nothing_else_is_trusted_not_to(
    handler: Any, expected: bool
) -> None:
    router = Router()
    router.text("a")(handler)
    table = RouteTable([router])
    matched = table.match(say("a"), states())
    assert matched is not None
    assert table.never_waits(matched) is expected


def test_whatever_a_middleware_is_around_may_wait(log: Log) -> None:
    outer, inner = Router(), Router()
    inner.text("a")(_tells)
    outer.include(inner)
    outer.middleware(log.middleware("outer"))
    table = RouteTable([outer])
    matched = table.match(say("a"), states())
    assert matched is not None
    assert not table.never_waits(matched)


async def test_a_plain_function_that_returns_a_coroutine_is_awaited(log: Log) -> None:
    router = Router()
    router.text("a")(lambda event, ctx: log.handler("inner")(event, ctx))
    await run(RouteTable([router]), say("a"))
    assert log.said == ["inner"]


# Errors.


@pytest.fixture
def caught(log: Log) -> RouteTable:
    outer, inner = Router(), Router()

    @outer.error()
    async def any_error(event: Event, ctx: Any, error: Exception) -> None:
        log.said.append(f"outer {error}")

    @inner.error(KeyError, ValueError)
    def some(event: Event, ctx: Any, error: Exception) -> None:
        log.said.append(f"inner {error}")

    @inner.error(ValueError)
    async def late(event: Event, ctx: Any, error: ValueError) -> None:
        log.said.append("late")

    outer.include(inner)
    inner.text("a")(log.handler("a"))
    outer.text("b")(log.handler("b"))
    return RouteTable([outer, Router()])


async def catch(table: RouteTable, event: Event, error: Exception) -> bool:
    matched = table.match(event, states())
    assert matched is not None
    return await table.handle_error(matched, event, None, error)  # type: ignore[arg-type]


async def test_the_nearest_error_handler_that_takes_the_error_gets_it(caught: RouteTable, log: Log) -> None:
    assert await catch(caught, say("a"), ValueError("v")) is True
    assert await catch(caught, say("a"), TypeError("t")) is True
    assert await catch(caught, say("b"), ValueError("v")) is True
    assert log.said == ["inner v", "outer t", "outer v"]


async def test_an_error_that_no_handler_takes_is_not_handled(log: Log) -> None:
    router = Router()

    @router.error(KeyError)
    async def some(event: Event, ctx: Any, error: KeyError) -> None: ...

    router.text("a")(log.handler("a"))
    assert await catch(RouteTable([router]), say("a"), ValueError()) is False


# Explaining.


@pytest.fixture
def pizza(log: Log) -> RouteTable:
    router = Router(Order)
    router.button("size:{size}", state="order.address")(log.handler("size"))
    router.text("secret", state="done")(log.handler("text"))
    router.timer("remind", state="done")(log.handler("timer"))
    router.on(Subscribed, lambda event: 1 / 0 > 0, state="done")(log.handler("own"))
    return RouteTable([router])


def test_the_nearest_route_is_the_one_that_would_take_the_event_in_another_state(pizza: RouteTable) -> None:
    text = pizza.explain(press("size:M"), states(Order="order.size"))
    route = next(route for route in pizza.routes if ButtonPressed in route.events)
    assert text == (
        "no handler for button 'size:M' in state 'order.size'; "
        f'nearest: @router.button("size:{{size}}", state="order.address") at {route.where}'
    )


def test_else_it_is_the_button_whose_pattern_is_most_alike(pizza: RouteTable) -> None:
    assert "nearest: @router.button" in pizza.explain(press("Size:{M}"), states())
    assert "nearest" not in pizza.explain(press("menu"), states())


def test_of_a_message_no_word_is_told(pizza: RouteTable) -> None:
    text = pizza.explain(say("secret words"), states(Order="idle"))
    assert text.startswith("no handler for text in state 'idle'; nearest: @router.text(")
    assert "words" not in text
    assert pizza.explain(say("private"), states()) == "no handler for text in state 'idle'"


def test_a_long_button_value_is_cut(pizza: RouteTable) -> None:
    assert f"button '{'x' * 64}' in" in pizza.explain(press("x" * 65), states())


def test_a_filter_of_the_application_is_not_asked_for_an_explanation(pizza: RouteTable) -> None:
    assert pizza.explain(Subscribed(**WHERE), states()) == "no handler for Subscribed in state 'idle'"


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (say("x", media=Media("image")), "image"),
        (say(location=Point(0, 0)), "location"),
        (say(contact=SharedContact("1")), "contact"),
        (say(), "message"),
        (TimerFired(name="t", **WHERE), "timer 't'"),
        (TimerFired(name="t", flow="Order", state="size", **WHERE), "timeout of Order in 'size'"),
        (ConversationStarted(**WHERE), "ConversationStarted"),
    ],
)
def test_an_event_is_named_without_its_words(event: Event, said: str) -> None:
    assert RouteTable([Router()]).explain(event, states()) == f"no handler for {said}"


def test_with_several_flows_each_state_is_told(log: Log) -> None:
    table = RouteTable([Router(Order), Router(Parcel), Router()])
    assert table.explain(say("a"), states(Order="done", Parcel="day")).endswith("in state Order 'done', Parcel 'day'")


# Mistakes.


def test_a_router_that_is_included_twice_or_in_a_circle_is_refused() -> None:
    outer, inner = Router(name="outer"), Router(name="inner")
    outer.include(inner)
    with pytest.raises(RouteError, match="inner: this router is included twice or in a circle"):
        RouteTable([outer, inner])
    inner.include(outer)
    with pytest.raises(RouteError, match="outer: this router is included twice or in a circle"):
        RouteTable([outer])


def test_all_mistakes_are_told_at_once(log: Log) -> None:
    router = Router(Order)
    router.text("a", state="adress")(log.handler("a"))
    router.text("b")(lambda event: None)  # type: ignore[arg-type, misc]
    router.error()(lambda event, ctx: None)  # type: ignore[arg-type, misc]
    with pytest.raises(RouteError) as caught:
        RouteTable([router])
    first, *problems = str(caught.value).splitlines()
    assert first == "the routes do not fit together:"
    assert len(problems) == 6
    assert all("test_route_table.py:" in problem for problem in problems[::2])
    assert all(problem.startswith("  fix: ") for problem in problems[1::2])
    assert "does not take 3 arguments" in problems[4]


def test_a_mistake_of_a_stacked_handler_is_told_once() -> None:
    router = Router(Order)

    @router.text("a")
    @router.text("b")
    async def handle(event: MessageReceived, ctx: Any) -> None:
        ctx.flow.strat()

    with pytest.raises(RouteError) as caught:
        RouteTable([router])
    assert str(caught.value).count("has no trigger 'strat'") == 1
