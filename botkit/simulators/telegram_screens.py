"""What a phone with the simulated Telegram shows of a chat."""

from collections.abc import Mapping, Sequence
from typing import Any

from botkit.simulators.simulator import Bubble, Choice
from botkit.simulators.telegram_state import ChatState, StoredFile

# The member of a Message that holds its content, and what the screen calls it; the first that is there counts.
_SHOWN = {
    "photo": "image",
    "animation": "animation",
    "document": "file",
    "video": "video",
    "audio": "audio",
    "voice": "voice",
    "video_note": "video_note",
    "sticker": "sticker",
    "venue": "venue",
    "location": "location",
    "contact": "contact",
    "dice": "dice",
    "poll": "poll",
    "invoice": "invoice",
}
# What the service itself writes into a chat.
_SERVICE = (
    "notification", "new_chat_members", "left_chat_member", "pinned_message", "migrate_to_chat_id",
    "migrate_from_chat_id", "forum_topic_created", "successful_payment", "web_app_data", "users_shared", "chat_shared",
    "group_chat_created", "supergroup_chat_created",
)  # fmt: skip


def read_screen(chat: ChatState, files: Mapping[str, StoredFile], now: float) -> Sequence[Bubble]:
    """Returns the bubbles of a chat, oldest first, and that somebody types."""
    is_typing = now < chat.typing_until
    return [*(_bubble(chat, files, message) for message in chat.messages), *[Bubble("bot", "typing")] * is_typing]


def _bubble(chat: ChatState, files: Mapping[str, StoredFile], message: Mapping[str, Any]) -> Bubble:
    service = next((name for name in _SERVICE if name in message), "")
    if service:
        return Bubble("service", service, _service_text(message[service]))
    content = next((name for name in _SHOWN if name in message), "text")
    author = message.get("via_bot") or message.get("sender_business_bot") or message.get("from") or {"is_bot": True}
    return Bubble(
        "bot" if author["is_bot"] else "person",
        _SHOWN.get(content, content),
        _text(content, message),
        _source(files, message.get(content)),
        [[choice(button) for button in row] for row in rows(chat, message)],
    )


def _service_text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(str(user["first_name"]) for user in value)
    if isinstance(value, dict):
        names = ("text", "first_name", "name", "data", "invoice_payload")
        return str(next((value[name] for name in names if name in value), ""))
    return str(value)


def _text(content: str, message: Mapping[str, Any]) -> str:
    value = message.get(content)
    match content:
        case "location":
            return f"{message['location']['latitude']}, {message['location']['longitude']}"
        case "venue" | "invoice":
            return (
                f"{message[content]['title']}: {message[content].get('address', message[content].get('description'))}"
            )
        case "contact":
            return f"{message['contact']['first_name']} {message['contact']['phone_number']}"
        case "dice":
            return f"{message['dice']['emoji']} {message['dice']['value']}"
        case "poll":
            return str(message["poll"]["question"])
        case "sticker" if isinstance(value, dict):
            return str(value.get("emoji", ""))
    return str(message.get("text") or message.get("caption", ""))


def _source(files: Mapping[str, StoredFile], content: Any) -> str:
    file = content[-1] if isinstance(content, list) else content
    stored = files.get(file.get("file_id", "")) if isinstance(file, dict) else None
    return (stored.url or stored.name) if stored else ""


def rows(chat: ChatState, message: Mapping[str, Any]) -> list[list[dict[str, Any]]]:
    """Returns the buttons that can be pressed at a message: its inline ones, or the keyboard it brought."""
    if chat.keyboard and message["message_id"] == chat.keyboard_id:
        keyboard: list[list[Any]] = chat.keyboard["keyboard"]
        return [[{"text": key} if isinstance(key, str) else key for key in row] for row in keyboard]
    inline: list[list[dict[str, Any]]] = message.get("reply_markup", {}).get("inline_keyboard", [])
    return inline


def choice(button: Mapping[str, Any]) -> Choice:
    """Returns a button as the screen shows it."""
    page = button.get("web_app") or button.get("login_url") or {}
    if address := button.get("url") or page.get("url"):
        return Choice(button["text"], "link", address)
    if button.get("request_contact"):
        return Choice(button["text"], "contact")
    if button.get("request_location"):
        return Choice(button["text"], "location")
    return Choice(button["text"], "reply", button.get("callback_data", ""))
