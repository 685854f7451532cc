"""What all parts of the simulated Viber share: its switches, its memory, its accounts and its numbers."""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import httpx
from msgspec import Struct

from botkit.adapter import Adapter
from botkit.channels.viber import Viber
from botkit.clock import Clock
from botkit.session_rules import SessionRules
from botkit.simulators.simulator import Simulator
from botkit.simulators.viber_state import Bot, State

#: Where a callback came from; means nothing to anybody.
HOST = "SN-CHAT-05_"

#: Seconds before each repeat of a callback; after the last one it is given up.
PAUSES = (10, 60, 300, 600, 900, 900, 900, 900, 900, 900)
#: A webhook must answer within so many seconds.
ANSWER_SECONDS = 5

_FIRST_TOKEN = 5_000_000_000_000_000_000
_TOKENS_A_MILLISECOND = 100_000


class Oddity(Struct, frozen=True):
    """How the service spoils one answer, which comes with HTTP 200 all the same.

    `status` replaces the answer's own, `without` names members that are left out, `extra` has members that are added.
    `before` tells whether the call is forgotten (true), as a refusal is, or carried out all the same (false).
    """

    status: int | None = None
    without: Sequence[str] = ()
    extra: Mapping[str, Any] = {}
    before: bool = False

    def spoil(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the answer as it goes out."""
        status = {} if self.status is None else {"status": self.status}
        kept = {name: value for name, value in {**answer, **status}.items() if name not in self.without}
        return {**kept, **self.extra}


class Servers(Simulator):
    """The switches may be set at any time; what they are set to is forgotten on a restart."""

    #: How callbacks are signed: in the header, in the query, in both, not at all, or with another key.
    signatures: Literal["both", "header", "query", "none", "wrong"] = "both"
    #: How callbacks are written: compactly, or with spaces, escapes and the members in another order.
    spelling: Literal["compact", "odd"] = "compact"
    #: Seconds before each repeat of a callback that was not answered with 200.
    pauses: Sequence[float] = PAUSES
    #: Real seconds within which a webhook must answer.
    answer_seconds: float = ANSWER_SECONDS
    #: Whether a callback that is not answered in time is posted again while the first one still runs.
    repeats_early: bool = False

    #: Whether messages are reported.
    receipts: bool = True
    #: What is reported of a message that the device shows; `delivered` comes once from each device.
    reports: Sequence[Literal["delivered", "seen"]] = ("delivered", "seen")
    #: Whether the reports of a message arrive before the bot has the answer to its call.
    reports_early: bool = False
    #: Whether devices refuse what the API took: reported as failed then.
    devices_refuse: bool = False
    #: Whether the API takes what only looks wrong (colours, sizes, formats), so that the device reports it as failed.
    checks_on_device: bool = False
    #: Whether the first opening of a chat subscribes, as one page of Viber's documentation has it.
    opening_subscribes: bool = False

    #: Whether the API bounds how often it is called: 100 messages an hour to somebody who does not answer, broadcasts,
    #: details of a person.
    has_limits: bool = True
    #: Whether the bot may broadcast.
    may_broadcast: bool = True
    #: Two-letter codes of the countries whose people get nothing of the bot's.
    blocked_countries: frozenset[str] = frozenset()

    #: Whether the bot pays for messages outside of sessions.
    is_billable: bool = False
    #: How many of them are free in a calendar month; None is 10 000, but 0 for a bot that pays.
    free_messages: int | None = None
    #: How many of them a bot that pays has the money for.
    balance: int = 10_000
    #: Whether Viber's session of 24 hours starts with the message that opened it, or with the person's last one.
    window: Literal["fixed", "sliding"] = "fixed"

    #: What `violations` and the count of sessions go by.
    rules: SessionRules = SessionRules()
    #: What follows the last message of a session by `rules`: the next session, or a refusal until somebody answers.
    at_max_messages: Literal["new_session", "refuse"] = "new_session"
    #: What one message too many in a row brings, beside the entry in `violations`.
    at_max_in_row: Literal["note", "end_session", "refuse"] = "note"

    def __init__(self, clock: Clock, transport: httpx.AsyncBaseTransport | None = None) -> None:
        super().__init__(clock, transport)
        #: How the next answers are spoiled, first come first served.
        self.oddities: deque[Oddity] = deque()
        #: Why welcome messages were not shown, newest last.
        self.refused_welcomes: list[str] = []
        self.state = State()
        self._tokens: dict[str, str] = {}
        self._addresses: dict[str, str] = {}

    def add_account(self, adapter: Adapter) -> None:
        """Makes the adapter's bot known, by its first token. Raises TypeError for an adapter without one."""
        if not isinstance(adapter, Viber) or not adapter.has_credentials:
            raise TypeError("the simulated Viber opens accounts for Viber adapters with a token")
        self._tokens[adapter.ta] = next(iter(adapter.secrets())).reveal()
        self._addresses[adapter.ta] = adapter.api_url

    def owner(self, token: str) -> str | None:
        """Returns the account that has this token."""
        return next((ta for ta, known in self._tokens.items() if known == token), None)

    def token(self, ta: str) -> str:
        """Returns the token of an account, which also signs its callbacks."""
        return self._tokens[ta]

    def bot(self, ta: str) -> Bot:
        """Returns what is remembered of a bot."""
        return self.state.bots.setdefault(ta, Bot())

    def next_token(self) -> int:
        """Returns a message_token: 19 digits, more than a float can hold, and later than those of an earlier run."""
        earliest = _FIRST_TOKEN + int(self.clock.timestamp() * 1000) * _TOKENS_A_MILLISECOND
        self.state.last_token = max(self.state.last_token + 1, earliest)
        return self.state.last_token

    def age(self, token: int) -> float:
        """Returns how many seconds ago a message_token was given out; negative for one that was not."""
        if token > self.state.last_token:
            return -1
        return self.clock.timestamp() - (token - _FIRST_TOKEN) / _TOKENS_A_MILLISECOND / 1000

    def file_url(self, ta: str, name: str) -> str:
        """Returns a new address of a file of this name, at the API of the account."""
        return f"{self._addresses[ta]}/media/{self.next_token()}/{name}"
