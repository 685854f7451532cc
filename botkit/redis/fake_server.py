"""Serves fakeredis on a listening socket that is already open; run as a script by `botkit.redis.embedded`."""

import socket
import sys

from fakeredis import TcpFakeServer


def main(fd: int) -> None:
    """Answers on the listening socket `fd` as Redis 6.2 would, until the process is ended."""
    server = TcpFakeServer(("127.0.0.1", 0), bind_and_activate=False, server_type="redis", server_version=(6, 2))
    server.socket.close()
    server.socket = socket.socket(fileno=fd)
    server.server_address = server.socket.getsockname()
    server.serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]))
