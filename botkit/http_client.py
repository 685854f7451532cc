"""How adapters reach their services: what is asked for, sent along and answered."""

import re
from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct

_SECONDS = re.compile(r"[0-9]{1,9}")


class HttpAnswer(Struct, frozen=True):
    """A service's answer; `body` is at most 1 MiB, unless more was asked for."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def retry_after(self) -> float:
        """How many seconds the service asks to wait by its `Retry-After`; 0 where it names none, as with a date."""
        seconds = self.headers.get("retry-after", "")
        return float(seconds) if _SECONDS.fullmatch(seconds) else 0


class Upload(Struct, frozen=True):
    """A file on its way to a service, as one part of a form."""

    name: str
    content: bytes
    mime: str = "application/octet-stream"


class Download(Struct, frozen=True):
    """A file as a service gave it, with the type it claims."""

    content: bytes
    mime: str = ""


class HttpClient(Protocol):
    """How adapters reach their services.

    Raises NotSentError when the service cannot have seen the request, UnknownOutcomeError when it may have.
    No exception holds a URL.
    """

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
        """Sends one request and reads the whole answer, of up to `most` bytes; redirects are not followed.

        `content` is sent as it is; `files` make the form multipart. Without `most`, an answer may have 1 MiB. With
        `is_foreign`, somebody outside chose the address: public hosts alone are reached, by https.
        """
        ...

    async def download(
        self, url: str, *, most: int, headers: Mapping[str, str] | None = None, is_foreign: bool = False
    ) -> Download:
        """Fetches a file of at most `most` bytes. Raises DownloadError, which names no address.

        With `is_foreign`, somebody outside chose the address: public hosts alone are reached, by https.
        """
        ...
