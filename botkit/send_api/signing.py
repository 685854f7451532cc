"""Signs what is reported to programs, in the form of Standard Webhooks.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import binascii
import hmac
import secrets
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence

from botkit.exceptions import SettingsError
from botkit.redaction import Secret

#: What a secret begins with; the rest is base64.
PREFIX = "whsec_"
#: The fewest and the most bytes of a secret.
MIN_SECRET, MAX_SECRET = 24, 64


def new_secret() -> str:
    """Returns a fresh secret of 32 random bytes."""
    return PREFIX + b64encode(secrets.token_bytes(32)).decode()


def read_secrets(text: str, setting: str) -> Sequence[Secret]:
    """Reads one secret, or several separated by spaces while they are being replaced. Raises SettingsError."""
    found = [Secret(part) for part in text.split()]
    for secret in found:
        if not MIN_SECRET <= len(_key(secret)) <= MAX_SECRET:
            raise SettingsError(
                f"{setting} is not {PREFIX} followed by {MIN_SECRET} to {MAX_SECRET} bytes in base64",
                fix="make one with: botkit keys new NAME --callback URL",
            )
    return found


def signed(message_id: str, timestamp: int, body: bytes, keys: Sequence[Secret]) -> Mapping[str, str]:
    """Returns the three headers of a webhook: its id, when it was sent (in seconds), and a signature for each secret.

    The id is the same at each attempt: whoever receives it twice knows it by that.
    """
    content = f"{message_id}.{timestamp}.".encode() + body
    signatures = (b64encode(hmac.digest(_key(key), content, "sha256")).decode() for key in keys)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }


def _key(secret: Secret) -> bytes:
    try:
        return b64decode(secret.reveal().removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return b""
