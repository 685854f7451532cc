"""The API of the simulated Viber: `/pa/<resource>`, where refusals come with HTTP 200 and a status.

Beside it, `/media/<token>/<name>` has what people sent, for an hour.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from botkit.simulators.viber_broadcast import Broadcasts
from botkit.simulators.viber_delivery import Deliverer
from botkit.simulators.viber_directory import EVENT_TYPES, Directory, shown_events
from botkit.simulators.viber_refusals import (
    BAD_DATA,
    INVALID_TOKEN,
    INVALID_URL,
    MISSING_DATA,
    NO_PUBLIC_CHAT,
    NOT_INLINE,
    WEBHOOK_NOT_SET,
    RefusedError,
    read_object,
)
from botkit.simulators.viber_servers import HOST, Servers
from botkit.simulators.wire import Exchange

#: The address of what somebody sent works for so many seconds.
MEDIA_SECONDS = 3600
#: The bytes and the media type of what people send, by the last part of its address.
MEDIA: Mapping[str, tuple[int, str]] = {
    "photo.jpg": (88_120, "image/jpeg"),
    "video.mp4": (1_048_576, "video/mp4"),
    "thumbnail.jpg": (4_096, "image/jpeg"),
    "sticker.png": (12_288, "image/png"),
    "file": (20_480, "application/octet-stream"),
}

Answer = dict[str, Any]
Act = Callable[[str, Answer], Awaitable[Answer]]


class Api:
    """Answers the calls of bots."""

    def __init__(self, servers: Servers, deliverer: Deliverer, directory: Directory) -> None:
        self._servers = servers
        self._deliverer = deliverer
        self._directory = directory
        self._broadcasts = Broadcasts(servers, deliverer)
        self._acts: Mapping[str, Act] = {
            "set_webhook": self._set_webhook,
            "send_message": self._send_message,
            "broadcast_message": self._broadcast,
            "get_account_info": self._account_info,
            "get_user_details": self._user_details,
            "get_online": self._online,
            "post": self._post,
        }
        routes = [
            Route("/pa/{resource}", self._serve, methods=["POST"]),
            Route("/media/{token:int}/{name}", self._media),
        ]
        self.app = Starlette(routes=routes, exception_handlers={404: _not_found, 405: _not_found})

    async def _serve(self, request: Request) -> Response:
        body = await request.body()
        response = await self._servers.wire.answer(lambda: self._answer(request, body))
        self._log(request, body, response.status_code, bytes(response.body))
        return response

    def _log(self, request: Request, body: bytes, status: int, answer: bytes) -> None:
        token = _token(request, body)
        masked = {name: "***" if name == "x-viber-auth-token" else value for name, value in request.headers.items()}
        body = body.replace(token.encode(), b"***") if token else body
        ta, name = self._servers.owner(token) or "", request.path_params["resource"]
        self._servers.wire.add(Exchange("outbound", self._servers.clock.now(), ta, name, body, status, answer, masked))

    async def _answer(self, request: Request, body: bytes) -> Response:
        act = self._acts.get(request.path_params["resource"])
        if not act:
            return await _not_found(request, None)
        oddity = self._servers.oddities.popleft() if self._servers.oddities else None
        try:
            if oddity and oddity.before:
                raise RefusedError(oddity.status or BAD_DATA, "generalError")
            answer = await act(self._authenticated(request, body), read_object(body, "the request"))
        except RefusedError as refusal:
            answer = {"status": refusal.status, "status_message": refusal.text}
            if request.path_params["resource"] in ("send_message", "broadcast_message"):
                answer |= {"message_token": self._servers.next_token(), "chat_hostname": HOST}
        self._servers.on_change()
        return Response(msgspec.json.encode(oddity.spoil(answer) if oddity else answer), media_type="application/json")

    def _authenticated(self, request: Request, body: bytes) -> str:
        token = _token(request, body)
        if not token:
            raise RefusedError(INVALID_TOKEN, "missing_auth_token")
        ta = self._servers.owner(token)
        if ta is None:
            raise RefusedError(INVALID_TOKEN, "invalidAuthToken")
        return ta

    async def _set_webhook(self, ta: str, call: Answer) -> Answer:
        bot = self._servers.bot(ta)
        url = call.get("url")
        if not isinstance(url, str):
            raise RefusedError(MISSING_DATA, "url is missing")
        wanted = _event_types(call.get("event_types"))
        if url and not url.startswith("https://"):
            raise RefusedError(INVALID_URL, "java.lang.IllegalArgumentException: the webhook's address is not https")
        if url and (problem := await self._deliverer.callbacks.check_address(ta, url)):
            raise RefusedError(INVALID_URL, problem)
        bot.url, bot.event_types = url, wanted
        bot.sends_names, bot.sends_photos = call.get("send_name") is True, call.get("send_photo") is True
        return {"status": 0, "status_message": "ok", "chat_hostname": HOST, "event_types": shown_events(wanted)}

    async def _send_message(self, ta: str, call: Answer) -> Answer:
        self._check_webhook(ta)
        user_id = call.get("receiver")
        if not isinstance(user_id, str) or not user_id:
            raise RefusedError(MISSING_DATA, "receiver is missing")
        if call.get("chat_id") is not None:
            raise RefusedError(NOT_INLINE, "publicAccountIsNotInline")
        problem = self._deliverer.check(call)
        token = self._servers.next_token()
        billing_status = self._deliverer.deliver(ta, user_id, call, token, problem)
        await self._report_early()
        known = {"status": 0, "status_message": "ok", "message_token": token, "chat_hostname": HOST}
        return known | {"billing_status": billing_status}

    async def _broadcast(self, ta: str, call: Answer) -> Answer:
        self._check_webhook(ta)
        answer = self._broadcasts.send(ta, call)
        await self._report_early()
        return answer

    def _check_webhook(self, ta: str) -> None:
        if not self._servers.bot(ta).url:
            raise RefusedError(WEBHOOK_NOT_SET, "webhookNotSet")

    async def _report_early(self) -> None:
        if self._servers.reports_early:
            await self._deliverer.callbacks.post_due()

    async def _account_info(self, ta: str, _call: Answer) -> Answer:
        return self._directory.account_info(ta)

    async def _user_details(self, ta: str, call: Answer) -> Answer:
        return self._directory.user_details(ta, call)

    async def _online(self, ta: str, call: Answer) -> Answer:
        return self._directory.online(ta, call)

    async def _post(self, _ta: str, _call: Answer) -> Answer:
        raise RefusedError(NO_PUBLIC_CHAT, "noPublicChat")

    async def _media(self, request: Request) -> Response:
        known = MEDIA.get(request.path_params["name"])
        if not known or not 0 <= self._servers.age(request.path_params["token"]) < MEDIA_SECONDS:
            return await _not_found(request, None)
        size, media_type = known
        return Response(b"\xff" * size, media_type=media_type)


def _token(request: Request, body: bytes) -> str:
    """Returns the token of a call: that of the header, else that of the body, where old libraries put it."""
    if token := request.headers.get("x-viber-auth-token", ""):
        return token
    try:
        told = read_object(body, "the request").get("auth_token")
    except RefusedError:
        return ""
    return told if isinstance(told, str) else ""


def _event_types(wanted: Any) -> list[str]:
    if wanted is None:
        return list(EVENT_TYPES)
    if not isinstance(wanted, list) or not all(name in EVENT_TYPES for name in wanted):
        raise RefusedError(BAD_DATA, "event_types has an unknown name")
    return wanted


async def _not_found(_request: Request, _error: Exception | None) -> Response:
    return Response(b"Not Found", 404, media_type="text/plain")
