"""What Telegram alone can tell: one event for every kind of update without a common word.

    from botkit import telegram

    @router.on(telegram.InlineQuery)
    async def search(event: telegram.InlineQuery, ctx: Context[Flow]) -> None: ...

An update that names a chat belongs to the chat's conversation; one that names only a person belongs to their private
chat, so that flows are the person's; a poll, which names neither, to `poll:<id>`, where nothing can be sent. What a
message alone can hold is in `telegram_news`.
https://core.telegram.org/bots/api#update
"""

from datetime import datetime

from msgspec import Struct

from botkit.conversation import User
from botkit.events import ButtonPressed, Event, Media, Point, SharedContact

__all__ = [
    "Address",
    "BoostRemoved",
    "BusinessConnectionChanged",
    "BusinessMessagesDeleted",
    "Chat",
    "ChatBoosted",
    "ChatMemberChanged",
    "ChosenInlineResult",
    "GamePressed",
    "GenerationStopped",
    "GuestMessage",
    "InlineButtonPressed",
    "InlineQuery",
    "JoinRequested",
    "ManagedBotChanged",
    "Member",
    "Order",
    "PaidMediaPurchased",
    "PollAnswered",
    "PollChanged",
    "PollOption",
    "PreCheckoutQuery",
    "Reaction",
    "ReactionChanged",
    "ReactionCount",
    "ReactionCountChanged",
    "ShippingQuery",
    "SubscriptionChanged",
]


class Chat(Struct, frozen=True, omit_defaults=True):
    """A chat; `kind` is `private`, `group`, `supergroup` or `channel`."""

    id: str
    kind: str = ""
    title: str = ""
    username: str = ""


class Address(Struct, frozen=True, omit_defaults=True):
    """Where something is to be shipped; `country` is a two-letter code."""

    country: str = ""
    state: str = ""
    city: str = ""
    street1: str = ""
    street2: str = ""
    post_code: str = ""


class Order(Struct, frozen=True, omit_defaults=True):
    """What somebody who pays told of themselves, as far as the invoice asked for it."""

    name: str = ""
    phone: str = ""
    email: str = ""
    address: Address | None = None


class PollOption(Struct, frozen=True, omit_defaults=True):
    """One answer of a poll, and how many chose it; `id` stays the same when answers are added."""

    text: str
    votes: int = 0
    id: str = ""


class Reaction(Struct, frozen=True, omit_defaults=True):
    """A reaction: `kind` is `emoji`, `custom_emoji` or `paid`; `emoji` is the emoji, or the custom one's id."""

    kind: str
    emoji: str = ""


class ReactionCount(Struct, frozen=True, omit_defaults=True):
    """How many people gave a reaction."""

    reaction: Reaction
    count: int = 0


class Member(Struct, frozen=True, omit_defaults=True):
    """Somebody's standing in a chat.

    `status` is `creator`, `administrator`, `member`, `restricted`, `left` or `kicked`; one who is restricted is in the
    chat only while `is_inside`.
    """

    user: User
    status: str
    is_inside: bool = False


