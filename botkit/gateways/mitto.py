"""Mitto: text messages, Viber, Telegram, WhatsApp and Business Messages through its ChatApps API.

https://docs.mitto.ch/chat-apps/
"""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, ClassVar, Self
from urllib.parse import quote

from msgspec.structs import replace

from botkit.adapter import Adapter, Addressed, Outcome, Receipt
from botkit.addresses import AddressKind, digits_of
from botkit.capabilities import Capabilities
from botkit.chatapps.contents import NETWORKS
from botkit.chatapps.messages import CAPABILITIES, capabilities_for, prepare_for
from botkit.clock import Clock
from botkit.conversation import Conversation
from botkit.credentials import made_up
from botkit.degradation import Prepared
from botkit.events import Event
from botkit.exceptions import AddressError, MessageError, PayloadError
from botkit.gateways.mitto_answers import read_receipt, read_receipts
from botkit.gateways.mitto_callbacks import INBOUND, REPORT, Callbacks, fields_of
from botkit.gateways.mitto_calls import Calls
from botkit.gateways.mitto_failover import joined_payload
from botkit.gateways.mitto_reports import Source, read_delivery_report, read_inbound_sms, read_messages, read_stored
from botkit.gateways.mitto_requests import addressed, check_raw, read_send, render
from botkit.gateways.mitto_settings import (
    BULK_PATH,
    BULK_SIZE,
    SEND_PATH,
    TOKEN_SECONDS,
    check_settings,
    has_sms_api,
    read_settings,
    settings_warnings,
)
from botkit.gateways.mitto_sms import SmsApi, simulated_url
from botkit.gateways.mitto_tokens import read_keys
from botkit.gateways.mitto_webhooks import Registrar
from botkit.gateways.settings import named
from botkit.http_client import HttpClient
from botkit.messages import AnyMessage, Raw
from botkit.outgoing import Outgoing
from botkit.pace import Pace, Paces
from botkit.redaction import Secret
from botkit.webhook import WebhookRequest, WebhookStatus

# Where a simulator finds us; `botkit.service`, which stands above, has the name.
_SIMULATED_BASE = "https://botkit.localhost"
_CHAT = re.compile(r"-?[0-9]{1,20}")
_PHONES = ("sms", "viber", "whatsapp")


