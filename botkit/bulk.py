"""Takes one message for a long list of destinations: each is enlisted once, and then fed as a broadcast is."""

import asyncio
import csv
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from botkit.adapter import Adapter
from botkit.addresses import AddressKind, is_phone
from botkit.broadcast import Broadcast, Bulk, Progress, Segment, Spot, Stage, key_of
from botkit.contacts import find_conversation, takes_number
from botkit.conversation import Account, Conversation, digest
from botkit.exceptions import AddressError, BotkitError, MessageError, RecordError
from botkit.messages import AnyMessage
from botkit.outgoing import Hop, Trail
from botkit.store import Store

#: How many destinations are enlisted at a time.
PAGE = 1000

# How a column of destinations may be called.
_COLUMNS = ("destination", "phone", "number", "to", "id")
_DELIMITERS = (",", ";", "\t")


class Enlisted(Struct, frozen=True):
    """What became of one destination of a list: the id of its message, or why it is none."""

    destination: str
    id: str = ""
    problem: str = ""


class BulkWriter:
    """Writes down a bulk on one account; the processes of the running service do the sending.

    All of it may be repeated under the same id, after a kill as well: a destination that is listed twice, or enlisted
    again, has one place and one message.
    """

    def __init__(self, store: Store, adapter: Adapter, bot: str) -> None:
        self._store = store
        self._adapter = adapter
        self._bot = bot

    @property
    def account(self) -> Account:
        """The account that it goes from, or of several ways the first."""
        return self._adapter.account

    async def open(self, bulk_id: str, message: AnyMessage, bulk: Bulk, *, name: str = "") -> Progress | None:
        """Begins a bulk, or goes on with the one of this id; None if that is somebody else's, or another message.

        Raises MessageError for a message that the account does not take.
        """
        prepared = self._adapter.prepare(message, Conversation(self._adapter.account, "anybody"))
        if not prepared.messages:
            raise MessageError("the message holds nothing that this account can show")
        known = await self._store.broadcasts.load(bulk_id)
        if known is None:
            account = self._adapter.account
            draft = Broadcast(bulk_id, self._bot, message, Segment(), (account,), name=name, bulk=bulk)
            await self._store.broadcasts.draft(draft)
            known = await self._store.broadcasts.load(bulk_id)
        theirs = known.broadcast.bulk if known else None
        is_same = theirs and (theirs.owner, theirs.fingerprint) == (bulk.owner, bulk.fingerprint)
        return known if is_same else None

    async def enlist(self, bulk_id: str, destinations: Sequence[str]) -> Sequence[Enlisted]:
        """Adds destinations, in order; raises RecordError where the bulk has begun without one of them."""
        addresses = await asyncio.gather(*(self._address(destination.strip()) for destination in destinations))
        wanted = [address for address in addresses if isinstance(address, str)]
        places = iter(await self._store.broadcasts.enlist(bulk_id, 0, wanted))
        return [
            Enlisted(destination, id=_message_id(bulk_id, next(places)))
            if isinstance(address, str)
            else Enlisted(destination, problem=address.what)
            for destination, address in zip(destinations, addresses, strict=True)
        ]

    async def start(self, bulk_id: str, *, at_ms: int = 0) -> bool:
        """Lets an enlisted bulk run, from an instant on (0 = at once); True as well if it does already."""
        if await self._store.broadcasts.move(bulk_id, Stage.RUNNING, at_ms=at_ms):
            return True
        progress = await self._store.broadcasts.load(bulk_id)
        return progress is not None and progress.stage is not Stage.DRAFT

    async def _address(self, destination: str) -> str | AddressError:
        try:
            if self._adapter.address is AddressKind.PHONE or not is_phone(destination):
                return self._adapter.find_address(destination)
        except AddressError as error:
            return error
        if takes_number(self._adapter, destination):
            return self._adapter.find_address(destination)
        known = await find_conversation(self._store.contacts, self._adapter, destination)
        return known or AddressError("no conversation with this number is known on the account")


def bulk_id_of(owner: str, idempotency_key: str) -> str:
    """Returns the id of a bulk: the same for the same key of one owner."""
    return digest(f"bulk|{owner}|{idempotency_key}")[:10]


def trail_to(broadcast: Broadcast, adapter: Adapter, to: Conversation, *, now_ms: int) -> Trail | None:
    """Returns the ways of a recipient's message in a bulk where it has several, or somebody hears of it; else None.

    Its home is the recipient's conversation on the first way's account.
    """
    bulk, own = broadcast.bulk, (adapter.channel, adapter.ta)
    if bulk is None or not (bulk.hops or bulk.callback):
        return None
    first, *others = bulk.hops or (Hop(own),)
    return Trail(
        home=(*own, to.id),
        hops=(replace(first, to=to.id), *others),
        message=broadcast.message,
        since_ms=now_ms,
        phone=to.id if adapter.address is AddressKind.PHONE else "",
        notify=bulk.callback,
    )


def _message_id(bulk_id: str, place: int | None) -> str:
    if place is None:
        raise RecordError("this bulk has begun, and the destination is not part of it")
    return key_of(Spot(bulk_id, 0, place))


# --- lists in files ---


def read_destinations(path: Path) -> Iterator[tuple[int, str]]:
    """Yields each destination of a CSV file with the number of its line, from the column `destination`.

    That may also be called phone, number, to or id, or be the only one and have no name. Reads a line at a time;
    fields are separated by commas, semicolons or tabs. Raises BotkitError for a file that names no such column.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        first = file.readline()
        delimiter = max(_DELIMITERS, key=first.count)
        names = [name.strip().lower() for name in next(csv.reader([first], delimiter=delimiter), [])]
        column = next((names.index(name) for name in _COLUMNS if name in names), None)
        if column is None and len(names) > 1:
            raise BotkitError(
                "the first line of the file names no column with destinations",
                fix=f"call it {_COLUMNS[0]}, as in: {_COLUMNS[0]},name",
            )
        lines = file if column is not None else chain([first], file)
        for number, row in enumerate(csv.reader(lines, delimiter=delimiter), 2 if column is not None else 1):
            place = column or 0
            if len(row) > place and row[place].strip():
                yield number, row[place].strip()


def pages(destinations: Iterator[tuple[int, str]]) -> Iterator[Sequence[tuple[int, str]]]:
    """Yields destinations in the order they come, `PAGE` at a time."""
    while page := tuple(islice(destinations, PAGE)):
        yield page
