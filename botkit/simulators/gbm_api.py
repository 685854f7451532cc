"""The API of the simulated Business Messages: tokens, messages, events, read receipts; errors as Google words them."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal, Protocol

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from botkit.simulators.gbm_checks import CallRefusedError, check_event, check_message, invalid
from botkit.simulators.gbm_phone import Chat, Line, features
from botkit.simulators.gbm_tokens import GrantRefusedError, TokenDesk
from botkit.simulators.wire import Exchange, Wire

#: An agent may write this long after the person's last message, in seconds.
WINDOW = 30 * 24 * 3600
#: Messages a minute and conversation.
QUOTA = 60

Act = Callable[[Chat, Request, bytes], dict[str, Any]]

_JOINS = {"REPRESENTATIVE_JOINED": "A person joined", "REPRESENTATIVE_LEFT": "The person left"}


class Service(Protocol):
    """What the API needs of the service behind it."""

    wire: Wire
    tokens: TokenDesk
    duplicates: Literal["409", "ignored"]
    has_quota: bool
    launched: set[str]
    on_change: Callable[[], None]

    def chat(self, conversation_id: str) -> Chat | None:
        """Returns an open conversation by its id."""
        ...

    def took(self, chat: Chat, message_id: str) -> None:
        """Is told of every message that was accepted."""
        ...


class Api:
    """Answers the calls of agents on behalf of a service."""

    def __init__(self, service: Service) -> None:
        self.service = service
        path = "/v1/conversations/{conversation}"
        self.app = Starlette(
            routes=[
                Route("/token", self._token, methods=["POST"]),
                Route(f"{path}/messages", self._endpoint("messages", self._message), methods=["POST"]),
                Route(f"{path}/events", self._endpoint("events", self._event), methods=["POST"]),
                Route(f"{path}/messages/{{message}}/receipt", self._endpoint("receipt", _read), methods=["PATCH"]),
            ],
            exception_handlers={404: _not_found, 405: _not_found},
        )

    async def _token(self, request: Request) -> Response:
        try:
            token = self.service.tokens.trade(await request.body())
        except GrantRefusedError as refusal:
            response = _json(400, {"error": refusal.error, "error_description": refusal.description})
            self._log("", "token", b"***", response.status_code, bytes(response.body), {})
            return response
        grant = {"access_token": token, "expires_in": self.service.tokens.seconds, "token_type": "Bearer"}
        self._log("", "token", b"***", 200, msgspec.json.encode(grant | {"access_token": "***"}), {})
        return _json(200, grant)

    def _endpoint(self, name: str, act: Act) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            body = await request.body()
            response = await self.service.wire.answer(lambda: self._answer(request, body, act))
            ta = self.service.tokens.owner(request.headers.get("authorization", "")) or ""
            self._log(ta, name, body, response.status_code, bytes(response.body), _masked(request.headers))
            return response

        return endpoint

    def _log(self, ta: str, name: str, request: bytes, status: int, answer: bytes, headers: Mapping[str, str]) -> None:
        at = self.service.tokens.clock.now()
        self.service.wire.add(Exchange("outbound", at, ta, name, request, status, answer, headers))

    async def _answer(self, request: Request, body: bytes, act: Act) -> Response:
        try:
            chat = self._conversation(request)
            result = act(chat, request, body)
        except CallRefusedError as refusal:
            return _refusal(refusal)
        self.service.on_change()
        return _json(200, result)

    def _conversation(self, request: Request) -> Chat:
        ta = self.service.tokens.owner(request.headers.get("authorization", ""))
        if ta is None:
            raise CallRefusedError(
                401,
                "UNAUTHENTICATED",
                "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other "
                "valid authentication credential.",
            )
        chat = self.service.chat(request.path_params["conversation"])
        if chat is None or chat.ta != ta:
            raise CallRefusedError(403, "PERMISSION_DENIED", "The caller does not have permission")
        return chat

    def _message(self, chat: Chat, request: Request, body: bytes) -> dict[str, Any]:
        message = _read_body(request, body)
        check_message(message)
        as_fallback = self._shows_fallback(chat, request, message)
        self._check_window(chat)
        result = message | {"name": f"conversations/{chat.id}/messages/{message['messageId']}"}
        if self._is_repeat(chat, f"message|{message['messageId']}"):
            return result
        self._count(chat)
        chat.use(f"message|{message['messageId']}")
        chat.show(message, as_fallback=as_fallback)
        self.service.took(chat, message["messageId"])
        return result

    def _shows_fallback(self, chat: Chat, request: Request, message: Mapping[str, Any]) -> bool:
        is_forced = request.query_params.get("forceFallback") == "true"
        if is_forced and (chat.ta in self.service.launched or not message.get("fallback")):
            raise invalid("forceFallback needs a fallback, and an agent that is not launched.")
        if not is_forced and not set(features(message)) & set(chat.lacks):
            return False
        if not message.get("fallback"):
            raise _precondition("The user's device does not support the message, and it has no fallback.")
        return True

    def _check_window(self, chat: Chat) -> None:
        if self.service.tokens.clock.timestamp() - chat.wrote_at > WINDOW:
            raise _precondition("The user's last message is more than 30 days old.")

    def _is_repeat(self, chat: Chat, identity: str) -> bool:
        """Tells whether the id was used before and is to be ignored. Raises CallRefusedError where it is an error."""
        if identity in chat.used and self.service.duplicates == "409":
            raise CallRefusedError(409, "ALREADY_EXISTS", "Requested entity already exists")
        return identity in chat.used

    def _count(self, chat: Chat) -> None:
        now = self.service.tokens.clock.timestamp()
        chat.accepted_at = [at for at in chat.accepted_at if now - at < 60]
        if self.service.has_quota and len(chat.accepted_at) >= QUOTA:
            raise CallRefusedError(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota).")
        chat.accepted_at.append(now)

    def _event(self, chat: Chat, request: Request, body: bytes) -> dict[str, Any]:
        event = _read_body(request, body)
        check_event(event)
        event_id = request.query_params.get("eventId", "")
        if not event_id:
            raise invalid("event_id is required.")
        result = event | {"name": f"conversations/{chat.id}/events/{event_id}"}
        if self._is_repeat(chat, f"event|{event_id}"):
            return result
        chat.use(f"event|{event_id}")
        if event["eventType"] in _JOINS:
            chat.remember(Line("service", "event", _JOINS[event["eventType"]]))
        else:
            chat.is_bot_typing = event["eventType"] == "TYPING_STARTED"
        return result


def _read(chat: Chat, request: Request, body: bytes) -> dict[str, Any]:
    receipt = _read_body(request, body)
    message_id = request.path_params["message"]
    if receipt != {"receiptType": "READ"} or message_id not in chat.received:
        raise invalid("A receipt needs the receipt_type READ and a message of the user.")
    return receipt | {"name": f"conversations/{chat.id}/messages/{message_id}/receipt"}


def _read_body(request: Request, body: bytes) -> dict[str, Any]:
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise invalid("Invalid JSON payload received. The content type is not application/json.")
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise invalid("Invalid JSON payload received. Unable to parse.") from None
    if not isinstance(value, dict):
        raise invalid("Invalid JSON payload received. An object is expected.")
    return value


def _precondition(message: str) -> CallRefusedError:
    return CallRefusedError(400, "FAILED_PRECONDITION", message)


def _refusal(refusal: CallRefusedError) -> Response:
    error = {"code": refusal.code, "message": refusal.message, "status": refusal.status, "details": []}
    return _json(refusal.code, {"error": error})


async def _not_found(_request: Request, _error: Exception) -> Response:
    return _refusal(CallRefusedError(404, "NOT_FOUND", "Method not found."))


def _json(status: int, value: object) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json")


def _masked(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: "***" if name == "authorization" else value for name, value in headers.items()}
