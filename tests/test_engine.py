"""Taking in and working off: once, in order, side by side, and through the loss of a process."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from structlog.testing import capture_logs

from botkit.context import Context
from botkit.engine import Engine, EnginePolicy
from botkit.events import ConversationStarted, MessageReceived, TimerFired, encode
from botkit.exceptions import StoreUnavailableError
from botkit.flow import Flow, Trigger
from botkit.intake import Acceptance
from botkit.pace import Pace
from botkit.redis.audit import audit
from botkit.redis.bounds import Bounds
from botkit.redis.store import RedisStore
from botkit.router import Router
from botkit.session_rules import Heard
from botkit.store import Claim, Commit, Ingested, Mine
from botkit.sweeper import Sweeper
from botkit.turn import Queue, Turn
from tests.desk import Desk, Process, bot, opens, says, where

#: No test lives long enough to see a poll: whatever happens was asked for.
NO_POLL = EnginePolicy(poll=3600)


class Counter(Flow):
    states = ("on", "off")
    switch = Trigger("on", "off")

    seen: int = 0


def echo() -> Router[Counter]:
    router = Router(Counter)

    @router.text()
    async def echo(event: MessageReceived, ctx: Context[Counter]) -> None:
        ctx.flow.seen += 1
        ctx.reply(f"{ctx.flow.seen} {event.text}")

    return router


@asynccontextmanager
async def running(process: Process) -> AsyncIterator[Process]:
    """Runs the loops of a process, for at most five seconds."""
    process.engine.start()
    async with asyncio.timeout(5):
        yield process


# --- once ---


async def test_an_update_posted_fifty_times_at_once_to_two_processes_makes_one_transition_and_one_reply(
    botkit_redis_url: str,
) -> None:
    desk = Desk()
    async with Process(botkit_redis_url, bot(echo(), desk)) as process, process.another() as colleague:
        event = says("hello", native="the same")
        answers = await asyncio.gather(*((process, colleague)[i % 2].takes(event) for i in range(50)))
        await process.engine.settle()
        await colleague.engine.settle()
        assert set(answers) == {Acceptance(stored=True)}
        assert desk.texts == ["1 hello"]
        assert await process.version() == 1
        await process.takes(event)
        await process.engine.settle()
        assert await process.version() == 1


async def test_of_two_bodies_with_one_id_the_first_wins(botkit_redis_url: str) -> None:
    desk = Desk()
    async with Process(botkit_redis_url, bot(echo(), desk)) as process:
        await process.takes(says("first", native="the same"))
        assert await process.takes(says("second", native="the same")) == Acceptance(stored=True)
        await process.engine.settle()
        assert desk.texts == ["1 first"]


# --- in order, side by side ---


async def test_a_burst_to_one_chat_is_answered_in_order_without_waiting_for_the_poll(botkit_redis_url: str) -> None:
    desk = Desk()
    async with Process(botkit_redis_url, bot(echo(), desk), engine=NO_POLL) as process, running(process):
        # Made one after the other: that is the order in which they are accepted.
        await asyncio.gather(*[process.takes(says(f"no. {i}")) for i in range(1, 31)])
        await desk.has_shown(30)
        assert desk.texts == [f"{i} no. {i}" for i in range(1, 31)]


async def test_bursts_over_two_processes_are_answered_in_the_order_of_acceptance(botkit_redis_url: str) -> None:
    desk = Desk()
    async with (
        Process(botkit_redis_url, bot(echo(), desk), engine=NO_POLL) as process,
        process.another(engine=NO_POLL) as colleague,
        running(process),
        running(colleague),
    ):
        people = ["olena", "taras", "iryna"]
        for i in range(1, 11):
            await asyncio.gather(
                *((process, colleague)[(i + n) % 2].takes(says(str(i), who)) for n, who in enumerate(people))
            )
        await desk.has_shown(30)
        for who in people:
            assert [text for to, text in desk.shown if to == who] == [f"{i} {i}" for i in range(1, 11)]
        assert await audit(process.store) == []


async def test_a_conversation_does_not_wait_for_another(botkit_redis_url: str) -> None:
    desk, router, go_on = Desk(), Router(), asyncio.Event()

    @router.text("slow")
    async def slow(event: MessageReceived, ctx: Context[Flow]) -> None:
        await go_on.wait()
        ctx.reply("slow")

    @router.text()
    async def quick(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.reply("quick")

    async with Process(botkit_redis_url, bot(router, desk), engine=NO_POLL) as process, running(process):
        await process.takes(says("slow"))
        await process.takes(says("quick", person="taras"))
        await desk.has_shown(1)
        assert desk.texts == ["quick"]
        go_on.set()
        await desk.has_shown(2)


async def test_after_ten_events_in_a_row_others_have_their_turn(botkit_redis_url: str) -> None:
    router, handled = Router(), list[str]()

    @router.text()
    async def note(event: MessageReceived, ctx: Context[Flow]) -> None:
        handled.append(event.conversation.id)

    one = {"engine": EnginePolicy(concurrency=1), "bounds": Bounds(partitions=1)}
    async with (
        Process(botkit_redis_url, bot(router), role="web", bounds=Bounds(partitions=1)) as web,
        web.another(**one) as worker,
    ):
        for _ in range(25):
            await web.takes(says("again and again"))
        await web.takes(says("one question", person="taras"))
        await worker.engine.settle()
        assert handled[:10] == ["olena"] * 10
        assert handled.index("taras") == 10
        assert len(handled) == 26


async def test_no_more_conversations_are_worked_on_at_a_time_than_the_policy_says(botkit_redis_url: str) -> None:
    router, at_work, most, go_on, are_three = Router(), 0, 0, asyncio.Event(), asyncio.Event()

    @router.text()
    async def slow(event: MessageReceived, ctx: Context[Flow]) -> None:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        if at_work == 3:
            are_three.set()
        await go_on.wait()
        at_work -= 1

    engine = EnginePolicy(concurrency=3, poll=3600)
    async with Process(botkit_redis_url, bot(router), engine=engine) as process, running(process):
        await asyncio.gather(*(process.takes(says("hello", person=f"person {i}")) for i in range(8)))
        await are_three.wait()
        go_on.set()
        await process.engine.settle()
        assert most == 3


# --- full, too slow, not there ---


async def test_what_does_not_fit_into_the_mailbox_is_not_stored(botkit_redis_url: str) -> None:
    async with Process(botkit_redis_url, bot(echo()), role="web", bounds=Bounds(mailbox=2)) as web:
        answers = [await web.takes(says("hello")) for _ in range(3)]
        assert [answer.stored for answer in answers] == [True, True, False]
        assert (await web.takes(says("hello", person="taras"))).stored, "another conversation has room"


class Slow(RedisStore):
    """A store that answers when it is too late."""

    async def ingest(
        self,
        cid: str,
        event_id: str,
        payload: bytes,
        *,
        token: str,
        window: float,
        heard: Heard | None = None,
        opens: bool | None = None,
        stays_away: bool = False,
    ) -> Ingested:
        stored = await super().ingest(cid, event_id, payload, token=token, window=window, heard=heard, opens=opens)
        await asyncio.Event().wait()
        return stored


async def test_a_store_that_takes_too_long_is_unavailable_and_a_repeat_finds_the_event_stored(
    botkit_redis_url: str,
) -> None:
    desk, event = Desk(), says("hello", native="once")
    hasty = EnginePolicy(ingest_seconds=0.05)
    async with Process(botkit_redis_url, bot(echo(), desk), engine=hasty, store=Slow) as process:
        with pytest.raises(StoreUnavailableError):
            await process.takes(event)
        async with process.another() as colleague:
            assert (await colleague.takes(event)).stored
            await colleague.advance(11)
            assert desk.texts == ["1 hello"], "whoever asked is gone; after its lease another goes on"


class Partial(RedisStore):
    """A store that does not answer for the conversations of Taras."""

    async def ingest(self, cid: str, event_id: str, payload: bytes, **options: Any) -> Ingested:
        if cid.endswith("taras"):
            raise StoreUnavailableError("no answer")
        return await super().ingest(cid, event_id, payload, **options)


async def test_what_is_stored_is_handled_also_where_the_rest_of_its_request_must_come_again(
    botkit_redis_url: str,
) -> None:
    desk = Desk()
    async with Process(botkit_redis_url, bot(echo(), desk), store=Partial) as process:
        with pytest.raises(StoreUnavailableError):
            await process.engine.accept(desk, [says("hello"), says("hello", person="taras")])
        await process.engine.settle()
        assert desk.texts == ["1 hello"], "no lease has to end for it"


# --- leases ---


async def test_an_event_of_a_process_that_died_is_handled_by_another_after_the_lease_and_not_before(
    botkit_redis_url: str,
) -> None:
    desk = Desk()
    async with Process(botkit_redis_url, bot(echo(), desk)) as process:
        # A process that took the conversation and was never heard of again.
        event = says("hello")
        await process.store.ingest(where().key, event.id, encode(event), token="dead.0", window=60)
        await process.advance(9)
        assert desk.texts == []
        await process.advance(1.1)
        assert desk.texts == ["1 hello"]


async def test_a_stale_commit_is_fenced(botkit_redis_url: str) -> None:
    desk, router = Desk(), Router(Counter)
    has_begun, go_on = asyncio.Event(), asyncio.Event()

    @router.text()
    async def slow(event: MessageReceived, ctx: Context[Counter]) -> None:
        ctx.flow.seen += 1
        if not has_begun.is_set():
            has_begun.set()
            await go_on.wait()
        ctx.reply(f"{ctx.flow.seen} {event.text}")

    async with Process(botkit_redis_url, bot(router, desk)) as process, process.another() as colleague:
        for text in ("a", "b", "c"):
            await process.takes(says(text))
        await has_begun.wait()
        # The process sleeps through its lease; its colleague goes on, then it wakes up.
        await colleague.advance(11)
        go_on.set()
        await process.engine.settle()
        assert desk.texts == ["1 a", "2 b", "3 c"]
        assert await process.version() == 3
        assert await audit(process.store) == []


async def test_a_lost_lease_stops_the_work(botkit_redis_url: str) -> None:
    desk, router = Desk(), Router()
    has_begun, is_second, has_stopped = asyncio.Event(), asyncio.Event(), asyncio.Event()

    @router.text()
    async def slow(event: MessageReceived, ctx: Context[Flow]) -> None:
        has_begun.set()
        try:
            await is_second.wait()
        except asyncio.CancelledError:
            has_stopped.set()
            raise
        ctx.reply("done")

    async with Process(botkit_redis_url, bot(router, desk)) as process, process.another() as colleague:
        await process.takes(says("hello"))
        await has_begun.wait()
        process.clock.advance(seconds=11)
        await colleague.engine.work_once()
        with capture_logs() as logs:
            await process.engine.renew_once()
            await has_stopped.wait()
        assert [entry["event"] for entry in logs] == ["a lease was lost"]
        is_second.set()
        await colleague.engine.settle()
        await process.engine.settle()
        assert desk.texts == ["done"]
        assert await process.dead_letters() == []


async def test_a_message_on_its_way_is_held_apart_from_the_event_that_led_to_it(botkit_redis_url: str) -> None:
    desk, router, heard = Desk(), Router(), asyncio.Queue[str]()

    @router.text()
    async def echo(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.reply(event.text)
        heard.put_nowait(event.text)

    async with Process(botkit_redis_url, bot(router, desk)) as process, process.another() as colleague:
        desk.is_open.clear()
        await process.takes(says("one"))
        assert await heard.get() == "one"
        for _ in range(3):
            process.clock.advance(seconds=6)
            await process.engine.renew_once()
            assert await colleague.engine.work_once() > 0
        # What they say next is heard meanwhile.
        await process.takes(says("two"))
        assert await heard.get() == "two"
        assert desk.texts == []
        desk.is_open.set()
        await process.engine.settle()
        assert desk.texts == ["one", "two"]


async def test_a_renewed_lease_keeps_the_work_beyond_its_first_length(botkit_redis_url: str) -> None:
    desk, router, go_on = Desk(), Router(), asyncio.Event()

    @router.text()
    async def slow(event: MessageReceived, ctx: Context[Flow]) -> None:
        await go_on.wait()
        ctx.reply("done")

    async with Process(botkit_redis_url, bot(router, desk)) as process, process.another() as colleague:
        await process.takes(says("hello"))
        for _ in range(3):
            process.clock.advance(seconds=6)
            await process.engine.renew_once()
            assert await colleague.engine.work_once() > 0
        go_on.set()
        await process.engine.settle()
        assert desk.texts == ["done"]
        assert len(desk.attempts) == 1


async def test_a_conversation_that_is_forgotten_while_its_handler_runs_does_not_come_back(
    botkit_redis_url: str,
) -> None:
    desk, router, go_on = Desk(), Router(Counter), asyncio.Event()

    @router.text()
    async def slow(event: MessageReceived, ctx: Context[Counter]) -> None:
        ctx.flow.switch()
        ctx.reply("done")
        ctx.after("later", hours=1)
        await go_on.wait()

    async with Process(botkit_redis_url, bot(router, desk)) as process:
        await process.takes(says("hello"))
        await process.store.forget(where().key)
        go_on.set()
        await process.engine.settle()
        assert desk.attempts == []
        assert await process.store.call("KEYS", f"*{process.store.keys.prefix}*{where().key}*") == []
        assert await audit(process.store) == []


# --- the suspect lane ---


async def die(process: Process, person: str, text: str, times: int, alone: int = 0) -> MessageReceived:
    """Leaves an event behind that processes died of, so many times; the clock stands at the end of the last lease.

    With the last `alone` of these deaths nothing else was being handled.
    """
    event = says(text, person)
    await process.store.ingest(where(person).key, event.id, encode(event), token="dead.0", window=60)
    for time in range(times):
        process.clock.advance(seconds=11)
        (turn,) = (await process.store.claim(Queue.MAILBOX, 100)).turns
        if time >= times - alone:
            await process.store.suspect(turn)
    process.clock.advance(seconds=11)
    return event


async def test_events_that_processes_died_of_run_one_at_a_time_and_without_extra_attempts(
    botkit_redis_url: str,
) -> None:
    router, at_work, most, done = Router(), 0, 0, list[str]()

    @router.text()
    async def work(event: MessageReceived, ctx: Context[Flow]) -> None:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        at_work -= 1
        done.append(event.conversation.id)

    async with Process(botkit_redis_url, bot(router)) as process:
        people = [f"p{i}" for i in range(6)]
        for person in people:
            event = says("hello", person)
            await process.store.ingest(where(person).key, event.id, encode(event), token="dead.0", window=60)
        for _ in range(2):
            process.clock.advance(seconds=11)
            while (await process.store.claim(Queue.MAILBOX, 100)).turns:
                pass
        process.clock.advance(seconds=11)
        for _ in range(12):
            await process.advance(0.3)
        assert sorted(done) == people
        assert most == 1
        assert [len(await process.dead_letters(person)) for person in people] == [0] * 6, "waiting costs no attempt"


async def test_an_event_that_finds_the_lane_taken_is_left_to_others_uncounted(botkit_redis_url: str) -> None:
    router, go_on, at_work = Router(), asyncio.Event(), list[str]()

    @router.text()
    async def work(event: MessageReceived, ctx: Context[Flow]) -> None:
        at_work.append(event.conversation.id)
        await go_on.wait()

    async with Process(botkit_redis_url, bot(router)) as process:
        await die(process, "olena", "hello", times=2)
        await process.engine.work_once()
        await process.engine.renew_once()
        assert at_work == ["olena"]
        process.clock.advance(seconds=5)
        # The other one has had as many attempts, all of them in other processes.
        event = says("hello", "taras")
        stored = await process.store.ingest(where("taras").key, event.id, encode(event), token="", window=60)
        assert not isinstance(stored, Mine)
        for _ in range(2):
            (turn,) = (await process.store.claim(Queue.MAILBOX, 1)).turns
            await process.store.retry(Queue.MAILBOX, turn, delay=0, max_attempts=9)
        await process.engine.work_once()
        # A round trip later it was given back.
        await process.store.ping()
        process.clock.advance(seconds=0.3)
        (turn,) = (await process.store.claim(Queue.MAILBOX, 10)).turns
        assert (turn.cid, turn.attempts) == (where("taras").key, 3)
        assert at_work == ["olena"]
        go_on.set()
        await process.engine.settle()


async def test_an_event_below_the_suspicion_does_not_use_the_lane(botkit_redis_url: str) -> None:
    router, both = Router(), asyncio.Barrier(2)

    @router.text()
    async def work(event: MessageReceived, ctx: Context[Flow]) -> None:
        await both.wait()

    async with Process(botkit_redis_url, bot(router)) as process:
        await die(process, "olena", "hello", times=1)
        await die(process, "taras", "hello", times=0)
        await process.engine.settle()
        assert (await process.version("olena"), await process.version("taras")) == (1, 1)


@pytest.mark.parametrize(("deaths", "is_dead"), [(4, False), (5, True)])
async def test_after_five_attempts_without_a_verdict_an_event_is_a_dead_letter_and_the_next_one_is_handled(
    botkit_redis_url: str, deaths: int, *, is_dead: bool
) -> None:
    desk = Desk()
    async with Process(botkit_redis_url, bot(echo(), desk)) as process:
        await die(process, "olena", "killer", times=deaths - 1, alone=3)
        await process.hears("after it")
        letters = await process.dead_letters()
        assert len(letters) == is_dead
        assert desk.texts == (["1 after it"] if is_dead else ["1 killer", "2 after it"])
        assert not is_dead or letters[0].error == "5 attempts ended without a verdict"


@pytest.mark.parametrize(("alone", "is_dead"), [(0, False), (2, False), (3, True)])
async def test_what_processes_died_of_beside_an_event_is_not_held_against_it(
    botkit_redis_url: str, alone: int, *, is_dead: bool
) -> None:
    desk = Desk()
    async with Process(botkit_redis_url, bot(echo(), desk)) as process:
        await die(process, "olena", "innocent", times=20, alone=alone)
        await process.engine.settle()
        assert len(await process.dead_letters()) == is_dead
        assert desk.texts == ([] if is_dead else ["1 innocent"])


# --- the end of a process ---


async def test_a_drain_lets_work_finish_and_gives_the_rest_back_at_once_and_uncounted(botkit_redis_url: str) -> None:
    desk, router, go_on = Desk(), Router(), asyncio.Event()

    @router.text()
    async def slow(event: MessageReceived, ctx: Context[Flow]) -> None:
        await go_on.wait()
        ctx.reply(event.text)

    async with Process(botkit_redis_url, bot(router, desk)) as process, process.another() as colleague:
        await process.takes(says("one"))
        await process.takes(says("two"))
        draining = asyncio.create_task(process.engine.drain(5))
        await asyncio.sleep(0)
        go_on.set()
        await draining
        assert await process.version() == 1
        (turn,) = (await colleague.store.claim(Queue.MAILBOX, 10)).turns
        assert (turn.attempts, b"two" in turn.payload) == (1, True)
        await colleague.store.retry(Queue.MAILBOX, turn, delay=0)
        await colleague.engine.settle()
        assert desk.texts == ["one", "two"]


async def test_a_handler_that_outlasts_the_drain_is_given_back_uncounted(botkit_redis_url: str) -> None:
    desk, router, is_second = Desk(), Router(), asyncio.Event()

    @router.text()
    async def slow(event: MessageReceived, ctx: Context[Flow]) -> None:
        await is_second.wait()
        ctx.reply("done")

    async with Process(botkit_redis_url, bot(router, desk)) as process, process.another() as colleague:
        await process.takes(says("hello"))
        await process.engine.drain(0.01)
        is_second.set()
        (turn,) = (await colleague.store.claim(Queue.MAILBOX, 10)).turns
        assert turn.attempts == 1
        await colleague.store.retry(Queue.MAILBOX, turn, delay=0)
        await colleague.engine.settle()
        assert desk.texts == ["done"]


async def test_what_was_taken_in_just_before_a_drain_without_patience_is_given_back(botkit_redis_url: str) -> None:
    router = Router()

    @router.text()
    async def slow(event: MessageReceived, ctx: Context[Flow]) -> None:
        await asyncio.Event().wait()

    async with Process(botkit_redis_url, bot(router)) as process:
        await process.takes(says("hello"))
        await process.engine.drain(0)
        async with process.another() as other:
            claim = await other.store.claim(Queue.MAILBOX, 10)
            assert [turn.attempts for turn in claim.turns] == [1]


async def test_a_turn_whose_task_is_stopped_before_its_work_began_waits_for_no_lease(botkit_redis_url: str) -> None:
    desk = Desk()
    async with Process(botkit_redis_url, bot(echo(), desk)) as process, process.another() as colleague:
        before = asyncio.all_tasks()
        await process.takes(says("hello"))
        begun = asyncio.all_tasks() - before
        for task in begun:
            task.cancel()
        await asyncio.gather(*begun, return_exceptions=True)
        await colleague.engine.settle()
        assert desk.texts == ["1 hello"]


async def test_after_a_drain_nothing_is_taken(botkit_redis_url: str) -> None:
    desk = Desk()
    async with Process(botkit_redis_url, bot(echo(), desk)) as process, process.another() as colleague:
        await process.engine.drain(0)
        assert (await process.takes(says("hello"))).stored
        await process.engine.settle()
        assert desk.texts == []
        await colleague.engine.settle()
        assert desk.texts == ["1 hello"]


class SlowToClaim(RedisStore):
    """A store whose answer to a claim is on its way until `go_on` is set."""

    go_on: asyncio.Event
    has_claimed: asyncio.Event

    async def claim(self, queue: Queue, limit: int) -> Claim:
        found = await super().claim(queue, limit)
        if found.turns:
            self.has_claimed.set()
            await self.go_on.wait()
        return found


async def test_a_drain_during_a_claim_leaves_nothing_leased(botkit_redis_url: str) -> None:
    desk = Desk()
    async with (
        Process(botkit_redis_url, bot(echo(), desk), store=SlowToClaim) as process,
        process.another(role="web") as web,
        process.another() as colleague,
    ):
        assert isinstance(process.store, SlowToClaim)
        process.store.go_on, process.store.has_claimed = asyncio.Event(), asyncio.Event()
        await web.takes(says("hello"))
        process.engine.start()
        await process.store.has_claimed.wait()
        draining = asyncio.create_task(process.engine.drain(5))
        await asyncio.sleep(0)
        process.store.go_on.set()
        await draining
        await colleague.engine.settle()
        assert desk.texts == ["1 hello"], "done, or given back: nobody waits for a lease"


# --- roles ---


async def test_web_stores_and_never_handles_and_a_worker_is_woken_for_it_without_a_poll(botkit_redis_url: str) -> None:
    desk = Desk()
    async with (
        Process(botkit_redis_url, bot(echo(), desk), role="web") as web,
        web.another(role="worker", engine=NO_POLL) as worker,
    ):
        web.engine.start()
        assert (await web.takes(says("hello"))).stored
        await web.engine.settle()
        assert (desk.texts, await web.version()) == ([], 0)
        async with running(worker):
            await desk.has_shown(1)
            await web.takes(says("again"))
            await desk.has_shown(2)
        assert desk.texts == ["1 hello", "2 again"]


async def test_timers_fire_by_the_loop_of_a_worker(botkit_redis_url: str) -> None:
    desk, router = Desk(), Router()

    @router.text()
    async def remind(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.after("soon", seconds=30)

    @router.timer("soon")
    async def soon(event: TimerFired, ctx: Context[Flow]) -> None:
        ctx.reply("now")

    async with Process(botkit_redis_url, bot(router, desk)) as process:
        await process.hears("remind me")
        process.clock.advance(seconds=30)
        async with running(process):
            await desk.has_shown(1)
        assert desk.texts == ["now"]


async def test_a_key_of_a_wrong_type_stops_one_conversation_and_no_loop(botkit_redis_url: str) -> None:
    desk = Desk()
    async with Process(botkit_redis_url, bot(echo(), desk), role="web") as web:
        (mailbox, ready) = web.store.keys.of(where("planted").key, "m rdy")
        await web.store.call("SET", mailbox, "not a list")
        await web.store.call("ZADD", ready, 1, where("planted").key)
        engine = EnginePolicy(poll=0.01)
        async with web.another(role="worker", engine=engine) as worker, running(worker):
            with capture_logs() as logs:
                await web.takes(says("hello", person="taras"))
                await desk.has_shown(1)
                await web.takes(says("again", person="taras"))
                await desk.has_shown(2)
        assert "a conversation cannot be read" in {entry["event"] for entry in logs}


# --- answers in the webhook's response ---


def welcomes() -> tuple[Desk, Router[Counter]]:
    desk, router = Desk(), Router(Counter)
    desk.answered = (ConversationStarted,)

    @router.started()
    async def started(event: ConversationStarted, ctx: Context[Counter]) -> None:
        ctx.flow.seen += 1
        ctx.reply(f"welcome no. {ctx.flow.seen}")

    return desk, router


async def test_a_redelivered_opening_gets_the_same_answer_from_any_process_and_the_handler_runs_once(
    botkit_redis_url: str,
) -> None:
    desk, router = welcomes()
    async with Process(botkit_redis_url, bot(router, desk)) as process, process.another() as colleague:
        event = opens(native="once")
        answers = [await p.takes(event) for p in (process, process, colleague)]
        assert [answer.reply for answer in answers] == [b"welcome no. 1"] * 3
        assert desk.attempts == []
        assert (await process.takes(opens(native="again"))).reply == b"welcome no. 2"


async def test_fifty_deliveries_of_an_opening_at_once_all_get_the_one_answer(botkit_redis_url: str) -> None:
    desk, router = welcomes()
    async with Process(botkit_redis_url, bot(router, desk)) as process, process.another() as colleague:
        event = opens(native="once")
        answers = await asyncio.gather(*((process, colleague)[i % 2].takes(event) for i in range(50)))
        assert {answer.reply for answer in answers} == {b"welcome no. 1"}
        assert await process.version() == 1


async def test_the_answer_of_a_process_that_died_after_its_commit_is_given_by_another(botkit_redis_url: str) -> None:
    desk, router = welcomes()
    event = opens(native="once")
    async with Process(botkit_redis_url, bot(router, desk)) as process, process.another() as colleague:
        stored = await process.store.ingest(event.conversation.key, event.id, encode(event), token="dead.0", window=60)
        assert isinstance(stored, Mine)
        commit = Commit(b"", [], reply=b"welcome of the dead")
        await process.store.commit(stored.turn, commit, keep=False, send=False)
        assert (await colleague.takes(event)).reply == b"welcome of the dead"


async def test_an_opening_whose_handler_is_too_slow_is_to_be_asked_again_and_nothing_is_lost(
    botkit_redis_url: str,
) -> None:
    desk, router, go_on = Desk(), Router(Counter), asyncio.Event()
    desk.answered = (ConversationStarted,)

    @router.started()
    async def started(event: ConversationStarted, ctx: Context[Counter]) -> None:
        await go_on.wait()
        ctx.flow.switch()
        ctx.reply("welcome")

    hasty = EnginePolicy(answer_budget=0.05)
    async with Process(botkit_redis_url, bot(router, desk), engine=hasty) as process:
        event = opens(native="once")
        with capture_logs() as logs:
            assert await process.takes(event) == Acceptance(stored=False)
        assert [entry["event"] for entry in logs] == ["the webhook's answer is not ready yet"]
        go_on.set()
        await process.engine.settle()
        assert b'"off"' in (await process.store.load(where().key)).state
        assert await process.takes(event) == Acceptance(stored=True, reply=b"welcome")
        assert await process.version() == 1


async def test_an_opening_whose_handler_failed_gets_the_answer_of_the_attempt_that_worked(
    botkit_redis_url: str,
) -> None:
    desk, router, attempts = Desk(), Router(), list[str]()
    desk.answered = (ConversationStarted,)

    @router.started()
    async def started(event: ConversationStarted, ctx: Context[Flow]) -> None:
        attempts.append(event.id)
        if len(attempts) == 1:
            raise ValueError
        ctx.reply("welcome")

    hasty = EnginePolicy(answer_budget=0.05)
    async with Process(botkit_redis_url, bot(router, desk), engine=hasty) as process:
        event = opens(native="once")
        assert await process.takes(event) == Acceptance(stored=False)
        await process.advance(1)
        assert await process.takes(event) == Acceptance(stored=True, reply=b"welcome")


async def test_an_opening_that_another_process_handles_is_answered_as_soon_as_that_commits(
    botkit_redis_url: str,
) -> None:
    desk, router = welcomes()
    async with (
        Process(botkit_redis_url, bot(router, desk), role="web") as web,
        web.another(role="worker", engine=NO_POLL) as worker,
        running(worker),
    ):
        assert (await web.takes(opens())).reply == b"welcome no. 1"


@pytest.mark.parametrize("has_handler", [True, False])
async def test_an_opening_without_a_reply_is_answered_empty_at_once(
    botkit_redis_url: str, *, has_handler: bool
) -> None:
    desk, router = Desk(), Router()
    desk.answered = (ConversationStarted,)
    if has_handler:

        @router.started()
        async def silent(event: ConversationStarted, ctx: Context[Flow]) -> None:
            pass

    async with Process(botkit_redis_url, bot(router, desk), engine=EnginePolicy(answer_budget=60)) as process:
        async with asyncio.timeout(5):
            event = opens(native="once")
            assert await process.takes(event) == Acceptance(stored=True, reply=b"")
            assert await process.takes(event) == Acceptance(stored=True, reply=b"")


# --- mistakes of our own ---


class Mistaken(RedisStore):
    """A store with a mistake: the first of each of these calls fails as no store should."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.failed = set[str]()

    def _fail_once(self, name: str) -> None:
        if name not in self.failed:
            self.failed.add(name)
            raise ZeroDivisionError(name)

    async def claim(self, queue: Queue, limit: int) -> Claim:
        self._fail_once("claim")
        return await super().claim(queue, limit)

    async def renew(self, queue: Queue, held: Mapping[str, str]) -> set[str]:
        self._fail_once("renew")
        return await super().renew(queue, held)

    async def sent(self, turn: Turn, *, keep: bool, pace: Pace | None = None) -> Turn | None:
        self._fail_once("sent")
        return await super().sent(turn, keep=keep, pace=pace)

    async def sweep(self, *, idle: float = 0) -> int:
        self._fail_once("sweep")
        return await super().sweep(idle=idle)


