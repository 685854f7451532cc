"""The settings of an account at Mitto, read and checked; an error names the setting and never its value."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from botkit.chatapps.contents import NETWORKS
from botkit.chatapps.sms import rule_of_sender
from botkit.chatapps.viber import TYPES
from botkit.exceptions import SettingsError
from botkit.gateways.settings import Settings, check_address, check_choice, named
from botkit.redaction import Secret

DAY = 86_400
#: How many destinations a request may have unless the settings say otherwise, and at most.
BULK_SIZE, MAX_BULK_SIZE = 1000, 5000
#: How long the token of a report is good, in seconds: unless the settings say otherwise, at least, and at most.
TOKEN_SECONDS, LEAST_TOKEN_SECONDS, MOST_TOKEN_SECONDS = 3 * DAY, 3600, 365 * DAY
MAX_REPEATS = 100
#: How long a sender is in the SMS API, whose bounds are narrower: a number, its plus counted, and a name.
LEAST_SENDER, MAX_NUMBER, MAX_NAME = 3, 14, 11
SEND_PATH, BULK_PATH = "/api/v1.1/Messages/send", "/api/v1.1/Messages/sendbulk"

_PATH = re.compile(r"(?:/[A-Za-z0-9._~-]+)+")
# They travel in headers.
_KEY = re.compile(r"[!-~]{1,512}")
_SECRET = re.compile(r"[!-~]{16,512}")


class Checked(Protocol):
    """What is checked of an account."""

    prefix: str
    via: str
    api_key: Secret
    sender: str
    viber_type: str
    callback_url: str
    report_keys: tuple[Secret, ...]
    webhook_secret: Secret
    send_path: str
    bulk_path: str
    api_url: str
    sms_api_url: str


def read_settings(prefix: str, environ: Mapping[str, str]) -> dict[str, Any]:
    """Returns what the environment says, by the names of the account's arguments. Raises SettingsError."""
    settings = Settings(prefix, environ)
    texts = ("sender", "callback_url", "sms_api_url", "ta", "api_url")
    secrets = ("api_key", "report_keys", "inbound_keys", "webhook_secret")
    known = {name: settings.text(name.upper()) for name in texts}
    known |= {name: settings.secret(name.upper()) for name in secrets}
    if known["api_key"] and not known["ta"]:
        # Any other account's own name would do; this one is Mitto's, and in every request.
        raise SettingsError(
            f"{prefix}_TA is not set", fix="set it to the traffic account's id, as Mitto gave it to you"
        )
    return {
        **known,
        "via": settings.text("VIA", "sms").lower(),
        "viber_type": settings.text("VIBER_TYPE").lower(),
        "plus": settings.flag("PLUS", otherwise=False),
        "token_seconds": settings.whole(
            "TOKEN_SECONDS", TOKEN_SECONDS, least=LEAST_TOKEN_SECONDS, most=MOST_TOKEN_SECONDS
        ),
        "triggers": settings.words("TRIGGERS"),
        "bulk_size": settings.whole("BULK_SIZE", BULK_SIZE, least=1, most=MAX_BULK_SIZE),
        "repeats": settings.whole("REPEATS", 0, most=MAX_REPEATS),
        "send_path": settings.text("SEND_PATH", SEND_PATH),
        "bulk_path": settings.text("BULK_PATH", BULK_PATH),
    }


def check_settings(account: Checked) -> None:
    """Returns for settings that fit together. Raises SettingsError, which names one and shows no value."""

    def setting(name: str) -> str:
        return named(account.prefix, name)

    check_choice(account.via, setting("VIA"), NETWORKS)
    check_choice(account.viber_type, setting("VIBER_TYPE"), ("", *TYPES))
    _check_key(account.api_key, setting("API_KEY"))
    _check_secret(account.webhook_secret, setting("WEBHOOK_SECRET"))
    check_address(account.api_url, setting("API_URL"))
    check_address(account.sms_api_url, setting("SMS_API_URL"))
    check_address(account.callback_url, setting("CALLBACK_URL"))
    _check_path(account.send_path, setting("SEND_PATH"))
    _check_path(account.bulk_path, setting("BULK_PATH"))
    _check_sender(account, setting("SENDER"))
    if account.callback_url and not account.report_keys:
        raise SettingsError(
            f"{setting('REPORT_KEYS')} is not set, and reports at {setting('CALLBACK_URL')} have no other proof",
            fix="make a key with: openssl rand -hex 32",
        )


def settings_warnings(account: Checked) -> Sequence[str]:
    """Returns what an account does without, by its settings."""
    if account.webhook_secret:
        return ()
    setting = named(account.prefix, "WEBHOOK_SECRET")
    if has_sms_api(account):
        return [f"{setting} is not set: what goes to many at once, or with a failover, has no reports"]
    return [f"{setting} is not set: the gateway's webhook is refused, so that there are no reports"]


def has_sms_api(account: Checked) -> bool:
    """Whether the account's text messages go through the SMS API, with an address for their reports."""
    return account.via == "sms" and bool(account.callback_url)


def rule_of_api_sender(sender: str) -> str:
    """Returns the rule of the SMS API that a sender breaks, which is good above it; an empty text for a good one."""
    is_number = sender.removeprefix("+").isdigit()
    most, what = (MAX_NUMBER, "a number, with its plus,") if is_number else (MAX_NAME, "a name")
    if LEAST_SENDER <= len(sender) <= most:
        return ""
    return f"{what} has {LEAST_SENDER} to {most} characters in the SMS API, not {len(sender)}"


def _check_sender(account: Checked, setting: str) -> None:
    fix = "set it as Mitto knows it"
    if has_sms_api(account) and not account.sender:
        raise SettingsError(f"{setting} is not set, and the SMS API needs one", fix=fix)
    rule = rule_of_sender(account.sender) if account.sender else ""
    if not rule and has_sms_api(account):
        rule = rule_of_api_sender(account.sender)
    if rule:
        raise SettingsError(f"{setting} is no sender: {rule}", fix=fix)


def _check_path(value: str, setting: str) -> None:
    if not _PATH.fullmatch(value):
        raise SettingsError(f"{setting} is not a path such as {SEND_PATH}", fix="set it to one, or unset it")


def _check_key(value: Secret, setting: str) -> None:
    if value and not _KEY.fullmatch(value.reveal()):
        raise SettingsError(
            f"{setting} is no key: it has spaces, or letters that no header carries", fix="copy it anew"
        )


def _check_secret(value: Secret, setting: str) -> None:
    if value and not _SECRET.fullmatch(value.reveal()):
        raise SettingsError(
            f"{setting} is not 16 to 512 visible characters of ASCII", fix="make one with: openssl rand -hex 24"
        )
