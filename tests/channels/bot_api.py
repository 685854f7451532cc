"""A Bot API that notes each call, its form taken apart, and answers as it is told."""

import json
from collections import deque
from email.parser import BytesParser
from typing import Any

import httpx
from msgspec import Struct

from botkit.adapter import Receipt
from botkit.channels.telegram import Telegram
from botkit.conversation import Conversation
from botkit.http import Http
from botkit.messages import AnyMessage
from botkit.outgoing import Outgoing

Json = dict[str, Any]

#: No text of ours may hold it.
TOKEN = "1000000001:" + "canary-" * 5
OK: Json = {"ok": True, "result": {"message_id": 1, "date": 1, "chat": {"id": 5550001, "type": "private"}}}


class File(Struct, frozen=True):
    """One part of a form that is a file."""

    name: str
    content: bytes
    mime: str


class Call(Struct, frozen=True):
    """A call as it arrived; in a form, what no text is is JSON."""

    method: str
    parameters: Json
    files: dict[str, File] = {}


class BotApi:
    """Answers what `answers` says, then success."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.answers: deque[Json | httpx.Response] = deque()
        self.adapter = Telegram(TOKEN, "s3cret", ta="demo", api_url="http://telegram.test")
        self.client = Http(transport=httpx.MockTransport(self.serve))

    def serve(self, request: httpx.Request) -> httpx.Response:
        """Answers one request."""
        _, token, method = request.url.path.split("/", 2)
        assert token == f"bot{TOKEN}"
        self.calls.append(read(method, request))
        answer = self.answers.popleft() if self.answers else OK
        if isinstance(answer, httpx.Response):
            return answer
        return httpx.Response(answer.get("error_code", 200), json=answer)

    async def send(self, message: AnyMessage, to: str = "5550001") -> list[Receipt]:
        """Sends a message as the engine does, and returns the receipt of each part."""
        place = Conversation(self.adapter.account, to)
        parts = self.adapter.prepare(message, place).messages
        return [await self.send_part(part, place) for part in parts]

    async def send_part(self, part: AnyMessage, place: Conversation) -> Receipt:
        """Sends one part as it is."""
        return await self.adapter.send(Outgoing("event00", ("telegram", "demo"), place.id, part), place, self.client)


def read(method: str, request: httpx.Request) -> Call:
    """Returns the call that a request carries."""
    kind = request.headers["content-type"]
    if kind == "application/json":
        return Call(method, json.loads(request.content))
    form = BytesParser().parsebytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + request.content)
    parameters, files = {}, {}
    for part in form.walk():
        content = part.get_payload(decode=True)
        name = part.get_param("name", header="content-disposition")
        if not isinstance(content, bytes) or not isinstance(name, str):
            continue
        if part.get_filename():
            files[name] = File(str(part.get_filename()), content, part.get_content_type())
        else:
            parameters[name] = content.decode()
    return Call(method, parameters, files)
