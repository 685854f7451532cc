"""`botkit broadcast`: writes to many people at once, and shows how far that has come."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

import click
import msgspec
from msgspec import Struct
from rich.text import Text as Line

from botkit.bot import Bot
from botkit.broadcast import Progress, Segment, Stage
from botkit.broadcaster import Broadcaster
from botkit.buttons import Button
from botkit.cli.broadcast_progress import BroadcastRow, follow, row
from botkit.cli.project import load_app, load_project_settings, open_store
from botkit.cli.tables import new_table
from botkit.cli.terminal import open_console, print_json
from botkit.conversation import Conversation
from botkit.estimate import Estimate, Plan
from botkit.exceptions import BotkitError, SettingsError
from botkit.messages import AnyMessage, Text
from botkit.redis.store import RedisStore
from botkit.trigger import did_you_mean

T = TypeVar("T")

_app = click.option("--app", default="bots:app", show_default=True, help="The application, as module:attribute.")
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


class LaneRow(Struct, frozen=True):
    """What an account's part of a broadcast will take, as it is printed."""

    channel: str
    account: str
    recipients: int
    gone: int
    within: int
    opens: int
    free: int
    charged: int
    stopped: int
    cost: Decimal
    currency: str
    seconds: float
    losses: Sequence[str]


class PlanRow(Struct, frozen=True):
    """A plan as it is printed; `starts_at` is empty for at once, and `is_started` False for a dry run."""

    id: str
    bot: str
    recipients: int
    seconds: float
    costs: dict[str, Decimal]
    lanes: Sequence[LaneRow]
    starts_at: str = ""
    is_started: bool = False


class _Choice(Struct, frozen=True):
    """What was asked for on the command line."""

    message: AnyMessage
    segment: Segment
    name: str
    notify: str
    at: datetime | None
    is_dry_run: bool
    is_agreed: bool
    as_json: bool


@click.group
def broadcast() -> None:
    """Writes to many people at once; the running service does the sending.

    Example: botkit broadcast new --bot parcel --text "We are closed on Friday." --tag customer
    """


