"""What a service counts: plain numbers, in memory that its processes share, put into words when somebody asks."""

import mmap
import os
import tempfile
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

if TYPE_CHECKING:
    from botkit.conversation import Account

#: The bounds of every histogram, in seconds; a last bucket takes what is above.
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

# A histogram's cells: its buckets, the one above them, and the sum of what was observed.
_HISTOGRAM = len(BOUNDS) + 2
_SUM = len(BOUNDS) + 1
# The first cell tells which series are kept in the others.
_FIRST = 1
_BYTES = 8


class Family(Struct, frozen=True):
    """One metric: its name without `botkit_` and the ending of its kind, and what it tells.

    Its series differ by `label`, which takes these `values` and no others, and `of_account` by channel and account.
    """

    name: str
    kind: Literal["counter", "histogram"]
    help: str
    label: str = ""
    values: tuple[str, ...] = ("",)
    of_account: bool = True

    @property
    def cells(self) -> int:
        """How many numbers one of its series needs."""
        return _HISTOGRAM if self.kind == "histogram" else 1


_QUEUES = ("mailbox", "outbox")

#: All that is counted.
FAMILIES = (
    Family("webhook_seconds", "histogram", "From a webhook's first byte to its answer, refused ones too."),
    Family(
        "webhooks_refused",
        "counter",
        "Webhooks not answered with 200. Without an account: nobody here has the one that it names.",
        "reason",
        ("forbidden", "method", "slow", "large", "unavailable", "left", "other"),
    ),
    Family("events_accepted", "counter", "Events stored, each to be handled once."),
    Family("events_duplicate", "counter", "Events that were known already: repeats, which change nothing."),
    Family("events_conflicting", "counter", "Duplicates that say something else than the first: the first counts."),
    Family("events_full", "counter", "Events answered with 503 since the conversation's mailbox is full."),
    Family("events_stale", "counter", "Events dropped as older than repeats are remembered."),
    Family("events_unreadable", "counter", "Genuine bodies that could not be read, and were kept."),
    Family("welcome_missed", "counter", "Webhooks whose answer was not ready in its time: the service asks again."),
    Family("events_committed", "counter", "Events whose transition was committed."),
    Family("events_fenced", "counter", "Commits refused because another process holds the conversation."),
    Family("events_dead", "counter", "Events that became dead letters."),
    Family("handler_failures", "counter", "Attempts at an event that failed, dead letters included."),
    Family("handler_seconds", "histogram", "How long handlers ran, failed ones too."),
    Family(
        "sends",
        "counter",
        "Attempts to send, by what is known of them; throttled: the service said 429 or its like.",
        "outcome",
        ("sent", "refused", "throttled", "not_sent", "unknown"),
    ),
    Family("send_repeats", "counter", "Attempts after a message's first: no more than these can have arrived twice."),
    Family("send_seconds", "histogram", "How long attempts to send took."),
    Family("messages_given_up", "counter", "Messages that will not arrive."),
    Family(
        "claim_lag_seconds",
        "histogram",
        "From when a conversation was due to its claim; what is handled where it was accepted is not claimed.",
        "queue",
        _QUEUES,
        of_account=False,
    ),
    Family("leases_lost", "counter", "Conversations lost to other processes.", "queue", _QUEUES, of_account=False),
    Family("loop_lag_seconds", "histogram", "How late the event loop ran what was due.", of_account=False),
    Family("loop_blocked", "counter", "Times that the event loop stood still for two seconds.", of_account=False),
)


class Series(Struct, frozen=True):
    """The numbers of one metric with one set of labels: one, or a histogram's buckets and its sum."""

    family: Family
    labels: Mapping[str, str]
    numbers: Sequence[float]


class Memory(Struct, frozen=True):
    """Where the processes of a service keep their numbers: a file for each, by its descriptor, and which is `own`.

    A process that takes the place of another goes on where that one stopped. Without files, a process is alone.
    """

    files: tuple[int, ...] = ()
    own: int = 0


