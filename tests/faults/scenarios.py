"""Lives of a bot that are cut short by the tests beside this file, what must come of them, and how to tell."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import uuid4

from msgspec import Struct
from msgspec.structs import replace

from botkit import Context, ConversationStarted, Flow, MessageDelivered, MessageReceived, Router, TimerFired, Trigger
from botkit.adapter import Outcome, Receipt
from botkit.addresses import AddressKind
from botkit.bot import Bot
from botkit.broadcast import Stage
from botkit.broadcaster import Broadcaster
from botkit.clock import Clock
from botkit.conversation import Conversation, digest
from botkit.deliveries import Delivery, Status
from botkit.engine import EnginePolicy
from botkit.events import Event, Media
from botkit.exceptions import StoreUnavailableError
from botkit.http_client import HttpClient
from botkit.intake import Acceptance
from botkit.ledger import Ledger, month_of
from botkit.messages import Text
from botkit.outgoing import Outgoing
from botkit.record import Flows
from botkit.redis.audit import audit
from botkit.redis.ledger import load_ledgers
from botkit.session_rules import SessionRules
from botkit.store import insist
from tests.desk import NOT_SENT, Desk, Process, opens, reported, says, where


class Log(Flow):
    """What happened, in order."""

    states = ("on",)
    note = Trigger("on", "on")
    heard: list[str] = []  # a field of data, copied for each conversation


router = Router(Log)


@router.text("^two")
async def two(event: MessageReceived, ctx: Context[Log]) -> None:
    ctx.flow.heard.append(event.text)
    ctx.reply(f"{event.text} a")
    ctx.reply(f"{event.text} b")


@router.text("^later")
async def later(event: MessageReceived, ctx: Context[Log]) -> None:
    ctx.flow.heard.append(event.text)
    ctx.after("call", seconds=5)


@router.text("^bad")
async def bad(event: MessageReceived, ctx: Context[Log]) -> None:
    raise ValueError("never works")


@router.text("^file")
async def file(event: MessageReceived, ctx: Context[Log]) -> None:
    ctx.flow.heard += [media.file_id for media in event.album]


@router.text("^over")
async def over(event: MessageReceived, ctx: Context[Log]) -> None:
    ctx.flow.heard.append(event.text)
    ctx.link_phone(PHONE)
    ctx.reply(event.text, route="over")


@router.text()
async def one(event: MessageReceived, ctx: Context[Log]) -> None:
    ctx.flow.heard.append(event.text)
    ctx.reply(event.text)


@router.timer("call")
async def call(event: TimerFired, ctx: Context[Log]) -> None:
    ctx.flow.heard.append("called")
    ctx.reply("called")


@router.delivered()
async def delivered(event: MessageDelivered, ctx: Context[Log]) -> None:
    known = {f"{says(name, native=name).id}00" for name in ("one", "over")}
    ctx.flow.heard.append("delivered" if event.message_key in known else "unknown")


@router.started()
async def started(event: ConversationStarted, ctx: Context[Log]) -> None:
    ctx.flow.heard.append("opened")
    ctx.reply("welcome")


class Platform(Desk):
    """Writes down what arrives before it answers, where a kill cannot take it back."""

    def __init__(self, journal: Path, sessions: SessionRules | None = None, *, ta: str = "desk") -> None:
        super().__init__(ta=ta, sessions=sessions)
        self.journal = journal
        self.answered = (ConversationStarted,)
        self.is_down = False
        if ta != "desk":
            self.address = AddressKind.PHONE

    async def send(self, outgoing: Outgoing, to: Conversation, client: HttpClient) -> Receipt:
        if self.is_down:
            return NOT_SENT
        append(self.journal, f"sent {outgoing.key}")
        append(self.journal, f"way {self.ta}")
        return Receipt(Outcome.SENT, id=f"id-{outgoing.key}")


def made(name: str) -> Event:
    """Returns the event of a name: whoever says a file's name sends it, as a part of an album."""
    if name == "report":
        # It may come before the message that it is about is noted as sent.
        return replace(reported(MessageDelivered, f"id-{says('one', native='one').id}00"), id=f"{name:r<22}")
    if name == "brought":
        # Of the third way.
        key = f"{says('over', native='over').id}00"
        report = reported(MessageDelivered, f"id-{digest(f'{key}|2')}00")
        return replace(report, id=f"{name:b<22}", conversation=where(PHONE, ta="third"))
    if name.startswith("open"):
        return opens(native=name)
    said = says(name, native=name)
    return replace(said, media=Media("image", name), group="album") if name.startswith("file") else said


def append(journal: Path, line: str) -> None:
    with journal.open("ab", buffering=0) as file:
        file.write(line.encode() + b"\n")


Scenario = Callable[["Run", Process], Awaitable[None]]


