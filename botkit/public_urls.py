"""Whether an address on the network is public, so that a file may be fetched from there."""

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

# A dot at least, and a last part that is no number: some resolvers read 0x7f.1 as an address of this machine.
_PUBLIC_NAME = re.compile(r"(?:[\w-]+\.)+[a-z][\w-]*\.?")
_INNER = (".local", ".localhost", ".internal", ".lan", ".home.arpa")


def is_fetchable(url: str, api_url: str) -> bool:
    """Whether an address is https at a public name or number, or has the very origin of the service.

    Public by its form: what a name resolves to is not looked up.
    """
    try:
        parts, own = urlsplit(url), urlsplit(api_url)
        is_public = _is_public(parts.hostname or "") and parts.port in (None, 443)
    except ValueError:
        return False
    return (parts.scheme, parts.netloc) == (own.scheme, own.netloc) or (parts.scheme == "https" and is_public)


def _is_public(host: str) -> bool:
    try:
        return ip_address(host).is_global
    except ValueError:
        return bool(_PUBLIC_NAME.fullmatch(host)) and not host.rstrip(".").endswith(_INNER)
