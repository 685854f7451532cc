"""The parcel bot on aiogram 3, as its documentation has webhooks on aiohttp and its finite state machine in Redis.

MODE is `default`, `isolation` (RedisEventIsolation: one update of a chat at a time) or `inline` (the webhook is
answered when the handler has ended).
"""

import os

import uvloop
from aiogram import Bot, Dispatcher, F, Router
from aiogram.client.default import DefaultBotProperties
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.fsm.context import FSMContext
from aiogram.fsm.state import State, StatesGroup
from aiogram.fsm.storage.redis import RedisStorage
from aiogram.types import Message
from aiogram.webhook.aiohttp_server import SimpleRequestHandler, setup_application
from aiohttp import web

MODE = os.environ["MODE"]
router = Router()


class Parcel(StatesGroup):
    number = State()
    day = State()


@router.message(F.text.startswith("order "))
async def order(message: Message, state: FSMContext) -> None:
    turn = message.text.removeprefix("order ")
    await state.set_state(Parcel.number)
    await state.update_data(turn=turn)
    await message.answer(f"{turn}: what is the parcel number?")


@router.message(Parcel.number, F.text.isdigit())
async def number(message: Message, state: FSMContext) -> None:
    data = await state.update_data(number=message.text)
    await state.set_state(Parcel.day)
    await message.answer(f"{data['turn']}: found {data['number']}. Which day?")


@router.message(Parcel.day)
async def day(message: Message, state: FSMContext) -> None:
    data = await state.get_data()
    await state.clear()
    await message.answer(f"{data['turn']}: {data['number']} comes on {message.text}.")


def main() -> None:
    session = AiohttpSession(api=TelegramAPIServer.from_base(os.environ["API_URL"]))
    bot = Bot(os.environ["TOKEN"], session=session, default=DefaultBotProperties())
    storage = RedisStorage.from_url(os.environ["REDIS_URL"])
    isolation = storage.create_isolation() if MODE == "isolation" else None
    dispatcher = Dispatcher(storage=storage, events_isolation=isolation)
    dispatcher.include_router(router)
    app = web.Application()
    handler = SimpleRequestHandler(
        dispatcher, bot, handle_in_background=MODE != "inline", secret_token=os.environ["SECRET"]
    )
    handler.register(app, path="/webhook")
    setup_application(app, dispatcher, bot=bot)
    uvloop.install()
    web.run_app(app, host="127.0.0.1", port=int(os.environ["PORT"]), access_log=None, print=None)


if __name__ == "__main__":
    main()
