"""The API of the simulated SMSC: `/sys/<script>.php`, by GET or POST; errors come with HTTP 200."""

import re
from collections.abc import Callable, Mapping

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from botkit.simulators.smsc_callbacks import Callbacks
from botkit.simulators.smsc_contacts import Contacts
from botkit.simulators.smsc_formats import Call, RefusedError, read_call, write_error
from botkit.simulators.smsc_reading import Reading
from botkit.simulators.smsc_sending import Sending
from botkit.simulators.smsc_servers import Servers
from botkit.simulators.smsc_state import Client
from botkit.simulators.wire import Exchange

_FORM = "application/x-www-form-urlencoded"
_SECRET = re.compile(rb"(^|&)(psw|apikey)=[^&]*", re.IGNORECASE)

Act = Callable[[Client, Call], str]


class Api:
    """Answers the calls of clients."""

    def __init__(self, servers: Servers, sending: Sending, callbacks: Callbacks) -> None:
        self._servers = servers
        self._sending = sending
        self._callbacks = callbacks
        contacts, reading = Contacts(servers), Reading(servers)
        self._acts: Mapping[str, Act] = {
            "send": sending.answer,
            "phones": contacts.answer,
            "status": reading.status,
            "get": reading.inbox,
            "balance": reading.balance,
        }
        self.app = Starlette(routes=[Route("/sys/{script}.php", self._serve, methods=["GET", "POST"])])

    async def _serve(self, request: Request) -> Response:
        script = request.path_params["script"]
        if script not in self._acts:
            return Response(b"<html><h1>404 Not Found</h1></html>", 404, media_type="text/html")
        raw = await _read(request)
        ip = request.client.host if request.client else ""
        call = read_call(script, raw, ip)
        response = await self._servers.wire.answer(lambda: self._respond(call))
        self._log(call, raw, response)
        return response

    async def _respond(self, call: Call) -> Response:
        try:
            text = await self._act(call)
        except RefusedError as refusal:
            self._servers.limits.note(call.ip, refusal.code)
            text = write_error(call.fmt, refusal)
        self._servers.on_change()
        # Whatever the form: what an answer is must not be read from its type.
        return Response(call.encode(text), headers={"content-type": f"text/html; charset={call.charset}"})

    async def _act(self, call: Call) -> str:
        servers = self._servers
        servers.limits.check_address(call.ip)
        key = servers.authenticate(call)
        if call.problem:
            raise RefusedError(1, call.problem)
        with servers.limits.slot(key):
            await servers.is_open.wait()
            servers.limits.admit(key, call)
            if call.script != "send":
                servers.check_demand()
            text = self._acts[call.script](servers.client_of(key), call)
            if call.script == "send" and servers.reports_early:
                self._sending.proceed()
                await self._callbacks.post_due()
            return text

    def _log(self, call: Call, raw: bytes, response: Response) -> None:
        try:
            account = self._servers.authenticate(call)
        except RefusedError:
            account = ""
        masked, at = _SECRET.sub(rb"\1\2=***", raw), self._servers.clock.now()
        answer = Exchange("outbound", at, account, call.script, masked, response.status_code, bytes(response.body))
        self._servers.wire.add(answer)


async def _read(request: Request) -> bytes:
    """Returns the query and the form, joined; a body of another type has no parameters for the service."""
    body = await request.body()
    is_form = request.headers.get("content-type", "").partition(";")[0].strip().lower() == _FORM
    return b"&".join(filter(None, [request.scope["query_string"], body if is_form else b""]))
