"""A pipe whose answers count only when replicas have them as well."""

from collections.abc import Sequence
from typing import Any

from redis.asyncio.connection import AbstractConnection

from botkit.redis.pipe import Command, OnConnect, Pipe
from botkit.redis.refusals import UnconfirmedError

#: How long replicas have to confirm, in milliseconds.
PATIENCE_MS = 500


class GatedPipe(Pipe):
    """Answers when as many replicas as `replicas` have confirmed all that was written up to then.

    One WAIT follows each batch: it covers every earlier write of its connection. What is not confirmed within
    `PATIENCE_MS` raises UnconfirmedError, an error stays as it is.
    """

    def __init__(self, url: str, *, replicas: int, on_connect: OnConnect | None = None) -> None:
        super().__init__(url, on_connect=on_connect)
        self._replicas = replicas

    async def _exchange(self, connection: AbstractConnection, commands: Sequence[Command]) -> list[Any]:
        wait = ("WAIT", self._replicas, PATIENCE_MS)
        *answers, confirmed = await super()._exchange(connection, [*commands, wait])
        # A server that became a replica meanwhile answers with an error.
        count = confirmed if isinstance(confirmed, int) else 0
        if count >= self._replicas:
            return answers
        return [a if isinstance(a, Exception) else UnconfirmedError(a, count, self._replicas) for a in answers]
