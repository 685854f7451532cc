"""Mitto's answers: four shapes of success, told apart by their structure, and errors whose form nobody promises.

https://docs.mitto.ch/chat-apps/
"""

import re
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct

from botkit.adapter import Outcome, Receipt
from botkit.addresses import digits_of
from botkit.http_client import HttpAnswer
from botkit.payload import read_lenient

#: What the SMS API's numbers mean; 0 is success. https://docs.mitto.ch/sms-api/
RESPONSE_CODES: Mapping[int, str] = {
    1: "internal error",
    2: "invalid type",
    3: "empty text",
    4: "text not encodable",
    5: "empty sender",
    6: "invalid sender",
    7: "empty receiver",
    8: "invalid receiver",
}

#: The request timed out on its way in, or the gateway could not do what it was asked for.
_TROUBLE = (408, 500, 503)

_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_.\[\]]{0,39}")
_CODE = re.compile(r"-?[0-9]{1,9}")


class Accepted(Struct, frozen=True, rename="camel"):
    """One message that the gateway took; `destination` only in the answer to a bulk. Without an id it did not."""

    message_id: str | None = None
    destination: str | None = None


class _Answer(Struct, frozen=True, rename="camel"):
    message_id: str | None = None
    messages: list[Accepted] | None = None


def read_accepted(body: bytes) -> Sequence[Accepted]:
    """Returns the messages that an answer says were taken, whichever of its shapes it has; none for any other body.

    Those are an object with `messageId`, one with `messages` (and `bulkId`), and a list of ids.
    """
    try:
        answer = msgspec.json.decode(body, type=_Answer | list[str])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ()
    if isinstance(answer, list):
        return [Accepted(each) for each in answer]
    return [Accepted(answer.message_id)] if answer.message_id else answer.messages or ()


def read_receipt(answer: HttpAnswer) -> Receipt:
    """Classes the answer to one send; after a request with failover, `others` are the ids of the later steps."""
    if not 200 <= answer.status < 300:
        return read_failure(answer)
    ids = [each.message_id or "" for each in read_accepted(answer.body)]
    if not ids or not all(ids):
        return Receipt(Outcome.UNKNOWN, reason=f"HTTP {answer.status} without the id of a message")
    return Receipt(Outcome.SENT, id=ids[0], others=tuple(ids[1:]))


def read_receipts(answer: HttpAnswer, destinations: Sequence[str]) -> Sequence[Receipt]:
    """Classes the answer to a bulk for each destination, in order, by its number and not by its place.

    A number that stands twice gets its ids one after the other. Who is missing got nothing, unless there are ids of
    which nobody can tell whose they are.
    """
    if not 200 <= answer.status < 300:
        return [read_failure(answer)] * len(destinations)
    accepted = read_accepted(answer.body)
    if not any(each.message_id for each in accepted):
        reason = f"HTTP {answer.status} without the ids of messages"
        return [Receipt(Outcome.UNKNOWN, reason=reason)] * len(destinations)
    if not any(each.destination for each in accepted):
        return _in_order(accepted, len(destinations))
    ids: defaultdict[str, deque[str]] = defaultdict(deque)
    for each in accepted:
        if each.message_id:
            ids[digits_of(each.destination or "")].append(each.message_id)
    known = {digits_of(destination) for destination in destinations}
    if ids.keys() <= known:
        missing = Receipt(Outcome.REFUSED, reason="not among the messages that were taken")
    else:
        missing = Receipt(Outcome.UNKNOWN, reason="not among the messages that were taken, of which some are nobody's")
    found = (ids[digits_of(destination)] for destination in destinations)
    return [Receipt(Outcome.SENT, id=queue.popleft()) if queue else missing for queue in found]


def _in_order(accepted: Sequence[Accepted], count: int) -> Sequence[Receipt]:
    # Nothing else tells whose they are; where some are missing, nothing does.
    ids = [each.message_id for each in accepted if each.message_id]
    if len(ids) != count:
        reason = f"{len(ids)} ids for {count} destinations, and none of them says whose"
        return [Receipt(Outcome.UNKNOWN, reason=reason)] * count
    return [Receipt(Outcome.SENT, id=each) for each in ids]


def read_sms_receipt(answer: HttpAnswer) -> Receipt:
    """Classes the answer of the SMS API: where HTTP has no objection, its `responseCode` has the last word."""
    body = read_lenient(answer.body)
    code = str(body.get("responseCode", ""))
    is_fine, is_told = 200 <= answer.status < 300, bool(_CODE.fullmatch(code))
    if not is_fine and (not is_told or int(code) == 0 or answer.status == 429):
        return read_failure(answer)
    if not is_told:
        return Receipt(Outcome.UNKNOWN, reason=f"HTTP {answer.status} without a responseCode")
    if int(code) == 0:
        found = body.get("id")
        return Receipt(Outcome.SENT, id=found if isinstance(found, str) else "")
    reason = f"responseCode {int(code)} {RESPONSE_CODES.get(int(code), '')}".rstrip()
    # It says itself that it did not send, and that it is not the message's fault.
    return Receipt(Outcome.NOT_SENT if int(code) == 1 else Outcome.REFUSED, reason=reason)


def read_failure(answer: HttpAnswer) -> Receipt:
    """Classes an answer that is no success; its reason has the status and names of fields, never the answer's words.

    Mitto's own trouble, 500 and 503, is an answer: nothing was done, and it is tried again. Any other 5xx is that of
    somebody in between, who may have lost the gateway's answer; there is no key by which it would know a repeat.
    """
    reason = f"HTTP {answer.status}{_fields(answer)}"
    if answer.status == 429:
        return Receipt(Outcome.THROTTLED, reason=reason, retry_after=answer.retry_after or 1)
    if answer.status in _TROUBLE:
        return Receipt(Outcome.NOT_SENT, reason=reason, retry_after=answer.retry_after)
    return Receipt(Outcome.UNKNOWN if answer.status >= 500 else Outcome.REFUSED, reason=reason)


def read_words(answer: HttpAnswer) -> str:
    """Returns what an error says for itself, in any of the forms in use: a line that only the operator may see."""
    body = read_lenient(answer.body)
    said = next((body[name] for name in ("message", "error", "title") if isinstance(body.get(name), str)), "")
    text = said or ("" if body else answer.body[:400].decode("utf-8", "replace"))
    return text.strip().partition("\n")[0][:200]


def _fields(answer: HttpAnswer) -> str:
    # Problem details (RFC 9457) as .NET writes them: the names of what is wrong, each with sentences.
    errors = read_lenient(answer.body).get("errors")
    names = [name for name in errors if _FIELD.fullmatch(name)] if isinstance(errors, dict) else []
    return f" ({', '.join(names[:3])})" if names else ""
