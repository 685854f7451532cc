"""One message to many destinations: taken page by page, followed to its end, stopped and resumed."""

import asyncio
import re
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec
import structlog
from starlette.responses import Response, StreamingResponse

from botkit.broadcast import Bulk, Fate, Progress, Spot, Stage, key_of
from botkit.bulk import PAGE, BulkWriter, bulk_id_of
from botkit.conversation import Account, Conversation
from botkit.deliveries import Delivery
from botkit.dispatcher import Owner
from botkit.exceptions import InvalidRequestError, Problem
from botkit.send_api.bulk_answers import (
    ENDS,
    BulkMessages,
    BulkState,
    as_submission,
    bulk_state,
    message_line,
    taken_answer,
)
from botkit.send_api.bulk_orders import BulkOrder, destinations_of, read_bulk
from botkit.send_api.keys import ApiKey
from botkit.send_api.orders import Orders, fingerprint_of, tag_of
from botkit.send_api.refusals import RefusedError, conflict, later
from botkit.store import Store, insist
from botkit.submission import Submission

#: How a bulk's id looks.
BULK_ID = re.compile(r"[A-Za-z0-9_-]{10}")
#: The most messages of a bulk on one page, and how many there are unless the caller says otherwise.
MAX_PAGE, DEFAULT_PAGE = 1000, 100
#: What may be asked of a bulk, and the stage that this leads to.
MOVES: Mapping[str, Stage] = {"pause": Stage.PAUSED, "resume": Stage.RUNNING, "cancel": Stage.CANCELLED}

log = structlog.get_logger("botkit.send_api")


