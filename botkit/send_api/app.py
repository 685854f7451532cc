"""The routes of the send API, and what each of them does."""

import math
import re
from collections.abc import Awaitable, Callable, Mapping

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from botkit.accounts import Bucket
from botkit.adapter import Adapter
from botkit.clock import Clock
from botkit.conversation import Account
from botkit.dispatcher import Owner
from botkit.exceptions import BotkitError
from botkit.redaction import frames
from botkit.send_api.answers import ids_answer, list_answer, message_answer, of_way, state_answer
from botkit.send_api.keys import ApiKey, Keyring, KeyScope
from botkit.send_api.openapi import document
from botkit.send_api.orders import Orders, fingerprint_of, reached, routes_of, tag_of
from botkit.send_api.refusals import RefusedError, answer, conflict, later, refusal_of, unauthorized
from botkit.send_api.requests import RequestPolicy, read_idempotency_key, read_json
from botkit.sending import Rejection, Sender
from botkit.store import Store
from botkit.submission import Submission, message_id

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
    ) -> None:
        self._owners = owners
        self._store = store
        self._clock = clock
        self._keyring = keyring
        self._policy = policy or RequestPolicy()
        bots = {owner.bot.name: owner.bot for owner in owners.values()}
        self._orders = Orders((owner.adapter for owner in owners.values()), routes_of(bots.values()))
        self._sender = Sender(store, clock)

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
        key = await self._admit(request, "read")
        wanted = _ID.fullmatch(request.path_params["id"])
        submission = await self._store.submissions.load(wanted[1]) if wanted else None
        way = int(wanted[2] or 0) if wanted else 0
        if submission is None or submission.owner != key.name or way >= max(1, len(submission.ways)):
            raise RefusedError(404, "unknown_message", "there is no such message of this key")
        delivery = await self._store.deliveries.load(submission.conversation.key, submission.id)
        state = state_answer(submission, *self._sender_of(submission), delivery, now=self._clock.timestamp())
        return answer(of_way(state, way) if way else state)

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
        if own_key and (known := await self._known(named, fingerprint)):
            return known
        order = await reached(self._orders.read(body, key.may_use), self._store.contacts)
        created_ms = round(self._clock.timestamp() * 1000)
        taken = await self._sender.submit(order.submission(named, key.name, fingerprint, created_ms))
        if taken is Rejection.CONFLICT:
            raise conflict()
        if taken is Rejection.FULL:
            raise later(
                "too many messages wait for this destination: the same again, with its idempotency key, is safe"
            )
        log.info("accepted", key=key.name, account=taken.account[1], message=taken.id)
        return taken

    async def _known(self, message_id: str, fingerprint: str) -> Submission | None:
        """Returns what was taken under this id, whatever has changed since; None where it is still to be done."""
        known = await self._store.submissions.load(message_id)
        if known and known.fingerprint != fingerprint:
            raise conflict()
        return known if known and not known.parts else None

    def _sender_of(self, submission: Submission) -> tuple[Adapter | None, str]:
        owner = self._owners.get(Account(*submission.account))
        return (owner.adapter, owner.bot.name) if owner else (None, submission.account[1])


#: What is asked at which path, whatever the case of its letters.
_PATHS: tuple[tuple[str, str, Callable[[SendApi, Request], Awaitable[Response]]], ...] = (
    ("POST", "/message/send", SendApi.send),
    ("POST", "/messages/send", SendApi.send),
    ("POST", "/api/v{version}/Message/send", SendApi.send),
    ("POST", "/api/v{version}/Messages/send", SendApi.send),
    ("GET", "/messages/{id}", SendApi.message),
    ("GET", "/api/v{version}/Messages/{id}", SendApi.message),
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
        except ClientDisconnect:
            log.debug("the caller left early")
            return
        await response(scope, receive, send)

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
