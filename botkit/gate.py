"""The first look at a request, whatever server read it: its head is sound, or nobody reads on."""

import re
from collections.abc import Sequence
from functools import lru_cache

from msgspec import Struct
from starlette.types import ASGIApp, Receive, Scope, Send

from botkit.answer import Answer

# What a proxy before us and we might take for different paths: an encoded slash, dot or control, two slashes, a dot
# that leads up, a backslash.
_ODD = re.compile(rb"%(?![0-9a-f]{2})|%2[ef]|%5c|%[01]|%7f|[\\#?\x00-\x20\x7f-\xff]|//|/\.\.?(?:/|$)", re.IGNORECASE)
_VERSIONS = ("1.1", "1.0", "2", "3")


class HeadPolicy(Struct, frozen=True):
    """Bounds of a request's head: lines, bytes of their names and values, and bytes of its path and query."""

    max_headers: int = 64
    max_size: int = 16 * 1024
    max_target: int = 8 * 1024


class Gate:
    """An ASGI application that answers 400, 414 or 431 where a head is odd or too large; others go through to `app`.

    Odd is whatever two readers may understand as two different requests.
    """

    def __init__(self, app: ASGIApp, policy: HeadPolicy | None = None) -> None:
        self._app = app
        self._policy = policy or HeadPolicy()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection."""
        status = fault(scope, self._policy) if scope["type"] == "http" else 0
        if status:
            await Answer(status, ((b"connection", b"close"),)).send(send)
        else:
            await self._app(scope, receive, send)


def fault(scope: Scope, policy: HeadPolicy) -> int:
    """Returns the status that refuses a request for its head, or 0 for one that is sound."""
    raw_path: bytes = scope.get("raw_path") or scope["path"].encode("utf-8", "surrogatepass")
    if len(raw_path) + len(scope["query_string"]) > policy.max_target:
        return 414
    if scope["http_version"] not in _VERSIONS or not _is_sound(raw_path):
        return 400
    headers = scope["headers"]
    if len(headers) > policy.max_headers:
        return 431
    fields = dict(headers)
    if len(fields) == len(headers) and fields.get(b"host") and b"transfer-encoding" not in fields:
        # Nearly all say each thing once, and nothing of a coding.
        return 431 if len(b"".join(fields)) + len(b"".join(fields.values())) > policy.max_size else 0
    names, values = zip(*headers, strict=True) if headers else ((), ())
    if len(b"".join(names)) + len(b"".join(values)) > policy.max_size:
        return 431
    return 400 if _is_ambiguous(names, values, is_old=scope["http_version"] == "1.0") else 0


def _is_ambiguous(names: Sequence[bytes], values: Sequence[bytes], *, is_old: bool) -> bool:
    hosts, codings = names.count(b"host"), names.count(b"transfer-encoding")
    # Health checks of the old kind name no host.
    if hosts > 1 or (hosts == 0 and not is_old) or names.count(b"content-length") + codings > 1:
        return True
    if hosts and not values[names.index(b"host")]:
        return True
    return bool(codings) and (is_old or values[names.index(b"transfer-encoding")].lower() != b"chunked")


# The few that are called are called again and again.
@lru_cache(maxsize=64)
def _is_sound(raw_path: bytes) -> bool:
    return raw_path[:1] == b"/" and not _ODD.search(raw_path)
