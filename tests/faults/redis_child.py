"""A real Redis server in a process of its own, with the faults that happen to one.

    with RedisChild(tmp_path) as server:                  # append-only, every write synced, on a free port
        server.url, server.socket_url                     # what botkit and redis-py take; the same after each restart
        server.ask("SET", "key", "value")                 # one command, bytes back (sync)
        server.kill(); server.start(); server.restart()   # SIGKILL; the files stay
        server.freeze(); server.thaw()                    # SIGSTOP, SIGCONT
        server.fill_disk(1000)                            # the files may grow by so many bytes more
        server.free_disk()

    RedisChild(folder, power_cut=True)      .cut_power()          SIGKILL, and what was not synced is gone
    RedisChild(folder, clock_shift=True)    .shift_clock(-86400)  at once, also while it runs
    RedisChild(folder, fsync="everysec")    or "" for none: in memory only
    RedisChild(folder, replica_of=primary)
    RedisChild(folder, acl="user default on nopass ~* &* +@all\nuser bot ...")
    RedisChild(folder, maxmemory=8_000_000)
    RedisChild(folder, options={"cluster-enabled": "yes", "cluster-node-timeout": "1500"})

In a test, the fixture `make_redis` (tests/faults/conftest.py) makes children with the same arguments but the folder,
started, and ends them; it skips the test, by name, where the machine lacks a server or a compiler. On Linux a child
ends with the process that started it, however that ends. Everything here
blocks for some tens of milliseconds: beside work on the event loop call it by `asyncio.to_thread`.
"""

import atexit
import os
import resource
import shutil
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Literal, Self

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from botkit.redis.servers import Found, ServerKind, find_servers
from tests.ports import free_port
from tests.waiting import wait_until

#: A server that reads a long file, on a machine that is busy with other things.
START_SECONDS = 30
_PRELOAD = Path(__file__).with_name("preload")
# PR_SET_PDEATHSIG is 1. Whose parent died before it was set gets no signal for that.
_DIE_WITH_PARENT = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGKILL)
if os.getppid() == int(sys.argv[1]):
    os.execv(sys.argv[2], sys.argv[2:])
