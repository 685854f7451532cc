"""What every adapter gets from the contract without writing it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Self

import pytest

from botkit.adapter import Adapter, Addressed, Joining, Outcome, Receipt
from botkit.addresses import AddressKind
from botkit.channels.gbm import BusinessMessages
from botkit.channels.telegram import Telegram
from botkit.channels.viber import Viber
from botkit.conversation import Account, Conversation
from botkit.events import ConversationStarted
from botkit.exceptions import InvalidRequestError
from botkit.http import Http
from botkit.http_client import HttpClient
from botkit.messages import Text
from botkit.outgoing import Outgoing
from botkit.webhook import WebhookRequest
from tests.silent_adapter import SilentAdapter


class Pigeon(SilentAdapter):
    channel = "pigeon"
    dedupe_window = timedelta(hours=1)
    default_api_url = "https://loft.example/"

    @classmethod
    def from_env(cls, prefix: str, environ: Mapping[str, str] = {}) -> Self:
        return cls(ta=environ.get(f"{prefix}_TA", ""), prefix=prefix)

    @property
    def has_credentials(self) -> bool:
        return False

    def verify(self, request: WebhookRequest) -> bool:
        return True

    async def send(self, outgoing: Outgoing, to: Conversation, client: HttpClient) -> Receipt:
        return Receipt(Outcome.SENT)

    def simulated(self, api_url: str) -> Self:
        return type(self)(ta=self.ta, api_url=api_url)


class Courier(Pigeon):
    address = AddressKind.PHONE

    @property
    def network(self) -> str:
        return "sms"


STARTED = ConversationStarted(
    id="e", at=datetime(2026, 7, 14, tzinfo=UTC), conversation=Conversation(Account("pigeon", "demo"), "ana")
)


def test_an_adapter_that_leaves_something_out_cannot_be_built() -> None:
    class Half(Adapter):
        channel = "half"

    with pytest.raises(TypeError, match="abstract"):
        Half()  # type: ignore[abstract]


def test_an_adapter_speaks_for_its_account() -> None:
    assert Pigeon(ta="demo").account == Account("pigeon", "demo")


def test_the_service_s_own_address_is_the_default() -> None:
    assert Pigeon().api_url == "https://loft.example"
    assert Pigeon(api_url="http://127.0.0.1:9/").api_url == "http://127.0.0.1:9"


def test_a_service_promises_nothing_unless_its_adapter_says_so() -> None:
    pigeon, request = Pigeon(), WebhookRequest({}, {}, b"")
    assert (pigeon.has_receipts, pigeon.signs_time, pigeon.sessions) == (False, False, None)
    assert pigeon.handshake(request) is None
    assert pigeon.acknowledge(STARTED) is None
    assert pigeon.takes_answer(STARTED) is False


async def test_a_service_looks_after_no_second_way_and_tells_no_fate_unless_its_adapter_says_so() -> None:
    pigeon, other = Pigeon(ta="demo"), Pigeon(ta="other")
    assert not pigeon.joins(other)
    assert not isinstance(pigeon, Joining)
    async with Http() as client:
        assert await pigeon.load_report("1", Conversation(pigeon.account, "ana"), client) is None


def test_a_webhook_is_registered_by_a_call_unless_the_service_calls_nobody_or_has_kinds() -> None:
    class Mute(Pigeon):
        methods: ClassVar[frozenset[str]] = frozenset()

    class Gateway(Pigeon):
        kinds: ClassVar[frozenset[str]] = frozenset({"report"})

    assert [kind().has_webhook_call for kind in (Pigeon, Mute, Gateway)] == [True, False, False]


def test_an_address_is_called_as_it_is_unless_the_adapter_adds_something() -> None:
    url = "https://bot.test/webhooks/pigeon/report?ta=demo"
    assert Pigeon().callback_address("report", url) == url


def test_an_answer_that_was_not_promised_is_a_mistake() -> None:
    with pytest.raises(TypeError, match="pigeon takes no message"):
        Pigeon().render_answer(Text(text="hello"))


def test_an_adapter_shows_its_account() -> None:
    assert repr(Pigeon(ta="demo")) == "Pigeon(ta='demo')"


def test_a_request_to_send_is_an_address_and_a_message() -> None:
    body = {"trafficAccountId": "loft", "destination": "385910000001", "sms": {"text": "Hello"}}
    assert Courier().read_send(body) == Addressed("+385910000001", Text(text="Hello", markdown=False))


def test_a_request_to_send_is_refused_with_everything_that_is_wrong() -> None:
    body = {"destination": "12", "sms": {"text": "Hello", "sender": "A" * 12}}
    with pytest.raises(InvalidRequestError) as caught:
        Courier().read_send(body)
    assert {problem.path for problem in caught.value.problems} == {"trafficAccountId", "destination", "sms.sender"}


@pytest.mark.parametrize(
    ("adapter", "destination", "content"),
    [
        (Telegram(), "1861000001", {"text": {"message": "<b>Hi</b>", "parseMode": "Html"}}),
        (Viber(), "01234567890A=", {"type": "session", "text": "Hi"}),
        (BusinessMessages(), "6f0e6c1a-5d0f-4a55-9c39-0d1f6a1c7e01", {"text": {"message": "Hi"}}),
    ],
    ids=["telegram", "viber", "gbm"],
)
def test_a_channel_reads_the_object_of_its_name(adapter: Adapter, destination: str, content: dict[str, object]) -> None:
    body = {"trafficAccountId": "shop", "destination": destination, adapter.channel: content}
    addressed = adapter.read_send(body)
    assert (addressed.to, addressed.message.plain) == (destination, "Hi")
    adapter.check(addressed.message)


def test_a_channel_is_not_sent_another_channel_s_object() -> None:
    body = {"trafficAccountId": "shop", "destination": "1861000001", "sms": {"text": "Hello"}}
    with pytest.raises(InvalidRequestError, match="telegram: is needed"):
        Telegram().read_send(body)
