"""What the store keeps for later and what it forgets, on every kind of server that this machine has."""

import asyncio

import pytest

from botkit.clock import Clock
from botkit.exceptions import TooManyTimersError
from botkit.redis.bounds import Bounds
from botkit.redis.store import RedisStore
from botkit.session_rules import SessionRules
from botkit.store import Accepted, Duplicate, Full, Verdict
from botkit.timer import DueTimer, Timer
from botkit.turn import Queue, Record, Turn
from tests.redis.conftest import MakeStore
from tests.redis.store_calls import (
    ANN,
    BEN,
    LEASE,
    Raw,
    claim_one,
    commit,
    count,
    event,
    everything,
    fail,
    in_ms,
    ingest,
    message,
    post,
    take,
)

# --- timers ---


async def set_timers(store: RedisStore, number: int, *timers: Timer, cid: str = ANN) -> None:
    await commit(store, await take(store, number, cid=cid), timers=timers)


async def test_a_timer_is_due_at_its_time_and_not_before(store: RedisStore, clock: Clock) -> None:
    timer = Timer("remind", in_ms(clock, 60), b"fired")
    await set_timers(store, 1, timer)
    due, wait = await store.due_timers(10)
    assert due == []
    assert wait == pytest.approx(60, abs=2)
    clock.advance(seconds=61)
    assert await store.due_timers(10) == ([DueTimer(ANN, timer)], None)


async def test_a_due_timer_becomes_an_event_once(store: RedisStore, clock: Clock) -> None:
    due = DueTimer(ANN, Timer("remind", in_ms(clock, -1), b"fired"))
    await set_timers(store, 1, due.timer)
    assert await store.fire(due, event(2)) == Accepted(1)
    assert await store.fire(due, event(2)) == Duplicate(b"")
    assert await store.fire(due, event(3)) == Duplicate(b"")
    assert await store.due_timers(10) == ([], None)
    assert (await claim_one(store)).payload == b"fired"


async def test_a_full_mailbox_keeps_the_timer(store: RedisStore, clock: Clock) -> None:
    due = DueTimer(ANN, Timer("remind", in_ms(clock, -1), b"fired"))
    await set_timers(store, 1, due.timer)
    for number in (2, 3, 4):
        await ingest(store, number)
    assert await store.fire(due, event(5)) == Full()
    assert (await store.due_timers(10))[0] == [due]


async def test_a_cancelled_timer_does_not_fire(store: RedisStore, clock: Clock) -> None:
    due = DueTimer(ANN, Timer("remind", in_ms(clock, -1), b"fired"))
    await set_timers(store, 1, due.timer)
    await set_timers(store, 2, Timer("remind", 0))
    assert await store.due_timers(10) == ([], None)
    assert await store.fire(due, event(3)) == Duplicate(b"")


async def test_a_timer_set_anew_fires_only_at_its_new_time(store: RedisStore, clock: Clock) -> None:
    old = DueTimer(ANN, Timer("remind", in_ms(clock, -1), b"old"))
    new = DueTimer(ANN, Timer("remind", in_ms(clock, 60), b"new"))
    await set_timers(store, 1, old.timer)
    await set_timers(store, 2, new.timer)
    assert await store.fire(old, event(3)) == Duplicate(b"")
    clock.advance(seconds=61)
    assert await store.due_timers(10) == ([new], None)
    assert await store.fire(new, event(4)) == Accepted(1)


async def test_at_the_bound_a_timer_can_be_set_anew_or_replace_another(store: RedisStore, clock: Clock) -> None:
    first, second, third = (Timer(name, in_ms(clock, -1), b"fired") for name in ("a", "b", "c"))
    await set_timers(store, 1, first, second)
    again = Timer("b", in_ms(clock, -2), b"again")
    await set_timers(store, 2, again, Timer("a", 0), third)
    due, _ = await store.due_timers(10)
    assert sorted(each.timer.name for each in due) == ["b", "c"]
    assert DueTimer(ANN, again) in due


async def test_over_the_bound_of_timers_nothing_is_committed(store: RedisStore, clock: Clock) -> None:
    first, second, third = (Timer(name, in_ms(clock, -1), b"fired") for name in ("a", "b", "c"))
    with pytest.raises(TooManyTimersError, match="may have 2 timers"):
        await set_timers(store, 1, first, second, third)
    assert await store.due_timers(10) == ([], None)
    assert (await store.load(ANN)).version == 0


async def test_a_timer_may_lie_far_ahead(store: RedisStore, clock: Clock) -> None:
    await set_timers(store, 1, Timer("renew", in_ms(clock, 300 * 86400), b"fired"))
    clock.advance(days=299)
    assert (await store.due_timers(10))[0] == []
    clock.advance(days=2)
    assert len((await store.due_timers(10))[0]) == 1


