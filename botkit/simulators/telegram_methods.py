"""The methods of the simulated Bot API, each with the service's checks and texts."""

import ipaddress
import re
from collections.abc import Callable, Mapping
from hashlib import blake2b
from math import isfinite
from typing import Any
from urllib.parse import SplitResult, urlsplit

import msgspec
from msgspec import Struct

from botkit.simulators.telegram_parameters import (
    ApiError,
    Parameters,
    read_caption,
    read_markup,
    read_text,
)
from botkit.simulators.telegram_state import BotState, ChatState, StoredFile, Webhook

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
#: The screen keeps this many messages of a chat.
MAX_MESSAGES = 500
MAX_DOWNLOAD = 20 * 1024 * 1024
TYPING_SECONDS = 5

# fmt: off
_ACTIONS = (
    "typing", "upload_photo", "record_video", "upload_video", "record_voice", "upload_voice", "upload_document",
    "choose_sticker", "find_location", "record_video_note", "upload_video_note", "record_audio", "upload_audio",
    "cancel",
)
# fmt: on
#: What a file fetched by its address may end in; no ending at all is left to the fetch.
_ENDINGS: Mapping[str, tuple[str, ...]] = {
    "photo": ("jpg", "jpeg", "png", "webp", "gif", "bmp"),
    "document": ("gif", "pdf", "zip"),
    "video": ("mp4",),
    "audio": ("mp3", "m4a"),
    "voice": ("ogg", "oga"),
}
_TOO_OLD = "query is too old and response timeout expired or query ID is invalid"


class Called(Struct):
    """One call: of which bot (`me` is its User object), with what, and when."""

    me: dict[str, Any]
    bot: BotState
    people: dict[int, dict[str, Any]]
    parameters: Parameters
    now: float
    is_local: bool
    #: Raises ApiError when too much was sent, in all or to one chat.
    check_rate: Callable[[int], None]

    def post(self, content: dict[str, Any]) -> dict[str, Any]:
        """Puts a message of the bot into the chat that `chat_id` names, and returns it. Raises ApiError."""
        markup = read_markup(self.parameters)
        chat_id, chat = self.find_chat()
        reply = self._replied(chat)
        self.check_rate(chat_id)
        sender = {"from": self.me, "chat": private_chat(self.people[chat_id]), "date": int(self.now)}
        chat.typing_until = 0
        return add_message(chat, sender | reply | content | markup)

    def find_chat(self) -> tuple[int, ChatState]:
        """Returns the chat that may be written to. Raises ApiError."""
        text = self.parameters.get("chat_id").strip()
        if not text:
            raise ApiError(400, "chat_id is empty")
        chat_id = int(text) if re.fullmatch(r"-?[0-9]{1,18}", text) else 0
        if chat_id not in self.people:
            raise ApiError(400, "chat not found")
        if chat_id not in self.bot.chats:
            raise ApiError(403, "bot can't initiate conversation with a user")
        if self.bot.chats[chat_id].is_blocked:
            raise ApiError(403, "bot was blocked by the user")
        self._check_place()
        return chat_id, self.bot.chats[chat_id]

    def _check_place(self) -> None:
        # The simulated chats are private, without topics and without a business account behind them.
        if self.parameters.get("business_connection_id"):
            raise ApiError(400, "business connection not found")
        if self.parameters.integer("message_thread_id"):
            raise ApiError(400, "message thread not found")

    def _replied(self, chat: ChatState) -> dict[str, Any]:
        given = self.parameters.nested("reply_parameters", "object expected as reply parameters") or {}
        if not isinstance(given, dict):
            raise ApiError(400, "object expected as reply parameters")
        message_id = given.get("message_id") or self.parameters.integer("reply_to_message_id")
        if not message_id:
            return {}
        message = next((message for message in chat.messages if message["message_id"] == message_id), None)
        if message:
            return {"reply_to_message": {key: value for key, value in message.items() if key != "reply_to_message"}}
        if given.get("allow_sending_without_reply") or self.parameters.is_true("allow_sending_without_reply"):
            return {}
        raise ApiError(400, "message to be replied not found")


