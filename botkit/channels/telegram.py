"""Telegram: the Bot API, with updates by webhook.

https://core.telegram.org/bots/api
"""

import hmac
import os
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Self

from msgspec.structs import replace

from botkit.adapter import (
    Adapter,
    HttpAnswer,
    HttpClient,
    Outcome,
    Receipt,
    WebhookRequest,
    WebhookStatus,
    made_up,
    read_secret,
)
from botkit.channels.telegram_answers import read_answer, read_receipt
from botkit.channels.telegram_entities import *  # noqa: F403 - these three are written telegram.InlineQuery
from botkit.channels.telegram_events import *  # noqa: F403
from botkit.channels.telegram_news import *  # noqa: F403
from botkit.channels.telegram_news import EVENTS
from botkit.channels.telegram_updates import KINDS, read_update
from botkit.conversation import Conversation
from botkit.events import ButtonPressed, Event
from botkit.exceptions import MessageError, ServiceError, SettingsError
from botkit.formatting import to_telegram, utf16_length
from botkit.messages import AnyButton, AnyMessage, Button, File, Image, Link, Location, Outgoing, Raw, Text, Typing
from botkit.redaction import Secret

MAX_TEXT = 4096
MAX_CAPTION = 1024
MAX_BUTTONS = 100
MAX_ROW = 8
MAX_VALUE = 64

_SECRET_HEADER = "x-telegram-bot-api-secret-token"  # noqa: S105 - the header's name
_TOKEN_FORM = re.compile(r"[1-9][0-9]*:[A-Za-z0-9_-]{20,}")
_SECRET_FORM = re.compile(r"[A-Za-z0-9_-]{1,256}")
_METHOD_FORM = re.compile(r"[A-Za-z]+")
_ADDRESS = re.compile(r"(-?\d{1,19}|@[A-Za-z]\w{0,63})(?:/(d?)(\d{1,19}))?(?:@(\S+))?", re.ASCII)


