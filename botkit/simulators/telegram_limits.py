"""How much a bot may send to the simulated Telegram: a chat, a group and a bot each have a limit of their own.

https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this
"""

from collections import deque
from math import ceil

from botkit.clock import Clock
from botkit.simulators.telegram_parameters import ApiError

#: One chat takes so many messages at once, and so many a second after that.
CHAT_BURST, CHAT_RATE = 5, 1.0
#: One group takes so many messages within any so many seconds.
GROUP_MESSAGES, GROUP_SECONDS = 20, 60.0
#: One bot may send so many messages within any second, and so many when it pays for them.
BOT_MESSAGES, PAID_MESSAGES, BOT_SECONDS = 30, 1000, 1.0


class Limits:
    """Counts what was taken; a call that is refused does not count."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._buckets: dict[tuple[str, int], tuple[float, float]] = {}
        self._windows: dict[tuple[str, int], deque[float]] = {}

    def take(self, ta: str, chat_id: int, *, is_group: bool = False, is_paid: bool = False) -> None:
        """Counts one message of a bot to a chat. Raises ApiError with how many seconds to wait."""
        now = self._clock.timestamp()
        left = self._left(ta, chat_id, now)
        sent = self._window(ta, 0, now, BOT_SECONDS)
        in_group = self._window(ta, chat_id, now, GROUP_SECONDS)
        wait = max(
            (1 - left) / CHAT_RATE,
            _wait(sent, PAID_MESSAGES if is_paid else BOT_MESSAGES, now, BOT_SECONDS),
            _wait(in_group, GROUP_MESSAGES, now, GROUP_SECONDS) if is_group else 0,
        )
        if wait > 0:
            seconds = max(ceil(wait), 1)
            raise ApiError(429, f"retry after {seconds}", retry_after=seconds)
        self._buckets[ta, chat_id] = (left - 1, now)
        sent.append(now)
        in_group.append(now)

    def _left(self, ta: str, chat_id: int, now: float) -> float:
        left, since = self._buckets.get((ta, chat_id), (float(CHAT_BURST), now))
        return min(left + max(now - since, 0) * CHAT_RATE, float(CHAT_BURST))

    def _window(self, ta: str, chat_id: int, now: float, seconds: float) -> deque[float]:
        window = self._windows.setdefault((ta, chat_id), deque())
        while window and window[0] + seconds <= now:
            window.popleft()
        return window


def _wait(window: deque[float], most: int, now: float, seconds: float) -> float:
    return window[-most] + seconds - now if len(window) >= most else 0.0
