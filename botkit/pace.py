"""How fast messages may follow one another, as data."""

import math
from collections.abc import Mapping

from msgspec import Struct

from botkit.exceptions import SettingsError


class Pace(Struct, frozen=True):
    """At most `limit` messages in any `seconds`, `burst` of them at once; without `burst`, a fifth of the limit.

    A larger burst leaves less for the rest of the time. A window holds its beginning and not its end. Raises
    ValueError for a limit below one, no time, or a burst above the limit.
    """

    limit: int
    seconds: float
    burst: int = 0

    def __post_init__(self) -> None:
        if self.limit < 1 or not 0 < self.seconds < math.inf or not 0 <= self.burst <= self.limit:
            raise ValueError("a pace needs a limit of at least 1, a time, and a burst that is no more than the limit")

    @property
    def at_once(self) -> int:
        """How many may go out at the same moment, when there were none for a while."""
        return self.burst or max(1, self.limit // 5)

    @property
    def interval(self) -> float:
        """The seconds between two messages once the burst is used up."""
        return self.seconds / (self.limit - self.at_once + 1)

    def wait(self, used_until: float, now: float) -> float:
        """Returns the seconds until a message may go out, where what went out before takes until `used_until`."""
        if used_until > now + (self.at_once + 1) * self.interval:
            # No message of ours goes that far: a clock was set back.
            return 0
        wait = used_until - now - (self.at_once - 1) * self.interval
        # Less than a microsecond is what seconds since 1970 are rounded by.
        return wait if wait > 1e-6 else 0


class Paces(Struct, frozen=True):
    """What a service takes from one account, from one of its conversations, in a group, and of broadcasts.

    None stands for no limit.
    """

    account: Pace | None = None
    chat: Pace | None = None
    group: Pace | None = None
    broadcast: Pace | None = None


def read_paces(prefix: str, environ: Mapping[str, str], default: Paces) -> Paces:
    """Returns the default with `<prefix>_RATE` for the account and `<prefix>_CHAT_RATE` for each conversation.

    Both in messages a second, 0 for no limit. A limit for groups stays unless conversations have none. Raises
    SettingsError for anything but a number from 0 to 1,000,000.
    """
    account, chat = environ.get(f"{prefix}_RATE", "").strip(), environ.get(f"{prefix}_CHAT_RATE", "").strip()
    chat_pace = _read_rate(f"{prefix}_CHAT_RATE", chat) if chat else default.chat
    return Paces(
        account=_read_rate(f"{prefix}_RATE", account) if account else default.account,
        chat=chat_pace,
        group=default.group if chat_pace else None,
        broadcast=default.broadcast,
    )


def _read_rate(setting: str, text: str) -> Pace | None:
    try:
        rate = float(text)
    except ValueError:
        rate = math.nan
    if not (rate == 0 or 0.0001 <= rate <= 1_000_000):
        raise SettingsError(
            f"{setting} is not a number of messages a second from 0.0001 to 1000000, nor 0",
            fix="set it to such a number, to 0 for no limit, or unset it for the service's own limit",
        )
    if rate == 0:
        return None
    limit = max(1, int(rate))
    return Pace(limit, limit / rate)
