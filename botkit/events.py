"""What happened, as every channel tells it: typed, frozen, stored before it is answered."""

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any, Literal

import msgspec
from msgspec import Raw, Struct

from botkit.conversation import Account, Conversation, User, digest

MediaKind = Literal["image", "video", "audio", "voice", "file", "sticker", "animation", "video_note"]


def event_id(account: Account, native: str) -> str:
    """Returns the 22-character id of an event: the same for every delivery of the same native id to one account."""
    return digest(f"{account.channel}|{account.ta}|{native}")


class Media(Struct, frozen=True, omit_defaults=True):
    """A file that somebody sent: by the service's `file_id`, or by a `url` that may stop working at `expires_at`."""

    kind: MediaKind
    file_id: str = ""
    url: str = ""
    name: str = ""
    mime: str = ""
    size: int | None = None
    duration: float | None = None
    width: int | None = None
    height: int | None = None
    expires_at: datetime | None = None


class Point(Struct, frozen=True, omit_defaults=True):
    """A place on earth in degrees, with its name and address where the service gives them."""

    latitude: float
    longitude: float
    name: str = ""
    address: str = ""


class SharedContact(Struct, frozen=True, omit_defaults=True):
    """A phone number somebody shared; `is_own` only where the service proves that it is the sender's."""

    phone: str
    name: str = ""
    is_own: bool = False


class Choice(Struct, frozen=True, array_like=True):
    """One entry of a menu: what it says and what picking it means."""

    label: str
    value: str


