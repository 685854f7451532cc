"""Updates as aiogram's types define them, made at random: all are taken, and every kind reaches its handler.

A few thousand in the usual run; `pytest tests/channels/test_telegram_aiogram.py --updates 100000` posts more.
"""

import asyncio
import enum
import json
import random
import types
import typing
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import structlog
from aiogram.types import Message, TelegramObject, Update

from botkit import telegram
from botkit.bot import Bot
from botkit.channels.telegram import Telegram
from botkit.channels.telegram_updates import KINDS
from botkit.context import Context
from botkit.engine import EnginePolicy
from botkit.events import ButtonPressed, ConversationStarted, Event, MessageReceived, Subscribed, Unsubscribed
from botkit.flow import Flow
from botkit.router import Router
from botkit.service import Policies
from botkit.testing import BotTester

Make = Callable[[random.Random, int], Any]

HEADER = b"x-telegram-bot-api-secret-token"
BATCH = 100
DEEPEST = 5
TEXTS = ("", "x", "Hello", "/start promo7", "/help@demo_bot", "Привіт 👍🏽", '"\\\n\u2028', "\0", "[{" * 20, "z" * 300)
# What Telegram's documentation lets a text be, where aiogram's types say no more than that it is one.
WORDS = {"Chat.type": ("private", "group", "supergroup", "channel"), "Poll.type": ("regular", "quiz")}
CHATS = 4000
#: What a message is about: there is always one of them.
CONTENTS = (
    *("text", "animation", "audio", "document", "live_photo", "paid_media", "photo", "sticker", "story", "video"),
    *("video_note", "voice", "checklist", "contact", "dice", "game", "poll", "venue", "location", "invoice"),
    *("new_chat_members", "left_chat_member", "new_chat_title", "pinned_message", "successful_payment", "web_app_data"),
    *("rich_message", "migrate_from_chat_id", "users_shared", "forum_topic_created", "giveaway", "gift"),
)


class Generator:
    """Makes JSON of aiogram's types: the required members, some optional ones, and now and then one of the future."""

    def __init__(self) -> None:
        self._objects: dict[type[TelegramObject], Make] = {}

    def of(self, hint: Any, where: str) -> Make:
        """Returns what makes values of a type; `where` is the member that has it."""
        origin, inside = typing.get_origin(hint), typing.get_args(hint)
        if origin is typing.Annotated:
            return self.of(inside[0], where)
        if origin is typing.Literal:
            return _one_of([part.value if isinstance(part, enum.Enum) else part for part in inside])
        if origin in (typing.Union, types.UnionType):
            return _any_of([self.of(part, where) for part in inside if _is_sent(part)])
        if origin is list:
            return _several(self.of(inside[0], where))
        if isinstance(hint, type) and issubclass(hint, TelegramObject):
            return self.model(hint)
        return _plain(hint, where)

    def model(self, model: type[TelegramObject]) -> Make:
        """Returns what makes objects of one of aiogram's types; types that hold themselves end at a depth."""
        if model not in self._objects:
            # A type that holds itself asks for its own maker before that is ready.
            self._objects[model] = _nothing
            self._objects[model] = self._object(model)
        return lambda random, depth: self._objects[model](random, depth)

    def _object(self, model: type[TelegramObject]) -> Make:
        required: list[tuple[str, Make]] = []
        optional: list[tuple[str, Make]] = []
        for name, member in model.model_fields.items():
            make = self.of(member.annotation, f"{model.__name__}.{name}")
            # What tells the types of a union apart is always sent, also where aiogram has a default for it.
            is_fixed = typing.get_origin(member.annotation) is typing.Literal
            (required if member.is_required() or is_fixed else optional).append((member.alias or name, make))

        def make_object(random: random.Random, depth: int) -> dict[str, Any]:
            made = {name: make(random, depth + 1) for name, make in required}
            if depth < DEEPEST and optional:
                for name, make in random.sample(optional, min(len(optional), random.randrange(4))):
                    made[name] = make(random, depth + 1)
            if random.random() < 0.05:
                made["of_the_future"] = {"deep": [1, 2.5, None, "x"]}
            return made

        return make_object


def _nothing(_: random.Random, __: int) -> Any:
    raise AssertionError("made while it was put together")


def _is_sent(hint: Any) -> bool:
    # aiogram's `Default` stands for a setting of its own.
    return hint is not type(None) and getattr(hint, "__name__", "") != "Default"


def _one_of(values: list[Any]) -> Make:
    return lambda random, _: random.choice(values)


def _any_of(makes: list[Make]) -> Make:
    return makes[0] if len(makes) == 1 else lambda random, depth: random.choice(makes)(random, depth)


def _several(make: Make) -> Make:
    return lambda random, depth: [make(random, depth + 1) for _ in range(random.randrange(3) if depth < DEEPEST else 0)]


