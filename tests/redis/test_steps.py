"""The ways of a message, on every kind of server: one record, one present way, the same answer to the same event."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from botkit.clock import Clock
from botkit.conversation import Account, Conversation
from botkit.deliveries import Delivery, Following, HopNews, Status
from botkit.events import HopReported
from botkit.redis.store import RedisStore
from botkit.store import Begun
from botkit.timer import LATER, Timer
from botkit.turn import Queue, Turn
from tests.redis.store_calls import (
    ANN,
    Raw,
    claim_one,
    commit,
    event,
    everything,
    fail,
    in_ms,
    key,
    message,
    post,
    take,
)

DAY = 86_400
HOME = Conversation(Account("viber", "parcel"), "ann")
VIAS = [("viber", "parcel"), ("mitto", "one"), ("smsc", "two")]
HORIZON = 4 * DAY


def name_of(hop: int) -> str:
    return f"{LATER}{event(800 + hop)}"


class Steps:
    """Tells a message's home one thing after the other, each in a turn of its own."""

    def __init__(self, store: RedisStore) -> None:
        self.store = store
        self.number = 0
        #: How many ways there are.
        self.ways = 3
        #: What is awaited of each.
        self.awaited: Any = "delivered"
        self.turn: Turn | None = None

    @property
    def current(self) -> Turn:
        assert self.turn is not None
        return self.turn

    def watch(self, hop: int) -> Timer:
        return Timer(name_of(hop), in_ms(self.store.clock, 60), f"rest {hop}".encode())

    async def begin(self) -> None:
        """Commits a message that has several ways."""
        self.number += 1
        turn = await take(self.store, self.number)
        await commit(self.store, turn, outgoing=[message(1)], timers=[self.watch(0)])

    async def tell(self, status: Any, hop: int = 0, *, way: int | None = None, keep: bool = False, **more: Any) -> str:
        """Tells it, and ends the turn; returns what it comes to."""
        self.number += 1
        self.turn = await take(self.store, self.number)
        news = await self.repeat(status, hop, way=way, **more)
        assert news
        if not keep:
            await commit(self.store, self.turn)
        return news.word

    async def repeat(
        self,
        status: Any,
        hop: int = 0,
        *,
        way: int | None = None,
        is_end: bool = True,
        reason: str = "",
        to: int | None = None,
        skipped: Sequence[tuple[int, tuple[str, str], str]] = (),
    ) -> HopNews | None:
        assert self.turn
        following = hop + 1 if to is None else to
        number = hop if way is None else way
        has_more = following < self.ways
        report = HopReported(
            id=self.turn.id, at=datetime.now(UTC), conversation=HOME, key=key(1), status=status, hop=hop, way=number,
            via=VIAS[number], reason=reason, awaited=self.awaited, is_end=is_end, has_more=has_more, created_ms=1000,
        )  # fmt: skip
        then = Following(following, VIAS[following], self.awaited, self.watch(following)) if has_more else None
        return await self.store.deliveries.step(
            self.turn, report, watch=name_of(hop), later_ms=in_ms(self.store.clock, HORIZON), following=then,
            skipped=skipped,
        )  # fmt: skip

    async def record(self) -> Delivery:
        found = await self.store.deliveries.load(ANN, key(1))
        assert found
        return found

    async def heard(self) -> list[list[str]]:
        return [sorted(hop.times) for hop in (await self.record()).hops]

    async def watches(self) -> list[str]:
        """The ways that are watched over."""
        found = [await self.store.deliveries.load_watch(ANN, name_of(hop)) for hop in range(3)]
        return [payload.decode() for payload in found if payload]


@pytest.fixture
async def steps(store: RedisStore) -> Steps:
    steps = Steps(store)
    await steps.begin()
    return steps


async def end(store: RedisStore) -> None:
    """Lets the message leave home's outbox, as its sender does."""
    await store.sent(await claim_one(store, Queue.OUTBOX), keep=False)


# --- the timer that comes with a message ---


