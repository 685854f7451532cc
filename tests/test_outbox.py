"""What becomes of a message: each outcome, the order, the repeats, the end; and the commercial window."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any

import pytest
from structlog.testing import capture_logs

from botkit.adapter import Outcome, Receipt
from botkit.context import Context
from botkit.engine import EnginePolicy
from botkit.events import (
    Event,
    MessageFailed,
    MessageReceived,
    SignalReceived,
    encode,
)
from botkit.exceptions import NotSentError, UnknownOutcomeError
from botkit.flow import Flow
from botkit.messages import Text
from botkit.outbox import SendPolicy
from botkit.outgoing import Outgoing
from botkit.outgoing import encode as encode_outgoing
from botkit.pace import Pace, Paces
from botkit.redis.audit import audit
from botkit.redis.bounds import Bounds
from botkit.redis.runner import Runner
from botkit.redis.store import RedisStore
from botkit.router import CallNext, Router
from botkit.session_rules import SessionRules
from botkit.sessions import Session, session_at
from botkit.store import Commit, Mine
from botkit.turn import Turn
from tests.desk import NOT_SENT, REFUSED, UNKNOWN, Desk, Process, bot, parrot, presses, says, where


def throttled(seconds: float) -> Receipt:
    return Receipt(Outcome.THROTTLED, reason="429", retry_after=seconds)


async def attempted(process: Process, desk: Desk, seconds: float) -> bool:
    """Moves the clock; tells whether anything was tried."""
    before = len(desk.attempts)
    await process.advance(seconds)
    return len(desk.attempts) > before


# --- not sent ---


async def test_what_only_waited_for_the_account_is_given_up_after_an_hour_as_well(botkit_redis_url: str) -> None:
    desk, failures = Desk(), list[MessageFailed]()
    async with Process(botkit_redis_url, bot(parrot(failures), desk)) as process:
        desk.plan.append(throttled(4000))
        await process.hears("parks", "taras")
        await process.hears("waits")
        await process.advance(3590)
        assert failures == []
        await process.advance(20)
        assert desk.texts == []
        await process.advance(400)
        assert sorted(event.reason for event in failures) == ["not sent within its time"] * 2


@pytest.mark.parametrize("failure", [NOT_SENT, NotSentError("no connection")], ids=["a receipt", "an exception"])
async def test_what_cannot_have_arrived_is_tried_again_after_1_2_4_to_60_seconds(
    botkit_redis_url: str, failure: Receipt | Exception
) -> None:
    desk = Desk()
    desk.plan.extend([failure] * 8)
    async with Process(botkit_redis_url, bot(parrot(), desk)) as process:
        await process.hears("hello")
        for delay in (1, 2, 4, 8, 16, 32, 60, 60):
            assert not await attempted(process, desk, delay - 0.4), f"tried again before {delay} s"
            assert await attempted(process, desk, 0.45), f"not tried again after {delay} s"
        assert desk.texts == ["hello"]
        assert len({outgoing.key for outgoing in desk.attempts}) == 1


async def test_what_could_not_be_sent_for_an_hour_is_given_up_and_the_handlers_are_told(botkit_redis_url: str) -> None:
    desk, failures = Desk(), list[MessageFailed]()
    desk.plan.append(NOT_SENT)
    async with Process(botkit_redis_url, bot(parrot(failures), desk)) as process:
        await process.hears("hello")
        desk.plan.append(NOT_SENT)
        await process.advance(3590)
        assert (len(desk.attempts), failures) == (2, [])
        await process.advance(15)
        assert len(desk.attempts) == 2
        assert [event.message_key for event in failures] == [desk.attempts[0].key]
        (letter,) = await process.dead_letters()
        assert (letter.queue.value, letter.error) == ("outbox", "not sent within its time")


async def test_the_order_is_kept_over_failures(botkit_redis_url: str) -> None:
    desk = Desk()
    desk.plan.extend([Receipt(Outcome.SENT), NOT_SENT, UNKNOWN, throttled(1)])
    async with Process(botkit_redis_url, bot(parrot(), desk)) as process:
        await process.hears("a b c")
        await process.hears("d e")
        for _ in range(5):
            await process.advance(5)
        assert desk.texts == ["a", "b", "c", "d", "e"]
        assert await audit(process.store) == []


async def test_a_conversation_that_must_wait_does_not_pause_its_account(botkit_redis_url: str) -> None:
    desk = Desk()
    desk.plan.extend([Receipt(Outcome.NOT_SENT, reason="12", retry_after=50)] * 10)
    async with Process(botkit_redis_url, bot(parrot(), desk)) as process:
        for i in range(10):
            await process.hears("hello", person=f"person {i}")
        await process.hears("hello", person="taras")
        assert desk.shown == [("taras", "hello")]
        assert not await attempted(process, desk, 49)
        assert await attempted(process, desk, 1.1)


# --- unknown ---


@pytest.mark.parametrize(
    "failure",
    [UNKNOWN, UnknownOutcomeError("reset"), ValueError("a mistake in the adapter")],
    ids=["a receipt", "a transport error", "an adapter's mistake"],
)
@pytest.mark.parametrize(("repeats", "attempts"), [(0, 1), (1, 2), (2, 3)])
async def test_what_may_have_arrived_is_repeated_as_often_as_the_policy_says(
    botkit_redis_url: str, failure: Receipt | Exception, repeats: int, attempts: int
) -> None:
    desk, failures = Desk(), list[MessageFailed]()
    desk.plan.extend([failure] * attempts)
    policy = SendPolicy(max_repeats=repeats)
    async with Process(botkit_redis_url, bot(parrot(failures), desk), send=policy) as process:
        with capture_logs() as logs:
            await process.hears("lost found")
            for _ in range(5):
                await process.advance(5)
        assert [outgoing.message.plain for outgoing in desk.attempts] == ["lost"] * attempts + ["found"]
        again = [entry["attempt"] for entry in logs if entry["event"] == "sending again"]
        assert again == list(range(2, attempts + 1)), "each repeat is flagged"
        assert len(failures) == len(await process.dead_letters()) == 1
        assert "its outcome is not known" in failures[0].reason


async def test_a_repeat_that_arrives_ends_the_matter(botkit_redis_url: str) -> None:
    desk, failures = Desk(), list[MessageFailed]()
    desk.plan.extend([UNKNOWN, UNKNOWN])
    async with Process(botkit_redis_url, bot(parrot(failures), desk)) as process:
        await process.hears("a b")
        await process.advance(5)
        await process.advance(5)
        assert (desk.texts, failures) == (["a", "b"], [])


# --- throttled ---


async def test_a_429_parks_the_whole_account_for_as_long_as_it_says_and_counts_no_attempt(
    botkit_redis_url: str,
) -> None:
    desk, other = Desk(), Desk(ta="other")
    desk.plan.append(throttled(30))
    async with Process(botkit_redis_url, bot(parrot(), desk, other)) as process:
        with capture_logs() as logs:
            await process.hears("hello")
            await process.hears("hello", person="taras")
            await process.takes(says("hello", ta="other"))
            await process.engine.settle()
            assert (len(desk.attempts), other.texts) == (1, ["hello"])
            assert not await attempted(process, desk, 29.5)
            await process.advance(0.6)
        assert sorted(desk.shown) == [("olena", "hello"), ("taras", "hello")]
        assert [entry for entry in logs if entry["event"] == "sending again"] == []


async def test_a_429_longer_than_any_score_may_lie_ahead_is_still_waited_for(botkit_redis_url: str) -> None:
    desk = Desk()
    desk.plan.append(throttled(3000))
    async with Process(botkit_redis_url, bot(parrot(), desk)) as process:
        await process.hears("hello")
        for _ in range(6):
            assert not await attempted(process, desk, 490)
        await process.advance(70)
        assert desk.texts == ["hello"]


# --- the circuit ---


async def test_after_ten_failures_in_a_row_the_account_rests_and_one_probe_decides(botkit_redis_url: str) -> None:
    desk = Desk()
    desk.plan.extend([NOT_SENT] * 11)
    async with Process(botkit_redis_url, bot(parrot(), desk)) as process:
        for i in range(15):
            await process.hears("hello", person=f"person {i}")
        assert len(desk.attempts) == 10
        assert not await attempted(process, desk, 4.5)
        await process.advance(0.6)
        assert len(desk.attempts) == 11, "one probe"
        assert not await attempted(process, desk, 9)
        await process.advance(1.1)
        for _ in range(5):
            await process.advance(20)
        assert len(desk.shown) == 15
        assert len(await process.dead_letters()) == 0


# --- crashes ---


class Dying(RedisStore):
    """A store that a process does not live to tell that a message was sent."""

    async def sent(self, turn: Turn, *, keep: bool, pace: Pace | None = None) -> Turn | None:
        raise asyncio.CancelledError


async def test_a_message_that_was_committed_by_a_process_that_died_is_sent_once_by_another(
    botkit_redis_url: str,
) -> None:
    desk = Desk()
    async with Process(botkit_redis_url, bot(parrot(), desk)) as process, process.another() as successor:
        event = says("hello")
        stored = await process.store.ingest(where().key, event.id, encode(event), token="dead.0", window=60)
        assert isinstance(stored, Mine)
        # It commits, takes the message to send, and is never heard of again.
        outgoing = Outgoing(
            f"{event.id}00", ("desk", "desk"), "olena", Text(text="hello"), round(process.clock.timestamp() * 1000)
        )
        commit = Commit(b"", [outgoing.key.encode() + encode_outgoing(outgoing)])
        committed = await process.store.commit(stored.turn, commit, keep=False, send=True)
        assert committed is not None
        assert committed.sending is not None
        await successor.advance(9)
        assert desk.attempts == []
        await successor.advance(1.5)
        await successor.advance(100)
        assert desk.texts == ["hello"]


async def test_a_message_that_was_sent_by_a_process_that_died_is_sent_again_and_flagged(botkit_redis_url: str) -> None:
    desk = Desk()
    desk.has_receipts = False  # type: ignore[misc]  # this desk only
    async with (
        Process(botkit_redis_url, bot(parrot(), desk), store=Dying) as process,
        process.another() as successor,
    ):
        await process.hears("hello")
        await successor.advance(9)
        assert desk.texts == ["hello"], "not before the lease is over"
        with capture_logs() as logs:
            await successor.advance(2)
        assert desk.texts == ["hello", "hello"]
        assert [entry["attempt"] for entry in logs if entry["event"] == "sending again"] == [2]
        assert len({outgoing.key for outgoing in desk.attempts}) == 1
        await successor.advance(100)
        assert len(desk.attempts) == 2


# --- other conversations ---


async def test_what_is_sent_elsewhere_arrives_there_once_and_in_order(botkit_redis_url: str) -> None:
    desk, router = Desk(), Router()

    @router.text()
    async def relay(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.send(where("manager"), f"1 {event.text}")
        ctx.reply("told")
        ctx.send(where("manager"), f"2 {event.text}")

    async with Process(botkit_redis_url, bot(router, desk)) as process:
        await process.hears("hello")
        assert [text for to, text in desk.shown if to == "manager"] == ["1 hello", "2 hello"]
        assert [text for to, text in desk.shown if to == "olena"] == ["told"]
        told = next(outgoing for outgoing in desk.attempts if outgoing.message.plain == "1 hello")
        # A process that died before it noted that this one was passed on: the next one passes it on again.
        await process.store.enqueue(where("manager").key, told.key, encode_outgoing(told))
        await process.engine.settle()
        assert len(desk.attempts) == 3


async def test_what_finds_no_room_elsewhere_is_a_dead_letter_and_holds_nothing_up(botkit_redis_url: str) -> None:
    desk, router = Desk(), Router()
    desk.plan.append(NOT_SENT)

    @router.text("^fill")
    async def fill(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.reply("one")
        ctx.reply("two")

    @router.text()
    async def elsewhere(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.send(where("manager"), event.text)
        ctx.reply("told")

    async with Process(botkit_redis_url, bot(router, desk), bounds=Bounds(outbox=2)) as process:
        await process.hears("fill", person="manager")
        await process.hears("hello")
        (letter,) = await process.dead_letters()
        assert letter.error == "the other conversation's outbox is full"
        assert desk.shown == [("olena", "told")]
        assert await audit(process.store) == []


# --- pace and fairness ---


async def test_a_conversation_s_messages_follow_its_pace_and_keep_their_order(botkit_redis_url: str) -> None:
    desk = Desk()
    desk.paces = Paces(chat=Pace(2, 10, burst=2))
    async with Process(botkit_redis_url, bot(parrot(), desk)) as process, process.another() as colleague:
        await process.hears("a b c d")
        await process.hears("x", "taras")
        assert desk.shown == [("olena", "a"), ("olena", "b"), ("taras", "x")]
        for seconds, number in ((9, 2), (1.5, 3), (8, 3), (2, 4)):
            process.clock.advance(seconds=seconds)
            await colleague.engine.settle()
            await process.engine.settle()
            assert len(desk.shown) - 1 == number
        assert [text for to, text in desk.shown if to == "olena"] == ["a", "b", "c", "d"]
        assert await audit(process.store) == []


async def test_waiting_for_the_pace_is_no_attempt(botkit_redis_url: str) -> None:
    desk = Desk()
    desk.paces = Paces(account=Pace(1, 10), chat=Pace(1, 10))
    async with Process(botkit_redis_url, bot(parrot(), desk)) as process:
        with capture_logs() as logs:
            await process.hears("a b c")
            for _ in range(30):
                await process.advance(1)
        assert desk.texts == ["a", "b", "c"]
        assert [entry for entry in logs if entry["event"] == "sending again"] == []


async def test_what_is_worth_nothing_later_is_not_paced_and_jumps_no_queue(botkit_redis_url: str) -> None:
    desk, router = Desk(), Router()
    desk.paces = Paces(chat=Pace(1, 10))

    @router.text()
    async def types(event: MessageReceived, ctx: Context[Flow]) -> None:
        for text in ("one", "two"):
            ctx.typing()
            ctx.typing()
            ctx.reply(text)

    async with Process(botkit_redis_url, bot(router, desk)) as process:
        await process.hears("hello")
        assert desk.texts == ["Typing", "Typing", "one", "Typing", "Typing"]
        await process.advance(10.1)
        assert desk.texts[5:] == ["two"]


async def test_two_processes_together_keep_an_account_s_pace(botkit_redis_url: str) -> None:
    desk = Desk()
    desk.paces = Paces(account=Pace(4, 100, burst=4))
    async with Process(botkit_redis_url, bot(parrot(), desk)) as process, process.another() as colleague:
        for number in range(6):
            await (process, colleague)[number % 2].takes(says("hello", f"person {number}"))
        await asyncio.gather(process.engine.settle(), colleague.engine.settle())
        assert len(desk.shown) == 4
        await process.advance(98)
        assert len(desk.shown) == 4
        for _ in range(3):
            await process.advance(100)
        assert len(desk.shown) == 6


async def test_a_429_of_one_process_rests_the_other(botkit_redis_url: str) -> None:
    desk = Desk()
    desk.plan.append(throttled(30))
    async with Process(botkit_redis_url, bot(parrot(), desk)) as process, process.another() as colleague:
        await process.hears("hello")
        await colleague.hears("hello", "taras")
        assert len(desk.attempts) == 1
        assert not await attempted(colleague, desk, 29)
        await colleague.advance(1.1)
        assert sorted(desk.shown) == [("olena", "hello"), ("taras", "hello")]


async def test_a_conversation_with_much_to_say_lets_the_others_go_first(botkit_redis_url: str) -> None:
    desk, one, bounds = Desk(), EnginePolicy(concurrency=1), Bounds(partitions=1)
    policy = SendPolicy(in_a_row=3)
    async with Process(botkit_redis_url, bot(parrot(), desk), send=policy, engine=one, bounds=bounds) as process:
        for person, words in (("olena", "abcdefgh"), ("taras", "xy")):
            for word in words:
                now_ms = round(1000 * process.clock.timestamp())
                outgoing = Outgoing(word * 24, ("desk", "desk"), person, Text(text=word), now_ms)
                assert await process.store.enqueue(where(person).key, outgoing.key, encode_outgoing(outgoing))
            process.clock.advance(seconds=1)
        await process.engine.settle()
        assert "".join(desk.texts) == "abcxydefgh"


class Listing(Runner):
    """Writes down which scripts were run, but for those that look for work."""

    names: list[str]

    def run(self, name: str, keys: Sequence[str], *args: str | bytes | int) -> Awaitable[Any]:
        self._write_down(name)
        return super().run(name, keys, *args)

    def accept(self, name: str, keys: Sequence[str], *args: str | bytes | int) -> Awaitable[Any]:
        self._write_down(name)
        return super().accept(name, keys, *args)

    def _write_down(self, name: str) -> None:
        if name != "claim":
            self.__dict__.setdefault("names", []).append(name)


class Listed(RedisStore):
    _runner_type = Listing


@pytest.mark.parametrize(
    ("paces", "trips"),
    [
        (Paces(chat=Pace(100, 1)), ["ingest", "commit", "sent"]),
        (Paces(account=Pace(100, 1)), ["ingest", "commit", "bucket", "sent"]),
    ],
    ids=["without a rate", "with a rate"],
)
async def test_an_event_with_a_reply_takes_three_trips_and_four_where_the_account_has_a_rate(
    botkit_redis_url: str, paces: Paces, trips: list[str]
) -> None:
    desk = Desk()
    desk.has_receipts = False  # type: ignore[misc]  # this desk only
    desk.paces = paces
    async with Process(botkit_redis_url, bot(parrot(), desk), store=Listed) as process:
        await process.hears("hello")
        runner = process.store._runner
        assert isinstance(runner, Listing)
        names = runner.names
        names.clear()
        await process.hears("again")
        assert names == trips


async def test_what_is_left_after_a_row_goes_on_without_a_poll(botkit_redis_url: str) -> None:
    desk = Desk()
    hourly = EnginePolicy(poll=3600)
    async with Process(botkit_redis_url, bot(parrot(), desk), send=SendPolicy(in_a_row=2), engine=hourly) as process:
        process.engine.start()
        await process.takes(says("a b c d e"))
        await desk.has_shown(5)
        assert desk.texts == ["a", "b", "c", "d", "e"]


async def test_what_waits_for_its_pace_goes_out_without_a_poll(botkit_redis_url: str) -> None:
    desk = Desk()
    desk.paces = Paces(chat=Pace(1, 0.05))
    async with Process(botkit_redis_url, bot(parrot(), desk), engine=EnginePolicy(poll=3600)) as process:
        process.engine.start()
        await process.takes(says("a b c"))
        await desk.has_shown(3)
        assert desk.texts == ["a", "b", "c"]


# --- the commercial window ---

RULES = SessionRules()


def shop(rules: SessionRules = RULES) -> tuple[Desk, list[MessageFailed]]:
    return Desk(sessions=rules), list[MessageFailed]()


async def window(process: Process) -> Session:
    record = await process.store.load(where().key)
    return session_at(RULES, record.counts, record.queued, process.clock.now())


async def test_the_sixth_message_in_a_row_is_held_until_the_person_writes_and_goes_before_the_next_reply(
    botkit_redis_url: str,
) -> None:
    desk, failures = shop()
    async with Process(botkit_redis_url, bot(parrot(failures), desk)) as process:
        await process.hears("1 2 3 4 5 6 7")
        assert desk.texts == ["1", "2", "3", "4", "5"]
        await process.advance(3 * 86400)
        assert desk.texts == ["1", "2", "3", "4", "5"]
        await process.hears("8")
        assert desk.texts == ["1", "2", "3", "4", "5", "6", "7", "8"]
        assert failures == []
        assert await audit(process.store) == []


async def test_what_is_held_goes_out_though_nothing_is_replied_and_without_a_poll(botkit_redis_url: str) -> None:
    desk = Desk(sessions=RULES)
    router = Router()

    @router.text("count")
    async def count(event: MessageReceived, ctx: Context[Flow]) -> None:
        for i in range(6):
            ctx.reply(str(i))

    async with Process(botkit_redis_url, bot(router, desk), engine=EnginePolicy(poll=3600)) as process:
        await process.hears("count")
        assert len(desk.texts) == 5
        process.engine.start()
        # The loop has looked, and sleeps.
        for _ in range(5):
            await process.store.ping()
        await process.takes(says("thanks"))
        await desk.has_shown(6)


async def test_what_is_held_outlives_the_process(botkit_redis_url: str) -> None:
    desk, _ = shop()
    async with Process(botkit_redis_url, bot(parrot(), desk)) as process, process.another() as successor:
        await process.hears("1 2 3 4 5 6")
        await process.engine.drain(0)
        await successor.hears("7")
        assert desk.texts == ["1", "2", "3", "4", "5", "6", "7"]


async def test_at_limit_fail_gives_the_sixth_message_up_and_tells_the_handlers(botkit_redis_url: str) -> None:
    desk, failures = shop(SessionRules(at_limit="fail"))
    async with Process(botkit_redis_url, bot(parrot(failures), desk)) as process:
        await process.hears("1 2 3 4 5 6 7")
        assert desk.texts == ["1", "2", "3", "4", "5"]
        assert [event.reason for event in failures] == ["the session's limit of messages without an answer"] * 2
        await process.hears("8")
        assert desk.texts[5:] == ["8"]


async def test_a_session_starts_with_the_first_reply_and_not_with_the_person_s_message(botkit_redis_url: str) -> None:
    desk, router, seen = Desk(sessions=RULES), Router(), list[Session | None]()

    @router.text()
    async def echo(event: MessageReceived, ctx: Context[Flow]) -> None:
        seen.append(ctx.session)
        if event.text != "quiet":
            ctx.reply(event.text)
            ctx.reply(event.text)

    async with Process(botkit_redis_url, bot(router, desk)) as process:
        await process.hears("quiet")
        assert not (await window(process)).is_open
        await process.advance(3600)
        await process.hears("hello")
        session = await window(process)
        assert (session.sent, session.left, session.left_in_row) == (2, 58, 3)
        assert session.started_at is not None
        assert abs((process.clock.now() - session.started_at).total_seconds()) < 5
        await process.hears("again")
        first, second, third = seen
        assert first == second == Session(None, None, 0, 60, 5, 100)
        assert third is not None
        assert (third.sent, third.left, third.left_in_row) == (2, 58, 5), "the person's message ends the row"
        assert (await window(process)).sent == 4


async def test_a_session_ends_after_24_hours_and_not_before(botkit_redis_url: str) -> None:
    desk, _ = shop()
    async with Process(botkit_redis_url, bot(parrot(), desk)) as process:
        await process.hears("first")
        started_at = (await window(process)).started_at
        process.clock.advance(hours=24, seconds=-5)
        await process.hears("same")
        assert ((await window(process)).sent, (await window(process)).started_at) == (2, started_at)
        process.clock.advance(seconds=6)
        assert not (await window(process)).is_open
        await process.hears("new")
        session = await window(process)
        assert session.sent == 1
        assert session.started_at != started_at


async def test_after_sixty_messages_a_new_session_begins(botkit_redis_url: str) -> None:
    desk, _ = shop()
    async with Process(botkit_redis_url, bot(parrot(), desk)) as process:
        for _ in range(12):
            await process.hears("1 2 3 4 5")
        session = await window(process)
        assert (session.sent, session.left) == (60, 0)
        process.clock.advance(minutes=1)
        await process.hears("next")
        following = await window(process)
        assert (following.sent, following.left) == (1, 59)
        assert following.started_at != session.started_at
        assert len(desk.texts) == 61


@pytest.mark.parametrize(
    ("outcomes", "counted"),
    [([], 1), ([REFUSED], 0), ([throttled(5)], 1), ([NOT_SENT], 1), ([UNKNOWN], 2), ([UNKNOWN, UNKNOWN, UNKNOWN], 3)],
    ids=["sent", "refused", "throttled", "not sent", "unknown", "unknown to the end"],
)
async def test_an_attempt_counts_unless_it_is_known_not_to_have_arrived(
    botkit_redis_url: str, outcomes: Sequence[Receipt], counted: int
) -> None:
    desk, _ = shop()
    desk.plan.extend(outcomes)
    async with Process(botkit_redis_url, bot(parrot(), desk)) as process:
        await process.hears("hello")
        for _ in range(3):
            await process.advance(10)
        session = await window(process)
        assert (session.sent, 5 - session.left_in_row) == (counted, counted)
        assert session.is_open == bool(counted)


async def test_what_is_not_counted_by_the_service_is_not_counted_here(botkit_redis_url: str) -> None:
    desk, router = Desk(sessions=RULES), Router()

    @router.text()
    async def types(event: MessageReceived, ctx: Context[Flow]) -> None:
        for _ in range(7):
            ctx.typing()
        ctx.reply("done")

    async with Process(botkit_redis_url, bot(router, desk)) as process:
        await process.hears("hello")
        assert desk.texts == ["Typing"] * 7 + ["done"]
        assert (await window(process)).sent == 1


async def test_two_processes_at_once_never_break_the_limit(botkit_redis_url: str) -> None:
    desk, _ = shop()
    people = ("olena", "taras", "iryna")

    def said(person: str) -> str:
        return "".join(text for to, text in desk.shown if to == person)

    async with Process(botkit_redis_url, bot(parrot(), desk)) as process, process.another() as colleague:
        for _ in range(4):
            before = {person: len(said(person)) for person in people}
            heard = [p.takes(says("a b c d e f g", who)) for p in (process, colleague) for who in people]
            await asyncio.gather(*heard)
            await asyncio.gather(process.engine.settle(), colleague.engine.settle())
            await process.advance(3600)
            assert all(5 <= len(said(person)) - before[person] <= 2 * 5 for person in people)
        assert all(("abcdefg" * 8).startswith(said(person)) for person in people)
        assert await audit(process.store) == []


# --- signals ---


def switchboard(heard: list[str]) -> Router[Flow]:
    """What a person writes is told to the manager, whose conversation notes and answers it."""
    router = Router()

    @router.text()
    async def pass_on(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.send(where("manager"), f"1 {event.text}")
        ctx.signal(where("manager"), "wrote", event.text)
        ctx.send(where("manager"), f"2 {event.text}")
        ctx.signal(where("manager"), "wrote", f"{event.text} again")

    @router.signal("wrote")
    async def wrote(event: SignalReceived, ctx: Context[Flow]) -> None:
        heard.append(f"{event.sender.id}: {event.data}")

    return router


async def test_signals_arrive_once_each_in_the_order_decided_among_the_messages(botkit_redis_url: str) -> None:
    desk, heard = Desk(), list[str]()
    async with Process(botkit_redis_url, bot(switchboard(heard), desk)) as process:
        await process.hears("hello")
        assert heard == ["olena: hello", "olena: hello again"]
        assert desk.shown == [("manager", "1 hello"), ("manager", "2 hello")]
        assert await process.version("manager") == 2
        assert await audit(process.store) == []


async def test_a_signal_whose_process_died_before_it_noted_that_is_heard_once(botkit_redis_url: str) -> None:
    heard = list[str]()
    async with (
        Process(botkit_redis_url, bot(switchboard(heard)), store=Dying) as process,
        process.another() as successor,
    ):
        await process.hears("hello")
        for _ in range(5):
            await successor.advance(11)
        assert heard == ["olena: hello", "olena: hello again"]


async def test_a_signal_of_a_handler_that_fails_is_not_told(botkit_redis_url: str) -> None:
    heard = list[str]()
    router = switchboard(heard)

    @router.middleware
    async def failing(event: Event, ctx: Context[Flow], call_next: CallNext) -> None:
        await call_next()
        raise ValueError

    async with Process(botkit_redis_url, bot(router)) as process:
        await process.hears("hello")
        assert (heard, await process.version("manager")) == ([], 0)


async def busy(process: Process) -> None:
    """Fills the manager's mailbox: somebody works on the one event that it holds, until their lease ends."""
    event = presses("nothing", "manager")
    stored = await process.store.ingest(where("manager").key, event.id, encode(event), token="dead.0", window=60)
    assert isinstance(stored, Mine)


