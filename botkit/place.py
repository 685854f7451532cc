"""Where something is written in the application's code, for errors that point at it."""

import os
import sys
from types import FrameType

from msgspec import Struct

# Their frames lie between the application's call and the place that notices the mistake.
_OURS = frozenset({"botkit", "transitions"})


class Place(Struct, frozen=True):
    """A line of the application: `handlers/parcel.py:14`; `function` is the name of what runs there.

    The path is relative to the working directory where it lies inside it. A place without a path is unknown and
    prints as an empty string.
    """

    path: str = ""
    line: int = 0
    function: str = ""

    def __str__(self) -> str:
        return f"{shown_path(self.path)}:{self.line}" if self.path else ""


def caller() -> Place:
    """Returns the line of the nearest caller outside botkit, or an unknown place where only the standard library is."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and _package(frame) in _OURS:
        frame = frame.f_back
    if frame is None or _package(frame) in sys.stdlib_module_names:
        return Place()
    return Place(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)


def calling_module() -> str:
    """Returns the name of the nearest calling module outside botkit."""
    frame = sys._getframe(1)
    while _package(frame) in _OURS and frame.f_back is not None:
        frame = frame.f_back
    return str(frame.f_globals.get("__name__", ""))


def shown_path(path: str) -> str:
    """Returns the path relative to the working directory, or unchanged where it lies outside."""
    folder = os.getcwd() + os.sep
    return path.removeprefix(folder)


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]
