"""The people of the simulated Telegram: what they write, in their private chat with a bot and elsewhere."""

import re
from collections.abc import Mapping
from typing import Any

from botkit.simulators.simulator import NotOnScreenError, Person, phone_number
from botkit.simulators.telegram_administration import member_change
from botkit.simulators.telegram_calls import add_message, file_id, private_chat, shallow
from botkit.simulators.telegram_entities import find_entities
from botkit.simulators.telegram_places import Connection, Group, Place, user_of
from botkit.simulators.telegram_queries import ask
from botkit.simulators.telegram_server import TelegramServer
from botkit.simulators.telegram_state import BotState, ChatState, StoredFile, Topic

_CONTEXT = re.compile(r"[A-Za-z0-9_-]{0,64}")
MAX_ALBUM = 10


class TelegramPhones(TelegramServer):
    """Phones with Telegram on them; `where` is a group, a channel or a business account instead of the private chat."""

    async def opens(self, ta: str, person: Person, context: str = "") -> None:
        """The person presses Start, with what a deep link carried: at most 64 of A-Z a-z 0-9 _ and -."""
        if not _CONTEXT.fullmatch(context):
            raise ValueError("a deep link carries at most 64 of A-Z a-z 0-9 _ and -")
        await self.says(ta, person, f"/start {context}".strip())

    async def says(self, ta: str, person: Person, text: str, *, where: Place = None) -> None:
        """The person writes a text; the first one opens the chat."""
        if not text.strip():
            raise NotOnScreenError("an empty text cannot be sent")
        await self._writes(ta, person, _marked("text", text.strip()), where)

    async def sends_photo(self, ta: str, person: Person, caption: str = "", *, where: Place = None) -> None:
        """The person sends a picture, in two sizes."""
        await self._writes(ta, person, self._photo(ta) | _marked("caption", caption), where)

    async def sends_album(
        self, ta: str, person: Person, captions: tuple[str, ...] = ("", ""), *, where: Place = None
    ) -> None:
        """The person sends an album of pictures, one for each caption: several updates with one `media_group_id`.

        Raises NotOnScreenError for less than 2 and more than 10.
        """
        if not 2 <= len(captions) <= MAX_ALBUM:
            raise NotOnScreenError(f"an album has 2 to {MAX_ALBUM} pictures")
        group = {"media_group_id": str(int(self.clock.timestamp() * 1000)) + str(self.bot(ta).next_update_id)}
        for caption in captions:
            await self._writes(ta, person, self._photo(ta) | group | _marked("caption", caption), where)

    def _photo(self, ta: str) -> dict[str, Any]:
        small, big = self._stored(ta, "photo", 90, 60, 1200), self._stored(ta, "photo", 1280, 853, 88000)
        return {"photo": [small, big]}

    def _stored(self, ta: str, kind: str, width: int, height: int, size: int) -> dict[str, Any]:
        bot = self.bot(ta)
        name = file_id(kind, width, bot.next_update_id, len(bot.files))
        bot.files[name] = StoredFile(kind, size, width=width, height=height)
        reference = {"file_id": name, "file_unique_id": name[-16:], "file_size": size}
        return reference | {"width": width, "height": height}

    async def sends_file(
        self, ta: str, person: Person, name: str = "document.pdf", *, size: int = 2048, where: Place = None
    ) -> None:
        """The person sends a document of so many bytes."""
        bot = self.bot(ta)
        reference = file_id("document", name, bot.next_update_id)
        bot.files[reference] = StoredFile("document", size, name=name)
        document = {"file_id": reference, "file_unique_id": reference[-16:], "file_size": size, "file_name": name}
        await self._writes(ta, person, {"document": document}, where)

    async def sends_location(
        self, ta: str, person: Person, latitude: float, longitude: float, *, where: Place = None
    ) -> None:
        """The person sends a place."""
        await self._writes(ta, person, {"location": {"latitude": latitude, "longitude": longitude}}, where)

    async def sends_contact(
        self, ta: str, person: Person, phone: str = "", *, own: bool = True, where: Place = None
    ) -> None:
        """The person sends a phone number: their own, which carries their id, or somebody else's card."""
        user, phone = user_of(person), phone or phone_number(person)
        card = {"phone_number": phone, "first_name": user["first_name"]} if own else _card(phone)
        await self._writes(ta, person, {"contact": card | ({"user_id": user["id"]} if own else {})}, where)

    async def sends(self, ta: str, person: Person, content: Mapping[str, Any], *, where: Place = None) -> None:
        """The person sends content of any kind: members of a Message, as the Bot API names them."""
        await self._writes(ta, person, content, where)

    async def edits(self, ta: str, person: Person, text: str, *, where: Place = None) -> None:
        """The person changes their newest text, or the caption of their newest file.

        Raises NotOnScreenError when they have written nothing.
        """
        message = self._own(ta, person, where)
        name = "text" if "text" in message else "caption"
        for member in (name, "entities", "caption_entities"):
            message.pop(member, None)
        message |= _marked(name, text) | {"edit_date": int(self.clock.timestamp())}
        await self.emits(ta, f"edited_{_kind(where)}", message)

    def _own(self, ta: str, person: Person, where: Place) -> dict[str, Any]:
        chat = self._chat(ta, person, where)
        is_post = isinstance(where, Group) and where.kind == "channel"

        def is_own(message: Mapping[str, Any]) -> bool:
            is_theirs = is_post or message.get("from", {}).get("id") == user_of(person)["id"]
            return is_theirs and any(name in message for name in ("text", "photo", "document"))

        if message := chat.newest(is_own) if chat else None:
            return message
        raise NotOnScreenError("there is nothing of their own to change")

    async def deletes(self, ta: str, person: Person, *, where: Place = None) -> None:
        """The person takes their newest text or file back: only a business account's bot learns of it."""
        message, chat = self._own(ta, person, where), self._chat(ta, person, where)
        if chat:
            chat.messages[:] = [other for other in chat.messages if other is not message]
        self.on_change()
        if isinstance(where, Connection):
            gone = {"chat": message["chat"], "message_ids": [message["message_id"]]}
            await self.emits(ta, "deleted_business_messages", {"business_connection_id": where.id} | gone)

    async def reacts(self, ta: str, person: Person, emoji: str = "👍", *, where: Place = None) -> None:
        """The person reacts to the newest message, or takes the reaction away with an empty text.

        In a channel nobody learns who it was: the bot gets the count.
        """
        chat = await self._enters(ta, person, where)
        message = chat.newest(lambda message: bool(message["message_id"]))
        if not message:
            raise NotOnScreenError("there is no message to react to")
        user, key = user_of(person), f"{message['message_id']}:{user_of(person)['id']}"
        old, new = chat.reactions.get(key, []), [{"type": "emoji", "emoji": emoji}] if emoji else []
        chat.reactions[key] = new
        head = {"chat": chat.info, "message_id": message["message_id"], "date": int(self.clock.timestamp())}
        if chat.kind == "channel":
            await self.emits(ta, "message_reaction_count", head | {"reactions": _counted(chat, head["message_id"])})
        else:
            await self.emits(ta, "message_reaction", head | {"user": user, "old_reaction": old, "new_reaction": new})

    async def leaves(self, ta: str, person: Person) -> None:
        """The person blocks the bot. Raises NotOnScreenError when the chat was never opened."""
        chat = self.bot(ta).chats.get(user_of(person)["id"])
        if not chat:
            raise NotOnScreenError("the chat was never opened, so there is nothing to block")
        if not chat.is_blocked:
            await self._moves(ta, person, chat, is_blocked=True)

    async def blocks(self, ta: str, person: Person) -> None:
        """The person blocks the bot, as `leaves` does."""
        await self.leaves(ta, person)

    async def unblocks(self, ta: str, person: Person) -> None:
        """The person lets the bot write again, and writes nothing."""
        await self._enters(ta, person, None)

    def deactivates(self, person: Person) -> None:
        """The person's account ends: nobody can write to it any more, and no update tells so."""
        for bot in self._state.bots.values():
            if chat := bot.chats.get(user_of(person)["id"]):
                chat.is_deactivated = True
        self.on_change()

    async def _writes(self, ta: str, person: Person, content: Mapping[str, Any], where: Place) -> dict[str, Any]:
        chat = await self._enters(ta, person, where)
        user = user_of(person)
        author: dict[str, Any] = {"sender_chat": chat.info} if chat.kind == "channel" else {"from": user}
        head = author | {"chat": chat.info, "date": int(self.clock.timestamp())} | _topic(chat, person, where)
        reply = self._forced(chat)
        message = add_message(chat, head | reply | dict(content))
        self.on_change()
        if is_heard(self.bot(ta), self._me(ta), chat, message):
            await self.emits(ta, _kind(where), message)
        return message

    def _asks(self, ta: str, kind: str, chat_id: int, details: Mapping[str, Any] | None = None) -> str:
        return ask(self.bot(ta), self.clock.timestamp(), kind, chat_id, details)

    def _known(self, person: Person) -> dict[str, Any]:
        user = user_of(person)
        return self._state.people.setdefault(user["id"], user)

    def _forced(self, chat: ChatState) -> dict[str, Any]:
        replied, chat.forced_reply = chat.find(chat.forced_reply), 0
        return {"reply_to_message": shallow(replied)} if replied else {}

    def _chat(self, ta: str, person: Person, where: Place) -> ChatState | None:
        bot = self.bot(ta)
        if isinstance(where, Group):
            return bot.chats.get(where.id)
        if isinstance(where, Connection):
            connection = bot.business.get(where.id)
            return connection.chats.get(user_of(person)["id"]) if connection else None
        return bot.chats.get(user_of(person)["id"])

    async def _enters(self, ta: str, person: Person, where: Place) -> ChatState:
        user = user_of(person)
        self._state.people[user["id"]] = user
        chat = self._chat(ta, person, where)
        if isinstance(where, Group):
            if not chat or chat.status in ("left", "kicked") or chat.migrated_to:
                raise NotOnScreenError("the bot is not in that chat; add it first")
            return chat
        if not chat:
            chat = self._open(ta, person, where)
        if chat.is_blocked:
            await self._moves(ta, person, chat, is_blocked=False)
        return chat

    def _open(self, ta: str, person: Person, where: Connection | None) -> ChatState:
        bot, user = self.bot(ta), user_of(person)
        if where and where.id not in bot.business:
            raise NotOnScreenError("the business account has no connection to the bot")
        chats = bot.business[where.id].chats if where else bot.chats
        chats[user["id"]] = ChatState(self._first_message_id(), info=private_chat(user))
        return chats[user["id"]]

    def _first_message_id(self) -> int:
        return max(int(self.clock.timestamp()) - 1_700_000_000, 1)

    async def _moves(self, ta: str, person: Person, chat: ChatState, *, is_blocked: bool) -> None:
        chat.is_blocked = is_blocked
        old, new = ("member", "kicked") if is_blocked else ("kicked", "member")
        change = member_change(chat, user_of(person), self._me(ta), old, new, self.clock.timestamp())
        await self.emits(ta, "my_chat_member", change)


