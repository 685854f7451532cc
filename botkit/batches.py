"""Gathers messages that say the same to many people into the single requests that a service has for that."""

import asyncio
from collections.abc import Sequence

from msgspec import Struct

from botkit.adapter import Adapter, HttpClient, Outcome, Receipt
from botkit.conversation import Account, Conversation
from botkit.governor import Governor
from botkit.messages import AnyMessage
from botkit.outgoing import encode

#: How long a request waits for more people, in seconds.
PATIENCE = 0.05


class _Batch(Struct):
    adapter: Adapter
    message: AnyMessage
    client: HttpClient
    room: int
    people: dict[Conversation, asyncio.Future[Receipt]] = {}


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

    async def send(self, adapter: Adapter, message: AnyMessage, to: Conversation, client: HttpClient) -> Receipt:
        """Makes one attempt, together with others, and returns what became of this one."""
        key = adapter.account, encode(message)
        batch = self._open.get(key)
        if batch is None or to in batch.people:
            batch = self._open[key] = _Batch(adapter, message, client, adapter.receivers(message))
            task = asyncio.create_task(self._send_soon(key, batch))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        answer: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        batch.people[to] = answer
        if len(batch.people) == batch.room:
            # The next one begins another request; this one goes when its time has come.
            del self._open[key]
        return await answer

    async def _send_soon(self, key: tuple[Account, bytes], batch: _Batch) -> None:
        await asyncio.sleep(self._patience)
        if self._open.get(key) is batch:
            del self._open[key]
        # Whose turn was taken away meanwhile is sent to by somebody else.
        people = {to: answer for to, answer in batch.people.items() if not answer.done()}
        if not people:
            return
        try:
            receipts = await self._send(batch, list(people))
        except Exception as error:
            for answer in people.values():
                if not answer.done():
                    answer.set_exception(error)
            return
        for answer, receipt in zip(people.values(), receipts, strict=True):
            if not answer.done():
                answer.set_result(receipt)

    async def _send(self, batch: _Batch, people: Sequence[Conversation]) -> Sequence[Receipt]:
        if hold := await self._governor.wait_to_broadcast(batch.adapter):
            return [Receipt(Outcome.NOT_SENT, reason="paced", retry_after=hold.seconds)] * len(people)
        return await batch.adapter.broadcast(batch.message, people, batch.client)
