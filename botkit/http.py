"""The outbound HTTP client, and the one place that knows httpx."""

import asyncio
import functools
import logging
import ssl
from collections.abc import Awaitable, Callable, Collection, Mapping, MutableMapping
from types import TracebackType
from typing import Any, Self

import httpx
import msgspec
from msgspec import Struct

from botkit.answer_reader import AnswerHeaders, AnswerReader
from botkit.exceptions import DownloadError, NotSentError, TransportError, UnknownOutcomeError
from botkit.http_client import Download, HttpAnswer, Upload
from botkit.pinning import NotPublicError, Resolve, look_up, pin
from botkit.transport import MAX_ANSWER, AnswerTooLongError, Opening, Patience, Transport, opening
from botkit.unpacking import PackedError, TooLongError, read_bounded

ASGIApp = Callable[
    [
        MutableMapping[str, Any],
        Callable[[], Awaitable[MutableMapping[str, Any]]],
        Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ],
    Awaitable[None],
]

# The INFO line of httpx prints the whole URL, and Telegram's token is part of it.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)

# Raised before the first byte of the request is written.
_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
    httpx.ProxyError,
    httpx.InvalidURL,
)

# What is packed costs more to read than to carry.
_HEADERS = [(b"Accept", b"*/*"), (b"Accept-Encoding", b"identity"), (b"User-Agent", b"botkit")]


class Http:
    """One client for one account, with bounded connections and time.

    Takes no proxy from the environment, follows no redirect. `read_seconds` may pass without a byte of the answer,
    `seconds` until all of it is there. Safe to cancel; the outcome is then unknown.

    `resolve` looks up the hosts of foreign addresses; with a `transport` and without it, this transport alone decides
    what can be reached.
    """

    def __init__(
        self,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        read_seconds: float = 15,
        seconds: float = 60,
        resolve: Resolve | None = None,
    ) -> None:
        self._seconds = seconds
        self._resolve = resolve or (None if transport else look_up)
        self._own = Transport(
            certificates=_certificates,
            patience=Patience(read=read_seconds, total=seconds),
            connections=20,
            idle_seconds=30,
        )
        self._other = transport

    async def request(
        self,
        method: str,
        url: str,
        *,
        json: object = None,
        content: bytes | None = None,
        form: Mapping[str, str] | None = None,
        files: Mapping[str, Upload] | None = None,
        headers: Mapping[str, str] | None = None,
        most: int | None = None,
        is_foreign: bool = False,
    ) -> HttpAnswer:
        """Sends one request and reads the whole answer, up to `most` bytes, or else `MAX_ANSWER`.

        `content` is sent as it is; `files` make the form multipart. A foreign address reaches public hosts alone.

        Raises NotSentError when the service cannot have seen it, UnknownOutcomeError when it may have.
        """
        failure: TransportError
        if most is None:
            most = MAX_ANSWER
        try:
            if self._other is None and form is None and files is None and not (headers or is_foreign):
                # Nearly all requests; what is the same in all of them to an address is made once.
                read = await self._own.exchange(_opening(method, url), _rest(method, json, content), most=most)
                if read.coding:
                    return await _unpacked(read, most)
                return HttpAnswer(read.status, AnswerHeaders(read), read.body)
            return await self._exchange(
                method, url, headers, _Content(json, content, form, files), most=most, is_foreign=is_foreign
            )
        except NotPublicError as error:
            failure = NotSentError(str(error))
        except _NOT_SENT as error:
            failure = NotSentError(f"no connection ({type(error).__name__})")
        except (TooLongError, AnswerTooLongError):
            failure = UnknownOutcomeError(f"the answer is longer than {most} bytes")
        except (httpx.HTTPError, httpx.StreamError, PackedError, TimeoutError) as error:
            failure = UnknownOutcomeError(f"the connection failed ({type(error).__name__})")
        # Tools that look into tracebacks find neither httpx's exception, which carries the request, nor the URL: a
        # token may be part of it.
        del url, json, content, form, files, headers
        raise failure

    async def download(
        self, url: str, *, most: int, headers: Mapping[str, str] | None = None, is_foreign: bool = False
    ) -> Download:
        """Fetches a file of at most `most` bytes, within the time of a request; redirects are not followed.

        Of a foreign address, public hosts alone are reached. Raises DownloadError, which names no address. Safe to
        cancel.
        """
        failure: DownloadError
        try:
            answer = await self._exchange("GET", url, headers, _NONE, most=most, is_foreign=is_foreign)
            if answer.status == 200:
                return Download(answer.body, answer.headers.get("content-type", "").partition(";")[0].strip())
            failure = DownloadError(f"the file was answered with HTTP {answer.status}")
        except (TooLongError, AnswerTooLongError):
            failure = DownloadError(f"the file is larger than {most} bytes", fix="ask for more with max_bytes")
        except (NotPublicError, PackedError) as error:
            failure = DownloadError(f"the file could not be fetched: {error}")
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, TimeoutError) as error:
            failure = DownloadError(f"the file could not be fetched ({type(error).__name__})")
        # As above: the address may hold a token.
        del url, headers
        raise failure

    async def _exchange(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        made: "_Content",
        *,
        most: int,
        is_foreign: bool,
    ) -> HttpAnswer:
        url, own, extensions = await self._placed(url, is_foreign=is_foreign)
        request = _request(method, url, {**(headers or {}), **own}, made)
        request.extensions = {**extensions, "most": most}
        if self._other is None:
            return await _answer(await self._own.handle_async_request(request), most)
        async with asyncio.timeout(self._seconds):
            return await _answer(await self._other.handle_async_request(request), most)

    async def _placed(self, url: str, *, is_foreign: bool) -> tuple[str, dict[str, str], dict[str, Any]]:
        """Returns where to connect, with what that needs of headers and of httpx's extensions."""
        if not is_foreign or self._resolve is None:
            return url, {}, {}
        pinned = await pin(url, self._resolve)
        # No other request goes to this number by this name soon.
        return pinned.url, {"host": pinned.host, "connection": "close"}, {"sni_hostname": pinned.host}

    async def close(self) -> None:
        """Closes every connection."""
        await (self._other or self._own).aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


