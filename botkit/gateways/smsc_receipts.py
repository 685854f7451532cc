"""What SMSC's answers mean for a message of ours."""

import re
from collections.abc import Sequence

from botkit.adapter import Outcome, Receipt
from botkit.addresses import digits_of
from botkit.exceptions import PayloadError
from botkit.gateways.smsc_answers import MessageState, Sent, SentTo, read_sent
from botkit.gateways.smsc_errors import Endpoint, Meaning, Verdict, meaning_of
from botkit.gateways.smsc_formats import Refusal
from botkit.gateways.smsc_status import FAILED, NOT_FOUND
from botkit.http_client import HttpAnswer

# How far the service's clock may be from ours, in seconds.
_SKEW = 300
_DIGITS = re.compile(r"[0-9]{1,9}")


def read_answer(answer: HttpAnswer) -> Sent | Receipt | Refusal:
    """Returns what was taken or the error in the answer; a receipt where it is no answer to a send at all."""
    reason = f"HTTP {answer.status}"
    if answer.status == 429:
        return Receipt(Outcome.THROTTLED, reason=reason, retry_after=answer.retry_after or 1)
    if 400 <= answer.status < 500:
        return Receipt(Outcome.REFUSED, reason=reason)
    if answer.status != 200:
        return Receipt(Outcome.UNKNOWN, reason=reason)
    try:
        return read_sent(answer.body)
    except PayloadError as error:
        return Receipt(Outcome.UNKNOWN, reason=error.what)


def receipt_of(result: Sent | Receipt | Refusal) -> Receipt:
    """Returns what became of a message to one number."""
    if isinstance(result, Refusal):
        return refused(meaning_of(Endpoint.SEND, result))
    if isinstance(result, Receipt):
        return result
    if any(entry.is_refused for entry in result.phones):
        return _not_taken(result.phones[0])
    return Receipt(Outcome.SENT, id=result.id)


def receipts_of(result: Sent | Receipt | Refusal, phones: Sequence[str]) -> Sequence[Receipt]:
    """Returns what became of each number of a send, in order; one that is not in its list went with the others."""
    if not isinstance(result, Sent):
        return [receipt_of(result)] * len(phones)
    listed = {digits_of(entry.phone): entry for entry in result.phones if entry.is_refused}
    taken = Receipt(Outcome.SENT, id=result.id)
    return [_not_taken(listed[digits_of(phone)]) if digits_of(phone) in listed else taken for phone in phones]


def refused(meaning: Meaning) -> Receipt:
    """Returns the receipt of an error: what may be taken later rests the whole account."""
    if meaning.verdict is Verdict.RETRY:
        return Receipt(Outcome.THROTTLED, reason=meaning.words, retry_after=meaning.seconds)
    return Receipt(Outcome.REFUSED, reason=meaning.words)


def found(state: MessageState, identity: str, *, since: float) -> Receipt:
    """Returns what a status says of an attempt whose outcome was not known, at a message that was decided on `since`.

    What has not changed since then is the status of an earlier message with the same id.
    """
    is_earlier = state.changed_at is not None and state.changed_at.timestamp() < since - _SKEW
    if state.status == NOT_FOUND or is_earlier:
        return Receipt(Outcome.NOT_SENT, reason="SMSC does not have it")
    return Receipt(Outcome.SENT, id=identity)


def _not_taken(entry: SentTo) -> Receipt:
    number = int(entry.status) if re.fullmatch(r"[0-9]{1,4}", entry.status) else 0
    words = FAILED.get(number, "not taken")
    error = entry.error if _DIGITS.fullmatch(entry.error) else ""
    return Receipt(Outcome.REFUSED, reason=f"{number} {words}" + (f" (error {error})" if error else ""))
