"""The API of the simulated SMSGold: `/v1/telegram/bot/...`, with and without the slash at the end, never redirected."""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from botkit.simulators.smsgold_requests import RefusedError, Sending, read_sending, refused
from botkit.simulators.smsgold_servers import Servers
from botkit.simulators.smsgold_state import MEMORY, Accepted, Bot, Line, Subscriber
from botkit.simulators.wire import Exchange

_IN_QUERY = re.compile(rb"(^|&)pass=[^&]*")
_IN_BODY = re.compile(rb'("pass"\s*:\s*)"(?:[^"\\]|\\.)*"')

Act = Callable[[Request, bytes], Any]


class Api:
    """Answers the calls of accounts."""

    def __init__(self, service: Servers) -> None:
        self._service = service
        routes = []
        for name, method, act in (
            ("bots", "GET", self._bots),
            ("subscribers", "GET", self._subscribers),
            ("sendMessage", "POST", self._send),
        ):
            endpoint = self._endpoint(name, act)
            paths = (f"/v1/telegram/bot/{name}", f"/v1/telegram/bot/{name}/")
            routes += [Route(path, endpoint, methods=[method]) for path in paths]
        self.app = Starlette(routes=routes)
        self.app.router.redirect_slashes = False

    def _endpoint(self, name: str, act: Act) -> Callable[[Request], Awaitable[Response]]:
        async def serve(request: Request) -> Response:
            body = await request.body()
            response = await self._service.wire.answer(lambda: self._respond(act, request, body))
            self._log(name, request, body, response)
            return response

        return serve

    async def _respond(self, act: Act, request: Request, body: bytes) -> Response:
        try:
            answer = act(request, body)
        except RefusedError as refusal:
            return self._refusal(refusal)
        finally:
            self._service.on_change()
        if isinstance(answer, bytes):
            return Response(answer, media_type="text/html")
        return Response(msgspec.json.encode(answer), media_type="application/json")

    def _refusal(self, refusal: RefusedError) -> Response:
        body = msgspec.json.encode({"success": False, "error": refusal.text})
        status = 200 if self._service.error_style == "ok" else self._service.statuses[refusal.kind]
        return Response(body, status, media_type="application/json")

    # Lists

    def _bots(self, request: Request, _: bytes) -> Any:
        self._authenticate(request.query_params)
        entries = [
            {"id": account.bot_id, "name": ta, "username": f"{ta}_bot"}
            for ta, account in self._service.accounts.items()
            if self._service.admits(ta, request.query_params)
        ]
        return self._listed("bots", entries)

    def _subscribers(self, request: Request, _: bytes) -> Any:
        self._authenticate(request.query_params)
        bot = self._bot(request.query_params, request.query_params.get("botId", ""))
        people = [each for each in bot.subscribers.values() if each.is_there]
        entries = [
            {"id": each.id, "name": each.name, "username": each.username, "number": each.number} for each in people
        ]
        return self._listed("subscribers", entries)

    def _listed(self, name: str, entries: list[dict[str, str]]) -> Any:
        if self._service.list_style == "bare":
            return entries
        return {name if self._service.list_style == "wrapped" else "payload": entries, **self._service.list_members}

    # Sending

    def _send(self, request: Request, body: bytes) -> Any:
        call = _read_object(request, body)
        auth = call.get("auth")
        credentials = auth if isinstance(auth, dict) else {}
        self._authenticate(credentials)
        sending = read_sending(call, self._service.longest_text)
        bot, subscriber = self._receiver(credentials, sending)
        accepted = self._accept(bot, subscriber, sending)
        return self._answer(accepted.id)

    def _receiver(self, credentials: Mapping[str, Any], sending: Sending) -> tuple[Bot, Subscriber]:
        service = self._service
        if sending.bot:
            bots = [self._bot(credentials, sending.bot)]
        else:
            bots = [service.bot(ta) for ta in service.accounts if service.admits(ta, credentials)]
        for bot in bots:
            for each in bot.subscribers.values():
                is_meant = sending.number == each.number if sending.bot else sending.subscriber == each.id
                if is_meant and each.is_there:
                    return bot, each
        raise RefusedError("unknown", "no such subscriber")

    def _accept(self, bot: Bot, subscriber: Subscriber, sending: Sending) -> Accepted:
        accepted = Accepted(
            id=self._service.next_id(),
            subscriber=subscriber.id,
            text=sending.text,
            buttons=sending.buttons,
            warnings=sending.warnings,
            unknown=sending.unknown,
        )
        bot.accepted = [*bot.accepted[1 - MEMORY :], accepted]
        subscriber.remember(Line("bot", sending.text, list(sending.buttons)))
        return accepted

    def _answer(self, message_id: str) -> Any:
        answers: Mapping[str, Any] = {
            "id": {"success": True, "id": message_id},
            "inner id": {"data": {"id": message_id}},
            "no id": {"success": True},
            "empty": b"",
            "text": b"OK",
        }
        return answers[self._service.sent_style]

    # Who asks

    def _authenticate(self, credentials: Mapping[str, Any]) -> None:
        if not any(self._service.admits(ta, credentials) for ta in self._service.accounts):
            raise RefusedError("auth", "auth failed")

    def _bot(self, credentials: Mapping[str, Any], bot_id: str) -> Bot:
        if not bot_id:
            raise refused("botId is required")
        for ta, account in self._service.accounts.items():
            if account.bot_id == bot_id and self._service.admits(ta, credentials):
                return self._service.bot(ta)
        raise RefusedError("unknown", "no such bot")

    def _log(self, name: str, request: Request, body: bytes, response: Response) -> None:
        query: bytes = request.scope["query_string"]
        masked = _IN_BODY.sub(rb'\1"***"', body) if body else _IN_QUERY.sub(rb"\1pass=***", query)
        at, answer = self._service.clock.now(), bytes(response.body)
        self._service.wire.add(Exchange("outbound", at, "", name, masked, response.status_code, answer))


def _read_object(request: Request, body: bytes) -> dict[str, Any]:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise refused("Content-Type must be application/json")
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        raise refused("the body is not JSON") from None
    if not isinstance(found, dict):
        raise refused("the body is not an object")
    return found
