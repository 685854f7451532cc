"""What the parts of the simulated SMSGold share: its switches, its memory and its accounts."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol, runtime_checkable

import httpx
from msgspec import Struct

from botkit.adapter import Adapter
from botkit.clock import Clock
from botkit.redaction import Secret
from botkit.simulators.simulator import Simulator
from botkit.simulators.smsgold_state import Accepted, Bot, State


@runtime_checkable
class SmsGoldAccount(Protocol):
    """What the service must know of an adapter."""

    @property
    def user(self) -> str:
        """The account's id, with that of a sub-user after a dot."""
        ...

    @property
    def password(self) -> Secret:
        """Its password."""
        ...

    @property
    def bot_id(self) -> str:
        """The bot that is connected to it."""
        ...


class Account(Struct, frozen=True):
    """An account as it was opened."""

    user: str
    password: Secret
    bot_id: str


class Servers(Simulator):
    """The switches may be set at any time; what they are set to is forgotten on a restart."""

    #: How errors come: with an HTTP status of `statuses`, or with 200.
    error_style: Literal["status", "ok"] = "status"
    statuses: Mapping[str, int] = {"auth": 401, "parameters": 400, "unknown": 404}
    #: How lists come: as they are, in an object by their name, or in one under another name.
    list_style: Literal["bare", "wrapped", "odd"] = "bare"
    #: What stands beside a list in its object, such as where it goes on.
    list_members: Mapping[str, Any] = {}
    #: What an accepted message is answered with.
    sent_style: Literal["id", "inner id", "no id", "empty", "text"] = "id"
    #: The longest text, in UTF-16 units.
    longest_text: int = 4096

    def __init__(self, clock: Clock, transport: httpx.AsyncBaseTransport | None = None) -> None:
        super().__init__(clock, transport)
        self.state = State()
        self.accounts: dict[str, Account] = {}

    def add_account(self, adapter: Adapter) -> None:
        """Opens an account and connects its bot. Raises TypeError for one without a user, a password and a bot.

        The adapter's clock becomes the simulator's.
        """
        if adapter.channel != self.channel or not isinstance(adapter, SmsGoldAccount):
            raise TypeError("the simulated SMSGold opens accounts for SMSGold adapters")
        if not adapter.password or not adapter.bot_id:
            raise TypeError("the simulated SMSGold opens accounts for adapters with a password and a bot")
        self.accounts[adapter.ta] = Account(adapter.user, adapter.password, adapter.bot_id)
        if hasattr(adapter, "clock"):
            adapter.clock = self.clock

    def admits(self, ta: str, credentials: Mapping[str, Any]) -> bool:
        """Whether these credentials are an account's."""
        account = self.accounts[ta]
        return (credentials.get("user"), credentials.get("pass")) == (account.user, account.password.reveal())

    def bot(self, ta: str) -> Bot:
        """Returns what is remembered of an account's bot."""
        return self.state.bots.setdefault(ta, Bot())

    def accepted(self, ta: str) -> Sequence[Accepted]:
        """Returns the messages that were taken for an account's subscribers, oldest first."""
        return self.bot(ta).accepted

    def next_id(self) -> str:
        """Returns the id of a message, 24 hexadecimal digits, later than those of an earlier run."""
        self.state.last_id = max(self.state.last_id + 1, int(self.clock.timestamp() * 1000) << 16)
        return f"{self.state.last_id:024x}"
