"""Tokens in the addresses that Mitto calls: a signed note of whom a call is about, and for how long.

JSON Web Tokens (RFC 7519) with HS256 alone. Of several keys the first signs and each verifies, so that keys can be
rotated: put the new one first everywhere, and drop the old one when its last token has expired.
"""

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from botkit.exceptions import SettingsError
from botkit.redaction import Secret

#: By how much our clocks may differ, in seconds.
LEEWAY = 60
#: The shortest key, in bytes: as long as the hash (RFC 7518, 3.2).
MIN_KEY = 32

_ALGORITHM = "HS256"
# Ours have about three hundred characters; none is read that comes near the length of an address.
_MAX_TOKEN = 2048


class Claims(Struct, frozen=True, omit_defaults=True):
    """What a token says: valid from `nbf` to `exp` in epoch seconds, about `sub`, for one purpose.

    `to` is the id of a conversation.
    """

    nbf: int
    exp: int
    sub: str
    purpose: str = ""
    to: str = ""


def sign_token(claims: Claims, key: Secret) -> str:
    """Returns the token: the same claims and key give the same one."""
    # Imported at first use: with its cryptography it takes a third of the time botkit may take to import.
    import jwt

    return jwt.encode(msgspec.to_builtins(claims), key.reveal(), algorithm=_ALGORITHM)


def read_token(token: str, keys: Sequence[Secret], *, purpose: str, now: float) -> Claims | None:
    """Returns the claims of a token that one of the keys signed for this purpose and that is valid now; else None.

    In constant time whichever key it was. Never raises, whatever the text is. Without keys there is no valid token.
    """
    if len(token) > _MAX_TOKEN or not token.isascii():
        return None
    # All of them before one is chosen: the time must not tell which key matched.
    found = [claims for claims in [_read(token, key) for key in keys] if claims is not None]
    if not found or found[0].purpose != purpose:
        return None
    return found[0] if found[0].nbf - LEEWAY <= now < found[0].exp + LEEWAY else None


def _read(token: str, key: Secret) -> Claims | None:
    import jwt

    try:
        # The times are compared with our own clock, which tests and simulators move.
        claims = jwt.decode(
            token,
            key.reveal(),
            algorithms=[_ALGORITHM],
            options={"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False},
        )
        return msgspec.convert(claims, Claims)
    except (jwt.InvalidTokenError, msgspec.ValidationError, ValueError, RecursionError):
        # A header may be any JSON, however deep, before a signature is looked at.
        return None


def read_keys(text: str, setting: str) -> tuple[Secret, ...]:
    """Returns the keys of a setting, the one that signs first; separated by commas. Raises SettingsError."""
    keys = [part.strip() for part in text.split(",") if part.strip()]
    if any(len(key.encode("utf-8", "surrogatepass")) < MIN_KEY for key in keys):
        raise SettingsError(
            f"{setting} has a key of less than {MIN_KEY} bytes, which could be guessed",
            fix="make one with: openssl rand -hex 32",
        )
    return tuple(map(Secret, keys))
