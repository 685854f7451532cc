"""The parcel bot on nothing: raw sockets, state in a dictionary, no library between, nothing promised.

It is no contestant but the limit: what the two HTTP exchanges cost by themselves, and how fast the load can be.
"""

import asyncio
import json
import os
from typing import cast
from urllib.parse import urlsplit

import uvloop

from benchmarks.wire import Messages

TOKEN, SECRET = os.environ["TOKEN"], os.environ["SECRET"]
API = urlsplit(os.environ["API_URL"]).netloc
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
CALL = (
    f"POST /bot{TOKEN}/sendMessage HTTP/1.1\r\nHost: {API}\r\nContent-Type: application/json\r\nContent-Length: "
).encode()
talks: dict[int, list[str]] = {}
idle: list["Outgoing"] = []
calling: set[asyncio.Task[None]] = set()


def answer(chat: int, text: str) -> str | None:
    talk = talks.get(chat, [])
    if text.startswith("order "):
        talks[chat] = [text.removeprefix("order ")]
        return f"{talks[chat][0]}: what is the parcel number?"
    if len(talk) == 1 and text.isdigit():
        talk.append(text)
        return f"{talk[0]}: found {text}. Which day?"
    if len(talk) == 2:
        del talks[chat]
        return f"{talk[0]}: {talk[1]} comes on {text}."
    return None


class Incoming(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._messages = Messages()

    def data_received(self, data: bytes) -> None:
        for head, body in self._messages.feed(data):
            self._transport.write(OK)
            if body and SECRET.encode() in head:
                message = json.loads(body)["message"]
                send(message["chat"]["id"], answer(message["chat"]["id"], message["text"]))


class Outgoing(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._messages = Messages()

    def data_received(self, data: bytes) -> None:
        idle.extend(self for _ in self._messages.feed(data))


def send(chat: int, text: str | None) -> None:
    if text is None:
        return
    body = json.dumps({"chat_id": chat, "text": text}).encode()
    request = CALL + b"%d\r\n\r\n%s" % (len(body), body)
    if idle:
        idle.pop().transport.write(request)
        return
    task = asyncio.create_task(connect(request))
    calling.add(task)
    task.add_done_callback(calling.discard)


async def connect(request: bytes) -> None:
    host, _, port = API.partition(":")
    _, outgoing = await asyncio.get_running_loop().create_connection(Outgoing, host, int(port))
    outgoing.transport.write(request)


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Incoming, "127.0.0.1", int(os.environ["PORT"]))
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
