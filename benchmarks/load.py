"""Writes updates to a bot's webhook the way Telegram does, and times its answers and its replies."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import cast

from benchmarks.checker import Checker
from benchmarks.conversation import STEPS, reply, said
from benchmarks.wire import Messages, status

SECRET = "a-webhook-secret-of-32-characters"
_FIRST_CHAT = 700_000_000
# Seconds after which a reply counts as lost, and its conversation is left alone.
_PATIENCE = 5.0
# Seconds until an update that was not answered with 2xx is sent again, as Telegram does.
_AGAIN = 0.2

_UPDATE = (
    '{"update_id":%d,"message":{"message_id":%d,"from":{"id":%d,"is_bot":false,"first_name":"Olena",'
    '"last_name":"Kovalenko","username":"olena","language_code":"uk"},"chat":{"id":%d,"first_name":"Olena",'
    '"last_name":"Kovalenko","username":"olena","type":"private"},"date":%d,"text":"%s"}}'
)
OnAnswer = Callable[[int], None]


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
        self._last_update = 0
        #: How many updates were answered with anything but 2xx, or not at all, and sent again.
        self.repeated = 0

    def post(self, chat: int, text: str, on_answer: OnAnswer) -> None:
        """Sends an update; `on_answer` is called once with the status 2xx."""
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
        asyncio.get_running_loop().create_task(self._connect(request, on_answer))

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
            assert on_answer is not None
            code = status(head)
            if b"\r\nconnection: close" in head.lower():
                self.close()
            else:
                self._webhook.free(self)
            if 200 <= code < 300:
                on_answer(code)
            else:
                self._webhook.failed(self._request, on_answer)

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_closed = True
        if self._on_answer is not None:
            self._webhook.failed(self._request, self._on_answer)

    def close(self) -> None:
        self.is_closed = True
        self._transport.close()


class Times:
    """Seconds from an update's sending to the end of the webhook's answer, and to its reply's arrival."""

    def __init__(self) -> None:
        self.answers: list[float] = []
        self.replies: list[float] = []


class Talks:
    """So many conversations at a time, each of a person who waits for the answer and the reply before the next word.

    People take turns: `people` of them, one after another. `times` may be exchanged at any moment.
    """

    def __init__(self, webhook: Webhook, checker: Checker, *, at_once: int, people: int) -> None:
        self.times = Times()
        self._webhook = webhook
        self._checker = checker
        self._slots = [_Slot(self) for _ in range(at_once)]
        self._by_chat: dict[int, _Slot] = {}
        self._queue: deque[tuple[int, int]] = deque((_FIRST_CHAT + person, 1) for person in range(people))
        self._is_ending = False
        #: How often nobody waited any longer.
        self.given_up = 0

    def start(self) -> None:
        """Lets everybody begin."""
        for slot in self._slots:
            self.go_on(slot)

    async def stop(self) -> None:
        """Lets everybody finish the step they are at."""
        self._is_ending = True
        deadline = time.perf_counter() + _PATIENCE
        while time.perf_counter() < deadline and any(slot.is_waiting for slot in self._slots):
            await asyncio.sleep(0.01)

    def go_on(self, slot: "_Slot") -> None:
        """Takes a conversation's next step, or begins another one."""
        if self._is_ending:
            return
        if slot.step == STEPS:
            self._by_chat.pop(slot.chat, None)
            if slot.chat:
                self._queue.append((slot.chat, slot.turn + 1))
            slot.chat, slot.turn = self._queue.popleft()
            slot.step = 0
            self._by_chat[slot.chat] = slot
        slot.sent_at = time.perf_counter()
        slot.is_answered = slot.has_reply = False
        self._checker.expect(slot.chat, reply(slot.turn, slot.step), slot.sent_at)
        self._webhook.post(slot.chat, said(slot.turn, slot.step), slot.answered)

    def on_reply(self, chat: int, text: str) -> None:
        """Takes in what the platform was told to send."""
        sent_at = self._checker.reply(chat, text)
        slot = self._by_chat.get(chat)
        if sent_at is not None:
            self.times.replies.append(time.perf_counter() - sent_at)
            if slot is not None and slot.sent_at == sent_at:
                slot.replied()

    def give_up_waiting(self) -> None:
        """Ends conversations whose reply has not come for long, so that others may begin; call it now and then."""
        now = time.perf_counter()
        for slot in self._slots:
            if slot.is_answered and slot.is_waiting and now - slot.sent_at > _PATIENCE:
                self.given_up += 1
                self._by_chat.pop(slot.chat, None)
                # Its state is unknown now: nobody goes on with it.
                slot.chat, slot.step, slot.has_reply = 0, STEPS, True
                self.go_on(slot)


class _Slot:
    def __init__(self, talks: Talks) -> None:
        self._talks = talks
        self.chat = self.turn = 0
        self.step = STEPS
        self.sent_at = 0.0
        self.is_answered = self.has_reply = True

    @property
    def is_waiting(self) -> bool:
        return not (self.is_answered and self.has_reply)

    def answered(self, _: int) -> None:
        self._talks.times.answers.append(time.perf_counter() - self.sent_at)
        self.is_answered = True
        self._advance()

    def replied(self) -> None:
        self.has_reply = True
        self._advance()

    def _advance(self) -> None:
        if not self.is_waiting:
            self.step += 1
            self._talks.go_on(self)
