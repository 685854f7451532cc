"""Writes updates to a bot's webhook the way Telegram does."""

import asyncio
import time
from collections.abc import Callable
from typing import cast

from benchmarks.wire import Messages, status

SECRET = "a-webhook-secret-of-32-characters"
# Seconds until an update that was not answered with 2xx is sent again.
_AGAIN = 0.2

_UPDATE = (
    '{"update_id":%d,"message":{"message_id":%d,"from":{"id":%d,"is_bot":false,"first_name":"Olena",'
    '"last_name":"Kovalenko","username":"olena","language_code":"uk"},"chat":{"id":%d,"first_name":"Olena",'
    '"last_name":"Kovalenko","username":"olena","type":"private"},"date":%d,"text":"%s"}}'
)
OnAnswer = Callable[[], None]


class Webhook:
    """The address that updates go to; a connection is kept for each update that is under way at one time."""

    def __init__(self, port: int, path: str, secret: str = SECRET) -> None:
        self.port = port
        self._head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
            f"X-Telegram-Bot-Api-Secret-Token: {secret}\r\nConnection: keep-alive\r\n"
            "Accept-Encoding: gzip, deflate\r\nContent-Length: "
        ).encode()
        self._idle: list[_Connection] = []
        self._connecting: set[asyncio.Task[None]] = set()
        self._last_update = 0
        #: How many updates were answered with anything but 2xx, or not at all, and sent again.
        self.repeated = 0

    def post(self, chat: int, text: str, on_answer: OnAnswer) -> None:
        """Sends an update, again and again until it is answered with 2xx; then `on_answer` is called."""
        self._last_update += 1
        number = self._last_update
        body = _UPDATE % (number, number, chat, chat, time.time(), text)
        self._send(self._head + b"%d\r\n\r\n%s" % (len(body), body.encode()), on_answer)

    def _send(self, request: bytes, on_answer: OnAnswer) -> None:
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed:
                connection.send(request, on_answer)
                return
        task = asyncio.get_running_loop().create_task(self._connect(request, on_answer))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    async def _connect(self, request: bytes, on_answer: OnAnswer) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, connection = await loop.create_connection(lambda: _Connection(self), "127.0.0.1", self.port)
        except OSError:
            self.failed(request, on_answer)
            return
        connection.send(request, on_answer)

    def failed(self, request: bytes, on_answer: OnAnswer) -> None:
        """Sends an update again, after a while."""
        self.repeated += 1
        asyncio.get_running_loop().call_later(_AGAIN, self._send, request, on_answer)

    def free(self, connection: "_Connection") -> None:
        """Takes a connection back for the next update."""
        self._idle.append(connection)

    def close(self) -> None:
        """Closes the connections that are not in use."""
        for connection in self._idle:
            connection.close()


class _Connection(asyncio.Protocol):
    def __init__(self, webhook: Webhook) -> None:
        self._webhook = webhook
        self._messages = Messages()
        self._request = b""
        self._on_answer: OnAnswer | None = None
        self.is_closed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop has transports of its own kind.
        self._transport = cast(asyncio.Transport, transport)

    def send(self, request: bytes, on_answer: OnAnswer) -> None:
        self._request, self._on_answer = request, on_answer
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        for head, _ in self._messages.feed(data):
            on_answer, self._on_answer = self._on_answer, None
            if on_answer is None:
                raise ValueError("an answer that nobody asked for")
            if b"\r\nconnection: close" in head.lower():
                self.close()
            else:
                self._webhook.free(self)
            if 200 <= status(head) < 300:
                on_answer()
            else:
                self._webhook.failed(self._request, on_answer)

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_closed = True
        if self._on_answer is not None:
            self._webhook.failed(self._request, self._on_answer)

    def close(self) -> None:
        self.is_closed = True
        self._transport.close()
