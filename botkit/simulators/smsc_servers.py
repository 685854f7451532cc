"""What all parts of the simulated SMSC share: its switches, its memory, its accounts and its numbers."""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from hashlib import md5
from typing import Literal, Protocol, runtime_checkable

import httpx

from botkit.adapter import Adapter
from botkit.clock import Clock
from botkit.redaction import Secret
from botkit.simulators.simulator import Simulator
from botkit.simulators.smsc_formats import LOGIN, NOT_FOUND, Call, RefusedError
from botkit.simulators.smsc_limits import Limits
from botkit.simulators.smsc_state import Client, Group, Network, State

#: What the service's pages do not tell of groups and blacklists: the parameters that ask for them.
COMMANDS: Mapping[str, str] = {
    "list groups": "get_group",
    "add to blacklist": "add_bl",
    "delete from blacklist": "del_bl",
    "list blacklist": "get_bl",
}
#: What one part of a message costs, in hundredths.
PRICES: Mapping[Network, int] = {"sms": 140, "viber": 110, "telegram": 50, "whatsapp": 300}


@runtime_checkable
class SmscAccount(Protocol):
    """What the service must know of an adapter: who it is, and what it sends by."""

    @property
    def ta(self) -> str:
        """The account's id."""
        ...

    @property
    def via(self) -> str:
        """The network: sms, viber, telegram or whatsapp."""
        ...

    @property
    def login(self) -> str:
        """The client's login; may be empty beside an API key."""
        ...

    @property
    def password(self) -> Secret | None:
        """The client's password."""
        ...

    @property
    def api_key(self) -> Secret | None:
        """The client's API key."""
        ...

    @property
    def sender(self) -> str:
        """The name that messages come from."""
        ...

    @property
    def bot(self) -> str:
        """The Telegram bot, or the number of WhatsApp."""
        ...

    @property
    def group(self) -> str:
        """The id of the group that its people are in; empty where there is none."""
        ...

    @property
    def callback_secret(self) -> Secret | None:
        """The word that callbacks are signed with."""
        ...


