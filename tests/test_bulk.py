"""Long lists of destinations: each gets the message once, whoever dies on the way; wrong ones are told."""

from pathlib import Path

import pytest

from botkit.addresses import AddressKind
from botkit.broadcast import Bulk, Fate, Stage, spot_of
from botkit.bulk import PAGE, BulkWriter, bulk_id_of, pages, read_destinations
from botkit.exceptions import BotkitError, MessageError, RecordError
from botkit.messages import Text, Typing
from botkit.router import Router
from tests.desk import REFUSED, Desk, Process, bot

TEXT = Text(text="Open again!")
OURS = Bulk("crm", "print")
ID = bulk_id_of("crm", "k1")


class Sms(Desk):
    """A desk that writes to numbers."""

    address = AddressKind.PHONE


def numbers(count: int) -> list[str]:
    return [f"+79030{number:06}" for number in range(count)]


async def sent_to(process: Process, sms: Sms, destinations: list[str]) -> None:
    writer = BulkWriter(process.store, sms, "shop")
    assert await writer.open(ID, TEXT, OURS)
    await writer.enlist(ID, destinations)
    assert await writer.start(ID)
    await settled(process)


async def settled(process: Process) -> None:
    for _ in range(100):
        await process.engine.settle()
        progress = await process.store.broadcasts.load(ID)
        if progress and progress.stage is Stage.DONE:
            return
        process.clock.advance(seconds=1)
    raise AssertionError("the bulk is not over")


async def test_each_destination_gets_it_once_though_nobody_ever_wrote(botkit_redis_url: str) -> None:
    sms = Sms()
    async with Process(botkit_redis_url, bot(Router(), sms)) as process:
        everybody = numbers(500)
        await sent_to(process, sms, everybody)
        assert sorted(person for person, _ in sms.shown) == everybody


async def test_one_that_is_listed_twice_has_one_message_and_each_its_own_id(botkit_redis_url: str) -> None:
    sms = Sms()
    async with Process(botkit_redis_url, bot(Router(), sms)) as process:
        writer = BulkWriter(process.store, sms, "shop")
        await writer.open(ID, TEXT, OURS)
        first, second, again = await writer.enlist(ID, ["+79030000001", "79030000002", "7 903 000 00 01"])
        assert first.id == again.id != second.id
        assert spot_of(second.id) is not None
        assert await writer.start(ID)
        await settled(process)
        assert len(sms.shown) == 2


async def test_wrong_destinations_are_told_and_the_others_are_sent_to(botkit_redis_url: str) -> None:
    sms = Sms()
    async with Process(botkit_redis_url, bot(Router(), sms)) as process:
        writer = BulkWriter(process.store, sms, "shop")
        await writer.open(ID, TEXT, OURS)
        right, wrong = await writer.enlist(ID, ["+79030000001", "olena"])
        assert (bool(right.id), right.problem) == (True, "")
        assert (wrong.id, wrong.problem) == ("", "this is no phone number")
        await writer.start(ID)
        await settled(process)
        assert [person for person, _ in sms.shown] == ["+79030000001"]


async def test_the_same_request_again_changes_nothing_also_after_a_kill_in_the_middle(botkit_redis_url: str) -> None:
    sms, everybody = Sms(), numbers(30)
    async with Process(botkit_redis_url, bot(Router(), sms)) as process:
        killed = BulkWriter(process.store, sms, "shop")
        await killed.open(ID, TEXT, OURS)
        before = await killed.enlist(ID, everybody[:20])
        await sent_to(process, sms, everybody)
        again = BulkWriter(process.store, sms, "shop")
        assert await again.open(ID, TEXT, OURS)
        assert (await again.enlist(ID, everybody))[:20] == before
        assert await again.start(ID)
        await settled(process)
        assert sorted(person for person, _ in sms.shown) == everybody


@pytest.mark.parametrize("other", [Bulk("crm", "another"), Bulk("shop", "print")])
async def test_another_request_under_the_same_id_is_refused(botkit_redis_url: str, other: Bulk) -> None:
    sms = Sms()
    async with Process(botkit_redis_url, bot(Router(), sms)) as process:
        writer = BulkWriter(process.store, sms, "shop")
        assert await writer.open(ID, TEXT, OURS)
        assert await writer.open(ID, TEXT, other) is None


async def test_one_that_has_begun_takes_nobody_more(botkit_redis_url: str) -> None:
    sms = Sms()
    async with Process(botkit_redis_url, bot(Router(), sms)) as process:
        await sent_to(process, sms, numbers(1))
        with pytest.raises(RecordError, match="has begun"):
            await BulkWriter(process.store, sms, "shop").enlist(ID, numbers(2))


async def test_what_the_account_does_not_take_is_refused_before_anybody_is_listed(botkit_redis_url: str) -> None:
    class Mute(Sms):
        capabilities = Desk.capabilities.__class__()

    async with Process(botkit_redis_url, bot(Router(), Mute())) as process:
        with pytest.raises(MessageError, match="nothing that this account can show"):
            await BulkWriter(process.store, Mute(), "shop").open(ID, Typing(), OURS)
        assert await process.store.broadcasts.load(ID) is None


async def test_each_destination_s_end_is_known(botkit_redis_url: str) -> None:
    sms = Sms()
    sms.plan += [REFUSED]
    async with Process(botkit_redis_url, bot(Router(), sms)) as process:
        await sent_to(process, sms, numbers(2))
        fates = await process.store.broadcasts.fates(ID, 0, 0, 2)
        assert sorted(fate.value for fate in fates if fate) == [Fate.FAILED.value, Fate.SENT.value]


# --- files ---


@pytest.mark.parametrize(
    "content",
    [
        "+1\n+2\n\n+3\n",
        "destination\n+1\n+2\n\n+3\n",
        "name;Phone\nAnn;+1\nBen;+2\nEve\n;+3\n",
        "﻿to\tname\r\n+1\tAnn\r\n+2\r\n\r\n+3\tEve\r\n",
        'number,name\n+1,"Ann, dear"\n+2,\n,nobody\n" +3 ",x',
    ],
    ids=["bare", "named", "semicolons", "tabs", "quoted"],
)
def test_a_file_is_read_as_people_write_them(tmp_path: Path, content: str) -> None:
    file = tmp_path / "people.csv"
    file.write_text(content, encoding="utf-8", newline="")
    assert [destination for _, destination in read_destinations(file)] == ["+1", "+2", "+3"]


@pytest.mark.parametrize(("content", "first"), [("+1\n+2", 1), ("phone\n+1", 2)])
def test_each_destination_comes_with_its_line(tmp_path: Path, content: str, first: int) -> None:
    file = tmp_path / "people.csv"
    file.write_text(content)
    assert next(iter(read_destinations(file))) == (first, "+1")


def test_a_file_of_several_columns_must_say_which_one(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("name,city\nAnn,Rijeka\n")
    with pytest.raises(BotkitError, match="names no column"):
        list(read_destinations(file))


def test_a_file_is_taken_a_page_at_a_time(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("\n".join(numbers(PAGE + 1)))
    assert [len(page) for page in pages(read_destinations(file))] == [PAGE, 1]
