"""What SMSC's error codes mean: the same number is another error at another address.

https://smsc.ru/api/http/send/ and https://smsc.ru/api/http/contact/
"""

import enum
from collections.abc import Mapping

from msgspec import Struct

from botkit.gateways.smsc_formats import Refusal


class Endpoint(enum.Enum):
    """The scripts under `/sys/`."""

    SEND = "send.php"
    STATUS = "status.php"
    CONTACTS = "phones.php"
    INBOX = "get.php"
    BALANCE = "balance.php"


class Verdict(enum.Enum):
    """What to do about an error."""

    REFUSE = "refuse"  # this request never will be taken
    RETRY = "retry"  # later it may be
    GIVE_UP = "give up"  # nothing of this account will be taken until somebody mends it


class Meaning(Struct, frozen=True):
    """What an error is called, what to do, and after how many seconds to try again."""

    words: str
    verdict: Verdict = Verdict.REFUSE
    seconds: float = 0


#: How long two requests count as equal, and how long after too many at once there may be room, in seconds.
MINUTE, SOON = 60.0, 1.0

_COMMON: Mapping[int, Meaning] = {
    1: Meaning("wrong parameters"),
    2: Meaning("wrong login, password or key, or an address that the account does not allow", Verdict.GIVE_UP),
    4: Meaning("our address is blocked for a while", Verdict.RETRY, MINUTE),
    9: Meaning("too many equal requests, or at once", Verdict.RETRY, MINUTE),
}

MEANINGS: Mapping[Endpoint, Mapping[int, Meaning]] = {
    Endpoint.SEND: {
        **_COMMON,
        3: Meaning("not enough money", Verdict.GIVE_UP),
        5: Meaning("wrong time"),
        6: Meaning("the message is forbidden, by its text or sender"),
        7: Meaning("wrong number"),
        8: Meaning("cannot be delivered to this number"),
    },
    Endpoint.STATUS: _COMMON,
    Endpoint.CONTACTS: {
        **_COMMON,
        3: Meaning("not found"),
        5: Meaning("the operation failed", Verdict.RETRY, MINUTE),
    },
    Endpoint.INBOX: {**_COMMON, 3: Meaning("nothing found")},
    Endpoint.BALANCE: _COMMON,
}


def meaning_of(endpoint: Endpoint, refusal: Refusal) -> Meaning:
    """Returns what an error means there; one that nobody has told of is a refusal."""
    known = MEANINGS[endpoint].get(refusal.code, Meaning("unknown error"))
    seconds = refusal.retry_after or (SOON if refusal.is_crowded else known.seconds)
    return Meaning(f"{refusal.code} {known.words}", known.verdict, seconds)
