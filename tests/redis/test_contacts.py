"""Contact records on every kind of server: the newest link first, bounded, and nothing readable in a key."""

import asyncio

from botkit.clock import Clock
from botkit.conversation import Account, Conversation
from botkit.redis.store import RedisStore
from tests.redis.store_calls import Raw

PHONE = "+385910000001"
VIBER, TELEGRAM = Account("viber", "shop{1}"), Account("telegram", "shop")


async def test_a_number_has_the_conversations_that_were_linked_the_newest_first(
    store: RedisStore, clock: Clock
) -> None:
    for account, name in ((VIBER, "v1="), (TELEGRAM, "77"), (VIBER, "v2=")):
        await store.contacts.link(PHONE, Conversation(account, name))
        clock.advance(seconds=1)
    contact = await store.contacts.load(PHONE)
    assert contact.on(VIBER) == "v2="
    assert contact.on(TELEGRAM) == "77"
    assert contact.on(Account("gbm", "shop")) == ""


async def test_a_link_can_be_taken_back_and_others_stay(store: RedisStore) -> None:
    gone, kept = Conversation(VIBER, "v1="), Conversation(TELEGRAM, "77")
    await store.contacts.link(PHONE, gone)
    await store.contacts.link(PHONE, kept)
    await store.contacts.unlink(PHONE, gone.key)
    await store.contacts.unlink(PHONE, "viber:shop:unknown")
    assert (await store.contacts.load(PHONE)).conversations == (kept,)


async def test_a_number_keeps_its_newest_sixty_four(store: RedisStore, clock: Clock) -> None:
    await asyncio.gather(*(store.contacts.link(PHONE, Conversation(TELEGRAM, f"early {n}")) for n in range(63)))
    clock.advance(seconds=1)
    await store.contacts.link(PHONE, Conversation(TELEGRAM, "the sixty-fourth"))
    assert len((await store.contacts.load(PHONE)).conversations) == 64
    clock.advance(seconds=1)
    await store.contacts.link(PHONE, Conversation(TELEGRAM, "one more"))
    kept = [conversation.id for conversation in (await store.contacts.load(PHONE)).conversations]
    assert len(kept) == 64
    assert kept[:2] == ["one more", "the sixty-fourth"]


async def test_a_number_that_nobody_shared_has_none(store: RedisStore) -> None:
    assert (await store.contacts.load(PHONE)).conversations == ()


async def test_no_key_holds_the_number(store: RedisStore, raw: Raw) -> None:
    await store.contacts.link(PHONE, Conversation(TELEGRAM, "77"))
    names = [name async for name in raw.scan_iter(f"{store.keys.prefix}:*p:*")]
    assert len(names) == 1
    assert b"385910" not in names[0]


async def test_who_takes_leave_does_so_in_one_scope_until_they_are_back(store: RedisStore) -> None:
    await store.consents.stop(PHONE, "shop:sms")
    assert await store.consents.has_stopped(PHONE, "shop:sms")
    assert not await store.consents.has_stopped(PHONE, "shop:viber")
    assert not await store.consents.has_stopped("+385910000002", "shop:sms")
    await store.consents.resume(PHONE, "shop:sms")
    assert not await store.consents.has_stopped(PHONE, "shop:sms")
