"""What other programs ask for goes out once, whoever dies in between, and takes its menu and long values along."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace

from botkit.context import Context
from botkit.events import ButtonPressed, Choice
from botkit.flow import Flow
from botkit.menu import token_of
from botkit.messages import Text
from botkit.outgoing import Outgoing, encode
from botkit.router import Router
from botkit.sending import Rejection, Sender
from botkit.submission import Submission, message_id, part_key
from tests.desk import Desk, Process, bot, where


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
async def process(botkit_redis_url: str, desk: Desk) -> AsyncIterator[Process]:
    router = Router()

    @router.button("day:{day}")
    async def chosen(event: ButtonPressed, ctx: Context[Flow]) -> None:
        ctx.reply(f"chosen {ctx.match['day']}")

    async with Process(botkit_redis_url, bot(router, desk)) as process:
        yield process


def asked(*texts: str, key: str = "order-7", fingerprint: str = "f1", created_ms: int = 0) -> Submission:
    """Returns what a program asked for: a message in so many parts."""
    name, to = message_id("shop", key), where()
    account = (to.account.channel, to.account.ta)
    parts = [
        Outgoing(part_key(name, len(texts) - number), account, to.id, Text(text=text, markdown=False), created_ms)
        for number, text in enumerate(texts, 1)
    ]
    return Submission(
        id=name,
        owner="shop",
        fingerprint=fingerprint,
        account=account,
        to=to.id,
        created_ms=created_ms,
        parts=tuple(parts),
    )


async def test_its_parts_go_out_in_order_once(process: Process, desk: Desk) -> None:
    sender = Sender(process.store, process.clock)
    first = await sender.submit(asked("one", "two", created_ms=1))
    await process.engine.settle()
    again = await sender.submit(asked("one", "two", created_ms=2))
    await process.engine.settle()
    assert isinstance(first, Submission)
    assert isinstance(again, Submission)
    assert again.created_ms == first.created_ms == 1
    assert desk.texts == ["one", "two"]
    assert [outgoing.key[-2:] for outgoing in desk.attempts] == ["01", "00"]


async def test_another_request_under_its_id_is_a_conflict_and_changes_nothing(process: Process, desk: Desk) -> None:
    sender = Sender(process.store, process.clock)
    await sender.submit(asked("one"))
    assert await sender.submit(asked("two", fingerprint="f2")) is Rejection.CONFLICT
    await process.engine.settle()
    assert desk.texts == ["one"]


async def test_whoever_dies_when_it_was_kept_leaves_a_repeat_to_complete_it(process: Process, desk: Desk) -> None:
    await process.store.submissions.keep(asked("one", "two"))
    await process.engine.settle()
    assert desk.texts == []
    await Sender(process.store, process.clock).submit(asked("one", "two"))
    await process.engine.settle()
    assert desk.texts == ["one", "two"]


@pytest.mark.parametrize("written", [1, 2])
@pytest.mark.parametrize("is_sent", [False, True], ids=["waiting", "sent"])
async def test_whoever_dies_between_the_writes_leaves_a_repeat_to_do_the_rest_alone(
    process: Process, desk: Desk, written: int, is_sent: bool
) -> None:
    submission = asked("one", "two", created_ms=round(process.clock.timestamp() * 1000))
    await process.store.submissions.keep(submission)
    for part in submission.parts[:written]:
        await process.store.enqueue(where().key, part.key, encode(part))
    if is_sent:
        await process.engine.settle()
    await Sender(process.store, process.clock).submit(submission)
    await process.engine.settle()
    assert desk.texts == ["one", "two"]


async def test_many_at_once_under_one_id_send_it_once(process: Process, desk: Desk) -> None:
    sender = Sender(process.store, process.clock)
    taken = await asyncio.gather(*(sender.submit(asked("one", created_ms=number)) for number in range(1, 9)))
    await process.engine.settle()
    assert len({each.created_ms for each in taken if isinstance(each, Submission)}) == 1
    assert desk.texts == ["one"]


async def test_what_was_left_undone_for_long_is_not_too_late_to_be_sent(process: Process, desk: Desk) -> None:
    now_ms = round(process.clock.timestamp() * 1000)
    await process.store.submissions.keep(asked("one", created_ms=now_ms))
    process.clock.advance(days=2)
    kept = await Sender(process.store, process.clock).submit(asked("one"))
    await process.engine.settle()
    assert isinstance(kept, Submission)
    assert kept.created_ms == now_ms
    assert desk.attempts[0].created_ms >= now_ms + 2 * 86_400_000


async def test_a_full_outbox_takes_nothing_and_later_all(process: Process, desk: Desk) -> None:
    for number in range(1000):
        key = f"{number:022}00"
        await process.store.enqueue(where().key, key, b"{}")
    sender = Sender(process.store, process.clock)
    assert await sender.submit(asked("one")) is Rejection.FULL
    await process.store.call("DEL", process.store.keys.of(where().key, "o")[0])
    assert isinstance(await sender.submit(asked("one")), Submission)
    await process.engine.settle()
    assert desk.texts == ["one"]


async def test_a_menu_can_be_answered_and_a_long_value_stands_behind_its_token(process: Process, desk: Desk) -> None:
    token = token_of("day:today")
    submission = asked("Which day? 1. Today")
    part = replace(submission.parts[0], menu=(Choice("Today", token),))
    submission = replace(submission, parts=(part,), values={token: "day:today"})
    await Sender(process.store, process.clock).submit(submission)
    await process.engine.settle()
    await process.hears("1")
    assert desk.texts[-1] == "chosen today"
