"""The slots of a cluster: of which key a command is, and which server has it."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from redis.crc import key_slot

from botkit.redis.keys import Keys
from botkit.redis.slots import SLOTS, SlotMap, read_slots, slot_of
from botkit.redis.wire import Command


@pytest.mark.parametrize(
    ("command", "key"),
    [
        (("GET", "a{tag}b"), b"tag"),
        (("EVALSHA", "0" * 40, 2, "{tag}:m", "{tag}:x", 0), b"tag"),
        (("EVAL", "return 1", 1, b"{tag}:m"), b"tag"),
        (("BLPOP", "wake", 5), b"wake"),
        (("GET", "a\udcffb"), b"a\xed\xb3\xbfb"),
    ],
)
def test_a_command_is_of_the_slot_of_its_first_key(command: Command, key: bytes) -> None:
    assert slot_of(command) == key_slot(key)


def test_a_ping_is_of_no_slot() -> None:
    assert slot_of(("PING",)) is None


@pytest.mark.parametrize("command", [("SCAN", "0"), ("CONFIG", "GET", "maxmemory"), ("DBSIZE",)])
def test_what_tells_of_one_server_is_not_asked_of_a_cluster(command: Command) -> None:
    with pytest.raises(ValueError, match="tells of one server"):
        slot_of(command)


def test_all_keys_of_a_conversation_lie_in_one_slot() -> None:
    keys = Keys("bk", 16)
    own = [*keys.of("desk:ta:ann", "m x c o t e rdy wake dead all"), keys.reply("desk:ta:ann", "e")]
    assert len({slot_of(("GET", key)) for key in own}) == 1


ANSWER = [
    [0, 99, [b"10.0.0.1", 7000, b"id"], [b"10.0.0.2", 7001, b"id"]],
    [100, SLOTS - 1, [b"", 7002, b"id", []]],
]


@pytest.mark.parametrize(
    ("slot", "address"),
    [(0, "10.0.0.1:7000"), (99, "10.0.0.1:7000"), (100, "10.0.0.9:7002"), (SLOTS - 1, "10.0.0.9:7002")],
)
def test_each_slot_has_its_server(slot: int, address: str) -> None:
    assert read_slots(ANSWER, "10.0.0.9:7002").owner(slot) == address


def test_the_servers_with_slots_and_their_replicas_are_known() -> None:
    slots = read_slots(ANSWER, "10.0.0.9:7002")
    assert list(slots.primaries) == ["10.0.0.1:7000", "10.0.0.9:7002"]
    assert slots.others == ("10.0.0.2:7001",)


def test_a_slot_that_moved_has_another_server_and_no_other_slot_has() -> None:
    slots = SlotMap([(0, 1, "a:1")])
    slots.move(1, "b:1")
    assert (slots.owner(0), slots.owner(1), slots.owner(2)) == ("a:1", "b:1", "")


@given(st.lists(st.sampled_from([b"{", b"}", b"a", b"tag", b"\xff"])).map(b"".join))
@example(b"{}a{b}")
@example(b"a}{b}")
@example(b"{a")
def test_the_slot_of_any_key_is_the_one_that_redis_py_finds(key: bytes) -> None:
    assert slot_of(("GET", key)) == key_slot(key)
