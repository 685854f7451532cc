import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Run

HELLO = 'from botkit import _\n\n\ndef hello():\n    return _("Hello")\n'
PO = Path("locales/sl/LC_MESSAGES/messages.po")


@pytest.fixture(autouse=True)
def handlers(project: Path) -> None:
    (project / "handlers").mkdir()
    (project / "handlers/hello.py").write_text(HELLO)


def translate() -> None:
    PO.write_text(PO.read_text().replace('msgid "Hello"\nmsgstr ""', 'msgid "Hello"\nmsgstr "Pozdravljeni"'))


def test_a_language_is_begun_translated_compiled_and_checked(run: Run) -> None:
    begun = run("messages", "update", "sl")
    assert (begun.code, begun.out) == (0, f"wrote {PO}\n")
    translate()
    compiled = run("messages", "compile")
    assert (compiled.code, compiled.out) == (0, f"wrote {PO.with_suffix('.mo')}\n")
    checked = run("messages", "check")
    assert (checked.code, checked.out) == (0, f"complete: {PO}\n")


def test_a_check_that_finds_fault_tells_it_and_fails(run: Run) -> None:
    run("messages", "update", "sl")
    done = run("messages", "check")
    assert done.code == 1
    assert "'Hello' is not translated" in done.err
    assert f"{PO.with_suffix('.mo')}  is not what messages.po says" in done.err


def test_a_template_is_written_for_other_tools(run: Run, project: Path) -> None:
    done = run("messages", "extract")
    assert (done.code, done.out) == (0, "wrote locales/messages.pot\n")
    assert 'msgid "Hello"\nmsgstr ""' in (project / "locales/messages.pot").read_text()


def test_other_folders_can_be_named(run: Run, project: Path) -> None:
    (project / "words").mkdir()
    (project / "words/bye.py").write_text(HELLO.replace("Hello", "Goodbye"))
    done = run("messages", "update", "sl", "--folder", "texts", "--source", "words", "--source", "handlers/hello.py")
    assert done.code == 0
    text = (project / "texts/sl/LC_MESSAGES/messages.po").read_text()
    assert 'msgid "Hello"' in text
    assert 'msgid "Goodbye"' in text


@pytest.mark.parametrize("command", ["update", "compile", "check"])
def test_without_a_catalogue_the_way_to_begin_one_is_told(run: Run, command: str) -> None:
    done = run("messages", command)
    assert done.code == 1
    assert "there is no catalogue in locales\n  fix: begin one with: botkit messages update sl" in done.err


@pytest.mark.parametrize("command", ["extract", "update", "compile", "check"])
def test_without_babel_the_extra_to_install_is_told(run: Run, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setitem(sys.modules, "babel", None)
    done = run("messages", command)
    assert done.code == 3
    assert 'fix: install it with: pip install "botkit[i18n]"' in done.err


def test_help_needs_no_babel(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "babel", None)
    done = run("messages", "update", "--help")
    assert done.code == 0
    assert "Example: botkit messages update sl" in done.out
