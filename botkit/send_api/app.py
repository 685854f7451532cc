"""The routes of the send API, and what each of them does."""

import math
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from botkit.accounts import Bucket
from botkit.adapter import Adapter
from botkit.broadcast import spot_of
from botkit.clock import Clock
from botkit.conversation import Account
from botkit.deliveries import Delivery
from botkit.dispatcher import Owner
from botkit.exceptions import BotkitError
from botkit.redaction import frames
from botkit.send_api.answers import ids_answer, list_answer, message_answer, of_way, state_answer
from botkit.send_api.bulk import MOVES, Bulks
from botkit.send_api.keys import ApiKey, Keyring, KeyScope
from botkit.send_api.openapi import document
from botkit.send_api.orders import Orders, fingerprint_of, reached, routes_of, tag_of
from botkit.send_api.refusals import RefusedError, answer, conflict, later, refusal_of, too_late, unauthorized
from botkit.send_api.requests import RequestPolicy, read_idempotency_key, read_json
from botkit.send_schedule import DEFAULT_ZONE
from botkit.sending import Rejection, Sender
from botkit.store import Store
from botkit.submission import Stage, Submission, message_id

#: How an id of ours looks: that of a message, or of one of its ways after the first.
_ID = re.compile(r"([A-Za-z0-9_-]{22}00)(?:\.([1-9][0-9]?))?")

log = structlog.get_logger("botkit.send_api")


class SendApi:
    """Takes what other programs ask for; nothing is answered with 200 that is not stored.

    Every request shows a key, which is looked at before anything else. An answer of 503 means that nothing is known:
    the same request with the same idempotency key may be repeated, and is sent once.
    """

    def __init__(
        self,
        owners: Mapping[Account, Owner],
        store: Store,
        clock: Clock,
        keyring: Keyring,
        *,
        policy: RequestPolicy | None = None,
        time_zone: str = DEFAULT_ZONE,
    ) -> None:
        self._owners = owners
        self._store = store
        self._clock = clock
        self._keyring = keyring
        self._policy = policy or RequestPolicy()
        bots = {owner.bot.name: owner.bot for owner in owners.values()}
        adapters = (owner.adapter for owner in owners.values())
        self._orders = Orders(adapters, routes_of(bots.values()), clock=clock, time_zone=time_zone)
        self._sender = Sender(store, clock)
        self._bulks = Bulks(owners, store, self._orders)

    async def send(self, request: Request) -> Response:
        """Takes one message; answers in shape A, from version 1.1 on in shape B, and in shape C for several ways."""
        submission = await self._submit(request)
        if submission.ways:
            return answer(ids_answer(submission))
        if request.path_params.get("version", "1") == "1":
            return answer(message_answer(submission, *self._sender_of(submission)))
        return answer(list_answer(submission))

    async def message(self, request: Request) -> Response:
        """Tells what became of a message."""
        return self._told(*await self._named(request, await self._admit(request, "read")))

    async def cancel(self, request: Request) -> Response:
        """Cancels a message that waits for its time; what was cancelled already is answered the same."""
        submission, *_ = await self._named(request, await self._admit(request, "send"))
        decided = await self._sender.cancel(submission)
        if decided.stage is not Stage.CANCELLED:
            raise too_late()
        return self._told(decided, None)

    async def _named(self, request: Request, key: ApiKey) -> tuple[Submission, Delivery | None, int]:
        """Returns the submission that a path names, what became of it, and the number of the way of it."""
        wanted = _ID.fullmatch(request.path_params["id"])
        found = await self._find(wanted[1]) if wanted else None
        way = int(wanted[2] or 0) if wanted else 0
        if found is None or found[0].owner != key.name or way >= max(1, len(found[0].ways)):
            raise RefusedError(404, "unknown_message", "there is no such message of this key")
        return *found, way

    def _told(self, submission: Submission, delivery: Delivery | None, way: int = 0) -> Response:
        state = state_answer(submission, *self._sender_of(submission), delivery, now=self._clock.now())
        return answer(of_way(state, way) if way else state)

    async def send_bulk(self, request: Request) -> Response:
        """Takes one message for many destinations; answers in shape D."""
        key = await self._admit(request, "bulk")
        idempotency_key = read_idempotency_key(request)
        body = await read_json(request, most=self._policy.max_bulk, seconds=self._policy.bulk_seconds)
        return await self._bulks.take(key, idempotency_key, body)

    async def bulk(self, request: Request) -> Response:
        """Tells how far a bulk has come."""
        key = await self._admit(request, "read")
        return answer(await self._bulks.state(key, request.path_params["id"]))

    async def bulk_messages(self, request: Request) -> Response:
        """Tells what became of each destination of a bulk, a page at a time."""
        key = await self._admit(request, "read")
        return answer(await self._bulks.messages(key, request.path_params["id"], request.query_params))

    async def move_bulk(self, request: Request) -> Response:
        """Pauses, resumes or cancels a bulk."""
        key = await self._admit(request, "bulk")
        word = request.scope["path"].rpartition("/")[2].lower()
        return answer(await self._bulks.move(key, request.path_params["id"], word))

    async def _find(self, message_id: str) -> tuple[Submission, Delivery | None] | None:
        if spot := spot_of(message_id):
            return await self._bulks.find(spot)
        submission = await self._store.submissions.load(message_id)
        if submission is None:
            return None
        return submission, await self._store.deliveries.load(submission.conversation.key, submission.id)

    async def _admit(self, request: Request, scope: KeyScope) -> ApiKey:
        given = request.headers.getlist("x-botkit-key")
        key = self._keyring.find(given[0]) if len(given) == 1 else None
        if key is None:
            log.info("refused: no key that is known")
            raise unauthorized()
        if scope not in key.scopes:
            raise RefusedError(403, "forbidden", f"this key has no scope {scope}")
        if pace := key.pace:
            wait = max(await self._store.accounts.take(Account("send_api", key.name), [Bucket("api", pace)]))
            if wait:
                headers = {"Retry-After": str(math.ceil(wait))}
                raise RefusedError(429, "too_many_requests", "this key's requests come too fast", headers=headers)
        return key

    async def _submit(self, request: Request) -> Submission:
        key = await self._admit(request, "send")
        idempotency_key = read_idempotency_key(request)
        body = await read_json(request, most=self._policy.max_body, seconds=self._policy.body_seconds)
        own_key = idempotency_key or tag_of(body)
        named, fingerprint = message_id(key.name, own_key), fingerprint_of(body)
        known = await self._known(named, fingerprint) if own_key else None
        if known and not known.parts:
            return known
        taken = await self._sender.submit(known or await self._ordered(body, named, key, fingerprint))
        if taken is Rejection.CONFLICT:
            raise conflict()
        if taken is Rejection.FULL:
            raise later(
                "too many messages wait for this destination: the same again, with its idempotency key, is safe"
            )
        log.info("accepted", key=key.name, account=taken.account[1], message=taken.id)
        return taken

    async def _ordered(self, body: Mapping[str, Any], message_id: str, key: ApiKey, fingerprint: str) -> Submission:
        order = self._orders.read(body, key.may_use, has_callbacks=bool(key.callback_secrets))
        order = await reached(order, self._store.contacts)
        notify = key.name if key.callback_url or order.notify_url else ""
        created_ms = round(self._clock.timestamp() * 1000)
        return order.submission(message_id, key.name, fingerprint, created_ms, notify=notify)

    async def _known(self, message_id: str, fingerprint: str) -> Submission | None:
        """Returns what was taken under this id, whatever has changed since."""
        known = await self._store.submissions.load(message_id)
        if known and known.fingerprint != fingerprint:
            raise conflict()
        return known

    def _sender_of(self, submission: Submission) -> tuple[Adapter | None, str]:
        owner = self._owners.get(Account(*submission.account))
        return (owner.adapter, owner.bot.name) if owner else (None, submission.account[1])


