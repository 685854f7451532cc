"""Keeps the work going: takes events in, hands out turns, renews leases, fires timers, and stops cleanly."""

import asyncio
import contextlib
from collections.abc import Awaitable, Mapping, Sequence
from functools import partial
from typing import Literal

import structlog
from msgspec import Struct

from botkit.adapter import Adapter
from botkit.conversation import Account
from botkit.dispatcher import Dispatcher
from botkit.events import Event, decode
from botkit.exceptions import StoreUnavailableError
from botkit.feeder import Feeder
from botkit.held_turns import HeldTurns
from botkit.intake import Acceptance, Intake
from botkit.line import Line
from botkit.metrics import Metrics
from botkit.outbox import Outbox
from botkit.poller import Poller
from botkit.store import Claim, Committed, Store, insist
from botkit.sweeper import Sweeper
from botkit.turn import Queue, Turn

log = structlog.get_logger("botkit.engine")

Role = Literal["all", "web", "worker"]


class EnginePolicy(Struct, frozen=True):
    """How much is done at a time; seconds and counts.

    `suspicious` started attempts without a verdict send an event to the lane, where one runs at a time;
    after `hopeless`, `proof` of them in the lane, it is a dead letter.
    """

    concurrency: int = 100
    lease: float = 10
    in_a_row: int = 10
    ingest_seconds: float = 0.9
    answer_budget: float = 2.5
    poll: float = 1
    suspicious: int = 3
    hopeless: int = 5
    proof: int = 3


