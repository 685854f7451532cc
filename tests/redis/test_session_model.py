"""Counting and charging against the rules in plain Python, on both sides of every boundary, to the millisecond."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from botkit.adapter import Receipt
from botkit.charging import Charging
from botkit.clock import Clock
from botkit.ledger import read_ledger
from botkit.messages import Text
from botkit.outgoing import Outgoing
from botkit.redis.audit import audit
from botkit.redis.bounds import Bounds
from botkit.redis.ledger import load_ledgers
from botkit.redis.runner import Runner
from botkit.redis.scripts import load_scripts
from botkit.redis.store import RedisStore
from botkit.session_rules import Heard, Prices, SessionRules
from botkit.store import Counted, Verdict
from botkit.turn import Queue, Turn
from tests.conftest import Servers
from tests.desk import NOT_SENT, REFUSED, SENT, UNKNOWN, Desk
from tests.session_model import HOUR, SessionModel, month_at

CID, ACCOUNT = "desk:desk:olena", "desk:desk"
# An hour is near, and with it a month.
START = datetime(2026, 11, 30, 22, 59, 50, tzinfo=UTC)
IS_LONG = settings.get_current_profile_name() == "long"
# What a script takes for the time: the first lines of all of them.
TELLS_TIME = """local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000) + tonumber(ARGV[1])
"""


class StoppedClock(Clock):
    """Stands still until it is set."""

    ms = round(START.timestamp() * 1000)

    def now(self) -> datetime:
        return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=self.ms)

    def timestamp(self) -> float:
        return self.ms / 1000


class StoppedRunner(Runner):
    """Lives in its clock's very millisecond, whatever the server's time is."""

    _clock: StoppedClock

    def run(self, name: str, keys: Sequence[str], *args: str | bytes | int) -> Awaitable[Any]:
        text = load_scripts(shebang=False)[name].text
        assert text.startswith(TELLS_TIME)
        text = text.replace(TELLS_TIME, "local now = tonumber(ARGV[1])\n", 1)
        return self.redis.call("EVAL", text, len(keys), *keys, self._clock.ms, *args)

    accept = run


class StoppedStore(RedisStore):
    _runner_type = StoppedRunner


class Step(NamedTuple):
    """What happens next; each step uses what it needs of the rest."""

    what: str
    delta: int = 0
    number: int = 0
    outcome: str = "sent"


class Rig:
    """One conversation in the store and in the model, and the same done to both."""

    def __init__(self, url: str, rules: SessionRules) -> None:
        self.clock = StoppedClock()
        self.store = StoppedStore(url, clock=self.clock, prefix=f"t{uuid4().hex[:12]}", bounds=Bounds(partitions=1))
        self.desk = Desk(sessions=rules)
        self.charging = Charging(self.store, self.clock)
        self.model = SessionModel(rules)
        self.number = 0
        # Where the message that waits was made, and for how long it is worth sending.
        self.waiting: Outgoing | None = None
        #: What became of the last attempt, and why; nothing if the message was not due.
        self.last = ("", "")

    @property
    def now(self) -> int:
        return self.clock.ms

    async def take(self, step: Step) -> None:
        if step.what == "hears":
            await self.hears(at=self.now - 10_000 * step.number, country=("", "UA", "SI")[step.delta])
        elif step.what == "tries":
            for _ in range(step.number):
                await self.tries(step.outcome, ttl=(0, 30, 4000)[step.delta])
        else:
            self.move(step)
            # Where something changes, something is tried.
            await self.tries(step.outcome, ttl=0)
        await self.compare()

    async def hears(self, *, at: int, country: str) -> None:
        self.number += 1
        heard = Heard(self.desk.sessions or SessionRules(), ACCOUNT, self.at(at), country)
        await self.store.ingest(CID, f"{self.number:022d}", b"", token="", window=60, heard=heard)
        self.model.hears(self.now, at, country)

    @staticmethod
    def at(ms: int) -> datetime:
        return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=ms)

    async def tries(self, outcome: str, ttl: float) -> None:
        if self.waiting is None:
            self.number += 1
            message = Text(text="hello", ttl=ttl)
            self.waiting = Outgoing(f"{self.number:024d}", ("desk", "desk"), "olena", message, self.now)
            await self.store.enqueue(CID, self.waiting.key, b"")
        turns = (await self.store.claim(Queue.OUTBOX, 10)).turns
        self.last = ("", "")
        is_due = self.model.held_till is None or self.now >= self.model.held_till
        assert bool(turns) == is_due
        for turn in turns:
            await self.attempts(turn, self.waiting, outcome)

    async def attempts(self, turn: Turn, waiting: Outgoing, outcome: str) -> None:
        ttl_ms = round(waiting.message.ttl * 1000)
        self.model.held_till = None
        expected, word = self.model.tries(turn.id, self.now, waiting.created_ms + ttl_ms if ttl_ms else 0)
        self.last = expected, word.partition("|")[0]
        counted = await self.charging.count(self.desk, turn, waiting)
        verdict = {"go": Verdict.DONE, "held": Verdict.HELD, "limit": Verdict.LIMIT}[expected]
        assert counted.verdict is verdict, (expected, word)
        assert (counted.purchase.partition("|")[2] if expected == "go" else counted.why) == word
        if not counted.purchase:
            again = await self.charging.count(self.desk, turn, waiting)
            assert again.verdict is (Verdict.FENCED if verdict is Verdict.HELD else verdict)
        if verdict is Verdict.LIMIT:
            await self.fail(turn, refund=False)
        elif verdict is Verdict.DONE:
            await self.conclude(turn, counted, outcome)

    async def conclude(self, turn: Turn, counted: Counted, outcome: str) -> None:
        if outcome == "crossed":
            # The person writes while the message is on its way, and it is refused then.
            await self.hears(at=self.now, country="")
            outcome = "refused"
        receipt: Receipt = {"sent": SENT, "refused": REFUSED, "not_sent": NOT_SENT, "unknown": UNKNOWN}[outcome]
        if outcome == "sent":
            await self.store.sent(turn, keep=False)
            self.waiting = None
        elif outcome == "refused":
            await self.fail(turn, refund=True)
        elif outcome == "not_sent":
            await self.store.retry(Queue.OUTBOX, turn, delay=0, max_attempts=1000, refund=True)
        else:
            await self.store.retry_unknown(turn, delay=0, max_repeats=1000)
        await self.charging.settle(self.desk, counted, receipt)
        if outcome in ("refused", "not_sent"):
            self.model.did_not_arrive()

    async def fail(self, turn: Turn, *, refund: bool) -> None:
        await self.store.fail(turn, error="no", event_id="", event=b"", refund=refund, keep=False)
        self.waiting = None

    def move(self, step: Step) -> None:
        """Goes to the next boundary of a kind, or to one side of it; never back."""
        ends = {
            "hour": (self.now // HOUR + 1) * HOUR,
            "month": round(datetime(2027, 1, 1, tzinfo=UTC).timestamp() * 1000)
            if month_at(self.now) == "202612"
            else round(datetime(2026, 12, 1, tzinfo=UTC).timestamp() * 1000),
            "end": self.model.window.end if self.model.window else 0,
            "held": round(self.model.held_till or 0) if (self.model.held_till or 9e15) < 9e15 else 0,
            "expiry": self.waiting.created_ms + round(self.waiting.message.ttl * 1000) if self.waiting else 0,
            "wait": self.now + 1000 * step.number,
        }
        self.clock.ms = max(self.now, ends[step.what] + step.delta - 1)

    async def compare(self) -> None:
        counts, model = (await self.store.load(CID)).counts, self.model
        window = model.window
        assert (counts.started_ms, counts.ends_ms, counts.sent) == (
            (window.start, window.end, window.sent) if window else (0, 0, 0)
        )
        assert counts.in_row == model.in_row
        hour = self.now // HOUR
        assert (counts.hour == hour) * counts.this_hour == (model.hour == hour) * model.this_hour

    async def differences(self) -> list[object]:
        """Returns what audit() finds, and of each month whose books are not the model's both of them."""
        found: list[object] = [*await audit(self.store)]
        for month in ("202611", "202612"):
            booked = read_ledger(ACCOUNT, month, self.model.booked.get(month, Counter()).items())
            if (kept := await load_ledgers(self.store, month, [ACCOUNT])) != [booked]:
                found.append((kept, [booked]))
        return found


