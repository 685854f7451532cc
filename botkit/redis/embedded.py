"""A Redis server of our own, for a machine that runs none; for development, on POSIX systems.

    turn.lock     held while somebody starts or stops the server: one at a time
    users.lock    held, shared, by every user of the server; when it is free the server goes
    server.lock   held by the server process, which inherits it; when it is free there is no server
    server.json   who the server is and where it listens
    server.log    what it has said since it was started; server.log.1 is the one before
    data/         its append-only file
    written-by    the kind and version of the last server that was given the data

The server is the child not of its user but of a small guardian (`guardian.py`). So it outlives the process that started
it for as long as another one uses it, and ends, with everything saved, right after the last one has gone, be it by
`kill -9`. Every proof of life is a lock that the kernel keeps; a stale file or a process id used again misleads nobody.
"""

import fcntl
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal, Self
from urllib.parse import quote, unquote, urlsplit

import msgspec
from msgspec import Struct

from botkit.exceptions import SettingsError, StoreUnavailableError
from botkit.redis.servers import Found, ServerKind, choose_server, find_servers, look_for_servers

__all__ = ["EmbeddedServer", "Found", "ServerKind", "find_servers"]

# Only a large append-only file takes long to read; a server that ends is noticed at once.
START_SECONDS = 30.0
# After SIGTERM the server has this long to exit before it is killed.
STOP_SECONDS = 5.0
# The kernel takes 104 (macOS) to 108 bytes (Linux), a closing zero included.
SOCKET_PATH_BYTES = 100
_ANSWER_SECONDS = 1.0
_POLL_SECONDS = 0.005
# What a program may need to run. The rest stays away from the server: it has the tokens of the bots.
_ENVIRONMENT = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONPATH", "PYTHONUSERBASE")


class Note(Struct, frozen=True):
    """What `server.json` says of the running server."""

    pid: int
    kind: ServerKind
    version: str
    url: str


class EmbeddedServer:
    """A Redis server that lives as long as somebody on this machine uses it.

    To use it is to hold an object from `start` that was not stopped, in a process that is alive. What was written
    outlives the server and its users, except with fakeredis; with `fsync="always"` every answered write is on the disk.
    Any thread may call it. A forked process uses the server, too, until it ends.

    `url` is what redis-py's `from_url` takes, the same after every restart, except with fakeredis; `adopted` tells
    whether the server was already running.
    """

    def __init__(self, folder: Path, note: Note, users: int, *, adopted: bool) -> None:
        self.pid = note.pid
        self.kind = note.kind
        self.version = note.version
        self.url = note.url
        self.adopted = adopted
        self._folder = folder
        self._users: int | None = users

    @classmethod
    def start(
        cls,
        folder: Path,
        *,
        kind: ServerKind | None = None,
        fsync: Literal["always", "everysec"] = "always",
        servers: Sequence[Found] | None = None,
    ) -> Self:
        """Starts the server that keeps its data in `folder`, or adopts the one that is running there.

        Returns when it answers: after some tens of milliseconds, at most `START_SECONDS`. An adopted server keeps the
        `fsync` it was started with. `servers` are those to choose from; by default all that this machine has.

        Raises SettingsError when nothing can be started, or not the `kind` asked for, or it cannot read the data, and
        StoreUnavailableError when the server ends while it starts or does not answer.
        """
        folder = folder.resolve()
        _make_private(folder)
        with _turn(folder):
            users = _lock(folder / "users.lock", fcntl.LOCK_SH)
            try:
                note, adopted = _adopt_or_launch(folder, kind, fsync, servers)
            except BaseException:
                os.close(users)
                raise
        return cls(folder, note, users, adopted=adopted)

    @property
    def is_durable(self) -> bool:
        """Whether the data are still there after the server was restarted."""
        return self.kind is not ServerKind.FAKE

    def is_alive(self) -> bool:
        """Whether the server answers within a second; if not, `stop` it and `start` another."""
        return _answers(self.url)

    def stop(self, *, patience: float = STOP_SECONDS) -> None:
        """Gives the server up and ends it, unless it has other users.

        Returns when its process is gone: by SIGTERM, or SIGKILL `patience` seconds later. A second call does nothing.
        """
        with _turn(self._folder):
            users, self._users = self._users, None
            if users is None:
                return
            os.close(users)
            if not _is_used(self._folder):
                _end(self._folder, patience)

    def __repr__(self) -> str:
        return f"<EmbeddedServer {self.kind.value} {self.version}, pid {self.pid}, {self.url}>"


