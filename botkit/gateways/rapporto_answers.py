"""What Rapporto's answer to a request means for the message.

https://docs.rapporto.ru/ ("REST API", error codes)
"""

import re
from collections.abc import Sequence
from typing import Any

from botkit.adapter import Outcome, Receipt
from botkit.gateways.rapporto_reports import receipt_id
from botkit.gateways.rapporto_types import ERRORS
from botkit.http_client import HttpAnswer
from botkit.payload import read_lenient

#: How long to wait after "too many connections", which names no time, and after an error of theirs, in seconds.
CROWDED_SECONDS, BROKEN_SECONDS = 5.0, 60.0

_DIGITS = re.compile(r"[0-9]{1,9}")


def read_answer(answer: HttpAnswer, kinds: Sequence[str], prefix: str) -> Receipt:
    """Returns the receipt of a request that sent messages of these types, the first one and those of a cascade.

    A success without its number is an unknown outcome. A reason names the setting that is at fault.
    """
    told = read_lenient(answer.body)
    if 200 <= answer.status < 300:
        return _success(answer.status, told, kinds)
    code = _code(told)
    if code in ERRORS:
        return _refusal(code, answer, prefix)
    reason = f"HTTP {answer.status}" if code < 0 else f"HTTP {answer.status} with the unknown code {code}"
    if answer.status == 429:
        return Receipt(Outcome.THROTTLED, reason=reason, retry_after=answer.retry_after or CROWDED_SECONDS)
    return Receipt(Outcome.UNKNOWN if answer.status >= 500 else Outcome.REFUSED, reason=reason)


def _success(status: int, told: dict[str, Any], kinds: Sequence[str]) -> Receipt:
    number = told.get("mtNum")
    named = str(number) if isinstance(number, (str, int)) and not isinstance(number, bool) else ""
    if not named:
        return Receipt(Outcome.UNKNOWN, reason=f"HTTP {status} without mtNum: not Rapporto's protocol")
    ids = list(dict.fromkeys(receipt_id(named, kind) for kind in kinds))
    return Receipt(Outcome.SENT, id=ids[0], others=tuple(ids[1:]))


def _refusal(code: int, answer: HttpAnswer, prefix: str) -> Receipt:
    error = ERRORS[code]
    setting = f" (see {prefix}_{error.setting})" if error.setting and prefix else ""
    reason = f"{code} {error.words}{setting}"
    match code:
        # In their own words it was not taken, and is to be tried again: an answer of a proxy proves less.
        case 1:
            return Receipt(Outcome.NOT_SENT, reason=reason)
        case 100:
            return Receipt(Outcome.NOT_SENT, reason=reason, retry_after=BROKEN_SECONDS)
        case 3:
            return Receipt(Outcome.THROTTLED, reason=reason, retry_after=answer.retry_after or CROWDED_SECONDS)
    return Receipt(Outcome.REFUSED, reason=reason)


def _code(told: dict[str, Any]) -> int:
    error = told.get("error")
    code = error.get("code") if isinstance(error, dict) else None
    if isinstance(code, str) and _DIGITS.fullmatch(code):
        return int(code)
    return code if isinstance(code, int) and not isinstance(code, bool) and 0 <= code < 10**9 else -1
