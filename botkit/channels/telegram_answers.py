"""What Telegram answers to a call, classed by what became of the message.

https://core.telegram.org/bots/api#making-requests
"""

import re
from http.client import responses
from typing import Any

import msgspec
from msgspec import Struct

from botkit.adapter import Outcome, Receipt
from botkit.http_client import HttpAnswer

_ERROR_WORD = re.compile(r"[A-Za-z ]+: ([A-Z0-9]+(?:_[A-Z0-9]+)+)")

# How descriptions begin, as far as they hold nothing that was sent. These mean that a person is out of reach:
_GONE = (
    "bot was blocked by the user",
    "user is deactivated",
    "bot can't initiate conversation with a user",
    "bot was kicked from the",
    "bot is not a member of the",
    "the group chat was deleted",
    "chat not found",
    "private chat not found",
    "user not found",
    "PEER_ID_INVALID",
)

# These do not:
_OTHER = (
    "message is not modified",
    "group chat was upgraded to a supergroup chat",
    "invalid token specified",
    "method not found",
    "query is too old and response timeout expired or query ID is invalid",
    "invalid webhook URL specified",
    "bad webhook: An HTTPS URL must be provided for webhook",
    "bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443",
    "bad webhook: IP address",
    "bad webhook: IPv6-only addresses are not allowed",
    "bad webhook: Failed to resolve host",
    "bad webhook",
    "secret token is too long",
    "secret token contains unallowed characters",
    "chat_id is empty",
    "message text is empty",
    "text must be non-empty",
    "message is too long",
    "message caption is too long",
    "text is too long",
    "can't parse entities",
    "can't parse MessageEntity",
    "entities too long",
    "unsupported parse_mode",
    "message to edit not found",
    "message can't be edited",
    "there is no text in the message to edit",
    "message to delete not found",
    "message can't be deleted",
    "message identifier is not specified",
    "message to be replied not found",
    "message thread not found",
    "wrong HTTP URL specified",
    "failed to get HTTP URL content",
    "wrong type of the web page content",
    "wrong file identifier/HTTP URL specified",
    "can't upload file by URL",
    "wrong remote file identifier specified",
    "invalid file_id",
    "file_id not specified",
    "wrong file_id or the file is temporarily unavailable",
    "file is too big",
    "there is no photo in the request",
    "there is no document in the request",
    "wrong parameter action in request",
    "latitude is empty",
    "longitude is empty",
    "not enough rights",
    "have no write access to the chat",
    "need administrator rights in the channel chat",
    "group is deactivated",
    "bot can't send messages to bots",
    "the bot can't send messages to the bot",
    "inline keyboard button text must be non-empty",
    "inline keyboard button type must be non-empty",
    "inline keyboard button URL",
    "object expected as reply markup",
    "reply markup is too long",
    "business connection not found",
    "terminated by other setWebhook",
)

#: The reason of a receipt where a message to edit has a caption and no text.
NO_TEXT = "400 there is no text in the message to edit"

#: The reasons of receipts where a file's id means nothing to Telegram any more.
NO_FILE = frozenset(
    f"400 {text}"
    for text in (
        "wrong file identifier/HTTP URL specified",
        "wrong remote file identifier specified",
        "invalid file_id",
        "wrong file_id or the file is temporarily unavailable",
    )
)

# Python 3.13 calls 413 "Content Too Large"; Telegram's word is the older one.
_PHRASES = responses | {413: "Request Entity Too Large"}


class AnswerParameters(Struct, frozen=True):
    """What an error says beside its text."""

    retry_after: float = 0
    migrate_to_chat_id: int | None = None


class Answer(Struct, frozen=True):
    """What Telegram answers to every call; `result` depends on the method."""

    ok: bool
    result: Any = None
    error_code: int = 0
    description: str = ""
    parameters: AnswerParameters = AnswerParameters()


class _Sent(Struct, frozen=True):
    message_id: int


class _SentAnswer(Struct, frozen=True):
    ok: bool
    result: _Sent


_decode_sent = msgspec.json.Decoder(_SentAnswer).decode
_decode_answer = msgspec.json.Decoder(Answer).decode
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def read_answer(answer: HttpAnswer) -> Answer | None:
    """Returns what Telegram said, or None for anything else, such as the HTML page of a proxy."""
    try:
        return _decode_answer(answer.body)
    except _UNREADABLE:
        return None


def read_receipt(answer: HttpAnswer) -> Receipt:
    """Classes an answer; the reason is Telegram's code and its fixed words, without what it quotes of a message."""
    is_success = 200 <= answer.status < 300
    if is_success:
        try:
            # Nearly all tell of one message, and nothing but its id need be read.
            sent = _decode_sent(answer.body)
            if sent.ok:
                return Receipt(Outcome.SENT, id=str(sent.result.message_id))
        except _UNREADABLE:
            pass
    said = read_answer(answer)
    if said and said.ok and is_success:
        return Receipt(Outcome.SENT, id=_message_id(said.result))
    code = (answer.status < 500 and said and said.error_code) or answer.status
    word = _fixed_text(said.description if said else "", code)
    if word == "message is not modified":
        return Receipt(Outcome.SENT)
    if code == 429:
        return Receipt(Outcome.THROTTLED, reason=f"{code} {word}", retry_after=_retry_after(answer, said))
    if 400 <= code < 500 or (said and is_success and code < 500):
        migrated = said.parameters.migrate_to_chat_id if said else None
        reason = f"{code} {word}" + (f", now {migrated}" if migrated else "")
        moved_to = str(migrated) if migrated else ""
        return Receipt(Outcome.REFUSED, reason=reason, is_gone=word in _GONE, moved_to=moved_to)
    return Receipt(Outcome.UNKNOWN, reason=f"{code} {word}")


def _message_id(result: Any) -> str:
    result = result[-1] if isinstance(result, list) and result else result
    message_id = result.get("message_id") if isinstance(result, dict) else None
    return str(message_id) if type(message_id) is int else ""


def _fixed_text(description: str, code: int) -> str:
    # Some descriptions quote what was sent, so none is passed on as it is.
    _, _, said = description.partition(": ")
    for text in (*_GONE, *_OTHER):
        if said.startswith(text):
            return text
    if word := _ERROR_WORD.fullmatch(description):
        return word[1]
    return _PHRASES.get(code, "without a reason")


def _retry_after(answer: HttpAnswer, said: Answer | None) -> float:
    return max((said and said.parameters.retry_after) or answer.retry_after, 1.0)
