"""What is wrong with a bot's routes, each mistake with its line and a fix."""

import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from typing import Any

from botkit.filters import Command, Filter, TextPattern, TimeoutOf
from botkit.flow import Flow
from botkit.moves import move_problems
from botkit.route import Route
from botkit.trigger import did_you_mean, is_inside

_ANY = re.compile("")


def find_problems(routes: Sequence[Route], flows: Sequence[type[Flow]]) -> Iterator[str]:
    """Yields every problem of routes that are in the order in which they are asked."""
    yield from _flow_problems(flows)
    for route in routes:
        yield from _state_problems(route)
        yield from argument_problem(route.handler, 2, route.where)
        yield from move_problems(route)
    for first, second in combinations(routes, 2):
        yield from _pair_problems(first, second)


def argument_problem(handler: Callable[..., Any], count: int, where: str) -> Iterator[str]:
    """Yields a problem if the handler cannot be called with that many positional arguments."""
    wanted = "(event, ctx)" if count == 2 else "(event, ctx, error)"
    try:
        inspect.signature(handler).bind(*range(count))
    except TypeError:
        name = getattr(handler, "__name__", type(handler).__name__)
        yield f"{where}  {name} does not take {count} arguments\n  fix: write it as {name}{wanted}"


def _flow_problems(flows: Sequence[type[Flow]]) -> Iterator[str]:
    names = [flow.__name__ for flow in flows]
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        modules = ", ".join(flow.__module__ for flow in flows if flow.__name__ == name)
        yield f"two flows are called {name}: in {modules}\n  fix: rename one; conversations are stored under its name"


def _state_problems(route: Route) -> Iterator[str]:
    timeouts = [ask.state for ask in route.filters if isinstance(ask, TimeoutOf)]
    for state in [*route.states, *timeouts]:
        if not route.flow.is_state(state):
            known = route.flow.state_names()
            near = did_you_mean(state, known)
            yield (
                f"{route.where}  {route.written}: {route.flow.__name__} has no state {state!r}{near}\n"
                f"  fix: use one of: {', '.join(known)}"
            )


def _pair_problems(first: Route, second: Route) -> Iterator[str]:
    if _is_duplicate(first, second):
        yield (
            f"{second.where}  {second.written} is a duplicate of {first.written} at {first.where}\n"
            f"  fix: take one away, or bind them to different states"
        )
    elif _covers(first, second):
        yield (
            f"{second.where}  {second.written} is never reached: {first.written} at {first.where} takes all of it\n"
            f"  fix: write the narrower one first, or bind the wider one to a state"
        )


def _is_duplicate(first: Route, second: Route) -> bool:
    if first.rank != second.rank or not set(first.events) & set(second.events):
        return False
    if first.states and (first.flow is not second.flow or not _overlap(first.states, second.states)):
        return False
    return all(ask in second.filters for ask in first.filters) and all(ask in first.filters for ask in second.filters)


def _overlap(states: Sequence[str], others: Sequence[str]) -> bool:
    return any(is_inside(one, two) or is_inside(two, one) for one in states for two in others)


def _covers(first: Route, second: Route) -> bool:
    if first.for_paused != second.for_paused or not all(issubclass(kind, first.events) for kind in second.events):
        return False
    return _covers_states(first, second) and all(_is_implied(ask, second.filters) for ask in first.filters)


def _covers_states(first: Route, second: Route) -> bool:
    if not first.states:
        return True
    is_same_flow = bool(second.states) and first.flow is second.flow
    return is_same_flow and all(first.is_in(state) for state in second.states)


def _is_implied(ask: Filter[Any], others: Sequence[Filter[Any]]) -> bool:
    if ask == TextPattern(_ANY):
        return any(isinstance(other, TextPattern | Command) for other in others)
    return ask in others
