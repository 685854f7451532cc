"""How the simulated SMSGold reads `sendMessage`: its own rules, and what they leave open as written here."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

_NUMBER = re.compile(r"[0-9]{10,15}")
_KNOWN = ("subscriberId", "botId", "number", "text", "buttons", "auth")


class RefusedError(Exception):
    """A call is refused, for one of three reasons: who asks, what is asked, or whom it is for."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind
        self.text = text


class Sending(Struct, frozen=True):
    """A request that may go out: to a subscriber, or to a number of a bot."""

    text: str
    buttons: tuple[tuple[str, str], ...]
    subscriber: str = ""
    bot: str = ""
    number: str = ""
    warnings: tuple[str, ...] = ()
    unknown: Mapping[str, Any] = {}


def read_sending(body: Mapping[str, Any], longest_text: int) -> Sending:
    """Returns a request as the service takes it. Raises RefusedError for the parameters."""
    texts = {name: _text(body, name) for name in ("subscriberId", "botId", "number")}
    return Sending(
        text=_words(body, longest_text),
        buttons=_buttons(body.get("buttons")),
        unknown={name: value for name, value in body.items() if name not in _KNOWN},
        **_address(texts["subscriberId"], texts["botId"], texts["number"]),
    )


def _address(subscriber: str, bot: str, number: str) -> dict[str, Any]:
    """Returns whom a request is for: a subscriber wins over everything else."""
    if subscriber:
        ignored = [name for name, value in (("botId", bot), ("number", number)) if value]
        warnings = tuple(f"{name} is ignored beside subscriberId" for name in ignored)
        return {"subscriber": subscriber, "warnings": warnings}
    if not bot or not number:
        raise refused("subscriberId, or botId with number, is required")
    if not _NUMBER.fullmatch(number):
        raise refused("number must be digits in international form without +")
    return {"bot": bot, "number": number}


def _words(body: Mapping[str, Any], longest: int) -> str:
    text = _text(body, "text")
    if not text.strip():
        raise refused("text is required")
    if len(text.encode("utf-16-le", "surrogatepass")) // 2 > longest:
        raise refused("text is too long")
    return text


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise refused(f"{name} must be a string")
    return value


def _buttons(value: object) -> tuple[tuple[str, str], ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise refused("buttons must be an array")
    return tuple(map(_button, value))


def _button(value: object) -> tuple[str, str]:
    if not isinstance(value, dict):
        raise refused("a button must be an object")
    text, url = _text(value, "text"), _text(value, "url")
    if not text.strip():
        raise refused("a button needs a text")
    if not _is_absolute(url):
        raise refused("a button needs an absolute url")
    return text, url


def _is_absolute(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc) and not re.search(r"\s", url)


def refused(text: str) -> RefusedError:
    """Returns the refusal of a request for its parameters."""
    return RefusedError("parameters", text)
