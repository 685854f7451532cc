"""The one source of time: the system's clock plus an offset that tests and simulators may move."""

import time
from datetime import UTC, datetime, timedelta


class Clock:
    """Tells the time; `advance` moves it for everybody who shares the object.

    The offset reaches Redis as an argument of every script, so that stored instants move along.
    It is zero outside tests and simulators.
    """

    def __init__(self) -> None:
        self.offset = timedelta()

    def now(self) -> datetime:
        """Returns the present as an aware UTC instant."""
        return datetime.now(UTC) + self._offset

    def timestamp(self) -> float:
        """Returns the present in seconds since the epoch."""
        return time.time() + self._seconds

    def monotonic(self) -> float:
        """Returns seconds since some moment, which go on evenly whatever is done to the machine's wall clock."""
        return time.monotonic() + self._seconds

    def advance(self, *, seconds: float = 0, minutes: float = 0, hours: float = 0, days: float = 0) -> None:
        """Moves the clock forward; a test does this instead of sleeping."""
        self.offset += timedelta(seconds=seconds, minutes=minutes, hours=hours, days=days)

    @property
    def offset(self) -> timedelta:
        """By how much the clock is ahead of the system's."""
        return self._offset

    @offset.setter
    def offset(self, offset: timedelta) -> None:
        self._offset = offset
        self._seconds = offset.total_seconds()
        #: The same in whole milliseconds, as the scripts take it.
        self.offset_ms = round(1000 * self._seconds)
