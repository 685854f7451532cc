"""The outbound HTTP client, and the one place that knows httpx."""

import asyncio
import functools
import logging
import ssl
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from types import TracebackType
from typing import Any, Self

import httpx
import msgspec

from botkit.exceptions import DownloadError, NotSentError, TransportError, UnknownOutcomeError
from botkit.http_client import Download, HttpAnswer, Upload
from botkit.transport import MAX_ANSWER, AnswerTooLongError, Patience, Transport

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

# Packed, an answer could unpack to more than there is room for.
_HEADERS = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "botkit"}


class _TooLongError(Exception):
    pass


class Http:
    """One client for one account, with bounded connections and time.

    Takes no proxy from the environment, follows no redirect. `read_seconds` may pass without a byte of the answer,
    `seconds` until all of it is there. Safe to cancel; the outcome is then unknown.
    """

    def __init__(
        self, *, transport: httpx.AsyncBaseTransport | None = None, read_seconds: float = 15, seconds: float = 60
    ) -> None:
        self._seconds = seconds
        self._transport = transport or Transport(
            certificates=_certificates, patience=Patience(read=read_seconds), connections=20, idle_seconds=30
        )

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
    ) -> HttpAnswer:
        """Sends one request and reads the whole answer, up to `most` bytes, or else `MAX_ANSWER`.

        `content` is sent as it is; `files` make the form multipart.

        Raises NotSentError when the service cannot have seen it, UnknownOutcomeError when it may have.
        """
        failure: TransportError
        asked: httpx.Request | None = None
        most = MAX_ANSWER if most is None else most
        try:
            asked = _request(method, url, json=json, content=content, form=form, files=files, headers=headers)
            response, body = await self._exchange(asked, most)
            return HttpAnswer(response.status_code, response.headers, body)
        except _NOT_SENT as error:
            failure = NotSentError(f"no connection ({type(error).__name__})")
        except (_TooLongError, AnswerTooLongError):
            failure = UnknownOutcomeError(f"the answer is longer than {most} bytes")
        except (httpx.HTTPError, httpx.StreamError, TimeoutError) as error:
            failure = UnknownOutcomeError(f"the connection failed ({type(error).__name__})")
        # Tools that look into tracebacks find neither httpx's exception, which carries the request, nor the URL: a
        # token may be part of it.
        del url, json, content, form, files, headers
        asked = None
        raise failure

    async def download(self, url: str, *, most: int, headers: Mapping[str, str] | None = None) -> Download:
        """Fetches a file of at most `most` bytes, within the time of a request; redirects are not followed.

        Raises DownloadError, which names no address. Safe to cancel.
        """
        failure: DownloadError
        asked: httpx.Request | None = None
        try:
            asked = _request("GET", url, headers=headers)
            response, content = await self._exchange(asked, most)
            if response.status_code == 200:
                return Download(content, response.headers.get("content-type", "").partition(";")[0].strip())
            failure = DownloadError(f"the file was answered with HTTP {response.status_code}")
        except (_TooLongError, AnswerTooLongError):
            failure = DownloadError(f"the file is larger than {most} bytes", fix="ask for more with max_bytes")
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, TimeoutError) as error:
            failure = DownloadError(f"the file could not be fetched ({type(error).__name__})")
        # As above: the address may hold a token.
        del url, headers
        asked = None
        raise failure

    async def _exchange(self, request: httpx.Request, most: int) -> tuple[httpx.Response, bytes]:
        request.extensions["most"] = most
        async with asyncio.timeout(self._seconds):
            response = await self._transport.handle_async_request(request)
            try:
                return response, await _read(response, most)
            finally:
                await response.aclose()

    async def close(self) -> None:
        """Closes every connection."""
        await self._transport.aclose()

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


# An account calls few addresses, each of them often.
_parse = functools.lru_cache(maxsize=256)(httpx.URL)


def _request(
    method: str,
    url: str,
    *,
    json: object = None,
    content: bytes | None = None,
    form: Mapping[str, str] | None = None,
    files: Mapping[str, Upload] | None = None,
    headers: Mapping[str, str] | None = None,
) -> httpx.Request:
    given = {**_HEADERS, **(headers or {})}
    if json is not None:
        given = {"Content-Type": "application/json", **given}
        content = msgspec.json.encode(json)
    parts = {name: (file.name, file.content, file.mime) for name, file in files.items()} if files else None
    request = httpx.Request(method, _parse(url), headers=given, content=content, data=form, files=parts)
    if request.url.userinfo:
        # As every client does with a name and a password in an address.
        next(httpx.BasicAuth(request.url.username, request.url.password).auth_flow(request))
    return request


async def _read(response: httpx.Response, most: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.aiter_bytes():
        size += len(chunk)
        if size > most:
            raise _TooLongError
        chunks.append(chunk)
    return b"".join(chunks)


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
