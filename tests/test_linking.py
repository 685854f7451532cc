"""One person across channels: who shares a number is found by it, and forgotten with the conversation."""

import pytest
from msgspec.structs import replace

from botkit.addresses import AddressKind
from botkit.contacts import find_conversation
from botkit.context import Context
from botkit.events import Event, MessageReceived, SharedContact, Subscribed, Unsubscribed
from botkit.flow import Flow
from botkit.linking import told_phone
from botkit.router import Router
from tests.desk import Desk, Process, bot, happens, says, where

PHONE, OTHER = "+385910000001", "+385910000002"


class PhoneDesk(Desk):
    """A desk that writes to numbers."""

    address = AddressKind.PHONE


def shares(phone: str, *, is_own: bool = True) -> MessageReceived:
    return replace(says("my number"), contact=SharedContact(phone, "Olena", is_own=is_own))


def known(phone: str) -> Event:
    event = happens(Subscribed)
    assert event.user
    return replace(event, user=replace(event.user, phone=phone))


@pytest.fixture
def router() -> Router[Flow]:
    router = Router()

    @router.text("^number$")
    async def tell(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.reply(ctx.phone or "unknown")

    @router.text("^link (?P<number>.+)$")
    async def link(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.link_phone(ctx.match["number"].strip("-"))

    @router.text("^break$")
    async def fail(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.link_phone(OTHER)
        raise RuntimeError("on purpose")

    return router


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.mark.parametrize("event", [shares("385 91 000 0001"), known("+385910000001")], ids=["shared", "told"])
async def test_a_number_that_is_proved_to_be_theirs_links_the_person(
    botkit_redis_url: str, router: Router[Flow], desk: Desk, event: Event
) -> None:
    async with Process(botkit_redis_url, bot(router, desk)) as process:
        await process.takes(event)
        await process.hears("number")
        assert desk.texts == [PHONE]
        assert (await process.store.contacts.load(PHONE)).on(desk.account) == "olena"


@pytest.mark.parametrize("event", [shares(PHONE, is_own=False), shares("12"), says(PHONE)], ids=["other", "no", "text"])
async def test_nothing_else_does(botkit_redis_url: str, router: Router[Flow], desk: Desk, event: Event) -> None:
    assert told_phone(event) == ""
    async with Process(botkit_redis_url, bot(router, desk)) as process:
        await process.takes(event)
        await process.hears("number")
        assert desk.texts == ["unknown"]
        assert (await process.store.contacts.load(PHONE)).conversations == ()


async def test_another_number_takes_the_place_of_the_first(
    botkit_redis_url: str, router: Router[Flow], desk: Desk
) -> None:
    async with Process(botkit_redis_url, bot(router, desk)) as process:
        await process.takes(shares(PHONE))
        await process.hears(f"link {OTHER}")
        await process.hears("number")
        assert desk.texts == [OTHER]
        assert (await process.store.contacts.load(PHONE)).conversations == ()
        assert (await process.store.contacts.load(OTHER)).conversations == (where(),)
        await process.hears("link --")
        assert (await process.store.contacts.load(OTHER)).conversations == ()


async def test_a_handler_that_raises_links_nobody(botkit_redis_url: str, router: Router[Flow], desk: Desk) -> None:
    async with Process(botkit_redis_url, bot(router, desk)) as process:
        await process.hears("break")
        assert (await process.store.contacts.load(OTHER)).conversations == ()


async def test_whoever_is_forgotten_is_no_longer_found(botkit_redis_url: str, router: Router[Flow], desk: Desk) -> None:
    async with Process(botkit_redis_url, bot(router, desk)) as process:
        await process.takes(shares(PHONE))
        await process.engine.settle()
        await process.store.forget(where().key)
        assert (await process.store.contacts.load(PHONE)).conversations == ()


async def test_an_account_that_writes_to_numbers_needs_no_link(botkit_redis_url: str, router: Router[Flow]) -> None:
    sms, desk = PhoneDesk(ta="sms"), Desk()
    async with Process(botkit_redis_url, bot(router, sms, desk)) as process:
        await process.takes(says("number", PHONE, ta="sms"))
        await process.engine.settle()
        assert sms.texts == [PHONE]
        assert await find_conversation(process.store.contacts, sms, PHONE) == PHONE
        assert await find_conversation(process.store.contacts, desk, PHONE) == ""
        await process.takes(shares(PHONE))
        await process.engine.settle()
        assert await find_conversation(process.store.contacts, desk, PHONE) == "olena"
        assert await find_conversation(process.store.contacts, desk, "") == ""


class Leaving(PhoneDesk):
    """A gateway's desk, of which one takes leave with a word; by its name, on one network or another."""

    stays_away = True

    @property
    def network(self) -> str:
        return self.ta.partition("-")[0]


def leaves(desk: Desk, kind: type[Event]) -> Event:
    return replace(happens(kind), id=f"{kind.__name__:x<22}"[:22], conversation=where(PHONE, ta=desk.ta))


@pytest.mark.parametrize(
    ("other", "hears"),
    [(Leaving(ta="sms-two"), []), (Leaving(ta="viber-one"), ["hi"]), (PhoneDesk(ta="sms-three"), ["hi"])],
    ids=["the same network", "another network", "nobody can take leave there"],
)
async def test_who_takes_leave_of_a_bot_does_so_on_the_whole_network(
    botkit_redis_url: str, other: Desk, hears: list[str]
) -> None:
    first, router = Leaving(ta="sms-one"), Router()

    @router.text("^tell$")
    async def tell(event: MessageReceived, ctx: Context[Flow]) -> None:
        ctx.send(where(PHONE, ta=other.ta), "hi")

    async with Process(botkit_redis_url, bot(router, first, other, Desk())) as process:
        await process.takes(leaves(first, Unsubscribed))
        await process.hears("tell")
        assert other.texts == hears
        await process.takes(leaves(first, Subscribed))
        await process.hears("tell")
        assert other.texts == [*hears, "hi"]


async def test_another_bot_of_the_service_is_not_meant(botkit_redis_url: str) -> None:
    first, second = Leaving(ta="sms-one"), Leaving(ta="sms-two")
    bots = [bot(Router(), first, name="shop"), bot(Router(), second, name="bank")]
    async with Process(botkit_redis_url, *bots) as process:
        await process.takes(leaves(first, Unsubscribed))
        await process.engine.settle()
        assert await process.store.consents.has_stopped(PHONE, "shop:sms")
        assert not await process.store.consents.has_stopped(PHONE, "bank:sms")
