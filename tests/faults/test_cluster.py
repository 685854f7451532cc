"""A cluster under load: a server is lost, frozen or replaced, a slot moves; only what lies there waits for it."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from itertools import count

import pytest
from redis.crc import key_slot

from botkit.clock import Clock
from botkit.conversation import Account
from botkit.exceptions import SettingsError, StoreUnavailableError
from botkit.redis.audit import audit
from botkit.redis.bounds import Bounds
from botkit.redis.store import RedisStore
from botkit.store import Accepted, Commit
from botkit.timer import Timer
from botkit.turn import Queue
from tests.desk import where
from tests.faults.conftest import MakeRedis
from tests.faults.redis_child import RedisChild
from tests.faults.redis_cluster import RedisCluster
from tests.faults.traffic import Traffic

#: What a service writes of a person; as many as it takes to have somebody on every server.
PEOPLE = 12
_names = count()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    with RedisCluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture
def cluster(running: RedisCluster) -> RedisCluster:
    """The cluster, whole again, whatever the test before has done to it."""
    for server in running.servers:
        if not server.is_running:
            server.start()
    running.wait_until_whole()
    return running


@pytest.fixture
def prefix(cluster: RedisCluster) -> str:
    """A name for the keys of a store whose four partitions lie on all three servers."""
    while True:
        name = f"t{next(_names)}"
        if len({cluster.owner(slot_of(name, number)).port for number in range(4)}) == 3:
            return name


def slot_of(prefix: str, partition: int) -> int:
    slot: int = key_slot(f"{{{prefix}:{partition}}}".encode())
    return slot


def home(cluster: RedisCluster, traffic: Traffic, person: str) -> RedisChild:
    """Returns the server that has somebody's conversation."""
    keys = traffic.process.store.keys
    return cluster.owner(slot_of(keys.prefix, keys.partition(where(person).key)))


def people_at(cluster: RedisCluster, traffic: Traffic, server: RedisChild) -> set[str]:
    return {f"p{n}" for n in range(PEOPLE) if home(cluster, traffic, f"p{n}") is server}


async def shown_more(traffic: Traffic, people: set[str], number: int) -> None:
    """Waits until so many messages more have come to these people."""
    known = len(traffic.desk.shown)
    async with asyncio.timeout(20):
        while sum(person in people for person, _ in traffic.desk.shown[known:]) < number:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_while_a_server_is_lost_its_people_wait_and_all_others_are_served(
    cluster: RedisCluster, prefix: str
) -> None:
    async with Traffic(cluster.url, lease=2, prefix=prefix, pause=0.02, ack_replicas=1) as traffic:
        crowd = asyncio.create_task(traffic.crowd(PEOPLE, texts=150))
        await traffic.until_shown(60)
        lost = home(cluster, traffic, "p0")
        others = {f"p{n}" for n in range(PEOPLE)} - people_at(cluster, traffic, lost)
        await asyncio.to_thread(lost.kill)
        await shown_more(traffic, others, 3 * len(others))
        assert 503 in traffic.statuses
        await asyncio.to_thread(cluster.wait_until_replaced, lost)
        # Who took over has nobody yet to confirm what it is given.
        await asyncio.to_thread(lost.start)
        await crowd
        assert await traffic.mistakes(repeats=PEOPLE * 5) == []
        assert traffic.statuses == {200, 503}


async def test_the_heir_of_a_lost_server_is_found_without_it(cluster: RedisCluster, prefix: str) -> None:
    async with Traffic(cluster.url, lease=2, prefix=prefix) as traffic:
        await traffic.crowd(PEOPLE, texts=2)
        assert await traffic.mistakes() == []
        lost = home(cluster, traffic, "p0")
        await asyncio.to_thread(lost.kill)
        await asyncio.to_thread(cluster.wait_until_replaced, lost)
        await traffic.crowd(PEOPLE, texts=2, named="q")
        assert await traffic.mistakes() == []


async def test_while_a_server_hangs_its_people_wait_and_all_others_are_served(
    cluster: RedisCluster, prefix: str
) -> None:
    async with Traffic(cluster.url, lease=4, prefix=prefix, pause=0.02) as traffic:
        crowd = asyncio.create_task(traffic.crowd(PEOPLE, texts=60))
        await traffic.until_shown(60)
        hung = home(cluster, traffic, "p0")
        others = {f"p{n}" for n in range(PEOPLE)} - people_at(cluster, traffic, hung)
        await asyncio.to_thread(hung.freeze)
        try:
            await shown_more(traffic, others, 3 * len(others))
        finally:
            hung.thaw()
        await crowd
        assert await traffic.mistakes(repeats=PEOPLE * 5) == []


