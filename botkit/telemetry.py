"""Logs: one line an event, JSON or for people, and never a secret in them."""

import json
import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import msgspec
import structlog

from botkit.log_fields import LogFields
from botkit.redaction import Redactor
from botkit.settings import Settings
from botkit.tracing import add_trace_id

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_QUIET = ("uvicorn", "uvicorn.access", "uvicorn.error", "httpx", "httpcore", "transitions", "markdown_it", "asyncio")


# How many characters of a value are shown: enough for what botkit says, and not for what people write.
_LONGEST = 200
_LONGEST_MESSAGE = 4000
# Made of places in the code, however many.
_WHOLE = frozenset({"exception", "stack", "threads", "frames"})


def set_up_logging(settings: Settings, redactor: Redactor, fields: LogFields | None = None) -> None:
    """Sends every log line, of botkit's, of handlers and of libraries, to standard error, with every secret masked.

    A line of an event carries its id, its account and its conversation, by the name that `fields` has for it.
    """
    pretty = settings.log_format == "pretty" or (settings.log_format == "auto" and sys.stderr.isatty())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        (fields or LogFields()).processor,
        add_trace_id,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if pretty else "iso", utc=not pretty),
        structlog.processors.format_exc_info,
        redactor.processor(),
        _cut,
        *([_show] if pretty else []),
    ]
    renderer = structlog.dev.ConsoleRenderer(colors=True) if pretty else _render
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[settings.log]),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processor=renderer))
    handler.addFilter(redactor.filter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(_LEVELS[settings.log])
    for name in _QUIET:
        logger = logging.getLogger(name)
        logger.setLevel(logging.WARNING)
        # uvicorn gives its loggers handlers of their own, which print whole addresses, and mask nothing.
        logger.handlers.clear()
        logger.propagate = True


def _cut(_logger: Any, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in entry.items():
        most = _LONGEST_MESSAGE if key == "event" else _LONGEST
        if isinstance(value, str) and len(value) > most and key not in _WHOLE:
            entry[key] = f"{value[:most]}... ({len(value)} characters)"
    return entry


_encode = msgspec.json.Encoder().encode


def _render(_logger: Any, _method: str, entry: MutableMapping[str, Any]) -> str:
    """Returns an entry as one line of JSON in ASCII: what a person wrote must neither end it nor steer a terminal."""
    try:
        line = _encode(entry)
    except (msgspec.MsgspecError, TypeError, ValueError, OverflowError):
        # A lone surrogate, or a number beyond 64 bits.
        line = b"\x7f"
    return line.decode() if line.isascii() and b"\x7f" not in line else json.dumps(entry, default=repr)


def _show(_logger: Any, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    # What a person wrote must not steer a terminal; JSON escapes it anyway.
    for key, value in entry.items():
        if isinstance(value, str) and not value.isprintable():
            entry[key] = "".join(char if char.isprintable() or char in "\n\t" else ascii(char)[1:-1] for char in value)
    return entry
