"""What Business Messages tells, as events."""

import re
from base64 import b64decode
from datetime import UTC, datetime, timedelta
from typing import TypedDict
from urllib.parse import parse_qsl, urlsplit

import msgspec
from msgspec import Raw

from botkit.channels import gbm_types as wire
from botkit.channels.gbm_own_events import FeedbackGiven, SignedIn, SignInFailed, SurveyAnswered
from botkit.conversation import Account, Conversation, User, digest
from botkit.events import (
    AgentRequested,
    ButtonPressed,
    Event,
    Media,
    MessageDelivered,
    MessageReceived,
    MessageSeen,
    TypingStarted,
    TypingStopped,
    UnknownEvent,
    event_id,
)
from botkit.exceptions import PayloadError
from botkit.payload import read_object

#: A picture's address works this long.
IMAGE_LIFE = timedelta(days=7)

_COUNT = re.compile(r"[0-9]{1,9}")

_decode_update = msgspec.json.Decoder(wire.UserMessage).decode
_decode_receipt = msgspec.json.Decoder(wire.Receipt).decode


class _Facts(TypedDict):
    """What all events of a payload have in common."""

    id: str
    at: datetime
    conversation: Conversation
    user: User | None
    raw_json: Raw


def read_events(body: bytes, account: Account, agent: str, setting: str) -> list[Event]:
    """Returns the events of a body: one, or one for each receipt.

    With an `agent`, a body for another is refused in the name of the setting. Raises PayloadError; no text of it holds
    content.
    """
    body, members = _unwrap(body, read_object(body))
    try:
        update = _decode_update(body)
    except msgspec.ValidationError as error:
        raise PayloadError(f"a Business Messages payload of an unknown form: {error}") from None
    if not update.conversation_id:
        raise PayloadError("a Business Messages payload without a conversationId")
    if agent and update.agent != agent:
        raise PayloadError(f"a Business Messages payload for another agent than {setting} names")
    if update.receipts:
        reports = [_receipt_event(update, update.receipts, entry, account) for entry in update.receipts.receipts]
        return list({report.id: report for report in reports}.values())
    facts: _Facts = {
        "id": event_id(account, _native_id(update, body)),
        "at": _instant(update.send_time or _created(update)),
        "conversation": Conversation(account, update.conversation_id),
        "user": _user(update),
        "raw_json": Raw(body),
    }
    return [_event(update, facts) or UnknownEvent(**facts, kind=_kind(members))]


def _unwrap(body: bytes, tree: dict[str, object]) -> tuple[bytes, dict[str, object]]:
    """Takes off the `data` wrapper that the reference describes and no sample has."""
    message = tree.get("message")
    data = message.get("data") if isinstance(message, dict) else tree.get("data")
    if "conversationId" in tree or not isinstance(data, str):
        return body, tree
    try:
        inner = b64decode(data, validate=True)
    except ValueError:
        raise PayloadError("a Business Messages payload whose data is not base64") from None
    return inner, read_object(inner)


def _kind(members: dict[str, object]) -> str:
    """Returns the service's word for what an envelope holds."""
    given = [name for name, value in members.items() if value is not None and name not in wire.ENVELOPE]
    # Google's automatic answers stand beside a text; alone they are the only word there is.
    return next((name for name in given if name != wire.AUTO_REPLY), given[0] if given else "")


def _native_id(update: wire.UserMessage, body: bytes) -> str:
    if update.request_id:
        return f"request|{update.request_id}"
    if update.message and update.message.message_id:
        return f"message|{update.conversation_id}|{update.message.message_id}"
    if update.survey_response and update.survey_response.survey:
        return f"survey|{update.survey_response.survey}|{update.survey_response.survey_question_id}"
    return f"body|{digest(body.decode())}"


def _created(update: wire.UserMessage) -> str | None:
    members = (
        *(update.message, update.suggestion_response, update.user_status, update.survey_response),
        *(update.authentication_response, update.feedback_response, update.feedback),
    )
    return next((member.create_time for member in members if member), None)


def _instant(text: str | None) -> datetime:
    """Reads an RFC 3339 time; of up to nine digits of a second six are kept."""
    if not text:
        raise PayloadError("a Business Messages payload without a time")
    try:
        at = datetime.fromisoformat(text)
        # Far from the ends of the calendar, so that a day more or a zone less is still a time.
        if not 2000 <= at.year < 3000 or at.tzinfo is None:
            raise ValueError(at.year)
    except ValueError:
        raise PayloadError("a Business Messages payload whose time cannot be read") from None
    return at.astimezone(UTC)


