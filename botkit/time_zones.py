"""Which time it may be where somebody is: the time zones of a phone number's country.

From the zone.tab of the time zone database: https://www.iana.org/time-zones
"""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


def zones_of(phone: str) -> Sequence[str]:
    """Returns the names of all time zones of the country that an E.164 number belongs to; none where it has no country.

    A number tells the country and not the place: in a country of several zones it may be any of their times.
    """
    # Imported at first use: what reads only settings, as the parent of the working processes, needs no phone numbers.
    from botkit.addresses import country_of

    return _zones().get(country_of(phone), ())


def find_zone(name: str) -> ZoneInfo:
    """Returns the time zone of a name such as `Europe/Ljubljana`. Raises ValueError for any other."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("this is not the name of a time zone, such as Europe/Ljubljana") from None


@cache
def _zones() -> Mapping[str, Sequence[str]]:
    found: dict[str, list[str]] = {}
    for line in (files("tzdata") / "zoneinfo" / "zone.tab").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            country, _, zone = line.split("\t")[:3]
            found.setdefault(country, []).append(zone)
    return found
