"""Each defect that could be in botkit is noticed by a test: else that test, or another, claims more than it proves.

A child is forked, gets the defect, and runs the test that is named beside it; there it must fail.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.faults.seeding import Defect, load_defects, seed

DEFECTS = load_defects()
CAUGHT = {name: defect for name, defect in DEFECTS.items() if defect.caught_by}

#: How a child ends: with the number of what it found, and another if it could not look.
PASSED, FAILED, BROKEN = 0, 1, 3

OPTIONS = (
    "--quiet",
    "--exitfirst",
    "--assert=plain",
    "--timeout=8",
    "--hypothesis-profile=first",
    *("-p", "no:cacheprovider"),
    *("-p", "no:xdist"),
)


class Judge:
    """Sees whether a test fails, and not just what it needs; runs each on one kind of server."""

    def __init__(self) -> None:
        self.verdict = PASSED

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        kinds = [_kind(item) for item in items if _kind(item)]
        items[:] = [item for item in items if _kind(item) in (None, *kinds[:1])]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.verdict = BROKEN if report.when == "setup" else FAILED


def _kind(item: pytest.Item) -> object:
    call = getattr(item, "callspec", None)
    return call.params.get("kind") if call else None


def verdict_of(tests: Sequence[str], folder: Path, defect: Defect | None = None) -> int:
    """Runs tests in a process of their own, with a defect or without one; returns what became of them."""
    pid = os.fork()
    if pid == 0:
        code = BROKEN
        try:
            code = _run(tests, folder, defect)
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _run(tests: Sequence[str], folder: Path, defect: Defect | None) -> int:
    said = os.open(folder / "said", os.O_CREAT | os.O_WRONLY)
    os.dup2(said, 1)
    os.dup2(said, 2)
    if defect:
        seed(defect)
    judge = Judge()
    code = pytest.main([*OPTIONS, f"--basetemp={folder / 'tests'}", *tests], plugins=[judge])
    return judge.verdict if code in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) else BROKEN


def said(folder: Path) -> str:
    return (folder / "said").read_text()


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("name", CAUGHT)
def test_a_defect_is_noticed(name: str, tmp_path: Path) -> None:
    defect = CAUGHT[name]
    assert verdict_of([defect.caught_by], tmp_path, defect) == FAILED, said(tmp_path)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_without_a_defect_nothing_is_noticed(tmp_path: Path) -> None:
    tests = sorted({defect.caught_by for defect in CAUGHT.values() if "test_scripts_model" not in defect.caught_by})
    assert verdict_of(tests, tmp_path) == PASSED, said(tmp_path)


def test_each_defect_can_still_be_made() -> None:
    assert [name for name, defect in DEFECTS.items() if not defect.is_applicable] == []


def test_each_defect_is_noticed_by_a_test_or_harms_nobody_for_a_reason() -> None:
    assert [name for name, defect in DEFECTS.items() if bool(defect.caught_by) == bool(defect.redundant)] == []
