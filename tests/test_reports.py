"""What a bot hears of its messages: matched to the handle, each step once, in whatever order it comes."""

import asyncio
from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from botkit.adapter import Receipt
from botkit.context import Context
from botkit.conversation import Conversation
from botkit.deliveries import Status
from botkit.events import Event, MessageDelivered, MessageExpired, MessageFailed, MessageReceived, MessageSeen
from botkit.flow import Flow
from botkit.http_client import HttpClient
from botkit.messages import Text
from botkit.outgoing import Outgoing
from botkit.redis.audit import audit
from botkit.reports import PATIENCE
from botkit.router import Router
from tests.desk import REFUSED, Desk, Process, Report, bot, reported, says, where

D, S, F = MessageDelivered, MessageSeen, MessageFailed


class Mailer:
    """Sends what it hears, and notes what is told of it."""

    def __init__(self, *, ttl: float = 0, failures: int = 0) -> None:
        self.router = Router()
        self.ids: list[str] = []
        self.told: list[Event] = []
        self.failures = failures

        @self.router.text()
        async def send(event: MessageReceived, ctx: Context[Flow]) -> None:
            self.ids.extend(ctx.reply(Text(text=word, ttl=ttl)).id for word in event.text.split())

        self.router.delivered()(self._note)
        self.router.seen()(self._note)
        self.router.failed()(self._note)
        self.router.expired()(self._note)

    async def _note(self, event: Event, ctx: Context[Flow]) -> None:
        self.told.append(event)
        if self.failures:
            self.failures -= 1
            raise ValueError("not yet")

    @property
    def steps(self) -> list[type[Event]]:
        return [type(event) for event in self.told]

    @property
    def keys(self) -> list[str]:
        return [event.message_key for event in self.told if isinstance(event, Report | MessageExpired)]


async def tells(process: Process, kind: type[Report], receipt_id: str, person: str = "olena") -> None:
    await process.takes(reported(kind, receipt_id, person))
    await process.engine.settle()


async def status(process: Process, key: str) -> Status | None:
    found = await process.store.deliveries.load(where().key, key)
    return found.status if found else None


@pytest.mark.parametrize("kind", [D, S, F])
async def test_a_report_carries_the_id_of_the_handle_that_the_reply_returned(
    botkit_redis_url: str, kind: type[Report]
) -> None:
    mailer = Mailer()
    async with Process(botkit_redis_url, bot(mailer.router)) as process:
        await process.hears("one two")
        for receipt_id in ("olena/2", "olena/1", "never sent"):
            await tells(process, kind, receipt_id)
        assert mailer.keys == [mailer.ids[1], mailer.ids[0], ""]
        assert mailer.steps == [kind] * 3


@pytest.mark.parametrize(
    ("reports", "told", "end"),
    [
        ([D, D, S, D, S], [D, S], Status.SEEN),
        ([S, D], [S], Status.SEEN),
        ([F, D, S, F], [F, D, S], Status.SEEN),
        ([F, F], [F], Status.FAILED),
        ([D, F, S], [D, S], Status.SEEN),
    ],
    ids=["two devices", "seen without delivered", "it did arrive", "failed", "failed on a second device"],
)
async def test_each_step_is_told_once_and_none_back(
    botkit_redis_url: str, reports: Sequence[type[Report]], told: Sequence[type[Event]], end: Status
) -> None:
    mailer = Mailer()
    async with Process(botkit_redis_url, bot(mailer.router)) as process:
        await process.hears("hello")
        assert await status(process, mailer.ids[0]) is Status.SENT
        for kind in reports:
            await tells(process, kind, "olena/1")
        assert mailer.steps == told
        assert await status(process, mailer.ids[0]) is end
        assert await process.dead_letters() == []


async def test_a_handler_that_failed_hears_the_news_again_and_a_repeat_of_the_report_is_none(
    botkit_redis_url: str,
) -> None:
    mailer = Mailer(failures=2)
    async with Process(botkit_redis_url, bot(mailer.router)) as process:
        await process.hears("hello")
        await tells(process, D, "olena/1")
        await tells(process, D, "olena/1")
        assert mailer.steps == [D]
        for _ in range(3):
            await process.advance(5)
        assert mailer.steps == [D, D, D]
        assert len(set(mailer.keys)) == 1


async def test_one_id_for_several_people_tells_each_of_their_messages(botkit_redis_url: str) -> None:
    class Sharing(Desk):
        """Gives all messages the same id, as a broadcast does."""

        async def send(self, outgoing: Outgoing, to: Conversation, client: HttpClient) -> Receipt:
            return replace(await super().send(outgoing, to, client), id="token")

    mailer = Mailer()
    async with Process(botkit_redis_url, bot(mailer.router, Sharing())) as process:
        await process.hears("hello")
        await process.hears("hello", "taras")
        for person in ("taras", "olena", "taras"):
            await tells(process, D, "token", person)
        assert mailer.keys == [mailer.ids[1], mailer.ids[0]]


