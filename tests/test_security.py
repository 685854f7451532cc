"""What docs/security.md claims: its table names tests that exist, and what no other test file is about."""

import ast
import gc
import re
import time
import tomllib
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest

from botkit import filters
from botkit.flow import Flow
from botkit.formatting import parse
from botkit.trigger import Trigger

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/security.md").read_text("utf-8")
SOURCES = {path: path.read_text("utf-8") for path in sorted((ROOT / "botkit").rglob("*.py"))}
ROWS = re.findall(r"^\| (S-\d+b?) \|(.*)\|$", PAGE, re.MULTILINE)


# --- the table


@pytest.mark.parametrize(("row", "text"), ROWS, ids=[row for row, _ in ROWS])
def test_every_test_that_the_table_names_is_there(row: str, text: str) -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(test_\w+))?`", text)
    assert named, f"{row} names no test"
    for file, test in named:
        source = (ROOT / file).read_text("utf-8")
        assert not test or re.search(rf"^(?:async )?def {test}\(", source, re.MULTILINE), f"{row}: {file}::{test}"


def test_the_rows_are_in_order_and_none_is_there_twice() -> None:
    found = [row for row, _ in ROWS]
    # From 31 on they are about the inspector, which there is not yet.
    numbered = [f"S-{number}" for number in range(1, 51) if not 31 <= number <= 37]
    assert [row for row in found if row != "S-11b"] == numbered
    assert found.index("S-11b") == found.index("S-11") + 1


# --- code and data


def calls(source: str) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def test_nothing_is_ever_unpickled_evaluated_or_run_in_a_shell() -> None:
    forbidden = re.compile(r"(eval|exec|compile|__import__|os\.(system|popen)|(pickle|marshal|shelve|yaml)\..*)")
    found = {
        f"{path.name}: {name}"
        for path, source in SOURCES.items()
        for name, _ in calls(source)
        if forbidden.fullmatch(name)
    }
    shells = {
        path.name
        for path, source in SOURCES.items()
        for _, call in calls(source)
        if any(word.arg == "shell" for word in call.keywords)
    }
    imports = {
        name for source in SOURCES.values() for name in re.findall(r"^(?:import|from) (\w+)", source, re.MULTILINE)
    }
    assert found == set()
    assert shells == set()
    assert imports.isdisjoint({"pickle", "marshal", "shelve", "yaml", "dill"})


def test_the_linter_s_rules_of_security_hold_in_all_of_botkit() -> None:
    lint = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["ruff"]["lint"]
    assert "S" in lint["select"]
    # The one rule that is off asks of every child process whether its words are trusted.
    assert [rule for rule in lint["ignore"] if rule.startswith("S")] == ["S603"]
    assert not [place for place in lint["per-file-ignores"] if place.startswith("botkit")]
    noted = {rule for source in SOURCES.values() for rule in re.findall(r"# noqa: ?(S\d+)", source)}
    # Types that mypy cannot see, names that are no secrets, a folder whose owner is checked, figures that need not be
    # unguessable, hashes that others chose.
    assert noted <= {"S101", "S104", "S105", "S106", "S107", "S108", "S311", "S324"}


def test_no_temporary_file_has_a_name_that_can_be_guessed() -> None:
    assert not [path.name for path, source in SOURCES.items() if "tempfile.mktemp" in source]


# --- time


HOSTILE = (
    "*" * 50_000, "_" * 50_000, "[" * 50_000, "![](" * 12_000, "`" * 50_001, "> " * 20_000, "- " * 20_000,
    "\\" * 50_000,
    "a@" * 20_000, "<" * 50_000, "&#" * 20_000, "+1" * 20_000, " " * 50_000, "9" * 50_000, "(a" * 20_000, "~" * 50_000,
)  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=[f"{text[:4]!r}" for text in HOSTILE])
def test_no_pattern_of_botkit_s_own_takes_long_over_a_hostile_text(text: str) -> None:
    # A budget of the processor's time: a pattern that goes back and forth takes minutes over any of these.
    began = time.process_time()
    for source in SOURCES.values():
        for pattern in _patterns(source):
            pattern.search(text[: filters.SEARCHED_CHARACTERS])
            pattern.fullmatch(text[: filters.SEARCHED_CHARACTERS])
    assert time.process_time() - began < 10


def _patterns(source: str) -> Iterator[re.Pattern[str]]:
    for name, call in calls(source):
        if name == "re.compile" and isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str):
            flags = eval(ast.unparse(call.args[1]), {"re": re}) if len(call.args) > 1 else 0  # noqa: S307 - our own
            yield re.compile(call.args[0].value, flags)


def test_a_text_of_a_person_is_searched_by_its_beginning_alone() -> None:
    assert filters.SEARCHED_CHARACTERS == 4096


# --- memory


class Walk(Flow):
    states = ("here", "there")
    go = Trigger("*", "there")


def test_a_machine_remembers_no_record_that_it_moved() -> None:
    alive = []
    for _ in range(100):
        flow = Walk()
        flow.go()
        alive.append(weakref.ref(flow))
    del flow
    gc.collect()
    assert [each for each in alive if each() is not None] == []


def test_marked_up_text_is_read_in_time_that_grows_with_it() -> None:
    began = time.process_time()
    for text in HOSTILE:
        parse(text[:7000])
    assert time.process_time() - began < 20
