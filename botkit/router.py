"""`Router` collects the handlers of one topic: what `@router.text(...)` and its like decorate."""

import inspect
import re
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, Generic, Literal, ParamSpec, TypeVar, overload

from botkit.events import (
    AgentRequested,
    ButtonPressed,
    ConversationResumed,
    ConversationStarted,
    Event,
    MediaKind,
    MessageDelivered,
    MessageExpired,
    MessageFailed,
    MessageReceived,
    MessageSeen,
    SignalReceived,
    Subscribed,
    TimerFired,
    Unsubscribed,
)
from botkit.exceptions import RouteError
from botkit.filters import (
    ButtonPattern,
    Command,
    Filter,
    HasContact,
    HasLocation,
    HasMedia,
    SignalNamed,
    TextPattern,
    TimeoutOf,
    TimerNamed,
)
from botkit.flow import Flow
from botkit.place import caller, calling_module
from botkit.route import E, Err, ErrorRoute, F, Handler, Register, RegisterError, Route

if TYPE_CHECKING:
    from botkit.context import Context

E2 = TypeVar("E2", bound=Event)
P = ParamSpec("P")
T = TypeVar("T")

CallNext = Callable[[], Awaitable[None]]
Middleware = Callable[[Event, "Context[Any]", CallNext], Awaitable[None]]
M = TypeVar("M", bound=Middleware)
States = str | tuple[str, ...] | None


def _called(method: Callable[P, T]) -> Callable[P, T]:
    @wraps(method)
    def checked(*args: P.args, **kwargs: P.kwargs) -> T:
        if len(args) > 1 and inspect.isroutine(args[1]):
            raise TypeError(f"write the decorator with parentheses: @router.{method.__name__}(...)")
        return method(*args, **kwargs)

    return checked


