"""Says when a message may go out: within the rates of its service, and not while that asks to be left alone."""

from collections.abc import Callable

from msgspec import Struct

from botkit.accounts import Bucket, Rates
from botkit.adapter import Adapter
from botkit.clock import Clock
from botkit.conversation import Account, Conversation
from botkit.outgoing import Outgoing
from botkit.store import Turn, insist

#: Failures in a row that pause an account.
FAILURES = 10

_FIRST_PAUSE = 5.0
_LONGEST_PAUSE = 60.0


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
        self._circuit = Circuit(clock.timestamp)
        self._rests_until: dict[Account, float] = {}
        self._asked_at: dict[Account, float] = {}

    async def wait(self, adapter: Adapter, to: Conversation, turn: Turn, outgoing: Outgoing) -> Hold | None:
        """Returns how long the message must wait; None lets this caller try it now.

        What is worth nothing later is not counted. Raises StoreUnavailableError.
        """
        now = self._clock.timestamp()
        if (rest := self._rests_until.get(adapter.account, 0) - now) > 0:
            return Hold(rest)
        self._rests_until.pop(adapter.account, None)
        if rest := self._circuit.wait(adapter.account):
            return Hold(rest)
        if outgoing.message.is_transient:
            return await self._ask(adapter.account, [])
        pace = adapter.chat_pace(to)
        if pace and (wait := pace.wait(turn.record.paced_ms / 1000, now)):
            return Hold(wait, is_pace=True)
        return await self._ask(adapter.account, _buckets(adapter, outgoing))

    async def _ask(self, account: Account, buckets: list[Bucket]) -> Hold | None:
        now = self._clock.timestamp()
        if not buckets and 0 <= now - self._asked_at.get(account, 0) < _NEWS:
            return None
        self._asked_at[account] = now
        rest, wait = await self._accounts.take(account, buckets)
        if rest:
            self._rests_until[account] = now + rest
            return Hold(rest)
        return Hold(wait, is_pace=True) if wait else None

    async def wait_to_broadcast(self, adapter: Adapter) -> Hold | None:
        """Returns how long a request for many people must wait; None lets it go, and counts it."""
        pace = adapter.paces.broadcast
        return await self._ask(adapter.account, [Bucket("br", pace)]) if pace else None

    async def pause(self, account: Account, seconds: float) -> None:
        """Rests the account for that long in every process: the service asked for it. Raises StoreUnavailableError."""
        until = self._clock.timestamp() + seconds
        self._rests_until[account] = max(self._rests_until.get(account, 0), until)
        await insist(lambda: self._accounts.rest(account, seconds))

    def failed(self, account: Account) -> None:
        """Notes that the service could not be reached or had trouble of its own."""
        self._circuit.failed(account)

    def worked(self, account: Account) -> None:
        """Notes that the service answered."""
        self._circuit.worked(account)


def _buckets(adapter: Adapter, outgoing: Outgoing) -> list[Bucket]:
    """Returns what a message takes from; one of a broadcast leaves half of the account's burst to replies."""
    paces = adapter.paces
    buckets = []
    if paces.account:
        burst = paces.account.at_once
        left = min((burst + 1) // 2, burst - 1) if outgoing.broadcast else 0
        buckets.append(Bucket("rl", paces.account, left))
    # What goes out for many people in one request is counted there.
    if paces.broadcast and outgoing.broadcast and not adapter.max_receivers:
        buckets.append(Bucket("br", paces.broadcast))
    return buckets


class _State(Struct):
    rests_until: float = 0.0
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
        self._states: dict[Account, _State] = {}

    def wait(self, account: Account) -> float:
        """Returns the seconds until the account may be tried again; 0 lets this caller try."""
        state = self._states.get(account)
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
        state = self._states.setdefault(account, _State())
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
        self._states.pop(account, None)
