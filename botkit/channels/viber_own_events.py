"""What happens on Viber only: events of its own, beside those that every channel has."""

from botkit.events import Event


class ClientStatusChanged(Event, frozen=True, kw_only=True, omit_defaults=True, tag="viber.client_status_changed"):
    """A device told what it can do, or how far a payment is.

    `kind` is Viber's word, so far `payment`; `code` is its number, `providers` are the payment services that the
    device knows, and `tracking_data` is what the message with the button carried.
    """

    kind: str = ""
    code: int | None = None
    providers: tuple[str, ...] = ()
    tracking_data: str = ""