@broadcast.command
@_app
@click.option("--bot", help="The bot that writes.  [default: the only one]")
@click.option("--text", help="What it says, in Markdown.")
@click.option("--message", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="A message as JSON.")
@click.option("--button", "buttons", multiple=True, metavar="LABEL=VALUE", help="A button under the text.")
@click.option("--channel", "channels", multiple=True, help="Only people on this channel.")
@click.option("--account", "accounts", multiple=True, metavar="TA", help="Only people of this account.")
@click.option(
    "--state", "states", multiple=True, help="Only in this state, as parcel.day; parcel is any but the first."
)
@click.option("--tag", "tags", multiple=True, help="Only with this tag; all that are given must be there.")
@click.option("--any-tag", "any_tags", multiple=True, help="Only with one of these tags.")
@click.option("--no-tag", "no_tags", multiple=True, help="Only without this tag.")
@click.option("--locale", "locales", multiple=True, help="Only in this language, as sl or pt-BR.")
@click.option("--at", help="When it starts, as 2026-11-30T09:00+01:00.  [default: at once]")
@click.option("--name", default="", help="What handlers and lists call it.")
@click.option("--notify", default="", metavar="ADDRESS", help="The conversation whose handlers hear of the progress.")
@click.option("--dry-run", is_flag=True, help="Print the plan, and do nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@_json
def new(
    *,
    app: str,
    bot: str | None,
    text: str | None,
    message: Path | None,
    buttons: Sequence[str],
    at: str | None,
    name: str,
    notify: str,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    **segment: tuple[str, ...],
) -> None:
    """Plans a broadcast, tells what it will take, asks, and starts it.

    Whoever belongs to it is fixed with the plan. Options that may be given more than once narrow down to any of them,
    --tag and --no-tag to all.

    Example: botkit broadcast new --text "Your parcel is near." --state parcel.booked --locale sl --dry-run
    """
    if as_json and not (yes or dry_run):
        raise click.UsageError("--json needs --yes or --dry-run: there is nobody to ask")
    choice = _Choice(
        _message(text, message, buttons), Segment(**segment), name, notify, _instant(at), dry_run, yes, as_json
    )
    writer = _bot(app, bot)
    _with_store(lambda store: _plan_and_start(writer, store, choice))


@broadcast.command(name="list")
@_json
def list_(*, as_json: bool) -> None:
    """Lists the broadcasts of the last 30 days and all that are not over, newest first."""
    rows = [row(each) for each in _with_store(lambda store: store.broadcasts.list())]
    if as_json:
        print_json(rows)
    else:
        _print_rows(rows)


@broadcast.command
@click.argument("broadcast_id", metavar="ID")
@_json
def watch(*, broadcast_id: str, as_json: bool) -> None:
    """Shows how far a broadcast has come until it is over; 1 is the exit code of one that was cancelled.

    With --json each step is a line of its own. Ctrl-C stops the watching, not the broadcast.
    """
    last = _with_store(lambda store: follow(store, broadcast_id, as_json=as_json))
    if last is None:
        raise _unknown(broadcast_id)
    if last.stage is Stage.CANCELLED:
        raise BotkitError(f"broadcast {broadcast_id} was cancelled")


@broadcast.command
@click.argument("broadcast_id", metavar="ID")
def pause(*, broadcast_id: str) -> None:
    """Stops a broadcast until it is resumed; up to 200 messages of each account are on their way and still go out."""
    _move(broadcast_id, Stage.PAUSED)


@broadcast.command
@click.argument("broadcast_id", metavar="ID")
def resume(*, broadcast_id: str) -> None:
    """Lets a paused broadcast go on where it stopped, or starts one that was only planned."""
    _move(broadcast_id, Stage.RUNNING)


@broadcast.command
@click.argument("broadcast_id", metavar="ID")
def cancel(*, broadcast_id: str) -> None:
    """Ends a broadcast for good; up to 200 messages of each account are on their way and still go out."""
    _move(broadcast_id, Stage.CANCELLED)


# --- planning ---


def _bot(app: str, name: str | None) -> Bot:
    bots = {bot.name: bot for bot in load_app(app).bots}
    if name is None and len(bots) == 1:
        return next(iter(bots.values()))
    if name not in bots:
        what = f"no bot {name!r}{did_you_mean(name, bots)}" if name else "--bot says which bot writes"
        raise click.UsageError(f"{what}\n  there are: {', '.join(bots) or 'none'}")
    return bots[name]


def _message(text: str | None, path: Path | None, buttons: Sequence[str]) -> AnyMessage:
    if (text is None) == (path is None):
        raise click.UsageError("give either --text or --message")
    if text is not None:
        return Text(text=text, buttons=tuple((_button(button),) for button in buttons))
    if buttons or path is None:
        raise click.UsageError("the buttons of a --message are in its file")
    try:
        message: AnyMessage = msgspec.json.decode(path.read_bytes(), type=AnyMessage)
    except (msgspec.MsgspecError, OSError, UnicodeDecodeError, ValueError) as error:
        raise click.UsageError(f"{path} is no message: {error}") from None
    return message


def _button(written: str) -> Button:
    label, equals, value = written.partition("=")
    if not equals or not label or not value:
        raise click.UsageError(f"--button is LABEL=VALUE, as Today=day:today, not {written!r}")
    return Button(label, value)


def _instant(written: str | None) -> datetime | None:
    if written is None:
        return None
    try:
        at: datetime | None = datetime.fromisoformat(written)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise click.UsageError(f"--at is an instant with its offset, as 2026-11-30T09:00+01:00, not {written!r}")
    return at


def _notify(bot: Bot, written: str) -> Conversation | None:
    if not written:
        return None
    known = [adapter.account for adapter in bot.accounts]
    try:
        to: Conversation | None = Conversation.parse(written)
    except ValueError:
        to = None
    if to is None or to.account not in known:
        accounts = ", ".join(f"{account.channel}:{account.ta}" for account in known)
        raise click.UsageError(f"--notify is channel:account:id, not {written!r}\n  there are: {accounts}")
    return to


async def _plan_and_start(bot: Bot, store: RedisStore, choice: _Choice) -> None:
    broadcaster = Broadcaster(bot, store, store.clock)
    notify = _notify(bot, choice.notify)
    plan = await broadcaster.plan(choice.message, choice.segment, name=choice.name, notify=notify)
    try:
        is_started = _is_agreed(plan, choice) and await broadcaster.start(plan.broadcast.id, at=choice.at)
    finally:
        progress = await store.broadcasts.load(plan.broadcast.id)
        if progress is not None and progress.stage is Stage.DRAFT:
            await store.broadcasts.move(plan.broadcast.id, Stage.CANCELLED)
    if choice.as_json:
        print_json(_plan_row(plan, choice, is_started=is_started))
    elif is_started:
        click.echo(f"started {plan.broadcast.id}; watch it with: botkit broadcast watch {plan.broadcast.id}")


def _is_agreed(plan: Plan, choice: _Choice) -> bool:
    if not choice.as_json:
        _print_plan(plan)
    if choice.is_dry_run:
        return False
    if not plan.recipients:
        raise BotkitError("nobody belongs to this segment", fix="ask for less, or look at: botkit broadcast new --help")
    if not choice.is_agreed:
        click.confirm(f"Write to {plan.recipients} people?", abort=True, err=True)
    return True


def _plan_row(plan: Plan, choice: _Choice, *, is_started: bool) -> PlanRow:
    return PlanRow(
        id=plan.broadcast.id,
        bot=plan.broadcast.bot,
        recipients=plan.recipients,
        seconds=plan.seconds,
        costs=dict(plan.costs),
        lanes=[_lane_row(lane) for lane in plan.lanes],
        starts_at=choice.at.isoformat() if choice.at else "",
        is_started=is_started,
    )


def _lane_row(lane: Estimate) -> LaneRow:
    numbers = {name: getattr(lane, name) for name in Estimate.__struct_fields__ if name != "account"}
    return LaneRow(channel=lane.account.channel, account=lane.account.ta, **numbers)


def _print_plan(plan: Plan) -> None:
    numbered = ("#people", "#gone", "#in session", "#new session", "#free", "#charged", "#over limit")
    table = new_table("channel", "account", *numbered, "#cost", "#takes")
    for lane in plan.lanes:
        numbers = (lane.recipients, lane.gone, lane.within, lane.opens, lane.free, lane.charged, lane.stopped)
        cost = f"{lane.cost.normalize():f} {lane.currency}" if lane.cost else "-"
        texts = (lane.account.channel, lane.account.ta, *map(str, numbers), cost, _duration(lane.seconds))
        table.add_row(*map(Line, texts))
    console = open_console()
    console.print(table)
    for lane in plan.lanes:
        for loss in lane.losses:
            console.print(f"{lane.account.channel}: {loss}")


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


# --- the rest ---


def _with_store(ask: Callable[[RedisStore], Awaitable[T]]) -> T:
    async def asked() -> T:
        async with open_store(load_project_settings()) as store:
            if store is None:
                raise SettingsError("there is no store yet", fix="start the service first: botkit run")
            return await ask(store)

    return asyncio.run(asked())


def _move(broadcast_id: str, stage: Stage) -> None:
    async def moved(store: RedisStore) -> tuple[bool, Progress | None]:
        done = await store.broadcasts.move(broadcast_id, stage)
        return done, await store.broadcasts.load(broadcast_id)

    is_moved, progress = _with_store(moved)
    if progress is None:
        raise _unknown(broadcast_id)
    if not is_moved:
        raise BotkitError(f"broadcast {broadcast_id} is {progress.stage.value}")
    click.echo(f"{broadcast_id}: {progress.stage.value}")


def _unknown(broadcast_id: str) -> BotkitError:
    return BotkitError(f"no broadcast {broadcast_id!r}", fix="look at: botkit broadcast list")


def _print_rows(rows: Sequence[BroadcastRow]) -> None:
    if not rows:
        click.echo("no broadcasts")
        return
    table = new_table("id", "bot", "name", "stage", "#people", "#sent", "#failed", "#skipped", "#delivered", "#seen")
    for each in rows:
        numbers = (each.total, each.sent, each.failed, each.skipped, each.delivered, each.seen)
        table.add_row(*map(Line, (each.id, each.bot, each.name, each.stage, *map(str, numbers))))
    open_console().print(table)
