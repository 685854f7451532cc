"""How the simulated Viber says no: HTTP 200 with a status, in words that are ours where only the number is known."""

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


class RefusedError(Exception):
    """A call is refused with HTTP 200 and this status."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
