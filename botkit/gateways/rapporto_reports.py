"""Reads what Rapporto posts: delivery reports, events of Telegram messages, and what people write.

https://docs.rapporto.ru/ ("REST API", delivery statuses and MO messages)
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec import Raw

from botkit.consent import consent
from botkit.conversation import Account, Conversation, User, digest
from botkit.events import (
    Event,
    Media,
    MessageDelivered,
    MessageFailed,
    MessageReceived,
    MessageSeen,
    Subscribed,
    UnknownEvent,
    Unsubscribed,
    event_id,
)
from botkit.exceptions import AddressError
from botkit.gateways.rapporto_events import ChannelSubscribed, LinkClicked
from botkit.gateways.rapporto_types import digits_for, read_instant
from botkit.payload import read_object

SENT, DELIVERED, UNDELIVERED, READ = 0, 2, 5, 9

#: Why a message was not delivered, by Rapporto's `errorCode`.
REASONS: Mapping[str, str] = {
    "1": "unknown",
    "2": "absent-subscriber",
    "3": "call-barred",
    "4": "failure",
    "5": "memory-capacity-exceeded",
    "6": "teleservice-not-provisioned",
    "7": "timeout",
    "8": "unknown-subscriber",
    "9": "duplicated",
    "10": "filtered",
    "11": "unrouted",
    "12": "oper-blacklisted",
    "13": "oper-invsrcaddr",
    "14": "oper-spamfiltered",
    "15": "verification",
    "16": "busy",
    "18": "bad-params",
    "20": "consumer-phone-not-found",
    "21": "no-primary-devices",
    "22": "no-active-installations",
    "26": "no-application",
    "27": "below-min-version",
    "28": "provider-error",
    "29": "unrouted-account",
    "30": "unknown-layout",
}

_NUMBER = re.compile(r"\d{1,9}", re.ASCII)
_CODE = re.compile(r"[\w-]{1,40}", re.ASCII)
# What makes two reports of one message two: an event may come again after the last status.
_NAMING = ("mtNum", "type", "status", "eventType", "eventDate", "viewsCount", "clicksCount")
_ADDRESS = re.compile(r"https?://\S+")


def receipt_id(mt_num: str, kind: str) -> str:
    """Returns what names a message in reports: the ways of a cascade share their `mtNum` and differ in type."""
    return f"{mt_num}:{kind.upper()}"


def read_events(account: Account, body: bytes) -> list[Event]:
    """Returns the event of a body, none for a report that Rapporto has passed a message on.

    Raises PayloadError when the body cannot be read. What names no person is in the conversation `?` and the message's
    id, or in `-`.
    """
    told = read_object(body)
    if told.get("eventType") or ("mtNum" in told and "status" in told):
        return _Report(account, told, body).events()
    if "transactionId" in told:
        return [_inbound(account, told, body)]
    known = _known(account, told, body, f"unknown|{digest(body.decode())}", "")
    return [UnknownEvent(kind="unknown", **known)]


class _Report:
    """One delivery report, or an event that comes in the form of one."""

    def __init__(self, account: Account, told: Mapping[str, Any], body: bytes) -> None:
        self._told = told
        mt_num, kind = _text(told.get("mtNum")), _text(told.get("type"))
        self._receipt_id = receipt_id(mt_num, kind) if mt_num else ""
        native = "|".join(["report", *(_text(told.get(name)) for name in _NAMING)])
        self._known = _known(account, told, body, native, _text(told.get("destAddr")))
        if self._known["user"] is None and self._receipt_id:
            self._known["conversation"] = Conversation.unplaced(account, self._receipt_id)

    def events(self) -> list[Event]:
        if not self._receipt_id:
            return [UnknownEvent(kind="report", **self._known)]
        if self._told.get("eventType"):
            return [self._event()]
        status = _number(self._told.get("status"))
        return [] if status == SENT else [self._report(status)]

    def _report(self, status: int | None) -> Event:
        named = {"receipt_id": self._receipt_id, **self._known}
        match status:
            case 2:
                return MessageDelivered(**named)
            case 9:
                return MessageSeen(**named)
            case 5:
                return MessageFailed(reason=_reason(self._told.get("errorCode")), **named)
        return UnknownEvent(kind=_kind("report", status), **self._known)

    def _event(self) -> Event:
        named = {"receipt_id": self._receipt_id, **self._known}
        views, clicks = _number(self._told.get("viewsCount")), _number(self._told.get("clicksCount"))
        match self._told["eventType"]:
            case "view":
                return MessageSeen(**named)
            case "click":
                return LinkClicked(views=views, clicks=clicks, **named)
            case "subscribe":
                return ChannelSubscribed(views=views, clicks=clicks, **named)
            case other:
                return UnknownEvent(kind=_kind("event", other), **self._known)


def _inbound(account: Account, told: Mapping[str, Any], body: bytes) -> Event:
    native = _text(told["transactionId"])
    known = _known(account, told, body, f"inbound|{native}", _text(told.get("sourceAddr")))
    if not native or known["user"] is None:
        return UnknownEvent(kind="inbound", **known)
    text, url = _text(told.get("message")), _text(told.get("mediaURL"))
    wish = consent(text)
    if wish is not None:
        return Subscribed(**known) if wish else Unsubscribed(**known)
    media = Media(kind="image", url=url) if _ADDRESS.fullmatch(url) else None
    return MessageReceived(message_id=native, text=text, media=media, **known)


def _known(account: Account, told: Mapping[str, Any], body: bytes, native: str, number: str) -> dict[str, Any]:
    person = _person(number)
    return {
        "id": event_id(account, native),
        "at": _instant(told),
        "conversation": Conversation(account, person.id if person else "-"),
        "user": person,
        "raw_json": Raw(body),
    }


def _person(number: str) -> User | None:
    try:
        return User(id=f"+{digits_for(number)}")
    except AddressError:
        return None


def _instant(told: Mapping[str, Any]) -> datetime:
    for name in ("eventDate", "doneDate", "receivedDate", "submitDate"):
        if (at := read_instant(told.get(name))) is not None:
            return at
    return datetime.now(UTC)


def _reason(code: object) -> str:
    # The code is no word of the person's: an unknown one is kept, whatever has its form.
    text = _text(code)
    if not _CODE.fullmatch(text):
        return "unknown"
    return f"{text} {REASONS.get(text, '')}".strip()


def _kind(what: str, word: object) -> str:
    text = _text(word)
    return f"{what}.{text}" if _CODE.fullmatch(text) else what


def _number(value: object) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value if 0 <= value < 10**9 else None
    return int(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else None


def _text(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) < 10**30 else ""
    return value if isinstance(value, str) else ""
