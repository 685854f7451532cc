"""The names of the keys: one slot for all of a conversation, and nothing from outside can move it."""

import re

from hypothesis import given
from hypothesis import strategies as st

from botkit.conversation import Account, Conversation, pseudonym
from botkit.redis.keys import Keys

KINDS = "m x c o t e rdy lse own try ordy olse oown otry ohld tmr dead wake"

_TAG = re.compile(r"\{[^{}]+\}")


def conversation_id(channel: str, ta: str, chat: str) -> str:
    return Conversation(Account(channel, ta), chat).key


@given(st.text(), st.text())
def test_all_keys_of_a_conversation_have_the_hash_tag_of_its_partition(ta: str, chat: str) -> None:
    keys, cid = Keys("bk", 16), conversation_id("telegram", ta, chat)
    tags = {_TAG.match(key)[0] for key in [*keys.of(cid, KINDS), keys.reply(cid, "e" * 22), keys.delivery(cid, "k")]}  # type: ignore[index]
    assert tags == {f"{{bk:{keys.partition(cid)}}}"}


@given(st.text(), st.text())
def test_an_id_of_a_service_s_own_cannot_move_the_hash_tag(chat: str, receipt_id: str) -> None:
    keys, cid = Keys("bk", 16), conversation_id("viber", "demo", chat)
    name = keys.receipt("r", cid, receipt_id)
    assert re.fullmatch(rf"\{{bk:{keys.partition(cid)}\}}:r:[0-9a-f]{{24}}", name)


@given(st.text())
def test_all_keys_of_an_account_have_one_hash_tag_whatever_its_id_is(account: str) -> None:
    names = [Keys("bk", 16).account(kind, account) for kind in ("rl", "cb", "br")]
    assert all(re.fullmatch(r"bk:\{a:[0-9a-f]{24}\}:(rl|cb|br)", name) for name in names)
    assert len({_TAG.search(name)[0] for name in names}) == 1  # type: ignore[index]


@given(st.text())
def test_all_keys_of_a_broadcast_have_one_hash_tag(broadcast: str) -> None:
    names = [Keys("bk", 16).broadcast(kind, broadcast) for kind in ("h", "to0", "ended12")]
    assert len({_TAG.search(name)[0] for name in names}) == 1  # type: ignore[index]


def test_prefixes_that_begin_alike_share_no_key() -> None:
    cid = conversation_id("telegram", "demo", "1")
    ten = [key for number in range(16) for key in Keys("bk", 16).partitions[number].values()]
    assert not set(ten) & {key for number in range(16) for key in Keys("bk1", 16).partitions[number].values()}
    assert Keys("bk:", 16).of(cid, KINDS) == Keys("bk", 16).of(cid, KINDS)


def test_the_kinds_come_in_the_order_asked_for() -> None:
    cid = conversation_id("telegram", "demo", "1")
    mailbox, ready = Keys("bk", 1).of(cid, "m rdy")
    assert (mailbox, ready) == ("{bk:0}:m:telegram:demo:1", "{bk:0}:rdy")


@given(st.text(), st.text(), st.text())
def test_no_name_from_outside_ends_up_in_a_key_but_as_a_hash_or_in_safe_letters(ta: str, chat: str, word: str) -> None:
    keys, cid = Keys("bk", 16), conversation_id("telegram", ta, chat)
    names = [
        *keys.of(cid, KINDS), keys.place(f"telegram:{ta}", word), keys.contact(word), keys.stops(word),
        keys.receipt("r", cid, word), keys.account("cb", f"telegram:{ta}"), keys.month(f"telegram:{ta}", "202611"),
    ]  # fmt: skip
    for name in names:
        assert re.fullmatch(r"[A-Za-z0-9._+=/@:#{}_-]+", name)
        assert name.count("{") == name.count("}") == 1


@given(st.text(), st.binary(min_size=16, max_size=32), st.binary(min_size=16, max_size=32))
def test_what_stands_for_a_conversation_in_logs_needs_the_store_s_key(chat: str, key: bytes, other: bytes) -> None:
    name = pseudonym(chat, key)
    assert re.fullmatch(r"[\w-]{10}", name)
    assert name == pseudonym(chat, key)
    assert key == other or name != pseudonym(chat, other)
