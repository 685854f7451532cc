from collections.abc import Callable
from typing import Any

import pytest

from botkit.events import ButtonPressed, Event, MessageReceived, Subscribed
from botkit.exceptions import RouteError
from botkit.flow import Flow, State
from botkit.route_checks import argument_problem
from botkit.route_table import RouteTable
from botkit.router import Router


class Order(Flow):
    states = ("idle", State("order", ("size", "address")), "done")


class Other(Flow):
    states = ("idle", "done")


def handle(event: Any, ctx: Any) -> None:
    """Answers anything."""


def problems(*routers: Router[Any]) -> list[str]:
    try:
        RouteTable(routers)
    except RouteError as error:
        return str(error).splitlines()[1:]
    return []


def of_two(first: Callable[[Router[Order]], Any], second: Callable[[Router[Order]], Any]) -> list[str]:
    router = Router(Order)
    first(router)(handle)
    second(router)(handle)
    return problems(router)


@pytest.mark.parametrize("state", ["order.adress", "size", ""])
def test_a_state_that_the_flow_does_not_have_is_told(state: str) -> None:
    router = Router(Order)
    router.text("a", state=("done", state))(handle)
    found, fix = problems(router)
    assert f"Order has no state {state!r}" in found
    assert fix == "  fix: use one of: idle, order, order.size, order.address, done"


def test_a_route_for_a_pause_neither_doubles_nor_covers_one_for_the_bot() -> None:
    assert of_two(lambda r: r.on(MessageReceived, paused=True), lambda r: r.on(MessageReceived)) == []
    assert of_two(lambda r: r.fallback(), lambda r: r.paused()) == []
    assert of_two(lambda r: r.on(MessageReceived), lambda r: r.text("a")) != []
    assert of_two(lambda r: r.paused(), lambda r: r.text("a")) == []


def test_two_routes_for_a_pause_are_compared_with_each_other() -> None:
    assert "is a duplicate of @router.paused()" in of_two(lambda r: r.paused(), lambda r: r.paused())[0]
    narrow = of_two(lambda r: r.paused(), lambda r: r.on(ButtonPressed, lambda event: True, paused=True))
    assert "@router.on(ButtonPressed, paused=True) is never reached: @router.paused()" in narrow[0]
    assert of_two(lambda r: r.paused(), lambda r: r.paused(state="idle")) == []


def test_a_near_state_is_suggested() -> None:
    router = Router(Order)
    router.text("a", state="order.adress")(handle)
    assert problems(router)[0].endswith("Order has no state 'order.adress'; did you mean 'order.address'?")


def test_a_timeout_of_a_state_that_the_flow_does_not_have_is_told() -> None:
    router = Router(Order)
    router.timeout("odrer")(handle)
    assert "Order has no state 'odrer'; did you mean 'order'?" in problems(router)[0]


def test_a_state_with_others_inside_can_be_named() -> None:
    router = Router(Order)
    router.text("a", state="order")(handle)
    router.timeout("order")(handle)
    assert problems(router) == []


DUPLICATES: dict[str, tuple[Callable[[Router[Order]], Any], Callable[[Router[Order]], Any]]] = {
    "the same": (lambda r: r.text("a"), lambda r: r.text("a")),
    "the same button": (lambda r: r.button("{a}"), lambda r: r.button("{a}")),
    "the same state": (lambda r: r.text("a", state="done"), lambda r: r.text("a", state="done")),
    "a common state": (lambda r: r.text("a", state=("idle", "done")), lambda r: r.text("a", state=("order", "done"))),
    "a state inside": (lambda r: r.text("a", state="order.size"), lambda r: r.text("a", state="order")),
    "a common event": (lambda r: r.on((ButtonPressed, Subscribed)), lambda r: r.on((MessageReceived, Subscribed))),
    "a wider event later": (lambda r: r.on(MessageReceived), lambda r: r.on((MessageReceived, ButtonPressed))),
    "fallbacks": (lambda r: r.fallback(), lambda r: r.fallback()),
    "no filters": (lambda r: r.started(), lambda r: r.started()),
    "another order of filters": (
        lambda r: r.on(MessageReceived, bool, callable),
        lambda r: r.on(MessageReceived, callable, bool),
    ),
}

