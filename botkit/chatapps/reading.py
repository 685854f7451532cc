"""Reading JSON that somebody else wrote: all that is wrong with it is noted, each with its path."""

import re
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from botkit.exceptions import Problem

_SURROGATE = re.compile("[\ud800-\udfff]")
_WEB = re.compile(r"https?://[^\s/?#]\S*")
_HTTPS = re.compile(r"https://[^\s/?#]\S*")
_EXTENSION = re.compile(r"[^/]\.([A-Za-z0-9]{1,8})\Z")

#: What stands in requests for members that are not there.
_BLANKS: tuple[object, ...] = (None, "", {}, [])


class Reader:
    """An object of JSON, read member by member.

    What is wrong is added to `problems`, with the path from the object at the root. Members that are null, empty, or
    hold nothing but such members are read as if they were not there. A member that is wrong reads as one that is
    missing: every other one is still looked at.
    """

    def __init__(self, value: Mapping[str, Any], path: str, problems: list[Problem]) -> None:
        self.path = path
        self.problems = problems
        self.members = {name: member for name, member in value.items() if not is_blank(member)}
        self._asked: list[str] = []

    def __contains__(self, name: str) -> bool:
        return name in self.members

    def refuse(self, name: str, rule: str) -> None:
        """Notes that a member breaks a rule; without a name, the object itself."""
        self.problems.append(Problem(path_to(self.path, name), rule))

    def finish(self) -> None:
        """Notes every member that has not been asked for."""
        for name in self.members:
            if name not in self._asked:
                self.refuse(name[:64], f"there is no such member here{did_you_mean(name, self._asked)}")

    def ignore(self, name: str) -> None:
        """Takes a member as known, whatever it is."""
        self._asked.append(name)

    def take(self, name: str, kind: type | tuple[type, ...], what: str, *, is_required: bool = False) -> Any:
        """Returns a member of that type, None where it is missing or of another, which is noted."""
        self._asked.append(name)
        if name not in self.members:
            if is_required:
                self.refuse(name, "is needed")
            return None
        value = self.members[name]
        # A bool is an int to Python.
        if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
            return value
        self.refuse(name, f"is {what}")
        return None

    def text(
        self,
        name: str,
        *,
        most: int | None = None,
        size: Callable[[str], int] = len,
        unit: str = "characters",
        is_required: bool = False,
        is_shown: bool = True,
    ) -> str:
        """Returns a text that measures at most `most`; one that is shown has something to see."""
        value = self.take(name, str, "a text", is_required=is_required)
        if value is None:
            return ""
        if rule := _rule_of_text(value, is_shown=is_shown):
            self.refuse(name, rule)
            return ""
        if most is not None and (length := size(value)) > most:
            self.refuse(name, f"has at most {most} {unit}, not {length}")
        return str(value)

    def address(self, name: str, *, is_required: bool = False, is_secure: bool = False) -> str:
        """Returns an address of the web: http or https, or https alone."""
        value = self.text(name, is_required=is_required)
        if value and not is_web(value, is_secure=is_secure):
            start = "https://" if is_secure else "http:// or https://"
            self.refuse(name, f"is an address that starts with {start}, without spaces")
            return ""
        return value

    def word(self, name: str, words: Sequence[str], *, is_required: bool = False) -> str:
        """Returns one of these words, spelled exactly so; an empty text for any other."""
        value = self.take(name, str, "a text", is_required=is_required)
        if value is None or value in words:
            return value or ""
        self.refuse(name, f"is one of {', '.join(words)}{did_you_mean(value, words)}")
        return ""

    def flag(self, name: str) -> bool:
        """Returns true or false, false where it is missing."""
        return bool(self.take(name, bool, "true or false"))

    def whole(self, name: str, least: int, most: int, *, is_required: bool = False) -> int:
        """Returns a whole number within bounds, 0 where it is missing."""
        return int(self._within(self.take(name, int, "a whole number", is_required=is_required), name, least, most))

    def number(self, name: str, least: float, most: float, *, is_required: bool = False) -> float:
        """Returns a number within bounds, 0 where it is missing."""
        return self._within(self.take(name, (int, float), "a number", is_required=is_required), name, least, most)

    def _within(self, value: float | None, name: str, least: float, most: float) -> float:
        # A number that is none is not within anything.
        if value is not None and not least <= value <= most:
            self.refuse(name, f"is {least:,} to {most:,}, not {_shown(value)}")
            return 0
        return value or 0

    def member(self, name: str, *, is_required: bool = False) -> "Reader | None":
        """Returns the reader of an object inside, None where it is missing."""
        value = self.take(name, Mapping, "an object", is_required=is_required)
        return None if value is None else Reader(value, path_to(self.path, name), self.problems)

    def members_of(self, name: str, least: int, most: int) -> list["Reader"]:
        """Returns the readers of the objects in a list, none where it is missing."""
        found = self.take(name, (list, tuple), "a list of objects")
        values: Sequence[object] = () if found is None else found
        if values and not least <= len(values) <= most:
            self.refuse(name, f"has {f'{least} to' if least else 'at most'} {most} objects, not {len(values)}")
        readers = []
        for number, value in enumerate(values):
            if isinstance(value, Mapping):
                readers.append(Reader(value, f"{path_to(self.path, name)}[{number}]", self.problems))
            else:
                self.refuse(f"{name}[{number}]", "is an object")
        return readers

    def one_of(self, names: Sequence[str]) -> str:
        """Returns which one of these members is there; notes that it is none, or several."""
        found = [name for name in names if name in self.members]
        if len(found) == 1:
            return found[0]
        self.refuse("", f"has one of {', '.join(names)}, not {' and '.join(found) or 'none'}")
        return ""


def is_blank(value: object) -> bool:
    """Whether a member is as good as missing: null, empty, or an object of nothing but such members."""
    return value in _BLANKS or (isinstance(value, Mapping) and all(member in _BLANKS for member in value.values()))


def as_json(value: Struct) -> dict[str, Any]:
    """Returns a struct as the JSON that it is, in objects and lists."""
    members: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(value))
    return members


def is_web(url: str, *, is_secure: bool = False) -> bool:
    """Whether it is an address of the web, https alone where it must be secure."""
    try:
        # A bracket that opens and does not close is no host, and nobody could take such an address apart.
        return bool((_HTTPS if is_secure else _WEB).fullmatch(url) and urlsplit(url).hostname)
    except ValueError:
        return False


def path_to(path: str, name: str) -> str:
    """Returns the path to a member of the object at a path."""
    return f"{path}.{name}" if path and name else path or name


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """Returns "; did you mean caption?" for the nearest known name, or an empty string where none is near."""
    folded = {each.casefold(): each for each in known}
    near = get_close_matches(name[:64].casefold(), folded, n=1)
    return f"; did you mean {folded[near[0]]}?" if near else ""


def extension_of(url: str) -> str:
    """Returns what the path of an address ends in, as `pdf`; empty where that is no extension."""
    found = _EXTENSION.search(re.split("[?#]", url.partition("://")[2])[0].partition("/")[2])
    return found[1].lower() if found and not found[1].isdigit() else ""


def _shown(value: float) -> str:
    return f"{value:,}" if abs(value) < 10**12 else "this"


def _rule_of_text(value: str, *, is_shown: bool) -> str:
    if is_shown and not value.strip():
        return "has at least one character that can be seen"
    return "has no halves of surrogate pairs" if _SURROGATE.search(value) else ""
