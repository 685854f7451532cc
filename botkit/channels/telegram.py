"""Telegram: the Bot API, with updates by webhook.

https://core.telegram.org/bots/api
"""

import hmac
import os
import re
import zlib
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from datetime import timedelta
from mimetypes import guess_type
from typing import Any, Self

from msgspec.structs import replace

from botkit.adapter import Adapter, Outcome, Receipt
from botkit.capabilities import Capabilities
from botkit.channels.telegram_address import address_of, is_private
from botkit.channels.telegram_answers import NO_FILE, NO_TEXT, read_answer, read_receipt
from botkit.channels.telegram_calls import *  # noqa: F403 - they are written telegram.pin(...)
from botkit.channels.telegram_entities import *  # noqa: F403 - these three are written telegram.InlineQuery
from botkit.channels.telegram_events import *  # noqa: F403
from botkit.channels.telegram_files import KnownFiles
from botkit.channels.telegram_messages import (
    CAPABILITIES,
    Call,
    as_form,
    capabilities_for,
    check_message,
    render,
    without_words,
)
from botkit.channels.telegram_news import *  # noqa: F403
from botkit.channels.telegram_news import EVENTS
from botkit.channels.telegram_texts import read_text
from botkit.channels.telegram_updates import KINDS, read_update
from botkit.conversation import Conversation
from botkit.credentials import made_up, read_secret
from botkit.events import ButtonPressed, Event, Media
from botkit.exceptions import AddressError, DownloadError, MessageError, ServiceError, SettingsError, TransportError
from botkit.http_client import Download, HttpAnswer, HttpClient
from botkit.messages import AnyMessage, Raw
from botkit.outgoing import Outgoing
from botkit.pace import Pace, Paces
from botkit.redaction import Secret
from botkit.webhook import WebhookRequest, WebhookStatus

