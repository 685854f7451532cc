"""`botkit send --bulk`: one message to everybody in a file, once each, however often it is begun anew."""

import asyncio
import csv
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import click
from msgspec import Struct

from botkit.adapter import Adapter
from botkit.addresses import AddressKind, is_phone
from botkit.bot import Bot
from botkit.broadcast import Bulk, Progress, Stage
from botkit.bulk import BulkWriter, bulk_id_of, pages, read_destinations
from botkit.cli.broadcast_progress import follow
from botkit.cli.project import load_project_settings, open_store
from botkit.cli.terminal import print_json
from botkit.exceptions import AddressError, BotkitError, SettingsError
from botkit.redis.store import RedisStore
from botkit.send_api.bulk_orders import BulkOrder, read_bulk
from botkit.send_api.orders import Orders, fingerprint_of, routes_of

#: Who asks, in place of the name of a key: none of those has a space.
OWNER = "botkit send"
#: How many wrong lines are told.
MOST_TOLD = 20

_CHUNK = 1024 * 1024
_OPTIONS = (
    click.option(
        "--bulk",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        help="In place of --to, a CSV file with a column `destination` or `phone`, or with that alone.",
    ),
    click.option("--skip-invalid", is_flag=True, help="Leave out what is wrong in the file, and send to the others."),
    click.option("--dry-run", is_flag=True, help="Look at the whole file, and send nothing."),
    click.option("--yes", is_flag=True, help="Do not ask."),
)

Command = TypeVar("Command", bound=Callable[..., Any])


class BulkOptions(Struct, frozen=True):
    """What was asked for on the command line, beside the message."""

    file: Path
    key: str
    skip_invalid: bool
    dry_run: bool
    yes: bool
    as_json: bool


def bulk_options(command: Command) -> Command:
    """Adds the options that a bulk has besides."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


class BulkPlan(Struct, frozen=True):
    """What a file holds, as it is printed: how many destinations, and how many lines are wrong."""

    id: str
    channel: str
    account: str
    destinations: int
    wrong: int


def read_request(bots: Sequence[Bot], body: Mapping[str, Any], file: Path) -> BulkOrder:
    """Returns what a request as the send API takes it asks for, with the destinations of a file.

    Raises InvalidRequestError with every problem, and RefusedError for an account that is not there.
    """
    if "destinations" in body:
        raise click.UsageError("the destinations of a --request are those of --bulk")
    adapters = [adapter for bot in bots for adapter in bot.accounts]
    first = [destination for _, destination in islice(_read(file), 100)]
    return read_bulk(
        Orders(adapters, routes_of(bots)), {**body, "destinations": first}, lambda _: True, has_callbacks=False
    )


def send_bulk(bots: Sequence[Bot], order: BulkOrder, said: Mapping[str, Any], options: BulkOptions) -> None:
    """Sends a message to everybody in a file, and shows how far that has come; `said` stands for the message.

    Nothing is sent before every line was looked at. The same file with the same message goes on where it stopped, and
    with an id of its own nothing else is sent under that.
    """
    if options.as_json and not (options.yes or options.dry_run):
        raise click.UsageError("--json needs --yes or --dry-run: there is nobody to ask")
    fingerprint = fingerprint_of({"said": said, "file": _digest(options.file)})
    bulk_id = bulk_id_of(OWNER, options.key or order.tag or f"file {fingerprint}")
    plan = _look(order.adapter, bulk_id, options)
    if not plan.destinations:
        raise BotkitError("the file holds no destination of this account", fix="give each a line of its own")
    if not _is_agreed(plan, options):
        return
    bot = next(bot.name for bot in bots if order.adapter in bot.accounts)
    bulk = Bulk(OWNER, fingerprint, order.hops, reference=order.reference, schedule=order.schedule)
    last = asyncio.run(_send(bot, order, bulk, plan, options))
    if last.stage is Stage.CANCELLED:
        raise BotkitError(f"bulk {bulk_id} was cancelled")


def _digest(file: Path) -> str:
    found = hashlib.sha256()
    with file.open("rb") as content:
        while chunk := content.read(_CHUNK):
            found.update(chunk)
    return found.hexdigest()


def _read(file: Path) -> Iterator[tuple[int, str]]:
    try:
        yield from read_destinations(file)
    except (UnicodeDecodeError, csv.Error):
        raise BotkitError("the file is no CSV in UTF-8", fix="save it as CSV (UTF-8)") from None


# --- before it begins ---


def _look(adapter: Adapter, bulk_id: str, options: BulkOptions) -> BulkPlan:
    """Looks at every line, and tells the wrong ones. Raises BotkitError if there are any that are not to be skipped."""
    right = wrong = 0
    for line, destination in _read(options.file):
        problem = _problem(adapter, destination)
        right += not problem
        wrong += bool(problem)
        if problem and wrong <= MOST_TOLD:
            click.echo(f"{options.file.name}:{line}: {problem}", err=True)
    if wrong > MOST_TOLD:
        click.echo(f"and {wrong - MOST_TOLD} more", err=True)
    if wrong and not options.skip_invalid:
        lines = "1 line is" if wrong == 1 else f"{wrong} lines are"
        raise BotkitError(
            f"{lines} wrong, and nothing was sent", fix="mend the file, or leave them out: --skip-invalid"
        )
    return BulkPlan(bulk_id, adapter.channel, adapter.ta, right, wrong)


def _problem(adapter: Adapter, destination: str) -> str:
    if adapter.address is not AddressKind.PHONE and is_phone(destination):
        # Whose conversation it is, only the store knows.
        return ""
    try:
        adapter.find_address(destination)
    except AddressError as error:
        return error.what
    return ""


def _is_agreed(plan: BulkPlan, options: BulkOptions) -> bool:
    if options.dry_run:
        if options.as_json:
            print_json(plan)
        else:
            click.echo(f"{plan.destinations} destinations by {plan.channel}:{plan.account}; nothing was sent")
        return False
    if not options.yes:
        click.confirm(f"Send to {plan.destinations} destinations?", abort=True, err=True)
    return True


# --- sending ---


async def _send(bot: str, order: BulkOrder, bulk: Bulk, plan: BulkPlan, options: BulkOptions) -> Progress:
    async with open_store(load_project_settings()) as store:
        if store is None:
            raise SettingsError("there is no store yet", fix="start the service first: botkit run")
        await _begin(store, bot, order, bulk, plan, options)
        last = await follow(store, plan.id, as_json=options.as_json)
        if last is None:
            raise BotkitError("the bulk is not known any more: somebody has emptied the store")
        return last


async def _begin(
    store: RedisStore, bot: str, order: BulkOrder, bulk: Bulk, plan: BulkPlan, options: BulkOptions
) -> None:
    writer = BulkWriter(store, order.adapter, bot)
    if await writer.open(plan.id, order.message, bulk, name=order.tag or options.file.name) is None:
        raise BotkitError("this id stands for another message, or another file", fix="give it an --id of its own")
    unknown = 0
    for page in pages(_read(options.file)):
        enlisted = await writer.enlist(plan.id, [destination for _, destination in page])
        unknown += sum(bool(each.problem) for each in enlisted)
    if unknown > plan.wrong:
        click.echo(f"numbers without a conversation on the account: {unknown - plan.wrong}", err=True)
    await writer.start(plan.id)
    click.echo(f"bulk {plan.id}: Ctrl-C stops the watching, and the same command goes on with it", err=True)
