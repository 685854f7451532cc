"""What Telegram's messages hold beside words, files and places: contents without a common form, and a chat's news."""

from datetime import datetime
from typing import Any

from botkit.channels import telegram_events as events
from botkit.channels.telegram_entities import message_of
from botkit.channels.telegram_events import Act, Chat, Order
from botkit.conversation import User
from botkit.events import Event

__all__ = [
    "ChatMigrated",
    "ChatShared",
    "ContentReceived",
    "MemberLeft",
    "MembersJoined",
    "MessagePinned",
    "PaymentReceived",
    "RefundReceived",
    "ServiceMessage",
    "TopicCreated",
    "UsersShared",
    "WebAppDataReceived",
]


class ContentReceived(Act, frozen=True, kw_only=True, omit_defaults=True, tag="telegram.content_received"):
    """Somebody sent what has no common form and no words: a `poll`, `dice`, `game`, `story`, `checklist` and others."""

    message_id: str
    kind: str
    edited: bool = False
    reply_to: str = ""

    @property
    def data(self) -> Any:
        """Telegram's own object of that kind, decoded anew at each call."""
        return message_of(self).get(self.kind)


class ServiceMessage(Event, frozen=True, kw_only=True, omit_defaults=True, tag="telegram.service_message"):
    """Something happened in a chat; `kind` is Telegram's word, such as `new_chat_title`.

    Those with an event of their own are service messages as well: `router.on(ServiceMessage)` takes what no handler
    before it took.
    """

    message_id: str
    kind: str

    @property
    def data(self) -> Any:
        """Telegram's own value of that kind, decoded anew at each call."""
        return message_of(self).get(self.kind)


class ChatMigrated(ServiceMessage, frozen=True, kw_only=True, omit_defaults=True, tag="telegram.chat_migrated"):
    """A group became a supergroup with another id: told in the old chat with `to_id`, in the new one with `from_id`.

    What is stored of the old conversation, its timers and its unsent messages go on in the new one.
    """

    to_id: str = ""
    from_id: str = ""

    @property
    def moves_to(self) -> str:
        """The new chat, as told in the old one."""
        return self.to_id

    @property
    def moves_from(self) -> str:
        """The old chat, as told in the new one."""
        return self.from_id


class MembersJoined(ServiceMessage, frozen=True, kw_only=True, omit_defaults=True, tag="telegram.members_joined"):
    """People came into a group, perhaps added by `user`."""

    members: tuple[User, ...] = ()


class MemberLeft(ServiceMessage, frozen=True, kw_only=True, omit_defaults=True, tag="telegram.member_left"):
    """Somebody went out of a group, perhaps removed by `user`."""

    member: User


class MessagePinned(ServiceMessage, frozen=True, kw_only=True, omit_defaults=True, tag="telegram.message_pinned"):
    """A message was pinned."""

    pinned_id: str = ""


class PaymentReceived(ServiceMessage, frozen=True, kw_only=True, omit_defaults=True, tag="telegram.payment_received"):
    """Somebody paid; `total_amount` is in the smallest unit of the `currency`, `charge_id` is what a refund needs."""

    payload: str = ""
    currency: str = ""
    total_amount: int = 0
    charge_id: str = ""
    provider_charge_id: str = ""
    shipping_option_id: str = ""
    order: Order | None = None
    is_recurring: bool = False
    is_first_recurring: bool = False
    expires_at: datetime | None = None


class RefundReceived(ServiceMessage, frozen=True, kw_only=True, omit_defaults=True, tag="telegram.refund_received"):
    """A payment was given back."""

    payload: str = ""
    currency: str = ""
    total_amount: int = 0
    charge_id: str = ""
    provider_charge_id: str = ""


class UsersShared(ServiceMessage, frozen=True, kw_only=True, omit_defaults=True, tag="telegram.users_shared"):
    """Somebody chose people with a button of a keyboard; `request_id` is the button's."""

    request_id: int = 0
    users: tuple[User, ...] = ()


class ChatShared(ServiceMessage, frozen=True, kw_only=True, omit_defaults=True, tag="telegram.chat_shared"):
    """Somebody chose a chat with a button of a keyboard; `request_id` is the button's."""

    request_id: int = 0
    chat: Chat


class TopicCreated(ServiceMessage, frozen=True, kw_only=True, omit_defaults=True, tag="telegram.topic_created"):
    """A topic was opened; this is its first message, and its conversation the topic's."""

    name: str = ""


class WebAppDataReceived(
    ServiceMessage, frozen=True, kw_only=True, omit_defaults=True, tag="telegram.web_app_data_received"
):
    """A web app sent its data: `value` is what it says, which anybody could make up; `label` is the button's."""

    value: str = ""
    label: str = ""

    @property
    def is_from_user(self) -> bool:
        """Always: somebody used the app."""
        return True


_NAMED = {**vars(events), **globals()}

#: All event types of Telegram.
EVENTS: tuple[type[Event], ...] = tuple(
    _NAMED[name] for name in (*events.__all__, *__all__) if issubclass(_NAMED[name], Event)
)
