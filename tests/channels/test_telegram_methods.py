"""What is sent to Telegram is what aiogram knows of each method: no parameter is unknown, none has another form."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiogram import methods
from aiogram.methods.base import TelegramMethod
from pydantic import BaseModel

from botkit.adapter import Outcome
from botkit.buttons import AskAgent, AskContact, AskLocation, Button, Dial, Link, Login, rows
from botkit.channels import telegram, telegram_calls
from botkit.messages import (
    Album,
    AnyMessage,
    Audio,
    Card,
    Carousel,
    Contact,
    Delete,
    Edit,
    File,
    Image,
    Joined,
    Left,
    Location,
    Raw,
    Representative,
    Sticker,
    Text,
    Typing,
    Video,
    Voice,
)
from tests.channels.bot_api import BotApi, Call

URL = "https://media.example/a"
INLINE = rows(
    [
        [Button("Yes", "y"), Button("No", "v" * 65)],
        Link("Open", "https://a.example"),
        Link("Profile", "tg://user?id=1"),
        Link("Elsewhere", "viber://pa"),
        Login("Sign in", "https://in.example"),
        Dial("Call", "+38640111222"),
        AskAgent(),
    ]
)
KEYBOARD = rows([[AskLocation("Place"), AskContact("Number")], Button("Later", "later"), Link("Open", "https://a.b")])
ALL: dict[str, Any] = {
    "buttons": INLINE,
    "silent": True,
    "protect": True,
    "ttl": 60,
    "reply_to": "7",
    "representative": Representative("Ana", "human"),
}
WORDS = "**Bold** *italic* ~~struck~~ `code` [link](https://a.example) [call](tel:+386)\n\n> quoted\n\n```py\nx\n```"
# A private chat, a group's topic, a channel's direct messages, a business's customer, a channel.
PLACES = ("5550001", "-1001234500001/7", "-1001234500001/d9", "5550001@business", "@channel")

MESSAGES: tuple[AnyMessage, ...] = (
    Text(text=WORDS, **ALL),
    Text(text=WORDS, buttons=KEYBOARD),
    Text(text="a sentence. " * 600, **ALL),
    Text(text="x", extra=telegram.force_reply("Your name?")),
    Text(text="x", extra=telegram.force_reply()),
    Text(text="x", extra=telegram.NO_KEYBOARD),
    Text(text="x", extra=telegram.no_preview()),
    Image(source=URL, caption=WORDS, **ALL),
    Image(content=b"x", name="a.png", caption=WORDS, **ALL),
    Image(source=URL, caption="word " * 300, buttons=KEYBOARD),
    Video(source=URL, caption=WORDS, duration=12.4, size=1, **ALL),
    Video(content=b"x", duration=12.4),
    Audio(source=URL, caption=WORDS, title="Song", performer="Ana", duration=3, **ALL),
    Voice(source=URL, caption=WORDS, duration=3, **ALL),
    File(source=f"{URL}.pdf", caption=WORDS, **ALL),
    File(source=f"{URL}.docx", caption=WORDS, **ALL),
    Location(latitude=46.05, longitude=14.46, **ALL),
    Location(latitude=46.05, longitude=14.46, name="Shop", address="Cesta 1", **ALL),
    Contact(phone="+38640111222", name="Ana", last_name="Kos", **ALL),
    Sticker(id="CAACAgIAAxkBAAE", **ALL),
    Card(title="Shirt", description="**Blue**", image=URL, **ALL),
    Carousel(cards=(Card(title="A", buttons=INLINE), Card(title="B", image=URL)), **ALL),
    Album(items=(Image(source=URL, caption=WORDS), Video(content=b"x", duration=1)), **ALL),
    Album(items=(Audio(source=URL, title="Song"), Audio(source=URL))),
    Album(items=(File(source=URL), File(content=b"x"))),
    Edit(message_id="7", text=WORDS, **ALL),
    Delete(message_ids=("7", "8"), silent=True, reply_to="7"),
    Typing(),
    Typing(action="upload_photo", silent=True),
    Joined(),
    Left(),
    Raw(channel="telegram", method="sendDice", payload={"emoji": "🎯"}),
    Raw(channel="telegram", method="sendGame", payload={"game_short_name": "chess"}),
    Raw(channel="telegram", method="setChatTitle", payload={"title": "Shop"}),
    telegram.pin("7", silent=True),
    telegram.unpin("7"),
    telegram.unpin(),
    telegram.react("7", "👍"),
    telegram.react("7"),
    telegram.forward("-1001234500001", "7"),
    telegram.copy("@channel", "7"),
    telegram.edit_keyboard("7", [[{"text": "A", "callback_data": "a"}]]),
    telegram.edit_keyboard("7"),
    telegram.dice(),
    telegram.animation(URL, WORDS),
    telegram.live_location(46.05, 14.46, seconds=60, heading=90, horizontal_accuracy=5.5, proximity_alert_radius=100),
    telegram.video_note("DQACAgIAAxkBAAE"),
    telegram.poll("Which?", ["A", "B"], allows_several=True),
    telegram.invoice("Shirt", "Blue", "order-9", currency="XTR", prices={"Shirt": 20}, need_name=True),
    telegram.answer_button("q"),
    telegram.answer_button("q", "Done", is_alert=True, url="https://t.me/demo"),
    telegram.answer_inline(
        "q", [telegram.article("1", "A", WORDS, description="a")], is_personal=True, next_offset="2"
    ),
    telegram.answer_shipping("q", [{"id": "1", "title": "Post", "prices": [{"label": "Post", "amount": 100}]}]),
    telegram.answer_shipping("q", error="not there"),
    telegram.answer_pre_checkout("q"),
    telegram.answer_pre_checkout("q", error="sold out"),
    telegram.answer_guest("q", telegram.article("1", "A", "a")),
    telegram.approve_join("5550002"),
    telegram.decline_join("5550002"),
    telegram.set_commands({"start": "Begins", "help": "Helps"}, language_code="sl"),
)


def parameters_of(call: Call) -> dict[str, Any]:
    """Returns the parameters as values: in a form they are texts, and what is no text is JSON."""
    if not call.files:
        return call.parameters
    read = {name: _value(text, method_of(call), name) for name, text in call.parameters.items()}
    # Albums name their files inside of `media`.
    named = {} if "media" in call.parameters else dict.fromkeys(call.files, "file")
    return read | named


def _value(text: str, model: type[BaseModel], name: str) -> Any:
    is_text = model.model_fields[name].annotation in (str, str | None) or text.startswith("@")
    return text if is_text else json.loads(text)


def method_of(call: Call) -> type[TelegramMethod[Any]]:
    found: type[TelegramMethod[Any]] = getattr(methods, call.method[0].upper() + call.method[1:])
    return found


def unknown_members(value: Any, where: str) -> Iterator[str]:
    """Yields every member that aiogram's models do not have, however deep."""
    if isinstance(value, BaseModel):
        yield from (f"{where}.{name}" for name in value.model_extra or {})
        for name in value.model_fields_set:
            yield from unknown_members(getattr(value, name), f"{where}.{name}")
    if isinstance(value, list):
        for item in value:
            yield from unknown_members(item, where)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    "message", MESSAGES, ids=lambda message: getattr(message, "method", "") or type(message).__name__
)
async def test_what_is_sent_is_valid_to_aiogram(message: AnyMessage, place: str) -> None:
    api = BotApi()
    await api.send(message, place)
    for call in api.calls:
        model = method_of(call)
        parameters = parameters_of(call)
        assert parameters.keys() <= model.model_fields.keys()
        assert list(unknown_members(model.model_validate(parameters), call.method)) == []