class Bulks:
    """Takes bulks of programs, and tells each of them about its own."""

    def __init__(self, owners: Mapping[Account, Owner], store: Store, orders: Orders) -> None:
        self._owners = owners
        self._store = store
        self._orders = orders

    async def take(self, key: ApiKey, idempotency_key: str, body: Mapping[str, Any]) -> Response:
        """Takes a bulk; its answer is made while the destinations are written down, and is whole once it runs.

        What is wrong with the content is told before anything is stored. An answer that breaks off leaves a draft,
        from which nothing is sent: the same again completes it. Raises RefusedError and InvalidRequestError.
        """
        name = idempotency_key or tag_of(body) or secrets.token_urlsafe(16)
        bulk_id, fingerprint = bulk_id_of(key.name, name), fingerprint_of(body)
        writer = await self._open(key, bulk_id, fingerprint, body)
        pages = self._enlist(writer, bulk_id, destinations_of(body))
        # What cannot be stored at all is told by the status.
        first = await anext(pages)
        log.info("accepted a bulk", key=key.name, account=writer.account.ta, bulk=bulk_id)
        return StreamingResponse(_whole(bulk_id, tag_of(body), first, pages), media_type="application/json")

    async def _open(self, key: ApiKey, bulk_id: str, fingerprint: str, body: Mapping[str, Any]) -> BulkWriter:
        if known := await self._known(key, bulk_id, fingerprint):
            # Whatever has changed since, what was taken is answered the same.
            return known
        has_callbacks = bool(key.callback_secrets)
        order = read_bulk(self._orders, body, key.may_use, has_callbacks=has_callbacks)
        bulk = Bulk(
            owner=key.name,
            fingerprint=fingerprint,
            hops=order.hops,
            callback=key.name if has_callbacks and (key.callback_url or order.notify_url) else "",
            notify_url=order.notify_url,
            reference=order.reference,
            schedule=order.schedule,
        )
        writer = self._writer(order)
        if await writer.open(bulk_id, order.message, bulk, name=order.tag) is None:
            raise conflict()
        return writer

    async def _known(self, key: ApiKey, bulk_id: str, fingerprint: str) -> BulkWriter | None:
        progress = await self._store.broadcasts.load(bulk_id)
        bulk = progress.broadcast.bulk if progress else None
        if progress is None or bulk is None:
            return None
        if (bulk.owner, bulk.fingerprint) != (key.name, fingerprint):
            raise conflict()
        owner = self._owners.get(progress.broadcast.accounts[0])
        return BulkWriter(self._store, owner.adapter, owner.bot.name) if owner else None

    def _writer(self, order: BulkOrder) -> BulkWriter:
        return BulkWriter(self._store, order.adapter, self._owners[order.adapter.account].bot.name)

    async def _enlist(self, writer: BulkWriter, bulk_id: str, destinations: Sequence[str]) -> AsyncIterator[bytes]:
        """Writes the destinations down, and yields what is answered for each page of them; in the end all begins."""
        ta = writer.account.ta
        for start in range(0, len(destinations), PAGE):
            enlisted = await insist(partial(writer.enlist, bulk_id, destinations[start : start + PAGE]))
            yield b",".join(msgspec.json.encode(taken_answer(each, ta)) for each in enlisted)
        if not await insist(partial(writer.start, bulk_id)):
            raise later("the bulk was forgotten while it was written down: the same again is safe")

    async def state(self, key: ApiKey, bulk_id: str) -> BulkState:
        """Returns how far a bulk of this key has come. Raises RefusedError where it has none of this id."""
        return bulk_state(await self._load(key, bulk_id))

    async def move(self, key: ApiKey, bulk_id: str, word: str) -> BulkState:
        """Pauses, resumes or cancels a bulk; what is in outboxes by then still goes out. Raises RefusedError."""
        progress = await self._load(key, bulk_id)
        # Only the whole of its answer begins one.
        may = progress.stage is not Stage.DRAFT or word == "cancel"
        if not may or not await self._store.broadcasts.move(bulk_id, MOVES[word]):
            raise RefusedError(409, "conflict", f"this bulk is {progress.stage.value}")
        return await self.state(key, bulk_id)

    async def messages(self, key: ApiKey, bulk_id: str, query: Mapping[str, str]) -> BulkMessages:
        """Returns a page of a bulk's messages, in the order of its destinations. Raises RefusedError."""
        start, limit = _read_page(query)
        progress = await self._load(key, bulk_id)
        stop = min(start + limit, progress.tally.total)
        broadcast = progress.broadcast
        people, fates = await self._load_lines(bulk_id, start, stop)
        keys = [key_of(Spot(bulk_id, 0, start + number)) for number in range(len(people))]
        cids = [Conversation(broadcast.accounts[0], to).key for to in people]
        deliveries = await asyncio.gather(*map(self._store.deliveries.load, cids, keys))
        lines = zip(people, keys, fates, deliveries, strict=False)
        return BulkMessages(
            bulk_id=bulk_id,
            messages=tuple(message_line(broadcast, *line) for line in lines),
            next=str(stop) if stop < progress.tally.total else "",
        )

    async def find(self, spot: Spot) -> tuple[Submission, Delivery | None] | None:
        """Returns a bulk's message as if it had been sent alone, and what became of it; None if there is none."""
        progress, (people, fates) = await asyncio.gather(
            self._store.broadcasts.load(spot.broadcast),
            self._load_lines(spot.broadcast, spot.index, spot.index + 1),
        )
        if progress is None or progress.broadcast.bulk is None or spot.lane or not people:
            return None
        submission = as_submission(progress, key_of(spot), people[0])
        delivery = await self._store.deliveries.load(submission.conversation.key, submission.id)
        return submission, delivery or _delivery(fates[0])

    async def _load_lines(self, bulk_id: str, start: int, stop: int) -> tuple[Sequence[str], Sequence[Fate | None]]:
        """Returns whom these messages are for, and the last that is known of each."""
        if start >= stop:
            return (), ()
        broadcasts = self._store.broadcasts
        people, ends, reports = await asyncio.gather(
            broadcasts.recipients(bulk_id, 0, start, stop),
            broadcasts.fates(bulk_id, 0, start, stop),
            broadcasts.reported(bulk_id, 0, start, stop),
        )
        return people, [report or end for end, report in zip(ends, reports, strict=True)]

    async def _load(self, key: ApiKey, bulk_id: str) -> Progress:
        progress = await self._store.broadcasts.load(bulk_id) if BULK_ID.fullmatch(bulk_id) else None
        if progress is None or progress.broadcast.bulk is None or progress.broadcast.bulk.owner != key.name:
            raise RefusedError(404, "unknown_bulk", "there is no such bulk of this key")
        return progress


async def _whole(bulk_id: str, tag: str, first: bytes, pages: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yields the answer in shape D: its end comes when all is stored."""
    named = {"id": tag} if tag else {}
    yield msgspec.json.encode({**named, "bulkId": bulk_id})[:-1] + b',"messages":[' + first
    async for page in pages:
        yield b"," + page
    yield b"]}"


def _delivery(fate: Fate | None) -> Delivery:
    return Delivery(ENDS[fate], {})


def _read_page(query: Mapping[str, str]) -> tuple[int, int]:
    after, limit = query.get("after", "0"), query.get("limit", str(DEFAULT_PAGE))
    problems = []
    if not re.fullmatch(r"[0-9]{1,9}", after):
        problems.append(Problem("after", "is the `next` of the page before"))
    if not re.fullmatch(r"[0-9]{1,4}", limit) or not 1 <= int(limit) <= MAX_PAGE:
        problems.append(Problem("limit", f"is a number from 1 to {MAX_PAGE}"))
    if problems:
        raise InvalidRequestError(problems)
    return int(after), int(limit)