def private_chat(user: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the Chat object of a person."""
    names = ("id", "first_name", "last_name", "username")
    return {name: user[name] for name in names if name in user} | {"type": "private"}


def add_message(chat: ChatState, content: dict[str, Any]) -> dict[str, Any]:
    """Gives a message its id, shows it in the chat and returns it; the oldest ones make room."""
    message = {"message_id": chat.next_message_id} | content
    chat.next_message_id += 1
    chat.messages.append(message)
    del chat.messages[:-MAX_MESSAGES]
    return message


def file_id(*parts: object) -> str:
    """Returns the id of a file, always the same for the same parts."""
    return "AgAC" + blake2b("|".join(map(str, parts)).encode(), digest_size=16).hexdigest()


def _get_me(call: Called) -> dict[str, Any]:
    groups = {"can_join_groups": True, "can_read_all_group_messages": False, "supports_inline_queries": False}
    return call.me | groups | {"can_connect_to_business": False, "has_main_web_app": False}


def _send_message(call: Called) -> dict[str, Any]:
    return call.post(read_text(call.parameters))


def _sender_of(kind: str) -> Callable[[Called], dict[str, Any]]:
    def send(call: Called) -> dict[str, Any]:
        given = call.parameters.get(kind).strip()
        if not given:
            raise ApiError(400, f"there is no {kind} in the request")
        stored = call.bot.files.get(given)
        if not stored:
            _check_address(kind, given)
        elif stored.kind != kind:
            raise ApiError(400, f"can't use file of type {stored.kind.title()} as {kind.title()}")
        message = call.post(read_caption(call.parameters) | _file(kind, given, stored))
        if not stored:
            call.bot.files[file_id(kind, given)] = StoredFile(kind, 1024, name=_name(given), url=given)
        return message

    return send


def _check_address(kind: str, given: str) -> None:
    if "." not in given and "://" not in given:
        raise ApiError(400, "wrong remote file identifier specified: Wrong string length")
    parts = _split(given)
    if not parts or parts.scheme not in ("http", "https") or not parts.hostname:
        raise ApiError(400, "wrong HTTP URL specified")
    ending = _name(given).lower().rpartition(".")[2] if "." in _name(given) else ""
    if ending and ending not in _ENDINGS[kind]:
        raise ApiError(400, "wrong type of the web page content")


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        # Reading the port checks it.
        return parts if parts.port != 0 else None
    except ValueError:
        return None


def _name(url: str) -> str:
    return urlsplit(url).path.rpartition("/")[2]


def _file(kind: str, given: str, stored: StoredFile | None) -> dict[str, Any]:
    name = given if stored else file_id(kind, given)
    size = stored.size if stored else 1024
    reference: dict[str, Any] = {"file_id": name, "file_unique_id": name[-16:], "file_size": size}
    if kind == "photo":
        return {"photo": [reference | {"width": 640, "height": 480}]}
    if kind == "document":
        return {"document": reference | {"file_name": stored.name if stored else _name(given)}}
    return {kind: reference | {"duration": 1} | ({"width": 640, "height": 480} if kind == "video" else {})}


def _send_location(call: Called) -> dict[str, Any]:
    latitude, longitude = call.parameters.number("latitude"), call.parameters.number("longitude")
    if not (isfinite(latitude) and isfinite(longitude) and abs(latitude) <= 90 and abs(longitude) <= 180):
        raise ApiError(400, "invalid location specified")
    return call.post({"location": {"latitude": latitude, "longitude": longitude}})


def _send_contact(call: Called) -> dict[str, Any]:
    contact = {"phone_number": call.parameters.required("phone_number")}
    contact["first_name"] = call.parameters.required("first_name")
    last_name = call.parameters.get("last_name")
    return call.post({"contact": contact | ({"last_name": last_name} if last_name else {})})


def _send_chat_action(call: Called) -> bool:
    if call.parameters.get("action").strip().lower() not in _ACTIONS:
        raise ApiError(400, "wrong parameter action in request")
    _, chat = call.find_chat()
    chat.typing_until = call.now + TYPING_SECONDS
    return True


def _answer_callback_query(call: Called) -> bool:
    query = call.bot.queries.get(call.parameters.get("callback_query_id"))
    if not query or query.expires_at <= call.now:
        raise ApiError(400, _TOO_OLD)
    text = call.parameters.get("text")
    if len(text) > 200:
        raise ApiError(400, "MESSAGE_TOO_LONG")
    query.is_answered = True
    if text:
        # Shown over the chat for a moment; it is no message and has no id.
        call.bot.chats[query.chat_id].messages.append({"message_id": 0, "notification": text})
    return True


def _get_file(call: Called) -> dict[str, Any]:
    name = call.parameters.get("file_id")
    if not name:
        raise ApiError(400, "file_id not specified")
    stored = call.bot.files.get(name)
    if not stored:
        raise ApiError(400, "invalid file_id")
    if stored.size > MAX_DOWNLOAD:
        raise ApiError(400, "file is too big")
    path = f"{stored.kind}s/{name[-8:]}"
    return {"file_id": name, "file_unique_id": name[-16:], "file_size": stored.size, "file_path": path}


def _set_webhook(call: Called) -> str:
    parameters, old = call.parameters, call.bot.webhook
    url = parameters.get("url").strip()
    if not url:
        return _delete_webhook(call)
    secret = parameters.get("secret_token")
    if len(secret) > 256:
        raise ApiError(400, "secret token is too long")
    if not re.fullmatch(r"[A-Za-z0-9_-]*", secret):
        raise ApiError(400, "secret token contains unallowed characters")
    _check_webhook_url(url, is_local=call.is_local)
    most = min(max(parameters.integer("max_connections", 40), 1), 100)
    is_same = (old.url, old.secret, old.max_connections) == (url, secret, most)
    old.allowed_updates = _allowed_updates(parameters, old.allowed_updates)
    if is_same and not parameters.is_true("drop_pending_updates"):
        return "Webhook is already set"
    _drop_pending(call)
    call.bot.webhook = Webhook(url, secret, most, old.allowed_updates, changed_at=call.now)
    return "Webhook was set"


def _check_webhook_url(url: str, *, is_local: bool) -> None:
    parts = _split(url)
    if not parts or parts.scheme not in ("http", "https") or not parts.hostname:
        raise ApiError(400, "invalid webhook URL specified")
    if is_local:
        return
    if parts.scheme != "https":
        raise ApiError(400, "bad webhook: An HTTPS URL must be provided for webhook")
    if parts.port not in (None, 80, 88, 443, 8443):
        raise ApiError(400, "bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443")
    try:
        address = ipaddress.ip_address(parts.hostname)
    except ValueError:
        return
    if address.version == 6:
        raise ApiError(400, "bad webhook: IPv6-only addresses are not allowed")
    if not address.is_global:
        raise ApiError(400, f"bad webhook: IP address {address} is reserved")


def _allowed_updates(parameters: Parameters, old: list[str]) -> list[str]:
    """Returns the chosen kinds, an empty list for the default ones; what cannot be read counts as not given."""
    try:
        names = msgspec.json.decode(parameters.get("allowed_updates"), type=list[str])
    except msgspec.DecodeError:
        return old
    known = {name.lower() for name in names} & set(KINDS)
    return [] if known == set(KINDS) - OFF_BY_DEFAULT else sorted(known)


def _drop_pending(call: Called) -> None:
    if call.parameters.is_true("drop_pending_updates"):
        call.bot.pending.clear()


def _delete_webhook(call: Called) -> str:
    _drop_pending(call)
    if not call.bot.webhook.url:
        return "Webhook is already deleted"
    call.bot.webhook = Webhook(allowed_updates=call.bot.webhook.allowed_updates, changed_at=call.now)
    return "Webhook was deleted"


def _get_webhook_info(call: Called) -> dict[str, Any]:
    webhook = call.bot.webhook
    info = {"url": webhook.url, "has_custom_certificate": False, "pending_update_count": len(call.bot.pending)}
    if webhook.failure:
        info |= {"last_error_date": int(webhook.failed_at), "last_error_message": webhook.failure}
    if webhook.url:
        info |= {"ip_address": "<unknown>", "max_connections": webhook.max_connections}
    return info | ({"allowed_updates": webhook.allowed_updates} if webhook.allowed_updates else {})


#: By their names in lower case: Telegram does not mind the case. A text as the result is a `description`.
METHODS: Mapping[str, Callable[[Called], Any]] = {
    "getme": _get_me,
    "sendmessage": _send_message,
    "sendphoto": _sender_of("photo"),
    "senddocument": _sender_of("document"),
    "sendvideo": _sender_of("video"),
    "sendaudio": _sender_of("audio"),
    "sendvoice": _sender_of("voice"),
    "sendlocation": _send_location,
    "sendcontact": _send_contact,
    "sendchataction": _send_chat_action,
    "answercallbackquery": _answer_callback_query,
    "getfile": _get_file,
    "setwebhook": _set_webhook,
    "deletewebhook": _delete_webhook,
    "getwebhookinfo": _get_webhook_info,
}