async def test_a_slot_that_moves_under_load_loses_doubles_and_reorders_nothing(
    cluster: RedisCluster, prefix: str
) -> None:
    async with Traffic(cluster.url, lease=2, prefix=prefix, pause=0.01) as traffic:
        crowd = asyncio.create_task(traffic.crowd(PEOPLE, texts=60))
        for partition in range(4):
            await traffic.until_shown(60 * (partition + 1))
            slot = slot_of(prefix, partition)
            there = next(server for server in cluster.primaries() if server is not cluster.owner(slot))
            moved = await asyncio.to_thread(cluster.move_slot, slot, to=there, pause=0.001)
            assert moved > 4
            assert cluster.owner(slot) is there
        await crowd
        assert await traffic.mistakes(repeats=PEOPLE * 4) == []
        assert traffic.statuses <= {200, 503}


async def test_after_an_orderly_change_of_place_the_way_is_found_at_once(cluster: RedisCluster, prefix: str) -> None:
    async with Traffic(cluster.url, prefix=prefix, pause=0.01) as traffic:
        await traffic.crowd(PEOPLE, texts=2)
        old = home(cluster, traffic, "p0")
        heir = await asyncio.to_thread(cluster.promote_for, old)
        assert home(cluster, traffic, "p0") is heir
        # The one that was asked refuses, and says who is to be asked.
        await traffic.crowd(PEOPLE, texts=2, named="q")
        assert await traffic.mistakes() == []
        assert traffic.statuses == {200}


async def test_a_moved_slot_is_found_with_no_failure_at_all(cluster: RedisCluster, prefix: str) -> None:
    async with Traffic(cluster.url, prefix=prefix) as traffic:
        await traffic.crowd(PEOPLE, texts=1)
        for partition in range(4):
            slot = slot_of(prefix, partition)
            there = next(server for server in cluster.primaries() if server is not cluster.owner(slot))
            await asyncio.to_thread(cluster.move_slot, slot, to=there)
        await traffic.crowd(PEOPLE, texts=1, named="q")
        assert await traffic.mistakes() == []
        assert traffic.statuses == {200}


async def test_a_worker_is_woken_from_whatever_server(cluster: RedisCluster, prefix: str) -> None:
    async with Traffic(cluster.url, prefix=prefix) as traffic:
        store = traffic.process.store
        waker = RedisStore(cluster.url, prefix=prefix, bounds=store.bounds)
        for person in {home(cluster, traffic, f"p{n}").port: f"p{n}" for n in range(PEOPLE)}.values():
            waiting = asyncio.create_task(store.wait(30))
            await waker.ingest(where(person).key, "e" * 22, b"{}", token="", window=60)
            await asyncio.wait([waiting], timeout=20)
            assert waiting.done()
            assert waiting.exception() is None
        await waker.close()
        await store.forget(where("p0").key)


async def test_a_cluster_that_is_away_altogether_is_unavailable_and_then_not(
    cluster: RedisCluster, prefix: str
) -> None:
    store = RedisStore(cluster.url, prefix=prefix)
    await store.ping()
    for server in cluster.servers:
        server.freeze()
    try:
        with pytest.raises(StoreUnavailableError):
            await store.ping()
        with pytest.raises(StoreUnavailableError):
            await store.ingest(where().key, "e" * 22, b"{}", token="", window=60)
    finally:
        for server in cluster.servers:
            server.thaw()
    async with asyncio.timeout(20):
        while True:
            try:
                await store.ping()
                break
            except StoreUnavailableError:
                await asyncio.sleep(0.05)
    assert await audit(store) == []
    await store.close()


async def test_a_cluster_and_a_single_server_are_told_apart(cluster: RedisCluster, make_redis: MakeRedis) -> None:
    alone = RedisStore(cluster.servers[0].url)
    with pytest.raises(SettingsError, match=r"redis\+cluster://"):
        await alone.ping()
    await alone.close()
    together = RedisStore(make_redis().url.replace("redis://", "redis+cluster://"))
    with pytest.raises(SettingsError, match="redis://host:port"):
        await together.ping()
    await together.close()


# --- the store, while one server is away ---


@pytest.fixture
async def store(cluster: RedisCluster, prefix: str) -> AsyncIterator[RedisStore]:
    store = RedisStore(cluster.url, prefix=prefix, bounds=Bounds(partitions=4), clock=Clock())
    await store.ping()
    yield store
    await store.close()


