"""One working process of `botkit run`: the application on a socket that the parent opened."""

import contextlib
import ctypes
import gc
import logging
import os
import resource
import signal
import socket
import sys
from typing import Any

import click
import structlog
import uvicorn

from botkit.app import App
from botkit.cli import FAILED
from botkit.cli.banner import print_banner
from botkit.cli.project import load_app
from botkit.metrics import Memory
from botkit.protocol import ConnectionPolicy, bounded
from botkit.settings import Settings, load_settings
from botkit.watchdog import Watchdog

_PR_SET_PDEATHSIG = 1


@click.command()
@click.argument("app")
@click.option("--fd", type=int, required=True)
@click.option("--parent", type=int, required=True)
@click.option("--ready-fd", type=int, required=True)
@click.option("--index", type=int, default=0)
@click.option("--counts-fd", type=int, multiple=True)
@click.option("--banner", is_flag=True)
@click.option("--host")
@click.option("--port", type=int)
@click.option("--env")
@click.option("--role")
@click.option("--workers", type=int)
@click.option("--log")
@click.option("--log-format")
def worker(
    app: str, fd: int, parent: int, ready_fd: int, index: int, counts_fd: tuple[int, ...], *, banner: bool, **flags: Any
) -> None:
    """Serves the application on the socket `fd`, as long as the process `parent` lives; writes to `ready_fd` once."""
    _die_with(parent)
    settings = load_settings(flags=flags)
    application = load_app(app)
    application.settings = settings
    application.memory = Memory(counts_fd, index)
    server = _Server(_config(application, settings), application, settings, ready_fd, banner=banner)
    # Why a start fails is told below, as a text; uvicorn would print a traceback of it.
    logging.getLogger("uvicorn.error").disabled = True
    with socket.socket(fileno=fd) as listener, contextlib.suppress(SystemExit):
        server.run(sockets=[listener])
    if application.failure is not None:
        raise application.failure


def _config(app: App, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=bounded(ConnectionPolicy(max_connections=_room_for_connections())),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=max(1, round(settings.shutdown_seconds)),
    )


def _room_for_connections() -> int:
    # Files of our own, connections to Redis and to the services need some of what the system allows.
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = 65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return max(64, min(ConnectionPolicy().max_connections, allowed - 256))


class _Server(uvicorn.Server):
    """uvicorn, with a banner when it is ready and a watchdog beside it."""

    def __init__(self, config: uvicorn.Config, app: App, settings: Settings, ready_fd: int, *, banner: bool) -> None:
        super().__init__(config)
        self._app = app
        self._settings = settings
        self._ready_fd = ready_fd
        self._banner = banner

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        # The parent held it back until somebody listens to it.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        await super().startup(sockets)
        if not self.started:
            return
        logging.getLogger("uvicorn.error").disabled = False
        # It would make the text of a line for each request, for nobody.
        logging.getLogger("uvicorn.access").propagate = False
        # Logging is set up for good: each logger may keep what it was made of.
        structlog.configure(cache_logger_on_first_use=True)
        # What was made at the start stays: collections need not look at it again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 50)
        service = self._app.service
        self._watching = Watchdog(metrics=service.metrics if service else None).start()
        os.write(self._ready_fd, b".")
        os.close(self._ready_fd)
        if self._banner:
            print_banner(self._app, self._settings)


def _die_with(parent: int) -> None:
    # Nobody would stop or restart this process once its parent was killed.
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        # It died while this process was starting: no signal comes for that.
        sys.exit(FAILED)


def main() -> None:
    """Runs the process; errors of ours are printed as texts, exit codes as for `botkit`."""
    from botkit.cli import run_command

    run_command(worker)


if __name__ == "__main__":
    main()
