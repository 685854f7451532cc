"""`botkit messages`: collects what the bots say, for translation, and compiles the translations."""

import importlib
from pathlib import Path
from typing import TYPE_CHECKING

import click

from botkit.exceptions import BotkitError, SettingsError

if TYPE_CHECKING:
    from botkit.cli.catalogues import Catalogues

_SOURCES = ("bots", "handlers", "state")

_folder = click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("locales"),
    show_default=True,
    help="Where the catalogues are.",
)
_source = click.option(
    "--source",
    "sources",
    type=click.Path(path_type=Path, exists=True),
    multiple=True,
    help=f"A Python file, or a folder of them, with texts; may be repeated.  [default: {', '.join(_SOURCES)}]",
)


@click.group
def messages() -> None:
    """Collects the texts in _(), ngettext() and pgettext() for translators, and compiles what they wrote.

    Example: botkit messages update sl
    """


@messages.command
@_folder
@_source
def extract(*, folder: Path, sources: tuple[Path, ...]) -> None:
    """Writes a template with every text, for translators with tools of their own; `update` does not need it."""
    catalogues = _open(folder, sources)
    catalogues.write_template()
    click.echo(f"wrote {catalogues.template}")


@messages.command
@click.argument("languages", nargs=-1)
@_folder
@_source
def update(*, languages: tuple[str, ...], folder: Path, sources: tuple[Path, ...]) -> None:
    """Brings every catalogue up to date with the source, and begins one for each language named that has none.

    Example: botkit messages update sl
    """
    _tell(_open(folder, sources).update(languages), folder)


@messages.command(name="compile")
@_folder
def compile_(*, folder: Path) -> None:
    """Compiles every catalogue for the service, which reads them when it starts."""
    _tell(_open(folder, ()).compile(), folder)


@messages.command
@_folder
@_source
def check(*, folder: Path, sources: tuple[Path, ...]) -> None:
    """Tells what is not collected, not translated, wrongly filled in or not compiled; 1 is the exit code then."""
    catalogues = _open(folder, sources)
    faults = list(catalogues.faults())
    if faults:
        raise BotkitError("\n".join([f"the catalogues in {folder} are not complete", *faults]))
    _tell(catalogues.files(), folder, "complete:")


def _open(folder: Path, sources: tuple[Path, ...]) -> "Catalogues":
    try:
        importlib.import_module("babel")
    except ImportError:
        raise SettingsError(
            "botkit messages needs babel, which is not installed", fix='install it with: pip install "botkit[i18n]"'
        ) from None
    from botkit.cli.catalogues import Catalogues

    return Catalogues(folder, sources or [path for path in map(Path, _SOURCES) if path.exists()])


def _tell(paths: list[Path], folder: Path, what: str = "wrote") -> None:
    if not paths:
        raise BotkitError(f"there is no catalogue in {folder}", fix="begin one with: botkit messages update sl")
    for path in paths:
        click.echo(f"{what} {path}")
