"""A machine with systemd of its own in a folder: Debian's, as a server has it, on this machine's network."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from tests.generated import ROOT
from tests.waiting import wait_until

_PROGRAMS = ("debootstrap", "systemd-nspawn", "nsenter")
_PACKAGES = "dbus,git,python3,python3-venv,redis-server,systemd,systemd-sysv"
#: Which certificates it trusts.
CERTIFICATES = "etc/ssl/certs/ca-certificates.crt"


def what_is_missing() -> str:
    """Returns why no machine can be made here, or nothing."""
    missing = [program for program in _PROGRAMS if shutil.which(program) is None]
    return f"no {', '.join(missing)} on this machine" if missing else "only root makes one" * (os.geteuid() != 0)


def install_debian(folder: Path, packages: str) -> None:
    """Installs a Debian 12 with packages, separated by commas; it trusts what this machine does."""
    command = f"debootstrap --variant=minbase --include=ca-certificates,{packages} bookworm {folder}"
    subprocess.run(command.split(), check=True, stdout=subprocess.DEVNULL)
    shutil.copy(Path("/", CERTIFICATES), folder / CERTIFICATES)


class Machine:
    """Debian 12 and its Redis on a port, with this repository at /srv/botkit; ended by `stop`.

    Its processes are this machine's, and its network is too: what it may reach is what the tests may.
    """

    def __init__(self, folder: Path, redis_port: int) -> None:
        self.root, self.redis_port = folder, redis_port
        install_debian(folder, _PACKAGES)
        # What this machine knows by name, it does.
        for file in ("etc/resolv.conf", "etc/hosts"):
            shutil.copy(Path("/", file), folder / file)
        settings = folder / "etc/redis/redis.conf"
        said = re.sub(r"^(port|append(only|fsync)) .*$", "", settings.read_text(), flags=re.MULTILINE)
        ours = f"port {redis_port}\nappendonly yes\nappendfsync always\nmaxmemory-policy noeviction\n"
        settings.write_text(said + ours)
        bound = [f"--bind-ro={ROOT}:/srv/botkit", "--resolv-conf=off", "--timezone=off"]
        with (folder.parent / "machine.txt").open("wb") as log:
            self._host = subprocess.Popen(
                ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", *bound, "-bD", folder],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            self._until_started(folder.parent / "machine.txt")
        except BaseException:
            self.stop()
            raise

    def _until_started(self, log: Path) -> None:
        wait_until(lambda: self._first is not None, seconds=60, told=log.read_text)
        states = ("running", "degraded")
        asked = "systemctl is-system-running || true"
        wait_until(lambda: self.run(asked) in states, seconds=60, told=log.read_text)

    @property
    def _first(self) -> str | None:
        """The process that is the first in there."""
        children = Path(f"/proc/{self._host.pid}/task/{self._host.pid}/children")
        return children.read_text().split()[0] if children.exists() and children.read_text() else None

    def run(self, script: str) -> str:
        """Runs a shell script as root in there, and returns what it says; it must not fail."""
        command = f"nsenter --target {self._first} --mount --pid --ipc --uts --cgroup --wdns=/"
        ran = subprocess.run([*command.split(), "sh", "-ec", script], capture_output=True, text=True, timeout=600)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout.strip()

    def state(self, unit: str, name: str) -> str:
        """Returns what systemd says of a unit, by the name of a property."""
        return self.run(f"systemctl show --value --property {name} {unit}")

    def stop(self) -> None:
        """Ends all its processes."""
        self._host.terminate()
        try:
            self._host.wait(30)
        except subprocess.TimeoutExpired:
            self._host.kill()
            self._host.wait()
