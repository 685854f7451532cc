"""When a message may go out: rates and rests that processes share, and a process's own view of services in trouble."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from botkit.accounts import Bucket
from botkit.adapter import Adapter
from botkit.clock import Clock
from botkit.conversation import Account, Conversation
from botkit.governor import FAILURES, Circuit, Governor, Hold, is_shared
from botkit.messages import AnyMessage, Text, Typing
from botkit.outgoing import Hop, Outgoing, Trail
from botkit.pace import Pace, Paces
from botkit.redis.accounts import RedisAccounts
from botkit.redis.store import RedisStore
from botkit.turn import Record, Turn
from tests.conftest import Servers
from tests.desk import Desk

SHOP, HOTEL = Account("viber", "shop"), Account("viber", "hotel")

# --- rates and rests ---

HELLO = Text(text="hello")
# Two at once, then one in ten seconds.
SLOW = Pace(4, 30, burst=2)


class Counting:
    """The accounts of a store, and how often they were asked."""

    def __init__(self, accounts: RedisAccounts) -> None:
        self.calls = 0
        self._accounts = accounts

    async def take(self, account: Account, buckets: Sequence[Bucket]) -> tuple[float, float]:
        self.calls += 1
        return await self._accounts.take(account, buckets)

    async def rest(self, account: Account, seconds: float) -> None:
        await self._accounts.rest(account, seconds)


class Process:
    """One process's governor."""

    def __init__(self, store: RedisStore, clock: Clock) -> None:
        self.accounts = Counting(store.accounts)
        self.governor = Governor(self.accounts, clock)

    async def ask(
        self, desk: Adapter, message: AnyMessage = HELLO, *, broadcast: str = "", paced_ms: int = 0
    ) -> Hold | None:
        to = Conversation(desk.account, "olena")
        turn = Turn(to.key, "token", "k" * 24, b"", 1, Record(paced_ms=paced_ms))
        outgoing = Outgoing("k" * 24, ("desk", desk.ta), "olena", message, broadcast=broadcast)
        # As an outbox asks.
        return (
            None if self.governor.lets_pass(desk, to, outgoing) else await self.governor.wait(desk, to, turn, outgoing)
        )

    async def let_through(self, desk: Adapter, number: int, broadcast: str = "") -> int:
        """Returns how many of so many messages may go out at once."""
        return [await self.ask(desk, broadcast=broadcast) for _ in range(number)].count(None)


@asynccontextmanager
async def processes(redis_url: str, clock: Clock, number: int = 2) -> AsyncIterator[list[Process]]:
    prefix = f"t{uuid4().hex[:12]}"
    stores = [RedisStore(redis_url, clock=clock, prefix=prefix) for _ in range(number)]
    yield [Process(store, clock) for store in stores]
    for store in stores:
        await store.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def two(botkit_redis_url: str, clock: Clock) -> AsyncIterator[list[Process]]:
    async with processes(botkit_redis_url, clock) as found:
        yield found


def seconds(hold: Hold | None) -> float:
    return hold.seconds if hold else 0


def desk(paces: Paces = Paces(), ta: str = "desk") -> Desk:  # noqa: B008 - frozen
    made = Desk(ta=ta)
    made.paces = paces
    return made


@given(st.lists(st.tuples(st.integers(0, 1), st.floats(0, 12)), min_size=1, max_size=40), st.booleans())
@settings(max_examples=25, deadline=None)
def test_in_any_window_all_processes_together_send_no_more_than_the_limit(
    servers: Servers, attempts: Sequence[tuple[int, float]], at_once: bool
) -> None:
    pace = Pace(4, 10, burst=4 if at_once else 0)
    sent: list[tuple[float, float]] = []

    async def send() -> None:
        clock = Clock()
        async with processes(servers.any_url(), clock) as both:
            account = desk(Paces(account=pace))
            for who, gap in attempts:
                clock.advance(seconds=gap)
                before = clock.timestamp()
                if await both[who].ask(account) is None:
                    sent.append((before, clock.timestamp()))

    asyncio.run(send())
    # The instant of a send lies between the two that were measured.
    for (first, _), (_, last) in zip(sent, sent[pace.limit :], strict=False):
        assert last - first >= pace.seconds


async def test_what_is_told_to_wait_may_go_when_it_comes_back_and_not_before(two: list[Process], clock: Clock) -> None:
    shop = desk(Paces(account=SLOW))
    assert await two[0].let_through(shop, 2) == 2
    hold = await two[1].ask(shop)
    assert hold
    assert hold.is_pace
    assert hold.seconds == pytest.approx(10, abs=0.5)
    clock.advance(seconds=hold.seconds - 0.5)
    assert await two[1].ask(shop)
    clock.advance(seconds=0.5)
    assert await two[1].ask(shop) is None


