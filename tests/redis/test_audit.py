"""Each defect is planted in a store that is whole otherwise, and only that one is told."""

import asyncio

import pytest
import redis.asyncio

from botkit.clock import Clock
from botkit.redis.audit import audit
from botkit.redis.bounds import Bounds
from botkit.redis.store import RedisStore
from botkit.store import Commit, Mine, Verdict
from botkit.timer import Timer
from botkit.turn import Queue
from tests.redis.conftest import MakeStore
from tests.redis.store_calls import SILENT, count

Raw = redis.asyncio.Redis
ANN, BEN = "viber:parcel:ann", "viber:parcel:ben"
EVENT, KEY = "e" * 22, "k" * 24


@pytest.fixture
async def whole(make_store: MakeStore) -> RedisStore:
    """A store where Ann's mail is due and her outbox and a timer are empty or in order; Ben has nothing to do."""
    store = make_store(bounds=Bounds(partitions=1))
    stored = await store.ingest(ANN, EVENT, b"event", token="t", window=60)
    assert isinstance(stored, Mine)
    timer = Timer("remind", round(store.clock.timestamp() * 1000) + 60_000, b"fired")
    await store.commit(stored.turn, Commit(b"s", [], [timer]), keep=False, send=False)
    await store.ingest(ANN, "f" * 22, b"event", token="", window=60)
    await store.enqueue(ANN, KEY, b"message")
    return store


async def test_a_store_with_nothing_in_it_is_whole(make_store: MakeStore) -> None:
    assert await audit(make_store()) == []


async def test_a_store_at_work_is_whole(whole: RedisStore) -> None:
    assert await audit(whole) == []
    assert (await whole.claim(Queue.MAILBOX, 10)).turns
    assert await audit(whole) == []
    (turn,) = (await whole.claim(Queue.OUTBOX, 10)).turns
    assert await count(whole, turn, SILENT) is Verdict.HELD
    assert await audit(whole) == []


@pytest.mark.parametrize(
    ("command", "rule"),
    [
        (("ZREM", "rdy", ANN), "mailbox: is in 0 of its places, not in one"),
        (("ZREM", "ordy", ANN), "outbox: is in 0 of its places, not in one"),
        (("ZADD", "ohld", 1, ANN), "outbox: is in 2 of its places, not in one"),
        (("HSET", "own", ANN, "t"), "mailbox: has a lease or an owner without the other"),
        (("HSET", "oown", ANN, "t"), "outbox: has a lease or an owner without the other"),
        (("DEL", f"m:{ANN}"), "mailbox: is empty but due"),
        (("DEL", f"o:{ANN}"), "outbox: is empty but due"),
        (("ZREM", "tmr", f"{ANN}|remind"), "timer remind: will never be due"),
        (("HDEL", f"t:{ANN}", "remind"), "timer remind: has nothing to deliver"),
        (("ZADD", "ses", 1, ANN), "session: is not listed with the time at which it ends"),
        (("HSET", f"c:{ANN}", "se", 9_000_000_000_000), "session: is not listed with the time at which it ends"),
        (("HSET", f"e:{ANN}", "flow:=x", "report"), "timer flow:=x: will never be due"),
        (("ZADD", "tmr", 1, f"{ANN}|flow:=x"), "timer flow:=x: has nothing to deliver"),
    ],
)
async def test_a_defect_is_told(whole: RedisStore, command: tuple[str | int, ...], rule: str) -> None:
    name, key, *rest = command
    await whole.call(name, f"{{bk:0}}:{key}", *rest)
    assert await audit(whole) == [f"{ANN}: {rule}"]


@pytest.mark.parametrize(
    ("command", "rule"),
    [
        (("ZADD", "rdy", 1, BEN), "mailbox: is empty but due"),
        (("ZADD", "ohld", 1, BEN), "outbox: is empty but due"),
        (("HSET", "own", BEN, "t"), "mailbox: has a lease or an owner without the other"),
        (("HSET", "try", BEN, 1), "mailbox: is empty but has attempts"),
        (("HSET", "otry", f"{BEN}|u", 1), "outbox: is empty but has attempts"),
        (("ZADD", "tmr", 1, f"{BEN}|remind"), "timer remind: has nothing to deliver"),
        (("ZADD", "ses", 1, BEN), "session: is not listed with the time at which it ends"),
    ],
)
async def test_what_is_left_of_a_conversation_without_keys_is_told(
    whole: RedisStore, command: tuple[str | int, ...], rule: str
) -> None:
    name, key, *rest = command
    await whole.call(name, f"{{bk:0}}:{key}", *rest)
    assert await audit(whole) == [f"{BEN}: {rule}"]


async def test_a_lease_of_a_conversation_that_is_also_due_is_told(whole: RedisStore) -> None:
    await whole.claim(Queue.MAILBOX, 1)
    await whole.call("ZADD", "{bk:0}:rdy", 1, ANN)
    assert await audit(whole) == [f"{ANN}: mailbox: is in 2 of its places, not in one"]


@pytest.mark.parametrize("key", ["m:{}", "x:{}", "c:{}", "o:{}", "t:{}", "e:{}", "rdy", "own"])
async def test_a_trace_outside_its_partition_is_told(make_store: MakeStore, raw: Raw, key: str) -> None:
    store = make_store(bounds=Bounds(partitions=2))
    wrong = 1 - store.keys.partition(ANN)
    name = f"{{bk:{wrong}}}:{key.format(ANN)}"
    await (raw.zadd(name, {ANN: 1}) if key == "rdy" else raw.hset(name, ANN, "t"))
    assert await audit(store) == [f"{ANN}: is in partition {wrong}, not in {1 - wrong}"]


async def test_more_than_a_batch_is_looked_at(make_store: MakeStore, raw: Raw) -> None:
    store = make_store(bounds=Bounds(partitions=1))
    await raw.zadd("{bk:0}:rdy", {f"{ANN}{number}": 1 for number in range(1201)})
    assert len(await audit(store)) == 1201


async def test_only_the_stores_own_keys_are_looked_at(make_store: MakeStore) -> None:
    other = make_store(prefix="bk[1]")
    await other.call("ZADD", "{bk[1]:0}:rdy", 1, ANN)
    assert await audit(make_store(prefix="bk")) == []
    assert await audit(make_store(prefix="bk1")) == []
    assert len(await audit(other)) == 1


async def test_an_audit_changes_nothing(whole: RedisStore, raw: Raw, clock: Clock) -> None:
    before = {key: await raw.dump(key) async for key in raw.scan_iter()}
    await audit(whole)
    assert {key: await raw.dump(key) async for key in raw.scan_iter()} == before


async def test_a_store_in_use_gives_no_false_alarm(make_store: MakeStore) -> None:
    store, other = make_store(), make_store()

    async def work() -> None:
        for number in range(30):
            stored = await other.ingest(ANN, f"{number:022d}", b"event", token=f"t{number}", window=60)
            assert isinstance(stored, Mine)
            done = await other.commit(stored.turn, Commit(b"s", [f"{number:024d}".encode()]), keep=False, send=True)
            assert done
            assert done.sending
            await other.sent(done.sending, keep=False)

    working = asyncio.create_task(work())
    while not working.done():
        assert await audit(store) == []
    await working
