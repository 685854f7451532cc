"""A clock for simulators that only a test moves."""

from datetime import datetime

from botkit.clock import Clock


class StoppedClock(Clock):
    """Stands at an instant until it is advanced."""

    def __init__(self, at: datetime) -> None:
        super().__init__()
        self._at = at

    def now(self) -> datetime:
        return self._at + self.offset

    def timestamp(self) -> float:
        return self.now().timestamp()
