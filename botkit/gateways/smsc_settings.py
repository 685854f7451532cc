"""The settings of an SMSC account, read and checked."""

import re
from collections.abc import Mapping
from functools import partial
from typing import Any, Protocol

from botkit.exceptions import SettingsError
from botkit.gateways.smsc_contacts import COMMANDS
from botkit.gateways.smsc_parameters import BOT, SENDER, VIAS

#: How often the account's lists are asked for, in seconds; three times a minute is as often as SMSC answers.
POLL_SECONDS, LEAST_POLL, MOST_POLL = 60.0, 25, 86_400
MAX_REPEATS = 10

_COMMAND = re.compile(r"[a-z_]{1,40}")
_DIGITS = re.compile(r"[0-9]{1,19}")
_ADDRESS = re.compile(r"https?://\S+")


class Checked(Protocol):
    """What is checked of an account."""

    prefix: str
    sender: str
    bot: str
    group: str
    inbox: str
    poll_seconds: float
    max_repeats: int | None
    blacklist_commands: tuple[str, ...]
    api_url: str

    @property
    def via(self) -> str:
        """The network."""
        ...


def read_settings(prefix: str, environ: Mapping[str, str]) -> dict[str, Any]:
    """Returns what the environment says, by the names of the account's arguments. Raises SettingsError."""

    def given(name: str) -> str:
        return environ.get(f"{prefix}_{name}", "").strip()

    settings: dict[str, Any] = {"via": given("VIA").lower() or "sms"}
    settings |= {name: given(name.upper()) for name in ("sender", "bot", "group")}
    if given("POLL"):
        settings["poll_seconds"] = _number(f"{prefix}_POLL", given("POLL"))
    if given("REPEATS"):
        settings["max_repeats"] = int(_number(f"{prefix}_REPEATS", given("REPEATS")))
    if given("INBOX"):
        settings["inbox"] = {"on": "*", "off": ""}.get(given("INBOX").lower(), given("INBOX").removeprefix("+"))
    if given("FILES"):
        settings["files"] = _switch(f"{prefix}_FILES", given("FILES"))
    if commands := given("BLACKLIST_COMMANDS"):
        settings["blacklist_commands"] = () if commands.lower() == "off" else _split(commands)
    return settings


def check_settings(account: Checked) -> None:
    """Returns for settings that fit together. Raises SettingsError, which names one and shows no value."""
    via, bot, commands = account.via, account.bot, account.blacklist_commands
    need = partial(_need, account.prefix)
    need(via in VIAS, "VIA", f"is none of {', '.join(VIAS)}", "set it to the network that the account sends to")
    need(not account.sender or SENDER.fullmatch(account.sender), "SENDER", "is too long",
         "it has at most 11 characters, or 15 digits")  # fmt: skip
    need(not bot or BOT.fullmatch(bot), "BOT", "is no name of a bot", "copy it from the account's page of its bots")
    need(not bot or via in ("telegram", "whatsapp"), "BOT", f"is of no use with {via}", "unset it, or set VIA")
    need(bot or via != "whatsapp", "BOT", "is needed for WhatsApp", "set it to the number that is connected")
    need(not account.group or _DIGITS.fullmatch(account.group), "GROUP", "is no id of a group", "its id is a number")
    need(account.inbox in ("", "*") or _DIGITS.fullmatch(account.inbox), "INBOX", "is neither on nor off nor a number",
         "set it to the number whose messages are meant for this account")  # fmt: skip
    need(account.poll_seconds == 0 or LEAST_POLL <= account.poll_seconds <= MOST_POLL, "POLL",
         f"is neither 0 nor {LEAST_POLL} to {MOST_POLL} seconds", "unset it to ask every minute")  # fmt: skip
    need(0 <= (account.max_repeats or 0) <= MAX_REPEATS, "REPEATS", f"is not 0 to {MAX_REPEATS}",
         "unset it to send nothing twice")  # fmt: skip
    need(not commands or (len(commands) == len(COMMANDS) and all(map(_COMMAND.fullmatch, commands))),
         "BLACKLIST_COMMANDS", "are not three names with commas between them, nor off",
         f"unset it for {','.join(COMMANDS)}")  # fmt: skip
    need(_ADDRESS.fullmatch(account.api_url), "API_URL", "is not an http(s) address", "unset it to reach smsc.ru")


def _need(prefix: str, condition: object, setting: str, what: str, fix: str) -> None:
    if not condition:
        raise SettingsError(f"{prefix}_{setting} {what}" if prefix else f"{setting.lower()} {what}", fix=fix)


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(","))


def _number(setting: str, text: str) -> float:
    if not re.fullmatch(r"[0-9]{1,6}(?:\.[0-9]{1,6})?", text):
        raise SettingsError(f"{setting} is no number", fix="unset it")
    return float(text)


def _switch(setting: str, text: str) -> bool:
    if text.lower() not in ("on", "off"):
        raise SettingsError(f"{setting} is neither on nor off", fix="unset it for off")
    return text.lower() == "on"
