"""What the store tells of sessions and of months, on every kind of server that this machine has."""

from datetime import timedelta
from decimal import Decimal

from botkit.clock import Clock
from botkit.ledger import Cost, month_of
from botkit.redis.audit import audit
from botkit.redis.bounds import Bounds
from botkit.redis.ledger import OpenSession, list_sessions, load_ledgers
from botkit.redis.store import RedisStore
from botkit.session_rules import Heard, Prices, SessionRules
from botkit.store import Verdict
from botkit.turn import Counts, Queue, Turn
from tests.redis.conftest import MakeStore
from tests.redis.store_calls import ANN, BEN, SILENT, Raw, claim, claim_one, count, event, fail, ingest, key, post

ACCOUNT, MONTH = "viber:parcel", "202611"
PRICED = SessionRules(max_in_row=1, at_limit="charge", prices=Prices(session=Decimal("0.5")))


async def listed(store: RedisStore) -> list[OpenSession]:
    return [each async for each in list_sessions(store)]


async def spend(store: RedisStore, number: int, rules: SessionRules = PRICED, *, cid: str = ANN) -> Turn:
    turn = await post(store, number, cid=cid)
    counted = await store.count(turn, rules, account=ACCOUNT, month=MONTH, outside=True)
    assert counted.verdict in (Verdict.DONE, Verdict.OUTSIDE)
    return turn


# --- sessions ---


async def test_an_open_session_is_listed_until_it_ends(store: RedisStore, clock: Clock) -> None:
    await store.sent(await spend(store, 1), keep=False)
    (found,) = await listed(store)
    counts = found.counts
    assert (found.cid, found.account, found.queued, found.is_held) == (ANN, ACCOUNT, 0, False)
    assert (counts.sent, counts.in_row, counts.this_hour) == (1, 1, 1)
    assert counts.ends_ms - counts.started_ms == 86_400_000
    clock.advance(hours=23.99)
    assert len(await listed(store)) == 1
    clock.advance(hours=0.01)
    assert await listed(store) == []


async def test_a_session_that_the_person_opened_is_listed_with_its_account(store: RedisStore) -> None:
    await ingest(store, 1, answers=True)
    assert await listed(store) == []
    heard = Heard(SILENT, ACCOUNT, store.clock.now(), "UA")
    await store.ingest(ANN, event(2), b"", token="", window=60, heard=heard)
    (found,) = await listed(store)
    assert (found.account, found.counts.sent) == (ACCOUNT, 0)


async def test_a_conversation_whose_messages_are_held_is_listed_without_a_session(store: RedisStore) -> None:
    assert await count(store, await post(store, 1), SILENT) is Verdict.HELD
    assert [(each.cid, each.account, each.queued, each.is_held) for each in await listed(store)] == [
        (ANN, ACCOUNT, 1, True)
    ]


async def test_sessions_that_ended_long_ago_leave_the_list_when_others_begin(
    make_store: MakeStore, raw: Raw, clock: Clock
) -> None:
    store = make_store(bounds=Bounds(partitions=1))
    await store.sent(await spend(store, 1), keep=False)
    clock.advance(hours=47.9)
    await store.sent(await spend(store, 1, cid=BEN), keep=False)
    assert await raw.zcard("{bk:0}:ses") == 2, "the clock may be set back"
    clock.advance(hours=48.2)
    await store.sent(await spend(store, 1, cid=f"{BEN}2"), keep=False)
    assert await raw.zrange("{bk:0}:ses", 0, -1) == [f"{BEN}2".encode()]
    assert await audit(store) == []


async def test_a_forgotten_conversation_is_not_listed(store: RedisStore) -> None:
    await spend(store, 1)
    await store.forget(ANN)
    assert await listed(store) == []


async def test_after_a_reset_the_next_message_is_the_first_and_what_was_held_goes(store: RedisStore) -> None:
    rules = SessionRules(max_in_row=1)
    await store.sent(await spend(store, 1, rules), keep=False)
    assert await count(store, await post(store, 2), rules) is Verdict.HELD
    assert await claim(store, Queue.OUTBOX) is None
    assert await store.reset_session(ANN)
    assert await listed(store) == []
    assert (await store.load(ANN)).counts == Counts()
    assert await count(store, await claim_one(store, Queue.OUTBOX), rules) is Verdict.DONE
    assert (await store.load(ANN)).counts.sent == 1


async def test_a_conversation_without_a_session_has_none_to_reset(store: RedisStore) -> None:
    assert not await store.reset_session(ANN)


# --- the ledger ---


async def test_a_ledger_is_of_one_account_and_one_month(store: RedisStore) -> None:
    await store.sent(await spend(store, 1), keep=False)
    await spend(store, 1, cid=BEN)
    (found,) = await load_ledgers(store, MONTH)
    assert (found.account, found.sessions, found.messages) == (ACCOUNT, 2, 2), "of all partitions"
    assert found.costs == (Cost("session", 2, Decimal(1), "EUR"),)
    assert await load_ledgers(store, "202612") == []
    (empty,) = await load_ledgers(store, "202612", ["viber:other"])
    assert (empty.account, empty.sessions) == ("viber:other", 0)