class Router(Generic[F]):
    """The handlers of one topic, in the order written, for conversations with one flow.

    Every method but `include` is a decorator and is written with parentheses. `state` binds a handler to a state of
    the flow or to several; without it, any state will do. The first route that matches an event wins: those bound to
    states first, then the others, then fallbacks in the same way.
    """

    @overload
    def __init__(self: "Router[Flow]", *, name: str = "") -> None: ...
    @overload
    def __init__(self, flow: type[F], *, name: str = "") -> None: ...
    def __init__(self, flow: type[Any] = Flow, *, name: str = "") -> None:
        self.flow: type[F] = flow
        self.name = name or calling_module()
        self.parts: list[Route | Router[Any]] = []
        self.middlewares: list[Middleware] = []
        self.errors: list[ErrorRoute] = []

    def __repr__(self) -> str:
        return f"<Router {self.name}>"

    @overload
    def on(
        self, event: type[E], /, *filters: Filter[E], state: States = None, paused: bool = False
    ) -> Register[E, F]: ...
    @overload
    def on(
        self, event: tuple[type[E], type[E2]], /, *filters: Filter[E | E2], state: States = None, paused: bool = False
    ) -> Register[E | E2, F]: ...
    @overload
    def on(
        self, event: tuple[type[E], ...], /, *filters: Filter[E], state: States = None, paused: bool = False
    ) -> Register[E, F]: ...
    def on(
        self,
        event: type[Event] | tuple[type[Event], ...],
        /,
        *filters: Filter[Any],
        state: States = None,
        paused: bool = False,
    ) -> Register[Any, F]:
        """Registers a handler for events of a type, or of several, that every filter lets through.

        With `paused` it hears only what the person does while the conversation is paused, as `paused()` does.
        """
        events = event if isinstance(event, tuple) else (event,)
        if not _are_types(events, Event):
            raise TypeError("write the decorator with an event type: @router.on(MessageReceived)")
        # What is not the person's doing goes on as always in a paused conversation.
        idle = [kind for kind in events if kind is not Event and kind.is_from_user is Event.is_from_user]
        if paused and idle:
            text = (
                f"{caller()}  {idle[0].__name__} is not the person's doing: a pause does not keep it from other routes"
            )
            raise RouteError(text, fix="take paused=True away")
        return self._add(events, filters, state, "on", *[kind.__name__ for kind in events], paused=paused)

    @_called
    def text(self, pattern: str | re.Pattern[str] = "", *, state: States = None) -> Register[MessageReceived, F]:
        """Registers a handler for messages with the regular expression in text or caption; see `TextPattern`."""
        try:
            ask = TextPattern(re.compile(pattern))
        except re.error as error:
            text = f"{caller()}  {pattern!r} is not a regular expression: {error}"
            raise RouteError(text, fix="escape what is meant literally with a backslash") from None
        written = [_quoted(ask.regex.pattern)] if ask.regex.pattern else []
        return self._add((MessageReceived,), (ask,), state, "text", *written)

    @_called
    def command(self, *names: str, state: States = None) -> Register[MessageReceived, F]:
        """Registers a handler for `/name` or any of several such commands; `ctx.match["args"]` is what follows."""
        if "start" in map(str.casefold, names):
            text = f"{caller()}  /start arrives as ConversationStarted, on every channel"
            raise RouteError(text, fix="use @router.started()")
        if not names or any(re.fullmatch(r"\w+", name) is None for name in names):
            text = f"{caller()}  a command is a name of letters, digits and underscores"
            raise RouteError(text, fix='write it without a slash: @router.command("track")')
        return self._add((MessageReceived,), (Command(names),), state, "command", *map(_quoted, names))

    @_called
    def button(self, pattern: str, *, state: States = None) -> Register[ButtonPressed, F]:
        """Registers a handler for buttons whose value has the pattern, such as `"day:{day}"`; see `ButtonPattern`."""
        try:
            ask = ButtonPattern.parse(pattern)
        except RouteError as error:
            raise RouteError(f"{caller()}  {error.what}", fix=error.fix) from None
        return self._add((ButtonPressed,), (ask,), state, "button", _quoted(pattern))

    @_called
    def photo(self, *, state: States = None) -> Register[MessageReceived, F]:
        """Registers a handler for pictures."""
        return self._media("image", state, "photo")

    @_called
    def file(self, *, state: States = None) -> Register[MessageReceived, F]:
        """Registers a handler for files that are sent as such; `on` with `HasMedia` takes the other kinds of media."""
        return self._media("file", state, "file")

    @_called
    def location(self, *, state: States = None) -> Register[MessageReceived, F]:
        """Registers a handler for places."""
        return self._add((MessageReceived,), (HasLocation(),), state, "location")

    @_called
    def contact(self, *, state: States = None) -> Register[MessageReceived, F]:
        """Registers a handler for phone numbers that are shared."""
        return self._add((MessageReceived,), (HasContact(),), state, "contact")

    @_called
    def started(self, *, state: States = None) -> Register[ConversationStarted, F]:
        """Registers a handler for people who open the chat, Telegram's /start among them."""
        return self._add((ConversationStarted,), (), state, "started")

    @_called
    def subscribed(self, *, state: States = None) -> Register[Subscribed, F]:
        """Registers a handler for people who allow messages."""
        return self._add((Subscribed,), (), state, "subscribed")

    @_called
    def unsubscribed(self, *, state: States = None) -> Register[Unsubscribed, F]:
        """Registers a handler for people who block the bot or leave; nothing can be sent to them."""
        return self._add((Unsubscribed,), (), state, "unsubscribed")

    @_called
    def delivered(self, *, state: States = None) -> Register[MessageDelivered, F]:
        """Registers a handler for messages that reached a device."""
        return self._add((MessageDelivered,), (), state, "delivered")

    @_called
    def seen(self, *, state: States = None) -> Register[MessageSeen, F]:
        """Registers a handler for messages that were seen."""
        return self._add((MessageSeen,), (), state, "seen")

    @_called
    def failed(self, *, state: States = None) -> Register[MessageFailed, F]:
        """Registers a handler for messages that will not arrive."""
        return self._add((MessageFailed,), (), state, "failed")

    @_called
    def expired(self, *, state: States = None) -> Register[MessageExpired, F]:
        """Registers a handler for messages that were not delivered within their `ttl`."""
        return self._add((MessageExpired,), (), state, "expired")

    @_called
    def agent_requested(self, *, state: States = None) -> Register[AgentRequested, F]:
        """Registers a handler for people who ask for a person."""
        return self._add((AgentRequested,), (), state, "agent_requested")

    @_called
    def paused(self, *, state: States = None) -> Register[MessageReceived | ButtonPressed, F]:
        """Takes messages and buttons while the conversation is paused; no other route, no fallback hears of them."""
        return self._add((MessageReceived, ButtonPressed), (), state, "paused", paused=True)

    @_called
    def resumed(self, *, state: States = None) -> Register[ConversationResumed, F]:
        """Registers a handler for the end of a pause, by `ctx.resume()` or because its time ran out."""
        return self._add((ConversationResumed,), (), state, "resumed")

    @_called
    def signal(self, name: str, *, state: States = None) -> Register[SignalReceived, F]:
        """Registers a handler for the signal that another conversation sent with `ctx.signal` under the name."""
        return self._add((SignalReceived,), (SignalNamed(name),), state, "signal", _quoted(name))

    @_called
    def timer(self, name: str, *, state: States = None) -> Register[TimerFired, F]:
        """Registers a handler for the timer that `ctx.after` set under the name."""
        return self._add((TimerFired,), (TimerNamed(name),), state, "timer", _quoted(name))

    @_called
    def timeout(self, state: str) -> Register[TimerFired, F]:
        """Registers a handler for the timeout of a state of the flow, or of one inside it."""
        return self._add((TimerFired,), (TimeoutOf(self.flow.__name__, state),), None, "timeout", _quoted(state))

    @_called
    def fallback(self, *, state: States = None) -> Register[MessageReceived | ButtonPressed, F]:
        """Takes what no other route did: messages and buttons; one bound to states is asked before one that is not."""
        return self._add((MessageReceived, ButtonPressed), (), state, "fallback")

    @overload
    def error(self) -> RegisterError[Exception, F]: ...
    @overload
    def error(self, *types: type[Err]) -> RegisterError[Err, F]: ...
    def error(self, *types: type[Exception]) -> Any:
        """Registers `handler(event, ctx, error)` for errors of these types, or all, that handlers of this router raise.

        The nearest router is asked first, then those that include it; within one, in the order written.
        """
        if not _are_types(types, Exception):
            raise TypeError("write the decorator with types of errors: @router.error(ValueError), or @router.error()")
        place = caller()

        def register(handler: T) -> T:
            self.errors.append(ErrorRoute(types or (Exception,), handler, place))  # type: ignore[arg-type]  # RegisterError says it
            return handler

        return register

    def middleware(self, function: M) -> M:
        """Wraps every handler of this router and of those it includes: `async def mw(event, ctx, call_next)`.

        The first one registered is the outermost. One that does not call `await call_next()` keeps the event from
        the handler.
        """
        is_coroutine: bool = inspect.iscoroutinefunction(function)
        if not is_coroutine:
            raise TypeError("a middleware is `async def name(event, ctx, call_next)`")
        self.middlewares.append(function)
        return function

    def include(self, *routers: "Router[Any]") -> None:
        """Adds the routes of other routers here, in their order; a router can be included once."""
        self.parts += routers

    def _media(self, kind: MediaKind, state: States, name: str) -> Register[MessageReceived, F]:
        return self._add((MessageReceived,), (HasMedia(frozenset({kind})),), state, name)

    def _add(
        self,
        events: tuple[type[Event], ...],
        filters: tuple[Filter[Any], ...],
        state: States,
        name: str,
        *written: str,
        paused: bool = False,
    ) -> Register[Any, F]:
        states = (state,) if isinstance(state, str) else state or ()
        quoted = [_quoted(state) for state in states]
        bound = [f"state={quoted[0]}" if len(quoted) == 1 else f"state=({', '.join(quoted)})"] if states else []
        if paused and name == "on":
            bound.append("paused=True")
        kind: Literal["route", "fallback"] = "fallback" if name == "fallback" else "route"
        decorator = f"@router.{name}({', '.join([*written, *bound])})"
        place = caller()

        def register(handler: Handler) -> Handler:
            self.parts.append(Route(events, filters, states, handler, self, kind, place, decorator, paused))
            return handler

        return register  # type: ignore[return-value]  # Register says which handlers it takes


def _are_types(values: tuple[object, ...], base: type) -> bool:
    return all(isinstance(value, type) and issubclass(value, base) for value in values)


def _quoted(text: str) -> str:
    # As people write it, so that they find it.
    if '"' in text:
        return repr(text)
    return f'r"{text}"' if "\\" in text else f'"{text}"'
