"""SMSC: text messages, Viber, Telegram and WhatsApp by https://smsc.ru.

https://smsc.ru/api/http/
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, ClassVar, Self

from botkit.adapter import Adapter, Addressed, Outcome, Polled, Receipt
from botkit.addresses import AddressKind, is_phone, parse_phone
from botkit.capabilities import Capabilities
from botkit.clock import Clock
from botkit.conversation import Conversation
from botkit.credentials import made_up
from botkit.events import Event, Subscribed, Unsubscribed
from botkit.exceptions import AddressError, ServiceError
from botkit.gateways.smsc_callbacks import is_genuine, read_callback
from botkit.gateways.smsc_calls import RefusedError, SmscCalls
from botkit.gateways.smsc_consent import Consent
from botkit.gateways.smsc_contacts import COMMANDS, SmscContacts
from botkit.gateways.smsc_messages import (
    CAPABILITIES,
    START,
    STOP,
    WITH_FILES,
    capabilities_for,
    check_message,
)
from botkit.gateways.smsc_own_events import LinkClicked
from botkit.gateways.smsc_parameters import NAME, Via
from botkit.gateways.smsc_polling import Polling, Sources, audience
from botkit.gateways.smsc_requests import read_own, with_sender
from botkit.gateways.smsc_sending import Sending
from botkit.gateways.smsc_settings import POLL_SECONDS, check_settings, read_settings
from botkit.http_client import HttpClient
from botkit.messages import AnyMessage, Raw
from botkit.outgoing import Outgoing
from botkit.redaction import Secret
from botkit.webhook import WebhookRequest, WebhookStatus

__all__ = ["LinkClicked", "RefusedError", "Smsc", "SmscContacts"]

_CONSOLE = "the account's settings at smsc.ru, as the address of your handler"


class Smsc(Adapter):
    """One way of an account at SMSC: `via` is sms, viber, telegram or whatsapp.

    `login` and `password`, or an `api_key`, are the account's. `sender` is the name or number that people see. `bot` is
    the name of a connected Telegram bot, as SMSC's pages show it, or the number of one on WhatsApp; Telegram without a
    bot writes to phone numbers. `callback_secret` is the word that callbacks are signed with; without it there are
    none, and the inbox is asked instead.

    Who leaves is put on the account's blacklist and taken out of `group`, a group's id; who comes back is taken off it
    and put into the group. Both are also asked for, every `poll_seconds`: what is changed there is told here, and
    broadcasts go to the group's members.
    """

    channel: ClassVar[str] = "smsc"
    dedupe_window: ClassVar[timedelta] = timedelta(days=4)
    has_receipts: ClassVar[bool] = True
    default_api_url: ClassVar[str] = "https://smsc.ru"
    token_setting: ClassVar[str] = "API_KEY"  # noqa: S105 - the name of a setting
    stays_away: ClassVar[bool] = True
    kinds: ClassVar[frozenset[str]] = frozenset({"report", "inbound"})
    methods: ClassVar[frozenset[str]] = frozenset({"GET", "POST"})
    events: ClassVar[tuple[type[Event], ...]] = (LinkClicked,)
    capabilities: ClassVar[Capabilities] = CAPABILITIES
    max_receivers: ClassVar[int] = 100

    def __init__(
        self,
        via: Via = "sms",
        *,
        login: str = "",
        password: str = "",
        api_key: str = "",
        sender: str = "",
        bot: str = "",
        group: str = "",
        callback_secret: str = "",
        blacklist_commands: Sequence[str] = COMMANDS,
        inbox: str | None = None,
        files: bool = False,
        poll_seconds: float = POLL_SECONDS,
        max_repeats: int = 0,
        ta: str = "",
        api_url: str = "",
        prefix: str = "",
    ) -> None:
        super().__init__(ta=ta, api_url=api_url, prefix=prefix)
        self.via: Via = via
        self.login = login
        self.password = Secret(password)
        self.api_key = Secret(api_key)
        self.callback_secret = Secret(callback_secret)
        self.sender = sender
        self.bot = f"wa:{bot.removeprefix('wa:')}" if via == "whatsapp" and bot else bot
        self.group = group
        self.blacklist_commands = tuple(blacklist_commands)
        #: Whose messages are asked for: `*` for all numbers of the account, one of them, or empty for none.
        self.inbox = ("" if callback_secret else "*") if inbox is None else inbox
        self.files = files
        self.poll_seconds = poll_seconds
        self.max_repeats = max_repeats
        self.address = AddressKind.CONVERSATION if via == "telegram" and bot else AddressKind.PHONE
        #: Tells when equal requests were made; a simulator puts its own here.
        self.clock = Clock()
        self._consent = Consent(group, has_blacklist=bool(blacklist_commands))
        check_settings(self)
        if self._takes_files:
            self.capabilities = WITH_FILES  # type: ignore[misc]  # what an account shows is its network's

    @classmethod
    def from_env(cls, prefix: str, environ: Mapping[str, str] = os.environ) -> Self:
        """Reads `<prefix>_LOGIN` and `_PASSWORD`, or `_API_KEY`, and `_VIA` (sms, viber, telegram, whatsapp).

        `_SENDER`, `_BOT`, `_GROUP`, `_CALLBACK_SECRET`, `_TA`, `_API_URL`, `_RATE` and `_CHAT_RATE` may be set too;
        `_POLL` (seconds, 0 for never), `_INBOX` (on, off, or the one number whose messages are asked for; on where
        there is no callback secret), `_FILES` (on: a Telegram bot sends pictures by their address), `_REPEATS` (how
        often a message of unknown outcome is sent again), and `_BLACKLIST_COMMANDS` (the names of the three commands
        that add, delete and list, or off). Raises SettingsError for a value of the wrong form.
        """
        return cls(prefix=prefix, **read_settings(prefix, environ)).paced(environ)

    @classmethod
    def examples(cls) -> Mapping[str, Adapter]:
        """Returns an account of each network; Telegram is written to by number or by a bot."""
        return {
            "sms": cls("sms"),
            "viber": cls("viber"),
            "telegram by number": cls("telegram"),
            "telegram by a bot": cls("telegram", bot="bot"),
            "whatsapp": cls("whatsapp", bot="1"),
        }

    @property
    def has_credentials(self) -> bool:
        """Whether there is a key, or a login and its password."""
        return bool(self.api_key) or bool(self.login and self.password)

    def secrets(self) -> Iterable[Secret]:
        """The password, the key and the word that callbacks are signed with."""
        return [secret for secret in (self.password, self.api_key, self.callback_secret) if secret]

    def simulated(self, api_url: str) -> Self:
        """Returns the same account with a made-up key and callback secret, at a simulator's address."""
        return type(self)(
            self.via,
            api_key=made_up(),
            callback_secret=made_up(),
            sender=self.sender,
            bot=self.bot,
            group=self.group,
            # What a simulator calls them.
            blacklist_commands=COMMANDS if self.blacklist_commands else (),
            inbox=self.inbox if self.callback_secret else None,
            files=self.files,
            poll_seconds=self.poll_seconds,
            max_repeats=self.max_repeats or 0,
            ta=self.ta,
            api_url=api_url,
            prefix=self.prefix,
        )

    @property
    def network(self) -> str:
        """As `via`."""
        return self.via

    @property
    def calls(self) -> SmscCalls:
        """What else SMSC can be asked: the balance, a price, the inbox, a status."""
        if self.api_key:
            return SmscCalls(self.api_url, {"apikey": self.api_key}, self.clock)
        return SmscCalls(self.api_url, {"login": Secret(self.login), "psw": self.password}, self.clock)

    def contacts(self, client: HttpClient) -> SmscContacts:
        """Returns the account's contacts, groups and blacklist, as asked for by a client."""
        return SmscContacts(self.calls, client, commands=self.blacklist_commands or COMMANDS)

    # --- inbound ---

    def verify(self, request: WebhookRequest) -> bool:
        """Tells whether the MD5 among the fields is that of their bytes and the callback secret."""
        return is_genuine(request, self.callback_secret)

    def parse(self, request: WebhookRequest) -> Sequence[Event]:
        """Returns the event of a callback, of either kind on either path. Raises PayloadError."""
        return read_callback(request, self.account, hears_stop=not self.bot)

    async def poll(self, cursor: bytes, client: HttpClient) -> Polled:
        """Asks for the inbox, the blacklist and the group's members.

        Raises ServiceError when SMSC refuses the inbox; a list that cannot be had stays as it was.
        """
        sources = Sources(
            self.inbox,
            bool(self.blacklist_commands),
            self.group,
            self._mark,
            hears_stop=not self.bot,
            returned=self._consent.returned,
        )
        return await Polling(self.account, sources, self.contacts(client), self.clock.now()).run(cursor)

    def audience(self, cursor: bytes) -> Callable[[str], bool]:
        """Returns who broadcasts are for: the group's members but for the blacklist, as of the last time."""
        return audience(cursor)

    def acknowledge(self, event: Event) -> AnyMessage | None:
        """Returns the call that puts who left on the blacklist, or takes who came back off it."""
        phone = event.conversation.id
        if not isinstance(event, (Subscribed, Unsubscribed)) or not is_phone(phone):
            return None
        told = event.raw if isinstance(event.raw, dict) else {}
        # What the account's own lists have told of is done there already, but for the group.
        is_listed = "blacklist" in told or "unlisted" in told
        if "group" in told or not (self.group or (self.blacklist_commands and not is_listed)):
            return None
        method = START if isinstance(event, Subscribed) else STOP
        payload = {"phone": phone, "listed": True} if is_listed else {"phone": phone}
        return Raw(channel=self.channel, method=method, payload=payload, is_call=True)

    # --- outbound ---

    def find_address(self, destination: str) -> str:
        """Returns a number in E.164; for a Telegram bot, a name with its `@` or an id with its `#` as it is."""
        if self.address is AddressKind.CONVERSATION and NAME.fullmatch(destination.strip()):
            return destination.strip()
        if destination.strip()[:1] in ("@", "#"):
            raise AddressError("this is no phone number", fix="names and ids are for accounts with a Telegram bot")
        return parse_phone(destination)

    def capabilities_for(self, message: AnyMessage, to: Conversation) -> Capabilities:
        """Returns what can be shown of a message: pictures and films on WhatsApp, elsewhere their address."""
        return capabilities_for(message, takes_files=self._takes_files)

    @property
    def _takes_files(self) -> bool:
        return bool(self.bot) and (self.files or self.via == "whatsapp")

    def check(self, message: AnyMessage) -> None:
        """Returns for a message within bounds. Raises MessageError that names the bound and both numbers."""
        check_message(message, self.route)

    def read_send(self, body: Mapping[str, Any]) -> Addressed:
        """Returns the message of a request, in SMSC's own words (`phones`, `mes`, ...) or those of all accounts.

        Raises InvalidRequestError with everything that is wrong.
        """
        if "phones" in body or "mes" in body:
            return read_own(body, self.route, self.find_address)
        return with_sender(super().read_send(body))

    @property
    def route(self) -> Mapping[str, str]:
        """The parameters that say which way a message goes."""
        if self.bot:
            return {"bot": self.bot}
        return {"viber": {"viber": "1"}, "telegram": {"tg": "1"}}.get(self.via, {})

    async def send(self, outgoing: Outgoing, to: Conversation, client: HttpClient) -> Receipt:
        """Makes one attempt. SMSC drops no repeat: whether one arrived after all is asked by the message's id."""
        message = outgoing.message
        if not isinstance(message, Raw) or message.method not in (STOP, START):
            return await self._sending.send(outgoing, to, client)
        phone, contacts = str(message.payload.get("phone", to.id)), self.contacts(client)
        if message.payload.get("listed"):
            # A second record would keep somebody there whom the first one's owner takes off.
            return await self._consent.follow(phone, contacts, joins=message.method == START)
        if message.method == STOP:
            return await self._consent.stop(phone, contacts, mark=self._mark)
        since = outgoing.created_ms / 1000
        return await self._consent.start(phone, contacts, since=since, now=self.clock.timestamp())

    async def look_up(self, outgoing: Outgoing, to: Conversation, client: HttpClient) -> Receipt | None:
        """Asks for the status of an attempt whose outcome is not known.

        Raises ServiceError when SMSC does not tell now; transport errors pass through.
        """
        if isinstance(outgoing.message, Raw) and outgoing.message.method in (STOP, START):
            # Doing it again does no harm.
            return Receipt(Outcome.NOT_SENT, reason="it is done again")
        return await self._sending.look_up(outgoing, to, client)

    async def load_report(self, receipt_id: str, to: Conversation, client: HttpClient) -> Event | None:
        """Asks how far a message is; None where nothing new can be told. Transport errors pass through."""
        return await self._sending.load_report(receipt_id, to, client, self.clock.now())

    async def broadcast(self, message: AnyMessage, to: Sequence[Conversation], client: HttpClient) -> Sequence[Receipt]:
        """Makes one attempt for up to 100 people; who is not taken is told apart from the others."""
        return await self._sending.broadcast(message, to, client)

    @property
    def _mark(self) -> str:
        # The comment of the records that this account makes; a bot may name the account late.
        return f"botkit {self.ta}".strip()

    @property
    def _sending(self) -> Sending:
        return Sending(self.calls, self.route, self.sender)

    # --- the console ---

    def callback_address(self, kind: str, url: str) -> str:
        """Returns the same address for both kinds: SMSC has one for all of its callbacks."""
        return url.replace(f"/{self.channel}/inbound?", f"/{self.channel}/report?")

    async def load_webhook(self, client: HttpClient) -> WebhookStatus:
        """Says where the webhook is set: SMSC has no call that tells."""
        return WebhookStatus(url="", details={"set in": _CONSOLE})

    async def set_webhook(self, url: str, client: HttpClient) -> None:
        """Raises ServiceError: only the account's settings have a field for the address."""
        raise ServiceError("SMSC has no call that sets a webhook", fix=f"enter {url} in {_CONSOLE}")

    async def delete_webhook(self, client: HttpClient) -> None:
        """Raises ServiceError: only the account's settings have a field for the address."""
        raise ServiceError("SMSC has no call that removes a webhook", fix=f"remove it in {_CONSOLE}")
