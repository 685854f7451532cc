"""The words and bounds of Rapporto's REST API: types of messages, life times, errors.

https://docs.rapporto.ru/ ("REST API")
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from msgspec import Struct

from botkit.exceptions import AddressError

DAY = 86_400

#: The seconds of each `ttlUnit`; without one, a ttl is in minutes.
UNITS: Mapping[str, int] = {"SECONDS": 1, "MINUTES": 60, "HOURS": 3600}
DEFAULT_UNIT = "MINUTES"

MAX_LINK = 256
MAX_NOTIFY_URL = 2048
MAX_CAPTION = 30
MAX_ACTION = 2048
#: How the address behind a Viber button may begin.
ACTIONS = ("http://", "https://", "viber://", "mailto:", "tel:")

_DESTINATION = re.compile(r"\+?\d[\d ()-]*", re.ASCII)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:?\d\d", re.ASCII)


class Ttl(Struct, frozen=True):
    """How long a message may be tried: between two bounds in seconds, or one of some values.

    `words` tells the same to people.
    """

    least: int
    most: int
    words: str
    choices: tuple[int, ...] = ()

    def admits(self, seconds: int) -> bool:
        """Whether a message may have this life time."""
        return seconds in self.choices if self.choices else self.least <= seconds <= self.most

    def nearest(self, seconds: float) -> int:
        """Returns the shortest time allowed that is no shorter than this, or the longest there is."""
        whole = -int(-seconds // 1)
        if self.choices:
            return next((choice for choice in self.choices if choice >= whole), self.choices[-1])
        return min(max(whole, self.least), self.most)


class Kind(Struct, frozen=True):
    """A type of message: the most characters of its text, its life time, and what its `data` is made of.

    `content` tells whether the text stands in `data` itself (text), in `data.instantContent` (instant), or is not
    described here (free). `shortens` tells whether the service shortens links in it, `required` what it must have.
    """

    most: int = 0
    ttl: Ttl | None = None
    content: str = "text"
    contents: tuple[str, ...] = ()
    shortens: bool = False
    required: tuple[str, ...] = ()


_TELEGRAM = Ttl(31, DAY, "31 to 86400 seconds")
_VIBER = Ttl(30, DAY, "30 to 86400 seconds")
_VK = Ttl(60, DAY, "60 to 86400 seconds")
_SMS = Ttl(60, 2880 * 60, "1 to 2880 minutes")
_CALL = Ttl(60, 300, "1 to 5 minutes")
_DAYS = tuple(DAY * days for days in range(1, 8))
_WHATSAPP = Ttl(DAY, 7 * DAY, "1440, 2880, 4320, 5760, 7200, 8640 or 10080 minutes", _DAYS)

#: The types that may be sent, alone and in a cascade.
KINDS: Mapping[str, Kind] = {
    "TELEGRAM": Kind(1000, _TELEGRAM),
    "WHATSAPP": Kind(1000, _WHATSAPP, "instant", ("TEXT", "IMAGE_URL"), shortens=True),
    "SMS": Kind(2000, _SMS, shortens=True),
    "VIBER": Kind(1000, _VIBER, "instant", ("TEXT", "IMAGE_URL", "BUTTON"), shortens=True),
    "VK": Kind(2000, _VK, shortens=True, required=("serviceNumber", "ttl")),
    "FLASHINGCALL": Kind(2000, _CALL),
    "TGCODE": Kind(8),
    "PUSH": Kind(content="free", shortens=True),
    "MAX": Kind(content="free"),
}

#: The types by the word in `<PREFIX>_VIA`: what one account sends when it speaks for itself.
NETWORKS: Mapping[str, str] = {name: name.upper() for name in ("telegram", "whatsapp", "sms", "viber", "vk")}


def seconds_of(ttl: int, unit: str) -> int:
    """Returns a life time in seconds, whose unit is one of `UNITS`."""
    return ttl * UNITS[unit]


def digits_for(destination: str) -> str:
    """Returns the digits of a number as Rapporto reads it: of 11 digits without a plus, a first 8 means 7.

    Raises AddressError for what is no number of 11 to 15 digits.
    """
    written = destination.strip()
    digits = "".join(char for char in written if char.isdigit())
    if not _DESTINATION.fullmatch(written) or not 11 <= len(digits) <= 15:
        raise AddressError("this is no number of 11 to 15 digits", fix="write it as +79990001122")
    is_local = not written.startswith("+") and len(digits) == 11 and digits.startswith("8")
    return f"7{digits[1:]}" if is_local else digits


def read_instant(text: object) -> datetime | None:
    """Returns the aware instant of a text like 2025-03-03T11:02:09+0300; None for anything else."""
    if not isinstance(text, str) or not _INSTANT.fullmatch(text):
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z").astimezone(UTC)
    except (ValueError, OverflowError):
        return None


class ErrorCode(Struct, frozen=True):
    """One of Rapporto's errors; `setting` names what the owner of the account must look at."""

    words: str
    setting: str = ""


#: Rapporto's errors; 1, 3 and 100 pass, the others do not.
ERRORS: Mapping[int, ErrorCode] = {
    1: ErrorCode("Service is unavailable"),
    2: ErrorCode("Invalid IP-address: Rapporto does not know the address that this service calls from"),
    3: ErrorCode("Too many connections"),
    4: ErrorCode("Invalid request"),
    5: ErrorCode("Invalid login", "LOGIN"),
    6: ErrorCode("Invalid password", "PASSWORD"),
    7: ErrorCode("serviceNumber is not defined", "SERVICE_NUMBER"),
    8: ErrorCode("destAddr is not correct"),
    9: ErrorCode("Message type is not correct, or not enabled for the account", "VIA"),
    10: ErrorCode("Prohibited sending duplicates"),
    11: ErrorCode("Invalid TTL"),
    100: ErrorCode("100"),
}
