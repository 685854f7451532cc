"""What no translator would see, or nobody would hear, is told when the bot is built."""

from pathlib import Path

import pytest
from babel.messages import Catalog

from botkit.bot import Bot
from botkit.cli.catalogues import compiled
from botkit.exceptions import DefinitionError
from botkit.flow import Flow
from botkit.language_checks import Text, find_texts, text_problems
from botkit.languages import Languages
from botkit.router import Router

IMPORT = "from botkit import _, ngettext, pgettext\n"


def inside(line: str) -> str:
    return f"{IMPORT}async def hello(event, ctx):\n    {line}\n"


@pytest.mark.parametrize(
    "call",
    [
        '_("Hello")',
        '_("Hello {name}").format(name=event.text)',
        '_("Hello " "world")',
        'ngettext("{n} day", "{n} days", len(event.text)).format(n=2)',
        'pgettext("month", "May")',
        "_(DAYS[event.text])",
        "_(event.day)",
        "[_(day) for day in DAYS]",
        "ctx.reply(f\"{_('Hello')}!\")",
    ],
)
def test_a_text_that_is_written_out_or_named_is_right(call: str) -> None:
    assert list(text_problems(inside(call), "a.py")) == []


@pytest.mark.parametrize(
    ("call", "fault"),
    [
        ('_(f"Hello {event.text}")', "_() is given an f-string"),
        ('ngettext(f"{n} day", f"{n} days", n)', "ngettext() is given an f-string"),
        ('ngettext("{n} day", f"{n} days", n)', "ngettext() is given an f-string"),
        ('pgettext("month", f"{event}")', "pgettext() is given an f-string"),
        ('_("Hello " + event.text)', "_() is given a text that is computed"),
        ('_("Hello %s" % event.text)', "_() is given a text that is computed"),
        ('_("Hello {}".format(event.text))', "_() is given a text that is computed"),
        ('_("yes" if event.text else "no")', "_() is given a text that is computed"),
        ("_(str(event))", "_() is given a text that is computed"),
        ('ctx.reply(_(f"{event}"))', "_() is given an f-string"),
    ],
)
def test_a_text_that_is_computed_is_told_with_its_line_and_the_fix(call: str, fault: str) -> None:
    (problem,) = text_problems(inside(call), "handlers/hello.py")
    assert problem.startswith(f"handlers/hello.py:3  {fault}")
    assert "\n  fix: " in problem


@pytest.mark.parametrize(
    "line",
    [
        'HELLO = _("Hello")',
        'class Texts:\n    hello = _("Hello")',
        'def hello(text=_("Hello")): ...',
        'def hello(*, text=_("Hello")): ...',
        '@router.text(_("Hello"))\ndef hello(event, ctx): ...',
        'hello = lambda text=_("Hello"): text',
        'HELLO = [_(text) for text in ("Hello",)]',
    ],
)
def test_a_text_outside_a_function_is_told(line: str) -> None:
    (problem,) = text_problems(IMPORT + line, "a.py")
    assert "_() outside a function runs before anybody is spoken to" in problem


@pytest.mark.parametrize(
    "line",
    [
        'hello = lambda: _("Hello")',
        'class Texts:\n    def hello(self):\n        return _("Hello")',
        'def outer():\n    class Texts:\n        hello = _("Hello")',
        'def outer():\n    def inner(text=_("Hello")): ...',
    ],
)
def test_a_text_that_is_asked_for_when_a_function_runs_is_right(line: str) -> None:
    assert list(text_problems(IMPORT + line, "a.py")) == []


def test_a_function_under_another_name_is_known() -> None:
    source = 'from botkit import ngettext as many\ndef hello(): return many("{n} day", "{n} days", 2)'
    assert list(find_texts(source)) == [Text(2, ("{n} day", "{n} days"))]
    (problem,) = text_problems(source.replace('"{n} days"', 'f"{n} days"'), "a.py")
    assert problem.startswith("a.py:2  many() is given an f-string")


def test_texts_are_found_wherever_they_are_in_their_order() -> None:
    source = """from botkit import _, ngettext, pgettext

def hello(event, ctx):
    yield f"{_('one')}" + _("two "
        "lines"), pgettext("month", "May")
    yield ngettext("{n} day", "{n} days", 2), _(event.text), _(1), _(f"{event}"), _("one")
"""
    assert list(find_texts(source)) == [
        Text(4, ("one",)),
        Text(4, ("two lines",)),
        Text(5, ("May",), "month"),
        Text(6, ("{n} day", "{n} days")),
        Text(6, ("one",)),
    ]


@pytest.mark.parametrize("source", ["from gettext import gettext as _\n_(f'{__name__}')", "_ = str\n_(1 + 1)", "def ("])
def test_somebody_else_s_names_are_none_of_ours(source: str) -> None:
    assert list(text_problems(source, "a.py")) == []


@pytest.fixture
def languages(tmp_path: Path) -> Languages:
    path = tmp_path / "sl" / "LC_MESSAGES" / "messages.mo"
    path.parent.mkdir(parents=True)
    path.write_bytes(compiled(Catalog("sl")))
    return Languages(tmp_path)


def module(folder: Path, source: str) -> Router[Flow]:
    """Returns the router of a module with this source."""
    path = folder / "hello.py"
    path.write_text(source)
    names: dict[str, Router[Flow]] = {}
    exec(compile(source, str(path), "exec"), names)  # noqa: S102
    return names["router"]


WRONG = """from botkit import Router, _
router = Router()

@router.text("a")
async def hello(event, ctx): ctx.reply(_(f"Hello {event.text}"))

@router.text("b")
def goodbye(event, ctx): ctx.reply(_("Goodbye " + event.text))
"""


def test_a_bot_with_languages_tells_every_mistake_of_its_handlers_modules(
    tmp_path: Path, languages: Languages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DefinitionError, match="cannot be translated") as raised:
        Bot("shop", routers=[module(tmp_path, WRONG)], accounts=[], languages=languages)
    assert "\nhello.py:5  _() is given an f-string" in raised.value.what
    assert "\nhello.py:8  _() is given a text that is computed" in raised.value.what
    assert raised.value.what.count("hello.py:") == 2


def test_a_bot_without_languages_does_not_look(tmp_path: Path) -> None:
    assert Bot("shop", routers=[module(tmp_path, WRONG)], accounts=[]).languages is None


def test_a_handler_without_its_source_is_not_judged(tmp_path: Path, languages: Languages) -> None:
    router = module(tmp_path, WRONG)
    (tmp_path / "hello.py").unlink()
    assert Bot("shop", routers=[router], accounts=[], languages=languages).languages is languages
