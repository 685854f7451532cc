"""The store's way in and its server, on every kind of server that this machine has."""

import asyncio

import pytest

from botkit.clock import Clock
from botkit.exceptions import SettingsError, StoreUnavailableError
from botkit.redis.audit import audit
from botkit.redis.bounds import Bounds
from botkit.redis.embedded import ServerKind
from botkit.redis.store import RedisStore
from botkit.store import Accepted, Committed, Duplicate, Full, Mine, Reply
from botkit.turn import Counts, Queue, Record, Turn
from tests.conftest import Servers
from tests.redis.conftest import MakeStore
from tests.redis.store_calls import (
    ANN,
    BEN,
    LEASE,
    SILENT,
    Raw,
    ask,
    claim,
    claim_one,
    commit,
    count,
    event,
    everything,
    ingest,
    key,
    message,
    post,
    take,
)

# --- ingest ---


async def test_an_event_of_an_idle_conversation_is_the_callers_at_once(store: RedisStore) -> None:
    assert await ingest(store, 1, token="t") == Mine(Turn(ANN, "t", event(1), b"event 1", 1))


async def test_without_a_token_an_event_waits_for_whoever_claims(store: RedisStore) -> None:
    assert await ingest(store, 1) == Accepted(1)
    assert (await claim_one(store)).payload == b"event 1"


async def test_an_event_of_a_busy_conversation_waits_for_its_holder(store: RedisStore) -> None:
    await take(store, 1)
    assert await ingest(store, 2, token="late") == Accepted(2)
    assert await claim(store) is None


async def test_an_event_behind_waiting_mail_is_not_taken_out_of_turn(store: RedisStore) -> None:
    await ingest(store, 1)
    assert await ingest(store, 2, token="t") == Accepted(2)
    assert (await claim_one(store)).id == event(1)


async def test_ingest_repeated_with_its_token_gives_the_same_turn_again(store: RedisStore) -> None:
    assert await ingest(store, 1, token="t") == await ingest(store, 1, token="t")


async def test_ingest_repeated_with_another_token_is_a_duplicate(store: RedisStore) -> None:
    await ingest(store, 1, token="t")
    assert await ingest(store, 1, token="u") == Duplicate(b"")


async def test_ingest_repeated_after_the_lease_went_to_another_is_a_duplicate(store: RedisStore, clock: Clock) -> None:
    await ingest(store, 1, token="t")
    clock.advance(seconds=LEASE + 1)
    await claim_one(store)
    assert await ingest(store, 1, token="t") == Duplicate(b"")


async def test_ingest_repeated_with_its_token_while_that_holds_a_later_event_is_a_duplicate(store: RedisStore) -> None:
    turn = await take(store, 1)
    await ingest(store, 2)
    assert await commit(store, turn, keep=True)
    assert await ingest(store, 1, token=turn.token) == Duplicate(b"")


async def test_a_redelivered_event_causes_no_second_transition_and_gets_the_same_answer(store: RedisStore) -> None:
    await commit(store, await take(store, 1), reply=b"welcome")
    assert await ingest(store, 1, token=store.new_token()) == Duplicate(b"welcome")
    assert await claim(store) is None
    assert (await store.load(ANN)).version == 1


async def test_where_a_key_has_a_wrong_type_nothing_is_taken_in_and_others_do_not_notice(
    kind: ServerKind, store: RedisStore, raw: Raw
) -> None:
    if kind is ServerKind.FAKE:
        pytest.skip("closes the connection at every error")
    await raw.set(f"{{{store.keys.prefix}:{store.keys.partition(ANN)}}}:m:{ANN}", "no list")
    with pytest.raises(StoreUnavailableError, match="refused the script ingest"):
        await ingest(store, 1)
    assert await ingest(store, 2, cid=BEN) == Accepted(1)
    assert (await store.load(ANN)).version == 0, "its server is not taken to be away"
    await raw.delete(f"{{{store.keys.prefix}:{store.keys.partition(ANN)}}}:m:{ANN}")


async def test_an_event_without_an_answer_is_not_waited_for_once_it_is_done(store: RedisStore) -> None:
    await commit(store, await take(store, 1))
    assert await store.load_reply(ANN, event(1)) == Reply(b"", is_pending=False)


