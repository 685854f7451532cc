"""What the log lines of a turn carry, whoever writes them, and that nobody is named in them."""

import asyncio
import json
import logging
from typing import Any

import pytest
import structlog

from botkit.context import Context
from botkit.conversation import Account, digest
from botkit.events import MessageReceived
from botkit.flow import Flow
from botkit.log_fields import tell_of
from botkit.redis.store import RedisStore
from botkit.router import Router
from botkit.turn import Turn
from tests.conftest import Servers
from tests.desk import REFUSED, Desk, Process, bot, says, where
from tests.test_telemetry import SetUp, lines, set_up

__all__ = ["set_up"]

PHONE = "385911234567"
WORDS = "my-secret-plans"
INJECTED = f'{WORDS}\r\n{{"event": "forged", "level": "error"}}\x1b[2J\u202egnihton\u2028\x00\x85'

own = structlog.get_logger("tests.handlers")
plain = logging.getLogger("tests.handlers")


def talker() -> Router[Flow]:
    router = Router()

    @router.text("fail")
    async def fails(event: MessageReceived, ctx: Context[Flow]) -> None:
        raise ValueError(event.text)

    @router.text("thread")
    def in_a_thread(event: MessageReceived, ctx: Context[Flow]) -> None:
        plain.info("from a thread")

    @router.text()
    async def tells(event: MessageReceived, ctx: Context[Flow]) -> None:
        own.info("structlog line")
        plain.info("logging line")
        await asyncio.create_task(in_a_task())
        ctx.reply(event.text)

    async def in_a_task() -> None:
        own.info("task line")

    return router


def named(said: list[dict[str, Any]], *events: str) -> list[dict[str, Any]]:
    return [line for line in said if line["event"] in events]


@pytest.mark.parametrize(
    ("text", "events"),
    [("hello", ("structlog line", "logging line", "task line", "handled", "sent")), ("thread", ("from a thread",)),
     ("fail", ("handler failed",))],
)  # fmt: skip
async def test_every_line_of_an_event_tells_its_id_its_account_and_its_conversation(
    servers: Servers, set_up: SetUp, text: str, events: tuple[str, ...]
) -> None:
    output = set_up("json", "debug")
    event = says(text, PHONE)
    async with Process(servers.any_url(), bot(talker(), Desk())) as process:
        await process.takes(event)
        await process.engine.settle()
    said = named(lines(output), *events)
    assert len(said) == len(events)
    assert {line["event_id"] for line in said} == {event.id}
    assert {line["account"] for line in said} == {"desk"}
    assert len({line["conversation"] for line in said}) == 1


async def test_a_line_of_a_message_tells_its_key_too(servers: Servers, set_up: SetUp) -> None:
    output = set_up("json", "debug")
    desk = Desk()
    desk.plan.append(REFUSED)
    event = says("hello", PHONE)
    async with Process(servers.any_url(), bot(talker(), desk)) as process:
        await process.takes(event)
        await process.engine.settle()
    (line,) = named(lines(output), "given up")
    assert line["message"].startswith(event.id)
    assert {"conversation", "event_id", "account"} <= line.keys()


async def test_lines_of_two_conversations_at_once_are_told_apart(servers: Servers, set_up: SetUp) -> None:
    output = set_up("json")
    events = [says("hello", person) for person in ("olena", "taras")]
    async with Process(servers.any_url(), bot(talker(), Desk())) as process:
        await asyncio.gather(*(process.takes(event) for event in events))
        await process.engine.settle()
    said = named(lines(output), "task line")
    assert {line["event_id"] for line in said} == {event.id for event in events}
    assert len({line["conversation"] for line in said}) == 2


@pytest.mark.parametrize("text", ["hello", "fail", "thread"])
async def test_nobody_is_named_and_nobodys_words_are_repeated(servers: Servers, set_up: SetUp, text: str) -> None:
    output = set_up("json", "info")
    async with Process(servers.any_url(), bot(talker(), Desk())) as process:
        await process.hears(f"{text} {INJECTED}" if text == "hello" else text, PHONE)
        await process.hears(INJECTED, PHONE)
        await process.advance(1000)
    assert lines(output)
    assert PHONE not in output.getvalue()
    assert digest(where(PHONE).key)[:10] not in output.getvalue()
    assert WORDS not in output.getvalue()
    assert "forged" not in output.getvalue()


@pytest.mark.parametrize("size", [200, 201])
def test_a_handler_that_logs_a_persons_words_shows_two_hundred_characters_of_them(set_up: SetUp, size: int) -> None:
    output = set_up("json")
    own.info("heard", text="x" * size)
    (line,) = lines(output)
    assert line["text"] == ("x" * 200 if size == 200 else "x" * 200 + "... (201 characters)")


@pytest.mark.parametrize("said", [INJECTED, *INJECTED, "\u2066\u2069\u200f", "\ud800"], ids=ascii)
def test_whatever_a_handler_logs_is_one_line_of_ascii_json(set_up: SetUp, said: str) -> None:
    output = set_up("json")
    tell_of(Turn("desk:desk:olena", "token", "e" * 22, b"", 1), Account("desk", "desk"))
    own.info(said, text=said, field=[said])
    plain.warning("%s", said)
    written = output.getvalue()
    assert written.isascii()
    assert len(written.splitlines()) == 2
    assert [json.loads(line)["event"] for line in written.splitlines()] == [said, said]


def test_a_conversation_has_one_name_with_one_key_and_another_with_another(set_up: SetUp) -> None:
    names = []
    for _ in range(2):
        output = set_up("json")
        for person in ("olena", "olena", "taras"):
            tell_of(Turn(f"desk:desk:{person}", "token", "e" * 22, b"", 1), Account("desk", "desk"))
            own.info("line")
        names.append([line["conversation"] for line in lines(output)])
    assert names[0][0] == names[0][1] != names[0][2]
    assert not {*names[0]} & {*names[1]}


async def test_all_processes_on_a_store_have_one_name_and_another_store_has_another(servers: Servers) -> None:
    stores = [RedisStore(servers.any_url(), prefix=prefix) for prefix in ("logkeya", "logkeya", "logkeyb")]
    for store in stores:
        await store.ping()
    first, second, other = [store.pseudonym("desk:desk:olena") for store in stores]
    for store in stores:
        await store.close()
    assert first == second != other
