"""What all events of Telegram have: whose they are, when they happened, and where.

A conversation's id is the chat's id, followed where it applies by `/<topic>` (a forum topic) or `/d<topic>` (a
channel's direct messages) and by `@<business connection>`: `5550001`, `-1001234500777/42`, `5550001@bcA1`.
"""

from datetime import UTC, datetime
from typing import TypedDict

import msgspec
from msgspec import Struct

from botkit.channels import telegram_types as wire
from botkit.channels.telegram_events import Address, Chat, Order
from botkit.conversation import Account, Conversation, User
from botkit.events import Point


class Origin(TypedDict):
    """The fields of every event."""

    id: str
    at: datetime
    conversation: Conversation
    user: User | None
    raw_json: msgspec.Raw


class Source(Struct, frozen=True):
    """An update: whom it was sent to, and as what its event is known."""

    account: Account
    event_id: str
    body: msgspec.Raw

    def origin(self, place: str | int, sender: wire.Person | None, seconds: int = 0) -> Origin:
        """Returns what all events have; without a date of its own an event happened now."""
        return Origin(
            id=self.event_id,
            at=instant(seconds) or datetime.now(UTC),
            conversation=Conversation(self.account, str(place)),
            user=user_of(sender) if sender else None,
            raw_json=self.body,
        )


def instant(seconds: int) -> datetime | None:
    """Returns the moment that Unix seconds stand for, or None for 0."""
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


def user_of(person: wire.Person) -> User:
    """Returns a person as handlers see one."""
    name = f"{person.first_name} {person.last_name}".strip()
    return User(id=str(person.id), name=name, username=person.username, locale=person.language_code)


def chat_of(chat: wire.Chat) -> Chat:
    """Returns a chat as handlers see one."""
    return Chat(str(chat.id), chat.type, chat.title, chat.username)


def point_of(place: wire.Place | None) -> Point | None:
    """Returns a point on the map as handlers see one."""
    return Point(place.latitude, place.longitude) if place else None


def address_of(address: wire.ShippingAddress) -> Address:
    """Returns an address as handlers see one."""
    return Address(
        country=address.country_code,
        state=address.state,
        city=address.city,
        street1=address.street_line1,
        street2=address.street_line2,
        post_code=address.post_code,
    )


def order_of(order: wire.OrderInfo | None) -> Order | None:
    """Returns what was told for an order."""
    if order is None:
        return None
    address = address_of(order.shipping_address) if order.shipping_address else None
    return Order(order.name, order.phone_number, order.email, address)


def place_of(message: wire.Message) -> str:
    """Returns the id of a message's conversation."""
    topic = ""
    if message.direct_messages_topic:
        topic = f"/d{message.direct_messages_topic.topic_id}"
    elif message.is_topic_message and message.message_thread_id:
        # Replies in groups without topics carry a thread, too; it is no conversation of its own.
        topic = f"/{message.message_thread_id}"
    place = f"{message.chat.id}{topic}"
    return f"{place}@{message.business_connection_id}" if message.business_connection_id else place


def business_place(chat: wire.Chat | None, connection: str) -> str:
    """Returns the id of a chat's conversation, perhaps within a business connection; empty without a chat."""
    if not chat:
        return ""
    return f"{chat.id}@{connection}" if connection else str(chat.id)