async def test_the_answer_to_an_event_can_be_read_until_it_expires(store: RedisStore, raw: Raw) -> None:
    turn = await take(store, 1)
    assert await store.load_reply(ANN, event(1)) == Reply(b"", is_pending=True)
    await commit(store, turn, reply=b"welcome")
    assert await store.load_reply(ANN, event(1)) == Reply(b"welcome", is_pending=False)
    (name,) = [name async for name in raw.scan_iter("*:w:*")]
    assert 7190 < await raw.ttl(name) <= 7200


async def test_a_full_mailbox_refuses_and_remembers_nothing(store: RedisStore) -> None:
    turn = await take(store, 1)
    assert await ingest(store, 2) == Accepted(2)
    assert await ingest(store, 3) == Accepted(3)
    assert await ingest(store, 4) == Full()
    await commit(store, turn)
    assert await ingest(store, 4) == Accepted(3)


async def test_no_more_ids_are_remembered_than_the_bound(make_store: MakeStore, clock: Clock) -> None:
    store = make_store(bounds=Bounds(ids=3))
    for number in (1, 2, 3, 4):
        # Of two in one millisecond, nobody knows which is older.
        clock.advance(seconds=0.001)
        await ingest(store, number)
    assert await ingest(store, 2) == Duplicate(b"")
    assert await ingest(store, 1) == Accepted(5)


async def test_an_id_is_forgotten_after_its_window_but_never_the_newest_64(make_store: MakeStore, clock: Clock) -> None:
    store = make_store()
    for number in range(65):
        clock.advance(seconds=0.001)
        await ingest(store, number, window=100)
        # Of two in one millisecond either may be the older.
        clock.advance(seconds=0.002)
    clock.advance(seconds=101)
    await ingest(store, 100, window=100)
    assert await ingest(store, 1, window=100) == Duplicate(b"")
    assert await ingest(store, 0, window=100) == Accepted(67)


async def test_within_its_window_an_id_is_kept_however_many_follow(make_store: MakeStore, clock: Clock) -> None:
    store = make_store()
    for number in range(65):
        await ingest(store, number, window=100)
    clock.advance(seconds=99)
    await ingest(store, 100, window=100)
    assert await ingest(store, 0, window=100) == Duplicate(b"")


async def test_messages_of_our_own_do_not_shorten_how_long_ids_are_kept(store: RedisStore, raw: Raw) -> None:
    days = 86400
    await ingest(store, 1, window=8 * days)
    await store.enqueue(ANN, key(2), b"message")
    (name,) = [name async for name in raw.scan_iter("*:x:*")]
    assert await raw.ttl(name) > 15 * days


# --- claim, renew ---


async def test_claim_gives_the_head_the_attempts_and_the_record(store: RedisStore) -> None:
    await commit(store, await take(store, 1), state=b"s", outgoing=[message(1)])
    await ingest(store, 2)
    turn = await claim_one(store)
    assert (turn.cid, turn.id, turn.payload, turn.attempts) == (ANN, event(2), b"event 2", 1)
    assert turn.record == Record(b"s", 1, Counts(), 1)


async def test_two_workers_never_hold_the_same_conversation(make_store: MakeStore) -> None:
    stores = [make_store(), make_store()]
    for number in range(40):
        await ingest(stores[0], 1, cid=f"{ANN}{number}")
    claims = await asyncio.gather(*(store.claim(Queue.MAILBOX, 100) for store in stores * 3))
    taken = [turn.cid for claim in claims for turn in claim.turns]
    assert len(taken) == len(set(taken)) == 40


async def test_a_lease_holds_until_it_ends(store: RedisStore, clock: Clock) -> None:
    await take(store, 1)
    clock.advance(seconds=LEASE - 1)
    assert await claim(store) is None


async def test_an_ended_lease_gives_the_event_to_another_as_the_next_attempt(store: RedisStore, clock: Clock) -> None:
    first = await take(store, 1)
    clock.advance(seconds=LEASE + 1)
    second = await claim_one(store)
    assert (second.id, second.attempts) == (first.id, 2)
    assert second.token != first.token


