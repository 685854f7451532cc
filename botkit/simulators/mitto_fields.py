"""How the simulated Mitto reads the members of an object: of the right type, within their bounds, and no others."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from botkit.simulators.mitto_refusals import invalid

Json = Mapping[str, Any]

_URL = re.compile(r"https?://[^\s/?#]+[^\s]*", re.IGNORECASE)


def check_names(body: Json, names: Collection[str], path: str = "") -> None:
    """Raises RefusedError for a member that is none of the names."""
    for name in body:
        if name not in names:
            raise invalid("there is no such member", join(path, name))


def read_object(body: Json, name: str, path: str = "") -> Json:
    """Returns a member that must be there and an object. Raises RefusedError."""
    value = body.get(name)
    if not isinstance(value, dict):
        raise invalid("an object is required", join(path, name))
    return value


def read_text(body: Json, name: str, path: str = "", *, least: int = 1, most: int | None = None) -> str:
    """Returns a member that must be there and a text, counted in code points. Raises RefusedError."""
    value = body.get(name)
    if not isinstance(value, str):
        raise invalid("a text is required", join(path, name))
    if len(value) < least:
        raise invalid("the text is empty", join(path, name))
    if most is not None and len(value) > most:
        raise invalid(f"the text has {len(value)} characters, at most {most}", join(path, name))
    return value


def read_whole(body: Json, name: str, path: str, least: int, most: int | None = None) -> int:
    """Returns a member that must be there and a whole number. Raises RefusedError."""
    value = body.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise invalid("a whole number is required", join(path, name))
    if value < least or (most is not None and value > most):
        bounds = f"at least {least}" if most is None else f"{least} to {most}"
        raise invalid(f"{value} is out of bounds: {bounds}", join(path, name))
    return value


def read_texts(body: Json, name: str, path: str = "") -> Sequence[str]:
    """Returns a member that must be there and a list of texts, at least one. Raises RefusedError."""
    value = body.get(name)
    if not isinstance(value, list) or not value or not all(isinstance(item, str) and item for item in value):
        raise invalid("a list of texts is required", join(path, name))
    return value


def check_flag(body: Json, name: str, path: str) -> None:
    """Raises RefusedError for a member that is neither true nor false."""
    if not isinstance(body.get(name, False), bool):
        raise invalid("true or false is required", join(path, name))


def read_url(body: Json, name: str, path: str) -> str:
    """Returns a member that must be there and an http address without white space. Raises RefusedError."""
    url = read_text(body, name, path)
    if not is_url(url):
        raise invalid("an http or https address is required", join(path, name))
    return url


def is_url(text: object) -> bool:
    """Whether it is an http address without white space."""
    try:
        return isinstance(text, str) and _URL.fullmatch(text) is not None and bool(urlsplit(text).hostname)
    except ValueError:
        return False


def join(path: str, name: str) -> str:
    """Returns the path of a member."""
    return f"{path}.{name}" if path else name
