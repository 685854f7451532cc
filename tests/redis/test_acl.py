"""The store works as a user who may do nothing else: the whole suite of the store runs as that user."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import redis.asyncio
from redis.exceptions import NoPermissionError, ResponseError

import botkit.redis
from botkit.clock import Clock
from botkit.redis.acl import COMMANDS, acl_rules, key_patterns
from botkit.redis.embedded import ServerKind
from botkit.redis.store import RedisStore
from tests.conftest import Servers
from tests.redis.conftest import confined

PACKAGE = Path(botkit.redis.__file__).parent


@pytest.fixture
async def client(kind: ServerKind, servers: Servers) -> AsyncIterator["redis.asyncio.Redis"]:
    """An ordinary client that is botkit's user."""
    if kind is ServerKind.FAKE:
        pytest.skip("fakeredis has no users")
    async with redis.asyncio.Redis.from_url(await confined(servers.url(kind)), protocol=2) as client:
        yield client


@pytest.mark.parametrize(
    "command",
    [
        "FLUSHALL",
        "FLUSHDB",
        "CONFIG SET maxmemory 1",
        "CONFIG GET requirepass",
        "CONFIG REWRITE",
        "KEYS *",
        "SCRIPT FLUSH",
        "SCRIPT KILL",
        "FUNCTION LIST",
        "ACL LIST",
        "ACL SETUSER botkit +@all",
        "CLIENT LIST",
        "DEBUG SLEEP 0",
        "MONITOR",
        "SHUTDOWN NOSAVE",
        "SAVE",
        "REPLICAOF localhost 1",
        "MODULE LIST",
        "INFO",
        "SUBSCRIBE news",
        "RANDOMKEY",
        "SORT bk:meta",
        "DUMP bk:meta",
        "MIGRATE localhost 1 bk:meta 0 1",
        "RENAME bk:meta bk:other",
    ],
)
async def test_whatever_reaches_beyond_the_store_is_denied(client: "redis.asyncio.Redis", command: str) -> None:
    with pytest.raises(ResponseError) as refused:
        await client.execute_command(*command.split())  # type: ignore[no-untyped-call]
    # One that this server does not know is denied, too.
    assert isinstance(refused.value, NoPermissionError) or re.search("unknown|not allowed", str(refused.value).lower())


@pytest.mark.parametrize("key", ["other", "bk2:meta", "{other:0}:c:x", "{bk2:0}:c:x", "bk", "x{bk:0}"])
async def test_keys_of_others_are_denied(client: "redis.asyncio.Redis", key: str) -> None:
    with pytest.raises(NoPermissionError):
        await client.get(key)
    with pytest.raises(NoPermissionError):
        await client.set(key, "1")


@pytest.mark.parametrize("script", ["return redis.call('GET', KEYS[1])", "return redis.call('GET', 'other')"])
async def test_no_script_reaches_them_either(client: "redis.asyncio.Redis", script: str) -> None:
    with pytest.raises((NoPermissionError, ResponseError)):
        await client.eval(script, 1, "other" if "KEYS" in script else "bk:meta")


async def test_a_script_runs_no_command_that_is_denied(client: "redis.asyncio.Redis") -> None:
    with pytest.raises(ResponseError):
        await client.eval("return redis.call('FLUSHALL')", 0)


async def test_a_store_opens_as_that_user_and_keeps_what_it_is_given(
    client: "redis.asyncio.Redis", kind: ServerKind, servers: Servers, raw: "redis.asyncio.Redis"
) -> None:
    store = RedisStore(await confined(servers.url(kind)), clock=Clock())
    await store.ingest("telegram:demo:1", "e" * 22, b"{}", token="", window=60)
    assert await store.is_idle("telegram:demo:1") is False
    await store.close()


def test_every_command_of_a_script_is_allowed() -> None:
    used = {
        name.lower() for path in PACKAGE.glob("lua/*.lua") for name in re.findall(r"call\('(\w+)'", path.read_text())
    }
    assert used
    assert used <= set(COMMANDS)


def test_no_command_is_allowed_that_nothing_uses() -> None:
    texts = " ".join(
        path.read_text().lower()
        for path in PACKAGE.rglob("*.*")
        if path.name != "acl.py"
        if path.suffix in (".py", ".lua")
    )
    # redis-py itself chooses the database; replicas are waited for where the settings ask for it.
    words = {command.partition("|")[2] or command for command in COMMANDS} - {"select", "wait"}
    assert {word for word in words if not re.search(rf"[\"']{word}[\"']", texts)} == set()


def test_signs_of_patterns_in_a_prefix_mean_themselves() -> None:
    assert key_patterns("b*[k]:") == [r"{b\*\[k\]:*", r"b\*\[k\]:*"]


def test_the_rules_give_nothing_back_that_they_took() -> None:
    rules = acl_rules("bk")
    assert rules[:4] == ["resetkeys", "~{bk:*", "~bk:*", "resetchannels"]
    assert rules[4] == "-@all"
    assert not [rule for rule in rules if rule.startswith(("+@", "allkeys", "~*", "nopass"))]
