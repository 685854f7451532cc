"""How the simulated Rapporto says no: a code in an envelope, with an HTTP status that several codes share."""

from collections.abc import Mapping

from msgspec import json
from starlette.responses import Response

from botkit.simulators.wire import Fault

UNAVAILABLE = 1
UNKNOWN_ADDRESS = 2
CROWDED = 3
INVALID_REQUEST = 4
INVALID_LOGIN = 5
INVALID_PASSWORD = 6
NO_SENDER = 7
BAD_DESTINATION = 8
BAD_TYPE = 9
DUPLICATE = 10
INVALID_TTL = 11
BROKEN = 100

#: The HTTP status and the description of each code.
CODES: Mapping[int, tuple[int, str]] = {
    UNAVAILABLE: (503, "Service is unavailable"),
    UNKNOWN_ADDRESS: (403, "Invalid IP-address"),
    CROWDED: (429, "Too many connections"),
    INVALID_REQUEST: (400, "Invalid request"),
    INVALID_LOGIN: (401, "Invalid login"),
    INVALID_PASSWORD: (401, "Invalid password"),
    NO_SENDER: (400, "serviceNumber is not defined"),
    BAD_DESTINATION: (406, "destAddr is not correct"),
    BAD_TYPE: (406, "Message type is not correct"),
    DUPLICATE: (409, "Prohibited sending duplicates"),
    INVALID_TTL: (406, "Invalid TTL"),
    BROKEN: (500, "100"),
}


class RefusedError(Exception):
    """A request is refused with this code; `extended` says more, and may be empty."""

    def __init__(self, code: int, extended: str = "") -> None:
        super().__init__(extended or CODES[code][1])
        self.code = code
        self.extended = extended

    @property
    def status(self) -> int:
        """The HTTP status of the code."""
        return CODES[self.code][0]

    @property
    def envelope(self) -> bytes:
        """The body of the answer: the code and its description, with what is more beside them."""
        error = {"error": {"code": self.code, "description": CODES[self.code][1]}}
        return json.encode(error | ({"extendedDescription": self.extended} if self.extended else {}))

    @property
    def response(self) -> Response:
        """The whole answer."""
        return Response(self.envelope, self.status, media_type="application/json")


def fault(code: int, *, before: bool = True) -> Fault:
    """Returns the fault that answers the next request with a code; `before` tells whether it is forgotten."""
    refused = RefusedError(code)
    return Fault(refused.status, refused.envelope, before=before)


#: An answer of something that stands before the service.
PROXY_ERROR = Fault(502, b"<html><h1>502 Bad Gateway</h1></html>", {"content-type": "text/html"})
#: The answer is lost, and the message is on its way.
LOST_ANSWER = Fault(drop=True, before=False)
#: The success as an old page prints it, without the comma.
MALFORMED_SUCCESS = Fault(200, b'{"mtNum": "7390000042" "id": "ord-1"}', before=False)
