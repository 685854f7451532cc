"""How much the store on Redis keeps, and for how long."""

from msgspec import Struct


class Bounds(Struct, frozen=True):
    """How much is kept, and how long work is held. Times in seconds, sizes in entries."""

    lease: float = 10
    mailbox: int = 1000
    outbox: int = 1000
    ids: int = 2000
    timers: int = 16
    reply: float = 7200
    receipt: float = 4 * 86400
    value: float = 366 * 86400
    letter: float = 30 * 86400
    partitions: int = 16
