"""`Route`: which handler answers which events, in which states; and the types of the decorators that make one."""

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

from msgspec import Struct

from botkit.events import Event
from botkit.filters import Filter
from botkit.flow import Flow
from botkit.place import Place

if TYPE_CHECKING:
    from botkit.context import Context

F = TypeVar("F", bound=Flow)
E = TypeVar("E", bound=Event)
X = TypeVar("X", bound=Event)
Err = TypeVar("Err", bound=Exception)
AnyErr = TypeVar("AnyErr", bound=Exception)
R = TypeVar("R", bound=Awaitable[None] | None)

#: What a route calls: `handler(event, ctx)`, a coroutine or a plain function.
Handler = Callable[[Any, Any], Awaitable[None] | None]


class Register(Protocol[E, F]):
    """A decorator for a handler that takes these events, and perhaps others; returns the function unchanged."""

    # The union says that the handler may take more than E, and keeps what it takes for the next decorator.
    def __call__(self, handler: "Callable[[E | X, Context[F]], R]", /) -> "Callable[[E | X, Context[F]], R]":
        """Registers the handler."""
        ...


class RegisterError(Protocol[Err, F]):
    """A decorator for an error handler that takes these errors; returns the function unchanged."""

    def __call__(
        self, handler: "Callable[[Event, Context[F], Err | AnyErr], R]", /
    ) -> "Callable[[Event, Context[F], Err | AnyErr], R]":
        """Registers the error handler."""
        ...


class ErrorRoute(Struct, frozen=True):
    """An error handler and the errors it is for."""

    types: tuple[type[Exception], ...]
    handler: Callable[..., Awaitable[None] | None]
    place: Place


class Owner(Protocol):
    """The router of a route: its name, and the flow of its conversations."""

    @property
    def name(self) -> str:
        """What the router is called."""
        ...

    @property
    def flow(self) -> type[Flow]:
        """What its conversations go through."""
        ...


class Route(Struct, frozen=True, eq=False):
    """A handler, the events and states it is for, and where it was registered.

    `states` is empty where any state will do; `written` is its decorator as it was written. `for_paused` ones alone
    hear what the person does while the conversation is paused, and nothing else.
    """

    events: tuple[type[Event], ...]
    filters: tuple[Filter[Any], ...]
    states: tuple[str, ...]
    handler: Handler
    router: Owner
    kind: Literal["route", "fallback"]
    place: Place
    written: str
    for_paused: bool = False

    @property
    def flow(self) -> type[Flow]:
        """The flow of its router."""
        return self.router.flow

    @property
    def where(self) -> str:
        """Where the decorator is, such as `handlers/parcel.py:14`."""
        return str(self.place)

    @property
    def rank(self) -> int:
        """Which routes are asked first: 0 those bound to states, 1 the others, 2 and 3 fallbacks in the same way.

        4 and 5 are those for paused conversations, which are never asked together with the rest.
        """
        group = 4 if self.for_paused else 2 if self.kind == "fallback" else 0
        return group + (0 if self.states else 1)

    def is_in(self, state: str) -> bool:
        """Whether it answers a conversation whose flow is in the state."""
        return not self.states or any(self.flow.matches(state, wanted) for wanted in self.states)

    def captures(self, event: Event) -> Mapping[str, str] | None:
        """Returns what the filters capture together, or None when one of them refuses the event."""
        captured: dict[str, str] = {}
        for ask in self.filters:
            answer = ask(event)
            # Nearly all are: whether something is a mapping takes long to find out.
            if isinstance(answer, (dict, Mapping)):
                captured |= answer
            elif not answer:
                return None
        return captured

    def describe(self) -> str:
        """Returns the decorator and where it is: `@router.text("hi", state="idle") at handlers/hello.py:9`."""
        return f"{self.written} at {self.where}"
