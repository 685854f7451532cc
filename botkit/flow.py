"""A conversation's machine and its data: `Flow`, with `Trigger`, `State` and `After` to define one.

The machine of a flow class is a shared table, built once, when the class is. It decides; a fresh `Flow` per event
holds the state. `transitions` is used here and nowhere else.
"""

import copy
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, Self

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import asdict
from transitions import Machine

from botkit.diagram import Arrow, mermaid
from botkit.exceptions import FlowError, IllegalMoveError, RecordError
from botkit.flow_data import UNSTORABLE, FlowData, annotated, misfit
from botkit.place import Place, caller
from botkit.trigger import After, Hook, State, Trigger, did_you_mean, hook_name, is_inside

__all__ = ["After", "Flow", "State", "Trigger"]


class Flow:
    """The machine and the data of one conversation.

    A subclass names its `states`, its moves (`Trigger`), its `timeouts`, and its data: public annotated attributes,
    each with a default. `on_enter_<state>` and `on_exit_<state>` methods are called as their names say (a dot becomes
    an underscore), in order, synchronously. A mistake in the definition is a `FlowError` when the class is created.

    `Flow` itself is what a bot without states has: one state, no data.
    """

    states: ClassVar[tuple[str | State, ...]] = ("idle",)
    timeouts: ClassVar[Mapping[str, After]] = MappingProxyType({})
    version: ClassVar[int] = 1
    initial: ClassVar[str] = ""
    _table: ClassVar["_Table"]
    _state: str

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._table = _Table(cls)

    def __init__(self) -> None:
        self.reset()

    # A type checker would take it as leave to set any name.
    if not TYPE_CHECKING:

        def __setattr__(self, name: str, value: object) -> None:
            known = self._table.data.types
            if name == "state":
                raise AttributeError("a flow's state is moved by its triggers only")
            if name not in known and not name.startswith("_"):
                raise AttributeError(f"{type(self).__name__} has no data named {name!r}{did_you_mean(name, known)}")
            super().__setattr__(name, value)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} in {self._state!r}>"

    @property
    def state(self) -> str:
        """The present state; one that is inside another is named like `order.size`."""
        return self._state

    @property
    def allowed(self) -> tuple[str, ...]:
        """The triggers that are legal now, in the order written; their guards are not asked."""
        return self._table.allowed[self._state]

    @classmethod
    def triggers(cls) -> Mapping[str, Trigger]:
        """Returns the flow's triggers by name, in the order written, inherited ones first."""
        return MappingProxyType(cls._table.triggers)

    @classmethod
    def state_names(cls) -> tuple[str, ...]:
        """Returns every state's name in the order written, one with states inside before these."""
        return tuple(cls._table.states)

    @classmethod
    def is_state(cls, name: str) -> bool:
        """Whether the flow has a state of that name; one with states inside counts too."""
        return name in cls._table.states

    @staticmethod
    def matches(current: str, wanted: str) -> bool:
        """Whether a conversation in `current` is also in `wanted`: "order.size" is also in "order"."""
        return is_inside(current, wanted)

    @classmethod
    def reachable(cls, states: Iterable[str], triggers: Iterable[str]) -> frozenset[str]:
        """Returns the states that these triggers can lead to from the given ones, these included; guards aside.

        In a flow with hooks it follows every trigger, since a hook may call any of them.
        """
        return cls._table.reachable(states, triggers)

    @classmethod
    def migrate(cls, version: int, data: dict[str, Any]) -> dict[str, Any]:
        """Returns stored data of an older version as this version wants it; override it when raising `version`."""
        return data

    @classmethod
    def load(cls, stored: bytes | Raw | None) -> Self:
        """Returns the flow as `dump` stored it, migrated where it was older; a new one where nothing is stored.

        Raises `RecordError` when the record cannot be read, is of a newer version, is in a state that the flow does
        not have, or holds data that does not fit.
        """
        flow = cls.__new__(cls)
        record = bytes(stored or b"")
        flow.__dict__.update(cls._table.decode(record) if record else cls._table.new())
        return flow

    def dump(self) -> bytes:
        """Returns state, version and data as JSON that `load` reads; raises `FlowError` for data of a wrong type."""
        return self._table.encode(self._state, self.__dict__)

    def reset(self) -> None:
        """Goes back to the initial state and the default data without calling a hook."""
        self.__dict__.clear()
        self.__dict__.update(self._table.new())

    @classmethod
    def mermaid(cls, current: str = "") -> str:
        """Returns the flow as a Mermaid state diagram with its guards and timeouts, the current state marked."""
        return mermaid(tuple(cls._table.states), cls._table.entries(), cls._table.arrows(), current)

    def _fire(self, trigger: Trigger) -> bool:
        dest = self._table.moves[self._state].get(trigger.name)
        if dest is None:
            return self._table.fire(self, trigger)
        self.__dict__["_state"] = dest
        return True


