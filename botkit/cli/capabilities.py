"""`botkit capabilities`: what each service shows of each message, button and option, from the adapters' own data."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from types import ModuleType

import click
from msgspec import Struct
from msgspec.structs import replace
from rich.table import Table
from rich.text import Text as Line

from botkit import channels, gateways
from botkit.adapter import Adapter
from botkit.buttons import AnyButton, AskAgent, AskContact, AskLocation, Button, Dial, Link, Login
from botkit.capabilities import BUTTONS, KINDS, OPTIONS, UNBOUND, Bound, Capabilities, Support
from botkit.cli.terminal import open_console, print_json
from botkit.conversation import Conversation
from botkit.messages import Card, Carousel, Message, Text

NATIVE, NOTHING = "yes", "-"

#: One of each kind of button, as rich as it can be: what becomes of it is what the table says.
_SAMPLES: Mapping[type[AnyButton], AnyButton] = {
    Button: Button("Yes", "yes"),
    Link: Link("Shop", "https://shop.example"),
    Dial: Dial("Call", "+442071234567"),
    AskLocation: AskLocation("Here I am"),
    AskContact: AskContact("My number"),
    AskAgent: AskAgent(),
    Login: Login("Sign in", "https://shop.example/login", "shop", "x" * 43, ("openid",)),
}


class ChannelRow(Struct, frozen=True):
    """A channel as it is printed: by name, what it shows of each kind, and its bounds.

    `network` is what a gateway reaches here. `events` are those that this channel alone has, with what they tell.
    """

    channel: str
    network: str
    adapter: str
    messages: Mapping[str, str]
    buttons: Mapping[str, str]
    options: Mapping[str, str]
    limits: Mapping[str, str]
    events: Mapping[str, str]
    notes: Mapping[str, str]
    missing: Mapping[str, str]

    def sections(self) -> Mapping[str, Mapping[str, str]]:
        """Returns the parts that every channel has alike."""
        return {"messages": self.messages, "buttons": self.buttons, "options": self.options, "limits": self.limits}


@click.command
@click.option("--channel", help="Only this channel, or this gateway's networks, with all that is its own.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Print Markdown.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def capabilities(*, channel: str | None, as_markdown: bool, as_json: bool) -> None:
    """Prints what each service shows of each message, button and option, and what it shows instead.

    Example: botkit capabilities --channel viber
    """
    known = load_rows()
    ways = load_ways()
    rows = known if channel is None else [row for row in known if row.channel == channel] or ways.get(channel, [])
    if not rows:
        listed = ", ".join([*(row.channel for row in known), *ways])
        raise click.UsageError(f"no channel {channel!r}\n  there are: {listed}")
    if as_json:
        print_json(rows)
    elif as_markdown:
        click.echo(markdown_of(rows) if channel else markdown_table(rows))
    else:
        _print(rows)
        if channel is None:
            click.echo(f"\nwhat gateways show, network by network: botkit capabilities --channel {'|'.join(ways)}")


def load_rows() -> Sequence[ChannelRow]:
    """Returns every channel there is, the one that shows most first."""
    rows = [row for adapter in load_adapters() for row in rows_of(adapter)]
    return sorted(rows, key=lambda row: -[*row.messages.values()].count(NATIVE))


def load_ways() -> Mapping[str, Sequence[ChannelRow]]:
    """Returns every gateway there is, by name, with a row for each network that it reaches."""
    return {adapter.channel: rows_of(adapter) for adapter in load_adapters(gateways)}


def load_adapters(package: ModuleType = channels) -> Iterator[type[Adapter]]:
    """Yields the adapter of each channel or gateway there is, by the names of their modules."""
    for found in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"{package.__name__}.{found.name}")
        for kind in vars(module).values():
            if inspect.isclass(kind) and issubclass(kind, Adapter) and kind.__module__ == module.__name__:
                yield kind


def rows_of(adapter: type[Adapter]) -> Sequence[ChannelRow]:
    """Returns what an adapter says of itself, for each network that it reaches."""
    examples = adapter.examples()
    return [_row(account, "" if network == adapter.channel else network) for network, account in examples.items()]


def _row(adapter: Adapter, network: str) -> ChannelRow:
    can = adapter.capabilities
    return ChannelRow(
        channel=adapter.channel,
        network=network,
        adapter=type(adapter).__name__,
        messages={kind.__name__: _shown(can, kind) for kind in KINDS},
        buttons={kind.__name__: _shown_button(adapter, kind) for kind in BUTTONS},
        options={name: NATIVE if name in can.options else NOTHING for name in OPTIONS},
        limits=_limits(can) | {"receipts": "delivered, seen" if adapter.has_receipts else NOTHING},
        events={kind.__name__: (inspect.getdoc(kind) or "").partition("\n")[0] for kind in adapter.events},
        notes=can.notes,
        missing=can.missing,
    )


# --- cells ---


def _shown(can: Capabilities, kind: type[Message]) -> str:
    support = can.support(kind)
    if support is Support.NOTHING:
        return NOTHING
    return NATIVE if support is Support.NATIVE else support.value


def _shown_button(account: Adapter, kind: type[AnyButton]) -> str:
    message = Text(text="?", buttons=((_SAMPLES[kind],),))
    # A positive id is a private chat, where there are several kinds.
    prepared = account.prepare(message, Conversation(account.account, "1"))
    shown = [button for row in prepared.messages[-1].buttons for button in row]
    if not shown:
        return "numbered menu" if prepared.menu else Support.WORDS.value
    return NATIVE if type(shown[0]) is kind else f"as a {type(shown[0]).__name__}"


def _limits(can: Capabilities) -> dict[str, str]:
    has_captions = sorted(kind.__name__ for kind in can.captions if can.is_native(kind))
    has_cards = can.is_native(Card) or can.is_native(Carousel)
    return {
        "text": _bound(can.text),
        "caption": _bound(can.caption) if has_captions else NOTHING,
        "kinds with a caption": ", ".join(has_captions) or NOTHING,
        "title of a card": _bound(can.card_title) if has_cards else NOTHING,
        "words of a card": _bound(can.card_text) if has_cards else NOTHING,
        "buttons of a card": _count(can.most_buttons(Card)) if has_cards else NOTHING,
        **_limits_of_buttons(can),
    }


def _limits_of_buttons(can: Capabilities) -> dict[str, str]:
    limits = {
        "buttons of a message": f"{_count(can.most_buttons(Text))}, then a numbered menu",
        "rows of buttons": _count(can.max_rows),
        "buttons in a row": _count(can.max_row),
        "label of a button": _count(can.max_label, can.label_unit),
        "value of a button": _count(can.max_value, can.value_unit),
    }
    return limits if can.buttons else dict.fromkeys(limits, NOTHING)


def _bound(bound: Bound) -> str:
    return _count(bound.most, bound.unit)


def _count(most: int, unit: str = "") -> str:
    return "any" if most >= UNBOUND else f"{most:,} {unit}".strip()


# --- Markdown ---


def markdown_table(rows: Sequence[ChannelRow]) -> str:
    """Returns the channels side by side, with their notes and what is missing below."""
    lines = _side_by_side(rows, [f"`{row.adapter}`" for row in rows])
    lines += ["", *(f"- `{row.adapter}`: {_notes(row)}." for row in rows if row.notes)]
    lines += ["", "Without a word of their own here (the channel's page tells the way round, mostly `Raw`):", ""]
    lines += [f"- `{row.adapter}`: {', '.join(row.missing)}." for row in rows if row.missing]
    return "\n".join(lines)


def markdown_of(rows: Sequence[ChannelRow]) -> str:
    """Returns one channel, or the networks of one gateway, in full: what it shows, its own events, what is missing."""
    told = _together(rows)
    if len(rows) > 1:
        lines = _side_by_side(rows, [row.network for row in rows])
        lines += ["", *(f"- {name}: {note}." for name, note in told.notes.items()), ""]
    else:
        lines = [*_section_by_section(rows[0])]
    if told.events:
        lines += _markdown_lines(["events of its own", ""])
        lines += [_markdown_line([f"`{told.channel}.{name}`", text]) for name, text in told.events.items()] + [""]
    if told.missing:
        lines += _markdown_lines(["without a word of its own", "the way round"])
        lines += [_markdown_line([name, way]) for name, way in told.missing.items()]
    return "\n".join(lines).strip()


def markdown_gateways() -> str:
    """Returns the gateways one below the other: what each reaches, and what comes back."""
    lines = _markdown_lines(["", "networks", "reports", "what people write", "people in a request"])
    for adapter in load_adapters(gateways):
        many = _count(adapter.max_receivers) if adapter.max_receivers else "1"
        hears = NATIVE if "inbound" in adapter.kinds else NOTHING
        lines.append(
            _markdown_line([f"`{adapter.__name__}`", ", ".join(adapter.examples()), _reports(adapter), hears, many])
        )
    return "\n".join(lines)


def _reports(adapter: type[Adapter]) -> str:
    silent = [network for network, account in adapter.examples().items() if not account.has_receipts]
    if len(silent) == len(adapter.examples()):
        return NOTHING
    return f"{NATIVE}, not on {', '.join(silent)}" if silent else NATIVE


def _section_by_section(row: ChannelRow) -> Iterator[str]:
    for section, cells in row.sections().items():
        yield from _markdown_lines([section, ""])
        for name, cell in cells.items():
            note = f": {row.notes[name]}" if name in row.notes else ""
            yield _markdown_line([_marked(name, section), cell + note])
        yield ""


def _side_by_side(rows: Sequence[ChannelRow], heads: Sequence[str]) -> list[str]:
    lines = _markdown_lines(["", *heads])
    for section, cells in rows[0].sections().items():
        lines.append(_markdown_line([f"**{section}**", *[""] * len(rows)]))
        for name in cells:
            lines.append(_markdown_line([_marked(name, section), *(row.sections()[section][name] for row in rows)]))
    return lines


def _marked(name: str, section: str) -> str:
    return name if section == "limits" else f"`{name}`"


def _together(rows: Sequence[ChannelRow]) -> ChannelRow:
    """Returns what is told of all the networks of one gateway: each note once, with those that it is about."""
    networks: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        for told in row.notes.items():
            networks.setdefault(told, []).append(row.network)
    notes = {}
    for (name, note), named in networks.items():
        notes[name if len(named) == len(rows) else f"{name} ({', '.join(named)})"] = note
    missing = {name: way for row in rows for name, way in row.missing.items()}
    return replace(rows[0], network="", notes=notes, missing=missing)


def _notes(row: ChannelRow) -> str:
    named: dict[str, list[str]] = {}
    for name, note in row.notes.items():
        named.setdefault(note, []).append(name)
    return "; ".join(f"{', '.join(names)}: {note}" for note, names in named.items())


def _markdown_lines(heads: Sequence[str]) -> list[str]:
    return [_markdown_line(heads), "|---" * len(heads) + "|"]


def _markdown_line(cells: Sequence[str]) -> str:
    return f"|{'|'.join(f' {cell} ' if cell else ' ' for cell in cells)}|"


# --- the terminal ---


def _print(rows: Sequence[ChannelRow]) -> None:
    console = open_console()
    for section in rows[0].sections():
        table = Table(title=Line(section), title_justify="left", box=None, pad_edge=False)
        for head in ("", *map(_name, rows)):
            table.add_column(head, overflow="fold")
        for name in rows[0].sections()[section]:
            table.add_row(*map(Line, (name, *(row.sections()[section][name] for row in rows))))
        console.print(table)
    for row in [_together(rows)] if rows[0].network else rows:
        for title, told in (
            ("notes", row.notes),
            ("events of its own", row.events),
            ("without a word of its own", row.missing),
        ):
            if told:
                console.print(Line(f"\n{_name(row)}, {title}"))
                console.print(Line("\n".join(f"  {name}: {text}" for name, text in told.items())))


def _name(row: ChannelRow) -> str:
    return row.network or row.channel
