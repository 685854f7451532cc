"""One call of a bot to the simulated Bot API: the chat it is about, what it may do there, and what comes of it."""

import re
from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any, Protocol

from msgspec import Struct

from botkit.simulators.telegram_markup import Markup, read_markup
from botkit.simulators.telegram_parameters import ApiError, Parameters
from botkit.simulators.telegram_state import BotState, ChatState, Options
from botkit.simulators.telegram_texts import Texts

#: The screen keeps this many messages of a chat.
MAX_MESSAGES = 500

# What a refusal in a group without the right calls the content of a Message.
_NOUNS = {
    "photo": "photos",
    "document": "documents",
    "video": "videos",
    "audio": "music",
    "voice": "voice notes",
    "animation": "animations",
    "video_note": "video notes",
    "sticker": "stickers",
    "poll": "polls",
}


class Counter(Protocol):
    """Counts a message to a chat. Raises ApiError when there were too many."""

    def __call__(self, chat_id: int, *, is_group: bool, is_paid: bool) -> None:
        """Counts one."""


class Called(Struct):
    """One call: of which bot (`me` is its User object), with what, and when. `queue` puts an update in line."""

    me: dict[str, Any]
    bot: BotState
    people: dict[int, dict[str, Any]]
    parameters: Parameters
    now: float
    options: Options
    count: Counter
    queue: Callable[[str, Mapping[str, Any]], None]

    @property
    def texts(self) -> Texts:
        """How texts are read."""
        return Texts(self.people, self.options.counts_code_points)

    def post(self, content: dict[str, Any]) -> dict[str, Any]:
        """Puts a message of the bot into the chat that `chat_id` names, and returns it. Raises ApiError."""
        kind = self._kind()
        markup = read_markup(self.parameters, kind)
        chat = self.find_chat()
        self.check_right(chat, content)
        head = self.sender(chat) | self._reply(chat) | self._extras(chat)
        self.check_rate(chat)
        chat.typing_until = 0
        message = add_message(chat, head | content | markup.echo)
        _apply(chat, markup, message["message_id"])
        return message

    def check_rate(self, chat: ChatState) -> None:
        """Counts one message to the chat. Raises ApiError when there were too many."""
        is_group = chat.kind in ("group", "supergroup")
        self.count(chat.id, is_group=is_group, is_paid=self.parameters.is_true("allow_paid_broadcast"))

    def sender(self, chat: ChatState) -> dict[str, Any]:
        """Returns the head of a message of the bot in this chat: in a channel the channel itself speaks."""
        connection = self.parameters.get("business_connection_id")
        author: dict[str, Any] = {"sender_chat": chat.info} if chat.kind == "channel" else {"from": self.me}
        if connection:
            owner = self.bot.business[connection].info["user"]
            author = {"from": owner, "sender_business_bot": self.me, "business_connection_id": connection}
        return author | {"chat": chat.info, "date": int(self.now)}

    def _kind(self) -> str:
        """Returns the kind of the chat, as far as it is known before it is looked up."""
        found = self.lookup(self.parameters.get("chat_id").strip())
        return found.kind if found else "private"

    def lookup(self, text: str) -> ChatState | None:
        """Returns the chat that an id or a @name means, whatever became of it."""
        if text.startswith("@"):
            names = {chat.info.get("username", "").lower(): chat for chat in self.bot.chats.values() if chat.id < 0}
            return names.get(text[1:].lower())
        connection = self.bot.business.get(self.parameters.get("business_connection_id"))
        chats = connection.chats if connection else self.bot.chats
        return chats.get(int(text)) if re.fullmatch(r"-?[0-9]{1,18}", text) else None

    def find_chat(self, name: str = "chat_id") -> ChatState:
        """Returns the chat that may be written to. Raises ApiError."""
        text = self.parameters.get(name).strip()
        if not text:
            raise ApiError(400, f"{name} is empty")
        connection = self.parameters.get("business_connection_id")
        if connection and not self.bot.business.get(connection):
            raise ApiError(400, "business connection not found")
        chat = self.lookup(text)
        if not chat:
            if text.isdecimal() and int(text) in self.people:
                raise ApiError(403, "bot can't initiate conversation with a user")
            raise ApiError(400, "chat not found")
        check_open(chat)
        self._check_topic(chat)
        return chat

    def _check_topic(self, chat: ChatState) -> None:
        thread = self.parameters.integer("message_thread_id")
        topic = chat.topics.get(thread)
        if thread and not topic:
            raise ApiError(400, "message thread not found")
        if topic and topic.is_closed and chat.status != "administrator":
            raise ApiError(400, "TOPIC_CLOSED")
        if (
            chat.info.get("is_direct_messages")
            and self.parameters.integer("direct_messages_topic_id") not in chat.topics
        ):
            raise ApiError(400, "invalid direct messages chat topic identifier specified")

    def check_right(self, chat: ChatState, content: Mapping[str, Any]) -> None:
        """Raises ApiError when the bot may not send such content there."""
        if chat.kind == "channel" and chat.status != "administrator":
            raise ApiError(400, "need administrator rights in the channel chat")
        noun = next((noun for name, noun in _NOUNS.items() if name in content), "text messages")
        if noun in chat.forbidden and chat.status != "administrator":
            raise ApiError(400, f"not enough rights to send {noun} to the chat")

    def _reply(self, chat: ChatState) -> dict[str, Any]:
        complaint = "object expected as reply parameters"
        given = self.parameters.mapping("reply_parameters", complaint)
        message_id = given.get("message_id") or self.parameters.integer("reply_to_message_id")
        if not message_id:
            return {}
        source = self.lookup(str(given["chat_id"])) if "chat_id" in given else chat
        if not source:
            raise ApiError(400, "chat not found")
        if message := source.find(int(message_id)):
            quote = self._quote(given, message)
            if source is chat:
                return {"reply_to_message": shallow(message)} | quote
            return {"external_reply": {"origin": origin(message), "message_id": message_id}} | quote
        if given.get("allow_sending_without_reply") or self.parameters.is_true("allow_sending_without_reply"):
            return {}
        raise ApiError(400, "message to be replied not found")

    def _quote(self, given: Mapping[str, Any], message: Mapping[str, Any]) -> dict[str, Any]:
        if not given.get("quote"):
            return {}
        quoted = Parameters(given)
        text, entities = self.texts.formatted(quoted, quoted.get("quote"), "quote_entities", "quote_parse_mode")
        whole = message.get("text") or message.get("caption", "")
        if self.texts.length(text) > 1024 or text not in whole:
            raise ApiError(400, "QUOTE_TEXT_INVALID")
        place = {"text": text, "position": self.texts.length(whole[: whole.index(text)]), "is_manual": True}
        return {"quote": place | ({"entities": entities} if entities else {})}

    def _extras(self, chat: ChatState) -> dict[str, Any]:
        parameters = self.parameters
        extras: dict[str, Any] = {"has_protected_content": True} if parameters.is_true("protect_content") else {}
        if effect := parameters.get("message_effect_id"):
            extras["effect_id"] = effect
        if thread := parameters.integer("message_thread_id"):
            extras |= {"message_thread_id": thread, "is_topic_message": True}
        if chat.info.get("is_direct_messages"):
            extras["direct_messages_topic"] = {"topic_id": parameters.integer("direct_messages_topic_id")}
        return extras


