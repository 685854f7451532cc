"""What the simulated Viber tells a bot about itself and about people."""

from collections.abc import Mapping
from typing import Any

from botkit.simulators.viber_callbacks import CHOOSABLE
from botkit.simulators.viber_refusals import BAD_DATA, MISSING_DATA, NOT_REGISTERED, TOO_MANY_REQUESTS, RefusedError
from botkit.simulators.viber_servers import HOST, Servers
from botkit.simulators.viber_state import Chat

#: get_user_details may be called so often in so many seconds, for each person.
MAX_DETAILS, DETAILS_SECONDS = 2, 12 * 3600
MAX_ONLINE = 100

#: What a live server names as a bot's events, in its order.
EVENT_TYPES = (
    "subscribed",
    "unsubscribed",
    "webhook",
    "conversation_started",
    "client_status",
    "action",
    "delivered",
    "failed",
    "message",
    "seen",
)

_ONLINE = ("online", "offline", "undisclosed", "tryLater", "unavailable")
_UNAVAILABLE = 4

Json = dict[str, Any]


def shown_events(event_types: list[str]) -> list[str]:
    """Returns a bot's events as a live server names them: more than it asked for."""
    return [name for name in EVENT_TYPES if name not in CHOOSABLE or name in event_types]


class Directory:
    """Answers questions."""

    def __init__(self, servers: Servers) -> None:
        self._servers = servers

    def account_info(self, ta: str) -> Json:
        """Returns what get_account_info answers."""
        bot = self._servers.bot(ta)
        number = sum(ta.encode()) + 5_100_200_300_400_000_000
        owner = {"id": f"owner-of-{ta}", "name": "The owner", "avatar": _picture("owner"), "role": "admin"}
        return {
            "status": 0,
            "status_message": "ok",
            "id": f"pa:{number}",
            "chat_hostname": HOST,
            "name": ta[:75],
            "uri": ta.lower(),
            "icon": _picture("icon"),
            "background": _picture("background"),
            "category": "Shops",
            "subcategory": "Books",
            "location": {"lon": 14.469, "lat": 46.0503},
            "country": "SI",
            "webhook": bot.url,
            "event_types": shown_events(bot.event_types) if bot.url else [],
            "subscribers_count": sum(chat.is_subscribed for chat in bot.chats.values()),
            "members": [owner],
            "chat_flags": [],
        }

    def user(self, ta: str, user_id: str) -> Json:
        """Returns a person as callbacks name them: with a name and a picture where bot and person agree to it."""
        bot = self._servers.bot(ta)
        chat = bot.chats[user_id]
        user: Json = {"id": user_id}
        if bot.sends_names and chat.consents:
            user["name"] = chat.person.name
        if bot.sends_photos and chat.consents:
            user["avatar"] = _avatar(user_id)
        return user | {"country": chat.country, "language": chat.person.locale, "api_version": chat.api_version}

    def user_details(self, ta: str, call: Mapping[str, Any]) -> Json:
        """Returns what get_user_details answers. Raises RefusedError."""
        user_id = call.get("id")
        if not isinstance(user_id, str) or not user_id:
            raise RefusedError(MISSING_DATA, "id is missing")
        chat = self._servers.bot(ta).chats.get(user_id)
        if not chat:
            raise RefusedError(NOT_REGISTERED, "receiverNotRegistered")
        self._count_question(chat)
        token = self._servers.next_token()
        return {"status": 0, "status_message": "ok", "message_token": token, "user": _details(user_id, chat)}

    def _count_question(self, chat: Chat) -> None:
        now = self._servers.clock.timestamp()
        chat.asked_at = [at for at in chat.asked_at if now - at < DETAILS_SECONDS]
        if self._servers.has_limits and len(chat.asked_at) >= MAX_DETAILS:
            raise RefusedError(TOO_MANY_REQUESTS, "tooManyRequests")
        chat.asked_at.append(now)

    def online(self, ta: str, call: Mapping[str, Any]) -> Json:
        """Returns what get_online answers. Raises RefusedError."""
        ids = call.get("ids")
        if not ids:
            raise RefusedError(MISSING_DATA, "ids is missing")
        if not isinstance(ids, list) or not all(isinstance(user_id, str) for user_id in ids):
            raise RefusedError(BAD_DATA, "ids is not a list of ids")
        if len(ids) > MAX_ONLINE:
            raise RefusedError(BAD_DATA, f"ids has {len(ids)} ids, at most {MAX_ONLINE}")
        chats = self._servers.bot(ta).chats
        return {
            "status": 0,
            "status_message": "ok",
            "users": [_presence(user_id, chats.get(user_id)) for user_id in ids],
        }


def _presence(user_id: str, chat: Chat | None) -> Json:
    status = chat.online if chat and chat.is_subscribed else _UNAVAILABLE
    known = {"id": user_id, "online_status": status, "online_status_message": _ONLINE[status]}
    return known | ({"last_online": int(chat.wrote_at * 1000)} if chat and status == 1 else {})


def _details(user_id: str, chat: Chat) -> Json:
    person = {"name": chat.person.name, "avatar": _avatar(user_id)} if chat.consents else {}
    return (
        {"id": user_id}
        | person
        | {
            "country": chat.country,
            "language": chat.person.locale,
            "primary_device_os": "android 14",
            "api_version": chat.api_version,
            "viber_version": "22.1.0",
            "mcc": 293,
            "mnc": 40,
            "device_type": "Pixel 8",
        }
    )


def _picture(name: str) -> str:
    return f"https://media-direct.viber.example/{name}.jpg"


def _avatar(user_id: str) -> str:
    return _picture(user_id[:8].encode().hex())