def test_every_builder_is_put_to_the_test() -> None:
    source = Path(__file__).read_text("utf-8")
    builders = {name for name in telegram_calls.__all__ if name[0].islower()}
    assert builders == {name for name in builders if f"telegram.{name}(" in source}


def test_an_unknown_member_is_found_however_deep() -> None:
    markup = {"inline_keyboard": [[{"text": "A", "callback_data": "a", "colour": "red"}]]}
    sent = methods.SendMessage.model_validate({"chat_id": 1, "text": "x", "reply_markup": markup, "loud": True})
    assert set(unknown_members(sent, "sendMessage")) == {
        "sendMessage.loud",
        "sendMessage.reply_markup.inline_keyboard.colour",
    }


@pytest.mark.parametrize(
    ("message", "is_gone"),
    [
        (Text(text="x"), True),
        (telegram.pin("7"), True),
        (telegram.forward("-1001234500001", "7"), False),
        (telegram.copy("@channel", "7"), False),
        (telegram.approve_join("5550002"), False),
        (Raw(channel="telegram", method="sendDice", payload={"chat_id": 5550002}), False),
    ],
    ids=["text", "pin", "forward", "copy", "join", "elsewhere"],
)
async def test_only_a_call_about_a_conversation_alone_tells_that_it_is_gone(message: AnyMessage, is_gone: bool) -> None:
    api = BotApi()
    api.answers.append({"ok": False, "error_code": 400, "description": "Bad Request: chat not found"})
    (receipt,) = await api.send(message)
    assert (receipt.outcome, receipt.is_gone) == (Outcome.REFUSED, is_gone)
