"""How the simulated Business Messages calls webhooks: signed, an agent's payloads in a row, again until it is a 200."""

import asyncio
import hmac
import uuid
from asyncio import Lock
from base64 import b64encode
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal
from urllib.parse import quote

import httpx
import msgspec

from botkit.adapter import Adapter
from botkit.channels.gbm import BusinessMessages
from botkit.clock import Clock
from botkit.simulators.gbm_payloads import Oddity, write_payload
from botkit.simulators.gbm_phone import MEMORY, Chat
from botkit.simulators.gbm_state import Delivery, Remark, RemarkKind, State
from botkit.simulators.simulator import Simulator
from botkit.simulators.wire import Exchange

#: Pauses before a redelivery, in seconds: the first, and the longest.
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 600.0
#: A delivery is given up after this many seconds.
KEPT = 7 * 24 * 3600
#: A webhook that takes longer than this many seconds is remarked on; Google did not publish its bound.
SLOW = 2.0

#: Where a receiver in the same process answers.
BASE_URL = "https://botkit.localhost"

Signer = Literal["partner key", "client token", "wrong key", "nobody"]


class WebhookCaller(Simulator):
    """The half of the service that calls the bot.

    `base_url` is where the receiver answers; `webhooks` holds other addresses by account. `signed_by` tells whose key
    proves a payload, `oddities` in which of its known odd forms it comes.
    """

    def __init__(self, clock: Clock, transport: httpx.AsyncBaseTransport | None = None) -> None:
        super().__init__(clock, transport)
        self.base_url = BASE_URL
        self.webhooks: dict[str, str] = {}
        self.signed_by: Signer = "partner key"
        self.oddities: set[Oddity] = set()
        self._accounts: dict[str, BusinessMessages] = {}
        self._locks: dict[str, Lock] = {}
        self._state = State()

    def add_account(self, adapter: Adapter) -> None:
        """Opens an account with its signature keys and its agent."""
        if not isinstance(adapter, BusinessMessages) or not adapter.credentials or not adapter.agent:
            raise TypeError(
                "a Business Messages account needs credentials and an agent: use adapter.simulated(api_url)"
            )
        self._accounts[adapter.ta] = adapter
        self._locks.setdefault(adapter.ta, Lock())

    def remark(self, kind: RemarkKind, chat: Chat, detail: str = "") -> None:
        """Notes what the service lets pass."""
        self._remark(kind, chat.ta, chat.id, detail)

    async def verifies(self, ta: str) -> bool:
        """Checks the webhook as the console's button does: the right token must be answered, a wrong one must not."""
        token = self._accounts[ta].client_token.reveal()
        right = await self._check_webhook(ta, token)
        wrong = await self._check_webhook(ta, f"not-{token}")
        return right and not wrong

    async def posts(self, ta: str, body: bytes, *, name: str = "raw", signed_by: Signer | None = None) -> int:
        """Posts any bytes once, signed as told or as everything is; returns the status, 0 when nobody answered."""
        status, _ = await self._post(ta, "", name, body, self._sign(ta, body, signed_by or self.signed_by))
        return status

    async def repeats(self, ta: str, times: int) -> Sequence[int]:
        """Posts the newest payload so many times more, all at once; returns the statuses. Raises LookupError."""
        made = [one for one in self.wire.deliveries() if one.account == ta and one.name != "verify"]
        if not made:
            raise LookupError(f"nothing was delivered to {ta!r} yet")
        again = [self.posts(ta, made[-1].request, name=made[-1].name) for _ in range(times)]
        return await asyncio.gather(*again)

    async def redeliver(self) -> int:
        """Repeats what is due, and delivers receipts that wait; each agent's queue in order."""
        for chat in self._state.chats.values():
            if chat.ta in self._accounts:
                self._collect(chat)
        return sum([await self._drain(ta) for ta in list(self._state.pending) if ta in self._accounts])

    async def before_answer(self, chat: Chat) -> None:
        """Delivers a message's receipts while its sender still waits, where that oddity is set; a failed one waits."""
        if "early_receipts" not in self.oddities or not chat.unreported:
            return
        queue = self._state.pending.setdefault(chat.ta, [])
        # Not through the queue: it may be waiting for the very bot that is calling.
        for delivery in self._receipts(chat):
            if not await self._attempt(chat.ta, delivery):
                queue.append(delivery)
        self.on_change()

    def _queue(self, chat: Chat, name: str, payload: dict[str, Any]) -> None:
        self._collect(chat)
        self._state.pending.setdefault(chat.ta, []).append(self._delivery(chat, name, payload))

    def _collect(self, chat: Chat) -> None:
        """Moves a conversation's receipts into the queue."""
        self._state.pending.setdefault(chat.ta, []).extend(self._receipts(chat))

    def _receipts(self, chat: Chat) -> list[Delivery]:
        entries, chat.unreported = chat.unreported, []
        if "doubled_receipts" in self.oddities:
            entries = [entry for entry in entries for _ in range(2)]
        batches = [entries] if "batched_receipts" in self.oddities else [[entry] for entry in entries]
        payloads = [{"receipts": {"receipts": batch, "createTime": self._time()}} for batch in batches if batch]
        return [self._delivery(chat, "receipts", payload) for payload in payloads]

    def _delivery(self, chat: Chat, name: str, payload: dict[str, Any]) -> Delivery:
        self._state.sent += 1
        is_early = "wandering_times" in self.oddities and self._state.sent % 2 == 0
        sent_at = self.clock.now() - timedelta(minutes=1 if is_early else 0)
        envelope = {"agent": self._accounts[chat.ta].agent, "conversationId": chat.id}
        body = write_payload(envelope | payload | {"sendTime": nine_digits(sent_at)}, self.oddities)
        now = self.clock.timestamp()
        return Delivery(name, body, now, now, conversation=chat.id)

    async def _drain(self, ta: str) -> int:
        """Posts an agent's queue as far as it was when we came, until one fails or is not due; returns how many."""
        tried = 0
        async with self._locks[ta]:
            queue = self._state.pending.setdefault(ta, [])
            fresh = [delivery for delivery in queue if self.clock.timestamp() - delivery.made_at <= KEPT]
            is_changed, queue[:] = len(fresh) < len(queue), fresh
            for delivery in reversed(fresh) if "newest_first" in self.oddities else fresh:
                if delivery.due_at > self.clock.timestamp():
                    break
                tried += 1
                if not await self._attempt(ta, delivery):
                    break
                queue.remove(delivery)
        if tried or is_changed:
            self.on_change()
        return tried

    async def _attempt(self, ta: str, delivery: Delivery) -> bool:
        headers = self._sign(ta, delivery.body, self.signed_by)
        status, _ = await self._post(ta, delivery.conversation, delivery.name, delivery.body, headers)
        if status != 200:
            delivery.due_at = self.clock.timestamp() + min(FIRST_PAUSE * 2**delivery.tries, LONGEST_PAUSE)
            delivery.tries = min(delivery.tries + 1, 30)
        return status == 200

    def _sign(self, ta: str, body: bytes, signer: Signer) -> dict[str, str]:
        if signer == "nobody":
            return {}
        account = self._accounts[ta]
        key = account.client_token if signer == "client token" else account.keys[0]
        text = f"not-{key.reveal()}" if signer == "wrong key" else key.reveal()
        return {"X-Goog-Signature": b64encode(hmac.digest(text.encode(), body, "sha512")).decode()}

    async def _check_webhook(self, ta: str, token: str) -> bool:
        secret = str(uuid.uuid4().int)[:10]
        body = msgspec.json.encode({"clientToken": token, "secret": secret})
        return await self._post(ta, "", "verify", body, {}) == (200, secret.encode())

    async def _post(
        self, ta: str, conversation: str, name: str, body: bytes, signature: dict[str, str]
    ) -> tuple[int, bytes]:
        """Posts to the webhook; the status is 0 when it cannot be reached."""
        url = self.webhooks.get(ta) or f"{self.base_url}/webhooks/gbm?ta={quote(ta, safe='')}"
        headers = {"Content-Type": "application/json", **signature}
        began = self.clock.timestamp()
        try:
            response = await self.http.post(url, content=body, headers=headers)
            status, answer = response.status_code, response.content
        except httpx.HTTPError:
            status, answer = 0, b""
        if self.clock.timestamp() - began > SLOW:
            self._remark("slow_webhook", ta, conversation, name)
        logged = b"***" if name == "verify" else body
        self.wire.add(Exchange("inbound", self.clock.now(), ta, name, logged, status, answer, headers))
        return status, answer

    def _remark(self, kind: RemarkKind, ta: str, conversation: str, detail: str) -> None:
        made = Remark(kind, ta, conversation, self.clock.timestamp(), detail)
        self._state.remarks = [*self._state.remarks[1 - MEMORY :], made]

    def _time(self) -> str:
        return nine_digits(self.clock.now())


def nine_digits(at: datetime) -> str:
    """Returns the instant as Google writes it, with nanoseconds."""
    return f"{at:%Y-%m-%dT%H:%M:%S.%f}000Z"
