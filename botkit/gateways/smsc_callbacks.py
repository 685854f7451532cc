"""What SMSC calls us with: statuses, messages of people, numbers that are verified by a call.

https://smsc.ru/api/http/miscellaneous/callback/: fields of a form, by GET or POST, with the MD5 of some of them and of
a word that only the account's owner knows.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec

from botkit.addresses import parse_phone
from botkit.consent import consent
from botkit.conversation import Account, Conversation, User, digest
from botkit.events import Event, MessageReceived, Subscribed, UnknownEvent, Unsubscribed, event_id
from botkit.exceptions import AddressError, PayloadError
from botkit.gateways.smsc_status import report_of
from botkit.redaction import Secret
from botkit.webhook import WebhookRequest

Fields = Mapping[str, str]

#: More fields than any callback has; the rest is not read.
MAX_FIELDS = 100

_SIGNED = {"mes": ("phone", "mes", "to"), "waitcall": ("phone", "ts"), "": ("id", "phone", "status")}
_MAY_BE_EMPTY = ("mes", "to")
#: What may tell when a message was sent or came; which of them a callback has is not published.
_TIMES = ("ts", "time", "sent", "received")
_DIGESTS = ("md5", "sha1", "crc32")
_STATUS = re.compile(r"-?[0-9]{1,4}")
_ID = re.compile(r"[0-9]{1,19}")
_ERROR = re.compile(r"[0-9]{0,9}")
# Up to the year 2286; after that, and before 1970, it is no time.
_STAMP = re.compile(r"[0-9]{1,10}")


def is_genuine(request: WebhookRequest, secret: Secret) -> bool:
    """Tells whether the digest is that of the very bytes of the fields and the secret; nothing is without a secret."""
    raw = _raw_fields(request)
    signed = [raw.get(name, b"") for name in _SIGNED[_kind(raw)]]
    # Not a choice of ours: it is what SMSC signs with.
    expected = hashlib.md5(b":".join([*signed, secret.reveal().encode()]), usedforsecurity=False).hexdigest()
    return bool(secret) and hmac.compare_digest(raw.get("md5", b""), expected.encode())


def read_callback(request: WebhookRequest, account: Account, *, hears_stop: bool) -> Sequence[Event]:
    """Returns the event of a callback, or none for a status that says nothing new. Raises PayloadError.

    `hears_stop` tells whether STOP and START mean what they mean in text messages.
    """
    raw = _raw_fields(request)
    fields = _decoded(raw)
    if missing := [name for name in _SIGNED[_kind(raw)] if not fields.get(name) and name not in _MAY_BE_EMPTY]:
        raise PayloadError(f"a callback has no {', '.join(missing)}")
    match _kind(raw):
        case "mes":
            return [_incoming(fields, account, hears_stop=hears_stop)]
        case "waitcall":
            native = f"waitcall|{fields['phone']}|{fields['ts']}"
            return [UnknownEvent(kind="waitcall", **_known(fields, account, native))]
    event = _report(fields, account)
    return [event] if event else []


def conversation_of(phone: str, account: Account) -> Conversation:
    """Returns the conversation of a sender."""
    return Conversation(account, e164(phone))


def e164(phone: str) -> str:
    """Returns a number as E.164; a Telegram name or id, and what is none of them, as it is."""
    try:
        return parse_phone(phone)
    except AddressError:
        return phone


def said(text: str, account: Account, phone: str, *, native: str, at: datetime, raw: object, hears_stop: bool) -> Event:
    """Returns what somebody wrote as an event: STOP and START mean more than the words where `hears_stop` is set."""
    to = conversation_of(phone, account)
    known: dict[str, Any] = {
        "id": event_id(account, f"inbound|{native}"),
        "at": at,
        "conversation": to,
        "user": User(to.id),
        "raw_json": msgspec.Raw(msgspec.json.encode(raw)),
    }
    agreed = consent(text) if hears_stop else None
    if agreed is None:
        return MessageReceived(text=text, message_id=native, **known)
    return Subscribed(**known) if agreed else Unsubscribed(**known)


def _incoming(fields: Fields, account: Account, *, hears_stop: bool) -> Event:
    at = _time(fields)
    # A repeat has the fields of the first time. Where none of them is an id or tells the time, only those words are a
    # repeat that come within the same second: whoever picks from two menus says "1" twice, and means it.
    times = [fields[name] for name in _TIMES if fields.get(name)] or [str(int(at.timestamp()))]
    native = fields.get("id") or digest("|".join((fields["phone"], fields.get("to", ""), fields["mes"], *times)))
    return said(
        fields["mes"], account, fields["phone"], native=native, at=at, raw=_shown(fields), hears_stop=hears_stop
    )


def _report(fields: Fields, account: Account) -> Event | None:
    identity, status = fields["id"], fields["status"]
    if not _ID.fullmatch(identity) or not _STATUS.fullmatch(status):
        raise PayloadError("a callback's id or status is no number")
    error = fields.get("err", "")
    to, further = conversation_of(fields["phone"], account), error if _ERROR.fullmatch(error) else ""
    return report_of(int(status), identity, to, at=_time(fields), error=further, raw=_shown(fields))


def _known(fields: Fields, account: Account, native: str) -> dict[str, Any]:
    return {
        "id": event_id(account, native),
        "at": _time(fields),
        "conversation": conversation_of(fields["phone"], account),
        "raw_json": msgspec.Raw(msgspec.json.encode(_shown(fields))),
    }


def _shown(fields: Fields) -> Fields:
    # A digest of the secret is of use to whoever guesses it.
    return {name: value for name, value in fields.items() if name not in (*_DIGESTS, "ta")}


def _time(fields: Fields) -> datetime:
    stamp = fields.get("ts", "")
    return datetime.fromtimestamp(int(stamp), UTC) if _STAMP.fullmatch(stamp) else datetime.now(UTC)


# --- the form ---


def _kind(raw: Mapping[str, bytes]) -> str:
    return next((name for name in ("mes", "waitcall") if name in raw), "")


def _raw_fields(request: WebhookRequest) -> Mapping[str, bytes]:
    """Returns the first value of each field as its bytes; none at all where a field stands there twice."""
    form = request.body if request.method == "POST" and request.body else request.raw_query
    pairs = [part.partition(b"=") for part in form.replace(b"+", b" ").split(b"&", MAX_FIELDS)[:MAX_FIELDS] if part]
    names = [unquote_to_bytes(name).decode("latin-1") for name, _, _ in pairs]
    if len(set(names)) != len(names):
        return {}
    return {name: unquote_to_bytes(value) for name, (_, _, value) in zip(names, pairs, strict=True)}


def _decoded(raw: Mapping[str, bytes]) -> Fields:
    """Returns the fields as text: UTF-8 where all of them are, else windows-1251."""
    for charset in ("utf-8", "windows-1251"):
        try:
            return {name: value.decode(charset) for name, value in raw.items()}
        except UnicodeDecodeError:
            continue
    raise PayloadError("a callback is neither UTF-8 nor windows-1251")
