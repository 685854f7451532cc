"""A channel for the tests of the engine, where every outcome of a send can be planned, and a process to run it in."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Self
from uuid import uuid4

from botkit.adapter import Outcome, Receipt
from botkit.bot import Bot
from botkit.capabilities import EVERYTHING
from botkit.clock import Clock
from botkit.context import Context
from botkit.conversation import Account, Conversation, User
from botkit.dispatcher import Dispatcher, HandlerPolicy, Owner
from botkit.engine import Engine, EnginePolicy, Role
from botkit.events import (
    ButtonPressed,
    ConversationStarted,
    Event,
    MessageDelivered,
    MessageFailed,
    MessageReceived,
    MessageSeen,
    event_id,
)
from botkit.feeder import Feeder
from botkit.flow import Flow
from botkit.http_client import HttpClient
from botkit.intake import Acceptance
from botkit.line import Line
from botkit.messages import AnyMessage, Raw, Text
from botkit.metrics import Metrics
from botkit.outbox import Outbox, SendPolicy
from botkit.outgoing import Outgoing
from botkit.redaction import Redactor
from botkit.redis.bounds import Bounds
from botkit.redis.dead_letters import DeadLetter
from botkit.redis.store import RedisStore
from botkit.router import Router
from botkit.session_rules import SessionRules
from botkit.webhook import WebhookRequest
from tests.silent_adapter import SilentAdapter

Report = MessageDelivered | MessageSeen | MessageFailed

SENT = Receipt(Outcome.SENT)
REFUSED = Receipt(Outcome.REFUSED, reason="400 chat not found")
NOT_SENT = Receipt(Outcome.NOT_SENT, reason="no connection")
UNKNOWN = Receipt(Outcome.UNKNOWN, reason="no answer")

_native_ids = count(1)


class Desk(SilentAdapter):
    """The channel: `plan` holds the outcomes of the next attempts, those after them are sent."""

    channel = "desk"
    dedupe_window = timedelta(hours=48)
    has_receipts = True
    capabilities = EVERYTHING
    default_api_url = "http://desk.invalid"

    def __init__(self, *, ta: str = "desk", sessions: SessionRules | None = None) -> None:
        super().__init__(ta=ta)
        self.sessions = sessions
        self.plan: deque[Receipt | Exception] = deque()
        #: What was tried, and what arrived: the texts, with the conversation's id.
        self.attempts: list[Outgoing] = []
        self.shown: list[tuple[str, str]] = []
        #: Clear it, and whoever sends waits until it is set.
        self.is_open = asyncio.Event()
        self.is_open.set()
        self._has_shown = asyncio.Event()
        #: The events whose answer carries the first reply.
        self.answered: tuple[type[Event], ...] = ()

    @property
    def texts(self) -> list[str]:
        """What arrived, to whomever."""
        return [text for _, text in self.shown]

    async def has_shown(self, number: int) -> None:
        """Returns when so many messages have arrived; fails after five seconds."""
        async with asyncio.timeout(5):
            while len(self.shown) < number:
                self._has_shown.clear()
                await self._has_shown.wait()

    def verify(self, request: WebhookRequest) -> bool:
        return request.headers.get("x-desk") == "genuine"

    def parse(self, request: WebhookRequest) -> Sequence[Event]:
        return [says(request.body.decode(), native=request.body.decode())]

    def acknowledge(self, event: Event) -> AnyMessage | None:
        if not isinstance(event, ButtonPressed):
            return None
        return Raw(channel="desk", payload={}, method="acknowledged", transient=True)

    def takes_answer(self, event: Event) -> bool:
        return isinstance(event, self.answered)

    def render_answer(self, message: AnyMessage) -> bytes:
        return _text(message).encode()

    async def send(self, outgoing: Outgoing, to: Conversation, client: HttpClient) -> Receipt:
        self.attempts.append(outgoing)
        await self.is_open.wait()
        planned = self.plan.popleft() if self.plan else SENT
        if isinstance(planned, Exception):
            raise planned
        if planned.outcome is Outcome.SENT:
            self.shown.append((to.id, _text(outgoing.message)))
            self._has_shown.set()
            return Receipt(Outcome.SENT, id=f"{to.id}/{len(self.shown)}")
        return planned


def _text(message: AnyMessage) -> str:
    return message.text if isinstance(message, Text) else getattr(message, "method", "") or type(message).__name__


class Nowhere:
    """Connections that lead nowhere: the desk needs none."""

    async def request(self, *_: object, **__: object) -> Any:
        raise AssertionError("the desk calls nobody")

    async def download(self, *_: object, **__: object) -> Any:
        raise AssertionError("the desk fetches nothing")


class Process:
    """One process at work on a store: a dispatcher, an outbox, an engine. Several share a store and a clock.

    Retries come after exactly the time that the policy says: `jitter` is their lot, from 0 to 1.
    """

    def __init__(
        self,
        redis_url: str,
        *bots: Bot,
        clock: Clock | None = None,
        prefix: str = "",
        role: Role = "all",
        handler: HandlerPolicy | None = None,
        send: SendPolicy | None = None,
        engine: EnginePolicy | None = None,
        bounds: Bounds | None = None,
        jitter: Callable[[], float] = lambda: 0.5,
        store: Callable[..., RedisStore] = RedisStore,
    ) -> None:
        self.redis_url = redis_url
        self.bots = bots
        self.clock = clock or Clock()
        self.store = store(redis_url, clock=self.clock, prefix=prefix or f"t{uuid4().hex[:12]}", bounds=bounds)
        owners = {adapter.account: Owner(bot, adapter) for bot in bots for adapter in bot.accounts}
        lines = {account: Line(owner.adapter, Nowhere()) for account, owner in owners.items()}
        self.metrics = Metrics(owners)
        self.dispatcher = Dispatcher(
            self.store,
            owners,
            self.clock,
            Redactor(),
            clients={a: line.client for a, line in lines.items()},
            policy=handler,
            jitter=jitter,
            metrics=self.metrics,
        )
        self.outbox = Outbox(self.store, lines, self.clock, policy=send, jitter=jitter, metrics=self.metrics)
        self.feeder = Feeder(self.store, {account: owner.adapter for account, owner in owners.items()}, self.clock)
        self.engine = Engine(
            self.store,
            self.dispatcher,
            self.outbox,
            role=role,
            policy=engine,
            feeder=self.feeder,
            polled=lines,
            metrics=self.metrics,
        )

    def another(self, *bots: Bot, **options: Any) -> "Process":
        """Returns a second process on the same store, with the same bots unless others are given."""
        prefix, clock = self.store.keys.prefix, self.clock
        return Process(self.redis_url, *(bots or self.bots), prefix=prefix, clock=clock, **options)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.engine.drain(0)
        await self.store.close()

    async def takes(self, event: Event) -> Acceptance:
        """Takes an event in, and leaves it at that."""
        adapter = next(a for bot in self.bots for a in bot.accounts if a.account == event.account)
        return await self.engine.accept(adapter, [event])

    async def hears(self, text: str, person: str = "olena") -> None:
        """Takes a text in and does all that it leads to for now."""
        await self.takes(says(text, person))
        await self.engine.settle()

    async def advance(self, seconds: float) -> None:
        """Moves the clock and does what has become due."""
        self.clock.advance(seconds=seconds)
        await self.engine.settle()

    async def dead_letters(self, person: str = "olena") -> list[DeadLetter]:
        """Returns what was given up of somebody's conversation."""
        return await self.store.dead_letters.read(where(person).key)

    async def version(self, person: str = "olena") -> int:
        """Returns how many transitions somebody's conversation has made."""
        return (await self.store.load(where(person).key)).version


