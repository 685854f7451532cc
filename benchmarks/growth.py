"""Fills a Redis with conversations in botkit's own format: copies of one that the bot has led."""

import time
from collections.abc import Iterator, Sequence
from typing import Any

import redis

from botkit.redis.bounds import Bounds
from botkit.redis.keys import Keys

_BATCH = 5000


def fill(client: redis.Redis, *, model: int, first_chat: int, chats: int) -> None:
    """Copies all that is stored of the chat `model` to so many chats from `first_chat` on.

    The log is off meanwhile, and complete again at the end. Raises LookupError where nothing is stored of `model`.
    """
    stored = _read(client, model)
    client.config_set("appendonly", "no")
    pipe = client.pipeline(transaction=False)
    for chat in range(first_chat, first_chat + chats):
        for key, life, value in _copies(stored, model, chat):
            pipe.restore(key, life, value, replace=True)
        if len(pipe) >= _BATCH:
            pipe.execute()
    pipe.execute()
    client.config_set("appendonly", "yes")
    _await_log(client)


def _read(client: redis.Redis, model: int) -> Sequence[tuple[str, int, bytes]]:
    found = []
    for name in client.scan_iter(match=f"*{model}*", count=1000):
        value: Any = client.dump(name)
        life: Any = client.pttl(name)
        found.append((name.decode(), max(life, 0), value))
    if not found:
        raise LookupError(f"nothing is stored of chat {model}")
    return found


def _copies(stored: Sequence[tuple[str, int, bytes]], model: int, chat: int) -> Iterator[tuple[str, int, bytes]]:
    keys = Keys("bk", Bounds().partitions)
    for name, life, value in stored:
        # {bk:<partition>}:<kind>:<conversation>
        _, kind, cid = name.split("}", 1)[1].split(":", 2)
        yield keys.of(cid.replace(str(model), str(chat)), kind)[0], life, value


def _await_log(client: redis.Redis) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        told: Any = client.info("persistence")
        if not told["aof_rewrite_in_progress"] and not told["aof_rewrite_scheduled"]:
            return
        time.sleep(0.05)
    raise TimeoutError("Redis has not written its log within two minutes")
