"""Looks an address from outside up once, and lets nobody through to what is not on the public network."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import urlsplit

from msgspec import Struct

from botkit.public_addresses import is_public_address
from botkit.public_urls import is_public_url

#: How long a name may take to be looked up, in seconds.
LOOKUP = 3.0

#: Returns the addresses of a host, as text; raises OSError for a name that has none.
Resolve = Callable[[str], Awaitable[Sequence[str]]]


class NotPublicError(Exception):
    """An address from outside leads, or may lead, into a network of ours; the text names neither."""


class Pinned(Struct, frozen=True):
    """An address whose host was looked up: `url` names the number that was checked, `host` is the name that it had.

    Whoever connects uses `host` for the `Host` header, for SNI, and to check the certificate.
    """

    url: str
    host: str


async def pin(url: str, resolve: Resolve | None = None) -> Pinned:
    """Looks the host of an address from outside up, once, so that no second answer can lead elsewhere.

    Only https on port 443 without a user's name passes, and only if every address of the host is public.
    Raises NotPublicError.
    """
    if not is_public_url(url):
        raise NotPublicError("the address is not public by https")
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        async with asyncio.timeout(LOOKUP):
            found = await (resolve or look_up)(host)
    except (OSError, UnicodeError):
        raise NotPublicError("the host has no address") from None
    if not found or not all(map(is_public_address, found)):
        raise NotPublicError("the host has an address that is not public")
    number = f"[{found[0]}]" if ":" in found[0] else found[0]
    return Pinned(parts._replace(netloc=number, fragment="").geturl(), f"[{host}]" if ":" in host else host)


async def look_up(host: str) -> Sequence[str]:
    """Returns the addresses of a host as this machine finds them, those to try first in front. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, 443, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]
