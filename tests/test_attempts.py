"""Attempts that may have arrived: noted before they are made, looked up, and not made again where that is forbidden."""

import asyncio
import re
from collections import deque
from collections.abc import Sequence
from typing import Any

import pytest
from structlog.testing import capture_logs

from botkit.accounts import Bucket
from botkit.adapter import Adapter, Outcome, Receipt
from botkit.attempts import is_noted
from botkit.broadcast import Bulk, Spot, Stage, key_of
from botkit.broadcaster import Broadcaster
from botkit.bulk import BulkWriter, bulk_id_of
from botkit.context import Context
from botkit.conversation import Account, Conversation
from botkit.events import MessageFailed, MessageReceived
from botkit.exceptions import NotSentError, StoreUnavailableError
from botkit.flow import Flow
from botkit.http_client import HttpClient
from botkit.messages import AnyMessage, Text
from botkit.outgoing import Hop, Outgoing, Trail
from botkit.pace import Pace, Paces
from botkit.redis.accounts import RedisAccounts
from botkit.redis.audit import audit
from botkit.redis.store import RedisStore
from botkit.router import Router
from botkit.store import Begun
from botkit.turn import Turn
from tests.desk import NOT_SENT, REFUSED, UNKNOWN, Desk, Process, bot, says, where

FOUND = Receipt(Outcome.SENT, id="found")
MISSING = Receipt(Outcome.NOT_SENT, reason="not there")


class Once(Desk):
    """A service that takes no idempotency key."""

    max_repeats = 0


class Asked(Desk):
    """A service that can be asked: `answers` holds what it says to the next questions, None for all after them."""

    def __init__(self, *, ta: str = "desk", max_repeats: int | None = 0) -> None:
        super().__init__(ta=ta)
        self.max_repeats = max_repeats
        self.answers: deque[Receipt | Exception | None] = deque()
        self.questions = 0

    async def look_up(self, outgoing: Outgoing, to: Conversation, client: HttpClient) -> Receipt | None:
        self.questions += 1
        answer = self.answers.popleft() if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer


class Parrot:
    """Says what it hears, and notes what failed."""

    def __init__(self) -> None:
        self.router = Router[Flow]()
        self.failures: list[MessageFailed] = []

        @self.router.text()
        async def echo(event: MessageReceived, ctx: Context[Flow]) -> None:
            ctx.reply(event.text)

        @self.router.failed()
        async def failed(event: MessageFailed, ctx: Context[Flow]) -> None:
            self.failures.append(event)


async def die(process: Process, desk: Desk, person: str = "olena", *, arrived: bool) -> None:
    """Lets a process die while it sends: when the request was out, or before it."""
    desk.is_open.clear()
    await process.takes(says("hello", person))
    while not desk.attempts:
        await process.store.ping()
        await process.engine.work_once()
    # Whoever stores an event goes on to handle it and to send what follows.
    held = [task for task in asyncio.all_tasks() if re.search("_hold|_take_in", repr(task.get_coro()))]
    for task in held:
        task.cancel()
    await asyncio.gather(*held, return_exceptions=True)
    desk.is_open.set()
    desk.plan.clear()
    if arrived:
        desk.shown.append((person, "hello"))


def trailed(desk: Adapter, hops: int) -> Outgoing:
    way = Hop((desk.channel, desk.ta), "olena")
    trail = Trail((desk.channel, desk.ta, "olena"), (way,) * hops, Text(text="x"))
    return Outgoing("k" * 24, (desk.channel, desk.ta), "olena", Text(text="x"), trail=trail)


@pytest.mark.parametrize(
    ("adapter", "hops", "noted"),
    [(Desk(), 1, False), (Desk(), 2, True), (Once(), 1, True), (Asked(max_repeats=None), 1, True)],
    ids=["an ordinary one", "one with several ways", "one that must not be repeated", "one that can be looked up"],
)
def test_only_attempts_that_need_it_are_noted(adapter: Adapter, hops: int, *, noted: bool) -> None:
    assert is_noted(adapter, trailed(adapter, hops)) is noted


