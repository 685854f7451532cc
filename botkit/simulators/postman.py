"""When callbacks are posted, and when one that failed is posted again."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, Protocol, TypeVar


class Waiting(Protocol):
    """A callback that waits for its next try, at an instant in seconds; `tries` have failed."""

    due_at: float
    tries: int


W = TypeVar("W", bound=Waiting)


class Postman(Generic[W]):
    """Posts callbacks, each at most once at a time, however many call for it."""

    def __init__(self, post: Callable[[W], Awaitable[None]]) -> None:
        self._post = post
        self._posting: set[int] = set()

    async def post_due(self, pending: Sequence[W], now: float, *, backwards: bool = False) -> int:
        """Posts what is due in its order, or `backwards`; returns how many were tried."""
        due = [waiting for waiting in pending if waiting.due_at <= now and id(waiting) not in self._posting]
        if backwards:
            due.reverse()
        self._posting |= set(map(id, due))
        try:
            for waiting in due:
                await self._post(waiting)
        finally:
            self._posting -= set(map(id, due))
        return len(due)


def put_off(waiting: Waiting, pauses: Sequence[float], now: float) -> bool:
    """Puts a callback that failed off by the next of the pauses; False if there is none left."""
    if waiting.tries >= len(pauses):
        return False
    waiting.due_at = now + pauses[waiting.tries]
    waiting.tries += 1
    return True
