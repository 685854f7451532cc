"""The data of a flow: annotated attributes as a msgspec type, checked whenever they are stored and read."""

import copy
import inspect
import re
import typing
from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

import msgspec

from botkit.exceptions import FlowError, RecordError

#: What encoding values, and reading them back, raises where one is of a wrong type.
UNSTORABLE = (msgspec.MsgspecError, TypeError, ValueError, OverflowError, RecursionError)
_FIX = "data can be str, int, float, bool, datetime, date, Decimal, Enum, list, dict, Struct, or one of these and None"

_encode = msgspec.json.Encoder().encode


def annotated(flow: type, base: type) -> dict[str, Any]:
    """Returns the names and types of the public annotated attributes that `flow` has beyond those of `base`.

    They are in the order written, inherited ones first, without any `ClassVar`. Raises `FlowError` for an
    annotation that names what cannot be found.
    """
    try:
        hints = typing.get_type_hints(flow, include_extras=True)
    except (NameError, TypeError) as error:
        fix = "import what it names outside `if TYPE_CHECKING:`"
        raise FlowError(f"{flow.__name__} has an annotation that cannot be read: {error}", fix=fix) from None
    written = dict.fromkeys(name for part in reversed(flow.__mro__) for name in inspect.get_annotations(part))
    names = [name for name in written if not name.startswith("_") and name not in inspect.get_annotations(base)]
    return {name: hints[name] for name in names if ClassVar not in (hints[name], typing.get_origin(hints[name]))}


class FlowData:
    """The data of one flow class: its names and types, and how they are stored.

    Each name needs a default that fits its type; one that can be changed is copied for every flow.
    """

    def __init__(self, owner: str, types: Mapping[str, Any], defaults: Mapping[str, Any]) -> None:
        self.owner = owner
        self.types = types
        missing = [name for name in types if name not in defaults]
        if missing:
            raise FlowError(f"{owner}.{missing[0]} has no default", fix=f'give it one, like {missing[0]}: str = ""')
        try:
            fields = [(name, hint, _field(defaults[name])) for name, hint in types.items()]
            #: The values as one type.
            self.struct = msgspec.defstruct(owner, fields)
            self._decode = msgspec.json.Decoder(self.struct).decode
        except TypeError as error:
            raise FlowError(f"{owner} has data that cannot be stored: {error}", fix=_FIX) from None
        self.encode(defaults)

    def new(self) -> dict[str, Any]:
        """Returns the default data."""
        return msgspec.structs.asdict(self.struct())

    def encode(self, values: Mapping[str, Any]) -> bytes:
        """Returns the values as JSON that `decode` is sure to read; raises `FlowError` where one does not fit."""
        try:
            data = _encode({name: values[name] for name in self.types})
            self._decode(data)
        except UNSTORABLE:
            raise self.unstorable(values) from None
        return data

    def decode(self, data: bytes) -> dict[str, Any]:
        """Returns the values of stored data, defaults where it has none; raises `RecordError` where it does not fit."""
        try:
            return msgspec.structs.asdict(self._decode(data))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            text = f"the stored data of {self.owner} does not fit: {misfit(error)}"
            raise RecordError(text, fix=f"raise {self.owner}.version and override migrate()") from None

    def unstorable(self, values: Mapping[str, Any]) -> FlowError:
        """Returns the error that names the first of the values that does not fit."""
        for name, hint in self.types.items():
            try:
                msgspec.json.decode(_encode(values[name]), type=hint)
            except UNSTORABLE:
                wanted, kind = _type_name(hint), type(values[name]).__name__
                text = f"{self.owner}.{name} must be {wanted}; it holds a value of type {kind} that is not"
                return FlowError(text, fix=f"change what is assigned to it, or its annotation; {_FIX}")
        return FlowError(f"the data of {self.owner} cannot be stored", fix=_FIX)


def misfit(error: Exception) -> str:
    """Returns what a decoding error says, without the value that caused it."""
    text = str(error)
    if text.startswith(("Expected", "Object missing", "JSON is malformed", "Input data was truncated")):
        return text
    path = re.search(r"`\$[^`]*`$", text)
    return f"invalid value at {path[0]}" if path else "invalid value"


def _field(default: Any) -> Any:
    if isinstance(default, (str, int, float, type(None))):
        return msgspec.field(default=default)
    return msgspec.field(default_factory=partial(copy.deepcopy, default))


def _type_name(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) and not typing.get_args(hint) else str(hint)