"""


class RedisChild:
    """A server with a folder and a port of its own; it is not started before `start` or `with`."""

    def __init__(
        self,
        folder: Path,
        *,
        fsync: Literal["always", "everysec", "no", ""] = "always",
        replica_of: "RedisChild | tuple[str, int] | None" = None,
        acl: str = "",
        maxmemory: int = 0,
        power_cut: bool = False,
        clock_shift: bool = False,
        port: int = 0,
        server: Found | None = None,
        options: Mapping[str, str] | None = None,
    ) -> None:
        self.server = server or real_server()
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = port or free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        # A path of a few bytes: a socket's may not be long.
        self._socket = Path(mkdtemp(prefix="bk")) / "s"
        self.socket_url = f"unix://{self._socket}?db=0"
        self._clock = self.folder / "clock"
        self._preloads = ["write_buffer"] * power_cut + ["clock_shift"] * clock_shift
        self._options = self._made(fsync, replica_of, acl, maxmemory) | dict(options or {})
        self._process: subprocess.Popen[bytes] | None = None
        # The server ends with the thread that starts it: one that stays as long as this object does.
        self._starter = ThreadPoolExecutor(1)

    def _made(
        self, fsync: str, replica_of: "RedisChild | tuple[str, int] | None", acl: str, maxmemory: int
    ) -> dict[str, str]:
        made = {
            "port": str(self.port),
            "bind": "127.0.0.1",
            "unixsocket": str(self._socket),
            "dir": str(self.folder),
            "logfile": str(self.folder / "redis.log"),
            "save": "",
            "appendonly": "yes" if fsync else "no",
            "appendfsync": fsync or "no",
            "maxmemory": str(maxmemory),
            "maxmemory-policy": "noeviction",
            "repl-diskless-sync-delay": "0",
            "daemonize": "no",
        }
        if self.server.release >= (7, 0):
            made["enable-debug-command"] = "yes"
        if acl:
            (self.folder / "users.acl").write_text(acl + "\n")
            made["aclfile"] = str(self.folder / "users.acl")
        if replica_of:
            host, port = ("127.0.0.1", replica_of.port) if isinstance(replica_of, RedisChild) else replica_of
            made["replicaof"] = f"{host} {port}"
        return made

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._starter.shutdown()
        shutil.rmtree(self._socket.parent, ignore_errors=True)

    # --- life ---

    @property
    def is_running(self) -> bool:
        """Whether there is a process, frozen or not."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        assert self._process is not None, "not started"
        return self._process.pid

    @property
    def log(self) -> str:
        """What the server has said since its first start."""
        log = self.folder / "redis.log"
        return log.read_text(errors="replace") if log.exists() else ""

    def start(self, *, wait: bool = True) -> None:
        """Starts the server, its append-only file repaired; returns when it has read it and answers, or at once."""
        assert not self.is_running, "it is running already"
        self._repair()
        if not self._clock.exists():
            self.shift_clock(0)
        self._process = self._starter.submit(self._launch).result()
        if wait:
            self.wait_until_ready()

    def _launch(self) -> subprocess.Popen[bytes]:
        preloads = ":".join(str(compiled(name)) for name in self._preloads)
        options = [word for name, value in self._options.items() for word in (f"--{name}", *_values(name, value))]
        command = [str(self.server.path), *options]
        if sys.platform == "linux":
            command = [sys.executable, "-ISc", _DIE_WITH_PARENT, str(os.getpid()), *command]
        with (self.folder / "stderr").open("wb") as errors:
            return subprocess.Popen(
                command,
                cwd=self.folder,
                env={"LC_ALL": "C", "LD_PRELOAD": preloads, "CLOCK_SHIFT": str(self._clock)},
                stdin=subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
                # Python ignores SIGXFSZ, and so must the server: a full disk is an error of a write, not its death.
                restore_signals=False,
                start_new_session=True,
            )

    def _repair(self) -> None:
        """Drops the last transaction if the end found it half written, as must be done before every start of a server.

        Redis and Valkey themselves drop no more than the last word of it: then its rest swallows the next transaction,
        which was acknowledged, when the file is read once more.
        """
        parts = [*self.folder.glob("appendonlydir/*.manifest"), *self.folder.glob("appendonly.aof")]
        for part in parts:
            found = subprocess.run([checker(), "--fix", part], input=b"y\n", capture_output=True, check=False)
            assert found.returncode == 0, found.stdout.decode()

    def wait_until_ready(self) -> None:
        """Returns when the server answers; fails when it ends or takes half a minute."""
        wait_until(lambda: self._answers() or not self.is_running, seconds=START_SECONDS, told=self._last_words)
        assert self.is_running, f"the server ended while it started:\n{self._last_words()}"

    def _last_words(self) -> str:
        return self.log[-2000:] + (self.folder / "stderr").read_text(errors="replace")

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as wire:
                wire.sendall(b"*1\r\n$4\r\nPING\r\n")
                # Whoever wants a password is up as well.
                return wire.recv(64).startswith((b"+PONG", b"-NOAUTH", b"-NOPERM"))
        except OSError:
            return False

    def wait_until_ended(self) -> int:
        """Returns how the server ended by itself; fails when it is still there after half a minute."""
        assert self._process is not None, "not started"
        return self._process.wait(START_SECONDS)

    def kill(self) -> None:
        """Ends the server by SIGKILL, also a frozen one; what it wrote is in its files, synced or not."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """Ends the server by SIGTERM: it saves everything first."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(START_SECONDS)

    def restart(self) -> None:
        """Kills the server and starts it again on its files."""
        self.kill()
        self.start()

    def freeze(self) -> None:
        """Stops the process (SIGSTOP): connections stay open, and nothing answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Lets a frozen process go on."""
        os.kill(self.pid, signal.SIGCONT)

    # --- faults ---

    def cut_power(self) -> None:
        """Kills the server and drops all that it had not synced; needs `power_cut=True`."""
        assert "write_buffer" in self._preloads, "it was made without power_cut=True"
        self.kill()

    def shift_clock(self, seconds: float) -> None:
        """Sets how far the server's wall clock is off; has an effect with `clock_shift=True` only."""
        self._clock.touch()
        # In place: the server has the file in its memory.
        with self._clock.open("r+b") as file:
            file.write(struct.pack("q", round(seconds * 1_000_000_000)))

    def fill_disk(self, left: int = 0) -> None:
        """Lets no file of the server grow by more than so many bytes beyond its append-only file's present size."""
        self._limit(max((file.stat().st_size for file in self.folder.rglob("*.aof")), default=0) + left)

    def free_disk(self) -> None:
        """Lets the files grow again, if the server still lives."""
        self._limit(resource.RLIM_INFINITY)

    def _limit(self, size: int) -> None:
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    # --- questions ---

    def client(self, **options: Any) -> "redis.Redis":
        """Returns an ordinary client that repeats nothing, to be closed; answers are bytes."""
        return redis.Redis(port=self.port, protocol=2, retry=Retry(NoBackoff(), 0), **options)

    def ask(self, *command: str | bytes | float) -> Any:
        """Returns the answer to one command, as redis-py reads it."""
        with self.client() as client:
            return client.execute_command(*command)


def real_server() -> Found:
    """Returns the server program that is used here; skips the test where there is none."""
    found = [server for server in find_servers() if server.kind is not ServerKind.FAKE]
    if not found:
        pytest.skip("no redis-server or valkey-server on this machine")
    return found[0]


@cache
def checker() -> str:
    """Returns the program that repairs an append-only file; skips the test where there is none."""
    server = Path(real_server().path)
    places = f"{server.parent}{os.pathsep}{os.environ['PATH']}"
    found = shutil.which(server.name.replace("server", "check-aof"), path=places)
    return found or pytest.skip("no redis-check-aof or valkey-check-aof on this machine")


@cache
def compiled(name: str) -> Path:
    """Returns a library of the folder preload/, compiled once; skips the test where that cannot be done."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if os.uname().sysname != "Linux" or compiler is None:
        pytest.skip("no C compiler (cc, gcc or clang) on this machine" if compiler is None else "not Linux: LD_PRELOAD")
    folder = Path(mkdtemp(prefix="bk-preload"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    library = folder / f"{name}.so"
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-O1", "-pthread", "-o", library, _PRELOAD / f"{name}.c"],
        check=True,
        capture_output=True,
    )
    return library


def _values(name: str, value: str) -> list[str]:
    # Two words of one option: a host and a port.
    return value.split() if name == "replicaof" else [value]
