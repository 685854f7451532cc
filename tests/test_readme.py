"""What the README shows works as it stands there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parent.parent / "README.md"
_BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)
_FILE = re.compile(r"^# (\S+\.py)\n", re.MULTILINE)


def files() -> dict[str, str]:
    """Returns the files of the README by path; one block may hold several."""
    found: dict[str, str] = {}
    for block in _BLOCK.findall(README.read_text("utf-8")):
        _, *parts = _FILE.split(block)
        found.update(zip(parts[::2], parts[1::2], strict=True))
    return found


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in files().items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_mode = auto\npythonpath = .\n")
    return tmp_path


def test_the_bot_is_a_flow_its_handlers_and_an_app() -> None:
    assert set(files()) == {
        "state/parcel.py",
        "handlers/parcel.py",
        "bots/parcel.py",
        "bots/__init__.py",
        "tests/test_parcel.py",
    }


def test_its_tests_pass(project: Path, botkit_redis_url: str) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--store={botkit_redis_url}"]
    run = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=50, check=False)
    assert "2 passed" in run.stdout, run.stdout + run.stderr


def test_the_bot_has_about_forty_lines() -> None:
    lines = "\n".join(text for name, text in files().items() if not name.startswith("tests/")).splitlines()
    assert sum(bool(line.strip()) for line in lines) <= 45