async def test_a_message_s_timer_is_set_with_its_commit_and_is_none_of_the_conversation_s(
    store: RedisStore, clock: Clock
) -> None:
    turn = await take(store, 1)
    own = [Timer(name, in_ms(clock, 60), b"fired") for name in ("a", "b")]
    watches = [Timer(name_of(hop), in_ms(clock, 60), b"rest") for hop in range(3)]
    assert await commit(store, turn, timers=[*own, *watches])
    assert await store.load_timers(ANN) == [b"fired", b"fired"]
    assert await store.deliveries.load_watch(ANN, name_of(2)) == b"rest"
    await commit(store, await take(store, 2), timers=[Timer(watch.name, 0) for watch in watches])
    assert await store.deliveries.load_watch(ANN, name_of(2)) == b""


async def test_a_message_that_is_put_straight_into_an_outbox_brings_its_timer_once(
    store: RedisStore, raw: Raw, clock: Clock
) -> None:
    timer = Timer(name_of(0), in_ms(clock, 60), b"rest")
    assert await store.enqueue(ANN, key(1), b"message", watch=timer)
    before = await everything(raw)
    clock.advance(seconds=1)
    assert await store.enqueue(ANN, key(1), b"message", watch=timer)
    assert await everything(raw) == before
    await store.enqueue(ANN, key(2), b"message")
    assert not await store.enqueue(ANN, key(3), b"message", watch=Timer(name_of(1), in_ms(clock, 60), b"rest"))
    assert await store.deliveries.load_watch(ANN, name_of(1)) == b""


async def test_forget_takes_what_a_message_s_timer_holds(store: RedisStore, raw: Raw, clock: Clock) -> None:
    await store.enqueue(ANN, key(1), b"canary", watch=Timer(name_of(0), in_ms(clock, 60), b"canary"))
    turn = await claim_one(store, Queue.OUTBOX)
    await store.begin(turn)
    await store.forget(ANN)
    left = await everything(raw)
    assert "canary" not in left
    assert "|b" not in left


# --- one way after the other ---


async def test_the_next_way_is_taken_when_the_present_one_is_over_and_only_then(steps: Steps) -> None:
    assert await steps.tell("sent", is_end=False) == "sent"
    assert await steps.tell("unknown", is_end=False) == ""
    assert await steps.watches() == ["rest 0"]
    assert await steps.tell("overdue") == "next"
    assert await steps.watches() == ["rest 1"]
    assert await steps.heard() == [["overdue", "sent", "unknown"], ["taken"]]
    for late in ("overdue", "failed", "expired", "unknown"):
        assert await steps.tell(late) == ""
    assert await steps.watches() == ["rest 1"]
    assert await steps.tell("failed", 1, reason="no") == "next"
    assert await steps.tell("failed", 2, reason="never") == "failed"
    assert await steps.watches() == []
    record = await steps.record()
    assert record.status is Status.FAILED
    assert [(hop.account.channel, hop.account.ta) for hop in record.hops] == VIAS
    assert [hop.reason for hop in record.hops] == ["", "no", "never"]


async def test_to_the_event_that_told_it_the_answer_stays_the_same(steps: Steps, raw: Raw) -> None:
    told: list[tuple[Any, int, dict[str, Any]]] = [
        ("sent", 0, {}), ("overdue", 0, {}), ("delivered", 1, {}), ("seen", 0, {}), ("failed", 1, {"reason": "no"}),
    ]  # fmt: skip
    for status, hop, more in told:
        word = await steps.tell(status, hop, keep=True, **more)
        before = await everything(raw)
        again = await steps.repeat(status, hop, **more)
        assert again
        assert again.word == word
        assert again.rest == (b"rest 1" if word == "next" else b"")
        assert await everything(raw) == before
        await commit(steps.store, steps.current)


async def test_only_the_turn_s_holder_takes_a_step(steps: Steps, raw: Raw) -> None:
    await steps.tell("sent", keep=True)
    stale = steps.current
    await commit(steps.store, stale)
    before = await everything(raw)
    steps.turn = stale
    assert await steps.repeat("failed") is None
    assert await everything(raw) == before
    await steps.tell("sent", keep=True)
    await steps.store.forget(ANN)
    assert await steps.repeat("failed") is None
    assert await steps.watches() == []


