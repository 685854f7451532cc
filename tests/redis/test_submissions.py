"""What other programs asked for: the first under an id stays, and nothing is kept for ever."""

import asyncio

import redis.asyncio
from msgspec.structs import replace

from botkit.messages import Text
from botkit.outgoing import Outgoing
from botkit.redis.store import RedisStore
from botkit.store import Duplicate
from botkit.submission import Stage, Submission
from botkit.timer import LATER, DueTimer, Timer

ID = "A" * 22 + "00"
ACCOUNT = ("viber", "shop-viber")

ASKED = Submission(
    id=ID,
    owner="shop",
    fingerprint="f1",
    account=ACCOUNT,
    to="+385910000001",
    created_ms=1_700_000_000_123,
    tag="7",
    reference="spring",
    parts=(Outgoing(ID, ACCOUNT, "+385910000001", Text(text="hello")),),
    values={"~token": "long"},
)


async def test_what_was_asked_for_is_kept_as_it_was(store: RedisStore) -> None:
    assert await store.submissions.load(ID) is None
    assert await store.submissions.keep(ASKED) == ASKED
    assert await store.submissions.load(ID) == ASKED


async def test_the_first_under_an_id_stays(store: RedisStore) -> None:
    await store.submissions.keep(ASKED)
    assert await store.submissions.keep(replace(ASKED, fingerprint="f2")) == ASKED


async def test_of_many_at_once_one_is_kept_and_all_hear_which(store: RedisStore) -> None:
    asked = [replace(ASKED, fingerprint=str(number)) for number in range(20)]
    kept = await asyncio.gather(*map(store.submissions.keep, asked))
    assert len({each.fingerprint for each in kept}) == 1


async def test_once_settled_it_holds_no_messages(store: RedisStore) -> None:
    await store.submissions.keep(ASKED)
    await store.submissions.settle(ASKED)
    assert await store.submissions.load(ID) == replace(ASKED, parts=(), values={})


async def test_it_is_kept_for_thirty_days_settled_or_not(store: RedisStore, raw: "redis.asyncio.Redis") -> None:
    key = store.keys.submission(ID)
    await store.submissions.keep(ASKED)
    for _ in range(2):
        assert 0 <= 30 * 86_400 - await raw.ttl(key) <= 2
        await store.submissions.settle(ASKED)


async def test_what_is_gone_does_not_come_back_by_being_settled(store: RedisStore) -> None:
    await store.submissions.settle(ASKED)
    assert await store.submissions.load(ID) is None


# --- what waits for its time ---

WAITING = replace(ASKED, stage=Stage.SCHEDULED)
EVENT = "e" * 22
NAME = f"{LATER}{EVENT}"


async def timers(store: RedisStore) -> list[DueTimer]:
    due, _ = await store.due_timers(10)
    return [*due]


async def test_of_many_who_decide_at_once_one_does_and_all_hear_which(store: RedisStore) -> None:
    await store.submissions.keep(WAITING)
    stages = [Stage.STARTED, Stage.CANCELLED, Stage.EXPIRED] * 5
    decided = await asyncio.gather(
        *(store.submissions.decide(ID, stage, at_ms=number) for number, stage in enumerate(stages, 1))
    )
    assert len({each.stage for each in decided if each}) == 1
    kept = await store.submissions.load(ID)
    assert decided == [kept] * len(stages)
    assert kept is not None
    assert stages[kept.decided_ms - 1] is kept.stage


async def test_only_a_cancelled_one_loses_its_messages_when_it_is_decided(store: RedisStore) -> None:
    for stage in (Stage.STARTED, Stage.EXPIRED, Stage.CANCELLED):
        each = replace(WAITING, id=f"{stage.value:A<22}00")
        await store.submissions.keep(each)
        decided = await store.submissions.decide(each.id, stage, at_ms=7)
        emptied = replace(each, parts=(), values={}) if stage is Stage.CANCELLED else each
        assert decided == replace(emptied, stage=stage, decided_ms=7)


async def test_what_never_waited_or_is_gone_cannot_be_decided(store: RedisStore) -> None:
    assert await store.submissions.decide(ID, Stage.CANCELLED, at_ms=7) is None
    await store.submissions.keep(ASKED)
    assert await store.submissions.decide(ID, Stage.CANCELLED, at_ms=7) == ASKED


async def test_it_is_kept_no_longer_for_being_decided(store: RedisStore, raw: "redis.asyncio.Redis") -> None:
    await store.submissions.keep(WAITING)
    await store.submissions.decide(ID, Stage.STARTED, at_ms=7)
    assert 0 <= 30 * 86_400 - await raw.ttl(store.keys.submission(ID)) <= 2


async def test_a_timer_is_set_once_by_its_name_also_after_it_has_fired(store: RedisStore) -> None:
    for event in (b"event", b"another"):
        assert await store.submissions.arm(WAITING, NAME, 1000, event)
    (due,) = await timers(store)
    assert (due.cid, due.timer) == (WAITING.conversation.key, Timer(NAME, 1000, b"event"))
    assert not isinstance(await store.fire(due, ""), Duplicate)
    assert await store.submissions.arm(WAITING, NAME, 1000, b"event")
    assert await timers(store) == []


async def test_a_timer_is_taken_back(store: RedisStore) -> None:
    await store.submissions.arm(WAITING, NAME, 1000, b"event")
    for _ in range(2):
        assert await store.submissions.arm(WAITING, NAME, 0, b"")
    assert await timers(store) == []
    assert await store.check(WAITING.conversation.key) == []
