"""Rapporto: messages to phone numbers by Telegram, WhatsApp, Viber, VK and SMS through its REST API.

https://docs.rapporto.ru/ ("REST API")
"""

import hmac
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, ClassVar, Self
from urllib.parse import quote

import msgspec
from msgspec.structs import replace

from botkit.adapter import Adapter, Addressed, Outcome, Receipt
from botkit.addresses import AddressKind, parse_phone
from botkit.capabilities import Capabilities
from botkit.chatapps.abilities import own_members
from botkit.conversation import Conversation
from botkit.credentials import made_up
from botkit.degradation import Prepared
from botkit.events import Event
from botkit.exceptions import (
    AddressError,
    InvalidRequestError,
    MessageError,
    Problem,
    ServiceError,
    SettingsError,
)
from botkit.gateways.rapporto_answers import read_answer
from botkit.gateways.rapporto_checks import find_problems
from botkit.gateways.rapporto_events import ChannelSubscribed, LinkClicked
from botkit.gateways.rapporto_messages import CAPABILITIES, TOP, capabilities_for, carried, find_option_problems, render
from botkit.gateways.rapporto_reports import read_events
from botkit.gateways.rapporto_requests import Defaults, as_link, cascade, ways_of, with_defaults
from botkit.gateways.rapporto_settings import read_words
from botkit.gateways.rapporto_types import KINDS, MAX_NOTIFY_URL, NETWORKS, digits_for
from botkit.gateways.settings import Settings, check_address, check_choice, named
from botkit.http_client import HttpClient
from botkit.messages import AnyMessage, Raw
from botkit.outgoing import Outgoing
from botkit.redaction import Secret
from botkit.webhook import WebhookRequest, WebhookStatus

__all__ = ["ChannelSubscribed", "LinkClicked", "Rapporto"]

# Stands for anybody where only the message matters.
_SOMEBODY = "+79990001122"


