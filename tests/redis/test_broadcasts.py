"""What the store keeps of broadcasts, on every kind of server: stages, counters, who works on them, and their ends."""

from collections.abc import Sequence

import pytest

from botkit.broadcast import BEFORE, Broadcast, Bulk, Due, Fate, Progress, Segment, Spot, Stage, Tally
from botkit.clock import Clock
from botkit.conversation import Account, Conversation
from botkit.messages import Text
from botkit.redis.broadcasts import RedisBroadcasts
from botkit.redis.store import RedisStore
from tests.redis.conftest import MakeStore
from tests.redis.store_calls import ANN, BEN, Raw, everything, ingest, post

DAY = 86400
NEWS = Broadcast(
    "b1", "shop", Text(text="News!"), Segment(tags=("vip",)), (Account("viber", "a"), Account("viber", "b"))
)
FIRST = Spot("b1", 0, 0)


@pytest.fixture
def store(make_store: MakeStore) -> RedisStore:
    return make_store()


async def load(store: RedisStore) -> Progress:
    progress = await store.broadcasts.load("b1")
    assert progress
    return progress


async def brought_to(store: RedisStore, stage: Stage) -> None:
    await store.broadcasts.draft(NEWS)
    await store.broadcasts.add("b1", 0, ["olena", "petro"])
    ways = {
        Stage.DRAFT: (),
        Stage.RUNNING: (Stage.RUNNING,),
        Stage.PAUSED: (Stage.RUNNING, Stage.PAUSED),
        Stage.DONE: (Stage.RUNNING, Stage.DONE),
        Stage.CANCELLED: (Stage.CANCELLED,),
    }
    for step in ways[stage]:
        assert await store.broadcasts.move("b1", step)


async def test_a_draft_is_what_was_written_with_its_recipients_in_order(store: RedisStore) -> None:
    await store.broadcasts.draft(NEWS)
    await store.broadcasts.add("b1", 0, ["ann", "ben"])
    await store.broadcasts.add("b1", 0, ["eve"])
    await store.broadcasts.add("b1", 1, [f"p{number}" for number in range(1001)])
    progress = await load(store)
    assert (progress.broadcast, progress.stage) == (NEWS, Stage.DRAFT)
    assert progress.lanes == (Tally(total=3), Tally(total=1001))
    assert await store.broadcasts.recipients("b1", 0, 1, 3) == ["ben", "eve"]
    assert await store.broadcasts.recipients("b1", 1, 1000, 1100) == ["p1000"]


async def test_what_is_not_known_is_nothing(store: RedisStore) -> None:
    assert await store.broadcasts.load("b1") is None
    assert await store.broadcasts.list() == []
    assert await store.broadcasts.due() == Due([], None)
    assert not await store.broadcasts.move("b1", Stage.RUNNING)
    assert not await store.broadcasts.lead("b1", "t", 5)
    await store.broadcasts.note(FIRST, Fate.SENT)
    assert await store.broadcasts.load("b1") is None


@pytest.mark.parametrize("was", Stage)
@pytest.mark.parametrize("to", BEFORE)
async def test_each_stage_is_reached_from_some_and_from_itself(store: RedisStore, was: Stage, to: Stage) -> None:
    await brought_to(store, was)
    may = was in BEFORE[to] or was is to
    assert await store.broadcasts.move("b1", to) is may
    assert (await load(store)).stage is (to if may else was)


async def test_one_that_runs_or_is_paused_is_to_be_worked_on(store: RedisStore) -> None:
    await brought_to(store, Stage.RUNNING)
    assert (await store.broadcasts.due()).ids == ["b1"]
    await store.broadcasts.move("b1", Stage.PAUSED)
    assert (await store.broadcasts.due()).ids == ["b1"]
    await store.broadcasts.move("b1", Stage.CANCELLED)
    assert await store.broadcasts.due() == Due([], None)


async def test_one_for_later_is_due_at_its_time_also_when_it_was_paused(store: RedisStore, clock: Clock) -> None:
    await store.broadcasts.draft(NEWS)
    at_ms = round(1000 * (clock.timestamp() + 100))
    await store.broadcasts.move("b1", Stage.RUNNING, at_ms=at_ms)
    for stage in (Stage.PAUSED, Stage.RUNNING):
        assert await store.broadcasts.move("b1", stage)
        due = await store.broadcasts.due()
        assert due.ids == []
        assert due.next == pytest.approx(100, abs=5)
    clock.advance(seconds=101)
    assert (await store.broadcasts.due()).ids == ["b1"]