class Mitto(Adapter):
    """One traffic account at Mitto, on one network: `via` is sms, gbm, viber, telegram or whatsapp.

    `ta` is the traffic account's id. Conversations on sms, viber and whatsapp are phone numbers in E.164, sent with
    their plus only if `plus` says so. `sender` is the number or name that text messages come from; without one, the
    gateway's own. `viber_type` is what messages on Viber are that do not say it themselves; without one, `promotional`
    where they have a button, else `session`.

    Reports and inbound messages come from two sides. The gateway calls a webhook that `set_webhook` registers, and
    proves itself by `webhook_secret` in a header. With a `callback_url`, this service's public address, text messages
    go through the SMS API below the gateway instead, each with an address for its report that holds a token under the
    first of `report_keys`; two-way numbers call an address with a token under one of `inbound_keys`, which
    `callback_address` gives. What goes to many at once, or with a failover, goes through the gateway in any case, and
    has its reports by the webhook. Tokens of reports last `token_seconds`. `triggers` are what the webhook is called
    for, in Mitto's words; all, without any.

    There is no key by which the gateway knows a repeat: what may have arrived is sent again `repeats` times, usually 0.
    """

    channel: ClassVar[str] = "mitto"
    dedupe_window: ClassVar[timedelta] = timedelta(days=4)
    has_receipts: ClassVar[bool] = True
    finds_by_receipt: ClassVar[bool] = True
    default_api_url: ClassVar[str] = "https://messaging.mittoapi.com"
    default_sms_api_url: ClassVar[str] = "https://rest.mittoapi.com"
    token_setting: ClassVar[str] = "API_KEY"  # noqa: S105  # a name, not a key
    capabilities: ClassVar[Capabilities] = CAPABILITIES["sms"]
    max_receivers: ClassVar[int] = BULK_SIZE
    stays_away: ClassVar[bool] = True
    kinds: ClassVar[frozenset[str]] = frozenset({REPORT, INBOUND})
    methods: ClassVar[frozenset[str]] = frozenset({"GET", "POST"})
    # No bound is published; a large customer keeps to this one, of requests.
    counts_requests: ClassVar[bool] = True
    paces = Paces(account=Pace(100, 1))

    def __init__(
        self,
        via: str = "sms",
        *,
        api_key: str = "",
        sender: str = "",
        viber_type: str = "",
        plus: bool = False,
        callback_url: str = "",
        report_keys: str = "",
        inbound_keys: str = "",
        token_seconds: int = TOKEN_SECONDS,
        webhook_secret: str = "",
        triggers: Sequence[str] = (),
        bulk_size: int = BULK_SIZE,
        repeats: int = 0,
        send_path: str = SEND_PATH,
        bulk_path: str = BULK_PATH,
        sms_api_url: str = "",
        ta: str = "",
        api_url: str = "",
        prefix: str = "",
    ) -> None:
        super().__init__(ta=ta, api_url=api_url, prefix=prefix)
        self.via = via
        self.api_key = Secret(api_key)
        self.sender = sender
        self.viber_type = viber_type
        self.plus = plus
        self.callback_url = callback_url.rstrip("/")
        self.report_keys = read_keys(report_keys, named(prefix, "REPORT_KEYS"))
        self.inbound_keys = read_keys(inbound_keys, named(prefix, "INBOUND_KEYS"))
        self.token_seconds = token_seconds
        self.webhook_secret = Secret(webhook_secret)
        self.triggers = tuple(triggers)
        self.bulk_size = bulk_size
        self.max_repeats = repeats
        self.send_path = send_path
        self.bulk_path = bulk_path
        self.sms_api_url = (sms_api_url or self.default_sms_api_url).rstrip("/")
        self.address = AddressKind.PHONE if via in _PHONES else AddressKind.CONVERSATION
        #: Tells when a token expires; a simulator puts its own here.
        self.clock = Clock()
        check_settings(self)
        self.capabilities = CAPABILITIES[via]  # type: ignore[misc]  # what an account shows is its network's
        self.has_receipts = via != "telegram"  # type: ignore[misc]  # the only network that reports nothing

    @classmethod
    def from_env(cls, prefix: str, environ: Mapping[str, str] = os.environ) -> Self:
        """Reads `<prefix>_VIA` (sms), `_API_KEY`, `_TA` (the traffic account's id), `_SENDER` and `_VIBER_TYPE`.

        Also `_CALLBACK_URL`, `_REPORT_KEYS` and `_INBOUND_KEYS` (several, the one that signs first, with commas
        between), `_TOKEN_SECONDS` (3 days), `_WEBHOOK_SECRET` and `_TRIGGERS`; `_PLUS` (yes or no), `_BULK_SIZE` (1000,
        up to 5000), `_REPEATS` (0), `_API_URL`, `_SMS_API_URL`, `_SEND_PATH` and `_BULK_PATH`, `_RATE` and
        `_CHAT_RATE`. Secrets may be given by a file (`_API_KEY_FILE`). Raises SettingsError for a value of the wrong
        form.
        """
        return cls(prefix=prefix, **read_settings(prefix, environ)).paced(environ)

    @classmethod
    def examples(cls) -> Mapping[str, Adapter]:
        """Returns an account of each network."""
        return {via: cls(via) for via in NETWORKS}

    @property
    def has_credentials(self) -> bool:
        """Whether there is a key to send with."""
        return bool(self.api_key)

    @property
    def network(self) -> str:
        """What the account sends through: its `via`."""
        return self.via

    @property
    def warnings(self) -> Sequence[str]:
        """That reports are missing, where the gateway's webhook has no secret to prove itself by."""
        return settings_warnings(self)

    def secrets(self) -> Iterable[Secret]:
        """The API key, the keys of tokens and the webhook's secret."""
        return [each for each in (self.api_key, *self.report_keys, *self.inbound_keys, self.webhook_secret) if each]

    def simulated(self, api_url: str) -> Self:
        """Returns the same account with a made-up key and secrets, at a simulator's address."""
        return type(self)(
            self.via,
            api_key=made_up(),
            sender=self.sender or "botkit",
            viber_type=self.viber_type,
            plus=self.plus,
            callback_url=_SIMULATED_BASE if self.callback_url else "",
            report_keys=made_up(64),
            inbound_keys=made_up(64),
            token_seconds=self.token_seconds,
            webhook_secret=made_up(),
            triggers=self.triggers,
            bulk_size=self.bulk_size,
            repeats=self.max_repeats or 0,
            send_path=self.send_path,
            bulk_path=self.bulk_path,
            sms_api_url=simulated_url(api_url),
            ta=self.ta,
            api_url=api_url,
            prefix=self.prefix,
        )

    # --- what comes in ---

    @property
    def _callbacks(self) -> Callbacks:
        base = f"{self.callback_url}/webhooks/{self.channel}"
        keys, secret = (self.report_keys, self.inbound_keys), self.webhook_secret
        return Callbacks(self.ta, self.clock, base, *keys, secret, self.token_seconds)

    def callback_address(self, kind: str, url: str) -> str:
        """Returns the address; that of a two-way number's messages with a token, good until its key is taken away."""
        return self._callbacks.console_address(url) if kind == INBOUND else url

    def join_customer(self, first: Adapter) -> None:
        """Takes the other account's key: a customer of Mitto's has one, and a failover among its accounts needs it."""
        if isinstance(first, Mitto):
            self.api_key = first.api_key

    def verify(self, request: WebhookRequest) -> bool:
        """Tells whether the header has the webhook's secret, or `token` is one of ours for this kind of call.

        What is posted must be JSON. Without a secret and keys nothing is genuine.
        """
        return self._callbacks.is_genuine(request)

    def parse(self, request: WebhookRequest) -> Sequence[Event]:
        """Returns the events of a call: by its token, that of a text message; else those of the gateway's webhook.

        A text message that says STOP or START is `Unsubscribed` or `Subscribed`. Raises PayloadError.
        """
        source, claims = self._source(), self._callbacks.claims(request)
        if claims is None:
            return read_messages(source, request.body)
        fields, raw = fields_of(request)
        if claims.purpose == INBOUND:
            return read_inbound_sms(source, fields, raw)
        return read_delivery_report(source, claims.to, claims.sub, fields, raw)

    def _source(self) -> Source:
        return Source(self.account, self.address, self.clock.now(), has_consent_words=self.via == "sms")

    # --- what goes out ---

    def find_address(self, destination: str) -> str:
        """Returns the number in E.164, or the id of the chat as it is. Raises AddressError."""
        text = destination.strip()
        if self.address is AddressKind.PHONE:
            return super().find_address(text)
        if self.via == "telegram" and not _CHAT.fullmatch(text):
            raise AddressError("this is no id of a Telegram chat", fix="it is a whole number")
        if not text or not text.isprintable() or " " in text:
            raise AddressError("this is no id of a conversation", fix="it has no spaces")
        return text

    def capabilities_for(self, message: AnyMessage, to: Conversation) -> Capabilities:
        """Returns what the account's network shows of a message through the gateway."""
        return capabilities_for(self.via, message)

    @property
    def _defaults(self) -> Mapping[str, Any]:
        """What the account's messages have unless they say otherwise: in `extra["mitto"]`."""
        known = {"sms": {"sender": self.sender}, "viber": {"type": self.viber_type}}.get(self.via, {})
        return {name: value for name, value in known.items() if value}

    def prepare(self, message: AnyMessage, to: Conversation, *, offered: int = 0) -> Prepared:
        """Returns what will be sent for a message, each part with what is said of the whole in `extra["mitto"]`.

        Raises MessageError that names the bound for what no degradation can mend.
        """
        if isinstance(message, Raw):
            return super().prepare(message, to, offered=offered)
        prepared = prepare_for(self.via, message, defaults=self._defaults, offered=offered)
        for part in prepared.messages:
            self.check(part)
        return prepared

    def check(self, message: AnyMessage) -> None:
        """Returns for a message that the gateway takes. Raises InvalidRequestError with every problem and its path."""
        if message.is_transient and not isinstance(message, Raw):
            return
        self.rendered(message)

    def rendered(self, message: AnyMessage) -> Raw:
        """Returns a prepared message as the `Raw` of the account's network, as `send` takes it.

        Raises InvalidRequestError with every problem and its path for one that the gateway would not take.
        """
        if isinstance(message, Raw):
            check_raw(message, self.ta, self.via)
            found = message
        else:
            found = render(message, self.via, self._defaults)
        if self._goes_below(found.payload):
            self._sms_api.check(found.payload["sms"])
        return found

    def _goes_below(self, payload: Mapping[str, Any]) -> bool:
        """Whether this is for the SMS API: a text message and nothing else."""
        return has_sms_api(self) and payload.keys() == {"sms"}

    @property
    def _sms_api(self) -> SmsApi:
        return SmsApi(replace(self._calls, url=self.sms_api_url), self._callbacks, self.sender)

    def read_send(self, body: Mapping[str, Any]) -> Addressed:
        """Returns the message of a request to send, with or without a failover, and the conversation that it is for.

        Raises InvalidRequestError with every problem and its path.
        """
        return read_send(body, self.ta, self.via, self.find_address, self._defaults)

    async def send(self, outgoing: Outgoing, to: Conversation, client: HttpClient) -> Receipt:
        """Makes one attempt; a trail's joined ways go as one request with a failover.

        Then the first way's account is this one, and each of the joined has its `rendered` message. The gateway takes
        no idempotency key: a repeat after an unknown outcome may show twice.
        """
        trail = outgoing.trail
        try:
            payload = joined_payload(trail) if trail and trail.joined > 1 else self.rendered(outgoing.message).payload
        except MessageError as error:
            return Receipt(Outcome.REFUSED, reason=error.what)
        if self._goes_below(payload):
            return await self._sms_api.send(outgoing, payload["sms"], self._destination(to), client)
        body = addressed(payload, self.ta, self._destination(to))
        return read_receipt(await self._calls.request("POST", self.send_path, client, body))

    def _destination(self, to: Conversation) -> str:
        return digits_of(to.id) if self.address is AddressKind.PHONE and not self.plus else to.id

    def receivers(self, message: AnyMessage) -> int:
        """Returns how many destinations a request may name; one where the message brings a failover of its own."""
        return 1 if isinstance(message, Raw) and "failover" in message.payload else self.bulk_size

    async def broadcast(self, message: AnyMessage, to: Sequence[Conversation], client: HttpClient) -> Sequence[Receipt]:
        """Makes one attempt for all of these; the answer is read by destination, and who is missing got nothing."""
        try:
            payload = self.rendered(message).payload
        except MessageError as error:
            return [Receipt(Outcome.REFUSED, reason=error.what)] * len(to)
        destinations = [self._destination(each) for each in to]
        if "failover" in payload:
            bodies = [addressed(payload, self.ta, destination) for destination in destinations]
            return [read_receipt(await self._calls.request("POST", self.send_path, client, body)) for body in bodies]
        body = {"destinations": destinations, "trafficAccountId": self.ta, **payload}
        return read_receipts(await self._calls.request("POST", self.bulk_path, client, body), destinations)

    async def load_report(self, receipt_id: str, to: Conversation, client: HttpClient) -> Event | None:
        """Asks for the gateway's copy of a message; None where it has none, or the message is on its way."""
        path = f"{self.send_path.rpartition('/')[0]}/{quote(receipt_id, safe='')}"
        answer = await self._calls.request("GET", path, client)
        if answer.status != 200:
            return None
        try:
            return read_stored(self._source(), answer.body, to)
        except PayloadError:
            return None

    def joins(self, following: Adapter) -> bool:
        """Whether the gateway goes on to the other account itself: under one key, to one number, on another network.

        Telegram tells of no delivery, and has other addresses.
        """
        return (
            isinstance(following, Mitto)
            and (self.api_key, self.api_url) == (following.api_key, following.api_url)
            and self.address is following.address is AddressKind.PHONE
            and self.via != following.via
            and self.ta != following.ta
        )

    # --- webhooks at the gateway ---

    @property
    def has_webhook_call(self) -> bool:
        """Always: the gateway registers its webhook by a call. Only two-way numbers have their address in a console."""
        return True

    async def load_webhook(self, client: HttpClient) -> WebhookStatus:
        """Looks for the account's webhook in the gateway's list. Raises ServiceError when the gateway refuses."""
        return await self._registrar.load(client)

    async def set_webhook(self, url: str, client: HttpClient) -> None:
        """Registers the webhook of the account, called with `webhook_secret` in a header.

        Raises ServiceError when the gateway refuses, and without a secret.
        """
        await self._registrar.set(url, client)

    async def delete_webhook(self, client: HttpClient) -> None:
        """Removes the account's webhook. Raises ServiceError when the gateway refuses."""
        await self._registrar.delete(client)

    @property
    def _registrar(self) -> Registrar:
        return Registrar(self._calls, self.ta, self.webhook_secret, self.triggers)

    @property
    def _calls(self) -> Calls:
        return Calls(self.api_url, self.api_key, self.prefix or self.ta, tuple(self.secrets()))