async def test_what_a_dead_process_may_have_sent_is_not_sent_again_where_that_is_forbidden(
    botkit_redis_url: str,
) -> None:
    desk, parrot = Once(), Parrot()
    async with Process(botkit_redis_url, bot(parrot.router, desk)) as process, process.another() as successor:
        await die(process, desk, arrived=True)
        await successor.advance(11)
        await successor.advance(100)
        assert len(desk.attempts) == 1
        assert ["its outcome is not known" in event.reason for event in parrot.failures] == [True]
        await successor.hears("next")
        assert desk.texts == ["hello", "next"]
        assert await audit(successor.store) == []


async def test_what_a_dead_process_may_have_sent_is_sent_again_where_that_is_allowed(botkit_redis_url: str) -> None:
    desk, parrot = Desk(), Parrot()
    async with Process(botkit_redis_url, bot(parrot.router, desk)) as process, process.another() as successor:
        await die(process, desk, arrived=False)
        await successor.advance(11)
        assert (len(desk.attempts), desk.texts) == (2, ["hello"])


@pytest.mark.parametrize("max_repeats", [0, None])
@pytest.mark.parametrize(("answer", "attempts"), [(FOUND, 1), (MISSING, 2)], ids=["it has it", "it has it not"])
async def test_a_service_that_knows_decides_about_what_a_dead_process_sent(
    botkit_redis_url: str, answer: Receipt, attempts: int, max_repeats: int | None
) -> None:
    desk, parrot = Asked(max_repeats=max_repeats), Parrot()
    desk.answers.append(answer)
    async with Process(botkit_redis_url, bot(parrot.router, desk)) as process, process.another() as successor:
        await die(process, desk, arrived=answer is FOUND)
        await successor.advance(11)
        assert (len(desk.attempts), desk.questions, desk.texts) == (attempts, 1, ["hello"])
        assert parrot.failures == []
        if answer is FOUND:
            assert await successor.store.deliveries.find(where().key, "found") == desk.attempts[0].key


async def test_a_service_that_does_not_answer_is_asked_again_before_anything_is_sent(botkit_redis_url: str) -> None:
    desk, parrot = Asked(), Parrot()
    desk.answers.extend([NotSentError("down")] * 4 + [MISSING])
    async with Process(botkit_redis_url, bot(parrot.router, desk)) as process, process.another() as successor:
        await die(process, desk, arrived=False)
        await successor.advance(11)
        assert len(desk.attempts) == 1
        for _ in range(4):
            await successor.advance(10)
        assert (len(desk.attempts), desk.texts, parrot.failures) == (2, ["hello"], [])


async def test_a_mistake_of_the_adapter_s_while_it_asks_proves_nothing(botkit_redis_url: str) -> None:
    desk, parrot = Asked(), Parrot()
    desk.answers.extend([ZeroDivisionError("a mistake"), FOUND])
    async with Process(botkit_redis_url, bot(parrot.router, desk)) as process, process.another() as successor:
        await die(process, desk, arrived=True)
        with capture_logs() as logs:
            await successor.advance(11)
            await successor.advance(10)
        assert [entry["error"] for entry in logs if entry["event"] == "the adapter failed"] == ["ZeroDivisionError"]
        assert (len(desk.attempts), desk.questions, desk.texts, parrot.failures) == (1, 2, ["hello"], [])


class Overtaken(RedisStore):
    """A store that another process has taken the turn from, by the time an attempt is noted."""

    async def begin(self, turn: Turn, *, notes: bool = True) -> Begun:
        return Begun.FENCED


async def test_who_has_lost_the_turn_before_an_attempt_makes_none(botkit_redis_url: str) -> None:
    desk, parrot = Once(), Parrot()
    async with Process(botkit_redis_url, bot(parrot.router, desk), store=Overtaken) as process:
        await process.hears("hello")
        assert desk.attempts == []


