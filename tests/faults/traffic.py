"""People who write to a bot by webhooks, whatever happens meanwhile, and what must have come of it in the end."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Self

import httpx
from msgspec import Struct
from starlette.applications import Starlette
from starlette.routing import Route

from botkit import Context, Flow, MessageReceived, Router, Trigger
from botkit.bot import Bot
from botkit.clock import Clock
from botkit.engine import EnginePolicy, Role
from botkit.events import Event
from botkit.receiver import Receiver, Webhooks
from botkit.record import Flows
from botkit.redis.audit import audit
from botkit.redis.bounds import Bounds
from botkit.redis.store import RedisStore
from botkit.webhook import WebhookRequest
from tests.desk import Desk, Process, says, where


class Heard(Flow):
    """What somebody said, in order."""

    states = ("on",)
    note = Trigger("on", "on")
    words: list[str] = []  # a field of data, copied for each conversation


class Counted(Desk):
    """A channel whose webhooks say who wrote what; the same text of a person is the same event."""

    def parse(self, request: WebhookRequest) -> Sequence[Event]:
        person, text = request.body.decode().split(" ", 1)
        return [says(text, person, native=f"{person} {text}")]


async def until(holds: Callable[[], object], *, seconds: float = 30) -> None:
    """Waits until something holds; fails when that takes longer."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


class Answer(Struct, frozen=True):
    """What a webhook was answered, when, and after how many seconds."""

    status: int
    at: float
    seconds: float