APART: dict[str, tuple[Callable[[Router[Order]], Any], Callable[[Router[Order]], Any]]] = {
    "other text": (lambda r: r.text("a"), lambda r: r.text("b")),
    "other state": (lambda r: r.text("a", state="done"), lambda r: r.text("a", state="idle")),
    "bound and unbound": (lambda r: r.text("a", state="done"), lambda r: r.text("a")),
    "other event": (lambda r: r.delivered(), lambda r: r.seen()),
    "route and fallback": (lambda r: r.on(MessageReceived), lambda r: r.fallback()),
    "a wider filter later": (lambda r: r.text("a"), lambda r: r.text()),
    "more filters first": (lambda r: r.on(MessageReceived, bool), lambda r: r.on(MessageReceived)),
    "a part of the states": (
        lambda r: r.on(MessageReceived, state="idle"),
        lambda r: r.text("a", state=("idle", "done")),
    ),
    "any text first": (lambda r: r.text(), lambda r: r.photo()),
    "every event later": (lambda r: r.on(MessageReceived), lambda r: r.on(Event)),
}

NEVER: dict[str, tuple[Callable[[Router[Order]], Any], Callable[[Router[Order]], Any]]] = {
    "no filter first": (lambda r: r.on(MessageReceived), lambda r: r.text("a")),
    "any text first": (lambda r: r.text(), lambda r: r.text("a")),
    "any text before a command": (lambda r: r.text(), lambda r: r.command("a")),
    "more events": (lambda r: r.on((MessageReceived, ButtonPressed)), lambda r: r.button("a")),
    "fallback": (lambda r: r.on((MessageReceived, ButtonPressed)), lambda r: r.fallback()),
    "the state around": (lambda r: r.on(MessageReceived, state="order"), lambda r: r.text("a", state="order.size")),
    "fewer filters": (lambda r: r.on(MessageReceived, bool), lambda r: r.on(MessageReceived, bool, callable)),
}


@pytest.mark.parametrize("name", DUPLICATES)
def test_a_duplicate_is_told_with_both_lines(name: str) -> None:
    found, fix = of_two(*DUPLICATES[name])
    assert found.count("test_route_checks.py:") == 2
    assert " is a duplicate of @router." in found
    assert fix == "  fix: take one away, or bind them to different states"


@pytest.mark.parametrize("name", APART)
def test_routes_for_different_things_live_together(name: str) -> None:
    assert of_two(*APART[name]) == []


@pytest.mark.parametrize("name", NEVER)
def test_a_route_that_is_never_reached_is_told_with_both_lines(name: str) -> None:
    found, fix = of_two(*NEVER[name])
    assert found.count("test_route_checks.py:") == 2
    assert " is never reached: @router." in found
    assert fix.startswith("  fix: ")


def test_the_same_state_of_another_flow_is_another_state() -> None:
    one, two = Router(Order), Router(Other)
    one.on(MessageReceived, state="done")(handle)
    two.on(MessageReceived, state="done")(handle)
    two.text("a", state="done")(handle)
    assert "never reached" in problems(one, two)[0]
    assert len(problems(one, two)) == 2


def test_routers_are_checked_together() -> None:
    one, two = Router(Order), Router(Other)
    one.text("a")(handle)
    two.text("a")(handle)
    assert "is a duplicate of" in problems(one, two)[0]


def test_two_flows_of_one_name_are_told() -> None:
    namesake = type("Order", (Flow,), {"__module__": "state.order"})
    found, fix = problems(Router(Order), Router(namesake))
    assert found == f"two flows are called Order: in {__name__}, state.order"
    assert "rename one" in fix
    assert problems(Router(Order), Router(Order)) == []


@pytest.mark.parametrize(
    ("handler", "count", "is_fine"),
    [
        (lambda event, ctx: None, 2, True),
        (lambda event: None, 2, False),
        (lambda event, ctx, more: None, 2, False),
        (lambda event, ctx, more=1: None, 2, True),
        (lambda *args: None, 2, True),
        (lambda event, *, ctx: None, 2, False),
        (lambda event, ctx, error: None, 3, True),
        (lambda event, ctx: None, 3, False),
    ],
)
def test_a_handler_takes_two_arguments_and_an_error_handler_three(
    handler: Callable[..., Any], count: int, is_fine: bool
) -> None:
    found = list(argument_problem(handler, count, "handlers/a.py:1"))
    assert (found == []) is is_fine
    assert all(problem.startswith(f"handlers/a.py:1  <lambda> does not take {count} arguments") for problem in found)