class Rapporto(Adapter):
    """One account at Rapporto, for one network: `via` is telegram, whatsapp, viber, sms or vk.

    `api_url` is the complete address that Rapporto gave; there is no public one. Conversations are phone numbers in
    E.164. `service_number` is the sender's name. `resubmission` tells that Rapporto drops a repeated `id`: what may
    have arrived is only then sent again. `registered_delivery` and `shorten_links` go with each message that says
    nothing else, and so does the address of reports: `notify_url` as it stands, or the one below `callback_url`, this
    service's public address, with the word `callback_secret` (of two, separated by a comma, both are believed and the
    first is given out). Reports have no signature: whoever knows the word is believed. `cascades` tells that Rapporto
    may try several ways by itself. `repeats` is how often a message of unknown outcome is sent again.
    """

    channel: ClassVar[str] = "rapporto"
    dedupe_window: ClassVar[timedelta] = timedelta(days=4)
    has_receipts: ClassVar[bool] = True
    default_api_url: ClassVar[str] = ""
    token_setting: ClassVar[str] = "PASSWORD"  # noqa: S105  # a name, not a password
    events: ClassVar[tuple[type[Event], ...]] = (LinkClicked, ChannelSubscribed)
    capabilities: ClassVar[Capabilities] = CAPABILITIES["telegram"]
    stays_away: ClassVar[bool] = True
    kinds: ClassVar[frozenset[str]] = frozenset({"report", "inbound"})
    # Of the rest, the service keeps hours and tells of reports itself, for all accounts alike.
    send_options: ClassVar[frozenset[str]] = frozenset(
        {"extraParam", "registeredDelivery", "shortenLinks", "cascadeChainLink"}
    )
    address = AddressKind.PHONE

    def __init__(
        self,
        via: str = "telegram",
        *,
        login: str = "",
        password: str = "",
        service_number: str = "",
        resubmission: bool = False,
        registered_delivery: int | None = None,
        notify_url: str = "",
        callback_url: str = "",
        callback_secret: str = "",
        shorten_links: bool | None = None,
        cascades: bool = False,
        repeats: int | None = None,
        ta: str = "",
        api_url: str = "",
        prefix: str = "",
    ) -> None:
        super().__init__(ta=ta, api_url=api_url, prefix=prefix)
        if api_url.rstrip("/").count("/") > 2:
            # It is no base of other addresses: a slash at its end is as Rapporto gave it.
            self.api_url = api_url
        self.via = via
        self.login = login
        self.password = Secret(password)
        self.service_number = service_number
        self.resubmission = resubmission
        self.registered_delivery = registered_delivery
        self.shorten_links = shorten_links
        self.cascades = cascades
        self.max_repeats = repeats if repeats is not None or resubmission else 0
        self._notify_url = Secret(notify_url)
        self._callback_url = callback_url.rstrip("/")
        self._words = read_words(callback_secret, self._setting("CALLBACK_SECRET"))
        self._check_settings()
        self.capabilities = CAPABILITIES[via]  # type: ignore[misc]  # what an account shows is its network's

    @classmethod
    def from_env(cls, prefix: str, environ: Mapping[str, str] = os.environ) -> Self:
        """Reads `<prefix>_VIA` (telegram), `_LOGIN`, `_PASSWORD`, `_API_URL`, `_TA`, `_SERVICE_NUMBER` and the rates.

        Also `_RESUBMISSION`, `_CASCADES` and `_SHORTEN_LINKS` (true or false), `_REGISTERED_DELIVERY` (0 none, 1 all, 2
        only failures), `_NOTIFY_URL` or `_CALLBACK_URL`, `_CALLBACK_SECRET`, and `_REPEATS`. Secrets may be given by a
        file (`_PASSWORD_FILE`). Raises SettingsError for a value of the wrong form, and for a login without its
        password or its address.
        """
        settings = Settings(prefix, environ)
        return cls(
            settings.text("VIA", "telegram").lower(),
            login=settings.text("LOGIN"),
            password=settings.secret("PASSWORD"),
            service_number=settings.text("SERVICE_NUMBER"),
            resubmission=settings.flag("RESUBMISSION", otherwise=False),
            registered_delivery=settings.whole("REGISTERED_DELIVERY", None, most=2),
            notify_url=settings.secret("NOTIFY_URL"),
            callback_url=settings.text("CALLBACK_URL"),
            callback_secret=settings.secret("CALLBACK_SECRET"),
            shorten_links=settings.flag("SHORTEN_LINKS", None),
            cascades=settings.flag("CASCADES", otherwise=False),
            repeats=settings.whole("REPEATS", None, most=100),
            ta=settings.text("TA"),
            api_url=settings.text("API_URL"),
            prefix=prefix,
        ).paced(environ)

    def _setting(self, name: str) -> str:
        return named(self.prefix, name)

    def _check_settings(self) -> None:
        check_choice(self.via, self._setting("VIA"), tuple(NETWORKS))
        check = partial(check_address, takes_query=True)
        check(self.api_url, self._setting("API_URL"))
        check(self._notify_url.reveal(), self._setting("NOTIFY_URL"), most=MAX_NOTIFY_URL)
        check(self._callback_url, self._setting("CALLBACK_URL"), most=MAX_NOTIFY_URL // 2)
        missing = [name for name, given in self._needed().items() if not given]
        if missing:
            listed = ", ".join(map(self._setting, missing))
            raise SettingsError(f"{listed} is not set", fix="set it beside the others, as Rapporto gave it to you")
        if self._callback_url and not self._words:
            setting = self._setting("CALLBACK_SECRET")
            raise SettingsError(
                f"{setting} is not set, and reports have no other proof",
                fix=f"set {setting} to a word that nobody can guess, as from: openssl rand -hex 24",
            )

    def _needed(self) -> Mapping[str, object]:
        if not (self.login or self.password):
            return {}
        needed = {"LOGIN": self.login, "PASSWORD": self.password, "API_URL": self.api_url}
        return needed | ({"SERVICE_NUMBER": self.service_number} if self.via == "vk" else {})

    @classmethod
    def examples(cls) -> Mapping[str, Adapter]:
        """Returns an account of each network."""
        return {via: cls(via, service_number="SHOP") for via in NETWORKS}

    @property
    def has_credentials(self) -> bool:
        """Whether there is a login, which comes with its password and its address."""
        return bool(self.login)

    @property
    def network(self) -> str:
        """What the account sends by: its `via`."""
        return self.via

    def secrets(self) -> Iterable[Secret]:
        """The password, the words of the callbacks, and the address of reports, which has such a word in it."""
        return [secret for secret in (self.password, *self._words, self._notify_url) if secret]

    def simulated(self, api_url: str) -> Self:
        """Returns the same account with made-up credentials, at a simulator's address."""
        return type(self)(
            self.via,
            # One for all: ways that the real accounts would share are shared there too.
            login="botkit-demo",
            password=made_up(),
            service_number=self.service_number or ("SHOP" if self.via == "vk" else ""),
            resubmission=self.resubmission,
            registered_delivery=self.registered_delivery,
            callback_secret=made_up(),
            shorten_links=self.shorten_links,
            cascades=self.cascades,
            repeats=self.max_repeats,
            ta=self.ta,
            api_url=api_url,
            prefix=self.prefix,
        )

    # --- webhooks ---

    def callback_address(self, kind: str, url: str) -> str:
        """Returns the address with `&key=` and the first word of the callbacks."""
        return f"{url}&key={self._words[0].reveal()}" if self._words else url

    @property
    def notify_url(self) -> Secret:
        """The address that reports of a message are asked for at; empty where Rapporto's own setting says it."""
        if self._notify_url or not self._callback_url:
            return self._notify_url
        url = f"{self._callback_url}/webhooks/{self.channel}/report?ta={quote(self.ta, safe='')}"
        return Secret(self.callback_address("report", url))

    def verify(self, request: WebhookRequest) -> bool:
        """Tells whether `key` in the query is one of the account's words; nothing else proves anything here."""
        given = request.query.get("key", "").encode("utf-8", "surrogatepass")
        # All of them before any(): the time must not tell which word matched.
        matches = [hmac.compare_digest(given, word.reveal().encode()) for word in self._words]
        return any(matches)

    def parse(self, request: WebhookRequest) -> Sequence[Event]:
        """Returns the event of a report, an event of a message, or what somebody wrote; none for "sent".

        Rapporto may post all of them to one address. Raises PayloadError.
        """
        return read_events(self.account, request.body)

    # --- messages ---

    def find_address(self, destination: str) -> str:
        """Returns the number in E.164, read as Rapporto reads it: 8-999-000-11-22 is +79990001122.

        Raises AddressError.
        """
        return parse_phone(f"+{digits_for(destination)}")

    def capabilities_for(self, message: AnyMessage, to: Conversation) -> Capabilities:
        """Returns what the account's network shows of a message."""
        return capabilities_for(self.via, message)

    def prepare(self, message: AnyMessage, to: Conversation, *, offered: int = 0) -> Prepared:
        """Returns what will be sent for a message; its hours, sender and parameters are those of each part."""
        prepared = super().prepare(message, to, offered=offered)
        return replace(prepared, messages=carried(message, prepared.messages))

    def check(self, message: AnyMessage) -> None:
        """Returns for a message that Rapporto takes. Raises InvalidRequestError with every problem and its path."""
        if message.is_transient and not isinstance(message, Raw):
            return
        if isinstance(message, Raw) and (message.channel != self.channel or message.method):
            raise MessageError(
                f"this Raw is for {message.channel}", fix="a Raw for rapporto has its channel and no method"
            )
        body = {"destAddr": _SOMEBODY} | self._completed(render(message, self.via))
        problems = find_problems(body, is_strict=not isinstance(message, Raw))
        if problems:
            raise InvalidRequestError(problems)
        try:
            msgspec.json.encode(body)
        except (UnicodeEncodeError, TypeError, ValueError):
            raise MessageError("a message for rapporto must be JSON, without halves of surrogate pairs") from None

    def read_send(self, body: Mapping[str, Any]) -> Addressed:
        """Returns the message of a request and the number that it is for, in Rapporto's own form or the common one.

        The common form may have Rapporto's own members beside the network's object, such as `extraParam`; there they
        may be an object of names and values. Raises InvalidRequestError with every problem and its path.
        """
        return self._read_own(body) if body.keys() & {"destAddr", "message"} else self._read_common(body)

    def _read_own(self, body: Mapping[str, Any]) -> Addressed:
        problems = find_problems(body)
        if problems:
            raise InvalidRequestError(problems)
        try:
            to = self.find_address(body["destAddr"])
        except AddressError as error:
            raise InvalidRequestError([Problem("destAddr", error.what)]) from None
        return Addressed(to, Raw(channel=self.channel, payload=dict(body)))

    def _read_common(self, body: Mapping[str, Any]) -> Addressed:
        own = {name: value for name, value in body.items() if name in TOP}
        problems = find_option_problems(own, NETWORKS[self.via])
        try:
            addressed = super().read_send({name: value for name, value in body.items() if name not in TOP})
        except InvalidRequestError as error:
            raise InvalidRequestError([*error.problems, *problems]) from None
        if problems:
            raise InvalidRequestError(problems)
        # The common form's word for who speaks.
        if sender := own_members(addressed.message).get("sender"):
            own["serviceNumber"] = sender
        extra = {**addressed.message.extra, self.channel: own}
        return Addressed(addressed.to, replace(addressed.message, extra=extra)) if own else addressed

    async def send(self, outgoing: Outgoing, to: Conversation, client: HttpClient) -> Receipt:
        """Makes one attempt, with an `id` of the message's own; joined ways of its trail go as one cascade."""
        try:
            request = self._request(outgoing)
            # A caller's own request keeps its members in their order.
            body = request if "destAddr" in request else {"destAddr": to.id, **request}
            number = self.find_address(str(body["destAddr"]))
        except MessageError as error:
            return Receipt(Outcome.REFUSED, reason=error.what)
        if number != to.id:
            return Receipt(Outcome.REFUSED, reason="destAddr is not the number of the conversation")
        # In no variable of ours: tools that look into tracebacks would find the password there.
        answer = await client.request(
            "POST", self.api_url, json={"login": self.login, "password": self.password.reveal(), **body}
        )
        return read_answer(answer, [*ways_of(body)], self.prefix)

    def _request(self, outgoing: Outgoing) -> dict[str, Any]:
        message, trail = outgoing.message, outgoing.trail
        body = render(message, self.via)
        if trail is not None and trail.joined > 1:
            body = cascade(self._completed(body), trail)
        # What a caller wrote leaves as it came, unless its repeats must be known.
        is_named = self.resubmission or not isinstance(message, Raw)
        return self._completed(body, id=outgoing.key if is_named else "")

    def _completed(self, body: Mapping[str, Any], *, id: str = "") -> dict[str, Any]:
        defaults = Defaults(
            kind=NETWORKS[self.via],
            id=id,
            service_number=self.service_number,
            registered_delivery=self.registered_delivery,
            notify_url=self.notify_url.reveal(),
            shorten_links=self.shorten_links,
        )
        return with_defaults(body, defaults)

    def joins(self, following: Adapter) -> bool:
        """Whether Rapporto looks after both ways in one cascade: one login, one address, two networks."""
        return (
            isinstance(following, Rapporto)
            and self.cascades
            and following.cascades
            and (self.login, self.api_url) == (following.login, following.api_url)
            and self.via != following.via
        )

    def can_last(self, seconds: float) -> bool:
        """Whether the network's ttl can be that time: WhatsApp's is whole days, Telegram's at most one."""
        ttl = KINDS[NETWORKS[self.via]].ttl
        return not seconds or ttl is None or ttl.nearest(seconds) == math.ceil(seconds)

    def rendered(self, message: AnyMessage) -> Raw:
        """Returns a message as it stands in a cascade, with this account's sender.

        Raises MessageError for one that takes several messages here.
        """
        parts = self.prepare(message, Conversation(self.account, _SOMEBODY)).messages
        if len(parts) != 1:
            raise MessageError(f"a way of a cascade is one message, and this takes {len(parts)}")
        body = self._completed(render(parts[0], self.via))
        if "cascadeChainLink" in body:
            raise MessageError("a way of a cascade has no cascade of its own")
        return Raw(channel=self.channel, payload={"message": as_link(body)})

    # --- settings at the service ---

    async def load_webhook(self, client: HttpClient) -> WebhookStatus:
        """Returns nothing but the place: the addresses are in Rapporto's settings of the account."""
        return WebhookStatus("", {"set in": "Rapporto's settings of the account, which its support changes"})

    async def set_webhook(self, url: str, client: HttpClient) -> None:
        """Raises ServiceError that says which addresses Rapporto's support must enter."""
        path, _, query = url.partition("?")
        addresses = " and ".join(f"{path}/{kind}?{query}&key=..." for kind in ("report", "inbound"))
        setting = self._setting("CALLBACK_SECRET")
        raise ServiceError(
            "Rapporto has no call that sets a webhook",
            fix=f"have its support enter {addresses}, with the word of {setting} as the key; or set "
            f"{self._setting('CALLBACK_URL')} to this service's address, and reports are asked for with each message",
        )

    async def delete_webhook(self, client: HttpClient) -> None:
        """Raises ServiceError: Rapporto's support removes what it entered."""
        raise ServiceError("Rapporto has no call that removes a webhook", fix="have its support remove the addresses")
