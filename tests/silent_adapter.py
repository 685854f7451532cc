"""An adapter that does nothing: whoever extends it says only what matters to them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Self

from botkit.adapter import Adapter, Outcome, Receipt
from botkit.conversation import Conversation
from botkit.events import Event
from botkit.http_client import HttpClient
from botkit.messages import AnyMessage
from botkit.outgoing import Outgoing
from botkit.redaction import Secret
from botkit.webhook import WebhookRequest, WebhookStatus


class SilentAdapter(Adapter):
    """Has credentials, refuses every webhook and every message, and stays as it is in a simulation."""

    @classmethod
    def from_env(cls, prefix: str, environ: Mapping[str, str] = {}) -> Self:
        return cls(ta=prefix)

    @property
    def has_credentials(self) -> bool:
        return True

    def secrets(self) -> Iterable[Secret]:
        return ()

    def verify(self, request: WebhookRequest) -> bool:
        return False

    def parse(self, request: WebhookRequest) -> Sequence[Event]:
        return ()

    def check(self, message: AnyMessage) -> None:
        return

    async def send(self, outgoing: Outgoing, to: Conversation, client: HttpClient) -> Receipt:
        return Receipt(Outcome.REFUSED)

    async def load_webhook(self, client: HttpClient) -> WebhookStatus:
        return WebhookStatus("", {})

    async def set_webhook(self, url: str, client: HttpClient) -> None:
        return

    async def delete_webhook(self, client: HttpClient) -> None:
        return

    def simulated(self, api_url: str) -> Self:
        return self
