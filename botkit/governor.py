"""Keeps an account that the service refuses for now from being tried again too soon."""

from collections.abc import Callable

from msgspec import Struct

from botkit.conversation import Account

#: Failures in a row that pause an account.
FAILURES = 10

_FIRST_PAUSE = 5.0
_LONGEST_PAUSE = 60.0


class _State(Struct):
    failures: int = 0
    pause: float = _FIRST_PAUSE
    until: float = 0.0


class Governor:
    """One process's view of the services: paused by a 429 for exactly as long as it says, or by failures in a row.

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
        left = state.until - self._time()
        if left <= 0 < state.until and state.failures >= FAILURES:
            # This caller is the probe; the others wait for what becomes of it.
            state.until = self._time() + state.pause
        return max(0.0, left)

    def pause(self, account: Account, seconds: float) -> None:
        """Rests the account for that long: the service asked for it."""
        state = self._states.setdefault(account, _State())
        state.until = max(state.until, self._time() + seconds)

    def failed(self, account: Account) -> None:
        """Notes that the service could not be reached or had trouble of its own."""
        state = self._states.setdefault(account, _State())
        state.failures += 1
        if state.failures < FAILURES:
            return
        if state.failures > FAILURES:
            state.pause = min(2 * state.pause, _LONGEST_PAUSE)
        state.until = self._time() + state.pause

    def worked(self, account: Account) -> None:
        """Notes that the service answered."""
        self._states.pop(account, None)
