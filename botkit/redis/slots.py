"""Which server of a cluster has which keys."""

from binascii import crc_hqx
from collections.abc import Iterable, Sequence
from typing import Any

from botkit.redis.urls import join_address
from botkit.redis.wire import Command

SLOTS = 16384

_SCRIPTS = ("EVALSHA", "EVAL")
# Of those that are used here; what they tell is of one server.
_KEYLESS = ("PING", "SCAN", "CONFIG", "INFO", "DBSIZE", "KEYS", "CLUSTER", "SCRIPT")


def slot_of(command: Command) -> int | None:
    """Returns the slot of a command's key, of which all others it has must be; None if it has none.

    Raises ValueError for a command that tells of one server only: ask it of a server.
    """
    if command[0] == "PING":
        return None
    if command[0] in _KEYLESS:
        raise ValueError(f"{command[0]} tells of one server: ask each server of the cluster")
    key = command[3 if command[0] in _SCRIPTS else 1]
    return key_slot(key if isinstance(key, bytes) else str(key).encode("utf-8", "surrogatepass"))


def key_slot(key: bytes) -> int:
    """Returns the slot of a key: the CRC-16 of its hash tag, or of the whole where it has none, modulo how many."""
    begin = key.find(b"{") + 1
    end = key.find(b"}", begin)
    return crc_hqx(key[begin:end] if begin > 0 and end > begin else key, 0) % SLOTS


class SlotMap:
    """The server of each slot, as `host:port`, and `others`, their replicas."""

    def __init__(self, ranges: Iterable[tuple[int, int, str]] = (), others: Iterable[str] = ()) -> None:
        self._owners = [""] * SLOTS
        for first, last, address in ranges:
            self._owners[first : last + 1] = [address] * (last + 1 - first)
        self.others = tuple(dict.fromkeys(others))

    def owner(self, slot: int) -> str:
        """Returns the address of the server that has a slot; empty if none is known to."""
        return self._owners[slot]

    def move(self, slot: int, address: str) -> None:
        """Notes that another server has a slot."""
        self._owners[slot] = address

    @property
    def primaries(self) -> Sequence[str]:
        """Every server that has a slot."""
        return [address for address in dict.fromkeys(self._owners) if address]


def read_slots(answer: Sequence[Any], asked: str) -> SlotMap:
    """Returns what CLUSTER SLOTS answers at the address `asked`."""
    host = asked.rpartition(":")[0].strip("[]")
    ranges, others = [], []
    for first, last, primary, *replicas in answer:
        # A server that does not know how it is reached names no host: it is the one that was asked.
        names = [join_address(name.decode() if name else host, port) for name, port, *_ in (primary, *replicas)]
        ranges.append((first, last, names[0]))
        others += names[1:]
    return SlotMap(ranges, others)
