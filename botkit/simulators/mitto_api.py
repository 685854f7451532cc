"""The HTTP faces of the simulated Mitto: `/api/v{version}/...` for all networks, and the SMS API's `/sms`."""

import re
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from botkit.simulators.mitto_answers import bulk_answer, failover_answer, single_answer, stored_object
from botkit.simulators.mitto_callbacks import Callbacks, masked
from botkit.simulators.mitto_checks import Order, Rules, TrafficAccount, read_order, read_orders
from botkit.simulators.mitto_delivery import Deliverer
from botkit.simulators.mitto_refusals import RefusedError, read_json
from botkit.simulators.mitto_servers import Servers
from botkit.simulators.mitto_sms import SmsApi
from botkit.simulators.mitto_state import Message
from botkit.simulators.mitto_webhooks import Webhooks
from botkit.simulators.wire import Exchange

KEY = "x-mitto-api-key"

_SECRET = re.compile(rb'("headers"\s*:\s*)\{[^}]*\}')


class Call(Struct):
    """A call that is allowed: whose, in which version, to which thing, with what in it."""

    accounts: Mapping[str, TrafficAccount]
    version: str
    thing: str
    request: Request
    content: bytes

    @property
    def body(self) -> dict[str, Any]:
        """The JSON of the request. Raises RefusedError."""
        return read_json(self.content, self.request.headers.get("content-type", ""))


class Answer(Struct, frozen=True):
    """What a call is answered with."""

    content: Any
    status: int = 200


Act = Callable[[Call], Awaitable[Answer]]


class Resource(Struct, frozen=True):
    """What can be done at a path, whatever its case, by the method; `name` is how the wire's log calls it."""

    name: str
    path: re.Pattern[str]
    acts: Mapping[str, Act]


