"""Reads one HTTP/1.1 answer from the bytes of a connection, strictly and within bounds."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import httptools

#: The most bytes of a status line and headers together, and of everything around the body's own bytes.
MAX_HEAD = 65_536

# What each byte of a body may cost beside it: one alone in its chunk comes with five.
_FRAMING = 8

_LINE = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]++:[\t\x20-\x7e\x80-\xff]*+\r\n"
# What tells of the body and the connection, but for the length and what changes nothing.
_TELLING = rb"content-length|content-encoding|transfer-encoding|connection|proxy-connection|upgrade"
_LINES = rb"(?:(?!(?i:%b):)%b|(?i:connection: keep-alive\r\n))*+" % (_TELLING, _LINE)
# How nearly all answers begin: there is one way to read them, and it takes a third of the parser's time.
_PLAIN = re.compile(
    rb"HTTP/1\.1 ([2-5][0-9][0-9]) [\t\x20-\x7e\x80-\xff]*+\r\n(%b(?i:content-length): ([0-9]{1,9})\r\n%b)\r\n"
    % (_LINES, _LINES)
)
_WITHOUT_BODY = (b"204", b"304")


class MalformedError(Exception):
    """The bytes are no answer that two readers would understand in the same way."""


class LongAnswerError(Exception):
    """The body has more bytes than it may have."""


class AnswerReader:
    """The answer to one request: give it what arrives, until `is_complete`.

    `most` bounds the body. Interim answers (1xx) are passed over. However the bytes are cut, the result is the same.
    """

    status = 0
    is_complete = False
    #: Whether another request may follow on the same connection.
    keeps_alive = False
    #: How the body is packed; empty if it is not.
    coding = b""
    #: The body of a complete answer.
    body = b""

    _lines: bytes | None = None
    _size = 0
    _raw = 0
    _has_head = False
    _ends_with_connection = False
    _failure: Exception | None = None
    # It holds methods of ours: it is let go with the end of the answer, so that no circle is left to be collected.
    _parser: Any = None

    def __init__(self, *, is_head: bool, most: int) -> None:
        self._is_head = is_head
        self._most = most
        self._headers: list[tuple[bytes, bytes]] = []
        self._parts: list[bytes] = []

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """Names as they came and values, in order."""
        if self._lines is not None:
            pairs = (line.split(b":", 1) for line in self._lines.split(b"\r\n")[:-1])
            self._headers, self._lines = [(name, value.strip(b"\t ")) for name, value in pairs], None
        return self._headers

    def feed(self, data: bytes) -> None:
        """Takes what arrived. Raises MalformedError, LongAnswerError.

        What follows a complete answer is nobody's: the connection is then not to be used again.
        """
        if self._parser is None:
            if self.is_complete:
                self.keeps_alive = self.keeps_alive and not data
                return
            if (plain := _PLAIN.match(data)) and self._is_whole(plain, data):
                return
            self._parser = httptools.HttpResponseParser(self)
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

    def _is_whole(self, plain: re.Match[bytes], data: bytes) -> bool:
        """Takes an answer of which this is all, and nothing besides; leaves any other as it is."""
        status, lines, length = plain.groups()
        body = data[plain.end() :]
        if len(body) != int(length) or len(body) > self._most or self._is_head or status in _WITHOUT_BODY:
            return False
        self.status, self._lines, self.body = int(status), lines, body
        self.is_complete = self.keeps_alive = True
        return True

    def end(self) -> None:
        """Takes the end of the connection, which may be the end of the body. Raises MalformedError if it is not."""
        if not self._ends_with_connection:
            raise MalformedError("the connection ended before the answer did")
        self._complete()
        self._parser = None

    # --- what the parser calls ---

    def on_header(self, name: bytes, value: bytes) -> None:
        """Takes one header; what comes after the body is passed over."""
        if not self._has_head:
            self._headers.append((name, value.rstrip(b"\t ")))

    def on_headers_complete(self) -> None:
        """Takes the end of the headers."""
        if self.is_complete:
            return
        self.status = self._parser.get_status_code()
        if self.status < 200:
            return
        self._has_head = True
        told = [(name.lower(), value) for name, value in self._headers]
        self.coding = b", ".join(value for name, value in told if name == b"content-encoding")
        codings = [value.lower() for name, value in told if name == b"transfer-encoding"]
        if codings not in ([], [b"chunked"]) or self._parser.get_http_version() not in ("1.0", "1.1"):
            self._stop(MalformedError("nobody can tell where its body ends"))
        # That there is one length, a number, and none beside chunks, is what the parser sees to.
        length = next((int(value) for name, value in told if name == b"content-length"), None)
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
            self._headers.clear()
        else:
            self._complete()
            self.keeps_alive = not self._is_head and self._parser.should_keep_alive()

    def on_message_begin(self) -> None:
        """Takes the begin of an answer; behind a complete one it is one that nobody asked for."""
        if self.is_complete:
            self.keeps_alive = False

    def _complete(self) -> None:
        self.body = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self.is_complete = True

    def _stop(self, failure: Exception) -> None:
        if not self.is_complete:
            self._failure = failure
            # The parser passes no exception on as it is.
            raise failure


class AnswerHeaders(Mapping[str, str]):
    """The headers of an answer, by name in any case; they are read when somebody asks for one, which is seldom.

    What a service says several times stands in one value, between commas.
    """

    __slots__ = ("_found", "_reader")

    def __init__(self, reader: AnswerReader) -> None:
        self._reader = reader
        self._found: dict[str, str] | None = None

    def __getitem__(self, name: str) -> str:
        return self._all()[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def _all(self) -> dict[str, str]:
        if self._found is None:
            self._found = {}
            for line in self._reader.headers:
                name, value = (part.decode("utf-8", "replace") for part in line)
                known = self._found.get(name.lower())
                self._found[name.lower()] = value if known is None else f"{known}, {value}"
        return self._found
