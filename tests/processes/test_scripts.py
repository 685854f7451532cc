import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHELLS = [shell for shell in ("sh", "dash") if shutil.which(shell)]
STARTED = ("run", "test", "lint")
ALL = (*STARTED, "setup.sh")

OLD = """\
#!/bin/sh
echo 3.9.2
exit 1
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A copy of what the scripts need of the repository, with nothing installed."""
    root = tmp_path / "a copy of it"
    for name in ("scripts", "requirements"):
        shutil.copytree(ROOT / name, root / name)
    shutil.copy(ROOT / "pyproject.toml", root)
    return root


def executable(file: Path, text: str) -> Path:
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    file.chmod(0o755)
    return file


def start(shell: str, root: Path, name: str, **environ: str) -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if key != "BOTKIT_PYTHON"}
    command = [shell, str(root / "scripts" / name)]
    return subprocess.run(command, env=clean | environ, capture_output=True, text=True, timeout=30)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("shell", SHELLS)
def test_a_posix_shell_reads_every_script(shell: str, name: str) -> None:
    read = subprocess.run([shell, "-n", str(ROOT / "scripts" / name)], capture_output=True, text=True)
    assert (read.returncode, read.stderr) == (0, "")


@pytest.mark.parametrize("name", STARTED)
def test_what_people_start_is_executable_and_says_that_it_is_for_sh(name: str) -> None:
    script = ROOT / "scripts" / name
    assert stat.S_IMODE(script.stat().st_mode) & 0o111 == 0o111
    assert script.read_text().startswith("#!/bin/sh\n")


@pytest.mark.parametrize("name", STARTED)
@pytest.mark.parametrize("shell", SHELLS)
def test_a_python_that_is_too_old_is_named_with_its_version_and_what_to_do(root: Path, shell: str, name: str) -> None:
    old = executable(root / "bin" / "python", OLD)
    done = start(shell, root, name, BOTKIT_PYTHON=str(old))
    assert done.returncode == 1
    assert done.stderr == (
        f"{name}: needs Python 3.11 or newer; this is 3.9.2. Install one, or name one: BOTKIT_PYTHON=/path/to/python3\n"
    )


def test_where_every_python_on_the_path_is_too_old_its_version_is_named(root: Path) -> None:
    names = ("python3", "python3.11", "python3.12", "python3.13", "python3.14", "python")
    files = [executable(root / "bin" / name, OLD) for name in names]
    done = start("sh", root, "run", PATH=f"{files[0].parent}:{os.environ['PATH']}")
    assert done.returncode == 1
    assert "this is 3.9.2" in done.stderr


def test_a_python_that_does_not_start_is_named_by_its_setting(root: Path) -> None:
    done = start("sh", root, "run", BOTKIT_PYTHON="/nowhere/python3")
    assert done.returncode == 1
    assert "BOTKIT_PYTHON=/nowhere/python3 does not start" in done.stderr


def test_a_start_that_is_refused_leaves_nothing_behind(root: Path) -> None:
    before = sorted(root.iterdir())
    start("sh", root, "test", BOTKIT_PYTHON="/nowhere/python3")
    assert sorted(root.iterdir()) == before