def bot(router: Router[Any], *desks: Desk, name: str = "shop") -> Bot:
    """Returns a bot on these desks, or on one."""
    return Bot(name, routers=[router], accounts=desks or [Desk()])


def where(person: str = "olena", ta: str = "desk") -> Conversation:
    """Returns somebody's conversation."""
    return Conversation(Account("desk", ta), person)


def _known(person: str, native: str, ta: str) -> dict[str, Any]:
    identity = event_id(Account("desk", ta), native or str(next(_native_ids)))
    return {"id": identity, "at": datetime.now(UTC), "conversation": where(person, ta), "user": User(id=person)}


def says(text: str, person: str = "olena", *, native: str = "", ta: str = "desk") -> MessageReceived:
    """Returns a text that somebody wrote; the same `native` is the same event."""
    return MessageReceived(text=text, **_known(person, native, ta))


def presses(value: str, person: str = "olena", *, ta: str = "desk") -> ButtonPressed:
    """Returns the press of a button."""
    return ButtonPressed(value=value, **_known(person, "", ta))


def opens(person: str = "olena", *, native: str = "") -> ConversationStarted:
    """Returns the opening of a chat by somebody who is no subscriber yet."""
    return ConversationStarted(subscribed=False, **_known(person, native, "desk"))


def reported(kind: type[Report], receipt_id: str, person: str = "olena") -> Event:
    """Returns a report on a message of ours."""
    return kind(receipt_id=receipt_id, **_known(person, "", "desk"))


def happens(kind: type[Event], person: str = "olena") -> Event:
    """Returns an event of a kind that needs nothing said."""
    return kind(**_known(person, "", "desk"))


def parrot(failures: list[MessageFailed] | None = None) -> Router[Flow]:
    """Says each word of what it hears in a message of its own; notes what failed."""
    router = Router()

    @router.text()
    async def words(event: MessageReceived, ctx: Context[Flow]) -> None:
        for word in event.text.split():
            ctx.reply(word)

    @router.failed()
    async def failed(event: MessageFailed, ctx: Context[Flow]) -> None:
        if failures is not None:
            failures.append(event)

    return router
