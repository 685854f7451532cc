"""One event's journey: record, route, handler, commit."""

import asyncio
import random
import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import copy_context
from functools import partial
from time import perf_counter
from typing import Any

import msgspec
import structlog
from msgspec import Struct

from botkit import tracing
from botkit.adapter import Adapter
from botkit.addressing import place
from botkit.albums import gather
from botkit.bot import Bot
from botkit.clock import Clock
from botkit.commit import make_commit
from botkit.context import Context
from botkit.conversation import Account, account_in
from botkit.decisions import Decisions, Scene
from botkit.events import (
    AgentRequested,
    ButtonPressed,
    ConversationResumed,
    Event,
    HopReported,
    Media,
    MenuOffered,
    MessageReceived,
    SendDue,
    SignalReceived,
    Subscribed,
    TimerFired,
    Unsubscribed,
    decoder,
    type_of,
)
from botkit.exceptions import DownloadError, RecordError, StoreUnavailableError
from botkit.flow import Flow
from botkit.handoff import PAUSE_TIMER, Handoff
from botkit.http_client import Download, HttpClient
from botkit.languages import Speech, speak, speaking
from botkit.linking import note_leave, relink, told_phone
from botkit.log_fields import tell_of
from botkit.menu import TOKEN, answer, asks_for_agent
from botkit.metrics import Metrics
from botkit.migration import Adopted, hand_over, is_moving, set_aside, take_over
from botkit.record import Flows, timeout_of
from botkit.redaction import Redactor
from botkit.reports import Reports
from botkit.route import Handler
from botkit.route_table import Matched, RouteTable
from botkit.sending import Sender
from botkit.sessions import session_at
from botkit.store import Commit, Committed, Store, Verdict, insist
from botkit.trails import Trails
from botkit.turn import Queue, Turn
from botkit.waiting import wait_for

log = structlog.get_logger("botkit.dispatcher")

# What we wrote to ourselves: it stands for something, and something else may have happened since.
_DUE = (ConversationResumed, MenuOffered, TimerFired)


class HandlerPolicy(Struct, frozen=True):
    """How long a handler may take, and when a failing one is tried again; seconds.

    After `delays` are used up the event is a dead letter. A handler that ignores its cancellation for `grace` is left
    behind.
    """

    deadline: float = 30
    grace: float = 5
    delays: tuple[float, ...] = (1, 4, 16, 64)


class Owner(Struct, frozen=True):
    """Who answers for an account: its bot and its adapter."""

    bot: Bot
    adapter: Adapter


class HandlerTimeoutError(Exception):
    """A handler took longer than its deadline."""


