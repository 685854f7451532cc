"""`botkit send`: one message to one person, by the way that the service's own messages go."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import click
from msgspec import Struct

from botkit.adapter import Adapter
from botkit.bot import Bot
from botkit.cli.project import load_app, load_project_settings, open_store
from botkit.cli.send_bulk import BulkOptions, bulk_options, read_request, send_bulk
from botkit.cli.terminal import print_json
from botkit.conversation import Conversation
from botkit.exceptions import BotkitError, MessageError, SettingsError
from botkit.messages import Text
from botkit.redis.store import RedisStore
from botkit.send_api.bulk_orders import BulkOrder
from botkit.send_api.orders import Order, Orders, fingerprint_of, reached, routes_of
from botkit.send_api.requests import VISIBLE, parse_json
from botkit.send_api.ways import Step, Way
from botkit.sending import Rejection, Sender
from botkit.submission import Submission, message_id

# No key of a program has a space in its name.
_OWNER = "botkit send"


class SentRow(Struct, frozen=True):
    """What was put on its way, as it is printed."""

    id: str
    channel: str
    account: str


@click.command
@click.argument("text", required=False)
@click.option("--app", default="bots:app", show_default=True, help="The application, as module:attribute.")
@click.option("--account", metavar="TA", help="The account that it goes from, as ta or channel:ta.")
@click.option("--to", metavar="ADDRESS", help="A phone number, or the service's id of a person or chat.")
@click.option(
    "--request",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="In place of all that, a file with a request as the send API takes it.",
)
@click.option("--id", "key", default="", help="Sends it once, however often it is asked for with this id.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; of --bulk, a line for each step.")
@bulk_options
def send(
    *,
    text: str | None,
    app: str,
    account: str | None,
    to: str | None,
    request: Path | None,
    key: str,
    as_json: bool,
    bulk: Path | None,
    **flags: bool,
) -> None:
    """Sends TEXT, in Markdown, to one person; the running service does the sending. Prints the message's id.

    With --bulk it goes to everybody in a file, once each. The same command goes on where it stopped.

    Example: botkit send --account parcel-viber --to 01234567890A= "Your parcel is here."

    Example: botkit send --account parcel-sms --bulk people.csv "We are open again."
    """
    if key and not VISIBLE.fullmatch(key):
        raise click.UsageError("--id has 1 to 255 visible ASCII characters")
    bots = load_app(app).bots
    adapters = [adapter for bot in bots for adapter in bot.accounts]
    if bulk is not None:
        _send_to_all(bots, account, to, text, request, BulkOptions(bulk, key, as_json=as_json, **flags))
        return
    if any(flags.values()):
        raise click.UsageError("--skip-invalid, --dry-run and --yes go with --bulk")
    if request is not None:
        if text is not None or account is not None or to is not None:
            raise click.UsageError("the text, the account and the person of a --request are in its file")
        body = parse_json(request.read_bytes())
        orders = Orders(adapters, routes_of(bots), time_zone=load_project_settings().time_zone)
        order, fingerprint = orders.read(body, lambda _: True), fingerprint_of(body)
    else:
        order = _order(adapters, account, to, text)
        fingerprint = fingerprint_of({"account": account, "to": to, "text": text})
    taken = asyncio.run(_submit(order, key, fingerprint))
    channel, ta = taken.account
    if as_json:
        print_json(SentRow(taken.id, channel, ta))
    else:
        click.echo(taken.id)


def _order(adapters: Sequence[Adapter], account: str | None, to: str | None, text: str | None) -> Order:
    if account is None or to is None or text is None:
        raise click.UsageError("give --account, --to and a text, or a --request")
    adapter = _find(adapters, account)
    address = adapter.find_address(to)
    message = Text(text=text)
    prepared = adapter.prepare(message, Conversation(adapter.account, address))
    if not prepared.messages:
        raise MessageError("the account cannot show this")
    return Order((Way(Step(adapter), address, message, prepared),))


def _send_to_all(
    bots: Sequence[Bot],
    account: str | None,
    to: str | None,
    text: str | None,
    request: Path | None,
    options: BulkOptions,
) -> None:
    if to is not None or (text is None) == (request is None) or (account is None) != (text is None):
        raise click.UsageError("--bulk goes with --account and a text, or with a --request; --to is in the file")
    if request is not None:
        body = parse_json(request.read_bytes())
        send_bulk(bots, read_request(bots, body, options.file), body, options)
    elif account is not None and text is not None:
        adapter = _find([adapter for bot in bots for adapter in bot.accounts], account)
        send_bulk(bots, BulkOrder(adapter, Text(text=text)), {"account": account, "text": text}, options)


def _find(adapters: Sequence[Adapter], account: str) -> Adapter:
    found = [each for each in adapters if account in (each.ta, f"{each.channel}:{each.ta}")]
    if len(found) == 1:
        return found[0]
    known = ", ".join(f"{each.channel}:{each.ta}" for each in adapters)
    what = "several accounts are called" if found else "there is no account"
    raise click.UsageError(f"{what} {account!r}\n  there are: {known or 'none'}")


async def _submit(order: Order, key: str, fingerprint: str) -> Submission:
    async with open_store(load_project_settings()) as store:
        if store is None:
            raise SettingsError("there is no store yet", fix="start the service first: botkit run")
        return await _taken(store, await reached(order, store.contacts), key, fingerprint)


async def _taken(store: RedisStore, order: Order, key: str, fingerprint: str) -> Submission:
    named = message_id(_OWNER, key or order.tag)
    created_ms = round(store.clock.timestamp() * 1000)
    taken = await Sender(store, store.clock).submit(order.submission(named, _OWNER, fingerprint, created_ms))
    if taken is Rejection.CONFLICT:
        raise BotkitError("this id stands for another message", fix="give it an --id of its own")
    if taken is Rejection.FULL:
        raise BotkitError("too many messages wait for this person", fix="see that the service runs, and try again")
    return taken
