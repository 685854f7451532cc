"""A Telegram on this machine: its Bot API, its people's phones and its deliveries to webhooks."""

from collections.abc import Sequence
from typing import Any

from botkit.simulators.simulator import Bubble, NotOnScreenError, Person
from botkit.simulators.telegram_customers import TelegramCustomers
from botkit.simulators.telegram_places import Connection, Group, Place, user_of
from botkit.simulators.telegram_screens import read_screen, rows
from botkit.simulators.telegram_state import ChatState, Page

__all__ = ["Connection", "Group", "Page", "Place", "TelegramSimulator"]


class TelegramSimulator(TelegramCustomers):
    """Telegram's servers and the people who use them: in private chats, groups, channels and business accounts."""

    channel = "telegram"

    async def taps(
        self, ta: str, person: Person, label: str, *, where: Place = None, is_inaccessible: bool = False
    ) -> None:
        """The person presses the newest button with this label (or value); a link only opens a page.

        A button of a reply keyboard sends its text, or what it asks for. The message of the button is hidden from the
        bot when it is inaccessible, as that of a message which is too old.
        """
        chat, message, button = self._find_button(ta, person, label, where)
        if message["message_id"] == chat.keyboard_id:
            await self._types(ta, person, chat, button, where)
        elif "callback_data" in button:
            shown = {"chat": chat.info, "message_id": message["message_id"], "date": 0} if is_inaccessible else message
            await self._presses(ta, person, shown, button["callback_data"], where)
        elif "pay" in button:
            await self.pays(ta, person, where=where)
        elif "switch_inline_query_current_chat" in button:
            await self.queries_inline(ta, person, button["switch_inline_query_current_chat"])

    def _find_button(
        self, ta: str, person: Person, label: str, where: Place
    ) -> tuple[ChatState, dict[str, Any], dict[str, Any]]:
        labels: list[str] = []
        chat = self._chat(ta, person, where) or ChatState(1)
        for message in reversed(chat.messages):
            for button in (button for row in rows(chat, message) for button in row):
                if label in (button["text"], button.get("callback_data")):
                    return chat, message, button
                labels.append(button["text"])
        raise NotOnScreenError(f"there is no such button; the screen has {', '.join(labels) or 'none'}")

    async def _presses(self, ta: str, person: Person, message: dict[str, Any], data: str, where: Place) -> None:
        chat, user = await self._enters(ta, person, where), user_of(person)
        query_id = self._asks(ta, "callback_query", chat.id)
        query = {"id": query_id, "from": user, "chat_instance": str(-user["id"]), "data": data}
        inline = {(at.chat_id, at.message_id): name for name, at in self.bot(ta).inline_messages.items()}
        # A message that was sent by way of the bot is known to it by another id only.
        name = inline.get((chat.id, message["message_id"]))
        await self.emits(ta, "callback_query", query | ({"inline_message_id": name} if name else {"message": message}))

    async def _types(self, ta: str, person: Person, chat: ChatState, button: dict[str, Any], where: Place) -> None:
        if chat.keyboard.get("one_time_keyboard"):
            chat.keyboard, chat.keyboard_id = {}, 0
        if button.get("request_contact"):
            await self.sends_contact(ta, person, where=where)
        elif button.get("request_location"):
            await self.sends_location(ta, person, 46.05, 14.5, where=where)
        elif asked := button.get("request_users"):
            users = {"request_id": asked.get("request_id", 0), "users": [{"user_id": user_of(person)["id"]}]}
            await self.sends(ta, person, {"users_shared": users}, where=where)
        elif asked := button.get("request_chat"):
            chats = {"request_id": asked.get("request_id", 0), "chat_id": Group("Friends").id}
            await self.sends(ta, person, {"chat_shared": chats}, where=where)
        elif "web_app" not in button and "request_poll" not in button:
            await self.says(ta, person, button["text"], where=where)

    def conversation_id(self, ta: str, person: Person) -> str:
        """Returns the id of the private chat, which is the person's."""
        return str(user_of(person)["id"])

    def screen(self, ta: str, person: Person, *, where: Place = None) -> Sequence[Bubble]:
        """Returns what the person's phone shows, oldest first.

        The text of an answer to a button is a notification; a chat action is shown for five seconds, as typing.
        """
        chat = self._chat(ta, person, where)
        return read_screen(chat, self.bot(ta).files, self.clock.timestamp()) if chat else []
