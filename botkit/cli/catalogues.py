"""The catalogues of a project as translators edit them: collected from the source, brought up to date, compiled."""

from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from pathlib import Path
from string import Formatter

from babel import Locale, UnknownLocaleError
from babel.messages import Catalog, Message
from babel.messages.mofile import read_mo, write_mo
from babel.messages.plurals import get_plural
from babel.messages.pofile import PoFileError, read_po, write_po

from botkit.exceptions import BotkitError
from botkit.language_checks import Text, find_texts, text_problems
from botkit.languages import DOMAIN

_COMMENT = "# Translators:"


class Catalogues:
    """The catalogues in a folder, and the source that their texts come from.

    `sources` are Python files or folders of them. Raises BotkitError, with the file, for what cannot be read.
    """

    def __init__(self, folder: Path, sources: Sequence[Path]) -> None:
        self.folder = folder
        self.template = folder / f"{DOMAIN}.pot"
        self._sources = sources

    def files(self) -> list[Path]:
        """Returns the `.po` file of each language."""
        return sorted(self.folder.glob(f"*/LC_MESSAGES/{DOMAIN}.po"))

    def extract(self) -> Catalog:
        """Returns a catalogue of every text in the source, without translations."""
        catalogue = Catalog(header_comment="# What the bots say.", charset="utf-8")
        for path in _modules(self._sources):
            source, texts = _read(path)
            for text in texts:
                place, comment = (path.as_posix(), text.line), _comment(source, text.line)
                message = text.texts[0] if len(text.texts) == 1 else text.texts
                catalogue.add(message, "", [place], auto_comments=comment, context=text.context)
        return catalogue

    def write_template(self) -> None:
        """Writes the file that new translations begin from, for whoever has tools of their own."""
        self._write(self.template, self.extract())

    def update(self, languages: Iterable[str]) -> list[Path]:
        """Brings every catalogue up to date, and begins one for each language that has none; returns all of them.

        A new text that is like an old one gets its translation marked as fuzzy: it is not used until that mark is gone.
        """
        texts = self.extract()
        found = {path: read_catalogue(path) for path in self.files()}
        for language in languages:
            locale = _locale(language, "the language")
            path = self.folder / str(locale) / "LC_MESSAGES" / f"{DOMAIN}.po"
            comment = f"# What the bots say in {locale.english_name}."
            found.setdefault(path, Catalog(locale, header_comment=comment, charset="utf-8", fuzzy=False))
        for path, catalogue in found.items():
            catalogue.update(texts, update_creation_date=False)
            self._write(path, catalogue)
        return sorted(found)

    def compile(self) -> list[Path]:
        """Writes what the service reads beside each `.po` file, and returns these files.

        Raises BotkitError, and writes nothing, where a translation would fail when its values are filled in.
        """
        catalogues = {path: read_catalogue(path) for path in self.files()}
        faults = [fault for path, catalogue in catalogues.items() for fault in placeholder_faults(path, catalogue)]
        if faults:
            raise BotkitError(
                "nothing was compiled:\n" + "\n".join(faults), fix="mend the placeholders, then try again"
            )
        for path, catalogue in catalogues.items():
            path.with_suffix(".mo").write_bytes(compiled(catalogue))
        return [path.with_suffix(".mo") for path in catalogues]

    def faults(self) -> Iterator[str]:
        """Yields everything that keeps a text from being spoken in every language."""
        texts = self.extract()
        for path in _modules(self._sources):
            yield from text_problems(path.read_text("utf-8"), path.as_posix())
        for path in self.files():
            catalogue = read_catalogue(path)
            yield from _plural_faults(path, catalogue)
            yield from _translation_faults(path, catalogue, texts)
            yield from placeholder_faults(path, catalogue)
            yield from _compilation_faults(path, catalogue)

    def _write(self, path: Path, catalogue: Catalog) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            # Line numbers would change with every edit of the source.
            write_po(file, catalogue, width=100, include_lineno=False)


def read_catalogue(path: Path) -> Catalog:
    """Returns the catalogue in a `.po` file."""
    locale = _locale(path.parents[1].name, str(path))
    try:
        with path.open("rb") as file:
            return read_po(file, locale=locale, charset="utf-8", abort_invalid=True)
    except (PoFileError, ValueError) as error:
        raise BotkitError(f"{path} cannot be read: {error}", fix="mend the file; msgfmt tells more") from error


