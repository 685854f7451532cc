"""What commands write to: a console for people, JSON for programs."""

from typing import Any

import click
import msgspec
from rich.console import Console

#: Nothing is wrapped for a file or a pipe, where somebody may search.
_UNBOUNDED = 10_000


def open_console(*, stderr: bool = False) -> Console:
    """Returns a console on the standard output (or error), colourless with NO_COLOR; no text is taken for markup."""
    console = Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = _UNBOUNDED
    return console


def print_json(value: Any) -> None:
    """Prints a value as indented JSON."""
    click.echo(msgspec.json.format(msgspec.json.encode(value)))
