"""An account ready to send."""

from msgspec import Struct

from botkit.adapter import Adapter
from botkit.http_client import HttpClient


class Line(Struct, frozen=True):
    """An account ready to send: its adapter and its connections."""

    adapter: Adapter
    client: HttpClient
