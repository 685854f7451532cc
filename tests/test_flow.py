import asyncio
import itertools
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from transitions.extensions.nesting import HierarchicalMachine, NestedState

from botkit.exceptions import FlowError, IllegalMoveError, RecordError
from botkit.flow import After, Flow, State, Trigger


class Parcel(Flow):
    states = ("idle", "number", "day", "booked")
    ask = Trigger("*", "number")
    found = Trigger("number", "day")
    book = Trigger("day", "booked")
    give_up = Trigger(("number", "day"), "idle")
    timeouts = {"number": After(minutes=30, trigger="give_up")}

    number: str = ""
    day: str = ""
    tries: list[datetime] = []


class Order(Flow):
    states = ("idle", State("order", ("size", State("address", ("street", "house"), initial="house"))), "done")
    start = Trigger("idle", "order")
    sized = Trigger("order.size", "order.address")
    back = Trigger("order.address", "order.size")
    stop = Trigger("order", "idle")
    finish = Trigger("*", "done")


def in_state(flow: type[Flow], state: str) -> Any:
    return flow.load(b'{"s":"%s","v":1}' % state.encode())


# Moves.


def test_a_new_flow_is_in_the_first_state_with_its_default_data() -> None:
    flow = Parcel()
    assert (flow.state, flow.number, flow.tries) == ("idle", "", [])


def test_a_flow_may_name_another_initial_state() -> None:
    class Late(Flow):
        states = ("idle", "ready")
        initial = "ready"

    assert Late().state == "ready"


def test_a_trigger_moves_and_says_so() -> None:
    flow = Parcel()
    assert flow.ask() is True
    assert flow.state == "number"


def test_a_star_is_every_state() -> None:
    for state in Parcel.state_names():
        flow = in_state(Parcel, state)
        flow.ask()
        assert flow.state == "number"


def test_each_source_of_a_trigger_will_do() -> None:
    for state in ("number", "day"):
        flow = in_state(Parcel, state)
        flow.give_up()
        assert flow.state == "idle"


def test_the_allowed_triggers_are_in_the_order_written() -> None:
    assert Parcel().allowed == ("ask",)
    assert in_state(Parcel, "number").allowed == ("ask", "found", "give_up")


def test_two_flows_of_a_class_do_not_share_their_state() -> None:
    one, two = Parcel(), Parcel()
    one.ask()
    assert two.state == "idle"


def test_an_illegal_move_names_flow_state_line_and_what_is_allowed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(Path(__file__).parent)
    flow = in_state(Parcel, "number")

    def day() -> None:
        flow.book()

    with pytest.raises(IllegalMoveError) as caught:
        day()
    assert str(caught.value).splitlines() == [
        f"Parcel.book() is not allowed in state 'number' at test_flow.py:{day.__code__.co_firstlineno + 1} in day()",
        "  allowed here: ask, found, give_up",
        "  fix: bind the handler to state=\"day\", or add 'number' to the sources of book",
    ]
    assert flow.state == "number"


def test_an_illegal_move_out_of_a_last_state_says_that_nothing_is_allowed() -> None:
    class Short(Flow):
        states = ("idle", "end")
        finish = Trigger("idle", "end")

    flow = Short()
    flow.finish()
    with pytest.raises(IllegalMoveError, match="allowed here: nothing"):
        flow.finish()


def test_a_trigger_on_the_class_is_its_definition() -> None:
    assert Parcel.book.sources == ("day",)
    assert list(Parcel.triggers()) == ["ask", "found", "book", "give_up"]


def test_the_state_is_moved_by_triggers_only() -> None:
    with pytest.raises(AttributeError, match="by its triggers only"):
        Parcel().state = "day"  # type: ignore[misc]


def test_a_misspelt_name_of_data_is_not_taken() -> None:
    with pytest.raises(AttributeError, match="Parcel has no data named 'numbr'; did you mean 'number'"):
        Parcel().numbr = "1"  # type: ignore[attr-defined]


def test_a_flow_prints_its_state_and_none_of_its_data() -> None:
    flow = Parcel()
    flow.number = "secret"
    assert repr(flow) == "<Parcel in 'idle'>"


def test_reset_goes_back_to_the_beginning() -> None:
    flow = in_state(Parcel, "day")
    flow.number = "1"
    flow.tries.append(datetime.now(UTC))
    flow.reset()
    assert flow.dump() == Parcel().dump()


