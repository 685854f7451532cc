"""What an ASGI application answers in one piece, without the cost of an object that could do more."""

from msgspec import Struct
from starlette.types import Receive, Send


class Answer(Struct, frozen=True):
    """A status, and perhaps headers and a body; its length is told by itself."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""

    async def send(self, send: Send) -> None:
        """Answers the request that this `send` belongs to."""
        if whole_of(send).take_answer(self):
            return
        # New each time: what is between us and the server may add to the list.
        headers = [(b"content-length", b"%d" % len(self.body)), *self.headers]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


class Whole:
    """A request that may be read and answered in one piece, without waiting; this one is none, and a server's may be.

    The server that has such a request gives its own methods as `receive` and `send`. Whatever wraps one of them is in
    the way of that, as it means to be.
    """

    __slots__ = ()

    def take_body(self) -> bytes | None:
        """Returns the whole body, once; None where it must be received: not all of it is here, or some was taken."""
        return None

    def take_answer(self, answer: Answer) -> bool:
        """Writes the answer; tells whether it did, or it must be sent."""
        return False


_NONE = Whole()


def whole_of(send: Send, receive: Receive | None = None) -> Whole:
    """Returns the request that `send`, and `receive`, are a server's own methods of; else one that can nothing."""
    owner = getattr(send, "__self__", None)
    if isinstance(owner, Whole) and (receive is None or getattr(receive, "__self__", None) is owner):
        return owner
    return _NONE
