"""Telegram's objects as they come, with the members that are read; all others are ignored.

https://core.telegram.org/bots/api#available-types
"""

from typing import Annotated

from msgspec import Meta, Struct, field

Id = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
#: Unix seconds up to the end of the year 9999.
Seconds = Annotated[int, Meta(ge=0, le=253_402_300_799)]


class Person(Struct, frozen=True):
    """A person or a bot."""

    id: Id
    first_name: str = ""
    last_name: str = ""
    username: str = ""
    language_code: str = ""


class Chat(Struct, frozen=True):
    """A private chat, group, supergroup or channel; a private chat has its person's id."""

    id: Id
    type: str = ""
    title: str = ""
    username: str = ""


class Photo(Struct, frozen=True):
    """One size of a picture."""

    file_id: str
    width: int = 0
    height: int = 0
    file_size: int | None = None


class Attachment(Struct, frozen=True):
    """A file of any kind but a picture."""

    file_id: str
    file_name: str = ""
    mime_type: str = ""
    file_size: int | None = None
    duration: float | None = None
    width: int | None = None
    height: int | None = None


class Place(Struct, frozen=True):
    """A point on the map."""

    latitude: float
    longitude: float


class Venue(Struct, frozen=True):
    """A place with a name."""

    location: Place
    title: str = ""
    address: str = ""


class Contact(Struct, frozen=True):
    """A phone number; `user_id` is its owner's, where Telegram knows one."""

    phone_number: str
    first_name: str = ""
    last_name: str = ""
    user_id: Id | None = None


class OtherMessage(Struct, frozen=True):
    """A message that was answered or pinned."""

    message_id: Id = 0


class DirectTopic(Struct, frozen=True):
    """One person's talk in a channel's direct messages."""

    topic_id: Id


class Topic(Struct, frozen=True):
    """A topic of a forum that was opened."""

    name: str = ""


class InlineButton(Struct, frozen=True):
    """A button under a message."""

    text: str = ""
    callback_data: str | None = None


class InlineKeyboard(Struct, frozen=True):
    """The buttons under a message."""

    inline_keyboard: tuple[tuple[InlineButton, ...], ...] = ()


class ShippingAddress(Struct, frozen=True):
    """Where something is to be shipped."""

    country_code: str = ""
    state: str = ""
    city: str = ""
    street_line1: str = ""
    street_line2: str = ""
    post_code: str = ""


class OrderInfo(Struct, frozen=True):
    """What an invoice asked for."""

    name: str = ""
    phone_number: str = ""
    email: str = ""
    shipping_address: ShippingAddress | None = None


class Payment(Struct, frozen=True):
    """A payment that was made, or given back."""

    currency: str = ""
    total_amount: int = 0
    invoice_payload: str = ""
    telegram_payment_charge_id: str = ""
    provider_payment_charge_id: str = ""
    shipping_option_id: str = ""
    order_info: OrderInfo | None = None
    subscription_expiration_date: Seconds = 0
    is_recurring: bool = False
    is_first_recurring: bool = False


class SharedUser(Struct, frozen=True):
    """Somebody who was chosen."""

    user_id: Id
    first_name: str = ""
    last_name: str = ""
    username: str = ""


class UsersShared(Struct, frozen=True):
    """People who were chosen with a keyboard's button."""

    request_id: int = 0
    users: tuple[SharedUser, ...] = ()


class ChatShared(Struct, frozen=True):
    """A chat that was chosen with a keyboard's button."""

    chat_id: Id
    request_id: int = 0
    title: str = ""
    username: str = ""


class WebAppData(Struct, frozen=True):
    """What a web app sent."""

    data: str = ""
    button_text: str = ""


class Message(Struct, frozen=True):
    """A message of any content kind; `date` is 0 where Telegram cannot show it any more."""

    message_id: Id
    chat: Chat
    date: Seconds = 0
    edit_date: Seconds = 0
    sender: Person | None = field(name="from", default=None)
    business_connection_id: str = ""
    guest_query_id: str = ""
    message_thread_id: Id | None = None
    is_topic_message: bool = False
    direct_messages_topic: DirectTopic | None = None
    reply_to_message: OtherMessage | None = None
    reply_markup: InlineKeyboard | None = None
    media_group_id: str = ""
    text: str = ""
    caption: str = ""
    photo: tuple[Photo, ...] = ()
    animation: Attachment | None = None
    sticker: Attachment | None = None
    audio: Attachment | None = None
    video: Attachment | None = None
    video_note: Attachment | None = None
    voice: Attachment | None = None
    document: Attachment | None = None
    location: Place | None = None
    venue: Venue | None = None
    contact: Contact | None = None
    migrate_to_chat_id: Id = 0
    migrate_from_chat_id: Id = 0
    new_chat_members: tuple[Person, ...] = ()
    left_chat_member: Person | None = None
    pinned_message: OtherMessage | None = None
    successful_payment: Payment | None = None
    refunded_payment: Payment | None = None
    users_shared: UsersShared | None = None
    chat_shared: ChatShared | None = None
    forum_topic_created: Topic | None = None
    web_app_data: WebAppData | None = None


class CallbackQuery(Struct, frozen=True):
    """A press of an inline button; `message` is missing for one sent through inline mode."""

    id: str
    sender: Person = field(name="from")
    message: Message | None = None
    inline_message_id: str = ""
    chat_instance: str = ""
    data: str = ""
    game_short_name: str = ""


