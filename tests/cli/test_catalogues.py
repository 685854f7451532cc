"""The catalogues as translators edit them: what is collected, kept, refused; and that the shipped ones are whole."""

from gettext import GNUTranslations
from pathlib import Path

import pytest

from botkit.cli.catalogues import Catalogues, read_catalogue
from botkit.exceptions import BotkitError
from botkit.languages import Languages

ROOT = Path(__file__).parents[2]

SOURCE = """from botkit import _, ngettext, pgettext

def hello(event, n):
    # Translators: said first.
    yield _("Hello {name}").format(name=event.user.name)
    yield ngettext("{n} parcel", "{n} parcels", n).format(n=n)
    yield pgettext("month", "May")
    yield _("May")
"""

TRANSLATED = {
    'msgid "Hello {name}"\nmsgstr ""': 'msgid "Hello {name}"\nmsgstr "Pozdravljeni, {name}"',
    'msgstr[0] ""': 'msgstr[0] "{n} paket"',
    'msgstr[1] ""': 'msgstr[1] "{n} paketa"',
    'msgstr[2] ""': 'msgstr[2] "{n} paketi"',
    'msgstr[3] ""': 'msgstr[3] "{n} paketov"',
    'msgctxt "month"\nmsgid "May"\nmsgstr ""': 'msgctxt "month"\nmsgid "May"\nmsgstr "maj"',
    'msgid "May"\nmsgstr ""': 'msgid "May"\nmsgstr "sme"',
}


class Desk:
    """A project with one module and a Slovene catalogue, all translated and compiled."""

    def __init__(self, folder: Path) -> None:
        self.source = folder / "hello.py"
        self.source.write_text(SOURCE)
        self.catalogues = Catalogues(folder / "locales", [self.source])
        (self.po,) = self.catalogues.update(["sl"])
        for before, after in TRANSLATED.items():
            self.edit(before, after)
        self.compile()

    @property
    def faults(self) -> list[str]:
        return [fault.removeprefix(str(self.po)) for fault in self.catalogues.faults()]

    def compile(self) -> Path:
        (mo,) = self.catalogues.compile()
        return mo

    def edit(self, before: str, after: str) -> None:
        text = self.po.read_text()
        assert before in text
        self.po.write_text(text.replace(before, after))

    def edit_source(self, before: str, after: str) -> None:
        assert before in SOURCE
        self.source.write_text(SOURCE.replace(before, after))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


# --- the shipped ones


def test_the_shipped_catalogues_are_complete_and_compiled() -> None:
    sources = [ROOT / name for name in ("bots", "handlers", "state")]
    shipped = Catalogues(ROOT / "locales", sources)
    assert list(shipped.faults()) == []
    assert [path.parents[1].name for path in shipped.files()] == ["sl"]


def test_every_text_of_the_shipped_handlers_is_in_their_catalogue() -> None:
    with (ROOT / "locales/sl/LC_MESSAGES/messages.mo").open("rb") as file:
        slovene = GNUTranslations(file)
    texts = [message for message in Catalogues(ROOT / "locales", [ROOT / "handlers"]).extract() if message.id]
    assert len(texts) > 20
    for message in texts:
        text = message.id if isinstance(message.id, str) else message.id[0]
        found = (
            slovene.gettext(text) if isinstance(message.id, str) else slovene.ngettext(message.id[0], message.id[1], 1)
        )
        assert found != text


# --- update


@pytest.mark.parametrize(
    ("above", "comment"),
    [
        ("# Translators: one\n    # two", "#. Translators: one\n#. two\n"),
        ("# not theirs\n    # Translators: one", "#. Translators: one\n#:"),
        ("# not theirs", "# What"),
        ("# Translators: of another line\n", "# What"),
    ],
)
def test_the_word_to_the_translator_stands_right_above_the_text(tmp_path: Path, above: str, comment: str) -> None:
    source = tmp_path / "hello.py"
    source.write_text(f"from botkit import _\n\ndef hello():\n    {above}\n    return _('Hello')\n")
    (path,) = Catalogues(tmp_path, [source]).update(["sl"])
    text = path.read_text()
    assert comment in text
    assert text.count("#.") == comment.count("#.")


