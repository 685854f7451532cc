"""What other programs ask for goes out once, whoever dies in between, and takes its menu and long values along.

What is scheduled waits for its time, and either goes, or is cancelled, or expires.
"""

import asyncio
import inspect
from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import count
from typing import Any, cast

import pytest
from msgspec.structs import replace

from botkit.context import Context
from botkit.events import ButtonPressed, Choice, MessageReceived, SendDue
from botkit.flow import Flow
from botkit.menu import token_of
from botkit.messages import Text
from botkit.outgoing import Hop, Outgoing, Trail, encode
from botkit.redis.audit import audit
from botkit.redis.bounds import Bounds
from botkit.redis.submissions import MAX_WAITING
from botkit.router import Router
from botkit.send_schedule import SendSchedule
from botkit.sending import Rejection, Sender
from botkit.store import Store
from botkit.submission import Stage, Submission, message_id, part_key
from tests.desk import NOT_SENT, Desk, Process, bot, where


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


# --- what waits for its time ---


def waiting(process: Process, *texts: str, hours: float = 1, deadline: float = 0, notify: str = "") -> Submission:
    """Returns what a program asked for, for an hour that begins so many hours from now; in a message of two parts."""
    now = process.clock.now()
    opens = now + timedelta(hours=hours)
    begin = 60 * opens.hour + opens.minute
    schedule = SendSchedule(
        begin=begin,
        end=(begin + 60) % 1440 or 1440,
        deadline=now + timedelta(hours=deadline) if deadline else None,
    )
    first = asked(*texts or ("one", "two"), created_ms=round(1000 * now.timestamp()))
    parts = first.parts
    if notify:
        home = (*first.account, first.to)
        trail = Trail(home, (Hop(first.account, first.to),), parts[-1].message, notify=notify)
        parts = (*parts[:-1], replace(parts[-1], trail=trail))
    return replace(first, parts=parts, schedule=schedule, stage=Stage.SCHEDULED)


async def stage(process: Process, submission: Submission) -> Stage:
    known = await process.store.submissions.load(submission.id)
    assert known is not None
    return known.stage


class KilledError(Exception):
    pass


class Dying:
    """A store whose process dies at the call with this number, before the store has done it or after."""

    def __init__(self, store: object, dies_at: int, *, is_done: bool, calls: "count[int] | None" = None) -> None:
        self._store = store
        self._dies_at = dies_at
        self._is_done = is_done
        self._calls = calls or count(1)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if not inspect.iscoroutinefunction(found):
            return Dying(found, self._dies_at, is_done=self._is_done, calls=self._calls)

        async def call(*args: Any, **options: Any) -> Any:
            dies = next(self._calls) == self._dies_at
            if dies and not self._is_done:
                raise KilledError
            answer = await found(*args, **options)
            if dies:
                raise KilledError
            return answer

        return call


async def is_killed(work: Any) -> bool:
    try:
        await work
    except KilledError:
        return True
    return False


def dying(process: Process, dies_at: int, *, is_done: bool) -> Sender:
    return Sender(cast(Store, Dying(process.store, dies_at, is_done=is_done)), process.clock)


async def test_what_is_scheduled_goes_in_its_hour_and_not_before(process: Process, desk: Desk) -> None:
    kept = await Sender(process.store, process.clock).submit(waiting(process))
    assert isinstance(kept, Submission)
    await process.advance(3500)
    opens = kept.schedule.next_at(process.clock.now()) if kept.schedule else None
    assert opens
    assert desk.texts == []
    await process.advance((opens - process.clock.now()).total_seconds())
    assert desk.texts == ["one", "two"]
    assert await stage(process, kept) is Stage.STARTED
    assert await audit(process.store) == []


@pytest.mark.parametrize("is_done", [False, True], ids=["before", "after"])
async def test_whoever_dies_while_it_is_taken_leaves_a_repeat_to_complete_it(
    botkit_redis_url: str, *, is_done: bool
) -> None:
    for dies_at in count(1):
        desk = Desk()
        async with Process(botkit_redis_url, bot(Router(), desk)) as process:
            submission = waiting(process)
            was_killed = await is_killed(dying(process, dies_at, is_done=is_done).submit(submission))
            await Sender(process.store, process.clock).submit(submission)
            await Sender(process.store, process.clock).submit(submission)
            await process.advance(3500)
            assert desk.texts == []
            await process.advance(200)
            assert desk.texts == ["one", "two"], dies_at
            assert await audit(process.store) == []
        if not was_killed:
            break
    assert dies_at > 2