async def test_an_ended_lease_has_no_owner_even_if_nobody_takes_the_event_yet(
    make_store: MakeStore, clock: Clock
) -> None:
    store = make_store(bounds=Bounds(partitions=1))
    turns = {turn.cid: turn for turn in (await take(store, 1), await take(store, 1, cid=BEN))}
    clock.advance(seconds=LEASE + 1)
    (taken,) = (await store.claim(Queue.MAILBOX, 1)).turns
    (left,) = turns.keys() - {taken.cid}
    assert await audit(store) == []
    assert await commit(store, turns[left]) is None


async def test_claim_tells_when_something_is_due_next(store: RedisStore) -> None:
    assert (await store.claim(Queue.MAILBOX, 1)).next_due is None
    await take(store, 1)
    assert (await store.claim(Queue.MAILBOX, 1)).next_due == pytest.approx(LEASE, abs=1)


async def test_claim_tells_that_more_is_due_now(make_store: MakeStore) -> None:
    store = make_store(bounds=Bounds(partitions=1))
    await ingest(store, 1)
    await ingest(store, 1, cid=BEN)
    found = await store.claim(Queue.MAILBOX, 1)
    assert (len(found.turns), found.next_due) == (1, 0)


@pytest.mark.parametrize("queue", Queue)
async def test_a_renewed_lease_outlives_the_first_one(store: RedisStore, clock: Clock, queue: Queue) -> None:
    turn = await take(store, 1) if queue is Queue.MAILBOX else await post(store, 1)
    clock.advance(seconds=LEASE - 1)
    assert await store.renew(queue, {ANN: turn.token}) == set()
    clock.advance(seconds=LEASE - 1)
    assert await claim(store, queue) is None


async def test_renew_tells_which_conversations_are_lost(store: RedisStore, clock: Clock) -> None:
    lost = await take(store, 1)
    clock.advance(seconds=LEASE + 1)
    await claim_one(store)
    kept = await take(store, 1, cid=BEN)
    assert await store.renew(Queue.MAILBOX, {ANN: lost.token, BEN: kept.token}) == {ANN}


async def test_renewing_nothing_is_allowed(store: RedisStore) -> None:
    assert await store.renew(Queue.MAILBOX, {}) == set()


@pytest.mark.parametrize("queue", Queue)
async def test_a_server_clock_set_back_does_not_freeze_work(store: RedisStore, clock: Clock, queue: Queue) -> None:
    await (take(store, 1) if queue is Queue.MAILBOX else post(store, 1))
    clock.advance(days=-1)
    assert await claim(store, queue)


# --- commit ---


async def test_commit_writes_state_messages_and_removes_the_event_in_one_step(store: RedisStore) -> None:
    await commit(store, await take(store, 1), state=b"s", outgoing=[message(1, 0), message(1, 1)])
    assert await store.load(ANN) == Record(b"s", 1, Counts(), 2)
    assert await claim(store) is None


async def test_an_empty_state_leaves_the_stored_one(store: RedisStore) -> None:
    await commit(store, await take(store, 1), state=b"s")
    await commit(store, await take(store, 2), state=b"")
    assert await store.load(ANN) == Record(b"s", 2)


async def test_commit_hands_over_the_next_event_and_the_first_message(store: RedisStore) -> None:
    turn = await take(store, 1)
    await ingest(store, 2)
    done = await commit(store, turn, state=b"s", outgoing=[message(1)], keep=True, send=True)
    assert done
    assert done.next == Turn(ANN, turn.token, event(2), b"event 2", 1, Record(b"s", 1, Counts(), 1))
    assert done.sending
    assert (done.sending.id, done.sending.payload, done.sending.attempts) == (key(1), b"message 1.0", 1)
    assert not done.is_queued
    assert await claim(store, Queue.OUTBOX) is None


async def test_commit_without_keep_and_send_leaves_both_queues_to_others(store: RedisStore) -> None:
    turn = await take(store, 1)
    await ingest(store, 2)
    assert await commit(store, turn, outgoing=[message(1)]) == Committed(None, None, is_queued=True)
    assert (await claim_one(store)).id == event(2)
    assert (await claim_one(store, Queue.OUTBOX)).id == key(1)