async def test_those_who_wait_are_told_a_time_each(two: list[Process]) -> None:
    shop = desk(Paces(account=SLOW))
    await two[0].let_through(shop, 2)
    holds = [await process.ask(shop) for process in (*two, *two)]
    assert [round(hold.seconds / 10) for hold in holds if hold] == [1, 2, 3, 4]


async def test_an_account_has_its_rate_for_itself(two: list[Process]) -> None:
    shop, hotel = desk(Paces(account=SLOW)), desk(Paces(account=SLOW), ta="hotel")
    await two[0].let_through(shop, 3)
    assert await two[0].ask(hotel) is None


async def test_a_server_s_clock_that_is_set_back_stops_nobody(two: list[Process], clock: Clock) -> None:
    shop = desk(Paces(account=SLOW, chat=SLOW))
    assert await two[0].let_through(shop, 2) == 2
    used_until = round(1000 * clock.timestamp()) + 20_000
    clock.advance(days=-1)
    assert await two[0].ask(shop, paced_ms=used_until) is None


async def test_replies_pass_a_broadcast_that_takes_all_it_can_get(two: list[Process], clock: Clock) -> None:
    shop = desk(Paces(account=Pace(10, 60, burst=5)))
    assert await two[0].let_through(shop, 9, broadcast="b/0") == 2, "three of five are left"
    assert await two[1].let_through(shop, 9) == 3
    clock.advance(seconds=10)
    assert await two[0].ask(shop, broadcast="b/1"), "one came back, and it is not enough"
    assert await two[1].ask(shop) is None


async def test_a_broadcast_goes_on_as_soon_as_enough_is_left(two: list[Process], clock: Clock) -> None:
    shop = desk(Paces(account=Pace(10, 60, burst=5)))
    assert await two[0].let_through(shop, 3, broadcast="b/0") == 2
    clock.advance(seconds=9.5)
    assert await two[0].ask(shop, broadcast="b/0")
    clock.advance(seconds=0.6)
    assert await two[0].ask(shop, broadcast="b/0") is None


async def test_a_broadcast_that_waits_does_not_send_replies_to_the_end_of_the_line(two: list[Process]) -> None:
    shop = desk(Paces(account=SLOW))
    await two[0].let_through(shop, 9, broadcast="b/0")
    assert await two[0].let_through(shop, 1) == 1
    assert 0 < seconds(await two[1].ask(shop)) <= 10


async def test_an_account_with_a_burst_of_one_sends_broadcasts_too(two: list[Process]) -> None:
    assert await two[0].ask(desk(Paces(account=Pace(1, 60))), broadcast="b/0") is None


async def test_where_one_request_is_for_many_it_is_the_request_that_the_pace_of_broadcasts_counts(
    two: list[Process],
) -> None:
    shop = desk(Paces(broadcast=SLOW))
    shop.max_receivers = 300  # type: ignore[misc]  # this desk takes one request for many
    assert await two[0].let_through(shop, 9, broadcast="b/0") == 9
    assert [await two[n % 2].governor.wait_to_broadcast(shop) for n in range(3)].count(None) == 2


async def test_an_account_s_pace_counts_requests_for_many_where_that_is_what_its_service_counts(
    two: list[Process],
) -> None:
    shop = desk(Paces(account=Pace(8, 70, burst=4)))
    shop.max_receivers = 300  # type: ignore[misc]  # this desk takes one request for many
    shop.counts_requests = True  # type: ignore[misc]
    assert await two[0].let_through(shop, 9, broadcast="b/0") == 9
    # Half of the burst is left for replies, which are requests of their own; those for many take a little of it.
    assert [await two[n % 2].governor.wait_to_broadcast(shop) for n in range(4)].count(None) == 2
    assert await two[1].let_through(shop, 3) == 1


async def test_requests_for_many_are_further_apart_than_the_account_s_pace_asks(
    two: list[Process], clock: Clock
) -> None:
    shop = desk(Paces(account=Pace(2, 10, burst=1)))
    shop.max_receivers = 300  # type: ignore[misc]  # this desk takes one request for many
    shop.counts_requests = True  # type: ignore[misc]
    assert await two[0].governor.wait_to_broadcast(shop) is None
    clock.advance(seconds=5.2)
    assert await two[1].governor.wait_to_broadcast(shop)
    clock.advance(seconds=0.8)
    assert await two[1].governor.wait_to_broadcast(shop) is None


