"""What was given up is listed, put back once, or removed, on every kind of server."""

import pytest

from botkit.redis.dead_letters import DeadLetter, Replay
from botkit.redis.store import RedisStore
from botkit.store import Verdict
from botkit.turn import Queue, Turn
from tests.redis.store_calls import ANN, BEN, claim, claim_one, commit, event, ingest, key, take


async def give_up(store: RedisStore, turn: Turn, queue: Queue = Queue.MAILBOX) -> DeadLetter:
    verdict = await store.retry(queue, turn, delay=0, error="no way", max_attempts=1)
    assert verdict is Verdict.DEAD
    return (await store.dead_letters.read(turn.cid))[-1]


async def test_a_letter_tells_what_was_given_up_when_and_why(store: RedisStore) -> None:
    letter = await give_up(store, await take(store, 1))
    assert (letter.conversation, letter.queue, letter.error) == (ANN, Queue.MAILBOX, "no way")
    assert letter.entry == event(1).encode() + b"event 1"
    assert abs((store.clock.now() - letter.at).total_seconds()) < 60
    assert await store.dead_letters.find(letter.id) == letter


async def test_letters_of_all_conversations_are_listed_and_counted(store: RedisStore) -> None:
    for cid in (ANN, BEN):
        await give_up(store, await take(store, 1, cid=cid))
    assert {letter.conversation async for letter in store.dead_letters.scan()} == {ANN, BEN}
    assert [letter.conversation async for letter in store.dead_letters.scan(BEN)] == [BEN]
    assert await store.dead_letters.count() == 2


@pytest.mark.parametrize("letter_id", ["", "1", "x-1-0", "0-1-0", "2-1-0", "9999-1-0", "0-*", "0-1-0 "])
async def test_nothing_is_found_or_removed_by_an_id_that_no_letter_has(store: RedisStore, letter_id: str) -> None:
    await give_up(store, await take(store, 1))
    assert await store.dead_letters.find(letter_id) is None
    assert not await store.dead_letters.remove(letter_id)
    assert await store.dead_letters.count() == 1


async def test_a_letter_that_is_removed_is_gone(store: RedisStore) -> None:
    letter = await give_up(store, await take(store, 1))
    assert await store.dead_letters.remove(letter.id)
    assert not await store.dead_letters.remove(letter.id)
    assert await store.dead_letters.replay(letter) is Replay.GONE
    assert await claim(store) is None


async def test_an_event_is_put_back_behind_all_else_with_all_its_attempts(store: RedisStore) -> None:
    letter = await give_up(store, await take(store, 1))
    await ingest(store, 2)
    assert await store.dead_letters.replay(letter) is Replay.DONE
    second = await claim_one(store)
    assert second.id == event(2)
    await commit(store, second)
    first = await claim_one(store)
    assert (first.id, first.payload, first.attempts) == (event(1), b"event 1", 1)


async def test_an_event_may_be_put_back_before_all_else(store: RedisStore) -> None:
    letter = await give_up(store, await take(store, 1))
    await ingest(store, 2)
    assert await store.dead_letters.replay(letter, first=True) is Replay.DONE
    assert (await claim_one(store)).id == event(1)


async def test_the_attempts_of_the_event_behind_it_are_not_its_own(store: RedisStore) -> None:
    letter = await give_up(store, await take(store, 1))
    await ingest(store, 2)
    await store.retry(Queue.MAILBOX, await claim_one(store), delay=60, error="", max_attempts=5)
    assert await store.dead_letters.replay(letter, first=True) is Replay.DONE
    turn = await claim_one(store)
    assert (turn.id, turn.attempts) == (event(1), 1)


async def test_nothing_is_put_before_an_event_that_is_being_handled(store: RedisStore) -> None:
    letter = await give_up(store, await take(store, 1))
    turn = await take(store, 2)
    assert await store.dead_letters.replay(letter, first=True) is Replay.HELD
    assert await store.dead_letters.count() == 1
    assert await store.dead_letters.replay(letter) is Replay.DONE
    done = await commit(store, turn, keep=True)
    assert done
    assert done.next
    assert done.next.id == event(1)


async def test_a_letter_is_put_back_once_whoever_tries(store: RedisStore) -> None:
    letter = await give_up(store, await take(store, 1))
    assert await store.dead_letters.replay(letter) is Replay.DONE
    assert await store.dead_letters.replay(letter) is Replay.GONE
    await commit(store, await claim_one(store))
    assert await claim(store) is None


async def test_a_full_mailbox_keeps_the_letter(store: RedisStore) -> None:
    letter = await give_up(store, await take(store, 1))
    for number in (2, 3, 4):
        await ingest(store, number)
    assert await store.dead_letters.replay(letter) is Replay.FULL
    assert await store.dead_letters.count() == 1


async def test_a_message_is_put_back_into_its_outbox(store: RedisStore) -> None:
    for number in (1, 2):
        await store.enqueue(ANN, key(number), b"message")
    letter = await give_up(store, await claim_one(store, Queue.OUTBOX), Queue.OUTBOX)
    assert letter.queue is Queue.OUTBOX
    assert await store.dead_letters.replay(letter) is Replay.DONE
    turn = await claim_one(store, Queue.OUTBOX)
    assert turn.id == key(2)
    following = await store.sent(turn, keep=True)
    assert following
    assert (following.id, following.payload) == (key(1), b"message")


async def test_a_redelivery_of_what_was_put_back_is_still_a_duplicate(store: RedisStore) -> None:
    letter = await give_up(store, await take(store, 1))
    await store.dead_letters.replay(letter)
    await ingest(store, 1)
    await commit(store, await claim_one(store))
    assert await claim(store) is None