def shared_files(number: int) -> tuple[int, ...]:
    """Returns the descriptors of so many files that nobody else can open, gone with the last process that has them."""
    return tuple(_nameless_file() for _ in range(number))


def _nameless_file() -> int:
    # In memory alone where the system can: no folder need be writable.
    if hasattr(os, "memfd_create"):
        return os.memfd_create("botkit-metrics")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


class Metrics:
    """Counts for these accounts; what belongs to none of them is counted without an account.

    Which series there are is settled here. To count costs a fraction of a microsecond, and is seen at once by all
    processes that share the memory.
    """

    def __init__(self, accounts: "Iterable[Account]" = (), memory: Memory | None = None) -> None:
        self._memory = memory or Memory()
        self._families: list[tuple[Family, Account | None, str, int]] = []
        self._places: dict[Account | None, dict[tuple[str, str], int]] = {}
        size = _FIRST
        for account in (None, *dict.fromkeys(accounts)):
            self._places[account] = places = {}
            for family in FAMILIES:
                for value in family.values if family.of_account or account is None else ():
                    places[family.name, value] = size
                    self._families.append((family, account, value, size))
                    size += family.cells
        self._nowhere = self._places[None]
        self._size = size * _BYTES
        self._layout = _digest(self._families)
        self._cells = self._open()

    def _open(self) -> "memoryview[float]":
        if not self._memory.files:
            return _view(mmap.mmap(-1, self._size))
        file = self._memory.files[self._memory.own]
        if os.fstat(file).st_size < self._size:
            os.ftruncate(file, self._size)
        cells = _view(mmap.mmap(file, self._size))
        if cells[0] != self._layout:
            # Never cut short: who reads it at this moment would be killed.
            for place in range(len(cells)):
                cells[place] = 0.0
            cells[0] = self._layout
        return cells

    # --- counting ---

    def count(self, name: str, account: "Account | None" = None, value: str = "") -> None:
        """Adds one to a counter."""
        self._cells[self._places.get(account, self._nowhere)[name, value]] += 1.0

    def observe(self, name: str, seconds: float, account: "Account | None" = None, value: str = "") -> None:
        """Adds a time to a histogram."""
        first = self._places.get(account, self._nowhere)[name, value]
        self._cells[first + bisect_left(BOUNDS, seconds)] += 1.0
        self._cells[first + _SUM] += seconds

    # --- reading ---

    def read(self) -> Iterator[Series]:
        """Yields every series, in the order of `FAMILIES`, with what all processes have counted."""
        found = self._found()
        order = {family.name: number for number, family in enumerate(FAMILIES)}
        for family, account, value, first in sorted(self._families, key=lambda kept: order[kept[0].name]):
            numbers = [sum(cells[first + step] for cells in found) for step in range(family.cells)]
            labels = {"channel": account.channel if account else "", "account": account.ta if account else ""}
            named = labels if family.of_account else {}
            yield Series(family, named | ({family.label: value} if family.label else {}), numbers)

    @property
    def processes(self) -> int:
        """How many processes have counted so far, those that took another's place not among them."""
        return len(self._found())

    def _found(self) -> list[Sequence[float]]:
        if not self._memory.files:
            return [self._cells.tolist()]
        read = [array("d", os.pread(file, self._size, 0)[: self._size]) for file in self._memory.files]
        # One that has just begun, or that counts for other accounts, has nothing to add.
        return [cells for cells in read if len(cells) * _BYTES == self._size and cells[0] == self._layout]


def _view(memory: mmap.mmap) -> "memoryview[float]":
    # Of all that can be counted with in shared memory, this is added to fastest; whole numbers are exact up to 2**53.
    return memoryview(memory).cast("B").cast("d")


def _digest(families: "Sequence[tuple[Family, Account | None, str, int]]") -> float:
    # Only processes that count need it: with it comes OpenSSL, three MiB that the parent of them has no use for.
    import hashlib

    text = repr([(family.name, family.kind, account, value, first) for family, account, value, first in families])
    return float(int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=6).digest()) + 1)
