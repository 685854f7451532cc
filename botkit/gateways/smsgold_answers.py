"""What SMSGold's answers mean. They are not documented: each is read in the order that is written here.

https://smsgold.ru/developers/razrabotchikam/telegram/
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from botkit.adapter import Outcome, Receipt
from botkit.exceptions import PayloadError, ServiceError
from botkit.http_client import HttpAnswer

#: Members that tell of a failure where they say anything, where they are false, or with this word in them.
_ERRORS = ("error", "errors", "error_code", "errorCode")
_VERDICTS = ("success", "ok", "result")
#: Where an id stands, and under which names a list may.
_IDS = ("id", "messageId", "message_id")
_WRAPPERS = ("items", "data", "result")
#: Members of a list that goes on elsewhere, and of one that tells its length.
_NEXT = ("next", "nextPage", "next_page", "hasMore", "has_more", "cursor")
_TOTAL = ("total", "totalCount", "total_count", "count")

_NOTHING: tuple[object, ...] = (None, False, 0, "", "0", "false", [], {})
_CODE = re.compile(r"-?[0-9]{1,9}")
_MAX_ID = 200


class Answer(Struct, frozen=True):
    """What became of a message; `is_read` tells that the answer was JSON."""

    receipt: Receipt
    is_read: bool = True


class Listing(Struct, frozen=True):
    """The entries of a list, each with its id; `is_whole` is false where some may be missing."""

    entries: Mapping[str, Mapping[str, Any]]
    is_whole: bool = True


class SmsGoldBot(Struct, frozen=True):
    """A Telegram bot that is connected to the account, as far as SMSGold tells."""

    id: str
    name: str = ""
    username: str = ""


def read_answer(answer: HttpAnswer, *, is_strict: bool = False) -> Answer:
    """Returns what became of a message; an answer that cannot be read means accepted, unless `is_strict`."""
    if not 200 <= answer.status < 300:
        return Answer(_refused(answer))
    try:
        data = _decode(answer.body)
    except PayloadError:
        unread = Receipt(Outcome.UNKNOWN, reason="the answer is not JSON") if is_strict else Receipt(Outcome.SENT)
        return Answer(unread, is_read=False)
    if failure := _failure(data):
        return Answer(Receipt(Outcome.REFUSED, reason=failure))
    return Answer(Receipt(Outcome.SENT, id=_id_of_message(data)))


def _refused(answer: HttpAnswer) -> Receipt:
    reason = f"HTTP {answer.status}"
    if answer.status == 429:
        return Receipt(Outcome.THROTTLED, reason=reason, retry_after=answer.retry_after or 1)
    if answer.status == 503:
        return Receipt(Outcome.NOT_SENT, reason=reason, retry_after=answer.retry_after)
    # Whatever is behind another one, the message may have gone out before.
    return Receipt(Outcome.UNKNOWN if answer.status >= 500 else Outcome.REFUSED, reason=reason)


def _failure(data: Any) -> str:
    """Returns why an answer means no, in words of ours; nothing for one that does not."""
    if data is False:
        return "SMSGold answered no"
    if not isinstance(data, dict):
        return ""
    named = [name for name in _ERRORS if data.get(name) not in _NOTHING]
    said_no = any(data.get(name) is False or data.get(name) == "false" for name in _VERDICTS)
    if not named and not said_no and data.get("status") != "error":
        return ""
    codes = (str(data.get(name)) for name in ("error_code", "errorCode", "code"))
    code = next(filter(_CODE.fullmatch, codes), "")
    return f"SMSGold reported error {code}" if code else "SMSGold reported an error"


def _id_of_message(data: Any) -> str:
    if not isinstance(data, dict):
        return ""
    places = [*((data, name) for name in _IDS), *((data.get(name), "id") for name in ("data", "result"))]
    ids = (id_of(place.get(name)) for place, name in places if isinstance(place, dict))
    return next(filter(None, ids), "")


def id_of(value: object) -> str:
    """Returns an id as a text, whether it came as one or as a whole number; empty for anything else."""
    is_id = isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool))
    text = str(value).strip() if is_id else ""
    return text if len(text) <= _MAX_ID else ""


def read_list(body: bytes, name: str) -> Listing:
    """Returns the entries of a list, bare or wrapped in an object; `name` is where it is looked for first.

    Raises ServiceError for an error in place of a list, PayloadError for what is no list.
    """
    data = _decode(body)
    if failure := _failure(data):
        raise ServiceError(f"{failure} in place of the {name}", fix="check the user, the password and the bot's id")
    found = _list_in(data, name)
    entries = {id_of(each.get("id")): each for each in found if isinstance(each, dict)}
    entries.pop("", None)
    return Listing(entries, is_whole=len(entries) == len(found) and not _goes_on(data, len(found)))


def _list_in(data: Any, name: str) -> Sequence[Any]:
    if isinstance(data, list):
        return data
    members = data if isinstance(data, dict) else {}
    places = [*(members.get(each) for each in (name, *_WRAPPERS)), *members.values()]
    found: Sequence[Any] | None = next((place for place in places if isinstance(place, list)), None)
    if found is None:
        raise PayloadError(f"SMSGold's answer holds no list of {name}")
    return found


def _goes_on(data: Any, length: int) -> bool:
    if not isinstance(data, dict):
        return False
    totals = [data[name] for name in _TOTAL if isinstance(data.get(name), int)]
    return any(data.get(name) not in _NOTHING for name in _NEXT) or any(total > length for total in totals)


def read_bot(identity: str, entry: Mapping[str, Any]) -> SmsGoldBot:
    """Returns a bot of the list."""
    return SmsGoldBot(identity, word_of(entry, "name", "title"), word_of(entry, "username"))


def word_of(entry: Mapping[str, Any], *names: str) -> str:
    """Returns the first member of these names that is a text with something in it."""
    words = (value.strip() for value in map(entry.get, names) if isinstance(value, str))
    return next(filter(None, words), "")


def _decode(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise PayloadError("SMSGold's answer is not JSON") from None
