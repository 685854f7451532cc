"""What SMSC alone tells of."""

from botkit.events import Event


class LinkClicked(Event, frozen=True, kw_only=True, omit_defaults=True, tag="smsc.link_clicked"):
    """Somebody opened the shortened link in a message of ours; `receipt_id` is the service's id of the message."""

    receipt_id: str = ""
