"""How the messages of a bulk end that have several ways, or of which somebody hears: each counted once."""

import pytest
from msgspec.structs import replace

from botkit.adapter import Receipt
from botkit.addresses import AddressKind
from botkit.broadcast import Bulk, Spot, Stage, key_of
from botkit.bulk import BulkWriter, bulk_id_of
from botkit.deliveries import Status
from botkit.events import MessageDelivered, MessageSeen
from botkit.messages import Text
from botkit.outgoing import Hop
from botkit.router import Router
from tests.desk import NOT_SENT, REFUSED, UNKNOWN, Desk, Process, Report, bot, reported, where

ID = bulk_id_of("crm", "k")
ANN = "+385910000001"


class Sms(Desk):
    """A desk that writes to numbers, and repeats nothing."""

    address = AddressKind.PHONE
    max_repeats = 0


def ways(seconds: float = 60) -> tuple[Hop, ...]:
    return (Hop(("desk", "first"), "", seconds), Hop(("desk", "second"), "", 0, "delivered", Text(text="by the other")))


class Bulks:
    """A bulk to Ann on two accounts, and what becomes of it."""

    def __init__(self, redis_url: str, hops: tuple[Hop, ...], *, callback: str = "") -> None:
        self.first, self.second = Sms(ta="first"), Sms(ta="second")
        self.process = Process(redis_url, bot(Router(), self.first, self.second))
        self._bulk = Bulk("crm", hops=hops, callback=callback)

    async def run(self) -> None:
        """Sends it, as far as that goes now."""
        writer = BulkWriter(self.process.store, self.first, "shop")
        await writer.open(ID, Text(text="News!"), self._bulk)
        await writer.enlist(ID, [ANN])
        assert await writer.start(ID)
        await self.process.advance(1)
        await self.process.advance(1)

    async def hears(self, kind: type[Report], receipt_id: str, ta: str) -> None:
        """Takes a report in, once more than it should come."""
        account = next(adapter for adapter in (self.first, self.second) if adapter.ta == ta)
        event = replace(reported(kind, receipt_id, ANN), conversation=where(ANN, ta))
        for _ in range(2):
            await self.process.engine.accept(account, [event])
            await self.process.engine.settle()

    async def tally(self) -> dict[str, int]:
        """Returns what was counted, and that alone."""
        progress = await self.process.store.broadcasts.load(ID)
        assert progress is not None
        names = ("sent", "failed", "skipped", "delivered", "seen", "undelivered")
        counted = {name: getattr(progress.tally, name) for name in names}
        return {name: number for name, number in counted.items() if number}


async def test_it_is_sent_once_though_it_went_two_ways(botkit_redis_url: str) -> None:
    bulks = Bulks(botkit_redis_url, ways())
    async with bulks.process as process:
        await bulks.run()
        assert await bulks.tally() == {"sent": 1}
        await process.advance(61)
        assert (bulks.first.texts, bulks.second.texts) == (["News!"], ["by the other"])
        await bulks.hears(MessageDelivered, f"{ANN}/1", "second")
        await bulks.hears(MessageSeen, f"{ANN}/1", "second")
        assert await bulks.tally() == {"sent": 1, "delivered": 1, "seen": 1}


async def test_what_the_last_way_refuses_after_the_first_had_it_was_sent_and_not_delivered(
    botkit_redis_url: str,
) -> None:
    bulks = Bulks(botkit_redis_url, ways())
    bulks.second.plan.append(REFUSED)
    async with bulks.process as process:
        await bulks.run()
        await process.advance(61)
        assert await bulks.tally() == {"sent": 1, "undelivered": 1}


async def test_what_no_way_takes_has_failed(botkit_redis_url: str) -> None:
    bulks = Bulks(botkit_redis_url, ways())
    bulks.first.plan.append(REFUSED)
    bulks.second.plan.append(REFUSED)
    async with bulks.process:
        await bulks.run()
        assert await bulks.tally() == {"failed": 1}


async def test_what_the_first_way_refuses_is_counted_where_it_goes(botkit_redis_url: str) -> None:
    bulks = Bulks(botkit_redis_url, ways())
    bulks.first.plan.append(REFUSED)
    async with bulks.process as process:
        await bulks.run()
        assert await bulks.tally() == {"sent": 1}
        delivery = await process.store.deliveries.load(f"desk:first:{ANN}", key_of(Spot(ID, 0, 0)))
        assert delivery is not None
        assert (delivery.status, len(delivery.hops)) == (Status.SENT, 2)


async def test_a_bulk_with_ways_ends_when_everybody_is_sent_to(botkit_redis_url: str) -> None:
    bulks = Bulks(botkit_redis_url, ways())
    bulks.first.plan.append(NOT_SENT)
    async with bulks.process as process:
        await bulks.run()
        await process.advance(10)
        progress = await process.store.broadcasts.load(ID)
        assert progress is not None
        assert (progress.stage, await bulks.tally()) == (Stage.DONE, {"sent": 1})


@pytest.mark.parametrize("outcome", [REFUSED, UNKNOWN], ids=["refused", "unknown"])
async def test_one_way_that_somebody_hears_of_is_counted_as_any_other(botkit_redis_url: str, outcome: Receipt) -> None:
    bulks = Bulks(botkit_redis_url, (), callback="crm")
    bulks.first.plan.append(outcome)
    async with bulks.process:
        await bulks.run()
        assert await bulks.tally() == {"failed": 1}


async def test_whoever_is_named_for_the_reports_hears_of_each_message(botkit_redis_url: str) -> None:
    bulks = Bulks(botkit_redis_url, (), callback="crm")
    async with bulks.process as process:
        await bulks.run()
        key = key_of(Spot(ID, 0, 0))
        # There is no account of this name here: what was to be told is found among what was given up.
        (letter,) = await process.store.dead_letters.read(f"callback:crm:{key}")
        assert '"type":"message.sent"' in letter.entry.decode()
