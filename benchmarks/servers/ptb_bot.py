"""The parcel bot on python-telegram-bot 22, as its example of a custom webhook has it: Starlette on uvicorn.

Its own persistence is read at the start and written now and then, so the handlers keep their state in Redis. MODE is
`default` (one update at a time) or `concurrent` (`concurrent_updates`).
"""

import os
from typing import Any

import uvicorn
import uvloop
from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from telegram import Message, Update
from telegram.ext import Application, ContextTypes, MessageHandler, filters

SECRET = os.environ["SECRET"]
redis = Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)


async def on_text(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    message = update.message
    key = f"parcel:{message.chat_id}"
    data = await redis.hgetall(key)
    state = data.get("state", "")
    if message.text.startswith("order "):
        await order(message, key)
    elif state == "number" and message.text.isdigit():
        await number(message, key, data)
    elif state == "day":
        await day(message, key, data)


async def order(message: Message, key: str) -> None:
    turn = message.text.removeprefix("order ")
    await redis.hset(key, mapping={"state": "number", "turn": turn})
    await message.reply_text(f"{turn}: what is the parcel number?")


async def number(message: Message, key: str, data: dict[str, Any]) -> None:
    await redis.hset(key, mapping={"state": "day", "number": message.text})
    await message.reply_text(f"{data['turn']}: found {message.text}. Which day?")


async def day(message: Message, key: str, data: dict[str, Any]) -> None:
    await redis.delete(key)
    await message.reply_text(f"{data['turn']}: {data['number']} comes on {message.text}.")


async def main() -> None:
    builder = Application.builder().token(os.environ["TOKEN"]).updater(None)
    builder = builder.base_url(f"{os.environ['API_URL']}/bot")
    if os.environ["MODE"] == "concurrent":
        builder = builder.concurrent_updates(True)
    application = builder.build()
    application.add_handler(MessageHandler(filters.TEXT, on_text))

    async def webhook(request: Request) -> Response:
        if request.headers.get("X-Telegram-Bot-Api-Secret-Token") != SECRET:
            return Response(status_code=403)
        await application.update_queue.put(Update.de_json(data=await request.json(), bot=application.bot))
        return Response()

    app = Starlette(routes=[Route("/webhook", webhook, methods=["POST"])])
    config = uvicorn.Config(app, host="127.0.0.1", port=int(os.environ["PORT"]), access_log=False, log_level="warning")
    async with application:
        await application.start()
        await uvicorn.Server(config).serve()
        await application.stop()


if __name__ == "__main__":
    uvloop.run(main())