async def test_an_account_s_pace_counts_messages_unless_its_service_counts_requests(two: list[Process]) -> None:
    shop = desk(Paces(account=SLOW))
    shop.max_receivers = 300  # type: ignore[misc]  # this desk takes one request for many
    assert await two[0].let_through(shop, 9, broadcast="b/0") == 1
    assert [await two[n % 2].governor.wait_to_broadcast(shop) for n in range(3)].count(None) == 3


def test_what_a_service_sends_on_by_itself_is_in_no_request_with_others() -> None:
    shop = desk(Paces())
    shop.max_receivers = 300  # type: ignore[misc]  # this desk takes one request for many
    hops = (Hop(("viber", "shop")), Hop(("viber", "hotel")))
    one = Outgoing("k", ("viber", "shop"), "olena", HELLO, broadcast="b")
    ways = Trail(("viber", "shop", "olena"), hops, HELLO)
    assert is_shared(shop, one)
    assert is_shared(shop, replace(one, trail=ways))
    assert not is_shared(shop, replace(one, trail=replace(ways, joined=2)))
    assert not is_shared(shop, replace(one, broadcast=""))


async def test_a_broadcast_has_a_pace_of_its_own_that_replies_know_nothing_of(two: list[Process]) -> None:
    shop = desk(Paces(broadcast=SLOW))
    assert await two[0].let_through(shop, 9, broadcast="b/0") == 2
    assert await two[1].let_through(shop, 1, broadcast="b/0") == 0
    assert await two[1].let_through(shop, 9) == 9


async def test_what_one_rate_refuses_takes_nothing_from_the_other(two: list[Process]) -> None:
    shop = desk(Paces(account=Pace(40, 60, burst=20), broadcast=SLOW))
    assert await two[0].let_through(shop, 30, broadcast="b/0") == 2
    assert await two[0].let_through(shop, 30) == 18


async def test_what_is_worth_nothing_later_takes_nothing(two: list[Process]) -> None:
    shop = desk(Paces(account=SLOW, chat=SLOW))
    far = round(1000 * (two[0].governor._clock.timestamp() + 25))
    assert [await two[0].ask(shop, Typing(), paced_ms=far) for _ in range(5)] == [None] * 5
    assert await two[0].let_through(shop, 3) == 2


@pytest.mark.parametrize(("ahead", "wait"), [(9, 0), (10, 0), (15, 5), (20, 10)])
async def test_a_conversation_waits_for_its_own_pace_without_a_question(
    two: list[Process], clock: Clock, ahead: float, wait: float
) -> None:
    shop = desk(Paces(chat=SLOW))
    await two[0].ask(shop)
    hold = await two[0].ask(shop, paced_ms=round(1000 * (clock.timestamp() + ahead)))
    assert seconds(hold) == pytest.approx(wait, abs=0.1)
    assert two[0].accounts.calls == 1


# --- rests ---

PACES = [Paces(), Paces(account=Pace(1000, 1))]
with_and_without_a_rate = pytest.mark.parametrize("paces", PACES, ids=["without a rate", "with a rate"])


@with_and_without_a_rate
async def test_a_429_rests_the_account_in_every_process_for_exactly_as_long_as_it_says(
    two: list[Process], clock: Clock, paces: Paces
) -> None:
    shop, hotel = desk(paces), desk(paces, ta="hotel")
    await two[0].governor.pause(shop.account, 7)
    for process in two:
        assert seconds(await process.ask(shop)) == pytest.approx(7, abs=0.5)
        assert await process.ask(shop, Typing()), "not even what is worth nothing later"
        assert await process.ask(hotel) is None
    clock.advance(seconds=6.5)
    assert [bool(await process.ask(shop)) for process in two] == [True, True]
    clock.advance(seconds=0.6)
    assert [await process.ask(shop) for process in (*two, *two)] == [None] * 4, "everybody may try, not one probe"


@with_and_without_a_rate
async def test_a_shorter_429_does_not_shorten_the_rest(two: list[Process], clock: Clock, paces: Paces) -> None:
    shop = desk(paces)
    await two[0].governor.pause(shop.account, 7)
    await two[1].governor.pause(shop.account, 1)
    clock.advance(seconds=2)
    for process in two:
        assert seconds(await process.ask(shop)) == pytest.approx(5, abs=0.5)


