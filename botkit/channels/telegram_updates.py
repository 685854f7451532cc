"""What Telegram posts to the webhook, read into events.

https://core.telegram.org/bots/api#update
"""

import re
from typing import Any

import msgspec

from botkit.channels import telegram_types as wire
from botkit.channels.telegram_contents import content_of, read_content, replied_to
from botkit.channels.telegram_events import GamePressed, GuestMessage, InlineButtonPressed
from botkit.channels.telegram_kinds import READERS
from botkit.channels.telegram_origin import Origin, Source, business_place, chat_of, place_of
from botkit.conversation import Account
from botkit.events import ButtonPressed, ConversationStarted, Event, MessageReceived, UnknownEvent, event_id
from botkit.exceptions import PayloadError
from botkit.payload import read_object

_MESSAGES = (
    "message",
    "edited_message",
    "channel_post",
    "edited_channel_post",
    "business_message",
    "edited_business_message",
    "guest_message",
)

_EDITED = frozenset(kind for kind in _MESSAGES if kind.startswith("edited_"))

#: Every kind of update that has an event.
KINDS = (*_MESSAGES, "callback_query", *READERS)
_KINDS = frozenset(KINDS)

_START = re.compile(r"/start(?:@\w+)?(?:\s+(.*))?", re.DOTALL)

#: The members of a Message that say nothing of its content: the first other one names the kind.
# fmt: off
_ENVELOPE = frozenset((
    "message_id", "message_thread_id", "direct_messages_topic", "from", "sender_chat", "sender_boost_count",
    "sender_business_bot", "sender_tag", "date", "guest_query_id", "business_connection_id", "chat", "forward_origin",
    "is_topic_message", "is_automatic_forward", "reply_to_message", "external_reply", "quote", "reply_to_story",
    "reply_to_checklist_task_id", "reply_to_poll_option_id", "via_bot", "guest_bot_caller_user",
    "guest_bot_caller_chat", "edit_date", "has_protected_content", "is_from_offline", "is_paid_post", "media_group_id",
    "author_signature", "paid_star_count", "entities", "link_preview_options", "suggested_post_info", "effect_id",
    "caption", "caption_entities", "show_caption_above_media", "has_media_spoiler", "reply_markup",
    "ephemeral_message_id", "receiver_user",
))
# fmt: on


def read_update(account: Account, body: bytes) -> Event:
    """Returns the event of an update; what has no word of its own here is an `UnknownEvent`.

    Pure, but that an update without a date is dated now. Raises PayloadError, which names no content.
    """
    update = read_object(body)
    update_id = update.pop("update_id", None)
    if type(update_id) is not int or not 0 <= update_id < 2**63:
        raise PayloadError("the update has no update_id")
    kind = next(iter(update), "")
    if kind not in _KINDS:
        kind = next((key for key in update if key in _KINDS), kind)
    source = Source(account, event_id(account, str(update_id)), msgspec.Raw(body.strip()))
    try:
        if kind in _MESSAGES:
            return _read_message(source, kind, update[kind])
        return _read(source, kind, update.get(kind))
    except msgspec.ValidationError as error:
        # The text of this error names members and types, no values.
        raise PayloadError(f"the update's {kind} has not the documented form: {error}") from None


def _read(source: Source, kind: str, payload: Any) -> Event:
    if kind == "callback_query":
        return _read_callback(source, kind, payload)
    return READERS[kind](source, payload) if kind in READERS else _read_unknown(source, kind, payload)


def _read_message(source: Source, kind: str, payload: Any) -> Event:
    message = msgspec.convert(payload, wire.Message)
    is_edited = kind in _EDITED
    origin = source.origin(place_of(message), message.sender, (is_edited and message.edit_date) or message.date)
    if kind == "guest_message":
        return _read_guest(origin, message)
    start = _START.fullmatch(message.text) if kind == "message" and message.chat.type == "private" else None
    if start:
        return ConversationStarted(**origin, context=(start[1] or "").strip())
    content = content_of(message)
    if content.is_empty:
        unknown = next((key for key in payload if key not in _ENVELOPE), "")
        other = read_content(origin, message, payload, edited=is_edited)
        return other or UnknownEvent(**origin, kind=f"{kind}:{unknown}")
    return MessageReceived(
        **origin,
        message_id=str(message.message_id),
        text=content.text,
        media=content.media,
        location=content.location,
        contact=content.contact,
        reply_to=replied_to(message),
        edited=is_edited,
        # A new version of one part is no part of the album that came before.
        group="" if is_edited or not content.media else message.media_group_id,
    )


def _read_guest(origin: Origin, message: wire.Message) -> Event:
    content = content_of(message)
    return GuestMessage(
        **origin,
        query_id=message.guest_query_id,
        chat=chat_of(message.chat),
        message_id=str(message.message_id),
        text=content.text,
        media=content.media,
        location=content.location,
        contact=content.contact,
        reply_to=replied_to(message),
    )


def _read_callback(source: Source, kind: str, payload: Any) -> Event:
    query = msgspec.convert(payload, wire.CallbackQuery)
    # The date is that of the message, which may be months older than the press.
    origin = source.origin(place_of(query.message) if query.message else query.sender.id, query.sender)
    message_id = str(query.message.message_id) if query.message else ""
    if query.data and not query.message:
        return InlineButtonPressed(
            **origin,
            value=query.data,
            query_id=query.id,
            inline_message_id=query.inline_message_id,
            chat_instance=query.chat_instance,
        )
    if query.data:
        return ButtonPressed(**origin, value=query.data, label=_label(query), message_id=message_id, query_id=query.id)
    if not query.game_short_name:
        return _read_unknown(source, kind, payload)
    return GamePressed(
        **origin,
        query_id=query.id,
        game=query.game_short_name,
        message_id=message_id,
        inline_message_id=query.inline_message_id,
    )


def _label(query: wire.CallbackQuery) -> str:
    if not query.message or not query.message.reply_markup:
        return ""
    buttons = (button for row in query.message.reply_markup.inline_keyboard for button in row)
    return next((button.text for button in buttons if button.callback_data == query.data), "")


def _read_unknown(source: Source, kind: str, payload: Any) -> Event:
    try:
        trace = msgspec.convert(payload, wire.Trace)
    except msgspec.ValidationError:
        trace = wire.Trace()
    sender = trace.sender or trace.user
    known = business_place(trace.chat or trace.voter_chat, trace.business_connection_id)
    place = known or (str(sender.id) if sender else "")
    named = f"{kind}:{trace.id}" if trace.id else kind
    return UnknownEvent(**source.origin(place or named or "update", sender, trace.date), kind=kind)