class Api:
    """Answers the calls of customers."""

    def __init__(self, servers: Servers, deliverer: Deliverer, callbacks: Callbacks) -> None:
        self._servers = servers
        self._deliverer = deliverer
        self._callbacks = callbacks
        self._webhooks = Webhooks(servers)
        self._sms = SmsApi(servers, deliverer)
        self._sent: dict[str, deque[float]] = {}
        self.app = self._app(
            [
                self._resource("send", "messages?/send", POST=self._send),
                self._resource("sendbulk", "messages?/sendbulk", "1.1", POST=self._send_bulk),
                self._resource("sendmessagesbulk", "messages?/sendmessagesbulk", "1.1", POST=self._send_many),
                self._resource("message", "messages?/(?P<thing>(?!send)[^/]+)", GET=self._message),
                self._resource("webhooks", "webhooks", GET=self._hooks, POST=self._create),
                self._resource("webhooks", "webhooks/(?P<thing>[^/]+)", PUT=self._update, DELETE=self._delete),
                self._resource("trafficaccounts", "trafficaccounts", GET=self._accounts),
            ]
        )
        sms = Resource("sms", re.compile("/sms", re.IGNORECASE), {"POST": self._send_sms})
        self.sms_app = self._app([sms])

    def _resource(self, name: str, path: str, version: str = "1(?:[.]1)?", **acts: Act) -> Resource:
        pattern = f"/api/v(?P<version>{version.replace('1.1', '1[.]1')})/{path}"
        return Resource(name, re.compile(pattern, re.IGNORECASE), acts)

    def _app(self, resources: Sequence[Resource]) -> Starlette:
        async def serve(request: Request) -> Response:
            return await self._serve(resources, request)

        return Starlette(routes=[Route("/{path:path}", serve, methods=["GET", "POST", "PUT", "DELETE", "PATCH"])])

    # One call

    async def _serve(self, resources: Sequence[Resource], request: Request) -> Response:
        path = request.url.path
        resource = next((found for found in resources if found.path.fullmatch(path)), None)
        content = await request.body()
        response = await self._servers.wire.answer(lambda: self._answer(resource, request, content))
        self._log(resource.name if resource else "unknown", request, content, response)
        return response

    async def _answer(self, resource: Resource | None, request: Request, content: bytes) -> Response:
        try:
            answer = await self._act(resource, request, content)
        except RefusedError as refusal:
            return self._refusal(refusal)
        if request.method != "GET":
            self._servers.on_change()
        return Response(msgspec.json.encode(answer.content), answer.status, media_type="application/json")

    async def _act(self, resource: Resource | None, request: Request, content: bytes) -> Answer:
        accounts = self._authenticated(request)
        if not resource or not (found := resource.path.fullmatch(request.url.path)):
            raise RefusedError(404, "there is nothing at this path")
        if request.method not in resource.acts:
            raise RefusedError(405, "the method is not allowed here")
        named = found.groupdict()
        call = Call(accounts, named.get("version", ""), named.get("thing", ""), request, content)
        return await resource.acts[request.method](call)

    def _authenticated(self, request: Request) -> Mapping[str, TrafficAccount]:
        accounts = self._servers.accounts_of(request.headers.get(KEY, ""))
        if not accounts:
            raise RefusedError(self._servers.bad_key_status, "the API key is missing or unknown")
        return accounts

    def _refusal(self, refusal: RefusedError) -> Response:
        style = self._servers.errors
        media_type = "application/problem+json" if style == "problem" else "application/json"
        again = refusal.status == 429 and self._servers.says_retry_after
        headers = {"Retry-After": "1"} if again else {}
        return Response(msgspec.json.encode(refusal.body(style)), refusal.status, headers, media_type)

    def _log(self, name: str, request: Request, content: bytes, response: Response) -> None:
        headers = {header: "***" if header == KEY else value for header, value in request.headers.items()}
        accounts = self._servers.accounts_of(request.headers.get(KEY, ""))
        ta = _account_named(content) or next(iter(accounts), "")
        answer = bytes(response.body)
        if name == "webhooks":
            content, answer = (_SECRET.sub(rb'\1{"***": "***"}', text) for text in (content, answer))
        at = self._servers.clock.now()
        exchange = Exchange("outbound", at, ta, name, masked(content), response.status_code, answer, headers)
        self._servers.wire.add(exchange)

    # What can be called

    async def _send(self, call: Call) -> Answer:
        order = read_order(call.body, self._rules(call))
        messages = await self._take([order])
        if order.seconds:
            return Answer(failover_answer(self._servers, messages))
        return Answer(single_answer(self._servers, messages[0], call.version))

    async def _send_bulk(self, call: Call) -> Answer:
        order = read_order(call.body, self._rules(call), is_bulk=True)
        return Answer(bulk_answer(self._servers, await self._take([order])))

    async def _send_many(self, call: Call) -> Answer:
        orders = read_orders(call.body, self._rules(call))
        return Answer(bulk_answer(self._servers, await self._take(orders), names_destinations=False))

    def _rules(self, call: Call) -> Rules:
        return Rules(call.accounts, self._servers.bounds)

    async def _take(self, orders: Sequence[Order]) -> list[Message]:
        """Sends, and returns the messages as they are before anything becomes of them."""
        self._count({order.parts[0].account.ta for order in orders})
        messages = [msgspec.structs.replace(message) for order in orders for message in self._deliverer.order(order)]
        await self._go_on()
        return messages

    async def _go_on(self) -> None:
        """Lets happen what happens at once, before the answer goes out."""
        self._deliverer.catch_up()
        if self._servers.reports_early:
            await self._callbacks.post_due()

    def _count(self, accounts: set[str]) -> None:
        """Raises RefusedError where an account has made its requests of this second."""
        now, rate = self._servers.clock.timestamp(), self._servers.rate
        for ta in accounts:
            sent = self._sent.setdefault(ta, deque())
            while sent and sent[0] <= now - 1:
                sent.popleft()
            if rate is not None and len(sent) >= rate:
                raise RefusedError(429, "too many requests")
            sent.append(now)

    async def _message(self, call: Call) -> Answer:
        self._deliverer.catch_up()
        message = self._servers.state.messages.get(call.thing)
        if not message or message.ta not in call.accounts or message.api != "chat":
            raise RefusedError(404, "there is no such message")
        return Answer(stored_object(self._servers, message))

    async def _hooks(self, call: Call) -> Answer:
        return Answer(self._webhooks.entries(call.accounts))

    async def _create(self, call: Call) -> Answer:
        return Answer(self._webhooks.create(call.accounts, call.body), 201)

    async def _update(self, call: Call) -> Answer:
        return Answer(self._webhooks.update(call.accounts, call.thing, call.body))

    async def _delete(self, call: Call) -> Answer:
        is_forced = call.request.query_params.get("forceDelete", "").lower() == "true"
        return Answer(self._webhooks.delete(call.accounts, call.thing, is_forced=is_forced))

    async def _accounts(self, call: Call) -> Answer:
        known = [{"id": a.ta, "name": a.sender or a.ta, "channel": a.via} for a in call.accounts.values()]
        return Answer([entry | dict(self._servers.extras) for entry in known])

    async def _send_sms(self, call: Call) -> Answer:
        body = call.body
        self._count({next(iter(call.accounts))})
        answer = self._sms.send(call.accounts, body)
        await self._go_on()
        return Answer(answer)


def _account_named(content: bytes) -> str:
    try:
        found = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    ta = found.get("trafficAccountId") if isinstance(found, dict) else ""
    return ta if isinstance(ta, str) else ""
