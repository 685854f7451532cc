"""What other programs asked to be sent, on Redis."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from msgspec.structs import replace

from botkit.redis.keys import Keys
from botkit.submission import Submission

_LIFE_MS = 30 * 86_400_000

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Submission).decode


class RedisSubmissions:
    """Implements `botkit.submission.Submissions`; each lies in a slot of its own."""

    def __init__(self, call: Callable[..., Awaitable[Any]], keys: Keys) -> None:
        self._call = call
        self._keys = keys

    async def keep(self, submission: Submission) -> Submission:
        """See `Submissions.keep`. One trip, two if it is known."""
        key, entry = self._keys.submission(submission.id), _encode(submission)
        while not await self._call("SET", key, entry, "PX", _LIFE_MS, "NX"):
            # It may have ended between the two.
            if known := await self.load(submission.id):
                return known
        return submission

    async def settle(self, submission: Submission) -> None:
        """See `Submissions.settle`. One trip."""
        settled = _encode(replace(submission, parts=(), values={}))
        await self._call("SET", self._keys.submission(submission.id), settled, "XX", "KEEPTTL")

    async def load(self, submission_id: str) -> Submission | None:
        """See `Submissions.load`. One trip."""
        found = await self._call("GET", self._keys.submission(submission_id))
        return _decode(found) if found else None
