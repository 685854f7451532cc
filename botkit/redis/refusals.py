"""What Redis answers instead of a result, and why it did not do what it was asked for."""

import re
from typing import Any

from botkit.exceptions import StoreUnavailableError
from botkit.redis.urls import join_address

# The command was not carried out, and may be later. Redis 6.2 tells it inside another error when a script meets it.
_PASSING = re.compile(
    r"(?:^|: -)"
    r"(LOADING|BUSY|TRYAGAIN|ASK|MOVED|CLUSTERDOWN|READONLY|MASTERDOWN|OOM|MISCONF|NOREPLICAS|NOAUTH) "
    r"|^ERR (max number of clients) reached"
)


class ResponseError(Exception):
    """An error that Redis answered; `word` is its reason where it refuses for now, else empty."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        found = _PASSING.search(text)
        self.word: str = found[found.lastindex or 0] if found else ""


class NoScriptError(ResponseError):
    """Redis does not know a script by its hash."""


class RefusedError(StoreUnavailableError):
    """Redis did not carry the command out, and may later; `word` is its reason.

    `slot` and `elsewhere` are given by a cluster's server that has not got the key: its slot and the address of the
    server to ask, with an empty host where that is the host which was asked.
    """

    def __init__(self, answer: ResponseError) -> None:
        super().__init__(f"Redis refused for now ({answer.word})")
        self.word = answer.word
        self.slot, self.elsewhere = -1, ""
        if str(answer).startswith(("ASK ", "MOVED ")):
            _, slot, address = str(answer).split()
            host, _, port = address.rpartition(":")
            self.slot, self.elsewhere = int(slot), join_address(host.strip("[]"), int(port))


class ScriptRefusedError(StoreUnavailableError):
    """Redis did not carry a script out, and will not later: a key of a wrong type, say."""


class UnconfirmedError(StoreUnavailableError):
    """The command was carried out, but not by as many replicas in time as were asked for; `answer` is its answer."""

    def __init__(self, answer: Any, confirmed: int, wanted: int) -> None:
        super().__init__(f"{confirmed} of {wanted} replicas confirmed in time")
        self.answer = answer


def read_error(text: str) -> ResponseError:
    """Returns the error of this text."""
    return NoScriptError(text) if text.startswith("NOSCRIPT ") else ResponseError(text)
