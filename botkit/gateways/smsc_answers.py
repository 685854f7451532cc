"""What SMSC answers, typed: to sends, prices, statuses, the inbox, the balance, contacts, groups and the blacklist.

https://smsc.ru/api/http/
"""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from botkit.exceptions import PayloadError
from botkit.gateways.smsc_formats import Answer, Format, Refusal, Row, Shape, decode

T = TypeVar("T")
S = TypeVar("S", bound=Struct)

# Its times carry no zone; Moscow's, where the service is, has no summer time.
MOSCOW = timezone(timedelta(hours=3))

_DIGITS = re.compile(r"[0-9]{1,19}")
_BREAK = re.compile(r"[^0-9+]+")
_PATH = re.compile(r"\$[.\w\[\]]+")


class SentTo(Struct, frozen=True):
    """What became of one number of a send; `status` and `error` are empty where all is well."""

    phone: str
    mccmnc: str = ""
    cost: str = ""
    status: str = ""
    error: str = ""

    @property
    def is_refused(self) -> bool:
        """Whether nothing goes to this number."""
        return self.error not in ("", "0") or self.status not in ("", "-1", "0", "1", "2", "4")


class Sent(Struct, frozen=True, rename={"parts": "cnt"}):
    """A message that was taken: its id, in how many parts it goes, and what was asked for of the price."""

    id: str
    parts: int
    cost: Decimal | None = None
    balance: Decimal | None = None
    phones: tuple[SentTo, ...] = ()


class Price(Struct, frozen=True, rename={"parts": "cnt"}):
    """What a message would cost, and in how many parts it would go (0 where that is not told)."""

    cost: Decimal
    parts: int = 0


class MessageState(Struct, frozen=True, rename={"error": "err", "text": "message"}):
    """The status of a message, and the number of its error; the rest where all of it was asked for."""

    status: int
    last_date: str = ""
    last_timestamp: int = 0
    error: int = 0
    send_date: str = ""
    send_timestamp: int = 0
    phone: str = ""
    cost: str = ""
    sender_id: str = ""
    status_name: str = ""
    text: str = ""

    @property
    def changed_at(self) -> datetime | None:
        """When it came to this status, where that is told in a way that can be read."""
        try:
            if self.last_timestamp:
                return datetime.fromtimestamp(self.last_timestamp, UTC)
            return read_time(self.last_date) if self.last_date else None
        except (PayloadError, ValueError, OverflowError, OSError):
            return None


class Incoming(Struct, frozen=True, rename={"text": "message"}):
    """A message from the inbox; `id` grows."""

    id: int
    received: str
    phone: str
    text: str
    to_phone: str = ""
    sent: str = ""


class Balance(Struct, frozen=True):
    """What is left on the account; `currency` where it was asked for."""

    balance: Decimal
    credit: Decimal = Decimal(0)
    currency: str = ""


class Contact(Struct, frozen=True):
    """Somebody in the account's address book; `id` is our own name for them, and not the service's number."""

    phone: str
    name: str = ""
    group: str = ""
    first_name: str = ""
    last_name: str = ""
    middle_name: str = ""
    birthday: str = ""
    id: str = ""
    comments: str = ""
    tags: str = ""
    phone_other: str = ""

    @property
    def phones(self) -> tuple[str, ...]:
        """Its numbers: SMSC parts them by whatever it likes."""
        return tuple(filter(None, _BREAK.split(self.phone)))


class Group(Struct, frozen=True, rename={"count": "cnt"}):
    """A group of contacts: the service's id, the number that sends go to, and how many are in it."""

    id: str
    name: str
    number: str
    count: int


class BlacklistRecord(Struct, frozen=True):
    """Somebody who is not to be written to: `type` 0 not at all, 1 not by mailings, 2 not by single messages."""

    id: str
    phone: str
    type: int = 0
    comment: str = ""


_ID = Shape(("id",), line=r"ID = (?P<id>\d+)")
_DONE = Shape(("result",), line=r"(?P<result>OK)")
_SENT = Shape(
    ("id", "cnt", "cost", "balance"),
    least=2,
    line=r"OK - (?P<cnt>\d+) SMS, ID - (?P<id>\d+)(?:, COST - (?P<cost>[\d.]+))?(?:, BALANCE - (?P<balance>-?[\d.]+))?",
)
_PRICE = Shape(("cost", "cnt"), least=1, line=r"(?:COST - )?(?P<cost>[\d.]+)(?:[ ,(]+(?P<cnt>\d+) SMS\)?)?")
_STATE = Shape(
    (
        *("status", "last_timestamp", "err"),
        *("send_timestamp", "phone", "cost", "sender_id", "status_name", "message"),
    ),
    least=1,
    line=r"Status = (?P<status>-?\d+)(?:, check_time = (?P<last_date>[^,]*))?(?:, err = (?P<err>\d+))?(?:, .*)?",
    takes_rest=True,
)
_INCOMING = Shape(("id", "received", "phone", "message", "to_phone", "sent"))
_BALANCE = Shape(
    ("balance", "credit", "currency"), least=1, line=r"(?P<balance>-?[\d.]+)(?:[ ,]+(?P<currency>[A-Z]{3}))?"
)
_CONTACT = Shape(
    (
        *("phone", "name", "group", "first_name", "last_name", "middle_name"),
        *("birthday", "id", "comments", "tags", "phone_other"),
    ),
    aliases={"mail": "phone", "mail_other": "phone_other"},
)
_GROUP = Shape(("id", "name", "number", "cnt"))
_RECORD = Shape(("id", "phone", "type", "comment"), aliases={"email": "phone"})