async def test_a_signal_waits_for_room_in_the_other_mailbox(botkit_redis_url: str) -> None:
    desk, heard = Desk(), list[str]()
    router = switchboard(heard)
    async with Process(botkit_redis_url, bot(router, desk), bounds=Bounds(mailbox=1)) as process:
        await busy(process)
        await process.hears("hello")
        assert (heard, desk.texts) == ([], ["1 hello"])
        for _ in range(6):
            await process.advance(5)
        assert heard == ["olena: hello", "olena: hello again"]
        assert [text for text in desk.texts if "hello" in text] == ["1 hello", "2 hello"]


async def test_a_signal_that_finds_no_room_in_its_time_is_a_dead_letter(botkit_redis_url: str) -> None:
    heard = list[str]()
    async with Process(
        botkit_redis_url, bot(switchboard(heard)), bounds=Bounds(mailbox=1), send=SendPolicy(max_age=5)
    ) as process:
        await busy(process)
        await process.hears("hello")
        for _ in range(6):
            await process.advance(1.5)
        assert heard == []
        letters = [letter.error for letter in await process.dead_letters()]
        assert letters[:1] == ["the other conversation's mailbox is full"]


async def test_a_mistake_of_an_adapter_is_logged_with_its_place_and_without_its_words(botkit_redis_url: str) -> None:
    desk = Desk()
    desk.plan.append(ValueError("what somebody wrote"))
    async with Process(botkit_redis_url, bot(parrot(), desk)) as process:
        with capture_logs() as logs:
            await process.hears("hello")
    (entry,) = [entry for entry in logs if entry["event"] == "the adapter failed"]
    assert (entry["error"], "desk.py:" in entry["frames"]) == ("ValueError", True)
    assert "what somebody wrote" not in str(logs)
