"""All routes of a bot together: finds the one that answers an event, runs it, and says why none did."""

import asyncio
import dis
import inspect
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from botkit.events import ButtonPressed, Event, MessageReceived, SignalReceived, TimerFired
from botkit.exceptions import RouteError
from botkit.filters import ButtonPattern
from botkit.flow import Flow
from botkit.route import Route
from botkit.route_checks import argument_problem, find_problems
from botkit.router import CallNext, Router

if TYPE_CHECKING:
    from botkit.context import Context

#: Tells the state that the conversation has in a flow.
StateOf = Callable[[type[Flow]], str]

_Chain = tuple[Router[Any], ...]


class Matched(Struct, frozen=True):
    """A route that takes an event, and what its filters captured."""

    route: Route
    captures: Mapping[str, str]


class RouteTable:
    """The routes of a bot's routers in the order in which they are asked.

    `routes` is that order: those bound to a state, the others, the fallbacks, those for paused conversations, each as
    written. `flows` are the flow classes in use. All mistakes are told together in one `RouteError`, each with its line
    and a fix.
    """

    def __init__(self, routers: Sequence[Router[Any]]) -> None:
        self._chains: dict[Route, _Chain] = {}
        routers_seen: list[Router[Any]] = []
        problems = list(self._collect(routers, (), routers_seen))
        self.routes = tuple(sorted(self._chains, key=lambda route: route.rank))
        self.flows = tuple(dict.fromkeys(router.flow for router in routers_seen))
        problems += find_problems(self.routes, self.flows)
        for route in (error for router in routers_seen for error in router.errors):
            problems += argument_problem(route.handler, 3, str(route.place))
        if problems:
            raise RouteError("the routes do not fit together:\n" + "\n".join(dict.fromkeys(problems)))
        # Filled as types of events are met: every channel may bring its own.
        self._by_event: dict[type[Event], tuple[Route, ...]] = {}
        self._where = {route: route.where for route in self.routes}
        self._middlewares = {route: [router.middlewares for router in chain] for route, chain in self._chains.items()}
        self._states = {
            route: frozenset(filter(route.is_in, route.flow.state_names())) for route in self.routes if route.states
        }
        self._at_once = {route for route in self.routes if _never_waits(route.handler)}

    def where(self, matched: Matched) -> str:
        """Returns where the route was registered, such as `handlers/parcel.py:14`."""
        return self._where[matched.route]

    def never_waits(self, matched: Matched) -> bool:
        """Whether `run` is over in one step: the handler is a coroutine without an `await`, and in no middleware."""
        route = matched.route
        if route not in self._at_once:
            return False
        return not any(self._middlewares[route])

    def match(self, event: Event, state_of: StateOf, *, is_paused: bool = False) -> Matched | None:
        """Returns the first route that takes the event in the present state, or None.

        In a paused conversation, only the routes for that are asked about what the person does.
        """
        for_paused = is_paused and event.is_from_user
        flow, state = None, ""
        for route in self._by_event.get(type(event)) or self._routes_for(type(event)):
            if route.for_paused != for_paused:
                continue
            if route.states:
                if route.router.flow is not flow:
                    flow = route.router.flow
                    state = state_of(flow)
                if state not in self._states[route]:
                    continue
            captures = route.captures(event)
            if captures is not None:
                return Matched(route, captures)
        return None

    async def run(self, matched: Matched, event: Event, ctx: "Context[Any]") -> None:
        """Calls the handler inside its middlewares, those of outer routers around those of inner ones.

        A plain function runs in a thread, so that it does not hold up other conversations.
        """
        call: CallNext = partial(_call, matched.route.handler, event, ctx)
        chain = self._chains[matched.route]
        for middleware in reversed([middleware for router in chain for middleware in router.middlewares]):
            call = partial(middleware, event, ctx, call)
        await call()

    async def handle_error(self, matched: Matched, event: Event, ctx: "Context[Any]", error: Exception) -> bool:
        """Gives the error to the nearest error handler that takes it; returns whether there was one."""
        for router in reversed(self._chains[matched.route]):
            for route in router.errors:
                if isinstance(error, route.types):
                    await _call(route.handler, event, ctx, error)
                    return True
        return False

    def explain(self, event: Event, state_of: StateOf) -> str:
        """Returns why no route takes the event: what it is, the state, and the route that comes nearest.

        Of a message it tells no word.
        """
        flows = [flow for flow in self.flows if flow is not Flow]
        states = [f"{flow.__name__} {state_of(flow)!r}" if len(flows) > 1 else repr(state_of(flow)) for flow in flows]
        state = f" in state {', '.join(states)}" if states else ""
        nearest = self._nearest(event)
        return f"no handler for {_named(event)}{state}" + (f"; nearest: {nearest.describe()}" if nearest else "")

    def _routes_for(self, kind: type[Event]) -> tuple[Route, ...]:
        found = self._by_event.get(kind)
        if found is None:
            found = self._by_event[kind] = tuple(route for route in self.routes if issubclass(kind, route.events))
        return found

    def _nearest(self, event: Event) -> Route | None:
        routes = [route for route in self._routes_for(type(event)) if not route.for_paused]
        for route in routes:
            # A filter of the application's own was not asked outside its state, and may rely on that.
            if all(hasattr(ask, "describe") for ask in route.filters) and route.captures(event) is not None:
                return route
        if not isinstance(event, ButtonPressed):
            return None
        likeness = {route: _likeness(route, event.value) for route in routes}
        best = max(likeness, key=lambda route: likeness[route], default=None)
        return best if best and likeness[best] >= 0.5 else None

    def _collect(self, parts: Sequence[Route | Router[Any]], chain: _Chain, seen: list[Router[Any]]) -> Iterator[str]:
        for part in parts:
            if isinstance(part, Route):
                self._chains[part] = chain
            elif part in seen:
                yield f"{part.name}: this router is included twice or in a circle\n  fix: include it in one place"
            else:
                seen.append(part)
                yield from self._collect(part.parts, (*chain, part), seen)


async def _call(function: Callable[..., Awaitable[None] | None], *args: object) -> None:
    is_coroutine = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__)
    result = function(*args) if is_coroutine else await asyncio.to_thread(function, *args)
    if inspect.isawaitable(result):
        await result


def _never_waits(handler: Callable[..., object]) -> bool:
    if not inspect.isfunction(handler) or not handler.__code__.co_flags & inspect.CO_COROUTINE:
        return False
    # Whatever waits does so by this instruction, `async for` and `async with` as well.
    return all(step.opname != "SEND" for step in dis.get_instructions(handler))


def _likeness(route: Route, value: str) -> float:
    patterns = [ask.pattern for ask in route.filters if isinstance(ask, ButtonPattern)]
    return max((SequenceMatcher(None, pattern, value).ratio() for pattern in patterns), default=0)


def _named(event: Event) -> str:
    if isinstance(event, ButtonPressed):
        return f"button {event.value[:64]!r}"
    if isinstance(event, TimerFired):
        return f"timeout of {event.flow} in {event.state!r}" if event.flow else f"timer {event.name!r}"
    if isinstance(event, SignalReceived):
        return f"signal {event.name!r}"
    if isinstance(event, MessageReceived):
        kinds = {"location": event.location, "contact": event.contact, "text": event.text}
        return event.media.kind if event.media else next((name for name, value in kinds.items() if value), "message")
    return type(event).__name__
