"""The wire of a simulator: every exchange in both directions, and the faults to inject into it."""

from collections import deque
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import Struct


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
    without an answer; `hang` waits for that many seconds first.
    """

    status: int = 500
    body: bytes = b"{}"
    headers: Mapping[str, str] = {}
    before: bool = True
    drop: bool = False
    hang: float = 0.0


class Wire:
    """The log of a simulator, newest last, bounded; and its queue of faults."""

    def __init__(self, length: int = 10_000) -> None:
        self._log: deque[Exchange] = deque(maxlen=length)
        #: Faults for the next calls of the bot, first come first served.
        self.faults: deque[Fault] = deque()

    def add(self, exchange: Exchange) -> None:
        """Writes one exchange down."""
        self._log.append(exchange)

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
