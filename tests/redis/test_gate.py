"""Answers that count only when replicas have them: one wait for all that is written together."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from botkit.exceptions import StoreUnavailableError
from botkit.redis.gate import PATIENCE_MS, GatedPipe
from botkit.redis.refusals import ResponseError, UnconfirmedError
from botkit.redis.store import RedisStore
from botkit.store import Accepted, Duplicate
from botkit.turn import Queue
from tests.conftest import Servers
from tests.redis.fake_server import Server
from tests.redis.store_calls import ANN, event

WAIT = b"WAIT 2 %d" % PATIENCE_MS


@pytest.fixture
async def gate(server: Server) -> AsyncIterator[GatedPipe]:
    """A pipe whose answers two replicas must confirm, and do."""
    server.answers[b"WAIT"] = b":2\r\n"
    gate = GatedPipe(server.url, replicas=2)
    yield gate
    await gate.close()


async def test_commands_that_meet_share_one_wait_behind_all_of_them(server: Server, gate: GatedPipe) -> None:
    answers = await asyncio.gather(*(gate.call("SET", f"key{number}", "a") for number in range(20)))
    assert answers == [b"OK"] * 20
    assert server.writes == [[*(b"SET key%d a" % number for number in range(20)), WAIT]]


@pytest.mark.parametrize(("confirmed", "is_confirmed"), [(0, False), (1, False), (2, True), (3, True)])
async def test_as_many_replicas_as_were_asked_for_are_enough(
    server: Server, gate: GatedPipe, confirmed: int, is_confirmed: bool
) -> None:
    server.answers[b"WAIT"] = b":%d\r\n" % confirmed
    if is_confirmed:
        assert await gate.call("SET", "a", "b") == b"OK"
        return
    with pytest.raises(UnconfirmedError, match=f"{confirmed} of 2 replicas") as raised:
        await gate.call("SET", "a", "b")
    assert raised.value.answer == b"OK"
    assert isinstance(raised.value, StoreUnavailableError)


async def test_a_server_that_is_no_primary_any_more_confirms_nothing(server: Server, gate: GatedPipe) -> None:
    server.answers[b"WAIT"] = b"-UNBLOCKED force unblock from blocking operation\r\n"
    with pytest.raises(UnconfirmedError, match="0 of 2"):
        await gate.call("SET", "a", "b")


async def test_an_error_stays_what_it_is(server: Server, gate: GatedPipe) -> None:
    server.answers[b"WAIT"] = b":0\r\n"
    server.answers[b"BAD"] = b"-WRONGTYPE not that kind of key\r\n"
    good, bad = gate.call("SET", "a", "b"), gate.call("BAD")
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        await bad
    with pytest.raises(UnconfirmedError):
        await good


# --- the store ---


@pytest.fixture
async def lonely(servers: Servers) -> AsyncIterator[RedisStore]:
    """A store that waits for a replica where there is none."""
    store = RedisStore(servers.any_url(), prefix="lonely", ack_replicas=1)
    yield store
    await store.forget(ANN)
    await store.close()


async def test_what_nobody_confirms_is_not_accepted_nor_is_its_repeat(lonely: RedisStore) -> None:
    for _ in range(2):
        with pytest.raises(UnconfirmedError):
            await lonely.ingest(ANN, event(1), b"{}", token=lonely.new_token(), window=60)


async def test_an_unconfirmed_event_is_left_to_whoever_comes_and_counts_no_attempt(lonely: RedisStore) -> None:
    with pytest.raises(UnconfirmedError):
        await lonely.ingest(ANN, event(1), b"{}", token=lonely.new_token(), window=60)
    (turn,) = (await lonely.claim(Queue.MAILBOX, 16)).turns
    assert (turn.id, turn.attempts) == (event(1), 1)


async def test_nothing_but_what_is_accepted_waits_for_replicas(lonely: RedisStore, servers: Servers) -> None:
    other = RedisStore(servers.any_url(), prefix="lonely")
    assert isinstance(await other.ingest(ANN, event(1), b"{}", token="", window=60), Accepted)
    (turn,) = (await lonely.claim(Queue.MAILBOX, 16)).turns
    await lonely.retry(Queue.MAILBOX, turn, delay=0)
    assert isinstance(await other.ingest(ANN, event(1), b"{}", token="", window=60), Duplicate)
    await other.close()


async def test_messages_and_submissions_wait_for_replicas_as_well(lonely: RedisStore) -> None:
    with pytest.raises(UnconfirmedError):
        await lonely.enqueue(ANN, "k" * 24, b"{}")
    with pytest.raises(UnconfirmedError):
        await lonely.save_unreadable("desk", "no JSON", b"{")
