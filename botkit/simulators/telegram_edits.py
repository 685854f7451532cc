"""The methods of the simulated Bot API that change a message: edits, deletions, pins and reactions.

https://core.telegram.org/bots/api#updating-messages
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal

from botkit.simulators.telegram_calls import Called, add_message, shallow
from botkit.simulators.telegram_markup import read_markup
from botkit.simulators.telegram_parameters import ApiError
from botkit.simulators.telegram_sending import read_input_media, read_location, read_text
from botkit.simulators.telegram_state import ChatState

DAY = 24 * 3600
#: A message can be deleted for so long.
DELETE_SECONDS = 48 * 3600
MAX_DELETED = 100

_MEDIA = ("photo", "video", "audio", "document", "animation")
_CAPTIONED = (*_MEDIA, "voice")
_SAME = (
    "message is not modified: specified new message content and reply markup are exactly the same as a current content "
    "and reply markup of the message"
)
_SERVICE = ("pinned_message", "new_chat_members", "left_chat_member", "successful_payment", "migrate_to_chat_id")


def _edited(call: Called) -> dict[str, Any]:
    """Returns the message that is to be edited. Raises ApiError."""
    name = call.parameters.get("inline_message_id")
    if name:
        place = call.bot.inline_messages.get(name)
        message = call.bot.chats[place.chat_id].find(place.message_id) if place else None
        if not message:
            raise ApiError(400, "MESSAGE_ID_INVALID")
        return message
    chat = call.find_chat()
    message = chat.find(_identifier(call))
    if not message:
        raise ApiError(400, "message to edit not found")
    if not _is_own(call, message):
        raise ApiError(400, "message can't be edited")
    call.check_rate(chat)
    return message


def _is_own(call: Called, message: Mapping[str, Any]) -> bool:
    authors = [message.get(name, {}).get("id") for name in ("from", "sender_business_bot", "via_bot")]
    is_post = message["chat"]["type"] == "channel"
    return (call.me["id"] in authors or is_post) and not any(name in message for name in _SERVICE)


def _identifier(call: Called) -> int:
    if number := call.parameters.integer("message_id"):
        return number
    raise ApiError(400, "message identifier is not specified")


def _change(call: Called, message: dict[str, Any], content: Mapping[str, Any], *old: str) -> Any:
    """Puts new content (and the call's inline keyboard) in the place of the old members of a message."""
    kind = message.get("chat", {}).get("type", "private")
    kept = {name: value for name, value in message.items() if name not in (*old, "reply_markup", "edit_date")}
    new = kept | dict(content) | read_markup(call.parameters, kind, is_inline_only=True).echo
    if new == {name: value for name, value in message.items() if name != "edit_date"}:
        raise ApiError(400, _SAME)
    message.clear()
    message.update(new)
    if call.parameters.get("inline_message_id"):
        return True
    message["edit_date"] = int(call.now)
    return message


def _edit_text(call: Called) -> Any:
    content = read_text(call)
    message = _edited(call)
    if "text" not in message:
        raise ApiError(400, "there is no text in the message to edit")
    return _change(call, message, content, "text", "entities", "link_preview_options")


def _edit_caption(call: Called) -> Any:
    content = call.texts.caption(call.parameters)
    message = _edited(call)
    if not any(name in message for name in _CAPTIONED):
        raise ApiError(400, "there is no caption in the message to edit")
    return _change(call, message, content, "caption", "caption_entities", "show_caption_above_media")


def _edit_media(call: Called) -> Any:
    item = call.parameters.mapping("media", "can't parse media JSON object")
    content = read_input_media(call, item)
    message = _edited(call)
    if not any(name in message for name in (*_MEDIA, "text")):
        raise ApiError(400, "message can't be edited")
    old = (*_MEDIA, "caption", "caption_entities", "text", "entities", "has_media_spoiler", "show_caption_above_media")
    return _change(call, message, content, *old)


def _edit_markup(call: Called) -> Any:
    return _change(call, _edited(call), {})


def _edit_location(call: Called) -> Any:
    content = read_location(call)
    message = _edited(call)
    _check_live(call, message)
    return _change(call, message, {"location": message["location"] | content["location"]}, "location")


def _stop_location(call: Called) -> Any:
    message = _edited(call)
    _check_live(call, message)
    stopped = {name: value for name, value in message["location"].items() if name != "live_period"}
    return _change(call, message, {"location": stopped}, "location")


def _check_live(call: Called, message: Mapping[str, Any]) -> None:
    period = message.get("location", {}).get("live_period", 0)
    # A message by an inline query has no date that the bot could know.
    if not period or message.get("date", call.now) + period <= call.now:
        raise ApiError(400, "message can't be edited")


def _stop_poll(call: Called) -> dict[str, Any]:
    message = _edited(call)
    if "poll" not in message:
        raise ApiError(400, "message with poll to stop not found")
    if message["poll"]["is_closed"]:
        raise ApiError(400, "poll has already been closed")
    poll: dict[str, Any] = message["poll"] | {"is_closed": True}
    _change(call, message, {"poll": poll}, "poll")
    return poll


def _delete_message(call: Called) -> bool:
    chat = call.find_chat()
    message = chat.find(_identifier(call))
    if not message:
        raise ApiError(400, "message to delete not found")
    if not _can_delete(call, chat, message):
        raise ApiError(400, "message can't be deleted")
    call.check_rate(chat)
    _forget(chat, message)
    return True


def _can_delete(call: Called, chat: ChatState, message: Mapping[str, Any]) -> bool:
    age = call.now - message["date"]
    if age >= DELETE_SECONDS or "group_chat_created" in message or "supergroup_chat_created" in message:
        return False
    if chat.kind == "private":
        return "dice" not in message or age >= DAY
    return chat.status == "administrator" or message.get("from", {}).get("id") == call.me["id"]


def _forget(chat: ChatState, message: Mapping[str, Any]) -> None:
    number = message["message_id"]
    chat.messages[:] = [other for other in chat.messages if other is not message]
    chat.pinned = [pinned for pinned in chat.pinned if pinned != number]
    if chat.keyboard_id == number:
        chat.keyboard, chat.keyboard_id = {}, 0


def _delete_messages(call: Called) -> bool:
    numbers = call.parameters.nested("message_ids", "can't parse message identifiers JSON object")
    if not isinstance(numbers, list) or not numbers:
        raise ApiError(400, "message identifiers are not specified")
    if len(numbers) > MAX_DELETED:
        raise ApiError(400, "too many message identifiers specified")
    chat = call.find_chat()
    found = [message for number in numbers if type(number) is int and (message := chat.find(number))]
    if not all(_can_delete(call, chat, message) for message in found):
        raise ApiError(400, "message can't be deleted")
    call.check_rate(chat)
    for message in found:
        _forget(chat, message)
    return True


def _pin(call: Called) -> bool:
    chat = call.find_chat()
    message = chat.find(_identifier(call))
    if not message:
        raise ApiError(400, "message to pin not found")
    _check_pin_right(chat)
    call.check_rate(chat)
    chat.pinned = [number for number in chat.pinned if number != message["message_id"]] + [message["message_id"]]
    add_message(chat, call.sender(chat) | {"pinned_message": shallow(message)})
    return True


def _check_pin_right(chat: ChatState) -> None:
    if chat.kind != "private" and chat.status != "administrator":
        raise ApiError(400, "not enough rights to manage pinned messages in the chat")


def _unpin(call: Called) -> bool:
    chat = call.find_chat()
    number = call.parameters.integer("message_id") or (chat.pinned[-1] if chat.pinned else 0)
    if number not in chat.pinned:
        raise ApiError(400, "message to unpin not found")
    _check_pin_right(chat)
    chat.pinned.remove(number)
    return True


def _unpin_all(call: Called) -> bool:
    chat = call.find_chat()
    _check_pin_right(chat)
    chat.pinned = []
    return True


def read_reactions(value: Any) -> list[dict[str, Any]]:
    """Returns the ReactionTypes of a list. Raises ApiError for what is none."""
    needs: Mapping[Any, Literal["emoji", "custom_emoji_id"]] = {"emoji": "emoji", "custom_emoji": "custom_emoji_id"}
    kinds = value if isinstance(value, list) else [value]
    if not all(isinstance(kind, dict) and kind.get(needs.get(kind.get("type"), "")) for kind in kinds):
        raise ApiError(400, "REACTION_INVALID")
    return kinds


def _set_reaction(call: Called) -> bool:
    kinds = read_reactions(call.parameters.nested("reaction", "can't parse reaction types JSON object") or [])
    chat = call.find_chat()
    number = _identifier(call)
    if not chat.find(number):
        raise ApiError(400, "message to react not found")
    # A bot has no Premium, so one reaction is all it has.
    if len(kinds) > 1:
        raise ApiError(400, "REACTIONS_TOO_MANY")
    chat.reactions[f"{number}:{call.me['id']}"] = kinds
    return True


#: The methods that change a message, by their names in lower case.
EDITS: Mapping[str, Callable[[Called], Any]] = {
    "editmessagetext": _edit_text,
    "editmessagecaption": _edit_caption,
    "editmessagemedia": _edit_media,
    "editmessagereplymarkup": _edit_markup,
    "editmessagelivelocation": _edit_location,
    "stopmessagelivelocation": _stop_location,
    "stoppoll": _stop_poll,
    "deletemessage": _delete_message,
    "deletemessages": _delete_messages,
    "pinchatmessage": _pin,
    "unpinchatmessage": _unpin,
    "unpinallchatmessages": _unpin_all,
    "setmessagereaction": _set_reaction,
}
