"""Tells programs what became of what they sent: signed requests to their addresses, repeated until they are taken."""

import os
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import ClassVar, Self

import msgspec
from msgspec.structs import replace

from botkit.adapter import Adapter, Outcome, Receipt
from botkit.broadcast import Broadcasts, spot_of
from botkit.clock import Clock
from botkit.conversation import Conversation
from botkit.events import Event
from botkit.exceptions import MessageError, ServiceError, StoreUnavailableError, TransportError
from botkit.http_client import HttpAnswer, HttpClient
from botkit.messages import AnyMessage, Raw
from botkit.outgoing import Outgoing
from botkit.pace import Pace, Paces
from botkit.redaction import Secret
from botkit.send_api.keys import Keyring
from botkit.send_api.signing import signed
from botkit.submission import Submissions
from botkit.webhook import WebhookRequest, WebhookStatus

#: For how long a report is tried that is not taken, and how long after each attempt; in seconds.
MAX_AGE = 3 * 86_400.0
DELAYS = (5.0, 30.0, 120.0, 300.0, 600.0)

#: The channel of these accounts, whose `ta` is the name of a key.
CHANNEL = "callback"

_GONE = 410


class Callbacks(Adapter):
    """The address of one program that sends through the service, as an account to which the outbox delivers.

    Reports on one message arrive in order, each at least once: `webhook-id` is the same at each attempt. `find_url`
    tells the address that the program named for one message, or an empty string for its usual one. An answer of 2xx
    takes a report; 410 refuses it for good.
    """

    channel: ClassVar[str] = CHANNEL
    dedupe_window: ClassVar[timedelta] = timedelta(days=1)
    default_api_url: ClassVar[str] = "https://callback.invalid"
    max_age: ClassVar[float] = MAX_AGE
    delays: ClassVar[Sequence[float]] = DELAYS
    paces = Paces(account=Pace(50, 1, burst=50))

    def __init__(
        self,
        name: str,
        url: str,
        keys: Sequence[Secret],
        *,
        clock: Clock,
        find_url: Callable[[str], Awaitable[str]],
    ) -> None:
        super().__init__(ta=name)
        self._url = url
        self._keys = keys
        self._clock = clock
        self._find_url = find_url

    @classmethod
    def from_env(cls, prefix: str, environ: Mapping[str, str] = os.environ) -> Self:
        """Raises TypeError: the keys of the send API name these addresses."""
        raise TypeError("the addresses of programs are set with their keys")

    @property
    def has_credentials(self) -> bool:
        """Whether there is a secret to sign with."""
        return bool(self._keys)

    def secrets(self) -> Iterable[Secret]:
        """The secrets that sign."""
        return self._keys

    def verify(self, request: WebhookRequest) -> bool:
        """Never: nobody calls us here."""
        return False

    def parse(self, request: WebhookRequest) -> Sequence[Event]:
        """Returns nothing: nobody calls us here."""
        return ()

    def check(self, message: AnyMessage) -> None:
        """Returns for a report. Raises MessageError for anything else."""
        if not isinstance(message, Raw) or message.channel != CHANNEL:
            raise MessageError("a program is told of messages in reports alone")

    async def send(self, outgoing: Outgoing, to: Conversation, client: HttpClient) -> Receipt:
        """Makes one attempt. Whatever is not taken comes again, for the receiver knows repeats by their id."""
        self.check(outgoing.message)
        try:
            own = await self._find_url(to.id)
        except StoreUnavailableError as error:
            return Receipt(Outcome.NOT_SENT, reason=error.what)
        url = own or self._url
        if not url:
            return Receipt(Outcome.REFUSED, reason="no address is set for reports")
        # An address from a request may lead anywhere; that of the key is the operator's.
        receipt = await self._post(outgoing, url, client, is_foreign=bool(own))
        # Another's address that takes nothing is no reason for the rest to wait.
        is_apart = bool(own) and receipt.outcome is Outcome.NOT_SENT
        return replace(receipt, retry_after=self._pause(outgoing)) if is_apart else receipt

    def _pause(self, outgoing: Outgoing) -> float:
        """Returns how long to wait after a failure: as long again as it took to here."""
        age = self._clock.timestamp() - outgoing.created_ms / 1000
        return min(max(age, DELAYS[0]), DELAYS[-1])

    async def _post(self, outgoing: Outgoing, url: str, client: HttpClient, *, is_foreign: bool) -> Receipt:
        body = msgspec.json.encode(getattr(outgoing.message, "payload", {}))
        headers = signed(outgoing.key, int(self._clock.timestamp()), body, self._keys)
        try:
            answer = await client.request(
                "POST",
                url,
                content=body,
                headers={"content-type": "application/json", **headers},
                is_foreign=is_foreign,
            )
        except TransportError as error:
            return Receipt(Outcome.NOT_SENT, reason=error.what)
        return _receipt(answer)

    async def load_webhook(self, client: HttpClient) -> WebhookStatus:
        """Raises ServiceError: nobody calls us here."""
        raise ServiceError("a program's address has no webhook of ours")

    async def set_webhook(self, url: str, client: HttpClient) -> None:
        """Raises ServiceError: nobody calls us here."""
        raise ServiceError("a program's address has no webhook of ours")

    async def delete_webhook(self, client: HttpClient) -> None:
        """Raises ServiceError: nobody calls us here."""
        raise ServiceError("a program's address has no webhook of ours")

    def simulated(self, api_url: str) -> Self:
        """Returns the same account: programs are not simulated."""
        return self


def callbacks_of(
    keyring: Keyring, submissions: Submissions, broadcasts: Broadcasts, clock: Clock
) -> Sequence[Callbacks]:
    """Returns the addresses of the programs whose keys have a secret to sign with."""

    async def find_url(message_id: str) -> str:
        if spot := spot_of(message_id):
            progress = await broadcasts.load(spot.broadcast)
            return progress.broadcast.bulk.notify_url if progress and progress.broadcast.bulk else ""
        known = await submissions.load(message_id)
        return known.notify_url if known else ""

    return [
        Callbacks(key.name, key.callback_url, key.callback_secrets, clock=clock, find_url=find_url)
        for key in keyring.keys
        if key.callback_secrets
    ]


def _receipt(answer: HttpAnswer) -> Receipt:
    if 200 <= answer.status < 300:
        return Receipt(Outcome.SENT)
    outcome = Outcome.REFUSED if answer.status == _GONE else Outcome.NOT_SENT
    return Receipt(outcome, reason=f"HTTP {answer.status}")
