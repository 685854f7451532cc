"""A primary is lost while its replica is behind: what was acknowledged is there if replicas had to confirm it."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import pytest

from botkit.record import Flows
from botkit.redis.audit import audit
from tests.desk import where
from tests.faults.chaos_proxy import ChaosProxy
from tests.faults.conftest import MakeRedis
from tests.faults.redis_child import RedisChild
from tests.faults.traffic import Heard, Traffic

PEOPLE = 10


class Pair:
    """A primary, a replica, and the link between them, which can be frozen."""

    def __init__(self, primary: RedisChild, replica: RedisChild, link: ChaosProxy) -> None:
        self.primary = primary
        self.replica = replica
        self.link = link

    async def until_linked(self) -> None:
        async with asyncio.timeout(20):
            while (await asyncio.to_thread(self.replica.ask, "ROLE"))[3] != b"connected":  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    def fail_over(self) -> None:
        """Loses the primary, and lets the replica take its place as it is."""
        self.primary.kill()
        self.replica.ask("REPLICAOF", "NO", "ONE")


@pytest.fixture
async def pair(make_redis: MakeRedis) -> AsyncIterator[Pair]:
    primary = make_redis()
    # As plain bytes: what replicas are sent are no answers.
    async with ChaosProxy(f"tcp://127.0.0.1:{primary.port}") as link:
        # It waits for what the proxy passes on: beside it, not in its way.
        replica = await asyncio.to_thread(lambda: make_redis(replica_of=("127.0.0.1", link.port)))
        pair = Pair(primary, replica, link)
        await pair.until_linked()
        yield pair


@asynccontextmanager
async def cut_off(pair: Pair, *, ack_replicas: int) -> AsyncIterator[Traffic]:
    """People who write to a bot on the primary; before the block ends, they have gone on behind a frozen link."""
    async with Traffic(pair.primary.url, lease=2, prefix="f", pause=0.005, ack_replicas=ack_replicas) as before:
        crowd = asyncio.create_task(before.crowd(PEOPLE, texts=100_000))
        await before.until_shown(60)
        pair.link.freeze()
        known = len(before.answers)
        async with asyncio.timeout(20):
            while len(before.answers) < known + 6 * PEOPLE:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await asyncio.to_thread(pair.fail_over)
        crowd.cancel()
        await asyncio.gather(crowd, return_exceptions=True)
        yield before


async def words_of(traffic: Traffic, person: str) -> list[str]:
    record = await traffic.process.store.load(where(person).key)
    return Flows(record.state).get(Heard).words


async def is_done(traffic: Traffic, people: Iterable[str]) -> bool:
    return all([await traffic.process.store.is_idle(where(person).key) for person in people])


async def test_with_a_replica_to_confirm_nothing_that_was_acknowledged_is_lost(pair: Pair) -> None:
    async with cut_off(pair, ack_replicas=1) as before:
        assert before.statuses == {200, 503}
    async with Traffic(pair.replica.url, lease=2, prefix="f") as after:
        after.acknowledged = before.acknowledged
        after.desk.shown[:0] = before.desk.shown
        # Services deliver again what they were told to.
        next_texts = {person: str(len(texts)) for person, texts in before.acknowledged.items()}
        await asyncio.gather(*(after.write(person, [text]) for person, text in next_texts.items()))
        # A transition that was lost with the primary is made again, and sends again.
        assert await after.mistakes(repeats=PEOPLE * 10) == []


async def test_without_one_acknowledged_texts_may_be_lost_but_what_is_left_is_whole(pair: Pair) -> None:
    async with cut_off(pair, ack_replicas=0) as before:
        assert 503 not in {answer.status for answer in before.answers[: 6 * PEOPLE]}
    lost = 0
    async with Traffic(pair.replica.url, lease=2, prefix="f") as after:
        async with asyncio.timeout(20):
            while not await is_done(after, before.acknowledged):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        for person, texts in before.acknowledged.items():
            words = await words_of(after, person)
            assert words == texts[: len(words)]
            lost += len(texts) - len(words)
        assert await audit(after.process.store) == []
    # Else the link was not frozen, and the test beside this one proves nothing.
    assert lost > PEOPLE
