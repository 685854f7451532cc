"""How long a call of the store is repeated."""

import pytest

from botkit.exceptions import StoreUnavailableError
from botkit.store import insist


class Silent:
    """A store that does not answer before so many calls."""

    def __init__(self, until: int) -> None:
        self.calls = 0
        self._until = until

    async def __call__(self) -> int:
        self.calls += 1
        if self.calls < self._until:
            raise StoreUnavailableError("no answer")
        return self.calls


async def test_a_call_is_repeated_until_it_is_answered() -> None:
    assert await insist(Silent(3), seconds=60) == 3


async def test_a_call_is_repeated_for_its_time_and_then_given_up() -> None:
    silent = Silent(1_000_000)
    with pytest.raises(StoreUnavailableError, match="no answer"):
        await insist(silent, seconds=0.3)
    assert 2 <= silent.calls <= 7
