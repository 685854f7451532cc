"""HTTP/1.1 as `botkit run` takes it: uvicorn's protocol over httptools, with bounds on what a peer may cost."""

import asyncio
import heapq
import math
from asyncio import AbstractEventLoop, TimerHandle, Transport
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

import httptools
from msgspec import Struct
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from botkit.answer import Answer, Whole

# Two readers of this would see two different requests in it.
_AMBIGUOUS = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"


class ConnectionPolicy(Struct, frozen=True):
    """Bounds of the connections of one process.

    `idle_seconds` passes between requests at most, `head_seconds` from the first byte of a head to its last,
    `body_seconds` until all of a body is there (the application asks for less), and `write_seconds` until a peer has
    taken what it was answered. A head has at most `max_head` bytes. When there are more than `max_connections`, those
    that have kept us waiting longest are closed.
    """

    idle_seconds: float = 5
    head_seconds: float = 10
    body_seconds: float = 60
    write_seconds: float = 10
    max_head: int = 16 * 1024
    max_connections: int = 2048


class Cycle(RequestResponseCycle, Whole):
    """A request and its answer, each of which may be taken in one piece."""

    # All that is alike for all of them at first.
    access_log = False
    disconnected = False
    more_body = True
    response_started = False
    response_complete = False
    chunked_encoding = None
    expected_content_length = 0
    _is_taken = False

    def __init__(self, protocol: "BoundedProtocol") -> None:
        parser = protocol.parser
        version = parser.get_http_version()
        self.scope = protocol.scope_of(version, parser.get_method())  # type: ignore[assignment]  # a plain dict
        # After another protocol was asked for, the parser reads nothing, and we speak nothing else.
        self.keep_alive = version != "1.0" and parser.should_keep_alive() and not parser.should_upgrade()
        self.transport = protocol.transport
        self.flow = protocol.flow
        self.logger = protocol.logger
        self.default_headers = protocol.server_state.default_headers
        self.waiting_for_100_continue = protocol.expect_100_continue
        self.on_response = protocol.on_response_complete
        self.body = bytearray()
        self.event: asyncio.Event | None = None

    @property
    def message_event(self) -> asyncio.Event:  # type: ignore[override]  # uvicorn makes one for each
        """The `event` that `receive` waits for: most requests are never waited for, and have none."""
        if self.event is None:
            self.event = asyncio.Event()
            if not self._is_taken and (self.body or not self.more_body):
                self.event.set()
        return self.event

    def take_body(self) -> bytes | None:
        """Returns the body, once, where all of it is here and none of it was received before."""
        is_held_up = self.waiting_for_100_continue or self.disconnected or self.response_complete
        if self.more_body or is_held_up or self._is_taken or self.event is not None:
            return None
        self._is_taken = True
        body, self.body = bytes(self.body), bytearray()
        return body

    def take_answer(self, answer: Answer) -> bool:
        """Writes the answer at once, where none was begun and the peer takes what it is sent."""
        if self.response_started or self.disconnected or self.flow.write_paused or self.scope["method"] == "HEAD":
            return False
        lines = [STATUS_LINE[answer.status]]
        for name, value in (*self.default_headers, (b"content-length", b"%d" % len(answer.body)), *answer.headers):
            lines += (name, b": ", value, b"\r\n")
        if (b"connection", b"close") in answer.headers:
            self.keep_alive = False
        elif not self.keep_alive:
            lines.append(b"connection: close\r\n")
        lines += (b"\r\n", answer.body)
        self.response_started = self.response_complete = True
        self.transport.write(b"".join(lines))
        if self.event is not None:
            self.event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()
        return True


