"""Reads and checks the settings of a Mitto account; an error names the setting and never its value."""

import re
from collections.abc import Mapping, Sequence

from botkit.exceptions import SettingsError

_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
_ADDRESS = re.compile(r"https?://[^\s?#]+")
_PATH = re.compile(r"(?:/[A-Za-z0-9._~-]+)+")
# They travel in headers.
_KEY = re.compile(r"[!-~]{1,512}")
_SECRET = re.compile(r"[!-~]{16,512}")


class Settings:
    """The settings of one account, by their names without the prefix."""

    def __init__(self, prefix: str, environ: Mapping[str, str]) -> None:
        self._prefix = prefix
        self._environ = environ

    def text(self, name: str, otherwise: str = "") -> str:
        """Returns what is set, without the space around it."""
        return self._environ.get(f"{self._prefix}_{name}", "").strip() or otherwise

    def flag(self, name: str) -> bool:
        """Returns whether it is set to yes. Raises SettingsError for what is neither yes nor no."""
        text = self.text(name, "no").lower()
        if text not in (*_TRUE, *_FALSE):
            raise SettingsError(
                f"{self._prefix}_{name} is neither yes nor no", fix="set it to one of them, or unset it for no"
            )
        return text in _TRUE

    def whole(self, name: str, otherwise: int, *, least: int, most: int) -> int:
        """Returns a whole number within the bounds. Raises SettingsError for anything else."""
        text = self.text(name, str(otherwise))
        if not (text.isascii() and text.isdigit() and least <= int(text[:12]) <= most):
            raise SettingsError(
                f"{self._prefix}_{name} is no whole number from {least} to {most}",
                fix=f"set it to one, or unset it for {otherwise}",
            )
        return int(text)


def check_choice(value: str, setting: str, choices: Sequence[str]) -> None:
    """Returns for one of the choices. Raises SettingsError."""
    if value not in choices:
        raise SettingsError(f"{setting} is none of {', '.join(choices)}", fix="set it to one of them, or unset it")


def check_address(value: str, setting: str) -> None:
    """Returns for an http(s) address without a query. Raises SettingsError."""
    if not _ADDRESS.fullmatch(value):
        raise SettingsError(f"{setting} is not an http(s) address without a query", fix="set it to one, or unset it")


def check_path(value: str, setting: str) -> None:
    """Returns for a path below an address. Raises SettingsError."""
    if not _PATH.fullmatch(value):
        raise SettingsError(f"{setting} is not a path such as /api/v1.1/Messages/send", fix="set it to one")


def check_key(value: str, setting: str) -> None:
    """Returns for a key that a header can carry, or none. Raises SettingsError."""
    if value and not _KEY.fullmatch(value):
        raise SettingsError(
            f"{setting} is no key: it has spaces, or letters that no header carries", fix="copy it anew"
        )


def check_secret(value: str, setting: str) -> None:
    """Returns for a secret of a header, 16 letters at least, or none. Raises SettingsError."""
    if value and not _SECRET.fullmatch(value):
        raise SettingsError(
            f"{setting} is not 16 to 512 visible characters of ASCII", fix="make one with: openssl rand -hex 24"
        )
