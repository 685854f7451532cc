"""Keeps an account that the service refuses for now from being tried again too soon."""

from collections.abc import Callable

from msgspec import Struct

from botkit.conversation import Account

#: Failures in a row that pause an account.
FAILURES = 10

_FIRST_PAUSE = 5.0
_LONGEST_PAUSE = 60.0


class _State(Struct):
    # Until when the service asked to be left alone, and until when its failures are reason to.
    asked_until: float = 0.0
    rests_until: float = 0.0
    failures: int = 0
    pause: float = _FIRST_PAUSE
    is_probing: bool = False


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
        now = self._time()
        left = max(0.0, state.asked_until - now, state.rests_until - now)
        if not left and state.failures >= FAILURES:
            # This caller is the probe; the others wait for what becomes of it.
            state.is_probing = True
            state.rests_until = now + state.pause
        return left

    def pause(self, account: Account, seconds: float) -> None:
        """Rests the account for that long: the service asked for it."""
        state = self._states.setdefault(account, _State())
        state.asked_until = max(state.asked_until, self._time() + seconds)

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
        """Notes that the service answered; a pause that it asked for goes on."""
        state = self._states.pop(account, None)
        if state is not None and state.asked_until > self._time():
            self._states[account] = _State(asked_until=state.asked_until)
