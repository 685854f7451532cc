"""What Telegram posts to the webhook, read into events.

A conversation's id is the chat's id, followed where it applies by `/<topic>` (a forum topic) or `/d<topic>` (a
channel's direct messages) and by `@<business connection>`: `5550001`, `-1001234500777/42`, `5550001@bcA1`.
https://core.telegram.org/bots/api#update
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, TypedDict

import msgspec
from msgspec import Meta, Struct, field

from botkit.conversation import Account, Conversation, User
from botkit.events import (
    ButtonPressed,
    ConversationStarted,
    Event,
    Media,
    MediaKind,
    MessageReceived,
    Point,
    SharedContact,
    Subscribed,
    UnknownEvent,
    Unsubscribed,
    event_id,
)
from botkit.exceptions import PayloadError
from botkit.payload import read_object

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

_Id = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
#: Unix seconds up to the end of the year 9999.
_Seconds = Annotated[int, Meta(ge=0, le=253_402_300_799)]


class _Person(Struct, frozen=True):
    """A person or a bot."""

    id: _Id
    first_name: str = ""
    last_name: str = ""
    username: str = ""
    language_code: str = ""


class _Chat(Struct, frozen=True):
    """A private chat, group, supergroup or channel; a private chat has its person's id."""

    id: _Id
    type: str = ""


class _Photo(Struct, frozen=True):
    """One size of a picture."""

    file_id: str
    width: int = 0
    height: int = 0
    file_size: int | None = None


class _Attachment(Struct, frozen=True):
    """A file of any kind but a picture."""

    file_id: str
    file_name: str = ""
    mime_type: str = ""
    file_size: int | None = None
    duration: float | None = None
    width: int | None = None
    height: int | None = None


class _Place(Struct, frozen=True):
    """A point on the map."""

    latitude: float
    longitude: float


class _Venue(Struct, frozen=True):
    """A place with a name."""

    location: _Place
    title: str = ""
    address: str = ""


class _Contact(Struct, frozen=True):
    """A phone number; `user_id` is its owner's, where Telegram knows one."""

    phone_number: str
    first_name: str = ""
    last_name: str = ""
    user_id: _Id | None = None


class _RepliedMessage(Struct, frozen=True):
    """The message that was answered."""

    message_id: _Id = 0


class _Topic(Struct, frozen=True):
    """One person's talk in a channel's direct messages."""

    topic_id: _Id


class _InlineButton(Struct, frozen=True):
    """A button under a message."""

    text: str = ""
    callback_data: str | None = None


class _InlineKeyboard(Struct, frozen=True):
    """The buttons under a message."""

    inline_keyboard: tuple[tuple[_InlineButton, ...], ...] = ()


class _Message(Struct, frozen=True):
    """A message of any content kind; `date` is 0 where Telegram cannot show it any more."""

    message_id: _Id
    chat: _Chat
    date: _Seconds = 0
    edit_date: _Seconds = 0
    sender: _Person | None = field(name="from", default=None)
    business_connection_id: str = ""
    message_thread_id: _Id | None = None
    is_topic_message: bool = False
    direct_messages_topic: _Topic | None = None
    reply_to_message: _RepliedMessage | None = None
    reply_markup: _InlineKeyboard | None = None
    text: str = ""
    caption: str = ""
    photo: tuple[_Photo, ...] = ()
    animation: _Attachment | None = None
    sticker: _Attachment | None = None
    audio: _Attachment | None = None
    video: _Attachment | None = None
    video_note: _Attachment | None = None
    voice: _Attachment | None = None
    document: _Attachment | None = None
    location: _Place | None = None
    venue: _Venue | None = None
    contact: _Contact | None = None


class _CallbackQuery(Struct, frozen=True):
    """A press of an inline button; `message` is missing for one sent through inline mode."""

    id: str
    sender: _Person = field(name="from")
    message: _Message | None = None
    data: str = ""


class _Member(Struct, frozen=True):
    """Somebody's standing in a chat."""

    status: str


class _MemberUpdate(Struct, frozen=True):
    """A change of the bot's own standing: in a private chat, that it was blocked or let in again."""

    chat: _Chat
    date: _Seconds
    old_chat_member: _Member
    new_chat_member: _Member
    sender: _Person | None = field(name="from", default=None)


class _Trace(Struct, frozen=True):
    """What tells, in an update of any kind, whom it is about."""

    chat: _Chat | None = None
    voter_chat: _Chat | None = None
    sender: _Person | None = field(name="from", default=None)
    user: _Person | None = None
    id: str | int = ""
    date: _Seconds = 0
    business_connection_id: str = ""


def read_update(account: Account, body: bytes) -> Event:
    """Returns the event of an update; what has no word of its own here is an `UnknownEvent`.

    Pure, but that an update without a date is dated now. Raises PayloadError, which names no content.
    """
    update = read_object(body)
    update_id = update.pop("update_id", None)
    if type(update_id) is not int or not 0 <= update_id < 2**63:
        raise PayloadError("the update has no update_id")
    kind = next((key for key in update if key in _READERS), next(iter(update), ""))
    payload = update.get(kind)
    source = _Source(account, event_id(account, str(update_id)), msgspec.Raw(body.strip()))
    try:
        event = _READERS[kind](source, kind, payload) if kind in _READERS else None
    except msgspec.ValidationError as error:
        # The text of this error names members and types, no values.
        raise PayloadError(f"the update's {kind} has not the documented form: {error}") from None
    return event or _read_unknown(source, kind, payload)


class _Origin(TypedDict):
    id: str
    at: datetime
    conversation: Conversation
    user: User | None
    raw_json: msgspec.Raw


