"""The stored record of one conversation as a handler meets it: its flows, loaded when they are asked for."""

from typing import Any, TypeVar

import msgspec
from msgspec import Raw, Struct

from botkit.conversation import Conversation
from botkit.exceptions import FlowError, RecordError
from botkit.flow import After, Flow, dumped_new, entered
from botkit.flow_data import misfit
from botkit.menu import Menu
from botkit.messages import Representative

#: The longest record, in bytes.
MAX_BYTES = 256 * 1024

F = TypeVar("F", bound=Flow)


class Pause(Struct, frozen=True, omit_defaults=True):
    """A human answers, until a while of `seconds` has passed; `slides` if every message begins that while anew.

    `until_ms` is when it ends as things stand, in milliseconds: a firing overtaken by another message is known by it.
    """

    until_ms: int
    seconds: float
    slides: bool = True
    representative: Representative | None = None


class _Stored(Struct, omit_defaults=True):
    flows: dict[str, Raw] = {}
    # When the timeout that runs for a flow is due, in milliseconds: a firing overtaken by a move is known by it.
    due: dict[str, int] = {}
    # What a typed number or label may pick.
    menu: Menu = ()
    # The language that the person chose, and the one that the service said last.
    locale: str = ""
    said_locale: str = ""
    # Events still in the mailbox whose content was handled with an earlier one: the later parts of an album.
    gathered: tuple[str, ...] = ()
    # Where the service goes on with this conversation.
    moved_to: str = ""
    pause: Pause | None = None
    tags: tuple[str, ...] = ()
    # Where a message goes that a limit stops here.
    failover: Conversation | None = None
    # The person's number, in E.164.
    phone: str = ""


#: Ids of gathered events that are kept; there are never more than one look ahead can find.
_MAX_GATHERED = 64

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Stored).decode


class Flows:
    """The flows of a conversation; `dump` gives back what changed.

    Raises RecordError, at once or when a flow is first asked for, where the record must not be overwritten.
    """

    def __init__(self, stored: bytes) -> None:
        try:
            self._stored = _decode(stored) if stored else _Stored()
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise RecordError(f"the record is not readable ({misfit(error)})") from None
        #: When each flow's running timeout is due, in milliseconds; changed by whoever sets the timer.
        self.due = dict(self._stored.due)
        #: What a typed answer may pick: the choices of the last turn that said anything.
        self.menu = self._stored.menu
        #: The language that the person chose, or nothing; see `Speech`.
        self.locale = self._stored.locale
        #: The language that the service said last, or nothing.
        self.said_locale = self._stored.said_locale
        #: The events that were handled with an earlier one, and are not to be handled again.
        self.gathered = self._stored.gathered
        #: The id of the conversation that took this one over, or an empty string.
        self.moved_to = self._stored.moved_to
        #: Set while a human answers; see `Handoff`.
        self.pause = self._stored.pause
        #: What the bot keeps of the conversation in single words.
        self.tags = frozenset(self._stored.tags)
        #: Where a message goes that a limit stops here, or None.
        self.failover = self._stored.failover
        #: The person's phone number in E.164, or nothing.
        self.phone = self._stored.phone
        # Each of the class of its name.
        self._loaded: dict[str, Any] = {}
        self._before: dict[str, str] = {}

    def get(self, cls: type[F]) -> F:
        """Returns the conversation's flow of that class, the same object each time."""
        name = cls.__name__
        flow: F | None = self._loaded.get(name)
        if flow is None:
            stored = self._stored.flows.get(name)
            flow = self._loaded[name] = cls.load(stored)
            # A flow that was never stored entered its initial state just now.
            self._before[name] = flow.state if stored else ""
        return flow

    def state_of(self, cls: type[Flow]) -> str:
        """Returns the state of the conversation's flow of that class."""
        return self.get(cls).state

    def dump(self) -> bytes:
        """Returns the whole record to store, or nothing when it is as it was.

        Raises FlowError for data of a wrong type, and for more of it than `MAX_BYTES`.
        """
        flows = dict(self._stored.flows)
        for name, flow in self._loaded.items():
            dumped = flow.dump()
            if name in flows or dumped != dumped_new(type(flow)):
                flows[name] = Raw(dumped)
        kept = _Stored(
            flows=flows,
            due=self.due,
            menu=self.menu,
            locale=self.locale,
            said_locale=self.said_locale,
            gathered=self.gathered[-_MAX_GATHERED:],
            moved_to=self.moved_to,
            pause=self.pause,
            tags=tuple(sorted(self.tags)) if self.tags else (),
            failover=self.failover,
            phone=self.phone,
        )
        if kept == self._stored:
            return b""
        dumped = _encode(kept)
        # The whole record is longer than the flows in it.
        if len(dumped) > MAX_BYTES and sum(len(bytes(raw)) for raw in flows.values()) > MAX_BYTES:
            raise FlowError(f"the flows of one conversation hold more than {MAX_BYTES} bytes", fix="store less in them")
        return dumped

    def dump_moved(self, to: str) -> bytes:
        """Returns the record that stays behind when another conversation takes this one over."""
        return _encode(_Stored(gathered=self.gathered, moved_to=to))

    def moved(self) -> list[tuple[type[Flow], str, str]]:
        """Returns each flow whose state changed, with the state before (empty if it is new) and after."""
        found: list[tuple[type[Flow], str, str]] = []
        for name, flow in self._loaded.items():
            before, after = self._before[name], flow.state
            if after != before and (before or after != entered(type(flow))):
                found.append((type(flow), before, after))
        return found


def phone_in(stored: bytes) -> str:
    """Returns the phone number of a stored record; empty where there is none, or the record cannot be read."""
    try:
        return Flows(stored).phone
    except RecordError:
        return ""


def timeout_of(flow: type[Flow], state: str) -> tuple[str, After] | None:
    """Returns the timeout that runs in a state, under the name it was written with, or None."""
    while state:
        if state in flow.timeouts:
            return state, flow.timeouts[state]
        state = state.rpartition(".")[0]
    return None