def test_a_flow_without_a_definition_has_one_state_and_can_be_stored() -> None:
    assert Flow.load(Flow().dump()).state == "idle"
    assert Flow().allowed == ()


# Guards and hooks.


class Guarded(Flow):
    states = ("idle", "open", "shut")
    enter = Trigger("idle", "open", conditions=("has_key", "is_day"), unless="is_locked")
    leave = Trigger("open", "shut", conditions=lambda flow: flow.key == "mine")

    key: str = ""
    is_locked: bool = False
    hour: int = 12

    def has_key(self) -> str:
        return self.key

    @property
    def is_day(self) -> bool:
        return 6 <= self.hour < 20


@pytest.mark.parametrize(
    ("key", "hour", "is_locked", "expected"),
    [("mine", 12, False, True), ("", 12, False, False), ("mine", 20, False, False), ("mine", 12, True, False)],
)
def test_a_move_is_made_if_all_conditions_hold_and_no_other_does(
    key: str, hour: int, is_locked: bool, expected: bool
) -> None:
    flow = Guarded()
    flow.key, flow.hour, flow.is_locked = key, hour, is_locked
    assert flow.enter() is expected
    assert flow.state == ("open" if expected else "idle")


def test_a_guard_may_be_a_callable_that_takes_the_flow() -> None:
    flow = in_state(Guarded, "open")
    assert flow.leave() is False
    flow.key = "mine"
    assert flow.leave() is True


def test_allowed_does_not_ask_the_guards() -> None:
    assert Guarded().allowed == ("enter",)


class Noted(Flow):
    states = ("idle", State("order", ("size", "address")), "done")
    start = Trigger("idle", "order", before="note_before", after=("note_after", lambda flow: flow.note("lambda")))
    sized = Trigger("order.size", "order.address")
    finish = Trigger("order", "done")

    notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(f"{text} in {self.state}")

    def note_before(self) -> None:
        self.note("before")

    def note_after(self) -> None:
        self.note("after")

    def on_exit_idle(self) -> None:
        self.note("exit idle")

    def on_enter_order(self) -> None:
        self.note("enter order")

    def on_enter_order_size(self) -> None:
        self.note("enter size")

    def on_exit_order_size(self) -> None:
        self.note("exit size")

    def on_exit_order(self) -> None:
        self.note("exit order")

    def on_enter_order_address(self) -> None:
        self.note("enter address")

    def on_enter_done(self) -> None:
        self.note("enter done")


def test_hooks_run_in_order_before_and_after_the_change_of_state() -> None:
    flow = Noted()
    flow.start()
    assert flow.notes == [
        "before in idle",
        "exit idle in idle",
        "enter order in order.size",
        "enter size in order.size",
        "after in order.size",
        "lambda in order.size",
    ]


def test_a_move_inside_a_state_neither_leaves_nor_enters_it() -> None:
    flow = in_state(Noted, "order.size")
    flow.sized()
    assert flow.notes == ["exit size in order.size", "enter address in order.address"]


def test_a_move_out_of_a_state_leaves_the_inner_one_first() -> None:
    flow = in_state(Noted, "order.size")
    flow.finish()
    assert flow.notes == ["exit size in order.size", "exit order in order.size", "enter done in done"]


def test_a_hook_of_a_subclass_replaces_that_of_its_parent() -> None:
    class Louder(Noted):
        def note_before(self) -> None:
            self.note("BEFORE")

    flow = Louder()
    flow.start()
    assert flow.notes[0] == "BEFORE in idle"


def test_a_trigger_may_follow_another() -> None:
    class Chain(Flow):
        states = ("a", "b", "c")
        one = Trigger("a", "b", after="two")
        two = Trigger("b", "c")

    flow = Chain()
    flow.one()
    assert flow.state == "c"


@pytest.mark.parametrize("moment", ["on_exit_idle", "on_enter_open", "check", "around"])
def test_when_a_hook_raises_state_and_data_are_what_they_were(moment: str) -> None:
    def fail(flow: Any) -> bool:
        flow.items.append("half")
        flow.count = 1
        raise ValueError("no")

    class Failing(Flow):
        states = ("idle", "open")
        go = Trigger(
            "idle",
            "open",
            conditions=fail if moment == "check" else (),
            after=fail if moment == "around" else (),
        )
        items: list[str] = []
        count: int = 0

        if moment == "on_exit_idle":
            on_exit_idle = fail
        if moment == "on_enter_open":
            on_enter_open = fail

    flow = Failing()
    flow.items.append("whole")
    with pytest.raises(ValueError, match="no"):
        flow.go()
    assert (flow.state, flow.items, flow.count) == ("idle", ["whole"], 0)