class _Source(Struct, frozen=True):
    account: Account
    event_id: str
    body: msgspec.Raw

    def origin(self, place: str, sender: _Person | None, seconds: int) -> _Origin:
        """Returns what all events have; without a date of its own an event happened now."""
        return _Origin(
            id=self.event_id,
            at=datetime.fromtimestamp(seconds, UTC) if seconds else datetime.now(UTC),
            conversation=Conversation(self.account, place),
            user=_user(sender) if sender else None,
            raw_json=self.body,
        )


def _user(user: _Person) -> User:
    name = f"{user.first_name} {user.last_name}".strip()
    return User(id=str(user.id), name=name, username=user.username, locale=user.language_code)


def _place(message: _Message) -> str:
    topic = ""
    if message.direct_messages_topic:
        topic = f"/d{message.direct_messages_topic.topic_id}"
    elif message.is_topic_message and message.message_thread_id:
        # Replies in groups without topics carry a thread, too; it is no conversation of its own.
        topic = f"/{message.message_thread_id}"
    business = f"@{message.business_connection_id}" if message.business_connection_id else ""
    return f"{message.chat.id}{topic}{business}"


def _read_message(source: _Source, kind: str, payload: Any) -> Event:
    message = msgspec.convert(payload, _Message)
    is_edited = kind.startswith("edited_")
    seconds = (is_edited and message.edit_date) or message.date
    origin = source.origin(_place(message), message.sender, seconds)
    start = _START.fullmatch(message.text) if kind == "message" and message.chat.type == "private" else None
    if start:
        return ConversationStarted(**origin, context=(start[1] or "").strip())
    media, location, contact = _media(message), _location(message), _contact(message)
    text = message.text or message.caption
    if not (text or media or location or contact):
        content = next((key for key in payload if key not in _ENVELOPE), "")
        return UnknownEvent(**origin, kind=f"{kind}:{content}")
    return MessageReceived(
        **origin,
        message_id=str(message.message_id),
        text=text,
        media=media,
        location=location,
        contact=contact,
        reply_to=str(message.reply_to_message.message_id) if message.reply_to_message else "",
        edited=is_edited,
    )


def _media(message: _Message) -> Media | None:
    # An animation comes with the same file as a document.
    attachments: tuple[tuple[MediaKind, _Attachment | None], ...] = (
        ("animation", message.animation),
        ("sticker", message.sticker),
        ("audio", message.audio),
        ("video", message.video),
        ("video_note", message.video_note),
        ("voice", message.voice),
        ("file", message.document),
    )
    if message.photo:
        photo = max(message.photo, key=lambda size: size.width * size.height)
        return Media("image", photo.file_id, size=photo.file_size, width=photo.width, height=photo.height)
    for kind, file in attachments:
        if file:
            return Media(
                kind,
                file.file_id,
                name=file.file_name,
                mime=file.mime_type,
                size=file.file_size,
                duration=file.duration,
                width=file.width,
                height=file.height,
            )
    return None


def _location(message: _Message) -> Point | None:
    if venue := message.venue:
        return Point(venue.location.latitude, venue.location.longitude, name=venue.title, address=venue.address)
    return Point(message.location.latitude, message.location.longitude) if message.location else None


def _contact(message: _Message) -> SharedContact | None:
    if not (contact := message.contact):
        return None
    is_own = message.sender is not None and message.sender.id == contact.user_id
    return SharedContact(contact.phone_number, name=f"{contact.first_name} {contact.last_name}".strip(), is_own=is_own)


def _read_callback(source: _Source, kind: str, payload: Any) -> Event | None:
    query = msgspec.convert(payload, _CallbackQuery)
    if not query.data:
        return None
    # The date is that of the message, which may be months older than the press.
    origin = source.origin(_place(query.message) if query.message else str(query.sender.id), query.sender, 0)
    return ButtonPressed(
        **origin,
        value=query.data,
        label=_label(query),
        message_id=str(query.message.message_id) if query.message else "",
        query_id=query.id,
    )


def _label(query: _CallbackQuery) -> str:
    if not query.message or not query.message.reply_markup:
        return ""
    buttons = (button for row in query.message.reply_markup.inline_keyboard for button in row)
    return next((button.text for button in buttons if button.callback_data == query.data), "")


def _read_member(source: _Source, kind: str, payload: Any) -> Event | None:
    update = msgspec.convert(payload, _MemberUpdate)
    if update.chat.type != "private":
        return None
    origin = source.origin(str(update.chat.id), update.sender, update.date)
    if update.new_chat_member.status == "kicked":
        return Unsubscribed(**origin)
    if update.old_chat_member.status == "kicked" and update.new_chat_member.status == "member":
        return Subscribed(**origin)
    return None


def _read_unknown(source: _Source, kind: str, payload: Any) -> Event:
    try:
        trace = msgspec.convert(payload, _Trace)
    except msgspec.ValidationError:
        trace = _Trace()
    chat = trace.chat or trace.voter_chat
    sender = trace.sender or trace.user
    business = f"@{trace.business_connection_id}" if trace.business_connection_id else ""
    known = f"{chat.id}{business}" if chat else str(sender.id) if sender else ""
    named = f"{kind}:{trace.id}" if trace.id else kind
    return UnknownEvent(**source.origin(known or named or "update", sender, trace.date), kind=kind)


_READERS: Mapping[str, Callable[[_Source, str, Any], Event | None]] = {
    "message": _read_message,
    "edited_message": _read_message,
    "channel_post": _read_message,
    "edited_channel_post": _read_message,
    "business_message": _read_message,
    "edited_business_message": _read_message,
    "callback_query": _read_callback,
    "my_chat_member": _read_member,
}
