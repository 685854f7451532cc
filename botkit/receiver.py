"""Webhooks: who is it for, is it genuine, what does it say, is it stored - and only then 200."""

import asyncio
from collections.abc import Iterable, Mapping
from time import perf_counter
from urllib.parse import parse_qsl

import structlog
from msgspec import Struct
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from botkit import tracing
from botkit.adapter import Adapter
from botkit.body import Bodies, BodyTooLargeError, TooMuchAtOnceError, read_body
from botkit.clock import Clock
from botkit.engine import Engine
from botkit.events import Event
from botkit.exceptions import PayloadError, StoreUnavailableError
from botkit.metrics import Metrics
from botkit.redaction import frames
from botkit.store import Store
from botkit.webhook import WebhookRequest

log = structlog.get_logger("botkit.receiver")


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

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        started = perf_counter()
        try:
            response = await self._receive(Request(scope, receive))
        except ClientDisconnect:
            log.debug("the sender left early")
            self._note(scope, "left", started)
            return
        self._note(scope, _REASONS.get(response.status_code, "other"), started)
        await response(scope, receive, send)

    def _note(self, scope: Scope, reason: str, started: float) -> None:
        account = scope.get("botkit.account")
        self._metrics.observe("webhook_seconds", perf_counter() - started, account)
        if reason:
            self._metrics.count("webhooks_refused", account, reason)

    async def _receive(self, request: Request) -> Response:
        channel, kind = request.path_params["channel"], request.path_params.get("kind", "")
        raw_query = request.scope["query_string"]
        if raw_query.count(b"&") >= self._policy.max_fields:
            return _refused()
        given = parse_qsl(raw_query.decode("latin-1"))
        query = dict(reversed(given))
        if [name for name, _ in given].count("ta") > 1:
            # Nobody can tell which of them is meant.
            return _refused()
        adapter = self._adapters.get((channel, query.get("ta", "")))
        request.scope["botkit.account"] = adapter.account if adapter else None
        guard = adapter or self._decoys.get(channel)
        if guard is None or kind not in (guard.kinds or ("",)):
            return _refused()
        if request.method not in guard.methods:
            return Response(status_code=405)
        # Before the body is read: what some servers take for a header behind it is none.
        headers = _headers(request)
        with self.held.share() as share:
            try:
                body = await read_body(request, most=self._policy.max_body, seconds=self._policy.body_seconds, of=share)
            except BodyTooLargeError:
                return _closing(413)
            except TimeoutError:
                return _closing(408)
            except TooMuchAtOnceError:
                # Not louder: strangers can make as many of these as they like.
                log.info("too many bodies at once: they must come again")
                return self._later({"Connection": "close"})
            inbound = WebhookRequest(headers, query, body, kind, request.method, raw_query)
            return await self._check(adapter, guard, inbound)

    async def _check(self, adapter: Adapter | None, guard: Adapter, request: WebhookRequest) -> Response:
        if request.headers.get("content-encoding", "identity") != "identity":
            return _refused()
        handshake = guard.handshake(request)
        if handshake is not None:
            return Response(handshake, media_type="text/plain")
        if not guard.verify(request) or adapter is None:
            log.info("refused", channel=guard.channel)
            return _refused()
        if self._waiting >= self._policy.max_waiting:
            log.warning("too many events wait for the store: they must come again", account=adapter.ta)
            return self._later()
        self._waiting += 1
        try:
            return await self._store_events(adapter, request)
        except StoreUnavailableError as error:
            log.error("not stored", account=adapter.ta, reason=error.what)
            return self._later()
        finally:
            self._waiting -= 1

    @tracing.webhook
    async def _store_events(self, adapter: Adapter, request: WebhookRequest) -> Response:
        try:
            events = [event for event in adapter.parse(request) if not self._is_stale(adapter, event)]
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
        return Response(accepted.reply, media_type="application/json" if accepted.reply else None)

    async def _keep(self, adapter: Adapter, reason: str, body: bytes) -> Response:
        try:
            async with asyncio.timeout(self._policy.keep_seconds):
                await self._store.save_unreadable(adapter.ta, reason, body)
                self._metrics.count("events_unreadable", adapter.account)
        except TimeoutError:
            raise StoreUnavailableError("Redis took too long to keep a body") from None
        return Response(status_code=200)

    def _is_stale(self, adapter: Adapter, event: Event) -> bool:
        if not adapter.signs_time or self._clock.now() - event.at <= adapter.dedupe_window:
            return False
        self._metrics.count("events_stale", adapter.account)
        log.warning("dropped: older than repeats are remembered", account=adapter.ta, event_id=event.id)
        return True

    def _later(self, headers: Mapping[str, str] = {}) -> Response:
        return Response(status_code=503, headers={"Retry-After": str(self._policy.retry_after), **headers})


def _headers(request: Request) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in request.scope["headers"]:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        # A header sent twice becomes one that no signature matches.
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers


def _refused() -> Response:
    return Response(status_code=403)


def _closing(status: int) -> Response:
    return Response(status_code=status, headers={"Connection": "close"})
