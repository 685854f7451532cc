"""The methods of the simulated Bot API about the bot itself and the chats that it is in."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from botkit.simulators.telegram_calls import Called, check_open, shallow
from botkit.simulators.telegram_parameters import ApiError
from botkit.simulators.telegram_state import ChatState

MAX_COMMANDS = 100

_COMMAND = re.compile(r"[a-z0-9_]{1,32}")
# fmt: off
_RIGHTS = (
    "can_be_edited", "can_manage_chat", "can_delete_messages", "can_manage_video_chats", "can_restrict_members",
    "can_promote_members", "can_change_info", "can_invite_users", "can_post_stories", "can_edit_stories",
    "can_delete_stories", "can_send_welcome_messages",
)
# fmt: on


def _get_me(call: Called) -> dict[str, Any]:
    reads_all = not call.bot.has_privacy_mode
    groups = {"can_join_groups": True, "can_read_all_group_messages": reads_all, "supports_inline_queries": True}
    return call.me | groups | {"can_connect_to_business": True, "has_main_web_app": False}


def _scope(call: Called) -> str:
    scope = call.parameters.mapping("scope", "can't parse BotCommandScope") or {"type": "default"}
    return msgspec.json.encode([scope, call.parameters.get("language_code")], order="sorted").decode()


def _set_commands(call: Called) -> bool:
    commands = call.parameters.objects("commands", "can't parse commands JSON object")
    if len(commands) > MAX_COMMANDS:
        raise ApiError(400, "BOT_COMMANDS_TOO_MUCH")
    for command in commands:
        # A slash in front is taken away.
        command["command"] = str(command.get("command", "")).removeprefix("/")
        if not _COMMAND.fullmatch(command["command"]):
            raise ApiError(400, "BOT_COMMAND_INVALID")
        if not 1 <= len(str(command.get("description", ""))) <= 256:
            raise ApiError(400, "BOT_COMMAND_DESCRIPTION_INVALID")
    call.bot.commands[_scope(call)] = [
        {"command": command["command"], "description": command["description"]} for command in commands
    ]
    return True


def _get_commands(call: Called) -> list[dict[str, Any]]:
    return call.bot.commands.get(_scope(call), [])


def _delete_commands(call: Called) -> bool:
    call.bot.commands.pop(_scope(call), None)
    return True


def _get_chat(call: Called) -> dict[str, Any]:
    chat = _looked_up(call)
    gifts = ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels")
    full = {"accent_color_id": 0, "max_reaction_count": 11, "accepted_gift_types": dict.fromkeys(gifts, False)}
    pinned = chat.find(chat.pinned[-1]) if chat.pinned else None
    return chat.info | full | ({"pinned_message": shallow(pinned)} if pinned else {})


def _looked_up(call: Called) -> ChatState:
    text = call.parameters.get("chat_id").strip()
    if not text:
        raise ApiError(400, "chat_id is empty")
    chat = call.lookup(text)
    if not chat:
        raise ApiError(400, "chat not found")
    if chat.kind != "private":
        check_open(chat)
    return chat


def _leave_chat(call: Called) -> bool:
    chat = _looked_up(call)
    if chat.kind == "private":
        raise ApiError(400, "chat member status can't be changed in private chats")
    old, chat.status = chat.status, "left"
    call.queue("my_chat_member", member_change(chat, call.me, call.me, old, "left", call.now))
    return True


def _approve(call: Called) -> bool:
    chat, user_id = _requested(call)
    chat.members[user_id] = "member"
    user = call.people[user_id]
    call.queue("chat_member", member_change(chat, call.me, user, "left", "member", call.now))
    return True


def _decline(call: Called) -> bool:
    _requested(call)
    return True


def _requested(call: Called) -> tuple[ChatState, int]:
    """Takes a request to join away, and returns whose it was."""
    chat, user_id = _looked_up(call), call.parameters.integer("user_id")
    if chat.status != "administrator":
        raise ApiError(400, "CHAT_ADMIN_REQUIRED")
    if user_id not in chat.requests:
        raise ApiError(400, "HIDE_REQUESTER_MISSING")
    chat.requests.remove(user_id)
    return chat, user_id


def member_change(
    chat: ChatState, author: Mapping[str, Any], whose: Mapping[str, Any], old: str, new: str, now: float
) -> dict[str, Any]:
    """Returns the ChatMemberUpdated for somebody whose status in a chat changed."""
    change = {"old_chat_member": _member(whose, old), "new_chat_member": _member(whose, new)}
    return {"chat": chat.info, "from": author, "date": int(now)} | change


def _member(user: Mapping[str, Any], status: str) -> dict[str, Any]:
    member: dict[str, Any] = {"user": user, "status": status}
    if status == "kicked":
        return member | {"until_date": 0}
    if status == "administrator":
        return member | dict.fromkeys(_RIGHTS, True) | {"is_anonymous": False}
    return member


#: The methods about the bot and its chats, by their names in lower case.
ADMINISTRATION: Mapping[str, Callable[[Called], Any]] = {
    "getme": _get_me,
    "setmycommands": _set_commands,
    "getmycommands": _get_commands,
    "deletemycommands": _delete_commands,
    "getchat": _get_chat,
    "leavechat": _leave_chat,
    "approvechatjoinrequest": _approve,
    "declinechatjoinrequest": _decline,
}
