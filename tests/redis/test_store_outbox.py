"""The store's way out, on every kind of server that this machine has: messages, attempts, sessions."""

import asyncio

import pytest

from botkit.clock import Clock
from botkit.pace import Pace
from botkit.redis.bounds import Bounds
from botkit.redis.store import RedisStore
from botkit.session_rules import SessionRules
from botkit.store import Accepted, Committed, Verdict
from botkit.turn import Counts, Queue, Turn
from tests.redis.conftest import MakeStore
from tests.redis.store_calls import (
    ANN,
    LEASE,
    SILENT,
    Raw,
    claim,
    claim_one,
    commit,
    count,
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

# Two at once, then one in ten seconds.
PACE = Pace(2, 10, burst=2)

# --- sent ---


async def test_messages_leave_in_order_one_at_a_time(store: RedisStore) -> None:
    await commit(store, await take(store, 1), outgoing=[message(1, 0), message(1, 1)])
    turn = await claim_one(store, Queue.OUTBOX)
    following = await store.sent(turn, keep=True)
    assert following == Turn(ANN, turn.token, key(1, 1), b"message 1.1", 1)
    assert await store.sent(following, keep=True) is None
    assert (await store.load(ANN)).queued == 0


async def test_sent_without_keep_leaves_the_rest_to_others(store: RedisStore) -> None:
    turn = await post(store, 1, 2)
    assert await store.sent(turn, keep=False) is None
    assert (await claim_one(store, Queue.OUTBOX)).id == key(2)


@pytest.mark.parametrize("keep", [True, False])
async def test_sent_repeated_gives_the_same_answer_and_changes_nothing_more(
    store: RedisStore, raw: Raw, *, keep: bool
) -> None:
    turn = await post(store, 1, 2)
    first = await store.sent(turn, keep=keep)
    stored = await everything(raw)
    assert await store.sent(turn, keep=keep) == first
    assert await everything(raw) == stored


async def test_a_message_is_sent_again_when_its_sender_is_gone(store: RedisStore, clock: Clock) -> None:
    await post(store, 1)
    clock.advance(seconds=LEASE + 1)
    again = await claim_one(store, Queue.OUTBOX)
    assert (again.id, again.attempts) == (key(1), 2)


async def test_a_stale_sender_changes_nothing(store: RedisStore, raw: Raw, clock: Clock) -> None:
    stale = await post(store, 1)
    clock.advance(seconds=LEASE + 1)
    await claim_one(store, Queue.OUTBOX)
    stored = await everything(raw)
    assert await count(store, stale) is Verdict.FENCED
    assert await store.sent(stale, keep=True) is None
    assert await fail(store, stale, keep=True) is None
    assert await store.retry(Queue.OUTBOX, stale, delay=1, max_attempts=1, refund=True) is Verdict.FENCED
    assert await store.retry_unknown(stale, delay=1, max_repeats=0) is Verdict.FENCED
    assert await everything(raw) == stored


async def test_a_stale_handler_changes_nothing(store: RedisStore, raw: Raw, clock: Clock) -> None:
    stale = await take(store, 1)
    clock.advance(seconds=LEASE + 1)
    await claim_one(store)
    stored = await everything(raw)
    assert await commit(store, stale, state=b"s", outgoing=[message(1)], reply=b"r", keep=True, send=True) is None
    assert await store.retry(Queue.MAILBOX, stale, delay=1, max_attempts=1) is Verdict.FENCED
    assert await store.renew(Queue.MAILBOX, {ANN: stale.token}) == {ANN}
    assert await everything(raw) == stored


async def test_a_sent_message_uses_up_some_of_the_conversation_s_pace_once(store: RedisStore, clock: Clock) -> None:
    turn = await post(store, 1, 2)
    answers = [await store.sent(turn, keep=True, pace=PACE) for _ in range(2)]
    assert answers[0] == answers[1]
    assert answers[0]
    assert answers[0].record.paced_ms == pytest.approx(in_ms(clock, 10), abs=2000)
    await store.sent(answers[0], keep=False, pace=PACE)
    third = await post(store, 3)
    assert third.record.paced_ms == pytest.approx(in_ms(clock, 20), abs=2000)


async def test_a_pace_that_is_used_up_is_used_up_until_then_and_no_further(store: RedisStore, clock: Clock) -> None:
    for number in range(5):
        await store.sent(await post(store, number), keep=False, pace=PACE)
    clock.advance(days=-1)
    await store.sent(await post(store, 5), keep=False, pace=PACE)
    assert (await post(store, 6)).record.paced_ms == pytest.approx(in_ms(clock, 20), abs=2000)


async def test_a_message_without_a_pace_uses_up_none(store: RedisStore) -> None:
    await store.sent(await post(store, 1), keep=False)
    assert (await post(store, 2)).record.paced_ms == 0


async def test_what_is_known_of_the_person_comes_with_every_turn(store: RedisStore) -> None:
    await store.ingest(ANN, event(1), b"", token="", window=60, opens=False)
    turn = await post(store, 1, 2)
    assert turn.record.gone == "unsubscribed"
    following = await store.fail(
        turn, error="no", event_id=event(900), event=b"", refund=False, keep=True, is_dead=False, gone="blocked"
    )
    assert following
    assert following.record.gone == "blocked"
    assert await store.dead_letters.count() == 0
    for number, opens in ((2, None), (3, True)):
        await store.ingest(ANN, event(number), b"", token="", window=60, opens=opens)
    await store.sent(following, keep=False)
    assert (await post(store, 3)).record.gone == ""


@pytest.mark.parametrize(("gone", "is_back"), [("", False), ("blocked", True)])
async def test_whoever_left_of_their_own_will_may_stay_away_whatever_they_write(
    store: RedisStore, gone: str, is_back: bool
) -> None:
    turn = await post(store, 1)
    if gone:
        await store.fail(turn, error="no", event_id=event(900), event=b"", refund=False, keep=False, gone=gone)
    else:
        await store.ingest(ANN, event(1), b"", token="", window=60, opens=False)
    await store.ingest(ANN, event(2), b"", token="", window=60, opens=True, stays_away=True)
    assert (await store.broadcasts.reachable([ANN], strangers=True)) == [is_back]
    await store.ingest(ANN, event(3), b"", token="", window=60, opens=True)
    assert (await store.broadcasts.reachable([ANN], strangers=True)) == [True]


# --- retry ---


@pytest.mark.parametrize("queue", Queue)
async def test_a_retry_is_due_after_its_delay_and_not_before(store: RedisStore, clock: Clock, queue: Queue) -> None:
    turn = await take(store, 1) if queue is Queue.MAILBOX else await post(store, 1)
    assert await store.retry(queue, turn, delay=60, max_attempts=2) is Verdict.WAITING
    clock.advance(seconds=58)
    assert await claim(store, queue) is None
    clock.advance(seconds=3)
    assert (await claim_one(store, queue)).attempts == 2


async def test_new_mail_does_not_shorten_the_wait_of_a_retry(store: RedisStore) -> None:
    await store.retry(Queue.MAILBOX, await take(store, 1), delay=60, max_attempts=2)
    assert await ingest(store, 2, token=store.new_token()) == Accepted(2)
    assert await claim(store) is None


async def test_a_wait_longer_than_ten_minutes_is_looked_at_on_the_way(store: RedisStore, clock: Clock) -> None:
    await store.retry(Queue.OUTBOX, await post(store, 1), delay=3600, max_attempts=9)
    clock.advance(seconds=597)
    assert await claim(store, Queue.OUTBOX) is None
    clock.advance(seconds=3)
    assert await claim(store, Queue.OUTBOX)


async def test_giving_back_takes_the_attempt_back_and_frees_the_event_at_once(store: RedisStore) -> None:
    assert await store.retry(Queue.MAILBOX, await take(store, 1), delay=0) is Verdict.WAITING
    assert (await claim_one(store)).attempts == 1


@pytest.mark.parametrize("queue", Queue)
async def test_the_head_is_dead_after_its_last_attempt_and_the_rest_goes_on(store: RedisStore, queue: Queue) -> None:
    for number in (1, 2):
        await (ingest(store, number) if queue is Queue.MAILBOX else store.enqueue(ANN, key(number), b""))
    turn = await claim_one(store, queue)
    assert await store.retry(queue, turn, delay=0, max_attempts=2, error="first") is Verdict.WAITING
    turn = await claim_one(store, queue)
    assert await store.retry(queue, turn, delay=0, max_attempts=2, error="last") is Verdict.DEAD
    (letter,) = await store.dead_letters.read(ANN)
    assert (letter.queue.value, letter.error, letter.entry.decode()[: len(turn.id)]) == (queue.value, "last", turn.id)
    assert await store.dead_letters.count() == 1
    following = await claim_one(store, queue)
    assert (following.id[:22], following.attempts) == (event(2), 1)


async def test_attempts_without_a_verdict_count_towards_the_last(store: RedisStore, clock: Clock) -> None:
    await take(store, 1)
    clock.advance(seconds=LEASE + 1)
    turn = await claim_one(store)
    assert await store.retry(Queue.MAILBOX, turn, delay=0, max_attempts=2) is Verdict.DEAD


async def test_an_attempt_alone_is_counted_once_and_until_a_verdict(store: RedisStore) -> None:
    stale = await take(store, 1)
    assert [await store.suspect(stale), await store.suspect(stale)] == [0, 0]
    store.clock.advance(seconds=LEASE + 1)
    turn = await claim_one(store)
    assert [await store.suspect(turn), await store.suspect(stale), await store.suspect(turn)] == [1, -1, 1]
    await store.retry(Queue.MAILBOX, turn, delay=0)
    turn = await claim_one(store)
    assert await store.suspect(turn) == 2, "to be given back is no verdict"
    await store.retry(Queue.MAILBOX, turn, delay=0, max_attempts=9)
    assert await store.suspect(await claim_one(store)) == 0


async def test_a_commit_ends_the_count_of_attempts_alone(store: RedisStore) -> None:
    turn = await take(store, 1)
    await store.suspect(turn)
    await commit(store, turn)
    assert await store.suspect(await take(store, 2)) == 0


async def test_a_late_retry_never_makes_the_next_message_a_dead_letter(store: RedisStore) -> None:
    turn = await post(store, 1, 2)
    await store.sent(turn, keep=True)
    assert await store.retry(Queue.OUTBOX, turn, delay=0, max_attempts=1) is Verdict.WAITING
    assert (await claim_one(store, Queue.OUTBOX)).id == key(2)


@pytest.mark.parametrize("most", [0, 1, 2])
async def test_retry_repeated_is_fenced_and_changes_nothing_more(store: RedisStore, raw: Raw, most: int) -> None:
    turn = await post(store, 1, 2)
    await store.retry(Queue.OUTBOX, turn, delay=5, max_attempts=most)
    stored = await everything(raw)
    assert await store.retry(Queue.OUTBOX, turn, delay=5, max_attempts=most) is Verdict.FENCED
    assert await everything(raw) == stored


async def test_an_error_that_is_no_text_is_kept_as_far_as_it_is(store: RedisStore) -> None:
    await store.retry(Queue.MAILBOX, await take(store, 1), delay=0, max_attempts=1, error="half \ud83d")
    (letter,) = await store.dead_letters.read(ANN)
    assert letter.error == "half ?"


@pytest.mark.parametrize(("length", "kept"), [(4000, 4000), (4001, 4000)])
async def test_a_long_error_is_cut(store: RedisStore, length: int, kept: int) -> None:
    await store.retry(Queue.MAILBOX, await take(store, 1), delay=0, max_attempts=1, error="x" * length)
    (letter,) = await store.dead_letters.read(ANN)
    assert len(letter.error) == kept


async def test_an_unknown_outcome_is_repeated_only_so_often(store: RedisStore) -> None:
    turn = await post(store, 1, 2)
    for _ in range(2):
        assert await store.retry_unknown(turn, delay=0, max_repeats=2) is Verdict.WAITING
        turn = await claim_one(store, Queue.OUTBOX)
    assert await store.retry_unknown(turn, delay=0, max_repeats=2) is Verdict.SPENT
    following = await fail(store, turn, keep=True)
    assert following
    assert await store.retry_unknown(following, delay=0, max_repeats=1) is Verdict.WAITING


async def test_spent_repeats_leave_the_message_with_its_sender(store: RedisStore) -> None:
    turn = await post(store, 1)
    assert await store.retry_unknown(turn, delay=0, max_repeats=0) is Verdict.SPENT
    assert await store.retry_unknown(turn, delay=0, max_repeats=0) is Verdict.SPENT
    assert await claim(store, Queue.OUTBOX) is None


@pytest.mark.parametrize("end", ["sent", "dead"])
async def test_the_next_message_begins_with_no_unknown_outcomes(store: RedisStore, end: str) -> None:
    turn = await post(store, 1, 2)
    await store.retry_unknown(turn, delay=0, max_repeats=1)
    turn = await claim_one(store, Queue.OUTBOX)
    if end == "sent":
        await store.sent(turn, keep=False)
    else:
        await store.retry(Queue.OUTBOX, turn, delay=0, max_attempts=1)
    turn = await claim_one(store, Queue.OUTBOX)
    assert await store.retry_unknown(turn, delay=0, max_repeats=1) is Verdict.WAITING


# --- fail ---


async def test_a_failed_message_is_a_dead_letter_and_an_event(store: RedisStore) -> None:
    assert await fail(store, await post(store, 1)) is None
    (letter,) = await store.dead_letters.read(ANN)
    assert (letter.queue.value, letter.entry.decode(), letter.error) == ("outbox", f"{key(1)}message 1", "refused")
    turn = await claim_one(store)
    assert (turn.id, turn.payload) == (event(900), b"failed")


async def test_fail_hands_over_the_next_message(store: RedisStore) -> None:
    turn = await post(store, 1, 2)
    assert await fail(store, turn, keep=True) == Turn(ANN, turn.token, key(2), b"message 2", 1)


@pytest.mark.parametrize("keep", [True, False])
async def test_fail_repeated_gives_the_same_answer_and_changes_nothing_more(
    store: RedisStore, raw: Raw, *, keep: bool
) -> None:
    turn = await post(store, 1, 2)
    await count(store, turn)
    first = await fail(store, turn, refund=True, keep=keep)
    stored = await everything(raw)
    assert await fail(store, turn, refund=True, keep=keep) == first
    assert await everything(raw) == stored


async def test_the_event_of_a_failed_message_waits_for_the_handler_at_work(store: RedisStore) -> None:
    handler = await take(store, 1)
    await fail(store, await post(store, 1))
    assert await claim(store) is None
    done = await commit(store, handler, keep=True)
    assert done
    assert done.next
    assert done.next.id == event(900)


# --- count ---


async def test_a_counted_attempt_starts_the_session(store: RedisStore, clock: Clock) -> None:
    assert await count(store, await post(store, 1)) is Verdict.DONE
    counts = (await store.load(ANN)).counts
    assert (counts.sent, counts.in_row) == (1, 1)
    assert counts.started_ms == pytest.approx(in_ms(clock, 0), abs=2000)


async def test_a_repeated_attempt_is_counted_once(store: RedisStore) -> None:
    turn = await post(store, 1)
    assert [await count(store, turn) for _ in range(3)] == [Verdict.DONE] * 3
    assert (await store.load(ANN)).counts.sent == 1


async def test_another_attempt_on_the_same_message_is_counted_again(store: RedisStore, clock: Clock) -> None:
    await count(store, await post(store, 1))
    clock.advance(seconds=LEASE + 1)
    await count(store, await claim_one(store, Queue.OUTBOX))
    assert (await store.load(ANN)).counts.sent == 2


async def test_counting_is_exact_under_twenty_callers_at_once(make_store: MakeStore) -> None:
    stores = [make_store(), make_store()]
    cids = [f"{ANN}{number}" for number in range(20)]
    for cid in cids:
        await stores[0].enqueue(cid, key(1), b"")
    turns = (await stores[0].claim(Queue.OUTBOX, 400)).turns
    assert len(turns) == 20
    await asyncio.gather(*(count(store, turn) for turn in turns for store in stores))
    records = await asyncio.gather(*(stores[0].load(cid) for cid in cids))
    assert [record.counts.sent for record in records] == [1] * 20


async def count_messages(
    store: RedisStore, number: int, *, first: int = 0, most: int = 60, in_row: int = 100
) -> list[Counts]:
    found: list[Counts] = []
    for each in range(first, first + number):
        turn = await post(store, each)
        assert await count(store, turn, SessionRules(max_messages=most, max_in_row=in_row)) is Verdict.DONE
        await store.sent(turn, keep=False)
        found.append((await store.load(ANN)).counts)
    return found


async def test_after_the_last_message_of_a_session_a_new_one_starts(store: RedisStore, clock: Clock) -> None:
    first = await count_messages(store, 6, most=6)
    assert [each.sent for each in first] == [1, 2, 3, 4, 5, 6]
    assert first[5].started_ms == first[0].started_ms
    clock.advance(seconds=1)
    (last,) = await count_messages(store, 1, first=6, most=6)
    assert (last.sent, last.in_row) == (1, 7)
    assert last.started_ms > first[0].started_ms


@pytest.mark.parametrize(("hours", "sent"), [(23.99, 2), (24.0, 1)])
async def test_after_twenty_four_hours_a_new_session_starts(
    store: RedisStore, clock: Clock, hours: float, sent: int
) -> None:
    (first,) = await count_messages(store, 1)
    clock.advance(hours=hours)
    turn = await post(store, 1)
    await count(store, turn)
    counts = (await store.load(ANN)).counts
    assert counts.sent == sent
    assert (counts.started_ms == first.started_ms) is (sent == 2)


async def test_the_sixth_message_in_a_row_is_held_with_its_attempt_taken_back(store: RedisStore) -> None:
    await count_messages(store, 5, in_row=5)
    assert await count(store, await post(store, 6), SessionRules()) is Verdict.HELD
    assert await claim(store, Queue.OUTBOX) is None
    assert (await store.load(ANN)).counts.in_row == 5
    await ingest(store, 1, answers=True)
    assert (await claim_one(store, Queue.OUTBOX)).attempts == 1


async def test_without_hold_the_sixth_message_stays_with_its_sender(store: RedisStore) -> None:
    await count_messages(store, 5, in_row=5)
    turn = await post(store, 6)
    assert await count(store, turn, SessionRules(at_limit="fail")) is Verdict.LIMIT
    assert await fail(store, turn) is None
    assert (await store.load(ANN)).queued == 0


async def test_a_held_outbox_takes_more_messages_without_sending_them(store: RedisStore) -> None:
    await count(store, await post(store, 1), SILENT)
    await store.enqueue(ANN, key(2), b"")
    done = await commit(store, await take(store, 1), outgoing=[message(1)], send=True)
    assert done == Committed(None, None, is_queued=True)
    assert await claim(store, Queue.OUTBOX) is None
    assert (await store.load(ANN)).queued == 3


async def test_only_the_person_releases_what_is_held(store: RedisStore, clock: Clock) -> None:
    await count(store, await post(store, 1), SILENT)
    await ingest(store, 1, answers=False)
    clock.advance(days=30)
    assert await claim(store, Queue.OUTBOX) is None
    await ingest(store, 2, answers=True)
    assert await claim(store, Queue.OUTBOX)


async def test_what_is_held_for_somebody_who_leaves_is_handed_out_to_be_given_up(store: RedisStore) -> None:
    await count(store, await post(store, 1), SILENT)
    await store.ingest(ANN, event(1), b"", token="", window=60, opens=True)
    assert await claim(store, Queue.OUTBOX) is None
    await store.ingest(ANN, event(2), b"", token="", window=60, opens=False)
    turn = await claim_one(store, Queue.OUTBOX)
    assert (turn.record.gone, turn.attempts) == ("unsubscribed", 1)


async def test_when_the_person_writes_the_row_begins_anew_and_the_session_goes_on(store: RedisStore) -> None:
    await count_messages(store, 3)
    await ingest(store, 1, answers=True)
    counts = (await store.load(ANN)).counts
    assert (counts.sent, counts.in_row) == (3, 0)


@pytest.mark.parametrize("how", ["retry", "fail"])
async def test_a_refund_takes_back_exactly_what_was_counted(store: RedisStore, how: str) -> None:
    await count_messages(store, 2)
    turn = await post(store, 3)
    await count(store, turn)
    for _ in range(2):
        if how == "retry":
            await store.retry(Queue.OUTBOX, turn, delay=0, max_attempts=9, refund=True)
        else:
            await fail(store, turn, refund=True)
    counts = (await store.load(ANN)).counts
    assert (counts.sent, counts.in_row) == (2, 2)


async def test_a_refund_of_the_first_message_ends_the_session(store: RedisStore) -> None:
    turn = await post(store, 1)
    await count(store, turn)
    await store.retry(Queue.OUTBOX, turn, delay=0, max_attempts=9, refund=True)
    counts = (await store.load(ANN)).counts
    assert counts == Counts(hour=counts.hour)


async def test_an_attempt_that_was_not_counted_is_not_refunded(store: RedisStore) -> None:
    await count_messages(store, 2)
    await store.retry(Queue.OUTBOX, await post(store, 3), delay=0, max_attempts=9, refund=True)
    assert (await store.load(ANN)).counts.sent == 2


# --- enqueue ---


async def test_a_message_is_put_into_the_outbox_once_per_key(store: RedisStore) -> None:
    turn = await post(store, 1)
    assert await store.enqueue(ANN, key(1), b"again")
    assert await store.sent(turn, keep=True) is None
    assert await store.enqueue(ANN, key(1), b"again")
    assert await claim(store, Queue.OUTBOX) is None


async def test_a_full_outbox_refuses_and_remembers_nothing(store: RedisStore) -> None:
    turn = await post(store, 1, 2)
    assert not await store.enqueue(ANN, key(3), b"")
    assert await store.enqueue(ANN, key(2), b"")
    await store.sent(turn, keep=False)
    assert await store.enqueue(ANN, key(3), b"")


async def test_enqueueing_remembers_no_more_keys_than_the_bound(make_store: MakeStore, raw: Raw) -> None:
    store = make_store(bounds=Bounds(ids=3))
    for number in range(5):
        await store.enqueue(ANN, key(number), b"")
    (name,) = [name async for name in raw.scan_iter("*:x:*")]
    assert await raw.zcard(name) == 3