@pytest.fixture
def away(cluster: RedisCluster, store: RedisStore) -> Iterator[set[str]]:
    """Freezes the server that has the first partition, for good as far as the others know; yields people elsewhere."""
    prefix = store.keys.prefix
    frozen = cluster.owner(slot_of(prefix, 0))
    people = {f"p{n}" for n in range(PEOPLE)}
    elsewhere = {p for p in people if cluster.owner(slot_of(prefix, store.keys.partition(where(p).key))) is not frozen}
    cluster.be_patient(30_000)
    frozen.freeze()
    yield elsewhere
    frozen.thaw()
    cluster.be_patient()


async def take_in(store: RedisStore, people: Iterable[str]) -> None:
    for person in people:
        await store.ingest(where(person).key, "e" * 22, b"{}", token="", window=60)


async def test_a_claim_takes_what_is_elsewhere(store: RedisStore, away: set[str]) -> None:
    await take_in(store, away)
    turns = (await store.claim(Queue.MAILBOX, 40)).turns
    assert {turn.cid for turn in turns} == {where(person).key for person in away}


async def test_a_lease_elsewhere_is_prolonged(store: RedisStore, away: set[str]) -> None:
    await take_in(store, away)
    turns = (await store.claim(Queue.MAILBOX, 40)).turns
    away_there = next(where(f"q{n}").key for n in count() if store.keys.partition(where(f"q{n}").key) == 0)
    store.clock.advance(seconds=store.bounds.lease - 1)
    # Of one whose server is away nobody knows whether it is lost.
    assert await store.renew(Queue.MAILBOX, {t.cid: t.token for t in turns} | {away_there: "token"}) == set()
    store.clock.advance(seconds=2)
    assert not (await store.claim(Queue.MAILBOX, 40)).turns


async def test_timers_elsewhere_are_due(store: RedisStore, away: set[str]) -> None:
    await take_in(store, away)
    for turn in (await store.claim(Queue.MAILBOX, 40)).turns:
        timer = Timer("call", round(store.clock.timestamp() * 1000), b"{}")
        assert await store.commit(turn, Commit(b"s", [], timers=[timer]), keep=False, send=False)
    due, _ = await store.due_timers(40)
    assert {timer.cid for timer in due} == {where(person).key for person in away}


async def test_the_audit_looks_at_every_server(store: RedisStore) -> None:
    # Whoever is due has mail, which these have not.
    wrong = [next(f"c{n}" for n in count() if store.keys.partition(f"c{n}") == partition) for partition in range(4)]
    for cid, shared in zip(wrong, store.keys.partitions, strict=True):
        await store.call("ZADD", shared["rdy"], 1, cid)
    assert {rule.partition(":")[0] for rule in await audit(store)} == set(wrong)


async def test_a_server_that_does_not_answer_is_not_waited_for_twice(store: RedisStore, away: set[str]) -> None:
    lost = next(where(f"q{n}").key for n in count() if store.keys.partition(where(f"q{n}").key) == 0)
    with pytest.raises(StoreUnavailableError, match="did not answer"):
        await store.load(lost)
    with pytest.raises(StoreUnavailableError, match="of the cluster does not answer"):
        await store.load(lost)


# --- a slot under way ---


async def test_a_key_is_found_at_either_end_of_a_move(cluster: RedisCluster, store: RedisStore) -> None:
    desk = Account("desk", "desk")
    await store.accounts.remember(desk, "old", "ann")
    slot = key_slot(store.keys.place("desk:desk", "old").encode())
    source = cluster.owner(slot)
    there = next(server for server in cluster.primaries() if server is not source)
    finish = cluster.begin_move(slot, to=there)
    # What is there stays there until it is moved; what is new begins at the other end.
    await store.accounts.remember(desk, "new", "ben")
    assert [await store.accounts.find(desk, name) for name in ("old", "new", "none")] == ["ann", "ben", ""]
    assert finish() == 1
    assert [await store.accounts.find(desk, name) for name in ("old", "new", "none")] == ["ann", "ben", ""]


async def test_a_script_whose_keys_are_at_both_ends_is_refused_and_nothing_is_changed(
    cluster: RedisCluster, store: RedisStore
) -> None:
    await take_in(store, ["ann"])
    slot = slot_of(store.keys.prefix, store.keys.partition(where("ann").key))
    there = next(server for server in cluster.primaries() if server is not cluster.owner(slot))
    finish = cluster.begin_move(slot, to=there)
    with pytest.raises(StoreUnavailableError, match=r"TRYAGAIN|ASK|MOVED"):
        await store.ingest(where("ann").key, "f" * 22, b"{}", token="", window=60)
    assert finish() > 1
    assert await audit(store) == []
    assert await store.ingest(where("ann").key, "f" * 22, b"{}", token="", window=60) == Accepted(2)
