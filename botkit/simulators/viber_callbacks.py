"""The callbacks of the simulated Viber: how they are written, signed, posted and repeated."""

import asyncio
import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec

from botkit.simulators.postman import Postman, put_off
from botkit.simulators.viber_servers import HOST, Servers
from botkit.simulators.viber_state import Delivery
from botkit.simulators.wire import Exchange

#: What a bot may do without; all else comes whatever it asks for.
CHOOSABLE = ("delivered", "seen", "failed", "conversation_started")


class Callbacks:
    """Posts what bots are told; `welcomed` gets the answer to an opened chat."""

    def __init__(self, servers: Servers, welcomed: Callable[[Delivery, bytes], None]) -> None:
        self._servers = servers
        self._welcomed = welcomed
        self._postman = Postman(self._attempt)

    def queue(self, ta: str, event: str, user_id: str, fields: Mapping[str, Any], token: int) -> None:
        """Writes a callback and keeps it to be posted, unless the bot does not want it."""
        if event not in CHOOSABLE or event in self._servers.bot(ta).event_types:
            body = self._write(event, fields, token)
            delivery = Delivery(ta, event, user_id, body, self._servers.clock.timestamp())
            self._servers.state.pending.append(delivery)
        self._servers.on_change()

    def _write(self, event: str, fields: Mapping[str, Any], token: int) -> str:
        at = int(self._servers.clock.timestamp() * 1000)
        known = {"event": event, "timestamp": at, "chat_hostname": HOST, **fields}
        callback = known | {"message_token": fields.get("message_token", token)}
        if self._servers.spelling == "compact":
            return msgspec.json.encode(callback).decode()
        return json.dumps(_turned(callback), indent=1, separators=(" ,", " : "))

    async def post_due(self) -> int:
        """Posts what is due, each at most once at a time; returns how many were tried."""
        return await self._postman.post_due(self._servers.state.pending, self._servers.clock.timestamp())

    async def _attempt(self, delivery: Delivery) -> None:
        url = self._servers.bot(delivery.ta).url
        status, answer = await self._deliver(delivery, url) if url else (0, b"")
        if status == 200 or not put_off(delivery, self._servers.pauses, self._servers.clock.timestamp()):
            self._servers.state.pending.remove(delivery)
        if status == 200 and delivery.event == "conversation_started" and answer:
            self._welcomed(delivery, answer)
        self._servers.on_change()

    async def _deliver(self, delivery: Delivery, url: str) -> tuple[int, bytes]:
        body = delivery.body.encode()
        if not self._servers.repeats_early:
            return await self._post(delivery.ta, url, delivery.event, body)
        posts = [asyncio.create_task(self._post(delivery.ta, url, delivery.event, body, patience=2))]
        _, late = await asyncio.wait(posts, timeout=self._servers.answer_seconds)
        if late:
            posts.append(asyncio.create_task(self._post(delivery.ta, url, delivery.event, body)))
        answers = await asyncio.gather(*posts)
        return next((answer for answer in answers if answer[0] == 200), answers[-1])

    async def check_address(self, ta: str, url: str) -> str:
        """Posts a `webhook` callback; returns what went wrong, in words like those of Viber's servers, or nothing."""
        body = self._write("webhook", {}, self._servers.next_token()).encode()
        status, _ = await self._post(ta, url, "webhook", body)
        if status == 200:
            return ""
        request = f"HttpRequest[POST {urlsplit(url).path or '/'} HTTP/1.1]@{len(body):x}"
        if not status:
            return f"Result[{request} > null] java.net.ConnectException: no answer"
        return f"Result[{request} > HttpResponse[HTTP/1.1 {status}]@{status:x}] null"

    async def _post(self, ta: str, url: str, event: str, body: bytes, patience: float = 1) -> tuple[int, bytes]:
        """Posts one callback; the status is 0 when there is no answer in time."""
        servers, signatures = self._servers, self._servers.signatures
        headers = {"content-type": "application/json"}
        signature = self._sign(ta, body)
        if signatures in ("both", "header", "wrong"):
            headers["x-viber-content-signature"] = signature
        if signatures in ("both", "query", "wrong"):
            url += f"{'&' if '?' in url else '?'}sig={signature}"
        try:
            async with asyncio.timeout(servers.answer_seconds * patience):
                response = await servers.http.post(url, content=body, headers=headers)
            status, answer = response.status_code, response.content
        except (httpx.HTTPError, TimeoutError):
            status, answer = 0, b""
        servers.wire.add(Exchange("inbound", servers.clock.now(), ta, event, body, status, answer, headers))
        return status, answer

    def _sign(self, ta: str, body: bytes) -> str:
        key = "another token" if self._servers.signatures == "wrong" else self._servers.token(ta)
        return hmac.digest(key.encode(), body, "sha256").hex()


def _turned(value: Any) -> Any:
    """Returns the same JSON with the members of every object in the opposite order."""
    if isinstance(value, dict):
        return {name: _turned(value[name]) for name in reversed(value)}
    return [_turned(item) for item in value] if isinstance(value, list) else value
