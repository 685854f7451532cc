"""What a message of Telegram holds: a file, a place, a phone number, or a service message's news."""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from botkit.channels import telegram_types as wire
from botkit.channels.telegram_events import Chat
from botkit.channels.telegram_news import (
    ChatMigrated,
    ChatShared,
    ContentReceived,
    MemberLeft,
    MembersJoined,
    MessagePinned,
    PaymentReceived,
    RefundReceived,
    ServiceMessage,
    TopicCreated,
    UsersShared,
    WebAppDataReceived,
)
from botkit.channels.telegram_origin import Origin, instant, order_of, point_of, user_of
from botkit.conversation import User
from botkit.events import Event, Media, MediaKind, Point, SharedContact

# Contents that somebody sends and that have no common form.
# fmt: off
_CONTENTS = frozenset((
    "checklist", "dice", "game", "invoice", "live_photo", "paid_media", "poll", "rich_message", "story",
))

# News of a chat.
_SERVICES = frozenset((
    "new_chat_members", "left_chat_member", "chat_owner_left", "chat_owner_changed", "new_chat_title", "new_chat_photo",
    "delete_chat_photo", "group_chat_created", "supergroup_chat_created", "channel_chat_created",
    "message_auto_delete_timer_changed", "migrate_to_chat_id", "migrate_from_chat_id", "pinned_message",
    "successful_payment", "refunded_payment", "users_shared", "user_shared", "chat_shared", "gift", "unique_gift",
    "gift_upgrade_sent", "connected_website", "write_access_allowed", "passport_data", "proximity_alert_triggered",
    "boost_added", "chat_background_set", "checklist_tasks_done", "checklist_tasks_added", "community_chat_added",
    "community_chat_joined", "community_chat_removed", "direct_message_price_changed", "forum_topic_created",
    "forum_topic_edited", "forum_topic_closed", "forum_topic_reopened", "general_forum_topic_hidden",
    "general_forum_topic_unhidden", "giveaway", "giveaway_created", "giveaway_winners", "giveaway_completed",
    "managed_bot_created", "paid_message_price_changed", "poll_option_added", "poll_option_deleted",
    "suggested_post_approved", "suggested_post_approval_failed", "suggested_post_declined", "suggested_post_paid",
    "suggested_post_refunded", "video_chat_scheduled", "video_chat_started", "video_chat_ended",
    "video_chat_participants_invited", "web_app_data",
))
# fmt: on


class Content(Struct, frozen=True):
    """What a message holds that has a common form."""

    text: str
    media: Media | None
    location: Point | None
    contact: SharedContact | None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing of it."""
        return not (self.text or self.media or self.location or self.contact)


def content_of(message: wire.Message) -> Content:
    """Returns what a message holds that has a common form."""
    return Content(message.text or message.caption, _media(message), _location(message), _contact(message))


def read_content(origin: Origin, message: wire.Message, payload: Mapping[str, Any], *, edited: bool) -> Event | None:
    """Returns the event of a message without a common content, or None for a content that nobody here knows."""
    message_id = str(message.message_id)
    for kind in payload:
        if kind in _SERVICES:
            make, fields = _NEWS[kind](message) if kind in _NEWS else (ServiceMessage, {})
            return make(**origin, message_id=message_id, kind=kind, **fields)
    kind = next((key for key in payload if key in _CONTENTS), "")
    if not kind:
        return None
    return ContentReceived(**origin, message_id=message_id, kind=kind, edited=edited, reply_to=replied_to(message))


def replied_to(message: wire.Message) -> str:
    """Returns the id of the message that this one answers, or an empty string."""
    return str(message.reply_to_message.message_id) if message.reply_to_message else ""


def _media(message: wire.Message) -> Media | None:
    # An animation comes with the same file as a document.
    attachments: tuple[tuple[MediaKind, wire.Attachment | None], ...] = (
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


def _location(message: wire.Message) -> Point | None:
    if venue := message.venue:
        return Point(venue.location.latitude, venue.location.longitude, name=venue.title, address=venue.address)
    return point_of(message.location)


def _contact(message: wire.Message) -> SharedContact | None:
    if not (contact := message.contact):
        return None
    is_own = message.sender is not None and message.sender.id == contact.user_id
    return SharedContact(contact.phone_number, name=f"{contact.first_name} {contact.last_name}".strip(), is_own=is_own)


# --- service messages with an event of their own

_News = tuple[type[ServiceMessage], dict[str, Any]]


def _migrated(message: wire.Message) -> _News:
    to, origin = message.migrate_to_chat_id, message.migrate_from_chat_id
    return ChatMigrated, {"to_id": str(to or ""), "from_id": str(origin or "")}


def _joined(message: wire.Message) -> _News:
    return MembersJoined, {"members": tuple(map(user_of, message.new_chat_members))}


def _left(message: wire.Message) -> _News:
    return MemberLeft, {"member": user_of(message.left_chat_member or wire.Person(0))}


def _pinned(message: wire.Message) -> _News:
    return MessagePinned, {"pinned_id": str((message.pinned_message or wire.OtherMessage()).message_id)}


def _paid(message: wire.Message) -> _News:
    payment = message.successful_payment or wire.Payment()
    more = {
        "shipping_option_id": payment.shipping_option_id,
        "order": order_of(payment.order_info),
        "is_recurring": payment.is_recurring,
        "is_first_recurring": payment.is_first_recurring,
        "expires_at": instant(payment.subscription_expiration_date),
    }
    return PaymentReceived, _charge(payment) | more


def _refunded(message: wire.Message) -> _News:
    return RefundReceived, _charge(message.refunded_payment or wire.Payment())


def _charge(payment: wire.Payment) -> dict[str, Any]:
    return {
        "payload": payment.invoice_payload,
        "currency": payment.currency,
        "total_amount": payment.total_amount,
        "charge_id": payment.telegram_payment_charge_id,
        "provider_charge_id": payment.provider_payment_charge_id,
    }


def _users_shared(message: wire.Message) -> _News:
    shared = message.users_shared or wire.UsersShared()
    users = [
        User(str(user.user_id), f"{user.first_name} {user.last_name}".strip(), user.username) for user in shared.users
    ]
    return UsersShared, {"request_id": shared.request_id, "users": tuple(users)}


def _chat_shared(message: wire.Message) -> _News:
    shared = message.chat_shared or wire.ChatShared(0)
    chat = Chat(str(shared.chat_id), title=shared.title, username=shared.username)
    return ChatShared, {"request_id": shared.request_id, "chat": chat}


def _topic_created(message: wire.Message) -> _News:
    return TopicCreated, {"name": (message.forum_topic_created or wire.Topic()).name}


def _web_app_data(message: wire.Message) -> _News:
    said = message.web_app_data or wire.WebAppData()
    return WebAppDataReceived, {"value": said.data, "label": said.button_text}


_NEWS: Mapping[str, Callable[[wire.Message], _News]] = {
    "migrate_to_chat_id": _migrated,
    "migrate_from_chat_id": _migrated,
    "new_chat_members": _joined,
    "left_chat_member": _left,
    "pinned_message": _pinned,
    "successful_payment": _paid,
    "refunded_payment": _refunded,
    "users_shared": _users_shared,
    "chat_shared": _chat_shared,
    "forum_topic_created": _topic_created,
    "web_app_data": _web_app_data,
}
