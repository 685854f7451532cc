"""Whether the server that keeps everything is closed to others: its password, its line, its release."""

import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

from botkit.redaction import Secret
from botkit.redis.acl import acl_rules

#: The first releases of each series whose scripts cannot break out of their sandbox (CVE-2025-49844).
PATCHED: Mapping[tuple[int, int], int] = {(6, 2): 20, (7, 2): 11, (7, 4): 6, (8, 0): 6, (8, 1): 4, (8, 2): 2}

_RELEASE = re.compile(r"(\d+)\.(\d+)\.(\d+)")


def address_notes(url: Secret | None) -> Iterator[tuple[str, str]]:
    """Yields what is amiss with how a server is reached, and how to mend it; never the address itself."""
    parts = urlsplit(url.reveal()) if url else None
    if parts is None or parts.scheme == "unix":
        return
    if not parts.password:
        yield (
            "the store asks for no password: whoever reaches it can read and change everything",
            "give botkit a user of its own: botkit doctor --acl prints its rules",
        )
    elif parts.username in (None, "", "default"):
        yield (
            "the store is used as its default user, who may do anything",
            "give botkit a user of its own: botkit doctor --acl prints its rules",
        )
    if parts.scheme != "rediss" and not _is_here(parts.hostname or "localhost"):
        yield "the way to the store is not encrypted", "use rediss:// in BOTKIT_REDIS_URL, or a private network"


def release_note(version: str) -> str:
    """Returns what is amiss with a server's release, or nothing; a distribution may have mended it on its own."""
    found = _RELEASE.match(version)
    if not found:
        return ""
    major, minor, patch = map(int, found.groups())
    if (major, minor) > max(PATCHED):
        return ""
    known = PATCHED.get((major, minor))
    return "" if known is not None and patch >= known else f"Redis {version} may let a script out of its sandbox"


def acl_file(prefix: str) -> str:
    """Returns an ACL file with botkit's user, with a place for its password's SHA-256, and nobody else.

    The default user is off, and keeps its rights: as that one Redis reads its append-only file. Without them releases
    of 2025 and before, and Valkey's until the summer of 2026, drop at each start whatever a script had written, and
    say so nowhere but in their log (redis/redis#14541, valkey-io/valkey#3983).
    """
    user = " ".join(["user", "botkit", "on", "#<sha256 of the password>", "sanitize-payload", *acl_rules(prefix)])
    return f"user default off ~* &* +@all\n{user}\n"


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
