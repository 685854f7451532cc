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


def compare(page: Path, name: str, made: str, config: pytest.Config) -> None:
    """Fails where a page holds something else than what is made, and says what to do; mends it when asked to."""
    if config.getoption("--update-docs"):
        text = page.read_text("utf-8")
        page.write_text(_between(name).sub(lambda found: f"{found[1]}\n{made}\n{found[3]}", text), "utf-8")
    assert kept(page, name).strip() == made, f"{page.relative_to(ROOT)} is not up to date: {MEND}"


def _between(name: str) -> re.Pattern[str]:
    return re.compile(rf"(<!-- generated: {re.escape(name)} -->)\n(.*?)(<!-- end -->)", re.DOTALL)
