"""The updates of Telegram that are no messages, each read into its event."""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import convert

from botkit.channels import telegram_types as wire
from botkit.channels.telegram_events import (
    BoostRemoved,
    BusinessConnectionChanged,
    BusinessMessagesDeleted,
    ChatBoosted,
    ChatMemberChanged,
    ChosenInlineResult,
    GenerationStopped,
    InlineQuery,
    JoinRequested,
    ManagedBotChanged,
    Member,
    PaidMediaPurchased,
    PollAnswered,
    PollChanged,
    PollOption,
    PreCheckoutQuery,
    Reaction,
    ReactionChanged,
    ReactionCount,
    ReactionCountChanged,
    ShippingQuery,
    SubscriptionChanged,
)
from botkit.channels.telegram_origin import (
    Source,
    address_of,
    business_place,
    chat_of,
    instant,
    order_of,
    point_of,
    user_of,
)
from botkit.events import Event, Subscribed, Unsubscribed

_INSIDE = ("creator", "administrator", "member")


# --- inline mode and payments: a person's, wherever they are


def _inline_query(source: Source, payload: Any) -> Event:
    query = convert(payload, wire.InlineQuery)
    return InlineQuery(
        **source.origin(query.sender.id, query.sender),
        query_id=query.id,
        query=query.query,
        offset=query.offset,
        chat_kind=query.chat_type,
        location=point_of(query.location),
    )


def _chosen_inline_result(source: Source, payload: Any) -> Event:
    result = convert(payload, wire.ChosenInlineResult)
    return ChosenInlineResult(
        **source.origin(result.sender.id, result.sender),
        result_id=result.result_id,
        query=result.query,
        inline_message_id=result.inline_message_id,
        location=point_of(result.location),
    )


def _shipping_query(source: Source, payload: Any) -> Event:
    query = convert(payload, wire.ShippingQuery)
    return ShippingQuery(
        **source.origin(query.sender.id, query.sender),
        query_id=query.id,
        payload=query.invoice_payload,
        address=address_of(query.shipping_address),
    )


def _pre_checkout_query(source: Source, payload: Any) -> Event:
    query = convert(payload, wire.PreCheckoutQuery)
    return PreCheckoutQuery(
        **source.origin(query.sender.id, query.sender),
        query_id=query.id,
        payload=query.invoice_payload,
        currency=query.currency,
        total_amount=query.total_amount,
        shipping_option_id=query.shipping_option_id,
        order=order_of(query.order_info),
    )


def _purchased_paid_media(source: Source, payload: Any) -> Event:
    purchase = convert(payload, wire.PaidMediaPurchase)
    return PaidMediaPurchased(**source.origin(purchase.sender.id, purchase.sender), payload=purchase.paid_media_payload)


def _subscription(source: Source, payload: Any) -> Event:
    change = convert(payload, wire.Subscription)
    return SubscriptionChanged(
        **source.origin(change.user.id, change.user), payload=change.invoice_payload, state=change.state
    )


def _managed_bot(source: Source, payload: Any) -> Event:
    change = convert(payload, wire.ManagedBot)
    return ManagedBotChanged(**source.origin(change.user.id, change.user), bot=user_of(change.bot))


# --- polls and reactions


def _poll(source: Source, payload: Any) -> Event:
    poll = convert(payload, wire.Poll)
    correct = poll.correct_option_ids or (() if poll.correct_option_id is None else (poll.correct_option_id,))
    return PollChanged(
        **source.origin(f"poll:{poll.id}", None),
        poll_id=poll.id,
        question=poll.question,
        options=tuple(PollOption(option.text, option.voter_count, option.persistent_id) for option in poll.options),
        voters=poll.total_voter_count,
        is_closed=poll.is_closed,
        is_anonymous=poll.is_anonymous,
        is_quiz=poll.type == "quiz",
        correct=correct,
    )


def _poll_answer(source: Source, payload: Any) -> Event:
    answer = convert(payload, wire.PollAnswer)
    voter = answer.voter_chat or answer.user
    return PollAnswered(
        **source.origin(voter.id if voter else f"poll:{answer.poll_id}", answer.user),
        poll_id=answer.poll_id,
        options=answer.option_ids,
        option_ids=answer.option_persistent_ids,
        voter=chat_of(answer.voter_chat) if answer.voter_chat else None,
    )


def _message_reaction(source: Source, payload: Any) -> Event:
    change = convert(payload, wire.MessageReaction)
    return ReactionChanged(
        **source.origin(change.chat.id, change.user, change.date),
        message_id=str(change.message_id),
        old=tuple(map(_reaction, change.old_reaction)),
        new=tuple(map(_reaction, change.new_reaction)),
        actor=chat_of(change.actor_chat) if change.actor_chat else None,
    )


def _message_reaction_count(source: Source, payload: Any) -> Event:
    change = convert(payload, wire.MessageReactionCount)
    return ReactionCountChanged(
        **source.origin(change.chat.id, None, change.date),
        message_id=str(change.message_id),
        counts=tuple(ReactionCount(_reaction(count.type), count.total_count) for count in change.reactions),
    )


