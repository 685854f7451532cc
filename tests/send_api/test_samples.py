"""Every request of the gateways' own documentation goes through the send API, and leaves as the same JSON."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from botkit.bot import Bot
from botkit.gateways.mitto import Mitto
from botkit.gateways.rapporto import Rapporto
from botkit.gateways.smsc import Smsc
from botkit.gateways.smsgold import SmsGold
from botkit.router import Router
from botkit.send_api.keys import digest_of
from botkit.testing import BotTester

KEY = "bk_samples_canary"
TESTS = Path(__file__).parent.parent
MITTO = sorted((TESTS / "chatapps" / "payloads").glob("*.json"))
RAPPORTO = sorted((TESTS / "gateways" / "payloads" / "rapporto" / "requests").glob("*.json"))
SMSGOLD = [TESTS / "gateways" / "payloads" / "smsgold" / f"{name}.json" for name in ("subscriber", "number")]

# One traffic account for each network, as the samples name them; two networks share a name there.
ACCOUNTS = {
    "sms": "11111111-2222-4333-8444-555555555555",
    "gbm": "55555555-2222-4333-8444-555555555555",
    "viber": "22222222-2222-4333-8444-555555555555",
    "telegram": "33333333-2222-4333-8444-555555555555",
    "whatsapp": "44444444-2222-4333-8444-555555555555",
}
RAPPORTO_NETWORKS = ("telegram", "whatsapp", "viber", "vk", "sms")
BOT_ID = "65f0c0ffee65f0c0ffee0001"


class Recorder:
    """Stands before a simulated service, and keeps the bodies of what it is asked for."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.bodies: list[bytes] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = b""

        async def heard() -> Message:
            nonlocal body
            message = await receive()
            body += message.get("body", b"")
            return message

        await self._app(scope, heard, send)
        self.bodies.append(body)


class Rig:
    """A service with accounts on all gateways, a program that sends by it, and what leaves it."""

    def __init__(self, tester: BotTester, client: httpx.AsyncClient) -> None:
        self.tester = tester
        self.client = client
        self.recorders = {channel: self._record(channel) for channel in tester.service.simulators}

    def _record(self, channel: str) -> Recorder:
        recorder = Recorder(self.tester.simulator(channel).app)
        self.tester.service.network.mount(f"{channel}.simulator", recorder)
        return recorder

    async def leaves_as(self, channel: str, body: dict[str, Any], path: str = "/api/v1.1/Messages/send") -> list[bytes]:
        """Sends a request, which must be taken; returns what the gateway was asked for."""
        answer = await self.client.post(path, json=body)
        assert answer.status_code == 200, answer.text
        await self.tester.settle()
        return self.recorders[channel].bodies

    def secret(self, ta: str, name: str) -> str:
        found = next(owner.adapter for a, owner in self.tester.service.owners.items() if a.ta == ta)
        secret = getattr(found, name)
        return secret if isinstance(secret, str) else secret.reveal()


@pytest.fixture
async def rig(botkit_redis_url: str, tmp_path: Path) -> AsyncIterator[Rig]:
    mitto = [Mitto(via, ta=ta, sender="BotKit") for via, ta in ACCOUNTS.items()]
    rapporto = [Rapporto(via, ta=f"rapporto-{via}") for via in RAPPORTO_NETWORKS]
    smsc = [
        Smsc("telegram", ta="smsc-bot", bot="@demo_shop_bot"),
        Smsc("telegram", ta="smsc-telegram"),
        Smsc("viber", ta="smsc-viber", sender="SHOP"),
    ]
    others = [SmsGold(ta="gold", bot_id=BOT_ID), *smsc]
    bots = [Bot("shop", routers=[Router()], accounts=[*mitto, *rapporto, *others])]
    keys = f"shop:{digest_of(KEY)}:send+bulk+read"
    async with BotTester(bots, botkit_redis_url, folder=tmp_path, api_keys=keys) as tester:
        transport, headers = httpx.ASGITransport(tester.app), {"X-Botkit-Key": KEY}
        async with httpx.AsyncClient(transport=transport, base_url="http://botkit.test", headers=headers) as client:
            yield Rig(tester, client)


def sample(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


def compact(body: dict[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


@pytest.mark.parametrize("path", [path for path in MITTO if path.stem != "bulk"], ids=lambda path: path.stem)
async def test_a_request_of_chatapps_leaves_as_it_came(rig: Rig, path: Path) -> None:
    body = sample(path)
    if "gbm" in body:
        body["trafficAccountId"] = ACCOUNTS["gbm"]
    left = await rig.leaves_as("mitto", body)
    # Some samples have the plus and some have not; Mitto's own setting says which form leaves.
    assert left == [compact(body | {"destination": body["destination"].removeprefix("+")})]


@pytest.mark.parametrize("path", RAPPORTO, ids=lambda path: path.stem)
async def test_a_request_of_rapporto_leaves_as_it_came_with_the_account_s_credentials(rig: Rig, path: Path) -> None:
    body = sample(path)
    # Codes and cascades go by any account: the type is the request's own.
    network = body["message"]["type"].lower()
    ta = f"rapporto-{network if network in RAPPORTO_NETWORKS else 'telegram'}"
    left = await rig.leaves_as("rapporto", {"trafficAccountId": ta} | body)
    credentials = {"login": rig.secret(ta, "login"), "password": rig.secret(ta, "password")}
    assert left == [compact(credentials | body)]


@pytest.mark.parametrize("path", SMSGOLD, ids=lambda path: path.stem)
async def test_a_request_of_smsgold_leaves_as_it_came_with_the_account_s_credentials(rig: Rig, path: Path) -> None:
    body = sample(path)
    del body["auth"]
    left = await rig.leaves_as("smsgold", {"trafficAccountId": "gold"} | body)
    auth = {"user": rig.secret("gold", "user"), "pass": rig.secret("gold", "password")}
    assert left[-1] == compact(body | {"auth": auth})


SMSC = {
    "smsc-bot": "login=demo&psw=demo-pass&phones=%23918273645&mes=Your+order+is+ready&bot=%40demo_shop_bot&id=70001"
    "&cost=3&fmt=3&charset=utf-8",
    "smsc-telegram": "apikey=demo-key&phones=79990001122&mes=Code+4821&tg=1&fmt=3&charset=utf-8",
    "smsc-viber": "apikey=demo-key&phones=79990001122&mes=Sale+today&viber=1&sender=SHOP&fmt=3&charset=utf-8",
}


def parameters(form: str) -> dict[str, str]:
    """Returns a form's parameters without credentials, and without the id, which is ours where the caller has none."""
    return {name: value for name, value in parse_qsl(form) if name not in ("login", "psw", "apikey", "id")}


@pytest.mark.parametrize("ta", SMSC)
async def test_a_request_of_smsc_leaves_with_the_same_parameters(rig: Rig, ta: str) -> None:
    said = parameters(SMSC[ta])
    (left,) = await rig.leaves_as("smsc", {"trafficAccountId": ta} | said)
    assert parameters(left.decode()) == said


async def test_a_bulk_of_chatapps_leaves_as_it_came(rig: Rig) -> None:
    body = sample(TESTS / "chatapps" / "payloads" / "bulk.json")
    assert await rig.leaves_as("mitto", body, "/api/v1.1/Messages/sendbulk") == [compact(body)]
