"""`botkit keys`: makes keys for programs that send by HTTP, and lists who has one."""

from collections.abc import Sequence
from typing import get_args

import click
from msgspec import Struct
from rich.table import Table
from rich.text import Text as Line

from botkit.cli.project import load_project_settings
from botkit.cli.terminal import open_console, print_json
from botkit.send_api.keys import ApiKey, KeyScope, digest_of, is_address, is_name, load_keyring, new_key
from botkit.send_api.signing import new_secret

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


class KeyRow(Struct, frozen=True):
    """A key as it is printed."""

    name: str
    scopes: Sequence[str]
    accounts: Sequence[str]
    rate: float
    callback_url: str


class NewKeyRow(Struct, frozen=True):
    """A fresh key as it is printed, once; `line` is what the file of keys holds of it, `item` what the setting does.

    `callback_secret` is what its reports are signed with, if it has any.
    """

    name: str
    key: str
    line: str
    item: str
    callback_secret: str = ""


@click.group
def keys() -> None:
    """Makes keys for programs that send by HTTP, and lists who has one.

    Example: botkit keys new shop --scope send --scope read
    """


@keys.command
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice(get_args(KeyScope)),
    multiple=True,
    required=True,
    help="What it is for; may be repeated.",
)
@click.option("--account", "accounts", multiple=True, metavar="TA", help="An account it may use.  [default: all]")
@click.option("--callback", "url", default="", metavar="URL", help="Where it hears what becomes of its messages.")
@_json
def new(*, name: str, scopes: Sequence[KeyScope], accounts: Sequence[str], url: str, as_json: bool) -> None:
    """Prints a fresh key, which is shown this once, and what to write down so that the service knows it.

    Nothing is stored. Example: botkit keys new shop --scope send --scope read --account shop-viber
    """
    if not is_name(name):
        raise click.UsageError("a name has up to 64 letters, digits, hyphens and underscores")
    if url and not is_address(url):
        raise click.UsageError("--callback is an address such as https://shop.example.org/reports")
    row = _fresh(name, list(dict.fromkeys(scopes)), list(dict.fromkeys(accounts)), url)
    if as_json:
        print_json(row)
        return
    click.echo(f"key of {name}, shown this once:\n  {row.key}\n")
    if row.callback_secret:
        click.echo(f"secret by which its program knows our reports:\n  {row.callback_secret}\n")
    click.echo(f"add to the file that BOTKIT_API_KEYS_FILE names:\n  {row.line}")
    if row.item:
        click.echo(f"or to BOTKIT_API_KEYS:\n  {row.item}")


@keys.command(name="list")
@_json
def list_(*, as_json: bool) -> None:
    """Lists whose keys the settings name, and what each may do; not the keys, which nobody has stored."""
    settings = load_project_settings()
    rows = [_row(key) for key in load_keyring(settings.api_keys, settings.api_keys_file).keys]
    if as_json:
        print_json(rows)
    elif not rows:
        click.echo("no keys: make one with botkit keys new NAME --scope send")
    else:
        _print(rows)


def _fresh(name: str, scopes: Sequence[str], accounts: Sequence[str], url: str) -> NewKeyRow:
    key = new_key()
    digest = digest_of(key)
    parts = [f'sha256 = "{digest}"', f"scopes = {_array(scopes)}"]
    if accounts:
        parts.append(f"accounts = {_array(accounts)}")
    secret = new_secret() if url else ""
    if url:
        parts += [f"callback_url = {_quoted(url)}", f"callback_secret = {_quoted(secret)}"]
    # The setting has no place for accounts and addresses.
    item = "" if accounts or url else f"{name}:{digest}:{'+'.join(scopes)}"
    return NewKeyRow(name, key, f"{name} = {{ {', '.join(parts)} }}", item, secret)


def _array(words: Sequence[str]) -> str:
    return f"[{', '.join(map(_quoted, words))}]"


def _quoted(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _row(key: ApiKey) -> KeyRow:
    scopes = [scope for scope in get_args(KeyScope) if scope in key.scopes]
    return KeyRow(key.name, scopes, sorted(key.accounts), key.rate, key.callback_url)


def _print(rows: Sequence[KeyRow]) -> None:
    table = Table(box=None, pad_edge=False)
    for head in ("name", "scopes", "accounts", "rate", "callbacks"):
        table.add_column(head, overflow="fold")
    for row in rows:
        rate = f"{row.rate:g}/s" if row.rate else "-"
        texts = (row.name, " ".join(row.scopes), " ".join(row.accounts) or "all", rate, row.callback_url or "-")
        table.add_row(*map(Line, texts))
    open_console().print(table)
