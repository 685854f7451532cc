"""What SMSC allows one login: so many connections at once, so many equal requests a minute.

https://smsc.ru/api/http/: the fifteenth connection, and the fourth equal request for contacts within a minute, are
error 9.
"""

import asyncio
from collections import deque
from weakref import WeakKeyDictionary

from msgspec import Struct, field

#: Of the fourteen that SMSC takes; the rest is left to other processes.
CONNECTIONS = 8
#: How many windows are kept; those that have passed make room.
MAX_WINDOWS = 1000


class Window(Struct, frozen=True):
    """At most `limit` equal requests in any `seconds`: a minute, and room for one that travels longer."""

    limit: int
    seconds: float = 61


EQUAL_CONTACTS, EQUAL_PRICES, BALANCES = Window(3), Window(5), Window(10)


class Limits(Struct):
    """What one login has in flight, and has asked within the last minute."""

    connections: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(CONNECTIONS))
    _asked: dict[str, deque[float]] = {}

    def wait(self, request: str, window: Window, now: float) -> float:
        """Notes a request that may go out now, and returns 0; else returns the seconds until it may."""
        if len(self._asked) >= MAX_WINDOWS:
            self._forget(now)
        times = self._asked.setdefault(request, deque())
        while times and times[0] <= now - window.seconds:
            times.popleft()
        if len(times) >= window.limit:
            return times[0] + window.seconds - now
        times.append(now)
        return 0

    def _forget(self, now: float) -> None:
        longest = EQUAL_CONTACTS.seconds
        self._asked = {name: times for name, times in self._asked.items() if times and times[-1] > now - longest}


# The one state of this process that no object owns: SMSC counts by login, and accounts that share one know nothing of
# each other. A semaphore belongs to its event loop, and goes with it.
_SHARED: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, Limits]] = WeakKeyDictionary()


def shared_limits(login: str) -> Limits:
    """Returns what all accounts of this process keep together under one login."""
    return _SHARED.setdefault(asyncio.get_running_loop(), {}).setdefault(login, Limits())