async def test_a_message_that_the_service_refuses_has_failed_before_it_was_sent(botkit_redis_url: str) -> None:
    desk, mailer = Desk(), Mailer()
    desk.plan.append(REFUSED)
    async with Process(botkit_redis_url, bot(mailer.router, desk)) as process:
        await process.hears("hello")
        assert await status(process, mailer.ids[0]) is Status.FAILED
        assert mailer.keys == mailer.ids


# --- reports that overtake the answer to the send ---


async def overtake(process: Process, desk: Desk, *reports: tuple[type[Report], str]) -> None:
    """Lets reports come while the first message is on its way."""
    desk.is_open.clear()
    await process.takes(says("hello again"))
    while not desk.attempts:
        await process.store.ping()
    for kind, receipt_id in reports:
        await process.takes(reported(kind, receipt_id))
    (mailbox,) = process.store.keys.of(where().key, "m")
    async with asyncio.timeout(5):
        while await process.store.call("EXISTS", mailbox):
            await process.engine.work_once()


async def test_reports_that_overtake_the_answer_to_the_send_are_told_after_it_in_order(botkit_redis_url: str) -> None:
    desk, mailer = Desk(), Mailer()
    async with Process(botkit_redis_url, bot(mailer.router, desk)) as process:
        await overtake(process, desk, (D, "olena/1"), (S, "olena/1"), (D, "olena/1"))
        assert mailer.told == []
        desk.is_open.set()
        await process.engine.settle()
        assert mailer.steps == [D, S]
        assert mailer.keys == [mailer.ids[0]] * 2
        assert await audit(process.store) == []


@pytest.mark.parametrize("wait", [PATIENCE - 5, PATIENCE + 1])
async def test_a_report_that_nothing_is_ever_known_of_is_told_without_a_message_after_ten_minutes(
    botkit_redis_url: str, wait: float
) -> None:
    desk, mailer = Desk(), Mailer()
    async with Process(botkit_redis_url, bot(mailer.router, desk)) as process, process.another() as successor:
        await overtake(process, desk, (D, "somebody else's"))
        await process.engine.drain(0)
        desk.is_open.set()
        await successor.advance(wait)
        assert mailer.keys == ([""] if wait > PATIENCE else [])
        assert await process.dead_letters() == []


async def test_a_report_of_an_unknown_message_does_not_wait_when_nothing_is_under_way(botkit_redis_url: str) -> None:
    mailer = Mailer()
    async with Process(botkit_redis_url, bot(mailer.router)) as process:
        await tells(process, D, "unknown")
        assert mailer.keys == [""]


# --- messages that are not delivered in time ---


async def test_a_message_that_is_not_delivered_in_time_has_expired_once(botkit_redis_url: str) -> None:
    mailer = Mailer(ttl=60)
    async with Process(botkit_redis_url, bot(mailer.router)) as process, process.another() as colleague:
        await process.hears("hello")
        await process.advance(58)
        assert mailer.told == []
        process.clock.advance(seconds=3)
        await process.engine.settle()
        await colleague.engine.settle()
        assert (mailer.steps, mailer.keys) == ([MessageExpired], mailer.ids)
        for kind in (D, S, F):
            await tells(process, kind, "olena/1")
        await process.advance(3600)
        assert mailer.steps == [MessageExpired]
        assert await status(process, mailer.ids[0]) is Status.EXPIRED


@pytest.mark.parametrize("kind", [D, S, F])
async def test_a_message_that_was_heard_of_in_time_does_not_expire(botkit_redis_url: str, kind: type[Report]) -> None:
    mailer = Mailer(ttl=60)
    async with Process(botkit_redis_url, bot(mailer.router)) as process:
        await process.hears("hello")
        await process.advance(50)
        await tells(process, kind, "olena/1")
        await process.advance(3600)
        assert mailer.steps == [kind]
        assert await audit(process.store) == []


async def test_a_handler_of_an_expired_message_that_failed_is_run_again(botkit_redis_url: str) -> None:
    mailer = Mailer(ttl=60, failures=1)
    async with Process(botkit_redis_url, bot(mailer.router)) as process:
        await process.hears("hello")
        await process.advance(61)
        await process.advance(2)
        assert mailer.steps == [MessageExpired, MessageExpired]


async def test_the_time_of_a_message_outlives_its_process(botkit_redis_url: str) -> None:
    mailer = Mailer(ttl=60)
    async with Process(botkit_redis_url, bot(mailer.router)) as process, process.another() as successor:
        await process.hears("hello")
        await process.engine.drain(0)
        await successor.advance(61)
        assert mailer.steps == [MessageExpired]


@pytest.mark.parametrize(("ttl", "has_receipts"), [(0, True), (60, False)])
async def test_without_a_time_or_without_receipts_nothing_expires(
    botkit_redis_url: str, ttl: float, *, has_receipts: bool
) -> None:
    desk, mailer = Desk(), Mailer(ttl=ttl)
    desk.has_receipts = has_receipts  # type: ignore[misc]  # this desk only
    async with Process(botkit_redis_url, bot(mailer.router, desk)) as process:
        await process.hears("hello")
        await process.advance(86_400)
        assert mailer.told == []
