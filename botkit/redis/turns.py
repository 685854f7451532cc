"""The turns at the two queues: taken, prolonged, and given back."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog

from botkit.redis.keys import Keys
from botkit.redis.refusals import ResponseError
from botkit.redis.script_values import RECORD, VERDICTS, answered, attempt_of, cut, read_record, read_terms, read_turn
from botkit.store import Claim, Verdict
from botkit.turn import Queue, Turn

log = structlog.get_logger("botkit.redis")

# No score is ever set further ahead; what is, comes from a clock that was set back.
_FAR_MS = 600_000


class RedisTurns:
    """Takes turns for `lease` seconds, prolongs them, and gives them back; `named` names conversations in logs."""

    def __init__(
        self,
        run: Callable[..., Awaitable[Any]],
        call: Callable[..., Awaitable[Any]],
        keys: Keys,
        *,
        lease: float,
        named: Callable[[str], str],
    ) -> None:
        self._run = run
        self._call = call
        self._keys = keys
        self._lease_ms = round(1000 * lease)
        self._named = named

    async def claim(self, queue: Queue, limit: int, token: str) -> Claim:
        """Takes turns, all with this token. Two trips for all partitions together, one when nothing is due."""
        names = ("rdy", "lse", "own", "try") if queue is Queue.MAILBOX else ("ordy", "olse", "oown", "otry", "ohld")
        share = max(1, -(-limit // len(self._keys.partitions)))
        answers = await asyncio.gather(
            *(
                self._run("claim", [shared[n] for n in names], token, self._lease_ms, share, _FAR_MS)
                for shared in self._keys.partitions
            ),
            return_exceptions=True,
        )
        told = answered(answers)
        waits = [wait for wait, _ in told if wait >= 0]
        taken = [each for _, found in told for each in zip(found[::3], found[1::3], found[2::3], strict=True)]
        loads = (self._load_turn(queue, cid.decode(), token, n, lag) for cid, n, lag in taken)
        turns = answered(await asyncio.gather(*loads, return_exceptions=True))
        return Claim([turn for turn in turns if turn], min(waits) / 1000 if waits else None)

    async def _load_turn(self, queue: Queue, cid: str, token: str, attempts: int, lag: int) -> Turn | None:
        mail = queue is Queue.MAILBOX
        keys = self._keys.of(cid, "m c o")
        calls = [self._call("LINDEX", keys[0] if mail else keys[2], 0)]
        if mail:
            calls.append(self._call("HMGET", keys[1], *RECORD))
            calls.append(self._call("LLEN", keys[2]))
        else:
            calls.append(self._call("HMGET", keys[1], "pt", "g"))
        try:
            answers = await asyncio.gather(*calls)
        except ResponseError as error:
            # It must not cost the conversations that were claimed with it their turns.
            log.error(
                "a conversation cannot be read", queue=queue.value, conversation=self._named(cid), reason=str(error)
            )
            return None
        if answers[0] is None:
            # The conversation was forgotten between the claim and the load.
            return None
        record = read_record([*answers[1], answers[2]]) if mail else read_terms(answers[1])
        return read_turn(queue, cid, token, answers[0], attempts, record, lag / 1000)

    async def renew(self, queue: Queue, held: Mapping[str, str]) -> set[str]:
        """See `Store.renew`. One trip for all partitions together."""
        names = ("lse", "own") if queue is Queue.MAILBOX else ("olse", "oown")
        by_partition: dict[int, list[str]] = {}
        for cid, token in held.items():
            by_partition.setdefault(self._keys.partition(cid), []).extend((cid, token))
        answers = await asyncio.gather(
            *(
                self._run("renew", [self._keys.partitions[p][n] for n in names], self._lease_ms, *pairs)
                for p, pairs in by_partition.items()
            ),
            return_exceptions=True,
        )
        return {cid.decode() for lost in answered(answers) for cid in lost}

    async def give_back(
        self, queue: Queue, turn: Turn, delay: float, error: str, limit: str, repeats: str, *, refund: bool
    ) -> Verdict:
        """Gives a turn back with these limits of `retry.lua`, each empty where there is none. One trip."""
        mail = queue is Queue.MAILBOX
        keys = self._keys.of(turn.cid, f"{'m rdy lse own try' if mail else 'o ordy olse oown otry'} dead c ses led")
        attempt = attempt_of(turn) if refund else ""
        # Longer waits are looked at again on the way: no score may lie further ahead.
        delay_ms = min(round(delay * 1000), _FAR_MS - 1000)
        answer = await self._run(
            "retry",
            keys,
            turn.cid,
            turn.token,
            turn.id,
            delay_ms,
            limit,
            cut(error, 4000),
            attempt,
            repeats,
            queue.value,
        )
        return VERDICTS[answer]
