"""Reads one HTTP/1.1 answer from the bytes of a connection, strictly and within bounds."""

from typing import Any

import httptools

#: The most bytes of a status line and headers together, and of everything around the body's own bytes.
MAX_HEAD = 65_536

# What each byte of a body may cost beside it: one alone in its chunk comes with five.
_FRAMING = 8


class MalformedError(Exception):
    """The bytes are no answer that two readers would understand in the same way."""


class LongAnswerError(Exception):
    """The body has more bytes than it may have."""


class AnswerReader:
    """The answer to one request: give it what arrives, until `is_complete`.

    `most` bounds the body. Interim answers (1xx) are passed over. However the bytes are cut, the result is the same.
    """

    def __init__(self, *, is_head: bool, most: int) -> None:
        self.status = 0
        #: Names as they came and values, in order.
        self.headers: list[tuple[bytes, bytes]] = []
        self.is_complete = False
        #: Whether another request may follow on the same connection.
        self.keeps_alive = False
        self._is_head = is_head
        self._most = most
        self._parts: list[bytes] = []
        self._size = 0
        self._raw = 0
        self._has_head = False
        self._ends_with_connection = False
        self._failure: Exception | None = None
        # It holds methods of ours: it is let go with the end of the answer, so that no circle is left to be collected.
        self._parser: Any = httptools.HttpResponseParser(self)

    @property
    def body(self) -> bytes:
        """The body, as far as it is there."""
        return self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)

    def feed(self, data: bytes) -> None:
        """Takes what arrived. Raises MalformedError, LongAnswerError.

        What follows a complete answer is nobody's: the connection is then not to be used again.
        """
        if self._parser is None:
            self.keeps_alive = self.keeps_alive and not data
            return
        self._raw += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            if not self.is_complete:
                raise self._failure or MalformedError("this is no answer in HTTP/1.1") from None
            self.keeps_alive = False
        if self.is_complete:
            self._parser = None
        elif self._raw > MAX_HEAD + (_FRAMING * self._most if self._has_head else 0):
            raise MalformedError("its headers are too long")

    def end(self) -> None:
        """Takes the end of the connection, which may be the end of the body. Raises MalformedError if it is not."""
        if not self._ends_with_connection:
            raise MalformedError("the connection ended before the answer did")
        self.is_complete = True
        self._parser = None

    # --- what the parser calls ---

    def on_header(self, name: bytes, value: bytes) -> None:
        """Takes one header; what comes after the body is passed over."""
        if not self._has_head:
            self.headers.append((name, value.rstrip(b"\t ")))

    def on_headers_complete(self) -> None:
        """Takes the end of the headers."""
        if self.is_complete:
            return
        self.status = self._parser.get_status_code()
        if self.status < 200:
            return
        self._has_head = True
        codings = [value.lower() for name, value in self.headers if name.lower() == b"transfer-encoding"]
        if codings not in ([], [b"chunked"]) or self._parser.get_http_version() not in ("1.0", "1.1"):
            self._stop(MalformedError("nobody can tell where its body ends"))
        # That there is one length, a number, and none beside chunks, is what the parser sees to.
        length = next((int(value) for name, value in self.headers if name.lower() == b"content-length"), None)
        has_body = not self._is_head and self.status not in (204, 304)
        self._ends_with_connection = has_body and not codings and length is None
        if has_body and length is not None and length > self._most:
            self._stop(LongAnswerError())
        # The parser would wait for the body that an answer to HEAD announces.
        self.is_complete = self._is_head

    def on_body(self, data: bytes) -> None:
        """Takes a piece of the body."""
        if self.is_complete:
            return
        self._size += len(data)
        if self._size > self._most:
            self._stop(LongAnswerError())
        self._parts.append(data)

    def on_message_complete(self) -> None:
        """Takes the end of an answer."""
        if self.is_complete:
            # One that nobody asked for.
            self.keeps_alive = False
        elif self.status < 200:
            self.headers.clear()
        else:
            self.is_complete = True
            self.keeps_alive = not self._is_head and self._parser.should_keep_alive()

    def on_message_begin(self) -> None:
        """Takes the begin of an answer; behind a complete one it is one that nobody asked for."""
        if self.is_complete:
            self.keeps_alive = False

    def _stop(self, failure: Exception) -> None:
        if not self.is_complete:
            self._failure = failure
            # The parser passes no exception on as it is.
            raise failure