def test_texts_are_collected_with_their_file_context_and_the_word_to_the_translator(desk: Desk) -> None:
    text = desk.po.read_text()
    assert "#. Translators: said first.\n" in text
    assert 'msgctxt "month"' in text
    assert f"#: {desk.source.as_posix()}\n" in text


def test_a_new_catalogue_has_the_plural_forms_of_its_language(desk: Desk) -> None:
    assert read_catalogue(desk.po).num_plurals == 4
    assert "nplurals=4" in desk.po.read_text()


def test_an_update_without_news_changes_nothing(desk: Desk) -> None:
    before = desk.po.read_bytes()
    assert desk.catalogues.update([]) == [desk.po]
    assert desk.catalogues.update(["sl"]) == [desk.po]
    assert desk.po.read_bytes() == before


def test_an_update_keeps_translations_and_adds_new_texts_without_one(desk: Desk) -> None:
    desk.edit_source('yield _("May")', 'yield _("May")\n    yield _("Something else")')
    desk.catalogues.update([])
    catalogue = read_catalogue(desk.po)
    new, old = catalogue.get("Something else"), catalogue.get("Hello {name}")
    assert new is not None
    assert old is not None
    assert (new.string, old.string) == ("", "Pozdravljeni, {name}")


def test_a_text_that_was_changed_a_little_is_fuzzy_and_not_compiled(desk: Desk) -> None:
    desk.edit_source("Hello {name}", "Hello, {name}")
    desk.catalogues.update([])
    assert any("'Hello, {name}' is fuzzy" in fault for fault in desk.faults)
    with desk.compile().open("rb") as file:
        assert GNUTranslations(file).gettext("Hello, {name}") == "Hello, {name}"


def test_a_text_that_is_gone_leaves_the_compiled_catalogue(desk: Desk) -> None:
    desk.edit_source('yield pgettext("month", "May")', "pass")
    desk.catalogues.update([])
    with desk.compile().open("rb") as file:
        assert GNUTranslations(file).pgettext("month", "May") == "May"
    assert desk.faults == []


@pytest.mark.parametrize("name", ["pt_BR", "pt-BR"])
def test_a_language_is_begun_under_the_name_that_gettext_uses(desk: Desk, name: str) -> None:
    paths = desk.catalogues.update([name])
    assert [path.parents[1].name for path in paths] == ["pt_BR", "sl"]


@pytest.mark.parametrize("name", ["klingon", "", "../up"])
def test_a_language_that_nobody_knows_is_refused(desk: Desk, name: str) -> None:
    with pytest.raises(BotkitError, match="is no language that is known"):
        desk.catalogues.update([name])


@pytest.mark.parametrize("source", [b"def (", b"\xff"])
def test_source_that_is_not_python_is_named(desk: Desk, source: bytes) -> None:
    desk.source.write_bytes(source)
    with pytest.raises(BotkitError, match=r"hello\.py cannot be read as Python"):
        desk.catalogues.update([])


# --- compile


def test_the_service_reads_what_was_compiled(desk: Desk) -> None:
    catalogue = Languages(desk.catalogues.folder).catalogue("sl-SI")
    assert catalogue.gettext("Hello {name}") == "Pozdravljeni, {name}"
    assert [catalogue.ngettext("{n} parcel", "{n} parcels", n) for n in (1, 2, 3, 5)] == [
        "{n} paket",
        "{n} paketa",
        "{n} paketi",
        "{n} paketov",
    ]
    assert (catalogue.pgettext("month", "May"), catalogue.gettext("May")) == ("maj", "sme")


