"""What the send API answers about a message to many destinations: shape D, how far it has come, and each one's end."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from botkit.broadcast import Broadcast, Fate, Progress
from botkit.bulk import Enlisted
from botkit.deliveries import Delivery, Status
from botkit.outgoing import Hop
from botkit.send_api.answers import STATUSES, written
from botkit.submission import Submission

#: What a fate stands for where nothing else is known of a message any more.
ENDS: Mapping[Fate | None, Status] = {
    None: Status.COMMITTED,
    Fate.SENT: Status.SENT,
    Fate.FAILED: Status.FAILED,
    Fate.SKIPPED: Status.FAILED,
    Fate.DELIVERED: Status.DELIVERED,
    Fate.SEEN: Status.SEEN,
    Fate.UNDELIVERED: Status.FAILED,
}


class Taken(Struct, frozen=True, omit_defaults=True, rename="camel"):
    """What became of one destination of a request: its message, or why there is none."""

    destination: str
    traffic_account_id: str = ""
    message_id: str = ""
    error: str = ""


class BulkAnswer(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """Shape D: the bulk's id, and each destination in the order of the request; `id` is the caller's own."""

    id: str = ""
    bulk_id: str
    messages: tuple[Taken, ...]


class BulkState(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """How far a bulk has come: of `total` destinations, how many were sent to, failed, or could not be written to.

    `delivered`, `seen` and `undelivered` count what was reported of those that were sent.
    """

    bulk_id: str
    id: str = ""
    reference: str = ""
    channel: str
    traffic_account_id: str
    stage: str
    total: int
    sent: int
    failed: int
    skipped: int
    delivered: int
    seen: int
    undelivered: int
    created_at: str
    started_at: str = ""
    ended_at: str = ""


class BulkMessage(Struct, frozen=True, rename="camel"):
    """One destination of a bulk, and how far its message is."""

    destination: str
    traffic_account_id: str
    message_id: str
    delivery_status: str


class BulkMessages(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """A page of a bulk's messages; `next` is where the next one begins, and is missing on the last."""

    bulk_id: str
    messages: tuple[BulkMessage, ...]
    next: str = ""


def taken_answer(enlisted: Enlisted, ta: str) -> Taken:
    """Returns what became of one destination."""
    if enlisted.problem:
        return Taken(enlisted.destination, error=enlisted.problem)
    return Taken(enlisted.destination, traffic_account_id=ta, message_id=enlisted.id)


def bulk_state(progress: Progress) -> BulkState:
    """Returns how far a bulk has come."""
    what, tally = progress.broadcast, progress.tally
    account = what.accounts[0]
    return BulkState(
        bulk_id=what.id,
        id=what.name,
        reference=what.bulk.reference if what.bulk else "",
        channel=account.channel,
        traffic_account_id=account.ta,
        stage=progress.stage.value,
        total=tally.total,
        sent=tally.sent,
        failed=tally.failed,
        skipped=tally.skipped,
        delivered=tally.delivered,
        seen=tally.seen,
        undelivered=tally.undelivered,
        created_at=written(progress.created_ms),
        started_at=written(progress.starts_ms) if progress.starts_ms else "",
        ended_at=written(progress.ended_ms) if progress.ended_ms else "",
    )


def message_line(broadcast: Broadcast, to: str, key: str, fate: Fate | None, delivery: Delivery | None) -> BulkMessage:
    """Returns one destination of a bulk; what was reported of its message is better than how its sending ended."""
    status = delivery.status if delivery else ENDS[fate]
    return BulkMessage(to, broadcast.accounts[0].ta, key, STATUSES[status])


def as_submission(progress: Progress, key: str, to: str) -> Submission:
    """Returns a bulk's message as if it had been asked for alone."""
    what = progress.broadcast
    bulk, account = what.bulk, what.accounts[0]
    hops: Sequence[Hop] = bulk.hops if bulk else ()
    return Submission(
        id=key,
        owner=bulk.owner if bulk else "",
        fingerprint="",
        account=(account.channel, account.ta),
        to=to,
        created_ms=progress.starts_ms or progress.created_ms,
        reference=bulk.reference if bulk else "",
        ways=tuple(hop.account for hop in hops),
    )
