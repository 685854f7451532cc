"""What a route asks of an event beyond its type; what a filter captures is in `ctx.match`.

A filter is any callable that takes the event and returns a mapping of captures, or whether it matches. The ones here
are values: equal filters make equal routes.
"""

import re
from collections.abc import Callable, Mapping
from itertools import pairwise, zip_longest
from typing import TypeVar

from msgspec import Struct

from botkit.events import ButtonPressed, Event, MediaKind, MessageReceived, SignalReceived, TimerFired
from botkit.exceptions import RouteError
from botkit.trigger import is_inside

E = TypeVar("E", bound=Event)

Captures = Mapping[str, str] | bool
Filter = Callable[[E], Captures]

#: Characters of a text that are searched; it bounds the time that a pattern can take on what a stranger wrote.
SEARCHED_CHARACTERS = 4096

_COMMAND = re.compile(r"/(\w+)(?:@\w+)?(?:\s+(.*))?", re.DOTALL)
_BUTTON_PART = re.compile(r"\{(?P<name>[^\W\d]\w*)\}|(?:[^{}]|\{\{|\}\})+")


class TextPattern(Struct, frozen=True):
    r"""A text or caption in which the regular expression is found, anywhere unless it says `^` or `$`.

    Captures named groups by name and the others as "1", "2", ...; a group that took no part is absent. The first 4096
    characters are searched. A message without text never matches.
    """

    regex: re.Pattern[str]

    def __call__(self, event: MessageReceived) -> Captures:
        """Returns what it captures in the event, or whether it matches."""
        found = self.regex.search(event.text[:SEARCHED_CHARACTERS]) if event.text else None
        if found is None:
            return False
        return _groups(found) if self.regex.groups else {}

    def describe(self) -> str:
        """Returns it in a few words."""
        return f"text {self.regex.pattern!r}" if self.regex.pattern else "text"


class Command(Struct, frozen=True):
    """`/name`, in whatever case, also as `/name@bot`; captures what follows it as "args"."""

    names: tuple[str, ...]

    def __call__(self, event: MessageReceived) -> Captures:
        """Returns what it captures in the event, or whether it matches."""
        found = _COMMAND.fullmatch(event.text)
        if not found or found[1].casefold() not in map(str.casefold, self.names):
            return False
        return {"args": (found[2] or "").strip()}

    def describe(self) -> str:
        """Returns it in a few words."""
        return f"command {' '.join('/' + name for name in self.names)}"


class ButtonPattern(Struct, frozen=True):
    """A whole button value like `"day:{day}"`, where `{day}` is captured; `{{` and `}}` stand for the braces.

    A capture is one character or more and does not contain the text that follows it in the pattern, so that
    `"{city}:{day}"` splits at the first colon.
    """

    pattern: str
    regex: re.Pattern[str]

    @classmethod
    def parse(cls, pattern: str) -> "ButtonPattern":
        """Returns the filter for a pattern; raises `RouteError` for one that is not well formed."""
        parts = list(_BUTTON_PART.finditer(pattern))
        names = [part["name"] for part in parts if part["name"]]
        is_adjacent = any(one["name"] and two["name"] for one, two in pairwise(parts))
        if not pattern or "".join(part[0] for part in parts) != pattern or is_adjacent or len({*names}) < len(names):
            fix = 'write captures as {name}, each name once, with text between them: "day:{day}"'
            raise RouteError(f"button pattern {pattern!r} is not well formed", fix=fix)
        return cls(pattern, re.compile(_button_regex(parts), re.DOTALL))

    def __call__(self, event: ButtonPressed) -> Captures:
        """Returns what it captures in the event, or whether it matches."""
        found = self.regex.fullmatch(event.value)
        return found.groupdict() if found else False

    def describe(self) -> str:
        """Returns it in a few words."""
        return f"button {self.pattern!r}"


class HasMedia(Struct, frozen=True):
    """A message with media of one of these kinds."""

    kinds: frozenset[MediaKind]

    def __call__(self, event: MessageReceived) -> Captures:
        """Returns what it captures in the event, or whether it matches."""
        return event.media is not None and event.media.kind in self.kinds

    def describe(self) -> str:
        """Returns it in a few words."""
        return "/".join(sorted(self.kinds))


class HasLocation(Struct, frozen=True):
    """A message with a place."""

    def __call__(self, event: MessageReceived) -> Captures:
        """Returns what it captures in the event, or whether it matches."""
        return event.location is not None

    def describe(self) -> str:
        """Returns it in a few words."""
        return "location"


class HasContact(Struct, frozen=True):
    """A message with a phone number that was shared."""

    def __call__(self, event: MessageReceived) -> Captures:
        """Returns what it captures in the event, or whether it matches."""
        return event.contact is not None

    def describe(self) -> str:
        """Returns it in a few words."""
        return "contact"


class TimerNamed(Struct, frozen=True):
    """A timer that was set with `ctx.after` under this name."""

    name: str

    def __call__(self, event: TimerFired) -> Captures:
        """Returns what it captures in the event, or whether it matches."""
        return event.name == self.name and not event.flow

    def describe(self) -> str:
        """Returns it in a few words."""
        return f"timer {self.name!r}"


class SignalNamed(Struct, frozen=True):
    """A signal that was sent with `ctx.signal` under this name."""

    name: str

    def __call__(self, event: SignalReceived) -> Captures:
        """Returns what it captures in the event, or whether it matches."""
        return event.name == self.name

    def describe(self) -> str:
        """Returns it in a few words."""
        return f"signal {self.name!r}"


class TimeoutOf(Struct, frozen=True):
    """The timeout of a flow's state, or of one inside it."""

    flow: str
    state: str

    def __call__(self, event: TimerFired) -> Captures:
        """Returns what it captures in the event, or whether it matches."""
        return event.flow == self.flow and is_inside(event.state, self.state)

    def describe(self) -> str:
        """Returns it in a few words."""
        return f"timeout of {self.flow} in {self.state!r}"


def describe(filter_: Filter[E]) -> str:
    """Returns a filter in a few words: its own, else the name of the function."""
    own: Callable[[], str] | None = getattr(filter_, "describe", None)
    return own() if own else str(getattr(filter_, "__name__", type(filter_).__name__))


def _groups(found: re.Match[str]) -> dict[str, str]:
    names = {number: name for name, number in found.re.groupindex.items()}
    return {names.get(i, str(i)): text for i, text in enumerate(found.groups(), start=1) if text is not None}


def _button_regex(parts: list[re.Match[str]]) -> str:
    regex = ""
    for part, following in zip_longest(parts, parts[1:]):
        if part["name"]:
            stop = f"(?!{_literal(following)})" if following else ""
            regex += f"(?P<{part['name']}>(?:{stop}.)+)"
        else:
            regex += _literal(part)
    return regex


def _literal(part: re.Match[str]) -> str:
    return re.escape(part[0].replace("{{", "{").replace("}}", "}"))