async def test_after_an_unknown_outcome_the_service_is_asked_first(botkit_redis_url: str) -> None:
    desk, parrot = Asked(), Parrot()
    desk.plan.append(UNKNOWN)
    desk.answers.append(FOUND)
    async with Process(botkit_redis_url, bot(parrot.router, desk)) as process:
        await process.hears("hello")
        await process.advance(100)
        assert (len(desk.attempts), parrot.failures) == (1, [])


async def test_what_the_service_does_not_have_yet_is_looked_for_twice_before_it_is_sent_again(
    botkit_redis_url: str,
) -> None:
    desk, parrot = Asked(), Parrot()
    desk.plan.append(UNKNOWN)
    desk.answers.extend([MISSING, FOUND])
    async with Process(botkit_redis_url, bot(parrot.router, desk)) as process:
        await process.hears("hello")
        await process.advance(10)
        assert (len(desk.attempts), desk.questions, parrot.failures) == (1, 2, [])


@pytest.mark.parametrize(("own", "attempts"), [(0, 1), (1, 2), (None, 3)])
async def test_an_account_s_own_number_of_repeats_counts_before_the_policy_s(
    botkit_redis_url: str, own: int | None, attempts: int
) -> None:
    desk, parrot = Desk(), Parrot()
    desk.max_repeats = own
    desk.plan.extend([UNKNOWN] * 9)
    async with Process(botkit_redis_url, bot(parrot.router, desk)) as process:
        await process.hears("hello")
        for _ in range(6):
            await process.advance(30)
        assert (len(desk.attempts), len(parrot.failures)) == (attempts, 1)


@pytest.mark.parametrize("failure", [NOT_SENT, Receipt(Outcome.THROTTLED, retry_after=3)], ids=["no way", "throttled"])
async def test_what_is_known_not_to_have_arrived_is_sent_again_whatever_the_rule(
    botkit_redis_url: str, failure: Receipt
) -> None:
    desk, parrot = Once(), Parrot()
    desk.plan.extend([failure, failure])
    async with Process(botkit_redis_url, bot(parrot.router, desk)) as process:
        await process.hears("hello")
        await process.advance(5)
        await process.advance(5)
        assert (len(desk.attempts), desk.texts, parrot.failures) == (3, ["hello"], [])
        desk.plan.append(REFUSED)
        await process.hears("refused")
        await process.hears("good")
        assert desk.texts == ["hello", "good"]
        assert await audit(process.store) == []


async def test_nobody_of_a_broadcast_gets_again_what_a_dead_process_may_have_sent(botkit_redis_url: str) -> None:
    class Many(Once):
        """Takes one request for many, and dies with it."""

        max_receivers = 100

        async def broadcast(self, message: AnyMessage, to: Any, client: HttpClient) -> list[Receipt]:
            self.shown += [(person.id, message.plain) for person in to]
            if len(self.shown) > 2:
                raise AssertionError("sent again")
            self.attempts += [trailed(self, 1)] * len(to)
            await self.is_open.wait()
            return [Receipt(Outcome.SENT)] * len(to)

    desk, parrot = Many(), Parrot()
    async with Process(botkit_redis_url, bot(parrot.router, desk)) as process, process.another() as successor:
        for person in ("olena", "taras"):
            await process.store.ingest(where(person).key, f"{person:s<22}", b"{}", token="", window=60, opens=True)
        broadcaster = Broadcaster(process.bots[0], process.store, process.clock)
        plan = await broadcaster.plan(Text(text="News!"))
        await broadcaster.start(plan.broadcast.id)
        desk.is_open.clear()
        while len(desk.shown) < 2:
            await process.engine.work_once()
            await asyncio.sleep(0.01)
        await process.engine.drain(0)
        desk.is_open.set()
        await successor.advance(11)
        await successor.advance(60)
        assert sorted(desk.shown) == [("olena", "News!"), ("taras", "News!")]


class Crowd(Once):
    """Takes one request for many, once it is open; `shown` is what arrived."""

    max_receivers = 100

    async def broadcast(self, message: AnyMessage, to: Any, client: HttpClient) -> list[Receipt]:
        self.shown += [(person.id, message.plain) for person in to]
        await self.is_open.wait()
        return [Receipt(Outcome.SENT, id=f"receipt-{person.id}") for person in to]


