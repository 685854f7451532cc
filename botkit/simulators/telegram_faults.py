"""What may go wrong at Telegram, ready for `wire.faults` of its simulator."""

import msgspec

from botkit.simulators.telegram_parameters import ApiError
from botkit.simulators.wire import Fault

_RESTART = b'{"ok":false,"error_code":500,"description":"Internal Server Error: restart"}'

#: The server starts again: a whole error, and nothing was done.
RESTART = Fault(500, _RESTART)
#: The same answer to a call that was carried out.
RESTART_AFTERWARDS = Fault(500, _RESTART, before=False)
#: The front proxy answers, which speaks HTML.
BAD_GATEWAY = Fault(502, b"<html><body>502 Bad Gateway</body></html>", {"content-type": "text/html"})
#: The connection closes before anything was done.
DROPPED = Fault(drop=True)
#: The connection closes although the message arrived: whoever sends again sends twice.
DROPPED_AFTERWARDS = Fault(drop=True, before=False)


def flood(seconds: int) -> Fault:
    """Returns the refusal of a call for so many seconds, whatever the limits are."""
    error = ApiError(429, f"retry after {seconds}", retry_after=seconds)
    return Fault(429, msgspec.json.encode(error.envelope), {"retry-after": str(seconds)})


def slow(seconds: float) -> Fault:
    """Returns an answer that comes so many seconds late, with an error although the call was carried out."""
    return Fault(500, _RESTART, before=False, hang=seconds)
