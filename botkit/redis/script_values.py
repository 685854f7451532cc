"""What the scripts take and answer, as values."""

import zlib
from collections.abc import Sequence
from typing import Any, TypeVar

from botkit.exceptions import StoreUnavailableError
from botkit.store import Accepted, Ahead, Commit, Committed, Duplicate, Full, Ingested, Mine, Verdict
from botkit.tracing import unstamped
from botkit.turn import Counts, Queue, Record, Turn

T = TypeVar("T")

_NOTHING = Counts()

# How long the ids are that stand before an event, and before a message.
_EVENT_ID = 22
_MESSAGE_KEY = 24
#: What is read of a conversation's record, in the order of head.lua.
RECORD = ("s", "v", "ss", "sn", "sr", "se", "hh", "hn")
#: The words of the scripts.
VERDICTS = {
    b"GO": Verdict.DONE,
    b"HOLD": Verdict.HELD,
    b"LIMIT": Verdict.LIMIT,
    b"OUT": Verdict.OUTSIDE,
    b"WAIT": Verdict.WAITING,
    b"DEAD": Verdict.DEAD,
    b"SPENT": Verdict.SPENT,
    b"FENCED": Verdict.FENCED,
}


def answered(results: Sequence[T | BaseException]) -> list[T]:
    """Returns what there is of the answers of several partitions, which may lie on several servers.

    Raises the first error if it is another one than that Redis did not answer, or if there is nothing else: while one
    server of a cluster is away, the work of the others goes on.
    """
    errors = [result for result in results if isinstance(result, BaseException)]
    found = [result for result in results if not isinstance(result, BaseException)]
    for error in errors:
        if not found or not isinstance(error, StoreUnavailableError):
            raise error
    return found


def cut(error: str, size: int) -> bytes:
    """Returns the text of an error as it is stored, cut to so many characters."""
    # The text of an exception may hold halves of UTF-16 pairs, which have no UTF-8.
    return error[:size].encode(errors="replace")


def attempt_of(turn: Turn) -> str:
    """Returns the name of an attempt to send: by it an attempt is counted once, and taken back once."""
    return f"{turn.token}/{turn.id}/{turn.attempts}"


def read_turn(queue: Queue, cid: str, token: str, entry: bytes, attempts: int, record: Record, lag: float = 0) -> Turn:
    """Returns the turn at the head of a queue; `entry` is the head's id and its payload."""
    size = _EVENT_ID if queue is Queue.MAILBOX else _MESSAGE_KEY
    return Turn(cid, token, entry[:size].decode(), entry[size:], attempts, record, lag)


def read_record(fields: Sequence[Any]) -> Record:
    """Returns the record of the fields that `RECORD` names, and the number of messages in the outbox."""
    state, version, *counts, queued = fields
    # Most conversations have no session: nothing is counted.
    counted = Counts(*[int(number or 0) for number in counts]) if any(counts) else _NOTHING
    return Record(state or b"", int(version or 0), counted, int(queued))


def read_terms(fields: Sequence[Any]) -> Record:
    """Returns the record of a turn at an outbox."""
    paced_ms, gone = fields
    return Record(paced_ms=int(paced_ms or 0), gone=(gone or b"").decode(errors="replace"))


def mark_of(payload: bytes) -> int:
    """Returns a number from 1 to 1023 that stands for what an event says, whenever it came and whoever traces it."""
    said = unstamped(payload)
    begin = said.find(b',"conversation"')
    return zlib.crc32(said[begin:] if begin > 0 else said) % 1023 + 1


def read_ingested(answer: Sequence[Any], cid: str, token: str, event_id: str, payload: bytes) -> Ingested:
    """Returns what became of an event."""
    if answer[0] == b"MINE":
        return Mine(Turn(cid, token, event_id, payload, answer[2], read_record(answer[1])))
    if answer[0] == b"OK":
        return Accepted(answer[1])
    return Full() if answer[0] == b"FULL" else Duplicate(answer[1], differs=bool(answer[2]))


def read_committed(answer: Sequence[Any], turn: Turn, commit: Commit, send_token: str) -> Committed:
    """Returns what a commit that was written leaves to do; its first message is sent with `send_token`."""
    _, may_send, terms, *more = answer
    first = following = None
    if may_send:
        first = read_turn(Queue.OUTBOX, turn.cid, send_token, commit.outgoing[0], 1, read_terms(terms))
    if more:
        following = read_turn(Queue.MAILBOX, turn.cid, turn.token, more[0], 1, read_record(more[1]))
    return Committed(first, following, is_queued=bool(commit.outgoing) and first is None)


def read_next(answer: Sequence[Any], turn: Turn) -> Turn | None:
    """Returns the turn at the message behind one that left the outbox, if it is the caller's."""
    return read_turn(Queue.OUTBOX, turn.cid, turn.token, answer[1], 1, read_terms(answer[2])) if answer[1] else None


def read_ahead(answer: Sequence[Any]) -> Ahead:
    """Returns what a look ahead finds."""
    age_ms, entries = answer
    return Ahead(age_ms / 1000, [(entry[:_EVENT_ID].decode(), entry[_EVENT_ID:]) for entry in entries])
