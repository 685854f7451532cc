"""Ports of this machine for those who must know theirs before they listen."""

import random
import socket

import httpx


def free_port() -> int:
    """Returns a port that nobody listens on, nor on the one 10 000 above it, which a cluster's node takes as well.

    Below those that the system gives away: nobody else takes it between now and a restart.
    """
    while True:
        port = random.randrange(10_000, 22_000)
        if all(_is_free(each) for each in (port, port + 10_000)):
            return port


def is_listening(port: int) -> bool:
    """Returns whether somebody takes connections there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def is_ready(port: int) -> bool:
    """Returns whether a service answers there that it is ready."""
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def _is_free(port: int) -> bool:
    with socket.socket() as wire:
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            wire.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