class Act(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Something that a person does; what waited for their answer may go out."""

    @property
    def is_from_user(self) -> bool:
        """Always."""
        return True


# --- inline mode and buttons


class InlineQuery(Act, frozen=True, kw_only=True, omit_defaults=True, tag="telegram.inline_query"):
    """Somebody types after the bot's name; answer within 30 seconds with `answerInlineQuery` for `query_id`.

    `chat_kind` says where they type, `sender` being their private chat with the bot.
    """

    query_id: str
    query: str = ""
    offset: str = ""
    chat_kind: str = ""
    location: Point | None = None


class ChosenInlineResult(Act, frozen=True, kw_only=True, omit_defaults=True, tag="telegram.chosen_inline_result"):
    """Somebody chose one of the results for their `query` and sent it."""

    result_id: str
    query: str = ""
    inline_message_id: str = ""
    location: Point | None = None


class InlineButtonPressed(
    ButtonPressed, frozen=True, kw_only=True, omit_defaults=True, tag="telegram.inline_button_pressed"
):
    """Somebody pressed a button under a message that was sent through inline mode, in a chat that the bot cannot see.

    It is a `ButtonPressed`, in the private conversation of who pressed.
    """

    inline_message_id: str = ""
    chat_instance: str = ""


class GamePressed(Act, frozen=True, kw_only=True, omit_defaults=True, tag="telegram.game_pressed"):
    """Somebody wants to play; answer with `answerCallbackQuery` for `query_id` and the game's `url`."""

    query_id: str
    game: str = ""
    message_id: str = ""
    inline_message_id: str = ""


# --- payments


class ShippingQuery(Act, frozen=True, kw_only=True, omit_defaults=True, tag="telegram.shipping_query"):
    """Somebody's invoice needs a price for shipping: answer with `answerShippingQuery` for `query_id`."""

    query_id: str
    payload: str = ""
    address: Address = Address()


class PreCheckoutQuery(Act, frozen=True, kw_only=True, omit_defaults=True, tag="telegram.pre_checkout_query"):
    """Somebody is about to pay: answer within 10 seconds with `answerPreCheckoutQuery` for `query_id`.

    `total_amount` is in the smallest unit of the `currency`.
    """

    query_id: str
    payload: str = ""
    currency: str = ""
    total_amount: int = 0
    shipping_option_id: str = ""
    order: Order | None = None


class PaidMediaPurchased(Act, frozen=True, kw_only=True, omit_defaults=True, tag="telegram.paid_media_purchased"):
    """Somebody bought paid media of the bot's; `payload` is the bot's own word for them."""

    payload: str = ""


class SubscriptionChanged(Event, frozen=True, kw_only=True, omit_defaults=True, tag="telegram.subscription_changed"):
    """Somebody's subscription is `active`, `canceled` or `failed` now."""

    payload: str = ""
    state: str = ""


# --- polls and reactions


class PollChanged(Event, frozen=True, kw_only=True, omit_defaults=True, tag="telegram.poll_changed"):
    """The count of a poll that the bot sent, or that was stopped; it names no person and no chat."""

    poll_id: str
    question: str = ""
    options: tuple[PollOption, ...] = ()
    voters: int = 0
    is_closed: bool = False
    is_anonymous: bool = False
    is_quiz: bool = False
    correct: tuple[int, ...] = ()


class PollAnswered(Act, frozen=True, kw_only=True, omit_defaults=True, tag="telegram.poll_answered"):
    """Somebody voted in a poll of the bot's; without `options` they took their vote back.

    `options` are places in the poll from 0, `option_ids` the same answers by their lasting ids. A chat that votes is
    `voter`; its conversation has the event then.
    """

    poll_id: str
    options: tuple[int, ...] = ()
    option_ids: tuple[str, ...] = ()
    voter: Chat | None = None


class ReactionChanged(Act, frozen=True, kw_only=True, omit_defaults=True, tag="telegram.reaction_changed"):
    """Somebody's reactions to a message were `old` and are `new`; off unless the account's updates ask for it."""

    message_id: str
    old: tuple[Reaction, ...] = ()
    new: tuple[Reaction, ...] = ()
    actor: Chat | None = None


class ReactionCountChanged(Event, frozen=True, kw_only=True, omit_defaults=True, tag="telegram.reaction_count_changed"):
    """How often each anonymous reaction stands under a message; off unless the account's updates ask for it."""

    message_id: str
    counts: tuple[ReactionCount, ...] = ()


# --- chats and members


class ChatMemberChanged(Event, frozen=True, kw_only=True, omit_defaults=True, tag="telegram.chat_member_changed"):
    """`user` changed somebody's standing in a chat, perhaps their own; `is_bot_itself` where it is the bot's.

    Others' are off unless the account's updates ask for `chat_member`. That the bot came, left or was blocked is told
    by `Subscribed` and `Unsubscribed`.
    """

    chat: Chat
    old: Member
    new: Member
    invite_link: str = ""
    is_bot_itself: bool = False

    @property
    def has_joined(self) -> bool:
        """Whether they were outside and are inside now."""
        return self.new.is_inside and not self.old.is_inside

    @property
    def has_left(self) -> bool:
        """Whether they were inside and are outside now."""
        return self.old.is_inside and not self.new.is_inside


class JoinRequested(Event, frozen=True, kw_only=True, omit_defaults=True, tag="telegram.join_requested"):
    """`user` asks to be let into a chat; `user_chat_id` is where the bot may write to them until it has decided."""

    chat: Chat
    user_chat_id: str = ""
    bio: str = ""
    invite_link: str = ""
    query_id: str = ""


class ChatBoosted(Event, frozen=True, kw_only=True, omit_defaults=True, tag="telegram.chat_boosted"):
    """Somebody boosts a chat; `source` is `premium`, `gift_code` or `giveaway`."""

    chat: Chat
    boost_id: str = ""
    source: str = ""
    expires_at: datetime | None = None


class BoostRemoved(Event, frozen=True, kw_only=True, omit_defaults=True, tag="telegram.boost_removed"):
    """A boost of a chat ended."""

    chat: Chat
    boost_id: str = ""
    source: str = ""


# --- business accounts, guests, bots


class BusinessConnectionChanged(
    Event, frozen=True, kw_only=True, omit_defaults=True, tag="telegram.business_connection_changed"
):
    """`user` connected the bot to their business account, changed what it may do there, or disconnected it.

    `rights` are the names of Telegram's rights that it has, such as `can_reply`.
    """

    connection_id: str
    is_enabled: bool = False
    rights: tuple[str, ...] = ()


class BusinessMessagesDeleted(
    Event, frozen=True, kw_only=True, omit_defaults=True, tag="telegram.business_messages_deleted"
):
    """Messages of a connected account's chat were deleted."""

    connection_id: str
    message_ids: tuple[str, ...] = ()


class GuestMessage(Act, frozen=True, kw_only=True, omit_defaults=True, tag="telegram.guest_message"):
    """Somebody called the bot in a chat that it is not in: answer with `answerGuestQuery` for `query_id` alone.

    A `ctx.reply` cannot arrive there.
    """

    query_id: str
    chat: Chat
    message_id: str = ""
    text: str = ""
    media: Media | None = None
    location: Point | None = None
    contact: SharedContact | None = None
    reply_to: str = ""


class ManagedBotChanged(Event, frozen=True, kw_only=True, omit_defaults=True, tag="telegram.managed_bot_changed"):
    """`user` made a bot that this one manages, or its token or owner changed."""

    bot: User


class GenerationStopped(Act, frozen=True, kw_only=True, omit_defaults=True, tag="telegram.generation_stopped"):
    """Somebody stopped a message that was being written for them piece by piece."""

    draft_id: str = ""
