"""What other programs asked to be sent, on Redis."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from msgspec.structs import replace

from botkit.redis.keys import Keys
from botkit.submission import Stage, Submission
from botkit.timer import LATER

#: How many may wait for their time in one conversation.
MAX_WAITING = 500

_LIFE_MS = 30 * 86_400_000

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Submission).decode


class RedisSubmissions:
    """Implements `botkit.submission.Submissions`; each lies in a slot of its own."""

    def __init__(
        self,
        run: Callable[..., Awaitable[Any]],
        call: Callable[..., Awaitable[Any]],
        confirm: Callable[..., Awaitable[Any]],
        keys: Keys,
    ) -> None:
        self._run = run
        self._call = call
        self._confirm = confirm
        self._keys = keys

    async def keep(self, submission: Submission) -> Submission:
        """See `Submissions.keep`. One trip, two if it is known."""
        key, entry = self._keys.submission(submission.id), _encode(submission)
        while not await self._confirm("SET", key, entry, "PX", _LIFE_MS, "NX"):
            # It may have ended between the two.
            if known := await self.load(submission.id):
                return known
        return submission

    async def settle(self, submission: Submission) -> None:
        """See `Submissions.settle`. One trip."""
        settled = _encode(_emptied(submission))
        await self._call("SET", self._keys.submission(submission.id), settled, "XX", "KEEPTTL")

    async def load(self, submission_id: str) -> Submission | None:
        """See `Submissions.load`. One trip."""
        found = await self._call("GET", self._keys.submission(submission_id))
        return _decode(found) if found else None

    async def arm(self, submission: Submission, name: str, due_ms: int, event: bytes) -> bool:
        """See `Submissions.arm`. One trip."""
        cid = submission.conversation.key
        keys = self._keys.of(cid, "x tmr e")
        answer: bytes = await self._run("arm", keys, cid, name.removeprefix(LATER), name, due_ms, event, MAX_WAITING)
        return answer != b"FULL"

    async def decide(self, submission_id: str, stage: Stage, *, at_ms: int) -> Submission | None:
        """See `Submissions.decide`. Two trips, more only if it changes in between."""
        key = self._keys.submission(submission_id)
        while found := await self._call("GET", key):
            known = _decode(found)
            if known.stage is not Stage.SCHEDULED:
                return known
            decided = replace(known, stage=stage, decided_ms=at_ms)
            decided = _emptied(decided) if stage is Stage.CANCELLED else decided
            # The very bytes that were read: another version may write them otherwise.
            if await self._run("swap", [key], found, _encode(decided)):
                return decided
        return None


def _emptied(submission: Submission) -> Submission:
    return replace(submission, parts=(), values={})
