"""The callbacks of the simulated Rapporto: how they are posted and repeated, and what answers to them mean."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any, Literal

import httpx
import msgspec

from botkit.simulators.postman import Postman, put_off
from botkit.simulators.rapporto_servers import Servers
from botkit.simulators.rapporto_state import Delivery
from botkit.simulators.wire import Exchange

_MOSCOW = timezone(timedelta(hours=3))


def written(at: float) -> str:
    """Returns an instant as Rapporto writes it: by Moscow's clock, the offset without a colon."""
    return datetime.fromtimestamp(at, _MOSCOW).strftime("%Y-%m-%dT%H:%M:%S%z")


class Callbacks:
    """Posts what clients are told; `replied` gets what a client wrote into the answer to an inbound message."""

    def __init__(self, servers: Servers, replied: Callable[[Delivery, str], None]) -> None:
        self._servers = servers
        self._replied = replied
        self._postman = Postman(self._attempt)

    def queue(
        self, ta: str, kind: Literal["report", "inbound"], body: dict[str, Any], *, url: str = "", number: str = ""
    ) -> None:
        """Keeps a callback to be posted; without `url` it goes where the account's own setting says."""
        delivery = Delivery(ta, kind, body, self._servers.clock.timestamp(), url, number)
        self._servers.state.pending.append(delivery)

    async def post_due(self) -> int:
        """Posts what is due, each at most once at a time; returns how many were tried."""
        pending, now = self._servers.state.pending, self._servers.clock.timestamp()
        return await self._postman.post_due(pending, now, backwards=self._servers.reports_backwards)

    async def _attempt(self, delivery: Delivery) -> None:
        state = self._servers.state
        url = delivery.url or self._servers.address(delivery.ta, delivery.kind)
        status, answer = await self._post(delivery, url) if url else (0, b"")
        if 200 <= status < 300:
            state.pending.remove(delivery)
            self._read(delivery, answer)
        elif not put_off(delivery, self._servers.pauses, self._servers.clock.timestamp()):
            state.pending.remove(delivery)
            state.dropped = [*state.dropped[-999:], delivery]
        self._servers.on_change()

    def _read(self, delivery: Delivery, answer: bytes) -> None:
        if delivery.kind == "inbound" and answer:
            self._servers.note(delivery.ta, "the answer to an inbound message has a body, which goes to the person")
            self._replied(delivery, answer.decode("utf-8", "replace"))

    async def _post(self, delivery: Delivery, url: str) -> tuple[int, bytes]:
        """Posts one callback; the status is 0 when there is no answer in time."""
        servers, body = self._servers, msgspec.json.encode(delivery.body)
        headers = {"content-type": "application/json"}
        try:
            async with asyncio.timeout(servers.answer_seconds):
                response = await servers.http.post(url, content=body, headers=headers)
            status, answer = response.status_code, response.content
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError):
            status, answer = 0, b""
        name = "event" if "eventType" in delivery.body else delivery.kind
        servers.wire.add(Exchange("inbound", servers.clock.now(), delivery.ta, name, body, status, answer, headers))
        return status, answer
