"""Viber bots: the Bot REST API and its callbacks.

https://developers.viber.com/docs/api/rest-bot-api
"""

import hmac
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, ClassVar, Self

import msgspec
import structlog

from botkit.adapter import Adapter, Outcome, Receipt
from botkit.capabilities import Capabilities
from botkit.channels.viber_events import read_event
from botkit.channels.viber_keyboards import MAX_URL, keyboard, look, rich_media
from botkit.channels.viber_messages import CAPABILITIES, MAX_NAME, MAX_REQUEST, capabilities_for, check_message
from botkit.channels.viber_own_events import ClientStatusChanged
from botkit.channels.viber_rendering import render
from botkit.channels.viber_sessions import read_session_rules
from botkit.channels.viber_types import STATUSES, Failed
from botkit.conversation import Conversation
from botkit.credentials import made_up, read_secret
from botkit.events import ConversationStarted, Event
from botkit.exceptions import PayloadError, ServiceError, SettingsError
from botkit.formatting import utf16_length
from botkit.http_client import HttpAnswer, HttpClient
from botkit.messages import AnyMessage, Raw, Representative
from botkit.outgoing import Outgoing
from botkit.pace import Pace, Paces
from botkit.payload import read_lenient, read_object
from botkit.redaction import Redactor, Secret
from botkit.session_rules import SessionRules
from botkit.webhook import WebhookRequest, WebhookStatus

__all__ = ["EVENT_TYPES", "SIGNATURE", "ClientStatusChanged", "Viber", "keyboard", "look", "rich_media"]

EVENT_TYPES = ("delivered", "seen", "failed", "subscribed", "unsubscribed", "conversation_started")

log = structlog.get_logger("botkit.channels.viber")

SIGNATURE = "x-viber-content-signature"

_SESSIONS = SessionRules()
# Viber does not promise a form, but it travels in a header.
_TOKEN = re.compile(r"[!-+\--~]+")
_ADDRESS = re.compile(r"https?://\S+")
_DIGITS = re.compile(r"[0-9]{1,9}")
# In bytes; a check of our address has about a hundred and fifty.
_MAX_HANDSHAKE = 1024
# How long a broadcast waits that came too often, failed as a whole, or is not allowed, in seconds by status.
_BROADCAST_LATER: Mapping[object, float] = {12: 10, 19: 60, 20: 60}
# The most that an id takes in a list, in bytes; Viber's have 24 characters.
_MAX_ID = 67
_FIXES = {
    1: "use an https address with a certificate of a public authority, at which the bot already answers",
    2: "set the token that the Viber admin panel shows for this bot",
}


