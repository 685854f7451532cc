"""A conversation's record: what changed is written, what is not understood is left alone."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.conversation import Account, Conversation
from botkit.exceptions import FlowError, RecordError
from botkit.flow import After, Flow, State, Trigger
from botkit.record import MAX_BYTES, Flows, timeout_of


class Parcel(Flow):
    states = ("idle", "number", "booked")
    ask = Trigger("*", "number")
    book = Trigger("number", "booked")
    give_up = Trigger("number", "idle")
    timeouts = {"number": After(minutes=30, trigger="give_up")}

    number: str = ""


class Note(Flow):
    states = ("idle", "asked")
    ask = Trigger("idle", "asked")


class Order(Flow):
    states = ("idle", State("open", states=("size", State("paid", states=("card",)))), "done")
    begin = Trigger("idle", "open")
    timeouts = {"open": After(hours=1), "open.paid": After(minutes=5)}


def record(**flows: Any) -> bytes:
    return json.dumps({"flows": flows}, separators=(",", ":")).encode()


def stored(dumped: bytes) -> Any:
    return json.loads(dumped)["flows"]


NEWER = {"s": "of_the_future", "v": 99, "d": {"shape": "unknown"}}
ASKED = {"s": "number", "v": 1, "d": {"number": "123456"}}


def test_a_conversation_nobody_knows_starts_with_new_flows() -> None:
    flows = Flows(b"")
    assert flows.get(Parcel).state == "idle"
    assert flows.state_of(Note) == "idle"


def test_a_flow_is_read_as_it_was_stored() -> None:
    parcel = Flows(record(Parcel=ASKED)).get(Parcel)
    assert (parcel.state, parcel.number) == ("number", "123456")


def test_whoever_asks_for_a_flow_gets_the_same_one() -> None:
    flows = Flows(b"")
    assert flows.get(Parcel) is flows.get(Parcel)
    assert isinstance(flows.get(Note), Note)


def test_looking_changes_nothing() -> None:
    for before in (b"", record(Parcel=ASKED), record(Parcel=ASKED, Gone=NEWER)):
        flows = Flows(before)
        flows.get(Parcel)
        flows.state_of(Note)
        assert flows.dump() == b""


def test_a_flow_that_was_never_touched_is_not_written() -> None:
    flows = Flows(b"")
    flows.get(Note)
    flows.get(Parcel).ask()
    assert set(stored(flows.dump())) == {"Parcel"}


@pytest.mark.parametrize("change", [lambda parcel: parcel.book(), lambda parcel: setattr(parcel, "number", "7")])
def test_a_move_and_a_new_value_are_both_changes(change: Any) -> None:
    flows = Flows(record(Parcel=ASKED))
    change(flows.get(Parcel))
    assert stored(flows.dump())["Parcel"] != ASKED


def test_a_flow_that_goes_back_to_its_beginning_is_written_as_such() -> None:
    flows = Flows(record(Parcel=ASKED))
    flows.get(Parcel).reset()
    assert stored(flows.dump())["Parcel"] == {"s": "idle", "v": 1, "d": {"number": ""}}


def test_what_was_written_can_be_read() -> None:
    flows = Flows(b"")
    flows.get(Parcel).ask()
    flows.due["Parcel"] = 1_784_000_000_000
    again = Flows(flows.dump())
    assert again.state_of(Parcel) == "number"
    assert again.due == {"Parcel": 1_784_000_000_000}


def test_a_flow_of_another_release_survives_what_this_one_writes() -> None:
    flows = Flows(record(Gone=NEWER, Parcel=ASKED))
    flows.get(Parcel).book()
    assert stored(flows.dump())["Gone"] == NEWER


def test_a_due_time_alone_is_a_change() -> None:
    flows = Flows(record(Parcel=ASKED))
    flows.due["Parcel"] = 5
    assert json.loads(flows.dump())["due"] == {"Parcel": 5}


@pytest.mark.parametrize("before", [b"x", b"[]", b'{"flows":1}', b'{"due":{"Parcel":"soon"}}', b'{"flows":{"\xff":1}}'])
def test_a_record_that_cannot_be_read_is_refused(before: bytes) -> None:
    with pytest.raises(RecordError, match="not readable"):
        Flows(before)


@given(st.binary() | st.binary().map(lambda tail: b'{"flows":{"Parcel":' + tail + b"}}"))
def test_any_bytes_are_a_record_or_an_error_of_ours(before: bytes) -> None:
    with contextlib.suppress(RecordError):
        assert Flows(before).get(Parcel).state in Parcel.state_names()


@pytest.mark.parametrize("parcel", [NEWER, ASKED | {"v": 2}, ASKED | {"s": "gone"}, ASKED | {"d": {"number": 1}}])
def test_a_flow_that_this_version_must_not_overwrite_is_refused(parcel: Any) -> None:
    flows = Flows(record(Parcel=parcel))
    with pytest.raises(RecordError, match="Parcel"):
        flows.get(Parcel)
    assert flows.dump() == b""


def test_the_error_holds_nothing_that_a_person_wrote() -> None:
    with pytest.raises(RecordError) as raised:
        Flows(record(Parcel=ASKED | {"d": {"number": ["canary"]}})).get(Parcel)
    assert "canary" not in str(raised.value)


def test_a_record_holds_so_much_and_no_more() -> None:
    flows = Flows(b"")
    rest = MAX_BYTES - len(Parcel().dump())
    flows.get(Parcel).number = "x" * rest
    assert len(flows.dump()) > MAX_BYTES
    flows.get(Parcel).number += "x"
    with pytest.raises(FlowError, match=str(MAX_BYTES)):
        flows.dump()


# --- moves and timeouts


def test_a_flow_that_moved_is_told_with_where_from_and_where_to() -> None:
    flows = Flows(record(Parcel=ASKED))
    flows.get(Note)
    flows.get(Parcel).book()
    assert list(flows.moved()) == [(Parcel, "number", "booked")]


def test_a_new_flow_moved_from_nowhere() -> None:
    flows = Flows(b"")
    flows.get(Parcel).ask()
    assert list(flows.moved()) == [(Parcel, "", "number")]


def test_a_flow_that_came_back_did_not_move() -> None:
    flows = Flows(record(Parcel=ASKED))
    flows.get(Parcel).give_up()
    flows.get(Parcel).ask()
    assert list(flows.moved()) == []


@pytest.mark.parametrize(
    ("state", "name"), [("idle", ""), ("open.size", "open"), ("open.paid.card", "open.paid"), ("done", ""), ("", "")]
)
def test_the_innermost_timeout_around_a_state_runs(state: str, name: str) -> None:
    assert timeout_of(Order, state) == ((name, Order.timeouts[name]) if name else None)


def test_another_way_is_kept_beside_the_flows_until_it_is_taken_back() -> None:
    there = Conversation(Account("telegram", "demo"), "1")
    flows = Flows(b"")
    assert flows.failover is None
    flows.failover = there
    stored = flows.dump()
    again = Flows(stored)
    assert again.failover == there
    assert again.dump() == b"", "nothing has changed"
    again.failover = None
    assert Flows(again.dump()).failover is None


def test_what_was_gathered_is_remembered_up_to_64_events() -> None:
    flows = Flows(record(Parcel=ASKED))
    flows.gathered += tuple(f"event {number}" for number in range(65))
    again = Flows(flows.dump())
    assert again.gathered == tuple(f"event {number}" for number in range(1, 65))
    assert again.get(Parcel).number == "123456"
    again.gathered = ()
    assert json.loads(again.dump()) == json.loads(record(Parcel=ASKED))


def test_of_a_conversation_that_moved_stay_the_pointer_and_what_was_gathered() -> None:
    flows = Flows(record(Parcel=ASKED))
    flows.gathered = ("e1",)
    stayed = Flows(flows.dump_moved("new"))
    assert (stayed.moved_to, stayed.gathered, stayed.get(Parcel).number) == ("new", ("e1",), "")
    assert stayed.dump() == b""
