"""`botkit run` and `botkit dev`: a parent that keeps the working processes alive."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from botkit.exceptions import SettingsError
from botkit.metrics import shared_files
from botkit.settings import Settings, load_settings

#: How a process ends by itself: with a code of `botkit`'s own.
_FINAL = (0, 1, 2, 3, 4)

_options = [
    click.argument("app", default="bots:app"),
    click.option("--host", help="Address to listen on.  [default: 127.0.0.1]"),
    click.option("--port", type=int, help="Port to listen on.  [default: 8000]"),
    click.option("--env", type=click.Choice(["dev", "prod"]), help="prod refuses simulated accounts.  [default: dev]"),
    click.option("--role", type=click.Choice(["all", "web", "worker"]), help="Take in, work, or both.  [default: all]"),
    click.option("--workers", type=int, help="Number of processes.  [default: 1]"),
    click.option("--log", type=click.Choice(["debug", "info", "warning", "error"]), help="Level.  [default: info]"),
]


def _with_options(command: Any) -> Any:
    for option in reversed(_options):
        command = option(command)
    return command


@click.command()
@_with_options
def run(app: str, **flags: Any) -> None:
    """Runs the service until Ctrl+C or SIGTERM.

    Example: botkit run --port 8080 --workers 2
    """
    sys.exit(_serve(app, flags, watch=False))


@click.command()
@_with_options
def dev(app: str, **flags: Any) -> None:
    """Runs the service, and again whenever its code is saved; conversations go on.

    Example: botkit dev
    """
    sys.exit(_serve(app, {"log_format": "pretty", **flags}, watch=True))


def _serve(app: str, flags: dict[str, Any], *, watch: bool) -> int:
    settings = load_settings(flags=flags)
    if watch and settings.is_production:
        raise SettingsError("botkit dev is for development, and BOTKIT_ENV=prod", fix="use botkit run")
    with _listen(settings) as listener:
        # Port 0 is any free one; from here on it has a number.
        flags = flags | {"port": listener.getsockname()[1]}
        return Supervisor(_command(app, flags, listener), settings, listener).run(watch=watch)


@contextlib.contextmanager
def _listen(settings: Settings) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        raise SettingsError(
            f"cannot listen on {settings.host} port {settings.port} ({error.strerror})",
            fix="stop what listens there, or choose another with --port or BOTKIT_PORT",
        ) from None
    listener.listen(1024)
    listener.set_inheritable(True)
    with listener:
        yield listener


def _command(app: str, flags: dict[str, Any], listener: socket.socket) -> Sequence[str]:
    given = [f"--{name.replace('_', '-')}={value}" for name, value in flags.items() if value is not None]
    inherited = [f"--fd={listener.fileno()}", f"--parent={os.getpid()}"]
    return [sys.executable, "-m", "botkit.cli.worker", app, *inherited, *given]


class Supervisor:
    """Keeps `settings.workers` processes running on one listening socket.

    The others start when the first is ready; if that ends by itself before (a wrong setting, say), that is the end of
    all. Later, a process that ends is started again. Signals to stop are passed on, and what has not ended in time is
    killed.
    """

    def __init__(self, command: Sequence[str], settings: Settings, listener: socket.socket) -> None:
        self._command = command
        self._settings = settings
        self._listener = listener
        self._children: list[subprocess.Popen[bytes]] = []
        # No Event: the handler of a signal that comes while the main thread looks at one would wait for it for ever.
        self._is_stopping = False
        self._is_over = threading.Event()
        self._changed = threading.Event()
        self._is_ready = False
        # Where they count: whoever takes the place of another goes on there.
        self._counts = shared_files(settings.workers)
        self._ready, self._tell_ready = os.pipe()
        os.set_blocking(self._ready, False)
        self._pause = 0.1
        self._revived_at = float("-inf")

    def run(self, *, watch: bool) -> int:
        """Runs until told to stop, or until a process ends by itself; returns the exit code."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)
        if watch:
            threading.Thread(target=self._watch, daemon=True).start()
        try:
            return self._supervise(watch=watch)
        finally:
            self._is_over.set()
            # Whoever comes now is told at once to come again, instead of waiting for the end.
            self._listener.close()
            self._stop()
            for descriptor in (self._ready, self._tell_ready, *self._counts):
                os.close(descriptor)

    def _on_signal(self, *_: object) -> None:
        self._is_stopping = True

    def _rest(self, seconds: float) -> bool:
        """Waits, but no longer than until it must stop; tells whether it must."""
        end = time.monotonic() + seconds
        while not self._is_stopping and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, 0.05))
        return self._is_stopping

    def _supervise(self, *, watch: bool) -> int:
        self._children = [self._start(0)]
        while not self._rest(0.1 if self._is_ready else 0.02):
            if self._changed.is_set():
                self._restart()
            self._note_ready()
            ended = {index: code for index, child in enumerate(self._children) if (code := child.poll()) is not None}
            final = [code for code in ended.values() if code in _FINAL and not self._is_ready]
            if final and not watch:
                return final[0]
            if final:
                self._await_change()
                continue
            for index in ended:
                self._revive(index)
        return 0

    def _note_ready(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._is_ready = bool(os.read(self._ready, 4096)) or self._is_ready
        if self._is_ready:
            missing = range(len(self._children), self._settings.workers)
            self._children += [self._start(index) for index in missing]

    def _revive(self, index: int) -> None:
        # One that dies again and again must not keep the machine busy; one that dies once a day is missed at once.
        now = time.monotonic()
        self._pause = min(2 * self._pause, 5) if now - self._revived_at < 60 else 0.1
        self._revived_at = now
        if not self._rest(self._pause):
            self._children[index] = self._start(index)

    def _start(self, index: int) -> subprocess.Popen[bytes]:
        environ = os.environ | {"PYTHONUNBUFFERED": "1"}
        command = [*self._command, *([] if index else ["--banner"])]
        command += [f"--ready-fd={self._tell_ready}", f"--index={index}", *(f"--counts-fd={n}" for n in self._counts)]
        with _without_ctrl_c():
            inherited = [self._listener.fileno(), self._tell_ready, *self._counts]
            return subprocess.Popen(command, pass_fds=inherited, env=environ)

    def _await_change(self) -> None:
        click.echo("waiting for a change to the code ...", err=True)
        while not self._rest(0.1) and not self._changed.is_set():
            pass

    def _restart(self) -> None:
        self._changed.clear()
        click.echo("the code has changed: starting again", err=True)
        self._stop()
        self._is_ready = False
        self._children = [self._start(0)]

    def _watch(self) -> None:
        try:
            import watchfiles
        except ModuleNotFoundError:
            click.echo("watchfiles is not installed: changes will not be noticed", err=True)
            return
        folders = [path for path in map(Path, ("bots", "handlers", "state", "botkit.toml", ".env")) if path.exists()]
        for _ in watchfiles.watch(*folders, stop_event=self._is_over, raise_interrupt=False):
            self._changed.set()

    def _stop(self) -> None:
        for child in self._children:
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + self._settings.shutdown_seconds + 2
        for child in self._children:
            try:
                child.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


@contextlib.contextmanager
def _without_ctrl_c() -> Iterator[None]:
    # A child inherits this until it serves: its parent ends it, and how far its start had come is of no interest.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
