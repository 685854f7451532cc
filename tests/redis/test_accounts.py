"""The rates and rests of accounts, on every kind of server; what they guarantee together is in `test_governor.py`."""

import pytest

from botkit.accounts import Bucket
from botkit.clock import Clock
from botkit.conversation import Account
from botkit.pace import Pace
from botkit.redis.store import RedisStore
from tests.redis.store_calls import Raw

SHOP = Account("viber", "shop{1}")
# One at a time, every ten seconds; three at once, then one in a second.
SLOW, QUICK = Bucket("rl", Pace(1, 10)), Bucket("br", Pace(3, 1, burst=3))


async def test_a_bucket_gives_its_burst_and_then_the_time_to_wait(store: RedisStore) -> None:
    answers = [await store.accounts.take(SHOP, [QUICK]) for _ in range(4)]
    assert answers[:3] == [(0, 0)] * 3
    rest, wait = answers[3]
    assert rest == 0
    assert 0.5 < wait <= 1


async def test_of_two_buckets_both_must_have_enough(store: RedisStore, clock: Clock) -> None:
    assert await store.accounts.take(SHOP, [SLOW, QUICK]) == (0, 0)
    _, wait = await store.accounts.take(SHOP, [SLOW, QUICK])
    assert 9 < wait <= 10
    assert [await store.accounts.take(SHOP, [QUICK]) for _ in range(2)] == [(0, 0)] * 2, "nothing was taken"
    clock.advance(seconds=11)
    assert await store.accounts.take(SHOP, [SLOW, QUICK]) == (0, 0)


async def test_a_rest_comes_before_any_bucket_and_takes_nothing(store: RedisStore, clock: Clock) -> None:
    await store.accounts.rest(SHOP, 5)
    for buckets in ([], [SLOW]):
        rest, wait = await store.accounts.take(SHOP, buckets)
        assert 4 < rest <= 5
        assert wait == 0
    clock.advance(seconds=6)
    assert await store.accounts.take(SHOP, [SLOW]) == (0, 0)


@pytest.mark.parametrize(("second", "rest"), [(1, 60), (90, 90)])
async def test_a_rest_may_become_longer_and_not_shorter(store: RedisStore, second: float, rest: float) -> None:
    await store.accounts.rest(SHOP, 60)
    await store.accounts.rest(SHOP, second)
    assert (await store.accounts.take(SHOP, []))[0] == pytest.approx(rest, abs=1)


async def test_nothing_of_an_account_is_kept_for_ever(store: RedisStore, raw: Raw) -> None:
    await store.accounts.rest(SHOP, 0.5)
    await store.accounts.take(Account("viber", "other"), [SLOW, QUICK])
    names = [name async for name in raw.scan_iter("*{a:*")]
    assert len(names) >= 2
    for name in names:
        assert 0 < await raw.pttl(name) <= 3_700_000


async def test_a_message_is_found_by_the_id_that_its_service_gave_it(store: RedisStore) -> None:
    await store.accounts.remember(SHOP, "m{1} 7", "+385910000001")
    assert await store.accounts.find(SHOP, "m{1} 7") == "+385910000001"
    assert await store.accounts.find(SHOP, "m2") == ""
    assert await store.accounts.find(Account("mitto", "shop{1}"), "m{1} 7") == ""


async def test_one_process_asks_at_a_time_and_the_next_when_it_is_due(store: RedisStore, clock: Clock) -> None:
    accounts = store.accounts
    assert await accounts.load_cursor(SHOP) == b""
    assert (await accounts.begin_poll(SHOP, "a", every=60, lease=10)).wait == 0
    assert 9 < (await accounts.begin_poll(SHOP, "b", every=60, lease=10)).wait <= 10
    await accounts.end_poll(SHOP, "a", every=60, cursor=b"\x00seen")
    assert await accounts.load_cursor(SHOP) == b"\x00seen"
    assert 59 < (await accounts.begin_poll(SHOP, "b", every=60, lease=10)).wait <= 60
    clock.advance(seconds=60)
    taken = await accounts.begin_poll(SHOP, "b", every=60, lease=10)
    assert (taken.wait, taken.cursor) == (0, b"\x00seen")


async def test_a_poll_whose_process_died_is_anothers_after_its_lease_and_keeps_its_cursor(
    store: RedisStore, clock: Clock
) -> None:
    accounts = store.accounts
    await accounts.begin_poll(SHOP, "a", every=60, lease=10)
    clock.advance(seconds=11)
    assert (await accounts.begin_poll(SHOP, "b", every=60, lease=10)).wait == 0
    await accounts.end_poll(SHOP, "a", every=60, cursor=b"too late")
    assert await accounts.load_cursor(SHOP) == b""
    await accounts.end_poll(SHOP, "b", every=60, cursor=b"in time")
    clock.advance(seconds=60)
    assert (await accounts.begin_poll(SHOP, "c", every=60, lease=10)).cursor == b"in time"


async def test_a_poll_without_an_answer_leaves_the_cursor(store: RedisStore, clock: Clock) -> None:
    accounts = store.accounts
    for cursor in (b"1", None):
        await accounts.begin_poll(SHOP, "a", every=60, lease=10)
        await accounts.end_poll(SHOP, "a", every=60, cursor=cursor)
        clock.advance(seconds=60)
    assert (await accounts.begin_poll(SHOP, "a", every=60, lease=10)).cursor == b"1"
