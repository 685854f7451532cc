"""What docs/guarantees.md and docs/security.md say is proven: the tests that they name exist, and no row is missing."""

import ast
import re
from collections.abc import Iterator
from functools import cache

import pytest

from botkit.context import Context
from botkit.events import MessageReceived
from botkit.flow import Flow
from botkit.router import Router
from botkit.trigger import Trigger
from tests.desk import Desk, Process, bot, where
from tests.faults.seeding import load_defects
from tests.generated import ROOT

GUARANTEES = (ROOT / "docs" / "guarantees.md").read_text("utf-8")
SECURITY = (ROOT / "docs" / "security.md").read_text("utf-8")

_NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")
_ROW = re.compile(r"^\| ([IF]\d+b?) \|(.*)$", re.MULTILINE)
_FIGURE = re.compile(r"^\| (\d+) \|", re.MULTILINE)

#: Promises, then faults.
ROWS = {
    *(f"I{number}" for number in range(1, 15)),
    *("I1b", "I3b", "I4b"),
    *(f"F{number}" for number in range(1, 51)),
    "F37b",
}


@cache
def names_in(path: str) -> set[str]:
    """Returns the names of the tests in a file; none where there is no such file."""
    file = ROOT / path
    tree = ast.parse(file.read_text("utf-8")) if file.exists() else ast.Module([], [])
    functions = (node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return {function.name for function in functions if function.name.startswith("test_")}


def missing(page: str) -> Iterator[str]:
    for path, name in _NAMED.findall(page):
        if not names_in(path) or (name and name not in names_in(path)):
            yield f"{path}::{name}"


@pytest.mark.parametrize("page", [GUARANTEES, SECURITY], ids=["guarantees", "security"])
def test_every_test_that_a_page_names_exists(page: str) -> None:
    assert len(_NAMED.findall(page)) > 20
    assert [*missing(page)] == []


def test_a_test_that_does_not_exist_is_noticed() -> None:
    said = "`tests/test_clock.py::test_nothing` `tests/test_no.py::test_it` `tests/test_clock.py` `tests/desk.py`"
    assert [*missing(said)] == ["tests/test_clock.py::test_nothing", "tests/test_no.py::test_it", "tests/desk.py::"]


def test_every_promise_and_every_fault_has_one_row_with_a_test() -> None:
    found = _ROW.findall(GUARANTEES)
    assert sorted(name for name, _ in found) == sorted(ROWS)
    assert [name for name, row in found if not _NAMED.search(row)] == []


def test_every_figure_has_a_row() -> None:
    assert [int(number) for number in _FIGURE.findall(GUARANTEES)] == [*range(1, 23)]


def test_the_number_of_defects_that_is_told_is_that_of_the_list() -> None:
    defects = load_defects().values()
    noticed = sum(bool(defect.caught_by) for defect in defects)
    assert f"plants {noticed} defects" in GUARANTEES
    assert (
        f"| {noticed} defects, each noticed by the test that is named for it; {len(defects) - noticed} more"
        in GUARANTEES
    )


# --- promises that span parts which have tests of their own ---


class Shelf(Flow):
    """What was put on it, in number."""

    states = ("idle",)
    put = Trigger("idle", "idle")
    things: int = 0


async def test_an_event_whose_record_was_mended_is_put_back_and_handled(botkit_redis_url: str) -> None:
    desk, router = Desk(), Router(Shelf)

    @router.text()
    async def put(event: MessageReceived, ctx: Context[Shelf]) -> None:
        ctx.flow.things += 1
        ctx.reply(f"{event.text} is no. {ctx.flow.things}")

    async with Process(botkit_redis_url, bot(router, desk)) as process:
        await process.hears("the first")
        (key,) = process.store.keys.of(where().key, "c")
        whole = await process.store.call("HGET", key, "s")
        await process.store.call("HSET", key, "s", b"{")
        await process.hears("the second")
        (letter,) = await process.dead_letters()
        await process.store.call("HSET", key, "s", whole)
        await process.store.dead_letters.replay(letter)
        await process.engine.settle()
        assert desk.texts == ["the first is no. 1", "the second is no. 2"]
        assert await process.dead_letters() == []