#: What is asked at which path, whatever the case of its letters.
_PATHS: tuple[tuple[str, str, Callable[[SendApi, Request], Awaitable[Response]]], ...] = (
    ("POST", "/message/send", SendApi.send),
    ("POST", "/messages/send", SendApi.send),
    ("POST", "/api/v{version}/Message/send", SendApi.send),
    ("POST", "/api/v{version}/Messages/send", SendApi.send),
    ("POST", "/message/sendbulk", SendApi.send_bulk),
    ("POST", "/messages/sendbulk", SendApi.send_bulk),
    ("POST", "/api/v1.1/Message/sendbulk", SendApi.send_bulk),
    ("POST", "/api/v1.1/Messages/sendbulk", SendApi.send_bulk),
    ("GET", "/bulk/{id}", SendApi.bulk),
    ("GET", "/bulk/{id}/messages", SendApi.bulk_messages),
    *(("POST", f"/bulk/{{id}}/{word}", SendApi.move_bulk) for word in MOVES),
    ("GET", "/messages/{id}", SendApi.message),
    ("GET", "/api/v{version}/Messages/{id}", SendApi.message),
    ("DELETE", "/messages/{id}", SendApi.cancel),
    ("DELETE", "/api/v{version}/Messages/{id}", SendApi.cancel),
)


def routes(find: Callable[[], SendApi | None]) -> list[BaseRoute]:
    """Returns the routes of the send API that `find` returns: None before it runs, and after its end."""
    asked = [_Route(path, _Endpoint(find, ask), methods=[method]) for method, path, ask in _PATHS]
    return [*asked, Route("/openapi.json", _describe)]


async def _describe(_: Request) -> Response:
    return Response(document(), media_type="application/json")


class _Route(Route):
    """A route for paths in letters of either case, and for the versions that there are."""

    def __init__(self, path: str, endpoint: "_Endpoint", *, methods: list[str]) -> None:
        super().__init__(path, endpoint, methods=methods)
        pattern = self.path_regex.pattern.replace("(?P<version>[^/]+)", "(?P<version>1|1\\.1)")
        self.path_regex = re.compile(pattern, re.IGNORECASE | re.ASCII)


class _Endpoint:
    """Answers one kind of request; before the service runs and after, all must come again."""

    def __init__(
        self, find: Callable[[], SendApi | None], ask: Callable[[SendApi, Request], Awaitable[Response]]
    ) -> None:
        self._find = find
        self._ask = ask

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        try:
            response = await self._answer(Request(scope, receive))
            await response(scope, receive, send)
        except ClientDisconnect:
            log.debug("the caller left early")

    async def _answer(self, request: Request) -> Response:
        try:
            api = self._find()
            if api is None:
                raise later("the service does not run yet, or not any more")
            return await self._ask(api, request)
        except ClientDisconnect:
            raise
        except Exception as error:
            if not isinstance(error, BotkitError):
                # Its text may hold what somebody wrote.
                log.error("a request failed", error=type(error).__name__, frames=frames(error))
            return refusal_of(error)
