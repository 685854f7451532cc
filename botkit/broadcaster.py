"""Plans a bot's broadcasts: chooses the people, and tells beforehand what it will take."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import uuid4

import msgspec
import structlog

from botkit.adapter import Adapter
from botkit.bot import Bot
from botkit.broadcast import Broadcast, Segment, Stage
from botkit.clock import Clock
from botkit.conversation import Conversation
from botkit.estimate import Estimator, Plan
from botkit.exceptions import BotkitError, FlowError, MessageError, RecordError
from botkit.ledger import month_of
from botkit.messages import AnyMessage, Delete, Edit, Raw
from botkit.record import Flows
from botkit.segments import Sieve
from botkit.store import Person, Store

log = structlog.get_logger("botkit.broadcaster")


class Broadcaster:
    """Writes to many people of one bot at once; the processes of the running service do the sending."""

    def __init__(self, bot: Bot, store: Store, clock: Clock) -> None:
        self._bot = bot
        self._store = store
        self._clock = clock

    async def plan(
        self, message: AnyMessage, segment: Segment | None = None, *, name: str = "", notify: Conversation | None = None
    ) -> Plan:
        """Chooses the recipients, who are fixed from here on, and estimates what it takes; nobody is written to yet.

        Reads every conversation, a page at a time. Raises BotkitError for a segment that the bot cannot have, and
        MessageError for a message that one of its services does not take or that no broadcast can be.
        """
        if isinstance(message, (Raw, Edit, Delete)) or message.is_transient:
            raise MessageError(
                f"a {type(message).__name__} cannot be a broadcast", fix="send a Text, a Card or an Image"
            )
        segment = segment or Segment()
        adapters = self._adapters(segment)
        draft = Broadcast(
            id=uuid4().hex[:10],
            bot=self._bot.name,
            message=message,
            segment=segment,
            accounts=tuple(adapter.account for adapter in adapters),
            name=name,
            notify=notify,
        )
        sieve = Sieve(segment, self._bot.table.flows)
        lanes = [await self._lane(adapter, message) for adapter in adapters]
        await self._store.broadcasts.draft(draft)
        async for page in self._store.people():
            for person in page:
                _choose(person, sieve, lanes)
            await asyncio.gather(*(self._add(draft, number, lane) for number, lane in enumerate(lanes)))
        return Plan(draft, [lane.estimator.estimate() for lane in lanes])

    async def start(self, broadcast_id: str, *, at: datetime | None = None) -> bool:
        """Lets a planned broadcast run, at once or from an instant on; False if it is not there to be started."""
        at_ms = round(at.timestamp() * 1000) if at else 0
        return await self._store.broadcasts.move(broadcast_id, Stage.RUNNING, at_ms=at_ms)

    async def _lane(self, adapter: Adapter, message: AnyMessage) -> "_Lane":
        cursor = await self._store.accounts.load_cursor(adapter.account)
        return _Lane(adapter, await self._estimator(adapter, message), adapter.audience(cursor))

    async def _estimator(self, adapter: Adapter, message: AnyMessage) -> Estimator:
        now = self._clock.now()
        if adapter.sessions is None:
            return Estimator(adapter, message, now)
        booked = await self._store.booked(f"{adapter.channel}:{adapter.ta}", month_of(now))
        return Estimator(adapter, message, now, free_used=booked.get("free", 0))

    def _adapters(self, segment: Segment) -> Sequence[Adapter]:
        found = [
            adapter
            for adapter in self._bot.accounts
            if not segment.channels or adapter.channel in segment.channels
            if not segment.accounts or adapter.ta in segment.accounts
        ]
        if not found:
            known = ", ".join(f"{adapter.ta} on {adapter.channel}" for adapter in self._bot.accounts)
            raise BotkitError(f"bot {self._bot.name!r} has no such account", fix=f"there are: {known or 'none'}")
        return found

    async def _add(self, draft: Broadcast, number: int, lane: "_Lane") -> None:
        if lane.chosen:
            await self._store.broadcasts.add(draft.id, number, lane.chosen)
            lane.chosen = []


class _Lane:
    """An account's part of a broadcast, while its recipients are chosen."""

    def __init__(self, adapter: Adapter, estimator: Estimator, is_meant: Callable[[str], bool]) -> None:
        self.adapter = adapter
        self.estimator = estimator
        self._is_meant = is_meant
        self.chosen: list[str] = []
        self._head = f"{adapter.channel}:{adapter.ta}:"

    def place(self, person: Person) -> str:
        """Returns the id of the person's conversation if it is one of this account; else nothing."""
        if person.place:
            found = msgspec.json.decode(person.place, type=Conversation)
            return found.id if found.account == self.adapter.account else ""
        return person.cid.removeprefix(self._head) if person.cid.startswith(self._head) else ""

    def take(self, conversation_id: str, person: Person) -> None:
        """Notes a recipient, unless they are not among the account's own, or nobody can write to them."""
        if self._is_meant(conversation_id) and self.estimator.take(person):
            self.chosen.append(conversation_id)


def _choose(person: Person, sieve: Sieve, lanes: Sequence[_Lane]) -> None:
    lane, place = next(((lane, place) for lane in lanes if (place := lane.place(person))), (None, ""))
    if lane is None:
        return
    try:
        record = Flows(person.record.state)
        if not record.moved_to and sieve.takes(record):
            lane.take(place, person)
    except (RecordError, FlowError) as error:
        log.warning("a conversation is left out", account=lane.adapter.ta, reason=error.what)
