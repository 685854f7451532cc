"""What became of messages: what is kept of each, and of each of its ways."""

import enum
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from botkit.conversation import Account
from botkit.events import HopReported
from botkit.timer import Timer
from botkit.turn import Turn


class Status(enum.Enum):
    """How far a message has come; of the last three only one is ever reached, unless what had failed arrives."""

    COMMITTED = "committed"
    SENT = "sent"
    DELIVERED = "delivered"
    SEEN = "seen"
    FAILED = "failed"
    EXPIRED = "expired"


class HopDelivery(Struct, frozen=True):
    """What became of one way of a message: `times` of `taken`, `skipped`, `overdue` and what was heard of it."""

    number: int
    account: Account
    times: Mapping[str, datetime]
    reason: str = ""

    @property
    def may_have_arrived(self) -> bool:
        """Whether the message may have arrived this way, for all that is known."""
        heard = self.times.keys()
        is_out = bool(heard & {"sent", "unknown"}) and not heard & {"failed", "expired"}
        return is_out or bool(heard & {"delivered", "seen"})


class Delivery(Struct, frozen=True):
    """What became of a message, and when it came to each status that it has had; `hops` are its ways, if several."""

    status: Status
    times: Mapping[Status, datetime]
    hops: tuple[HopDelivery, ...] = ()

    @property
    def may_be_double(self) -> bool:
        """Whether the person may have it more than once: more than one way may have brought it."""
        return sum(hop.may_have_arrived for hop in self.hops) > 1


class Following(Struct, frozen=True):
    """The way that a message takes next: its number and account, what is awaited of it, and the timer that watches."""

    hop: int
    via: tuple[str, str]
    awaited: str
    watch: Timer


class HopNews(Struct, frozen=True):
    """What a report of one way comes to: `word` is empty for no news, a status, or `next` where another was taken.

    `rest` is then what its timer holds: empty if that has fired meanwhile. `reason` is why the other is over.
    """

    word: str
    rest: bytes = b""
    reason: str = ""


class Deliveries(Protocol):
    """What became of messages, for four days after the last news. All calls raise StoreUnavailableError."""

    async def sent(self, turn: Turn, receipt_id: str, *, created_ms: int, expiry: Timer | None, mark: str = "") -> None:
        """Notes that a message was sent, and that the service's id stands for it in its conversation.

        Reports that came before it are due. `expiry` holds an event for the case that nothing is heard until then;
        its name begins with `LATER`. With a `mark`, the id stands for that, and the record is kept by others.
        """
        ...

    async def find(self, cid: str, receipt_id: str) -> str:
        """Returns the key of the message that a service's id stands for, or its mark, or an empty string."""
        ...

    async def step(
        self,
        turn: Turn,
        report: HopReported,
        *,
        watch: str,
        later_ms: int,
        following: Following | None,
        skipped: Sequence[tuple[int, tuple[str, str], str]] = (),
    ) -> HopNews | None:
        """Notes what became of one way, and takes the `following` one if that is over; None if the turn is lost.

        To the event that told it, it answers the same again. `watch` names the way's timer, which is put off to
        `later_ms` when it has reached what was awaited. Ways `skipped` are noted with their account and the reason.
        """
        ...

    async def load_ids(self, cid: str, key: str, hop: int) -> Sequence[str]:
        """Returns what the service calls a message that took the ways from that number on; nothing if it did not."""
        ...

    async def load_watch(self, cid: str, name: str) -> bytes:
        """Returns what a timer holds that watches over a way; empty once it has fired or is off."""
        ...

    async def note(self, cid: str, key: str, status: Status, event_id: str, *, expiry: str) -> bool:
        """Notes what an event tells of a message; False if it is no news. The `expiry` of that name is off then.

        To the event that brought the news it stays news, so that its handler can be run again.
        """
        ...

    async def park(self, turn: Turn, receipt_id: str, *, name: str, seconds: float, most: int) -> str | None:
        """Puts a report of an unknown message aside, and gives the mailbox back; None if the turn is over with that.

        It comes back as an event with the id that `name` has after `LATER`, when the message is noted as sent, or
        after so many seconds. Returns the message's key if it became known, or an empty string if `most` are parked.
        """
        ...

    async def load(self, cid: str, key: str) -> Delivery | None:
        """Returns what became of a message; None if nothing is known of it (any more)."""
        ...
