"""Counts each message before it is sent, and books what it costs where no session covers it."""

from functools import partial

import msgspec

from botkit.adapter import Adapter, Outcome, Receipt
from botkit.clock import Clock
from botkit.ledger import charged_entry, month_of
from botkit.outgoing import Outgoing
from botkit.store import Counted, Store, Verdict, insist
from botkit.turn import Turn

#: What a message's failure says of the limit that stopped it.
REASONS = {
    "row": "the session's limit of messages without an answer",
    "max": "the session's limit of messages",
    "hour": "the limit of messages in an hour without an answer",
    "session": "no session is open",
    "expired": "expired",
}

#: Outcomes that prove that the service does not have the message.
_REFUNDED = (Outcome.REFUSED, Outcome.THROTTLED, Outcome.NOT_SENT)


class Charging:
    """Asks the store whether a message may go, and books it in its account's month; never too few."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def count(self, adapter: Adapter, turn: Turn, outgoing: Outgoing) -> Counted:
        """Counts an attempt before it is made. One trip, two where no session covers the message.

        A third is needed where it goes out only free of charge, and the month has nothing free left.
        """
        rules = adapter.sessions
        if rules is None or outgoing.message.is_transient:
            return Counted(Verdict.DONE)
        account, month = _account(adapter), month_of(self._clock.now())
        # A broadcast waits for nobody.
        asked = msgspec.structs.replace(rules, at_limit="fail") if outgoing.broadcast else rules
        count = partial(self._store.count, turn, asked, account=account, month=month, expires_ms=outgoing.expires_ms)
        counted = await count(outside=rules.sends_outside)
        if counted.verdict is not Verdict.OUTSIDE:
            return counted
        charged_as = charged_entry(rules.prices, counted.country) if rules.at_limit == "charge" else ""
        entry = await self._store.buy(account, month, free=rules.free_per_month, charged_as=charged_as)
        if not entry:
            return await count(outside=False)
        return msgspec.structs.replace(counted, verdict=Verdict.DONE, purchase=f"{month}|{entry}")

    async def settle(self, adapter: Adapter, counted: Counted, receipt: Receipt) -> None:
        """Books how the service counted the message, and takes back what was paid if it does not have it."""
        entries: dict[str, int] = {}
        month = month_of(self._clock.now())
        if counted.purchase and receipt.outcome in _REFUNDED:
            month, entry = counted.purchase.split("|", 1)
            entries = {entry: -1}
        if adapter.sessions is not None and receipt.billing:
            entries[f"billing|{receipt.billing}"] = 1
        if entries:
            await insist(lambda: self._store.book(_account(adapter), month, entries))


def _account(adapter: Adapter) -> str:
    return f"{adapter.account.channel}:{adapter.account.ta}"
