"""Credentials of accounts: read from the environment, or made up for the simulated."""

import secrets
from collections.abc import Mapping

from botkit.exceptions import SettingsError
from botkit.redaction import Secret


def made_up(length: int = 32) -> str:
    """Returns a random text of `length` lower-case hexadecimal digits, for credentials of simulated accounts."""
    return secrets.token_hex(length // 2 + 1)[:length]


def read_secret(prefix: str, name: str, environ: Mapping[str, str]) -> Secret | None:
    """Reads a secret from `<prefix>_<name>`, or from the file named by `<prefix>_<name>_FILE`; None without either.

    Raises SettingsError when the file cannot be read.
    """
    setting = f"{prefix}_{name}"
    if text := environ.get(setting, "").strip():
        return Secret(text)
    path = environ.get(f"{setting}_FILE", "").strip()
    if not path:
        return None
    try:
        with open(path, encoding="utf-8") as file:
            return Secret(file.read().strip())
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SettingsError(
            f"{setting}_FILE names a file that cannot be read ({reason})",
            fix=f"make the file readable, or set {setting} instead",
        ) from None