class Servers(Simulator):
    """The switches may be set at any time; what they are set to is forgotten on a restart."""

    #: How callbacks are posted, and in which alphabet.
    callback_method: Literal["POST", "GET"] = "POST"
    callback_charset: Literal["utf-8", "windows-1251"] = "utf-8"
    #: Whether callbacks carry the right digest, a wrong one or none.
    digest: Literal["right", "wrong", "none"] = "right"
    #: Fields that nobody has told of, in each callback.
    extras: Mapping[str, str] = {}
    #: How often each callback comes, though it was answered.
    copies: int = 1
    #: Seconds before each repeat of a callback that was not answered with 2xx.
    pauses: Sequence[float] = (60, 300, 900)
    #: Whether the statuses of a message arrive before the sender has the answer to its call.
    reports_early: bool = False

    #: How an inbox without news answers.
    empty_inbox: Literal["list", "error"] = "list"
    #: What stands between the numbers of a contact in a list.
    phone_separator: str = ";"
    #: Whether a number that the address book has already is refused (code 5), or changes what is there.
    refuses_doubles: bool = False
    #: The parameters of `COMMANDS`.
    commands: Mapping[str, str] = COMMANDS

    #: What one part of a message costs; a message to nobody costs nothing.
    prices: Mapping[Network, int] = PRICES
    #: Texts and sender names with these words are refused with code 6, whatever their case.
    forbidden: frozenset[str] = frozenset()
    #: Nothing can be delivered to these numbers: code 8.
    undeliverable: frozenset[str] = frozenset()
    #: The longest text, in characters.
    longest_text: int = 1000
    #: What becomes of messages to a number, or to everybody (the empty one): statuses in order, after `0`.
    fates: Mapping[str, Sequence[int]] = {}
    #: The further error code of what is not delivered.
    err: int = 0
    #: Seconds between the statuses of a message.
    step_seconds: float = 0
    #: How people of a Telegram bot are named to it: by a number that they have shared, or as it always can be done.
    names: Literal["phone", "uid", "nickname"] = "phone"
    #: The number at which the service takes messages for its clients.
    reception: str = "79037000000"
    #: Whether a bot is told that somebody has started it, as by a message `/start`.
    tells_start: bool = False

    def __init__(self, clock: Clock, transport: httpx.AsyncBaseTransport | None = None) -> None:
        super().__init__(clock, transport)
        self.state = State()
        self.limits = Limits(clock)
        #: How the next calls are refused, first come first served.
        self.refusals: deque[RefusedError] = deque()
        #: Clear it, and calls wait until it is set.
        self.is_open = asyncio.Event()
        self.is_open.set()
        self._accounts: dict[str, SmscAccount] = {}
        self._keys: dict[str, str] = {}
        self._addresses: dict[str, frozenset[str]] = {}

    def add_account(self, adapter: Adapter) -> None:
        """Opens an account and connects its bot; several with one login or API key are one client's.

        The adapter's clock becomes the simulator's. Raises TypeError for another service's adapter, and for one without
        credentials.
        """
        if adapter.channel != self.channel or not isinstance(adapter, SmscAccount):
            raise TypeError("the simulated SMSC opens accounts for SMSC adapters")
        if not adapter.password and not adapter.api_key:
            raise TypeError("the simulated SMSC opens accounts for adapters with a password or an API key")
        known = (key for ta, key in self._keys.items() if ta != adapter.ta and _is_one(self._accounts[ta], adapter))
        self._keys[adapter.ta] = next(known, adapter.ta)
        self._accounts[adapter.ta] = adapter
        if hasattr(adapter, "clock"):
            adapter.clock = self.clock

    def account(self, ta: str) -> SmscAccount:
        """Returns what was opened."""
        return self._accounts[ta]

    def client(self, ta: str) -> Client:
        """Returns what is remembered of an account's client."""
        return self.client_of(self._keys[ta])

    def client_of(self, key: str) -> Client:
        """Returns a client by the key that `authenticate` gives, its bots connected and its groups there."""
        client = self.state.clients.setdefault(key, Client())
        for ta, account in self._accounts.items():
            if self._keys[ta] == key and (bot := bot_of(account)):
                client.subscribers.setdefault(bot, {})
            if self._keys[ta] == key and account.group not in ("", *client.opened):
                self._open_group(client, account)
        return client

    def _open_group(self, client: Client, account: SmscAccount) -> None:
        """Makes the group that an account's settings name, once: one that is deleted stays away."""
        client.opened.append(account.group)
        identity, numbers = int(account.group), [group.number for group in client.groups]
        if identity not in [group.id for group in client.groups]:
            self.state.last_record = max(self.state.last_record, identity)
            client.groups.append(Group(identity, account.ta, max(numbers, default=0) + 1))

    def key(self, ta: str) -> str:
        """Returns the key of an account's client."""
        return self._keys[ta]

    def secret_of(self, key: str) -> str:
        """Returns the word that the callbacks of a client are signed with; empty where none is set."""
        secrets = (account.callback_secret for ta, account in self._accounts.items() if self._keys[ta] == key)
        return next((secret.reveal() for secret in secrets if secret), "")

    def allow(self, ta: str, *ips: str) -> None:
        """Lets a client in from these IP addresses only; from all of them where none is named."""
        self._addresses[self._keys[ta]] = frozenset(ips)

    def authenticate(self, call: Call) -> str:
        """Returns the key of the client who asks. Raises RefusedError, the same for a wrong word and a wrong place."""
        for ta, account in self._accounts.items():
            allowed = self._addresses.get(self._keys[ta])
            if _fits(account, call) and (not allowed or call.ip in allowed):
                return self._keys[ta]
        raise RefusedError(LOGIN, "authorise error")

    def refuse(self, code: int, text: str = "on demand") -> None:
        """Refuses the next call with a code."""
        self.refusals.append(RefusedError(code, text))

    def check_demand(self) -> None:
        """Raises what `refuse` asked for."""
        if self.refusals:
            raise self.refusals.popleft()

    def next_id(self) -> int:
        """Returns the id of a message: a positive number of 31 bits, later than those of an earlier run."""
        self.state.last_id = max(self.state.last_id + 1, int(self.clock.timestamp()))
        return self.state.last_id

    def next_record(self) -> int:
        """Returns the id of a record of the address book."""
        self.state.last_record += 1
        return self.state.last_record

    def next_answer(self) -> int:
        """Returns the id of a message in an inbox, later than those of an earlier run."""
        self.state.last_answer = max(self.state.last_answer + 1, int(self.clock.timestamp() * 1000))
        return self.state.last_answer


def network_of(account: SmscAccount) -> Network:
    """Returns what an account sends by."""
    return next((network for network in PRICES if network == account.via), "sms")


def bot_of(account: SmscAccount) -> str:
    """Returns an account's bot as the service keeps it: a name, or `wa:<number>`; empty where it has none."""
    if network_of(account) == "whatsapp":
        return f"wa:{account.bot.removeprefix('wa:')}" if account.bot else ""
    return account.bot.removeprefix("@") if network_of(account) == "telegram" else ""


def _is_one(account: SmscAccount, other: SmscAccount) -> bool:
    is_same_key = account.api_key is not None and account.api_key == other.api_key
    return is_same_key or (account.login != "" and account.login == other.login)


def _fits(account: SmscAccount, call: Call) -> bool:
    login, psw = call.get("login"), call.get("psw")
    key = call.get("apikey") or ("" if login else psw)
    if key:
        return account.api_key is not None and account.api_key.reveal() == key
    if account.password is None or not login or login != account.login:
        return False
    password = account.password.reveal()
    # The protocol's own digest; it guards nothing here.
    return psw in (password, md5(password.encode(), usedforsecurity=False).hexdigest())


def not_found(what: str = "records not found") -> RefusedError:
    """Returns the refusal for what does not exist."""
    return RefusedError(NOT_FOUND, what)
