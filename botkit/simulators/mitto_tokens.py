"""Bad tokens for the callbacks of the simulated Mitto, each wrong in one way, to try who lets them in."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import jwt

from botkit.redaction import Secret

#: A key that nobody has.
_FOREIGN = "a key that was never given to anybody at all"


def spoil(url: str, how: str, own: Sequence[Secret], other: Sequence[Secret], now: float) -> str:
    """Returns an address with its token spoilt.

    `missing`; `altered` in its last letter; `unsigned`, with the algorithm none; `expired` a day ago; `early`, good
    from tomorrow on; `foreign`, signed by an unknown key; `swapped`, signed by the `other` purpose's key; `other`, of
    another message; `endless`, without an end. The last two and those with wrong times are signed by the newest of
    the `own` keys. An address without a token stays as it is.
    """
    parts = urlsplit(url)
    query = parse_qsl(parts.query, keep_blank_values=True)
    token = dict(query).get("token")
    if token is None or how == "given":
        return url
    spoilt = "" if how == "missing" else _spoilt(token, how, own, other, int(now))
    kept = [(name, spoilt if name == "token" else value) for name, value in query if spoilt or name != "token"]
    return urlunsplit(parts._replace(query=urlencode(kept)))


def _spoilt(token: str, how: str, own: Sequence[Secret], other: Sequence[Secret], now: int) -> str:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    match how:
        case "altered":
            head, _, signature = token.rpartition(".")
            return f"{head}.{'B' if signature.startswith('A') else 'A'}{signature[1:]}"
        case "unsigned":
            return jwt.encode(claims, "", algorithm="none")
        case "foreign":
            return jwt.encode(claims, _FOREIGN, algorithm="HS256")
        case "swapped":
            return _signed(claims, other)
        case "expired":
            return _signed({**claims, "nbf": now - 2 * 86_400, "exp": now - 86_400}, own)
        case "early":
            return _signed({**claims, "nbf": now + 86_400, "exp": now + 2 * 86_400}, own)
        case "endless":
            return _signed({name: value for name, value in claims.items() if name != "exp"}, own)
    return _signed({**claims, "sub": "another message"}, own)


def _signed(claims: Mapping[str, Any], keys: Sequence[Secret]) -> str:
    return jwt.encode(dict(claims), keys[0].reveal(), algorithm="HS256")