class Traffic:
    """A process at work on a store, its loops running, and people who write to it.

    Each writes the next text when the one before was acknowledged, as a service delivers: again and again until then.
    """

    def __init__(
        self,
        redis_url: str,
        *,
        lease: float = 10,
        clock: Clock | None = None,
        prefix: str = "",
        pause: float = 0,
        ack_replicas: int = 0,
        partitions: int = 4,
        role: Role = "all",
    ) -> None:
        self.router = Router(Heard)
        #: How often the handler has begun, for each text of each person.
        self.begun: Counter[tuple[str, str]] = Counter()
        #: How long a handler takes, in seconds.
        self.handling = 0.0
        #: How many handlers were stopped.
        self.stopped = 0
        #: Clear it, and handlers wait until it is set.
        self.may_handle = asyncio.Event()
        self.may_handle.set()
        self.answers: list[Answer] = []
        self.acknowledged: dict[str, list[str]] = {}
        self.pause = pause
        self.router.text()(self._hear)
        self.desk = Counted()
        bot = Bot("shop", routers=[self.router], accounts=[self.desk])
        self.process = Process(
            redis_url,
            bot,
            clock=clock,
            prefix=prefix,
            role=role,
            engine=EnginePolicy(lease=lease, poll=min(1.0, lease / 5)),
            bounds=Bounds(lease=lease, partitions=partitions),
            store=partial(RedisStore, ack_replicas=ack_replicas),
        )
        receiver = Receiver([self.desk], self.process.engine, self.process.store, self.process.clock)
        self.app = Starlette(routes=[Route("/webhooks/{channel}", Webhooks(receiver.serve), methods=["POST"])])
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://bots.example.org")

    async def _hear(self, event: MessageReceived, ctx: Context[Heard]) -> None:
        self.begun[event.conversation.id, event.text] += 1
        try:
            await self.may_handle.wait()
            await asyncio.sleep(self.handling)
        except asyncio.CancelledError:
            self.stopped += 1
            raise
        ctx.flow.words.append(event.text)
        ctx.reply(event.text)

    async def __aenter__(self) -> Self:
        self.process.engine.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends the process's work; for one whose loops do not run as well."""
        await self.client.aclose()
        await self.process.engine.drain(0)
        await self.process.store.close()

    # --- what people do ---

    async def post(self, person: str, text: str) -> int:
        """Delivers a webhook once; returns what was answered."""
        began = time.monotonic()
        answer = await self.client.post(
            "/webhooks/desk?ta=desk", content=f"{person} {text}", headers={"x-desk": "genuine"}
        )
        self.answers.append(Answer(answer.status_code, began, time.monotonic() - began))
        return answer.status_code

    async def write(self, person: str, texts: Iterable[str]) -> None:
        """Writes texts, each until it is acknowledged."""
        for text in texts:
            while await self.post(person, text) != 200:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            self.acknowledged.setdefault(person, []).append(text)
            await asyncio.sleep(self.pause)

    async def crowd(self, people: int, texts: int, *, named: str = "p") -> None:
        """Lets so many people write so many texts, all at the same time."""
        words = [str(number) for number in range(texts)]
        await asyncio.gather(*(self.write(f"{named}{number}", words) for number in range(people)))

    # --- what comes of it ---

    async def until_shown(self, number: int, *, seconds: float = 30) -> None:
        """Waits until so many messages have arrived, whichever."""
        await until(lambda: len(self.desk.shown) >= number, seconds=seconds)

    async def until_answered(self, number: int) -> set[int]:
        """Waits until so many webhooks more were answered; returns how."""
        known = len(self.answers)
        await until(lambda: len(self.answers) >= known + number)
        return {answer.status for answer in self.answers[known:]}

    async def until_done(self, seconds: float = 30) -> None:
        """Waits until everything that was acknowledged is handled and answered."""
        expected = sum(map(len, self.acknowledged.values()))
        deadline = time.monotonic() + seconds
        while len(set(self.desk.shown)) < expected:
            assert time.monotonic() < deadline, f"{len(set(self.desk.shown))} of {expected} within {seconds:g} s"
            await asyncio.sleep(0.01)

    async def count_lost(self) -> int:
        """Returns how many acknowledged texts left no trace; for a store that may lose some."""
        await self.process.engine.settle()
        lost = 0
        for person, texts in self.acknowledged.items():
            record = await self.process.store.load(where(person).key)
            lost += len(set(texts) - set(Flows(record.state).get(Heard).words))
        return lost

    async def mistakes(self, *, repeats: int = 0, seconds: float = 30) -> list[str]:
        """Waits until all is done; returns what was not handled once, in order, and sent once.

        So many may have been sent again.
        """
        await self.process.engine.settle()
        await self.until_done(seconds)
        found = []
        for person, texts in self.acknowledged.items():
            shown = [text for whom, text in self.desk.shown if whom == person]
            if list(dict.fromkeys(shown)) != texts:
                found.append(f"{person} wrote {texts} and was shown {shown}")
        again = len(self.desk.shown) - len(set(self.desk.shown))
        if again > repeats:
            found.append(f"{again} were sent again")
        return found + await self.mistakes_stored(seconds=seconds)

    async def mistakes_stored(self, *, seconds: float = 30) -> list[str]:
        """Returns what was not handled once, in order, by whatever process, and where the store is not whole."""
        store, found = self.process.store, []
        for person, texts in self.acknowledged.items():
            async with asyncio.timeout(seconds):
                # Another task of the engine notes it: there is nothing here to wait on.
                while not await store.is_idle(where(person).key):  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
            record = await store.load(where(person).key)
            words = Flows(record.state).get(Heard).words
            if (words, record.version) != (texts, len(texts)):
                found.append(f"{person} wrote {texts} and was heard to say {words}, version {record.version}")
        if dead := await store.dead_letters.count():
            found.append(f"{dead} are dead")
        return found + await audit(store)

    async def until_committed(self, seconds: float = 60) -> list[float]:
        """Waits until all that was acknowledged is committed; returns when each conversation was seen to be done."""
        pending = {person: len(texts) for person, texts in self.acknowledged.items()}
        done: list[float] = []
        async with asyncio.timeout(seconds):
            while pending:
                people = list(pending)
                records = await asyncio.gather(*(self.process.store.load(where(person).key) for person in people))
                for person, record in zip(people, records, strict=True):
                    if record.version >= pending[person]:
                        done.append(time.monotonic())
                        del pending[person]
                await asyncio.sleep(0.005)
        return done

    @property
    def statuses(self) -> set[int]:
        """Everything that webhooks were answered."""
        return {answer.status for answer in self.answers}

    @property
    def slowest(self) -> float:
        """The seconds that the slowest answer took."""
        return max(answer.seconds for answer in self.answers)
