"""Reads the settings of an SMSGold account; an error names the setting and never its value."""

import re
from collections.abc import Mapping

from botkit.exceptions import SettingsError

_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off", "")
_ADDRESS = re.compile(r"https?://[^\s?#]+")
_DAY = 86_400


def read_flag(prefix: str, name: str, environ: Mapping[str, str]) -> bool:
    """Reads `<prefix>_<name>` as yes or no; no where it is not set. Raises SettingsError for anything else."""
    text = environ.get(f"{prefix}_{name}", "").strip().lower()
    if text not in (*_TRUE, *_FALSE):
        raise SettingsError(f"{prefix}_{name} is neither true nor false", fix="set it to true or false, or unset it")
    return text in _TRUE


def read_whole(prefix: str, name: str, environ: Mapping[str, str], otherwise: int, *, most: int = _DAY) -> int:
    """Reads `<prefix>_<name>` as a whole number from 0. Raises SettingsError for anything else."""
    text = environ.get(f"{prefix}_{name}", "").strip() or str(otherwise)
    if not (text.isascii() and text.isdigit() and int(text[:9]) <= most):
        raise SettingsError(
            f"{prefix}_{name} is no whole number from 0 to {most}", fix=f"set it to one, or unset it for {otherwise}"
        )
    return int(text[:9])


def check_address(value: str, setting: str) -> None:
    """Returns for an http(s) address without a query. Raises SettingsError."""
    if not _ADDRESS.fullmatch(value):
        raise SettingsError(f"{setting} is not an http(s) address without a query", fix="set it to one, or unset it")