class Run:
    """One life and its recovery, on a store of their own."""

    def __init__(self, redis_url: str, folder: Path, scenario: Scenario, sessions: SessionRules | None = None) -> None:
        self.redis_url = redis_url
        self.prefix = f"k{uuid4().hex[:12]}"
        self.journal = folder / self.prefix
        self.journal.touch()
        self.scenario = scenario
        self.sessions = sessions
        #: What the account has booked in the end.
        self.ledgers: list[Ledger] = []
        #: What the structure of the store breaks of its own rules in the end.
        self.problems: list[str] = []
        #: What became of the message that may go several ways, if there is one.
        self.delivery: Delivery | None = None

    def process(self, clock: Clock, redis_url: str = "") -> Process:
        """Returns a process on the store, or on another way to it."""
        first, second, third = (
            Platform(self.journal, self.sessions),
            *(Platform(self.journal, ta=ta) for ta in ("second", "third")),
        )
        second.is_down = True
        bot = Bot(
            "shop", routers=[router], accounts=[first], routes={"over": first.within(60) | second.within(20) | third}
        )
        policy = EnginePolicy(answer_budget=0.05)
        return Process(redis_url or self.redis_url, bot, clock=clock, prefix=self.prefix, engine=policy)

    async def deliver(self, process: Process, name: str) -> None:
        """Delivers an event as a service does: again and again until it is acknowledged."""
        if f"accepted {name}" in self.lines():
            return
        event = made(name)
        for _ in range(3):
            try:
                accepted = await process.takes(event)
            except StoreUnavailableError:
                accepted = Acceptance(stored=False)
            if accepted.stored:
                break
            # The service comes again after a while.
            await process.advance(11)
        assert accepted.stored
        if accepted.reply:
            append(self.journal, f"answered {accepted.reply.decode()}")
        append(self.journal, f"accepted {name}")

    def lines(self) -> list[str]:
        return self.journal.read_text().splitlines()

    async def recover(self, after: float) -> tuple[Log, int, int]:
        """Does in other processes, so many seconds later, what is left; returns flow, version and dead letters."""
        clock = Clock()
        clock.advance(seconds=after)
        async with self.process(clock) as process:
            await self.scenario(self, process)
        async with self.process(clock) as process:
            for _ in range(12):
                await process.advance(70)
            self.problems = await audit(process.store)
            self.ledgers = await load_ledgers(process.store, month_of(clock.now()))
            record = await process.store.load(where().key)
            self.delivery = await process.store.deliveries.load(where().key, f"{says('over', native='over').id}00")
            flow = Flows(record.state).get(Log)
            return flow, record.version, len(await process.dead_letters())

    @property
    def sent(self) -> Counter[str]:
        return Counter(line.removeprefix("sent ") for line in self.lines() if line.startswith("sent "))

    @property
    def ways(self) -> set[str]:
        """The accounts that sent anything."""
        return {line.removeprefix("way ") for line in self.lines() if line.startswith("way ")}

    @property
    def answers(self) -> set[str]:
        return {line.removeprefix("answered ") for line in self.lines() if line.startswith("answered ")}


# --- scenarios ---


async def plain(run: Run, process: Process) -> None:
    await run.deliver(process, "one")
    await process.engine.settle()


async def two_queued(run: Run, process: Process) -> None:
    names = ("one", "two x", "three")
    new = [name for name in names if f"accepted {name}" not in run.lines()]
    # All in one batch, and so in this order as far as they come; who is not told delivers again, in order.
    await asyncio.gather(*(process.takes(made(name)) for name in new), return_exceptions=True)
    for name in names:
        await run.deliver(process, name)
    await process.engine.settle()


async def repeated(run: Run, process: Process) -> None:
    await run.deliver(process, "one")
    await process.takes(says("one", native="one"))
    await process.engine.settle()


async def dead(run: Run, process: Process) -> None:
    await run.deliver(process, "bad")
    await run.deliver(process, "one")
    for _ in range(6):
        await process.advance(100)


async def timer(run: Run, process: Process) -> None:
    await run.deliver(process, "later")
    await process.engine.settle()
    await process.advance(6)


async def welcome(run: Run, process: Process) -> None:
    await run.deliver(process, "open")
    await process.engine.settle()


async def report(run: Run, process: Process) -> None:
    await run.deliver(process, "one")
    await run.deliver(process, "report")
    await process.engine.settle()


async def drain(run: Run, process: Process) -> None:
    await run.deliver(process, "one")
    await run.deliver(process, "two x")
    await process.engine.drain(1)


async def broadcast(run: Run, process: Process) -> None:
    await run.deliver(process, "one")
    await process.engine.settle()
    # Whoever died before it started plans anew, as an operator does.
    known = await insist(process.store.broadcasts.list)
    if all(each.stage is Stage.DRAFT for each in known):
        broadcaster = Broadcaster(process.bots[0], process.store, process.clock)
        plan = await broadcaster.plan(Text(text="News!"))
        await broadcaster.start(plan.broadcast.id)
    await process.engine.settle()