class BoundedProtocol(HttpToolsProtocol):
    """One connection; `bounded` makes a class of it with other bounds."""

    policy = ConnectionPolicy()
    cycle: Cycle
    # There is nothing to do that was not done at the end of the request before.
    on_message_begin = None  # type: ignore[assignment]

    def __init__(self, config: Any, server_state: Any, app_state: Any, _loop: AbstractEventLoop | None = None) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.url = b""
        self.headers = []
        self._raw_root_path = self.root_path.encode("ascii")
        self._head_size = 0
        self._is_in_body = False
        #: When the request that is being read must be here, and when the peer must have taken its answers.
        self._due_at = self._taken_at = math.inf
        self._timer: TimerHandle | None = None
        self.active_at = self._now = self.loop.time()

    # --- what asyncio calls ---

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Starts to look at the clock, and makes room when there are too many connections."""
        super().connection_made(transport)
        self._due_at = self.active_at + self.policy.idle_seconds
        self._look_again()
        if len(self.connections) > self.policy.max_connections:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops to look at the clock."""
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Reads on, unless a head grows too large."""
        self._now = self.loop.time()
        if not self._is_in_body:
            if self._head_size == 0:
                self._due_at = self._now + self.policy.head_seconds
            self._head_size += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            # Not louder: strangers can make as many of these as they like.
            self.logger.info("a request that is no HTTP")
            self.send_400_response("")
        except httptools.HttpParserUpgrade:
            self._unsupported_upgrade_warning()
        if self._head_size > self.policy.max_head and not self.transport.is_closing():
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def pause_writing(self) -> None:
        """Gives the peer its time to read."""
        self._taken_at = self.loop.time() + self.policy.write_seconds
        super().pause_writing()

    def resume_writing(self) -> None:
        """Forgets that the peer was slow."""
        self._taken_at = math.inf
        super().resume_writing()

    # --- what the parser calls ---

    def on_headers_complete(self) -> None:
        """Lets the application begin. Raises ValueError, which is answered with 400, for what is more than a path."""
        if self.url[:1] != b"/" or b"#" in self.url:
            raise ValueError("a proxy's request, or nobody's")
        self._head_size = 0
        self._is_in_body = True
        self._due_at = self._now + self.policy.body_seconds
        before: Cycle | None = self.cycle
        self.cycle = cycle = Cycle(self)
        # What stands behind the body must not become one of the headers that were looked at before it.
        self.headers = _COMPLETE
        if before is None or before.response_complete:
            self._start_asgi_task(cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, self.app))

    def scope_of(self, version: str, method: bytes) -> dict[str, Any]:
        """Returns ASGI's scope of the request whose head was read."""
        raw_path, _, query = self.url.partition(b"?")
        path = raw_path.decode("ascii")
        return {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": version,
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,
            "method": method.decode("ascii"),
            "root_path": self.root_path,
            "path": self.root_path + (unquote(path) if "%" in path else path),
            "raw_path": self._raw_root_path + raw_path,
            "query_string": query,
            "headers": self.headers,
            "state": self.app_state.copy(),
        }

    def on_body(self, body: bytes) -> None:
        """Keeps what has come until the application takes it, and reads no more for now where that is much."""
        cycle = self.cycle
        if cycle.response_complete:
            return
        cycle.body += body
        if len(cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        if cycle.event is not None:
            cycle.event.set()

    def on_message_complete(self) -> None:
        """Waits for nothing more, and makes room for the next request."""
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self._is_in_body = False
        self._due_at = math.inf
        self.active_at = self._now
        cycle = self.cycle
        if not cycle.response_complete:
            cycle.more_body = False
            if cycle.event is not None:
                cycle.event.set()

    # --- what uvicorn calls ---

    def on_response_complete(self) -> None:
        """Lets the next request begin; closes the connection where the rest of a body would be read for nothing."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        if self.flow.read_paused:
            self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif self.cycle.response_complete and self.cycle.more_body:
            self.transport.close()
        elif not self._head_size:
            self._due_at = self.loop.time() + self.policy.idle_seconds

    def send_400_response(self, msg: str) -> None:
        """Answers what is no HTTP; after a request that is still being worked on, its answer is the last."""
        cycle = self._request
        if cycle is not None and not cycle.response_complete and not cycle.more_body:
            cycle.keep_alive = False
            self._due_at = math.inf
        else:
            self._refuse(HTTPStatus.BAD_REQUEST)

    # --- bounds ---

    @property
    def is_waiting(self) -> bool:
        """Whether it is the peer's turn."""
        return self._request is None or self._request.response_complete or self._is_in_body

    @property
    def _request(self) -> Cycle | None:
        # uvicorn's own annotation leaves out that there is none at first.
        return self.cycle

    def _look_again(self) -> None:
        now = self.loop.time()
        if self.transport.is_closing():
            # What was written last may never be taken.
            self._taken_at = min(self._taken_at, now + self.policy.write_seconds)
        if now >= self._taken_at:
            self.transport.abort()
        elif now >= self._due_at:
            self._give_up()
        wait = min(self._due_at, self._taken_at) - now
        # One that is set meanwhile must not be overlooked.
        most = min(self.policy.idle_seconds, self.policy.head_seconds, self.policy.write_seconds)
        self._timer = self.loop.call_later(min(max(wait, 0.01), most), self._look_again)

    def _give_up(self) -> None:
        self._due_at = math.inf
        is_answered = self._is_in_body and self.cycle.response_started
        if (self._head_size or self._is_in_body) and not is_answered:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)
        else:
            self.transport.close()

    def _refuse(self, status: HTTPStatus) -> None:
        line = f"HTTP/1.1 {status} {status.phrase}\r\n"
        self.transport.write(line.encode() + b"content-length: 0\r\nconnection: close\r\n\r\n")
        self.transport.close()

    def _make_room(self) -> None:
        waiting = [each for each in _bounded(self.connections) if each is not self and each.is_waiting]
        # Several at once: to look through all of them for each that comes would be a cost of its own.
        for each in heapq.nsmallest(len(waiting) // 16 + 1, waiting, key=lambda each: each.active_at) or [self]:
            self.connections.discard(each)
            each.transport.abort()


class _Complete(list[tuple[bytes, bytes]]):
    """Headers to which nothing can be added."""

    def append(self, _: object) -> None:
        raise ValueError("headers behind the body")


_COMPLETE = _Complete()


def _bounded(connections: Iterable[object]) -> list[BoundedProtocol]:
    return [each for each in connections if isinstance(each, BoundedProtocol)]


def bounded(bounds: ConnectionPolicy) -> type[BoundedProtocol]:
    """Returns the class of connections with these bounds, for `uvicorn.Config(http=...)`.

    Raises RuntimeError when the parser takes a request that has two lengths.
    """
    try:
        httptools.HttpRequestParser(object()).feed_data(_AMBIGUOUS)
    except httptools.HttpParserError:
        return type("Connection", (BoundedProtocol,), {"policy": bounds})
    raise RuntimeError("httptools takes a request with two lengths; install httptools>=0.6.4")
