"""What a channel must be able to do: the contract between the engine and the code that speaks a service's protocol."""

import enum
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, ClassVar, Literal, Protocol, Self, runtime_checkable

from msgspec import Struct

from botkit.addresses import AddressKind, parse_phone
from botkit.capabilities import Capabilities
from botkit.conversation import Account, Conversation
from botkit.degradation import Prepared, prepare
from botkit.delivery_route import DeliveryRoute, Leg, route_of
from botkit.events import Event, Media
from botkit.exceptions import DownloadError
from botkit.http_client import Download, HttpClient
from botkit.messages import AnyMessage, Raw
from botkit.outgoing import Outgoing
from botkit.pace import Pace, Paces, read_paces
from botkit.public_urls import has_origin, is_fetchable
from botkit.redaction import Secret
from botkit.session_rules import SessionRules
from botkit.webhook import WebhookRequest, WebhookStatus


class Addressed(Struct, frozen=True):
    """A message and the id of the conversation that it is for."""

    to: str
    message: AnyMessage


class Polled(Struct, frozen=True):
    """What was heard by asking: events, and what the adapter wants to be told at the next time."""

    events: Sequence[Event]
    cursor: bytes


class Outcome(enum.Enum):
    """What became of an attempt to send."""

    SENT = "sent"  # the service took it
    REFUSED = "refused"  # it never will: dead letter, refund
    THROTTLED = "throttled"  # not now: `retry_after` for the whole account, refund, no attempt counted
    NOT_SENT = "not_sent"  # it cannot have arrived: retry this conversation, after `retry_after` if given, refund
    UNKNOWN = "unknown"  # it may have arrived: retry within the policy, no refund


class Receipt(Struct, frozen=True, omit_defaults=True):
    """The channel's answer to one message.

    `id` is what later delivery reports will name; `reason` is the service's word and code, without user text;
    `retry_after` is in seconds; `is_gone` tells that the person cannot be written to until they return; `moved_to` is
    the id under which the service goes on with the conversation that it refused; `billing` is how the service says
    that it counted the message, in its own word. Where one request went several ways (`Trail.joined`), `others` are
    the ids of the ways after the first.
    """

    outcome: Outcome
    id: str = ""
    reason: str = ""
    retry_after: float = 0
    is_gone: bool = False
    moved_to: str = ""
    billing: str = ""
    others: tuple[str, ...] = ()


