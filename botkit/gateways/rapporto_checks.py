"""What is wrong with a request to Rapporto: every problem at once, each with its path.

https://docs.rapporto.ru/ ("REST API")
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from botkit.exceptions import AddressError, Problem
from botkit.formatting import utf16_length
from botkit.gateways.rapporto_extra import decode_extra
from botkit.gateways.rapporto_types import (
    ACTIONS,
    DEFAULT_UNIT,
    KINDS,
    MAX_ACTION,
    MAX_CAPTION,
    MAX_LINK,
    MAX_NOTIFY_URL,
    UNITS,
    Kind,
    digits_for,
    read_instant,
    seconds_of,
)

Check = Callable[[str, Any], Iterator[Problem]]

_CLOCK = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d", re.ASCII)
_WEEKDAYS = re.compile(r"[1-7]{0,7}")
_CALL_CODE = re.compile(r"(?<!\d)(?:\d{4}|\d{6})(?!\d)", re.ASCII)
_APP_CODE = re.compile(r"\d{4,8}", re.ASCII)
_STATES = ("DELIVERED", "READ")


def find_problems(body: Mapping[str, Any], *, is_strict: bool = True) -> list[Problem]:
    """Returns what is wrong with a request without its login and password: member by member, then between them.

    Where it is strict, a member that Rapporto's documentation does not know is a problem too. Lengths are counted in
    UTF-16 units: Rapporto says "symbols", and this reading of it is never too long.
    """
    return [*_Walk(is_strict=is_strict).request(body)]


class _Walk:
    """One walk through a request."""

    def __init__(self, *, is_strict: bool) -> None:
        self._is_strict = is_strict
        self._top: Mapping[str, Check] = {
            "login": _kept,
            "password": _kept,
            "destAddr": _destination,
            "message": self._message,
            "id": _text(),
            "useTimeDiff": _flag,
            "scheduleInfo": self._schedule,
            "shortenLinks": _flag,
            "extraParam": _extra,
            "registeredDelivery": _delivery,
            "notifyUrl": _text(MAX_NOTIFY_URL),
            "cascadeChainLink": self._link,
        }

    def request(self, body: Mapping[str, Any]) -> Iterator[Problem]:
        yield from self._members("", body, self._top, ("destAddr", "message"))
        is_cascade = "cascadeChainLink" in body
        if "shortenLinks" in body:
            yield from _whole_shortening(body, is_cascade=is_cascade)
        yield from _shortenings("message", body.get("message"), is_cascade=is_cascade)
        yield from _chain("cascadeChainLink", body.get("cascadeChainLink"), body.get("message"))

    def _members(
        self, path: str, value: Mapping[str, Any], checks: Mapping[str, Check], required: tuple[str, ...] = ()
    ) -> Iterator[Problem]:
        for name, part in value.items():
            if name in checks:
                yield from checks[name](_joined(path, name), part)
            elif self._is_strict:
                yield Problem(_joined(path, str(name)), f"is not known here; there are: {', '.join(sorted(checks))}")
        yield from (Problem(_joined(path, name), "is required") for name in required if name not in value)

    def _object(
        self, path: str, value: Any, checks: Mapping[str, Check], required: tuple[str, ...] = ()
    ) -> Iterator[Problem]:
        if isinstance(value, Mapping):
            yield from self._members(path, value, checks, required)
        else:
            yield Problem(path, "must be an object")

    def _schedule(self, path: str, value: Any) -> Iterator[Problem]:
        checks = {"timeBegin": _clock, "timeEnd": _clock, "weekdaysSchedule": _weekdays, "deadline": _deadline}
        yield from self._object(path, value, checks)

    # --- messages ---

    def _message(self, path: str, value: Any) -> Iterator[Problem]:
        kind = KINDS.get(_word(value, "type"))
        checks: dict[str, Check] = {"type": _one_of(KINDS), "data": self._data(kind), "shortenLinks": _flag}
        yield from self._object(path, value, checks, ("type", "data"))

    def _data(self, kind: Kind | None) -> Check:
        if kind is None or kind.content == "free":
            return _any_object
        checks: dict[str, Check] = {"serviceNumber": _text(), "ttl": _whole, "ttlUnit": _one_of(UNITS)}
        required = kind.required
        if kind.content == "instant":
            checks["instantContent"] = self._instant(kind)
            required = ("instantContent", *required)
        else:
            checks["text"] = _text_of(kind)
            required = ("text", *required)
        if kind is KINDS["TELEGRAM"]:
            checks["link"] = _text(MAX_LINK)

        def check(path: str, value: Any) -> Iterator[Problem]:
            yield from self._object(path, value, checks, required)
            yield from _ttl(path, value, kind)

        return check

    def _instant(self, kind: Kind) -> Check:
        def check(path: str, value: Any) -> Iterator[Problem]:
            checks = {"type": _one_of(kind.contents), "data": self._content(_word(value, "type"), kind)}
            yield from self._object(path, value, checks, ("type", "data"))

        return check

    def _content(self, content: str, kind: Kind) -> Check:
        """Returns what checks the innermost data: a text, a picture, or a text with a button."""
        known: dict[str, Check] = {"text": _text(kind.most), "imageURL": _address}
        if "BUTTON" in kind.contents:
            known |= {"caption": _text(MAX_CAPTION), "action": _action}
        of_type: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
            "TEXT": (("text",), ("text",)),
            "IMAGE_URL": (("imageURL",), ("imageURL",)),
            "BUTTON": (("text", "imageURL", "caption", "action"), ("text", "caption", "action")),
        }
        if content not in kind.contents:
            return _any_object
        allowed, required = of_type[content]
        checks = {name: known[name] if name in allowed else _not_with(content) for name in known}
        return lambda path, value: self._object(path, value, checks, required)

    # --- cascades ---

    def _link(self, path: str, value: Any) -> Iterator[Problem]:
        checks = {"state": _one_of(_STATES), "message": self._message, "nextLink": self._link}
        yield from self._object(path, value, checks, ("state", "message"))


# --- what concerns several members ---


def _ttl(path: str, data: Any, kind: Kind) -> Iterator[Problem]:
    if not isinstance(data, Mapping):
        return
    ttl, unit = data.get("ttl"), data.get("ttlUnit", DEFAULT_UNIT)
    if "ttlUnit" in data and "ttl" not in data:
        yield Problem(_joined(path, "ttlUnit"), "stands beside a ttl only")
    if not isinstance(ttl, int) or not _is_whole(ttl) or ttl == 0 or not isinstance(unit, str) or unit not in UNITS:
        return
    seconds = seconds_of(ttl, unit)
    if seconds < 0:
        yield Problem(_joined(path, "ttl"), "must be 0 or more")
    elif kind.ttl is not None and not kind.ttl.admits(seconds):
        yield Problem(_joined(path, "ttl"), f"must come to {kind.ttl.words}, or be 0; this is {_told(ttl, unit)}")


def _told(ttl: int, unit: str) -> str:
    # Python writes no number of thousands of digits, and JSON can have one.
    if ttl >= 10**9:
        return "far more"
    return f"{ttl} {unit}, which are {seconds_of(ttl, unit)} seconds" if unit != "SECONDS" else f"{ttl} seconds"


def _whole_shortening(body: Mapping[str, Any], *, is_cascade: bool) -> Iterator[Problem]:
    kind = KINDS.get(_word(body.get("message"), "type"))
    if is_cascade:
        yield Problem("shortenLinks", "stands inside each message of a cascade")
    elif kind is not None and not kind.shortens:
        yield Problem("shortenLinks", f"is not for {_word(body['message'], 'type')}")


def _shortenings(path: str, message: Any, *, is_cascade: bool) -> Iterator[Problem]:
    if not isinstance(message, Mapping) or "shortenLinks" not in message:
        return
    kind = KINDS.get(_word(message, "type"))
    if not is_cascade:
        yield Problem(_joined(path, "shortenLinks"), "stands beside the message where there is no cascade")
    elif kind is not None and not kind.shortens:
        yield Problem(_joined(path, "shortenLinks"), f"is not for {_word(message, 'type')}")


def _chain(path: str, link: Any, previous: Any) -> Iterator[Problem]:
    while isinstance(link, Mapping):
        if _word(previous, "type") == "FLASHINGCALL" and link.get("state") == "READ":
            yield Problem(_joined(path, "state"), "must be DELIVERED after a FLASHINGCALL, which nobody reads")
        previous = link.get("message")
        yield from _shortenings(_joined(path, "message"), previous, is_cascade=True)
        link, path = link.get("nextLink"), _joined(path, "nextLink")


# --- single values ---


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _word(value: Any, name: str) -> str:
    word = value.get(name) if isinstance(value, Mapping) else None
    return word if isinstance(word, str) else ""


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _kept(path: str, value: Any) -> Iterator[Problem]:
    yield Problem(path, "is the account's own: leave it out")


def _not_with(content: str) -> Check:
    def check(path: str, value: Any) -> Iterator[Problem]:
        yield Problem(path, f"does not go with the type {content}")

    return check


def _any_object(path: str, value: Any) -> Iterator[Problem]:
    if not isinstance(value, Mapping):
        yield Problem(path, "must be an object")


def _flag(path: str, value: Any) -> Iterator[Problem]:
    if not isinstance(value, bool):
        yield Problem(path, "must be true or false")


def _whole(path: str, value: Any) -> Iterator[Problem]:
    if not _is_whole(value):
        yield Problem(path, "must be a whole number")


def _delivery(path: str, value: Any) -> Iterator[Problem]:
    if not _is_whole(value) or not 0 <= value <= 2:
        yield Problem(path, "must be 0 (no reports), 1 (all) or 2 (of what is not delivered)")


def _one_of(words: Mapping[str, Any] | tuple[str, ...]) -> Check:
    def check(path: str, value: Any) -> Iterator[Problem]:
        if not isinstance(value, str) or value not in words:
            yield Problem(path, f"must be one of {', '.join(words)}")

    return check


def _text(most: int = 0) -> Check:
    def check(path: str, value: Any) -> Iterator[Problem]:
        if not isinstance(value, str):
            yield Problem(path, "must be a string")
        elif not value:
            yield Problem(path, "must not be empty")
        elif most and utf16_length(value) > most:
            yield Problem(path, f"must have at most {most} characters, not {utf16_length(value)}")

    return check


def _text_of(kind: Kind) -> Check:
    codes = {"FLASHINGCALL": (_CALL_CODE.search, "must hold a code of 4 or 6 digits")}
    codes["TGCODE"] = (_APP_CODE.fullmatch, "must be a code of 4 to 8 digits and nothing else")
    name = next(name for name, known in KINDS.items() if known is kind)

    def check(path: str, value: Any) -> Iterator[Problem]:
        wrong = [*_text(kind.most)(path, value)]
        if name in codes and not wrong and not codes[name][0](value):
            wrong = [Problem(path, codes[name][1])]
        yield from wrong

    return check


def _address(path: str, value: Any) -> Iterator[Problem]:
    wrong = [*_text()(path, value)]
    if not wrong and (not value.startswith(("http://", "https://")) or any(map(str.isspace, value))):
        wrong = [Problem(path, "must be an http(s) address without spaces")]
    yield from wrong


def _action(path: str, value: Any) -> Iterator[Problem]:
    wrong = [*_text(MAX_ACTION)(path, value)]
    if not wrong and not value.startswith(ACTIONS):
        wrong = [Problem(path, f"must begin with one of {' '.join(ACTIONS)}")]
    yield from wrong


def _destination(path: str, value: Any) -> Iterator[Problem]:
    if not isinstance(value, str):
        yield Problem(path, "must be a string")
        return
    try:
        digits_for(value)
    except AddressError:
        yield Problem(path, "must be a number of 11 to 15 digits, as +79990001122")


def _extra(path: str, value: Any) -> Iterator[Problem]:
    wrong = [*_text()(path, value)]
    if not wrong:
        try:
            decode_extra(value)
        except ValueError as error:
            wrong = [Problem(path, f"must be name=value,name=value with each comma in a value doubled: {error}")]
    yield from wrong


def _matching(pattern: re.Pattern[str], rule: str) -> Check:
    def check(path: str, value: Any) -> Iterator[Problem]:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            yield Problem(path, rule)

    return check


_clock = _matching(_CLOCK, "must be a time from 00:00 to 23:59")


def _weekdays(path: str, value: Any) -> Iterator[Problem]:
    if not isinstance(value, str) or not _WEEKDAYS.fullmatch(value) or len(set(value)) < len(value):
        yield Problem(path, "must be digits from 1 (Monday) to 7 (Sunday), none twice")


def _deadline(path: str, value: Any) -> Iterator[Problem]:
    # The offset has no colon here.
    if read_instant(value) is None or ":" in str(value)[19:]:
        yield Problem(path, "must be an instant such as 2025-03-31T23:59:59+0300")
