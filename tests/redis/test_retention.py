"""Who is forgotten leaves no trace, who stayed away is forgotten, and nothing grows for ever."""

import json
from typing import Any

import pytest
import redis.asyncio

from botkit.clock import Clock
from botkit.conversation import Account, Conversation
from botkit.messages import Text
from botkit.outgoing import Outgoing
from botkit.pace import Pace
from botkit.redis.bounds import Bounds
from botkit.redis.embedded import find_servers
from botkit.redis.store import RedisStore
from botkit.session_rules import Heard, SessionRules
from botkit.store import Commit, Mine, Verdict
from botkit.submission import Submission
from botkit.timer import LATER, Timer
from botkit.turn import Queue
from tests.redis.conftest import MakeStore
from tests.redis.store_calls import commit

CANARY = "canary-1f8e"
PHONE = "+385910000099"
SHOP = Account("viber", "shop")
DAY = 86_400.0
IDS = [CANARY, f"{CANARY} with signs that no key may have"]

every_id = pytest.mark.parametrize("chat", IDS, ids=["plain", "hashed"])


async def dump(raw: "redis.asyncio.Redis") -> dict[str, str]:
    """Returns every key of the database and all that it holds."""
    readers: dict[Any, Any] = {
        b"string": raw.get,
        b"hash": raw.hgetall,
        b"list": lambda key: raw.lrange(key, 0, -1),
        b"set": raw.smembers,
        b"zset": lambda key: raw.zrange(key, 0, -1),
        b"stream": raw.xrange,
    }
    return {key.decode(): str(await readers[await raw.type(key)](key)) async for key in raw.scan_iter()}


async def live(store: RedisStore, where: Conversation, clock: Clock) -> None:
    """Lets a conversation leave all that one can leave, the canary in each field of it."""
    cid, number = where.key, iter(range(1, 99))
    heard = Heard(SessionRules(), "viber:shop", clock.now())
    text = json.dumps({"conversation": {"account": {"channel": "viber", "ta": "shop"}, "id": where.id}, "text": CANARY})

    async def ingest(opens: bool | None = True) -> Mine:
        token = store.new_token()
        found = await store.ingest(
            cid, f"{next(number):022d}", text.encode(), token=token, window=60, heard=heard, opens=opens
        )
        assert isinstance(found, Mine)
        return found

    # An event that ends as a dead letter, and one that leaves state, timers, an answer and messages.
    turn = (await ingest()).turn
    assert await store.retry(Queue.MAILBOX, turn, delay=0, error=CANARY, max_attempts=1) is Verdict.DEAD
    turn = (await ingest()).turn
    due = round(1000 * (clock.timestamp() + 50))
    state = json.dumps({"user": {"id": where.id, "phone": PHONE}, "data": CANARY}).encode()
    out = [f"{turn.id}{index:02d}{CANARY}".encode() for index in range(2)]
    timers = [Timer(CANARY, due, CANARY.encode()), Timer(f"{LATER}{'w' * 22}", due, CANARY.encode())]
    await store.commit(
        turn, Commit(state=state, outgoing=out, timers=timers, reply=CANARY.encode()), keep=False, send=False
    )
    (sending,) = (await store.claim(Queue.OUTBOX, 1)).turns
    event = f"{'f' * 22}", CANARY.encode()
    await store.fail(sending, error=CANARY, event_id=event[0], event=event[1], refund=False, keep=False, gone=CANARY)
    # What lies elsewhere.
    await store.contacts.link(PHONE, where)
    await store.accounts.remember(SHOP, "receipt-1", where.id)
    asked = Submission(
        id="s" * 24,
        owner="program",
        fingerprint="f",
        account=("viber", "shop"),
        to=where.id,
        created_ms=1,
        tag=CANARY,
        reference=CANARY,
        parts=(Outgoing("s" * 24, ("viber", "shop"), where.id, Text(text=CANARY)),),
        values={"~t": CANARY},
    )
    await store.submissions.keep(asked)
    assert await store.submissions.arm(asked, f"{LATER}{'v' * 22}", due, CANARY.encode())


