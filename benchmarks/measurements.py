"""What was measured, a line of JSON each, so that a run that was stopped can go on."""

from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Raw, Struct

T = TypeVar("T")


class Key(Struct, frozen=True):
    """What was measured: a part of the plan, a bot, a case (`16` conversations, say), and the round."""

    part: str
    name: str
    case: int
    round: int


class _Line(Struct):
    key: Key
    figures: Raw


class Measurements:
    """The lines of one file; each is on the disk as soon as it is added."""

    def __init__(self, path: Path, *, resume: bool) -> None:
        self._path = path
        self._found: dict[Key, Raw] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        if resume and path.exists():
            lines = [msgspec.json.decode(line, type=_Line) for line in path.read_bytes().splitlines()]
            self._found = {line.key: line.figures for line in lines}
        else:
            path.write_bytes(b"")

    def __contains__(self, key: Key) -> bool:
        return key in self._found

    def add(self, key: Key, figures: object) -> None:
        """Keeps figures."""
        raw = Raw(msgspec.json.encode(figures))
        with self._path.open("ab") as file:
            file.write(msgspec.json.encode(_Line(key, raw)) + b"\n")
        self._found[key] = raw

    def rounds(self, part: str, name: str, case: int, type: type[T]) -> list[T]:
        """Returns the figures of all rounds, the first first."""
        keys = sorted((key for key in self._found if (key.part, key.name, key.case) == (part, name, case)), key=_round)
        return [msgspec.json.decode(self._found[key], type=type) for key in keys]

    def names(self, part: str) -> list[str]:
        """Returns who was measured in a part, in the order of measuring."""
        return list(dict.fromkeys(key.name for key in self._found if key.part == part))

    def cases(self, part: str) -> list[int]:
        """Returns the cases of a part, in ascending order."""
        return sorted({key.case for key in self._found if key.part == part})

    def __iter__(self) -> Iterator[Key]:
        return iter(self._found)


def _round(key: Key) -> int:
    return key.round