@asynccontextmanager
async def rigged(servers: Servers, rules: SessionRules) -> AsyncIterator[Rig]:
    rig = Rig(servers.any_url(), rules)
    try:
        yield rig
    finally:
        await rig.store.close()


small = st.integers(0, 3)
all_rules = st.builds(
    SessionRules,
    seconds=st.sampled_from((20, 5400)),
    closes_early=st.sampled_from((0, 5)),
    max_messages=small,
    max_in_row=small,
    max_per_hour=st.sampled_from((0, 1, 4)),
    free_per_month=st.sampled_from((0, 2)),
    at_limit=st.sampled_from(("hold", "fail", "failover", "charge")),
    on_max=st.sampled_from(("new_session", "block")),
    on_in_row=st.sampled_from(("end_session", "block")),
    starts_with=st.sampled_from(("first_business_reply", "first_user_message")),
    window=st.sampled_from(("fixed", "sliding")),
    prices=st.just(Prices(session=Decimal("0.5"), message=Decimal("0.05"), by_country={"UA": Decimal("0.01")})),
)
# To move on is to stand a millisecond before, on, or after a boundary.
edges = st.sampled_from(("hour", "month", "end", "end", "held", "held", "expiry", "wait"))
outcomes = st.sampled_from(("sent", "sent", "sent", "sent", "refused", "not_sent", "unknown", "crossed"))
moves = st.builds(Step, edges, st.integers(0, 2), small, outcomes)
tries = st.builds(Step, st.just("tries"), st.integers(0, 2), st.integers(1, 3), outcomes)
hears = st.builds(Step, st.just("hears"), st.integers(0, 2), small)


