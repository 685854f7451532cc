"""Which chat, topic or business connection a conversation is, and what of that a method is told.

https://core.telegram.org/bots/api#available-methods
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

_FORM = re.compile(r"(-?\d{1,19}|@[A-Za-z]\w{0,63})(?:/(d?)(\d{1,19}))?(?:@(\S+))?", re.ASCII)

_SENDS = ("send", "copy", "forward")
# Drafts and topics are named by their thread too, and nothing else of the kind.
_IN_THREADS = (*_SENDS, "closeForumTopic", "deleteForumTopic", "editForumTopic", "reopenForumTopic")
_NOT_TO_DIRECT_TOPICS = ("sendChatAction", "sendGame", "sendPoll", "sendGift", "sendMessageDraft")
_FOR_BUSINESS = ("send", "editMessage", "pinChatMessage", "unpinChatMessage", "stop", "read", "deleteBusinessMessages")
_NOT_FOR_BUSINESS = ("sendInvoice", "sendGift", "sendMessageDraft")
# They are about a query, a file or the bot itself.
_ABOUT_NO_CHAT = ("answer", "getFile", "getMe", "getMy", "setMy", "deleteMy", "deleteBusinessMessages")


_IS_TAKEN: Mapping[str, Callable[[str], bool]] = {
    "chat_id": lambda method: not method.startswith(_ABOUT_NO_CHAT),
    "message_thread_id": lambda method: method.startswith(_IN_THREADS),
    "direct_messages_topic_id": (
        lambda method: method.startswith(_SENDS) and not method.startswith(_NOT_TO_DIRECT_TOPICS)
    ),
    "business_connection_id": (
        lambda method: method.startswith(_FOR_BUSINESS) and not method.startswith(_NOT_FOR_BUSINESS)
    ),
}


@lru_cache(maxsize=4096)
def address_of(place: str) -> Mapping[str, Any]:
    """Returns the parameters that name a conversation, by its id, or nothing if that names no chat."""
    match = _FORM.fullmatch(place)
    if not match:
        return {}
    chat, is_direct, topic, business = match.groups()
    address: dict[str, Any] = {"chat_id": chat if chat.startswith("@") else int(chat)}
    if topic:
        address["direct_messages_topic_id" if is_direct else "message_thread_id"] = int(topic)
    if business:
        address["business_connection_id"] = business
    return address


def is_private(place: str) -> bool:
    """Whether one person talks to the bot itself there: such chats have positive ids, and no business between."""
    address = address_of(place)
    chat = address.get("chat_id")
    return isinstance(chat, int) and chat > 0 and "business_connection_id" not in address


def address_for(method: str, address: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what of a conversation's address a method takes."""
    return {name: value for name, value in address.items() if _IS_TAKEN[name](method)}
