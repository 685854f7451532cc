"""Removes what is kept no longer, now and then, one process at a time."""

import structlog

from botkit.conversation import Account
from botkit.store import Store

#: How often it is looked for what is kept no longer, and how long one process may be at it; in seconds.
EVERY, LEASE = 3600.0, 1800.0

log = structlog.get_logger("botkit.sweeper")

# Stands among the accounts: what is due there is asked for in the same way.
_NAME = Account("botkit", "sweep")


class Sweeper:
    """Any number of processes have one; of these, one works in each hour.

    People of whom nothing was heard for `idle` seconds are forgotten, unless something waits for them; with 0 nobody.
    """

    def __init__(self, store: Store, *, idle: float = 0) -> None:
        self._store = store
        self._idle = idle
        self._token = store.new_token()

    async def step(self) -> float:
        """Removes what is due; returns the seconds until it should be called again. Raises StoreUnavailableError."""
        turn = await self._store.accounts.begin_poll(_NAME, self._token, every=EVERY, lease=LEASE)
        if turn.wait:
            return turn.wait
        if forgotten := await self._store.sweep(idle=self._idle):
            log.info("forgot people who stayed away", people=forgotten)
        await self._store.accounts.end_poll(_NAME, self._token, every=EVERY, cursor=None)
        return EVERY
