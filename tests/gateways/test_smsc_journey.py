from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from botkit.bot import Bot
from botkit.broadcaster import Broadcaster
from botkit.context import Context
from botkit.events import MessageDelivered, MessageReceived, Subscribed, Unsubscribed
from botkit.flow import Flow
from botkit.gateways.smsc import Smsc, SmscContacts
from botkit.messages import Text
from botkit.router import Router
from botkit.simulators.simulator import phone_number
from botkit.simulators.smsc import SmscSimulator
from botkit.simulators.wire import Fault
from botkit.testing import BotTester, Visitor
from tests.gateways.smsc_desk import read_form


class Shop:
    """A bot on text messages, and what its handlers have heard."""

    def __init__(self, **settings: str) -> None:
        self.heard: list[str] = []
        self.router = Router()
        self.router.on(Subscribed)(self.note)
        self.router.on(Unsubscribed)(self.note)
        self.router.on(MessageDelivered)(self.deliver)
        self.router.on(MessageReceived)(self.answer)
        self.bot = Bot("shop", routers=[self.router], accounts=[Smsc.from_env("SHOP_SMSC", settings)])

    async def note(self, event: Subscribed | Unsubscribed, ctx: Context[Flow]) -> None:
        self.heard.append(type(event).__name__)
        ctx.reply("Noted")

    async def deliver(self, event: MessageDelivered, ctx: Context[Flow]) -> None:
        self.heard.append(f"delivered {bool(event.message_key)}")

    async def answer(self, event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.reply(f"You said: {event.text}")


class Journey:
    """Ana and the shop, with a look at the service's lists."""

    def __init__(self, tester: BotTester, shop: Shop) -> None:
        self.tester = tester
        self.shop = shop
        self.ana: Visitor = tester.user("Ana", channel="smsc")
        self.adapter = tester.service.owners[self.ana.account].adapter
        service = tester.simulator("smsc")
        assert isinstance(service, SmscSimulator)
        self.service = service

    @property
    def blocked(self) -> list[tuple[str, str]]:
        """Who is on the blacklist, and why."""
        client = self.service.client(self.ana.account.ta)
        return [(f"+{record.phone}", record.comment) for record in client.blacklist]

    @property
    def contacts(self) -> SmscContacts:
        """The account's own lists."""
        assert isinstance(self.adapter, Smsc)
        return self.adapter.contacts(self.tester.service._clients[self.ana.account])

    @property
    def sent(self) -> list[bytes]:
        """The forms of what was sent."""
        return [exchange.request for exchange in self.service.wire.calls("send")]

    async def polls(self) -> None:
        """Lets the account ask when it is next due, and does all that this leads to."""
        await self.tester.advance(seconds=61)
        await self.tester.service.engine.poll_once()
        await self.tester.settle()


@pytest.fixture
async def journey(botkit_redis_url: str, tmp_path: Path) -> AsyncIterator[Journey]:
    shop = Shop()
    async with BotTester([shop.bot], botkit_redis_url, folder=tmp_path) as tester:
        yield Journey(tester, shop)


async def test_a_text_message_is_answered_and_the_answer_is_followed_to_its_delivery(journey: Journey) -> None:
    await journey.ana.says("Привет")
    assert journey.ana.received == ["You said: Привет"]
    assert journey.shop.heard == ["delivered True"]


async def test_who_writes_stop_is_on_the_blacklist_and_hears_nothing_until_they_write_start(journey: Journey) -> None:
    await journey.ana.says("STOP")
    number, mark = phone_number(journey.ana.person), f"botkit {journey.ana.account.ta}"
    assert journey.blocked == [(number, mark)]
    assert journey.ana.received == []
    await journey.ana.says("start")
    assert journey.blocked == []
    assert journey.ana.received == ["Noted"]
    assert journey.shop.heard[:2] == ["Unsubscribed", "Subscribed"]


@pytest.mark.parametrize("arrived", [True, False])
async def test_the_blacklist_is_told_again_where_the_service_had_trouble(journey: Journey, arrived: bool) -> None:
    journey.service.wire.faults.append(Fault(status=502, before=not arrived))
    await journey.ana.says("STOP")
    assert len(journey.blocked) == arrived
    await journey.tester.advance(seconds=61)
    assert {number for number, _ in journey.blocked} == {phone_number(journey.ana.person)}
    await journey.ana.says("START")
    assert journey.blocked == []


async def test_who_is_put_on_the_blacklist_by_hand_is_spared_and_back_when_taken_off(journey: Journey) -> None:
    await journey.ana.says("hello")
    record = await journey.contacts.block(phone_number(journey.ana.person), comment="called us")
    await journey.polls()
    assert journey.shop.heard[-1] == "Unsubscribed"
    assert journey.ana.received == ["You said: hello"]
    assert [comment for _, comment in journey.blocked] == ["called us"]
    await journey.contacts.unblock(record)
    await journey.polls()
    assert "Subscribed" in journey.shop.heard
    assert journey.ana.received == ["You said: hello", "Noted"]


async def test_a_message_whose_answer_was_lost_is_looked_up_and_not_sent_twice(journey: Journey) -> None:
    journey.service.wire.faults.append(Fault(drop=True, before=False))
    await journey.ana.says("hello")
    await journey.tester.advance(minutes=5)
    assert journey.ana.received == ["You said: hello"]
    assert len(journey.service.wire.calls("send")) == 1
    assert journey.shop.heard == ["delivered True"]


async def test_a_message_that_never_arrived_is_sent_again(journey: Journey) -> None:
    journey.service.wire.faults.append(Fault(drop=True))
    await journey.ana.says("hello")
    await journey.tester.advance(minutes=5)
    assert journey.ana.received == ["You said: hello"]


# --- broadcasts

GROUP = "12"


class Club(Journey):
    """Ana and Boris are in the group, Vera too but on the blacklist; Gleb is in another one, Dina in none."""

    def __init__(self, tester: BotTester, shop: Shop) -> None:
        super().__init__(tester, shop)
        self.people = {name: tester.user(name, channel="smsc") for name in ("Ana", "Boris", "Vera", "Gleb", "Dina")}

    async def gather(self) -> None:
        """Fills the lists, by hand."""
        numbers = {name: phone_number(visitor.person) for name, visitor in self.people.items()}
        for name in ("Ana", "Boris", "Vera"):
            await self.contacts.add(numbers[name], group=GROUP)
        await self.contacts.block(numbers["Vera"], comment="called us")
        await self.contacts.add(numbers["Gleb"], group=await self.contacts.add_group("Others"))
        await self.polls()

    async def tells(self, text: str) -> set[str]:
        """Sends a broadcast to everybody, and returns who has it."""
        broadcaster = Broadcaster(self.shop.bot, self.tester.store, self.tester.clock)
        plan = await broadcaster.plan(Text(text=text))
        assert await broadcaster.start(plan.broadcast.id)
        await self.tester.settle()
        return {name for name, visitor in self.people.items() if visitor.sees(text)}

    async def members(self) -> set[str]:
        """Who is in the group."""
        await self.tester.advance(seconds=61)
        found = {f"+{phone}" for each in await self.contacts.contacts(group=GROUP) for phone in each.phones}
        return {name for name, visitor in self.people.items() if phone_number(visitor.person) in found}


@pytest.fixture
async def club(botkit_redis_url: str, tmp_path: Path) -> AsyncIterator[Club]:
    shop = Shop(SHOP_SMSC_GROUP=GROUP)
    async with BotTester([shop.bot], botkit_redis_url, folder=tmp_path) as tester:
        club = Club(tester, shop)
        await club.gather()
        yield club


async def test_a_broadcast_reaches_the_members_of_the_group_but_for_the_blacklist_and_nobody_else(club: Club) -> None:
    # They are known, but no members.
    for name in ("Dina", "Gleb"):
        await club.people[name].says("hello")
    assert await club.tells("Sale today") == {"Ana", "Boris"}
    sent = [form for form in map(read_form, club.sent) if form["mes"] == "Sale today"]
    assert sorted(number for form in sent for number in form["phones"].split(",")) == sorted(
        phone_number(club.people[name].person).removeprefix("+") for name in ("Ana", "Boris")
    )


async def test_who_says_stop_is_out_of_the_group_and_of_the_next_broadcast_and_back_after_start(club: Club) -> None:
    await club.ana.says("STOP")
    number = phone_number(club.ana.person)
    assert number in [phone for phone, _ in club.blocked]
    assert await club.members() == {"Boris"}
    await club.polls()
    assert await club.tells("Sale one") == {"Boris"}
    # To write is not to come back.
    await club.ana.says("what is this?")
    assert await club.tells("Sale two") == {"Boris"}
    heard = club.shop.heard.count("Subscribed")
    await club.ana.says("START")
    assert number not in [phone for phone, _ in club.blocked]
    assert await club.members() == {"Ana", "Boris"}
    await club.polls()
    assert await club.tells("Sale three") == {"Ana", "Boris"}
    assert club.shop.heard.count("Subscribed") == heard + 1


async def test_who_is_put_into_the_group_or_taken_out_of_it_by_hand_is_in_or_out_of_the_next_broadcast(
    club: Club,
) -> None:
    await club.contacts.leave(phone_number(club.people["Boris"].person), GROUP)
    await club.contacts.add(phone_number(club.people["Dina"].person), group=GROUP)
    await club.polls()
    (vera,) = [record for record in await club.contacts.blacklist() if record.comment == "called us"]
    await club.contacts.unblock(vera.id)
    await club.polls()
    assert await club.members() == {"Ana", "Dina", "Vera"}
    await club.polls()
    assert await club.tells("Sale today") == {"Ana", "Dina", "Vera"}


async def test_the_reports_of_two_equal_broadcasts_are_counted_apart(club: Club) -> None:
    for _ in range(2):
        await club.tells("Sale today")
        await club.tester.settle()
        await club.tester.advance(days=1)
    found = await club.tester.store.broadcasts.list()
    assert [(each.tally.sent, each.tally.delivered) for each in found] == [(2, 2), (2, 2)]