def compiled(catalogue: Catalog) -> bytes:
    """Returns the `.mo` file of a catalogue; what is fuzzy or not translated is left out."""
    file = BytesIO()
    write_mo(file, catalogue)
    return file.getvalue()


def placeholder_faults(path: Path, catalogue: Catalog) -> Iterator[str]:
    """Yields each translation that does not have the placeholders of its text.

    A form of a plural may leave out what the singular or the plural leaves out.
    """
    for message in _entries(catalogue):
        try:
            fields = [_fields(text) for text in _texts(message.id)]
        except ValueError:
            # A text with a brace alone is not meant to be filled in.
            continue
        for form in filter(None, _texts(message.string)):
            if not _fits(form, fields):
                wanted = ", ".join(sorted(frozenset.union(*fields))) or "none"
                yield f"{_where(path, message)}  {form!r} has other placeholders than its text: {wanted}"


def _plural_faults(path: Path, catalogue: Catalog) -> Iterator[str]:
    wanted = get_plural(catalogue.locale).num_plurals
    if catalogue.num_plurals != wanted:
        yield f"{path}  the header says {catalogue.num_plurals} plural forms; {catalogue.locale} has {wanted}"


def _translation_faults(path: Path, catalogue: Catalog, texts: Catalog) -> Iterator[str]:
    known = {(message.id, message.context): message for message in _entries(catalogue)}
    for text in _entries(texts):
        message = known.pop((text.id, text.context), None)
        if message is None:
            yield f"{path}  {_texts(text.id)[0]!r} is missing: run botkit messages update"
        elif not all(_texts(message.string)):
            yield f"{_where(path, message)}  {_texts(text.id)[0]!r} is not translated"
        elif message.fuzzy:
            yield f"{_where(path, message)}  {_texts(text.id)[0]!r} is fuzzy: look at it, then take the mark away"
    for message in known.values():
        yield f"{_where(path, message)}  {_texts(message.id)[0]!r} is not in the source: run botkit messages update"


def _compilation_faults(path: Path, catalogue: Catalog) -> Iterator[str]:
    made = path.with_suffix(".mo")
    try:
        with made.open("rb") as file:
            is_same = _meaning(read_mo(file)) == _meaning(read_mo(BytesIO(compiled(catalogue))))
    except (OSError, ValueError, LookupError):
        is_same = False
    if not is_same:
        yield f"{made}  is not what {path.name} says: run botkit messages compile"


def _meaning(catalogue: Catalog) -> object:
    """Returns all that a reader of the catalogue can tell; its header also names the version of the compiler."""
    entries = {(message.context, *_texts(message.id)): _texts(message.string) for message in _entries(catalogue)}
    return entries, catalogue.num_plurals, catalogue.plural_expr


def _entries(catalogue: Catalog) -> list[Message]:
    return [message for message in catalogue if message.id]


def _texts(text: str | Sequence[str] | None) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text or ())


def _fields(text: str) -> frozenset[str]:
    return frozenset(name for _, name, _, _ in Formatter().parse(text) if name is not None)


def _fits(form: str, fields: Sequence[frozenset[str]]) -> bool:
    try:
        return frozenset.intersection(*fields) <= _fields(form) <= frozenset.union(*fields)
    except ValueError:
        return False


def _read(path: Path) -> tuple[str, list[Text]]:
    try:
        source = path.read_text("utf-8")
        return source, list(find_texts(source))
    except (SyntaxError, ValueError) as error:
        raise BotkitError(f"{path} cannot be read as Python: {error}", fix="mend the file, then try again") from error


def _comment(source: str, line: int) -> list[str]:
    """Returns the comment for translators above a line; other comments are not theirs."""
    above = source.splitlines()[: line - 1]
    start = next((index for index in reversed(range(len(above))) if not above[index].lstrip().startswith("#")), -1)
    comment = [text.strip() for text in above[start + 1 :]]
    first = next((index for index, text in enumerate(comment) if text.startswith(_COMMENT)), len(comment))
    return [text.removeprefix("#").strip() for text in comment[first:]]


def _modules(sources: Sequence[Path]) -> list[Path]:
    return [path for source in sources for path in (sorted(source.rglob("*.py")) if source.is_dir() else [source])]


def _locale(name: str, what: str) -> Locale:
    try:
        return Locale.parse(name.replace("-", "_"))
    except (ValueError, UnknownLocaleError):
        raise BotkitError(f"{what}: {name!r} is no language that is known", fix="write it as sl or pt_BR") from None


def _where(path: Path, message: Message) -> str:
    return f"{path}:{message.lineno}" if message.lineno else str(path)