class Telegram(Adapter):
    """One bot on Telegram.

    `secret` comes back in a header of every update; two secrets separated by a comma are both accepted and the first
    is registered, which is how it is changed without losing an update. `updates` are the kinds that Telegram shall
    send, `("all",)` for every kind: without them it sends all but `chat_member`, `message_reaction` and
    `message_reaction_count`. Raises SettingsError for a value of the wrong form, and for a token without a secret:
    nothing else tells Telegram's requests from anybody's.
    """

    channel = "telegram"
    # Telegram keeps what it could not deliver for 24 hours.
    dedupe_window = timedelta(hours=48)
    events = EVENTS
    default_api_url = "https://api.telegram.org"

    def __init__(
        self,
        token: str = "",
        secret: str = "",
        *,
        ta: str = "",
        api_url: str = "",
        prefix: str = "",
        updates: Sequence[str] = (),
    ) -> None:
        super().__init__(ta=ta, api_url=api_url, prefix=prefix)
        self.updates = tuple(updates)
        self._token = Secret(token)
        self._secrets = tuple(Secret(part.strip()) for part in secret.split(",")) if secret else ()
        self._check_settings()

    @classmethod
    def from_env(cls, prefix: str, environ: Mapping[str, str] = os.environ) -> Self:
        """Reads `<prefix>_TOKEN`, `_SECRET` (or both with `_FILE`), `_TA`, `_API_URL` and `_UPDATES`.

        `_UPDATES` is a list such as `message,callback_query,message_reaction`, or `all`.

        Raises SettingsError for a value of the wrong form.
        """
        token = read_secret(prefix, "TOKEN", environ)
        secret = read_secret(prefix, "SECRET", environ)
        return cls(
            token.reveal() if token else "",
            secret.reveal() if secret else "",
            ta=environ.get(f"{prefix}_TA", "").strip(),
            api_url=environ.get(f"{prefix}_API_URL", "").strip(),
            prefix=prefix,
            updates=[part.strip() for part in environ.get(f"{prefix}_UPDATES", "").split(",") if part.strip()],
        )

    def _check_settings(self) -> None:
        if self._token and not _TOKEN_FORM.fullmatch(self._token.reveal()):
            fix = "copy it whole from @BotFather: digits, a colon, then 35 letters, digits, _ or -"
            raise SettingsError(f"{self._setting('TOKEN')} has not the form of a bot token", fix=fix)
        if len(self._secrets) > 2 or not all(_SECRET_FORM.fullmatch(secret.reveal()) for secret in self._secrets):
            fix = "use 1 to 256 of A-Z a-z 0-9 _ and -, or two such secrets separated by a comma"
            raise SettingsError(f"{self._setting('SECRET')} has not the form of a webhook secret", fix=fix)
        if self._token and not self._secrets:
            fix = "set it to a random text: python -c 'import secrets; print(secrets.token_urlsafe(32))'"
            raise SettingsError(f"{self._setting('SECRET')} is not set, so anybody could post updates", fix=fix)
        if unknown := [kind for kind in self.updates if kind not in ("all", *KINDS)]:
            fix = f"use all, or some of: {', '.join(KINDS)}"
            raise SettingsError(f"{self._setting('UPDATES')} names {unknown[0]!r}, no kind of update", fix=fix)
        if not self.api_url.startswith(("https://", "http://")):
            raise SettingsError(f"{self._setting('API_URL')} is no address", fix="start it with https:// or http://")

    def _setting(self, name: str) -> str:
        return f"{self.prefix}_{name}" if self.prefix else f"Telegram's {name.lower()}"

    @property
    def has_credentials(self) -> bool:
        """Whether a token was given."""
        return bool(self._token)

    def secrets(self) -> Iterable[Secret]:
        """Returns the token and the webhook's secrets."""
        return [secret for secret in (self._token, *self._secrets) if secret]

    def simulated(self, api_url: str) -> Self:
        """Returns the same account with a made-up token and secret; the bot's user id depends on `ta` alone."""
        bot_id = 1_000_000_000 + zlib.crc32(f"telegram:{self.ta}".encode())
        token, secret = f"{bot_id}:{made_up(35)}", made_up()
        return type(self)(token, secret, ta=self.ta, api_url=api_url, prefix=self.prefix, updates=self.updates)

    def verify(self, request: WebhookRequest) -> bool:
        """Tells whether the secret header is there and one of ours; there is no signature over the body."""
        given = request.headers.get(_SECRET_HEADER, "").encode("utf-8", "replace")
        # All are compared before one is looked at: the time must not tell which of them fits.
        matches = [hmac.compare_digest(given, secret.reveal().encode()) for secret in self._secrets]
        return any(matches)

    def parse(self, request: WebhookRequest) -> Sequence[Event]:
        """Returns the one event of an update; pure, but that an update without a date is dated now.

        Raises PayloadError when the body cannot be read.
        """
        return [read_update(self.account, request.body)]

    def check(self, message: AnyMessage) -> AnyMessage:
        """Returns the message; lengths are counted in UTF-16 units without formatting and space at the ends.

        Raises MessageError that names the bound and both numbers.
        """
        match message:
            case Raw():
                _check_raw(message)
            case Text():
                _check_length("text", to_telegram(message.formatted)[0], 1, MAX_TEXT)
            case Image() | File():
                _check_length("caption", to_telegram(message.formatted)[0], 0, MAX_CAPTION)
        _check_buttons(message.buttons)
        return message

    def acknowledge(self, event: Event) -> AnyMessage | None:
        """Returns the answer to a pressed button: until it comes, the button keeps spinning."""
        if not isinstance(event, ButtonPressed) or not event.query_id:
            return None
        payload = {"callback_query_id": event.query_id}
        return Raw(channel=self.channel, method="answerCallbackQuery", payload=payload, transient=True)

    async def send(self, outgoing: Outgoing, to: Conversation, client: HttpClient) -> Receipt:
        """Makes one attempt to send and classes the outcome; the receipt's id is the message's id in its chat.

        Transport errors of `client` pass through. Safe to cancel: the outcome is then unknown.
        """
        address = _address(to.id)
        if isinstance(outgoing.message, Raw):
            return await self._send_raw(outgoing.message, address, client)
        if not address:
            return Receipt(Outcome.REFUSED, reason="the conversation's id names no chat")
        method, payload = _render(outgoing.message)
        return read_receipt(await self._post(method, address | payload, client))

    async def _send_raw(self, raw: Raw, address: Mapping[str, Any], client: HttpClient) -> Receipt:
        receipt = read_receipt(await self._post(raw.method, raw.payload, client))
        # The call may have been about somebody else, who is no reason to give this conversation up.
        is_here = bool(address) and str(raw.payload.get("chat_id")) == str(address["chat_id"])
        return replace(receipt, is_gone=receipt.is_gone and is_here)

    async def load_webhook(self, client: HttpClient) -> WebhookStatus:
        """Asks Telegram for the webhook that is set, its backlog and its last error.

        Raises ServiceError when it refuses.
        """
        info = await self._call("getWebhookInfo", {}, client)
        if not isinstance(info, dict):
            raise ServiceError("Telegram's answer to getWebhookInfo cannot be read", fix="try again later")
        return WebhookStatus(url=str(info.pop("url", "")), details=info)

    async def set_webhook(self, url: str, client: HttpClient) -> None:
        """Registers the webhook with the (first) secret, for the chosen kinds of updates or the default ones.

        Raises ServiceError when it refuses.
        """
        # An empty list stands for Telegram's default kinds; leaving it out would keep what an earlier call chose.
        wanted = KINDS if "all" in self.updates else self.updates
        options = {"url": url, "allowed_updates": list(wanted), "max_connections": 40}
        secret = {"secret_token": self._secrets[0].reveal()} if self._secrets else {}
        await self._call("setWebhook", options | secret, client)

    async def delete_webhook(self, client: HttpClient) -> None:
        """Removes the webhook; updates that wait are kept. Raises ServiceError when it refuses."""
        await self._call("deleteWebhook", {}, client)

    async def _call(self, method: str, payload: Mapping[str, Any], client: HttpClient) -> Any:
        answer = await self._post(method, payload, client)
        receipt, said = read_receipt(answer), read_answer(answer)
        if said and receipt.outcome is Outcome.SENT:
            return said.result
        token, api_url = self._setting("TOKEN"), self._setting("API_URL")
        fixes = {
            "400": "give a public https address on port 443, 80, 88 or 8443",
            "401": f"check {token}",
            "404": f"check {token} and {api_url}",
            "429": f"try again in {receipt.retry_after:g} s",
        }
        code = receipt.reason.partition(" ")[0]
        what = f"Telegram refused {method}: {receipt.reason}"
        raise ServiceError(what, code=int(code), fix=fixes.get(code, "try again later"))

    async def _post(self, method: str, payload: Mapping[str, Any], client: HttpClient) -> HttpAnswer:
        if not self._token:
            raise SettingsError(f"{self._setting('TOKEN')} is not set", fix="create a bot with @BotFather")
        url = f"{self.api_url}/bot{self._token.reveal()}/{method}"
        return await client.request("POST", url, json=payload)


