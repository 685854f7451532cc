"""Telegram's updates on their way through a bot: one at a time, albums whole, and groups that get another id."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from botkit.bot import Bot
from botkit.channels.telegram import Telegram
from botkit.context import Context
from botkit.conversation import Conversation
from botkit.events import Event, MessageReceived, TimerFired
from botkit.flow import Flow, Trigger
from botkit.redis.audit import audit
from botkit.router import Router
from botkit.simulators.telegram import TelegramSimulator
from botkit.simulators.telegram_state import ChatState
from botkit.simulators.wire import Fault
from botkit.testing import BotTester

ANA = {"id": 5550001, "is_bot": False, "first_name": "Ana"}
PRIVATE = {"id": 5550001, "type": "private", "first_name": "Ana"}
OLD = {"id": -4500777, "type": "group", "title": "Friends"}
NEW = {"id": -1001234500777, "type": "supergroup", "title": "Friends"}
KNOWN: dict[int, dict[str, Any]] = {5550001: PRIVATE, -4500777: OLD, -1001234500777: NEW}
UPGRADED = {
    "ok": False,
    "error_code": 400,
    "description": "Bad Request: group chat was upgraded to a supergroup chat",
    "parameters": {"migrate_to_chat_id": NEW["id"]},
}


Run = Callable[[Router[Any]], AbstractAsyncContextManager["Post"]]


class Order(Flow):
    states = ("idle", "asked")
    ask = Trigger("idle", "asked")
    heard: list[str] = []


class Post:
    """Posts updates to the bot's webhook as Telegram does."""

    def __init__(self, tester: BotTester) -> None:
        self.tester = tester
        (owner,) = tester.service.owners.values()
        self.account = owner.adapter.account
        secret = [secret.reveal() for secret in owner.adapter.secrets()][1]
        self._http = httpx.AsyncClient(
            transport=httpx.ASGITransport(tester.app),
            base_url="http://bot.test",
            headers={"x-telegram-bot-api-secret-token": secret},
        )
        self._count = 0

    async def update(self, **content: Any) -> None:
        self._count += 1
        path = f"/webhooks/telegram?ta={self.account.ta}"
        answer = await self._http.post(path, json={"update_id": self._count} | content)
        assert answer.status_code == 200

    async def message(self, chat: dict[str, Any] = PRIVATE, **content: Any) -> None:
        known = {"message_id": self._count + 1, "date": 1784000000, "chat": chat, "from": ANA}
        await self.update(message=known | content)

    async def photo(self, name: str, group: str, **content: Any) -> None:
        photo = [{"file_id": name, "file_unique_id": name, "width": 9, "height": 9}]
        await self.message(media_group_id=group, photo=photo, **content)

    @property
    def sent(self) -> list[tuple[int, str]]:
        """Every text that the service was asked to send, with the chat."""
        calls = self.tester.simulator("telegram").wire.calls("sendMessage")
        return [(call.body["chat_id"], call.body["text"]) for call in calls]


@asynccontextmanager
async def running(router: Router[Any], redis_url: str, folder: Path) -> AsyncIterator[Post]:
    bot = Bot("demo", routers=[router], accounts=[Telegram.from_env("DEMO", {})])
    async with BotTester([bot], redis_url, folder=folder) as tester:
        post = Post(tester)
        simulator = tester.simulator("telegram")
        assert isinstance(simulator, TelegramSimulator)
        chats = simulator._state.bots[post.account.ta].chats
        chats |= {number: ChatState(next_message_id=1, info=chat) for number, chat in KNOWN.items()}
        yield post
        assert await audit(tester.store) == []


@pytest.fixture
def run(botkit_redis_url: str, tmp_path: Path) -> Run:
    return lambda router: running(router, botkit_redis_url, tmp_path)


