"""Reads a handler's source for the triggers it calls, and finds those that can never be legal there."""

import ast
import inspect
import textwrap
from collections.abc import Iterator

from msgspec import Struct

from botkit.flow import Flow
from botkit.place import shown_path
from botkit.route import Route
from botkit.trigger import did_you_mean


class Call(Struct, frozen=True):
    """`ctx.flow.<name>()` in a handler, and its line in the file."""

    name: str
    line: int


def move_problems(route: Route) -> Iterator[str]:
    """Yields a problem for each call of an unknown trigger, and for each move that is illegal in the route's states.

    A handler whose source is not at hand, or that passes `ctx` or `ctx.flow` on, is not judged by its states.
    """
    function = inspect.unwrap(route.handler)
    code = getattr(function, "__code__", None)
    # Reading source takes a millisecond: only where there can be a call.
    if code is None or "flow" not in code.co_names:
        return
    tree = _source(function)
    if tree is None:
        return
    context = code.co_varnames[1]
    calls = [Call(name, line + code.co_firstlineno - 1) for name, line in _calls(tree, context)]
    path = shown_path(code.co_filename)
    known = route.flow.triggers()
    for call in calls:
        if not hasattr(route.flow, call.name):
            near = did_you_mean(call.name, known)
            fix = f"call one of: {', '.join(known) or 'none is defined'}"
            yield f"{path}:{call.line}  {route.flow.__name__} has no trigger {call.name!r}{near}\n  fix: {fix}"
    if route.states and not _is_passed_on(tree, context) and all(call.name in known for call in calls):
        for call in calls:
            yield from _illegal(route.flow, route.states, call, [c.name for c in calls if c != call], path)


def _illegal(flow: type[Flow], states: tuple[str, ...], call: Call, others: list[str], path: str) -> Iterator[str]:
    if not all(flow.is_state(state) for state in states):
        return
    reached = flow.reachable(states, others)
    trigger = flow.triggers()[call.name]
    if not any(trigger.starts_in(state) for state in reached):
        allowed = [name for name, other in flow.triggers().items() if any(other.starts_in(state) for state in reached)]
        bound = " or ".join(repr(state) for state in states)
        yield (
            f"{path}:{call.line}  {flow.__name__}.{call.name}() is not allowed in state {bound}\n"
            f"  allowed there: {', '.join(allowed) or 'nothing'}\n"
            f"  fix: bind the handler to {' or '.join(map(repr, trigger.sources))}, or add {bound} to the sources"
        )


def _source(function: object) -> ast.AST | None:
    try:
        return ast.parse(textwrap.dedent(inspect.getsource(function)))  # type: ignore[arg-type]  # it has __code__
    except (OSError, TypeError, SyntaxError):
        return None


def _calls(tree: ast.AST, context: str) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _is_flow(node.func.value, context):
            yield node.func.attr, node.lineno


def _is_flow(node: ast.AST, context: str) -> bool:
    if not isinstance(node, ast.Attribute) or node.attr != "flow":
        return False
    return isinstance(node.value, ast.Name) and node.value.id == context


def _is_passed_on(tree: ast.AST, context: str) -> bool:
    attributes = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    used = sum(isinstance(node.value, ast.Name) and node.value.id == context for node in attributes)
    flows = sum(_is_flow(node, context) for node in attributes)
    names = sum(isinstance(node, ast.Name) and node.id == context for node in ast.walk(tree))
    inside = sum(_is_flow(node.value, context) for node in attributes)
    return names > used or flows > inside
