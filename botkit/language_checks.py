"""Reads source for what `_()` and its like are given, and finds what can never be translated."""

import ast
import inspect
from collections.abc import Iterator, Sequence
from pathlib import Path

from botkit.place import shown_path
from botkit.route import Route

#: How many texts each function is given.
TEXTS = {"_": 1, "ngettext": 2, "pgettext": 2}

_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def handler_problems(routes: Sequence[Route]) -> Iterator[str]:
    """Yields the problems in every module that has a handler of these routes, as far as its source is at hand."""
    codes = [getattr(inspect.unwrap(route.handler), "__code__", None) for route in routes]
    for path in dict.fromkeys(code.co_filename for code in codes if code):
        try:
            source = Path(path).read_text("utf-8")
        except (OSError, ValueError):
            continue
        yield from text_problems(source, shown_path(path))


def text_problems(source: str, path: str) -> Iterator[str]:
    """Yields a problem, with its line and a fix, for each text that a translator never sees or nobody ever hears.

    A text must be written out: what is computed cannot be collected. A name may stand for one, for a text that is
    written out elsewhere. Outside a function, nobody is being spoken to yet.
    """
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return
    names = _imported(tree)
    for call, is_inside in _calls(tree, is_inside=False):
        if isinstance(call.func, ast.Name) and call.func.id in names:
            name = names[call.func.id]
            fault = _fault(call, name, call.func.id, is_inside=is_inside)
            if fault:
                yield f"{path}:{call.lineno}  {fault}"


def _imported(tree: ast.Module) -> dict[str, str]:
    """Returns what botkit's functions are called in the module."""
    lines = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "botkit"]
    return {alias.asname or alias.name: alias.name for line in lines for alias in line.names if alias.name in TEXTS}


def _calls(node: ast.AST, *, is_inside: bool) -> Iterator[tuple[ast.Call, bool]]:
    """Yields each call and whether it is inside a function, not in its decorators or defaults."""
    body: list[ast.AST] = []
    if isinstance(node, ast.Call):
        yield node, is_inside
    if isinstance(node, _Function):
        body = [*node.body] if isinstance(node.body, list) else [node.body]
    for child in ast.iter_child_nodes(node):
        yield from _calls(child, is_inside=is_inside or child in body)


def _fault(call: ast.Call, name: str, written: str, *, is_inside: bool) -> str:
    if written != name:
        return f"{name} is called {written}() here: it is not found\n  fix: import it under its own name"
    if not is_inside:
        fix = "write a function that returns the text, and call it in the handler"
        return f"{name}() outside a function runs before anybody is spoken to\n  fix: {fix}"
    texts = call.args[: TEXTS[name]]
    kinds = (ast.Constant, ast.Name, ast.Attribute, ast.Subscript)
    if all(isinstance(text, kinds) for text in texts):
        return ""
    fault = "an f-string" if any(isinstance(text, ast.JoinedStr) for text in texts) else "a text that is computed"
    fix = 'write the text out and fill it in afterwards: _("Hello {name}").format(name=name)'
    return f"{name}() is given {fault}, which no translator sees\n  fix: {fix}"
