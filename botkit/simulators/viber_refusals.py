"""How the simulated Viber says no: HTTP 200 with a status, in words that are ours where only the number is known."""

from typing import Any

import msgspec

INVALID_URL = 1
INVALID_TOKEN = 2
BAD_DATA = 3
MISSING_DATA = 4
NOT_REGISTERED = 5
NOT_SUBSCRIBED = 6
WEBHOOK_NOT_SET = 10
NO_SUITABLE_DEVICE = 11
TOO_MANY_REQUESTS = 12
VERSION_NOT_SUPPORTED = 13
INCOMPATIBLE = 14
NOT_INLINE = 17
NO_PUBLIC_CHAT = 18
BROADCAST_NOT_ALLOWED = 20
UNSUPPORTED_COUNTRY = 21
PAYMENT_UNSUPPORTED = 22
FREE_MESSAGES_EXCEEDED = 23
NO_BALANCE = 24

#: A request, and so a welcome message, may have so many bytes.
MAX_REQUEST = 30 * 1024


class RefusedError(Exception):
    """A call is refused with HTTP 200 and this status."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


def read_object(body: bytes, what: str) -> dict[str, Any]:
    """Returns the JSON object that a body is; raises RefusedError, with the name of `what` it is, for any other."""
    if len(body) > MAX_REQUEST:
        raise RefusedError(BAD_DATA, f"{what} has {len(body)} bytes, at most {MAX_REQUEST}")
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        raise RefusedError(BAD_DATA, f"{what} is not JSON") from None
    if not isinstance(found, dict):
        raise RefusedError(BAD_DATA, f"{what} is not an object")
    return found