def _check_raw(message: Raw) -> None:
    if message.channel != Telegram.channel:
        raise MessageError(f"a Raw for {message.channel} was sent on telegram", fix='build it with channel="telegram"')
    # The method becomes a part of the URL.
    if not _METHOD_FORM.fullmatch(message.method):
        raise MessageError("a Raw for telegram needs the name of a method", fix='such as method="sendDice"')


def _check_length(what: str, text: str, least: int, most: int) -> None:
    length = utf16_length(text)
    if length < least:
        raise MessageError(f"the {what} has {length} UTF-16 units without its formatting; Telegram needs {least}")
    if length > most:
        raise MessageError(f"the {what} has {length} UTF-16 units without its formatting; Telegram takes {most}")


def _check_buttons(buttons: tuple[tuple[AnyButton, ...], ...]) -> None:
    total, widest = sum(map(len, buttons)), max(map(len, buttons), default=0)
    if total > MAX_BUTTONS:
        raise MessageError(f"the message has {total} buttons; Telegram takes {MAX_BUTTONS}")
    if widest > MAX_ROW:
        raise MessageError(f"a row has {widest} buttons; Telegram takes {MAX_ROW}")
    for button in (button for row in buttons for button in row):
        _check_button(button)


def _check_button(button: AnyButton) -> None:
    if isinstance(button, Link):
        if not button.url.lower().startswith(("https://", "http://", "tg://")):
            raise MessageError("a Link opens an address that is not http, https or tg; Telegram takes only those")
        return
    size = len(button.value.encode("utf-8", "surrogatepass"))
    if size > MAX_VALUE:
        raise MessageError(f"a Button's value has {size} bytes; Telegram takes {MAX_VALUE}")


def _address(place: str) -> dict[str, Any]:
    """Returns the parameters that name a conversation, or nothing if its id names no chat."""
    match = _ADDRESS.fullmatch(place)
    if not match:
        return {}
    chat, is_direct, topic, business = match.groups()
    address: dict[str, Any] = {"chat_id": chat if chat.startswith("@") else int(chat)}
    if topic:
        address["direct_messages_topic_id" if is_direct else "message_thread_id"] = int(topic)
    if business:
        address["business_connection_id"] = business
    return address


def _render(message: Text | Image | File | Location | Typing) -> tuple[str, dict[str, Any]]:
    if isinstance(message, Typing):
        return "sendChatAction", {"action": "typing"}
    options: dict[str, Any] = {"disable_notification": True} if message.silent else {}
    if message.buttons:
        options["reply_markup"] = {"inline_keyboard": [[_key(button) for button in row] for row in message.buttons]}
    if isinstance(message, Location):
        return "sendLocation", {"latitude": message.latitude, "longitude": message.longitude, **options}
    text, entities = to_telegram(message.formatted)
    if isinstance(message, Text):
        return "sendMessage", {"text": text, **_filled(entities=entities), **options}
    method, name = ("sendPhoto", "photo") if isinstance(message, Image) else ("sendDocument", "document")
    return method, {name: message.source, **_filled(caption=text, caption_entities=entities), **options}


def _key(button: AnyButton) -> dict[str, str]:
    if isinstance(button, Button):
        return {"text": button.text, "callback_data": button.value}
    return {"text": button.text, "url": button.url}


def _filled(**parameters: Any) -> dict[str, Any]:
    return {name: value for name, value in parameters.items() if value}
