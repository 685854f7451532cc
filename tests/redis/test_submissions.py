"""What other programs asked for: the first under an id stays, and nothing is kept for ever."""

import asyncio

import redis.asyncio
from msgspec.structs import replace

from botkit.messages import Text
from botkit.outgoing import Outgoing
from botkit.redis.store import RedisStore
from botkit.submission import Submission

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
