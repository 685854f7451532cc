"""What a broadcast will take, told before it starts: how many, in which sessions, at what price, for how long."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Literal

from msgspec import Struct

from botkit.adapter import Adapter
from botkit.broadcast import Broadcast
from botkit.conversation import Account, Conversation
from botkit.messages import AnyMessage
from botkit.session_rules import SessionRules
from botkit.sessions import Session, session_at
from botkit.store import Person


class Estimate(Struct):
    """What one account's part of a broadcast will take, as things stand.

    `gone` fit the segment and are left out, for nobody can write to them. Where sessions are counted, some messages go
    out `within` an open one and some begin one (`opens`); of those outside of sessions some are `free` in
    the month's quota, others `charged`; the rest is `stopped` by a limit and fails. `seconds` is the least that the
    service's pace allows; `losses` say what the service shows otherwise than written.
    """

    account: Account
    recipients: int = 0
    gone: int = 0
    within: int = 0
    opens: int = 0
    free: int = 0
    charged: int = 0
    stopped: int = 0
    cost: Decimal = Decimal(0)
    currency: str = ""
    seconds: float = 0
    losses: tuple[str, ...] = ()


class Plan(Struct, frozen=True):
    """A draft and what will come of it when it is started, account by account."""

    broadcast: Broadcast
    lanes: Sequence[Estimate]

    @property
    def recipients(self) -> int:
        """How many people it is for."""
        return sum(lane.recipients for lane in self.lanes)

    @property
    def seconds(self) -> float:
        """How long it takes at least; the accounts go at the same time."""
        return max((lane.seconds for lane in self.lanes), default=0)

    @property
    def costs(self) -> Mapping[str, Decimal]:
        """What it will cost, by currency."""
        sums: dict[str, Decimal] = {}
        for lane in self.lanes:
            if lane.cost:
                sums[lane.currency] = sums.get(lane.currency, Decimal(0)) + lane.cost
        return sums


class Estimator:
    """Adds up an account's estimate, person by person; `free_used` of the month's free messages are gone already.

    Raises MessageError for a message that the account's service does not take.
    """

    def __init__(self, adapter: Adapter, message: AnyMessage, now: datetime, *, free_used: int = 0) -> None:
        self._adapter = adapter
        self._now = now
        # A person nobody knows: what the service makes of this message.
        prepared = adapter.prepare(message, Conversation(adapter.account, "1"))
        self._parts = prepared.messages
        self._estimate = Estimate(adapter.account, losses=prepared.losses)
        self._free_left = 0
        if adapter.sessions:
            self._free_left = max(0, adapter.sessions.free_per_month - free_used)
            self._estimate.currency = adapter.sessions.prices.currency

    def take(self, person: Person) -> bool:
        """Adds a person; returns whether they can be written to."""
        if person.record.gone:
            self._estimate.gone += 1
            return False
        self._estimate.recipients += 1
        if rules := self._adapter.sessions:
            session = session_at(rules, person.record.counts, person.record.queued, self._now)
            kind = _kind(rules, session)
            self._count(rules, kind, person.country)
            for _ in self._parts[1:]:
                self._count(rules, "within" if kind == "opens" else kind, person.country)
        return True

    def _count(self, rules: SessionRules, kind: str, country: str) -> None:
        estimate = self._estimate
        if kind == "outside" and self._free_left:
            self._free_left -= 1
            estimate.free += 1
        elif kind == "outside" and rules.at_limit == "charge":
            estimate.charged += 1
            estimate.cost += rules.prices.of_message(country)
        elif kind == "opens":
            estimate.opens += 1
            estimate.cost += rules.prices.session
        elif kind == "within":
            estimate.within += 1
        else:
            estimate.stopped += 1

    def estimate(self) -> Estimate:
        """Returns what is known now, with the time that the paces ask for."""
        paces, messages = self._adapter.paces, self._estimate.recipients * len(self._parts)
        requests = messages
        if self._adapter.max_receivers:
            rooms = [self._adapter.receivers(part) for part in self._parts]
            requests = sum(-(-self._estimate.recipients // room) for room in rooms)
        counted = requests if self._adapter.counts_requests else messages
        timed = ((paces.account, counted), (paces.broadcast, requests))
        waits = [pace.interval * (number - pace.at_once) for pace, number in timed if pace]
        self._estimate.seconds = max(0.0, *waits, 0.0)
        return self._estimate


def _kind(rules: SessionRules, session: Session) -> Literal["within", "opens", "outside", "stopped"]:
    """Returns what the next message to a person would be, in the order in which the rules are asked."""
    if session.left_this_hour <= 0:
        return "stopped"
    if session.left_in_row <= 0:
        return "stopped" if rules.on_in_row == "block" else "outside"
    if session.is_open and session.left <= 0:
        return "stopped" if rules.on_max == "block" else "opens"
    if session.is_open:
        return "within"
    return "opens" if rules.starts_with == "first_business_reply" else "outside"
