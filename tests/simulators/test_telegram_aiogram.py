"""The simulated Telegram before a foreign judge: aiogram makes the calls, and reads every answer and every update."""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import aiogram.methods as methods
import aiogram.types as types
import pytest
from aiogram import Bot as AiogramBot
from aiogram.client.session.base import BaseSession
from aiogram.methods import TelegramMethod
from aiogram.types import BufferedInputFile, TelegramObject, Update

from botkit.simulators.simulator import Person
from botkit.simulators.telegram import Connection, Group
from botkit.simulators.telegram_methods import METHODS
from botkit.simulators.telegram_queue import KINDS
from tests.simulators.telegram_desk import ANA, BO, URL, Bot, opened_bot

FRIENDS, NEWS, SHOP = Group("Friends"), Group("News", "channel"), Connection("bcA1", BO)
KEYBOARD = types.InlineKeyboardMarkup(inline_keyboard=[[types.InlineKeyboardButton(text="Yes", callback_data="y")]])
PICTURE = BufferedInputFile(b"picture", "cat.png")


class Session(BaseSession):
    """aiogram's way of calling, over the simulated server."""

    def __init__(self, bot: Bot) -> None:
        super().__init__()
        self.bot = bot
        self.called: set[str] = set()

    async def make_request(
        self,
        bot: AiogramBot,
        method: TelegramMethod[Any],
        timeout: int | None = None,  # noqa: ASYNC109 - the session's signature is aiogram's
    ) -> Any:
        files: dict[str, Any] = {}
        values = {
            name: self.prepare_value(value, bot, files) for name, value in method.model_dump(warnings=False).items()
        }
        parts = {
            name: (file.filename, b"".join([chunk async for chunk in file.read(bot)])) for name, file in files.items()
        }
        data = {name: value for name, value in values.items() if value is not None}
        response = await self.bot.http.post(method.__api_method__, data=data, files=parts or None)
        self.called.add(method.__api_method__.lower())
        answer = self.check_response(bot, method, response.status_code, response.text)
        assert unknown_members(answer.result) == []
        return answer.result

    async def stream_content(self, *args: Any, **kwargs: Any) -> AsyncGenerator[bytes, None]:
        yield b""

    async def close(self) -> None:
        await self.bot.close()


def unknown_members(value: Any, path: str = "") -> list[str]:
    """Returns what aiogram's types keep of an object although the Bot API has no such member."""
    if isinstance(value, list):
        return [found for item in value for found in unknown_members(item, path)]
    if not isinstance(value, TelegramObject):
        return []
    own = [f"{path}.{name}" for name in value.model_extra or {}]
    return own + [found for name, item in value for found in unknown_members(item, f"{path}.{name}")]


@pytest.fixture
async def bot() -> AsyncIterator[Bot]:
    async with opened_bot(allowed_updates=[*KINDS]) as bot:
        yield bot


@pytest.fixture
def aiogram(bot: Bot) -> AiogramBot:
    return AiogramBot(bot.token, session=Session(bot))


