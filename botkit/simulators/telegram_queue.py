"""The kinds of updates that the simulated Telegram has: how long each is kept, and what it keeps its order with.

https://core.telegram.org/bots/api#update
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from botkit.simulators.telegram_state import BotState, Pending

# fmt: off
KINDS = (
    "message", "edited_message", "channel_post", "edited_channel_post", "business_connection", "business_message",
    "edited_business_message", "deleted_business_messages", "guest_message", "message_reaction",
    "message_reaction_count", "inline_query", "chosen_inline_result", "callback_query", "shipping_query",
    "pre_checkout_query", "purchased_paid_media", "poll", "poll_answer", "my_chat_member", "chat_member",
    "chat_join_request", "chat_boost", "removed_chat_boost", "managed_bot", "subscription",
)
# fmt: on
OFF_BY_DEFAULT = frozenset({"chat_member", "message_reaction", "message_reaction_count"})
DAY = 24 * 3600

_LIFETIMES = {
    "inline_query": 30,
    "callback_query": 150,
    "shipping_query": 150,
    "pre_checkout_query": 150,
    "chosen_inline_result": 600,
}
# Kinds that keep their order with others; the rest have queues of their own.
_TOGETHER = {
    "edited_message": "message",
    "channel_post": "message",
    "edited_channel_post": "message",
    "edited_business_message": "business_message",
    "deleted_business_messages": "business_message",
    "pre_checkout_query": "shipping_query",
    "chat_join_request": "chat_member",
    "removed_chat_boost": "chat_boost",
    "poll_answer": "poll",
}
_BY_PERSON = ("chat_member", "chat_join_request")


def add_update(bot: BotState, kind: str, payload: Mapping[str, Any], now: float) -> Pending | None:
    """Puts an update in line and returns it; None when its kind was not asked for."""
    allowed = bot.webhook.allowed_updates
    if kind not in allowed if allowed else kind in OFF_BY_DEFAULT:
        return None
    body = msgspec.json.encode({"update_id": bot.next_update_id, kind: payload}).decode()
    expires_at = now + _LIFETIMES.get(kind, DAY)
    update = Pending(bot.next_update_id, kind, _queue(kind, payload), body, expires_at)
    bot.next_update_id += 1
    bot.pending.append(update)
    return update


def drop_expired(bot: BotState, now: float) -> None:
    """Forgets the updates that are too old, or would be when they are due."""
    bot.pending[:] = [update for update in bot.pending if max(now, update.due_at) < update.expires_at]


def _queue(kind: str, payload: Mapping[str, Any]) -> str:
    # By chat, but where the kind belongs to a person; polls have neither.
    person = payload.get("from") or payload.get("user") or {}
    chat = {} if kind in _BY_PERSON else payload.get("chat") or {}
    whose = chat.get("id") or person.get("id") or payload.get("id")
    if kind in ("poll", "poll_answer"):
        whose = payload.get("poll_id") or payload.get("id")
    return f"{_TOGETHER.get(kind, kind)}:{whose}"
