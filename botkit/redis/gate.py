"""A pipe whose answers count only when replicas have them as well."""

from typing import Any

import hiredis

from botkit.redis.pipe import OnConnect, OnError, Pipe
from botkit.redis.refusals import UnconfirmedError

#: How long replicas have to confirm, in milliseconds.
PATIENCE_MS = 500


class GatedPipe(Pipe):
    """Answers when as many replicas as `replicas` have confirmed all that was written up to then.

    One WAIT follows each batch: it covers every earlier write of its connection. What is not confirmed within
    `PATIENCE_MS` raises UnconfirmedError, an error stays as it is.
    """

    def __init__(
        self, url: str, *, replicas: int, on_connect: OnConnect | None = None, on_error: OnError | None = None
    ) -> None:
        super().__init__(url, on_connect=on_connect, on_error=on_error)
        self._replicas = replicas
        self._wait: bytes = hiredis.pack_command(("WAIT", replicas, PATIENCE_MS))  # type: ignore[arg-type]
        self._answers: list[Any] = []

    def _complete(self, packed: list[bytes]) -> list[bytes]:
        self._answers = []
        return [*packed, self._wait]

    def take(self, answer: Any) -> None:
        """See `Pipe.take`; all answers are handed out when it is known how many replicas have confirmed them."""
        if len(self._answers) < len(self._under_way):
            self._answers.append(answer)
            return
        # A server that became a replica meanwhile answers with an error.
        count = answer if isinstance(answer, int) else 0
        for held in self._answers:
            is_sure = count >= self._replicas or isinstance(held, Exception)
            super().take(held if is_sure else UnconfirmedError(held, count, self._replicas))
