"""How the simulated Telegram delivers updates: in order, with the secret, and again on its own schedule."""

import asyncio
import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import msgspec

from botkit.clock import Clock
from botkit.redaction import MASK
from botkit.simulators.telegram_methods import METHODS
from botkit.simulators.telegram_parameters import ApiError, Parameters, read_parameters
from botkit.simulators.telegram_queue import add_update, drop_expired
from botkit.simulators.telegram_state import BotState, Pending, Webhook
from botkit.simulators.wire import Exchange, Wire

SECRET_HEADER = "x-telegram-bot-api-secret-token"  # noqa: S105 - the header's name
#: After so many seconds of nothing but 410 Gone the webhook is removed.
GONE_SECONDS = 23 * 3600

#: Answers may hold any call but these and those that get something.
_IGNORED = ("setwebhook", "deletewebhook", "close", "logout")


class Courier:
    """Takes updates to webhooks: one at a time in each queue, queues beside each other up to `max_connections`.

    `call` carries out the method that a webhook's answer may hold; `changed` is called after every change, `queued`
    with the bot of every new update. While `is_holding`, updates wait for a flush.
    """

    def __init__(
        self,
        clock: Clock,
        http: httpx.AsyncClient,
        wire: Wire,
        call: Callable[[str, str, Parameters], Any],
        changed: Callable[[], None],
        queued: Callable[[str], None],
    ) -> None:
        self._clock = clock
        self._http = http
        self._wire = wire
        self._call = call
        self._changed = changed
        self._queued = queued
        self.is_holding = False
        self._locks: defaultdict[tuple[str, str], asyncio.Lock] = defaultdict(asyncio.Lock)
        self._connections: dict[tuple[str, int], asyncio.Semaphore] = {}

    async def emit(self, ta: str, bot: BotState, kind: str, payload: Mapping[str, Any]) -> None:
        """Queues an update and tries to deliver it, unless its kind was not asked for."""
        update = self.queue(ta, bot, kind, payload)
        if update and not self.is_holding:
            await self._flush_queue(ta, bot, update.queue)

    def queue(self, ta: str, bot: BotState, kind: str, payload: Mapping[str, Any]) -> Pending | None:
        """Queues an update, unless its kind was not asked for; the next flush delivers it."""
        update = add_update(bot, kind, payload, self._clock.timestamp())
        if update:
            self._changed()
            self._queued(ta)
        return update

    async def flush(self, ta: str, bot: BotState, *, is_swapped: bool = False) -> int:
        """Delivers what is due, each queue beside the others; returns how many deliveries were tried."""
        queues = list(dict.fromkeys(update.queue for update in bot.pending))
        if is_swapped:
            return sum([await self._flush_queue(ta, bot, queue) for queue in reversed(queues)])
        return sum(await asyncio.gather(*(self._flush_queue(ta, bot, queue) for queue in queues)))

    async def _flush_queue(self, ta: str, bot: BotState, queue: str) -> int:
        tried = 0
        most = bot.webhook.max_connections
        connections = self._connections.setdefault((ta, most), asyncio.Semaphore(most))
        async with self._locks[ta, queue]:
            while update := self._next_due(bot, queue):
                tried += 1
                async with connections:
                    is_taken = await self._deliver(ta, bot, update)
                if not is_taken:
                    break
        return tried

    def _next_due(self, bot: BotState, queue: str) -> Pending | None:
        now = self._clock.timestamp()
        drop_expired(bot, now)
        head = next((update for update in bot.pending if update.queue == queue), None)
        return head if head and bot.webhook.url and head.due_at <= now else None

    async def _deliver(self, ta: str, bot: BotState, update: Pending) -> bool:
        webhook = bot.webhook
        headers = {"content-type": "application/json", "accept-encoding": "gzip, deflate"}
        secret = {SECRET_HEADER: webhook.secret} if webhook.secret else {}
        response, failure = await self._post(webhook.url, update.body, headers | secret)
        status, answer = (response.status_code, response.content) if response else (0, b"")
        shown = headers | dict.fromkeys(secret, MASK)
        body = update.body.encode()
        self._wire.add(Exchange("inbound", self._clock.now(), ta, update.kind, body, status, answer, shown))
        if failure:
            self._fail(bot, webhook, update, failure, response)
        else:
            webhook.gone_since = 0
            bot.pending[:] = [other for other in bot.pending if other is not update]
        if response and not failure:
            self._carry_out(ta, response)
        self._changed()
        return not failure

    async def _post(self, url: str, body: str, headers: Mapping[str, str]) -> tuple[httpx.Response | None, str]:
        try:
            response = await self._http.post(url, content=body.encode(), headers=headers)
        except httpx.TimeoutException:
            return None, "Read timeout expired"
        except httpx.ConnectError:
            return None, "Connection refused"
        except httpx.HTTPError:
            return None, "Webhook connection closed"
        if response.is_success:
            return response, ""
        return response, f"Wrong response from the webhook: {response.status_code} {response.reason_phrase}"

    def _fail(
        self, bot: BotState, webhook: Webhook, update: Pending, failure: str, response: httpx.Response | None
    ) -> None:
        now = self._clock.timestamp()
        update.tries += 1
        # At once after the first failure, then doubling to a time that differs between updates.
        delay = 0 if update.tries == 1 else min(2 ** (update.tries - 1), 60 + update.update_id % 61)
        wish = response.headers.get("retry-after", "") if response else ""
        update.due_at = now + (min(int(wish), 3600) if re.fullmatch(r"[0-9]{1,9}", wish) else delay)
        webhook.failed_at, webhook.failure = now, failure
        is_gone = response is not None and response.status_code == 410
        webhook.gone_since = (webhook.gone_since or now) if is_gone else 0
        if is_gone and now - webhook.gone_since >= GONE_SECONDS:
            bot.webhook = Webhook(allowed_updates=webhook.allowed_updates)

    def _carry_out(self, ta: str, response: httpx.Response) -> None:
        """Carries out the one call that a webhook's answer may hold; nobody ever learns of its result."""
        parameters = _answered_call(response)
        method = parameters.get("method").lower()
        if method not in METHODS or method.startswith("get") or method in _IGNORED:
            return
        try:
            status, answer = 200, msgspec.json.encode({"ok": True, "result": self._call(ta, method, parameters)})
        except ApiError as error:
            status, answer = error.code, msgspec.json.encode(error.envelope)
        name = parameters.get("method")
        self._wire.add(Exchange("outbound", self._clock.now(), ta, name, response.content, status, answer))


def _answered_call(response: httpx.Response) -> Parameters:
    content_type = response.headers.get("content-type", "")
    try:
        return read_parameters("", content_type, response.content)
    except ApiError:
        return Parameters({})
