"""What all parts of the simulated Rapporto share: its switches, its memory, its accounts and its numbers."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import httpx
from msgspec import Struct

from botkit.adapter import Adapter
from botkit.clock import Clock
from botkit.gateways.rapporto import Rapporto
from botkit.simulators.rapporto_state import Fate, State, Violation
from botkit.simulators.simulator import Person, Simulator, phone_number

#: Seconds before each repeat of a callback; after the last one it is given up.
PAUSES = (60.0,) * 5
#: A callback must be answered within so many seconds.
ANSWER_SECONDS = 10.0
#: How long the same text to one number is a duplicate, in seconds.
DUPLICATE_SECONDS = 24 * 3600.0

TYPES = ("SMS", "VIBER", "WHATSAPP", "TELEGRAM", "VK", "PUSH", "FLASHINGCALL", "TGCODE", "MAX")
_FIRST_NUMBER = 1_000_000_000


class Credentials(Struct, frozen=True):
    """An account: how it is let in, what was agreed with it, and where its API is."""

    login: str
    password: str
    via: str
    address: str
    cascades: bool
    resubmission: bool


class Ending(Struct, frozen=True):
    """What becomes of messages, and the `errorCode` where it is nothing good."""

    fate: Fate = "read"
    error_code: str = ""


class Servers(Simulator):
    """The switches may be set at any time; what they are set to is forgotten on a restart."""

    #: Whether cascades, and control of repeated ids, are on; None is what the account's own settings believe.
    cascades: bool | None = None
    resubmission: bool | None = None
    #: Whether the same text to the same number is refused for a day.
    blocks_duplicates: bool = False
    #: The addresses that may call; None is all of them.
    callers: frozenset[str] | None = None
    #: How many requests a second are taken; 0 is any number.
    per_second: int = 0
    #: The types that are enabled.
    types: Sequence[str] = TYPES
    #: The sender of messages that name none; empty where the account has none.
    sender: str = "SHOP"
    #: The senders that an account may use; None is any.
    senders: frozenset[str] | None = None
    #: The shortest ttl of a TELEGRAM message in seconds: one page has 31, another 30.
    telegram_least_ttl: int = 31
    #: Whether WHATSAPP takes any ttl up to a week, as one page's example has it.
    lenient_ttl: bool = False
    #: Whether members that nobody knows are refused.
    is_strict: bool = False
    #: How a request is refused that is no JSON by its header: with HTTP 415, or with code 4.
    wrong_content_type: Literal["415", "code"] = "415"

    #: Seconds from sending to the statuses 0, 2 (or 5) and 9.
    delays: tuple[float, float, float] = (0, 0, 0)
    #: The ttl of messages that have none, in seconds.
    default_ttl: float = 24 * 3600
    #: Whether a cascade goes on as soon as a way is refused, and not only when its time is over.
    hurries: bool = False
    #: Hours from UTC by the first digits of a number; the longest that fits counts.
    offsets: Mapping[str, int] = {"7": 3}

    #: Seconds before each repeat of a callback that was not answered with 2xx.
    pauses: Sequence[float] = PAUSES
    #: Real seconds within which a callback must be answered.
    answer_seconds: float = ANSWER_SECONDS
    #: Whether what is due is posted before the answer to a request is given.
    reports_early: bool = False
    #: How often each report is posted.
    report_copies: int = 1
    #: Whether the newest of the reports that are due is posted first.
    reports_backwards: bool = False
    #: Members that are added to each report.
    report_members: Mapping[str, Any] = {}

    def __init__(self, clock: Clock, transport: httpx.AsyncBaseTransport | None = None) -> None:
        super().__init__(clock, transport)
        self.state = State()
        #: What becomes of messages, by number and type; `*` stands for all that are not named.
        self.endings: dict[tuple[str, str], Ending] = {}
        self._accounts: dict[str, Credentials] = {}
        self._addresses: dict[tuple[str, str], str] = {}

    def add_account(self, adapter: Adapter) -> None:
        """Makes the adapter's login known. Raises TypeError for an adapter without one."""
        if not isinstance(adapter, Rapporto) or not adapter.has_credentials:
            raise TypeError("the simulated Rapporto opens accounts for Rapporto adapters with a login")
        self._accounts[adapter.ta] = Credentials(
            adapter.login,
            adapter.password.reveal(),
            adapter.via,
            adapter.api_url,
            cascades=adapter.cascades,
            resubmission=adapter.resubmission,
        )

    def console(self, ta: str, kind: str, url: str) -> None:
        """Enters the address of reports or of inbound messages, as Rapporto's support does."""
        self._addresses[ta, kind] = url

    def address(self, ta: str, kind: str) -> str:
        """Returns the address that was entered, or nothing."""
        return self._addresses.get((ta, kind), "")

    def account(self, ta: str) -> Credentials:
        """Returns an account. Raises KeyError for one that nobody opened."""
        return self._accounts[ta]

    def accounts_of(self, login: str) -> Mapping[str, Credentials]:
        """Returns the accounts that share a login."""
        return {ta: account for ta, account in self._accounts.items() if account.login == login}

    @property
    def secrets(self) -> Sequence[str]:
        """Every password."""
        return [account.password for account in self._accounts.values()]

    def has_cascades(self, ta: str) -> bool:
        """Whether an account may send cascades."""
        return self.account(ta).cascades if self.cascades is None else self.cascades

    def has_resubmission(self, ta: str) -> bool:
        """Whether an account's repeated ids are dropped."""
        return self.account(ta).resubmission if self.resubmission is None else self.resubmission

    def set_fate(self, fate: Fate, *, error_code: str = "", person: Person | None = None, kind: str = "*") -> None:
        """Says what becomes of messages from now on: of all, of a person's, of a type, or of a person's of a type."""
        number = phone_number(person).removeprefix("+") if person else "*"
        self.endings[number, kind] = Ending(fate, error_code)

    def ending_of(self, number: str, kind: str) -> Ending:
        """Returns what becomes of a message of a type to a number."""
        places = ((number, kind), (number, "*"), ("*", kind), ("*", "*"))
        return next((self.endings[place] for place in places if place in self.endings), Ending())

    def offset_of(self, number: str) -> int:
        """Returns how many hours from UTC a number's owner is."""
        fitting = sorted((digits for digits in self.offsets if number.startswith(digits)), key=len)
        return self.offsets[fitting[-1]] if fitting else 3

    def next_number(self) -> int:
        """Returns a number for a message, later than those of an earlier run."""
        earliest = _FIRST_NUMBER + int(self.clock.timestamp() * 1000)
        self.state.last_number = max(self.state.last_number + 1, earliest)
        return self.state.last_number

    def note(self, ta: str, what: str) -> None:
        """Writes down what a client should not have done."""
        self.state.violations = [*self.state.violations[-999:], Violation(ta, self.clock.timestamp(), what)]