async def test_a_draft_is_gone_after_a_day_and_one_that_runs_stays(store: RedisStore, raw: Raw) -> None:
    await brought_to(store, Stage.DRAFT)
    keys = [store.keys.broadcast(kind, "b1") for kind in ("h", "to0")]
    assert all([0 < await raw.ttl(key) <= DAY for key in keys])
    await store.broadcasts.move("b1", Stage.RUNNING)
    assert [await raw.ttl(key) for key in keys] == [-1, -1]


async def test_the_name_of_one_that_is_gone_goes_when_they_are_listed(store: RedisStore, raw: Raw) -> None:
    await brought_to(store, Stage.DONE)
    await raw.delete(store.keys.broadcast("h", "b1"))
    assert await store.broadcasts.list() == []
    assert not await raw.zcard(store.keys.broadcasts("all"))


async def test_one_that_is_begun_while_they_are_listed_stays_listed(store: RedisStore, clock: Clock) -> None:
    async def accept(name: str, keys: Sequence[str], *args: str | bytes | int) -> int:
        # As long as a server takes that must be given the script first.
        for _ in range(3):
            await store.broadcasts.list()
        answer: int = await store._accept(name, keys, *args)
        return answer

    slow = RedisBroadcasts(store._script, store.call, accept, store.call, store.keys, clock)
    await slow.draft(NEWS)
    assert [each.broadcast for each in await store.broadcasts.list()] == [NEWS]


async def test_one_that_lost_its_name_has_it_again_when_it_runs(store: RedisStore, raw: Raw) -> None:
    await brought_to(store, Stage.DRAFT)
    await raw.delete(store.keys.broadcasts("all"))
    await store.broadcasts.move("b1", Stage.RUNNING)
    assert [each.broadcast for each in await store.broadcasts.list()] == [NEWS]


async def test_whoever_lists_them_takes_no_work_away(store: RedisStore, raw: Raw) -> None:
    await brought_to(store, Stage.RUNNING)
    h = store.keys.broadcast("h", "b1")
    await raw.rename(h, f"{h}.away")
    assert await store.broadcasts.list() == []
    await raw.rename(f"{h}.away", h)
    assert (await store.broadcasts.due()).ids == ["b1"]


@pytest.mark.parametrize("end", [Stage.DONE, Stage.CANCELLED])
async def test_after_its_end_nobody_s_name_is_kept_and_the_numbers_for_a_month(
    store: RedisStore, raw: Raw, end: Stage
) -> None:
    await brought_to(store, Stage.RUNNING)
    await store.broadcasts.move("b1", end)
    assert "olena" not in await everything(raw)
    assert 29 * DAY < await raw.ttl(store.keys.broadcast("h", "b1")) <= 30 * DAY
    ended = await load(store)
    assert ended.ended_ms >= ended.starts_ms >= ended.created_ms > 0
    assert ended.tally.total == 2


async def test_the_list_begins_with_the_newest(store: RedisStore, clock: Clock) -> None:
    for number in (1, 2):
        await store.broadcasts.draft(Broadcast(f"b{number}", "shop", NEWS.message, NEWS.segment, NEWS.accounts))
        clock.advance(seconds=1)
    assert [each.broadcast.id for each in await store.broadcasts.list()] == ["b2", "b1"]


# --- who works on it ---


async def test_one_leads_until_the_lease_is_over(store: RedisStore, clock: Clock) -> None:
    await brought_to(store, Stage.RUNNING)
    assert await store.broadcasts.lead("b1", "one", 10)
    assert not await store.broadcasts.lead("b1", "two", 10)
    clock.advance(seconds=8)
    assert await store.broadcasts.lead("b1", "one", 10)
    clock.advance(seconds=8)
    assert not await store.broadcasts.lead("b1", "two", 10)
    clock.advance(seconds=3)
    assert await store.broadcasts.lead("b1", "two", 10)
    assert not await store.broadcasts.lead("b1", "one", 10)


async def test_a_clock_that_is_set_back_keeps_nobody_out(store: RedisStore, clock: Clock) -> None:
    await brought_to(store, Stage.RUNNING)
    assert await store.broadcasts.lead("b1", "one", 10)
    clock.advance(seconds=-1000)
    assert await store.broadcasts.lead("b1", "two", 10)


async def test_only_who_knows_how_far_it_is_fed_takes_it_further(store: RedisStore) -> None:
    await brought_to(store, Stage.RUNNING)
    await store.broadcasts.feed("b1", 0, 0, 2)
    await store.broadcasts.feed("b1", 0, 0, 1)
    assert (await load(store)).lanes[0].fed == 2
    await store.broadcasts.feed("b1", 0, 2, 3)
    assert [lane.fed for lane in (await load(store)).lanes] == [3, 0]


