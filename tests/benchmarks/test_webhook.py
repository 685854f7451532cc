import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from benchmarks.webhook import Webhook
from benchmarks.wire import Messages

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class Server(asyncio.Protocol):
    """Answers each request with the next of `answers`, and 200 when there are no more; None hangs up."""

    def __init__(self, *answers: bytes | None) -> None:
        self.answers = list(answers)
        self.requests: list[tuple[bytes, bytes]] = []
        self.connections = 0
        self.is_quiet = asyncio.Event()
        self._open = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.connections += 1
        self._open += 1
        self.is_quiet.clear()
        # One connection is in use at a time.
        self._transport = transport
        self._messages = Messages()

    def data_received(self, data: bytes) -> None:
        for message in self._messages.feed(data):
            self.requests.append(message)
            answer = self.answers.pop(0) if self.answers else OK
            if answer is None:
                self._transport.close()
                return
            self._transport.write(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        self._open -= 1
        if not self._open:
            self.is_quiet.set()


@asynccontextmanager
async def serving(
    *answers: bytes | None,
) -> AsyncIterator[tuple[Server, Callable[[int, str], Awaitable[None]], Webhook]]:
    server = Server(*answers)
    loop = asyncio.get_running_loop()
    async with await loop.create_server(lambda: server, "127.0.0.1", 0) as listening:
        webhook = Webhook(listening.sockets[0].getsockname()[1], "/webhook", "secret")

        async def post(chat: int, text: str) -> None:
            answered = asyncio.Event()
            webhook.post(chat, text, answered.set)
            async with asyncio.timeout(10):
                await answered.wait()

        yield server, post, webhook
        webhook.close()
        async with asyncio.timeout(10):
            await server.is_quiet.wait()


async def test_an_update_looks_like_telegrams() -> None:
    async with serving() as (server, post, _):
        await post(7, "order 1")
    head, body = server.requests[0]
    assert head.startswith(b"POST /webhook HTTP/1.1\r\n")
    assert b"\r\nX-Telegram-Bot-Api-Secret-Token: secret\r\n" in head
    message = json.loads(body)["message"]
    assert (message["chat"]["id"], message["from"]["id"], message["text"]) == (7, 7, "order 1")


async def test_updates_after_one_another_share_a_connection_and_have_ids_of_their_own() -> None:
    async with serving() as (server, post, _):
        await post(7, "a")
        await post(7, "b")
    assert server.connections == 1
    assert [json.loads(body)["update_id"] for _, body in server.requests] == [1, 2]


async def test_an_update_that_is_refused_is_sent_again() -> None:
    refusal = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
    async with serving(refusal) as (server, post, webhook):
        await post(7, "a")
    assert webhook.repeated == 1
    assert server.requests[0] == server.requests[1]


async def test_an_update_whose_connection_breaks_is_sent_again() -> None:
    async with serving(None) as (server, post, webhook):
        await post(7, "a")
    assert webhook.repeated == 1
    assert server.connections == 2


async def test_a_connection_that_the_server_means_to_close_is_not_used_again() -> None:
    closing = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    async with serving(closing) as (server, post, webhook):
        await post(7, "a")
        await post(7, "b")
    assert server.connections == 2
    assert webhook.repeated == 0
