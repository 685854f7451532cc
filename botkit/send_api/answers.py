"""What the send API answers to what it did: the shapes that programs know from Mitto's interface."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

from botkit.adapter import Adapter
from botkit.addresses import AddressKind
from botkit.store import Delivery, Status
from botkit.submission import Submission

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


def message_answer(submission: Submission, adapter: Adapter | None, name: str) -> dict[str, Any]:
    """Returns shape A: one message as it was accepted; `name` is the sender's."""
    member = "phoneNumber" if adapter and adapter.address is AddressKind.PHONE else "messagingAppIdentifier"
    channel, ta = submission.account
    sender = {"id": _uuid(f"account|{channel}|{ta}"), member: ta, "name": name}
    created = written(submission.created_ms)
    return {
        "messageId": submission.id,
        **_own(submission),
        "sender": sender,
        "conversation": {
            "id": _uuid(f"conversation|{submission.conversation.key}"),
            "participants": [sender, {member: submission.to}],
        },
        "createdAt": created,
        "updatedAt": created,
        "trafficAccountId": ta,
        "deliveryStatus": STATUSES[Status.COMMITTED],
    }


def list_answer(submission: Submission) -> dict[str, Any]:
    """Returns shape B: the id of a message in a list of one."""
    return {
        **_own(submission),
        "messages": [{"messageId": submission.id, "trafficAccountId": submission.account[1]}],
    }


def status_answer(
    submission: Submission, adapter: Adapter | None, name: str, delivery: Delivery | None
) -> dict[str, Any]:
    """Returns a message as it was accepted, and what became of it since."""
    status = delivery.status if delivery else Status.SENT
    times = {each.value: written_at(at) for each, at in delivery.times.items()} if delivery else {}
    reference = {"reference": submission.reference} if submission.reference else {}
    accepted = message_answer(submission, adapter, name)
    times = {Status.COMMITTED.value: accepted["createdAt"], **times}
    return {
        **accepted,
        **reference,
        "updatedAt": max(times.values()),
        "deliveryStatus": STATUSES[status],
        "status": status.value,
        "times": times,
        "account": {"channel": submission.account[0], "trafficAccountId": submission.account[1]},
    }


def written(milliseconds: int) -> str:
    """Returns an instant as answers write it: in UTC, with seven digits of the second."""
    return written_at(datetime.fromtimestamp(milliseconds / 1000, UTC))


def written_at(at: datetime) -> str:
    """Returns an instant as answers write it: in UTC, with seven digits of the second."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"


def _own(submission: Submission) -> dict[str, str]:
    return {"id": submission.tag} if submission.tag else {}


def _uuid(name: str) -> str:
    return str(uuid5(_NAMESPACE, name))
