"""Reads requests of the send API: strictly, so that nothing in them is taken for something else."""

import json
import re
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct
from starlette.requests import Request

from botkit.body import BodyTooLargeError, read_body
from botkit.exceptions import InvalidRequestError, Problem
from botkit.send_api.refusals import RefusedError

#: How deep objects and lists may lie in one another.
MAX_DEPTH = 32

#: What an idempotency key is made of: 1 to 255 visible characters.
VISIBLE = re.compile(r"[\x21-\x7e]{1,255}")


class RequestPolicy(Struct, frozen=True):
    """Bounds of one request: bytes of its body, and seconds until all of it must be there; of one for many people."""

    max_body: int = 1024 * 1024
    body_seconds: float = 5
    max_bulk: int = 16 * 1024 * 1024
    bulk_seconds: float = 30


class _DoubledError(Exception):
    pass


async def read_json(request: Request, *, most: int, seconds: float) -> dict[str, Any]:
    """Returns the members of a request's body; raises RefusedError, or InvalidRequestError for what is no JSON."""
    _require_json(request)
    try:
        body = await read_body(request.scope, request.receive, most=most, seconds=seconds)
    except BodyTooLargeError:
        raise _closing(413, "too_large", f"a body has at most {most} bytes") from None
    except TimeoutError:
        raise _closing(408, "too_slow", f"a body must be here within {seconds:g} seconds") from None
    return parse_json(body)


def _closing(status: int, code: str, what: str) -> RefusedError:
    # What is left of the body would be taken for the next request.
    return RefusedError(status, code, what, headers={"Connection": "close"})


def _require_json(request: Request) -> None:
    kind, *parameters = [part.strip().lower() for part in request.headers.get("content-type", "").split(";")]
    charsets = [text.removeprefix("charset=").strip('"') for text in parameters if text.startswith("charset=")]
    is_plain = request.headers.get("content-encoding", "identity") == "identity"
    if kind != "application/json" or charsets not in ([], ["utf-8"]) or not is_plain:
        raise RefusedError(415, "unsupported_media_type", "a body is application/json in UTF-8, and not compressed")


def parse_json(body: bytes) -> dict[str, Any]:
    """Returns the members of a JSON object; raises InvalidRequestError for anything else.

    An object that names a member twice is refused, as is what lies deeper than `MAX_DEPTH`: two readers would not agree
    on either.
    """
    try:
        # Knows numbers without end, halves of characters, and a depth at which it stops.
        msgspec.json.decode(body)
        found = json.loads(body, object_pairs_hook=_members, parse_int=_integer)
    except _DoubledError:
        raise _unreadable("names a member of an object twice") from None
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise _unreadable("is no JSON in UTF-8 with numbers of 64 bits") from None
    if not isinstance(found, dict):
        raise _unreadable("is a JSON object")
    if _is_deeper(found, MAX_DEPTH):
        raise _unreadable(f"has objects and lists at most {MAX_DEPTH} deep")
    return found


def _members(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise _DoubledError
    return members


def _integer(text: str) -> int:
    number = int(text)
    if not -(2**63) <= number < 2**64:
        raise ValueError("more than 64 bits")
    return number


def _is_deeper(value: object, depth: int) -> bool:
    if not isinstance(value, (dict, list)):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return depth == 0 or any(_is_deeper(each, depth - 1) for each in inner)


def _unreadable(rule: str) -> InvalidRequestError:
    return InvalidRequestError([Problem("", f"the body {rule}")])


def read_idempotency_key(request: Request) -> str:
    """Returns the header `Idempotency-Key`, or an empty string. Raises InvalidRequestError for one of another form."""
    given = request.headers.getlist("idempotency-key")
    if not given:
        return ""
    if len(given) > 1 or not VISIBLE.fullmatch(given[0]):
        raise InvalidRequestError([Problem("Idempotency-Key", "is one key of 1 to 255 visible ASCII characters")])
    return given[0]
