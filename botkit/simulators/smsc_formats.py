"""How the simulated SMSC writes its answers: four forms of each, and how it reads what it is asked."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, Literal
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from msgspec import Struct

TEXT, NUMBERS, XML, JSON = range(4)

#: The alphabets that a request may name, and what Python calls them.
CHARSETS = {"windows-1251": "cp1251", "utf-8": "utf-8", "koi8-r": "koi8-r"}
DEFAULT_CHARSET = "windows-1251"

MOSCOW = timezone(timedelta(hours=3))

PARAMETERS, LOGIN, MONEY, BLOCKED, FAILED, FORBIDDEN, PHONE, UNDELIVERABLE, TOO_MANY = range(1, 10)
#: There is no such record: the same number as for want of money.
NOT_FOUND = MONEY
#: A sending has a wrong date: the same number as an operation that failed.
DATE = FAILED

Value = int | str
Root = Literal["contact", "group", "record", "answer"]


class RefusedError(Exception):
    """A call is refused with HTTP 200 and this code; `id` is that of the message, where the code comes with it."""

    def __init__(self, code: int, text: str, *, message_id: int = 0) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.message_id = message_id


class Call(Struct, frozen=True):
    """A request as it was read, in its charset; `problem` is why it cannot be answered in the form that it asks for."""

    script: str
    fields: Mapping[str, str]
    ip: str
    fmt: int = TEXT
    charset: str = DEFAULT_CHARSET
    problem: str = ""

    def get(self, name: str) -> str:
        """Returns a parameter, empty where it is not given."""
        return self.fields.get(name, "")

    def require(self, name: str) -> str:
        """Returns a parameter that must be given. Raises RefusedError."""
        if not (value := self.get(name)).strip():
            raise RefusedError(PARAMETERS, f"parameters error: {name}")
        return value

    def number(self, name: str, default: int, *, least: int, most: int) -> int:
        """Returns a whole number within bounds. Raises RefusedError."""
        text = self.get(name)
        if not text:
            return default
        if not (text.isascii() and text.isdigit() and len(text) < 20 and least <= int(text) <= most):
            raise RefusedError(PARAMETERS, f"parameters error: {name}")
        return int(text)

    def encode(self, text: str) -> bytes:
        """Returns an answer's bytes in the request's charset; what the charset lacks becomes a question mark."""
        return text.encode(CHARSETS[self.charset], "replace")


def read_call(script: str, raw: bytes, ip: str) -> Call:
    """Reads the query and the form of a request, joined; the last one of a name counts."""
    plain = dict(parse_qsl(raw.decode("latin-1"), keep_blank_values=True, encoding="latin-1"))
    charset = (plain.get("charset") or DEFAULT_CHARSET).lower()
    if charset not in CHARSETS:
        return Call(script, plain, ip, problem="parameters error: charset")
    pairs = parse_qsl(raw.decode("latin-1"), keep_blank_values=True, encoding="latin-1")
    fields = {_decoded(name, charset): _decoded(value, charset) for name, value in pairs}
    fmt = fields.get("fmt") or "0"
    if fmt not in ("0", "1", "2", "3"):
        return Call(script, fields, ip, charset=charset, problem="parameters error: fmt")
    return Call(script, fields, ip, int(fmt), charset)


def _decoded(text: str, charset: str) -> str:
    return text.encode("latin-1").decode(CHARSETS[charset], "replace")


def write_error(fmt: int, refusal: RefusedError) -> str:
    """Returns an error."""
    code, text, message_id = refusal.code, refusal.text, refusal.message_id
    if fmt == TEXT:
        return f"ERROR = {code} ({text})" + (f", ID - {message_id}" if message_id else "")
    if fmt == NUMBERS:
        return f"{message_id},-{code}"
    members: dict[str, Value] = {"error": text, "error_code": code}
    if message_id:
        members["id"] = message_id
    return write_result(fmt, members)


def write_created(fmt: int, record_id: int, root: Literal["phone", "group"]) -> str:
    """Returns the id of a new record."""
    if fmt == TEXT:
        return f"ID = {record_id}"
    if fmt == NUMBERS:
        return str(record_id)
    return f"<{root}><id>{record_id}</id></{root}>" if fmt == XML else dump({"id": record_id})


def write_done(fmt: int) -> str:
    """Returns that something was changed or deleted."""
    if fmt in (TEXT, NUMBERS):
        return "OK"
    return "<result>OK</result>" if fmt == XML else dump({"result": "OK"})


def write_result(fmt: int, members: Mapping[str, Value]) -> str:
    """Returns one object in XML or JSON, and only its values in the form of numbers."""
    if fmt == NUMBERS:
        return ",".join(map(str, members.values()))
    return f"<result>{_tags(members)}</result>" if fmt == XML else dump(members)


def write_list(fmt: int, root: Root, records: Sequence[Mapping[str, Value]]) -> str:
    """Returns a list of records; a line each where the form has no brackets, and nothing is escaped there."""
    if fmt == TEXT:
        return "\n".join(", ".join(f"{name} = {value}" for name, value in each.items()) for each in records)
    if fmt == NUMBERS:
        return "\n".join(",".join(map(str, each.values())) for each in records)
    if fmt == JSON:
        return dump(records)
    if root == "contact":
        inner = "\n".join(f"<contact>\n{_tags(each)}\n</contact>" for each in records)
        return f"<list>\n{inner}\n</list>"
    return "<list>" + "".join(f"<{root}>{_tags(each)}</{root}>" for each in records) + "</list>"


def _tags(members: Mapping[str, Value]) -> str:
    return "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in members.items())


def dump(value: Any) -> str:
    """Returns JSON as PHP writes it without escapes: letters stand as they are, in the charset of the answer."""
    return json.dumps(value, ensure_ascii=False)


def write_money(hundredths: int) -> str:
    """Returns an amount with two decimals."""
    return f"{hundredths / 100:.2f}"


def write_time(timestamp: float) -> str:
    """Returns an instant as the clocks of Moscow show it, without the zone."""
    return datetime.fromtimestamp(timestamp, MOSCOW).strftime("%d.%m.%Y %H:%M:%S")
