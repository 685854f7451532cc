"""Telegram's own events: complete, stored as they are, and within a handler's reach."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from botkit import events
from botkit.bot import Bot
from botkit.channels import telegram
from botkit.channels.telegram import Telegram
from botkit.channels.telegram_news import EVENTS
from botkit.channels.telegram_updates import KINDS, read_update
from botkit.context import Context
from botkit.conversation import Account, Conversation
from botkit.events import Event, MessageReceived, UnknownEvent
from botkit.flow import Flow
from botkit.router import Router
from botkit.testing import BotTester

PAYLOADS = Path(__file__).parent / "payloads" / "telegram"
BODIES = [
    json.loads(path.read_text("utf-8"))["body"].encode()
    for path in sorted(PAYLOADS.glob("*.json"))
    if path.name != "account.json"
]
ACCOUNT = Account("telegram", "demo")
ANA = {"id": 5550001, "is_bot": False, "first_name": "Ana"}
PRIVATE = {"id": 5550001, "type": "private"}


def read(**update: Any) -> Event:
    return read_update(ACCOUNT, json.dumps({"update_id": 1} | update).encode())


def message(**content: Any) -> Event:
    return read(message={"message_id": 7, "date": 1784000000, "chat": PRIVATE, "from": ANA} | content)


def test_every_event_of_telegram_is_among_those_that_it_reads_again() -> None:
    defined = [kind for kind in vars(telegram).values() if isinstance(kind, type) and issubclass(kind, Event)]
    own = {kind for kind in defined if kind.__module__.startswith("botkit.channels.telegram")}
    assert own == set(EVENTS) == set(Telegram.events)


def test_every_event_of_telegram_has_a_tag_that_says_so() -> None:
    for kind in EVENTS:
        snake = "".join(f"_{char.lower()}" if char.isupper() else char for char in kind.__name__).lstrip("_")
        assert kind.__struct_config__.tag == f"telegram.{snake}"


def test_there_is_a_recorded_update_for_every_kind_and_every_event_of_telegram() -> None:
    kinds = {next(name for name in json.loads(body) if name != "update_id") for body in BODIES if b"," in body}
    assert set(KINDS) <= kinds
    assert set(EVENTS) <= {type(read_update(ACCOUNT, body)) for body in BODIES}


def test_no_documented_kind_of_update_is_unknown() -> None:
    unknown = [event for event in (read_update(ACCOUNT, body) for body in BODIES) if isinstance(event, UnknownEvent)]
    assert not [event.kind for event in unknown if event.kind in KINDS]


@pytest.mark.parametrize("event", [message(dice={"value": 3}), message(new_chat_title="Friends")])
def test_the_service_s_own_object_is_within_reach_after_the_event_was_stored(event: Event) -> None:
    again = events.decoder(EVENTS)(events.encode(event))
    assert isinstance(again, telegram.ContentReceived | telegram.ServiceMessage)
    assert again.data in ({"value": 3}, "Friends")


def test_an_event_made_by_hand_has_no_data() -> None:
    made = telegram.ServiceMessage(
        id="e", at=datetime.now(UTC), conversation=Conversation(ACCOUNT, "1"), message_id="1", kind="new_chat_title"
    )
    assert made.data is None


def test_whoever_came_in_or_went_out_is_told_by_what_they_were_before() -> None:
    def member(old: dict[str, Any], new: dict[str, Any]) -> tuple[bool, bool]:
        change = {"old_chat_member": {"user": ANA} | old, "new_chat_member": {"user": ANA} | new}
        event = read(chat_member={"chat": PRIVATE, "date": 1, "from": ANA} | change)
        assert isinstance(event, telegram.ChatMemberChanged)
        return event.has_joined, event.has_left

    inside: list[dict[str, Any]] = [{"status": name} for name in ("creator", "administrator", "member")]
    inside.append({"status": "restricted", "is_member": True})
    outside: list[dict[str, Any]] = [
        {"status": "left"},
        {"status": "kicked"},
        {"status": "restricted", "is_member": False},
    ]
    assert {member(old, new) for old in outside for new in inside} == {(True, False)}
    assert {member(old, new) for old in inside for new in outside} == {(False, True)}
    assert {member(old, new) for side in (inside, outside) for old in side for new in side} == {(False, False)}


# Entities


def test_an_entity_is_cut_where_telegram_counts_utf_16_units() -> None:
    event = message(
        text="👍🏽 see docs and Bo",
        entities=[
            {"type": "text_link", "offset": 9, "length": 4, "url": "https://example.org"},
            {"type": "text_mention", "offset": 18, "length": 2, "user": {"id": 5550002, "first_name": "Bo"}},
        ],
    )
    assert telegram.entities_of(event) == (
        telegram.Entity("text_link", "docs", 9, 4, url="https://example.org"),
        telegram.Entity("text_mention", "Bo", 18, 2, user_id="5550002"),
    )


def test_a_caption_has_entities_as_a_text_has() -> None:
    photo = [{"file_id": "a", "width": 1, "height": 1}]
    event = message(photo=photo, caption="/cat", caption_entities=[{"type": "bot_command", "offset": 0, "length": 4}])
    assert [entity.text for entity in telegram.entities_of(event)] == ["/cat"]


@pytest.mark.parametrize("event", [message(text="x"), read(poll={"id": "1"})])
def test_what_has_no_entities_gives_none(event: Event) -> None:
    assert telegram.entities_of(event) == ()
    bare = MessageReceived(id="e", at=event.at, conversation=event.conversation, raw_json=Raw(b"null"))
    assert telegram.entities_of(bare) == ()


@given(st.text(min_size=1, max_size=30), st.data())
def test_every_part_of_every_text_is_found_by_its_utf_16_units(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    part = text[start : start + data.draw(st.integers(0, 10))]
    offset, length = (len(piece.encode("utf-16-le")) // 2 for piece in (text[:start], part))
    event = message(text=text, entities=[{"type": "bold", "offset": offset, "length": length}])
    assert [entity.text for entity in telegram.entities_of(event)] == [part]


# In a bot


async def test_a_handler_hears_an_event_of_telegram_alone_and_answers_it(botkit_redis_url: str, tmp_path: Path) -> None:
    router, heard = Router(), []

    @router.on(telegram.InlineQuery)
    async def search(event: telegram.InlineQuery, ctx: Context[Flow]) -> None:
        heard.append((event.query, ctx.conversation.id))

    @router.on(telegram.ServiceMessage)
    async def news(event: telegram.ServiceMessage, ctx: Context[Flow]) -> None:
        heard.append((event.kind, ctx.conversation.id))

    bot = Bot("search", routers=[router], accounts=[Telegram.from_env("SEARCH", {})])
    async with BotTester([bot], botkit_redis_url, folder=tmp_path) as tester:
        account = next(iter(tester.service.owners))
        adapter = tester.service.owners[account].adapter
        inline: dict[str, Any] = {"inline_query": {"id": "1", "from": ANA, "query": "cats", "offset": ""}}
        paid: dict[str, Any] = {"message_id": 1, "date": 1, "chat": PRIVATE, "successful_payment": {"currency": "EUR"}}
        for number, update in enumerate((inline, {"message": paid})):
            body = json.dumps({"update_id": number} | update).encode()
            await tester.service.engine.accept(adapter, [read_update(account, body)])
            await tester.settle()
    assert heard == [("cats", "5550001"), ("successful_payment", "5550001")]