# --- what became of it ---


async def test_the_first_end_stands_and_each_report_counts_once(store: RedisStore) -> None:
    await brought_to(store, Stage.RUNNING)
    for fate in (Fate.SENT, Fate.SENT, Fate.FAILED, Fate.SKIPPED):
        await store.broadcasts.note(FIRST, fate)
    for _ in range(2):
        await store.broadcasts.note(FIRST, Fate.DELIVERED, Fate.SEEN)
    await store.broadcasts.note(Spot("b1", 0, 1), Fate.SKIPPED)
    await store.broadcasts.note(Spot("b1", 1, 0), Fate.UNDELIVERED)
    first, second = (await load(store)).lanes
    assert first == Tally(total=2, sent=1, skipped=1, delivered=1, seen=1)
    assert second == Tally(undelivered=1)
    assert (await load(store)).tally.ended == 2


async def test_reports_count_after_the_end_as_well(store: RedisStore) -> None:
    await brought_to(store, Stage.DONE)
    await store.broadcasts.note(FIRST, Fate.DELIVERED)
    assert (await load(store)).tally.delivered == 1


# --- who can be written to ---


async def reachable(store: RedisStore) -> Sequence[bool]:
    return await store.broadcasts.reachable([ANN, BEN])


async def test_who_wrote_is_reachable_until_they_leave_or_are_forgotten(store: RedisStore) -> None:
    assert await reachable(store) == [False, False]
    for number, cid in ((1, ANN), (2, BEN)):
        await store.ingest(cid, f"{number:022}", b"event", token="", window=60, opens=True)
    assert await reachable(store) == [True, True]
    await store.ingest(ANN, "3" * 22, b"event", token="", window=60, opens=False)
    await store.forget(BEN)
    assert await reachable(store) == [False, False]


async def test_an_event_that_says_nothing_of_it_makes_nobody_reachable(store: RedisStore) -> None:
    await ingest(store, 1)
    assert [page async for page in store.people()] == []


async def test_everybody_comes_with_their_record_and_country(store: RedisStore, raw: Raw) -> None:
    await store.ingest(ANN, "1" * 22, b"event", token="", window=60, opens=True)
    await raw.hset(store.keys.of(ANN, "c")[0], mapping={"s": "state", "co": "SI", "g": "blocked"})
    await post(store, 1)
    ((ann,),) = [page async for page in store.people()]
    assert (ann.cid, ann.country, ann.place) == (ANN, "SI", b"")
    assert (ann.record.state, ann.record.gone, ann.record.queued) == (b"state", "blocked", 1)


async def test_a_key_that_does_not_tell_the_place_has_it_beside(store: RedisStore) -> None:
    place = Conversation(Account("viber", "a:b"), "ann")
    event = b'{"type":"message_received","conversation":{"account":{"channel":"viber","ta":"a:b"},"id":"ann"}}'
    await store.ingest(place.key, "1" * 22, event, token="", window=60, opens=True)
    ((ann,),) = [page async for page in store.people()]
    assert ann.place == b'{"account":{"channel":"viber","ta":"a:b"},"id":"ann"}'


async def test_whoever_is_listed_need_not_be_known_but_must_not_be_gone(store: RedisStore) -> None:
    assert await store.broadcasts.reachable([ANN, BEN], strangers=True) == [True, True]
    await store.ingest(ANN, "3" * 22, b"event", token="", window=60, opens=False)
    assert await store.broadcasts.reachable([ANN, BEN], strangers=True) == [False, True]


# --- lists ---

LISTED = Broadcast("b1", "shop", Text(text="News!"), Segment(), (Account("mitto", "a"),), bulk=Bulk("crm"))


async def test_whoever_is_listed_has_one_place_however_often(store: RedisStore) -> None:
    await store.broadcasts.draft(LISTED)
    assert await store.broadcasts.enlist("b1", 0, ["+1", "+2", "+1"]) == [0, 1, 0]
    assert await store.broadcasts.enlist("b1", 0, ["+2", "+3"]) == [1, 2]
    assert await store.broadcasts.recipients("b1", 0, 0, 10) == ["+1", "+2", "+3"]
    assert (await load(store)).tally.total == 3


async def test_a_long_list_keeps_its_order(store: RedisStore) -> None:
    await store.broadcasts.draft(LISTED)
    names = [f"+{number}" for number in range(1201)]
    assert await store.broadcasts.enlist("b1", 0, names) == list(range(1201))
    assert await store.broadcasts.recipients("b1", 0, 1199, 1300) == names[1199:]


