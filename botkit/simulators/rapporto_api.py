"""The API of the simulated Rapporto: one address that takes one message a request.

Beside it, `/media/<number>/photo.jpg` has what people sent.
"""

import hmac
import re
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from botkit.simulators.rapporto_callbacks import Callbacks
from botkit.simulators.rapporto_checks import Json, Order, check_shape, content_of, read_order
from botkit.simulators.rapporto_delivery import Deliverer
from botkit.simulators.rapporto_refusals import (
    CROWDED,
    DUPLICATE,
    INVALID_LOGIN,
    INVALID_PASSWORD,
    INVALID_REQUEST,
    UNKNOWN_ADDRESS,
    RefusedError,
)
from botkit.simulators.rapporto_servers import DUPLICATE_SECONDS, Servers
from botkit.simulators.rapporto_state import keep
from botkit.simulators.wire import Exchange

#: The bytes of what people send.
PICTURE = b"\xff\xd8\xff" + b"\x00" * 4093
_KEY = re.compile(rb"([?&]key=)[^&\"\s]+")


class Api:
    """Answers the requests of clients."""

    def __init__(self, servers: Servers, deliverer: Deliverer, callbacks: Callbacks) -> None:
        self._servers = servers
        self._deliverer = deliverer
        self._callbacks = callbacks
        self._second, self._in_second = 0, 0
        routes = [
            Route("/media/{number:int}/photo.jpg", self._media, methods=["GET"]),
            Route("/{path:path}", self._serve, methods=["POST"]),
        ]
        self.app = Starlette(routes=routes)

    async def _media(self, request: Request) -> Response:
        return Response(PICTURE, media_type="image/jpeg")

    async def _serve(self, request: Request) -> Response:
        body = await request.body()
        response = await self._servers.wire.answer(lambda: self._answer(request, body))
        self._log(request, body, response.status_code, bytes(response.body))
        return response

    def _log(self, request: Request, body: bytes, status: int, answer: bytes) -> None:
        try:
            told = _read(body)
            ta = self._find(told.get("login"), told.get("password"))
        except RefusedError:
            ta = ""
        for secret in self._servers.secrets:
            body = body.replace(secret.encode(), b"***")
        body, headers = _KEY.sub(rb"\1***", body), dict(request.headers)
        self._servers.wire.add(
            Exchange("outbound", self._servers.clock.now(), ta, "send", body, status, answer, headers)
        )

    async def _answer(self, request: Request, body: bytes) -> Response:
        content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if content_type != "application/json" and self._servers.wrong_content_type == "415":
            return Response(status_code=415)
        try:
            if content_type != "application/json":
                raise RefusedError(INVALID_REQUEST, "Content-Type must be application/json")
            answer = await self._take(request, _read(body))
        except RefusedError as refusal:
            return refusal.response
        return Response(answer, media_type="application/json")

    async def _take(self, request: Request, body: Json) -> bytes:
        check_shape(body, is_strict=self._servers.is_strict)
        ta = self._admit(request, body)
        order = read_order(body, self._servers, ta)
        known = self._repeated(ta, body)
        if known is not None:
            return known
        self._refuse_duplicate(body, order)
        mt_num = self._deliverer.take(ta, body, order)
        answer = msgspec.json.encode({"mtNum": mt_num} | ({"id": body["id"]} if "id" in body else {}))
        self._keep(ta, body, answer)
        self._servers.on_change()
        if self._servers.reports_early:
            await self._callbacks.post_due()
        return answer

    # --- who may send ---

    def _admit(self, request: Request, body: Json) -> str:
        if not self._servers.accounts_of(body.get("login", "")):
            raise RefusedError(INVALID_LOGIN)
        ta = self._find(body["login"], body.get("password"))
        if not ta:
            raise RefusedError(INVALID_PASSWORD)
        if self._servers.callers is not None and (
            request.client is None or request.client.host not in self._servers.callers
        ):
            raise RefusedError(UNKNOWN_ADDRESS)
        second = int(self._servers.clock.timestamp())
        self._in_second = self._in_second + 1 if second == self._second else 1
        self._second = second
        if 0 < self._servers.per_second < self._in_second:
            raise RefusedError(CROWDED)
        return ta

    def _find(self, login: Any, password: Any) -> str:
        if not isinstance(login, str) or not isinstance(password, str):
            return ""
        accounts = self._servers.accounts_of(login).items()
        given = password.encode("utf-8", "surrogatepass")
        return next((ta for ta, account in accounts if hmac.compare_digest(account.password.encode(), given)), "")

    # --- what was sent before ---

    def _repeated(self, ta: str, body: Json) -> bytes | None:
        """Returns the answer to the first request with this id, where repeats are dropped; None for a first one."""
        found = self._servers.state.answers.get(_id(body))
        if "id" not in body or found is None or not self._servers.has_resubmission(ta):
            return None
        answer, first = found
        if first != _content(body):
            self._servers.note(ta, "another request has the id of an earlier one: only the first was sent")
        return answer.encode()

    def _refuse_duplicate(self, body: Json, order: Order) -> None:
        now, state = self._servers.clock.timestamp(), self._servers.state
        said = f"{order.number}|{content_of(body['message'])['text']}"
        if self._servers.blocks_duplicates and now - state.texts.get(said, -DUPLICATE_SECONDS) < DUPLICATE_SECONDS:
            raise RefusedError(DUPLICATE)
        keep(state.texts, said, now)

    def _keep(self, ta: str, body: Json, answer: bytes) -> None:
        if "id" in body and self._servers.has_resubmission(ta):
            keep(self._servers.state.answers, _id(body), (answer.decode(), _content(body)))


def _id(body: Json) -> str:
    return f"{body['login']}|{body.get('id', '')}"


def _content(body: Json) -> str:
    kept = {name: value for name, value in body.items() if name not in ("login", "password")}
    return msgspec.json.encode(kept, order="deterministic").decode()


def _read(body: bytes) -> Json:
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise RefusedError(INVALID_REQUEST, "the body is not JSON") from None
    if not isinstance(found, dict):
        raise RefusedError(INVALID_REQUEST, "the body is not an object")
    return found
