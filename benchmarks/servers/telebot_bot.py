"""The parcel bot on pyTelegramBotAPI, as its examples have it: aiohttp, its own Redis storage, its state filter."""

import asyncio
import os

import uvloop
from aiohttp import web
from telebot import asyncio_filters, asyncio_helper
from telebot.async_telebot import AsyncTeleBot
from telebot.asyncio_storage import StateRedisStorage
from telebot.states import State, StatesGroup
from telebot.states.asyncio.context import StateContext
from telebot.states.asyncio.middleware import StateMiddleware
from telebot.types import Message, Update

SECRET = os.environ["SECRET"]
asyncio_helper.API_URL = os.environ["API_URL"] + "/bot{0}/{1}"
bot = AsyncTeleBot(os.environ["TOKEN"], state_storage=StateRedisStorage(redis_url=os.environ["REDIS_URL"]))


class Parcel(StatesGroup):
    number = State()
    day = State()


@bot.message_handler(func=lambda message: message.text.startswith("order "))
async def order(message: Message, state: StateContext) -> None:
    turn = message.text.removeprefix("order ")
    await state.set(Parcel.number)
    await state.add_data(turn=turn)
    await bot.send_message(message.chat.id, f"{turn}: what is the parcel number?")


@bot.message_handler(state=Parcel.number, is_digit=True)
async def number(message: Message, state: StateContext) -> None:
    await state.set(Parcel.day)
    await state.add_data(number=message.text)
    async with state.data() as data:
        text = f"{data['turn']}: found {data['number']}. Which day?"
    await bot.send_message(message.chat.id, text)


@bot.message_handler(state=Parcel.day)
async def day(message: Message, state: StateContext) -> None:
    async with state.data() as data:
        text = f"{data['turn']}: {data['number']} comes on {message.text}."
    await state.delete()
    await bot.send_message(message.chat.id, text)


bot.add_custom_filter(asyncio_filters.StateFilter(bot))
bot.add_custom_filter(asyncio_filters.IsDigitFilter())
bot.setup_middleware(StateMiddleware(bot))
running: set[asyncio.Future[None]] = set()


async def webhook(request: web.Request) -> web.Response:
    if request.headers.get("X-Telegram-Bot-Api-Secret-Token") != SECRET:
        return web.Response(status=403)
    update = Update.de_json(await request.json())
    # Its example keeps no reference; without one, the task may be collected before it ends.
    task = asyncio.ensure_future(bot.process_new_updates([update]))
    running.add(task)
    task.add_done_callback(running.discard)
    return web.Response()


if __name__ == "__main__":
    app = web.Application()
    app.router.add_post("/webhook", webhook)
    uvloop.install()
    web.run_app(app, host="127.0.0.1", port=int(os.environ["PORT"]), access_log=None, print=None)