class Dispatcher:
    """Gives events to handlers, one at a time per conversation, and commits what they decide."""

    def __init__(
        self,
        store: Store,
        owners: Mapping[Account, Owner],
        clock: Clock,
        redactor: Redactor,
        *,
        clients: Mapping[Account, HttpClient] | None = None,
        policy: HandlerPolicy | None = None,
        show_errors: bool = False,
        metrics: Metrics | None = None,
        jitter: Callable[[], float] = random.random,
        tells_all: bool = True,
    ) -> None:
        self._store = store
        self._owners = owners
        self._clock = clock
        self._redactor = redactor
        self._clients = clients or {}
        self._policy = policy or HandlerPolicy()
        self._show_errors = show_errors
        self._metrics = metrics or Metrics()
        self._reports = Reports(store)
        self._trails = Trails(store, self._find_adapter, self._clients, clock)
        self._sender = Sender(store, clock)
        self._jitter = jitter
        # What nobody reads is not put into words.
        self._tells_all = tells_all
        kinds = [kind for owner in owners.values() for kind in owner.adapter.events]
        self._decode = decoder((*kinds, Adopted))

    @tracing.handling
    async def run(self, turn: Turn, *, keep: bool, send: bool) -> Committed | None:
        """Handles the head of a mailbox; None when the turn is over without a commit."""
        try:
            event = self._decode(turn.payload)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            kind = type_of(turn.payload)
            reason = f"{type(error).__name__} in type {kind[:64]!r}" if kind else type(error).__name__
            await self._bury(turn, f"the event cannot be read by any adapter here ({reason})")
            return None
        account = event.conversation.account
        tell_of(turn, account)
        owner = self._owners.get(account)
        if owner is None:
            await self._bury(turn, "no bot here speaks for its account any more")
            return None
        try:
            commit = set_aside(turn, event) or await self._decide_in_time(turn, owner, event)
            if commit is None:
                return None
            committed = await insist(partial(self._store.commit, turn, commit, keep=keep, send=send))
            self._metrics.count("events_committed" if committed else "events_fenced", account)
            return committed
        except StoreUnavailableError:
            raise
        except RecordError as error:
            log.error("record not touched", account=owner.adapter.ta, event_id=event.id, reason=error.what)
            await self._bury(turn, error.what)
            return None
        except BaseException as error:
            if isinstance(error, asyncio.CancelledError) and _is_cancelling():
                raise
            await self._give_back(turn, event, error)
            return None

    def _decide_in_time(self, turn: Turn, owner: Owner, event: Event) -> Awaitable[Commit | None]:
        """Decides with all that belongs to the event; None when the turn was given back to wait for more of it."""
        if event.conversation.is_unplaced:
            return place(self._store, turn, event)
        if type(event) is MessageReceived and not event.group:
            # Most are such: no report, no part of an album, no news of a move.
            return self._decide(turn, owner, event, ())
        return self._decide_on_all(turn, owner, event)

    async def _decide_on_all(self, turn: Turn, owner: Owner, event: Event) -> Commit | None:
        if isinstance(event, SendDue):
            return await insist(partial(self._sender.due, event))
        read = await self._reports.read(turn, event)
        if isinstance(read, HopReported):
            read = await self._trails.step(turn, read, event)
        if not isinstance(read, Event):
            return Commit(b"", ()) if read is Verdict.DONE else None
        gathered = await gather(self._store, self._decode, turn, read)
        taken = await take_over(self._store, self._decode, turn, read)
        if rest := gathered.rest or taken.rest:
            await insist(partial(self._store.retry, Queue.MAILBOX, turn, delay=rest))
            return None
        commit = await self._decide(taken.turn, owner, gathered.event, (*gathered.ids, *taken.ids))
        return msgspec.structs.replace(commit, timers=[*taken.timers, *commit.timers])

    async def _decide(self, turn: Turn, owner: Owner, event: Event, gathered: tuple[str, ...]) -> Commit:
        flows = Flows(turn.record.state)
        phone = flows.phone
        if flows.menu:
            event = answer(event, flows.menu)
        if isinstance(event, ButtonPressed):
            event = await self._pressed(event)
        scene = self._scene(turn, owner, event)
        decisions = _undecided(owner, scene, flows)
        is_due = isinstance(event, _DUE)
        matched = None
        if not (is_due and _is_ours(event)):
            matched = owner.bot.table.match(event, flows.state_of, is_paused=flows.pause is not None)
        is_stale = is_due and not self._begin(owner.bot, scene, decisions)
        if matched is None and event.is_from_user:
            _tell_unhandled(scene, owner.bot, decisions)
        elif matched is not None and not is_stale:
            decisions = await self._handle(turn, owner, scene, matched, decisions)
        flows = decisions.flows
        if flows.pause and _is_talk(event, decisions):
            decisions.handoff.prolong()
        if isinstance(event, MenuOffered):
            flows.menu = event.choices
        else:
            # A turn that says nothing leaves the menu of the one before to be answered.
            flows.menu = decisions.menus.get(event.conversation, flows.menu)
        if decisions.values or flows.phone != phone or isinstance(event, (Subscribed, Unsubscribed)):
            await self._note(owner, event, decisions, phone)
        flows.gathered += gathered
        commit = make_commit(scene, decisions)
        if event.moves_to and is_moving(event):
            return hand_over(turn, event, commit, await insist(partial(self._store.load_timers, turn.cid)))
        return commit

    async def _note(self, owner: Owner, event: Event, decisions: Decisions, phone: str) -> None:
        """Stores what must be there when the commit is: repeating it does no harm."""
        flows = decisions.flows
        if decisions.values:
            # A button that can be pressed has its value.
            await insist(lambda: self._store.save_values(decisions.values))
        await note_leave(self._store, owner.adapter, event)
        if flows.phone != phone:
            await relink(self._store, event.conversation, before=phone, after=flows.phone)

    async def _pressed(self, event: ButtonPressed) -> Event:
        """Returns the event as handlers know it: what was pressed may be a token, or stand for a request."""
        if event.value.startswith(TOKEN):
            token = event.value
            value = await insist(lambda: self._store.load_value(token))
            event = msgspec.structs.replace(event, value=value or token)
        return asks_for_agent(event)

    def _scene(self, turn: Turn, owner: Owner, event: Event) -> Scene:
        now = self._clock.now()
        rules = owner.adapter.sessions
        return Scene(
            event=event,
            bot=owner.bot.name,
            adapter=owner.adapter,
            now=now,
            session=session_at(rules, turn.record.counts, turn.record.queued, now) if rules else None,
            find_adapter=self._find_adapter,
            routes=owner.bot.routes,
            download=partial(self._download, owner.adapter),
        )

    def _find_adapter(self, account: Account) -> Adapter | None:
        owner = self._owners.get(account)
        return owner.adapter if owner else None

    async def _download(self, adapter: Adapter, media: Media, most: int) -> Download:
        client = self._clients.get(adapter.account)
        if client is None:
            raise DownloadError("this process has no connection for the account")
        return await adapter.download(media, client, most=most)

    # --- the handler ---

    async def _handle(
        self, turn: Turn, owner: Owner, scene: Scene, matched: Matched, decisions: Decisions
    ) -> Decisions:
        event, table = scene.event, owner.bot.table
        ctx = Context(scene, decisions.flows.get(matched.route.router.flow), matched.captures, decisions)
        before = ctx.flow.state
        where = table.where(matched)
        tracing.note("botkit.handler", where)
        started = perf_counter()
        if table.never_waits(matched):
            error = _at_once(matched.route.handler, event, ctx, decisions.speech)
        else:
            with speaking(decisions.speech):
                error = await self._bounded(partial(table.run, matched, event, ctx))
        account = event.conversation.account
        self._metrics.observe("handler_seconds", perf_counter() - started, account)
        if error is None:
            if self._tells_all:
                log.info(
                    "handled", bot=scene.bot, account=account.ta, kind=type(event).__name__, event_id=event.id,
                    handler=where, state=f"{before} > {ctx.flow.state}", replies=len(decisions.outgoing),
                )  # fmt: skip
            return decisions
        # What the failed handler decided is gone; its error handler starts from the stored record.
        decisions = _undecided(owner, scene, Flows(turn.record.state))
        self._begin(owner.bot, scene, decisions)
        ctx = Context(scene, decisions.flows.get(matched.route.router.flow), matched.captures, decisions)
        with speaking(decisions.speech):
            await self._recover(table, matched, ctx, error)
        return decisions

    async def _recover(self, table: RouteTable, matched: Matched, ctx: Context[Any], error: BaseException) -> None:
        """Lets the error handler decide; raises the error where none takes it, or the one that it raises itself."""
        solved = False

        async def solve() -> None:
            nonlocal solved
            solved = isinstance(error, Exception) and await table.handle_error(matched, ctx.event, ctx, error)

        second = await self._bounded(solve)
        if second is not None or not solved:
            raise second or error

    async def _bounded(self, call: Callable[[], Awaitable[object]]) -> BaseException | None:
        """Returns what the call raised, whatever it is; a handler cannot end the process or hold it for ever."""

        async def guarded() -> BaseException | None:
            try:
                await call()
            except BaseException as error:
                return error
            return None

        task = asyncio.create_task(guarded())
        try:
            if await wait_for(task, self._policy.deadline):
                return task.result()
            task.cancel()
            await wait_for(task, self._policy.grace)
        except asyncio.CancelledError:
            task.cancel()
            raise
        return HandlerTimeoutError(f"the handler took longer than {self._policy.deadline:g} s")

    def _begin(self, bot: Bot, scene: Scene, decisions: Decisions) -> bool:
        """Does what the event itself stands for; False if other decisions have overtaken it."""
        event = scene.event
        if isinstance(event, ConversationResumed):
            return not decisions.handoff.is_paused
        if not isinstance(event, TimerFired):
            return True
        if event.name != PAUSE_TIMER:
            return self._fire_timeout(event, bot, decisions.flows)
        ctx = Context(scene, Flow(), {}, decisions)
        for sign in decisions.handoff.expire(event):
            ctx.reply(sign)
        return True

    def _fire_timeout(self, event: TimerFired, bot: Bot, flows: Flows) -> bool:
        """Makes the move that a flow's timeout stands for; False if the flow has moved on in the meantime."""
        if not event.flow:
            return True
        flow_class = next((flow for flow in bot.table.flows if flow.__name__ == event.flow), None)
        if flow_class is None or flows.due.get(event.flow) != round(event.at.timestamp() * 1000):
            return False
        del flows.due[event.flow]
        running = timeout_of(flow_class, flows.state_of(flow_class))
        if running and running[1].trigger:
            getattr(flows.get(flow_class), running[1].trigger)()
        return True

    # --- when it goes wrong ---

    async def _give_back(self, turn: Turn, event: Event, error: BaseException) -> None:
        delays = self._policy.delays
        delay = delays[min(turn.attempts, len(delays)) - 1] * (0.5 + self._jitter()) if delays else 0
        text = self._redactor.redact("".join(traceback.format_exception(error)))
        verdict = await insist(
            lambda: self._store.retry(
                Queue.MAILBOX, turn, delay=delay, error=text[-4000:], max_attempts=len(delays) + 1
            )
        )
        tracing.failed(error)
        self._metrics.count("handler_failures", event.account)
        if verdict is Verdict.DEAD:
            self._metrics.count("events_dead", event.account)
        log.warning(
            "handler failed", account=event.account.ta, event_id=event.id, attempt=turn.attempts,
            error=type(error).__name__, where=_where(error), outcome=verdict.value,
        )  # fmt: skip
        if self._show_errors:
            log.warning(text)

    async def _bury(self, turn: Turn, reason: str) -> None:
        verdict = await insist(lambda: self._store.retry(Queue.MAILBOX, turn, delay=0, error=reason, max_attempts=1))
        if verdict is Verdict.DEAD:
            self._metrics.count("events_dead", account_in(turn.cid))
            log.error("dead letter", event_id=turn.id, reason=reason)

    async def bury(self, turn: Turn, reason: str) -> None:
        """Makes an event a dead letter without handling it."""
        await self._bury(turn, reason)


