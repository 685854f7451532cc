"""The fixtures of botkit for pytest; active wherever botkit is installed."""

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

if TYPE_CHECKING:
    from botkit.testing import BotTester


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the name of the application under test, and the store to test it on."""
    parser.addini("botkit_app", "the application under test, as module:attribute", default="bots:app")
    parser.addoption("--store", default="", help="the Redis to test on (default: a server of our own, for the session)")


@pytest.fixture(scope="session")
def botkit_redis_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Redis that lives as long as the test session."""
    from botkit.redis.embedded import EmbeddedServer

    given: str = request.config.getoption("--store")
    if given:
        yield given
        return
    # Tests lose nothing that matters when the machine does.
    server = EmbeddedServer.start(tmp_path_factory.mktemp("redis"), fsync="everysec")
    yield server.url
    server.stop()


@pytest.fixture
def botkit_app(request: pytest.FixtureRequest) -> Any:
    """The application under test; override it to test another."""
    from botkit.cli.project import load_app

    return load_app(str(request.config.getini("botkit_app")))


@pytest_asyncio.fixture
async def bot_tester(
    botkit_app: Any, botkit_redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> "AsyncIterator[BotTester]":
    """People to talk to the application under test, a clock to move, and the simulated services."""
    from botkit.testing import BotTester

    async with BotTester(botkit_app, botkit_redis_url, folder=tmp_path_factory.mktemp("botkit")) as tester:
        yield tester