class Adapter(ABC):
    """One account on one channel, and the code that speaks its protocol.

    A channel subclasses this in `botkit/channels/<name>.py`. `verify`, `parse` and `check` are pure.
    """

    #: The network's name; also the part of the webhook's path.
    channel: ClassVar[str]
    #: How long a repeat of an event is recognised.
    dedupe_window: ClassVar[timedelta]
    #: Whether the service reports what became of a message (`Receipt.id` is then stored for a while).
    has_receipts: ClassVar[bool] = False
    #: Whether `Event.at` is under the service's signature: what is older than the window is then dropped as a replay.
    signs_time: ClassVar[bool] = False
    #: The event types of this channel alone: frozen, each with a tag such as `telegram.inline_query`.
    events: ClassVar[tuple[type[Event], ...]] = ()
    #: What the service can show; as it stands, plain text with numbered menus.
    capabilities: ClassVar[Capabilities] = Capabilities()
    #: How many people one request may name, where the service takes the same message for many; 0 where it does not.
    max_receivers: ClassVar[int] = 0
    #: Whether the account's pace counts requests, however many people they name, and not messages.
    counts_requests: ClassVar[bool] = False
    #: The service's address; `<PREFIX>_API_URL` replaces it.
    default_api_url: ClassVar[str]
    #: The setting that carries the credentials: `<PREFIX>_<token_setting>`.
    token_setting: ClassVar[str] = "TOKEN"  # noqa: S105  # a name, not a token
    #: Where files that people sent are kept: these hosts and all below them; empty where that is not known.
    media_hosts: Sequence[str] = ()
    #: How fast the service takes messages; the settings `<PREFIX>_RATE` and `<PREFIX>_CHAT_RATE` replace it.
    paces: Paces = Paces()
    #: What names a conversation here; the accounts of one gateway may differ.
    address: AddressKind = AddressKind.CONVERSATION
    #: The parts after the channel in the paths of its webhooks: a gateway's `report` and `inbound`.
    kinds: ClassVar[frozenset[str]] = frozenset()
    #: How its webhooks are called; empty where the service never calls anybody.
    methods: ClassVar[frozenset[str]] = frozenset({"POST"})
    #: Whether whoever unsubscribed stays so until they subscribe again, whatever else they write.
    stays_away: ClassVar[bool] = False
    #: How often a message of unknown outcome is sent again; None leaves that to the service's policy. With 0, it is
    #: noted before each attempt that there is one, and nobody sends a message again that may have arrived.
    max_repeats: int | None = None
    #: What requests to send in the common form may say beside the network's object that only `read_send` here knows.
    send_options: ClassVar[frozenset[str]] = frozenset()
    #: Whether some reports name only the message: `Conversation.unplaced` then stands for the conversation.
    finds_by_receipt: ClassVar[bool] = False
    #: For how long a message is tried, and how long after each attempt, the last of them again and again; in seconds,
    #: no delay above ten minutes. Empty, that is the service's policy's to say.
    max_age: ClassVar[float] = 0
    delays: ClassVar[Sequence[float]] = ()
    #: How often `poll` asks, in seconds; 0 where there is nothing to ask for.
    poll_seconds: float = 0

    def __init__(self, *, ta: str = "", api_url: str = "", prefix: str = "") -> None:
        #: The identity this adapter speaks for. The bot gives it a `ta` when the setting did not.
        self.account = Account(self.channel, ta)
        self.api_url = (api_url or self.default_api_url).rstrip("/")
        self.prefix = prefix
        #: The name of the bot that it is an account of.
        self.owner = ""
        #: Commercial windows, where the service has them.
        self.sessions: SessionRules | None = None

    @classmethod
    @abstractmethod
    def from_env(cls, prefix: str, environ: Mapping[str, str] = os.environ) -> Self:
        """Reads `<prefix>_TA`, `_TOKEN` and what else the service needs; without credentials it is simulated.

        Raises SettingsError for a value of the wrong form.
        """

    @classmethod
    def examples(cls) -> "Mapping[str, Adapter]":
        """Returns an account of each network that it reaches, by the network's name: what tables tell of."""
        return {cls.channel: cls.from_env("BOTKIT", {})}

    def paced(self, environ: Mapping[str, str]) -> Self:
        """Reads `<prefix>_RATE` and `_CHAT_RATE`; returns the adapter. Raises SettingsError."""
        self.paces = read_paces(self.prefix, environ, self.paces)
        return self

    def chat_pace(self, to: Conversation) -> Pace | None:
        """Returns how fast the service takes messages into one conversation."""
        return self.paces.chat

    @property
    def ta(self) -> str:
        """The account's id."""
        return self.account.ta

    @ta.setter
    def ta(self, ta: str) -> None:
        self.account = Account(self.channel, ta)

    @property
    @abstractmethod
    def has_credentials(self) -> bool:
        """Whether the account can reach the real service; if not, development simulates it and production refuses."""

    @property
    def warnings(self) -> Sequence[str]:
        """What the operator should know of the account's settings, told at each start: they work, but not for all."""
        return ()

    @abstractmethod
    def secrets(self) -> Iterable[Secret]:
        """Everything that must never be printed."""

    @abstractmethod
    def verify(self, request: WebhookRequest) -> bool:
        """Tells whether the request is genuine, by its raw bytes, in constant time and before anything is parsed."""

    def handshake(self, request: WebhookRequest) -> bytes | None:
        """Returns the plain-text answer to a request that only checks our address, or None for any other request."""
        return None

    @abstractmethod
    def parse(self, request: WebhookRequest) -> Sequence[Event]:
        """Returns the events of a genuine request, unknown ones as `UnknownEvent`.

        Raises PayloadError when the body cannot be read.
        """

    def within(self, seconds: float, status: Literal["sent", "delivered", "seen"] = "delivered") -> "Leg[Adapter]":
        """Returns this account as a way that is left when a message has not come so far in that time.

        Raises ValueError for more than three days, and DefinitionError where the service never reports that.
        """
        return Leg(self, seconds, status)

    def __or__(self, other: "Adapter | Leg[Adapter] | DeliveryRoute[Adapter]") -> "DeliveryRoute[Adapter]":
        return route_of(Leg[Adapter](self)) | other

    def capabilities_for(self, message: AnyMessage, to: Conversation) -> Capabilities:
        """Returns what can be shown of this message in this conversation: the adapter's capabilities, if not less."""
        return self.capabilities

    def prepare(self, message: AnyMessage, to: Conversation, *, offered: int = 0) -> Prepared:
        """Returns what will be sent for a message: as decided where the service has all of it, else degraded.

        Its menu goes on from `offered` choices that stand already. Raises MessageError that names the bound for what
        no degradation can mend.
        """
        prepared = prepare(message, lambda part: self.capabilities_for(part, to), offered=offered)
        for part in prepared.messages:
            self.check(part)
        return prepared

    @abstractmethod
    def check(self, message: AnyMessage) -> None:
        """Returns for a message that the service would take, of a kind and with buttons that it has.

        Raises MessageError that names the bound and both numbers.
        """

    def find_address(self, destination: str) -> str:
        """Returns the id of the conversation that a destination means, such as +385910000001 for 385910000001.

        Raises AddressError for what is no address of this account's kind.
        """
        return parse_phone(destination) if self.address is AddressKind.PHONE else destination

    def read_send(self, body: Mapping[str, Any]) -> Addressed:
        """Reads a request to send from this account, as the send API takes it; it is still to be prepared.

        Raises InvalidRequestError with everything that is wrong, and for what only a gateway can send.
        """
        # Imported at first use: a service without a send API does without its grammar.
        from botkit.chatapps.messages import read_sent

        to, message = read_sent(body, self.network, self.find_address)
        return Addressed(to, message)

    @property
    def network(self) -> str:
        """The member of a send request that says what this account sends: `sms gbm viber telegram whatsapp`."""
        return self.channel

    def acknowledge(self, event: Event) -> AnyMessage | None:
        """Returns what the service must hear about an event whatever the handler says, such as a callback answer."""
        return None

    def takes_answer(self, event: Event) -> bool:
        """Whether the first reply to this event must travel in the webhook's own answer."""
        return False

    def render_answer(self, message: AnyMessage) -> bytes:
        """Returns the JSON body of the webhook's answer that carries the message."""
        raise TypeError(f"{self.channel} takes no message in the webhook's answer")

    @abstractmethod
    async def send(self, outgoing: Outgoing, to: Conversation, client: HttpClient) -> Receipt:
        """Makes one attempt to send and classes the outcome.

        Transport errors of `client` pass through; the engine classes them. Safe to cancel: the outcome is then unknown.
        """

    async def look_up(self, outgoing: Outgoing, to: Conversation, client: HttpClient) -> Receipt | None:
        """Asks the service what became of an attempt whose outcome is not known; None where it cannot tell.

        SENT with the id if it has the message, NOT_SENT if it has not. Transport errors pass through.
        """
        return None

    async def load_report(self, receipt_id: str, to: Conversation, client: HttpClient) -> Event | None:
        """Asks the service how far a message of ours is; None where it cannot tell, or it is on its way.

        Else a report such as `MessageDelivered`, as the webhook would have told it. Transport errors pass through.
        """
        return None

    def joins(self, following: "Adapter") -> bool:
        """Whether the service itself goes on to the other account where a message does not arrive from this one.

        Of several ways in a row, each must join each that comes after it. Such an adapter is `Joining`.
        """
        return False

    def can_last(self, seconds: float) -> bool:
        """Whether the service itself can leave a way of this account after that time (0 = no end).

        Where it cannot, the way is left by botkit's own clock, and not joined to others.
        """
        return True

    async def poll(self, cursor: bytes, client: HttpClient) -> Polled:
        """Asks for what the service does not call us for; called every `poll_seconds`, by one process at a time.

        The events of an answer are stored before its cursor is, so that they may be told again: each has an id of its
        own. Raises ServiceError when the service refuses.
        """
        return Polled((), cursor)

    def audience(self, cursor: bytes) -> Callable[[str], bool]:
        """Returns what tells of a conversation's id whether broadcasts are for it, by what `poll` has kept last.

        As it stands, they are for everybody.
        """
        return lambda conversation_id: True

    def receivers(self, message: AnyMessage) -> int:
        """Returns how many people one request may name that carries this message."""
        return self.max_receivers

    async def broadcast(self, message: AnyMessage, to: Sequence[Conversation], client: HttpClient) -> Sequence[Receipt]:
        """Makes one attempt to send the same message to all of these, and classes the outcome of each, in order.

        As `send` in all else; of use only where the service has such a request.
        """
        raise TypeError(f"{self.channel} has no request for many people")

    async def download(self, media: Media, client: HttpClient, *, most: int) -> Download:
        """Fetches what somebody sent, at most `most` bytes of it. Raises DownloadError, which names no address.

        By https from a public name only, one of `media_hosts` where these are known, or from wherever the service
        itself is.
        """
        if not media.url:
            raise DownloadError(f"{self.channel} gives no address for this {media.kind}")
        if not is_fetchable(media.url, self.api_url):
            raise DownloadError(f"{self.channel} gives an address for this {media.kind} that is not public by https")
        if not is_fetchable(media.url, self.api_url, self.media_hosts):
            raise DownloadError(f"{self.channel} does not keep this {media.kind} where its address says")
        return await client.download(media.url, most=most, is_foreign=not has_origin(media.url, self.api_url))

    @property
    def has_webhook_call(self) -> bool:
        """Whether `set_webhook` asks the service; where it cannot be asked, addresses are entered in its console."""
        return bool(self.methods) and not self.kinds

    @abstractmethod
    async def load_webhook(self, client: HttpClient) -> WebhookStatus:
        """Asks the service for the webhook that is set. Raises ServiceError when it refuses."""

    @abstractmethod
    async def set_webhook(self, url: str, client: HttpClient) -> None:
        """Registers the webhook. Raises ServiceError when the service refuses."""

    @abstractmethod
    async def delete_webhook(self, client: HttpClient) -> None:
        """Removes the webhook. Raises ServiceError when the service refuses."""

    @abstractmethod
    def simulated(self, api_url: str) -> Self:
        """Returns the same account with made-up credentials of the right form, at a simulator's address."""

    def callback_address(self, kind: str, url: str) -> str:
        """Returns the address of a kind's webhook as the service is to call it: `url`, and what proves the caller.

        `url` is `<base>/webhooks/<channel>/<kind>?ta=<account>`; a gateway that carries a key or a token in the address
        adds it here. It is a secret then.
        """
        return url

    def join_customer(self, first: "Adapter") -> None:
        """Takes from a simulated account of the same service what one customer's share; as it is, nothing."""
        return

    def __repr__(self) -> str:
        return f"{type(self).__name__}(ta={self.ta!r})"


@runtime_checkable
class Joining(Protocol):
    """An adapter of a service that looks after several ways of a message, in one request (`Trail.joined`)."""

    def joins(self, following: Adapter) -> bool:
        """Whether the service itself goes on to the other account where a message does not arrive from this one."""
        ...

    def can_last(self, seconds: float) -> bool:
        """Whether the service itself can leave a way of this account after that time (0 = no end)."""
        ...

    def rendered(self, message: AnyMessage) -> Raw:
        """Returns a prepared message in the service's own words, as a way that is joined to another (`Hop.message`).

        Raises MessageError for one that the service would not take there.
        """
        ...
