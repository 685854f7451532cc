"""Reading a body that somebody else wrote: strict JSON, and nothing of it in an error."""

import re
from typing import Any

import msgspec

from botkit.exceptions import PayloadError

#: Objects and arrays inside one another; no service nests deeper.
MAX_DEPTH = 32
#: Values in all: a megabyte can hold half a million.
MAX_VALUES = 10_000

# A string is one step of the scan, so that brackets and commas inside it do not count.
_MARKS = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[{]|[\]}]|,', re.DOTALL)


def read_object(body: bytes) -> dict[str, Any]:
    """Returns the JSON object of a body, its integers exact.

    Raises PayloadError, with the reason and never the content, when it is not UTF-8, not JSON, not an object, nested
    deeper than 32 levels, or of more than 10,000 values.
    """
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise PayloadError(f"the body is not UTF-8 (byte {error.start})") from None
    # Each level stands behind a bracket, each value behind a bracket or a comma: few bytes cannot have too many.
    if body.count(b"{") + body.count(b"[") > MAX_DEPTH or len(body) > MAX_VALUES:
        _require_bounds(body)
    try:
        data = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
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


def _require_bounds(body: bytes) -> None:
    opened = body.count(b"{") + body.count(b"[")
    # Each value stands behind a bracket or a comma, so that this is enough for nearly every body.
    if opened <= MAX_DEPTH and opened + body.count(b",") <= MAX_VALUES:
        return
    depth = values = 0
    for match in _MARKS.finditer(body):
        mark = match[0]
        depth += (mark in (b"{", b"[")) - (mark in (b"}", b"]"))
        values += mark in (b"{", b"[", b",")
        if depth > MAX_DEPTH:
            raise PayloadError(f"the body is nested deeper than {MAX_DEPTH} levels")
        if values > MAX_VALUES:
            raise PayloadError(f"the body has more than {MAX_VALUES} values")
