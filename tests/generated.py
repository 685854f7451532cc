"""Parts of the documentation that are made from the code: compared, or written anew with `--update-docs`."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MEND = "run: pytest tests/test_docs.py tests/journeys --update-docs"


def kept(page: Path, name: str) -> str:
    """Returns what a page holds between the marks of a generated part."""
    found = _between(name).search(page.read_text("utf-8"))
    assert found, f"{page.name} has no part <!-- generated: {name} --> ... <!-- end -->"
    return found[2]


def is_up_to_date(page: Path, name: str, made: str, config: pytest.Config) -> bool:
    """Whether a page holds what is made; mends it first when asked to, and fails by saying so when not."""
    if config.getoption("--update-docs"):
        text = page.read_text("utf-8")
        page.write_text(_between(name).sub(lambda found: f"{found[1]}\n{made}\n{found[3]}", text), "utf-8")
    if kept(page, name).strip() != made:
        pytest.fail(f"{page.relative_to(ROOT)} is not up to date: {MEND}")
    return True


def _between(name: str) -> re.Pattern[str]:
    return re.compile(rf"(<!-- generated: {re.escape(name)} -->)\n(.*?)(<!-- end -->)", re.DOTALL)