def test_hooks_are_not_called_by_load_or_reset() -> None:
    flow = in_state(Noted, "order.size")
    flow.reset()
    assert flow.notes == []


# States inside states.


def test_entering_a_state_enters_the_initial_one_inside() -> None:
    flow = Order()
    flow.start()
    assert flow.state == "order.size"
    flow.sized()
    assert flow.state == "order.address.house"


def test_a_trigger_of_an_outer_state_works_in_all_inside() -> None:
    for state in ("order.size", "order.address.street"):
        flow = in_state(Order, state)
        flow.stop()
        assert flow.state == "idle"


def test_a_state_with_others_inside_counts_as_a_state() -> None:
    assert [Order.is_state(name) for name in ("order", "order.size", "size", "nowhere")] == [True, True, False, False]
    assert Order.state_names() == (
        "idle",
        "order",
        "order.size",
        "order.address",
        "order.address.street",
        "order.address.house",
        "done",
    )


def test_a_conversation_is_also_in_the_states_around_its_own() -> None:
    assert Order.matches("order.size", "order")
    assert not Order.matches("order", "order.size")


LEAVES = ("a", "b.c", "b.d", "b.e.f", "b.e.g", "h.i")
PATHS = ("a", "b", "b.c", "b.d", "b.e", "b.e.f", "b.e.g", "h", "h.i")


class Dotted(NestedState):
    separator = "."


class Reference(HierarchicalMachine):
    state_cls = Dotted


@given(st.sampled_from(LEAVES), st.sampled_from(PATHS), st.sampled_from(PATHS))
def test_nested_moves_leave_and_enter_what_a_hierarchical_machine_does(start: str, source: str, dest: str) -> None:
    names = [f"{kind}_{path.replace('.', '_')}" for path in PATHS for kind in ("on_enter", "on_exit")]
    hooks = {name: partial(_note_ours, name) for name in names}
    members = {
        **{name: (lambda self, hook=hook: hook(self)) for name, hook in hooks.items()},
        "states": ("a", State("b", ("c", "d", State("e", ("f", "g")))), State("h", ("i",))),
        "go": Trigger(source, dest),
        "notes": [],
        "__annotations__": {"notes": list[str]},
    }
    ours: Any = type("Ours", (Flow,), members).load(b'{"s":"%s","v":1}' % start.encode())  # type: ignore[attr-defined]
    theirs = _reference(start, source, dest)
    assert ("go" in ours.allowed) is theirs.may_go()
    if theirs.may_go():
        ours.go()
        theirs.go()
        assert (ours.state, ours.notes) == (theirs.state, theirs.notes)


def _note_ours(name: str, flow: Any) -> None:
    flow.notes.append(name)


