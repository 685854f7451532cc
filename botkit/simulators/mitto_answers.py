"""What the simulated Mitto says of its messages: the object of one, and the four shapes of an answer."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from botkit.simulators.mitto_servers import Servers, fixed_id, told_time
from botkit.simulators.mitto_state import Message

#: The networks whose people are named by their number.
PHONES = frozenset({"sms", "viber", "whatsapp"})


def message_object(servers: Servers, message: Message) -> dict[str, Any]:
    """Returns a message as the first version of the API and webhooks tell it."""
    sender = sender_object(servers, message.ta)
    viber = {"id": fixed_id("id", message.id)} if message.via == "viber" else {}
    return {
        **viber,
        "messageId": message.id,
        "sender": sender,
        "conversation": {
            "id": fixed_id("conversation", message.ta, message.address),
            "participants": [sender, {_name_of(message.via): message.destination}],
        },
        "createdAt": told_time(message.created_at),
        "updatedAt": told_time(message.updated_at),
        "trafficAccountId": message.ta,
        "deliveryStatus": servers.word(message.status),
        **servers.extras,
    }


def stored_object(servers: Servers, message: Message) -> dict[str, Any]:
    """Returns a message as it is read back: with what was sent."""
    request = {"trafficAccountId": message.ta, "destination": message.destination, message.via: message.content}
    known: dict[str, Any] = {"text": text_of(message), "requestInfo": request}
    if message.via == "sms":
        known["messageParts"] = parts_of(text_of(message))
    if message.description:
        known["description"] = message.description
    if message.reference:
        known["reference"] = message.reference
    return message_object(servers, message) | known


def sender_object(servers: Servers, ta: str) -> dict[str, Any]:
    """Returns the account's side of a conversation."""
    account = servers.accounts.get(ta)
    via, name = (account.via, account.sender or ta) if account else ("sms", ta)
    return {"id": fixed_id("sender", ta), _name_of(via): name, "name": name}


def single_answer(servers: Servers, message: Message, version: str) -> Any:
    """Returns the answer to a single message, in the shape of the version."""
    if servers.shapes[version] == "A":
        return message_object(servers, message)
    return {"messages": [_entry(servers, message)], **servers.extras}


def failover_answer(servers: Servers, messages: Sequence[Message]) -> Any:
    """Returns the answer to a message with a failover: its steps in the order of the accounts."""
    if servers.failover_shape == "C":
        return [message.id for message in messages]
    return {"messages": [_entry(servers, message) for message in messages], **servers.extras}


def bulk_answer(servers: Servers, messages: Sequence[Message], *, names_destinations: bool = True) -> Mapping[str, Any]:
    """Returns the answer to a bulk: every message, each with its destination where the call is for many."""
    ordered = list(reversed(messages)) if servers.shuffles else messages
    entries = [
        ({"destination": message.destination} if names_destinations else {}) | _entry(servers, message)
        for message in ordered
    ]
    return {"bulkId": str(uuid4()), "messages": entries, **servers.extras}


def text_of(message: Message) -> str | None:
    """Returns the text of a message, None where it has none."""
    content = message.content
    match message.via:
        case "gbm" | "telegram":
            return content["text"]["message"] if "text" in content else None
        case "whatsapp":
            text = content.get(content["type"], {}).get("text")
            return text if isinstance(text, str) else None
    return content.get("text")


def parts_of(text: str | None) -> int:
    """Returns into how many an SMS is split."""
    text = text or ""
    one, several = (160, 153) if text.isascii() else (70, 67)
    return 1 if len(text) <= one else -(-len(text) // several)


def _entry(servers: Servers, message: Message) -> dict[str, Any]:
    return {"trafficAccountId": message.ta, "messageId": message.id, **servers.extras}


def _name_of(via: str) -> str:
    return "phoneNumber" if via in PHONES else "messagingAppIdentifier"
