"""What should become of one conversation in the store, in plain Python."""

from dataclasses import dataclass, field

from botkit.exceptions import TooManyTimersError
from botkit.redis.bounds import Bounds
from botkit.redis.dead_letters import Replay
from botkit.store import Accepted, Commit, Duplicate, Full, Ingested, Mine, Verdict
from botkit.turn import Queue, Turn

# A test moves its time in steps of 4 s, so that nothing ends within 2 s of a step: the server's own time, which passes
# meanwhile, does not matter.
STEP, LEASE, DELAY, SESSION = 4, 10, 6, 14
DEPTH, QUEUED, TIMERS = 4, 4, 1
ATTEMPTS, REPEATS, PER_SESSION = 2, 1, 2
# Scores this far ahead come from a clock that was set back.
FAR = 600
BOUNDS = Bounds(lease=LEASE, mailbox=DEPTH, outbox=QUEUED, timers=TIMERS, partitions=2)


@dataclass
class Lane:
    """One queue of one conversation."""

    entries: list[str] = field(default_factory=list)
    owner: str = ""
    attempts: int = 0
    repeats: int = 0
    ready_at: int | None = None
    lease_end: int = 0
    is_held: bool = False

    @property
    def head(self) -> str:
        return self.entries[0] if self.entries else ""

    def holds(self, turn: Turn) -> bool:
        return (self.owner, self.head) == (turn.token, turn.id)

    def claim(self, now: int) -> bool:
        """Ends a lease whose time is over; tells whether the queue is due."""
        if self.owner and not now < self.lease_end < now + FAR:
            self.give(now)
        return self.ready_at is not None and not now < self.ready_at < now + FAR

    def take(self, token: str, now: int) -> None:
        self.owner, self.ready_at, self.lease_end = token, None, now + LEASE
        self.attempts += 1

    def give(self, at: int) -> None:
        self.owner, self.ready_at = "", at if self.entries else None

    def wake(self, now: int) -> None:
        if self.entries and not self.owner and not self.is_held and self.ready_at is None:
            self.ready_at = now

    def pop(self) -> None:
        del self.entries[0]
        self.attempts = self.repeats = 0

    def go_on(self, now: int, *, keep: bool, is_new: bool) -> None:
        """Keeps the queue for its holder, as a new attempt unless a call was only told again; or gives it back."""
        if keep and self.entries:
            self.attempts, self.lease_end = self.attempts + is_new, now + LEASE
        else:
            self.give(now)