def _reference(start: str, source: str, dest: str) -> Any:
    class Model:
        pass

    model: Any = Model()
    model.notes = []

    def state(path: str, children: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
        name = path.replace(".", "_")
        built = {
            "name": path.rpartition(".")[2],
            "on_enter": [partial(model.notes.append, f"on_enter_{name}")],
            "on_exit": [partial(model.notes.append, f"on_exit_{name}")],
        }
        inner = {"children": list(children), "initial": children[0]["name"]} if children else {}
        return built | inner

    inner = state("b.e", [state("b.e.f"), state("b.e.g")])
    states = [state("a"), state("b", [state("b.c"), state("b.d"), inner]), state("h", [state("h.i")])]
    Reference(model, states=states, initial=start, transitions=[["go", source, dest]], auto_transitions=False)
    model.notes.clear()
    return model


class Watched(Order):
    """The same moves, each with something to call on its way."""

    start = Trigger("idle", "order", after="look")
    sized = Trigger("order.size", "order.address", after="look")
    back = Trigger("order.address", "order.size", after="look")
    stop = Trigger("order", "idle", after="look")
    finish = Trigger("*", "done", after="look")

    def look(self) -> None:
        pass


@pytest.mark.parametrize("trigger", Order.triggers())
@pytest.mark.parametrize("state", [state for state in Order.state_names() if state not in ("order", "order.address")])
def test_a_move_without_hooks_leads_where_it_leads_with_them(state: str, trigger: str) -> None:
    plain, watched = in_state(Order, state), in_state(Watched, state)
    assert plain.allowed == watched.allowed
    if trigger in plain.allowed:
        assert getattr(plain, trigger)() is getattr(watched, trigger)() is True
        assert plain.state == watched.state
    else:
        with pytest.raises(IllegalMoveError):
            getattr(plain, trigger)()
        assert plain.state == state


async def test_plain_handlers_in_threads_do_not_disturb_each_other() -> None:
    def walk() -> str:
        flow = Order()
        for _ in range(50):
            flow.start()
            flow.sized()
            flow.stop()
        return flow.state

    assert set(await asyncio.gather(*(asyncio.to_thread(walk) for _ in range(4)))) == {"idle"}


def test_reachable_follows_the_named_triggers_only() -> None:
    assert Parcel.reachable(["number"], ["found"]) == {"number", "day"}
    assert Parcel.reachable(["number"], ["found", "book"]) == {"number", "day", "booked"}
    assert Parcel.reachable(["number"], []) == {"number"}
    assert Order.reachable(["order"], ["stop"]) == {"order.size", "order.address.street", "order.address.house", "idle"}


def test_reachable_follows_every_trigger_where_a_hook_may_call_one() -> None:
    assert Noted.reachable(["idle"], []) == {"idle", "order.size", "order.address", "done"}


# Stored records.


def test_a_record_holds_state_version_and_data() -> None:
    flow = Parcel()
    flow.ask()
    flow.number = "123"
    assert msgspec.json.decode(flow.dump()) == {
        "s": "number",
        "v": 1,
        "d": {"number": "123", "day": "", "tries": []},
    }


@given(st.sampled_from(Parcel.state_names()), st.text(), st.lists(st.datetimes(timezones=st.just(UTC))))
def test_what_is_dumped_is_loaded_as_it_was(state: str, number: str, tries: list[datetime]) -> None:
    flow = in_state(Parcel, state)
    flow.number, flow.tries = number, tries
    again = Parcel.load(flow.dump())
    assert (again.state, again.number, again.day, again.tries) == (state, number, "", tries)
    assert again.dump() == flow.dump()


@pytest.mark.parametrize("nothing", [None, b"", msgspec.Raw(b"")])
def test_nothing_stored_is_a_new_flow(nothing: bytes | msgspec.Raw | None) -> None:
    assert Parcel.load(nothing).dump() == Parcel().dump()


def test_a_record_may_be_raw_json() -> None:
    assert Parcel.load(msgspec.Raw(b'{"s":"day","v":1,"d":{"day":"fri"}}')).day == "fri"


def test_defaults_that_can_be_changed_are_not_shared() -> None:
    Parcel().tries.append(datetime.now(UTC))
    in_state(Parcel, "day").tries.append(datetime.now(UTC))
    assert (Parcel().tries, Parcel.tries) == ([], [])


@pytest.mark.parametrize(
    ("stored", "text"),
    [
        (b"{", "stored record of Parcel cannot be read: Input data was truncated"),
        (b"[]", "stored record of Parcel cannot be read: Expected `object`, got `array`"),
        (b'{"v":1}', "stored record of Parcel cannot be read: Object missing required field `s`"),
        (b'{"s":"\xff","v":1}', "stored record of Parcel cannot be read"),
        (b'{"s":"gone","v":1}', "in state 'gone', which the flow does not have"),
        (b'{"s":"idle","v":2}', "of version 2, and this is version 1"),
        (b'{"s":"idle","v":1,"d":{"number":5}}', r"Expected `str`, got `int` - at `\$\.number`"),
    ],
)
def test_a_record_that_cannot_be_used_is_told(stored: bytes, text: str) -> None:
    with pytest.raises(RecordError, match=text):
        Parcel.load(stored)


def test_a_record_cannot_be_in_a_state_that_has_others_inside() -> None:
    with pytest.raises(RecordError, match="'order', which the flow does not have"):
        Order.load(b'{"s":"order","v":1}')


def test_data_of_a_wrong_type_is_not_dumped() -> None:
    flow = Parcel()
    flow.number = 5  # type: ignore[assignment]
    with pytest.raises(FlowError, match=r"Parcel\.number must be str; it holds a value of type int"):
        flow.dump()


class Versioned(Flow):
    states = ("idle",)
    version = 3
    name: str = ""
    seen: ClassVar[list[int]] = []

    @classmethod
    def migrate(cls, version: int, data: dict[str, Any]) -> dict[str, Any]:
        cls.seen.append(version)
        return {"name": f"{data['first']} {data['last']}"}


def test_data_of_an_older_version_is_migrated() -> None:
    Versioned.seen.clear()
    flow = Versioned.load(b'{"s":"idle","v":1,"d":{"first":"Olena","last":"K"}}')
    assert (flow.name, Versioned.seen) == ("Olena K", [1])
    assert msgspec.json.decode(flow.dump())["v"] == 3


def test_data_of_this_version_is_not_migrated() -> None:
    assert Versioned.load(b'{"s":"idle","v":3,"d":{"name":"Olena"}}').name == "Olena"


def test_without_migrate_older_data_is_taken_as_it_is() -> None:
    class Newer(Flow):
        states = ("idle",)
        version = 2
        name: str = ""

    assert Newer.load(b'{"s":"idle","v":1,"d":{"name":"Olena"}}').name == "Olena"


def test_migrated_data_is_checked_too() -> None:
    class Wrong(Flow):
        states = ("idle",)
        version = 2
        name: str = ""

        @classmethod
        def migrate(cls, version: int, data: dict[str, Any]) -> dict[str, Any]:
            return {"name": 5}

    with pytest.raises(RecordError, match=r"at `\$\.name`"):
        Wrong.load(b'{"s":"idle","v":1,"d":{}}')


# Inheritance.


def test_a_subclass_has_the_triggers_and_data_of_its_parent_and_its_own() -> None:
    class Insured(Parcel):
        states = (*Parcel.states, "insured")  # type: ignore[assignment]  # mypy keeps to the length of the parent's
        insure = Trigger("booked", "insured")
        value: int = 0

    flow = Insured()
    flow.number = "1"
    assert list(Insured.triggers()) == ["ask", "found", "book", "give_up", "insure"]
    assert msgspec.json.decode(flow.dump())["d"] == {"number": "1", "day": "", "tries": [], "value": 0}
    assert "insure" not in Parcel.triggers()


def test_a_trigger_written_again_replaces_that_of_the_parent() -> None:
    class Strict(Parcel):
        ask = Trigger("idle", "number")

    with pytest.raises(IllegalMoveError):
        in_state(Strict, "day").ask()


# Mistakes in a definition.


def broken(**members: Any) -> str:
    hints = {name: type(value) for name, value in members.pop("data", {}).items()}
    with pytest.raises(FlowError) as caught:
        type("Broken", (Flow,), {"states": ("idle", "address"), "__annotations__": hints, **members})
    assert re.match(r"(tests/|/.*)?test_flow\.py:\d+  Broken", str(caught.value).removeprefix("  "))
    assert caught.value.fix
    return caught.value.what


async def _wait(flow: Flow) -> None:
    """A hook that cannot be one."""


@pytest.mark.parametrize(
    ("members", "text"),
    [
        ({"states": ()}, ".states is empty"),
        ({"states": ("idle", "idle")}, ".states has 'idle' twice"),
        ({"states": ("order_size", State("order", ("size",)))}, ".states has 'order.size' twice"),
        ({"states": ("id le",)}, ".states has 'id le', which is no name"),
        ({"states": ("",)}, ".states has '', which is no name"),
        ({"states": (State("order", ()),)}, ".states: 'order' has no state '' inside"),
        ({"states": (State("order", ("a",), initial="b"),)}, ".states: 'order' has no state 'b' inside"),
        ({"initial": "adress"}, ".initial uses unknown state 'adress'; did you mean 'address'?"),
        ({"go": Trigger("adress", "idle")}, ".go uses unknown state 'adress'; did you mean 'address'?"),
        ({"go": Trigger("idle", "adress")}, ".go uses unknown state 'adress'; did you mean 'address'?"),
        ({"go": Trigger("idle", "*")}, ".go uses unknown state '*'"),
        ({"timeouts": {"adress": After(hours=1)}}, ".timeouts uses unknown state 'adress'; did you mean 'address'?"),
        (
            {"go_on": Trigger("*", "idle"), "timeouts": {"idle": After(hours=1, trigger="goon")}},
            ".timeouts uses unknown trigger 'goon'; did you mean 'go_on'?",
        ),
        (
            {"go": Trigger("address", "idle"), "timeouts": {"idle": After(hours=1, trigger="go")}},
            ".timeouts: 'go' is not allowed in state 'idle'",
        ),
        (
            {
                "states": (State("order", ("a", "b")),),
                "go": Trigger("order.a", "order.b"),
                "timeouts": {"order": After(hours=1, trigger="go")},
            },
            ".timeouts: 'go' is not allowed in state 'order.b'",
        ),
        (
            {"go": Trigger("*", "idle", conditions="is_redy"), "is_ready": lambda self: True},
            ".go uses unknown method 'is_redy'; did you mean 'is_ready'?",
        ),
        ({"go": Trigger("*", "idle", unless="nothing_like_it")}, ".go uses unknown method 'nothing_like_it'"),
        ({"go": Trigger("*", "idle", before=("nothing_like_it",))}, ".go uses unknown method 'nothing_like_it'"),
        ({"go": Trigger("*", "idle", after="nothing_like_it")}, ".go uses unknown method 'nothing_like_it'"),
        ({"on_enter_adress": lambda self: None}, ".on_enter_adress is for no state; did you mean 'address'?"),
        ({"on_enter_idle": _wait}, ".on_enter_idle cannot use the coroutine 'on_enter_idle'"),
        ({"on_exit_idle": _wait}, ".on_exit_idle cannot use the coroutine"),
        ({"go": Trigger("*", "idle", conditions=_wait)}, ".go cannot use the coroutine '_wait'"),
        ({"go": Trigger("*", "idle", after="wait"), "wait": _wait}, ".go cannot use the coroutine 'wait'"),
        ({"go": Trigger("*", "idle"), "data": {"go": ""}}, ".go is a trigger and data at once"),
        ({"dump": Trigger("*", "idle")}, ".dump would hide the dump that every flow has"),
        ({"state": "", "data": {"state": ""}}, ".state would hide the state that every flow has"),
        ({"load": lambda self: None}, ".load would hide the load that every flow has"),
        ({"data": {"number": ""}}, ".number has no default"),
        ({"data": {"number": ""}, "number": 5}, ".number must be str"),
    ],
)
def test_a_mistake_is_told_with_its_line_when_the_class_is_created(members: dict[str, Any], text: str) -> None:
    assert f"  Broken{text}" in broken(**members)


def test_a_mistake_in_a_trigger_is_told_with_the_line_of_the_trigger() -> None:
    with pytest.raises(FlowError) as caught:

        class Broken(Flow):
            states = ("idle",)

            go = Trigger("idle", "adress")

    lines = Path(__file__).read_text("utf-8").splitlines()
    line = re.search(r":(\d+)  Broken\.go", str(caught.value))
    assert line is not None
    assert lines[int(line[1]) - 1].strip() == 'go = Trigger("idle", "adress")'


def test_data_of_a_parent_cannot_become_a_trigger_nor_the_other_way_round() -> None:
    with pytest.raises(FlowError, match="number is a trigger and data at once"):
        type("Child", (Parcel,), {"number": Trigger("*", "idle")})
    with pytest.raises(FlowError, match="ask is a trigger and data at once"):
        type("Child", (Parcel,), {"__annotations__": {"ask": str}})


def test_a_flow_without_states_of_its_own_has_one() -> None:
    class Settings(Flow):
        language: str = "uk"

    assert Settings().state == "idle"


# The diagram.


def test_the_diagram_shows_guards_timeouts_and_the_current_state() -> None:
    class Shop(Flow):
        states = ("idle", State("order", ("size",)))
        start = Trigger("idle", "order", conditions="is_open")
        stop = Trigger("*", "idle")
        timeouts = {"order": After(minutes=30, trigger="stop"), "idle": After(days=1)}
        is_open: bool = True

    lines = [line.strip() for line in Shop.mermaid("order.size").splitlines()]
    assert lines[0] == "stateDiagram-v2"
    assert 'state "order" as s_order {' in lines
    assert "s_idle --> s_order: start [is_open]" in lines
    assert list(itertools.compress(lines, [line.endswith(": stop") for line in lines])) == [
        "s_idle --> s_idle: stop",
        "s_order --> s_idle: stop",
    ]
    assert "s_order --> s_idle: after 30 min / stop" in lines
    assert "note right of s_idle : after 1 d" in lines
    assert lines[-1] == "class s_order_size current"