def check_open(chat: ChatState) -> None:
    """Raises ApiError for a chat that the bot cannot reach any more."""
    names = {"group": "group", "supergroup": "supergroup", "channel": "channel"}
    name = names.get(chat.kind, "")
    if chat.migrated_to:
        what = "group chat was upgraded to a supergroup chat"
        raise ApiError(400, what, migrate_to_chat_id=chat.migrated_to)
    if chat.is_deactivated:
        raise ApiError(403, "user is deactivated")
    if chat.is_blocked:
        raise ApiError(403, "bot was blocked by the user")
    if chat.is_deleted:
        raise ApiError(403, "the group chat was deleted")
    if chat.status == "kicked":
        raise ApiError(403, f"bot was kicked from the {name} chat")
    if chat.status == "left":
        raise ApiError(403, f"bot is not a member of the {name} chat")


def _apply(chat: ChatState, markup: Markup, message_id: int) -> None:
    """Shows, replaces or takes away what stands under the chat's input field."""
    if markup.kind == "keyboard":
        chat.keyboard, chat.keyboard_id = dict(markup.value), message_id
    elif markup.kind == "remove":
        chat.keyboard, chat.keyboard_id = {}, 0
    elif markup.kind == "force":
        chat.forced_reply = message_id


def private_chat(user: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the Chat object of a person."""
    names = ("id", "first_name", "last_name", "username")
    return {name: user[name] for name in names if name in user} | {"type": "private"}


def shallow(message: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a message as it stands in another one, which shows one level only."""
    return {key: value for key, value in message.items() if key not in ("reply_to_message", "pinned_message")}


def origin(message: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the MessageOrigin of a message that is shown elsewhere."""
    if "from" in message:
        return {"type": "user", "date": message["date"], "sender_user": message["from"]}
    number = message["message_id"]
    return {"type": "channel", "date": message["date"], "chat": message["chat"], "message_id": number}


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
