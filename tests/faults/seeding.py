"""Seeds a defect into the botkit of this process, of which nobody else is to know: a fork, which ends with its test."""

import hashlib
import importlib
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FunctionType, ModuleType

from msgspec import Struct

import botkit
from botkit.redis.scripts import Script, compose, load_scripts

PACKAGE = Path(botkit.__file__).parent
_LIST = Path(__file__).with_name("defects.txt")


class Defect(Struct, frozen=True):
    """A replacement of `old`, which must be in `file` once, by `new`; `guards` names the guarantee that it breaks.

    `caught_by` is a test that fails with it. One that harms nobody has the reason in `redundant` instead.
    """

    name: str
    guards: str
    file: str
    old: str
    new: str
    caught_by: str = ""
    redundant: str = ""

    @property
    def is_applicable(self) -> bool:
        """Whether the text that it replaces is there, and once."""
        return (PACKAGE / self.file).read_text().count(self.old) == 1


def load_defects() -> dict[str, Defect]:
    """Reads the list: a title, `guards`, `in`, lines with `-` and `+`, and `by` or `redundant`."""
    found = [_read(part) for part in _LIST.read_text().split("\n= ")[1:]]
    return {defect.name: defect for defect in found}


def _read(part: str) -> Defect:
    name, *lines = part.splitlines()
    fields = {word: rest for word, _, rest in (line.partition(" ") for line in lines) if word not in ("-", "+")}
    old, new = ("\n".join(line[2:] for line in lines if line[:1] == sign) for sign in "-+")
    return Defect(name, fields["guards"], fields["in"], old, new, fields.get("by", ""), fields.get("redundant", ""))


def seed(defect: Defect) -> None:
    """Puts the defect into the scripts that will be loaded, or into the functions that are."""
    assert defect.is_applicable, f"{defect.file} has no such text, or more than one: {defect.old}"
    if defect.file.endswith(".lua"):
        _seed_script(defect)
    else:
        _seed_module(defect)


def _seed_script(defect: Defect) -> None:
    name, text = Path(defect.file).stem, (PACKAGE / defect.file).read_text()
    spoiled = text.replace(defect.old, defect.new)
    for shebang in (False, True):
        scripts = load_scripts(shebang=shebang)
        for each in scripts if name == "head" else [name]:
            body = (PACKAGE / defect.file).with_stem(each).read_text()
            old, new = (compose(text, body), compose(spoiled, body)) if name == "head" else (text, spoiled)
            whole = scripts[each].text.replace(old, new)
            scripts[each] = Script(whole, hashlib.sha1(whole.encode()).hexdigest())  # noqa: S324


def _seed_module(defect: Defect) -> None:
    path = PACKAGE / defect.file
    module = importlib.import_module(".".join(("botkit", *Path(defect.file).with_suffix("").parts)))
    whole = compile(path.read_text().replace(defect.old, defect.new), str(path), "exec", dont_inherit=True)
    codes = dict(_codes(whole))
    # Whoever has imported a function or a class of it has what is changed here.
    for function in _functions(module):
        function.__code__ = codes[function.__qualname__]


def _codes(code: CodeType) -> Iterator[tuple[str, CodeType]]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant.co_qualname, constant
            yield from _codes(constant)


def _functions(module: ModuleType) -> Iterator[FunctionType]:
    for value in vars(module).values():
        for each in vars(value).values() if isinstance(value, type) else [value]:
            function = getattr(each, "fget", None) or getattr(each, "__func__", each)
            function = getattr(function, "__wrapped__", function)
            if isinstance(function, FunctionType) and function.__code__.co_filename == module.__file__:
                yield function