class Member(Struct, frozen=True):
    """Somebody's standing in a chat."""

    status: str
    user: Person
    is_member: bool = False


class InviteLink(Struct, frozen=True):
    """A link that lets people into a chat."""

    invite_link: str = ""


class MemberUpdate(Struct, frozen=True):
    """A change of somebody's standing: the bot's own in a private chat says that it was blocked or let in again."""

    chat: Chat
    date: Seconds
    old_chat_member: Member
    new_chat_member: Member
    sender: Person | None = field(name="from", default=None)
    invite_link: InviteLink | None = None


class JoinRequest(Struct, frozen=True):
    """Somebody's wish to be let into a chat."""

    chat: Chat
    sender: Person = field(name="from")
    date: Seconds = 0
    user_chat_id: Id = 0
    bio: str = ""
    invite_link: InviteLink | None = None
    query_id: str = ""


class InlineQuery(Struct, frozen=True):
    """What somebody typed after the bot's name."""

    id: str
    sender: Person = field(name="from")
    query: str = ""
    offset: str = ""
    chat_type: str = ""
    location: Place | None = None


class ChosenInlineResult(Struct, frozen=True):
    """A result that somebody sent."""

    result_id: str
    sender: Person = field(name="from")
    query: str = ""
    inline_message_id: str = ""
    location: Place | None = None


class ShippingQuery(Struct, frozen=True):
    """A question for the price of shipping."""

    id: str
    sender: Person = field(name="from")
    invoice_payload: str = ""
    shipping_address: ShippingAddress = ShippingAddress()


class PreCheckoutQuery(Struct, frozen=True):
    """The last question before a payment."""

    id: str
    sender: Person = field(name="from")
    currency: str = ""
    total_amount: int = 0
    invoice_payload: str = ""
    shipping_option_id: str = ""
    order_info: OrderInfo | None = None


class PaidMediaPurchase(Struct, frozen=True):
    """Paid media that somebody bought."""

    sender: Person = field(name="from")
    paid_media_payload: str = ""


class Subscription(Struct, frozen=True):
    """The state of somebody's subscription."""

    user: Person
    invoice_payload: str = ""
    state: str = ""


class PollOption(Struct, frozen=True):
    """One answer of a poll."""

    text: str = ""
    voter_count: int = 0
    persistent_id: str = ""


class Poll(Struct, frozen=True):
    """A poll and its counts."""

    id: str
    question: str = ""
    options: tuple[PollOption, ...] = ()
    total_voter_count: int = 0
    is_closed: bool = False
    is_anonymous: bool = False
    type: str = ""
    correct_option_ids: tuple[int, ...] = ()
    correct_option_id: int | None = None


class PollAnswer(Struct, frozen=True):
    """A vote, by a person or by a chat."""

    poll_id: str
    option_ids: tuple[int, ...] = ()
    option_persistent_ids: tuple[str, ...] = ()
    user: Person | None = None
    voter_chat: Chat | None = None


class ReactionType(Struct, frozen=True):
    """A reaction of one of three kinds."""

    type: str
    emoji: str = ""
    custom_emoji_id: str = ""


class MessageReaction(Struct, frozen=True):
    """A change of somebody's reactions."""

    chat: Chat
    message_id: Id
    date: Seconds = 0
    old_reaction: tuple[ReactionType, ...] = ()
    new_reaction: tuple[ReactionType, ...] = ()
    user: Person | None = None
    actor_chat: Chat | None = None


class ReactionCount(Struct, frozen=True):
    """How often a reaction was given."""

    type: ReactionType
    total_count: int = 0


class MessageReactionCount(Struct, frozen=True):
    """The anonymous reactions to a message."""

    chat: Chat
    message_id: Id
    date: Seconds = 0
    reactions: tuple[ReactionCount, ...] = ()


class BoostSource(Struct, frozen=True):
    """Where a boost comes from; nobody has won a giveaway yet where `user` is missing."""

    source: str = ""
    user: Person | None = None


class Boost(Struct, frozen=True):
    """A boost of a chat."""

    boost_id: str
    add_date: Seconds = 0
    expiration_date: Seconds = 0
    source: BoostSource = BoostSource()


class ChatBoost(Struct, frozen=True):
    """A chat and its boost."""

    chat: Chat
    boost: Boost


class ChatBoostRemoved(Struct, frozen=True):
    """A chat and the boost that it lost."""

    chat: Chat
    boost_id: str
    remove_date: Seconds = 0
    source: BoostSource = BoostSource()


class BusinessConnection(Struct, frozen=True):
    """The bot's connection to a business account."""

    id: str
    user: Person
    user_chat_id: Id
    date: Seconds = 0
    is_enabled: bool = False
    rights: dict[str, object] = {}


class BusinessMessages(Struct, frozen=True):
    """Messages that were deleted from a business account's chat."""

    business_connection_id: str
    chat: Chat
    message_ids: tuple[Id, ...] = ()


class ManagedBot(Struct, frozen=True):
    """A bot that this one manages, and its owner."""

    user: Person
    bot: Person


class StoppedGeneration(Struct, frozen=True):
    """A message that was being written until somebody stopped it."""

    chat: Chat
    draft_id: Id = 0
    message_thread_id: Id | None = None


class Trace(Struct, frozen=True):
    """What tells, in an update of any kind, whom it is about."""

    chat: Chat | None = None
    voter_chat: Chat | None = None
    sender: Person | None = field(name="from", default=None)
    user: Person | None = None
    id: str | int = ""
    date: Seconds = 0
    business_connection_id: str = ""