async def every_answer(bot: Bot, aiogram: AiogramBot) -> None:
    """Lets aiogram call every method of the simulator once."""
    chat, simulator = bot.chat_id(), bot.simulator
    me = await aiogram.me()
    assert me.username == "demo_bot"
    text = await aiogram.send_message(chat, "<b>bold</b> 😀", parse_mode="HTML", reply_markup=KEYBOARD)
    assert [entity.type for entity in text.entities or ()] == ["bold"]
    await aiogram.edit_message_text("other", chat_id=chat, message_id=text.message_id)
    await aiogram.edit_message_reply_markup(chat_id=chat, message_id=text.message_id, reply_markup=KEYBOARD)
    await aiogram.set_message_reaction(chat, text.message_id, [types.ReactionTypeEmoji(emoji="👍")])
    await aiogram.pin_chat_message(chat, text.message_id)
    await aiogram.get_chat(chat)
    await aiogram.unpin_chat_message(chat)
    await aiogram.unpin_all_chat_messages(chat)
    await aiogram.copy_message(chat, chat, text.message_id)
    await aiogram.forward_message(chat, chat, text.message_id)
    picture = await aiogram.send_photo(chat, PICTURE, caption="cat", has_spoiler=True)
    await aiogram.edit_message_caption(chat_id=chat, message_id=picture.message_id, caption="dog")
    media = types.InputMediaVideo(media="https://a.example/b.mp4")
    await aiogram.edit_message_media(media, chat_id=chat, message_id=picture.message_id)
    await aiogram.send_media_group(chat, [types.InputMediaPhoto(media=PICTURE), types.InputMediaPhoto(media=PICTURE)])
    document = await aiogram.send_document(chat, BufferedInputFile(b"%PDF", "a.pdf"))
    assert document.document
    await aiogram.get_file(document.document.file_id)
    await aiogram.send_video(chat, "https://a.example/b.mp4", duration=3, width=10, height=20)
    await aiogram.send_audio(chat, "https://a.example/b.mp3", performer="P", title="T")
    await aiogram.send_voice(chat, "https://a.example/b.ogg")
    await aiogram.send_animation(chat, "https://a.example/b.gif")
    await aiogram.send_video_note(chat, BufferedInputFile(b"video", "a.mp4"))
    await aiogram.send_sticker(chat, "https://a.example/b.webp", emoji="👍")
    await aiogram.send_venue(chat, 46, 14, "Castle", "Hill 1", foursquare_id="f")
    await aiogram.send_contact(chat, "+38640111222", "Bo", last_name="B", vcard="BEGIN:VCARD")
    await aiogram.send_dice(chat)
    poll = await aiogram.send_poll(chat, "Tea?", ["Yes", types.InputPollOption(text="No")], is_anonymous=False)
    await aiogram.stop_poll(chat, poll.message_id)
    live = await aiogram.send_location(chat, 46, 14, live_period=60, horizontal_accuracy=5)
    await aiogram.edit_message_live_location(47, 15, chat_id=chat, message_id=live.message_id)
    await aiogram.stop_message_live_location(chat_id=chat, message_id=live.message_id)
    await aiogram.send_chat_action(chat, "typing")
    await aiogram.delete_message(chat, live.message_id)
    await aiogram.delete_messages(chat, [poll.message_id])
    await aiogram.set_my_commands([types.BotCommand(command="start", description="Starts")])
    await aiogram.get_my_commands()
    await aiogram.delete_my_commands()
    await simulator.taps("demo", ANA, "Yes")
    await aiogram.answer_callback_query(simulator.unanswered("demo")[-1], text="Saved")
    await answers_to_queries(bot, aiogram)
    await in_a_group(bot, aiogram)
    await aiogram.get_webhook_info()
    bot.clock.advance(seconds=2)
    await aiogram.delete_webhook()
    bot.clock.advance(seconds=2)
    await aiogram.get_updates()
    await aiogram.set_webhook(URL, secret_token=bot.secret)


async def answers_to_queries(bot: Bot, aiogram: AiogramBot) -> None:
    simulator = bot.simulator
    content = types.InputTextMessageContent(message_text="found")
    result = types.InlineQueryResultArticle(id="r", title="R", input_message_content=content, reply_markup=KEYBOARD)
    await aiogram.answer_inline_query(await simulator.queries_inline("demo", ANA, "q"), [result])
    await aiogram.answer_web_app_query(await simulator.opens_web_app("demo", ANA), result)
    await aiogram(
        methods.AnswerGuestQuery(
            guest_query_id=await simulator.asks_as_guest("demo", ANA, Group("Others"), "?"), result=result
        )
    )
    price = types.LabeledPrice(label="Tea", amount=100)
    await aiogram.send_invoice(
        bot.chat_id(), "Tea", "A cup", "order-9", "EUR", [price], provider_token="p", is_flexible=True
    )
    await simulator.pays("demo", ANA)
    option = types.ShippingOption(id="post", title="Post", prices=[price])
    await aiogram.answer_shipping_query(
        simulator.unanswered("demo", "shipping_query")[0], True, shipping_options=[option]
    )
    await aiogram.answer_pre_checkout_query(simulator.unanswered("demo", "pre_checkout_query")[0], True)
    await simulator.redeliver()


async def in_a_group(bot: Bot, aiogram: AiogramBot) -> None:
    simulator = bot.simulator
    await simulator.adds_bot("demo", ANA, FRIENDS, is_admin=True)
    for person in (BO, Person("Cy")):
        await simulator.requests_to_join("demo", person, FRIENDS)
    await aiogram.approve_chat_join_request(FRIENDS.id, int(simulator.conversation_id("demo", BO)))
    await aiogram.decline_chat_join_request(FRIENDS.id, int(simulator.conversation_id("demo", Person("Cy"))))
    await aiogram.send_message(FRIENDS.id, "all")
    await aiogram.leave_chat(FRIENDS.id)


