"""The wire of a simulator: every exchange in both directions, and the faults to inject into it."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Literal

import httpx
import msgspec
from msgspec import Struct
from starlette.responses import Response
from starlette.types import Receive, Scope, Send


class Exchange(Struct, frozen=True):
    """One request and its answer. `inbound` went to the bot's webhook, `outbound` came from the bot to the service.

    `name` is the service's word for the call or event; headers that carry credentials are masked.
    """

    direction: Literal["inbound", "outbound"]
    at: datetime
    account: str
    name: str
    request: bytes
    status: int
    answer: bytes
    headers: Mapping[str, str] = {}

    @property
    def body(self) -> Any:
        """The request's JSON body, decoded; None when it has none or is not JSON."""
        try:
            return msgspec.json.decode(self.request)
        except msgspec.DecodeError:
            return None


class Fault(Struct, frozen=True):
    """What the service does to one call instead of answering it properly.

    `status` and `body` are sent as they are; `before` tells whether the call is forgotten (true) or carried out all
    the same (false), which is how a message arrives although the sender saw an error. `drop` closes the connection
    without an answer, `endless` repeats `body` until the caller hangs up; `hang` waits for that many seconds first.
    """

    status: int = 500
    body: bytes = b"{}"
    headers: Mapping[str, str] = {}
    before: bool = True
    drop: bool = False
    endless: bool = False
    hang: float = 0.0


class ConnectionDroppedError(httpx.ReadError):
    """The connection closes without an answer; in process, httpx's own error reaches the caller as it is."""


class Dropped(Response):
    """No answer: the connection ends after the status line, which is as near as ASGI comes to hanging up."""

    def __init__(self) -> None:
        super().__init__(status_code=0)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Promises one byte that never comes: a server that meets an error before that would answer 500."""
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1")]})
        raise ConnectionDroppedError("the simulated service dropped the connection")


class Endless(Response):
    """An answer that repeats its body until the caller hangs up."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends until the caller is gone, which the server tells beside."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": []})
        gone = asyncio.create_task(_until_gone(receive))
        while not gone.done():
            await send({"type": "http.response.body", "body": self.body, "more_body": True})
            # Where nobody waits for room on the line, the caller must get its turn.
            await asyncio.sleep(0)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class Wire:
    """The log of a simulator, newest last, bounded; and its queue of faults."""

    def __init__(self, length: int = 10_000) -> None:
        self._log: deque[Exchange] = deque(maxlen=length)
        #: Faults for the next calls of the bot, first come first served.
        self.faults: deque[Fault] = deque()

    def add(self, exchange: Exchange) -> None:
        """Writes one exchange down."""
        self._log.append(exchange)

    async def answer(self, call: Callable[[], Awaitable[Response]]) -> Response:
        """Carries out a call of the bot, through the next fault if there is one."""
        fault = self.faults.popleft() if self.faults else None
        if fault is None:
            return await call()
        await asyncio.sleep(fault.hang)
        if not fault.before:
            await call()
        if fault.drop:
            return Dropped()
        if fault.endless:
            return Endless(fault.body, fault.status)
        return Response(fault.body, fault.status, dict(fault.headers), "application/json")

    def __iter__(self) -> Iterator[Exchange]:
        return iter(self._log)

    def __len__(self) -> int:
        return len(self._log)

    def calls(self, name: str = "") -> list[Exchange]:
        """Returns what the bot called, in order: all of it, or one method of the service."""
        return [exchange for exchange in self._log if exchange.direction == "outbound" and name in ("", exchange.name)]

    def deliveries(self, name: str = "") -> list[Exchange]:
        """Returns what was delivered to the webhook, in order, repeats included."""
        return [exchange for exchange in self._log if exchange.direction == "inbound" and name in ("", exchange.name)]