def entered(flow: type[Flow]) -> str:
    """Returns the state that a new flow of the class is in."""
    return flow._table.entered


def dumped_new(flow: type[Flow]) -> bytes:
    """Returns what `dump` returns of a new flow of the class."""
    return flow._table.dumped_new


class _Stored(Struct):
    s: str
    v: int
    d: Raw = Raw(b"{}")


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Stored).decode


class _Table:
    """All that is known of a flow class: its states by path, its triggers, its data, its machine."""

    def __init__(self, flow: type[Flow]) -> None:
        self.flow = flow
        self.place = caller()
        self.states = self._read_states()
        self.inner = {path: f"{path}.{state.first}" for path, state in self.states.items() if state}
        self.first = flow.initial or next(iter(self.states))
        self._check_state(self.first, "initial")
        self.triggers = self._read_triggers()
        self.allowed = {leaf: self._starting_in(leaf) for leaf in self.states if leaf not in self.inner}
        self._check_timeouts()
        self.data = self._read_data()
        self.read_record = self._build_decoder()
        self.callbacks = self._read_callbacks()
        self.has_hooks = bool(self.callbacks) or any(trigger.hooks for trigger in self.triggers.values())
        self.machine = self._build_machine()
        self.moves = self._read_moves()
        self.entered = self._leaf(self.first)
        self.dumped_new = self.encode(self.entered, self.data.new())

    # What an event does.

    def new(self) -> dict[str, Any]:
        values = self.data.new()
        values["_state"] = self.entered
        return values

    def fire(self, flow: Flow, trigger: Trigger) -> bool:
        if trigger.name not in self.allowed[flow._state]:
            raise self._illegal_move(flow, trigger)
        before = copy.deepcopy(flow.__dict__) if self.has_hooks else dict(flow.__dict__)
        try:
            return bool(self.machine.events[trigger.name].trigger(flow))
        except BaseException:
            # The machine has already changed the state when a hook fails.
            flow.__dict__ = before
            raise

    def _illegal_move(self, flow: Flow, trigger: Trigger) -> IllegalMoveError:
        place = caller()
        where = f" at {place} in {place.function}()" if place.path else ""
        sources = " or ".join(f'state="{source}"' for source in trigger.sources)
        return IllegalMoveError(
            f"{self.flow.__name__}.{trigger.name}() is not allowed in state {flow._state!r}{where}\n"
            f"  allowed here: {', '.join(flow.allowed) or 'nothing'}",
            fix=f"bind the handler to {sources}, or add {flow._state!r} to the sources of {trigger.name}",
        )

    def encode(self, state: str, values: Mapping[str, Any]) -> bytes:
        data = {name: values[name] for name in self.data.types}
        try:
            stored = _encode({"s": state, "v": self.flow.version, "d": data})
            self.read_record(stored)
        except UNSTORABLE:
            raise self.data.unstorable(values) from None
        return stored

    def decode(self, stored: bytes) -> dict[str, Any]:
        try:
            record = self.read_record(stored)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return self._decode_other(stored)
        if record.v != self.flow.version or record.s not in self.allowed:
            return self._decode_other(stored)
        values = asdict(record.d)
        values["_state"] = record.s
        return values

    def _decode_other(self, stored: bytes) -> dict[str, Any]:
        # A record of an older version, or one that cannot be taken: which, and why, is told.
        name, version = self.flow.__name__, self.flow.version
        try:
            record = _decode(stored)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise RecordError(f"the stored record of {name} cannot be read: {misfit(error)}") from None
        if record.v > version:
            text = f"the stored record of {name} is of version {record.v}, and this is version {version}"
            raise RecordError(text, fix="run the newer release, or reset the conversation")
        if record.s not in self.allowed:
            text = f"the stored record of {name} is in state {record.s!r}, which the flow does not have"
            raise RecordError(text, fix="keep the state until no conversation is in it, or reset the conversation")
        data = bytes(record.d)
        if record.v < version:
            data = _encode(self.flow.migrate(record.v, msgspec.json.decode(data)))
        values = self.data.decode(data)
        values["_state"] = record.s
        return values

    def reachable(self, states: Iterable[str], triggers: Iterable[str]) -> frozenset[str]:
        moves = self.triggers.values() if self.has_hooks else [self.triggers[name] for name in triggers]
        ways = [(leaf, self._leaf(move.dest)) for move in moves for leaf in self.allowed if move.starts_in(leaf)]
        found = {leaf for leaf in self.allowed if any(is_inside(leaf, state) for state in states)}
        while new := {dest for source, dest in ways if source in found} - found:
            found |= new
        return frozenset(found)

    # What the diagram shows.

    def entries(self) -> Iterator[Arrow]:
        yield Arrow("", self.first.partition(".")[0], "")
        for path, inner in self.inner.items():
            yield Arrow(path, inner, "")

    def arrows(self) -> Iterator[Arrow]:
        top = tuple(path for path in self.states if "." not in path)
        for trigger in self.triggers.values():
            for source in top if "*" in trigger.sources else trigger.sources:
                yield Arrow(source, trigger.dest, trigger.label)
        for state, after in self.flow.timeouts.items():
            dest = self.triggers[after.trigger].dest if after.trigger else ""
            yield Arrow(state, dest, f"after {after}" + (f" / {after.trigger}" if dest else ""))

    # What the class statement does: a mistake is told with its line and a fix.

    def _fail(self, what: str, fix: str, place: Place | None = None) -> NoReturn:
        raise FlowError(f"{place or self.place}  {self.flow.__name__}{what}", fix=fix)

    def _read_states(self) -> dict[str, State | None]:
        states: dict[str, State | None] = {}
        for path, state in _walk(self.flow.states):
            if not path.rpartition(".")[2].isidentifier():
                self._fail(f".states has {path!r}, which is no name", "use letters, digits and underscores")
            # The hooks of order.size and of order_size would have the same name.
            if path.replace(".", "_") in {known.replace(".", "_") for known in states}:
                self._fail(f".states has {path!r} twice", "take one away or rename it")
            states[path] = state
        for path, state in states.items():
            if state and f"{path}.{state.first}" not in states:
                self._fail(f".states: {path!r} has no state {state.first!r} inside", "name one of its states")
        if not states:
            self._fail(".states is empty", 'name at least one: states = ("idle",)')
        return states

    def _read_triggers(self) -> dict[str, Trigger]:
        found: dict[str, Trigger] = {}
        for base in reversed(self.flow.__mro__):
            found |= {name: value for name, value in vars(base).items() if isinstance(value, Trigger)}
        triggers = {name: trigger for name, trigger in found.items() if getattr(self.flow, name) is trigger}
        for name, trigger in triggers.items():
            for state in trigger.sources:
                if state != "*":
                    self._check_state(state, name, trigger.place)
            self._check_state(trigger.dest, name, trigger.place)
        return triggers

    def _check_state(self, name: str, what: str, place: Place | None = None) -> None:
        if name not in self.states:
            text = f".{what} uses unknown state {name!r}{did_you_mean(name, self.states)}"
            self._fail(text, f"use one of: {', '.join(self.states)}", place)

    def _check_timeouts(self) -> None:
        for state, after in self.flow.timeouts.items():
            self._check_state(state, "timeouts")
            name = after.trigger
            if name and name not in self.triggers:
                text = f".timeouts uses unknown trigger {name!r}{did_you_mean(name, self.triggers)}"
                self._fail(text, f"use one of: {', '.join(self.triggers) or 'none is defined'}")
            shut = [leaf for leaf in self.allowed if is_inside(leaf, state) and name not in self.allowed[leaf]]
            if name and shut:
                fix = f"add {shut[0]!r} to the sources of {name}, or use one of: {', '.join(self.allowed[shut[0]])}"
                self._fail(f".timeouts: {name!r} is not allowed in state {shut[0]!r}", fix)

    def _read_data(self) -> FlowData:
        self._check_names()
        try:
            types = annotated(self.flow, Flow)
            defaults = {name: getattr(self.flow, name) for name in types if hasattr(self.flow, name)}
            return FlowData(self.flow.__name__, types, defaults)
        except FlowError as error:
            raise FlowError(f"{self.place}  {error.what}", fix=error.fix) from None

    def _check_names(self) -> None:
        if self.flow is Flow:
            return
        data = {name for part in self.flow.__mro__ for name in inspect.get_annotations(part)}
        for name in self.triggers:
            if name in data:
                self._fail(f".{name} is a trigger and data at once", "rename one of them", self.triggers[name].place)
        for name in [*vars(self.flow), *inspect.get_annotations(self.flow)]:
            if name in _TAKEN:
                self._fail(f".{name} would hide the {name} that every flow has", "rename it")

    def _read_callbacks(self) -> dict[str, str]:
        # Keyed by the moment: "on_enter order.size".
        states = {path.replace(".", "_"): path for path in self.states}
        found: dict[str, str] = {}
        for name in dir(self.flow):
            kind = next((kind for kind in ("on_enter", "on_exit") if name.startswith(kind + "_")), "")
            if not kind:
                continue
            state = name.removeprefix(kind + "_")
            if state not in states:
                self._fail(f".{name} is for no state{did_you_mean(state, states)}", "rename it, or add the state")
            self._check_hook(name, name)
            found[f"{kind} {states[state]}"] = name
        for trigger in self.triggers.values():
            for hook in trigger.hooks:
                self._check_hook(hook, trigger.name, trigger.place)
        return found

    def _check_hook(self, hook: Hook, what: str, place: Place | None = None) -> None:
        if isinstance(hook, str) and not hasattr(self.flow, hook):
            known = [name for name in dir(self.flow) if not name.startswith("_")]
            text = f".{what} uses unknown method {hook!r}{did_you_mean(hook, known)}"
            self._fail(text, f"define {hook}(self) in the flow", place)
        function = getattr(self.flow, hook) if isinstance(hook, str) else hook
        if inspect.iscoroutinefunction(function):
            fix = "make it a plain def, and await in the handler"
            self._fail(f".{what} cannot use the coroutine {hook_name(hook)!r}: a move is made at once", fix, place)

    def _build_decoder(self) -> Callable[[bytes], Any]:
        """Returns what reads a record as a whole: state, version and data that fits."""
        data = ("d", self.data.struct, msgspec.field(default_factory=self.data.struct))
        record = msgspec.defstruct(self.flow.__name__, [("s", str), ("v", int), data])
        return msgspec.json.Decoder(record).decode

    def _build_machine(self) -> Machine:
        # States inside states are unfolded: a HierarchicalMachine takes five times as long, and keeps its position
        # in itself, while plain handlers run in threads.
        machine = Machine(
            model=None,
            states=list(self.allowed),
            initial=None,
            auto_transitions=False,
            send_event=True,
            model_attribute="_state",
            name=self.flow.__name__,
        )
        for trigger in self.triggers.values():
            for leaf in self.allowed:
                if trigger.starts_in(leaf):
                    self._add_move(machine, trigger, leaf)
        return machine

    def _add_move(self, machine: Machine, trigger: Trigger, source: str) -> None:
        dest = self._leaf(trigger.dest)
        # What is around both stays; the state that the trigger names is always left and entered.
        kept = [path for path in _around(trigger.dest) if path != trigger.dest and is_inside(source, path)]
        exits = [f"on_exit {path}" for path in reversed(_around(source)) if path not in kept]
        enters = [f"on_enter {path}" for path in _around(dest) if path not in kept]
        machine.add_transition(
            trigger.name,
            source,
            dest,
            conditions=[_guard(hook) for hook in trigger.conditions],
            unless=[_guard(hook) for hook in trigger.unless],
            before=[_callback(hook) for hook in trigger.before + self._hooks(exits)],
            after=[_callback(hook) for hook in self._hooks(enters) + trigger.after],
        )

    def _read_moves(self) -> dict[str, dict[str, str]]:
        """Returns where each trigger leads from each state, where nothing is asked and nothing is called on the way."""
        moves: dict[str, dict[str, str]] = {leaf: {} for leaf in self.allowed}
        for name, event in self.machine.events.items():
            for source, ways in event.transitions.items():
                way = ways[0]
                if way.dest and not (way.conditions or way.prepare or way.before or way.after):
                    moves[source][name] = way.dest
        return moves

    def _hooks(self, moments: list[str]) -> tuple[Hook, ...]:
        return tuple(self.callbacks[moment] for moment in moments if moment in self.callbacks)

    def _leaf(self, path: str) -> str:
        while path in self.inner:
            path = self.inner[path]
        return path

    def _starting_in(self, state: str) -> tuple[str, ...]:
        return tuple(name for name, trigger in self.triggers.items() if trigger.starts_in(state))


def _walk(states: tuple[str | State, ...], prefix: str = "") -> Iterator[tuple[str, State | None]]:
    for state in states:
        if isinstance(state, str):
            yield prefix + state, None
        else:
            yield prefix + state.name, state
            yield from _walk(state.states, f"{prefix}{state.name}.")


def _around(path: str) -> list[str]:
    parts = path.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts) + 1)]


def _callback(hook: Hook) -> Callable[[Any], Any]:
    # A name is looked up when it is called: a subclass may override the method, and a guard may be an attribute.
    def call(event: Any) -> Any:
        if not isinstance(hook, str):
            return hook(event.model)
        value = getattr(event.model, hook)
        return value() if callable(value) else value

    return call


def _guard(hook: Hook) -> Callable[[Any], bool]:
    ask = _callback(hook)
    return lambda event: bool(ask(event))


_TAKEN = {name for name in [*vars(Flow), *inspect.get_annotations(Flow)] if not name.startswith("__")} - {
    "states",
    "timeouts",
    "version",
    "initial",
    "migrate",
}
Flow._table = _Table(Flow)