def _marked(name: str, text: str) -> dict[str, Any]:
    entities = find_entities(text)
    places = "entities" if name == "text" else "caption_entities"
    return ({name: text} if text else {}) | ({places: entities} if entities else {})


def _card(phone: str) -> dict[str, Any]:
    return {"phone_number": phone, "first_name": "Somebody", "last_name": "Else"}


def _kind(where: Place) -> str:
    if isinstance(where, Connection):
        return "business_message"
    return "channel_post" if isinstance(where, Group) and where.kind == "channel" else "message"


def _topic(chat: ChatState, person: Person, where: Place) -> dict[str, Any]:
    if isinstance(where, Connection):
        return {"business_connection_id": where.id}
    if isinstance(where, Group) and where.kind == "direct":
        user = user_of(person)
        chat.topics.setdefault(user["id"], Topic(person.name))
        return {"direct_messages_topic": {"topic_id": user["id"], "user": user}}
    if isinstance(where, Group) and where.topic:
        return {"message_thread_id": where.topic, "is_topic_message": True}
    return {}


def _counted(chat: ChatState, message_id: int) -> list[dict[str, Any]]:
    given = [kind for key, kinds in chat.reactions.items() if key.startswith(f"{message_id}:") for kind in kinds]
    emojis = [kind["emoji"] for kind in given if "emoji" in kind]
    counts = {emoji: emojis.count(emoji) for emoji in emojis}
    return [{"type": {"type": "emoji", "emoji": emoji}, "total_count": count} for emoji, count in counts.items()]


def is_heard(bot: BotState, me: Mapping[str, Any], chat: ChatState, message: Mapping[str, Any]) -> bool:
    """Tells whether the bot gets a message: in groups privacy mode keeps from it what is not meant for it."""
    is_group = chat.kind in ("group", "supergroup") and not chat.info.get("is_direct_messages")
    if not is_group or not bot.has_privacy_mode or chat.status == "administrator":
        return True
    if message.get("reply_to_message", {}).get("from", {}).get("id") == me["id"] or "via_bot" in message:
        return True
    words = [*(message.get("text") or message.get("caption") or "").split(), ""]
    command, _, name = words[0].partition("@")
    is_command = command.startswith("/") and len(command) > 1
    is_service = not any(kind in message for kind in ("text", "photo", "document", "location", "contact"))
    return is_service or (is_command and name.lower() in ("", me["username"].lower()))
