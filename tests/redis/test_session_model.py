"""Counting and charging against the rules in plain Python, on both sides of every boundary, to the millisecond."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from botkit.adapter import Receipt
from botkit.charging import Charging
from botkit.clock import Clock
from botkit.ledger import read_ledger
from botkit.messages import Outgoing, Text
from botkit.redis.audit import audit
from botkit.redis.ledger import load_ledgers
from botkit.redis.scripts import load_scripts
from botkit.redis.store import Bounds, RedisStore
from botkit.session_rules import Heard, Prices, SessionRules
from botkit.store import Counted, Queue, Turn, Verdict
from tests.conftest import Servers
from tests.desk import NOT_SENT, REFUSED, SENT, UNKNOWN, Desk
from tests.session_model import HOUR, SessionModel, month_at

CID, ACCOUNT = "desk:desk:olena", "desk:desk"
# An hour is near, and with it a month.
START = datetime(2026, 11, 30, 22, 59, 50, tzinfo=UTC)
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


class StoppedStore(RedisStore):
    """Lives in its clock's very millisecond, whatever the server's time is."""

    clock: StoppedClock

    async def _run_script(self, name: str, keys: Sequence[str], *args: str | bytes | int) -> Any:
        text = load_scripts(shebang=False)[name].text
        assert text.startswith(TELLS_TIME)
        text = text.replace(TELLS_TIME, "local now = tonumber(ARGV[1])\n", 1)
        return await self._pipe.call("EVAL", text, len(keys), *keys, self.clock.ms, *args)


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
        self.store = StoppedStore(url, clock=self.clock, prefix=f"t{uuid4().hex[:12]}", bounds=Bounds(partitions=2))
        self.desk = Desk(sessions=rules)
        self.charging = Charging(self.store, self.clock)
        self.model = SessionModel(rules)
        self.number = 0
        # Where the message that waits was made, and for how long it is worth sending.
        self.waiting: Outgoing | None = None
        self.verdicts: Counter[tuple[str, str]] = Counter()

    @property
    def now(self) -> int:
        return self.clock.ms

    async def take(self, step: Step) -> None:
        if step.what == "hears":
            await self.hears(at=self.now - 1000 * step.number, country=("", "UA", "SI")[step.delta])
        elif step.what == "tries":
            for _ in range(step.number):
                await self.tries(step.outcome, ttl=(0, 30, 4000)[step.delta])
        else:
            self.move(step)
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
        is_due = self.model.held_till is None or self.now >= self.model.held_till
        assert bool(turns) == is_due
        for turn in turns:
            await self.attempts(turn, self.waiting, outcome)

    async def attempts(self, turn: Turn, waiting: Outgoing, outcome: str) -> None:
        ttl_ms = round(waiting.message.ttl * 1000)
        self.model.held_till = None
        expected, word = self.model.tries(turn.id, self.now, waiting.created_ms + ttl_ms if ttl_ms else 0)
        self.verdicts[expected, word.partition("|")[0]] += 1
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
        for month in ("202611", "202612"):
            booked = read_ledger(ACCOUNT, month, model.booked.get(month, Counter()).items())
            assert await load_ledgers(self.store, month, [ACCOUNT]) == [booked]
        assert await audit(self.store) == []


@asynccontextmanager
async def rigged(servers: Servers, rules: SessionRules) -> AsyncIterator[Rig]:
    rig = Rig(servers.any_url(), rules)
    yield rig
    await rig.store.close()


small = st.integers(0, 3)
all_rules = st.builds(
    SessionRules,
    seconds=st.sampled_from((20, 5400)),
    closes_early=st.sampled_from((0, 5)),
    max_messages=small,
    max_in_row=small,
    max_per_hour=st.sampled_from((0, 2, 5)),
    free_per_month=st.sampled_from((0, 2)),
    at_limit=st.sampled_from(("hold", "fail", "failover", "charge")),
    on_max=st.sampled_from(("new_session", "block")),
    on_in_row=st.sampled_from(("end_session", "block")),
    starts_with=st.sampled_from(("first_business_reply", "first_user_message")),
    window=st.sampled_from(("fixed", "sliding")),
    prices=st.just(Prices(session=Decimal("0.5"), message=Decimal("0.05"), by_country={"UA": Decimal("0.01")})),
)
# To move on is to stand a millisecond before, on, or after a boundary.
moves = st.builds(Step, st.sampled_from(("hour", "month", "end", "end", "held", "wait")), st.integers(0, 2), small)
outcomes = st.sampled_from(("sent", "sent", "sent", "refused", "not_sent", "unknown"))
tries = st.builds(Step, st.just("tries"), st.integers(0, 2), st.integers(1, 3), outcomes)
hears = st.builds(Step, st.just("hears"), st.integers(0, 2), small)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rules=all_rules, steps=st.lists(st.one_of(tries, tries, hears, moves), min_size=5, max_size=20))
async def test_every_variant_of_the_rules_does_what_the_model_does(
    servers: Servers, rules: SessionRules, steps: list[Step]
) -> None:
    async with rigged(servers, rules) as rig:
        for step in steps:
            await rig.take(step)
