"""The parcel bot on nonebot2 with its Telegram adapter, by webhook: FastAPI, and the faster of its two HTTP clients.

What its matchers remember lives in the process, so the handler keeps its state in Redis.
"""

import os
from typing import Annotated, Any

import nonebot
from nonebot import on_message
from nonebot.adapters.telegram import Adapter, Bot
from nonebot.adapters.telegram.config import BotConfig
from nonebot.adapters.telegram.event import PrivateMessageEvent
from nonebot.params import Depends, EventPlainText
from redis.asyncio import Redis

redis = Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)

nonebot.init(
    driver="~fastapi+~aiohttp",
    host="127.0.0.1",
    port=int(os.environ["PORT"]),
    log_level="WARNING",
    telegram_bots=[BotConfig(token=os.environ["TOKEN"], api_server=os.environ["API_URL"] + "/", is_webhook=True)],
    telegram_webhook_url="https://bots.example.org",
)
nonebot.get_driver().register_adapter(Adapter)
messages = on_message()


def key_of(event: PrivateMessageEvent) -> str:
    return f"parcel:{event.chat.id}"


async def load(key: Annotated[str, Depends(key_of)]) -> dict[str, Any]:
    return await redis.hgetall(key)


@messages.handle()
async def on_text(
    bot: Bot,
    event: PrivateMessageEvent,
    text: Annotated[str, EventPlainText()],
    key: Annotated[str, Depends(key_of)],
    data: Annotated[dict[str, Any], Depends(load)],
) -> None:
    state = data.get("state", "")
    if text.startswith("order "):
        turn = text.removeprefix("order ")
        await redis.hset(key, mapping={"state": "number", "turn": turn})
        await bot.send(event, f"{turn}: what is the parcel number?")
    elif state == "number" and text.isdigit():
        await redis.hset(key, mapping={"state": "day", "number": text})
        await bot.send(event, f"{data['turn']}: found {text}. Which day?")
    elif state == "day":
        await redis.delete(key)
        await bot.send(event, f"{data['turn']}: {data['number']} comes on {text}.")


if __name__ == "__main__":
    nonebot.run()
