"""Why Redis did not do what it was asked for, where the caller may have to know."""

from typing import Any

from redis.exceptions import AskError

from botkit.exceptions import StoreUnavailableError
from botkit.redis.urls import join_address


class RefusedError(StoreUnavailableError):
    """Redis did not carry the command out, and may later; `word` is its reason.

    `slot` and `elsewhere` are given by a cluster's server that has not got the key: its slot and the address of the
    server to ask, with an empty host where that is the host which was asked.
    """

    def __init__(self, word: str, answer: Exception) -> None:
        super().__init__(f"Redis refused for now ({word})")
        self.word = word
        self.slot, self.elsewhere = -1, ""
        if isinstance(answer, AskError):
            self.slot, self.elsewhere = answer.slot_id, join_address(answer.host.strip("[]"), answer.port)


class UnconfirmedError(StoreUnavailableError):
    """The command was carried out, but not by as many replicas in time as were asked for; `answer` is its answer."""

    def __init__(self, answer: Any, confirmed: int, wanted: int) -> None:
        super().__init__(f"{confirmed} of {wanted} replicas confirmed in time")
        self.answer = answer
