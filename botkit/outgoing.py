"""A message on its way, and the ways that it may go."""

from typing import Literal

import msgspec
from msgspec import Struct

from botkit.events import Choice, SignalReceived
from botkit.messages import AnyMessage


class Hop(Struct, frozen=True, omit_defaults=True):
    """One way of a message: its account, and its conversation there.

    `to` is empty where the conversation is looked up, by the person's contact record, when the way is taken. Within
    `seconds` (0 = without end) the message must have reached `status`; a refusal ends the way at once. `message` is
    what is said this way; None stands for the trail's own message, made fit for the service.
    """

    account: tuple[str, str]
    to: str = ""
    seconds: float = 0
    status: Literal["sent", "delivered", "seen"] = "delivered"
    message: AnyMessage | None = None


class Trail(Struct, frozen=True, omit_defaults=True):
    """The ways of a message that has several, or of whose fate somebody outside is to hear.

    `home` is the conversation that keeps its whole history: channel, account and id. Of its `hops`, in order, it takes
    the one with the number `hop`, and with it the `joined - 1` after that, where one service looks after them all; it
    took it at `since_ms`. `message` is what was decided on, before it was made fit for one service. `phone` is the
    person's number, as far as it is known. `notify` names who is to hear of each step. `key` is the message's own,
    where it goes under another by now; `is_part` marks what only goes ahead of the part that stands for the message.
    """

    home: tuple[str, str, str]
    hops: tuple[Hop, ...]
    message: AnyMessage
    hop: int = 0
    joined: int = 1
    since_ms: int = 0
    phone: str = ""
    notify: str = ""
    key: str = ""
    is_part: bool = False

    @property
    def ways(self) -> tuple[Hop, ...]:
        """The ways that are taken now, mostly one."""
        return self.hops[self.hop : self.hop + self.joined]

    @property
    def has_more(self) -> bool:
        """Whether other ways follow."""
        return self.hop + self.joined < len(self.hops)

    @property
    def seconds(self) -> float:
        """How long the ways that are taken now have together; 0 is without end."""
        each = [way.seconds for way in self.ways]
        return sum(each) if all(each) else 0

    @property
    def awaited(self) -> Literal["", "sent", "delivered", "seen"]:
        """What must be reached in that time; empty if there is no end to it."""
        return self.ways[-1].status if self.seconds else ""


class Outgoing(Struct, frozen=True, omit_defaults=True):
    """A message on its way: its key, where it goes, and the event that led to it.

    `key` is the id of that event and a two-digit index: the same on every execution of the handler, so that
    a service which takes idempotency keys drops a repeat.
    """

    key: str
    account: tuple[str, str]
    to: str
    message: AnyMessage
    created_ms: int = 0
    # True for what a handler of MessageFailed sent: its own failure raises no further event.
    is_last_word: bool = False
    # What a typed answer may pick, where the message goes to another conversation than the event's.
    menu: tuple[Choice, ...] = ()
    # The id and index of the broadcast that it is a part of: replies go first.
    broadcast: str = ""
    # What the other conversation hears in place of a message; `message` then only names it.
    signal: SignalReceived | None = None
    # True for what another conversation could not send: it does not fail over a second time.
    has_failed_over: bool = False
    # Its ways, where it has several; None for a message that goes as it stands or not at all.
    trail: Trail | None = None

    @property
    def expires_ms(self) -> int:
        """When it is worth nothing any more, in milliseconds since the epoch; 0 is never."""
        ttl = self.message.ttl
        return self.created_ms + round(ttl * 1000) if ttl else 0


encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(Outgoing).decode
