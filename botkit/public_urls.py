"""Whether an address on the network is public, so that a file may be fetched from there."""

import re
from collections.abc import Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

from botkit.public_addresses import is_public_address

# A dot at least, and a last part that is no number: some resolvers read 0x7f.1 as an address of this machine.
_PUBLIC_NAME = re.compile(r"(?:[a-z0-9_-]+\.)+[a-z][a-z0-9_-]*\.?", re.ASCII)
_INNER = ("local", "localhost", "internal", "lan", "home.arpa")

# No space, no sign of control, no backslash: readers of addresses do not agree on what these mean.
_PLAIN = re.compile(r"[^\s\\\x00-\x1f\x7f]+")


def is_fetchable(url: str, api_url: str, hosts: Sequence[str] = ()) -> bool:
    """Whether an address is https at a public name or number, or has the very origin of the service.

    With `hosts`, it is one of these or below one of them. Public by its form: what a name resolves to is looked up
    by whoever connects.
    """
    return has_origin(url, api_url) or (is_public_url(url) and (not hosts or _is_below(_host(url), hosts)))


def has_origin(url: str, api_url: str) -> bool:
    """Whether an address has the scheme, host and port of the service, letter for letter."""
    try:
        parts, own = urlsplit(url), urlsplit(api_url)
    except ValueError:
        return False
    is_same = (parts.scheme, parts.netloc) == (own.scheme, own.netloc)
    return bool(own.netloc) and is_same and bool(_PLAIN.fullmatch(url))


def is_public_url(url: str) -> bool:
    """Whether an address has the form of a public one: https, port 443, no user, a full name or a public number."""
    try:
        parts = urlsplit(url)
        is_usual = parts.scheme == "https" and parts.port in (None, 443) and "@" not in parts.netloc
    except ValueError:
        return False
    return is_usual and bool(_PLAIN.fullmatch(url)) and _is_public(parts.hostname or "")


def _host(url: str) -> str:
    return (urlsplit(url).hostname or "").rstrip(".")


def _is_public(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        # A name of other letters is written in its form for the network.
        return bool(_PUBLIC_NAME.fullmatch(host)) and not _is_below(host.rstrip("."), _INNER)
    return is_public_address(host)


def _is_below(host: str, names: Sequence[str]) -> bool:
    return any(host == name or host.endswith(f".{name}") for name in names)
