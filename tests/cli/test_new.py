import subprocess
import sys
from pathlib import Path

import pytest
from click import BadParameter
from hypothesis import given, settings
from hypothesis import strategies as st

import botkit
from botkit.bot import Bot
from botkit.cli.new import CHANNELS, enlist, module_name, render
from tests.cli.conftest import Run

ROOT = Path(__file__).parents[2]
WRITTEN = {"bots/taxi.py", "handlers/taxi.py", "state/taxi.py", "tests/test_taxi.py"}
INITS = {"bots/__init__.py", "handlers/__init__.py", "state/__init__.py"}


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*.py")}


def tool(*command: str, cwd: Path) -> str:
    """Runs a tool of Python's; returns what it said if it found fault, else nothing."""
    environment = {"PYTHONPATH": str(ROOT), "MYPYPATH": str(ROOT), "PATH": "", "HOME": str(cwd)}
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr if done.returncode else ""


def test_a_bot_is_written_with_what_its_project_lacks(run: Run, project: Path) -> None:
    done = run("new", "taxi")
    assert done.code == 0
    assert files(project) == WRITTEN | INITS
    assert all(f"wrote {name}" in done.out for name in WRITTEN | INITS)


def test_the_written_bots_pass_their_own_tests(run: Run, project: Path) -> None:
    run("new", "taxi")
    run("new", "my-shop", "--channels", "gbm")
    assert tool("pytest", "-q", "-p", "botkit.pytest_plugin", "-p", "no:cacheprovider", cwd=project) == ""


def test_what_is_written_passes_type_checker_linter_and_formatter(run: Run, project: Path) -> None:
    run("new", "taxi")
    run("new", "my-shop", "--channels", "gbm")
    cache = f"--cache-dir={ROOT / '.mypy_cache' / 'new'}"
    assert tool("mypy", "--strict", cache, "bots", "handlers", "state", "tests", cwd=project) == ""
    # A flow reads its tables once, when the class is made.
    rules = ["--config", str(ROOT / "pyproject.toml"), "--extend-ignore=RUF012"]
    assert tool("ruff", "check", *rules, "--config", 'lint.isort.known-first-party=["botkit"]', ".", cwd=project) == ""
    assert tool("ruff", "format", "--check", "--line-length=120", ".", cwd=project) == ""


def test_the_shipped_project_is_laid_out_as_a_written_one(run: Run, project: Path) -> None:
    run("new", "parcel")
    for name in INITS:
        assert (project / name).read_text() == (ROOT / name).read_text()
    # It has more handlers, and speaks more languages.
    own = ("import ", "    routers=", "    languages=")
    written, shipped = [
        [
            line
            for line in (folder / "bots/parcel.py").read_text().splitlines()
            if line and not any(part in line for part in own)
        ]
        for folder in (project, ROOT)
    ]
    assert written == shipped


def test_the_bot_is_added_to_the_ones_that_run(run: Run, project: Path) -> None:
    run("new", "taxi")
    done = run("new", "my-shop")
    assert "changed bots/__init__.py" in done.out
    text = (project / "bots/__init__.py").read_text()
    assert "from bots import my_shop, taxi\n" in text
    assert "app = App([taxi.bot, my_shop.bot])\n" in text


def test_a_list_of_bots_in_another_form_is_left_alone_and_told_what_to_add(run: Run, project: Path) -> None:
    run("new", "taxi")
    init = project / "bots/__init__.py"
    init.write_text("from botkit import App\n\nBOTS = []\napp = App(BOTS)\n")
    done = run("new", "shop")
    assert done.code == 0
    assert init.read_text().endswith("app = App(BOTS)\n")
    assert "from bots import shop, and shop.bot to App" in done.out


def test_what_exists_is_not_written_over(run: Run, project: Path) -> None:
    (project / "state").mkdir()
    (project / "state/taxi.py").write_text("mine = 1\n")
    done = run("new", "taxi")
    assert done.code == 1
    assert "state/taxi.py" in done.err
    assert files(project) == {"state/taxi.py"}
    assert (project / "state/taxi.py").read_text() == "mine = 1\n"


def test_force_writes_over_the_bot_s_own_files_only(run: Run, project: Path) -> None:
    run("new", "taxi")
    for name in ("state/taxi.py", "state/__init__.py"):
        (project / name).write_text("mine = 1\n")
    assert run("new", "taxi", "--force").code == 0
    assert "class Taxi" in (project / "state/taxi.py").read_text()
    assert (project / "state/__init__.py").read_text() == "mine = 1\n"
    assert (project / "bots/__init__.py").read_text().count("taxi.bot") == 1


def test_only_the_chosen_channels_are_used(run: Run, project: Path) -> None:
    run("new", "taxi", "--channels", "viber, telegram")
    text = (project / "bots/taxi.py").read_text()
    assert "from botkit import Bot, Telegram, Viber\n" in text
    assert 'Viber.from_env("TAXI_VIBER")' in text
    assert "BusinessMessages" not in text


@pytest.mark.parametrize("channels", ["telegraph", "telegram,telegraph", "", ","])
def test_unknown_channels_are_misuse_and_the_known_ones_are_told(run: Run, project: Path, channels: str) -> None:
    done = run("new", "taxi", "--channels", channels)
    assert done.code == 2
    assert "telegram, viber, gbm" in done.err
    assert files(project) == set()


@pytest.mark.parametrize(
    "name", ["Taxi", "1taxi", "my_shop", "a" * 33, "", "../up", "class", "true", "app", "bot", "flow"]
)
def test_a_name_that_cannot_be_a_bot_s_is_misuse(run: Run, project: Path, name: str) -> None:
    assert run("new", name).code == 2
    assert files(project) == set()


def test_every_channel_has_the_adapter_that_speaks_it() -> None:
    assert {channel: getattr(botkit, name).channel for channel, name in CHANNELS.items()} == {
        channel: channel for channel in CHANNELS
    }


def is_taken(name: str) -> bool:
    try:
        return not module_name(name)
    except BadParameter:
        return True


names = st.from_regex(r"[a-z][a-z0-9-]{0,31}", fullmatch=True).filter(lambda name: not is_taken(name))


@settings(deadline=None)
@given(names)
def test_whatever_the_name_the_files_are_python(name: str) -> None:
    Bot(name, routers=[], accounts=[])
    for path, text in render(name, module_name(name), list(CHANNELS)).items():
        compile(text, str(path), "exec")
        assert "$" not in text


@settings(deadline=None)
@given(st.lists(names.map(module_name), min_size=1, max_size=30, unique=True))
def test_bots_are_added_one_by_one_each_once_in_lines_that_fit(modules: list[str]) -> None:
    text = f"from bots import {modules[0]}\n\napp = App([{modules[0]}.bot])\n"
    for module in [*modules, *modules]:
        text = enlist(text, module) or ""
    listed = {part.strip() for part in text.partition("App([")[2].partition("])")[0].split(",")} - {""}
    assert listed == {f"{module}.bot" for module in modules}
    assert text.partition("app =")[2].count(".bot") == len(modules)
    assert max(map(len, text.splitlines())) <= 120


@pytest.mark.parametrize(
    "text", ["", "from bots import a\n", "app = App([a.bot])\n", "from bots import a\napp = App(all)\n"]
)
def test_a_list_in_another_form_is_not_understood(text: str) -> None:
    assert enlist(text, "taxi") is None