async def test_commit_does_not_send_past_messages_that_wait(store: RedisStore) -> None:
    await store.enqueue(ANN, key(7), b"first")
    done = await commit(store, await take(store, 1), outgoing=[message(1)], send=True)
    assert done
    assert done.sending is None
    assert (await claim_one(store, Queue.OUTBOX)).id == key(7)


async def test_commit_does_not_send_beside_another_sender(store: RedisStore) -> None:
    sender = await post(store, 7)
    done = await commit(store, await take(store, 1), outgoing=[message(1)], send=True)
    assert done
    assert done.sending is None
    following = await store.sent(sender, keep=True)
    assert following
    assert following.id == key(1)


@pytest.mark.parametrize("keep", [True, False])
async def test_a_repeated_commit_gives_the_same_answer_and_changes_nothing_more(
    store: RedisStore, raw: Raw, *, keep: bool
) -> None:
    turn = await take(store, 1)
    await ingest(store, 2)
    first = await commit(store, turn, state=b"s", outgoing=[message(1)], reply=b"r", keep=keep, send=True)
    stored = await everything(raw)
    assert first
    assert first == await commit(store, turn, state=b"s", outgoing=[message(1)], reply=b"r", keep=keep, send=True)
    assert await everything(raw) == stored


async def test_a_commit_after_the_lease_went_to_another_is_fenced(store: RedisStore, clock: Clock) -> None:
    stale = await take(store, 1)
    clock.advance(seconds=LEASE + 1)
    holder = await claim_one(store)
    assert await commit(store, stale, state=b"stale") is None
    assert await commit(store, holder, state=b"held")
    assert await store.load(ANN) == Record(b"held", 1)


async def test_a_commit_of_an_event_that_was_committed_by_another_is_fenced(store: RedisStore, clock: Clock) -> None:
    stale = await take(store, 1)
    clock.advance(seconds=LEASE + 1)
    await commit(store, await claim_one(store), state=b"held")
    assert await commit(store, stale, state=b"stale") is None
    assert await store.load(ANN) == Record(b"held", 1)


async def test_a_commit_that_arrives_again_behind_later_ones_is_fenced(store: RedisStore) -> None:
    first = await take(store, 1)
    await ingest(store, 2)
    await ingest(store, 3)
    second = await commit(store, first, state=b"1", keep=True)
    assert second
    assert second.next
    assert await commit(store, second.next, state=b"2", keep=True)
    assert await commit(store, first, state=b"1", keep=True) is None
    assert await store.load(ANN) == Record(b"2", 2)


async def test_a_commit_told_again_after_the_next_event_went_to_another_leaves_that_its_turn(
    store: RedisStore, raw: Raw
) -> None:
    turn = await take(store, 1)
    await ingest(store, 2)
    first = await commit(store, turn, state=b"1")
    await claim_one(store)
    stored = await everything(raw)
    assert await commit(store, turn, state=b"1") == first
    assert await everything(raw) == stored


async def test_a_late_commit_stands_while_nobody_else_took_over(store: RedisStore, clock: Clock) -> None:
    turn = await take(store, 1)
    clock.advance(seconds=LEASE + 1)
    assert await commit(store, turn, state=b"s")
    assert await claim(store) is None


async def test_events_of_a_conversation_are_handled_in_the_order_of_their_arrival(store: RedisStore) -> None:
    for number in (1, 2, 3):
        await ingest(store, number)
    seen: list[str] = []
    turn: Turn | None = await claim_one(store)
    while turn:
        seen.append(turn.id)
        done = await commit(store, turn, keep=len(seen) == 1)
        turn = (done.next if done else None) or await claim(store)
    assert seen == [event(1), event(2), event(3)]


# --- unreadable bodies ---


@pytest.mark.parametrize(("size", "kept"), [(65536, 65536), (65537, 65536)])
async def test_an_unreadable_body_is_cut(store: RedisStore, raw: Raw, size: int, kept: int) -> None:
    await store.save_unreadable("parcel", "no JSON", b"x" * size)
    ((_, fields),) = await ask(raw, "XRANGE", "bk:unreadable", "-", "+")
    assert (fields[b"account"], fields[b"reason"], len(fields[b"body"])) == (b"parcel", b"no JSON", kept)
    assert 7 * 86400 - 10 < await raw.ttl("bk:unreadable") <= 7 * 86400


