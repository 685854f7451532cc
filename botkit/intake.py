"""Takes events in: each is stored before it is acknowledged, and worked on here where its turn is this process's."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog
from msgspec import Struct

from botkit.adapter import Adapter
from botkit.events import Event, Subscribed, encode
from botkit.exceptions import StoreUnavailableError
from botkit.held_turns import HeldTurns
from botkit.metrics import Metrics
from botkit.session_rules import Heard
from botkit.store import Accepted, Duplicate, Full, Ingested, Mine, Store
from botkit.tracing import stamp
from botkit.turn import Queue, Turn

log = structlog.get_logger("botkit.intake")

_COUNTED: Mapping[type[Ingested], str] = {
    Mine: "events_accepted",
    Accepted: "events_accepted",
    Duplicate: "events_duplicate",
    Full: "events_full",
}

# Events that were not stored are delivered again soon, or never.
_MOST_UNSURE = 1000


class Acceptance(Struct, frozen=True):
    """What the receiver may answer: 200 with `reply` if `stored`, and its answer ready; else 503, to be asked again."""

    stored: bool
    reply: bytes = b""


_STORED = Acceptance(stored=True)
_FULL = Full()


class _Storing(Struct):
    """An event on its way into the store: until when that counts by the loop's clock, and the task that sees to it.

    `is_answered` tells whether its answer travels in the webhook's response.
    """

    adapter: Adapter
    event: Event
    is_answered: bool
    due_at: float
    result: "asyncio.Future[Ingested | Exception]"
    task: "asyncio.Task[None] | None" = None


class Intake:
    """Stores what comes in; a turn that becomes this process's is kept in `held`, and `work` is done on it.

    Storing may take `ingest_seconds`, an answer that travels in the webhook's response `answer_budget`; seconds.
    """

    def __init__(
        self,
        store: Store,
        held: HeldTurns,
        work: Callable[[Turn, "asyncio.Task[None] | None"], Awaitable[None]],
        metrics: Metrics,
        *,
        ingest_seconds: float,
        answer_budget: float,
    ) -> None:
        self._store = store
        self._held = held
        self._work = work
        self._metrics = metrics
        self._ingest_seconds = ingest_seconds
        self._answer_budget = answer_budget
        # The tokens of events of which nobody knows whether they were stored.
        self._unsure: dict[str, str] = {}
        self._unanswered: dict[str, asyncio.Event] = {}
        # What is being stored, in the order of the times by which it must be, and one timer for all of it.
        self._due: deque[_Storing] = deque()
        self._timer: asyncio.TimerHandle | None = None

    async def accept(self, adapter: Adapter, events: Sequence[Event]) -> Acceptance:
        """Stores the events of one request, all of them or the answer is "not stored".

        Raises StoreUnavailableError. An event that must be answered in the response is waited for, within its budget.
        """
        loop = asyncio.get_running_loop()
        due_at = loop.time() + self._ingest_seconds
        begun: list[_Storing] = []
        for event in events:
            storing = _Storing(adapter, event, adapter.takes_answer(event), due_at, loop.create_future())
            begun.append(storing)
            self._due.append(storing)
            storing.task = self._held.spawn(self._take_in(storing), loop)
        if self._timer is None:
            self._timer = loop.call_at(due_at, self._give_up)
        ingested: list[Ingested] = []
        for storing in begun:
            result = await storing.result
            if isinstance(result, Exception):
                raise result
            ingested.append(result)
        self._forget_done()
        if _FULL in ingested:
            return Acceptance(stored=False)
        for storing, result in zip(begun, ingested, strict=True):
            if storing.is_answered:
                return await self._reply(storing.event, result)
        return _STORED

    def _give_up(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for storing in self._due:
            if storing.due_at > now:
                break
            if not storing.result.done():
                storing.result.set_result(StoreUnavailableError("Redis took too long to store an event"))
        self._forget_done()
        self._timer = loop.call_at(self._due[0].due_at, self._give_up) if self._due else None

    def _forget_done(self) -> None:
        # Left to the timer, each event would stay in memory for all the time that storing it may take.
        while self._due and self._due[0].result.done():
            self._due.popleft()

    def answered(self, event_id: str) -> None:
        """Tells the request that waits for this event's answer, if one does, to look whether it is ready."""
        if (waiting := self._unanswered.pop(event_id, None)) is not None:
            waiting.set()

    async def _take_in(self, storing: "_Storing") -> None:
        """Stores an event, whoever still waits for that, and works on it where it is this process's to handle."""
        turn = None
        result: Ingested | Exception | None = None
        try:
            result = ingested = await self._ingest(storing)
            turn = self._begin(storing, ingested)
        except Exception as error:
            result = error
        finally:
            if not storing.result.done():
                storing.result.set_result(StoreUnavailableError("this process stops") if result is None else result)
        if turn is None:
            return
        try:
            # The answer is written first.
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            self._held.release(Queue.MAILBOX, turn)
            await self._store.retry(Queue.MAILBOX, turn, delay=0)
            raise
        await self._work(turn, storing.task)

    async def _ingest(self, storing: "_Storing") -> Ingested:
        adapter, event = storing.adapter, storing.event
        payload = stamp(encode(event))
        token = self._token_for(event)
        self._held.asked_for += bool(token)
        try:
            try:
                return await self._store_event(adapter, event, payload, token)
            except StoreUnavailableError:
                if asyncio.get_running_loop().time() > storing.due_at:
                    raise
                # Again at once where the connection broke: those that came together stay in their order.
                return await self._store_event(adapter, event, payload, token)
        except StoreUnavailableError:
            if token:
                self._unsure[event.id] = token
            raise
        finally:
            self._held.asked_for -= bool(token)

    def _store_event(self, adapter: Adapter, event: Event, payload: bytes, token: str) -> Awaitable[Ingested]:
        return self._store.ingest(
            event.conversation.key,
            event.id,
            payload,
            token=token,
            window=adapter.dedupe_window.total_seconds(),
            heard=_heard(adapter, event),
            opens=event.opens,
            stays_away=adapter.stays_away and not isinstance(event, Subscribed),
        )

    def _token_for(self, event: Event) -> str:
        if self._held.room(Queue.MAILBOX) < 1:
            return ""
        if len(self._unsure) > _MOST_UNSURE:
            del self._unsure[next(iter(self._unsure))]
        # Redis may have carried it out without our knowing: with the same token it is ours when it comes again, and
        # need not wait for the end of a lease that nobody uses.
        return self._unsure.pop(event.id, "") or self._store.new_token()

    def _begin(self, storing: "_Storing", result: Ingested) -> Turn | None:
        """Notes what became of an event; returns its turn where this task is to work on it."""
        event = storing.event
        account = event.conversation.account
        self._metrics.count(_COUNTED[type(result)], account)
        if isinstance(result, Duplicate):
            if result.differs:
                self._metrics.count("events_conflicting", account)
            return None
        if not isinstance(result, Mine):
            self._held.kick.set()
            return None
        if storing.is_answered:
            self._unanswered[event.id] = asyncio.Event()
        self._held.keep(Queue.MAILBOX, result.turn, storing.task)
        if result.turn.record.queued:
            # What was held for the person may go out now, whatever the handler says.
            self._held.kick.set()
        return result.turn

    async def _reply(self, event: Event, result: Ingested) -> Acceptance:
        if isinstance(result, Duplicate) and result.reply:
            return Acceptance(stored=True, reply=result.reply)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._answer_budget):
                if (waiting := self._unanswered.get(event.id)) is not None:
                    await waiting.wait()
                # Somebody else's process may be at it: there is nothing here to wait on.
                while (reply := await self._store.load_reply(event.conversation.key, event.id)).is_pending:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
                return Acceptance(stored=True, reply=reply.body)
        # The event is stored, but its answer is not ready: the service asks again, and gets it then.
        self._metrics.count("welcome_missed", event.account)
        log.warning("the webhook's answer is not ready yet", event_id=event.id)
        return Acceptance(stored=False)


def _heard(adapter: Adapter, event: Event) -> Heard | None:
    if adapter.sessions is None or not event.is_from_user:
        return None
    country = event.user.country if event.user else ""
    return Heard(adapter.sessions, f"{event.account.channel}:{event.account.ta}", event.at, country)
