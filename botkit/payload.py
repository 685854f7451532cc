"""Reading a body that somebody else wrote: strict JSON, and nothing of it in an error."""

import re
from typing import Any

import msgspec

from botkit.exceptions import PayloadError

#: Objects and arrays inside one another; no service nests deeper.
MAX_DEPTH = 32

# A string is one step of the scan, so that brackets inside it do not count.
_BRACKETS = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)


def read_object(body: bytes) -> dict[str, Any]:
    """Returns the JSON object of a body, its integers exact.

    Raises PayloadError, with the reason and never the content, when it is not UTF-8, not JSON, not an object, or
    nested deeper than 32 levels.
    """
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise PayloadError(f"the body is not UTF-8 (byte {error.start})") from None
    if _is_deep(body):
        raise PayloadError(f"the body is nested deeper than {MAX_DEPTH} levels")
    try:
        data = msgspec.json.decode(body)
    except msgspec.DecodeError:
        raise PayloadError("the body is not JSON") from None
    if not isinstance(data, dict):
        raise PayloadError("the body is not a JSON object")
    return data


def read_lenient(body: bytes) -> dict[str, Any]:
    """Returns the JSON object of a body as `read_object` does; an empty one for any other body."""
    try:
        return read_object(body)
    except PayloadError:
        return {}


def _is_deep(body: bytes) -> bool:
    if body.count(b"{") + body.count(b"[") <= MAX_DEPTH:
        return False
    depth = 0
    for match in _BRACKETS.finditer(body):
        bracket = match[0]
        depth += (bracket in (b"{", b"[")) - (bracket in (b"}", b"]"))
        if depth > MAX_DEPTH:
            return True
    return False