def _adopt_or_launch(
    folder: Path, kind: ServerKind | None, fsync: str, servers: Sequence[Found] | None
) -> tuple[Note, bool]:
    launched: Found | None = None
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        lock = _try_lock(folder / "server.lock", fcntl.LOCK_EX)
        if lock is not None:
            with open(lock, "wb", buffering=0):
                if launched:
                    raise _failure(folder, f"{launched} ended while it started")
                launched = choose_server(look_for_servers() if servers is None else servers, kind, _writer(folder))
                _launch(folder, launched, fsync, lock)
        elif (note := _read_note(folder)) and _answers(note.url):
            if kind not in (None, note.kind):
                raise SettingsError(f"{note.kind.value} is running in {folder}, not {kind.value}", fix="stop it first")
            return note, launched is None
        time.sleep(_POLL_SECONDS)
    raise _failure(folder, f"the Redis server of {folder} did not answer in {START_SECONDS:g} s")


def _launch(folder: Path, server: Found, fsync: str, lock: int) -> None:
    (folder / "server.json").unlink(missing_ok=True)
    data = folder / "data"
    _make_private(data)
    if server.kind is ServerKind.FAKE:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            url = f"redis://127.0.0.1:{listener.getsockname()[1]}/0"
            # -P: the folder of the script has modules of its own, which must not hide others.
            command = [sys.executable, "-P", str(server.path), str(listener.fileno())]
            _guard(folder, server, url, command, [lock, listener.fileno()])
        return
    # Before it starts: a server that ends early may have converted the files all the same.
    (folder / "written-by").write_text(str(server))
    path = _socket_path(folder)
    _guard(folder, server, f"unix://{quote(str(path))}?db=0", _command(server, path, fsync), [lock])


def _command(server: Found, path: Path, fsync: str) -> list[str]:
    options = {
        "port": "0",
        "unixsocket": str(path),
        "unixsocketperm": "700",
        "appendonly": "yes",
        "appendfsync": fsync,
        "save": "",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
    }
    return [str(server.path), *(word for name, value in options.items() for word in (f"--{name}", value))]


