"""Access tokens for Google's APIs: a service account signs a grant and trades it for a token."""

import asyncio
import re
from functools import cache
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from botkit.clock import Clock
from botkit.exceptions import NotSentError, ServiceError, SettingsError, UnknownOutcomeError
from botkit.http_client import HttpAnswer, HttpClient
from botkit.redaction import Secret

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
#: The longest a grant may be valid, in seconds.
GRANT_SECONDS = 3600
#: A token is replaced this many seconds before it expires.
EARLY_SECONDS = 60

_GOOGLE = "https://oauth2.googleapis.com/token"
_CODE = re.compile(r"[a-z_]{1,40}")


class ServiceAccount(Struct, frozen=True):
    """A Google service account, as its key file describes it.

    Without a `key` it is one made up for a simulator: an RSA key is then made when it is first needed.
    """

    client_email: str
    key: Secret | None
    private_key_id: str
    token_uri: str

    @property
    def private_key(self) -> Secret:
        """The private key in PEM."""
        return self.key or _made_up_key()

    def public_key(self) -> str:
        """Returns the public key in PEM: what the service knows of the account."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        public = _load_key(self.private_key).public_key()
        return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def grant(self, scope: str, now: int) -> str:
        """Returns a signed grant for the scope, valid for an hour from `now` in epoch seconds."""
        # Imported at first use: with its cryptography it takes a third of the time botkit may take to import.
        import jwt

        claims = {
            "iss": self.client_email,
            "scope": scope,
            "aud": self.token_uri,
            "iat": now,
            "exp": now + GRANT_SECONDS,
        }
        return jwt.encode(claims, _load_key(self.private_key), algorithm="RS256", headers={"kid": self.private_key_id})


def _load_key(pem: Secret) -> "RSAPrivateKey":
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    # Looked at closely when it was read; to do so again would block the loop for the time of a hundred messages.
    key = load_pem_private_key(pem.reveal().encode(), None, unsafe_skip_rsa_key_validation=True)
    return cast("RSAPrivateKey", key)


class _KeyFile(Struct, frozen=True):
    client_email: str
    private_key: str
    private_key_id: str
    token_uri: str = _GOOGLE


def parse_service_account(text: str, setting: str) -> ServiceAccount:
    """Reads the JSON of a service account's key file. Raises SettingsError that names the setting, never its value."""
    fix = f"set {setting} to the JSON key file that Google's console gave for the service account"
    try:
        file = msgspec.json.decode(text, type=_KeyFile)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{setting} is not a service account's key file ({error})", fix=fix) from None
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise SettingsError(f"{setting} is not JSON", fix=fix) from None
    if not _is_private_key(file.private_key):
        raise SettingsError(f"{setting} has a private_key that is not an RSA key in PEM", fix=fix)
    if not _is_address(file.token_uri):
        raise SettingsError(f"{setting} has a token_uri that is not an http(s) address", fix=fix)
    return ServiceAccount(file.client_email, Secret(file.private_key), file.private_key_id, file.token_uri)


def _is_private_key(pem: str) -> bool:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        return isinstance(load_pem_private_key(pem.encode(), None), RSAPrivateKey)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return False


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("https", "http") and bool(parts.hostname)
    except ValueError:
        return False


@cache
def _made_up_key() -> Secret:
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return Secret(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())


class _Grant(Struct, frozen=True):
    access_token: str
    expires_in: int = GRANT_SECONDS


class _Refusal(Struct, frozen=True):
    error: str = ""


class AccessTokens:
    """The access token of one service account, kept until 60 s before it expires.

    Senders that need a new one at the same time share one request, and its failure.
    """

    def __init__(self, account: ServiceAccount, scope: str, clock: Clock) -> None:
        self.account = account
        self.scope = scope
        self.clock = clock
        self._token: Secret | None = None
        self._expires_at = 0.0
        self._refresh: asyncio.Task[Secret] | None = None

    @property
    def current(self) -> Secret | None:
        """The newest token, fresh or not."""
        return self._token

    async def load(self, client: HttpClient) -> Secret:
        """Returns a token that is good for a minute at least, asking Google for one where needed.

        Raises ServiceError when Google refuses the account, NotSentError for every other failure: without a token
        nothing was sent. Safe to cancel: the others still get their token.
        """
        if self._token and self.clock.timestamp() < self._expires_at - EARLY_SECONDS:
            return self._token
        if self._refresh is None:
            self._refresh = asyncio.ensure_future(self._fetch(client))
            self._refresh.add_done_callback(self._end_refresh)
        return await asyncio.shield(self._refresh)

    def discard(self, token: Secret) -> None:
        """Forgets a token that the service did not accept; a newer one stays."""
        if self._token == token:
            self._token = None

    def _end_refresh(self, refresh: asyncio.Task[Secret]) -> None:
        self._refresh = None
        if not refresh.cancelled():
            # Looked at here, or asyncio complains when everybody who waited was cancelled.
            refresh.exception()

    async def _fetch(self, client: HttpClient) -> Secret:
        now = self.clock.timestamp()
        try:
            # In no variable of ours: tools that look into tracebacks would find the assertion there.
            answer = await client.request(
                "POST",
                self.account.token_uri,
                form={"grant_type": GRANT_TYPE, "assertion": self.account.grant(self.scope, int(now))},
            )
        except UnknownOutcomeError as error:
            raise NotSentError(f"no access token: {error.what}") from None
        grant = _read_grant(answer)
        self._expires_at = now + grant.expires_in
        self._token = Secret(grant.access_token)
        return self._token


def _read_grant(answer: HttpAnswer) -> _Grant:
    if 400 <= answer.status < 500 and answer.status != 429:
        code = _refusal(answer.body)
        raise ServiceError(
            f"Google gives the service account no access token ({answer.status} {code})",
            code=code,
            fix="check that the account and its key still exist, and that this machine's clock is right",
        )
    try:
        if answer.status == 200:
            return msgspec.json.decode(answer.body, type=_Grant)
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise NotSentError("no access token: Google's answer cannot be read") from None
    raise NotSentError(f"no access token: Google answered {answer.status}")


def _refusal(body: bytes) -> str:
    try:
        code = msgspec.json.decode(body, type=_Refusal).error
    except (msgspec.DecodeError, ValueError, RecursionError):
        code = ""
    return code if _CODE.fullmatch(code) else "refused"
