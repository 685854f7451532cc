"""Updates of the simulated Telegram by polling, which one bot does once at a time and never beside a webhook.

https://core.telegram.org/bots/api#getupdates
"""

import asyncio
from typing import Any

import msgspec

from botkit.simulators.telegram_parameters import ApiError, Parameters
from botkit.simulators.telegram_queue import drop_expired
from botkit.simulators.telegram_state import BotState
from botkit.simulators.telegram_webhooks import read_allowed

MAX_UPDATES = 100
MAX_SECONDS = 50

_HAS_WEBHOOK = "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
_OTHER = "terminated by other getUpdates request; make sure that only one bot instance is running"


class Polls:
    """The calls of getUpdates that wait, one for each bot."""

    def __init__(self) -> None:
        self._waiting: dict[str, asyncio.Future[str]] = {}

    async def read(self, ta: str, bot: BotState, parameters: Parameters, now: float) -> list[Any]:
        """Returns the updates from an offset on; waits for one when there is none and a timeout is given.

        What is below the offset is confirmed, and gone. Raises ApiError beside a webhook, or when another call for
        the bot comes meanwhile.
        """
        if bot.webhook.url:
            raise ApiError(409, _HAS_WEBHOOK)
        self._end(ta, _OTHER)
        bot.webhook.allowed_updates = read_allowed(parameters, bot.webhook.allowed_updates)
        drop_expired(bot, now)
        _confirm(bot, parameters.integer("offset"))
        seconds = min(max(parameters.integer("timeout"), 0), MAX_SECONDS)
        if not bot.pending and seconds:
            await self._wait(ta, seconds)
        limit = min(max(parameters.integer("limit", MAX_UPDATES), 1), MAX_UPDATES)
        return [msgspec.json.decode(update.body) for update in bot.pending[:limit]]

    async def _wait(self, ta: str, seconds: float) -> None:
        future = asyncio.get_running_loop().create_future()
        self._waiting[ta] = future
        try:
            done, _ = await asyncio.wait([future], timeout=seconds)
        finally:
            if self._waiting.get(ta) is future:
                del self._waiting[ta]
        if done and (refusal := future.result()):
            raise ApiError(409, refusal)

    def _end(self, ta: str, refusal: str) -> None:
        future = self._waiting.pop(ta, None)
        if future and not future.done():
            future.set_result(refusal)

    def wake(self, ta: str) -> None:
        """Lets a waiting call of the bot go on: there is an update."""
        self._end(ta, "")

    def stop(self, ta: str) -> None:
        """Refuses a waiting call of the bot: a webhook was set."""
        self._end(ta, "terminated by setWebhook request")


def _confirm(bot: BotState, offset: int) -> None:
    if offset < 0:
        bot.pending[:] = bot.pending[offset:]
    elif offset:
        bot.pending[:] = [update for update in bot.pending if update.update_id >= offset]