async def test_a_process_that_joins_later_rests_too(botkit_redis_url: str, clock: Clock) -> None:
    async with processes(botkit_redis_url, clock, 3) as (first, *others):
        await first.governor.pause(desk().account, 7)
        assert all([await process.ask(desk()) for process in others])


async def test_an_account_without_a_rate_is_asked_for_once_a_second(two: list[Process], clock: Clock) -> None:
    sender, other = two
    assert await sender.let_through(desk(), 20) == 20
    assert sender.accounts.calls == 1
    await other.governor.pause(desk().account, 30)
    clock.advance(seconds=1.1)
    assert await sender.ask(desk())
    assert sender.accounts.calls == 2


async def test_what_worked_meanwhile_does_not_end_the_rest_of_a_429(two: list[Process]) -> None:
    await two[0].governor.pause(desk().account, 7)
    two[0].governor.worked(desk().account)
    assert await two[0].ask(desk())


async def test_a_429_in_answer_to_a_probe_rests_the_account_as_long_as_it_says(
    two: list[Process], clock: Clock
) -> None:
    process, account = two[0], desk().account
    for _ in range(FAILURES):
        process.governor.failed(account)
    clock.advance(seconds=5.1)
    assert await process.ask(desk()) is None
    await process.governor.pause(account, 30)
    clock.advance(seconds=29)
    assert seconds(await process.ask(desk())) == pytest.approx(1, abs=0.5)


# --- services in trouble ---


async def test_an_account_whose_service_has_trouble_rests_until_it_answers(two: list[Process]) -> None:
    process = two[0]
    assert await process.let_through(desk(), 2) == 2
    for _ in range(FAILURES):
        process.governor.failed(desk().account)
    # The news of other processes are as fresh as before.
    assert seconds(await process.ask(desk())) == pytest.approx(5, abs=0.5)
    process.governor.worked(desk().account)
    assert await process.ask(desk()) is None


class Watch:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def circuit(watch: Watch) -> Circuit:
    return Circuit(watch)


def fail(circuit: Circuit, times: int) -> None:
    for _ in range(times):
        circuit.failed(SHOP)


def test_an_account_that_nothing_is_known_of_may_send(circuit: Circuit) -> None:
    assert circuit.wait(SHOP) == 0


def test_nine_failures_in_a_row_change_nothing_and_the_tenth_rests_the_account(circuit: Circuit) -> None:
    fail(circuit, FAILURES - 1)
    assert circuit.wait(SHOP) == 0
    circuit.failed(SHOP)
    assert circuit.wait(SHOP) == 5
    assert circuit.wait(HOTEL) == 0


def test_a_success_in_between_begins_the_count_anew(circuit: Circuit) -> None:
    fail(circuit, FAILURES - 1)
    circuit.worked(SHOP)
    fail(circuit, FAILURES - 1)
    assert circuit.wait(SHOP) == 0


def test_after_the_rest_one_probe_is_let_through(circuit: Circuit, watch: Watch) -> None:
    fail(circuit, FAILURES)
    watch.seconds += 5
    assert circuit.wait(SHOP) == 0
    assert circuit.wait(SHOP) == 5, "the others wait for what becomes of the probe"


def test_each_failed_probe_doubles_the_rest_up_to_a_minute(circuit: Circuit, watch: Watch) -> None:
    fail(circuit, FAILURES)
    rests = []
    for _ in range(6):
        rests.append(circuit.wait(SHOP))
        watch.seconds += rests[-1]
        assert circuit.wait(SHOP) == 0
        circuit.failed(SHOP)
    assert rests == [5, 10, 20, 40, 60, 60]


def test_failures_that_were_on_their_way_when_the_rest_began_do_not_prolong_it(circuit: Circuit, watch: Watch) -> None:
    fail(circuit, FAILURES)
    watch.seconds += 1
    fail(circuit, 20)
    assert circuit.wait(SHOP) == 4


def test_a_probe_that_works_ends_the_rest_for_everybody(circuit: Circuit, watch: Watch) -> None:
    fail(circuit, FAILURES)
    watch.seconds += 5
    assert circuit.wait(SHOP) == 0
    circuit.worked(SHOP)
    assert circuit.wait(SHOP) == 0
    assert circuit.wait(SHOP) == 0
    fail(circuit, FAILURES - 1)
    assert circuit.wait(SHOP) == 0


def test_a_probe_that_never_ends_is_followed_by_another(circuit: Circuit, watch: Watch) -> None:
    fail(circuit, FAILURES)
    watch.seconds += 5
    assert circuit.wait(SHOP) == 0
    watch.seconds += 5
    assert circuit.wait(SHOP) == 0
