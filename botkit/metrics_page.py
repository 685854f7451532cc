"""`GET /metrics`: what the service has counted, and what waits in the store, as Prometheus reads it."""

import hmac
import importlib.metadata
from collections.abc import Callable, Iterable, Mapping
from itertools import accumulate, groupby
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from botkit.exceptions import StoreUnavailableError
from botkit.metrics import BOUNDS, Family, Metrics, Series
from botkit.redaction import Secret
from botkit.redis.backlog import Backlog, load_backlogs
from botkit.redis.store import RedisStore
from botkit.service import Service
from botkit.turn import Queue

if TYPE_CHECKING:
    from prometheus_client.core import Metric

_LOOPBACK = ("127.0.0.1", "::1")
_PROXIED = ("x-forwarded-for", "forwarded", "x-real-ip", "via")

#: What is read from the store when somebody asks, by name: what it tells, and what its series differ by.
GAUGES: Mapping[str, tuple[str, str]] = {
    "processes": ("Processes of this service that count.", ""),
    "store_up": ("1 if the store answers; 0, and the gauges below are missing, if not.", ""),
    "queue_conversations": (
        "Conversations with something to do, in all processes on the store: waiting for their time or for a process, "
        "or leased by one.",
        "queue, state",
    ),
    "queue_age_seconds": ("How long the conversation has been due that waits longest for a process.", "queue"),
    "dead_letters": ("Events and messages that wait for somebody to look into them.", ""),
}


class MetricsPage:
    """The endpoint: for who has the token, or without one for programs on this machine.

    A proxy on this machine speaks for anybody: what came through one needs the token.
    `service` tells the running service, or None.
    """

    def __init__(self, service: Callable[[], Service | None]) -> None:
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers 200 with the metrics, 403 who may not see them, 503 before the service runs."""
        response = await self._answer(Request(scope, receive))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        service = self._service()
        if service is None:
            return Response(status_code=503)
        if not _may_read(request, service.settings.metrics_token):
            return Response(status_code=403)
        body = render(service.metrics, await _load_gauges(service))
        return Response(body, media_type="text/plain; version=1.0.0; charset=utf-8")


def _may_read(request: Request, token: Secret | None) -> bool:
    if token:
        given = request.headers.get("authorization", "").encode("utf-8", "surrogatepass")
        return hmac.compare_digest(given, f"Bearer {token.reveal()}".encode("utf-8", "surrogatepass"))
    if any(name in request.headers for name in _PROXIED):
        return False
    return request.client is not None and request.client.host in _LOOPBACK


Gauges = Mapping[str, Mapping[tuple[str, ...], float]]


async def _load_gauges(service: Service) -> Gauges:
    own: Gauges = {"processes": {(): float(service.metrics.processes)}}
    try:
        return {**own, "store_up": {(): 1.0}, **await _load_stored(service.store)}
    except StoreUnavailableError:
        return {**own, "store_up": {(): 0.0}}


async def _load_stored(store: RedisStore) -> Gauges:
    backlogs: Mapping[Queue, Backlog] = await load_backlogs(store)
    return {
        "queue_conversations": {
            key: number
            for queue, backlog in backlogs.items()
            for key, number in (
                ((queue.value, "waiting"), float(backlog.waiting)),
                ((queue.value, "leased"), float(backlog.leased)),
            )
        },
        "queue_age_seconds": {(queue.value,): backlog.age for queue, backlog in backlogs.items()},
        "dead_letters": {(): float(await store.dead_letters.count())},
    }


def render(metrics: Metrics, gauges: Gauges) -> bytes:
    """Returns everything in the text format of Prometheus; which series there are never changes."""
    # It takes as long to import as all of botkit, and most processes are never asked.
    from prometheus_client import CollectorRegistry, generate_latest

    registry = CollectorRegistry()
    registry.register(_Collector(metrics, gauges))
    return generate_latest(registry)


class _Collector:
    def __init__(self, metrics: Metrics, gauges: Gauges) -> None:
        self._metrics = metrics
        self._gauges = gauges

    def collect(self) -> "Iterable[Metric]":
        from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily

        yield InfoMetricFamily("botkit", "What runs.", {"version": importlib.metadata.version("botkit")})
        for name, (text, labels) in GAUGES.items():
            gauge = GaugeMetricFamily(f"botkit_{name}", text, labels=[label for label in labels.split(", ") if label])
            for values, number in self._gauges.get(name, {}).items():
                gauge.add_metric(values, number)
            yield gauge
        for family, series in groupby(self._metrics.read(), lambda each: each.family):
            yield _family(family, series)


def _family(family: Family, series: Iterable[Series]) -> "Metric":
    from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily

    name, kept = f"botkit_{family.name}", list(series)
    labels = list(kept[0].labels)
    if family.kind == "counter":
        counter = CounterMetricFamily(name, family.help, labels=labels)
        for each in kept:
            counter.add_metric(list(each.labels.values()), each.numbers[0])
        return counter
    histogram = HistogramMetricFamily(name, family.help, labels=labels)
    for each in kept:
        *buckets, total = each.numbers
        bounds = (*map(str, BOUNDS), "+Inf")
        histogram.add_metric(list(each.labels.values()), list(zip(bounds, accumulate(buckets), strict=True)), total)
    return histogram
