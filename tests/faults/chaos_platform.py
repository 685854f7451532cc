"""A Telegram that misbehaves now and then, and writes down what it took before it does."""

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.faults.checker import Mark, Sending

OK = (200, {"ok": True, "result": {"message_id": 1, "date": 0, "chat": {"id": 1, "type": "private"}}})
THROTTLED = (
    429,
    {"ok": False, "error_code": 429, "description": "Too Many Requests", "parameters": {"retry_after": 1}},
)
BROKEN = (502, {"ok": False, "error_code": 502, "description": "Bad Gateway"})

#: What may happen to a message, once, and how often in a thousand.
FAULTS = {"429": 2, "5xx": 10, "delay": 10, "reset before": 15, "reset after": 15, "5xx after": 15}


class Platform:
    """Takes messages from processes, each of which calls it by an address with its own name."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.sendings: list[Sending] = []
        self.injected: Counter[str] = Counter()
        #: What will happen to the next messages: of a thousand, exactly so many as `FAULTS` says.
        self._deck: list[str] = []
        #: The messages to which something has happened.
        self._spoiled: set[tuple[str, str]] = set()
        self.port = 0
        self._serving: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Serves until its end, and that of the last connection: whoever called is to be gone by then."""
        async with await asyncio.start_server(self._serve, "127.0.0.1", 0) as server:
            self.port = server.sockets[0].getsockname()[1]
            yield
        await asyncio.gather(*self._serving)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        try:
            while request := await reader.readuntil(b"\r\n\r\n"):
                head = request.decode("latin-1").lower()
                length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
                body = json.loads(await reader.readexactly(length))
                answer = await self._take(request.decode("latin-1").split("/")[1], body)
                if answer is None:
                    writer.transport.abort()
                    return
                status, payload = answer
                text = json.dumps(payload).encode()
                writer.write(b"HTTP/1.1 %d X\r\ncontent-type: application/json\r\n" % status)
                writer.write(b"content-length: %d\r\n\r\n" % len(text) + text)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    async def _take(self, process: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]] | None:
        """Returns what to answer; None for nothing."""
        who, text = str(body["chat_id"]), body["text"]
        fault = self._choose((who, text))
        # A service that answers at once would leave no time in which anybody could die.
        await asyncio.sleep(self._random.uniform(0.3, 1) if fault == "delay" else 0.01)
        if fault == "429":
            return THROTTLED
        if fault == "5xx":
            return BROKEN
        if fault == "reset before":
            return None
        is_unknown = fault in ("reset after", "5xx after")
        self.sendings.append(Sending(who, Mark.read(text), process, time.monotonic(), is_unknown))
        if is_unknown:
            return BROKEN if fault == "5xx after" else None
        return OK

    def _choose(self, message: tuple[str, str]) -> str:
        if not self._deck:
            faults = [kind for kind, number in FAULTS.items() for _ in range(number)]
            self._deck = self._random.sample([*faults, *[""] * (1000 - len(faults))], 1000)
        fault = self._deck.pop()
        if not fault or message in self._spoiled:
            return ""
        self._spoiled.add(message)
        self.injected[fault] += 1
        return fault