@pytest.mark.parametrize(
    ("told", "awaited", "is_over"),
    [
        (["sent"], "delivered", True),
        (["sent"], "sent", False),
        (["sent", "delivered"], "delivered", False),
        (["seen"], "delivered", False),
        (["sent", "delivered"], "seen", True),
        (["delivered", "seen"], "seen", False),
        ([], "sent", True),
    ],
)
async def test_a_way_is_left_in_time_when_what_was_awaited_is_not_reached(
    steps: Steps, told: Sequence[str], awaited: str, *, is_over: bool
) -> None:
    steps.awaited = awaited
    for status in told:
        await steps.tell(status, is_end=False)
    assert (await steps.tell("overdue") == "next") is is_over


async def test_what_reached_what_was_awaited_may_be_refused_still(
    steps: Steps, store: RedisStore, clock: Clock
) -> None:
    steps.awaited = "sent"
    await steps.tell("sent", is_end=False)
    clock.advance(seconds=61)
    due, wait = await store.due_timers(10)
    assert not due
    assert wait == pytest.approx(HORIZON - 61, abs=5)
    assert await steps.tell("failed") == "next"


@pytest.mark.parametrize("status", ["delivered", "seen"])
async def test_what_arrived_ends_the_watch_and_takes_no_other_way(steps: Steps, status: str) -> None:
    assert await steps.tell(status) == status
    assert await steps.watches() == []
    for late in ("overdue", "failed", "expired"):
        assert await steps.tell(late) == ""
    assert (await steps.record()).status is Status(status)


async def test_a_way_that_was_left_may_bring_it_still(steps: Steps) -> None:
    await steps.tell("sent", is_end=False)
    await steps.tell("overdue")
    assert await steps.tell("delivered") == "delivered"
    assert await steps.watches() == []
    assert await steps.tell("sent", 1) == "sent"
    assert await steps.tell("delivered", 1) == ""
    assert await steps.tell("failed", 1) == ""
    record = await steps.record()
    assert (record.status, record.may_be_double) == (Status.DELIVERED, True)


@pytest.mark.parametrize(("end", "after"), [("failed", "delivered"), ("expired", "")])
async def test_after_the_end_only_an_expired_message_is_past_arriving(steps: Steps, end: str, after: str) -> None:
    steps.ways = 1
    assert await steps.tell(end) == end
    assert await steps.tell("delivered") == after
    assert (await steps.record()).status is (Status.DELIVERED if after else Status.EXPIRED)


async def test_ways_without_an_address_are_noted_with_the_reason(steps: Steps) -> None:
    assert await steps.tell("failed", to=2, skipped=[(1, VIAS[1], "unknown there")]) == "next"
    record = await steps.record()
    assert await steps.heard() == [["failed"], ["skipped"], ["taken"]]
    assert record.hops[1].reason == "unknown there"
    assert await steps.watches() == ["rest 2"]


async def test_the_way_of_a_gateway_s_several_is_over_with_the_last(steps: Steps) -> None:
    await steps.tell("sent", to=2)
    assert await steps.tell("failed", way=0, is_end=False, to=2) == ""
    assert await steps.tell("delivered", way=1, to=2) == "delivered"
    assert await steps.tell("overdue", to=2) == ""
    assert await steps.heard() == [["failed", "sent"], ["delivered"]]
    assert not (await steps.record()).may_be_double


@pytest.mark.parametrize(
    ("told", "is_double"),
    [
        ([("sent", 0), ("overdue", 0), ("sent", 1)], True),
        ([("unknown", 0), ("overdue", 0), ("sent", 1)], True),
        ([("failed", 0), ("sent", 1)], False),
        ([("overdue", 0), ("sent", 1)], False),
        ([("sent", 0), ("failed", 0), ("sent", 1)], False),
        ([("sent", 0), ("overdue", 0), ("failed", 0), ("sent", 1)], False),
        ([("sent", 0), ("overdue", 0), ("sent", 1), ("failed", 1)], False),
        ([("overdue", 0), ("sent", 1), ("sent", 0)], True),
    ],
)
async def test_it_may_be_double_when_more_than_one_way_may_have_brought_it(
    steps: Steps, told: Sequence[tuple[str, int]], *, is_double: bool
) -> None:
    for status, hop in told:
        await steps.tell(status, hop, is_end=status not in ("sent", "unknown"))
    assert (await steps.record()).may_be_double is is_double


