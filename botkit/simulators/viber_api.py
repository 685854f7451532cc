"""The API of the simulated Viber: `/pa/<resource>`, where refusals come with HTTP 200 and a status."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from botkit.clock import Clock
from botkit.simulators.viber_checks import BAD_DATA, MISSING_DATA, RefusedError, check_message
from botkit.simulators.viber_state import Bot, Chat
from botkit.simulators.wire import Exchange, Wire

#: A request may have so many bytes.
MAX_REQUEST = 30 * 1024
#: Messages a clock hour to somebody who does not answer.
MAX_UNANSWERED = 100
#: get_user_details may be called so often in so many seconds, for each person.
MAX_DETAILS, DETAILS_SECONDS = 2, 12 * 3600

#: Where a callback came from; means nothing to anybody.
HOST = "SN-CHAT-05_"

#: What a bot may do without; all else comes whatever it asks for.
CHOOSABLE = ("delivered", "seen", "failed", "conversation_started")
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

Answer = dict[str, Any]


class Service(Protocol):
    """What the API needs of the service behind it."""

    clock: Clock
    wire: Wire
    has_limits: bool
    is_billable: bool
    on_change: Callable[[], None]

    def owner(self, token: str) -> str | None:
        """Returns the account that has this token."""
        ...

    def bot(self, ta: str) -> Bot:
        """Returns what is remembered of a bot."""
        ...

    def next_token(self) -> int:
        """Returns a new message_token."""
        ...

    async def check_address(self, ta: str, url: str) -> str:
        """Posts a `webhook` callback; returns what went wrong, or nothing."""
        ...

    def took(self, ta: str, user_id: str, message: Mapping[str, Any], token: int) -> None:
        """Shows an accepted message and reports it."""
        ...


class Api:
    """Answers the calls of bots on behalf of a service."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._acts: Mapping[str, Callable[[str, Answer], Awaitable[Answer]]] = {
            "set_webhook": self._set_webhook,
            "send_message": self._send_message,
            "get_account_info": self._account_info,
            "get_user_details": self._user_details,
        }
        route = Route("/pa/{resource}", self._serve, methods=["POST"])
        self.app = Starlette(routes=[route], exception_handlers={404: _not_found, 405: _not_found})

    async def _serve(self, request: Request) -> Response:
        body = await request.body()
        response = await self.service.wire.answer(lambda: self._answer(request, body))
        self._log(request, body, response.status_code, bytes(response.body))
        return response

    def _log(self, request: Request, body: bytes, status: int, answer: bytes) -> None:
        token = request.headers.get("x-viber-auth-token", "")
        masked = {name: "***" if name == "x-viber-auth-token" else value for name, value in request.headers.items()}
        ta, name = self.service.owner(token) or "", request.path_params["resource"]
        self.service.wire.add(Exchange("outbound", self.service.clock.now(), ta, name, body, status, answer, masked))

    async def _answer(self, request: Request, body: bytes) -> Response:
        act = self._acts.get(request.path_params["resource"])
        if not act:
            return await _not_found(request, None)
        try:
            answer = await act(self._authenticated(request), _read(body))
        except RefusedError as refusal:
            answer = {"status": refusal.status, "status_message": refusal.text}
            if request.path_params["resource"] == "send_message":
                answer |= {"message_token": self.service.next_token(), "chat_hostname": HOST}
        self.service.on_change()
        return Response(msgspec.json.encode(answer), media_type="application/json")

    def _authenticated(self, request: Request) -> str:
        token = request.headers.get("x-viber-auth-token", "")
        if not token:
            raise RefusedError(2, "missing_auth_token")
        ta = self.service.owner(token)
        if ta is None:
            raise RefusedError(2, "invalidAuthToken")
        return ta

    async def _set_webhook(self, ta: str, call: Answer) -> Answer:
        bot = self.service.bot(ta)
        url = call.get("url")
        if not isinstance(url, str):
            raise RefusedError(MISSING_DATA, "url is missing")
        wanted = _event_types(call.get("event_types"))
        if url and not url.startswith("https://"):
            raise RefusedError(1, "java.lang.IllegalArgumentException: the webhook's address is not https")
        if url and (problem := await self.service.check_address(ta, url)):
            raise RefusedError(1, problem)
        bot.url, bot.event_types = url, wanted
        bot.sends_names, bot.sends_photos = call.get("send_name") is True, call.get("send_photo") is True
        return {"status": 0, "status_message": "ok", "chat_hostname": HOST, "event_types": _shown(wanted)}

    async def _send_message(self, ta: str, call: Answer) -> Answer:
        bot = self.service.bot(ta)
        if not bot.url:
            raise RefusedError(10, "webhookNotSet")
        user_id = call.get("receiver")
        if not isinstance(user_id, str) or not user_id:
            raise RefusedError(MISSING_DATA, "receiver is missing")
        check_message(call)
        chat = self._receiver(bot, user_id, call)
        self._count(chat)
        token = self.service.next_token()
        answer = {"status": 0, "status_message": "ok", "message_token": token, "chat_hostname": HOST}
        self.service.took(ta, user_id, call, token)
        return answer | {"billing_status": self._billing_status(chat)}

    def _receiver(self, bot: Bot, user_id: str, call: Answer) -> Chat:
        chat = bot.chats.get(user_id)
        if not chat:
            raise RefusedError(5, "receiverNotRegistered")
        if not chat.is_subscribed:
            raise RefusedError(6, "notSubscribed")
        if float(call.get("min_api_version", 1)) > chat.api_version:
            raise RefusedError(13, "apiVersionNotSupported")
        return chat

    def _count(self, chat: Chat) -> None:
        hour = int(self.service.clock.timestamp()) // 3600
        if chat.hour != hour:
            chat.hour, chat.unanswered = hour, 0
        if self.service.has_limits and chat.unanswered >= MAX_UNANSWERED:
            raise RefusedError(12, "maximum messages from Public Account to Viber user without reply exceeded.")
        chat.unanswered += 1

    def _billing_status(self, chat: Chat) -> int:
        in_session = self.service.clock.timestamp() - chat.wrote_at < 24 * 3600
        if self.service.is_billable:
            return 2 if in_session else 5
        return 1 if in_session else 3

    async def _account_info(self, ta: str, _call: Answer) -> Answer:
        bot = self.service.bot(ta)
        return {
            "status": 0,
            "status_message": "ok",
            "id": f"pa:{sum(ta.encode()) + 5_100_200_300_400_000_000}",
            "name": ta,
            "uri": ta.lower(),
            "category": "Shops",
            "subcategory": "Books",
            "country": "SI",
            "webhook": bot.url,
            "event_types": _shown(bot.event_types) if bot.url else [],
            "subscribers_count": sum(chat.is_subscribed for chat in bot.chats.values()),
            "members": [],
        }

    async def _user_details(self, ta: str, call: Answer) -> Answer:
        user_id = call.get("id")
        if not isinstance(user_id, str) or not user_id:
            raise RefusedError(MISSING_DATA, "id is missing")
        chat = self.service.bot(ta).chats.get(user_id)
        if not chat:
            raise RefusedError(5, "receiverNotRegistered")
        now = self.service.clock.timestamp()
        chat.asked_at = [at for at in chat.asked_at if now - at < DETAILS_SECONDS]
        if self.service.has_limits and len(chat.asked_at) >= MAX_DETAILS:
            raise RefusedError(12, "tooManyRequests")
        chat.asked_at.append(now)
        details = {"id": user_id, "name": chat.person.name, "language": chat.person.locale}
        device = {"primary_device_os": "android 14", "api_version": chat.api_version, "viber_version": "22.1.0"}
        return {
            "status": 0,
            "status_message": "ok",
            "message_token": self.service.next_token(),
            "user": details | device,
        }


def _read(body: bytes) -> Answer:
    if len(body) > MAX_REQUEST:
        raise RefusedError(BAD_DATA, f"the request has {len(body)} bytes, at most {MAX_REQUEST}")
    try:
        call = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        raise RefusedError(BAD_DATA, "the request is not JSON") from None
    if not isinstance(call, dict):
        raise RefusedError(BAD_DATA, "the request is not an object")
    return call


def _event_types(wanted: Any) -> list[str]:
    if wanted is None:
        return list(EVENT_TYPES)
    if not isinstance(wanted, list) or not all(name in EVENT_TYPES for name in wanted):
        raise RefusedError(BAD_DATA, "event_types has an unknown name")
    return wanted


def _shown(event_types: list[str]) -> list[str]:
    return [name for name in EVENT_TYPES if name not in CHOOSABLE or name in event_types]


async def _not_found(_request: Request, _error: Exception | None) -> Response:
    return Response(b"Not Found", 404, media_type="text/plain")