def test_what_would_fail_when_it_is_filled_in_is_not_compiled(desk: Desk) -> None:
    before = desk.compile().read_bytes()
    desk.edit("Pozdravljeni, {name}", "Pozdravljeni, {ime}")
    with pytest.raises(BotkitError, match="nothing was compiled") as raised:
        desk.compile()
    assert "'Pozdravljeni, {ime}' has other placeholders than its text: name" in raised.value.what
    assert desk.po.with_suffix(".mo").read_bytes() == before


def test_a_file_that_cannot_be_read_is_named(desk: Desk) -> None:
    desk.edit('msgstr[3] "{n} paketov"', 'msgstr[3] "{n} paketov"\nmsgstr[4] "preveč"')
    with pytest.raises(BotkitError, match=r"messages\.po cannot be read"):
        desk.compile()


# --- check


def test_a_whole_catalogue_has_no_faults(desk: Desk) -> None:
    assert desk.faults == []


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ("Pozdravljeni, {name}", "", "'Hello {name}' is not translated"),
        ("{n} paketa", "", "'{n} parcel' is not translated"),
        ('msgid "Hello', '#, fuzzy\nmsgid "Hello', "'Hello {name}' is fuzzy"),
        ("Pozdravljeni, {name}", "Pozdravljeni", "'Pozdravljeni' has other placeholders than its text: name"),
        ("Pozdravljeni, {name}", "Pozdravljeni, {name", "'Pozdravljeni, {name' has other placeholders"),
        ("Pozdravljeni, {name}", "{}, {name}", "'{}, {name}' has other placeholders"),
        ("{n} paketov", "paketov", "'paketov' has other placeholders than its text: n"),
        ('"maj"', '"maj {n}"', "'maj {n}' has other placeholders than its text: none"),
    ],
)
def test_what_is_wrong_with_a_translation_is_told_with_its_line(
    desk: Desk, before: str, after: str, fault: str
) -> None:
    desk.edit(before, after)
    told = [text for text in desk.faults if fault in text]
    assert len(told) == 1
    assert told[0].startswith(":")


def test_a_form_may_leave_out_what_the_singular_leaves_out(desk: Desk) -> None:
    desk.edit_source('"{n} parcel"', '"one parcel"')
    desk.edit('msgid "{n} parcel"', 'msgid "one parcel"')
    desk.edit("{n} paketa", "dva paketa")
    desk.compile()
    assert desk.faults == []


def test_a_text_that_is_not_filled_in_may_have_braces(desk: Desk) -> None:
    desk.edit_source('_("May")', '_("{-: May")')
    desk.edit('msgid "May"\nmsgstr "sme"', 'msgid "{-: May"\nmsgstr "sme :-}"')
    desk.compile()
    assert desk.faults == []


def test_a_text_that_is_not_in_the_catalogue_is_told(desk: Desk) -> None:
    desk.edit_source('_("May")', '_("Nothing like that")')
    assert "  'Nothing like that' is missing: run botkit messages update" in desk.faults
    assert any("'May' is not in the source" in fault for fault in desk.faults)


def test_another_number_of_plural_forms_is_told(desk: Desk) -> None:
    desk.edit("nplurals=4; plural=(n%100==1 ? 0 : n%100==2 ? 1 : n%100==3 || n%100==4 ? 2 : 3)", "nplurals=5; plural=0")
    assert "  the header says 5 plural forms; sl has 4" in desk.faults


@pytest.mark.parametrize("how", ["changed", "missing", "broken"])
def test_a_compiled_file_that_does_not_fit_is_told(desk: Desk, how: str) -> None:
    compiled = desk.po.with_suffix(".mo")
    if how == "changed":
        desk.edit('"maj"', '"Maj"')
    elif how == "missing":
        compiled.unlink()
    else:
        compiled.write_bytes(b"\0" * 40)
    assert desk.faults == [f"{compiled}  is not what messages.po says: run botkit messages compile"]


def test_what_no_translator_sees_is_told(desk: Desk) -> None:
    desk.edit_source('_("May")', '_(f"May {n}")')
    assert any(f"{desk.source.as_posix()}:8  _() is given an f-string" in fault for fault in desk.faults)
