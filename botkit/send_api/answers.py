"""What the send API answers to what it did: the shapes that programs know from Mitto's interface."""

from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID, uuid5

from msgspec import Struct
from msgspec.structs import asdict, replace

from botkit.adapter import Adapter
from botkit.addresses import AddressKind
from botkit.deliveries import Delivery, Status
from botkit.hops import HORIZON
from botkit.submission import Stage, Submission

# Names our own ids: of senders and conversations.
_NAMESPACE = UUID("5c2f0d8e-6f0b-4d52-9a3e-2b7f1c9d4e60")

#: How each status is called in an answer.
STATUSES: Mapping[Status, str] = {
    Status.COMMITTED: "Ready",
    Status.SENT: "Sent",
    Status.DELIVERED: "Delivered",
    Status.SEEN: "Seen",
    Status.FAILED: "Failure",
    Status.EXPIRED: "Expired",
}


#: How a message is called that may not be in its outbox yet, and one of which nothing is known any more.
CREATED, UNKNOWN = "Created", "Unknown"

#: How a message is called that waits for its time, or that never went.
STAGES: Mapping[Stage, str] = {
    Stage.SCHEDULED: CREATED,
    Stage.CANCELLED: "Cancelled",
    Stage.EXPIRED: STATUSES[Status.EXPIRED],
}

#: How a way is called by the best that was heard of it; one of which nothing was is `Created`.
WAY_STATUSES: Mapping[str, str] = {
    "seen": "Seen",
    "delivered": "Delivered",
    "failed": "Failure",
    "skipped": "Failure",
    "expired": "Expired",
    "sent": "Sent",
    "taken": "Ready",
}


class Participant(Struct, frozen=True, omit_defaults=True, rename="camel"):
    """Who takes part: first the account, with its id and name, then the person."""

    id: str = ""
    phone_number: str = ""
    messaging_app_identifier: str = ""
    name: str = ""


class Talk(Struct, frozen=True):
    """A conversation, and who takes part in it."""

    id: str
    participants: tuple[Participant, ...]