class Engine:
    """One process's part of the work; any number of them share a store.

    `all` takes in and works, `web` only takes in, `worker` only works.
    """

    def __init__(
        self,
        store: Store,
        dispatcher: Dispatcher,
        outbox: Outbox,
        *,
        role: Role = "all",
        policy: EnginePolicy | None = None,
        feeder: Feeder | None = None,
        polled: Mapping[Account, Line] | None = None,
        metrics: Metrics | None = None,
        sweeper: Sweeper | None = None,
    ) -> None:
        self._store = store
        self._poller = Poller(store, polled or {}, self._accept_polled)
        self._feeder = feeder
        self._sweeper = sweeper
        self._dispatcher = dispatcher
        self._outbox = outbox
        self._role = role
        self._policy = policy or EnginePolicy()
        self._metrics = metrics or Metrics()
        self._held = HeldTurns(0 if role == "web" else self._policy.concurrency)
        self._intake = Intake(
            store,
            self._held,
            partial(self._hold, Queue.MAILBOX),
            self._metrics,
            ingest_seconds=self._policy.ingest_seconds,
            answer_budget=self._policy.answer_budget,
        )
        self._lane = asyncio.Lock()
        self._draining = False
        self._loops: list[asyncio.Task[None]] = []

    def accept(self, adapter: Adapter, events: Sequence[Event]) -> Awaitable[Acceptance]:
        """See `Intake.accept`."""
        return self._intake.accept(adapter, events)

    # --- working ---

    def _start(self, queue: Queue, turn: Turn) -> None:
        self._held.keep(queue, turn, self._held.spawn(self._hold(queue, turn)))

    async def _hold(self, queue: Queue, turn: Turn, task: "asyncio.Task[None] | None" = None) -> None:
        sending = await self._hold_one(queue, turn)
        if sending is not None:
            # Its mailbox is done: what it said goes out from here, and needs no task of its own.
            self._held.keep(Queue.OUTBOX, sending, task)
            await self._hold_one(Queue.OUTBOX, sending)

    async def _hold_one(self, queue: Queue, turn: Turn) -> Turn | None:
        """Works on a turn; returns the turn at the outbox that follows, if one is left to this task."""
        try:
            if queue is Queue.OUTBOX:
                if await self._outbox.run(turn, keep=self._keeps_on):
                    # When it is due may be sooner than the loop means to look again.
                    self._held.kick.set()
                return None
            is_suspicious = turn.attempts >= self._policy.suspicious
            return await (self._handle_apart(turn) if is_suspicious else self._handle_in_a_row(turn))
        except StoreUnavailableError as error:
            log.warning("left to whoever comes after the lease", queue=queue.value, reason=error.what)
        except Exception:
            log.exception("a turn failed", queue=queue.value)
        finally:
            self._held.release(queue, turn)
        return None

    async def _handle_apart(self, turn: Turn) -> Turn | None:
        if self._lane.locked():
            # Its neighbour may be what ends processes: alone, each is judged by what it does itself.
            await insist(lambda: self._store.retry(Queue.MAILBOX, turn, delay=0.25))
            return None
        async with self._lane:
            return await self._handle_alone(turn)

    async def _handle_alone(self, turn: Turn) -> Turn | None:
        # What processes died of beside it proves nothing against it, however often.
        died_alone = await self._store.suspect(turn)
        if turn.attempts > self._policy.hopeless and died_alone >= self._policy.proof:
            await self._dispatcher.bury(turn, f"{turn.attempts - 1} attempts ended without a verdict")
            return None
        return await self._handle_in_a_row(turn)

    async def _handle_in_a_row(self, turn: Turn) -> Turn | None:
        for number in range(1, self._policy.in_a_row + 1):
            keep = number < self._policy.in_a_row and not self._draining
            committed = await self._handle_one(turn, keep=keep)
            if committed is None:
                return None
            if committed.next is None:
                if not keep:
                    # There may be more of it: others come first, then it is claimed again.
                    self._held.kick.set()
                return committed.sending
            if committed.sending is not None:
                self._start(Queue.OUTBOX, committed.sending)
            turn = committed.next
            if self._draining:
                await self._store.retry(Queue.MAILBOX, turn, delay=0)
                return None
        return None

    async def _handle_one(self, turn: Turn, *, keep: bool) -> Committed | None:
        try:
            committed = await self._dispatcher.run(turn, keep=keep, send=self._held.room(Queue.OUTBOX) > 0)
        except asyncio.CancelledError:
            await self._store.retry(Queue.MAILBOX, turn, delay=0)
            raise
        finally:
            self._intake.answered(turn.id)
        if committed is None or (committed.sending is None and committed.is_queued):
            # Behind what was held, perhaps: nobody may be sending there yet.
            self._held.kick.set()
        return committed

    def _keeps_on(self) -> bool:
        return not self._draining

    async def work_once(self) -> float:
        """Takes what is due, up to the room there is; returns the seconds until more will be."""
        dues = await asyncio.gather(
            self._take(Queue.MAILBOX),
            self._take(Queue.OUTBOX),
            self._fire_timers(),
            self._feed(),
            return_exceptions=True,
        )
        for due in dues:
            if isinstance(due, BaseException) and not isinstance(due, StoreUnavailableError):
                raise due
        return min((due for due in dues if isinstance(due, float)), default=self._policy.poll)

    async def _take(self, queue: Queue) -> float:
        if (room := self._held.room(queue)) < 1:
            return self._policy.poll
        claim: Claim = await self._store.claim(queue, room)
        for turn in claim.turns:
            self._metrics.observe("claim_lag_seconds", turn.lag, value=queue.value)
            self._start(queue, turn)
        return self._policy.poll if claim.next_due is None else claim.next_due

    async def _fire_timers(self) -> float:
        due, later = await self._store.due_timers(100)
        for timer in due:
            # One that cannot be stored now must not be in the way of the others, which may lie on other servers.
            with contextlib.suppress(StoreUnavailableError):
                await self._store.fire(timer, decode(timer.timer.payload).id)
        return 0.0 if due else self._policy.poll if later is None else later

    async def _feed(self) -> float:
        return await self._feeder.step() if self._feeder else self._policy.poll

    async def _accept_polled(self, adapter: Adapter, events: Sequence[Event]) -> bool:
        return (await self.accept(adapter, events)).stored

    async def poll_once(self) -> float:
        """Asks the services that are due to be asked; returns the seconds until it should be called again."""
        return await self._poller.step()

    # --- loops ---

    def start(self) -> None:
        """Starts the loops of this process's role, in the running event loop."""
        if self._role != "web":
            loops = [self._work, self._renew, self._listen, *([self._poll] if self._poller.has_work else [])]
            loops += [self._sweep] if self._sweeper else []
            self._loops = [asyncio.create_task(loop()) for loop in loops]

    async def _work(self) -> None:
        while not self._draining:
            self._held.kick.clear()
            try:
                due = await self.work_once()
            except Exception:
                log.exception("the work could not be taken")
                due = self._policy.poll
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(max(due, 0.005), self._policy.poll)):
                    await self._held.kick.wait()

    async def _listen(self) -> None:
        while not self._draining:
            try:
                await self._store.wait(5)
            except StoreUnavailableError:
                await asyncio.sleep(self._policy.poll)
            self._held.kick.set()

    async def _poll(self) -> None:
        while not self._draining:
            try:
                pause = await self.poll_once()
            except StoreUnavailableError:
                pause = self._policy.poll
            except Exception:
                log.exception("the services could not be asked")
                pause = self._policy.poll
            await asyncio.sleep(max(pause, 0.1))

    async def _sweep(self) -> None:
        while self._sweeper and not self._draining:
            try:
                pause = await self._sweeper.step()
            except StoreUnavailableError:
                pause = 60.0
            except Exception:
                log.exception("what is kept no longer could not be removed")
                pause = 3600.0
            await asyncio.sleep(max(pause, 1))

    async def _renew(self) -> None:
        # On the event loop on purpose: a process whose loop is blocked loses its conversations to others.
        loop = asyncio.get_running_loop()
        renewed_at = loop.time()
        while True:
            await asyncio.sleep(self._policy.lease / 3)
            began_at = loop.time()
            try:
                await self.renew_once()
                renewed_at = began_at
            except StoreUnavailableError:
                if loop.time() - renewed_at >= self._policy.lease:
                    self._abandon()
            except Exception:
                log.exception("the leases could not be renewed")

    def _abandon(self) -> None:
        """Stops the handlers, whose leases have ended: others may be at their events by now, and commit first."""
        # A message that is on its way is not called back by stopping its sender, who would only not know its outcome.
        for _, task in self._held.of(Queue.MAILBOX).values():
            log.warning("a lease could not be renewed in time", queue=Queue.MAILBOX.value)
            task.cancel()

    async def renew_once(self) -> None:
        """Prolongs every lease of this process; stops the work on those that are lost."""
        for queue in Queue:
            held = self._held.of(queue)
            tokens = {cid: token for cid, (token, _) in held.items()}
            if not tokens:
                continue
            for cid in await self._store.renew(queue, tokens):
                token, task = held.get(cid, ("", None))
                if task is not None and token == tokens[cid]:
                    self._metrics.count("leases_lost", value=queue.value)
                    log.warning("a lease was lost", queue=queue.value)
                    task.cancel()

    async def settle(self) -> None:
        """Works until nothing is due and nothing is under way; for tests, which run no loops."""
        while True:
            # What ends while the work is looked for may leave more of it, unseen.
            was_busy, spawned = bool(self._held.tasks), self._held.spawned
            due = await self.work_once()
            if self._held.tasks:
                await asyncio.gather(*self._held.tasks, return_exceptions=True)
            elif due > 0 and not was_busy and self._held.spawned == spawned:
                return

    async def drain(self, seconds: float) -> None:
        """Ends the process's part: takes nothing new, lets work finish for that long, gives the rest back."""
        self._draining = True
        self._held.close()
        deadline = asyncio.get_running_loop().time() + seconds
        if self._loops:
            # A claim that is under way is waited for: what it takes would be nobody's until its lease ends.
            await asyncio.wait(self._loops[:1], timeout=seconds)
        working = [loop for loop in self._loops if not loop.done()]
        for loop in working:
            loop.cancel()
        renewing, waking = asyncio.create_task(self._renew()), asyncio.create_task(self._hand_over())
        # Work that ends may leave more to do: a commit its first message.
        while self._held.tasks and (left := deadline - asyncio.get_running_loop().time()) > 0:
            await asyncio.wait(set(self._held.tasks), timeout=left)
        # A task that has not begun cannot give anything back.
        await asyncio.sleep(0)
        for task in (renewing, waking, *self._held.tasks):
            task.cancel()
        await asyncio.gather(renewing, waking, *working, *self._held.tasks, return_exceptions=True)
        if self._held.spawned:
            with contextlib.suppress(StoreUnavailableError):
                await self._store.wake()

    async def _hand_over(self) -> None:
        # What is given back is due at once; others look for work by themselves only now and then.
        while True:
            await asyncio.sleep(self._policy.poll / 10)
            with contextlib.suppress(StoreUnavailableError):
                await self._store.wake()
