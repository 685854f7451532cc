"""Reads what handlers say from their source, and tells where a service shows it otherwise than written."""

import ast
import inspect
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from types import FunctionType
from typing import Any

from msgspec import Struct

from botkit import buttons, messages
from botkit.adapter import Adapter
from botkit.bot import Bot
from botkit.buttons import rows
from botkit.conversation import Conversation
from botkit.exceptions import BotkitError
from botkit.messages import AnyMessage, Message, Text
from botkit.place import shown_path

_NOUNS: Mapping[str, type] = {
    name: kind
    for module in (messages, buttons)
    for name, kind in vars(module).items()
    if isinstance(kind, type) and issubclass(kind, Struct) and not name.startswith("_")
}
_OPTIONS = ("buttons", "silent", "fallback")


class Said(Struct, frozen=True):
    """A message as a handler would build it, and the line where it does."""

    message: Message
    line: int


class _Unknown(Exception):
    """What an expression comes to shows only when it runs."""


def degradations(bot: Bot) -> Iterator[str]:
    """Yields a line for each message in a bot's handlers that one of its services shows otherwise than written.

    It judges what is written out: texts, buttons, options. What is computed shows when it is said, in the log.
    """
    handlers = dict.fromkeys(inspect.unwrap(route.handler) for route in bot.table.routes)
    for function in [handler for handler in handlers if isinstance(handler, FunctionType)]:
        path = shown_path(function.__code__.co_filename)
        for said, adapter in product(said_by(function), bot.accounts):
            yield from (f"{path}:{said.line}  {loss}" for loss in _losses(said.message, adapter))


def said_by(function: FunctionType) -> Iterator[Said]:
    """Yields the messages that a handler says, as far as they are written out in it."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, SyntaxError):
        return
    first = function.__code__.co_firstlineno - 1
    for call in [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _is_saying(node)]:
        if message := _message(call, function.__globals__):
            yield Said(message, first + call.lineno)


def _losses(message: Message, adapter: Adapter) -> Iterator[str]:
    try:
        prepared = adapter.prepare(_known(message), Conversation(adapter.account, "1"))
    except BotkitError as error:
        yield f"{type(message).__name__} cannot be sent on {adapter.channel}: {error.what}"
        return
    for loss in dict.fromkeys(prepared.losses):
        yield f"{type(message).__name__} on {adapter.channel}: {loss}"


def _known(message: Any) -> AnyMessage:
    known: AnyMessage = message
    return known


def _is_saying(node: ast.Call) -> bool:
    return isinstance(node.func, ast.Attribute) and node.func.attr in ("reply", "send")


def _message(node: ast.Call, names: Mapping[str, Any]) -> Message | None:
    at = 1 if isinstance(node.func, ast.Attribute) and node.func.attr == "send" else 0
    if len(node.args) <= at:
        return None
    try:
        content = _value(node.args[at], names)
        options = {word.arg: _value(word.value, names) for word in node.keywords if word.arg in _OPTIONS}
        if isinstance(content, str):
            return Text(text=content, **options | {"buttons": rows(options.get("buttons", ()))})
    except (_Unknown, BotkitError, TypeError, AttributeError, IndexError):
        # What is wrongly built fails when it is said, with its own traceback; the start goes on.
        return None
    return content if isinstance(content, Message) else None


def _value(node: ast.expr, names: Mapping[str, Any]) -> Any:
    """Returns what an expression comes to. Raises _Unknown where that shows only when it runs."""
    match node:
        case ast.Constant():
            return node.value
        case ast.JoinedStr():
            # What is filled in has at least a character.
            return "".join(str(part.value) if isinstance(part, ast.Constant) else "x" for part in node.values)
        case ast.List() | ast.Tuple():
            return _sequence(node.elts, names)
        case ast.Call():
            return _call(node, names)
        case ast.Attribute(attr="text" | "label" | "value"):
            return "x"
    raise _Unknown


def _sequence(nodes: Sequence[ast.expr], names: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(_value(node, names) for node in nodes)


def _call(node: ast.Call, names: Mapping[str, Any]) -> Any:
    match node.func:
        case ast.Name(id="_" | "ngettext"):
            return _value(node.args[0], names)
        case ast.Attribute(attr="format"):
            return _value(node.func.value, names)
        case ast.Name(id=name) if names.get(name) is _NOUNS.get(name, _Unknown):
            given = {word.arg: _value(word.value, names) for word in node.keywords if word.arg}
            if "buttons" in given:
                given["buttons"] = rows(given["buttons"])
            return _NOUNS[name](*_sequence(node.args, names), **given)
    raise _Unknown
