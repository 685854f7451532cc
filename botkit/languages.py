"""The languages of a bot: its gettext catalogues, and `_()` in the language of whoever is spoken to."""

import re
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from gettext import GNUTranslations, NullTranslations
from os import PathLike
from pathlib import Path

from botkit.events import Event, TimerFired
from botkit.exceptions import DefinitionError
from botkit.record import Flows

#: What the catalogues are called: `<folder>/<locale>/LC_MESSAGES/messages.mo`.
DOMAIN = "messages"

_TAG = re.compile(r"[A-Za-z]{2,8}(?:[-_][A-Za-z0-9]{1,8})*")
#: The longest tag that is believed; BCP 47 recommends room for 35 characters.
_MAX_TAG = 35


class Languages:
    """The gettext catalogues of a bot: every `<folder>/<locale>/LC_MESSAGES/messages.mo`, read once, here.

    `default` is the language of the texts in the code; whoever speaks no language of the bot reads it. Raises
    DefinitionError, with the file and a fix, for a catalogue that is missing, not compiled or unreadable.
    """

    def __init__(self, folder: str | PathLike[str], *, default: str = "en") -> None:
        self.folder = Path(folder)
        self.default = language_tag(default)
        if not self.default:
            raise DefinitionError(f"{default!r} is no language tag", fix="write it as 'en', 'sl' or 'pt-BR'")
        self._catalogues = {self.default: NullTranslations()} | _load(self.folder)

    def __repr__(self) -> str:
        return f"Languages({', '.join(self.tags)})"

    @property
    def tags(self) -> tuple[str, ...]:
        """The languages that the bot speaks, as BCP 47 tags in order."""
        return tuple(sorted(self._catalogues))

    def match(self, tag: str) -> str:
        """Returns the language of the bot that serves best whoever speaks this one.

        The same; else without its last parts (`uk-UA` is served by `uk`); else a relative (`pt` by `pt-BR`); else the
        default.
        """
        tag = language_tag(tag)
        found = next((nearer for nearer in _widened(tag) if nearer in self._catalogues), "")
        if found or not tag:
            return found or self.default
        language = tag.partition("-")[0]
        return next((known for known in self.tags if known.partition("-")[0] == language), self.default)

    def catalogue(self, tag: str) -> NullTranslations:
        """Returns the catalogue of the language that `match` finds."""
        return self._catalogues[self.match(tag)]


class Speech:
    """The language of one turn, as it is now: the person's choice, else what the service says, else the default.

    It changes the record in `flows`, which is stored when the turn's commit succeeds.
    """

    def __init__(self, languages: Languages | None, flows: Flows, event: Event) -> None:
        said = language_tag(event.user.locale) if event.user else ""
        # A timer says again what was said when it was set; the record may have heard something newer.
        if isinstance(event, TimerFired):
            said = flows.said_locale or said
        self._said = said or flows.said_locale
        if languages is not None:
            flows.said_locale = self._said
        self._languages = languages
        self._flows = flows
        self._catalogue: NullTranslations | None = None

    @property
    def locale(self) -> str:
        """The person's language tag, or an empty string where nothing is known."""
        default = self._languages.default if self._languages else ""
        return self._flows.locale or self._said or default

    @property
    def catalogue(self) -> NullTranslations:
        """The catalogue of that language; one that leaves texts as they are where the bot has none."""
        if self._catalogue is None:
            self._catalogue = self._languages.catalogue(self.locale) if self._languages else NullTranslations()
        return self._catalogue

    def choose(self, tag: str) -> None:
        """Makes a language the person's own; an empty string takes that back. Raises ValueError for no language tag."""
        chosen = language_tag(tag)
        if tag and not chosen:
            raise ValueError("a language is named by a tag such as 'sl' or 'pt-BR'")
        self._flows.locale = chosen
        self._catalogue = None


# A changed language must be seen by whoever shares the context, also from a thread, which has a copy: so the variable
# holds the object that changes.
_speech: ContextVar[Speech | None] = ContextVar("botkit_speech", default=None)


