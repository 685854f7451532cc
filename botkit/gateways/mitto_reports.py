"""Reads what Mitto posts: delivery reports, inbound text messages, and messages as a customer's webhook gets them.

https://docs.mitto.ch/sms-api/ and https://docs.mitto.ch/chat-apps/. Of the last two no public sample shows the form:
what is read is every spelling that is known.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Raw, Struct

from botkit.addresses import AddressKind, is_phone, parse_phone
from botkit.consent import consent
from botkit.conversation import Account, Conversation, User, digest
from botkit.events import (
    Event,
    Media,
    MediaKind,
    MessageDelivered,
    MessageExpired,
    MessageFailed,
    MessageReceived,
    MessageSeen,
    Subscribed,
    UnknownEvent,
    Unsubscribed,
    event_id,
)
from botkit.exceptions import AddressError, PayloadError
from botkit.payload import read_object

_DELIVERED = ("delivered",)
_SEEN = ("seen", "read")
_FAILED = ("failure", "failed", "undelivered", "rejected")
_EXPIRED = ("expired",)
# On the way: nothing that a handler could act on, and never worse than what is known.
_UNDERWAY = ("created", "ready", "pending", "queued", "buffered", "accepted", "sent")

_PLACEHOLDER = re.compile(r"~\w+~")
_CODE = re.compile(r"[\w.-]{1,20}")
_KINDS: Mapping[str, MediaKind] = {
    **dict.fromkeys(("jpg", "jpeg", "png", "gif", "webp"), "image"),
    **dict.fromkeys(("mp4", "3gp", "mov"), "video"),
    **dict.fromkeys(("mp3", "m4a", "aac", "amr"), "audio"),
    **dict.fromkeys(("ogg", "oga", "opus"), "voice"),
}


class Source(Struct, frozen=True):
    """Who was called, when, and what names the people there.

    `has_consent_words`: whether STOP and START mean what they say, as in text messages.
    """

    account: Account
    address: AddressKind
    now: datetime
    has_consent_words: bool = False

    def conversation(self, given: str) -> Conversation:
        """Returns the conversation that an address means, as the service writes it."""
        return Conversation(self.account, _known_as(given, self.address))

    def inbound_id(self, message_id: str, sent_at: datetime | None, body: bytes) -> str:
        """Returns the id of the event that somebody wrote, by the message's own id or else by all that is said of it.

        With neither an id nor a time, the minute of its arrival tells it from the next that says the same.
        """
        # A menu is answered by numbers, and two of them by the same one.
        minute = "" if sent_at else f"|{self.now:%Y%m%d%H%M}"
        return event_id(self.account, f"inbound|{message_id or digest(body.decode()) + minute}")


def _known_as(given: str, address: AddressKind) -> str:
    if address is not AddressKind.PHONE:
        return given
    try:
        return parse_phone(given)
    except AddressError:
        # A short number, or a name: it cannot be answered, but what it says is heard.
        return given


# --- members, by whatever name ---


def read_fields(body: bytes) -> Mapping[str, Any]:
    """Returns the members of a JSON object by their names in lower case. Raises PayloadError."""
    return {name.lower(): value for name, value in read_object(body).items()}


def _text(fields: Mapping[str, Any], *names: str) -> str:
    values = (fields.get(name) for name in names)
    found = next((value for value in values if isinstance(value, (str, int)) and value != ""), "")
    return str(found).strip()


def _instant(text: str | None) -> datetime | None:
    try:
        at = datetime.fromisoformat(text or "")
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


# --- text messages: reports, and what people write ---


def bound_id(message_id: str, key: str) -> str:
    """Returns the id under which a text message is known: the SMS API's own, and the key that its token names.

    So a token of one message says nothing about another.
    """
    return f"{message_id}.{key}"


def read_delivery_report(source: Source, to: str, key: str, fields: Mapping[str, Any], raw: bytes) -> Sequence[Event]:
    """Returns the event of a delivery report on a text message; none for one on its way.

    `to` and `key` are the id of the conversation and the message, as the token has them. Raises PayloadError without an
    id or a status, and for placeholders that nobody filled in.
    """
    message_id, status = _text(fields, "messageid", "msgid"), _text(fields, "status")
    code = _text(fields, "errorcode")
    if any(map(_PLACEHOLDER.search, (message_id, status, code))):
        raise PayloadError(
            "the report's placeholders were not filled in",
            fix="write ~msgid~, ~status~ and ~errorcode~ into the template of the callback in Mitto's console",
        )
    if not message_id or not status:
        raise PayloadError(f"the report has no {'status' if message_id else 'messageId'}")
    found = _report(source, Conversation(source.account, to), bound_id(message_id, key), status, code, source.now, raw)
    return [found] if found else []


def _report(
    source: Source, to: Conversation, message_id: str, status: str, code: str, at: datetime, raw: bytes
) -> Event | None:
    """Returns the event that a status means; None for one that says that the message is on its way."""
    word = status.strip().lower()
    known: dict[str, Any] = {
        "id": event_id(source.account, f"report|{message_id}|{word}"),
        "at": at,
        "conversation": to,
        "raw_json": Raw(raw),
    }
    if word in _DELIVERED:
        return MessageDelivered(receipt_id=message_id, **known)
    if word in _SEEN:
        return MessageSeen(receipt_id=message_id, **known)
    if word in _EXPIRED:
        return MessageExpired(receipt_id=message_id, **known)
    if word in _FAILED:
        is_told = code.strip("0") and _CODE.fullmatch(code)
        return MessageFailed(receipt_id=message_id, reason=f"{word}, error {code}" if is_told else word, **known)
    if word in _UNDERWAY:
        return None
    return UnknownEvent(kind=f"report.{word}" if _CODE.fullmatch(word) else "report", **known)


def read_inbound_sms(source: Source, fields: Mapping[str, Any], raw: bytes) -> Sequence[Event]:
    """Returns the event of a text message that somebody wrote. Raises PayloadError where nobody is named.

    One in the gateway's own form is read too: its webhook may have been entered at this address.
    """
    if isinstance(fields.get("sender"), dict):
        return read_messages(source, raw)
    sender = _text(fields, "from", "sender", "msisdn")
    if not sender:
        raise PayloadError("the message does not say from whom it is")
    message_id, sent_at = _text(fields, "messageid", "id"), _instant(_text(fields, "timestamp"))
    known: dict[str, Any] = {
        "id": source.inbound_id(message_id, sent_at, raw),
        "at": sent_at or source.now,
        "conversation": (conversation := source.conversation(sender)),
        "user": User(id=conversation.id),
        "raw_json": Raw(raw),
    }
    return [_said(source, _text(fields, "text", "message"), known, message_id=message_id)]


def _said(source: Source, text: str, known: Mapping[str, Any], **more: Any) -> Event:
    wish = consent(text) if source.has_consent_words else None
    if wish is None:
        return MessageReceived(text=text, **more, **known)
    return Subscribed(**known) if wish else Unsubscribed(**known)


# --- messages, as the gateway stores them ---


class _Party(Struct, frozen=True, rename="camel"):
    phone_number: str | None = None
    messaging_app_identifier: str | None = None
    name: str | None = None

    @property
    def address(self) -> str:
        return (self.phone_number or self.messaging_app_identifier or "").strip()


class _Talk(Struct, frozen=True):
    participants: list[_Party] | None = None


class _Message(Struct, frozen=True, rename="camel"):
    message_id: str | int | None = None
    delivery_status: str | None = None
    sender: _Party | None = None
    conversation: _Talk | None = None
    text: str | None = None
    media_url: str | None = None
    quoted_message_id: str | None = None
    created_at: str | None = None
    updated_at: str | None = None

    @property
    def id(self) -> str:
        return "" if self.message_id is None else str(self.message_id)

    @property
    def receiver(self) -> str:
        """The address of whoever is in the conversation beside the sender; empty where that is not one person."""
        own = self.sender.address if self.sender else ""
        others = self.conversation.participants or [] if self.conversation else []
        found = {party.address for party in others} - {own, ""}
        return found.pop() if len(found) == 1 else ""


def read_messages(source: Source, body: bytes) -> Sequence[Event]:
    """Returns the events of a customer's webhook: one message or several, each a report or what somebody wrote.

    Raises PayloadError for what is no message.
    """
    found = (_read_stored(source, part, to=None) for part in _parts(body))
    return [event for event in found if event]


def read_stored(source: Source, body: bytes, to: Conversation) -> Event | None:
    """Returns what the gateway's copy of our message says of its fate; None while it is on its way.

    Raises PayloadError for what is no message with a status.
    """
    read_object(body)
    return _read_stored(source, body, to=to)


def _parts(body: bytes) -> Sequence[bytes]:
    if not body.lstrip().startswith(b"["):
        read_object(body)
        return [body]
    # Read once as a member of an object, which bounds it; then taken apart.
    read_object(b'{"messages":' + body + b"}")
    try:
        return [bytes(part) for part in msgspec.json.decode(body, type=list[Raw])]
    except msgspec.DecodeError:
        raise PayloadError("the body is not JSON") from None


def _read_stored(source: Source, body: bytes, *, to: Conversation | None) -> Event | None:
    try:
        message = msgspec.json.decode(body, type=_Message)
    except msgspec.DecodeError:
        raise PayloadError("the body is not a message in the gateway's form") from None
    if message.delivery_status:
        return _stored_report(source, message, body, to)
    if to is not None:
        raise PayloadError("the gateway's copy of the message has no deliveryStatus")
    return _inbound(source, message, body)


def _stored_report(source: Source, message: _Message, body: bytes, to: Conversation | None) -> Event | None:
    if not message.id:
        raise PayloadError("the report has no messageId")
    named = source.conversation(message.receiver)
    # A number that is no number here names nobody; the engine then finds the conversation by the message.
    is_named = is_phone(named.id) if source.address is AddressKind.PHONE else bool(named.id)
    conversation = to or (named if is_named else Conversation.unplaced(source.account, message.id))
    at = _instant(message.updated_at) or source.now
    return _report(source, conversation, message.id, message.delivery_status or "", "", at, body)


def _inbound(source: Source, message: _Message, body: bytes) -> Event:
    sender = message.sender or _Party()
    if not sender.address:
        raise PayloadError("the message does not say from whom it is")
    conversation, sent_at = source.conversation(sender.address), _instant(message.created_at)
    known: dict[str, Any] = {
        "id": source.inbound_id(message.id, sent_at, body),
        "at": sent_at or source.now,
        "conversation": conversation,
        "user": User(id=conversation.id, name=sender.name or ""),
        "raw_json": Raw(body),
    }
    if message.text is None and not message.media_url:
        return UnknownEvent(kind="message", **known)
    more = {"message_id": message.id, "media": _media(message.media_url), "reply_to": message.quoted_message_id or ""}
    return _said(source, message.text or "", known, **more)


def _media(url: str | None) -> Media | None:
    if not url:
        return None
    try:
        name = urlsplit(url).path.rpartition("/")[2]
    except ValueError:
        name = ""
    return Media(kind=_KINDS.get(name.rpartition(".")[2].lower(), "file"), url=url, name=name)
