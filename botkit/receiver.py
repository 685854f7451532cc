"""Webhooks: who is it for, is it genuine, what does it say, is it stored - and only then 200."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from time import perf_counter
from urllib.parse import parse_qsl

import structlog
from msgspec import Struct
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from botkit import tracing
from botkit.adapter import Adapter
from botkit.answer import Answer, whole_of
from botkit.body import Bodies, BodyError, BodyTooLargeError, BodyTooSlowError, Share, read_body
from botkit.clock import Clock
from botkit.engine import Engine
from botkit.events import Event
from botkit.exceptions import PayloadError, StoreUnavailableError
from botkit.metrics import Metrics
from botkit.redaction import frames
from botkit.store import Store
from botkit.webhook import Headers, WebhookRequest

log = structlog.get_logger("botkit.receiver")


# Nearly every query: one field, which needs no decoding.
_PLAIN_QUERY = re.compile(rb"ta=[A-Za-z0-9_.~-]+")

_OK = Answer(200)
_FORBIDDEN = Answer(403)
_NO_METHOD = Answer(405)
_CLOSE = ((b"connection", b"close"),)
_TEXT = ((b"content-type", b"text/plain; charset=utf-8"),)
_JSON = ((b"content-type", b"application/json"),)

# What a webhook that is not answered with 200 is counted as.
_REASONS = {200: "", 403: "forbidden", 405: "method", 408: "slow", 413: "large", 503: "unavailable"}


class ReceiverPolicy(Struct, frozen=True):
    """Bounds of one request, and of all that are here at a time.

    Of one: bytes of its body, seconds until all of it must be there, and until it must be kept; fields of its query. Of
    all: bytes of their bodies, and how many genuine ones wait for the store; more must come again.
    """

    max_body: int = 1024 * 1024
    max_fields: int = 100
    max_bytes: int = 64 * 1024 * 1024
    max_waiting: int = 1000
    body_seconds: float = 5
    keep_seconds: float = 0.9
    retry_after: int = 2


class Receiver:
    """The ASGI endpoint of `/webhooks/{channel}?ta=<account>` and, for gateways, `/webhooks/{channel}/{kind}?ta=`.

    Answers 200 stored or known; 403 not genuine, or not one account that is there (which, nobody can tell);
    408 too slow; 413 too large; 503 with Retry-After when it could not be stored, when there is too much at once, or
    when the message that its answer must carry is not ready. A genuine body that cannot be read is kept and answered
    200: repeating it would mend nothing.
    """

    def __init__(
        self,
        adapters: Iterable[Adapter],
        engine: Engine,
        store: Store,
        clock: Clock,
        *,
        policy: ReceiverPolicy | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        self._adapters = {(adapter.channel, adapter.ta): adapter for adapter in adapters}
        # An unknown account costs what a known one costs: its signature is checked against one that nobody has.
        self._decoys: Mapping[str, Adapter] = {
            adapter.channel: adapter.simulated("http://decoy.invalid") for adapter in self._adapters.values()
        }
        self._engine = engine
        self._store = store
        self._clock = clock
        self._policy = policy or ReceiverPolicy()
        self._metrics = metrics or Metrics()
        #: What is in memory of bodies at this moment.
        self.held = Bodies(self._policy.max_bytes)
        self._waiting = 0

    async def serve(self, scope: Scope, receive: Receive, send: Send, channel: str, kind: str = "") -> None:
        """Serves one request for a channel's webhook, or for the one of a gateway's kinds."""
        started = perf_counter()
        whole = whole_of(send, receive)
        raw_query: bytes = scope["query_string"]
        query = {"ta": raw_query[3:].decode()} if _PLAIN_QUERY.fullmatch(raw_query) else self._read_query(raw_query)
        adapter = self._adapters.get((channel, query.get("ta", ""))) if query is not None else None
        guard = adapter or self._decoys.get(channel)
        if query is None or guard is None or kind not in (guard.kinds or ("",)):
            answer = _FORBIDDEN
        elif scope["method"] not in guard.methods:
            answer = _NO_METHOD
        else:
            try:
                answer = await self._receive(scope, receive, whole.take_body(), adapter, guard, kind, query)
            except ClientDisconnect:
                log.debug("the sender left early")
                self._note(adapter, "left", started)
                return
            except BodyError as error:
                answer = self._refuse(error)
            except StoreUnavailableError as error:
                log.error("not stored", account=guard.ta, reason=error.what)
                answer = self._later()
        self._note(adapter, _REASONS.get(answer.status, "other"), started)
        if not whole.take_answer(answer):
            await answer.send(send)

    def _read_query(self, raw_query: bytes) -> dict[str, str] | None:
        """Returns the fields of a query, the first of each name; None for too many, or for two accounts."""
        if raw_query.count(b"&") >= self._policy.max_fields:
            return None
        given = parse_qsl(raw_query.decode("latin-1"))
        # Nobody can tell which of two accounts is meant.
        return dict(reversed(given)) if [name for name, _ in given].count("ta") <= 1 else None

    def _note(self, adapter: Adapter | None, reason: str, started: float) -> None:
        account = adapter.account if adapter else None
        self._metrics.observe("webhook_seconds", perf_counter() - started, account)
        if reason:
            self._metrics.count("webhooks_refused", account, reason)

    async def _receive(
        self,
        scope: Scope,
        receive: Receive,
        body: bytes | None,
        adapter: Adapter | None,
        guard: Adapter,
        kind: str,
        query: Mapping[str, str],
    ) -> Answer:
        # Before the body is read: what some servers take for a header behind it is none.
        headers = Headers(scope["headers"])
        policy = self._policy
        with Share(self.held) as share:
            if body is None:
                body = await read_body(scope, receive, most=policy.max_body, seconds=policy.body_seconds, of=share)
            elif len(body) > policy.max_body:
                raise BodyTooLargeError
            else:
                share.add(len(body))
            request = WebhookRequest(headers, query, body, kind, scope["method"], scope["query_string"])
            answer = self._check(adapter, guard, request)
            if answer is not None or adapter is None:
                return answer or _FORBIDDEN
            self._waiting += 1
            try:
                return await self._store_events(adapter, request)
            finally:
                self._waiting -= 1

    def _refuse(self, error: BodyError) -> Answer:
        if isinstance(error, BodyTooLargeError):
            return Answer(413, _CLOSE)
        if isinstance(error, BodyTooSlowError):
            return Answer(408, _CLOSE)
        # Not louder: strangers can make as many of these as they like.
        log.info("too many bodies at once: they must come again")
        return self._later(_CLOSE)

    def _check(self, adapter: Adapter | None, guard: Adapter, request: WebhookRequest) -> Answer | None:
        """Returns the answer to what is not to be stored."""
        if request.headers.get("content-encoding", "identity") != "identity":
            return _FORBIDDEN
        handshake = guard.handshake(request)
        if handshake is not None:
            return Answer(200, _TEXT, handshake)
        if not guard.verify(request) or adapter is None:
            log.info("refused", channel=guard.channel)
            return _FORBIDDEN
        if self._waiting >= self._policy.max_waiting:
            log.warning("too many events wait for the store: they must come again", account=adapter.ta)
            return self._later()
        return None

    @tracing.webhook
    async def _store_events(self, adapter: Adapter, request: WebhookRequest) -> Answer:
        try:
            events = adapter.parse(request)
            if adapter.signs_time:
                events = [event for event in events if not self._is_stale(adapter, event)]
        except PayloadError as error:
            log.error("unreadable", account=adapter.ta, reason=error.what)
            return await self._keep(adapter, error.what, request.body)
        except Exception as error:  # a mistake of the adapter's must not lose what the service will not send again
            kind = type(error).__name__
            log.error("the adapter failed to read", account=adapter.ta, error=kind, frames=frames(error))
            return await self._keep(adapter, kind, request.body)
        accepted = await self._engine.accept(adapter, events)
        if not accepted.stored:
            log.error("not stored", account=adapter.ta, reason="the conversation's mailbox is full")
            return self._later()
        return Answer(200, _JSON, accepted.reply) if accepted.reply else _OK

    async def _keep(self, adapter: Adapter, reason: str, body: bytes) -> Answer:
        try:
            async with asyncio.timeout(self._policy.keep_seconds):
                await self._store.save_unreadable(adapter.ta, reason, body)
                self._metrics.count("events_unreadable", adapter.account)
        except TimeoutError:
            raise StoreUnavailableError("Redis took too long to keep a body") from None
        return _OK

    def _is_stale(self, adapter: Adapter, event: Event) -> bool:
        if self._clock.now() - event.at <= adapter.dedupe_window:
            return False
        self._metrics.count("events_stale", adapter.account)
        log.warning("dropped: older than repeats are remembered", account=adapter.ta, event_id=event.id)
        return True

    def _later(self, headers: tuple[tuple[bytes, bytes], ...] = ()) -> Answer:
        return Answer(503, ((b"retry-after", b"%d" % self._policy.retry_after), *headers))


class Webhooks:
    """The endpoint of routes whose paths have a `channel`, and perhaps a `kind`: `serve` gets them with the request."""

    def __init__(self, serve: Callable[[Scope, Receive, Send, str, str], Awaitable[None]]) -> None:
        self._serve = serve

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request, where a route found its place."""
        place = scope["path_params"]
        await self._serve(scope, receive, send, place["channel"], place.get("kind", ""))
