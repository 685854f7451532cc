"""The names of botkit: one list, said three times alike, and imported no sooner than needed."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import botkit
from botkit import _HOMES, __all__


def imported_for_types() -> dict[str, str]:
    """Returns the module of each name in the `if TYPE_CHECKING:` part of the package."""
    tree = ast.parse(Path(botkit.__file__).read_text("utf-8"))
    (block,) = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    lines = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    return {alias.name: line.module or "" for line in lines for alias in line.names}


def test_the_list_the_types_and_the_homes_are_the_same() -> None:
    assert imported_for_types() == {name: f"botkit.{module}" for name, module in _HOMES.items()}
    assert set(__all__) == {*_HOMES, "__version__"}


def test_the_list_has_no_name_twice_and_is_in_order() -> None:
    assert __all__ == sorted(set(__all__))


@pytest.mark.parametrize("name", sorted(_HOMES))
def test_every_name_can_be_imported_and_says_what_it_is(name: str) -> None:
    member = getattr(botkit, name)
    # A class's own words: `__doc__` would be the base class's where it has none.
    assert inspect.cleandoc(vars(member)["__doc__"] if inspect.isclass(member) else member.__doc__)


@pytest.mark.parametrize("name", ["gbm", "telegram", "viber"])
def test_a_channel_s_own_words_are_found_under_its_name(name: str) -> None:
    code = f"from botkit import {name}; import botkit.channels.{name} as module; print({name} is module)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


def test_every_channel_has_its_name_among_those_of_botkit() -> None:
    adapters = {getattr(botkit, name).channel for name in ("BusinessMessages", "Telegram", "Viber")}
    assert {name for name, home in _HOMES.items() if home == "channels"} == adapters


def test_a_first_sentence_stands_alone_on_its_line() -> None:
    docs = {name: getattr(botkit, name).__doc__ for name in _HOMES}
    assert [name for name, doc in docs.items() if not doc.split("\n", 1)[0].rstrip().endswith((".", ":"))] == []


def test_a_completion_shows_the_names_and_nothing_else() -> None:
    assert dir(botkit) == sorted(__all__)


def test_a_name_that_is_not_there_is_told_as_usual() -> None:
    with pytest.raises(AttributeError, match="module 'botkit' has no attribute 'Nothing'"):
        botkit.Nothing  # noqa: B018
    assert not hasattr(botkit, "_HOME")


def test_the_version_is_the_one_of_the_distribution() -> None:
    from importlib.metadata import version

    assert botkit.__version__ == version("botkit")


@pytest.mark.parametrize("module", ["botkit", "botkit.cli"])
def test_importing_loads_no_library_that_a_command_may_not_need(module: str) -> None:
    code = f"import sys, {module}; print(*{{'httpx', 'starlette', 'redis'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


def test_every_name_comes_by_itself() -> None:
    code = "from botkit import *; print(*sorted(set(globals()) & set(__import__('botkit').__all__)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == sorted(__all__)
