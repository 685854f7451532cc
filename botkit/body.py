"""Reading the bodies of requests: not too much, not for too long, and all of them together within a bound."""

import asyncio
from collections.abc import Awaitable, Generator
from typing import Any, Self

from msgspec import Struct
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope


class BodyError(Exception):
    """A request's body is not read."""


class BodyTooLargeError(BodyError):
    """A request's body has more bytes than it may have."""


class BodyTooSlowError(BodyError, TimeoutError):
    """A request's body did not come in its time."""


class TooMuchAtOnceError(BodyError):
    """The bodies that are here have more bytes together than they may have."""


class Bodies:
    """The bodies that are in memory: `size` bytes of at most `most`.

    What is announced does not count, only what has come: a promise of many bytes costs its sender nothing.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.size = 0


class Share(Struct):
    """The bytes of one body among all that are in memory, for as long as it is needed: until the end of a `with`."""

    bodies: Bodies
    size: int = 0

    def add(self, size: int) -> None:
        """Counts bytes that have come. Raises TooMuchAtOnceError when that is too much together."""
        self.size += size
        self.bodies.size += size
        if self.bodies.size > self.bodies.most:
            raise TooMuchAtOnceError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.bodies.size -= self.size


async def read_body(scope: Scope, receive: Receive, *, most: int, seconds: float, of: Share | None = None) -> bytes:
    """Returns the body of a request, counted in the share `of`.

    Raises BodyTooLargeError above `most` bytes, BodyTooSlowError after `seconds`, TooMuchAtOnceError, and starlette's
    ClientDisconnect.
    """
    if _announced(scope) > most:
        raise BodyTooLargeError
    begun = _Begun(receive())
    if begun.message is not None and not begun.message.get("more_body"):
        return _part(begun.message, most, of)
    try:
        async with asyncio.timeout(seconds):
            return await _read_parts(begun, receive, most, of)
    except TimeoutError:
        raise BodyTooSlowError from None


async def _read_parts(first: Awaitable[Message], receive: Receive, most: int, of: Share | None) -> bytes:
    message = await first
    chunks = [_part(message, most, of)]
    while message.get("more_body"):
        most -= len(chunks[-1])
        message = await receive()
        chunks.append(_part(message, most, of))
    return b"".join(chunks)


class _Begun:
    """Waits for a message whose coroutine has taken its first step: where it was there, `message` is it.

    Nearly every body is there before it is asked for, and a timer for it would cost more than all of the reading.
    """

    __slots__ = ("_steps", "_waits_for", "message")

    def __init__(self, work: Awaitable[Message]) -> None:
        self.message: Message | None = None
        self._waits_for: Any = None
        self._steps = work.__await__()
        try:
            self._waits_for = next(self._steps)
        except StopIteration as done:
            self.message = done.value

    def __await__(self) -> Generator[Any, Any, Message]:
        if self.message is None:
            try:
                yield self._waits_for
                self.message = yield from self._steps
            finally:
                self._steps.close()
        return self.message


def _part(message: Message, most: int, of: Share | None) -> bytes:
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    part: bytes = message.get("body", b"")
    if len(part) > most:
        raise BodyTooLargeError
    if of is not None:
        of.add(len(part))
    return part


def _announced(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            # What is no number promises nothing: the bytes are counted as they come.
            return int(value[:20]) if value.isdigit() else 0
    return 0