@functools.cache
def _certificates() -> ssl.SSLContext:
    # Reading them takes a tenth of a second, and each account has a client of its own.
    return httpx.create_ssl_context(trust_env=False)


class _Content(Struct, frozen=True):
    json: object
    content: bytes | None
    form: Mapping[str, str] | None
    files: Mapping[str, Upload] | None

    @property
    def is_form(self) -> bool:
        """Whether it is a form."""
        return self.form is not None or self.files is not None

    @property
    def body(self) -> bytes:
        """The body of a request that is no form."""
        return _encode(self.json) if self.json is not None else self.content or b""


_encode = msgspec.json.Encoder().encode
_NONE = _Content(None, None, None, None)


# An account calls few addresses, each of them often.
@functools.lru_cache(maxsize=256)
def _opening(method: str, url: str) -> Opening:
    to = httpx.URL(url)
    return opening(_named(httpx.Request(method, to, headers=_shared(to, ()), stream=httpx.ByteStream(b""))))


def _rest(method: str, json: object, content: bytes | None) -> bytes:
    if json is not None:
        body = _encode(json)
        return b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    body = content or b""
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body) if body or method != "GET" else b"\r\n"


def _request(method: str, url: str, headers: dict[str, str], made: _Content) -> httpx.Request:
    to = httpx.URL(url)
    given = {name.lower(): (name.encode("ascii"), value.encode("utf-8")) for name, value in headers.items()}
    lines = [*_shared(to, given), *given.values()]
    if made.is_form:
        return _filled_in(method, to, lines, made)
    body = made.body
    if made.json is not None and "content-type" not in given:
        lines.append((b"Content-Type", b"application/json"))
    if body or method != "GET":
        lines.append((b"Content-Length", b"%d" % len(body)))
    return _named(httpx.Request(method, to, headers=lines, stream=httpx.ByteStream(body)))


def _shared(to: httpx.URL, given: Collection[str]) -> list[tuple[bytes, bytes]]:
    """Returns the headers that all requests to an address have, but for those that are given."""
    return [line for line in ((b"Host", to.netloc), *_HEADERS) if line[0].decode().lower() not in given]


def _filled_in(method: str, to: httpx.URL, lines: list[tuple[bytes, bytes]], made: _Content) -> httpx.Request:
    files = {name: (file.name, file.content, file.mime) for name, file in (made.files or {}).items()}
    return _named(httpx.Request(method, to, headers=lines, data=made.form, files=files or None))


def _named(request: httpx.Request) -> httpx.Request:
    if request.url.userinfo:
        # As every client does with a name and a password in an address.
        next(httpx.BasicAuth(request.url.username, request.url.password).auth_flow(request))
    return request


async def _unpacked(read: AnswerReader, most: int) -> HttpAnswer:
    packed = httpx.Response(read.status, headers=read.headers, stream=httpx.ByteStream(read.body))
    return await _answer(packed, most)


async def _answer(response: httpx.Response, most: int) -> HttpAnswer:
    try:
        return HttpAnswer(response.status_code, response.headers, await _read(response, most))
    finally:
        await response.aclose()


async def _read(response: httpx.Response, most: int) -> bytes:
    if response.is_stream_consumed:
        # An answer made in this process.
        if len(response.content) > most:
            raise TooLongError
        return response.content
    return await read_bounded(response.aiter_raw(), response.headers.get("content-encoding", ""), most)


class InProcess(httpx.AsyncBaseTransport):
    """Carries requests to ASGI applications of this process by host name; no other host exists."""

    def __init__(self) -> None:
        self._hosts: dict[str, httpx.ASGITransport] = {}

    def mount(self, host: str, app: ASGIApp) -> None:
        """Makes an application answer for a host name."""
        self._hosts[host] = httpx.ASGITransport(app=app)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Hands a request to its host's application; one that fails has closed the connection."""
        transport = self._hosts.get(request.url.host)
        if transport is None:
            raise httpx.ConnectError("no application is mounted at this host")
        try:
            return await transport.handle_async_request(request)
        except Exception as error:
            raise httpx.ReadError(f"the application failed ({type(error).__name__})") from None
