import asyncio
from pathlib import Path

import pytest

from botkit.place import Place, caller, calling_module, shown_path


def test_the_caller_is_the_line_outside_botkit() -> None:
    place = caller()
    assert (Path(place.path), place.line, place.function) == (
        Path(__file__),
        test_the_caller_is_the_line_outside_botkit.__code__.co_firstlineno + 1,
        "test_the_caller_is_the_line_outside_botkit",
    )


def test_a_path_inside_the_working_directory_is_relative(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert str(Place(str(tmp_path / "handlers" / "parcel.py"), 14)) == "handlers/parcel.py:14"


def test_a_path_outside_the_working_directory_is_whole(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    monkeypatch.chdir(tmp_path / "app")
    assert shown_path(str(tmp_path / "apple.py")) == str(tmp_path / "apple.py")


async def test_a_call_from_the_standard_library_has_no_place() -> None:
    found: list[Place] = []
    frames: dict[str, object] = {"caller": caller, "found": found, "__name__": "asyncio.events"}
    exec("def call():\n    found.append(caller())", frames)  # noqa: S102 - a frame that claims to be asyncio's
    asyncio.get_running_loop().call_soon(frames["call"])  # type: ignore[arg-type]
    await asyncio.sleep(0)
    assert found == [Place()]
    assert str(found[0]) == ""


def test_the_calling_module_is_named() -> None:
    assert calling_module() == __name__