@contextmanager
def speaking(speech: Speech) -> Iterator[None]:
    """Lets `_()` and its like speak that language inside the block, and in tasks and threads that it starts."""
    token = _speech.set(speech)
    try:
        yield
    finally:
        _speech.reset(token)


#: Lets `_()` and its like speak a language from here on, in the current context.
speak: Callable[[Speech], object] = _speech.set


def _(message: str, /) -> str:
    """Returns a text in the language of the person whose event is being handled.

    Where there is no translation, and outside a handler, the text itself. Values are filled in afterwards:
    `_("Hello {name}").format(name=name)`.
    """
    speech = _speech.get()
    # gettext keeps the catalogue's own header under the empty text.
    return speech.catalogue.gettext(message) if speech and message else message


def ngettext(singular: str, plural: str, n: int, /) -> str:
    """Returns the form of a text that the person's language uses for `n` things; otherwise as `_`.

    `ngettext("{n} parcel", "{n} parcels", n).format(n=n)`; without a translation, the singular for 1 alone.
    """
    speech = _speech.get()
    if speech is None:
        return singular if n == 1 else plural
    return speech.catalogue.ngettext(singular, plural, n)


def pgettext(context: str, message: str, /) -> str:
    """Returns the translation that a text has in this context, where one word means two things; otherwise as `_`."""
    speech = _speech.get()
    return speech.catalogue.pgettext(context, message) if speech else message


@lru_cache(maxsize=512)
def language_tag(text: str) -> str:
    """Returns a language tag as BCP 47 writes it: `sl-SI` for `sl_si` or `sl_SI.UTF-8`; nothing for what is none."""
    text = re.split("[.@]", text, maxsplit=1)[0]
    if len(text) > _MAX_TAG or not _TAG.fullmatch(text):
        return ""
    first, *others = re.split("[-_]", text.lower())
    single = next((index for index, part in enumerate(others) if len(part) == 1), len(others))
    cased = {2: str.upper, 4: str.title}
    written = [cased.get(len(part), str)(part) for part in others[:single]]
    return "-".join([first, *written, *others[single:]])


def _widened(tag: str) -> Iterator[str]:
    """Yields a tag, then the tag with ever fewer parts: `zh-Hant-TW`, `zh-Hant`, `zh-TW`, `zh`."""
    parts = tag.split("-")
    for length in range(len(parts), 1, -1):
        yield "-".join(parts[:length])
    if len(parts) > 2 and len(parts[1]) == 4:
        yield f"{parts[0]}-{parts[2]}"
    yield parts[0]


def _load(folder: Path) -> dict[str, NullTranslations]:
    catalogues: dict[str, NullTranslations] = {}
    for path in sorted(folder.glob("*/LC_MESSAGES")):
        name = path.parent.name
        tag = language_tag(name)
        if not tag or tag in catalogues:
            fault = "is there twice" if tag else "is no language"
            raise DefinitionError(f"{path.parent}: {name!r} {fault}", fix="name the folder as 'sl' or 'pt_BR'")
        catalogues[tag] = _read(path / f"{DOMAIN}.mo")
    if not catalogues:
        raise DefinitionError(
            f"{folder} has no catalogue: there is no <locale>/LC_MESSAGES/{DOMAIN}.mo in it",
            fix="make one with: botkit messages update sl, and: botkit messages compile",
        )
    return catalogues


def _read(path: Path) -> GNUTranslations:
    try:
        with path.open("rb") as file:
            return GNUTranslations(file)
    except FileNotFoundError:
        raise DefinitionError(f"{path} is missing", fix="make it with: botkit messages compile") from None
    except (OSError, ValueError, LookupError, struct.error) as error:
        fix = "make it anew with: botkit messages compile"
        raise DefinitionError(f"{path} cannot be read as a catalogue ({type(error).__name__})", fix=fix) from error
