"""What became of messages, on every kind of server: ids, steps, what comes too early, what comes back."""

from collections.abc import Sequence

import pytest

from botkit.clock import Clock
from botkit.deliveries import Status
from botkit.messages import Text
from botkit.outgoing import Outgoing, encode
from botkit.redis.audit import audit
from botkit.redis.bounds import Bounds
from botkit.redis.store import RedisStore
from botkit.store import Duplicate
from botkit.timer import LATER, DueTimer, Timer
from botkit.turn import Queue, Turn
from tests.redis.conftest import MakeStore
from tests.redis.store_calls import (
    ANN,
    BEN,
    LEASE,
    Raw,
    claim,
    claim_one,
    commit,
    event,
    everything,
    fail,
    in_ms,
    ingest,
    key,
    message,
    post,
    take,
)

DAY = 86400
EXPIRED = f"{LATER}{event(800)}"
PARKED = f"{LATER}{event(700)}"
FAR_AHEAD = 600.0


async def sent(store: RedisStore, turn: Turn, receipt_id: str = "id", *, expiry: Timer | None = None) -> None:
    await store.deliveries.sent(turn, receipt_id, created_ms=1000, expiry=expiry)


async def note(store: RedisStore, status: Status, number: int, *, expiry: str = EXPIRED) -> bool:
    return await store.deliveries.note(ANN, key(1), status, event(number), expiry=expiry)


async def park(store: RedisStore, turn: Turn, receipt_id: str = "id", *, most: int = 10) -> str | None:
    return await store.deliveries.park(turn, receipt_id, name=PARKED, seconds=FAR_AHEAD, most=most)


async def statuses(store: RedisStore) -> Sequence[Status]:
    found = await store.deliveries.load(ANN, key(1))
    return [found.status, *found.times] if found else []


# --- ids ---


async def test_an_id_stands_for_its_message_in_its_conversation(store: RedisStore) -> None:
    await sent(store, await post(store, 1), "id{1}")
    assert await store.deliveries.find(ANN, "id{1}") == key(1)
    assert await store.deliveries.find(ANN, "id2") == ""
    assert await store.deliveries.find(BEN, "id{1}") == ""


async def test_one_id_may_stand_for_a_message_in_each_conversation(store: RedisStore) -> None:
    for cid, number in ((ANN, 1), (BEN, 2)):
        await sent(store, await post(store, number, cid=cid), "broadcast")
    assert await store.deliveries.find(ANN, "broadcast") == key(1)
    assert await store.deliveries.find(BEN, "broadcast") == key(2)


async def test_two_ids_may_stand_for_one_message(store: RedisStore) -> None:
    turn = await post(store, 1)
    await sent(store, turn, "first")
    await sent(store, turn, "second")
    assert {await store.deliveries.find(ANN, name) for name in ("first", "second")} == {key(1)}


async def test_what_is_known_of_a_message_is_kept_for_four_days(store: RedisStore, raw: Raw) -> None:
    await sent(store, await post(store, 1))
    names = [name async for name in raw.scan_iter("*") if b":d:" in name or b":r:" in name]
    assert len(names) == 2
    for name in names:
        assert 4 * DAY - 10 < await raw.ttl(name) <= 4 * DAY


# --- how far a message has come ---


async def test_a_message_is_committed_then_sent_then_what_is_reported(store: RedisStore, clock: Clock) -> None:
    outgoing = Outgoing(key(1), ("viber", "parcel"), "ann", Text(text="hello"), in_ms(clock, 0))
    await store.enqueue(ANN, key(1), encode(outgoing))
    assert await statuses(store) == [Status.COMMITTED, Status.COMMITTED]
    await sent(store, await claim_one(store, Queue.OUTBOX))
    clock.advance(seconds=60)
    await note(store, Status.DELIVERED, 1)
    found = await store.deliveries.load(ANN, key(1))
    assert found
    assert found.status is Status.DELIVERED
    assert list(found.times) == [Status.COMMITTED, Status.SENT, Status.DELIVERED]
    assert 60 <= (found.times[Status.DELIVERED] - found.times[Status.SENT]).total_seconds() < 65


async def test_nothing_is_known_of_a_message_that_never_was(store: RedisStore) -> None:
    assert await statuses(store) == []


