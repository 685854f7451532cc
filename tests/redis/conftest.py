"""A store for each test, on every kind of server that this machine has."""

from collections.abc import AsyncIterator
from typing import Protocol

import pytest
import redis.asyncio

from botkit.clock import Clock
from botkit.redis.acl import acl_rules
from botkit.redis.audit import audit
from botkit.redis.bounds import Bounds
from botkit.redis.embedded import ServerKind, find_servers
from botkit.redis.store import RedisStore
from tests.conftest import Servers
from tests.redis.fake_server import Server

#: Of all stores that tests make on one server.
PREFIXES = ("bk", "bk1", "bk[1]")


class MakeStore(Protocol):
    def __call__(self, *, prefix: str = "bk", bounds: Bounds | None = None, clock: Clock | None = None) -> RedisStore:
        """Returns a store that is closed when the test ends."""
        ...


async def confined(url: str, *prefixes: str) -> str:
    """Returns the address of the server for botkit's own user, who is made there."""
    rules = dict.fromkeys(rule for prefix in prefixes or ("bk",) for rule in acl_rules(prefix))
    rules = dict.fromkeys(["reset", "on", ">canary-password", *rules])
    async with redis.asyncio.Redis.from_url(url, protocol=2) as client:
        # The order counts: `resetkeys` stands before all patterns, `-@all` before all commands.
        await client.execute_command("ACL", "SETUSER", "botkit", *rules)  # type: ignore[no-untyped-call]
    scheme, _, place = url.partition("://")
    return f"{scheme}://botkit:canary-password@{place}"


@pytest.fixture(params=[server.kind for server in find_servers()], ids=lambda kind: str(kind.value))
def kind(request: pytest.FixtureRequest) -> ServerKind:
    value: ServerKind = request.param
    return value


@pytest.fixture
async def raw(kind: ServerKind, servers: Servers) -> AsyncIterator["redis.asyncio.Redis"]:
    """An ordinary client of the database, which is empty."""
    async with redis.asyncio.Redis.from_url(servers.url(kind), protocol=2) as client:
        await client.flushdb()
        yield client


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def own_url(kind: ServerKind, servers: Servers, raw: "redis.asyncio.Redis") -> str:
    """The address of the database, which is empty, for one who may do nothing there but what a store must."""
    # fakeredis has no users.
    return servers.url(kind) if kind is ServerKind.FAKE else await confined(servers.url(kind), *PREFIXES)


@pytest.fixture
async def make_store(own_url: str, clock: Clock) -> AsyncIterator[MakeStore]:
    made: list[RedisStore] = []
    default = clock

    def make(*, prefix: str = "bk", bounds: Bounds | None = None, clock: Clock | None = None) -> RedisStore:
        made.append(RedisStore(own_url, clock=clock or default, prefix=prefix, bounds=bounds))
        return made[-1]

    yield make
    for store in made:
        await store.close()


@pytest.fixture
async def store(make_store: MakeStore) -> AsyncIterator[RedisStore]:
    """A store with small bounds; after the test its structure must be whole."""
    store = make_store(bounds=Bounds(mailbox=3, outbox=2, timers=2, partitions=2))
    yield store
    assert await audit(store) == []


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """One that answers OK to everything, until it is told otherwise."""
    server = Server()
    await server.start()
    yield server
    await server.stop()
