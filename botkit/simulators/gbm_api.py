"""The API of the simulated Business Messages: tokens, messages, events, surveys, receipts; errors in Google's words."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal, Protocol

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from botkit.simulators.gbm_checks import (
    CallRefusedError,
    check_event,
    check_message,
    check_receipt,
    check_survey,
    invalid,
)
from botkit.simulators.gbm_files import File, check_files
from botkit.simulators.gbm_phone import Chat, Line, features
from botkit.simulators.gbm_state import RemarkKind
from botkit.simulators.gbm_surveys import Question, Survey
from botkit.simulators.gbm_tokens import GrantRefusedError, TokenDesk
from botkit.simulators.wire import Exchange, Wire

#: An agent may write this long after the person's last message, in seconds.
WINDOW = 30 * 24 * 3600
#: Messages a minute and conversation.
QUOTA = 60

Act = Callable[[Chat, Request, bytes], dict[str, Any]]

#: Google's word for each status.
STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}

_JOINS = {"REPRESENTATIVE_JOINED": ("A person", "joined"), "REPRESENTATIVE_LEFT": ("The person", "left")}


class Service(Protocol):
    """What the API needs of the service behind it."""

    wire: Wire
    tokens: TokenDesk
    duplicates: Literal["409", "ignored"]
    repeated_surveys: Literal["429", "ignored"]
    late: tuple[int, str]
    questions: Sequence[Question]
    files: dict[str, File]
    takes_webp: bool
    has_quota: bool
    launched: set[str]
    on_change: Callable[[], None]

    def chat(self, conversation_id: str) -> Chat | None:
        """Returns an open conversation by its id."""
        ...

    def took(self, chat: Chat, message_id: str) -> None:
        """Is told of every message that was accepted."""
        ...

    def heard(self, chat: Chat) -> None:
        """Is told of whatever answers somebody who asked for a person."""
        ...

    def remark(self, kind: RemarkKind, chat: Chat, detail: str) -> None:
        """Is told of what passes and should not."""
        ...

    async def before_answer(self, chat: Chat) -> None:
        """Does what the service may do while the caller still waits for an answer."""
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
                Route(f"{path}/surveys", self._endpoint("surveys", self._survey), methods=["POST"]),
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
        await self.service.before_answer(chat)
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
        check_files(message, self.service.files, takes_webp=self.service.takes_webp)
        as_fallback = self._shows_fallback(chat, request, message)
        self._check_window(chat)
        result = message | {"name": f"conversations/{chat.id}/messages/{message['messageId']}"}
        if self._is_repeat(chat, f"message|{message['messageId']}"):
            return result
        self._count(chat)
        chat.use(f"message|{message['messageId']}")
        chat.show(message, as_fallback=as_fallback)
        self._watch(chat, message, as_fallback=as_fallback)
        self.service.took(chat, message["messageId"])
        return result

    def _watch(self, chat: Chat, message: Mapping[str, Any], *, as_fallback: bool) -> None:
        """Remarks on what the service lets pass."""
        self.service.heard(chat)
        if as_fallback:
            self.service.remark("fallback_shown", chat, message["messageId"])
        if message.get("representative", {}).get("representativeType") == "HUMAN" and not chat.has_person:
            self.service.remark("unannounced_person", chat, message["messageId"])

    def _shows_fallback(self, chat: Chat, request: Request, message: Mapping[str, Any]) -> bool:
        forced = request.query_params.get("forceFallback", "false")
        if forced not in ("true", "false"):
            raise invalid("Invalid value at 'force_fallback' (TYPE_BOOL).")
        is_forced = forced == "true"
        if is_forced and (chat.ta in self.service.launched or not message.get("fallback")):
            raise invalid("forceFallback needs a fallback, and an agent that is not launched.")
        if not is_forced and not set(features(message)) & set(chat.lacks):
            return False
        if not message.get("fallback"):
            raise _precondition("The user's device does not support the message, and it has no fallback.")
        return True

    def _check_window(self, chat: Chat) -> None:
        if self.service.tokens.clock.timestamp() - chat.wrote_at > WINDOW:
            code, status = self.service.late
            raise CallRefusedError(code, status, "The user's last message is more than 30 days old.")

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
        check_files(event, self.service.files, takes_webp=self.service.takes_webp)
        event_id = _query(request, "eventId", "event_id")
        result = event | {"name": f"conversations/{chat.id}/events/{event_id}"}
        if self._is_repeat(chat, f"event|{event_id}"):
            return result
        chat.use(f"event|{event_id}")
        if event["eventType"] in _JOINS:
            self._change_representative(chat, event)
        else:
            chat.is_bot_typing = event["eventType"] == "TYPING_STARTED"
        return result

    def _change_representative(self, chat: Chat, event: Mapping[str, Any]) -> None:
        representative = event.get("representative", {})
        somebody, verb = _JOINS[event["eventType"]]
        chat.remember(Line("service", "event", f"{representative.get('displayName') or somebody} {verb}"))
        # Only people have to say that they come; who is not named is taken for one.
        if representative.get("representativeType") == "BOT":
            return
        chat.has_person = verb == "joined"
        if chat.has_person:
            self.service.heard(chat)

    def _survey(self, chat: Chat, request: Request, body: bytes) -> dict[str, Any]:
        if body.strip():
            check_survey(_read_body(request, body))
        survey_id = _query(request, "surveyId", "survey_id")
        result = {"name": f"conversations/{chat.id}/surveys/{survey_id}"}
        if self._is_repeat(chat, f"survey|{survey_id}"):
            return result
        if "surveys" in chat.lacks:
            raise _precondition("The user's device does not support surveys.")
        now = self.service.tokens.clock.timestamp()
        if chat.was_surveyed(now):
            if self.service.repeated_surveys == "429":
                raise CallRefusedError(429, "RESOURCE_EXHAUSTED", "A survey was sent in the last 24 hours.")
            return result
        chat.use(f"survey|{survey_id}")
        chat.ask(Survey(survey_id, "PARTNER", now, list(self.service.questions)))
        return result


def refusal_body(code: int, message: str = "Simulated.") -> bytes:
    """Returns Google's error envelope for a status."""
    return _envelope(CallRefusedError(code, STATUSES.get(code, "UNKNOWN"), message))


def _read(chat: Chat, request: Request, body: bytes) -> dict[str, Any]:
    receipt = _read_body(request, body)
    check_receipt(receipt)
    message_id = request.path_params["message"]
    if message_id not in chat.received:
        raise invalid("A receipt needs a message of the user.")
    return receipt | {"name": f"conversations/{chat.id}/messages/{message_id}/receipt"}


def _query(request: Request, name: str, field: str) -> str:
    value = request.query_params.get(name, "")
    if not value:
        raise invalid(f"{field} is required.")
    return value


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
    return Response(_envelope(refusal), refusal.code, media_type="application/json")


def _envelope(refusal: CallRefusedError) -> bytes:
    error = {"code": refusal.code, "message": refusal.message, "status": refusal.status, "details": []}
    return msgspec.json.encode({"error": error})


async def _not_found(_request: Request, _error: Exception) -> Response:
    return _refusal(CallRefusedError(404, "NOT_FOUND", "Method not found."))


def _json(status: int, value: object) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json")


def _masked(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: "***" if name == "authorization" else value for name, value in headers.items()}
