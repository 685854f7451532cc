"""An application with an account whose outcomes can be planned, and a program that sends through it."""

from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any, Self

import httpx
import pytest

from botkit.adapter import Addressed
from botkit.addresses import AddressKind
from botkit.chatapps.requests import read_request
from botkit.messages import Text
from botkit.redis.store import Bounds
from botkit.router import Router
from botkit.send_api.keys import digest_of
from botkit.testing import BotTester
from tests.desk import Desk, bot

SHOP_KEY, READER_KEY, OTHER_KEY = "bk_shop_key_canary", "bk_reader_key_canary", "bk_other_key_canary"

KEYS = ",".join(
    (
        f"shop:{digest_of(SHOP_KEY)}:send+read",
        f"reader:{digest_of(READER_KEY)}:read",
        f"other:{digest_of(OTHER_KEY)}:send+read",
    )
)


class Counter(Desk):
    """A desk that other programs send by, as if it sent text messages."""

    address = AddressKind.PHONE
    network = "sms"

    def read_send(self, body: Mapping[str, Any]) -> Addressed:
        request = read_request(body)
        content = request.contents[self.network]
        return Addressed(self.find_address(request.destination), Text(text=content.text, markdown=False))


class Program:
    """A program that sends by HTTP, with a key."""

    def __init__(self, client: httpx.AsyncClient, tester: BotTester, desk: Counter) -> None:
        self.client = client
        self.tester = tester
        self.desk = desk

    async def posts(self, path: str = "/messages/send", body: object = None, **headers: str) -> httpx.Response:
        """Posts a body, without one a good one; `Name_Of_Header=...` adds headers."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.post(path, json=hello() if body is None else body, headers=named)

    async def asks(self, message_id: str, **headers: str) -> httpx.Response:
        """Asks what became of a message."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.get(f"/messages/{message_id}", headers=named)

    def another(self, key: str) -> Self:
        """Returns the same program with another key."""
        transport = httpx.ASGITransport(self.tester.app)
        client = httpx.AsyncClient(transport=transport, base_url="http://botkit.test", headers={"X-Botkit-Key": key})
        return type(self)(client, self.tester, self.desk)


def hello(**members: object) -> dict[str, Any]:
    """Returns a good request, with these members beside or in place of its own."""
    return {"trafficAccountId": "desk", "destination": "+385910000001", "sms": {"text": "hello"}} | members


Start = Callable[..., Any]


@pytest.fixture
async def program(botkit_redis_url: str, tmp_path: Path) -> AsyncIterator[Program]:
    """The program of the shop."""
    desk = Counter()
    bots = [bot(Router(), desk, Counter(ta="desk-2"))]
    async with BotTester(bots, botkit_redis_url, folder=tmp_path, bounds=Bounds(outbox=3), api_keys=KEYS) as tester:
        transport = httpx.ASGITransport(tester.app)
        headers = {"X-Botkit-Key": SHOP_KEY}
        async with httpx.AsyncClient(transport=transport, base_url="http://botkit.test", headers=headers) as client:
            yield Program(client, tester, desk)