async def test_aiogram_calls_every_method_and_understands_every_answer(bot: Bot, aiogram: AiogramBot) -> None:
    await every_answer(bot, aiogram)
    session = aiogram.session
    assert isinstance(session, Session)
    assert session.called == {*METHODS, "getupdates"}


async def every_update(bot: Bot, aiogram: AiogramBot) -> None:
    """Does everything that tells a bot something."""
    simulator = bot.simulator
    await every_answer(bot, aiogram)
    await simulator.says("demo", ANA, "😀 /go @bo https://a.example")
    await simulator.edits("demo", ANA, "other")
    await simulator.sends_album("demo", ANA, ("one", ""))
    await simulator.sends_file("demo", ANA)
    await simulator.sends_location("demo", ANA, 46, 14)
    await simulator.sends_contact("demo", ANA)
    await simulator.sends_contact("demo", ANA, own=False)
    await simulator.shares_web_app_data("demo", ANA, "{}")
    await simulator.reacts("demo", ANA)
    await aiogram.send_message(bot.chat_id(), "pick", reply_markup=KEYBOARD)
    await simulator.taps("demo", ANA, "Yes", is_inaccessible=True)
    await aiogram.send_poll(bot.chat_id(), "Tea?", ["Yes", "No"], is_anonymous=False)
    await simulator.votes("demo", ANA, 0)
    await simulator.chooses_inline("demo", ANA, "r")
    await simulator.buys_media("demo", ANA, "album-3")
    await simulator.changes_subscription("demo", ANA, "plan")
    await simulator.creates_bot("demo", ANA, "child_bot")
    await simulator.leaves("demo", ANA)
    await simulator.unblocks("demo", ANA)
    await everything_in_groups(bot)
    await everything_for_a_business(bot)


async def everything_in_groups(bot: Bot) -> None:
    simulator, group = bot.simulator, Group("Forum")
    await simulator.adds_bot("demo", ANA, group, context="promo")
    await simulator.promotes_bot("demo", ANA, group)
    await simulator.joins("demo", BO, group)
    await simulator.leaves_group("demo", BO, group)
    group = await simulator.upgrades("demo", ANA, group)
    topic = await simulator.opens_topic("demo", ANA, group, "Tea")
    await simulator.says("demo", ANA, "in the topic", where=topic)
    await simulator.closes_topic("demo", ANA, topic)
    await simulator.boosts("demo", ANA, group)
    await simulator.stops_boosting("demo", ANA, group)
    await simulator.kicks_bot("demo", ANA, group)
    await simulator.adds_bot("demo", ANA, NEWS, is_admin=True)
    await simulator.says("demo", ANA, "Release day", where=NEWS)
    await simulator.edits("demo", ANA, "Release day!", where=NEWS)
    await simulator.reacts("demo", BO, "🔥", where=NEWS)
    direct = Group("News", "direct")
    await simulator.adds_bot("demo", ANA, direct, is_admin=True)
    await simulator.says("demo", BO, "may I ask", where=direct)


async def everything_for_a_business(bot: Bot) -> None:
    simulator = bot.simulator
    await simulator.connects("demo", SHOP)
    await simulator.says("demo", ANA, "in stock?", where=SHOP)
    await simulator.edits("demo", ANA, "in stock", where=SHOP)
    await simulator.deletes("demo", ANA, where=SHOP)
    await simulator.connects("demo", SHOP, is_enabled=False)


async def test_aiogram_understands_an_update_of_every_kind(bot: Bot, aiogram: AiogramBot) -> None:
    await every_update(bot, aiogram)
    delivered = [json.loads(request.body) for request in bot.requests]
    assert {kind for update in delivered for kind in update} == {"update_id", *KINDS}
    for update in delivered:
        assert unknown_members(Update.model_validate(update)) == []


async def test_an_update_of_the_future_is_delivered_too(bot: Bot) -> None:
    await bot.simulator.emits("demo", "kind_of_the_future", {"id": 1})
    bot.clock.advance(seconds=2)
    await bot.set_webhook(allowed_updates=[])
    await bot.simulator.emits("demo", "kind_of_the_future", {"id": 2})
    [update] = bot.told("kind_of_the_future")
    assert update == {"id": 2}
    assert Update.model_validate(bot.updates[-1]).update_id > 0
