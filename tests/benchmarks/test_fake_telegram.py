import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest

from benchmarks.fake_telegram import FakeTelegram


@pytest.fixture
async def telegram() -> AsyncIterator[FakeTelegram]:
    telegram = FakeTelegram()
    yield telegram
    telegram.stop()
    async with asyncio.timeout(10):
        for _ in iter(lambda: bool(telegram.connections), False):
            await asyncio.sleep(0)


async def call(telegram: FakeTelegram, method: str, **given: object) -> object:
    async with httpx.AsyncClient() as client:
        answer = await client.post(f"{await telegram.start()}/bot1:a/{method}", json=given)
    assert answer.status_code == 200
    assert answer.json()["ok"] is True
    return answer.json()["result"]


async def test_a_message_sent_is_told_and_answered_with_the_message(telegram: FakeTelegram) -> None:
    told: list[tuple[int, str]] = []
    telegram.on_reply = lambda chat, text: told.append((chat, text))
    text = 'a "quoted" word, жук'
    message = await call(telegram, "sendMessage", chat_id=7, text=text)
    assert told == [(7, text)]
    assert isinstance(message, dict)
    assert (message["chat"]["id"], message["text"], message["message_id"]) == (7, text, 1)


async def test_of_an_ignored_chat_nothing_is_told(telegram: FakeTelegram) -> None:
    told: list[tuple[int, str]] = []
    telegram.on_reply = lambda chat, text: told.append((chat, text))
    telegram.ignored = 7
    await call(telegram, "sendMessage", chat_id=7, text="hello")
    assert (told, telegram.last_message) == ([], 1)


async def test_the_secret_of_a_webhook_is_kept(telegram: FakeTelegram) -> None:
    assert await call(telegram, "setWebhook", url="https://x.example", secret_token="s3cret") is True
    assert telegram.secret == "s3cret"


async def test_a_bot_may_ask_who_it_is(telegram: FakeTelegram) -> None:
    me = await call(telegram, "getMe")
    assert json.dumps(me).count('"is_bot": true') == 1
