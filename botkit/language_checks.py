"""Reads source for the texts in `_()` and its like, and finds those that can never be translated."""

import ast
import inspect
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from botkit.place import shown_path
from botkit.route import Route

#: How many texts each function is given.
TEXTS = {"_": 1, "ngettext": 2, "pgettext": 2}

_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


class Text(Struct, frozen=True):
    """A text to translate, with its plural if it has one, and the line of its call."""

    line: int
    texts: tuple[str, ...]
    context: str | None = None


class _Call(Struct, frozen=True):
    # Of one of botkit's functions; `written` is what that is called here.
    node: ast.Call
    name: str
    written: str
    is_inside: bool

    @property
    def texts(self) -> list[ast.expr]:
        return self.node.args[: TEXTS[self.name]]


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
    for call in _translations(tree):
        fault = _fault(call)
        if fault:
            yield f"{path}:{call.node.lineno}  {fault}"


def find_texts(source: str) -> Iterator[Text]:
    """Yields every text that is written out, in the order of the source. Raises SyntaxError."""
    for call in _translations(ast.parse(source)):
        texts = tuple(
            text.value for text in call.texts if isinstance(text, ast.Constant) and isinstance(text.value, str)
        )
        if len(texts) == TEXTS[call.name]:
            has_context = call.name == "pgettext"
            yield Text(call.node.lineno, texts[has_context:], texts[0] if has_context else None)


def _translations(tree: ast.Module) -> list[_Call]:
    lines = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "botkit"]
    names = {alias.asname or alias.name: alias.name for line in lines for alias in line.names if alias.name in TEXTS}
    found = [
        _Call(node, names[node.func.id], node.func.id, is_inside)
        for node, is_inside in _calls(tree, is_inside=False)
        if isinstance(node.func, ast.Name) and node.func.id in names
    ]
    return sorted(found, key=lambda call: (call.node.lineno, call.node.col_offset))


def _calls(node: ast.AST, *, is_inside: bool) -> Iterator[tuple[ast.Call, bool]]:
    """Yields each call and whether it is inside a function, not in its decorators or defaults."""
    body: list[ast.AST] = []
    if isinstance(node, ast.Call):
        yield node, is_inside
    if isinstance(node, _Function):
        body = [*node.body] if isinstance(node.body, list) else [node.body]
    for child in ast.iter_child_nodes(node):
        yield from _calls(child, is_inside=is_inside or child in body)


def _fault(call: _Call) -> str:
    if not call.is_inside:
        fix = "write a function that returns the text, and call it in the handler"
        return f"{call.written}() outside a function runs before anybody is spoken to\n  fix: {fix}"
    kinds = (ast.Constant, ast.Name, ast.Attribute, ast.Subscript)
    if all(isinstance(text, kinds) for text in call.texts):
        return ""
    fault = "an f-string" if any(isinstance(text, ast.JoinedStr) for text in call.texts) else "a text that is computed"
    fix = 'write the text out and fill it in afterwards: _("Hello {name}").format(name=name)'
    return f"{call.written}() is given {fault}, which no translator sees\n  fix: {fix}"
