import tomllib
from pathlib import Path
from zipfile import ZipFile

import pytest
from hatchling.build import build_wheel

ROOT = Path(__file__).parent.parent
METADATA = "botkit-{version}.dist-info".format(**tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"])


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    with pytest.MonkeyPatch.context() as patch:
        # The build interface of PEP 517 builds the project of the current directory.
        patch.chdir(ROOT)
        return ZipFile(folder / build_wheel(str(folder)))


def sources() -> set[str]:
    """Returns every file under botkit/ that somebody wrote: none in a hidden folder or a cache."""
    files = (path.relative_to(ROOT) for path in (ROOT / "botkit").rglob("*") if path.is_file())
    return {path.as_posix() for path in files if not any(part.startswith((".", "__pycache__")) for part in path.parts)}


def test_the_wheel_holds_botkit_and_its_metadata_and_nothing_else(wheel: ZipFile) -> None:
    assert {name.split("/")[0] for name in wheel.namelist()} == {"botkit", METADATA}


def test_the_wheel_holds_every_file_of_botkit(wheel: ZipFile) -> None:
    assert sources() - set(wheel.namelist()) == set()


def test_the_wheel_holds_no_file_that_is_not_in_the_tree(wheel: ZipFile) -> None:
    assert {name for name in wheel.namelist() if name.startswith("botkit/")} - sources() == set()


def test_the_wheel_tells_type_checkers_that_it_is_typed(wheel: ZipFile) -> None:
    assert "botkit/py.typed" in wheel.namelist()


def test_the_wheel_carries_its_licence_and_the_command(wheel: ZipFile) -> None:
    assert f"{METADATA}/licenses/LICENSE" in wheel.namelist()
    assert b"botkit = botkit.cli:main" in wheel.read(f"{METADATA}/entry_points.txt")


def test_the_wheel_runs_on_every_system_from_python_3_11_on(wheel: ZipFile) -> None:
    assert b"Requires-Python: >=3.11" in wheel.read(f"{METADATA}/METADATA")
    assert b"Tag: py3-none-any" in wheel.read(f"{METADATA}/WHEEL")