async def test_a_fenced_commit_sets_no_timer(store: RedisStore, clock: Clock) -> None:
    stale = await take(store, 1)
    clock.advance(seconds=LEASE + 1)
    await claim_one(store)
    await commit(store, stale, timers=[Timer("remind", in_ms(clock, -1), b"fired")])
    assert await store.due_timers(10) == ([], None)


# --- forget ---


async def fill(store: RedisStore, clock: Clock, cid: str) -> Turn:
    """Leaves a trace of the conversation in every place there is; returns an event that is being handled."""
    for number in (1, 2):
        timer = Timer("remind", in_ms(clock, 60), b"canary")
        turn = await take(store, number, cid=cid)
        await commit(store, turn, state=b"canary", reply=b"canary", timers=[timer])
    await store.retry(Queue.MAILBOX, await take(store, 3, cid=cid), delay=0, max_attempts=1, error="canary")
    await fail(store, await post(store, 4, cid=cid))
    turn = await post(store, 5, 6, cid=cid)
    await count(store, turn)
    await store.retry_unknown(turn, delay=0, max_repeats=9)
    await count(store, await claim_one(store, Queue.OUTBOX), SessionRules(max_in_row=1))
    await ingest(store, 7, cid=cid)
    return await claim_one(store)


async def test_forget_leaves_no_trace_and_fences_the_handler_at_work(store: RedisStore, raw: Raw, clock: Clock) -> None:
    handler = await fill(store, clock, ANN)
    assert await store.forget(ANN) > 0
    assert await commit(store, handler, state=b"canary", outgoing=[message(9)], reply=b"canary", keep=True) is None
    stored = await everything(raw)
    assert ANN not in stored
    assert "canary" not in stored
    assert await store.load(ANN) == Record()
    assert await store.forget(ANN) == 0


async def test_forget_fences_the_sender_at_work(store: RedisStore, raw: Raw) -> None:
    sender = await post(store, 1)
    await store.forget(ANN)
    assert await store.sent(sender, keep=True) is None
    assert await fail(store, sender) is None
    assert await count(store, sender) is Verdict.FENCED
    assert await store.retry_unknown(sender, delay=0, max_repeats=9) is Verdict.FENCED
    assert ANN not in await everything(raw)


async def test_a_conversation_forgotten_while_it_is_claimed_is_not_handed_out(store: RedisStore) -> None:
    await ingest(store, 1)
    found, _ = await asyncio.gather(store.claim(Queue.MAILBOX, 10), store.forget(ANN))
    assert found.turns == []


async def test_forget_leaves_the_others_alone(make_store: MakeStore, clock: Clock) -> None:
    store = make_store(bounds=Bounds(partitions=1))
    await take(store, 1)
    await store.retry(Queue.MAILBOX, await take(store, 1, cid=BEN), delay=0, max_attempts=1)
    await set_timers(store, 2, Timer("remind", in_ms(clock, -1), b"fired"), cid=BEN)
    await store.forget(ANN)
    assert len(await store.dead_letters.read(BEN)) == 1
    assert len((await store.due_timers(10))[0]) == 1
    assert await ingest(store, 1, cid=BEN) == Duplicate(b"")


async def test_a_forgotten_timer_does_not_fire(store: RedisStore, clock: Clock) -> None:
    due = DueTimer(ANN, Timer("remind", in_ms(clock, -1), b"fired"))
    await set_timers(store, 1, due.timer)
    await store.forget(ANN)
    assert await store.fire(due, event(2)) == Duplicate(b"")


async def test_dead_letters_are_found_behind_many_of_others(make_store: MakeStore) -> None:
    store = make_store(bounds=Bounds(partitions=1))
    for number in range(510):
        turn = await take(store, number, cid=BEN if number < 508 else ANN)
        await store.retry(Queue.MAILBOX, turn, delay=0, max_attempts=1)
    assert [letter.entry.decode()[:22] for letter in await store.dead_letters.read(ANN)] == [event(508), event(509)]
    await store.forget(ANN)
    assert await store.dead_letters.count() == 508


async def test_the_timers_of_a_conversation_are_told_until_they_have_fired(store: RedisStore, clock: Clock) -> None:
    due = DueTimer(ANN, Timer("remind", in_ms(clock, -1), b"fired"))
    await set_timers(store, 1, due.timer, Timer("later", in_ms(clock, 60_000), b"waits"))
    assert sorted(await store.load_timers(ANN)) == [b"fired", b"waits"]
    await store.fire(due, event(2))
    assert await store.load_timers(ANN) == [b"waits"]
    assert await store.load_timers(BEN) == []
