"""What the services report of messages: matched to the message, each step told once."""

from collections.abc import Awaitable, Iterator, Mapping
from datetime import UTC, datetime

from msgspec.structs import replace

from botkit.adapter import Adapter, Receipt
from botkit.broadcast import Fate, spot_of
from botkit.conversation import Account, Conversation, digest
from botkit.deliveries import Status
from botkit.events import Event, MessageDelivered, MessageExpired, MessageFailed, MessageSeen, encode, event_id
from botkit.hops import is_followed
from botkit.outgoing import Outgoing
from botkit.store import Store, Verdict, insist
from botkit.timer import LATER, Timer
from botkit.trails import as_told
from botkit.turn import Turn

#: How long a report waits for the message that it is about to be known, in seconds, and how many do at a time.
PATIENCE = 600.0
MAX_PARKED = 1000

#: What an id leads to begins with it where a failure is not the message's: the service goes on by another way.
OPEN = "+"

_STATUSES: Mapping[type[Event], Status] = {
    MessageDelivered: Status.DELIVERED,
    MessageSeen: Status.SEEN,
    MessageFailed: Status.FAILED,
    MessageExpired: Status.EXPIRED,
}

# Of a broadcast; what was seen did arrive.
_FATES: Mapping[Status, tuple[Fate, ...]] = {
    Status.DELIVERED: (Fate.DELIVERED,),
    Status.SEEN: (Fate.DELIVERED, Fate.SEEN),
    Status.FAILED: (Fate.UNDELIVERED,),
    Status.EXPIRED: (Fate.UNDELIVERED,),
}


class Reports:
    """Reads the reports on messages.

    A message ends as delivered and then perhaps seen, as failed unless it arrives after all, or as expired. What comes
    again, too late or in the wrong order is no news. A report that overtakes the answer to the send waits for it.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def read(self, turn: Turn, event: Event) -> Event | Verdict:
        """Returns an event to handle, a report with its message's key; any other event as it is.

        A report of one way of several comes as what the message's home is to hear. DONE if it is no news, WAITING if
        the report was put aside, and the turn is over. A report of a message that is not known has no key. Raises
        StoreUnavailableError.
        """
        status = _STATUSES.get(type(event))
        if status is None or not isinstance(event, (MessageDelivered, MessageSeen, MessageFailed, MessageExpired)):
            return event
        if not event.receipt_id and status is not Status.EXPIRED:
            return event
        key = event.message_key or await insist(lambda: self._store.deliveries.find(turn.cid, event.receipt_id))
        # What was put aside comes back under another id.
        if not key and turn.record.queued and turn.id == event.id:
            parked = await self._park(turn, event.receipt_id)
            if parked is None:
                return Verdict.WAITING
            key = parked
        if not key:
            return event
        if told := as_told(key, event, status):
            return told
        if key.startswith(OPEN) and status in (Status.FAILED, Status.EXPIRED):
            return Verdict.DONE
        key = key.removeprefix(OPEN)
        expiry = _expiry_name(event.account, key)
        is_news = await insist(lambda: self._store.deliveries.note(turn.cid, key, status, event.id, expiry=expiry))
        if is_news and (spot := spot_of(key)):
            await insist(lambda: self._store.broadcasts.note(spot, *_FATES[status]))
        return replace(event, message_key=key) if is_news else Verdict.DONE

    async def _park(self, turn: Turn, receipt_id: str) -> str | None:
        name = f"{LATER}{digest(f'parked|{turn.id}')}"
        return await insist(
            lambda: self._store.deliveries.park(turn, receipt_id, name=name, seconds=PATIENCE, most=MAX_PARKED)
        )


def receipts(
    store: Store, adapter: Adapter, turn: Turn, outgoing: Outgoing, receipt: Receipt, *, now: float
) -> Iterator[Awaitable[None]]:
    """Yields what notes that the service's ids stand for a message that was sent `now`, in the order of their use.

    Nothing where the service reports nothing, and where the message's home has to know them.
    """
    if is_followed(outgoing) or not (receipt.id and adapter.has_receipts):
        return
    to = Conversation(Account(*outgoing.account), outgoing.to)
    if adapter.finds_by_receipt:
        yield store.accounts.remember(to.account, receipt.id, to.id)
    # Of a cascade in the service's own words, each way has an id, and only the last one's failure is the message's.
    *ahead, last = (receipt.id, *receipt.others)
    until = expiry(outgoing, to, now)
    yield store.deliveries.sent(turn, last, created_ms=outgoing.created_ms, expiry=until)
    for each in ahead:
        yield store.deliveries.sent(turn, each, created_ms=0, expiry=None, mark=OPEN + turn.id)


def expiry(outgoing: Outgoing, conversation: Conversation, now: float) -> Timer | None:
    """Returns what tells that a message sent `now` was not delivered in time; None for one that has all the time."""
    if not outgoing.message.ttl:
        return None
    due_ms = round(1000 * (now + outgoing.message.ttl))
    event = expired(outgoing.key, conversation, datetime.fromtimestamp(due_ms / 1000, UTC))
    return Timer(_expiry_name(conversation.account, outgoing.key), due_ms, encode(event))


def expired(key: str, conversation: Conversation, at: datetime) -> MessageExpired:
    """Returns the event that a message was not sent, or not delivered, while it was worth anything; one a message."""
    return MessageExpired(id=_expiry_id(conversation.account, key), at=at, conversation=conversation, message_key=key)


def _expiry_id(account: Account, key: str) -> str:
    return event_id(account, f"expired|{key}")


def _expiry_name(account: Account, key: str) -> str:
    return f"{LATER}{_expiry_id(account, key)}"
