"""Timers of a conversation: events that come later."""

from msgspec import Struct

#: How the names of timers begin that deliver an event of their own: `ctx.after` takes none that begins with "flow:".
LATER = "flow:="


class Timer(Struct, frozen=True):
    """A timer to set, or with `due_ms` 0 to cancel; `payload` is the encoded `TimerFired`."""

    name: str
    due_ms: int
    payload: bytes = b""


class DueTimer(Struct, frozen=True):
    """A timer whose time has come."""

    cid: str
    timer: Timer
