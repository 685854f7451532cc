"""A Redis Cluster of servers in processes of their own: primaries with a replica each, and what happens to one.

    with RedisCluster(tmp_path) as cluster:                # 3 primaries and 3 replicas that serve all slots
        cluster.url                                        # what botkit takes
        cluster.owner(slot)                                # the server that has a slot
        cluster.promote_for(server)                        # its replica takes its place, as an operator does it
        cluster.move_slot(slot, to=server)                 # with its keys, one by one, as resharding does
        server.kill(); cluster.wait_until_replaced(server) # a server is lost, and its replica elected

Everything here blocks: beside work on the event loop call it by `asyncio.to_thread`.
"""

import contextlib
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import redis

from tests.faults.redis_child import RedisChild
from tests.waiting import wait_until

SLOTS = 16384
#: After so long without an answer a server counts as lost, in milliseconds.
NODE_TIMEOUT_MS = 1500


class RedisCluster:
    """So many primaries, each with one replica; the slots are spread evenly."""

    def __init__(self, folder: Path, *, primaries: int = 3, **options: str) -> None:
        settings = {
            "cluster-enabled": "yes",
            "cluster-node-timeout": str(NODE_TIMEOUT_MS),
            # A replica that is behind may take over too: what is tested is what becomes of that.
            "cluster-replica-validity-factor": "0",
            "cluster-require-full-coverage": "no",
        } | options
        self.servers = [
            RedisChild(folder / f"server{number}", fsync="everysec", options=settings)
            for number in range(2 * primaries)
        ]
        self._stack = ExitStack()

    @property
    def url(self) -> str:
        """Where botkit finds the cluster, whichever of its servers is gone."""
        return "redis+cluster://" + ",".join(f"127.0.0.1:{server.port}" for server in self.servers)

    def __enter__(self) -> Self:
        with self._stack:
            for server in self.servers:
                self._stack.push(server)
                server.start(wait=False)
            for server in self.servers:
                server.wait_until_ready()
            self._join()
            # From here on they live until `__exit__`.
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _join(self) -> None:
        chiefs = self.servers[: len(self.servers) // 2]
        for number, chief in enumerate(chiefs):
            # Each its own: of one epoch they would first have to settle who is who.
            chief.ask("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            begin, end = (SLOTS * each // len(chiefs) for each in (number, number + 1))
            chief.ask("CLUSTER", "ADDSLOTS", *range(begin, end))
        for server in self.servers[1:]:
            self.servers[0].ask("CLUSTER", "MEET", "127.0.0.1", server.port)
        wait_until(lambda: all(len(_view(server)) == len(self.servers) for server in self.servers))
        for chief, server in zip(chiefs, self.servers[len(chiefs) :], strict=True):
            server.ask("CLUSTER", "REPLICATE", _name(chief))
        self.wait_until_whole()

    # --- who has what ---

    @property
    def living(self) -> list[RedisChild]:
        """The servers whose processes run."""
        return [server for server in self.servers if server.is_running]

    def owner(self, slot: int) -> RedisChild:
        """Returns the server that has a slot, by what most of them think."""
        owners = [port for server in self.living if (port := _port_of(server, slot))]
        port = max(owners, key=owners.count)
        return next(server for server in self.servers if server.port == port)

    def primaries(self) -> list[RedisChild]:
        """Returns the living servers that are no replicas."""
        return [server for server in self.living if server.ask("ROLE")[0] == b"master"]

    def replica_of(self, server: RedisChild) -> RedisChild:
        """Returns a living server that follows this one."""
        found = [each for each in self.living if (role := each.ask("ROLE"))[0] == b"slave" and role[2] == server.port]
        return found[0]

    def wait_until_whole(self) -> None:
        """Returns when all who live agree on who has what, and every replica follows somebody."""
        wait_until(self._is_whole)

    def _is_whole(self) -> bool:
        with contextlib.suppress(redis.RedisError, OSError):
            return len({_slots(server) for server in self.living}) == 1 and all(map(_is_fine, self.living))
        return False

    # --- what happens to it ---

    def be_patient(self, milliseconds: int = NODE_TIMEOUT_MS) -> None:
        """Sets after how long without an answer a server counts as lost."""
        for server in self.living:
            server.ask("CONFIG", "SET", "cluster-node-timeout", milliseconds)

    def promote_for(self, server: RedisChild) -> RedisChild:
        """Lets a replica take the place of a living server, which becomes its replica; returns it."""
        heir = self.replica_of(server)
        heir.ask("CLUSTER", "FAILOVER")
        wait_until(lambda: heir.ask("ROLE")[0] == b"master")
        self.wait_until_whole()
        return heir

    def wait_until_replaced(self, server: RedisChild) -> None:
        """Returns when others serve the slots of a server that is gone, and all who are left agree on it."""
        wait_until(lambda: all(f":{server.port}" not in text for each in self.living for text in _slots(each)))
        self.wait_until_whole()

    def move_slot(self, slot: int, *, to: RedisChild, pause: float = 0) -> int:
        """Moves a slot with its keys, each of which takes `pause` seconds more; returns how many there were."""
        return self.begin_move(slot, to=to, pause=pause)()

    def begin_move(self, slot: int, *, to: RedisChild, pause: float = 0) -> Callable[[], int]:
        """Begins to move a slot; what it returns moves the keys and ends it."""
        source = self.owner(slot)
        to.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", _name(source))
        source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", _name(to))

        def finish() -> int:
            moved = 0
            with source.client() as client:
                while keys := client.execute_command("CLUSTER", "GETKEYSINSLOT", slot, 1):
                    client.execute_command("MIGRATE", "127.0.0.1", to.port, "", 0, 5000, "KEYS", *keys)
                    moved += 1
                    time.sleep(pause)
            for server in (to, source, *self.primaries()):
                server.ask("CLUSTER", "SETSLOT", slot, "NODE", _name(to))
            return moved

        return finish


def _name(server: RedisChild) -> str:
    name: bytes = server.ask("CLUSTER", "MYID")
    return name.decode()


def _view(server: RedisChild) -> list[list[str]]:
    """Returns what a server thinks of all of them, a line of words each."""
    told: bytes = server.ask("CLUSTER", "NODES")
    return [line.split() for line in told.decode().splitlines()]


def _slots(server: RedisChild) -> frozenset[str]:
    """Returns which addresses a server thinks have which slots."""
    chiefs = [words for words in _view(server) if "master" in words[2]]
    return frozenset(f"{words[1]} {part}" for words in chiefs for part in words[8:] if not part.startswith("["))


def _port_of(server: RedisChild, slot: int) -> int:
    with contextlib.suppress(redis.RedisError, OSError):
        for first, last, (_, port, *_), *_ in server.ask("CLUSTER", "SLOTS"):
            if first <= slot <= last:
                return int(port)
    return 0


def _is_fine(server: RedisChild) -> bool:
    told: bytes = server.ask("CLUSTER", "INFO")
    role = server.ask("ROLE")
    is_linked = role[0] == b"master" or role[3] == b"connected"
    return is_linked and b"cluster_state:ok" in told and b"cluster_slots_ok:%d" % SLOTS in told
