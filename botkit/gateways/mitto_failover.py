"""Several ways of a message in one request: the gateway itself goes on to the next account.

https://docs.mitto.ch/chat-apps/ (Failover)
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from botkit.exceptions import MessageError
from botkit.messages import Raw
from botkit.outgoing import Hop, Trail

STATUSES: Mapping[str, str] = {"sent": "Sent", "delivered": "Delivered", "seen": "Seen"}


def joined_payload(trail: Trail) -> dict[str, Any]:
    """Returns the contents and the `failover` of a trail's joined ways.

    Each of them has its content as `Hop.message`, in the gateway's words. One time and one status hold for all: those
    of the first way. Raises MessageError for ways that one request cannot name.
    """
    hops = trail.hops[trail.hop : trail.hop + trail.joined]
    contents: dict[str, Any] = {}
    for hop in hops:
        contents |= _content_of(hop)
    accounts = [ta for _, ta in (hop.account for hop in hops)]
    _check_ways(hops, contents, accounts)
    timeout = {
        "status": STATUSES[hops[0].status],
        "timeoutInSeconds": math.ceil(hops[0].seconds),
        "trafficAccounts": accounts,
    }
    return contents | {"failover": {"type": "Timeout", "timeoutFailover": timeout}}


def _content_of(hop: Hop) -> Mapping[str, Any]:
    if not isinstance(hop.message, Raw) or hop.message.channel != "mitto":
        raise MessageError("a joined way has no message in the gateway's words")
    return hop.message.payload


def _check_ways(hops: Sequence[Hop], contents: Mapping[str, Any], accounts: Sequence[str]) -> None:
    if len(contents) != len(hops) or len(set(accounts)) != len(hops):
        raise MessageError("joined ways need an account and a network each")
    if any((hop.seconds, hop.status) != (hops[0].seconds, hops[0].status) for hop in hops[:-1]):
        raise MessageError("joined ways have one time and one status in common")
    if hops[0].seconds <= 0:
        raise MessageError("joined ways need a time after which the next is taken")