def read_created(body: bytes, form: Format = Format.JSON, charset: str = "utf-8") -> str | Refusal:
    """Returns the service's id of a contact, group or record of the blacklist that was created."""
    return _read(body, form, charset, lambda answer: _identity(answer.one(_ID)["id"]))


def read_done(body: bytes, form: Format = Format.JSON, charset: str = "utf-8") -> Refusal | None:
    """Returns for a change or deletion that was carried out."""
    return _read(body, form, charset, _require_ok)


def read_contacts(body: bytes, form: Format = Format.JSON, charset: str = "utf-8") -> Sequence[Contact] | Refusal:
    """Returns the contacts of a list."""
    return _read(body, form, charset, lambda answer: [_typed(row, Contact) for row in answer.many(_CONTACT)])


def read_groups(body: bytes, form: Format = Format.JSON, charset: str = "utf-8") -> Sequence[Group] | Refusal:
    """Returns the groups of a list."""
    return _read(body, form, charset, lambda answer: [_typed(row, Group) for row in answer.many(_GROUP)])


def read_blacklist(
    body: bytes, form: Format = Format.JSON, charset: str = "utf-8"
) -> Sequence[BlacklistRecord] | Refusal:
    """Returns the records of the blacklist."""
    return _read(body, form, charset, lambda answer: [_typed(row, BlacklistRecord) for row in answer.many(_RECORD)])


def read_sent(body: bytes, form: Format = Format.JSON, charset: str = "utf-8") -> Sent | Refusal:
    """Returns what was taken, for a `cost` of 0, 2 or 3; the numbers of `op=1` are read from JSON alone."""
    return _read(body, form, charset, _sent)


def read_price(body: bytes, form: Format = Format.JSON, charset: str = "utf-8") -> Price | Refusal:
    """Returns what a message would cost, for a `cost` of 1."""
    return _read(body, form, charset, lambda answer: _typed(answer.one(_PRICE), Price))


def read_state(body: bytes, form: Format = Format.JSON, charset: str = "utf-8") -> MessageState | Refusal:
    """Returns the status of one message."""
    return _read(body, form, charset, lambda answer: _typed(answer.one(_STATE), MessageState))


def read_states(body: bytes, form: Format = Format.JSON, charset: str = "utf-8") -> Sequence[MessageState] | Refusal:
    """Returns the statuses of several messages, in the order asked for."""
    return _read(body, form, charset, lambda answer: [_typed(row, MessageState) for row in answer.many(_STATE)])


def read_inbox(body: bytes, form: Format = Format.JSON, charset: str = "utf-8") -> Sequence[Incoming] | Refusal:
    """Returns what people wrote."""
    return _read(body, form, charset, lambda answer: [_typed(row, Incoming) for row in answer.many(_INCOMING)])


def read_balance(body: bytes, form: Format = Format.JSON, charset: str = "utf-8") -> Balance | Refusal:
    """Returns what is left on the account."""
    return _read(body, form, charset, lambda answer: _typed(answer.one(_BALANCE), Balance))


def read_time(text: str) -> datetime:
    """Returns the instant of a `dd.mm.yyyy hh:mm:ss`. Raises PayloadError."""
    try:
        return datetime.strptime(text, "%d.%m.%Y %H:%M:%S").replace(tzinfo=MOSCOW)
    except ValueError:
        raise PayloadError("a time is not written as dd.mm.yyyy hh:mm:ss") from None


def _read(body: bytes, form: Format, charset: str, read: Callable[[Answer], T]) -> T | Refusal:
    """Returns what an answer says, or its error; raises PayloadError, which quotes nothing of it."""
    answer = Answer(decode(body, charset), form)
    return answer.refusal or read(answer)


def _require_ok(answer: Answer) -> None:
    if answer.one(_DONE)["result"] != "OK":
        raise PayloadError("the answer is neither OK nor an error")


def _sent(answer: Answer) -> Sent:
    row = answer.one(_SENT)
    sent = _typed(row, Sent)
    _identity(sent.id)
    listed: Any = (answer.tree or {}).get("phones")
    return msgspec.structs.replace(sent, phones=tuple(map(_sent_to, listed))) if isinstance(listed, list) else sent


def _sent_to(entry: Any) -> SentTo:
    if not isinstance(entry, dict):
        raise PayloadError("the list of numbers is not made of objects")
    return _typed({name: str(value) for name, value in entry.items() if value is not None}, SentTo)


def _identity(text: str) -> str:
    if not _DIGITS.fullmatch(text):
        raise PayloadError("the answer has an id that is no number")
    return text


def _typed(row: Row, kind: type[S]) -> S:
    # Only where a text is wanted may it be empty; a number that is left out has its default.
    wanted = {field.encode_name: field.type for field in msgspec.structs.fields(kind)}
    filled = {name: value for name, value in row.items() if value or wanted.get(name) is str}
    try:
        return msgspec.convert(filled, kind, strict=False)
    except msgspec.ValidationError as error:
        # The path alone: what stands there instead may be somebody's words.
        found = _PATH.search(str(error))
        raise PayloadError(f"the answer has another form than expected{f' at {found[0]}' if found else ''}") from None
