"""Plans: who is chosen and fixed, and an estimate that is what is then booked."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from botkit.bot import Bot
from botkit.broadcast import Segment, Stage
from botkit.broadcaster import Broadcaster
from botkit.channels.telegram import Telegram
from botkit.channels.viber import Viber
from botkit.context import Context
from botkit.estimate import Plan
from botkit.events import ConversationStarted, MessageReceived, Unsubscribed
from botkit.exceptions import BotkitError, MessageError
from botkit.flow import Flow, Trigger
from botkit.ledger import month_of
from botkit.messages import AnyMessage, Delete, Edit, Raw, Text, Typing
from botkit.redis.ledger import load_ledgers
from botkit.redis.people import BATCH
from botkit.router import Router
from botkit.session_rules import Prices, SessionRules
from botkit.testing import BotTester
from tests.desk import Desk, Process, bot, happens, opens, says, where

TEXT = Text(text="News!")


class Parcel(Flow):
    states = ("idle", "number")
    ask = Trigger("*", "number")


def parcels() -> Router[Parcel]:
    router = Router(Parcel)

    @router.text("^track")
    async def track(event: MessageReceived, ctx: Context[Parcel]) -> None:
        ctx.flow.ask()

    @router.text("^tag ")
    async def tag(event: MessageReceived, ctx: Context[Parcel]) -> None:
        ctx.tag(event.text.removeprefix("tag "))

    @router.text("^hello")
    async def hello(event: MessageReceived, ctx: Context[Parcel]) -> None:
        ctx.reply("hello")

    @router.started()
    async def started(event: ConversationStarted, ctx: Context[Parcel]) -> None:
        ctx.reply("welcome")

    return router


async def planned(process: Process, segment: Segment | None = None, message: AnyMessage = TEXT) -> Plan:
    return await Broadcaster(process.bots[0], process.store, process.clock).plan(message, segment)


async def chosen(process: Process, segment: Segment | None = None) -> set[str]:
    plan = await planned(process, segment)
    lists = [
        await process.store.broadcasts.recipients(plan.broadcast.id, number, 0, 1000)
        for number in range(len(plan.lanes))
    ]
    return {name for names in lists for name in names}


# --- who is chosen ---


async def test_whoever_wrote_is_chosen_and_whoever_only_looked_in_is_not(botkit_redis_url: str) -> None:
    async with Process(botkit_redis_url, bot(parcels(), Desk())) as process:
        await process.hears("hi", "ann")
        await process.takes(opens("looker"))
        await process.engine.settle()
        assert await chosen(process) == {"ann"}


async def test_whoever_cannot_be_written_to_is_counted_and_left_out_until_they_return(botkit_redis_url: str) -> None:
    async with Process(botkit_redis_url, bot(parcels(), Desk())) as process:
        await process.hears("hi", "ann")
        await process.takes(happens(Unsubscribed, "ann"))
        (lane,) = (await planned(process)).lanes
        assert (lane.recipients, lane.gone) == (0, 1)
        await process.hears("hi", "ann")
        assert await chosen(process) == {"ann"}


async def test_whoever_was_forgotten_is_nobody(botkit_redis_url: str) -> None:
    async with Process(botkit_redis_url, bot(parcels(), Desk())) as process:
        await process.hears("hi", "ann")
        await process.store.forget(where("ann").key)
        (lane,) = (await planned(process)).lanes
        assert (lane.recipients, lane.gone) == (0, 0)


class Club(Desk):
    """A channel whose broadcasts are for those alone whom its cursor names."""

    def audience(self, cursor: bytes) -> Callable[[str], bool]:
        return lambda conversation_id: conversation_id in cursor.decode()


async def test_an_account_keeps_those_out_who_are_not_its_own(botkit_redis_url: str) -> None:
    club = Club()
    async with Process(botkit_redis_url, bot(parcels(), club)) as process:
        for person in ("ann", "bob", "cid"):
            await process.hears("hi", person)
        assert await chosen(process) == set()
        await process.store.accounts.begin_poll(club.account, "a", every=60, lease=10)
        await process.store.accounts.end_poll(club.account, "a", every=60, cursor=b"ann cid dora")
        assert await chosen(process) == {"ann", "cid"}
        (lane,) = (await planned(process)).lanes
        assert (lane.recipients, lane.gone) == (2, 0)


async def test_flow_states_and_tags_narrow_it_down(botkit_redis_url: str) -> None:
    async with Process(botkit_redis_url, bot(parcels(), Desk())) as process:
        for name, texts in (("ann", ["track", "tag vip"]), ("ben", ["track"]), ("eve", ["tag vip"])):
            for text in texts:
                await process.hears(text, name)
        assert await chosen(process, Segment(states=("parcel.number",))) == {"ann", "ben"}
        assert await chosen(process, Segment(tags=("vip",))) == {"ann", "eve"}
        assert await chosen(process, Segment(states=("parcel.number",), tags=("vip",))) == {"ann"}


async def test_accounts_and_channels_narrow_it_down(botkit_redis_url: str) -> None:
    async with Process(botkit_redis_url, bot(parcels(), Desk(ta="a"), Desk(ta="b"))) as process:
        for name, ta in (("ann", "a"), ("ben", "b")):
            await process.takes(says("hi", name, ta=ta))
        assert await chosen(process, Segment(accounts=("b",))) == {"ben"}
        assert await chosen(process, Segment(channels=("desk",))) == {"ann", "ben"}
        with pytest.raises(BotkitError, match="no such account"):
            await planned(process, Segment(channels=("viber",)))


async def test_another_bot_s_people_are_left_alone(botkit_redis_url: str) -> None:
    mine, other = bot(parcels(), Desk(ta="a")), bot(Router(), Desk(ta="a:b"), name="other")
    async with Process(botkit_redis_url, mine, other) as process:
        await process.takes(says("hi", "ann", ta="a"))
        await process.takes(says("hi", "ben", ta="a:b"))
        await process.engine.settle()
        assert await chosen(process) == {"ann"}
        assert (await Broadcaster(other, process.store, process.clock).plan(TEXT)).recipients == 1


async def test_people_whose_key_is_a_hash_are_found(botkit_redis_url: str) -> None:
    desk, strange = Desk(ta="an account with spaces"), "name {with} * all sorts"
    async with Process(botkit_redis_url, bot(parcels(), desk)) as process:
        await process.takes(says("hi", strange, ta=desk.ta))
        assert await chosen(process) == {strange}


async def test_a_record_that_cannot_be_read_is_left_out(botkit_redis_url: str) -> None:
    async with Process(botkit_redis_url, bot(parcels(), Desk())) as process:
        await process.hears("track", "ann")
        await process.hears("track", "ben")
        await process.store.call("HSET", process.store.keys.of(where("ann").key, "c")[0], "s", b"{broken")
        assert await chosen(process) == {"ben"}


async def test_everybody_is_read_in_pages_and_none_twice(botkit_redis_url: str) -> None:
    async with Process(botkit_redis_url, bot(parcels(), Desk())) as process:
        number = BATCH + 1
        shared = process.store.keys.partitions[0]["all"]
        names = [where(f"p{index}").key for index in range(number)]
        await process.store.call("ZADD", shared, *(part for name in names for part in (0, name)))
        pages = [page async for page in process.store.people()]
        assert [len(page) for page in pages] == [BATCH, 1]
        assert {person.cid for page in pages for person in page} == set(names)


# --- what cannot be a broadcast ---


@pytest.mark.parametrize(
    "message",
    [
        Raw(channel="desk", payload={}),
        Typing(),
        Delete(message_ids=("1",)),
        Edit(message_id="1", text="News!"),
    ],
)
async def test_what_is_about_one_conversation_is_no_broadcast(message: AnyMessage, botkit_redis_url: str) -> None:
    async with Process(botkit_redis_url, bot(parcels(), Desk())) as process:
        with pytest.raises(MessageError, match="cannot be a broadcast"):
            await planned(process, message=message)
        assert await process.store.broadcasts.list() == []


# --- the estimate and the books ---

CHARGED = SessionRules(
    starts_with="first_user_message",
    at_limit="charge",
    free_per_month=2,
    max_in_row=2,
    prices=Prices(session=Decimal("0.5"), message=Decimal("0.05"), by_country={"UA": Decimal("0.01")}),
)
SEED = SessionRules(prices=Prices(session=Decimal("0.5")))


@pytest.mark.parametrize("rules", [SEED, CHARGED, SessionRules(max_in_row=1, on_in_row="block", at_limit="hold")])
async def test_what_is_estimated_is_what_is_booked(rules: SessionRules, botkit_redis_url: str) -> None:
    desk = Desk(sessions=rules)
    async with Process(botkit_redis_url, bot(parcels(), desk)) as process:
        # Some whose session will be over, some who were answered in one that is open, some who said nothing since.
        for index in range(5):
            await process.hears("hi", f"old{index}")
        await process.advance(25 * 3600)
        for index in range(4):
            await process.hears("hello", f"answered{index}")
        for index in range(3):
            await process.hears("hi", f"new{index}")
        (before,) = await load_ledgers(process.store, month_of(process.clock.now()), ["desk:desk"])
        plan = await planned(process)
        await Broadcaster(process.bots[0], process.store, process.clock).start(plan.broadcast.id)
        await process.engine.settle()
        (after,) = await load_ledgers(process.store, month_of(process.clock.now()), ["desk:desk"])
        (lane,) = plan.lanes
        assert lane.recipients == 12
        assert lane.opens == after.sessions - before.sessions
        assert lane.within + lane.opens == after.messages - before.messages
        assert (lane.free, lane.charged) == (after.free - before.free, after.charged - before.charged)
        assert lane.stopped == after.stopped - before.stopped
        spent = after.total.get("EUR", Decimal(0)) - before.total.get("EUR", Decimal(0))
        assert plan.costs.get("EUR", Decimal(0)) == spent
        done = await process.store.broadcasts.load(plan.broadcast.id)
        assert done
        assert done.stage is Stage.DONE
        assert (done.tally.sent, done.tally.failed) == (12 - lane.stopped, lane.stopped)


async def test_the_loss_on_each_service_is_told_beforehand(botkit_redis_url: str, tmp_path: Path) -> None:
    accounts = [Telegram(ta="t"), Viber(ta="v")]
    async with BotTester([Bot("shop", routers=[parcels()], accounts=accounts)], botkit_redis_url, folder=tmp_path) as t:
        owner = next(iter(t.service.owners.values()))
        plan = await Broadcaster(owner.bot, t.store, t.clock).plan(Text(text="News!", silent=True))
        assert {lane.account.channel: lane.losses for lane in plan.lanes} == {
            "telegram": (),
            "viber": ("no silent",),
        }
