"""Redis servers for the tests: one of each kind that this machine has, started when first asked for."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import Phase, settings

from botkit.redis.embedded import EmbeddedServer, ServerKind, find_servers
from tests.secret_watch import Watcher, quiet

# With --hypothesis-profile=long the models run for minutes.
settings.register_profile("long", max_examples=2000, stateful_step_count=60, deadline=None)
# Looks for any counterexample, always the same way, and does not make it small.
settings.register_profile(
    "first", max_examples=400, stateful_step_count=40, deadline=None, derandomize=True, phases=[Phase.generate]
)


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


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """Where chance begins: another number in each run, which is printed and can be given again."""
    given: int | None = request.config.getoption("--seed")
    number = random.SystemRandom().randrange(1_000_000) if given is None else given
    print(f"\n{request.node.nodeid}: repeat it with --seed {number}")  # noqa: T201
    return number


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    found = {server.kind: server for server in find_servers()}
    missing = [kind.value for kind in ServerKind if kind not in found]
    terminalreporter.write_line(f"Redis servers: {', '.join(map(str, found.values())) or 'none'}")
    if missing:
        terminalreporter.write_line(f"  tests with {', '.join(missing)} were skipped: not on this machine")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-docs", action="store_true", help="write what is generated in README.md and docs/ anew")
    parser.addoption("--seed", type=int, help="the seed of an earlier run, to repeat it")
    parser.addoption("--long", action="store_true", help="the long forms of the tests in tests/faults, for hours")
    parser.addoption("--hours", type=float, default=0, help="how long a service must stand its load in test_soak.py")
    parser.addoption(
        "--destinations", type=int, default=1000, help="how many destinations a bulk through real processes has"
    )
    parser.addoption(
        "--updates", type=int, default=2000, help="how many generated updates a bot on Telegram must stand"
    )