async def test_only_the_newest_unreadable_bodies_are_kept(store: RedisStore, raw: Raw) -> None:
    await asyncio.gather(*(store.save_unreadable("parcel", "no JSON", b"%d" % number) for number in range(1201)))
    assert 1000 <= await raw.xlen("bk:unreadable") <= 1100
    ((_, newest),) = await ask(raw, "XREVRANGE", "bk:unreadable", "+", "-", "COUNT", 1)
    assert newest[b"body"] == b"1200"


# --- the server ---


async def test_an_unknown_conversation_has_an_empty_record(store: RedisStore) -> None:
    assert await store.load(ANN) == Record()


async def test_a_conversation_is_idle_until_there_is_mail_and_again_after_its_last_commit(store: RedisStore) -> None:
    assert await store.is_idle(ANN)
    await ingest(store, 1)
    assert not await store.is_idle(ANN)
    turn = await claim_one(store)
    assert not await store.is_idle(ANN)
    await commit(store, turn)
    assert await store.is_idle(ANN)


async def test_a_conversation_is_not_idle_while_it_has_messages_unless_they_are_held(store: RedisStore) -> None:
    await store.enqueue(ANN, key(1), b"")
    assert not await store.is_idle(ANN)
    turn = await claim_one(store, Queue.OUTBOX)
    assert not await store.is_idle(ANN)
    await count(store, turn, SILENT)
    assert await store.is_idle(ANN)


async def test_stores_with_different_prefixes_do_not_see_each_other(make_store: MakeStore) -> None:
    # The partitions 10 to 15 of the first must not be 0 to 5 of the second.
    first, second = make_store(prefix="bk"), make_store(prefix="bk1")
    for number in range(64):
        await ingest(first, 1, cid=f"{ANN}{number}")
    assert (await second.claim(Queue.MAILBOX, 1000)).turns == []
    assert await audit(first) == await audit(second) == []
    assert len((await first.claim(Queue.MAILBOX, 10000)).turns) == 64


async def test_another_number_of_partitions_is_refused(make_store: MakeStore) -> None:
    await make_store(bounds=Bounds(partitions=4)).ping()
    with pytest.raises(SettingsError, match="4 partitions, not 5"):
        await make_store(bounds=Bounds(partitions=5)).ping()
    await make_store(bounds=Bounds(partitions=4)).ping()


async def test_a_newer_format_is_refused(make_store: MakeStore, raw: Raw) -> None:
    await make_store().ping()
    await raw.hset("bk:meta", "format", "2")
    with pytest.raises(SettingsError, match="format 2"):
        await make_store().ping()


async def test_scripts_are_loaded_again_when_the_server_lost_them(
    store: RedisStore, raw: Raw, kind: ServerKind
) -> None:
    if kind is ServerKind.FAKE:
        pytest.skip("closes the connection at every error")
    turn = await take(store, 1)
    await raw.script_flush()
    assert await commit(store, turn, state=b"s")
    assert await store.load(ANN) == Record(b"s", 1)


async def test_nothing_new_is_stored_while_the_server_has_no_memory_left_and_what_is_there_is_finished(
    store: RedisStore, raw: Raw, kind: ServerKind
) -> None:
    if kind is ServerKind.FAKE:
        pytest.skip("has no limit")
    turn = await take(store, 1)
    stored = await everything(raw)
    await raw.config_set("maxmemory", 1)
    try:
        with pytest.raises(StoreUnavailableError, match="OOM"):
            await ingest(store, 2)
        with pytest.raises(StoreUnavailableError, match="OOM"):
            await store.enqueue(ANN, key(9), b"message")
        assert await everything(raw) == stored
        assert await store.renew(Queue.MAILBOX, {turn.cid: turn.token}) == set()
        assert await commit(store, turn, state=b"s", outgoing=[message(1)])
        (sending,) = (await store.claim(Queue.OUTBOX, 10)).turns
        await store.deliveries.sent(sending, "receipt", created_ms=0, expiry=None)
        assert await store.sent(sending, keep=False) is None
    finally:
        await raw.config_set("maxmemory", 0)
    assert await store.load(ANN) == Record(b"s", 1)


