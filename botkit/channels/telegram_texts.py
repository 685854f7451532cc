"""The commonest update of all, a new text and nothing else, read in one step.

Every member that it may have is named here: of one that has more, the general reader makes the event.
"""

from datetime import UTC, datetime
from typing import Annotated

import msgspec
from msgspec import Meta, Raw, Struct, field

from botkit.channels.telegram_types import Id, Seconds
from botkit.conversation import Account, Conversation, User
from botkit.events import MessageReceived, event_id
from botkit.payload import MAX_VALUES


class _Chat(Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    id: Id
    type: str = ""
    title: str = ""
    username: str = ""
    first_name: str = ""
    last_name: str = ""


class _Person(Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    id: Id
    is_bot: bool = False
    first_name: str = ""
    last_name: str = ""
    username: str = ""
    language_code: str = ""
    is_premium: bool = False


class _Text(Struct, frozen=True, forbid_unknown_fields=True):
    message_id: Id
    date: Seconds
    chat: _Chat
    sender: _Person = field(name="from")
    text: str


class _Update(Struct, frozen=True, forbid_unknown_fields=True):
    update_id: Annotated[int, Meta(ge=0, le=2**63 - 1)]
    message: _Text


# The update, its message, the chat and the sender.
_OBJECTS = 4

_decode = msgspec.json.Decoder(_Update).decode


def read_text(account: Account, body: bytes) -> MessageReceived | None:
    """Returns the event of an update that brings a text and nothing else: what `read_update` would return.

    None for all others, sound or not.
    """
    # At a glance, nearly all that it is not.
    if body.count(b"{") != _OBJECTS or len(body) > MAX_VALUES:
        return None
    try:
        update = _decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    message = update.message
    sender = message.sender
    # Without a date it is dated now; a command may begin a talk.
    if not message.date or message.text[:1] in ("", "/"):
        return None
    return MessageReceived(
        id=event_id(account, str(update.update_id)),
        at=datetime.fromtimestamp(message.date, UTC),
        conversation=Conversation(account, str(message.chat.id)),
        user=User(
            str(sender.id),
            f"{sender.first_name} {sender.last_name}".strip(),
            sender.username,
            sender.language_code,
        ),
        raw_json=Raw(body.strip()),
        message_id=str(message.message_id),
        text=message.text,
    )