class Viber(Adapter):
    """One Viber bot.

    `token` is its authentication token, which also signs the callbacks; of two, separated by a comma, both verify and
    the first is used for calls. `name` and `avatar` are shown as the sender; the name is the `ta` where it is empty.

    Buttons are pressed silently: the person's chat does not repeat the value. A message with buttons carries their
    labels in its tracking data, so that a pressed button tells its label, and typing a label or value presses it too.
    """

    channel: ClassVar[str] = "viber"
    dedupe_window: ClassVar[timedelta] = timedelta(hours=24)
    has_receipts: ClassVar[bool] = True
    signs_time: ClassVar[bool] = True
    default_api_url: ClassVar[str] = "https://chatapi.viber.com"
    media_hosts = ("viber.com",)
    events: ClassVar[tuple[type[Event], ...]] = (ClientStatusChanged,)
    capabilities: ClassVar[Capabilities] = CAPABILITIES
    # 500 in ten seconds, with room for requests that travel longer than those after them.
    paces = Paces(broadcast=Pace(500, 10.5))
    max_receivers: ClassVar[int] = 300

    def __init__(
        self,
        token: str = "",
        *,
        name: str = "",
        avatar: str = "",
        sessions: SessionRules = _SESSIONS,
        ta: str = "",
        api_url: str = "",
        prefix: str = "",
    ) -> None:
        super().__init__(ta=ta, api_url=api_url, prefix=prefix)
        self.name = name
        self.avatar = avatar
        self.sessions: SessionRules = sessions
        self._tokens = _tokens(token, self._setting("TOKEN"))
        self._check_settings()

    @classmethod
    def from_env(cls, prefix: str, environ: Mapping[str, str] = os.environ) -> Self:
        """Reads `<prefix>_TOKEN`, `_NAME`, `_AVATAR`, `_TA`, `_API_URL`, `_RATE`, `_CHAT_RATE` and the session rules.

        Those are the fields of `SessionRules`, each as a setting:
        numbers `_SESSION_SECONDS`, `_SESSION_MESSAGES`, `_SESSION_IN_ROW`, `_SESSION_PER_HOUR`,
        `_SESSION_FREE_PER_MONTH`, `_SESSION_CLOSES_EARLY` (seconds);
        choices `_SESSION_ON_MAX` (new_session, block), `_SESSION_ON_IN_ROW` (end_session, block),
        `_SESSION_STARTS_WITH` (first_business_reply, first_user_message), `_SESSION_WINDOW` (fixed, sliding),
        `_AT_LIMIT` (hold, fail, failover, charge);
        prices `_SESSION_CURRENCY` (as EUR), `_SESSION_PRICE` of a session, and of messages that no session covers
        `_SESSION_PRICES`, by the person's country (as UA=0.01,SI=0.03,*=0.05).
        A session that starts with the person's message does so by Viber's clock: let it close 60 s early then.

        Raises SettingsError for a value of the wrong form.
        """
        token = read_secret(prefix, "TOKEN", environ)
        return cls(
            token.reveal() if token else "",
            name=environ.get(f"{prefix}_NAME", "").strip(),
            avatar=environ.get(f"{prefix}_AVATAR", "").strip(),
            sessions=read_session_rules(prefix, environ),
            ta=environ.get(f"{prefix}_TA", "").strip(),
            api_url=environ.get(f"{prefix}_API_URL", "").strip(),
            prefix=prefix,
        ).paced(environ)

    def _setting(self, name: str) -> str:
        return f"{self.prefix}_{name}" if self.prefix else name.lower()

    def _check_settings(self) -> None:
        if utf16_length(self.name) > MAX_NAME:
            raise SettingsError(
                f"{self._setting('NAME')} has {utf16_length(self.name)} characters; Viber takes at most {MAX_NAME}",
                fix="shorten it; people see it above each message",
            )
        if self.avatar and not (_ADDRESS.fullmatch(self.avatar) and len(self.avatar) <= MAX_URL):
            raise SettingsError(
                f"{self._setting('AVATAR')} is not an http(s) address of at most {MAX_URL} characters",
                fix="set it to the public address of a picture, or unset it",
            )
        if not _ADDRESS.fullmatch(self.api_url):
            raise SettingsError(
                f"{self._setting('API_URL')} is not an http(s) address", fix=f"unset it to reach {self.default_api_url}"
            )

    @property
    def has_credentials(self) -> bool:
        """Whether there is a token to send with."""
        return bool(self._tokens)

    def secrets(self) -> Iterable[Secret]:
        """The tokens."""
        return self._tokens

    def simulated(self, api_url: str) -> Self:
        """Returns the same account with a made-up token, at a simulator's address."""
        token = "-".join(made_up(16) for _ in range(3))
        return type(self)(
            token,
            name=self.name,
            avatar=self.avatar,
            sessions=self.sessions,
            ta=self.ta,
            api_url=api_url,
            prefix=self.prefix,
        )

    def verify(self, request: WebhookRequest) -> bool:
        """Tells whether the signature, a header or else `sig` in the query, is the body's HMAC-SHA256 under a token."""
        # The query's copy is undocumented, but it is the one that Viber's own SDK for Node checks.
        signature = request.headers.get(SIGNATURE, request.query.get("sig", ""))
        given = signature.encode("utf-8", "replace")
        # All of them before any(): the time must not tell which token matched.
        matches = [hmac.compare_digest(given, _sign(token, request.body)) for token in self._tokens]
        return any(matches)

    def handshake(self, request: WebhookRequest) -> bytes | None:
        """Answers the check of our address where it is unsigned; a signed one is verified and parsed to no events."""
        if SIGNATURE in request.headers or "sig" in request.query or len(request.body) > _MAX_HANDSHAKE:
            return None
        try:
            return b"" if read_object(request.body).get("event") == "webhook" else None
        except PayloadError:
            return None

    def parse(self, request: WebhookRequest) -> Sequence[Event]:
        """Returns the one event of a callback, or none for the check of our address. Raises PayloadError."""
        event = read_event(self.account, request.body)
        return [event] if event else []

    def capabilities_for(self, message: AnyMessage, to: Conversation) -> Capabilities:
        """Returns what can be shown of a message: attachments that Viber would not fetch are links."""
        return capabilities_for(message)

    def check(self, message: AnyMessage) -> None:
        """Returns for a message within bounds. Raises MessageError that names the bound and both numbers."""
        check_message(message, self._sender_of(message))

    def takes_answer(self, event: Event) -> bool:
        """Whether the event is the opening of the chat by somebody whom only a welcome message can reach."""
        return isinstance(event, ConversationStarted) and not event.subscribed

    def render_answer(self, message: AnyMessage) -> bytes:
        """Returns the welcome message, a message without receiver; nothing for a sign, which is no welcome."""
        if message.is_transient:
            return b""
        payload = {"sender": self._sender_of(message)} | render(message)
        payload.pop("receiver", None)
        return msgspec.json.encode(payload)

    async def send(self, outgoing: Outgoing, to: Conversation, client: HttpClient) -> Receipt:
        """Makes one attempt; Viber takes no idempotency key: a repeat after an unknown outcome may show twice."""
        message = outgoing.message
        if isinstance(message, Raw) and message.method not in ("", "send_message"):
            return _receipt(await self._post(message.method, message.payload, client))
        payload = {"sender": self._sender_of(message)} | render(message) | {"receiver": to.id}
        return _receipt(await self._post("send_message", payload, client))

    def receivers(self, message: AnyMessage) -> int:
        """Returns how many ids have room in a request beside the message, up to 300."""
        room = MAX_REQUEST - len(msgspec.json.encode(self._broadcast(message, [])))
        return max(1, min(self.max_receivers, room // _MAX_ID))

    async def broadcast(self, message: AnyMessage, to: Sequence[Conversation], client: HttpClient) -> Sequence[Receipt]:
        """Makes one attempt for up to 300 people; whom Viber names in its answer is not among those who got it."""
        payload = self._broadcast(message, [conversation.id for conversation in to])
        return _receipts(await self._post("broadcast_message", payload, client), to)

    def _broadcast(self, message: AnyMessage, receivers: Sequence[str]) -> dict[str, Any]:
        payload = {"sender": self._sender_of(message)} | render(message) | {"broadcast_list": receivers}
        payload.pop("receiver", None)
        return payload

    async def load_webhook(self, client: HttpClient) -> WebhookStatus:
        """Asks `get_account_info` for the webhook. Raises ServiceError when Viber refuses."""
        answer = await self._call("get_account_info", {}, client)
        shown = ("name", "uri", "country", "event_types", "subscribers_count")
        details = {key: answer[key] for key in shown if key in answer}
        return WebhookStatus(url=str(answer.get("webhook") or ""), details=details)

    async def set_webhook(self, url: str, client: HttpClient) -> None:
        """Registers the webhook; Viber calls it before it answers, so the bot must already be serving.

        Raises ServiceError when Viber refuses.
        """
        settings = {"url": url, "event_types": EVENT_TYPES, "send_name": True, "send_photo": True}
        await self._call("set_webhook", settings, client)

    async def delete_webhook(self, client: HttpClient) -> None:
        """Removes the webhook, and with it the bot's chats until another is set. Raises ServiceError."""
        await self._call("set_webhook", {"url": ""}, client)

    def _sender_of(self, message: AnyMessage) -> dict[str, str]:
        who = message.representative or Representative()
        avatar = who.avatar or self.avatar
        sender = {"name": who.name or self.name or _clipped(self.ta)}
        return sender | {"avatar": avatar} if avatar else sender

    async def _call(self, resource: str, payload: Mapping[str, Any], client: HttpClient) -> dict[str, Any]:
        answer = await self._post(resource, payload, client)
        body = read_lenient(answer.body)
        status = body.get("status")
        if answer.status == 200 and status == 0:
            return body
        if answer.status != 200 or not isinstance(status, int):
            raise ServiceError(
                f"{resource} was answered with HTTP {answer.status} and not in Viber's words",
                code=f"HTTP {answer.status}",
                fix=f"check {self._setting('API_URL')}, or try again later",
            )
        what = f"Viber refused {resource}: {_reason(status)}"
        if status == 1 and isinstance(text := body.get("status_message"), str):
            # Viber's account of what it met at our address.
            what += f" ({Redactor(self._tokens).redact(text)[:200]})"
        raise ServiceError(what, code=status, fix=_FIXES.get(status, "look the status up among Viber's error codes"))

    async def _post(self, resource: str, payload: Mapping[str, Any], client: HttpClient) -> HttpAnswer:
        # In no variable of ours: tools that look into tracebacks would find the token there.
        return await client.request(
            "POST",
            f"{self.api_url}/pa/{resource}",
            json=payload,
            headers={"X-Viber-Auth-Token": self._tokens[0].reveal() if self._tokens else ""},
        )


def _tokens(text: str, setting: str) -> tuple[Secret, ...]:
    if not text:
        return ()
    parts = [part.strip() for part in text.split(",")]
    if len(parts) > 2 or not all(_TOKEN.fullmatch(part) for part in parts):
        raise SettingsError(
            f"{setting} is not one token, nor two separated by a comma",
            fix="copy it from the Viber admin panel; it has no spaces",
        )
    return tuple(Secret(part) for part in parts)


def _clipped(name: str) -> str:
    # Two bytes a unit; a character that is cut in two is left out.
    return name.encode("utf-16-le", "replace")[: 2 * MAX_NAME].decode("utf-16-le", "ignore")


def _sign(token: Secret, body: bytes) -> bytes:
    return hmac.digest(token.reveal().encode(), body, "sha256").hex().encode()


def _reason(status: int) -> str:
    return f"{status} {STATUSES.get(status, 'unknown status')}"


def _receipt(answer: HttpAnswer) -> Receipt:
    if not 200 <= answer.status < 300:
        return _http_failure(answer)
    body = read_lenient(answer.body)
    status = body.get("status")
    if type(status) is not int:
        return Receipt(Outcome.UNKNOWN, reason=f"HTTP {answer.status} without a status")
    if status == 0:
        return Receipt(Outcome.SENT, id=str(body.get("message_token", "")), billing=_billing(body))
    return _refusal(status)


def _refusal(status: int) -> Receipt:
    reason = _reason(status)
    if status == 12:
        # A hundred an hour to one person: it stops this conversation only, and passes with the hour.
        return Receipt(Outcome.NOT_SENT, reason=reason, retry_after=60)
    if status not in STATUSES:
        return Receipt(Outcome.UNKNOWN, reason=reason)
    return Receipt(Outcome.REFUSED, reason=reason, is_gone=status in (5, 6))


def _billing(body: Mapping[str, Any]) -> str:
    # Optional, and a number or a text; 0 to 5 so far.
    word = str(body.get("billing_status", ""))
    return word if _DIGITS.fullmatch(word) else ""


def _receipts(answer: HttpAnswer, to: Sequence[Conversation]) -> Sequence[Receipt]:
    body = read_lenient(answer.body)
    whole = _receipt(answer)
    if answer.status == 200 and (seconds := _BROADCAST_LATER.get(body.get("status"))):
        # It is the request that was one too many, or not allowed yet: nobody has to lose their message for that.
        whole = Receipt(Outcome.NOT_SENT, reason=whole.reason, retry_after=seconds)
    failed = _failed(body) if whole.outcome is Outcome.SENT else {}
    return [_refusal(failed[each.id]) if each.id in failed else whole for each in to]


def _failed(body: Mapping[str, Any]) -> Mapping[str, int]:
    try:
        return {each.receiver: each.status for each in msgspec.convert(body.get("failed_list") or [], list[Failed])}
    except msgspec.ValidationError:
        log.warning("a broadcast's list of failures cannot be read")
        return {}


def _http_failure(answer: HttpAnswer) -> Receipt:
    reason = f"HTTP {answer.status}"
    if answer.status >= 500:
        return Receipt(Outcome.UNKNOWN, reason=reason)
    if answer.status == 429:
        return Receipt(Outcome.THROTTLED, reason=reason, retry_after=answer.retry_after or 1)
    return Receipt(Outcome.REFUSED, reason=reason)
