"""Reading the bodies of requests: not too much, not for too long, and all of them together within a bound."""

import asyncio
from typing import Self

from starlette.requests import Request


class BodyTooLargeError(Exception):
    """A request's body has more bytes than it may have."""


class TooMuchAtOnceError(Exception):
    """The bodies that are here have more bytes together than they may have."""


class Bodies:
    """The bodies that are in memory: `size` bytes of at most `most`.

    What is announced does not count, only what has come: a promise of many bytes costs its sender nothing.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.size = 0

    def share(self) -> "Share":
        """Counts one body for as long as it is needed: until the end of a `with` block."""
        return Share(self)


class Share:
    """The bytes of one body among all that are in memory."""

    __slots__ = ("_bodies", "size")

    def __init__(self, bodies: Bodies) -> None:
        self._bodies = bodies
        self.size = 0

    def add(self, size: int) -> None:
        """Counts bytes that have come. Raises TooMuchAtOnceError when that is too much together."""
        self.size += size
        self._bodies.size += size
        if self._bodies.size > self._bodies.most:
            raise TooMuchAtOnceError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._bodies.size -= self.size


async def read_body(request: Request, *, most: int, seconds: float, of: Share | None = None) -> bytes:
    """Returns the body of a request, counted in the share `of`.

    Raises BodyTooLargeError above `most` bytes, TimeoutError after `seconds`, TooMuchAtOnceError, and starlette's
    ClientDisconnect.
    """
    if _announced(request) > most:
        raise BodyTooLargeError
    chunks: list[bytes] = []
    size = 0
    async with asyncio.timeout(seconds):
        async for chunk in request.stream():
            size += len(chunk)
            if size > most:
                raise BodyTooLargeError
            if of is not None:
                of.add(len(chunk))
            chunks.append(chunk)
    return b"".join(chunks)


def _announced(request: Request) -> int:
    text = next((value for name, value in request.scope["headers"] if name == b"content-length"), b"")
    # What is no number promises nothing: the bytes are counted as they come.
    return int(text[:20]) if text.isdigit() else 0
