"""What an ASGI application answers in one piece, without the cost of an object that could do more."""

from msgspec import Struct
from starlette.types import Scope, Send

#: ASGI's name for an answer in one message, where the server takes it: with `status`, `headers` and `body`.
WHOLE_ANSWER = "botkit.http.response"


class Answer(Struct, frozen=True):
    """A status, and perhaps headers and a body; its length is told by itself."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""

    async def send(self, scope: Scope, send: Send) -> None:
        """Answers the request of this scope."""
        # New each time: what is between us and the server may add to the list.
        headers = [(b"content-length", b"%d" % len(self.body)), *self.headers]
        if WHOLE_ANSWER in scope.get("extensions", ()):
            await send({"type": WHOLE_ANSWER, "status": self.status, "headers": headers, "body": self.body})
        else:
            await send({"type": "http.response.start", "status": self.status, "headers": headers})
            await send({"type": "http.response.body", "body": self.body})
