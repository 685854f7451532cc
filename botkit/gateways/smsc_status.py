"""The statuses of messages, and what they mean.

https://smsc.ru/api/http/status_messages/statuses/
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from botkit.conversation import Conversation
from botkit.events import Event, MessageDelivered, MessageExpired, MessageFailed, MessageSeen, UnknownEvent, event_id
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
_EVENTS: Mapping[int, Callable[..., Event]] = {
    DELIVERED: MessageDelivered,
    SEEN: MessageSeen,
    EXPIRED: MessageExpired,
    CLICKED: LinkClicked,
}


def report_of(
    status: int, receipt_id: str, to: Conversation, *, at: datetime, error: str, raw: Mapping[str, str]
) -> Event | None:
    """Returns what a status says of a message, None while that is nothing new.

    `error` is the service's further code, 0 or empty for none: its numbers are not published, so it is only passed on.
    """
    if status in UNDER_WAY:
        return None
    known: dict[str, Any] = {
        "id": event_id(to.account, f"report|{receipt_id}|{to.id}|{status}"),
        "at": at,
        "conversation": to,
        "raw_json": msgspec.Raw(msgspec.json.encode(raw)),
    }
    if status in FAILED:
        further = f" (err {error})" if error not in ("", "0") else ""
        return MessageFailed(receipt_id=receipt_id, reason=f"{status} {FAILED[status]}{further}", **known)
    if status in _EVENTS:
        return _EVENTS[status](receipt_id=receipt_id, **known)
    return UnknownEvent(kind=f"status {status}", **known)
