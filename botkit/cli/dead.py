"""`botkit dead`: the events and messages that were given up, to be read, put back or removed."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime

import click
from msgspec import Struct
from rich.text import Text

from botkit.cli.project import ask_store
from botkit.cli.tables import new_table
from botkit.cli.terminal import open_console, print_json
from botkit.conversation import digest
from botkit.redis.dead_letters import DeadLetter, Replay
from botkit.redis.store import RedisStore

#: How much of a conversation's hash is shown; logs show as much.
_SHOWN = 10
_REFUSALS = {
    Replay.HELD: "its conversation is being worked on: try again, or leave --first out",
    Replay.FULL: "the queue of its conversation is full: try again later",
}

_ids = click.argument("ids", nargs=-1)
_account = click.option("--account", default="", help="Only this account's, by its ta.")
_all = click.option("--all", "is_all", is_flag=True, help="All of them, or all of the account's.")


class LetterRow(Struct, frozen=True):
    """A dead letter as it is printed: without what a person wrote, and without what an exception said."""

    id: str
    at: datetime
    account: str
    conversation: str
    queue: str
    reason: str


@click.group(invoke_without_command=True)
@_account
@click.option("--show-ids", is_flag=True, help="Name the conversations, not their hashes.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def dead(ctx: click.Context, *, account: str, show_ids: bool, as_json: bool) -> None:
    """Lists the events that no handler could handle, and the messages that could not be sent.

    Example: botkit dead replay 7-1790000000000-0
    """
    if ctx.invoked_subcommand is not None:
        return
    letters = ask_store(lambda store: _chosen(store, account)) or []
    rows = [_row(letter, show_ids=show_ids) for letter in letters]
    if as_json:
        print_json(rows)
    else:
        _print_rows(rows)


@dead.command
@click.argument("letter_id", metavar="ID")
def show(letter_id: str) -> None:
    """Prints all that is stored of one dead letter, a person's words included, and why it was given up."""
    letter = ask_store(lambda store: store.dead_letters.find(letter_id))
    if letter is None:
        raise click.ClickException(f"there is no dead letter {letter_id!r}; they are listed by: botkit dead")
    click.echo(f"{letter.queue.value} of {letter.conversation}, given up at {_time(letter.at)} UTC\n")
    click.echo(letter.entry.decode(errors="replace"))
    click.echo(f"\n{letter.error}")


@dead.command
@_ids
@_all
@_account
@click.option("--first", is_flag=True, help="Before all else of its conversation, not behind it.")
def replay(*, ids: tuple[str, ...], is_all: bool, account: str, first: bool) -> None:
    """Puts dead letters back, once each: an event is handled as if it had just come, a message is sent.

    Mend first what was wrong. Example: botkit dead replay --all --account parcel-telegram
    """

    async def put_back(store: RedisStore, letter: DeadLetter) -> str:
        answer = await store.dead_letters.replay(letter, first=first)
        return "" if answer is Replay.DONE else _REFUSALS.get(answer, "it is gone")

    _do_each(ids, account, put_back, "put back", is_all=is_all)


@dead.command
@_ids
@_all
@_account
def remove(*, ids: tuple[str, ...], is_all: bool, account: str) -> None:
    """Removes dead letters for good.

    Example: botkit dead remove 7-1790000000000-0
    """

    async def removed(store: RedisStore, letter: DeadLetter) -> str:
        return "" if await store.dead_letters.remove(letter.id) else "it is gone"

    _do_each(ids, account, removed, "removed", is_all=is_all)


def _do_each(
    ids: Sequence[str],
    account: str,
    act: Callable[[RedisStore, DeadLetter], Awaitable[str]],
    done: str,
    *,
    is_all: bool,
) -> None:
    if bool(ids) == is_all:
        raise click.UsageError("name dead letters by their ids, or say --all")
    refusals = ask_store(lambda store: _each(store, ids, account, act))
    failed = {letter_id: reason for letter_id, reason in (refusals or {}).items() if reason}
    click.echo(f"{len(refusals or {}) - len(failed)} {done}")
    if failed:
        raise click.ClickException("\n".join(f"{letter_id}: {reason}" for letter_id, reason in failed.items()))


async def _each(
    store: RedisStore, ids: Sequence[str], account: str, act: Callable[[RedisStore, DeadLetter], Awaitable[str]]
) -> dict[str, str]:
    if not ids:
        # In the order in which they were given up: so they are put back.
        letters = sorted(await _chosen(store, account), key=lambda letter: letter.at)
        return {letter.id: await act(store, letter) for letter in letters}
    found = {letter_id: await store.dead_letters.find(letter_id) for letter_id in ids}
    return {name: await act(store, letter) if letter else "there is no such letter" for name, letter in found.items()}


async def _chosen(store: RedisStore, account: str) -> list[DeadLetter]:
    letters: AsyncIterator[DeadLetter] = store.dead_letters.scan()
    return [letter async for letter in letters if account in ("", _account_of(letter))]


def _account_of(letter: DeadLetter) -> str:
    return letter.conversation.split(":", 2)[1]


def _row(letter: DeadLetter, *, show_ids: bool) -> LetterRow:
    return LetterRow(
        id=letter.id,
        at=letter.at,
        account=_account_of(letter),
        conversation=letter.conversation if show_ids else digest(letter.conversation)[:_SHOWN],
        queue=letter.queue.value,
        reason=_reason(letter.error),
    )


def _reason(error: str) -> str:
    """Returns a reason of ours as it is, and of an exception its type: its text may hold a person's words."""
    if not error.lstrip().startswith(("Traceback", "+ Exception", "|")) and "\n" not in error.strip():
        return error.strip()
    last = error.strip().splitlines()[-1]
    return last.partition(":")[0].strip()


def _print_rows(rows: Sequence[LetterRow]) -> None:
    if not rows:
        click.echo("no dead letters")
        return
    table = new_table("id", "given up (UTC)", "account", "conversation", "queue", "reason")
    for row in rows:
        table.add_row(*map(Text, (row.id, _time(row.at), row.account, row.conversation, row.queue, row.reason)))
    open_console().print(table)


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"
