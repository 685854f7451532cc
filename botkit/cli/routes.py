"""`botkit routes` and `botkit graph`: which handler answers what, and how a flow moves."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

import click
from msgspec import Struct
from rich.table import Table
from rich.text import Text

from botkit.adapter import Adapter
from botkit.app import App
from botkit.bot import Bot
from botkit.cli.project import load_app
from botkit.cli.terminal import open_console, print_json
from botkit.delivery_route import Leg
from botkit.diagram import Arrow
from botkit.filters import describe
from botkit.flow import Flow
from botkit.route import Route
from botkit.trigger import did_you_mean

_app = click.option("--app", default="bots:app", show_default=True, help="The application, as module:attribute.")
_bot = click.option("--bot", help="Only this bot.")


class RouteRow(Struct, frozen=True):
    """A route as it is printed; `number` is its place in the order in which its bot's routes are asked."""

    bot: str
    number: int
    events: Sequence[str]
    filters: Sequence[str]
    flow: str
    states: Sequence[str]
    handler: str
    where: str
    for_paused: bool


class FlowRow(Struct, frozen=True):
    """A flow as it is printed; an arrow without `dest` is a timeout that a handler answers."""

    flow: str
    bots: Sequence[str]
    initial: str
    states: Sequence[str]
    arrows: Sequence[Arrow]


@click.command
@_app
@_bot
@click.option("--state", help="Only what can answer in this state.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def routes(*, app: str, bot: str | None, state: str | None, as_json: bool) -> None:
    """Prints which handler answers what, in the order in which the routes are asked: the first that matches wins.

    Below them stand the ways that the bot's messages may go, by name.

    Example: botkit routes --bot parcel --state number
    """
    bots = _bots(load_app(app), bot)
    if state is not None:
        _require_state(bots, state)
    rows = [row for one in bots for row in _rows(one, state)]
    if as_json:
        print_json(rows)
        return
    for one in bots:
        _print_routes(one.name, [row for row in rows if row.bot == one.name])
        for name, route in one.routes.items():
            click.echo(f'messages with route="{name}": {" | ".join(map(_leg, route.legs))}')


@click.command
@click.argument("flow", required=False)
@_app
@_bot
@click.option("--format", "form", type=click.Choice(["text", "mermaid"]), default="text", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def graph(*, flow: str | None, app: str, bot: str | None, form: Literal["text", "mermaid"], as_json: bool) -> None:
    """Draws a flow: its states and what moves between them. Without FLOW, lists the flows.

    Example: botkit graph Parcel --format mermaid
    """
    bots = _bots(load_app(app), bot)
    flows = [_flow(bots, flow)] if flow else _flows(bots)
    if as_json:
        print_json([_described(one, bots) for one in flows])
    elif flow:
        click.echo(flows[0].mermaid() if form == "mermaid" else _text(_described(flows[0], bots)))
    else:
        for row in (_described(one, bots) for one in flows):
            click.echo(f"{row.flow}  bot {', '.join(row.bots)}: {', '.join(row.states)}")


def _bots(app: App, name: str | None) -> Sequence[Bot]:
    names = [bot.name for bot in app.bots]
    if name is not None and name not in names:
        raise click.UsageError(f"no bot {name!r}{did_you_mean(name, names)}\n  there are: {', '.join(names)}")
    return [bot for bot in app.bots if name in (None, bot.name)]


def _require_state(bots: Iterable[Bot], state: str) -> None:
    known = list(dict.fromkeys(name for flow in _flows(bots, with_base=True) for name in flow.state_names()))
    if state not in known:
        raise click.UsageError(
            f"no flow has a state {state!r}{did_you_mean(state, known)}\n  there are: {', '.join(known)}"
        )


def _rows(bot: Bot, state: str | None) -> Iterator[RouteRow]:
    for number, route in enumerate(bot.table.routes, 1):
        if state is None or route.is_in(state):
            yield _row(bot, number, route)


def _row(bot: Bot, number: int, route: Route) -> RouteRow:
    return RouteRow(
        bot.name,
        number,
        [event.__name__ for event in route.events],
        [describe(ask) for ask in route.filters],
        route.flow.__name__,
        route.states,
        str(getattr(route.handler, "__name__", type(route.handler).__name__)),
        route.where,
        route.for_paused,
    )


def _print_routes(bot: str, rows: Sequence[RouteRow]) -> None:
    table = Table(title=Text(bot), title_justify="left", box=None, pad_edge=False)
    for name in ("#", "event", "filter", "state", "handler", "where"):
        table.add_column(name, justify="right" if name == "#" else "left", overflow="fold")
    for row in rows:
        # As people write patterns, in raw strings.
        events, asked = " | ".join(row.events), " and ".join(row.filters).replace("\\\\", "\\") or "any"
        states = (", ".join(row.states) or "any") + (", paused" if row.for_paused else "")
        table.add_row(*map(Text, (str(row.number), events, asked, states, row.handler, row.where)))
    open_console().print(table)


def _leg(leg: Leg[Adapter]) -> str:
    where = f"{leg.adapter.ta} on {leg.adapter.channel}"
    return f"{where}, {leg.status} within {leg.seconds:g} s" if leg.seconds else where


def _flows(bots: Iterable[Bot], *, with_base: bool = False) -> list[type[Flow]]:
    found = dict.fromkeys(flow for bot in bots for flow in bot.table.flows)
    return [flow for flow in found if with_base or flow is not Flow]


def _flow(bots: Sequence[Bot], name: str) -> type[Flow]:
    flows = _flows(bots)
    found = [flow for flow in flows if flow.__name__ == name]
    if len(found) > 1:
        raise click.UsageError(f"several bots have a flow {name!r}; choose with --bot")
    if not found:
        names = [flow.__name__ for flow in flows]
        raise click.UsageError(
            f"no flow {name!r}{did_you_mean(name, names)}\n  there are: {', '.join(names) or 'none'}"
        )
    return found[0]


def _described(flow: type[Flow], bots: Iterable[Bot]) -> FlowRow:
    users = [bot.name for bot in bots if flow in bot.table.flows]
    return FlowRow(flow.__name__, users, flow().state, flow.state_names(), list(_arrows(flow)))


def _arrows(flow: type[Flow]) -> Iterator[Arrow]:
    triggers = flow.triggers()
    for trigger in triggers.values():
        for source in trigger.sources:
            yield Arrow(source, trigger.dest, trigger.label)
    for state, after in flow.timeouts.items():
        move = triggers[after.trigger] if after.trigger else None
        yield Arrow(state, move.dest if move else "", f"after {after}" + (f" / {move.name}" if move else ""))


def _text(row: FlowRow) -> str:
    width = max(len(arrow.source) for arrow in (*row.arrows, Arrow("", "", "")))
    lines = [f"{row.flow} begins in {row.initial}; * is every state"]
    return "\n".join([*lines, *(f"  {a.source:>{width}} --{a.label}--> {a.dest or '(a handler)'}" for a in row.arrows)])
