"""Reads and checks the settings of a Rapporto account; an error names the setting and never its value."""

import re
from collections.abc import Mapping, Sequence

from botkit.exceptions import SettingsError
from botkit.redaction import Secret

_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
_ADDRESS = re.compile(r"https?://\S+")
# It stands in an address as it is.
_WORD = re.compile(r"[A-Za-z0-9._~-]{16,128}")


def read_flag(prefix: str, name: str, environ: Mapping[str, str]) -> bool | None:
    """Reads `<prefix>_<name>` as yes or no; None where it is not set. Raises SettingsError for anything else."""
    text = environ.get(f"{prefix}_{name}", "").strip().lower()
    if text and text not in (*_TRUE, *_FALSE):
        raise SettingsError(f"{prefix}_{name} is neither true nor false", fix="set it to true or false, or unset it")
    return text in _TRUE if text else None


def read_whole(prefix: str, name: str, environ: Mapping[str, str], most: int) -> int | None:
    """Reads `<prefix>_<name>` as a whole number from 0; None where it is not set. Raises SettingsError."""
    text = environ.get(f"{prefix}_{name}", "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and int(text[:9]) <= most):
        raise SettingsError(f"{prefix}_{name} is no whole number from 0 to {most}", fix="set it to one, or unset it")
    return int(text)


def read_words(text: str, setting: str) -> tuple[Secret, ...]:
    """Returns the words of a callback's address: none, one, or two separated by a comma. Raises SettingsError."""
    words = [part.strip() for part in text.split(",")] if text.strip() else []
    if len(words) > 2 or not all(map(_WORD.fullmatch, words)):
        raise SettingsError(
            f"{setting} is not one word, nor two separated by a comma, of 16 to 128 letters, digits and . _ ~ -",
            fix="make one up that nobody can guess, as with: openssl rand -hex 24",
        )
    return tuple(map(Secret, words))


def check_choice(value: str, setting: str, choices: Sequence[str]) -> None:
    """Returns for one of the choices. Raises SettingsError."""
    if value not in choices:
        raise SettingsError(f"{setting} is none of {', '.join(choices)}", fix="set it to one of them")


def check_address(value: str, setting: str, most: int = 2048) -> None:
    """Returns for an http(s) address, or for nothing. Raises SettingsError."""
    if value and not (_ADDRESS.fullmatch(value) and len(value) <= most):
        raise SettingsError(
            f"{setting} is not an http(s) address of at most {most} characters", fix="set it to one, or unset it"
        )