class Event(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", rename={"raw_json": "raw"}):
    """A normalised inbound fact.

    `id` is the same on every redelivery: use it as the idempotency key of whatever a handler does outside `ctx`.
    `at` is the service's time of the fact, aware; handlers see a conversation's events in the order of acceptance.
    """

    id: str
    at: datetime
    conversation: Conversation
    user: User | None = None
    raw_json: Raw = Raw(b"null")

    @property
    def account(self) -> Account:
        """The identity of ours that was spoken to."""
        return self.conversation.account

    @property
    def channel(self) -> str:
        """The network's name, such as `telegram`."""
        return self.conversation.account.channel

    @property
    def locale(self) -> str:
        """The person's language tag as the service gave it, or an empty string."""
        return self.user.locale if self.user else ""

    @property
    def raw(self) -> Any:
        """The service's own payload, decoded anew at each call; integers are exact."""
        return msgspec.json.decode(self.raw_json)

    @property
    def is_from_user(self) -> bool:
        """Whether it counts as an answer of the person: what waited for one may go out."""
        return False

    @property
    def opens(self) -> bool | None:
        """Whether the person can be written to from here on; None where the event says nothing of it."""
        return True if self.is_from_user else None

    @property
    def moves_to(self) -> str:
        """The id under which the service goes on with this conversation; empty where it stays what it is."""
        return ""

    @property
    def moves_from(self) -> str:
        """The id of the conversation that this one continues, where it begins with this event; else empty."""
        return ""


class _UserAct(Event, frozen=True, kw_only=True, omit_defaults=True):
    @property
    def is_from_user(self) -> bool:
        return True


class MessageReceived(_UserAct, frozen=True, kw_only=True, omit_defaults=True, tag="message_received"):
    """Somebody wrote; `text` is also the caption of `media`. `edited` marks a new version of an earlier message.

    Files sent as one album come as one message: `album` has all of them in the order of arrival, `media` is the first,
    and `text` the first caption. `group` is the service's name for the album; a part that comes more than a second
    after the first is a message with an album of its own.
    """

    message_id: str = ""
    text: str = ""
    media: Media | None = None
    location: Point | None = None
    contact: SharedContact | None = None
    reply_to: str = ""
    edited: bool = False
    album: tuple[Media, ...] = ()
    group: str = ""


class ButtonPressed(_UserAct, frozen=True, kw_only=True, omit_defaults=True, tag="button_pressed"):
    """Somebody pressed a button: its `value`, the `label` they saw, and the message that carried it if known.

    `kind` is `action` where the button also opened a link or dialled; `query_id` is what the service wants answered.
    """

    value: str
    label: str = ""
    message_id: str = ""
    query_id: str = ""
    kind: Literal["reply", "action"] = "reply"


class ConversationStarted(Event, frozen=True, kw_only=True, omit_defaults=True, tag="conversation_started"):
    """Somebody opened the chat: Viber's conversation_started, Telegram's /start.

    `context` is what the deep link carried; anybody can make one up. While `subscribed` is false, Viber takes one
    message only: the first `ctx.reply`, which travels in the webhook's answer.
    """

    context: str = ""
    subscribed: bool = True

    @property
    def opens(self) -> bool | None:
        """True for a subscriber; nobody else can be written to, or could before."""
        return self.subscribed or None


class Subscribed(Event, frozen=True, kw_only=True, omit_defaults=True, tag="subscribed"):
    """Somebody allowed messages (again)."""

    @property
    def opens(self) -> bool | None:
        """Always true."""
        return True


class Unsubscribed(Event, frozen=True, kw_only=True, omit_defaults=True, tag="unsubscribed"):
    """Somebody blocked or left: nothing can be sent to them any more."""

    @property
    def opens(self) -> bool | None:
        """Never: what is sent all the same fails without a request."""
        return False


class _Report(Event, frozen=True, kw_only=True, omit_defaults=True):
    # `message_key` is found by `receipt_id` when the event is handled: only then is it sure to be stored.
    message_key: str = ""
    receipt_id: str = ""


class MessageDelivered(_Report, frozen=True, kw_only=True, omit_defaults=True, tag="message_delivered"):
    """A message of ours reached a device; `message_key` is the `id` of the handle that `ctx.reply` returned."""


class MessageSeen(_Report, frozen=True, kw_only=True, omit_defaults=True, tag="message_seen"):
    """A message of ours was seen."""


class MessageFailed(_Report, frozen=True, kw_only=True, omit_defaults=True, tag="message_failed"):
    """A message of ours will not arrive; `reason` is botkit's or the service's word for why, never a user's words."""

    reason: str = ""


class MessageExpired(_Report, frozen=True, kw_only=True, omit_defaults=True, tag="message_expired"):
    """A message of ours was not sent, or not delivered, within its `ttl`; what is reported later changes nothing."""


class TypingStarted(Event, frozen=True, kw_only=True, omit_defaults=True, tag="typing_started"):
    """Somebody is typing."""


class TypingStopped(Event, frozen=True, kw_only=True, omit_defaults=True, tag="typing_stopped"):
    """Somebody stopped typing."""


class AgentRequested(_UserAct, frozen=True, kw_only=True, omit_defaults=True, tag="agent_requested"):
    """Somebody asked for a person with the service's own button."""


class TimerFired(Event, frozen=True, kw_only=True, omit_defaults=True, tag="timer_fired"):
    """A timer of this conversation is due: one of `ctx.after`, or a flow's timeout (`flow` and `state` are set)."""

    name: str
    data: str = ""
    flow: str = ""
    state: str = ""


class ConversationResumed(Event, frozen=True, kw_only=True, omit_defaults=True, tag="conversation_resumed"):
    """A pause is over and the bot answers again: by `ctx.resume()`, or `is_automatic` because its time ran out."""

    is_automatic: bool = False


class SignalReceived(Event, frozen=True, kw_only=True, omit_defaults=True, tag="signal_received"):
    """Another conversation of this app told something with `ctx.signal`; it arrives once, in the order decided.

    `sender` is where it was told; nobody outside the app can send one. There is no `user`.
    """

    name: str
    data: str = ""
    sender: Conversation


class MenuOffered(Event, frozen=True, kw_only=True, omit_defaults=True, tag="menu_offered"):
    """A message from another conversation is on its way here; its `choices` can be picked by typing. Never handled."""

    choices: tuple[Choice, ...]


class SendDue(Event, frozen=True, kw_only=True, omit_defaults=True, tag="send_due"):
    """The time may have come of what another program asked to be sent, the `submission`. Never handled."""

    submission: str


#: What can become of one way of a message; "overdue" is told by its timer.
HopStatus = Literal["sent", "delivered", "seen", "failed", "expired", "unknown", "overdue"]


class HopReported(Event, frozen=True, kw_only=True, omit_defaults=True, tag="hop_reported"):
    """One way of a message that has several has come to something; told to the message's home. Never handled.

    `key` is the message's, `way` the number of the way and `hop` that of the first of those taken together with it,
    `via` its account; `awaited` is what they must reach in their time, empty if they have no end. `is_end` tells that
    the hop cannot bring it any more, or that nothing more is heard of it; `has_more` that other ways follow. `notify`
    names who is told outside, `expires_ms` when the message is worth nothing any more, `ids` what the service calls it.
    `rest` is the encoded message, where the timer brings it.
    """

    key: str
    status: HopStatus
    hop: int = 0
    way: int = 0
    via: tuple[str, str] = ("", "")
    reason: str = ""
    awaited: Literal["", "sent", "delivered", "seen"] = ""
    is_end: bool = False
    has_more: bool = False
    notify: str = ""
    created_ms: int = 0
    expires_ms: int = 0
    is_last_word: bool = False
    ids: tuple[str, ...] = ()
    rest: Raw = Raw(b"null")


class _BroadcastNews(Event, frozen=True, kw_only=True, omit_defaults=True):
    broadcast: str
    name: str = ""
    total: int = 0
    sent: int = 0
    failed: int = 0
    skipped: int = 0


class BroadcastProgressed(_BroadcastNews, frozen=True, kw_only=True, omit_defaults=True, tag="broadcast_progressed"):
    """Another tenth of a broadcast's people is over with; told in the conversation that is to be notified."""


class BroadcastFinished(_BroadcastNews, frozen=True, kw_only=True, omit_defaults=True, tag="broadcast_finished"):
    """A broadcast is over: each of its `total` people was sent to, failed, or skipped as not to be written to."""


class UnknownEvent(Event, frozen=True, kw_only=True, omit_defaults=True, tag="unknown_event"):
    """Something genuine that has no word of its own here; `kind` is the service's, `raw` has it all."""

    kind: str = ""


AnyEvent = (
    MessageReceived
    | ButtonPressed
    | ConversationStarted
    | Subscribed
    | Unsubscribed
    | MessageDelivered
    | MessageSeen
    | MessageFailed
    | MessageExpired
    | TypingStarted
    | TypingStopped
    | AgentRequested
    | TimerFired
    | ConversationResumed
    | SignalReceived
    | MenuOffered
    | SendDue
    | HopReported
    | BroadcastProgressed
    | BroadcastFinished
    | UnknownEvent
)

encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(AnyEvent).decode


def decoder(more: Iterable[type[Event]]) -> Callable[[bytes], Event]:
    """Returns what reads stored events: the common ones and these, those of the channels in use.

    It raises `msgspec.MsgspecError` for anything else. Raises TypeError for two types with one tag.
    """
    kinds: Any = reduce(or_, dict.fromkeys(more), AnyEvent)
    read: Callable[[bytes], Event] = msgspec.json.Decoder(kinds).decode
    return read


def type_of(stored: bytes) -> str:
    """Returns the tag of a stored event, also of a type that nobody here knows; empty for what is no event."""
    try:
        return msgspec.json.decode(stored, type=_Tagged).type
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ""


class _Tagged(Struct):
    type: str