@dataclass
class Talk:
    """One conversation; `arrived` and `ended` are the ids of its events in the order in which they did."""

    mail: Lane = field(default_factory=Lane)
    out: Lane = field(default_factory=Lane)
    seen: set[str] = field(default_factory=set)
    arrived: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    dead: list[str] = field(default_factory=list)
    timers: dict[str, int] = field(default_factory=dict)
    #: When each report that was put aside comes back, by its new id, and the id of the message it waits for.
    parked: dict[str, tuple[int, str]] = field(default_factory=dict)
    gone: str = ""
    last_commit: str = ""
    state: str = ""
    version: int = 0
    session_at: int = 0
    sent: int = 0
    in_row: int = 0
    counted: str = ""
    # Whether the counted attempt began a session while none was open, and when.
    opened_at: int = 0

    def lane(self, queue: Queue) -> Lane:
        return self.mail if queue is Queue.MAILBOX else self.out

    def ingest(
        self, event_id: str, token: str, now: int, *, answers: bool, opens: bool | None = None
    ) -> type[Ingested]:
        if event_id in self.seen:
            return Duplicate
        if len(self.mail.entries) >= DEPTH:
            return Full
        self._add_event(event_id)
        if opens is not None:
            self.gone = "" if opens else "unsubscribed"
        if answers:
            self.in_row = 0
        if answers or opens is False:
            self.out.is_held = False
            self.out.wake(now)
        if token and len(self.mail.entries) == 1:
            self.mail.take(token, now)
            return Mine
        self.mail.wake(now)
        return Accepted

    def _add_event(self, event_id: str) -> None:
        self.seen.add(event_id)
        self.arrived.append(event_id)
        self.mail.entries.append(event_id)

    def is_told_again(self, turn: Turn) -> bool:
        return self.last_commit == turn.token + turn.id

    def commit(self, turn: Turn, commit: Commit, send_token: str, now: int, *, keep: bool) -> bool:
        is_new = not self.is_told_again(turn)
        if is_new and not self.mail.holds(turn):
            return False
        wanted = self.timers.keys() | {timer.name for timer in commit.timers if timer.due_ms}
        if is_new and len(wanted) > max(TIMERS, len(self.timers)):
            raise TooManyTimersError("")
        if is_new:
            self._write(turn, commit, send_token, now)
        if self.mail.owner == turn.token:
            self.mail.go_on(now, keep=keep, is_new=is_new)
        return True

    def _write(self, turn: Turn, commit: Commit, send_token: str, now: int) -> None:
        self.last_commit, self.state, self.version = turn.token + turn.id, commit.state.decode(), self.version + 1
        self.ended.append(turn.id)
        self.mail.pop()
        for timer in commit.timers:
            self.timers.pop(timer.name, None)
            if timer.due_ms:
                self.timers[timer.name] = now + DELAY
        was_empty = not self.out.entries
        self.out.entries += [part[:24].decode() for part in commit.outgoing]
        if was_empty and send_token:
            self.out.take(send_token, now)
        else:
            self.out.wake(now)

    def enqueue(self, key: str, now: int) -> bool:
        if key in self.seen:
            return True
        if len(self.out.entries) >= QUEUED:
            return False
        self.seen.add(key)
        self.out.entries.append(key)
        self.out.wake(now)
        return True

    def finish(self, turn: Turn, now: int, *, keep: bool) -> bool:
        """Takes a message off the outbox; tells whether its sender has a next one."""
        if self.out.owner != turn.token:
            return False
        is_new = self.out.head == turn.id
        if is_new:
            self.out.pop()
        self.out.go_on(now, keep=keep, is_new=is_new)
        return keep and bool(self.out.entries)

    def fail(self, turn: Turn, event_id: str, now: int, *, refund: bool, keep: bool, is_dead: bool, gone: str) -> bool:
        if self.out.holds(turn):
            self.dead += [turn.id] if is_dead else []
            self.gone = gone or self.gone
            self._add_event(event_id)
            self.mail.wake(now)
            if refund:
                self.refund(turn)
        return self.finish(turn, now, keep=keep)

    def count(self, turn: Turn, now: int, *, most_in_row: int, hold: bool) -> tuple[Verdict, Verdict]:
        """The answer, and the one to the same call again."""
        if self.out.owner != turn.token:
            return Verdict.FENCED, Verdict.FENCED
        if self.counted == _attempt(turn):
            return Verdict.DONE, Verdict.DONE
        if self.in_row >= most_in_row:
            if not hold:
                return Verdict.LIMIT, Verdict.LIMIT
            self.out.owner, self.out.is_held = "", True
            self.out.attempts -= 1
            return Verdict.HELD, Verdict.FENCED
        self.opened_at = 0
        if not self.session_at or now >= self.session_at + SESSION:
            self.session_at, self.sent, self.opened_at = now, 0, now
        elif self.sent >= PER_SESSION:
            self.session_at, self.sent = now, 0
        self.sent, self.in_row, self.counted = self.sent + 1, self.in_row + 1, _attempt(turn)
        return Verdict.DONE, Verdict.DONE

    def refund(self, turn: Turn) -> None:
        if self.counted != _attempt(turn):
            return
        self.counted, self.sent, self.in_row = "", self.sent - 1, max(0, self.in_row - 1)
        if self.opened_at:
            self.session_at = 0

    def retry(self, queue: Queue, turn: Turn, most: int, now: int, *, delay: int, refund: bool) -> Verdict:
        lane = self.lane(queue)
        if lane.owner != turn.token:
            return Verdict.FENCED
        if refund:
            self.refund(turn)
        if not most:
            lane.attempts -= 1
        elif lane.attempts >= most and lane.head == turn.id:
            self.dead.append(turn.id)
            self.ended += [turn.id] if queue is Queue.MAILBOX else []
            lane.pop()
            lane.give(now)
            return Verdict.DEAD
        lane.give(now + delay)
        return Verdict.WAITING

    def replay(self, name: str, now: int, *, first: bool) -> Replay:
        """Puts a dead letter back."""
        lane, most = (self.mail, DEPTH) if len(name) == 22 else (self.out, QUEUED)
        if first and lane.owner:
            return Replay.HELD
        if len(lane.entries) >= most:
            return Replay.FULL
        self.dead.remove(name)
        if lane is self.mail:
            self.ended.remove(name)
            self.arrived.remove(name)
            self.arrived.insert(len(self.ended) if first else len(self.arrived), name)
        lane.entries.insert(0 if first else len(lane.entries), name)
        if first:
            lane.attempts = lane.repeats = 0
            lane.ready_at = None
        lane.wake(now)
        return Replay.DONE

    def retry_unknown(self, turn: Turn, now: int, *, delay: int) -> tuple[Verdict, Verdict]:
        """The answer, and the one to the same call again."""
        if self.out.owner != turn.token:
            return Verdict.FENCED, Verdict.FENCED
        self.out.repeats += 1
        if self.out.repeats > REPEATS:
            return Verdict.SPENT, Verdict.SPENT
        self.out.give(now + delay)
        return Verdict.WAITING, Verdict.FENCED

    def park(self, turn: Turn, new_id: str, receipt_id: str, now: int) -> bool:
        if not self.mail.holds(turn):
            return False
        self.mail.pop()
        self.arrived.remove(turn.id)
        self.parked[new_id] = now + DELAY, receipt_id
        self.mail.give(now)
        return True

    def release(self, receipt_id: str, now: int) -> None:
        for event_id in [name for name, (_, waits_for) in self.parked.items() if waits_for == receipt_id]:
            del self.parked[event_id]
            self.arrived.append(event_id)
            self.mail.entries.append(event_id)
            self.mail.wake(now)

    def come_back(self, event_id: str, now: int) -> type[Ingested]:
        answer = self.ingest(event_id, "", now, answers=False)
        if answer is Accepted:
            del self.parked[event_id]
        return answer

    def fire(self, name: str, event_id: str, now: int) -> type[Ingested]:
        answer = self.ingest(event_id, "", now, answers=False)
        if answer is Accepted:
            del self.timers[name]
        return answer


def _attempt(turn: Turn) -> str:
    return f"{turn.token}/{turn.id}/{turn.attempts}"