async def test_a_replica_is_unavailable_until_it_is_the_primary(
    store: RedisStore, make_store: MakeStore, raw: Raw, kind: ServerKind
) -> None:
    if kind is ServerKind.FAKE:
        pytest.skip("cannot be a replica")
    await store.ping()
    await ask(raw, "REPLICAOF", "127.0.0.1", "1")
    try:
        with pytest.raises(StoreUnavailableError, match="READONLY"):
            await ingest(store, 1)
        with pytest.raises(StoreUnavailableError, match="not ready"):
            await ingest(make_store(), 1)
    finally:
        await ask(raw, "REPLICAOF", "NO", "ONE")
    assert await ingest(store, 1) == Accepted(1)


async def test_the_version_of_the_server_is_known_after_the_first_call(store: RedisStore) -> None:
    assert store.version == ""
    await store.ping()
    assert int(store.version.split(".")[0]) >= 2


async def test_settings_of_the_server_can_be_asked_for(kind: ServerKind, servers: Servers) -> None:
    store = RedisStore(servers.url(kind), prefix="asked")
    (settings,) = (await store.server_settings("maxmemory", "no-such-setting")).values()
    assert settings == ({} if kind is ServerKind.FAKE else {"maxmemory": "0"})
    await store.close()


async def test_botkit_s_own_user_is_not_told_them(store: RedisStore) -> None:
    assert list((await store.server_settings("maxmemory", "requirepass")).values()) == [{}]


async def test_wait_ends_when_another_process_stores_an_event(store: RedisStore, make_store: MakeStore) -> None:
    waiting = asyncio.create_task(store.wait(30))
    other = make_store(bounds=store.bounds)
    await other.ping()
    assert not waiting.done()
    await ingest(other, 1)
    await asyncio.wait_for(waiting, 5)


async def test_wait_ends_when_another_process_queues_a_message(store: RedisStore, make_store: MakeStore) -> None:
    waiting = asyncio.create_task(store.wait(30))
    other = make_store(bounds=store.bounds)
    await other.ping()
    assert not waiting.done()
    await other.enqueue(ANN, key(1), b"")
    await asyncio.wait_for(waiting, 5)


async def test_wait_ends_after_its_time(store: RedisStore) -> None:
    _, waiting = await asyncio.wait({asyncio.create_task(store.wait(0.01))}, timeout=5)
    assert not waiting


async def test_tokens_are_never_the_same(make_store: MakeStore) -> None:
    stores = [make_store(), make_store()]
    tokens = [store.new_token() for store in stores for _ in range(100)]
    assert len(set(tokens)) == 200


async def test_a_closed_store_refuses(make_store: MakeStore) -> None:
    store = make_store()
    await store.ping()
    await store.close()
    with pytest.raises(StoreUnavailableError, match="closed"):
        await store.ping()


# --- peek ---


async def test_a_look_ahead_tells_what_stands_behind_the_head_and_how_old_that_is(
    store: RedisStore, clock: Clock
) -> None:
    turn = await take(store, 1)
    await ingest(store, 2)
    await ingest(store, 3)
    clock.advance(seconds=7)
    ahead = await store.peek(turn, 10)
    assert 7 <= ahead.age < 9
    assert list(ahead.following) == [(event(2), b"event 2"), (event(3), b"event 3")]
    assert len((await store.peek(turn, 1)).following) == 1


async def test_a_look_ahead_changes_nothing(store: RedisStore, raw: Raw) -> None:
    turn = await take(store, 1)
    before = await everything(raw)
    assert (await store.peek(turn, 10)).following == []
    assert await everything(raw) == before


async def test_the_head_of_a_forgotten_conversation_is_as_old_as_can_be(store: RedisStore) -> None:
    turn = await take(store, 1)
    await store.forget(ANN)
    ahead = await store.peek(turn, 10)
    assert (ahead.following, ahead.age > 10**9) == ([], True)