async def test_the_record_is_kept_for_four_days_after_the_last_news(steps: Steps, raw: Raw, clock: Clock) -> None:
    await steps.tell("sent", is_end=False)
    (name,) = [name async for name in raw.scan_iter("*") if b":d:" in name]
    assert HORIZON - 10 < await raw.ttl(name) <= HORIZON
    assert (await steps.record()).times[Status.COMMITTED] == datetime.fromtimestamp(1, UTC)


async def test_a_mark_stands_for_a_message_whose_record_is_kept_elsewhere(store: RedisStore) -> None:
    turn = await post(store, 1)
    await store.deliveries.sent(turn, "id", created_ms=0, expiry=None, mark='{"of": "another"}')
    assert await store.deliveries.find(ANN, "id") == '{"of": "another"}'
    await store.sent(turn, keep=False)
    assert await store.deliveries.load(ANN, key(1)) is None


async def test_a_way_that_is_given_up_leaves_the_record_to_the_message_s_home(store: RedisStore) -> None:
    turn = await post(store, 1)
    await store.fail(
        turn, error="no", event_id="", event=b"", refund=True, keep=False, is_dead=False, status=None
    )  # fmt: skip
    assert await store.deliveries.load(ANN, key(1)) is None
    assert await store.dead_letters.count() == 0


# --- attempts ---


async def test_an_attempt_is_the_first_until_another_was_noted(store: RedisStore) -> None:
    turn = await post(store, 1)
    assert await store.begin(turn, notes=False) is Begun.NEW
    assert await store.begin(turn) is Begun.NEW
    assert await store.begin(turn) is Begun.NEW, "whose answer was lost"
    store.clock.advance(seconds=11)
    again = await claim_one(store, Queue.OUTBOX)
    assert await store.begin(again, notes=False) is Begun.AGAIN
    assert await store.begin(again) is Begun.AGAIN
    assert await store.begin(turn) is Begun.FENCED


@pytest.mark.parametrize("left", ["sent", "failed", "not sent", "dead"])
async def test_the_note_goes_with_what_it_stands_for(store: RedisStore, left: str) -> None:
    turn = await post(store, 1, 2)
    await store.begin(turn)
    if left == "sent":
        await store.sent(turn, keep=False)
    elif left == "failed":
        await fail(store, turn)
    else:
        most = 1 if left == "dead" else 99
        await store.retry(Queue.OUTBOX, turn, delay=0, refund=True, max_attempts=most)
    assert await store.begin(await claim_one(store, Queue.OUTBOX)) is Begun.NEW


async def test_the_note_of_an_attempt_that_nobody_knows_of_stays_when_another_was_not_made(store: RedisStore) -> None:
    turn = await post(store, 1)
    await store.begin(turn)
    store.clock.advance(seconds=11)
    paced = await claim_one(store, Queue.OUTBOX)
    await store.retry(Queue.OUTBOX, paced, delay=0, refund=True, max_attempts=99)
    assert await store.begin(await claim_one(store, Queue.OUTBOX)) is Begun.AGAIN


@pytest.mark.parametrize("left", ["put off", "unknown"])
async def test_the_note_stays_while_nobody_knows(store: RedisStore, left: str) -> None:
    turn = await post(store, 1)
    await store.begin(turn)
    if left == "put off":
        await store.retry(Queue.OUTBOX, turn, delay=0)
    else:
        await store.retry_unknown(turn, delay=0, max_repeats=2)
    store.clock.advance(seconds=1)
    # What was put off is the same attempt's number again, under another turn.
    assert await store.begin(await claim_one(store, Queue.OUTBOX)) is Begun.AGAIN
