"""A simulated SMSGold with two accounts, for its tests."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from botkit.clock import Clock
from botkit.gateways.smsgold import SmsGold
from botkit.simulators.simulator import Person, phone_number
from botkit.simulators.smsgold import SmsGoldSimulator

Json = dict[str, Any]

USER, PASSWORD, BOT = "12345.1", "demo-pass", "65f0c0ffee65f0c0ffee0001"
ANA, BORIS = Person("Ana"), Person("Boris")
NUMBER = phone_number(ANA).removeprefix("+")
LINK: Json = {"text": "Route", "url": "https://x.example/r"}


class Rig:
    """The account `demo`, whose bot Ana has started, and a connection that gives its credentials."""

    def __init__(self) -> None:
        self.simulator = SmsGoldSimulator(Clock())
        self.simulator.add_account(SmsGold(user=USER, password=PASSWORD, bot_id=BOT, ta="demo"))
        self.simulator.add_account(SmsGold(user="777", password="other-pass", bot_id="other", ta="other"))
        transport = httpx.ASGITransport(self.simulator.app)
        self.http = httpx.AsyncClient(transport=transport, base_url="http://smsgold.test")
        self.ana = self.simulator.conversation_id("demo", ANA)

    async def sends(self, **members: Any) -> httpx.Response:
        """Posts a message to Ana, with other members, or without those that are None."""
        known = {"subscriberId": self.ana, "text": "hi", "auth": {"user": USER, "pass": PASSWORD}} | members
        return await self.posts({name: value for name, value in known.items() if value is not None})

    async def posts(self, body: object, media_type: str = "application/json") -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"content-type": media_type} if media_type else {}
        return await self.http.post("/v1/telegram/bot/sendMessage/", content=content, headers=headers)

    async def lists(self, name: str, **query: str) -> httpx.Response:
        known = {"user": USER, "pass": PASSWORD} | ({"botId": BOT} if name == "subscribers" else {}) | query
        return await self.http.get(f"/v1/telegram/bot/{name}/", params=known)

    @property
    def texts(self) -> list[str]:
        return [accepted.text for accepted in self.simulator.accepted("demo")]

    async def close(self) -> None:
        await self.http.aclose()
        await self.simulator.close()


@asynccontextmanager
async def opened() -> AsyncIterator[Rig]:
    rig = Rig()
    await rig.simulator.opens("demo", ANA)
    try:
        yield rig
    finally:
        await rig.close()
