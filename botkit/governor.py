"""Says when a message may go out: within the rates of its service, and not while that asks to be left alone."""

import math
from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from botkit.accounts import Bucket, Rates
from botkit.adapter import Adapter
from botkit.clock import Clock
from botkit.conversation import Account, Conversation
from botkit.outgoing import Outgoing
from botkit.pace import Pace
from botkit.store import insist
from botkit.turn import Turn

#: Failures in a row that pause an account.
FAILURES = 10

_FIRST_PAUSE = 5.0
_LONGEST_PAUSE = 60.0


# By how much slower requests for many are made than is allowed.
_SLACK = 1.15

# How long a process may not know that another one was told to leave an account alone, in seconds.
_NEWS = 1.0


class Hold(Struct, frozen=True):
    """A message must wait for so many seconds: for a rate, or because its account rests."""

    seconds: float
    is_pace: bool = False


class Governor:
    """Keeps all processes together within what the services take.

    An account whose service asks for it rests in every process, for exactly as long as it says. Accounts with a rate
    are asked for in the store before each message; of the others, what other processes were told is known within a
    second. A conversation's own pace travels with its turn, and costs nothing.
    """

    def __init__(self, accounts: Rates, clock: Clock) -> None:
        self._accounts = accounts
        self._clock = clock
        self._circuit = Circuit(clock.monotonic)
        self._in_trouble = self._circuit.states
        self._rests_until: dict[Account, float] = {}
        self._asked_at: dict[Account, float] = {}

    def lets_pass(self, adapter: Adapter, to: Conversation, outgoing: Outgoing) -> bool:
        """Whether a message may go out as nothing rests or is paced, and what other processes were told is known.

        It is found without asking the store; where it does not hold, `wait` finds out how things stand.
        """
        if self._rests_until or self._in_trouble or adapter.paces.account or outgoing.broadcast:
            return False
        asked_at = self._asked_at.get(to.account, -math.inf)
        return 0 <= self._clock.monotonic() - asked_at < _NEWS and adapter.chat_pace(to) is None

    async def wait(self, adapter: Adapter, to: Conversation, turn: Turn, outgoing: Outgoing) -> Hold | None:
        """Returns how long the message must wait; None lets this caller try it now.

        What is worth nothing later is not counted. Raises StoreUnavailableError.
        """
        now = self._clock.monotonic()
        if (rest := self._rests_until.get(adapter.account, -math.inf) - now) > 0:
            return Hold(rest)
        self._rests_until.pop(adapter.account, None)
        if rest := self._circuit.wait(adapter.account):
            return Hold(rest)
        if outgoing.message.is_transient:
            return await self._ask(adapter.account, [])
        pace = adapter.chat_pace(to)
        if pace and (wait := pace.wait(turn.record.paced_ms / 1000, self._clock.timestamp())):
            return Hold(wait, is_pace=True)
        return await self._ask(adapter.account, _buckets(adapter, outgoing))

    async def _ask(self, account: Account, buckets: list[Bucket]) -> Hold | None:
        now = self._clock.monotonic()
        if not buckets and 0 <= now - self._asked_at.get(account, -math.inf) < _NEWS:
            return None
        self._asked_at[account] = now
        rest, wait = await self._accounts.take(account, buckets)
        if rest:
            self._rests_until[account] = now + rest
            return Hold(rest)
        return Hold(wait, is_pace=True) if wait else None

    async def wait_to_broadcast(self, adapter: Adapter) -> Hold | None:
        """Returns how long a request for many people must wait; None lets it go, and counts it."""
        own = _account_bucket(adapter, is_broadcast=True) if adapter.counts_requests else None
        if own:
            # Everybody in it is noted before it leaves, which takes now longer and now shorter.
            own = replace(own, pace=replace(own.pace, seconds=_SLACK * own.pace.seconds))
        buckets = [bucket for bucket in (own, _bucket("br", adapter.paces.broadcast)) if bucket]
        return await self._ask(adapter.account, buckets) if buckets else None

    async def pause(self, account: Account, seconds: float) -> None:
        """Rests the account for that long in every process: the service asked for it. Raises StoreUnavailableError."""
        until = self._clock.monotonic() + seconds
        self._rests_until[account] = max(self._rests_until.get(account, -math.inf), until)
        await insist(lambda: self._accounts.rest(account, seconds))

    def failed(self, account: Account) -> None:
        """Notes that the service could not be reached or had trouble of its own."""
        self._circuit.failed(account)

    def worked(self, account: Account) -> None:
        """Notes that the service answered."""
        if self._in_trouble:
            self._circuit.worked(account)


def is_shared(adapter: Adapter, outgoing: Outgoing) -> bool:
    """Whether a message may go out in one request with the same to others; not with ways that the service follows."""
    joined = outgoing.trail.joined if outgoing.trail else 1
    return bool(outgoing.broadcast and adapter.max_receivers) and joined == 1


def _buckets(adapter: Adapter, outgoing: Outgoing) -> list[Bucket]:
    """Returns what a message takes from."""
    is_broadcast = bool(outgoing.broadcast)
    if is_shared(adapter, outgoing):
        # What goes out for many people in one request is counted there.
        found = [None if adapter.counts_requests else _account_bucket(adapter, is_broadcast=True)]
    else:
        pace = adapter.paces.broadcast if is_broadcast else None
        found = [_account_bucket(adapter, is_broadcast=is_broadcast), _bucket("br", pace)]
    return [bucket for bucket in found if bucket]


def _account_bucket(adapter: Adapter, *, is_broadcast: bool) -> Bucket | None:
    """Returns the account's rate; a broadcast leaves half of its burst to replies."""
    burst = adapter.paces.account.at_once if adapter.paces.account else 0
    return _bucket("rl", adapter.paces.account, min((burst + 1) // 2, burst - 1) if is_broadcast else 0)


def _bucket(name: str, pace: Pace | None, left: int = 0) -> Bucket | None:
    return Bucket(name, pace, left) if pace else None


class _State(Struct):
    rests_until: float = -math.inf
    failures: int = 0
    pause: float = _FIRST_PAUSE
    is_probing: bool = False


class Circuit:
    """One process's view of services in trouble.

    After ten failures (no connection, 5xx) an account rests for 5 seconds, then one attempt is let through; each
    failure of that doubles the rest, up to 60 seconds. `time` tells seconds.
    """

    def __init__(self, time: Callable[[], float]) -> None:
        self._time = time
        #: The accounts whose services had trouble and have not answered since.
        self.states: dict[Account, _State] = {}

    def wait(self, account: Account) -> float:
        """Returns the seconds until the account may be tried again; 0 lets this caller try."""
        state = self.states.get(account)
        if state is None:
            return 0
        now = self._time()
        left = max(0.0, state.rests_until - now)
        if not left and state.failures >= FAILURES:
            # This caller is the probe; the others wait for what becomes of it.
            state.is_probing = True
            state.rests_until = now + state.pause
        return left

    def failed(self, account: Account) -> None:
        """Notes that the service could not be reached or had trouble of its own."""
        state = self.states.setdefault(account, _State())
        state.failures += 1
        if state.failures > FAILURES and not state.is_probing:
            # It was on its way when the rest began, and tells nothing new.
            return
        if state.is_probing:
            state.pause = min(2 * state.pause, _LONGEST_PAUSE)
        if state.failures >= FAILURES:
            state.is_probing = False
            state.rests_until = self._time() + state.pause

    def worked(self, account: Account) -> None:
        """Notes that the service answered."""
        self.states.pop(account, None)