async def test_one_that_has_begun_tells_places_and_takes_nobody_more(store: RedisStore) -> None:
    await store.broadcasts.draft(LISTED)
    await store.broadcasts.enlist("b1", 0, ["+1"])
    await store.broadcasts.move("b1", Stage.RUNNING)
    assert await store.broadcasts.enlist("b1", 0, ["+2", "+1"]) == [None, 0]
    assert (await load(store)).tally.total == 1


async def test_a_list_is_kept_as_long_as_its_numbers(store: RedisStore, raw: Raw) -> None:
    keys = [store.keys.broadcast(kind, "b1") for kind in ("h", "to0", "places0")]
    await store.broadcasts.draft(LISTED)
    await store.broadcasts.enlist("b1", 0, ["+1"])
    assert all([0 < await raw.ttl(key) <= DAY for key in keys])
    await store.broadcasts.move("b1", Stage.RUNNING)
    assert [await raw.ttl(key) for key in keys] == [-1, -1, -1]
    await store.broadcasts.move("b1", Stage.DONE)
    assert all([29 * DAY < await raw.ttl(key) <= 30 * DAY for key in keys])
    assert await store.broadcasts.recipients("b1", 0, 0, 2) == ["+1"]


async def test_each_recipient_s_end_is_kept(store: RedisStore) -> None:
    await store.broadcasts.draft(LISTED)
    await store.broadcasts.enlist("b1", 0, ["+1", "+2", "+3", "+4"])
    for place, fates in ((3, (Fate.SKIPPED, Fate.SENT)), (0, (Fate.SENT, Fate.DELIVERED)), (1, (Fate.FAILED,))):
        for fate in fates:
            await store.broadcasts.note(Spot("b1", 0, place), fate)
    assert await store.broadcasts.fates("b1", 0, 0, 5) == [Fate.SENT, Fate.FAILED, None, Fate.SKIPPED, None]
    assert await store.broadcasts.fates("b1", 0, 1, 3) == [Fate.FAILED, None]


# --- lists ---


async def listed(store: RedisStore, *people: str) -> Sequence[int | None]:
    return await store.broadcasts.enlist("b1", 0, people)


async def test_a_draft_that_is_begun_again_stays_what_it_has_become(store: RedisStore) -> None:
    await store.broadcasts.draft(NEWS)
    await listed(store, "ann")
    await store.broadcasts.move("b1", Stage.RUNNING)
    await store.broadcasts.draft(NEWS)
    progress = await load(store)
    assert (progress.stage, progress.tally.total) == (Stage.RUNNING, 1)


async def test_a_list_ends_with_its_draft_a_day_after_the_last_of_it(store: RedisStore, raw: Raw) -> None:
    await store.broadcasts.draft(NEWS)
    await listed(store, "ann")
    keys = [store.keys.broadcast(kind, "b1") for kind in ("h", "to0", "places0")]
    for key in keys:
        await raw.expire(key, 60)
    await listed(store, "ann")
    assert {await raw.ttl(key) for key in keys} == {60}
    await listed(store, "ben")
    assert all([DAY - 60 < await raw.ttl(key) <= DAY for key in keys])


async def test_several_fates_are_noted_and_each_counts_once(store: RedisStore) -> None:
    await brought_to(store, Stage.RUNNING)
    for _ in range(2):
        await store.broadcasts.note(FIRST, Fate.SENT)
        await store.broadcasts.note(FIRST, Fate.DELIVERED, Fate.SEEN)
    tally = (await load(store)).tally
    assert (tally.sent, tally.delivered, tally.seen) == (1, 1, 1)


@pytest.mark.parametrize(("start", "stop"), [(0, 20), (0, 1), (7, 9), (8, 16), (15, 20), (3, 4), (19, 40)])
async def test_the_best_that_was_reported_of_each_is_known(store: RedisStore, start: int, stop: int) -> None:
    await store.broadcasts.draft(NEWS)
    reported = {0: Fate.SEEN, 7: Fate.DELIVERED, 8: Fate.UNDELIVERED, 15: Fate.SEEN, 19: Fate.DELIVERED}
    for index, fate in reported.items():
        fates = (Fate.DELIVERED, Fate.SEEN) if fate is Fate.SEEN else (fate,)
        await store.broadcasts.note(Spot("b1", 1, index), *fates)
    assert await store.broadcasts.reported("b1", 1, start, stop) == [reported.get(n) for n in range(start, stop)]
