"""The parameters of a send, each with its rule.

https://smsc.ru/api/http/send/sms/
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, get_args

from msgspec import Struct

from botkit.exceptions import Problem

Via = Literal["sms", "viber", "telegram", "whatsapp"]
VIAS: tuple[str, ...] = get_args(Via)

#: In characters, as numbers, and in minutes: a leap year.
MAX_TEXT = 1000
MAX_ID = 2**31 - 1
MAX_DELAY = 60 * 24 * 366

#: A Telegram name or a Telegram id, as SMSC writes them.
NAME = re.compile(r"@[A-Za-z][A-Za-z0-9_]{3,31}|#[0-9]{1,19}")
BOT = re.compile(r"[^\s&=?#]{1,64}")
SENDER = re.compile(r"\+?[0-9]{1,15}|\S(?:[^\r\n\t]{0,9}\S)?")

_ADDRESS = re.compile(r"https?://\S{1,1000}")
_TIME = re.compile(
    r"0|0[0-9]{10}"
    r"|[0-3][0-9][01][0-9][0-9]{2}[0-2][0-9][0-5][0-9]"
    r"|[0-3][0-9]\.[01][0-9]\.[0-9]{2} [0-2][0-9]:[0-5][0-9]"
    r"|(?:[01]?[0-9]|2[0-4])-(?:[01]?[0-9]|2[0-4])"
)


class Rule(Struct, frozen=True):
    """What a parameter must be, in words, and whether a text is that."""

    words: str
    holds: Callable[[str], object]


def _one_of(*values: str) -> Rule:
    return Rule(
        f"must be {' or '.join(filter(None, (', '.join(values[:-1]), values[-1])))}", lambda text: text in values
    )


def _number(least: int, most: int) -> Rule:
    return Rule(f"must be a whole number from {least} to {most}", lambda text: _is_between(text, least, most))


def _is_between(text: str, least: int, most: int) -> bool:
    return bool(re.fullmatch(r"-?[0-9]{1,12}", text)) and least <= int(text) <= most


def _is_time(text: str) -> bool:
    return _is_between(text[1:], 0, MAX_DELAY) if text.startswith("+") else bool(_TIME.fullmatch(text))


#: What a caller may set, beside the numbers themselves. A `cost` of 1 would send nothing.
RULES: Mapping[str, Rule] = {
    "mes": Rule(f"must have 1 to {MAX_TEXT} characters", lambda text: text.strip() and len(text) <= MAX_TEXT),
    "id": _number(1, MAX_ID),
    "sender": Rule("must have at most 11 characters, or 15 digits", SENDER.fullmatch),
    "cost": _one_of("0", "2", "3"),
    "op": _one_of("0", "1"),
    "err": _one_of("0", "1"),
    "time": Rule(
        "must be DDMMYYhhmm, DD.MM.YY hh:mm, h1-h2, 0 and a Unix time, or + and minutes up to a year", _is_time
    ),
    "tz": _number(-15, 14),
    "translit": _one_of("0", "1", "2"),
    "tinyurl": _one_of("0", "1"),
    "viber": _one_of("1"),
    "tg": _one_of("1"),
    "bot": Rule("must be the name of a bot, at most 64 characters without spaces", BOT.fullmatch),
    "fileurl": Rule("must be an http(s) address of at most 1000 characters", _ADDRESS.fullmatch),
    "fmt": _one_of("3"),
    "charset": _one_of("utf-8"),
}
#: Those that say which way a message goes: an account has one, and keeps to it.
ROUTES = ("viber", "tg", "bot")
_CREDENTIALS = ("login", "psw", "apikey")


def texts_of(members: Mapping[str, Any]) -> dict[str, str]:
    """Returns the members that are texts or whole numbers, as the form carries them."""
    return {name: str(value) for name, value in members.items() if _is_plain(value)}


def problems_of(members: Mapping[str, Any], route: Mapping[str, str], *, path: str = "") -> Sequence[Problem]:
    """Returns everything that is wrong with a caller's parameters, in their order, on an account with this route."""
    found = [(name, _problem(name, value, route)) for name, value in members.items()]
    return [Problem(f"{path}{name}", rule) for name, rule in found if rule]


def _problem(name: str, value: Any, route: Mapping[str, str]) -> str:
    if name in _CREDENTIALS:
        return "must not be given: the account has its own"
    if name not in RULES:
        return f"is no parameter of a send; there are: phones, {', '.join(RULES)}"
    if not _is_plain(value) or not RULES[name].holds(str(value)):
        return RULES[name].words
    if name in ROUTES and route.get(name) != str(value):
        return "names another way than this account's"
    return ""


def _is_plain(value: Any) -> bool:
    # Half a surrogate pair has no bytes to send.
    is_sendable = isinstance(value, str) and "\0" not in value and not re.search("[\ud800-\udfff]", value)
    return is_sendable or (isinstance(value, int) and not isinstance(value, bool))
