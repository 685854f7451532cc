"""Redis servers for the tests: one of each kind that this machine has, started when first asked for."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from botkit.redis.embedded import EmbeddedServer, ServerKind, find_servers
from tests.secret_watch import Watcher, quiet

# With --hypothesis-profile=long the models run for minutes.
settings.register_profile("long", max_examples=2000, stateful_step_count=60, deadline=None)


def pytest_configure(config: pytest.Config) -> None:
    quiet()
    config.pluginmanager.register(Watcher(), "secret_watch")


class Servers:
    """The servers of this run, one of each kind; tests keep apart by emptying a database first."""

    def __init__(self, folder: Path) -> None:
        self.found = {server.kind: server for server in find_servers()}
        self._folder = folder
        self._started: dict[ServerKind, EmbeddedServer] = {}

    def url(self, kind: ServerKind) -> str:
        """Starts the server if it is not running yet; skips the test if this machine has none of its kind."""
        if kind not in self.found:
            pytest.skip(f"no {kind.value} on this machine")
        if kind not in self._started:
            folder = self._folder / kind.value
            self._started[kind] = EmbeddedServer.start(folder, kind=kind, fsync="everysec")
        return self._started[kind].url

    def any_url(self) -> str:
        """The fastest server there is."""
        return self.url(next(iter(self.found)))

    def stop(self) -> None:
        for server in self._started.values():
            server.stop()


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    servers = Servers(tmp_path_factory.mktemp("servers"))
    yield servers
    servers.stop()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    found = {server.kind: server for server in find_servers()}
    missing = [kind.value for kind in ServerKind if kind not in found]
    terminalreporter.write_line(f"Redis servers: {', '.join(map(str, found.values())) or 'none'}")
    if missing:
        terminalreporter.write_line(f"  tests with {', '.join(missing)} were skipped: not on this machine")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-docs", action="store_true", help="write what is generated in README.md and docs/ anew")
    parser.addoption("--long", action="store_true", help="the long forms of the tests in tests/faults, for hours")
    parser.addoption(
        "--every-line", action="store_true", help="kill at every line of an event's way, not at every twenty-third"
    )
    parser.addoption(
        "--destinations", type=int, default=1000, help="how many destinations a bulk through real processes has"
    )
    parser.addoption(
        "--updates", type=int, default=2000, help="how many generated updates a bot on Telegram must stand"
    )
