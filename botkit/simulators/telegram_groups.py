"""Groups, channels and business accounts of the simulated Telegram: who comes, who goes, and what they become."""

from typing import Any

from msgspec.structs import replace

from botkit.simulators.simulator import NotOnScreenError, Person
from botkit.simulators.telegram_administration import member_change
from botkit.simulators.telegram_calls import add_message, check_open
from botkit.simulators.telegram_parameters import ApiError
from botkit.simulators.telegram_phones import TelegramPhones
from botkit.simulators.telegram_places import Connection, Group, user_of
from botkit.simulators.telegram_state import BusinessState, ChatState, Topic


class TelegramGroups(TelegramPhones):
    """What people do in chats of several."""

    async def adds_bot(
        self, ta: str, person: Person, group: Group, *, is_admin: bool = False, context: str = ""
    ) -> None:
        """The person adds the bot to a group or channel, through a deep link when there is a context."""
        user = self._known(person)
        chat = self.bot(ta).chats.setdefault(group.id, ChatState(self._first_message_id(), status="left"))
        chat.info = group.info
        chat.members[user["id"]] = "member"
        await self._changes_bot(ta, person, chat, "administrator" if is_admin else "member")
        if chat.kind != "channel":
            await self._writes(ta, person, {"new_chat_members": [self._me(ta)]}, group)
        if context:
            await self.says(ta, person, f"/start@{self._me(ta)['username']} {context}", where=group)

    async def kicks_bot(self, ta: str, person: Person, group: Group) -> None:
        """The person throws the bot out."""
        await self._changes_bot(ta, person, self._group(ta, group), "kicked")

    async def promotes_bot(self, ta: str, person: Person, group: Group) -> None:
        """The person makes the bot an administrator."""
        await self._changes_bot(ta, person, self._group(ta, group), "administrator")

    async def _changes_bot(self, ta: str, person: Person, chat: ChatState, status: str) -> None:
        old, chat.status = chat.status, status
        change = member_change(chat, user_of(person), self._me(ta), old, status, self.clock.timestamp())
        await self.emits(ta, "my_chat_member", change)

    def forbids(self, ta: str, group: Group, *nouns: str) -> None:
        """Lets only administrators send some things there: `text messages`, `photos`, `polls` and so on."""
        self._group(ta, group).forbidden = list(nouns)
        self.on_change()

    def deletes_group(self, ta: str, group: Group) -> None:
        """Deletes the group; no update tells so."""
        self._group(ta, group).is_deleted = True
        self.on_change()

    async def joins(self, ta: str, person: Person, group: Group) -> None:
        """The person comes into the group: a service message, and `chat_member` for a bot that asked for it."""
        await self._changes_member(ta, person, group, "member")
        if group.kind != "channel":
            await self._writes(ta, person, {"new_chat_members": [user_of(person)]}, group)

    async def leaves_group(self, ta: str, person: Person, group: Group) -> None:
        """The person goes out of the group."""
        if group.kind != "channel":
            await self._writes(ta, person, {"left_chat_member": user_of(person)}, group)
        await self._changes_member(ta, person, group, "left")

    async def _changes_member(self, ta: str, person: Person, group: Group, status: str) -> None:
        chat, user = self._group(ta, group), self._known(person)
        old, chat.members[user["id"]] = chat.members.get(user["id"], "left"), status
        if old == status:
            raise NotOnScreenError("nothing would change: that is what they are already")
        change = member_change(chat, user, user, old, status, self.clock.timestamp())
        await self.emits(ta, "chat_member", change)

    async def requests_to_join(self, ta: str, person: Person, group: Group, bio: str = "") -> None:
        """The person asks to be let in; the bot must be an administrator to decide."""
        chat, user = self._group(ta, group), self._known(person)
        chat.requests.append(user["id"])
        head = {"chat": chat.info, "from": user, "user_chat_id": user["id"], "date": int(self.clock.timestamp())}
        await self.emits(ta, "chat_join_request", head | ({"bio": bio} if bio else {}))

    async def opens_topic(self, ta: str, person: Person, group: Group, name: str) -> Group:
        """The person opens a topic in a supergroup, which becomes a forum; returns the place that the topic is."""
        chat = self._group(ta, group)
        if chat.kind != "supergroup":
            raise NotOnScreenError("only a supergroup has topics")
        chat.info = chat.info | {"is_forum": True}
        thread = chat.next_message_id
        chat.topics[thread] = Topic(name)
        topic = replace(group, topic=thread)
        await self._writes(ta, person, {"forum_topic_created": {"name": name, "icon_color": 7322096}}, topic)
        return topic

    async def closes_topic(self, ta: str, person: Person, topic: Group) -> None:
        """The person closes a topic: only administrators write in it then."""
        self._group(ta, topic).topics[topic.topic].is_closed = True
        await self._writes(ta, person, {"forum_topic_closed": {}}, topic)

    async def upgrades(self, ta: str, person: Person, group: Group) -> Group:
        """The group becomes a supergroup with a new id, which both chats' service messages tell; returns it."""
        old, new = self._group(ta, group), replace(group, kind="supergroup")
        if old.kind != "group":
            raise NotOnScreenError("only a plain group becomes a supergroup")
        state = ChatState(1, info=new.info, status=old.status, members=old.members)
        self.bot(ta).chats[new.id] = state
        head = {"from": user_of(person), "date": int(self.clock.timestamp())}
        gone = add_message(old, head | {"chat": old.info, "migrate_to_chat_id": new.id})
        come = add_message(state, head | {"chat": new.info, "migrate_from_chat_id": group.id})
        old.migrated_to = new.id
        await self.emits(ta, "message", gone)
        await self.emits(ta, "message", come)
        return new

    async def boosts(self, ta: str, person: Person, group: Group) -> None:
        """The person boosts a chat for a month."""
        now = int(self.clock.timestamp())
        boost = {"boost_id": f"b{user_of(person)['id']}", "add_date": now, "expiration_date": now + 30 * 86400}
        where = {"chat": self._group(ta, group).info, "boost": boost | _premium(person)}
        await self.emits(ta, "chat_boost", where)

    async def stops_boosting(self, ta: str, person: Person, group: Group) -> None:
        """The person takes a boost away."""
        where = {"chat": self._group(ta, group).info, "boost_id": f"b{user_of(person)['id']}"}
        gone = {"remove_date": int(self.clock.timestamp())} | _premium(person)
        await self.emits(ta, "removed_chat_boost", where | gone)

    async def asks_as_guest(self, ta: str, person: Person, group: Group, text: str) -> str:
        """The person calls the bot in a group that it is not in; returns the id of the guest query."""
        user = self._known(person)
        chat = self.bot(ta).chats.setdefault(
            group.id, ChatState(self._first_message_id(), info=group.info, status="left")
        )
        query = self._asks(ta, "guest_query", chat.id, {"person_id": user["id"]})
        head = {"from": user, "chat": chat.info, "date": int(self.clock.timestamp())}
        await self.emits(ta, "guest_message", add_message(chat, head | {"text": text, "guest_query_id": query}))
        return query

    async def connects(self, ta: str, connection: Connection, *, is_enabled: bool = True) -> None:
        """The owner of a business account lets the bot speak for them, or ends that."""
        owner = self._known(connection.owner)
        info = {"id": connection.id, "user": owner, "user_chat_id": owner["id"], "is_enabled": is_enabled}
        info |= {"date": int(self.clock.timestamp()), "rights": {"can_reply": True, "can_read_messages": True}}
        if is_enabled:
            self.bot(ta).business.setdefault(connection.id, BusinessState(info)).info = info
        else:
            self.bot(ta).business.pop(connection.id, None)
        await self.emits(ta, "business_connection", info)

    def _group(self, ta: str, group: Group) -> ChatState:
        chat = self.bot(ta).chats.get(group.id)
        try:
            if chat:
                check_open(chat)
                return chat
        except ApiError as error:
            raise NotOnScreenError(f"the bot has no such chat: {error.text}") from None
        raise NotOnScreenError("the bot is not in that chat; add it first")


def _premium(person: Person) -> dict[str, Any]:
    return {"source": {"source": "premium", "user": user_of(person)}}
