"""How often the simulated SMSC may be asked: equal requests, requests at once, and addresses that ask badly."""

from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b

from msgspec import Struct

from botkit.clock import Clock
from botkit.simulators.smsc_formats import BLOCKED, LOGIN, PARAMETERS, TOO_MANY, Call, RefusedError

#: A window slides over so many seconds.
WINDOW = 60
#: So many requests of one login at once are one too many.
AT_ONCE = 15


class Rule(Struct, frozen=True):
    """How many requests pass in a window; only equal ones are counted together, or all of the script."""

    most: int
    is_equal: bool
    text: str


CONTACTS = Rule(3, is_equal=True, text="more than three identical requests a minute")
SEND = Rule(1, is_equal=True, text="more than one identical message a minute")
COST = Rule(5, is_equal=True, text="more than five identical cost requests a minute")
BALANCE = Rule(10, is_equal=False, text="more than ten balance requests a minute")


class Limits:
    """Counts requests. What it refuses for their number is not counted itself.

    After `bad_requests` within a minute that are refused with code 1 or 2, an IP address gets nothing but code 4 for
    `block_seconds`.
    """

    def __init__(self, clock: Clock) -> None:
        self.bad_requests = 30
        self.block_seconds = 600.0
        self._clock = clock
        self._passed: dict[bytes, deque[float]] = {}
        self._bad: dict[str, deque[float]] = {}
        self._blocked: dict[str, float] = {}
        self._at_once: Counter[str] = Counter()

    def admit(self, client: str, call: Call) -> None:
        """Counts a request. Raises RefusedError for one too many."""
        rule = _rule(call)
        if rule is None:
            return
        passed = self._recent(self._passed.setdefault(_key(client, call, rule), deque()))
        if len(passed) >= rule.most:
            raise RefusedError(TOO_MANY, rule.text)
        passed.append(self._clock.timestamp())

    @contextmanager
    def slot(self, client: str) -> Iterator[None]:
        """Counts a request while it runs. Raises RefusedError where too many do."""
        self._at_once[client] += 1
        try:
            if self._at_once[client] >= AT_ONCE:
                raise RefusedError(TOO_MANY, "too many concurrent requests")
            yield
        finally:
            self._at_once[client] -= 1

    def check_address(self, ip: str) -> None:
        """Raises RefusedError for an IP address that is blocked."""
        if self._blocked.get(ip, 0) > self._clock.timestamp():
            raise RefusedError(BLOCKED, "the IP address is temporarily blocked")

    def note(self, ip: str, code: int) -> None:
        """Notes that a request of an IP address was refused."""
        if code not in (PARAMETERS, LOGIN):
            return
        bad = self._recent(self._bad.setdefault(ip, deque()))
        bad.append(self._clock.timestamp())
        if len(bad) >= self.bad_requests:
            self._blocked[ip] = self._clock.timestamp() + self.block_seconds
            bad.clear()

    def _recent(self, times: deque[float]) -> deque[float]:
        while times and times[0] <= self._clock.timestamp() - WINDOW:
            times.popleft()
        return times


def _rule(call: Call) -> Rule | None:
    if call.script == "send":
        return COST if call.get("cost") == "1" else SEND
    return {"phones": CONTACTS, "balance": BALANCE}.get(call.script)


def _key(client: str, call: Call, rule: Rule) -> bytes:
    parts = sorted(call.fields.items()) if rule.is_equal else []
    return blake2b(repr((client, call.script, rule.text, parts)).encode("utf-8", "replace"), digest_size=16).digest()