async def bulk_to(process: Process, desk: Desk, *people: str) -> str:
    """Lets a bulk to these people run; returns its id."""
    writer, bulk_id = BulkWriter(process.store, desk, "shop"), bulk_id_of("crm", "k")
    assert await writer.open(bulk_id, Text(text="News!"), Bulk("crm"))
    await writer.enlist(bulk_id, people)
    assert await writer.start(bulk_id)
    return bulk_id


async def fates(process: Process, bulk_id: str, count: int) -> list[str]:
    found = await process.store.broadcasts.fates(bulk_id, 0, 0, count)
    return [fate.value if fate else "" for fate in found]


async def test_what_only_waited_for_others_when_its_process_died_is_sent_by_the_next(botkit_redis_url: str) -> None:
    desk, parrot = Crowd(), Parrot()
    async with Process(botkit_redis_url, bot(parrot.router, desk)) as process, process.another() as successor:
        bulk_id = await bulk_to(process, desk, "olena", "taras")
        # Fed, and taken up: their request is about to be made.
        await process.engine.work_once()
        await process.engine.work_once()
        await asyncio.sleep(0.02)
        await process.engine.drain(0)
        assert desk.shown == []
        for _ in range(4):
            await successor.advance(11)
        assert sorted(desk.shown) == [("olena", "News!"), ("taras", "News!")]
        assert await fates(successor, bulk_id, 2) == ["sent", "sent"]


async def test_what_is_counted_as_sent_is_not_given_up_though_its_process_died_before_it_left(
    botkit_redis_url: str,
) -> None:
    class Dying(RedisStore):
        """Loses its connection when a message is to leave its outbox."""

        async def sent(self, turn: Turn, *, keep: bool, pace: Pace | None = None) -> Turn | None:
            raise asyncio.CancelledError

    desk, parrot = Crowd(), Parrot()
    async with (
        Process(botkit_redis_url, bot(parrot.router, desk), store=Dying) as process,
        process.another() as successor,
    ):
        bulk_id = await bulk_to(process, desk, "olena")
        await process.engine.settle()
        assert (desk.shown, await fates(process, bulk_id, 1)) == ([("olena", "News!")], ["sent"])
        for _ in range(4):
            await successor.advance(11)
        assert (desk.shown, parrot.failures) == ([("olena", "News!")], [])
        cid = where("olena").key
        assert await successor.store.deliveries.find(cid, "receipt-olena") == key_of(Spot(bulk_id, 0, 0))
        progress = await successor.store.broadcasts.load(bulk_id)
        assert progress is not None
        assert (progress.stage, progress.tally.sent, progress.tally.failed) == (Stage.DONE, 1, 0)
        assert await successor.dead_letters() == []


async def test_a_store_that_fails_before_a_request_for_many_costs_nobody_the_message(botkit_redis_url: str) -> None:
    class Paced(RedisAccounts):
        """Cannot tell whether a request for many may be made."""

        async def take(self, account: Account, buckets: Sequence[Bucket]) -> tuple[float, float]:
            if buckets:
                raise StoreUnavailableError("gone")
            return await super().take(account, buckets)

    class Failing(RedisStore):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self.accounts = Paced(self._script, self.call, self.keys, life=60)

    desk, parrot = Crowd(), Parrot()
    desk.paces = Paces(broadcast=Pace(500, 10))
    async with (
        Process(botkit_redis_url, bot(parrot.router, desk), store=Failing) as process,
        process.another() as successor,
    ):
        bulk_id = await bulk_to(process, desk, "olena")
        await process.engine.settle()
        assert (desk.shown, await fates(process, bulk_id, 1)) == ([], [""])
        for _ in range(4):
            await successor.advance(11)
        assert (desk.shown, await fates(successor, bulk_id, 1)) == ([("olena", "News!")], ["sent"])
