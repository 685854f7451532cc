"""The scripts against a model in plain Python: every call made twice, stale workers kept alive, the clock moved."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, NamedTuple, TypeVar

import hypothesis
import msgspec
import pytest
import redis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from botkit.clock import Clock
from botkit.exceptions import TooManyTimersError
from botkit.redis.audit import audit
from botkit.redis.dead_letters import DeadLetter, Replay
from botkit.redis.store import RedisStore
from botkit.session_rules import Heard, SessionRules
from botkit.store import Accepted, Commit, Duplicate, Full, Ingested, Mine, Verdict
from botkit.timer import LATER, DueTimer, Timer
from botkit.turn import Queue, Turn
from tests.conftest import Servers
from tests.redis.conversation_model import (
    ATTEMPTS,
    BOUNDS,
    DELAY,
    LEASE,
    PER_SESSION,
    REPEATS,
    SESSION,
    STEP,
    Talk,
)

T = TypeVar("T")

CIDS = ("viber:parcel:ann", "viber:parcel:ben", "viber:parcel:eve")
# The variants of the rules have a model of their own.
RULES = SessionRules(seconds=SESSION, max_messages=PER_SESSION, on_in_row="block", max_per_hour=0)
# As far back that all stored times look impossible.
BACK = -1000


class Step(NamedTuple):
    """What happens next; each step uses what it needs of the rest."""

    what: str
    cid: str
    worker: int
    age: int
    is_live: bool
    keep: bool
    flag: bool
    number: int


WEIGHTS = {
    "ingest": 5,
    "claim": 6,
    "commit": 6,
    "sent_or_failed": 5,
    "count": 5,
    "retry": 3,
    "retry_unknown": 2,
    "replay": 2,
    "enqueue": 3,
    "renew": 1,
    "fire": 2,
    "park": 3,
    "receipt": 2,
    "wait": 3,
    "upset": 1,
}
often = st.sampled_from((True, True, True, False))
# One rule for all: with a rule for each kind of step, Hypothesis spends whole examples on few of them.
steps = st.builds(
    Step,
    what=st.sampled_from([what for what, weight in WEIGHTS.items() for _ in range(weight)]),
    # Most of the trouble is within one conversation, so one has most of the work.
    cid=st.sampled_from((CIDS[0],) * 4 + CIDS),
    worker=st.integers(0, 1),
    # Counted from the newest.
    age=st.integers(0, 5),
    is_live=often,
    keep=often,
    flag=st.booleans(),
    number=st.integers(0, 3),
)


class Scripts(RuleBasedStateMachine):
    """Two workers on one server, and what should become of three conversations."""

    url: ClassVar[str]
    #: How many steps of each kind have come to their end.
    taken: ClassVar[Counter[str]]

    def __init__(self) -> None:
        super().__init__()
        with redis.Redis.from_url(self.url) as client:
            client.flushdb()
        self.loop = asyncio.Runner()
        self.clock = Clock()
        self.stores = [RedisStore(self.url, clock=self.clock, bounds=BOUNDS) for _ in range(2)]
        self.now = 1
        self.number = 0
        self.talks = {cid: Talk() for cid in CIDS}
        self.turns: dict[Queue, list[Turn]] = {queue: [] for queue in Queue}
        self.due: list[tuple[DueTimer, int | None]] = []
        self.ids: list[tuple[str, str]] = []
        # The keys of messages by the ids that a service gave them.
        self.known: dict[tuple[str, str], str] = {}

    def teardown(self) -> None:
        try:
            self.finish()
        finally:
            self.run(*(store.close() for store in self.stores))
            self.loop.close()

    # --- the means ---

    def run(self, *calls: Awaitable[T]) -> list[T]:
        async def gather() -> list[T]:
            return list(await asyncio.gather(*calls))

        return self.loop.run(gather())

    def twice(self, call: Callable[[RedisStore], Awaitable[T]], worker: int = 0) -> tuple[T, T]:
        """Calls like a client whose first answer was lost."""
        (first,) = self.run(call(self.stores[worker]))
        (second,) = self.run(call(self.stores[worker]))
        return first, second

    def new_id(self) -> str:
        self.number += 1
        return f"{self.number:022d}"

    def turn(self, queue: Queue, step: Step) -> Turn | None:
        """A turn that was given to a worker: one that still holds, after a claim if need be, or any."""
        if step.is_live and not self.live_turns(queue):
            self.claim_from(queue, step.worker)
        turns = (self.live_turns(queue) if step.is_live else []) or self.turns[queue]
        return turns[-1 - step.age % len(turns)] if turns else None

    def live_turns(self, queue: Queue) -> list[Turn]:
        return [turn for turn in self.turns[queue] if self.talks[turn.cid].lane(queue).holds(turn)]

    def hand_out(self, queue: Queue, turn: Turn | None) -> None:
        """Keeps a turn that was given to a worker, after a look at it."""
        if turn is None:
            return
        talk = self.talks[turn.cid]
        lane = talk.lane(queue)
        assert (turn.id, turn.token) == (lane.head, lane.owner)
        assert turn.payload == b"payload"
        if queue is Queue.MAILBOX:
            assert (turn.record.state.decode(), turn.record.version) == (talk.state, talk.version)
            assert turn.record.queued == len(talk.out.entries)
        else:
            assert turn.record.gone == talk.gone
        self.turns[queue].append(turn)

    @rule(step=steps)
    def take(self, step: Step) -> None:
        getattr(self, step.what)(step)
        self.taken[step.what] += 1

    # --- events ---

    def ingest(self, step: Step) -> None:
        for _ in range(step.number or 1):
            self.ingest_one(step)

    def ingest_one(self, step: Step) -> None:
        cid, event_id, answers = step.cid, self.new_id(), step.number == 1
        opens = {1: True, 2: False}.get(step.age)
        if not step.is_live and self.ids:
            cid, event_id = self.ids[-1 - step.age % len(self.ids)]
        talk, token = self.talks[cid], self.stores[step.worker].new_token() if step.flag else ""
        expected = talk.ingest(event_id, token, self.now, answers=answers, opens=opens)
        heard = Heard(RULES, "viber:parcel", self.clock.now()) if answers else None

        async def call(store: RedisStore) -> Ingested:
            return await store.ingest(cid, event_id, b"payload", token=token, window=9e6, heard=heard, opens=opens)

        first, second = self.twice(call, step.worker)
        assert isinstance(first, expected)
        assert isinstance(second, Duplicate if expected is Accepted else expected)
        if expected is not Full:
            self.ids.append((cid, event_id))
        if isinstance(first, Mine):
            assert first == second
            self.hand_out(Queue.MAILBOX, first.turn)

    def claim(self, step: Step) -> None:
        self.claim_from(queue_of(step), step.worker, limit=2 if step.number == 0 else 100)

    def claim_from(self, queue: Queue, worker: int, limit: int = 100) -> None:
        store = self.stores[worker]
        (claim,) = self.run(store.claim(queue, limit))
        taken = {turn.cid: turn for turn in claim.turns}
        due = [cid for cid, talk in self.talks.items() if talk.lane(queue).claim(self.now)]
        assert taken.keys() <= set(due)
        share = limit // BOUNDS.partitions
        expected = {partition: min(share, n) for partition, n in Counter(map(store.keys.partition, due)).items()}
        assert Counter(map(store.keys.partition, taken)) == expected
        for turn in claim.turns:
            lane = self.talks[turn.cid].lane(queue)
            lane.take(turn.token, self.now)
            assert turn.attempts == lane.attempts
            self.hand_out(queue, turn)

    def renew(self, step: Step) -> None:
        queue = queue_of(step)
        held = {turn.cid: turn.token for turn in self.turns[queue]}
        lost = {cid for cid, token in held.items() if self.talks[cid].lane(queue).owner != token}
        for cid in held.keys() - lost:
            self.talks[cid].lane(queue).lease_end = self.now + LEASE
        assert self.twice(lambda store: store.renew(queue, held)) == (lost, lost)

    def commit(self, step: Step) -> None:
        turn = self.turn(Queue.MAILBOX, step)
        if turn is None:
            return
        talk, keep, send, messages = self.talks[turn.cid], step.keep, step.flag, max(0, step.number - 1)
        outgoing = [f"{turn.id}{index:02d}payload".encode() for index in range(messages)]
        # Of the second name there is one too many; a due time of 0 cancels.
        name = ("a", "b", "a", "a", "", "")[step.age]
        timers = [Timer(name, 0 if step.age == 3 else self.in_ms(DELAY), b"payload")] if name else []
        commit = Commit(turn.record.state + turn.id[-3:].encode() + b".", outgoing, timers, b"reply")
        send_token = f"{turn.token}/{turn.id}" if send and messages else ""
        is_new = not talk.is_told_again(turn)
        try:
            stands = talk.commit(turn, commit, send_token, self.now, keep=keep)
        except TooManyTimersError:
            with pytest.raises(TooManyTimersError):
                self.twice(lambda store: store.commit(turn, commit, keep=keep, send=send))
            return
        first, second = self.twice(lambda store: store.commit(turn, commit, keep=keep, send=send))
        assert (first is not None) == stands
        assert first == second
        if first and is_new:
            assert (first.next is not None) == (keep and bool(talk.mail.entries))
            assert (first.sending is not None) == (bool(send_token) and talk.out.owner == send_token)
            self.hand_out(Queue.MAILBOX, first.next)
            self.hand_out(Queue.OUTBOX, first.sending)

    def replay(self, step: Step) -> None:
        talk = self.talks[step.cid]
        (letters,) = self.run(self.stores[0].dead_letters.read(step.cid))
        if not letters:
            return
        letter = letters[-1 - step.age % len(letters)]
        expected = talk.replay(name_of(letter), self.now, first=step.flag)
        answers = self.twice(lambda store: store.dead_letters.replay(letter, first=step.flag), step.worker)
        assert answers == (expected, Replay.GONE if expected is Replay.DONE else expected)

    # --- messages ---

    def enqueue(self, step: Step) -> None:
        cid, talk = step.cid, self.talks[step.cid]
        key = f"{self.new_id()}00"
        if not step.is_live and (keys := sorted(key for key in talk.seen if len(key) == 24)):
            key = keys[-1]
        fits = talk.enqueue(key, self.now)
        assert self.twice(lambda store: store.enqueue(cid, key, b"payload")) == (fits, fits)

    def sent_or_failed(self, step: Step) -> None:
        turn = self.turn(Queue.OUTBOX, step)
        if turn is None:
            return
        talk, event_id = self.talks[turn.cid], self.new_id()
        keep, fails, refund = step.keep, step.number == 0, step.flag
        is_dead, gone = step.age != 1, "gone" if step.age == 2 else ""
        if fails:
            goes_on = talk.fail(turn, event_id, self.now, refund=refund, keep=keep, is_dead=is_dead, gone=gone)
        else:
            goes_on = talk.finish(turn, self.now, keep=keep)

        async def call(store: RedisStore) -> Turn | None:
            if not fails:
                return await store.sent(turn, keep=keep)
            return await store.fail(
                turn, error="refused", event_id=event_id, event=b"payload", refund=refund, keep=keep,
                is_dead=is_dead, gone=gone,
            )  # fmt: skip

        first, second = self.twice(call)
        assert first == second
        assert (first is not None) == goes_on
        self.hand_out(Queue.OUTBOX, first)

    def count(self, step: Step) -> None:
        turn = self.turn(Queue.OUTBOX, step)
        if turn is None:
            return
        in_row, hold = (1, 1, 3, 9)[step.number], step.flag
        expected = self.talks[turn.cid].count(turn, self.now, most_in_row=in_row, hold=hold)
        rules = msgspec.structs.replace(RULES, max_in_row=in_row, at_limit="hold" if hold else "fail")
        answers = self.twice(
            lambda store: store.count(turn, rules, account="viber:parcel", month="202611", outside=False)
        )
        assert tuple(answer.verdict for answer in answers) == expected

    # --- reports ---

    def park(self, step: Step) -> None:
        turn = self.turn(Queue.MAILBOX, step)
        if turn is None:
            return
        talk, new_id, receipt_id = self.talks[turn.cid], self.new_id(), f"r{step.number % 2}"
        expected = self.known.get((turn.cid, receipt_id)) if talk.mail.holds(turn) else None
        if expected is None:
            talk.park(turn, new_id, receipt_id, self.now)
        name = f"{LATER}{new_id}"
        answers = self.twice(lambda store: store.deliveries.park(turn, receipt_id, name=name, seconds=DELAY, most=100))
        assert answers == (expected, expected)

    def receipt(self, step: Step) -> None:
        turn = self.turn(Queue.OUTBOX, step)
        if turn is None:
            return
        receipt_id = f"r{step.number % 2}"
        self.known[turn.cid, receipt_id] = turn.id
        self.talks[turn.cid].release(receipt_id, self.now)
        self.twice(lambda store: store.deliveries.sent(turn, receipt_id, created_ms=1, expiry=None))
        assert self.twice(lambda store: store.deliveries.find(turn.cid, receipt_id)) == (turn.id, turn.id)

    # --- both queues ---

    def retry(self, step: Step) -> None:
        queue = queue_of(step)
        turn = self.turn(queue, step)
        if turn is None:
            return
        talk, most, refund = self.talks[turn.cid], 0 if step.number == 0 else ATTEMPTS, step.keep
        delay = delay_of(step)
        expected = talk.retry(queue, turn, most, self.now, delay=delay, refund=refund)
        answers = self.twice(
            lambda store: store.retry(queue, turn, delay=delay, error="no", max_attempts=most, refund=refund)
        )
        assert answers == (expected, Verdict.FENCED)

    def retry_unknown(self, step: Step) -> None:
        turn = self.turn(Queue.OUTBOX, step)
        if turn is None:
            return
        delay = delay_of(step)
        expected = self.talks[turn.cid].retry_unknown(turn, self.now, delay=delay)
        answers = self.twice(lambda store: store.retry_unknown(turn, delay=delay, max_repeats=REPEATS))
        assert answers == expected

    # --- timers, time, the end ---

    def fire(self, step: Step) -> None:
        ((due, _),) = self.run(self.stores[0].due_timers(10))
        expected = {(c, name) for c, talk in self.talks.items() for name, at in talk.timers.items() if at <= self.now}
        back = {(c, name) for c, talk in self.talks.items() for name, (at, _) in talk.parked.items() if at <= self.now}
        assert {(each.cid, each.timer.name) for each in due} == expected | {(c, f"{LATER}{name}") for c, name in back}
        self.due += [(timer, self._set_for(timer)) for timer in due]
        if not self.due:
            return
        timer, set_for = self.due[-1 - step.age % len(self.due)]
        talk, event_id = self.talks[timer.cid], self.new_id()
        answer: type[Ingested] = Duplicate
        # One that was due once fires though the server's clock was set back since.
        is_set = set_for is not None and self._set_for(timer) == set_for
        if is_set and timer.timer.name.startswith(LATER):
            answer = talk.come_back(timer.timer.name.removeprefix(LATER), self.now)
        elif is_set:
            answer = talk.fire(timer.timer.name, event_id, self.now)
        first, second = self.twice(lambda store: store.fire(timer, event_id))
        assert isinstance(first, answer)
        assert isinstance(second, Duplicate if answer is Accepted else answer)

    def _set_for(self, timer: DueTimer) -> int | None:
        talk, name = self.talks[timer.cid], timer.timer.name
        if name.startswith(LATER):
            return talk.parked.get(name.removeprefix(LATER), (None, ""))[0]
        return talk.timers.get(name)

    def wait(self, step: Step) -> None:
        self.move((1, 1, 2, 3)[step.number] * STEP)

    def upset(self, step: Step) -> None:
        """The server's clock is set back, or a person asks to be forgotten."""
        if step.flag:
            self.move(BACK)
            return
        self.twice(lambda store: store.forget(step.cid))
        self.talks[step.cid] = Talk()
        self.ids = [pair for pair in self.ids if pair[0] != step.cid]

    def move(self, seconds: int) -> None:
        self.now += seconds
        self.clock.advance(seconds=seconds)

    def in_ms(self, seconds: int) -> int:
        return round((self.clock.timestamp() + seconds) * 1000)

    # --- the claims ---

    @invariant()
    def the_structure_is_whole(self) -> None:
        assert self.run(audit(self.stores[0])) == [[]]

    @invariant()
    def the_store_is_like_the_model(self) -> None:
        for talk, found in zip(self.talks.values(), self.run(*(self.read(cid) for cid in self.talks)), strict=True):
            assert found == {
                "mail": talk.mail.entries,
                "out": talk.out.entries,
                "owners": [talk.mail.owner, talk.out.owner],
                "attempts": [talk.mail.attempts, talk.out.attempts],
                "held": talk.out.is_held,
                "record": [talk.state, talk.version, talk.sent, talk.in_row],
                "timers": sorted(talk.timers),
                "parked": sorted(f"{LATER}{name}" for name in talk.parked),
            }

    async def read(self, cid: str) -> dict[str, Any]:
        call, partition = self.stores[0].call, self.stores[0].keys.partition(cid)
        tag = f"{{bk:{partition}}}"
        mail, out, own, oown, attempts, tries, held, record, timers, parked = await asyncio.gather(
            call("LRANGE", f"{tag}:m:{cid}", 0, -1),
            call("LRANGE", f"{tag}:o:{cid}", 0, -1),
            call("HGET", f"{tag}:own", cid),
            call("HGET", f"{tag}:oown", cid),
            call("HGET", f"{tag}:try", cid),
            call("HGET", f"{tag}:otry", cid),
            call("ZSCORE", f"{tag}:ohld", cid),
            call("HMGET", f"{tag}:c:{cid}", "s", "v", "sn", "sr"),
            call("HKEYS", f"{tag}:t:{cid}"),
            call("HKEYS", f"{tag}:e:{cid}"),
        )
        return {
            "mail": [entry[:22].decode() for entry in mail],
            "out": [entry[:24].decode() for entry in out],
            "owners": [(own or b"").decode(), (oown or b"").decode()],
            "attempts": [int(attempts or 0), int(tries or 0)],
            "held": held is not None,
            "record": [(record[0] or b"").decode(), *(int(value or 0) for value in record[1:])],
            "timers": sorted(name.decode() for name in timers),
            "parked": sorted(name.decode() for name in parked),
        }

    def finish(self) -> None:
        """Lets all work come to its end: each event that was stored has ended once, in order."""
        self.move(1000 * STEP)
        while claim := self.run(self.stores[0].claim(Queue.MAILBOX, 100))[0].turns:
            for turn in claim:
                state = turn.record.state + turn.id[-3:].encode() + b"."
                assert self.run(self.stores[0].commit(turn, Commit(state, []), keep=False, send=False))[0]
                self.talks[turn.cid].ended.append(turn.id)
                self.talks[turn.cid].state = state.decode()
        for cid, talk in self.talks.items():
            assert talk.ended == talk.arrived
            (letters,) = self.run(self.stores[0].dead_letters.read(cid))
            assert [name_of(letter) for letter in letters] == talk.dead
            transitions = [f"{event_id[-3:]}." for event_id in talk.arrived if event_id not in talk.dead]
            assert talk.state == "".join(transitions)
            (record,) = self.run(self.stores[0].load(cid))
            assert record.state.decode() == talk.state


def queue_of(step: Step) -> Queue:
    return Queue.MAILBOX if step.flag else Queue.OUTBOX


def name_of(letter: DeadLetter) -> str:
    return letter.entry[: 22 if letter.queue is Queue.MAILBOX else 24].decode()


def delay_of(step: Step) -> int:
    return DELAY if step.number == 1 else 0


def run_model(server_url: str, size: settings, seed: int | None = None) -> set[str]:
    """Runs as many histories as the settings say; returns the kinds of steps that were in them."""

    class ScriptsHere(Scripts):
        url = server_url
        taken = Counter[str]()

    if seed is not None:
        hypothesis.seed(seed)(ScriptsHere)
    # A step is slow when the machine is: that says nothing of the scripts.
    run_state_machine_as_test(ScriptsHere, settings=settings(size, suppress_health_check=[HealthCheck.too_slow]))
    return set(ScriptsHere.taken)


@pytest.mark.timeout(3600)
def test_the_scripts_do_what_the_model_does(servers: Servers) -> None:
    is_sized = settings.get_current_profile_name() in ("long", "first")
    size = settings() if is_sized else settings(max_examples=80, stateful_step_count=40, deadline=None)
    assert run_model(servers.any_url(), size) == WEIGHTS.keys()