def _plain(hint: Any, where: str) -> Make:
    if where in WORDS:
        return _one_of(list(WORDS[where]))
    if where in ("Chat.id", "User.id"):
        return lambda random, _: random.choice((1, -1)) * (2**52 - random.randrange(CHATS))
    if where == "Message.media_group_id":
        return lambda random, _: str(random.getrandbits(60))
    if hint is bool:
        return lambda random, _: random.random() < 0.5
    if hint is datetime or where.endswith("_date"):
        return lambda random, _: random.randrange(1, 2**32)
    if hint is int:
        return lambda random, _: random.choice((0, 1, 12, 2**31 - 1, random.randrange(2**40)))
    if hint is float:
        return lambda random, _: random.uniform(-90, 90)
    # Everything else is text, or may be.
    return _one_of(list(TEXTS))


class Updates:
    """A stream of updates, every kind as often as any other."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        generator = Generator()
        self._makes = {
            name: generator.of(member.annotation, name)
            for name, member in Update.model_fields.items()
            if name != "update_id"
        }
        self._contents = {
            name: generator.of(Message.model_fields[name].annotation, f"Message.{name}") for name in CONTENTS
        }
        self._count = 0

    def next(self) -> tuple[str, dict[str, Any]]:
        """Returns the next update and its kind."""
        self._count += 1
        kind = self._random.choice(list(self._makes))
        payload = self._makes[kind](self._random, 0)
        if kind.endswith(("message", "channel_post")):
            self._fill(payload)
        if kind == "callback_query":
            payload |= self._random.choice(({"data": "ans:y"}, {"game_short_name": "chess"}))
        update: dict[str, Any] = {"update_id": self._count, kind: payload}
        if self._random.random() < 0.05:
            update["of_the_future"] = {"id": 1}
        return kind, update

    def _fill(self, message: dict[str, Any]) -> None:
        name = self._random.choice(list(self._contents))
        while not message.get(name):
            message[name] = self._contents[name](self._random, 1)


class Heard:
    """A bot that counts what reaches the handler of each type of event, by the kind of update."""

    def __init__(self) -> None:
        self.kinds: Counter[str] = Counter()
        self.types: dict[str, set[type[Event]]] = {}
        self.router = Router()
        common: tuple[type[Event], ...] = (
            MessageReceived,
            ButtonPressed,
            ConversationStarted,
            Subscribed,
            Unsubscribed,
        )
        for event_type in (*reversed(Telegram.events), *common):
            self._listen(event_type)

    def _listen(self, event_type: type[Event]) -> None:
        @self.router.on(event_type, lambda event: type(event) is event_type)
        async def hear(event: Event, ctx: Context[Flow]) -> None:
            kind = next(name for name in event.raw if name not in ("update_id", "of_the_future"))
            self.kinds[kind] += 1
            self.types.setdefault(kind, set()).add(event_type)


async def post(tester: BotTester, account: Telegram, update: dict[str, Any]) -> int:
    """Posts an update to the application as its server would, and returns the status of the answer."""
    body = json.dumps(update).encode()
    secret = next(secret for secret in account.secrets() if ":" not in secret.reveal()).reveal()
    answered: list[int] = []
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "path": "/webhooks/telegram",
        "query_string": b"ta=" + account.ta.encode(),
        "headers": [(b"host", b"bots.example.org"), (HEADER, secret.encode())],
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: typing.MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            answered.append(message["status"])

    await tester.app(scope, receive, send)
    return answered[0]


@pytest.fixture
def quiet() -> Iterator[None]:
    """Keeps the log of so many events out of the way."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    yield
    structlog.configure(**before)


def test_botkit_knows_every_kind_of_update_that_aiogram_knows() -> None:
    assert set(KINDS) == set(Update.model_fields) - {"update_id"}


def test_what_is_generated_is_what_aiogram_takes_for_an_update() -> None:
    updates = Updates(seed=1)
    for _ in range(1000):
        kind, made = updates.next()
        assert getattr(Update.model_validate(made), kind) is not None


@pytest.mark.timeout(3600)
async def test_every_update_is_taken_and_every_kind_reaches_its_handler(
    botkit_redis_url: str, tmp_path: Path, pytestconfig: pytest.Config, quiet: None
) -> None:
    heard, updates, posted = Heard(), Updates(seed=random.randrange(2**32)), Counter[str]()
    bot = Bot("aiogram", routers=[heard.router], accounts=[Telegram.from_env("AIOGRAM", {})])
    # A machine that is busy with other things must not be taken for a store that does not answer.
    policies = Policies(engine=EnginePolicy(ingest_seconds=30))
    async with BotTester([bot], botkit_redis_url, folder=tmp_path, policies=policies) as tester:
        (account,) = [owner.adapter for owner in tester.service.owners.values()]
        assert isinstance(account, Telegram)
        for _ in range(pytestconfig.getoption("--updates") // BATCH):
            batch = [updates.next() for _ in range(BATCH)]
            posted.update(kind for kind, _ in batch)
            statuses = await asyncio.gather(*(post(tester, account, update) for _, update in batch))
            assert set(statuses) == {200}
            await tester.advance(seconds=1)
        await tester.advance(seconds=60)
        assert await tester.store.dead_letters.count() == 0
        assert await tester.store.call("XRANGE", tester.store.keys.unreadable, "-", "+") == []
    assert heard.kinds == posted
    assert set(posted) == set(KINDS)
    assert heard.types["inline_query"] == {telegram.InlineQuery}
