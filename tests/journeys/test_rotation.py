"""A webhook's secret is replaced while people write: what is signed with either is taken, and nothing is lost."""

import asyncio
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from botkit.adapter import Adapter
from botkit.app import App
from botkit.bot import Bot
from botkit.channels.telegram import Telegram
from botkit.channels.viber import Viber
from botkit.context import Context
from botkit.events import MessageReceived
from botkit.flow import Flow
from botkit.redaction import Secret
from botkit.router import Router
from botkit.settings import Settings

OLD, NEW = "o" * 32, "n" * 32
TOKENS = {OLD: f"{'1' * 16}-{'a' * 16}-{'1' * 16}", NEW: f"{'2' * 16}-{'b' * 16}-{'2' * 16}"}
#: What is set, one deploy after the other, and what the service signs with meanwhile.
STEPS = (((OLD,), OLD), ((NEW, OLD), OLD), ((NEW, OLD), NEW), ((NEW,), NEW))
PER_STEP = 40

Make = Callable[[tuple[str, ...]], Adapter]
Signed = Callable[[int, str], tuple[bytes, Mapping[str, str]]]


def telegram(secrets: tuple[str, ...]) -> Adapter:
    return Telegram("123456:" + "A" * 35, ",".join(secrets), ta="demo", api_url="http://127.0.0.1:9")


def viber(secrets: tuple[str, ...]) -> Adapter:
    return Viber(",".join(TOKENS[each] for each in secrets), name="Demo", ta="demo", api_url="http://127.0.0.1:9")


def of_telegram(number: int, secret: str) -> tuple[bytes, Mapping[str, str]]:
    chat = {"id": number % 7 + 1, "type": "private", "first_name": "Ana"}
    user = {"id": chat["id"], "is_bot": False, "first_name": "Ana"}
    message = {"message_id": number + 1, "date": int(time.time()), "chat": chat, "from": user, "text": f"{number}"}
    return json.dumps({"update_id": number + 1, "message": message}).encode(), {
        "x-telegram-bot-api-secret-token": secret
    }


def of_viber(number: int, secret: str) -> tuple[bytes, Mapping[str, str]]:
    body = json.dumps({
        "event": "message", "timestamp": int(1000 * time.time()), "message_token": number + 1, "chat_hostname": "x",
        "sender": {"id": f"user-{number % 7}", "name": "Ana", "language": "en", "country": "HR", "api_version": 7},
        "message": {"type": "text", "text": f"{number}"},
    }).encode()  # fmt: skip
    return body, {"x-viber-content-signature": hmac.digest(TOKENS[secret].encode(), body, "sha256").hex()}


@asynccontextmanager
async def running(app: App) -> AsyncIterator[httpx.AsyncClient]:
    """Starts and stops an application as its server does."""
    lifespan = app._asgi.router.lifespan_context(app._asgi)
    async with (
        lifespan,
        httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://bot.test") as client,
    ):
        yield client


async def deliver(client: httpx.AsyncClient, path: str, body: bytes, headers: Mapping[str, str]) -> int:
    """Posts as a service does: again, until it is taken or refused."""
    for _ in range(100):
        answer = await client.post(path, content=body, headers=dict(headers))
        if answer.status_code != 503:
            return answer.status_code
        await asyncio.sleep(0.02)
    raise AssertionError("the service did not come back")


@pytest.mark.parametrize(
    ("channel", "make", "sign"),
    [("telegram", telegram, of_telegram), ("viber", viber, of_viber)],
    ids=["telegram", "viber"],
)
async def test_no_event_is_lost_while_a_secret_is_replaced_under_load(
    channel: str, make: Make, sign: Signed, botkit_redis_url: str, tmp_path: Path
) -> None:
    heard: list[int] = []

    def service(secrets: tuple[str, ...]) -> App:
        router = Router[Flow]()

        @router.on(MessageReceived)
        async def note(event: MessageReceived, ctx: Context[Flow]) -> None:
            heard.append(int(event.text))

        settings = Settings(folder=tmp_path, redis_url=Secret(botkit_redis_url), key_prefix=prefix, shutdown_seconds=2)
        return App([Bot("shop", routers=[router], accounts=[make(secrets)])], settings=settings)

    prefix, path, number, statuses = f"t{uuid4().hex[:12]}", f"/webhooks/{channel}?ta=demo", 0, []
    for secrets, signer in STEPS:
        app = service(secrets)
        async with running(app) as client:
            wave = [sign(number + index, signer) for index in range(PER_STEP)]
            number += PER_STEP
            statuses += await asyncio.gather(*(deliver(client, path, body, headers) for body, headers in wave))
            if len(secrets) == 1 and signer == NEW:
                # Whoever stole the old one knocks in vain from here on.
                assert await deliver(client, path, *sign(9999, OLD)) == 403
    app = service((NEW,))
    async with running(app), asyncio.timeout(20):
        while len(heard) < number:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert statuses == [200] * number
    assert sorted(heard) == list(range(number))
