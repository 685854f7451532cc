"""Fills a Redis with conversations in botkit's own format: copies of one that the bot has led."""

import socket
import time
from collections.abc import Iterator, Sequence
from typing import Any

import hiredis
import redis

from benchmarks.redis_server import RedisServer
from botkit.redis.bounds import Bounds
from botkit.redis.keys import Keys

_BATCH = 2000
_OK = b"+OK\r\n"


def fill(server: RedisServer, *, model: int, first_chat: int, chats: int, seconds: float = 10) -> None:
    """Copies all that is stored of the chat `model` to so many chats from `first_chat` on.

    The log is off meanwhile, and complete again at the end. Raises LookupError where nothing is stored of `model`, or
    work on it goes on for so many seconds.
    """
    keys = Keys("bk", Bounds().partitions)
    stored = _read(server.client, model, seconds)
    server.client.config_set("appendonly", "no")
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        for first in range(first_chat, first_chat + chats, _BATCH):
            batch = range(first, min(first + _BATCH, first_chat + chats))
            _send(connection, [copy for chat in batch for copy in _copies(keys, stored, model, chat)])
    server.client.config_set("appendonly", "yes")
    _await_log(server.client)


def _send(connection: socket.socket, copies: Sequence[tuple[str, int, bytes]]) -> None:
    # redis-py takes ten times as long to pack as many commands, which for a million conversations is minutes.
    commands: list[tuple[Any, ...]] = [("RESTORE", *copy, "REPLACE") for copy in copies]
    connection.sendall(b"".join(map(hiredis.pack_command, commands)))
    answer = b""
    while len(answer) < len(copies) * len(_OK):
        answer += connection.recv(65536)
        if answer != _OK * (len(answer) // len(_OK)) + _OK[: len(answer) % len(_OK)]:
            raise RuntimeError(f"Redis does not take a copy: {answer[:200]!r}")


def _read(client: redis.Redis, model: int, seconds: float) -> Sequence[tuple[str, int, bytes]]:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        names = [name.decode() for name in client.scan_iter(match=f"*{model}*", count=1000)]
        # Mail and messages are work under way: a copy of them would be done again for every chat.
        if names and not any(_kind(name) in ("m", "o") for name in names):
            return [(name, *_value(client, name)) for name in names]
        time.sleep(0.05)
    raise LookupError(f"nothing is stored of chat {model}, or work on it does not end")


def _value(client: redis.Redis, name: str) -> tuple[int, bytes]:
    life: Any = client.pttl(name)
    value: Any = client.dump(name)
    return max(life, 0), value


def _kind(name: str) -> str:
    # {bk:<partition>}:<kind>:<conversation>
    return name.split(":")[2]


def _copies(
    keys: Keys, stored: Sequence[tuple[str, int, bytes]], model: int, chat: int
) -> Iterator[tuple[str, int, bytes]]:
    for name, life, value in stored:
        cid = name.split(":", 3)[3]
        yield keys.of(cid.replace(str(model), str(chat)), _kind(name))[0], life, value


def _await_log(client: redis.Redis) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        told: Any = client.info("persistence")
        if not told["aof_rewrite_in_progress"] and not told["aof_rewrite_scheduled"]:
            return
        time.sleep(0.05)
    raise TimeoutError("Redis has not written its log within two minutes")
