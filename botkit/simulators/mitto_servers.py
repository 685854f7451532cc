"""What all parts of the simulated Mitto share: its switches, its memory, its accounts and its numbers."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, Literal, Protocol, runtime_checkable
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

import httpx

from botkit.adapter import Adapter
from botkit.clock import Clock
from botkit.redaction import Secret
from botkit.simulators.mitto_checks import TrafficAccount
from botkit.simulators.mitto_contents import Bounds
from botkit.simulators.mitto_refusals import Style
from botkit.simulators.mitto_state import NETWORKS, State
from botkit.simulators.simulator import Person, Simulator, phone_number

#: Seconds before each repeat of a callback; after the last one it is given up.
PAUSES = (60, 300, 900, 3600, 3600 * 6)

#: What an account's console makes of a delivery report.
TEMPLATE = '{"messageId": "~msgid~", "status": "~status~", "errorcode": "~errorcode~"}'
#: The names under which an incoming SMS is told; no two accounts need have the same.
SPELLINGS: Sequence[Mapping[str, str]] = (
    {"from": "from", "to": "to", "text": "text", "id": "messageId", "at": "timestamp"},
    {"from": "sender", "to": "to", "text": "message", "id": "id", "at": "timestamp"},
    {"from": "msisdn", "to": "to", "text": "text", "id": "id", "at": "timestamp"},
)
#: What a webhook may be called for, in small letters.
TRIGGERS: Mapping[str, Literal["report", "inbound"]] = {
    "deliverystatus": "report",
    "messagestatus": "report",
    "deliveryreport": "report",
    "inboundmessage": "inbound",
    "incomingmessage": "inbound",
    "messagereceived": "inbound",
}

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@runtime_checkable
class MittoAccount(Protocol):
    """What the simulator asks of an adapter to open its account."""

    clock: Clock

    @property
    def ta(self) -> str:
        """The traffic account's id."""
        ...

    @property
    def via(self) -> str:
        """The network that the account sends through: `sms gbm viber telegram whatsapp`."""
        ...

    @property
    def api_key(self) -> Secret:
        """The key, which several accounts may share."""
        ...

    @property
    def sender(self) -> str:
        """The number or the name that messages come from."""
        ...

    @property
    def callback_url(self) -> str:
        """Where delivery reports go that name no address of their own; empty for nowhere."""
        ...

    @property
    def report_keys(self) -> tuple[Secret, ...]:
        """The keys of the tokens of delivery reports, the newest first."""
        ...

    @property
    def inbound_keys(self) -> tuple[Secret, ...]:
        """The keys of the tokens of incoming messages, the newest first."""
        ...


