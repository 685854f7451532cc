"""No frame of an adapter holds a secret in a variable when its service fails: tools send these to their makers."""

from typing import Any

import httpx
import pytest

from botkit.adapter import Adapter
from botkit.addresses import AddressKind
from botkit.conversation import Conversation
from botkit.http import Http
from botkit.messages import Text
from botkit.outgoing import Outgoing
from tests.channels.demo_accounts import ACCOUNTS

#: What a transport meets, and mistakes of its own.
FAILURES = (
    *(httpx.ConnectError, httpx.ConnectTimeout, httpx.ReadError, httpx.ReadTimeout, httpx.RemoteProtocolError),
    *(httpx.WriteError, httpx.PoolTimeout, TimeoutError, RuntimeError, KeyError),
)
every_failure = pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: str(failure.__name__))
every_adapter = pytest.mark.parametrize("name", ACCOUNTS)


class Failing(httpx.AsyncBaseTransport):
    """Fails every request, and notes what was asked: proof that the secret was on its way."""

    def __init__(self, failure: type[Exception]) -> None:
        self.asked: list[str] = []
        self._failure = failure

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(f"{request.url} {request.headers.raw} {(await request.aread()).decode()}")
        # httpx's own errors may tell the address; what is a mistake tells nothing by itself.
        raise self._failure(f"{request.url}" if issubclass(self._failure, httpx.HTTPError) else "a mistake")


class Watched(Http):
    """Keeps what goes wrong on the way to the service, for those adapters that make a receipt of it."""

    def __init__(self, transport: Failing) -> None:
        super().__init__(transport=transport)
        self.raised: list[BaseException] = []

    async def request(self, *args: Any, **options: Any) -> Any:
        try:
            return await super().request(*args, **options)
        except Exception as error:
            self.raised.append(error)
            raise

    async def download(self, *args: Any, **options: Any) -> Any:
        try:
            return await super().download(*args, **options)
        except Exception as error:
            self.raised.append(error)
            raise


def shown(error: BaseException) -> str:
    """Returns every variable of every frame of an adapter's, of this error and of those before it."""
    found, each = [str(error), repr(error)], error.__traceback__
    while each is not None:
        name = each.tb_frame.f_code.co_filename
        if "botkit/channels/" in name or "botkit/gateways/" in name or "botkit/adapter" in name:
            found.append(repr(each.tb_frame.f_locals))
        each = each.tb_next
    return " ".join(found) + (shown(error.__cause__) if error.__cause__ else "")


async def attempt(adapter: Adapter, client: Http) -> list[BaseException]:
    """Lets an adapter do what it does with its service; returns what it raised."""
    to = Conversation(adapter.account, "+385910000001" if adapter.address is AddressKind.PHONE else "385910000001")
    outgoing = Outgoing("k" * 24, (adapter.channel, adapter.ta), to.id, Text(text="hello"))
    calls = (
        lambda: adapter.send(outgoing, to, client),
        lambda: adapter.load_webhook(client),
        lambda: adapter.set_webhook("https://bots.example.org/webhooks", client),
        lambda: adapter.poll(b"", client),
    )
    raised: list[BaseException] = []
    for call in calls:
        try:
            await call()
        except Exception as error:
            raised.append(error)
    return raised


@every_adapter
@every_failure
async def test_no_variable_of_an_adapter_holds_its_secret_when_a_call_fails(
    name: str, failure: type[Exception]
) -> None:
    adapter, transport = ACCOUNTS[name]().simulated(f"http://{name}.simulator"), Failing(failure)
    client = Watched(transport)
    raised = [*await attempt(adapter, client), *client.raised]
    secrets = [secret.reveal() for secret in adapter.secrets() if secret]
    assert secrets
    assert transport.asked
    assert raised
    for error in raised:
        text = shown(error)
        assert [secret for secret in secrets if secret in text] == []


@pytest.mark.parametrize("name", ["telegram", "viber", "mitto", "rapporto", "smsc", "smsgold"])
async def test_what_is_asked_for_does_hold_the_secret(name: str) -> None:
    adapter, transport = ACCOUNTS[name]().simulated(f"http://{name}.simulator"), Failing(httpx.ReadError)
    await attempt(adapter, Watched(transport))
    assert [secret for secret in adapter.secrets() if secret.reveal() in " ".join(transport.asked)]
