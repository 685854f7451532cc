"""Reads a Viber account's session rules from its settings."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from botkit.exceptions import SettingsError
from botkit.session_rules import Prices, SessionRules

_USUAL = SessionRules()
#: Each whole number: its setting, the field, and the least and greatest value.
_NUMBERS = (
    ("SESSION_SECONDS", "seconds", 1, 999_999_999),
    ("SESSION_MESSAGES", "max_messages", 0, 999_999_999),
    ("SESSION_IN_ROW", "max_in_row", 0, 999_999_999),
    ("SESSION_PER_HOUR", "max_per_hour", 0, 999_999_999),
    ("SESSION_FREE_PER_MONTH", "free_per_month", 0, 999_999_999),
    ("SESSION_CLOSES_EARLY", "closes_early", 0, 999_999_999),
)
#: Each choice: its setting, the field, and what it may be.
_CHOICES = (
    ("SESSION_ON_MAX", "on_max", ("new_session", "block")),
    ("SESSION_ON_IN_ROW", "on_in_row", ("end_session", "block")),
    ("SESSION_STARTS_WITH", "starts_with", ("first_business_reply", "first_user_message")),
    ("SESSION_WINDOW", "window", ("fixed", "sliding")),
    ("AT_LIMIT", "at_limit", ("hold", "fail", "failover", "charge")),
)
_AMOUNT = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6})?", re.ASCII)


def read_session_rules(prefix: str, environ: Mapping[str, str]) -> SessionRules:
    """Returns the rules that `<prefix>_SESSION_*` and `<prefix>_AT_LIMIT` set; what is not set is as usual.

    Raises SettingsError that names the setting.
    """
    values: dict[str, Any] = {}
    for name, field, least, most in _NUMBERS:
        if text := environ.get(f"{prefix}_{name}", "").strip():
            values[field] = _number(f"{prefix}_{name}", text, least, most)
    for name, field, known in _CHOICES:
        if text := environ.get(f"{prefix}_{name}", "").strip():
            values[field] = _choice(f"{prefix}_{name}", text, known)
    if values.get("closes_early", 0) >= values.get("seconds", _USUAL.seconds):
        raise SettingsError(
            f"{prefix}_SESSION_CLOSES_EARLY leaves nothing of a session", fix="set it to less than SESSION_SECONDS"
        )
    return SessionRules(**values, prices=_prices(prefix, environ))


def _number(setting: str, text: str, least: int, most: int) -> int:
    if not re.fullmatch(r"[0-9]{1,18}", text, re.ASCII) or not least <= int(text) <= most:
        raise SettingsError(f"{setting} is {text!r}", fix=f"set it to a whole number from {least} to {most}")
    return int(text)


def _choice(setting: str, text: str, known: tuple[str, ...]) -> str:
    if text not in known:
        raise SettingsError(f"{setting} is {text!r}", fix=f"set it to {', '.join(known[:-1])} or {known[-1]}")
    return text


def _prices(prefix: str, environ: Mapping[str, str]) -> Prices:
    currency = environ.get(f"{prefix}_SESSION_CURRENCY", "").strip() or "EUR"
    if not re.fullmatch(r"[A-Z]{3}", currency):
        raise SettingsError(f"{prefix}_SESSION_CURRENCY is {currency!r}", fix="set it to three capital letters, as EUR")
    session = environ.get(f"{prefix}_SESSION_PRICE", "").strip() or "0"
    if not _AMOUNT.fullmatch(session):
        raise SettingsError(f"{prefix}_SESSION_PRICE is {session!r}", fix="set it to an amount such as 0.05")
    by_country = _table(f"{prefix}_SESSION_PRICES", environ.get(f"{prefix}_SESSION_PRICES", ""))
    message = by_country.pop("*", Decimal(0))
    return Prices(currency, Decimal(session), message, by_country)


def _table(setting: str, text: str) -> dict[str, Decimal]:
    table: dict[str, Decimal] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        country, _, amount = (word.strip() for word in part.partition("="))
        if not re.fullmatch(r"[A-Z]{2}|\*", country) or not _AMOUNT.fullmatch(amount) or country in table:
            raise SettingsError(
                f"{setting} has the part {part!r}",
                fix="write COUNTRY=AMOUNT once for each, and * for the rest: UA=0.01,SI=0.03,*=0.05",
            )
        table[country] = Decimal(amount)
    return table
