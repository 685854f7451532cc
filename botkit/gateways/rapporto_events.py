"""What happens on Rapporto only: events of its own, beside those that every channel has."""

from botkit.events import Event


class _Counted(Event, frozen=True, kw_only=True, omit_defaults=True):
    receipt_id: str = ""
    views: int | None = None
    clicks: int | None = None


class LinkClicked(_Counted, frozen=True, kw_only=True, omit_defaults=True, tag="rapporto.link_clicked"):
    """Somebody followed the link of a message that went by Telegram.

    `receipt_id` names the message; `views` and `clicks` are how often it was shown and followed so far, this time
    included, None where Rapporto did not count. It may come again, also long after the message was seen.
    """


class ChannelSubscribed(_Counted, frozen=True, kw_only=True, omit_defaults=True, tag="rapporto.channel_subscribed"):
    """Somebody subscribed from a message that went by Telegram; the members are those of `LinkClicked`."""
