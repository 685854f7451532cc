"""Gathers messages that say the same to many people into the single requests that a service has for that."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from msgspec import Struct

from botkit.adapter import Adapter, Outcome, Receipt
from botkit.conversation import Account, Conversation
from botkit.exceptions import StoreUnavailableError
from botkit.governor import Governor, Hold
from botkit.http_client import HttpClient
from botkit.messages import AnyMessage
from botkit.outgoing import encode
from botkit.store import Begun

#: How long a request waits for more people, in seconds.
PATIENCE = 0.05

#: How long a request that is ready waits for the account's pace before its people go back to their outboxes.
SHORT = 0.25

#: Notes an attempt, which may be made if it is NEW.
Note = Callable[[], Awaitable[Begun]]


class _Batch(Struct):
    adapter: Adapter
    message: AnyMessage
    client: HttpClient
    room: int
    people: dict[Conversation, asyncio.Future[Receipt | Begun]] = {}
    notes: dict[Conversation, Note] = {}


class Batches:
    """Sends one request for all who are to get the same message now.

    Each of them stays a message of its own, with its own turn, count, attempts and receipt: only the request is shared.
    Nothing waits longer than `PATIENCE`, or for more people than have room. Transport errors reach every caller.
    """

    def __init__(self, governor: Governor, *, patience: float = PATIENCE) -> None:
        self._governor = governor
        self._patience = patience
        self._open: dict[tuple[Account, bytes], _Batch] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def send(
        self, adapter: Adapter, message: AnyMessage, to: Conversation, client: HttpClient, *, note: Note | None = None
    ) -> Receipt | Begun:
        """Makes one attempt, together with others, and returns what became of this one.

        `note` writes it down right before the request; what that answers is returned, and the attempt is not made, if
        it is not NEW.
        """
        key = adapter.account, encode(message)
        batch = self._open.get(key)
        if batch is None or to in batch.people:
            batch = self._open[key] = _Batch(adapter, message, client, adapter.receivers(message))
            task = asyncio.create_task(self._send_soon(key, batch))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        answer: asyncio.Future[Receipt | Begun] = asyncio.get_running_loop().create_future()
        batch.people[to] = answer
        if note:
            batch.notes[to] = note
        if len(batch.people) == batch.room:
            # The next one begins another request; this one goes when its time has come.
            del self._open[key]
        return await answer

    async def _send_soon(self, key: tuple[Account, bytes], batch: _Batch) -> None:
        await asyncio.sleep(self._patience)
        if self._open.get(key) is batch:
            del self._open[key]
        try:
            if _waiting(batch):
                await self._send(batch)
        except Exception as error:
            for to in _waiting(batch):
                batch.people[to].set_exception(error)

    async def _send(self, batch: _Batch) -> None:
        if hold := await self._wait(batch.adapter):
            for to in _waiting(batch):
                batch.people[to].set_result(Receipt(Outcome.NOT_SENT, reason="paced", retry_after=hold.seconds))
            return
        await asyncio.gather(*(_note(batch.people[to], note) for to, note in batch.notes.items()))
        if people := _waiting(batch):
            for to, receipt in zip(
                people, await batch.adapter.broadcast(batch.message, people, batch.client), strict=True
            ):
                if not batch.people[to].done():
                    batch.people[to].set_result(receipt)

    async def _wait(self, adapter: Adapter) -> Hold | None:
        """Returns how long the request must wait; a short time is waited for here."""
        hold = await self._governor.wait_to_broadcast(adapter)
        if hold is None or not hold.is_pace or hold.seconds > SHORT:
            return hold
        # To give all of them back and take them up again would cost more than that.
        await asyncio.sleep(hold.seconds)
        return await self._governor.wait_to_broadcast(adapter)


def _waiting(batch: _Batch) -> Sequence[Conversation]:
    # Whose turn was taken away meanwhile is sent to by somebody else.
    return [to for to, answer in batch.people.items() if not answer.done()]


async def _note(answer: asyncio.Future[Receipt | Begun], note: Note) -> None:
    try:
        begun = Begun.FENCED if answer.done() else await note()
    except StoreUnavailableError as error:
        if not answer.done():
            answer.set_exception(error)
        return
    if begun is not Begun.NEW and not answer.done():
        answer.set_result(begun)
