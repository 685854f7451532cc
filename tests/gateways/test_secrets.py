"""No word that opens an account's door stands in any log of a whole run, whatever goes wrong on the way."""

import io
import logging
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog

from botkit.adapter import Adapter
from botkit.bot import Bot
from botkit.context import Context
from botkit.events import MessageReceived, Subscribed
from botkit.exceptions import BotkitError
from botkit.flow import Flow
from botkit.gateways.mitto import Mitto
from botkit.gateways.rapporto import Rapporto
from botkit.gateways.smsc import Smsc
from botkit.gateways.smsgold import SmsGold
from botkit.redaction import Secret
from botkit.router import Router
from botkit.settings import Settings
from botkit.simulators.wire import Fault
from botkit.telemetry import set_up_logging
from botkit.testing import BotTester

log = structlog.get_logger("tests.gateways")

LIBRARIES = ("httpx", "httpcore", "redis", "asyncio")
FAULTS = (
    Fault(status=401, body=b"<html>no</html>"),
    Fault(status=502),
    Fault(status=200, body=b"{"),
    Fault(drop=True),
    Fault(drop=True, before=False),
)


class ShortPassword(SmsGold):
    """An account of SMSGold as they are: with a password of a few characters."""

    def simulated(self, api_url: str) -> "ShortPassword":
        adapter = super().simulated(api_url)
        adapter.password = Secret("g0l&d")
        return adapter


ACCOUNTS: Mapping[str, Callable[[], Adapter]] = {
    "mitto": lambda: Mitto("sms", ta="demo", sender="BotKit"),
    "rapporto": lambda: Rapporto("sms", ta="demo"),
    "smsc": lambda: Smsc(ta="demo", group="12"),
    "smsgold": lambda: ShortPassword(ta="demo"),
}


def shop(name: str) -> Bot:
    """A bot that answers, and fails when it is asked to."""
    router = Router[Flow]()

    @router.text("^boom")
    async def boom(event: MessageReceived, ctx: Context[Flow]) -> None:
        raise ValueError("boom")

    @router.on(MessageReceived)
    async def anything(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.reply("hello")

    @router.on(Subscribed)
    async def subscribed(event: Subscribed, ctx: Context[Flow]) -> None:
        ctx.reply("welcome")

    return Bot("shop", routers=[router], accounts=[ACCOUNTS[name]()])


@asynccontextmanager
async def running(name: str, redis_url: str, folder: Path) -> AsyncIterator[BotTester]:
    async with BotTester([shop(name)], redis_url, folder=folder) as tester:
        yield tester


async def live(tester: BotTester, name: str) -> None:
    """Lets everything happen that an account meets: talk, trouble, forged calls, and what its owner asks."""
    wire = tester.simulator(name).wire
    for number, fault in enumerate((None, *FAULTS)):
        # Where nothing is heard of what people say, it is whoever is new that is written to.
        ana = tester.user(f"Ana {number}", channel=name)
        await ana.opens()
        # First what is asked for meets them, then what is sent.
        for count in (3, 0):
            wire.faults += [fault] * count if fault else []
            await ana.says("go")
            await tester.advance(seconds=901)
            await tester.service.engine.poll_once()
            wire.faults.clear()
            wire.faults += [fault] * 3 if fault else []
            await tester.settle()
            wire.faults.clear()
    await ana.says("boom")
    await tester.advance(minutes=5)
    await forge(tester, name)
    await administer(tester)


async def forge(tester: BotTester, name: str) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(tester.app), base_url="http://bot.test") as client:
        for kind in ("report", "inbound"):
            for body in (b"{}", b"\xff", b"md5=0"):
                await client.post(f"/webhooks/{name}/{kind}?ta=demo&key=guess&token=guess", content=body)


async def administer(tester: BotTester) -> None:
    service = tester.service
    for account, owner in service.owners.items():
        client, adapter = service._clients[account], owner.adapter
        for address in (adapter.api_url, "http://nowhere.simulator"):
            adapter.api_url = address
            try:
                await adapter.load_webhook(client)
                await adapter.set_webhook("https://bot.test/webhooks", client)
            except BotkitError as error:
                log.exception("the console failed", reason=str(error), shown=repr(error), account=repr(adapter))


def secrets_of(tester: BotTester) -> list[str]:
    found = [secret.reveal() for owner in tester.service.owners.values() for secret in owner.adapter.secrets()]
    assert found
    assert all(len(secret) > 4 for secret in found)
    return found


@pytest.fixture
def as_before() -> Iterator[None]:
    """Leaves logging as it was found."""
    loggers = [logging.getLogger(name) for name in LIBRARIES]
    root, kept = logging.getLogger(), structlog.get_config()
    before = root.handlers[:], root.level, [logger.level for logger in loggers]
    yield
    root.handlers[:], root.level = before[0], before[1]
    for logger, level in zip(loggers, before[2], strict=True):
        logger.setLevel(level)
    structlog.configure(**kept)


every_gateway = pytest.mark.parametrize("name", ACCOUNTS)


@every_gateway
async def test_no_secret_of_a_gateway_is_logged_even_where_nothing_is_masked(
    name: str, botkit_redis_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, as_before: None
) -> None:
    # As botkit sets them.
    for library in ("httpx", "httpcore"):
        logging.getLogger(library).setLevel(logging.WARNING)
    entries: list[str] = []

    def keep(_logger: Any, _method: str, entry: Any) -> Any:
        entries.append(repr(entry))
        raise structlog.DropEvent

    structlog.configure(
        processors=[structlog.processors.format_exc_info, keep], wrapper_class=structlog.make_filtering_bound_logger(0)
    )
    with caplog.at_level(logging.DEBUG):
        async with running(name, botkit_redis_url, tmp_path) as tester:
            secrets = secrets_of(tester)
            await live(tester, name)
    shown = "\n".join([*entries, caplog.text])
    assert len(entries) > 15
    assert [secret for secret in secrets if secret in shown] == []


@every_gateway
async def test_no_secret_of_a_gateway_is_logged_where_every_library_tells_all_it_does(
    name: str, botkit_redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, as_before: None
) -> None:
    output = io.StringIO()
    monkeypatch.setattr(sys, "stderr", output)
    async with running(name, botkit_redis_url, tmp_path) as tester:
        secrets = secrets_of(tester)
        set_up_logging(Settings(log="debug", log_format="json"), tester.service.redactor)
        for library in LIBRARIES:
            logging.getLogger(library).setLevel(logging.DEBUG)
        await live(tester, name)
    shown = output.getvalue()
    assert '"level":"debug"' in shown
    assert [secret for secret in secrets if secret in shown] == []