def _user(update: wire.UserMessage) -> User:
    context = update.context or wire.UserContext()
    info = context.user_info or wire.UserInfo()
    locale = context.resolved_locale or info.user_device_locale or ""
    return User(id=update.conversation_id, name=info.display_name or "", locale=locale)


def _event(update: wire.UserMessage, facts: _Facts) -> Event | None:
    if update.message and update.message.text:
        return _message(update.message, update.message.text, facts)
    if update.suggestion_response:
        return _tap(update.suggestion_response, facts)
    if update.user_status:
        return _status(update.user_status, facts)
    if update.survey_response:
        return _survey(update.survey_response, facts)
    if update.authentication_response:
        return _sign_in(update.authentication_response, facts)
    feedback = update.feedback_response or update.feedback
    if feedback:
        return FeedbackGiven(**facts, message_id=_last_part(feedback.message or ""), rating=feedback.rating or "")
    return None


def _message(message: wire.UserText, text: str, facts: _Facts) -> Event:
    message_id = message.message_id or ""
    if not _is_picture(text):
        return MessageReceived(**facts, message_id=message_id, text=text)
    expires_at = _instant(message.create_time or facts["at"].isoformat()) + IMAGE_LIFE
    return MessageReceived(**facts, message_id=message_id, media=Media("image", url=text, expires_at=expires_at))


def _is_picture(text: str) -> bool:
    """Whether the text is one of the signed addresses that Google sends in place of a picture."""
    if not text.startswith("https://storage.googleapis.com/") or any(char.isspace() for char in text):
        return False
    return any(name.lower() == "x-goog-signature" for name, _ in parse_qsl(urlsplit(text).query))


def _tap(tap: wire.SuggestionResponse, facts: _Facts) -> Event:
    return ButtonPressed(
        **facts,
        value=tap.postback_data or "",
        label=tap.text or "",
        message_id=_last_part(tap.message or ""),
        kind="action" if (tap.suggestion_type or tap.type) == "ACTION" else "reply",
    )


def _status(status: wire.UserStatus, facts: _Facts) -> Event | None:
    if wire.is_true(status.requested_live_agent):
        return AgentRequested(**facts)
    if status.is_typing is None:
        return None
    return TypingStarted(**facts) if wire.is_true(status.is_typing) else TypingStopped(**facts)


def _survey(answer: wire.SurveyResponse, facts: _Facts) -> Event:
    return SurveyAnswered(
        **facts,
        survey_id=_last_part(answer.survey or ""),
        question_id=answer.survey_question_id or "",
        rating=answer.rating or "",
        text=answer.question_response_text or "",
        postback=answer.question_response_postback_data or "",
        question_type=answer.question_type or "",
        index=_count(answer.question_index),
        total=_count(answer.total_question_count),
        source=answer.survey_trigger_source or "",
        feedback=answer.feedback or "",
    )


def _count(number: int | str | None) -> int | None:
    """Reads a small whole number, be it a number or the text of one; None for anything else."""
    text = str(number)
    return int(text) if _COUNT.fullmatch(text) else None


def _sign_in(result: wire.AuthenticationResponse, facts: _Facts) -> Event | None:
    redirect_uri = result.redirect_uri or result.oauth_redirect_uri or ""
    if details := result.error_details:
        description = details.error_description or details.oauth_description or ""
        return SignInFailed(**facts, error=details.error or "", description=description, redirect_uri=redirect_uri)
    return SignedIn(**facts, code=result.code, redirect_uri=redirect_uri) if result.code else None


def _receipt_event(update: wire.UserMessage, batch: wire.Receipts, entry: Raw, account: Account) -> Event:
    try:
        receipt = _decode_receipt(entry)
    except msgspec.ValidationError as error:
        raise PayloadError(f"a Business Messages receipt of an unknown form: {error}") from None
    facts: _Facts = {
        "id": event_id(account, f"receipt|{receipt.message}|{receipt.receipt_type}"),
        "at": _instant(update.send_time or batch.create_time),
        "conversation": Conversation(account, update.conversation_id),
        "user": None,
        "raw_json": entry.copy(),
    }
    receipt_id = _last_part(receipt.message)
    if receipt.receipt_type == "DELIVERED":
        return MessageDelivered(**facts, receipt_id=receipt_id)
    if receipt.receipt_type == "READ":
        return MessageSeen(**facts, receipt_id=receipt_id)
    return UnknownEvent(**facts, kind="receipts")


def _last_part(resource_name: str) -> str:
    return resource_name.rpartition("/")[2]
