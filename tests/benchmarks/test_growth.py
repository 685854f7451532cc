import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.growth import fill
from benchmarks.redis_server import DURABLE, RedisServer
from botkit.redis.keys import Keys

if shutil.which("redis-server") is None:
    pytest.skip("there is no redis-server on PATH", allow_module_level=True)

MODEL, FIRST = 899_999_999, 900_000_000
PLACE = "telegram:bench-telegram:"
KEYS = Keys("bk", 16)


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path, options=DURABLE, cores=os.sched_getaffinity(0))
    yield server
    server.stop()


def test_copies_lie_where_botkit_looks_for_them(redis: RedisServer) -> None:
    record, seen = KEYS.of(f"{PLACE}{MODEL}", "c x")
    redis.client.hset(record, mapping={"s": "state", "v": "1"})
    redis.client.zadd(seen, {"an event": 1})
    redis.client.pexpire(seen, 100_000)
    fill(redis, model=MODEL, first_chat=FIRST, chats=2500)
    assert redis.client.dbsize() == 2 * 2501
    for chat in (FIRST, FIRST + 2499):
        record, seen = KEYS.of(f"{PLACE}{chat}", "c x")
        assert redis.client.hgetall(record) == {b"s": b"state", b"v": b"1"}
        assert redis.client.zrange(seen, 0, -1) == [b"an event"]
        assert 0 < int(redis.client.pttl(seen)) <= 100_000


def test_the_log_is_complete_when_the_store_is_full(redis: RedisServer) -> None:
    redis.client.set(KEYS.of(f"{PLACE}{MODEL}", "c")[0], "x")
    fill(redis, model=MODEL, first_chat=FIRST, chats=10)
    told = redis.client.info("persistence")
    assert isinstance(told, dict)
    assert (told["aof_enabled"], told["aof_rewrite_in_progress"]) == (1, 0)


def test_work_under_way_is_not_copied(redis: RedisServer) -> None:
    record, mail = KEYS.of(f"{PLACE}{MODEL}", "c m")
    redis.client.set(record, "x")
    redis.client.rpush(mail, "an event")
    redis.client.pexpire(mail, 200)
    fill(redis, model=MODEL, first_chat=FIRST, chats=10)
    assert redis.client.dbsize() == 11


def test_a_chat_of_which_nothing_is_stored_is_no_model(redis: RedisServer) -> None:
    with pytest.raises(LookupError, match="nothing is stored"):
        fill(redis, model=MODEL, first_chat=FIRST, chats=1, seconds=0.2)
