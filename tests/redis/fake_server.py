"""A server on a real socket that answers as it is told, and sees each write as it arrives."""

import asyncio
import socket
import struct


class Server:
    """Answers each command with `answers[name]`, else with OK; notes what arrived together.

    An answer of None is never given; one that is empty closes the connection.
    """

    def __init__(self) -> None:
        self.answers: dict[bytes, bytes | None] = {}
        self.writes: list[list[bytes]] = []
        self.connections = 0
        self.arrived = asyncio.Event()
        self.left = asyncio.Event()
        self.port = 0
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server
        self._server.close()
        self.hang_up()
        await self._server.wait_closed()

    def say(self, data: bytes) -> None:
        """Writes to the newest connection."""
        self._writers[-1].write(data)

    def hang_up(self) -> None:
        for writer in self._writers:
            writer.close()
        self._writers.clear()

    def reset(self) -> None:
        """Ends the connections at once, as a machine does that has started anew."""
        for writer in self._writers:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        self._writers.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        while data := await reader.read(1 << 20):
            commands = parse(data)
            self.writes.append(commands)
            self.arrived.set()
            replies = [self.answers.get(command.split(b" ")[0], b"+OK\r\n") for command in commands]
            if b"" in replies:
                writer.close()
                return
            writer.write(b"".join(reply for reply in replies if reply))
        self.left.set()


def parse(data: bytes) -> list[bytes]:
    """The commands in the bytes of a whole write, each as its words."""
    words = data.split(b"\r\n")[:-1]
    commands = []
    while words:
        size = 2 * int(words[0][1:])
        commands.append(b" ".join(words[2 : size + 1 : 2]))
        words = words[size + 1 :]
    return commands