async def test_updates_of_several_queues_that_come_at_once_are_handled_one_at_a_time_in_the_order_of_their_acceptance(
    run: Run,
) -> None:
    router, heard, at_work, all_are_posted = Router(), [], [], asyncio.Event()

    @router.on(Event)
    async def every(event: Event, ctx: Context[Flow]) -> None:
        at_work.append(event.id)
        await all_are_posted.wait()
        await asyncio.sleep(0)
        assert at_work == [event.id], "somebody else is at work on the same conversation"
        at_work.clear()
        heard.append(event.id)

    press = {"id": "1", "from": ANA, "message": {"message_id": 1, "chat": PRIVATE, "date": 1}, "data": "x"}
    unblocked = {
        "chat": PRIVATE,
        "date": 1,
        "from": ANA,
        "old_chat_member": {"user": ANA, "status": "kicked"},
        "new_chat_member": {"user": ANA, "status": "member"},
    }
    async with run(router) as post:
        cid = Conversation(post.account, "5550001").key
        await asyncio.gather(
            *(post.message(text=str(number)) for number in range(10)),
            *(post.update(callback_query=press) for _ in range(5)),
            *(post.update(my_chat_member=unblocked) for _ in range(5)),
        )
        (mailbox,) = post.tester.store.keys.of(cid, "m")
        accepted = [entry[:22].decode() for entry in await post.tester.store.call("LRANGE", mailbox, 0, -1)]
        all_are_posted.set()
        await post.tester.settle()
        assert heard == accepted
        assert len(heard) == 20


async def test_an_album_is_one_message_on_the_wire_too(run: Run) -> None:
    router = Router()

    @router.on(MessageReceived)
    async def every(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.reply(f"{event.text}: {' '.join(part.file_id for part in event.album) or 'no album'}")

    async with run(router) as post:
        await post.photo("a", "g1")
        await post.photo("b", "g1", caption="Cats")
        await post.message(text="Look")
        await post.photo("c", "g1")
        await post.tester.settle()
        assert post.sent == []
        await post.tester.advance(seconds=1)
        assert [text for _, text in post.sent] == ["Cats: a b c", "Look: no album"]


async def test_a_new_caption_of_one_file_is_no_album_and_does_not_wait(run: Run) -> None:
    router = Router()

    @router.on(MessageReceived)
    async def every(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.reply(f"{event.text} {event.edited} {len(event.album)}")

    async with run(router) as post:
        photo = [{"file_id": "a", "width": 9, "height": 9}]
        known = {"message_id": 1, "date": 1, "edit_date": 2, "chat": PRIVATE, "from": ANA}
        await post.update(edited_message=known | {"photo": photo, "media_group_id": "g1", "caption": "Dogs"})
        await post.tester.settle()
        assert [text for _, text in post.sent] == ["Dogs True 0"]


async def test_a_group_that_becomes_a_supergroup_keeps_its_flow_its_timers_and_its_unsent_messages(run: Run) -> None:
    router = Router(Order)

    @router.text("^ask")
    async def ask(event: MessageReceived, ctx: Context[Order]) -> None:
        ctx.flow.ask()
        ctx.after("call", minutes=1)

    @router.text()
    async def every(event: MessageReceived, ctx: Context[Order]) -> None:
        ctx.flow.heard.append(event.text)
        ctx.reply(f"{ctx.flow.state}: {' '.join(ctx.flow.heard)}")

    @router.timer("call")
    async def call(event: TimerFired, ctx: Context[Order]) -> None:
        ctx.reply("call")

    async with run(router) as post:
        await post.message(OLD, text="ask")
        post.tester.simulator("telegram").wire.faults.append(Fault(400, json.dumps(UPGRADED).encode()))
        await post.message(OLD, text="one")
        await post.message(NEW, migrate_from_chat_id=OLD["id"])
        await post.message(NEW, text="two")
        await post.message(OLD, migrate_to_chat_id=NEW["id"])
        await post.tester.settle()
        await post.tester.advance(seconds=1)
        old, new = OLD["id"], NEW["id"]
        assert post.sent == [(old, "asked: one"), (new, "asked: one"), (new, "asked: one two")]
        await post.tester.advance(seconds=60)
        assert post.sent[3:] == [(new, "call")]