def _reaction(reaction: wire.ReactionType) -> Reaction:
    return Reaction(reaction.type, reaction.emoji or reaction.custom_emoji_id)


# --- chats and members


def _my_chat_member(source: Source, payload: Any) -> Event:
    update = convert(payload, wire.MemberUpdate)
    origin = source.origin(update.chat.id, update.sender, update.date)
    old, new = update.old_chat_member, update.new_chat_member
    # In a private chat, kicked means blocked, whatever was before.
    if _is_outside(new) and (update.chat.type == "private" or not _is_outside(old)):
        return Unsubscribed(**origin)
    if _is_inside(new) and _is_outside(old):
        return Subscribed(**origin)
    return _member_changed(source, update, is_bot_itself=True)


def _chat_member(source: Source, payload: Any) -> Event:
    return _member_changed(source, convert(payload, wire.MemberUpdate), is_bot_itself=False)


def _member_changed(source: Source, update: wire.MemberUpdate, *, is_bot_itself: bool) -> Event:
    return ChatMemberChanged(
        **source.origin(update.chat.id, update.sender, update.date),
        chat=chat_of(update.chat),
        old=_member(update.old_chat_member),
        new=_member(update.new_chat_member),
        invite_link=update.invite_link.invite_link if update.invite_link else "",
        is_bot_itself=is_bot_itself,
    )


def _member(member: wire.Member) -> Member:
    return Member(user_of(member.user), member.status, _is_inside(member))


def _is_inside(member: wire.Member) -> bool:
    return member.status in _INSIDE or (member.status == "restricted" and member.is_member)


def _is_outside(member: wire.Member) -> bool:
    # A status of a newer version is neither.
    return member.status in ("left", "kicked") or (member.status == "restricted" and not member.is_member)


def _chat_join_request(source: Source, payload: Any) -> Event:
    wish = convert(payload, wire.JoinRequest)
    return JoinRequested(
        **source.origin(wish.chat.id, wish.sender, wish.date),
        chat=chat_of(wish.chat),
        user_chat_id=str(wish.user_chat_id or wish.sender.id),
        bio=wish.bio,
        invite_link=wish.invite_link.invite_link if wish.invite_link else "",
        query_id=wish.query_id,
    )


def _chat_boost(source: Source, payload: Any) -> Event:
    update = convert(payload, wire.ChatBoost)
    boost = update.boost
    return ChatBoosted(
        **source.origin(update.chat.id, boost.source.user, boost.add_date),
        chat=chat_of(update.chat),
        boost_id=boost.boost_id,
        source=boost.source.source,
        expires_at=instant(boost.expiration_date),
    )


def _removed_chat_boost(source: Source, payload: Any) -> Event:
    update = convert(payload, wire.ChatBoostRemoved)
    return BoostRemoved(
        **source.origin(update.chat.id, update.source.user, update.remove_date),
        chat=chat_of(update.chat),
        boost_id=update.boost_id,
        source=update.source.source,
    )


# --- business accounts, and what is being written


def _business_connection(source: Source, payload: Any) -> Event:
    connection = convert(payload, wire.BusinessConnection)
    return BusinessConnectionChanged(
        **source.origin(connection.user_chat_id, connection.user, connection.date),
        connection_id=connection.id,
        is_enabled=connection.is_enabled,
        rights=tuple(sorted(name for name, is_given in connection.rights.items() if is_given is True)),
    )


def _deleted_business_messages(source: Source, payload: Any) -> Event:
    deleted = convert(payload, wire.BusinessMessages)
    return BusinessMessagesDeleted(
        **source.origin(business_place(deleted.chat, deleted.business_connection_id), None),
        connection_id=deleted.business_connection_id,
        message_ids=tuple(map(str, deleted.message_ids)),
    )


def _stopped_message_generation(source: Source, payload: Any) -> Event:
    stopped = convert(payload, wire.StoppedGeneration)
    topic = f"/{stopped.message_thread_id}" if stopped.message_thread_id else ""
    return GenerationStopped(**source.origin(f"{stopped.chat.id}{topic}", None), draft_id=str(stopped.draft_id))


READERS: Mapping[str, Callable[[Source, Any], Event]] = {
    "business_connection": _business_connection,
    "deleted_business_messages": _deleted_business_messages,
    "message_reaction": _message_reaction,
    "message_reaction_count": _message_reaction_count,
    "inline_query": _inline_query,
    "chosen_inline_result": _chosen_inline_result,
    "shipping_query": _shipping_query,
    "pre_checkout_query": _pre_checkout_query,
    "purchased_paid_media": _purchased_paid_media,
    "poll": _poll,
    "poll_answer": _poll_answer,
    "my_chat_member": _my_chat_member,
    "chat_member": _chat_member,
    "chat_join_request": _chat_join_request,
    "chat_boost": _chat_boost,
    "removed_chat_boost": _removed_chat_boost,
    "managed_bot": _managed_bot,
    "subscription": _subscription,
    "stopped_message_generation": _stopped_message_generation,
}