@pytest.mark.parametrize("is_done", [False, True], ids=["before", "after"])
async def test_whoever_dies_while_it_goes_leaves_others_to_complete_it(botkit_redis_url: str, *, is_done: bool) -> None:
    for dies_at in count(1):
        desk = Desk()
        async with Process(botkit_redis_url, bot(Router(), desk)) as process:
            submission = waiting(process)
            await Sender(process.store, process.clock).submit(submission)
            process.clock.advance(seconds=3700)
            due = SendDue(id="d" * 22, at=process.clock.now(), conversation=where(), submission=submission.id)
            was_killed = await is_killed(dying(process, dies_at, is_done=is_done).due(due))
            await process.engine.settle()
            await process.advance(86_400)
            assert desk.texts == ["one", "two"], dies_at
            known = await process.store.submissions.load(submission.id)
            assert known is not None
            assert (known.parts, known.stage) == ((), Stage.STARTED)
            assert await audit(process.store) == []
        if not was_killed:
            break
    assert dies_at > 4


@pytest.mark.parametrize("is_done", [False, True], ids=["before", "after"])
async def test_whoever_dies_while_it_expires_leaves_others_to_tell_it_once(
    botkit_redis_url: str, *, is_done: bool
) -> None:
    for dies_at in count(1):
        desk = Desk()
        async with Process(botkit_redis_url, bot(Router(), desk)) as process:
            submission = waiting(process, deadline=1.5, notify="shop")
            await Sender(process.store, process.clock).submit(submission)
            process.clock.advance(hours=3)
            due = SendDue(id="d" * 22, at=process.clock.now(), conversation=where(), submission=submission.id)
            was_killed = await is_killed(dying(process, dies_at, is_done=is_done).due(due))
            await process.engine.settle()
            assert desk.texts == []
            assert await stage(process, submission) is Stage.EXPIRED
            delivery = await process.store.deliveries.load(where().key, submission.id)
            assert delivery is not None
            assert delivery.status.value == "expired"
            letters = await process.store.dead_letters.read(f"callback:shop:{submission.id}")
            assert len(letters) == 1, "nobody is there to be told: once"
            assert await process.dead_letters() == []
        if not was_killed:
            break
    assert dies_at > 3


@pytest.mark.parametrize("is_done", [False, True], ids=["before", "after"])
async def test_whoever_dies_while_it_is_cancelled_leaves_it_cancelled_or_to_be_cancelled_again(
    botkit_redis_url: str, *, is_done: bool
) -> None:
    for dies_at in count(1):
        desk = Desk()
        async with Process(botkit_redis_url, bot(Router(), desk)) as process:
            submission = waiting(process)
            await Sender(process.store, process.clock).submit(submission)
            was_killed = await is_killed(dying(process, dies_at, is_done=is_done).cancel(submission))
            cancelled = await Sender(process.store, process.clock).cancel(submission)
            assert (cancelled.stage, cancelled.parts) == (Stage.CANCELLED, ())
            await Sender(process.store, process.clock).submit(submission)
            await process.advance(86_400)
            assert desk.texts == []
            assert await audit(process.store) == []
        if not was_killed:
            break
    assert dies_at > 2


async def test_what_is_due_waits_for_room_and_holds_nobody_up(botkit_redis_url: str) -> None:
    desk, router = Desk(), Router[Flow]()
    heard_texts: list[str] = []

    @router.text()
    async def heard(event: MessageReceived, ctx: Context[Flow]) -> None:
        heard_texts.append(event.text)

    async with Process(botkit_redis_url, bot(router, desk), bounds=Bounds(outbox=1)) as process:
        await Sender(process.store, process.clock).submit(waiting(process))
        desk.plan.extend([NOT_SENT] * 3)
        before = asked("before", key="before")
        process.clock.advance(seconds=3600)
        await Sender(process.store, process.clock).submit(before)
        await process.engine.settle()
        await process.hears("hello?")
        assert heard_texts == ["hello?"]
        for _ in range(7):
            await process.advance(1)
        assert desk.texts == ["before"]
        await process.advance(60)
        await process.advance(60)
        assert desk.texts == ["before", "one", "two"]


async def test_of_those_that_wait_in_one_conversation_there_are_not_too_many(process: Process) -> None:
    sender = Sender(process.store, process.clock)
    for number in range(MAX_WAITING):
        each = replace(waiting(process), id=message_id("shop", str(number)))
        assert isinstance(await sender.submit(each), Submission)
    more = replace(waiting(process), id=message_id("shop", "more"))
    assert await sender.submit(more) is Rejection.FULL
    first = replace(waiting(process), id=message_id("shop", "0"))
    assert isinstance(await sender.submit(first), Submission), "known as one of them"
    await sender.cancel(first)
    assert isinstance(await sender.submit(more), Submission)


async def test_a_conversation_that_was_forgotten_is_not_written_to_when_the_time_comes(
    process: Process, desk: Desk
) -> None:
    await Sender(process.store, process.clock).submit(waiting(process))
    await process.store.forget(where().key)
    await process.advance(4000)
    assert desk.texts == []