class Servers(Simulator):
    """The switches may be set at any time; what they are set to is forgotten on a restart."""

    #: The numbers, the table and the member that no two sources agree on.
    bounds: Bounds = Bounds()
    #: How refusals are written.
    errors: Style = "message"
    #: The status of a call without a known key.
    bad_key_status: Literal[401, 403] = 401
    #: How many requests to send an account may make in a second; None for any number.
    rate: int | None = None
    #: Whether the refusal of one too many says when to come again.
    says_retry_after: bool = True

    #: The shape of the answer to a single message, by the version of the API: an object of its own, or a list of ids.
    shapes: Mapping[str, Literal["A", "B"]] = {"1": "A", "1.1": "B"}
    #: The shape of the answer to a message with a failover: the bare ids, or a list of them as for a single message.
    failover_shape: Literal["B", "C"] = "C"
    #: Whether messages have the sortable ids of today or the UUIDs of old.
    ids: Literal["ulid", "uuid"] = "ulid"
    #: What each object of an answer has besides what is known.
    extras: Mapping[str, Any] = {}
    #: Whether the answer to a bulk comes in another order than its destinations.
    shuffles: bool = False
    #: The destinations that a bulk forgets, without a word of it.
    omits: frozenset[str] = frozenset()
    #: How statuses are spelled, where not as they are known here: `{"Seen": "Read"}`.
    words: Mapping[str, str] = {}

    #: Seconds from sending to arrival.
    delivery_seconds: float = 0
    #: Whether a step that has failed starts the next at once instead of after its time.
    fails_over_early: bool = True

    #: Whether webhooks and delivery reports are called at all.
    reports: bool = True
    #: What is reported of a message that arrives, in this order; the SMS API's words first, then those of webhooks.
    sms_reports: Sequence[str] = ("DELIVERED",)
    webhook_reports: Sequence[str] = ("Delivered",)
    #: What webhooks hear of besides: `Ready` tells that a step of a failover has started.
    told: frozenset[str] = frozenset({"Seen", "Failure", "Expired"})
    #: Whether the reports of a message arrive before the answer to the call that sent it.
    reports_early: bool = False
    #: How the SMS API calls back.
    callback_style: Literal["json", "query", "form"] = "json"
    #: The content type of what is posted as JSON.
    content_type: str = "application/json"
    #: What the console makes of a delivery report, and whether its placeholders are filled in.
    template: str = TEMPLATE
    fills_template: bool = True
    #: The names in what is told of an incoming SMS.
    spelling: Mapping[str, str] = SPELLINGS[0]
    #: What becomes of the token in a callback's address: an address is used as it was given unless it is spoilt.
    tokens: Literal[
        "given", "missing", "altered", "unsigned", "expired", "early", "foreign", "swapped", "other", "endless"
    ] = "given"
    #: Whether the list of webhooks can be read, of which nothing is written.
    lists_webhooks: bool = True
    #: Whether webhooks are told in a list instead of one by one.
    webhook_lists: bool = False
    #: What a webhook may ask for by its triggers, in small letters.
    triggers: Mapping[str, Literal["report", "inbound"]] = TRIGGERS
    #: Seconds before each repeat of a callback that was not answered with 2xx.
    pauses: Sequence[float] = PAUSES

    #: Whether the SMS API counts a text in a number or in digits.
    text_length: Literal["number", "text"] = "number"
    #: Whether the SMS API gives an id to what it only tests.
    tests_have_ids: bool = False

    def __init__(self, clock: Clock, transport: httpx.AsyncBaseTransport | None = None) -> None:
        super().__init__(clock, transport)
        self.state = State()
        self.accounts: dict[str, TrafficAccount] = {}
        #: Called with what is due before anything is looked at.
        self.catch_up: Callable[[], int] = lambda: 0

    def add_account(self, adapter: Adapter) -> None:
        """Opens the adapter's traffic account under its key. Raises TypeError for an adapter without one.

        The adapter's clock becomes the simulator's, or tokens would last for ever when the clock is moved.
        """
        if not isinstance(adapter, MittoAccount) or not adapter.api_key or adapter.via not in NETWORKS:
            raise TypeError("the simulated Mitto opens accounts for Mitto adapters with a network and a key")
        adapter.clock = self.clock
        self.accounts[adapter.ta] = TrafficAccount(
            ta=adapter.ta,
            via=adapter.via,
            key=adapter.api_key,
            sender=adapter.sender,
            callback_url=adapter.callback_url,
            report_keys=tuple(adapter.report_keys),
            inbound_keys=tuple(adapter.inbound_keys),
        )

    def console(self, ta: str, kind: str, url: str) -> None:
        """Enters where an account's reports or its incoming messages go (`report`, `inbound`); empty for nowhere.

        SMS are told there in the SMS API's form, and messages of the API for all networks as to a webhook. A webhook
        that is linked to the account is called instead, but never for incoming SMS; so is an address that an SMS names.
        """
        self.state.console.setdefault(ta, {})[kind] = url
        self.on_change()

    def set_inbound(self, ta: str, url: str) -> None:
        """Enters where an account's incoming messages go."""
        self.console(ta, "inbound", url)

    def address_in_console(self, ta: str, kind: str) -> str:
        """Returns what was entered, empty when nothing was."""
        return self.state.console.get(ta, {}).get(kind, "")

    def accounts_of(self, key: str) -> Mapping[str, TrafficAccount]:
        """Returns the accounts that a key opens, by their ids."""
        return {ta: account for ta, account in self.accounts.items() if account.key == Secret(key)}

    def conversation_id(self, ta: str, person: Person) -> str:
        """Returns a person's address on the account's network: their number in E.164, their chat, their conversation.

        The same on every start.
        """
        via = self.accounts[ta].via
        if via == "telegram":
            return str(1_000_000_000 + int.from_bytes(_digest(person.name)) % 6_000_000_000)
        if via == "gbm":
            return str(UUID(bytes=_digest(f"{ta}|{person.name}", 16)))
        return phone_number(person)

    def next_id(self) -> str:
        """Returns an id that no message has had."""
        if self.ids == "uuid":
            return str(uuid4())
        number = (int(self.clock.timestamp() * 1000) << 80) | secrets.randbits(80)
        return "".join(_CROCKFORD[(number >> shift) & 31] for shift in range(125, -1, -5))

    def word(self, status: str) -> str:
        """Returns a status as it is spelled outside."""
        return self.words.get(status, status)


def owner_of(key: Secret) -> str:
    """Returns what tells a key from others and does not tell the key."""
    return _digest(key.reveal(), 16).hex()


def fixed_id(*parts: str) -> str:
    """Returns a UUID that the same parts always have."""
    return str(uuid5(NAMESPACE_URL, "mitto|" + "|".join(parts)))


def told_time(timestamp: float) -> str:
    """Returns an instant as Mitto writes it: in UTC, with seven digits after the point."""
    at = datetime.fromtimestamp(timestamp, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S.%f}{at.microsecond % 9 + 1}Z"


def _digest(text: str, size: int = 8) -> bytes:
    return blake2b(text.encode(), digest_size=size).digest()
