"""Mitto as a process of its own, with one account and a rate limit; at `/seen` it tells what it has seen.

python -m tests.processes.mitto_service <file for its address> <requests a second>
"""

import socket
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import httpx
import msgspec
import uvicorn
from msgspec import Struct
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from botkit.clock import Clock
from botkit.gateways.mitto import Mitto
from botkit.simulators.mitto import MittoSimulator

ACCOUNT = "11111111-2222-4333-8444-555555555555"
API_KEY = "an-api-key-of-the-shop"


class Seen(Struct, frozen=True):
    """How many phones have the message, and more than once; how many requests came, most in a second, and too many."""

    phones: int
    doubles: int
    requests: int
    most_in_a_second: int
    refused: int


class Service:
    """The simulator, and who looks at it."""

    def __init__(self, rate: int) -> None:
        self._mitto = MittoSimulator(Clock(), httpx.AsyncHTTPTransport())
        self._mitto.rate = rate
        # Nobody is told of deliveries here.
        self._mitto.reports = False
        self._mitto.add_account(Mitto("sms", api_key=API_KEY, ta=ACCOUNT, sender="Shop"))

    @property
    def app(self) -> Starlette:
        """The API, and what was seen of it."""
        return Starlette(
            routes=[Route("/seen", self._seen), Route("/phones", self._phones), Mount("/", self._mitto.app)]
        )

    async def _seen(self, _: Request) -> Response:
        calls = self._mitto.wire.calls()
        screens = self._mitto.state.screens.values()
        seen = Seen(
            phones=len(screens),
            doubles=sum(len(screen) > 1 for screen in screens),
            requests=len(calls),
            most_in_a_second=_most_in_a_second([call.at for call in calls]),
            refused=sum(call.status == 429 for call in calls),
        )
        return Response(msgspec.json.encode(seen), media_type="application/json")

    async def _phones(self, _: Request) -> Response:
        return Response(msgspec.json.encode([place.rpartition("|")[2] for place in self._mitto.state.screens]))


def _most_in_a_second(instants: Sequence[datetime]) -> int:
    first = most = 0
    for last, at in enumerate(instants):
        while (at - instants[first]).total_seconds() >= 1:
            first += 1
        most = max(most, last - first + 1)
    return most


def serve(address_file: Path, rate: int) -> None:
    """Serves on any free port, whose address it writes down, until it is ended."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        # Written at once: whoever finds the file finds the whole address.
        unfinished = address_file.with_suffix(".new")
        unfinished.write_text(f"http://127.0.0.1:{listener.getsockname()[1]}")
        unfinished.rename(address_file)
        uvicorn.Server(uvicorn.Config(Service(rate).app, lifespan="off", log_config=None, ws="none")).run([listener])


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]))
