"""Looks, every millisecond of CPU, at where a process is; what it finds is counted by layer."""

import collections
import signal
from pathlib import Path
from types import FrameType

import msgspec

_EVERY = 0.001

#: Layers, and what is in the path of their files; the first that fits has it.
LAYERS = (
    # What runs the loop is at the bottom of every stack.
    ("event loop", ("/uvicorn/server.py", "/uvicorn/_compat.py", "/botkit/cli/", "/botkit/__main__.py")),
    ("Redis", ("/botkit/redis/", "/site-packages/redis/", "/site-packages/hiredis/")),
    (
        "sending",
        (
            "/botkit/http",
            "/botkit/transport",
            "/botkit/answer_reader",
            "/site-packages/httpx/",
            "/site-packages/httpcore/",
            "/site-packages/h11/",
        ),
    ),
    ("sending", ("/site-packages/anyio/", "/site-packages/aiohttp/", "/site-packages/certifi/")),
    ("receiving", ("/site-packages/uvicorn/", "/site-packages/starlette/", "/botkit/app.py", "/botkit/receiver.py")),
    ("receiving", ("/botkit/protocol", "/botkit/gate", "/botkit/body", "/botkit/answer.py", "/botkit/webhook")),
    ("handler", ("/benchmarks/servers/",)),
    ("flow", ("/botkit/flow", "/botkit/trigger", "/botkit/record", "/site-packages/transitions/")),
    ("Telegram", ("/botkit/channels/", "/botkit/formatting", "/botkit/rendering", "/site-packages/markdown_it/")),
    ("telemetry", ("/botkit/metrics", "/botkit/tracing", "/botkit/telemetry", "/site-packages/prometheus_client/")),
    ("telemetry", ("/site-packages/structlog/", "/logging/")),
    ("outbox", ("/botkit/outbox", "/botkit/outgoing", "/botkit/attempts", "/botkit/governor", "/botkit/endings")),
    ("taking in", ("/botkit/intake", "/botkit/engine", "/botkit/held_turns")),
    ("dispatcher", ("/botkit/",)),
)
REST = "event loop"


def layer_of(frame: FrameType | None) -> str:
    """Returns the layer of the innermost frame that belongs to one; the standard library works for its caller."""
    while frame is not None:
        path = frame.f_code.co_filename
        for name, parts in LAYERS:
            if any(part in path for part in parts):
                return name
        frame = frame.f_back
    return REST


class Sampler:
    """Counts from one SIGUSR2 to the next, and then writes what it found, as JSON."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._counts: collections.Counter[str] = collections.Counter()
        self._is_on = False

    def install(self) -> None:
        """Listens for the signals."""
        signal.signal(signal.SIGPROF, self._on_sample)
        signal.signal(signal.SIGUSR2, self._on_toggle)

    def _on_sample(self, _: int, frame: FrameType | None) -> None:
        self._counts[layer_of(frame)] += 1

    def _on_toggle(self, *_: object) -> None:
        self._is_on = not self._is_on
        if self._is_on:
            signal.setitimer(signal.ITIMER_PROF, _EVERY, _EVERY)
            return
        signal.setitimer(signal.ITIMER_PROF, 0)
        unfinished = self._path.with_suffix(".new")
        unfinished.write_bytes(msgspec.json.encode(dict(self._counts)))
        unfinished.replace(self._path)
