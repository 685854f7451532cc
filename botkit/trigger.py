"""The words of a flow's definition: `State`, `Trigger`, `After`."""

from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from functools import partial
from typing import Any, Protocol, Self, overload

from msgspec import Struct

from botkit.exceptions import FlowError
from botkit.place import caller

Hook = str | Callable[[Any], object]

_LONGEST = 366 * 86_400


class After(Struct, frozen=True, kw_only=True):
    """A span of time, more than nothing and at most 366 days; as a timeout, it calls `trigger` when it is over."""

    seconds: float = 0
    minutes: float = 0
    hours: float = 0
    days: float = 0
    trigger: str = ""

    def __post_init__(self) -> None:
        if not 0 < self.total_seconds() <= _LONGEST:
            text = f"{caller()}  After(...) must be more than 0 seconds and at most 366 days"
            raise FlowError(text.strip(), fix="change its length")

    def total_seconds(self) -> float:
        """Returns the whole length in seconds."""
        return self.seconds + 60 * self.minutes + 3600 * self.hours + 86_400 * self.days

    def __str__(self) -> str:
        parts = {"d": self.days, "h": self.hours, "min": self.minutes, "s": self.seconds}
        return " ".join(f"{number:g} {unit}" for unit, number in parts.items() if number)


class State(Struct, frozen=True):
    """A state with states inside, named like `order.size`; entering it enters `initial`, by default the first."""

    name: str
    states: "tuple[str | State, ...]"
    initial: str = ""

    @property
    def first(self) -> str:
        """The name of the state inside that is entered, or an empty string where there is none."""
        names = [state if isinstance(state, str) else state.name for state in self.states]
        return self.initial or (names[0] if names else "")


class _Fires(Protocol):
    def _fire(self, trigger: "Trigger") -> bool: ...


class Trigger:
    """A named move of a flow: `ctx.flow.ask()` makes it.

    The call returns True, or False when a guard refuses; it raises `IllegalMoveError` when there is no such move
    from the present state. A source of `"*"` is every state. `conditions` must all hold and `unless` must not;
    `before` and `after` run around the move, in order. Each of them is the name of a method or attribute of the
    flow, a callable that takes the flow, or a sequence of these. When one raises, state and data stay as they were.
    """

    def __init__(
        self,
        source: str | Sequence[str],
        dest: str,
        *,
        conditions: Hook | Sequence[Hook] = (),
        unless: Hook | Sequence[Hook] = (),
        before: Hook | Sequence[Hook] = (),
        after: Hook | Sequence[Hook] = (),
    ) -> None:
        self.name = ""
        self.place = caller()
        self.sources = (source,) if isinstance(source, str) else tuple(source)
        self.dest = dest
        self.conditions = _hooks(conditions)
        self.unless = _hooks(unless)
        self.before = _hooks(before)
        self.after = _hooks(after)

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, flow: None, owner: type) -> Self: ...
    @overload
    def __get__(self, flow: _Fires, owner: type) -> Callable[[], bool]: ...
    def __get__(self, flow: _Fires | None, owner: type) -> Self | Callable[[], bool]:
        return self if flow is None else partial(flow._fire, self)

    def starts_in(self, state: str) -> bool:
        """Whether the move is possible from the state, guards aside."""
        return any(source == "*" or is_inside(state, source) for source in self.sources)

    @property
    def hooks(self) -> tuple[Hook, ...]:
        """All its guards and callbacks."""
        return self.conditions + self.unless + self.before + self.after

    @property
    def label(self) -> str:
        """Its name, with its guards in brackets."""
        guards = [hook_name(hook) for hook in self.conditions] + [f"not {hook_name(hook)}" for hook in self.unless]
        return f"{self.name} [{', '.join(guards)}]" if guards else self.name


def is_inside(current: str, wanted: str) -> bool:
    """Whether a conversation in `current` is also in `wanted`: "order.size" is also in "order"."""
    return current == wanted or current.startswith(wanted + ".")


def hook_name(hook: Hook) -> str:
    """Returns what to call a hook in a text."""
    return hook if isinstance(hook, str) else str(getattr(hook, "__name__", type(hook).__name__))


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Returns "; did you mean 'address'?" for the nearest known name, or an empty string where none is near."""
    near = get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _hooks(hooks: Hook | Sequence[Hook]) -> tuple[Hook, ...]:
    return (hooks,) if isinstance(hooks, str) or callable(hooks) else tuple(hooks)
