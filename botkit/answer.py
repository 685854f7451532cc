"""What an ASGI application answers in one piece, without the cost of an object that could do more."""

from msgspec import Struct
from starlette.types import Send


class Answer(Struct, frozen=True):
    """A status, and perhaps headers and a body; its length is told by itself."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""

    async def send(self, send: Send) -> None:
        """Sends all of it."""
        # New each time: what is between us and the server may add to the list.
        headers = [(b"content-length", b"%d" % len(self.body)), *self.headers]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})
