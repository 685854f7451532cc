"""Who may send: keys of which only a digest is stored, and what each of them may do."""

import hashlib
import hmac
import math
import re
import secrets
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

from botkit.exceptions import SettingsError
from botkit.pace import Pace
from botkit.redaction import Secret
from botkit.send_api.signing import read_secrets

#: What a key may be for: single messages, many at once, and looking at what became of them.
KeyScope = Literal["send", "bulk", "read"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


class ApiKey(Struct, frozen=True, kw_only=True):
    """One program that may send; `digest` is the SHA-256 of its key, in hexadecimal digits.

    It may use `accounts`, or all where there are none; `rate` is in requests a second, 0 for no limit. Reports go to
    `callback_url`, signed with each of the `callback_secrets`; requests may name other addresses for them.
    """

    name: str
    digest: str
    scopes: frozenset[KeyScope]
    accounts: frozenset[str] = frozenset()
    rate: float = 0
    callback_url: str = ""
    callback_secrets: Sequence[Secret] = ()

    @property
    def pace(self) -> Pace | None:
        """How fast its requests may follow one another."""
        limit = max(1, math.floor(self.rate))
        return Pace(limit, limit / self.rate) if self.rate else None

    def may_use(self, ta: str) -> bool:
        """Whether it may send by this account."""
        return not self.accounts or ta in self.accounts


class _Entry(Struct, frozen=True, forbid_unknown_fields=True):
    """A key as it stands in a file, under its name."""

    sha256: Annotated[str, Meta(pattern=f"^{_DIGEST.pattern}$")]
    scopes: Annotated[list[KeyScope], Meta(min_length=1)]
    accounts: list[str] = []
    rate: Annotated[float, Meta(ge=0, le=1_000_000)] = 0
    callback_url: str = ""
    callback_secret: Secret | None = None


class Keyring:
    """The keys that are known. Raises SettingsError where two share a name or are the same."""

    def __init__(self, keys: Iterable[ApiKey] = ()) -> None:
        self.keys = tuple(keys)
        if len({key.name for key in self.keys}) < len(self.keys):
            raise SettingsError("two keys of the send API share a name", fix="rename one of them")
        if len({key.digest for key in self.keys}) < len(self.keys):
            raise SettingsError(
                "two names of the send API have the same key", fix="make one anew: botkit keys new NAME"
            )

    def find(self, presented: str) -> ApiKey | None:
        """Returns whose key this is; every known one is compared, whichever it is."""
        digest = digest_of(presented)
        found = [key for key in self.keys if hmac.compare_digest(key.digest, digest)]
        return found[0] if found else None

    def secrets(self) -> Iterable[Secret]:
        """Everything of it that must never be printed."""
        return [secret for key in self.keys for secret in key.callback_secrets]


def new_key() -> str:
    """Returns a fresh key: 256 random bits."""
    return f"bk_{secrets.token_urlsafe(32)}"


def digest_of(key: str) -> str:
    """Returns what is stored of a key; one of 256 random bits cannot be guessed from it."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def is_name(text: str) -> bool:
    """Whether a key may have this name."""
    return _NAME.fullmatch(text) is not None


def load_keyring(line: str = "", path: Path | None = None) -> Keyring:
    """Reads the keys of a setting, as `parse_line` does, and of a file, as `read_file` does. Raises SettingsError."""
    return Keyring([*parse_line(line), *(read_file(path) if path else ())])


def parse_line(line: str) -> Sequence[ApiKey]:
    """Reads keys as `name:sha256:send+read`, separated by commas. Raises SettingsError, which repeats none of it."""
    return [_parse_item(item.strip(), number) for number, item in enumerate(line.split(","), 1) if item.strip()]


def _parse_item(item: str, number: int) -> ApiKey:
    name, digest, scopes = [*item.split(":"), "", ""][:3]
    chosen = [scope for scope in get_args(KeyScope) if scope in scopes.split("+")]
    is_whole = item.count(":") == 2 and len(chosen) == len(scopes.split("+"))
    if not (is_whole and is_name(name) and _DIGEST.fullmatch(digest)):
        raise SettingsError(
            f"BOTKIT_API_KEYS: its key number {number} is not name:sha256:scopes, as shop:<64 hex digits>:send+read",
            fix="make one with: botkit keys new NAME",
        )
    return ApiKey(name=name, digest=digest, scopes=frozenset(chosen))


def read_file(path: Path) -> Sequence[ApiKey]:
    """Reads a file of keys, TOML or, where its name ends with .json, JSON: a table of each name with its entry.

    Raises SettingsError that names the entry and what is wrong with it.
    """
    return [_read_entry(name, entry) for name, entry in _decode(path).items()]


def _decode(path: Path) -> Mapping[str, Any]:
    try:
        content = path.read_bytes()
        found = msgspec.json.decode(content) if path.suffix == ".json" else tomllib.loads(content.decode())
    except OSError as error:
        raise SettingsError(f"BOTKIT_API_KEYS_FILE names a file that cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError):  # whose text may quote the file
        kind = "JSON" if path.suffix == ".json" else "TOML"
        raise SettingsError(f"the file that BOTKIT_API_KEYS_FILE names is no {kind}") from None
    if not isinstance(found, dict):
        raise SettingsError("the file that BOTKIT_API_KEYS_FILE names holds no table of keys by their names")
    return found


def _read_entry(name: str, entry: object) -> ApiKey:
    if not is_name(name):
        raise SettingsError("BOTKIT_API_KEYS_FILE: a name has up to 64 letters, digits, hyphens and underscores")
    try:
        found = msgspec.convert(entry, _Entry, dec_hook=_to_secret)
        _require_callback(found)
    except (msgspec.ValidationError, ValueError) as error:
        raise SettingsError(f"BOTKIT_API_KEYS_FILE, key {name}: {error}") from None
    return ApiKey(
        name=name,
        digest=found.sha256,
        scopes=frozenset(found.scopes),
        accounts=frozenset(found.accounts),
        rate=found.rate,
        callback_url=found.callback_url,
        callback_secrets=_read_secrets(name, found.callback_secret),
    )


def _read_secrets(name: str, secret: Secret | None) -> Sequence[Secret]:
    return read_secrets(secret.reveal(), f"BOTKIT_API_KEYS_FILE, key {name}: callback_secret") if secret else ()


def _to_secret(_: type, value: object) -> Secret:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("a secret is a text")
    return Secret(value)


def _require_callback(entry: _Entry) -> None:
    if entry.callback_url and not entry.callback_secret:
        raise ValueError("callback_url needs a callback_secret, which signs what it is told")
    if entry.callback_url and not is_address(entry.callback_url):
        raise ValueError("callback_url is an address such as https://shop.example.org/reports")


def is_address(text: str) -> bool:
    """Whether a key's reports may go there: by https, or by http inside a network of one's own."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("https", "http") and bool(parts.hostname)