@every_id
async def test_of_somebody_who_is_forgotten_nothing_is_left_anywhere(
    make_store: MakeStore, raw: "redis.asyncio.Redis", clock: Clock, chat: str
) -> None:
    store, where = make_store(bounds=Bounds(partitions=2)), Conversation(SHOP, chat)
    await live(store, where, clock)
    before = await dump(raw)
    marked = {key.partition("}:")[2].partition(":")[0] for key, value in before.items() if CANARY in key + value}
    assert {"m", "o", "c", "t", "e", "dead", "tmr", "w", "r"} <= marked
    await store.forget(where.key)
    after = await dump(raw)
    assert [key for key, value in after.items() if CANARY in key + value or where.key in key + value] == []
    assert not [key for key in after if "{p:" in key or "{s:" in key]


@every_id
async def test_what_is_given_out_of_somebody_is_all_that_is_kept(
    make_store: MakeStore, raw: "redis.asyncio.Redis", clock: Clock, chat: str
) -> None:
    store, where = make_store(bounds=Bounds(partitions=2)), Conversation(SHOP, chat)
    await live(store, where, clock)
    found = await store.export(where.key)
    empty = [kind for kind, values in found.items() if CANARY not in str(values)]
    assert empty == []
    assert PHONE in found["record"]["s"]
    assert len(found["elsewhere"]) == 3
    assert len(found["dead_letters"]) == 2
    json.dumps(found)


async def test_forgetting_one_leaves_all_others_as_they_are(
    make_store: MakeStore, raw: "redis.asyncio.Redis", clock: Clock
) -> None:
    store = make_store(bounds=Bounds(partitions=2))
    ben = Conversation(SHOP, "ben")
    await store.contacts.link(PHONE, ben)
    await store.accounts.remember(SHOP, "receipt-2", ben.id)
    await store.accounts.remember(Account("viber", "other"), "receipt-1", CANARY)
    await store.ingest(ben.key, "b" * 22, b"{}", token="", window=60, opens=True)
    await live(store, Conversation(SHOP, CANARY), clock)
    await store.forget(Conversation(SHOP, CANARY).key)
    assert (await store.contacts.load(PHONE)).on(SHOP) == "ben"
    assert await store.accounts.find(SHOP, "receipt-2") == "ben"
    assert await store.accounts.find(Account("viber", "other"), "receipt-1") == CANARY
    assert not await store.is_idle(ben.key)


# --- what is kept no longer


async def letters_after(store: RedisStore, clock: Clock, days: float) -> int:
    where = Conversation(SHOP, "ann")
    found = await store.ingest(where.key, "a" * 22, b"{}", token="t1", window=60)
    assert isinstance(found, Mine)
    await store.retry(Queue.MAILBOX, found.turn, delay=0, error="no", max_attempts=1)
    clock.advance(seconds=days * DAY)
    await store.sweep()
    return await store.dead_letters.count()


async def test_dead_letters_are_kept_for_thirty_days(store: RedisStore, clock: Clock) -> None:
    assert await letters_after(store, clock, 29.99) == 1


async def test_dead_letters_of_more_than_thirty_days_are_swept_away(store: RedisStore, clock: Clock) -> None:
    assert await letters_after(store, clock, 30.01) == 0


async def greet(store: RedisStore, name: str, *, window: float = 60, number: int = 0) -> str:
    """Lets somebody write once, and be answered."""
    where = Conversation(SHOP, name)
    found = await store.ingest(
        where.key, f"{name:e<18}{number:04}", b"{}", token=store.new_token(), window=window, opens=True
    )
    assert isinstance(found, Mine)
    await commit(store, found.turn)
    return where.key


@pytest.mark.parametrize(("days", "is_known"), [(9.99, True), (10.01, False)])
async def test_who_stayed_away_for_as_long_as_set_is_forgotten(
    store: RedisStore, clock: Clock, days: float, is_known: bool
) -> None:
    cid = await greet(store, "ann")
    clock.advance(seconds=days * DAY)
    assert await store.sweep(idle=10 * DAY) == (not is_known)
    assert bool((await store.load(cid)).version) is is_known


