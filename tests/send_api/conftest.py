"""An application with an account whose outcomes can be planned, and a program that sends through it."""

import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, Self

import httpx
import pytest

from botkit.adapter import Addressed
from botkit.addresses import AddressKind
from botkit.conversation import Conversation
from botkit.events import event_id
from botkit.http import InProcess
from botkit.redis.bounds import Bounds
from botkit.router import Router
from botkit.send_api.keys import digest_of
from botkit.testing import BotTester
from tests.desk import Desk, Report, bot
from tests.process_logs import logs_kept

_native = count(1)

SHOP_KEY, READER_KEY, OTHER_KEY = "bk_shop_key_canary", "bk_reader_key_canary", "bk_other_key_canary"

KEYS = ",".join(
    (
        f"shop:{digest_of(SHOP_KEY)}:send+bulk+read",
        f"reader:{digest_of(READER_KEY)}:read",
        f"other:{digest_of(OTHER_KEY)}:send+bulk+read",
    )
)


class Counter(Desk):
    """A desk that other programs send by, to phones mostly, as if it sent text messages or those of another network."""

    def __init__(
        self,
        *,
        ta: str = "desk",
        network: str = "sms",
        address: AddressKind = AddressKind.PHONE,
        receipts: bool = True,
    ) -> None:
        super().__init__(ta=ta)
        self.address = address
        self._network = network
        self._receipts = receipts
        #: Whether it fails to read, with an error that quotes the request.
        self.is_broken = False

    @property
    def network(self) -> str:
        return self._network

    @property
    def has_receipts(self) -> bool:  # type: ignore[override]  # of an account, for once
        return self._receipts

    def read_send(self, body: Mapping[str, Any]) -> Addressed:
        if self.is_broken:
            raise ZeroDivisionError(body)
        return super().read_send(body)


class Program:
    """A program that sends by HTTP, with a key."""

    def __init__(self, client: httpx.AsyncClient, tester: BotTester, counters: Sequence[Counter]) -> None:
        self.client = client
        self.tester = tester
        self.counters = counters
        #: By SMS and by Viber to phones, by Telegram to chats.
        self.desk, self.viber, self.bot = counters[:3]

    async def posts(self, path: str = "/messages/send", body: object = None, **headers: str) -> httpx.Response:
        """Posts a body, without one a good one; `Name_Of_Header=...` adds headers."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.post(path, json=hello() if body is None else body, headers=named)

    async def asks(self, message_id: str, **headers: str) -> httpx.Response:
        """Asks what became of a message."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.get(f"/messages/{message_id}", headers=named)

    async def cancels(self, message_id: str) -> httpx.Response:
        """Cancels a message."""
        return await self.client.delete(f"/messages/{message_id}")

    async def hears(self, kind: type[Report], counter: Counter, number: int = 1) -> None:
        """Lets a service report on the message that a counter sent as its `number`th."""
        place, native = counter.shown[number - 1][0], f"report {next(_native)}"
        event = kind(
            id=event_id(counter.account, native),
            at=datetime.now(UTC),
            conversation=Conversation(counter.account, place),
            receipt_id=f"{place}/{number}",
        )
        await self.tester.service.engine.accept(counter, [event])
        await self.tester.settle()

    def another(self, key: str) -> Self:
        """Returns the same program with another key."""
        transport = httpx.ASGITransport(self.tester.app)
        client = httpx.AsyncClient(transport=transport, base_url="http://botkit.test", headers={"X-Botkit-Key": key})
        return type(self)(client, self.tester, self.counters)


def hello(**members: object) -> dict[str, Any]:
    """Returns a good request, with these members beside or in place of its own."""
    return {"trafficAccountId": "desk", "destination": "+385910000001", "sms": {"text": "hello"}} | members


def many_hello(*destinations: str, **members: object) -> dict[str, Any]:
    """Returns a good request for these destinations, or for two."""
    named = {"destinations": [*(destinations or ("+385910000001", "+385910000002"))]}
    return {"trafficAccountId": "desk", **named, "sms": {"text": "hello"}} | members


@contextlib.asynccontextmanager
async def running(
    redis_url: str, folder: Path, *, keys: str | Path = "", programs: InProcess | None = None
) -> AsyncIterator[Program]:
    """A service with these keys, and the program of the shop; `programs` are where reports go to."""
    counters = [
        Counter(),
        Counter(ta="desk-viber", network="viber"),
        Counter(ta="desk-bot", network="telegram", address=AddressKind.USER),
        Counter(ta="mute", network="gbm", receipts=False),
    ]
    bots = [bot(Router(), *counters)]
    bounds = Bounds(outbox=3)
    async with BotTester(bots, redis_url, folder=folder, bounds=bounds, api_keys=keys, programs=programs) as tester:
        transport = httpx.ASGITransport(tester.app)
        headers = {"X-Botkit-Key": SHOP_KEY}
        async with httpx.AsyncClient(transport=transport, base_url="http://botkit.test", headers=headers) as client:
            yield Program(client, tester, counters)


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    """What a started service does to the process's logging is undone."""
    with logs_kept():
        yield


@pytest.fixture
async def program(botkit_redis_url: str, tmp_path: Path) -> AsyncIterator[Program]:
    """The program of the shop."""
    async with running(botkit_redis_url, tmp_path, keys=KEYS) as program:
        yield program
