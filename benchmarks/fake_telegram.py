"""A platform that answers the Bot API's calls at once, and tells of each message sent."""

import asyncio
import time
from collections.abc import Callable
from typing import cast

import msgspec

from benchmarks.wire import Messages, fields, target

_encode = msgspec.json.encode
OnReply = Callable[[int, str], None]

BOT = b'{"id":123456789,"is_bot":true,"first_name":"Bench","username":"bench_bot"}'
_TRUE = b'{"ok":true,"result":true}'
_ME = (
    b'{"ok":true,"result":{"id":123456789,"is_bot":true,"first_name":"Bench","username":"bench_bot",'
    b'"can_join_groups":true,"can_read_all_group_messages":false,"supports_inline_queries":false}}'
)
_SENT = (
    b'{"ok":true,"result":{"message_id":%d,"from":' + BOT + b',"chat":{"id":%d,"first_name":"Olena","type":"private"},'
    b'"date":%d,"text":%s}}'
)
_ANSWER = b"HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"


class FakeTelegram:
    """Listens on a free port of the loopback. `on_reply` is told the chat and the text of every sendMessage."""

    def __init__(self) -> None:
        self.on_reply: OnReply = lambda chat, text: None
        #: The chat whose messages nobody is told of.
        self.ignored = 0
        self.last_message = 0
        #: How often each method was called.
        self.calls: dict[str, int] = {}
        #: The secret that a bot registered for its webhook, if it did.
        self.secret = ""
        self._server: asyncio.Server | None = None
        #: Those that bots have open.
        self.connections: set[asyncio.Transport] = set()

    async def start(self) -> str:
        """Starts to listen; returns the address for bots."""
        self._server = await asyncio.get_running_loop().create_server(lambda: _Connection(self), "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def stop(self) -> None:
        """Stops to listen, and hangs up."""
        if self._server is not None:
            self._server.close()
        for connection in self.connections:
            connection.close()

    def answer(self, head: bytes, body: bytes) -> bytes:
        """Answers one call."""
        method = target(head).split(b"?", 1)[0].rsplit(b"/", 1)[-1].decode()
        self.calls[method] = self.calls.get(method, 0) + 1
        if method == "sendMessage":
            return self._send_message(fields(head, body))
        if method == "setWebhook":
            self.secret = fields(head, body).get("secret_token", "")
        return _ME if method == "getMe" else _TRUE

    def _send_message(self, given: dict[str, str]) -> bytes:
        chat, text = int(given["chat_id"]), given["text"]
        self.last_message += 1
        if chat != self.ignored:
            self.on_reply(chat, text)
        return _SENT % (self.last_message, chat, time.time(), _encode(text))


class _Connection(asyncio.Protocol):
    def __init__(self, platform: FakeTelegram) -> None:
        self._platform = platform
        self._messages = Messages()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop has transports of its own kind.
        self._transport = cast(asyncio.Transport, transport)
        self._platform.connections.add(self._transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._platform.connections.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        for head, body in self._messages.feed(data):
            answer = self._platform.answer(head, body)
            self._transport.write(_ANSWER % (len(answer), answer))