class Message(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """One message as it was accepted; `id` is the caller's own. Instants are in UTC with seven digits of the second.

    Until `scheduledAt` it waits for its time.
    """

    message_id: str
    id: str = ""
    sender: Participant
    conversation: Talk
    created_at: str
    updated_at: str
    traffic_account_id: str
    delivery_status: str
    scheduled_at: str = ""


class Place(Struct, frozen=True, rename="camel"):
    """An account, and the channel that it is on."""

    channel: str
    traffic_account_id: str


class WayState(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """One of several ways of a message: `times` tell when it was taken, skipped or overdue, and what was heard."""

    message_id: str
    channel: str
    traffic_account_id: str
    delivery_status: str
    times: Mapping[str, str] = {}
    reason: str = ""


class MessageState(Message, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """A message and what became of it: `times` tell when it came to each status that it has had.

    `hops` are its ways, where it has several; with `mayBeDouble`, more than one of them may have brought it.
    """

    status: str
    times: Mapping[str, str]
    account: Place
    reference: str = ""
    hops: tuple[WayState, ...] = ()
    may_be_double: bool = False


class Listed(Struct, frozen=True, rename="camel"):
    """A message in a list."""

    message_id: str
    traffic_account_id: str


class MessageList(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The messages of a request; `id` is the caller's own."""

    id: str = ""
    messages: tuple[Listed, ...]


def message_answer(submission: Submission, adapter: Adapter | None, name: str) -> Message:
    """Returns shape A: one message as it was accepted; `name` is the sender's."""
    channel, ta = submission.account
    sender = _participant(adapter, ta, id=_uuid(f"account|{channel}|{ta}"), name=name)
    created_at = written(submission.created_ms)
    scheduled_at = scheduled(submission, datetime.fromtimestamp(submission.created_ms / 1000, UTC))
    return Message(
        message_id=submission.id,
        id=submission.tag,
        sender=sender,
        conversation=Talk(
            id=_uuid(f"conversation|{submission.conversation.key}"),
            participants=(sender, _participant(adapter, submission.to)),
        ),
        created_at=created_at,
        updated_at=created_at,
        traffic_account_id=ta,
        delivery_status=CREATED if scheduled_at else STATUSES[Status.COMMITTED],
        scheduled_at=scheduled_at,
    )


def list_answer(submission: Submission) -> MessageList:
    """Returns shape B: the id of a message in a list of one."""
    return MessageList(id=submission.tag, messages=(Listed(submission.id, submission.account[1]),))


def ids_answer(submission: Submission) -> list[str]:
    """Returns shape C: an id for each way that the message may go, in order; the first is the message's own."""
    return [submission.id, *(f"{submission.id}.{number}" for number in range(1, len(submission.ways)))]


def state_answer(
    submission: Submission, adapter: Adapter | None, name: str, delivery: Delivery | None, *, now: datetime
) -> MessageState:
    """Returns a message as it was accepted, and what became of it since."""
    accepted = message_answer(submission, adapter, name)
    status, called = _status(submission, delivery, now)
    times = _times(submission, delivery)
    fields = asdict(accepted) | {
        "updated_at": max(times.values()),
        "delivery_status": called,
        "scheduled_at": scheduled(submission, now) if submission.stage is Stage.SCHEDULED else "",
    }
    return MessageState(
        **fields,
        status=status,
        times=times,
        account=Place(*submission.account),
        reference=submission.reference,
        hops=tuple(_way(submission, number, delivery) for number in range(len(submission.ways))),
        may_be_double=delivery is not None and delivery.may_be_double,
    )


def _times(submission: Submission, delivery: Delivery | None) -> dict[str, str]:
    """Returns when a message came to each status that it has had."""
    first = Stage.SCHEDULED.value if submission.schedule else Status.COMMITTED.value
    times = {first: written(submission.created_ms)}
    if submission.stage is not Stage.STARTED:
        decided = {submission.stage.value: submission.decided_ms}
    else:
        decided = {Status.COMMITTED.value: submission.decided_ms}
        times |= {each.value: _written(at) for each, at in delivery.times.items()} if delivery else {}
    return {word: written(ms) for word, ms in decided.items() if ms} | times


def scheduled(submission: Submission, now: datetime) -> str:
    """Returns when what waits for its time goes, as far as can be said at `now`; an empty text where it may go then."""
    at = submission.schedule.next_at(now) if submission.schedule else None
    return _written(at) if at and at > now else ""


def _status(submission: Submission, delivery: Delivery | None, now: datetime) -> tuple[str, str]:
    """Returns a status in the service's own words, and as answers call it."""
    if submission.stage is not Stage.STARTED:
        return submission.stage.value, STAGES[submission.stage]
    if delivery:
        return delivery.status.value, STATUSES[delivery.status]
    if submission.parts:
        # Its caller was not told that it is taken.
        return "created", CREATED
    if now.timestamp() - (submission.decided_ms or submission.created_ms) / 1000 > HORIZON:
        return "unknown", UNKNOWN
    # Where a service reports nothing, there is nothing to keep of what has left the outbox.
    return Status.SENT.value, STATUSES[Status.SENT]


def of_way(state: MessageState, number: int) -> MessageState:
    """Returns what became of one way, in place of the whole message."""
    way = state.hops[number]
    return replace(
        state,
        message_id=way.message_id,
        traffic_account_id=way.traffic_account_id,
        delivery_status=way.delivery_status,
        status=way.delivery_status.lower(),
        times=way.times,
        updated_at=max(way.times.values(), default=state.created_at),
        account=Place(way.channel, way.traffic_account_id),
        hops=(),
    )


def _way(submission: Submission, number: int, delivery: Delivery | None) -> WayState:
    channel, ta = submission.ways[number]
    known = next((hop for hop in delivery.hops if hop.number == number), None) if delivery else None
    times = known.times if known else {}
    status = next((word for told, word in WAY_STATUSES.items() if told in times), CREATED)
    return WayState(
        message_id=ids_answer(submission)[number],
        channel=channel,
        traffic_account_id=ta,
        delivery_status=status,
        times={told: _written(at) for told, at in times.items()},
        reason=known.reason if known else "",
    )


def written(milliseconds: int) -> str:
    """Returns an instant as answers write it."""
    return _written(datetime.fromtimestamp(milliseconds / 1000, UTC))


def _written(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"


def _participant(adapter: Adapter | None, address: str, *, id: str = "", name: str = "") -> Participant:
    if adapter and adapter.address is AddressKind.PHONE:
        return Participant(id=id, phone_number=address, name=name)
    return Participant(id=id, messaging_app_identifier=address, name=name)


def _uuid(name: str) -> str:
    return str(uuid5(_NAMESPACE, name))
