"""Spans of OpenTelemetry, from the webhook over the handler to the send; without the extra `otel`, nothing at all.

The trace travels in what is stored: an event and a message that are stored while a span records carry its context as
their last field, which whoever does not trace reads over. No span says what a person wrote, or who they are.
"""

import re
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from functools import wraps
from typing import Any, Concatenate, TypeVar

from botkit.adapter import Adapter, Outcome, Receipt
from botkit.conversation import Conversation
from botkit.events import type_of
from botkit.line import Line
from botkit.outgoing import Outgoing
from botkit.store import Committed
from botkit.turn import Turn
from botkit.webhook import WebhookRequest

try:
    from opentelemetry import trace
    from opentelemetry.context import Context
except ModuleNotFoundError:
    is_installed = False
else:
    is_installed = True
    _tracer = trace.get_tracer("botkit")

S = TypeVar("S")
T = TypeVar("T")

_STORED = re.compile(rb',"traceparent":"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})"}')
_STORED_SIZE = 73

_Stores = Callable[[S, Adapter, WebhookRequest], Awaitable[T]]
_Handles = Callable[Concatenate[S, Turn, ...], Awaitable[Committed | None]]
_Sends = Callable[[S, Line, Turn, Outgoing, Conversation], Awaitable[Receipt | None]]


def stamp(payload: bytes) -> bytes:
    """Returns what is stored of an event or a message: while a span records, with its context."""
    if not is_installed or not (span := trace.get_current_span()).is_recording():
        return payload
    at = span.get_span_context()
    context = f"00-{at.trace_id:032x}-{at.span_id:016x}-{at.trace_flags:02x}"
    return b'%b,"traceparent":"%b"}' % (payload[:-1], context.encode())


def unstamped(payload: bytes) -> bytes:
    """Returns what was given to `stamp`."""
    if is_installed and _STORED.fullmatch(payload[-_STORED_SIZE:]):
        return payload[:-_STORED_SIZE] + b"}"
    return payload


def note(name: str, value: str) -> None:
    """Adds a word of botkit's own to the current span: never a person's."""
    if is_installed:
        trace.get_current_span().set_attribute(name, value)


def failed(error: BaseException) -> None:
    """Marks the current span as failed, with the kind of error; its text may quote what a person wrote."""
    if is_installed:
        trace.get_current_span().set_status(trace.StatusCode.ERROR, type(error).__name__)


def webhook(stores: _Stores[S, T]) -> _Stores[S, T]:
    """Gives a span of its own to the storing of a webhook that was found genuine."""
    if not is_installed:
        return stores

    @wraps(stores)
    async def traced(receiver: S, adapter: Adapter, request: WebhookRequest) -> T:
        # Nobody outside decides what is traced.
        span = _tracer.start_span(f"webhook {adapter.channel}", Context(), trace.SpanKind.SERVER)
        if not span.is_recording():
            return await stores(receiver, adapter, request)
        with _recording(span, channel=adapter.channel, account=adapter.ta):
            return await stores(receiver, adapter, request)

    return traced


def handling(handles: _Handles[S]) -> _Handles[S]:
    """Gives a span to an attempt at an event, below the one that stored it."""
    if not is_installed:
        return handles

    @wraps(handles)
    async def traced(dispatcher: S, turn: Turn, *args: Any, **options: Any) -> Committed | None:
        span = _tracer.start_span("handle", _context_in(turn.payload), trace.SpanKind.CONSUMER)
        if not span.is_recording():
            return await handles(dispatcher, turn, *args, **options)
        span.update_name(f"handle {type_of(turn.payload)[:64]}")
        with _recording(span, channel=turn.cid.partition(":")[0], event_id=turn.id, attempt=turn.attempts):
            committed = await handles(dispatcher, turn, *args, **options)
            span.set_attribute("botkit.committed", committed is not None)
            return committed

    return traced


def sending(sends: _Sends[S]) -> _Sends[S]:
    """Gives a span to an attempt to send, below the handler that decided on the message."""
    if not is_installed:
        return sends

    @wraps(sends)
    async def traced(attempts: S, line: Line, turn: Turn, outgoing: Outgoing, to: Conversation) -> Receipt | None:
        kind = type(outgoing.message).__name__
        span = _tracer.start_span(f"send {kind}", _context_in(turn.payload), trace.SpanKind.CLIENT)
        if not span.is_recording():
            return await sends(attempts, line, turn, outgoing, to)
        words = {"channel": to.channel, "account": to.account.ta, "message": outgoing.key}
        with _recording(span, **words, attempt=turn.attempts):
            receipt = await sends(attempts, line, turn, outgoing, to)
            span.set_attribute("botkit.outcome", receipt.outcome.value if receipt else "lost")
            if receipt is None or receipt.outcome is not Outcome.SENT:
                span.set_status(trace.StatusCode.ERROR, receipt.outcome.value if receipt else "lost")
            return receipt

    return traced


def add_trace_id(_logger: Any, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Adds the trace to a log entry, while a span records; a structlog processor."""
    if is_installed and (span := trace.get_current_span()).is_recording():
        entry.setdefault("trace_id", f"{span.get_span_context().trace_id:032x}")
    return entry


@contextmanager
def _recording(span: "trace.Span", **attributes: str | int) -> Iterator[None]:
    span.set_attributes({f"botkit.{name}": value for name, value in attributes.items()})
    with trace.use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
        try:
            yield
        except BaseException as error:
            failed(error)
            raise


def _context_in(payload: bytes) -> "Context":
    """Returns the context that was stored with something; else one without a span, whatever is current."""
    found = _STORED.fullmatch(payload[-_STORED_SIZE:])
    if found is None:
        return Context()
    trace_id, span_id, flags = (int(number, 16) for number in found.groups())
    parent = trace.SpanContext(trace_id, span_id, is_remote=True, trace_flags=trace.TraceFlags(flags))
    return trace.set_span_in_context(trace.NonRecordingSpan(parent), Context())
