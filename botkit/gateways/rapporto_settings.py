"""Reads the words that Rapporto repeats to us; an error names the setting and never its value."""

import re

from botkit.exceptions import SettingsError
from botkit.redaction import Secret

# It stands in an address as it is.
_WORD = re.compile(r"[A-Za-z0-9._~-]{16,128}")


def read_words(text: str, setting: str) -> tuple[Secret, ...]:
    """Returns the words of a callback's address: none, one, or two separated by a comma. Raises SettingsError."""
    words = [part.strip() for part in text.split(",")] if text.strip() else []
    if len(words) > 2 or not all(map(_WORD.fullmatch, words)):
        raise SettingsError(
            f"{setting} is not one word, nor two separated by a comma, of 16 to 128 letters, digits and . _ ~ -",
            fix="make one up that nobody can guess, as with: openssl rand -hex 24",
        )
    return tuple(map(Secret, words))
