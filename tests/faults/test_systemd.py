"""The steps of deploy/README.md give a service under systemd: it serves, comes again when killed, ends in time."""

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.machine import Machine, what_is_missing
from tests.generated import ROOT
from tests.ports import free_port, is_listening, is_ready
from tests.processes.conftest import OLENA, PUBLIC_URL, SHOP, Services, folder, project, services, until

__all__ = ["folder", "project", "services"]


class Installed:
    """A machine on which the steps of deploy/README.md were done, up to the start of a unit."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.port = free_port()
        *steps, start = _steps()
        assert start == "systemctl enable --now botkit        # or, in halves: botkit@web botkit@worker"
        machine.run("\n".join(steps).replace("<this repository>", "/srv/botkit"))
        self._place("opt/botkit/bots/__init__.py", SHOP)

    def _place(self, name: str, text: str) -> None:
        (self.machine.root / name).write_text(text)

    def configure(self, services: Services, **settings: str) -> None:
        """Fills the files that the units read, and begins with an empty store."""
        self._place("opt/botkit/key.json", Path(services.environ["SHOP_GBM_CREDENTIALS_FILE"]).read_text())
        environ = services.environ | {
            "SHOP_GBM_CREDENTIALS_FILE": "/opt/botkit/key.json",
            "BOTKIT_PUBLIC_URL": PUBLIC_URL,
            "BOTKIT_REDIS_URL": f"redis://127.0.0.1:{self.machine.redis_port}/0",
            "BOTKIT_PORT": str(self.port),
            **settings,
        }
        self._place("etc/botkit/botkit.env", "\n".join(f"{name}={shlex.quote(it)}" for name, it in environ.items()))
        self._place("etc/botkit/worker.env", f"BOTKIT_PORT={free_port()}\n")
        self.machine.run(f"redis-cli -p {self.machine.redis_port} flushall")
        services.front.lead_to(self)

    async def until_ready(self) -> None:
        await until(lambda: is_ready(self.port), told=lambda: self.machine.run("journalctl --no-pager -n 50"))


def _steps() -> list[str]:
    page = (ROOT / "deploy" / "README.md").read_text("utf-8")
    return page.partition("## systemd\n\n```sh\n")[2].partition("```")[0].strip().splitlines()


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Installed]:
    if not pytestconfig.getoption("--long"):
        pytest.skip("installs a Debian from its packages, which takes two minutes: --long")
    if missing := what_is_missing():
        pytest.skip(missing)
    machine = Machine(tmp_path_factory.mktemp("machine") / "root", free_port())
    try:
        yield Installed(machine)
    finally:
        machine.stop()


@pytest.fixture
def machine(installed: Installed) -> Iterator[Machine]:
    """The machine, on which no unit of botkit's is left at work."""
    yield installed.machine
    installed.machine.run("systemctl stop 'botkit*' && systemctl reset-failed")


async def test_a_service_is_started_again_when_it_is_killed_and_ends_when_it_is_asked_to(
    installed: Installed, machine: Machine, services: Services
) -> None:
    installed.configure(services)
    machine.run("systemctl enable --now botkit")
    await installed.until_ready()
    await services.greet(installed)
    killed = machine.state("botkit", "MainPID")
    machine.run("systemctl kill --kill-who=main --signal=KILL botkit")
    await until(lambda: machine.state("botkit", "NRestarts") == "1")
    await installed.until_ready()
    assert machine.state("botkit", "MainPID") not in ("0", killed)
    await services.telegram.says("shop-telegram", OLENA, "again")
    assert await services.until_replied(services.telegram, 2) == ["1: hello", "2: again"]
    machine.run("systemctl stop botkit")
    assert machine.state("botkit", "Result") == "success"
    assert machine.state("botkit", "ExecMainStatus") == "0"
    assert not is_listening(installed.port)


async def test_in_halves_one_takes_in_and_the_other_works(
    installed: Installed, machine: Machine, services: Services
) -> None:
    installed.configure(services)
    machine.run("systemctl start botkit@web")
    await installed.until_ready()
    await services.set_webhook("telegram")
    await services.telegram.says("shop-telegram", OLENA, "hello")
    machine.run("systemctl start botkit@worker")
    assert await services.until_replied(services.telegram, 1) == ["1: hello"]
    machine.run("systemctl stop botkit@web botkit@worker")
    assert [machine.state(f"botkit@{half}", "Result") for half in ("web", "worker")] == ["success", "success"]
    said = [machine.run(f"journalctl --no-pager --unit botkit@{half}") for half in ("web", "worker")]
    assert ['"event":"handled"' in each for each in said] == [False, True]


async def test_a_service_with_a_wrong_setting_says_so_once_and_is_not_started_again(
    installed: Installed, machine: Machine, services: Services
) -> None:
    installed.configure(services, BOTKIT_PUBLIC_URL="bots.example.org")
    machine.run("systemctl start botkit || true")
    await until(lambda: machine.state("botkit", "ActiveState") == "failed")
    assert machine.state("botkit", "ExecMainStatus") == "3"
    assert machine.state("botkit", "NRestarts") == "0"
    assert "BOTKIT_PUBLIC_URL" in machine.run("journalctl --no-pager --unit botkit")