def _guard(folder: Path, server: Found, url: str, command: list[str], fds: list[int]) -> None:
    """Starts a guardian that starts the server; what both say, from here on, is in the log."""
    task = {
        "command": command,
        "fds": fds,
        "users": str(folder / "users.lock"),
        "note_file": str(folder / "server.json"),
        "note": {"kind": server.kind.value, "version": server.version, "url": url},
        "patience": STOP_SECONDS,
    }
    log = folder / "server.log"
    if log.exists():
        log.replace(folder / "server.log.1")
    environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    with log.open("wb") as output:
        subprocess.run(
            [sys.executable, "-I", "-S", str(Path(__file__).with_name("guardian.py")), json.dumps(task)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=folder / "data",
            # A locale that the machine lacks would keep Redis 7.2 from starting.
            env=environment | {"LC_ALL": "C"},
            pass_fds=fds,
            umask=0o077,
            start_new_session=True,
            check=False,
        )


def _is_used(folder: Path) -> bool:
    """Whether there is a user besides us; the guardian, which takes the lock when there is none, does not count."""
    users = folder / "users.lock"
    for how in (fcntl.LOCK_EX, fcntl.LOCK_SH):
        lock = _try_lock(users, how)
        if lock is not None:
            os.close(lock)
            return how == fcntl.LOCK_SH
    return False


def _end(folder: Path, patience: float) -> None:
    for death in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + patience
        # While the lock is held the process is there, and the note is about it; the guardian may be ending it as well.
        if _is_served(folder) and (note := _read_note(folder)):
            with suppress(ProcessLookupError):
                os.kill(note.pid, death)
        while _is_served(folder) and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
    if _is_served(folder):
        raise _failure(folder, f"the Redis server of {folder} does not end")


def _is_served(folder: Path) -> bool:
    lock = _try_lock(folder / "server.lock", fcntl.LOCK_EX)
    if lock is not None:
        os.close(lock)
    return lock is None


def _answers(url: str) -> bool:
    where = urlsplit(url)
    address = unquote(where.path) if where.scheme == "unix" else (where.hostname, where.port)
    try:
        with socket.socket(socket.AF_UNIX if where.scheme == "unix" else socket.AF_INET) as wire:
            wire.settimeout(_ANSWER_SECONDS)
            wire.connect(address)
            wire.sendall(b"*1\r\n$4\r\nPING\r\n")
            return wire.recv(64).startswith(b"+PONG")
    except OSError:
        return False


def _read_note(folder: Path) -> Note | None:
    try:
        return msgspec.json.decode((folder / "server.json").read_bytes(), type=Note)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def _writer(folder: Path) -> Found | None:
    data = folder / "data"
    if not data.exists() or not any(data.iterdir()):
        return None
    try:
        kind, version = (folder / "written-by").read_text().split()
    except FileNotFoundError:
        return None
    return Found(ServerKind(kind), version, data)


@contextmanager
def _turn(folder: Path) -> Iterator[None]:
    with open(_lock(folder / "turn.lock", fcntl.LOCK_EX), "wb", buffering=0):
        yield


def _lock(file: Path, how: int) -> int:
    # Whoever has it needs at most one start and one stop.
    deadline = time.monotonic() + START_SECONDS + 2 * STOP_SECONDS
    while (lock := _try_lock(file, how)) is None:
        if time.monotonic() > deadline:
            raise StoreUnavailableError(f"{file} is held by another process", fix=f"find it with: fuser -v {file}")
        time.sleep(_POLL_SECONDS)
    return lock


def _try_lock(file: Path, how: int) -> int | None:
    """Returns a descriptor, which holds the lock until it and its copies in other processes are closed."""
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _socket_path(folder: Path) -> Path:
    name = hashlib.blake2b(os.fsencode(folder), digest_size=8).hexdigest() + ".sock"
    # The last is for a TMPDIR that is too long; what we make in it is ours alone, or refused.
    for base in (os.environ.get("XDG_RUNTIME_DIR", ""), tempfile.gettempdir(), "/tmp"):  # noqa: S108
        path = Path(base, f"botkit-{os.getuid()}", name)
        if base and os.access(base, os.W_OK | os.X_OK) and len(os.fsencode(path)) <= SOCKET_PATH_BYTES:
            _make_private(path.parent)
            return path
    raise SettingsError("no folder for a Redis socket", fix="set TMPDIR to a short path that can be written to")


def _make_private(folder: Path) -> None:
    """Makes a folder that only we can enter; one in its place that is not ours is refused."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.is_symlink() or folder.stat().st_uid != os.getuid():
            raise PermissionError("it belongs to somebody else")
        folder.chmod(0o700)
    except OSError as error:
        reason = error.strerror or str(error)
        raise SettingsError(f"cannot keep a Redis server in {folder}: {reason}", fix="choose another folder") from error


def _failure(folder: Path, what: str) -> StoreUnavailableError:
    log = folder / "server.log"
    lines = log.read_text(errors="replace").splitlines()[-5:] if log.exists() else []
    said = "".join(f"\n    {line}" for line in lines)
    return StoreUnavailableError(f"{what}; its last words in {log}:{said}", fix="mend what they say, then start again")
