"""The store's contract on a cluster: the very tests that each kind of single server passes."""

from collections.abc import AsyncIterator, Iterator

import pytest
import redis.asyncio.cluster

from botkit.redis.acl import acl_rules
from botkit.redis.embedded import ServerKind
from tests.faults.redis_cluster import RedisCluster
from tests.redis import conftest as stores
from tests.redis import (
    test_accounts,
    test_audit,
    test_broadcasts,
    test_contacts,
    test_dead_letters,
    test_deliveries,
    test_ledger,
    test_retention,
    test_steps,
    test_store,
    test_store_outbox,
    test_store_timers,
    test_submissions,
)

#: What is said of one server; test_cluster.py says what a cluster does instead.
OF_ONE_SERVER = (
    "test_a_replica_is_unavailable_until_it_is_the_primary",
    "test_nothing_is_stored_while_the_server_has_no_memory_left",
    "test_settings_of_the_server_can_be_asked_for",
    "test_botkit_s_own_user_is_not_told_them",
    "test_people_who_come_once_do_not_make_the_store_grow_for_ever",
)
MODULES = (
    *(test_accounts, test_audit, test_broadcasts, test_contacts, test_dead_letters, test_deliveries, test_ledger),
    *(test_retention, test_steps, test_store, test_store_outbox, test_store_timers, test_submissions),
)

for _module in MODULES:
    globals().update({
        name: value
        for name, value in vars(_module).items()
        if name not in OF_ONE_SERVER and (name.startswith("test_") or hasattr(value, "_fixture_function"))
    })  # fmt: skip

# Not those that a module has for itself.
clock, make_store, store = stores.clock, stores.make_store, stores.store


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    with RedisCluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture
def kind() -> ServerKind:
    return ServerKind.REDIS


@pytest.fixture
async def raw(cluster: RedisCluster) -> AsyncIterator["redis.asyncio.cluster.RedisCluster"]:
    """An ordinary client of the cluster, which is empty."""
    first = cluster.servers[0]
    async with redis.asyncio.cluster.RedisCluster("127.0.0.1", first.port, protocol=2) as client:
        await client.flushall(target_nodes=client.PRIMARIES)
        yield client


@pytest.fixture
async def own_url(cluster: RedisCluster, raw: "redis.asyncio.cluster.RedisCluster") -> str:
    """The address of the cluster, which is empty, for botkit's own user, who is made on every server."""
    rules = dict.fromkeys(rule for prefix in stores.PREFIXES for rule in acl_rules(prefix))
    for server in cluster.servers:
        server.ask("ACL", "SETUSER", "botkit", "reset", "on", ">canary-password", *rules)
    return cluster.url.replace("://", "://botkit:canary-password@")
