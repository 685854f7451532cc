"""What somebody outside hears of each step of a message: the payload, and the message that carries it to them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from botkit.conversation import digest
from botkit.deliveries import Delivery, HopDelivery, HopNews
from botkit.events import HopReported
from botkit.messages import Raw
from botkit.outgoing import Outgoing

#: The channel of the accounts that are told: each stands for an address outside.
CHANNEL = "callback"

_TYPES = {"next": "message.failed_over"}


def callback(report: HopReported, news: HopNews, delivery: Delivery | None, *, now_ms: int) -> Outgoing:
    """Returns what tells a step, once by its key; in a conversation of the message's own, so that the order is kept."""
    payload = {
        "type": _TYPES.get(news.word, f"message.{news.word}"),
        "timestamp": _instant(report.at),
        "data": {
            "messageId": report.key,
            "status": delivery.status.value if delivery else news.word,
            "account": _account(report.via),
            "reason": news.reason,
            "mayBeDouble": delivery is not None and delivery.may_be_double,
            "ways": [_way(hop) for hop in delivery.hops] if delivery else [],
        },
    }
    return Outgoing(
        key=f"{digest(f'callback|{report.key}|{report.id}')}00",
        account=(CHANNEL, report.notify),
        to=report.key,
        message=Raw(channel=CHANNEL, payload=payload),
        created_ms=now_ms,
        # Whoever does not take it is not told that they did not.
        is_last_word=True,
    )


def _way(hop: HopDelivery) -> Mapping[str, Any]:
    times = {word: _instant(at) for word, at in hop.times.items()}
    return {"account": _account((hop.account.channel, hop.account.ta)), "times": times, "reason": hop.reason}


def _account(via: tuple[str, str]) -> Mapping[str, str]:
    return {"channel": via[0], "trafficAccountId": via[1]}


def _instant(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
