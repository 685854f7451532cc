"""The callbacks of the simulated SMSC: how they are written, signed, posted and repeated."""

from collections.abc import Mapping
from hashlib import md5
from typing import Literal
from urllib.parse import urlencode

import httpx

from botkit.simulators.postman import Postman, put_off
from botkit.simulators.smsc_formats import CHARSETS
from botkit.simulators.smsc_servers import Servers
from botkit.simulators.smsc_state import Delivery, Heard, Network, Sent
from botkit.simulators.wire import Exchange

#: The `type` of what a status is about; bots and messengers share one.
TYPES: Mapping[Network, str] = {"sms": "0", "viber": "10", "telegram": "12", "whatsapp": "12"}

Kind = Literal["status", "incoming", "verification"]


class Callbacks:
    """Writes what clients are told, and posts it until it is answered."""

    def __init__(self, servers: Servers) -> None:
        self._servers = servers
        self._postman = Postman(self._attempt)

    def queue_status(self, key: str, message: Sent) -> None:
        """Tells that a message has another status."""
        known = {"id": str(message.id), "phone": message.recipient, "status": str(message.status)}
        rest = {"type": TYPES[message.network], "ts": str(int(message.changed_at))}
        self.queue(key, "status", known | rest, ("id", "phone", "status"))

    def queue_incoming(self, key: str, heard: Heard) -> None:
        """Tells that somebody wrote."""
        fields = {"phone": heard.phone, "mes": heard.text, "to": heard.to}
        self.queue(key, "incoming", fields, ("phone", "mes", "to"))

    def queue_verification(self, key: str, phone: str) -> None:
        """Tells that a number was verified by a call."""
        fields = {"phone": phone, "waitcall": "1", "ts": str(int(self._servers.clock.timestamp()))}
        self.queue(key, "verification", fields, ("phone", "ts"))

    def queue(self, key: str, kind: Kind, fields: Mapping[str, str], signed: tuple[str, ...]) -> None:
        """Keeps a callback to be posted; there is none for a client without an address."""
        charset = CHARSETS[self._servers.callback_charset]
        proof = self._digest(key, [fields[name] for name in signed], charset)
        form = urlencode({**fields, **self._servers.extras, **proof}, encoding=charset, errors="replace")
        if self._servers.client_of(key).callback:
            now = self._servers.clock.timestamp()
            self._servers.state.pending += [Delivery(key, kind, form, now) for _ in range(self._servers.copies)]
        self._servers.on_change()

    def _digest(self, key: str, values: list[str], charset: str) -> dict[str, str]:
        secret = self._servers.secret_of(key)
        if self._servers.digest == "none" or not secret:
            return {}
        text = ":".join([*values, secret if self._servers.digest == "right" else "another word"])
        return {"md5": md5(text.encode(charset, "replace"), usedforsecurity=False).hexdigest()}

    async def post_due(self) -> int:
        """Posts what is due, each at most once at a time; returns how many were tried."""
        return await self._postman.post_due(self._servers.state.pending, self._servers.clock.timestamp())

    async def _attempt(self, delivery: Delivery) -> None:
        status = await self._post(delivery)
        if 200 <= status < 300 or not put_off(delivery, self._servers.pauses, self._servers.clock.timestamp()):
            self._servers.state.pending.remove(delivery)
        self._servers.on_change()

    async def _post(self, delivery: Delivery) -> int:
        """Posts one callback; the status is 0 when there is no answer."""
        servers, url, form = self._servers, self._servers.client_of(delivery.client).callback, delivery.form
        try:
            if servers.callback_method == "GET":
                response = await servers.http.get(f"{url}{'&' if '?' in url else '?'}{form}")
            else:
                headers = {"content-type": "application/x-www-form-urlencoded"}
                response = await servers.http.post(url, content=form.encode(), headers=headers)
            status, answer = response.status_code, response.content
        except httpx.HTTPError:
            status, answer = 0, b""
        at, name = servers.clock.now(), delivery.kind
        servers.wire.add(Exchange("inbound", at, delivery.client, name, form.encode(), status, answer))
        return status