async def test_a_message_that_is_given_up_has_failed(store: RedisStore) -> None:
    await fail(store, await post(store, 1))
    assert await statuses(store) == [Status.FAILED, Status.FAILED]


S, D, SEEN, F, X = Status.SENT, Status.DELIVERED, Status.SEEN, Status.FAILED, Status.EXPIRED


@pytest.mark.parametrize(
    ("reports", "news", "end"),
    [
        ([D, SEEN], [True, True], SEEN),
        ([D, D, D], [True, False, False], D),
        ([SEEN, D], [True, False], SEEN),
        ([SEEN, SEEN], [True, False], SEEN),
        ([F, D, SEEN], [True, True, True], SEEN),
        ([F, SEEN, D], [True, True, False], SEEN),
        ([F, X], [True, False], F),
        ([F, F], [True, False], F),
        ([D, F], [True, False], D),
        ([D, X, SEEN], [True, False, True], SEEN),
        ([SEEN, F, X], [True, False, False], SEEN),
        ([X, D, SEEN, F], [True, False, False, False], X),
    ],
)
async def test_a_message_only_moves_on(
    store: RedisStore, reports: Sequence[Status], news: Sequence[bool], end: Status
) -> None:
    turn = await post(store, 1)
    await sent(store, turn)
    assert [await note(store, status, number) for number, status in enumerate(reports)] == news
    await sent(store, turn)
    assert (await statuses(store))[0] is end


async def test_to_the_event_that_brought_it_the_news_stays_news(store: RedisStore, raw: Raw) -> None:
    await sent(store, await post(store, 1))
    assert await note(store, Status.DELIVERED, 1)
    stored = await everything(raw)
    assert await note(store, Status.DELIVERED, 1)
    assert await everything(raw) == stored
    assert not await note(store, Status.DELIVERED, 2)


async def test_noting_a_message_as_sent_again_changes_nothing(store: RedisStore, raw: Raw, clock: Clock) -> None:
    turn, timer = await post(store, 1), Timer(EXPIRED, in_ms(clock, 60), b"expired")
    await sent(store, turn, expiry=timer)
    stored = await everything(raw)
    clock.advance(seconds=1)
    await sent(store, turn, expiry=timer)
    assert await everything(raw) == stored


# --- what is not delivered in time ---


async def due(store: RedisStore) -> DueTimer | None:
    found, _ = await store.due_timers(10)
    assert len(found) < 2
    return found[0] if found else None


async def test_what_is_not_delivered_in_time_is_an_event_once(store: RedisStore, clock: Clock) -> None:
    turn = await post(store, 1)
    await sent(store, turn, expiry=Timer(EXPIRED, in_ms(clock, 60), b"expired"))
    await store.sent(turn, keep=False)
    clock.advance(seconds=59)
    assert await due(store) is None
    clock.advance(seconds=1)
    timer = await due(store)
    assert timer
    for _ in range(2):
        await store.fire(timer, "what the caller thinks it is")
    assert await due(store) is None
    fired = await claim_one(store)
    assert (fired.id, fired.payload) == (event(800), b"expired")
    await commit(store, fired)
    assert await claim(store) is None


@pytest.mark.parametrize("status", [Status.DELIVERED, Status.SEEN, Status.FAILED])
async def test_whatever_is_heard_of_a_message_ends_its_wait(store: RedisStore, clock: Clock, status: Status) -> None:
    await sent(store, await post(store, 1), expiry=Timer(EXPIRED, in_ms(clock, 60), b"expired"))
    clock.advance(seconds=61)
    timer = await due(store)
    assert timer
    await note(store, status, 1)
    assert isinstance(await store.fire(timer, ""), Duplicate)
    assert await due(store) is None


async def test_waits_do_not_count_as_the_conversation_s_timers(store: RedisStore, clock: Clock) -> None:
    for number in range(5):
        turn = await post(store, number)
        await sent(store, turn, expiry=Timer(f"{LATER}{event(800 + number)}", in_ms(clock, 60), b"expired"))
        await store.sent(turn, keep=False)
    timers = [Timer(name, in_ms(clock, 60), b"fired") for name in ("a", "b")]
    assert await commit(store, await take(store, 1), timers=timers)