def _undecided(owner: Owner, scene: Scene, flows: Flows) -> Decisions:
    flows.phone = told_phone(scene.event) or flows.phone
    speech = Speech(owner.bot.languages, flows, scene.event)
    return Decisions(speech, flows, Handoff(owner.bot.handoff, flows, scene.event, scene.now))


def _is_ours(event: Event) -> bool:
    """Whether it is for us alone: nobody said anything, and no handler hears of it."""
    return isinstance(event, MenuOffered) or (isinstance(event, TimerFired) and event.name == PAUSE_TIMER)


def _tell_unhandled(scene: Scene, bot: Bot, decisions: Decisions) -> None:
    if decisions.handoff.is_paused:
        scene.log.info("waits for a human", reason="the conversation is paused, and no route with paused() takes this")
        return
    # Business Messages takes silence after this for a fault.
    tell = scene.log.warning if isinstance(scene.event, AgentRequested) else scene.log.info
    tell("no handler", reason=bot.table.explain(scene.event, decisions.flows.state_of))


def _is_talk(event: Event, decisions: Decisions) -> bool:
    """Whether the person or the human who answers said something."""
    return event.is_from_user or (isinstance(event, SignalReceived) and event.conversation in decisions.menus)


def _at_once(handler: Handler, event: Event, ctx: Context[Any], speech: Speech) -> BaseException | None:
    """Returns what a handler raised that never waits: no deadline could end it, and it needs no task."""
    # As in a task, what is set in its context is gone with it.
    context = copy_context()
    context.run(speak, speech)
    try:
        handling: Any = handler(event, ctx)
        context.run(handling.send, None)
    except StopIteration:
        return None
    except BaseException as error:
        return error
    return RuntimeError("the handler waited, and has no await")


def _is_cancelling() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _where(error: BaseException) -> str:
    frames: Sequence[traceback.FrameSummary] = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""