async def test_without_a_time_nobody_is_forgotten(store: RedisStore, clock: Clock) -> None:
    cid = await greet(store, "ann")
    clock.advance(seconds=3000 * DAY)
    assert await store.sweep() == 0
    assert (await store.load(cid)).version


async def test_who_writes_again_is_not_forgotten(store: RedisStore, clock: Clock) -> None:
    cid = await greet(store, "ann")
    clock.advance(seconds=9 * DAY)
    await greet(store, "ann", number=1)
    clock.advance(seconds=9 * DAY)
    assert await store.sweep(idle=10 * DAY) == 0
    assert (await store.load(cid)).version == 2


@pytest.mark.parametrize("what", ["mail", "message", "timer"])
async def test_for_whom_anything_waits_is_not_forgotten(store: RedisStore, clock: Clock, what: str) -> None:
    cid, far = await greet(store, "ann"), round(1000 * (clock.timestamp() + 99 * DAY))
    if what == "mail":
        await store.ingest(cid, "m" * 22, b"{}", token="", window=60)
    elif what == "message":
        await store.enqueue(cid, "k" * 24, b"{}")
    else:
        found = await store.ingest(cid, "t" * 22, b"{}", token="t", window=60)
        assert isinstance(found, Mine)
        await store.commit(found.turn, Commit(b"", (), timers=[Timer("nag", far, b"{}")]), keep=False, send=False)
    clock.advance(seconds=20 * DAY)
    assert await store.sweep(idle=10 * DAY) == 0
    assert (await store.load(cid)).version


# --- growth


class Ends:
    """Takes keys away as their time ends by the moved clock: the server's own cannot be moved."""

    def __init__(self, raw: "redis.asyncio.Redis", clock: Clock) -> None:
        self._raw = raw
        self._clock = clock
        self._due: dict[bytes, float] = {}

    async def look(self) -> None:
        """Notes when each key ends; called before the clock is moved."""
        async for key in self._raw.scan_iter(count=1000):
            left = await self._raw.pttl(key)
            if left <= 0:
                self._due.pop(key, None)
            else:
                # Not noted anew for as long as nothing has prolonged it.
                self._due.setdefault(key, self._clock.timestamp() + left / 1000)

    async def take(self) -> None:
        """Removes what has ended."""
        ended = [key for key, due in self._due.items() if due <= self._clock.timestamp()]
        for key in ended:
            del self._due[key]
            await self._raw.delete(key)


async def write_to_stranger(store: RedisStore, name: str) -> None:
    cid = Conversation(SHOP, name).key
    await store.enqueue(cid, f"{name:k<24}", b"{}")
    for turn in (await store.claim(Queue.OUTBOX, 10)).turns:
        await store.deliveries.sent(turn, f"receipt-{turn.id}", created_ms=1, expiry=None)
        await store.sent(turn, keep=False, pace=Pace(1, 60))


# One server will do: what is counted is what botkit writes, and fakeredis is slow at it.
@pytest.mark.parametrize("kind", [find_servers()[0].kind], indirect=True, ids=lambda kind: str(kind.value))
async def test_people_who_come_once_do_not_make_the_store_grow_for_ever(
    make_store: MakeStore, raw: "redis.asyncio.Redis", clock: Clock, request: pytest.FixtureRequest
) -> None:
    days, people = (400, 50) if request.config.getoption("--long") else (48, 1)
    store, ends, keys, names = make_store(bounds=Bounds(partitions=2)), Ends(raw, clock), [], []
    for day in range(days):
        for number in range(people):
            await greet(store, f"p{day}-{number}", window=3600)
            await write_to_stranger(store, f"s{day}-{number}")
        await ends.look()
        clock.advance(seconds=DAY)
        await ends.take()
        await store.sweep(idle=30 * DAY)
        keys.append(await raw.dbsize())
        names.append(sum([await raw.zcard(shared["all"]) for shared in store.keys.partitions]))
    # What is kept longest is that of a stranger, for 32 days.
    assert max(keys[40:]) <= max(keys[:40])
    assert max(names) <= 31 * people
    assert 10 < keys[-1] < 200 * people