async def album(run: Run, process: Process) -> None:
    for name in ("file a", "file b", "one"):
        await run.deliver(process, name)
    await process.advance(1)


async def charged(run: Run, process: Process) -> None:
    await run.deliver(process, "two x")
    await process.engine.settle()


async def failed_over(run: Run, process: Process) -> None:
    await run.deliver(process, "over")
    await process.engine.settle()
    # Not delivered in its time; then the second way is down until its time is over as well.
    for seconds in (61, 11, 11, 11, 11):
        await process.advance(seconds)
    await run.deliver(process, "brought")
    await process.engine.settle()


async def forget(run: Run, process: Process) -> None:
    await run.deliver(process, "one")
    await process.engine.settle()
    if "forgotten" not in run.lines():
        # Whoever was stopped on the way is asked again, by the person or the law.
        await insist(lambda: process.store.forget(where().key))
        append(run.journal, "forgotten")
    await run.deliver(process, "three")
    await process.engine.settle()


#: Where the third way of a message goes.
PHONE = "+385910000001"

#: The second message in a row is bought.
CHARGED = SessionRules(max_in_row=1, at_limit="charge")


class Wanted(Struct, frozen=True):
    """What must come of a scenario: what the flow heard, and the numbers of messages, answers and dead letters."""

    scenario: Scenario
    heard: list[str]
    messages: int = 0
    answers: int = 0
    dead_letters: int = 0
    sessions: SessionRules | None = None
    has_ways: bool = False
    #: When others take over, in seconds: after the leases, and where that matters after a way's time as well.
    after: tuple[float, ...] = (11,)
    #: Several are delivered at the same time: where the first attempt at one fails, it is accepted after the others.
    is_at_once: bool = False


SCENARIOS = {
    "plain": Wanted(plain, ["one"], messages=1),
    "two queued": Wanted(two_queued, ["one", "two x", "three"], messages=4, is_at_once=True),
    "repeated": Wanted(repeated, ["one"], messages=1),
    "dead": Wanted(dead, ["one"], messages=1, dead_letters=1),
    "timer": Wanted(timer, ["later", "called"], messages=1),
    "welcome": Wanted(welcome, ["opened"], answers=1),
    "album": Wanted(album, ["file a", "file b", "one"], messages=1),
    "broadcast": Wanted(broadcast, ["one"], messages=2),
    "report": Wanted(report, ["one", "delivered"], messages=1),
    "drain": Wanted(drain, ["one", "two x"], messages=3),
    "forget": Wanted(forget, ["three"], messages=2),
    "charged": Wanted(charged, ["two x"], messages=2, sessions=CHARGED),
    "failed over": Wanted(failed_over, ["over", "delivered"], messages=2, has_ways=True, after=(11, 70)),
}


def check_ways(run: Run, said: str, *, faults: int) -> None:
    """Checks that the third way has it, and none beside it unless the record says that it may be double.

    It may say so of one that was only about to be sent when its process was killed: nobody knows.
    """
    assert run.delivery, said
    assert "third" in run.ways, said
    assert run.ways <= {"desk", "third"}, said
    are_two = run.ways == {"desk", "third"}
    assert run.delivery.may_be_double in ({are_two, True} if faults else {are_two}), said
    assert run.delivery.status is Status.DELIVERED, said


async def check(run: Run, wanted: Wanted, *, faults: int, said: str, after: float = 11, is_cut: bool = False) -> None:
    """Recovers, then checks that nothing is lost, doubled or out of order; a fault may double one message."""
    flow, version, dead_letters = await run.recover(after)
    said = f"{said}: {run.lines()}"
    has_any_order = is_cut and wanted.is_at_once
    assert (sorted(flow.heard) if has_any_order else flow.heard) == (
        sorted(wanted.heard) if has_any_order else wanted.heard
    ), said
    if wanted.has_ways:
        check_ways(run, said, faults=faults)
    else:
        # What is told of a way is an event as well, of which no handler hears.
        assert version == len(wanted.heard), said
        assert len(run.sent) == wanted.messages, said
    assert dead_letters == wanted.dead_letters, said
    assert len(run.answers) == wanted.answers, said
    assert sum(run.sent.values()) <= wanted.messages + faults, said
    assert run.problems == [], said
    for ledger in run.ledgers:
        # What arrived was counted, in a session or as bought; too much only by what was cut short.
        counted = ledger.messages + ledger.charged
        assert sum(run.sent.values()) <= counted <= wanted.messages + faults, f"{said}: {ledger}"
    assert len(run.ledgers) == (wanted.sessions is not None), said
