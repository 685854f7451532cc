"""Reads Viber's callbacks as events."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Raw

from botkit.channels.viber_own_events import ClientStatusChanged
from botkit.channels.viber_types import Callback, ClientStatus, Content, Person, read_callback, read_labels
from botkit.conversation import Account, Conversation, User, digest
from botkit.events import (
    ButtonPressed,
    ConversationStarted,
    Event,
    Media,
    MediaKind,
    MessageDelivered,
    MessageFailed,
    MessageReceived,
    MessageSeen,
    Point,
    SharedContact,
    Subscribed,
    UnknownEvent,
    Unsubscribed,
    event_id,
)

MEDIA_LIFETIME = timedelta(hours=1)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MEDIA_KINDS: Mapping[str, MediaKind] = {"picture": "image", "video": "video", "file": "file", "sticker": "sticker"}
_REPORTS = ("delivered", "seen", "failed")


def read_event(account: Account, body: bytes) -> Event | None:
    """Returns the event of a callback; None for the check of our address.

    Raises PayloadError when the body cannot be read. What names no person is an `UnknownEvent` in the conversation `-`.
    """
    callback = read_callback(body)
    if callback.event == "webhook":
        return None
    person = callback.person
    known: dict[str, Any] = {
        "id": event_id(account, _native_id(callback, body)),
        "at": _EPOCH + timedelta(milliseconds=callback.timestamp),
        "conversation": Conversation(account, person.id or "-"),
        "user": _user(person),
        "raw_json": Raw(body),
    }
    if not person.id:
        return UnknownEvent(kind=callback.event, **known)
    return _event(callback, known)


def _native_id(callback: Callback, body: bytes) -> str:
    if callback.message_token is None:
        return f"{callback.event}|{digest(body.decode())}"
    if callback.event in _REPORTS:
        # A report repeats the token of our message, and one message may be reported by several people.
        return f"{callback.event}|{callback.message_token}|{callback.person.id}"
    return f"{callback.event}|{callback.message_token}"


def _user(person: Person) -> User | None:
    if not person.id:
        return None
    return User(
        id=person.id,
        name=person.name or "",
        locale=person.language or "",
        country=person.country or "",
        avatar=person.avatar or "",
    )


def _event(callback: Callback, known: dict[str, Any]) -> Event:
    match callback.event:
        case "message" if callback.message:
            return _message(callback, callback.message, known)
        case "conversation_started":
            return ConversationStarted(context=callback.context or "", subscribed=bool(callback.subscribed), **known)
        case "subscribed":
            return Subscribed(**known)
        case "unsubscribed":
            return Unsubscribed(**known)
        case "failed":
            # Viber's own description is free text: it stays in the raw payload.
            return MessageFailed(receipt_id=_text(callback.message_token), reason="failed on the device", **known)
        case "delivered":
            return MessageDelivered(receipt_id=_text(callback.message_token), **known)
        case "seen":
            return MessageSeen(receipt_id=_text(callback.message_token), **known)
        case "client_status" if callback.status:
            return _status(callback.status, known)
        case kind:
            return UnknownEvent(kind=kind, **known)


def _status(status: ClientStatus, known: dict[str, Any]) -> Event:
    carried = status.tracking_data
    return ClientStatusChanged(
        kind=status.type or "",
        code=status.code,
        providers=status.supported_psps or (),
        tracking_data=carried if isinstance(carried, str) else "",
        **known,
    )


def _message(callback: Callback, content: Content, known: dict[str, Any]) -> Event:
    text = content.text or ""
    message_id = _text(callback.message_token)
    if content.type == "text":
        labels = read_labels(content.tracking_data)
        value = text if callback.silent else _typed_value(text, labels)
        if value:
            return ButtonPressed(value=value, label=labels.get(value, ""), **known)
        return MessageReceived(message_id=message_id, text=text, **known)
    if content.type in _MEDIA_KINDS:
        return MessageReceived(message_id=message_id, text=text, media=_media(content, known["at"]), **known)
    if content.type == "url":
        link = content.media or ""
        words = text if link in text else f"{text}\n{link}".strip()
        return MessageReceived(message_id=message_id, text=words, **known)
    if content.type == "contact" and content.contact:
        card = SharedContact(phone=_text(content.contact.phone_number), name=content.contact.name or "")
        return MessageReceived(message_id=message_id, text=text, contact=card, **known)
    if content.type == "location" and content.location:
        place = content.location
        point = Point(latitude=place.lat, longitude=place.lon, address=place.address or "")
        return MessageReceived(message_id=message_id, text=text, location=point, **known)
    return UnknownEvent(kind=f"message.{content.type}", **known)


def _typed_value(text: str, labels: Mapping[str, str]) -> str:
    if text in labels:
        return text
    typed = text.strip().casefold()
    return next((value for value, label in labels.items() if label and label.casefold() == typed), "")


def _media(content: Content, at: datetime) -> Media:
    url = content.media or ""
    return Media(
        kind=_MEDIA_KINDS[content.type],
        file_id=_text(content.sticker_id),
        url=url,
        name=content.file_name or "",
        size=content.size if content.file_size is None else content.file_size,
        duration=content.duration,
        expires_at=at + MEDIA_LIFETIME if url else None,
    )


def _text(value: int | str | None) -> str:
    return "" if value is None else str(value)
