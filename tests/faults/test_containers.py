"""The compose file and the image of deploy/ in containers, by the steps of deploy/README.md.

Needs podman, podman-compose and, for names between containers, netavark and aardvark-dns. The images that these files
build on are fetched; where no registry can be reached, a Debian with the same programs stands in for them.
"""

import hashlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.faults.machine import CERTIFICATES, install_debian
from tests.generated import ROOT
from tests.ports import is_listening, is_ready
from tests.processes.conftest import OLENA, PUBLIC_URL, SHOP, Services, folder, project, services, until

__all__ = ["folder", "project", "services"]

PASSWORD = "compose-password"
#: What the containers know this machine by.
US = "host.containers.internal"
PORT = 8000
_NEEDED = ("podman", "podman-compose", "debootstrap", "git")
_PACKAGES = "python3,python3-venv,redis-server,redis-tools"


class Containers:
    """Podman with a store of its own, and a clone of this repository whose compose file it runs."""

    def __init__(self, folder: Path) -> None:
        self.clone = folder / "shop"
        self._folder = folder
        self._environ = os.environ | {
            "CONTAINERS_CONF": str(folder / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
        }
        (folder / "storage.conf").write_text(
            f'[storage]\ndriver = "overlay"\ngraphroot = "{folder}/storage"\nrunroot = "{folder}/run"\n'
        )
        # More than a machine lets be given is an error; and crun does not take every machine's cgroups.
        runtime = "runc" if shutil.which("runc") else "crun"
        (folder / "containers.conf").write_text(
            '[containers]\ndefault_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]\n'
            f'[network]\nnetwork_backend = "netavark"\n[engine]\nruntime = "{runtime}"\n'
        )
        subprocess.run(["git", "clone", "--quiet", ROOT, self.clone], check=True)

    def run(self, *words: str) -> str:
        """Runs a command in the clone, and returns what it says; it must not fail."""
        ran = subprocess.run(words, cwd=self.clone, env=self._environ, capture_output=True, text=True, check=False)
        # podman-compose ends with 0 whatever happens.
        failed = ran.returncode or re.search("^exit code: (?!0$)", ran.stdout, re.MULTILINE)
        assert not failed, f"{shlex.join(words)}\n{ran.stdout}{ran.stderr}"
        return ran.stdout

    def fetch(self, images: set[str]) -> None:
        """Gets images from their registry, or makes them of Debian's packages."""
        if all(self._pull(image) for image in images):
            return
        tree = self._folder / "tree"
        install_debian(tree, _PACKAGES)
        (tree / "usr/bin/python").symlink_to("python3")
        # Debian's Redis alone may look into this, which the compose file's has no use for.
        shutil.rmtree(tree / "etc/redis")
        (tree / "data").mkdir()
        os.chown(tree / "data", 999, 1000)
        archive = self._folder / "tree.tar"
        self.run("tar", "--create", f"--file={archive}", f"--directory={tree}", ".")
        changes = (f"--change=ENV PIP_CERT=/{CERTIFICATES}", "--change=WORKDIR /data")
        for image in images:
            self.run("podman", "import", "--quiet", *changes, str(archive), image)
        print(f"stand-ins for {', '.join(sorted(images))}")  # noqa: T201

    def _pull(self, image: str) -> bool:
        command = ["podman", "pull", "--quiet", image]
        return subprocess.run(command, env=self._environ, capture_output=True, check=False).returncode == 0

    def pid(self, service: str) -> int:
        """Returns the first process of a service's container, as this machine numbers it; 0 where none is at work."""
        return int(self.run("podman", "inspect", "--format={{.State.Pid}}", f"deploy_{service}_1"))

    async def kill(self, service: str) -> None:
        """Kills a service's first process, and waits until it has another."""
        killed = self.pid(service)
        os.kill(killed, signal.SIGKILL)
        await until(lambda: self.pid(service) not in (0, killed))

    def end(self) -> None:
        """Removes all that was made."""
        self.run("podman", "rm", "--all", "--force", "--time=0")
        self.run("podman", "system", "reset", "--force")


def steps() -> list[list[str]]:
    page = (ROOT / "deploy" / "README.md").read_text("utf-8")
    lines = page.partition("## Containers\n\n```sh\n")[2].partition("```")[0].strip().splitlines()
    return [shlex.split(line.replace("docker compose", "podman-compose"), comments=True) for line in lines]


@pytest.fixture
def containers(pytestconfig: pytest.Config) -> Iterator[Containers]:
    if not pytestconfig.getoption("--long"):
        pytest.skip("makes images, which takes minutes: --long")
    missing = [program for program in _NEEDED if shutil.which(program) is None]
    if missing or os.geteuid() != 0:
        pytest.skip(f"no {', '.join(missing)} on this machine" if missing else "only root makes these containers")
    if is_listening(PORT):
        pytest.skip(f"somebody listens on port {PORT}, which the compose file takes")
    # Podman takes no long path, and starts nothing again where it has one.
    with TemporaryDirectory(prefix="bk") as folder:
        containers = Containers(Path(folder))
        try:
            yield containers
        finally:
            containers.end()


class Composed:
    port = PORT


@pytest.mark.services_open
async def test_a_conversation_goes_through_the_containers_whichever_of_them_is_killed(
    containers: Containers, services: Services
) -> None:
    build, doctor, up = steps()
    containers.fetch({"docker.io/library/python:3.12-slim", "docker.io/library/redis:7.4-alpine"})
    deploy = containers.clone / "deploy"
    (containers.clone / "bots" / "__init__.py").write_text(SHOP)
    (deploy / "botkit.env").write_text(environ(services))
    (deploy / "users.acl").touch()
    # Packages come as they come to this machine, whose names a container's network may not know.
    containers.run(build[0], "--podman-build-args=--network=host", *build[1:])
    said = containers.run(*doctor).replace("<sha256 of the password>", hashlib.sha256(PASSWORD.encode()).hexdigest())
    (deploy / "users.acl").write_text("".join(f"{each}\n" for each in said.splitlines() if each.startswith("user ")))
    containers.run(*up)
    await until(lambda: is_ready(PORT), seconds=60, told=lambda: containers.run("podman", "ps", "--all"))
    await services.greet(Composed())
    for number, service in enumerate(("worker", "redis", "web"), 2):
        await containers.kill(service)
        await until(lambda: is_ready(PORT), seconds=60, told=lambda: containers.run("podman", "ps", "--all"))
        await services.telegram.says("shop-telegram", OLENA, service)
        assert (await services.until_replied(services.telegram, number))[-1] == f"{number}: {service}"
    containers.run(*up[:3], "stop")
    for half in ("web", "worker"):
        assert containers.run("podman", "inspect", "--format={{.State.ExitCode}}", f"deploy_{half}_1").strip() == "0"


def environ(services: Services) -> str:
    key = json.loads(Path(services.environ["SHOP_GBM_CREDENTIALS_FILE"]).read_text())
    found = {name: value for name, value in services.environ.items() if name != "SHOP_GBM_CREDENTIALS_FILE"} | {
        "SHOP_GBM_CREDENTIALS": json.dumps(key),
        "BOTKIT_PUBLIC_URL": PUBLIC_URL,
        "BOTKIT_REDIS_URL": f"redis://botkit:{PASSWORD}@redis:6379/0",
    }
    return "".join(f"{name}={value}\n" for name, value in found.items()).replace("127.0.0.1", US)
