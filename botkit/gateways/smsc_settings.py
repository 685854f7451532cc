"""The settings of an SMSC account, read and checked."""

import re
from collections.abc import Mapping
from functools import partial
from typing import Any, Protocol

from botkit.exceptions import SettingsError
from botkit.gateways.settings import Settings, check_address, named
from botkit.gateways.smsc_contacts import COMMANDS
from botkit.gateways.smsc_parameters import BOT, SENDER, VIAS

#: How often the account's lists are asked for, in seconds; three times a minute is as often as SMSC answers.
POLL_SECONDS, LEAST_POLL, MOST_POLL = 60.0, 25, 86_400
MAX_REPEATS = 10

_COMMAND = re.compile(r"[a-z_]{1,40}")
_DIGITS = re.compile(r"[0-9]{1,19}")


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
    settings = Settings(prefix, environ)
    texts = ("login", "sender", "bot", "group", "ta", "api_url")
    known: dict[str, Any] = {"via": settings.text("VIA", "sms").lower()}
    known |= {name: settings.text(name.upper()) for name in texts}
    known |= {name: settings.secret(name.upper()) for name in ("password", "api_key", "callback_secret")}
    known["poll_seconds"] = settings.whole("POLL", POLL_SECONDS, most=MOST_POLL)
    known["max_repeats"] = settings.whole("REPEATS", 0, most=MAX_REPEATS)
    known["files"] = settings.flag("FILES", otherwise=False)
    if inbox := settings.text("INBOX"):
        known["inbox"] = {"on": "*", "off": ""}.get(inbox.lower(), inbox.removeprefix("+"))
    if settings.text("BLACKLIST_COMMANDS"):
        commands = settings.words("BLACKLIST_COMMANDS")
        known["blacklist_commands"] = () if commands == ("off",) else commands
    return known


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
    check_address(account.api_url, named(account.prefix, "API_URL"))


def _need(prefix: str, condition: object, setting: str, what: str, fix: str) -> None:
    if not condition:
        raise SettingsError(f"{named(prefix, setting)} {what}", fix=fix)
