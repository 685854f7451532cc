"""A simulated Mitto on a bench: four accounts and more under one key, and a customer who notes what they are told."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import jwt

from botkit.clock import Clock
from botkit.redaction import Secret
from botkit.simulators.mitto import SMS_HOST, MittoSimulator
from botkit.simulators.mitto_checks import TrafficAccount
from botkit.simulators.simulator import Person, phone_number
from tests.simulators.listener import Listener

Json = dict[str, Any]

KEY = "the key of the shop"
REPORT_KEYS = ("key-new-0123456789abcdef0123456789abcdef", "key-old-0123456789abcdef0123456789abcdef")
INBOUND_KEYS = ("inbound-0123456789abcdef0123456789abcdef",)
ANA = Person("Ana")
BOB = Person("Bob")
#: Ana's address, as a request names it.
TO = phone_number(ANA)
TO_BOB = phone_number(BOB)
REPORT = "https://bot.test/webhooks/mitto/report?ta=sms"
INBOUND = "https://bot.test/webhooks/mitto/inbound?ta=sms"
HOOK = "https://bot.test/webhooks/mitto/report?ta=viber"
TEXT: Json = {"text": "Hello", "sender": "BotKit"}


class Customer(Listener):
    """A program that Mitto calls."""

    @property
    def statuses(self) -> list[str]:
        return [body.get("deliveryStatus") or body["status"] for body in self.told]


class Rig:
    """A Mitto whose accounts are named after their networks; `sms2` is another for SMS."""

    def __init__(self) -> None:
        self.customer = Customer()
        self.clock = Clock()
        self.simulator = MittoSimulator(self.clock, httpx.MockTransport(self.customer))
        for ta in ("sms", "gbm", "viber", "telegram", "whatsapp", "sms2"):
            self.opens_account(ta)
        self.http = _client(httpx.ASGITransport(self.simulator.app), "http://mitto.test")
        self.sms_api = _client(httpx.ASGITransport(self.simulator.hosts[SMS_HOST]), "http://sms.mitto.test")

    def opens_account(self, ta: str, key: str = KEY) -> None:
        self.simulator.accounts[ta] = TrafficAccount(
            ta=ta,
            via=ta.rstrip("2"),
            key=Secret(key),
            sender="BotKit" if ta == "sms" else "",
            report_keys=tuple(map(Secret, REPORT_KEYS)),
            inbound_keys=tuple(map(Secret, INBOUND_KEYS)),
        )

    def address(self, ta: str, person: Person = ANA) -> str:
        return self.simulator.conversation_id(ta, person)

    async def sends(self, ta: str, content: Json, path: str = "/api/v1.1/Messages/send", **more: Any) -> httpx.Response:
        via = ta.rstrip("2")
        body = {"trafficAccountId": ta, "destination": self.address(ta), via: content} | more
        return await self.http.post(path, json=body)

    async def sends_one(self, ta: str, content: Json, person: Person = ANA) -> str:
        """Sends what is right; returns the message's id."""
        answer = await self.sends(ta, content, destination=self.address(ta, person))
        assert answer.status_code == 200, answer.text
        return str(answer.json()["messages"][0]["messageId"])

    async def fails_over(self, *accounts: str, seconds: int = 45, status: str = "Delivered", **more: Any) -> Any:
        contents = {ta.rstrip("2"): CONTENTS[ta.rstrip("2")] for ta in accounts}
        timeout = {"status": status, "timeoutInSeconds": seconds, "trafficAccounts": list(accounts)}
        failover = {"type": "Timeout", "timeoutFailover": timeout}
        return await self.http.post(
            "/api/v1.1/Messages/send", json={"destination": TO, **contents, "failover": failover} | more
        )

    async def statuses(self, ids: list[str]) -> list[str]:
        answers = [await self.http.get(f"/api/v1.1/Messages/{message_id}") for message_id in ids]
        return [answer.json().get("deliveryStatus", "gone") for answer in answers]

    async def sms(self, **fields: Any) -> Json:
        body = {"from": "BotKit", "to": TO, "text": "Hello", "callback": callback()} | fields
        answer: Json = (await self.sms_api.post("/sms", json=body)).json()
        return answer

    async def registers(self, *accounts: str, **fields: Any) -> httpx.Response:
        body = {"url": HOOK, "linkTrafficAccountIds": list(accounts)} | fields
        return await self.http.post("/api/v1/Webhooks", json=body)

    def sees(self, ta: str, person: Person = ANA) -> list[str]:
        return [bubble.text for bubble in self.simulator.screen(ta, person)]

    async def close(self) -> None:
        await self.http.aclose()
        await self.sms_api.aclose()
        await self.simulator.close()


CONTENTS: dict[str, Json] = {
    "sms": TEXT,
    "gbm": {"text": {"message": "Hello"}},
    "viber": {"type": "transactional", "text": "Hello"},
    "telegram": {"text": {"message": "Hello"}},
    "whatsapp": {"type": "regular", "regular": {"type": "text", "text": "Hello"}},
}


def callback(key: str = REPORT_KEYS[0], **claims: Any) -> str:
    """The address of a report, with a token as botkit's."""
    token = jwt.encode({"nbf": 1_700_000_000, "exp": 4_000_000_000, "sub": "m1"} | claims, key, algorithm="HS256")
    return f"{REPORT}&token={token}"


def _client(transport: httpx.ASGITransport, url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=transport, base_url=url, headers={"X-Mitto-API-Key": KEY})


@asynccontextmanager
async def opened() -> AsyncIterator[Rig]:
    rig = Rig()
    try:
        yield rig
    finally:
        await rig.close()
