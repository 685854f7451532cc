"""Waiting for other processes, which no clock of ours moves."""

import time
from collections.abc import Callable


def wait_until(holds: Callable[[], bool], *, seconds: float = 30, told: Callable[[], object] = str) -> None:
    """Returns when something holds; fails after so many seconds, and says what `told` tells there is instead."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {told()}"
        time.sleep(0.01)
