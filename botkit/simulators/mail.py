"""The way of a simulated service's callbacks to the webhook, and what may happen to them on it."""

import enum
from collections import deque
from collections.abc import Awaitable, Callable

import httpx


class Mishap(enum.Enum):
    """What happens to one callback."""

    LOST = "lost"  # it does not arrive, which the service notices
    UNANSWERED = "unanswered"  # it arrives, and its answer does not: the service cannot know
    DOUBLED = "doubled"  # it arrives twice, one after the other
    LATE = "late"  # the service believes that it arrived; it is on its way until `Mail.arrive`


class Mail(httpx.AsyncBaseTransport):
    """Carries callbacks to the webhook, each through the next of `mishaps` if there is one."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        #: What happens to the next callbacks, first come first served; nothing, where there is None.
        self.mishaps: deque[Mishap | None] = deque()
        #: What the service waits for after each callback that arrived, before it does anything else.
        self.after: Callable[[], Awaitable[object]] | None = None
        self._transport = transport
        self._late: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Carries one callback; raises ReadError where its answer is lost, and ConnectError where it is itself."""
        mishap = self.mishaps.popleft() if self.mishaps else None
        if mishap is None:
            response = await self._transport.handle_async_request(request)
            if self.after:
                await response.aread()
                await self.after()
            return response
        await request.aread()
        match mishap:
            case Mishap.LOST:
                raise httpx.ConnectError("the callback was lost")
            case Mishap.LATE:
                self._late.append(request)
                return httpx.Response(200)
            case _:
                await self._answered(request)
        if mishap is Mishap.UNANSWERED:
            raise httpx.ReadError("the answer was lost")
        return await self._transport.handle_async_request(request)

    async def arrive(self, *, backwards: bool = False) -> list[int]:
        """Carries what is late, in its order or `backwards`; returns the status of each answer."""
        late, self._late = self._late, []
        return [await self._answered(request) for request in (reversed(late) if backwards else late)]

    async def _answered(self, request: httpx.Request) -> int:
        response = await self._transport.handle_async_request(request)
        await response.aread()
        await response.aclose()
        return response.status_code

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._transport.aclose()