async def test_free_messages_are_counted_for_the_account_and_not_for_each_conversation(store: RedisStore) -> None:
    bought = [await store.buy(ACCOUNT, MONTH, free=2, charged_as="") for _ in range(3)]
    assert bought == ["free", "free", ""]
    assert await store.buy(ACCOUNT, MONTH, free=2, charged_as="charged|UA|10000|EUR") == "charged|UA|10000|EUR"
    assert await store.buy(ACCOUNT, "202612", free=2, charged_as="") == "free"
    assert await store.buy("viber:other", MONTH, free=2, charged_as="") == "free"
    found = (await load_ledgers(store, MONTH, [ACCOUNT]))[0]
    assert (found.free, found.charged, found.costs) == (2, 1, (Cost("UA", 1, Decimal("0.01"), "EUR"),))


async def test_what_is_booked_for_a_month_is_kept_for_400_days(store: RedisStore, raw: Raw) -> None:
    await store.book(ACCOUNT, MONTH, {"billing|2": 3})
    await store.buy("viber:other", MONTH, free=1, charged_as="")
    names = [name async for name in raw.scan_iter("bk:{a:*")]
    assert len(names) == 2
    for name in names:
        assert 399 < timedelta(milliseconds=await raw.pttl(name)) / timedelta(days=1) <= 400
    assert (await load_ledgers(store, MONTH, [ACCOUNT]))[0].billing == {"2": 3}


async def test_an_account_s_name_may_hold_what_divides_the_entries(store: RedisStore) -> None:
    turn = await post(store, 1)
    await store.count(turn, PRICED, account="viber:a|b", month=MONTH, outside=False)
    assert [(each.account, each.messages) for each in await load_ledgers(store, MONTH)] == [("viber:a|b", 1)]


async def test_entries_of_two_years_ago_are_removed_when_a_ledger_is_read(store: RedisStore, raw: Raw) -> None:
    now = store.clock.now()
    first = now.replace(year=now.year - 2, day=1)
    kept, gone = month_of(first), month_of(first - timedelta(days=1))
    for number, month in enumerate((kept, gone)):
        await store.count(await post(store, number), PRICED, account=ACCOUNT, month=month, outside=True)
        await store.claim(Queue.OUTBOX, 1)
        store.clock.advance(seconds=11)
    await load_ledgers(store, MONTH)
    names = [str(name) async for shelf in raw.scan_iter("*:led") for name in await raw.hkeys(shelf)]
    assert {name.split("|")[1] for name in names} == {kept}


async def test_a_message_that_is_held_again_and_again_is_booked_as_held_once(store: RedisStore) -> None:
    await count(store, await post(store, 1), SILENT)
    for number in (1, 2):
        await ingest(store, number, answers=True)
        assert await count(store, await claim_one(store, Queue.OUTBOX), SILENT) is Verdict.HELD
    assert (await load_ledgers(store, MONTH))[0].held == 1


async def test_a_refund_is_booked_once_and_takes_the_session_s_price_back(store: RedisStore) -> None:
    turn = await spend(store, 1)
    await fail(store, turn, refund=True)
    await fail(store, turn, refund=True)
    (found,) = await load_ledgers(store, MONTH)
    assert (found.sessions, found.messages, found.refunded, found.costs) == (0, 0, 1, ())
    assert await listed(store) == []


async def test_a_month_s_key_has_a_slot_of_its_own(store: RedisStore, raw: Raw) -> None:
    await store.buy("viber:}{", MONTH, free=1, charged_as="")
    (name,) = [name async for name in raw.scan_iter("bk:{*")]
    assert name.startswith(b"bk:{a:")
    assert name.endswith(b"}:mon:202611")


async def test_what_is_held_until_a_time_is_due_then_and_told_so(store: RedisStore, clock: Clock) -> None:
    turn = await post(store, 1)
    soon = round(clock.timestamp() * 1000) + 5000
    counted = await store.count(turn, SILENT, account=ACCOUNT, month=MONTH, outside=False, expires_ms=soon)
    assert (counted.verdict, counted.why) == (Verdict.HELD, "session")
    waiting = await store.claim(Queue.OUTBOX, 10)
    assert waiting.turns == []
    assert waiting.next_due is not None
    # The two clocks are read a moment apart, and rounded.
    assert 3 < waiting.next_due < 5.1
    clock.advance(seconds=6)
    turn = await claim_one(store, Queue.OUTBOX)
    assert turn.attempts == 1
    late = await store.count(turn, SILENT, account=ACCOUNT, month=MONTH, outside=False, expires_ms=soon)
    assert (late.verdict, late.why) == (Verdict.LIMIT, "expired")


async def test_what_is_held_for_the_person_is_due_at_no_time(store: RedisStore) -> None:
    assert await count(store, await post(store, 1), SILENT) is Verdict.HELD
    assert (await store.claim(Queue.OUTBOX, 10)).next_due is None
    assert await store.enqueue(ANN, key(2), b"")