async def test_a_mistake_of_ours_ends_no_loop_and_costs_a_turn_its_lease_at_most(botkit_redis_url: str) -> None:
    desk, router, bounds = Desk(), Router(Counter), Bounds(lease=1)
    desk.has_receipts = False  # type: ignore[misc]  # this desk only
    policy = EnginePolicy(poll=0.01, lease=1)

    @router.text()
    async def held(event: MessageReceived, ctx: Context[Counter]) -> None:
        # Until the leases of what is being handled were to be renewed.
        assert isinstance(store, Mistaken)
        while "renew" not in store.failed:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        ctx.reply(event.text)

    async with Process(botkit_redis_url, bot(router, desk), engine=policy, bounds=bounds, store=Mistaken) as process:
        store = process.store
        assert isinstance(store, Mistaken)
        with capture_logs() as logs:
            async with running(process):
                await process.takes(says("hello"))
                await desk.has_shown(2)
        assert {"the work could not be taken", "a turn failed", "the leases could not be renewed"} <= told(logs)
        assert desk.texts == ["hello", "hello"], "nobody noted the first"
        assert await audit(process.store) == []


def told(logs: Sequence[Mapping[str, Any]]) -> set[str]:
    return {entry["event"] for entry in logs}


async def test_a_mistake_while_sweeping_ends_no_other_loop(botkit_redis_url: str) -> None:
    desk = Desk()
    async with Process(botkit_redis_url, bot(echo(), desk), store=Mistaken) as process:
        store = process.store
        assert isinstance(store, Mistaken)
        store.failed |= {"claim", "renew", "sent"}
        sweeper = Sweeper(store)
        process.engine = Engine(store, process.dispatcher, process.outbox, sweeper=sweeper)
        with capture_logs() as logs:
            async with running(process):
                while "what is kept no longer could not be removed" not in told(logs):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
                await process.takes(says("hello"))
                await desk.has_shown(1)
