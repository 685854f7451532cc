"""SMSGold: messages to the subscribers of Telegram bots that are connected there. Nothing comes back.

https://smsgold.ru/developers/razrabotchikam/telegram/
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from hashlib import blake2b
from typing import Any, ClassVar, Self
from urllib.parse import quote_plus, urlencode

import structlog

from botkit.adapter import Adapter, Addressed, Outcome, Polled, Receipt
from botkit.addresses import AddressKind, parse_phone
from botkit.capabilities import Capabilities
from botkit.chatapps.contents import NETWORKS
from botkit.chatapps.markup import parse
from botkit.chatapps.requests import find_request_problems
from botkit.chatapps.telegram import Telegram
from botkit.clock import Clock
from botkit.conversation import Conversation
from botkit.credentials import made_up
from botkit.events import Event
from botkit.exceptions import (
    AddressError,
    DownloadError,
    InvalidRequestError,
    MessageError,
    PayloadError,
    Problem,
    ServiceError,
    SettingsError,
)
from botkit.gateways.settings import Settings, check_address, named
from botkit.gateways.smsgold_answers import Listing, SmsGoldBot, read_answer, read_bot, read_list
from botkit.gateways.smsgold_requests import (
    ADDRESS,
    CAPABILITIES,
    address_of,
    cleaned,
    find_problems,
    phone_of,
    render,
)
from botkit.gateways.smsgold_subscribers import synchronise
from botkit.http_client import HttpClient
from botkit.messages import AnyMessage, Raw, Text
from botkit.outgoing import Outgoing
from botkit.redaction import Secret
from botkit.webhook import WebhookRequest, WebhookStatus

__all__ = ["SmsGold", "SmsGoldBot"]

#: How often the list of subscribers is asked for, in seconds, and the most bytes that it may have.
POLL_SECONDS, MOST_POLL = 900, 86_400
MAX_LIST = 16 * 1024 * 1024
#: The same where it is simulated: whoever opens the chat there wants to see what comes of it.
SIMULATED_POLL_SECONDS = 1

log = structlog.get_logger("botkit.gateways.smsgold")


class SmsGold(Adapter):
    """One account of SMSGold, for one Telegram bot that is connected there: `user` with a `password`.

    Conversations are subscribers by SMSGold's own ids. With `bot_id` phone numbers in E.164 are conversations too, and
    the bot's subscribers are asked for every `poll_seconds` (0: never): whoever is new is told of by `Subscribed`,
    whoever has left by `Unsubscribed`. SMSGold calls nobody: what people write is never heard, and what becomes of a
    message is not told. Its answers are not documented; one that is not JSON means accepted, or with `strict_answers`
    that the outcome is not known. It drops no repeats, so that `repeats` is 0: what may have arrived is not sent again.
    """

    stays_away: ClassVar[bool] = True
    channel: ClassVar[str] = "smsgold"
    dedupe_window: ClassVar[timedelta] = timedelta(days=1)
    default_api_url: ClassVar[str] = "https://webapi.smsgold.ru"
    token_setting: ClassVar[str] = "PASS"  # noqa: S105  # a name, not a password
    capabilities: ClassVar[Capabilities] = CAPABILITIES
    methods: ClassVar[frozenset[str]] = frozenset()
    address = AddressKind.USER

    def __init__(
        self,
        *,
        user: str = "",
        password: str = "",
        bot_id: str = "",
        strict_answers: bool = False,
        poll_seconds: float = POLL_SECONDS,
        repeats: int = 0,
        ta: str = "",
        api_url: str = "",
        prefix: str = "",
    ) -> None:
        super().__init__(ta=ta, api_url=api_url, prefix=prefix)
        self.user = user
        self.password = Secret(password)
        self.bot_id = bot_id
        self.strict_answers = strict_answers
        self.poll_seconds: float = poll_seconds if bot_id else 0
        self.max_repeats = repeats
        self.clock = Clock()
        self._has_warned = False
        self._check_settings()

    @classmethod
    def from_env(cls, prefix: str, environ: Mapping[str, str] = os.environ) -> Self:
        """Reads `<prefix>_USER`, `_PASS` (or `_PASS_FILE`), `_BOT_ID`, `_TA`, `_API_URL` and the rates.

        Also `_STRICT_ANSWERS` (true or false), `_POLL` (seconds, 0 for never, 900 unless set) and `_REPEATS`. Raises
        SettingsError for a value of the wrong form, and for a user without a password.
        """
        settings = Settings(prefix, environ)
        return cls(
            user=settings.text("USER"),
            password=settings.secret("PASS"),
            bot_id=settings.text("BOT_ID"),
            strict_answers=settings.flag("STRICT_ANSWERS", otherwise=False),
            poll_seconds=settings.whole("POLL", POLL_SECONDS, most=MOST_POLL),
            repeats=settings.whole("REPEATS", 0, most=100),
            ta=settings.text("TA"),
            api_url=settings.text("API_URL"),
            prefix=prefix,
        ).paced(environ)

    def _setting(self, name: str) -> str:
        return named(self.prefix, name)

    def _check_settings(self) -> None:
        check_address(self.api_url, self._setting("API_URL"))
        if bool(self.user) != bool(self.password):
            missing = self._setting("PASS" if self.user else "USER")
            raise SettingsError(f"{missing} is not set", fix="set both, the user and the password, or none")

    @classmethod
    def examples(cls) -> Mapping[str, Adapter]:
        """Returns an account of its one network."""
        return {"telegram": cls()}

    @property
    def has_credentials(self) -> bool:
        """Whether there are a user and a password."""
        return bool(self.password)

    @property
    def network(self) -> str:
        """Telegram: it is bots that speak."""
        return "telegram"

    def secrets(self) -> Iterable[Secret]:
        """The password, also as it stands in addresses."""
        password = self.password.reveal()
        return [Secret(text) for text in dict.fromkeys((password, quote_plus(password))) if text]

    def simulated(self, api_url: str) -> Self:
        """Returns the same account with a made-up password, and a bot where it has none, at a simulator's address."""
        return type(self)(
            user="12345.1",
            password=made_up(),
            bot_id=self.bot_id or blake2b(self.ta.encode(), digest_size=12).hexdigest(),
            strict_answers=self.strict_answers,
            poll_seconds=SIMULATED_POLL_SECONDS,
            repeats=self.max_repeats or 0,
            ta=self.ta,
            api_url=api_url,
            prefix=self.prefix,
        )

    # --- webhooks, of which there are none ---

    def verify(self, request: WebhookRequest) -> bool:
        """Never: SMSGold calls nobody."""
        return False

    def parse(self, request: WebhookRequest) -> Sequence[Event]:
        """Raises PayloadError: SMSGold calls nobody."""
        raise PayloadError("SMSGold calls nobody: this cannot be from there")

    async def load_webhook(self, client: HttpClient) -> WebhookStatus:
        """Looks for the account's bot instead. Raises ServiceError where it is not connected, or SMSGold refuses."""
        bots = await self.load_bots(client)
        names = ", ".join(bot.username or bot.name or bot.id for bot in bots)
        self._check_bot(bots)
        return WebhookStatus("", {"set in": "no place: SMSGold calls nobody back", "bots": names})

    async def set_webhook(self, url: str, client: HttpClient) -> None:
        """Raises ServiceError: SMSGold calls nobody."""
        raise ServiceError("SMSGold calls nobody back, so there is no webhook to set", fix="leave this account out")

    async def delete_webhook(self, client: HttpClient) -> None:
        """Raises ServiceError: SMSGold calls nobody."""
        raise ServiceError("SMSGold calls nobody back, so there is no webhook to delete", fix="leave this account out")

    # --- messages ---

    def find_address(self, destination: str) -> str:
        """Returns a number that starts with a plus in E.164, and anything else as a subscriber's id.

        Raises AddressError for a number where the account has no bot, and for an id that is empty.
        """
        text = destination.strip()
        if not text.startswith("+"):
            if not text:
                raise AddressError("this is no subscriber's id", fix="take it from SMSGold's list of subscribers")
            return text
        if not self.bot_id:
            raise AddressError(
                "a phone number needs a bot, and this account names none", fix=f"set {self._setting('BOT_ID')}"
            )
        return parse_phone(text)

    def check(self, message: AnyMessage) -> None:
        """Returns for a message that SMSGold takes. Raises MessageError that names the bound and both numbers."""
        if isinstance(message, Raw) and (message.channel != self.channel or message.method):
            raise MessageError(
                f"this Raw is for {message.channel}", fix="a Raw for smsgold has its channel and no method"
            )
        if not isinstance(message, Text | Raw):
            raise MessageError(f"SMSGold takes no {type(message).__name__}: texts only")
        if problems := find_problems(render(message), self.bot_id, is_addressed=False):
            raise InvalidRequestError(problems)

    def read_send(self, body: Mapping[str, Any]) -> Addressed:
        """Returns the message of a request, in SMSGold's own form or with a `destination` and a text for `telegram`.

        Raises InvalidRequestError with every problem and its path.
        """
        if "destination" in body or any(name.casefold() in NETWORKS for name in body):
            return self._read_common(body)
        if problems := find_problems(body, self.bot_id):
            raise InvalidRequestError(problems)
        payload = cleaned(body)
        to = payload.get("subscriberId") or phone_of(payload["number"])
        return Addressed(to, Raw(channel=self.channel, payload=payload))

    def _read_common(self, body: Mapping[str, Any]) -> Addressed:
        problems: list[Problem] = []
        request = find_request_problems(body, problems)
        content = request.contents.get(self.network)
        to = self._read_destination(request.destination, problems)
        if not isinstance(content, Telegram):
            problems.append(Problem(self.network, "is needed: this account sends it"))
        elif content.text is not None and not problems:
            words = parse(content.text.message, content.text.parse_mode).formatted
            return Addressed(to, Text(text=words.text, spans=words.spans, markdown=False, silent=content.silent))
        elif content.text is None and content.kind:
            problems.append(Problem(f"{self.network}.{content.kind}", "is nothing that SMSGold sends: texts only"))
        raise InvalidRequestError(problems)

    def _read_destination(self, destination: str, problems: list[Problem]) -> str:
        try:
            return self.find_address(destination) if destination else ""
        except AddressError as error:
            problems.append(Problem("destination", error.what))
        return ""

    async def send(self, outgoing: Outgoing, to: Conversation, client: HttpClient) -> Receipt:
        """Makes one attempt; SMSGold drops no repeats: one after an unknown outcome may show twice."""
        body = render(outgoing.message)
        if not any(name in body for name in ADDRESS):
            body = address_of(to.id, self.bot_id) | body
        elif _addressee(body) != to.id:
            return Receipt(Outcome.REFUSED, reason="the request is for somebody else than the conversation's person")
        if "botId" in body and not body["botId"]:
            return Receipt(Outcome.REFUSED, reason=f"a phone number needs {self._setting('BOT_ID')}")
        # In no variable of ours: tools that look into tracebacks would find the password there.
        response = await client.request(
            "POST",
            f"{self.api_url}/v1/telegram/bot/sendMessage/",
            json={**body, "auth": {"user": self.user, "pass": self.password.reveal()}},
        )
        answer = read_answer(response, is_strict=self.strict_answers)
        if not answer.is_read and not self._has_warned:
            self._has_warned = True
            log.warning("SMSGold answered with what is not JSON", account=self.ta, status=response.status)
        return answer.receipt

    # --- lists ---

    async def load_bots(self, client: HttpClient) -> Sequence[SmsGoldBot]:
        """Asks for the bots that are connected to the account. Raises ServiceError."""
        listing = await self._load("bots", {}, client)
        return [read_bot(identity, entry) for identity, entry in listing.entries.items()]

    async def load_subscribers(self, client: HttpClient) -> Listing:
        """Asks for the subscribers of the account's bot. Raises ServiceError."""
        return await self._load("subscribers", {"botId": self.bot_id}, client)

    async def poll(self, cursor: bytes, client: HttpClient) -> Polled:
        """Asks who has started the bot, and who has left. Raises ServiceError.

        Whoever has left is told of when a second list does not name them either.
        """
        if not self.bot_id:
            return Polled((), cursor)
        if not cursor:
            self._check_bot(await self.load_bots(client))
        return synchronise(cursor, await self.load_subscribers(client), self.account, self.clock.now())

    def _check_bot(self, bots: Sequence[SmsGoldBot]) -> None:
        if self.bot_id and self.bot_id not in [bot.id for bot in bots]:
            known = ", ".join(f"{bot.id} ({bot.username or bot.name})" for bot in bots) or "none"
            raise ServiceError(
                f"{self._setting('BOT_ID')} names no bot that is connected to this account",
                fix=f"connect it in SMSGold's console, or name one that is: {known}",
            )

    async def _load(self, name: str, query: Mapping[str, str], client: HttpClient) -> Listing:
        # The password stands in the address, as SMSGold wants it; downloads name no address in what goes wrong.
        try:
            # In no variable of ours: tools that look into tracebacks would find the password there.
            found = await client.download(self._list_url(name, query), most=MAX_LIST)
            return read_list(found.content, name)
        except DownloadError as error:
            failure = ServiceError(f"SMSGold gave no list of {name}: {error.what}", fix="check the user and password")
        except PayloadError as error:
            failure = ServiceError(error.what, fix=f"check {self._setting('API_URL')}, or try again later")
        raise failure

    def _list_url(self, name: str, query: Mapping[str, str]) -> str:
        credentials = {"user": self.user, "pass": self.password.reveal()}
        return f"{self.api_url}/v1/telegram/bot/{name}/?{urlencode({**credentials, **query})}"


def _addressee(body: Mapping[str, Any]) -> str:
    # A handler's Raw is read no more strictly than SMSGold reads it.
    return str(body.get("subscriberId") or "") or phone_of(str(body.get("number") or ""))