# --- reports that are too early ---


async def test_a_report_that_is_too_early_comes_back_when_its_message_is_noted_as_sent(store: RedisStore) -> None:
    report, turn = await take(store, 1), await post(store, 1)
    assert await park(store, report) is None
    assert await claim(store) is None
    assert await audit(store) == []
    await sent(store, turn)
    back = await claim_one(store)
    assert (back.id, back.payload, back.attempts) == (event(700), b"event 1", 1)
    await commit(store, back)
    assert await due(store) is None


async def test_a_report_that_waits_lets_the_next_event_pass(store: RedisStore) -> None:
    report = await take(store, 1)
    await ingest(store, 2)
    await park(store, report)
    assert (await claim_one(store)).id == event(2)


async def test_a_report_comes_back_at_its_time_though_nothing_is_known(store: RedisStore, clock: Clock) -> None:
    await park(store, await take(store, 1))
    clock.advance(seconds=FAR_AHEAD - 1)
    assert await due(store) is None
    clock.advance(seconds=1)
    timer = await due(store)
    assert timer
    await store.fire(timer, "")
    assert (await claim_one(store)).id == event(700)


async def test_a_report_whose_message_became_known_stays_with_its_handler(store: RedisStore) -> None:
    report, turn = await take(store, 1), await post(store, 1)
    await sent(store, turn)
    assert await park(store, report) == key(1)
    assert await commit(store, report)


@pytest.mark.parametrize(("most", "is_parked"), [(0, False), (1, True)])
async def test_only_so_many_reports_wait(store: RedisStore, most: int, *, is_parked: bool) -> None:
    report = await take(store, 1)
    assert await park(store, report, most=most) == (None if is_parked else "")
    assert (await commit(store, report) is None) is is_parked


async def test_putting_a_report_aside_again_changes_nothing(store: RedisStore, raw: Raw) -> None:
    report = await take(store, 1)
    await ingest(store, 2)
    await park(store, report)
    stored = await everything(raw)
    assert await park(store, report) is None
    assert await everything(raw) == stored


async def test_putting_aside_what_was_handled_leaves_the_next_event(store: RedisStore, raw: Raw) -> None:
    handled = await take(store, 1)
    await ingest(store, 2)
    assert await commit(store, handled, keep=True)
    stored = await everything(raw)
    assert await park(store, handled) is None
    assert await everything(raw) == stored


async def test_a_stale_handler_puts_nothing_aside(store: RedisStore, raw: Raw, clock: Clock) -> None:
    stale = await take(store, 1)
    clock.advance(seconds=LEASE + 1)
    await claim_one(store)
    stored = await everything(raw)
    assert await park(store, stale) is None
    assert await everything(raw) == stored


# --- the end ---


async def test_forget_leaves_nothing_that_could_come_back(store: RedisStore, raw: Raw, clock: Clock) -> None:
    report, turn = await take(store, 1), await post(store, 1)
    await sent(store, turn, "other", expiry=Timer(EXPIRED, in_ms(clock, 60), b"expired"))
    await park(store, report)
    await store.forget(ANN)
    clock.advance(seconds=2 * FAR_AHEAD)
    assert await due(store) is None
    assert ANN not in await everything(raw)


async def test_a_sender_at_work_writes_nobody_back_who_was_forgotten(store: RedisStore, raw: Raw, clock: Clock) -> None:
    report, turn = await take(store, 1), await post(store, 1)
    await park(store, report)
    await store.forget(ANN)
    await sent(store, turn, expiry=Timer(EXPIRED, in_ms(clock, 60), b"expired"))
    assert ANN not in await everything(raw)
    assert await claim(store) is None


# --- what travels with the turns ---


async def test_a_new_event_s_first_message_carries_what_is_known_of_the_person(make_store: MakeStore) -> None:
    store = make_store(bounds=Bounds(partitions=1))
    await store.ingest(ANN, event(1), b"", token="", window=60, opens=False)
    done = await commit(store, await claim_one(store), outgoing=[message(1), message(1, 1)], send=True)
    assert done
    assert done.sending
    assert done.sending.record.gone == "unsubscribed"
    following = await store.sent(done.sending, keep=True)
    assert following
    assert following.record.gone == "unsubscribed"