_SECRET_HEADER = "x-telegram-bot-api-secret-token"  # noqa: S105 - the header's name
_TOKEN_FORM = re.compile(r"[1-9][0-9]*:[A-Za-z0-9_-]{20,}")
_SECRET_FORM = re.compile(r"[A-Za-z0-9_-]{1,256}")
_SET_WEBHOOK = "setWebhook"
_FILE_PATH = re.compile(r"\w[\w.-]*(?:/\w[\w.-]*)*", re.ASCII)


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
    capabilities = CAPABILITIES
    # https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this
    # 30 a second and 20 a minute, with room for messages that travel longer than those after them.
    paces = Paces(account=Pace(30, 1.25), chat=Pace(3, 1, burst=3), group=Pace(20, 61))

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
        self._is_set = bool(token)
        self._secrets = tuple(Secret(part.strip()) for part in secret.split(",")) if secret else ()
        self._known_files = KnownFiles()
        self._check_settings()

    @classmethod
    def from_env(cls, prefix: str, environ: Mapping[str, str] = os.environ) -> Self:
        """Reads `<prefix>_TOKEN`, `_SECRET` (or both with `_FILE`), `_TA`, `_API_URL`, `_RATE` and `_CHAT_RATE`.

        And `_UPDATES`: a list such as `message,callback_query,message_reaction`, or `all`.

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
        ).paced(environ)

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
        return self._is_set

    def secrets(self) -> Iterable[Secret]:
        """Returns the token and the webhook's secrets."""
        return [secret for secret in (self._token, *self._secrets) if secret]

    def simulated(self, api_url: str) -> Self:
        """Returns the same account with a made-up token and secret; the bot's user id depends on `ta` alone."""
        bot_id = 1_000_000_000 + zlib.crc32(f"telegram:{self.ta}".encode())
        token, secret = f"{bot_id}:{made_up(35)}", made_up()
        return type(self)(token, secret, ta=self.ta, api_url=api_url, prefix=self.prefix, updates=self.updates)

    def chat_pace(self, to: Conversation) -> Pace | None:
        """Returns the pace of a group or channel, known by a minus or a name, or that of a private chat."""
        return self.paces.group if to.id.startswith(("-", "@")) else self.paces.chat

    def verify(self, request: WebhookRequest) -> bool:
        """Tells whether the secret header is there and one of ours; there is no signature over the body."""
        given = request.headers.get(_SECRET_HEADER, "").encode("utf-8", "replace")
        # All are compared, whichever of them fits: the time must not tell.
        is_ours = False
        for secret in self._secrets:
            is_ours |= hmac.compare_digest(given, secret.reveal().encode())
        return is_ours

    def parse(self, request: WebhookRequest) -> Sequence[Event]:
        """Returns the one event of an update; pure, but that an update without a date is dated now.

        Raises PayloadError when the body cannot be read.
        """
        return [read_text(self.account, request.body) or read_update(self.account, request.body)]

    def capabilities_for(self, message: AnyMessage, to: Conversation) -> Capabilities:
        """Returns what can be shown; places and numbers can be asked for in private chats, which have positive ids."""
        return capabilities_for(message, is_private=bool(message.buttons) and is_private(to.id))

    def check(self, message: AnyMessage) -> None:
        """Returns for a message within bounds; lengths are in UTF-16 units without formatting and space at the ends.

        Raises MessageError that names the bound and both numbers.
        """
        check_message(message)

    def find_address(self, destination: str) -> str:
        """Returns the id of a chat, or its public name with the @, as it is. Raises AddressError for anything else."""
        if not address_of(destination):
            raise AddressError("this names no chat", fix="give its id, a whole number, or its public name as @name")
        return destination

    def acknowledge(self, event: Event) -> AnyMessage | None:
        """Returns the answer to a pressed button: until it comes, the button keeps spinning."""
        if not isinstance(event, ButtonPressed) or not event.query_id:
            return None
        payload = {"callback_query_id": event.query_id}
        return Raw(channel=self.channel, method="answerCallbackQuery", payload=payload, transient=True)

    async def send(self, outgoing: Outgoing, to: Conversation, client: HttpClient) -> Receipt:
        """Makes one attempt to send and classes the outcome; the receipt's id is the message's id in its chat.

        A file of ours is uploaded once in a process, and named by its `file_id` after that. Transport errors of
        `client` pass through. Safe to cancel: the outcome is then unknown.
        """
        address = address_of(to.id)
        if not address and not isinstance(outgoing.message, Raw):
            return Receipt(Outcome.REFUSED, reason="the conversation's id names no chat")
        try:
            call = await render(outgoing.message, address)
        except MessageError as error:
            return Receipt(Outcome.REFUSED, reason=error.what)
        if call.files:
            receipt = await self._send_files(call, client)
        else:
            receipt = read_receipt(await self._post(call, client))
        if receipt.outcome is Outcome.SENT:
            return receipt
        if receipt.reason == NO_TEXT:
            receipt = read_receipt(await self._post(without_words(call), client))
        return receipt if not receipt.is_gone or _is_about(call, address) else replace(receipt, is_gone=False)

    async def _send_files(self, call: Call, client: HttpClient) -> Receipt:
        known = self._known_files.shortened(call)
        if known is not call:
            receipt = read_receipt(await self._post(known, client))
            if receipt.reason not in NO_FILE:
                return receipt
            self._known_files.forget(call)
        answer = await self._post(call, client)
        receipt = read_receipt(answer)
        if receipt.outcome is Outcome.SENT:
            self._known_files.remember(call, answer)
        return receipt

    async def download(self, media: Media, client: HttpClient, *, most: int) -> Download:
        """Fetches a file by its `file_id`: `getFile`, then the file, of at most 20 MB by Telegram's own bound.

        Raises DownloadError, which names no address: the token is a part of it.
        """
        if not media.file_id:
            raise DownloadError(f"telegram gives no file for this {media.kind}")
        try:
            answer = await self._post(Call("getFile", {"file_id": media.file_id}), client)
        except (TransportError, SettingsError) as error:
            raise DownloadError(f"Telegram was not asked for the file: {error.what}") from None
        said = read_answer(answer)
        path = said.result.get("file_path") if said and said.ok and isinstance(said.result, dict) else None
        if not isinstance(path, str) or not _FILE_PATH.fullmatch(path):
            raise DownloadError(f"Telegram gives no file ({read_receipt(answer).reason or 'without a path'})")
        download = await client.download(f"{self.api_url}/file/bot{self._token.reveal()}/{path}", most=most)
        # Telegram serves all files as octets; the sender's device or the name says more. All its photos are JPEG.
        usual = "image/jpeg" if media.kind == "image" else download.mime
        return Download(download.content, media.mime or guess_type(path)[0] or usual)

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
        await self._call(_SET_WEBHOOK, options, client)

    async def delete_webhook(self, client: HttpClient) -> None:
        """Removes the webhook; updates that wait are kept. Raises ServiceError when it refuses."""
        await self._call("deleteWebhook", {}, client)

    async def _call(self, method: str, payload: Mapping[str, Any], client: HttpClient) -> Any:
        answer = await self._post(Call(method, payload), client)
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

    def _post(self, call: Call, client: HttpClient) -> Awaitable[HttpAnswer]:
        if not self._is_set:
            raise SettingsError(f"{self._setting('TOKEN')} is not set", fix="create a bot with @BotFather")
        # In no variable of ours: tools that look into tracebacks would find the token there.
        if call.files:
            return client.request(
                "POST",
                f"{self.api_url}/bot{self._token.reveal()}/{call.method}",
                form=as_form(call.parameters),
                files=call.files,
            )
        return client.request(
            "POST",
            f"{self.api_url}/bot{self._token.reveal()}/{call.method}",
            json=call.parameters if call.method != _SET_WEBHOOK else self._proved(call),
        )

    def _proved(self, call: Call) -> Mapping[str, Any]:
        """Returns the parameters of the call that sets the webhook, with its secret."""
        if not self._secrets:
            return call.parameters
        return {**call.parameters, "secret_token": self._secrets[0].reveal()}


def _is_about(call: Call, address: Mapping[str, Any]) -> bool:
    """Whether a call was about one conversation alone: nobody else's absence is a reason to give it up."""
    names_others = not call.parameters.keys().isdisjoint(("from_chat_id", "user_id"))
    return bool(address) and str(call.parameters.get("chat_id")) == str(address["chat_id"]) and not names_others
