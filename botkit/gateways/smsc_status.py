"""The statuses of messages, and what they mean.

https://smsc.ru/api/http/status_messages/statuses/
"""

from collections.abc import Mapping
from typing import Any

from botkit.events import Event, MessageDelivered, MessageExpired, MessageFailed, MessageSeen, UnknownEvent
from botkit.gateways.smsc_own_events import LinkClicked

NOT_FOUND = -3
#: On its way: nothing is known that the answer to the send did not say.
UNDER_WAY = frozenset({-2, -1, 0})
DELIVERED, SEEN, EXPIRED, CLICKED = 1, 2, 3, 4
#: It will not arrive, by what SMSC calls it.
FAILED: Mapping[int, str] = {
    20: "cannot be delivered",
    22: "wrong number",
    23: "forbidden",
    24: "not enough money",
    25: "the number is not available",
}
_EVENTS: Mapping[int, type[Event]] = {
    DELIVERED: MessageDelivered,
    SEEN: MessageSeen,
    EXPIRED: MessageExpired,
    CLICKED: LinkClicked,
}


def event_of(status: int, receipt_id: str, *, error: str = "", **known: Any) -> Event | None:
    """Returns what a status says of a message, None while that is nothing new; `known` is what every event has.

    `error` is the service's further code, 0 or empty for none: its numbers are not published, so it is only passed on.
    """
    if status in UNDER_WAY:
        return None
    if status in FAILED:
        further = f" (err {error})" if error not in ("", "0") else ""
        return MessageFailed(receipt_id=receipt_id, reason=f"{status} {FAILED[status]}{further}", **known)
    if status in _EVENTS:
        return _EVENTS[status](receipt_id=receipt_id, **known)  # type: ignore[call-arg]  # each of them has it
    return UnknownEvent(kind=f"status {status}", **known)
