"""Google's token endpoint: trades a service account's signed grant for an opaque token that expires."""

import secrets
from urllib.parse import parse_qsl

import jwt
from msgspec import Struct

from botkit.channels.gbm import SCOPE
from botkit.channels.google_oauth import GRANT_SECONDS, GRANT_TYPE, ServiceAccount
from botkit.clock import Clock

#: How far a grant's clock may be ahead, in seconds.
LEEWAY = 60


class GrantRefusedError(Exception):
    """The endpoint refuses a grant: OAuth's error code and a description."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error
        self.description = description


class _Client(Struct, frozen=True):
    ta: str
    account: ServiceAccount


class TokenDesk:
    """Knows the service accounts, and which token is whose until when."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        #: How long a token lasts.
        self.seconds = 3599
        self._clients: dict[str, _Client] = {}
        self._tokens: dict[str, tuple[str, float]] = {}

    def register(self, ta: str, account: ServiceAccount) -> None:
        """Makes a service account known; its public key is looked at when the first grant comes."""
        self._clients[account.client_email] = _Client(ta, account)

    def owner(self, authorization: str) -> str | None:
        """Returns the account that an `Authorization` header speaks for, None when its token is unknown or expired."""
        scheme, _, token = authorization.partition(" ")
        ta, expires_at = self._tokens.get(token, ("", 0.0))
        return ta if scheme == "Bearer" and self.clock.timestamp() < expires_at else None

    def expire(self) -> None:
        """Ends every token at once, as a revoked key does."""
        self._tokens.clear()

    def trade(self, body: bytes) -> str:
        """Returns a new token for a form with a good grant. Raises GrantRefusedError."""
        form = dict(parse_qsl(body.decode("utf-8", "replace")))
        if form.get("grant_type") != GRANT_TYPE:
            raise GrantRefusedError("unsupported_grant_type", f"Invalid grant_type: {form.get('grant_type', '')}")
        return self.issue(self._check(form.get("assertion", "")).ta)

    def issue(self, ta: str) -> str:
        """Returns a new token of an account, as after a good grant."""
        token = f"ya29.simulated-{secrets.token_urlsafe(24)}"
        self._tokens[token] = (ta, self.clock.timestamp() + self.seconds)
        return token

    def _check(self, assertion: str) -> _Client:
        try:
            issuer = jwt.decode(assertion, options={"verify_signature": False}).get("iss")
            client = self._clients.get(str(issuer))
            if client is None:
                raise GrantRefusedError("invalid_grant", "Invalid grant: account not found")
            claims = jwt.decode(
                assertion,
                client.account.public_key(),
                algorithms=["RS256"],
                audience=client.account.token_uri,
                # The times are checked below, by the clock that tests and people move.
                options={"require": ["iat", "exp"], "verify_exp": False, "verify_iat": False},
            )
        except jwt.InvalidSignatureError:
            raise GrantRefusedError("invalid_grant", "Invalid JWT Signature.") from None
        except jwt.InvalidTokenError as error:
            raise GrantRefusedError("invalid_grant", f"Invalid JWT: {error}") from None
        self._check_times(claims["iat"], claims["exp"])
        if claims.get("scope") != SCOPE:
            raise GrantRefusedError("invalid_scope", "Invalid OAuth scope or ID token audience provided.")
        return client

    def _check_times(self, iat: object, exp: object) -> None:
        now = self.clock.timestamp()
        if not isinstance(iat, int) or not isinstance(exp, int):
            raise GrantRefusedError("invalid_grant", "Invalid JWT: iat and exp must be numbers.")
        if iat > now + LEEWAY or exp <= now or not 0 < exp - iat <= GRANT_SECONDS:
            raise GrantRefusedError(
                "invalid_grant",
                "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe.",
            )
