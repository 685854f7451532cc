"""Reads and checks the settings of a gateway's account; an error names the setting and never its value."""

import re
from collections.abc import Mapping, Sequence
from typing import TypeVar

from botkit.credentials import read_secret
from botkit.exceptions import SettingsError

T = TypeVar("T")

#: The longest address, in characters, that services and proxies are known to take.
MAX_ADDRESS = 2048

_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
_ADDRESS = re.compile(r"https?://[^\s?#]+")
_ADDRESS_WITH_QUERY = re.compile(r"https?://\S+")
_WHOLE = re.compile(r"0*([0-9]{1,12})")


def named(prefix: str, name: str) -> str:
    """Returns how errors call a setting: by its prefix, or as an argument where the account has none."""
    return f"{prefix}_{name}" if prefix else name.lower()


class Settings:
    """The settings of one account, by their names without the prefix; what is blank is not set."""

    def __init__(self, prefix: str, environ: Mapping[str, str]) -> None:
        self._prefix = prefix
        self._environ = environ

    def text(self, name: str, otherwise: str = "") -> str:
        """Returns what is set, without the space around it."""
        return self._environ.get(f"{self._prefix}_{name}", "").strip() or otherwise

    def secret(self, name: str) -> str:
        """Returns what is set, or what stands in the file that `<name>_FILE` names. Raises SettingsError."""
        found = read_secret(self._prefix, name, self._environ)
        return found.reveal() if found else ""

    def words(self, name: str) -> tuple[str, ...]:
        """Returns the words between the commas of what is set."""
        return tuple(word.strip() for word in self.text(name).split(",") if word.strip())

    def flag(self, name: str, otherwise: T) -> bool | T:
        """Returns whether it is set to true, yes, on or 1. Raises SettingsError for what means neither that nor no."""
        text = self.text(name).lower()
        if text and text not in (*_TRUE, *_FALSE):
            raise SettingsError(
                f"{self._prefix}_{name} is neither true nor false", fix="set it to true or false, or unset it"
            )
        return text in _TRUE if text else otherwise

    def whole(self, name: str, otherwise: T, *, least: int = 0, most: int) -> int | T:
        """Returns a whole number within the bounds. Raises SettingsError for anything else."""
        text = self.text(name)
        if not text:
            return otherwise
        found = _WHOLE.fullmatch(text)
        if not found or not least <= int(found[1]) <= most:
            raise SettingsError(
                f"{self._prefix}_{name} is no whole number from {least} to {most}", fix="set it to one, or unset it"
            )
        return int(found[1])


def check_choice(value: str, setting: str, choices: Sequence[str]) -> None:
    """Returns for one of the choices. Raises SettingsError."""
    if value not in choices:
        listed = ", ".join(filter(None, choices))
        raise SettingsError(f"{setting} is none of {listed}", fix="set it to one of them, or unset it")


def check_address(value: str, setting: str, *, most: int = MAX_ADDRESS, takes_query: bool = False) -> None:
    """Returns for an http(s) address, or for nothing. Raises SettingsError."""
    form = _ADDRESS_WITH_QUERY if takes_query else _ADDRESS
    if value and not (form.fullmatch(value) and len(value) <= most):
        query = "" if takes_query else " without a query,"
        raise SettingsError(
            f"{setting} is not an http(s) address{query} of at most {most} characters", fix="set it to one, or unset it"
        )