@pytest.mark.timeout(3600)
@settings(
    max_examples=2000 if IS_LONG else 60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rules=all_rules, steps=st.lists(st.one_of(tries, tries, hears, moves), min_size=5, max_size=20))
async def test_every_variant_of_the_rules_does_what_the_model_does(
    servers: Servers, rules: SessionRules, steps: list[Step]
) -> None:
    async with rigged(servers, rules) as rig:
        for step in steps:
            await rig.take(step)
        assert await rig.differences() == []


class Edge(NamedTuple):
    """What was done at the start, the seconds from there to a boundary, and what a message becomes at both sides."""

    rules: SessionRules
    steps: Sequence[Step]
    seconds: float
    before: tuple[str, str]
    after: tuple[str, str]


HEARS, TRIES, PASS_10 = Step("hears"), Step("tries", number=1), Step("wait", delta=1, number=10)
ASKED = SessionRules(seconds=20, starts_with="first_user_message")
GOES, NOT_DUE = ("go", ""), ("", "")

EDGES = {
    "the end of a session": Edge(ASKED, [HEARS], 20, GOES, ("held", "session")),
    "its early end": Edge(replace(ASKED, closes_early=5), [HEARS], 15, GOES, ("held", "session")),
    "the end of a session that does not slide": Edge(ASKED, [HEARS, PASS_10, HEARS], 20, GOES, ("held", "session")),
    "the end of one that slides": Edge(
        replace(ASKED, window="sliding"), [HEARS, PASS_10, HEARS], 30, GOES, ("held", "session")
    ),
    "the end of a session by a message that comes late": Edge(
        ASKED, [Step("hears", number=1)], 10, GOES, ("held", "session")
    ),
    "the end of one that began with a reply": Edge(
        SessionRules(seconds=20, max_messages=1, on_max="block", at_limit="fail"), [TRIES], 20, ("limit", "max"), GOES
    ),
    "the end of a full one that holds": Edge(
        SessionRules(seconds=20, max_messages=1, on_max="block"), [TRIES, TRIES], 20, NOT_DUE, GOES
    ),
    "the hour": Edge(SessionRules(max_per_hour=1, at_limit="fail"), [TRIES], 10, ("limit", "hour"), GOES),
    "the hour that holds": Edge(SessionRules(max_per_hour=1), [TRIES, TRIES], 10, NOT_DUE, GOES),
    "the month": Edge(
        replace(ASKED, free_per_month=1, at_limit="fail"), [TRIES], 3610, ("limit", "session"), ("go", "free")
    ),
    "the month at a price": Edge(
        replace(ASKED, free_per_month=1, at_limit="charge"), [TRIES], 3610, ("go", "charged"), ("go", "free")
    ),
    "the end of what is held": Edge(
        SessionRules(max_in_row=1), [TRIES, Step("tries", delta=1, number=1)], 30, NOT_DUE, ("limit", "expired")
    ),
    "the end of what is held for longer than that": Edge(
        SessionRules(max_per_hour=1),
        [Step("wait", delta=1, number=11), Step("tries", delta=1, number=1)],
        41,
        NOT_DUE,
        ("limit", "expired"),
    ),
}


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("name", EDGES)
async def test_a_millisecond_decides_at(servers: Servers, name: str, side: str) -> None:
    edge = EDGES[name]
    async with rigged(servers, edge.rules) as rig:
        for step in edge.steps:
            await rig.take(step)
        rig.clock.ms = StoppedClock.ms + round(edge.seconds * 1000) - (side == "before")
        await rig.take(TRIES)
        assert rig.last == getattr(edge, side)
        assert await rig.differences() == []


@pytest.mark.parametrize(
    ("rules", "steps"),
    [
        (SessionRules(max_messages=1, on_max="block"), [Step("tries", number=1, outcome="crossed")]),
        (replace(ASKED, max_messages=1, on_max="block"), [HEARS, Step("tries", number=1, outcome="crossed")]),
        (SessionRules(max_in_row=1, at_limit="charge"), [TRIES, HEARS, TRIES, TRIES, HEARS]),
        (SessionRules(max_in_row=1, at_limit="charge", on_in_row="block"), [TRIES, HEARS, TRIES, HEARS]),
    ],
    ids=["full, and refused meanwhile", "asked, full, and refused meanwhile", "a row too long", "a row that blocks"],
)
async def test_what_the_persons_message_ends(servers: Servers, rules: SessionRules, steps: Sequence[Step]) -> None:
    async with rigged(servers, rules) as rig:
        for step in steps:
            await rig.take(step)
        assert await rig.differences() == []
