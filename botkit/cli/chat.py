"""`botkit chat`: talks to the running service as somebody with a simulated phone."""

import contextlib
import itertools
import sys
from collections.abc import Iterable, Mapping, Sequence

import click
from msgspec import Struct
from rich.console import Console
from rich.text import Text

from botkit.cli.phone import Deed, Desk, Phone, Step, choices_of, choose_account, parse_line, parse_place
from botkit.cli.project import load_project_settings
from botkit.cli.terminal import open_console, print_json
from botkit.exceptions import BotkitError
from botkit.play.phones import PhoneAccount
from botkit.simulators.simulator import Bubble, Choice

_STYLES = {"bot": "bold cyan", "person": "bold green", "service": "dim"}
_HELP = """\
Write to the bot; a number or a label presses a button, an empty line looks again.
/open [context]  /photo [caption]  /file [name]  /location LAT LON  /leave  /state  /quit
/say TEXT and /tap LABEL say and press what would be read otherwise."""

# On some services these leave nothing on the person's own screen.
_UNSEEN = {"opens": "opens the chat", "taps": "taps", "leaves": "leaves"}
_DEEDS = ("opens", "says", "taps", "photo", "file", "location", "leaves")
_STEPS = "botkit.cli.chat.steps"


class _InOrder(click.Command):
    """Keeps what is done in the order in which it was written, also among different options."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        _, _, written = self.make_parser(ctx).parse_args(args=list(args))
        rest = super().parse_args(ctx, args)
        deeds = [param for param in written if param.name in _DEEDS]
        values = {verb: iter(ctx.params[verb]) for verb in _DEEDS if isinstance(ctx.params[verb], tuple)}
        values["opens"] = itertools.repeat(ctx.params["context"])
        ctx.meta[_STEPS] = [_deed(param, next(values.get(str(param.name), iter([""])))) for param in deeds]
        return rest


def _deed(param: click.Parameter, text: str) -> Deed:
    verb = str(param.name)
    if verb != "location":
        return Deed(verb, text)
    try:
        return Deed(verb, text, *parse_place(text))
    except ValueError as error:
        raise click.BadParameter(str(error), param=param) from None


class _Transcript(Struct):
    bot: str
    channel: str
    person: str
    steps: Sequence[Step]


@click.command(cls=_InOrder)
@click.option("--url", help="Address of the service.  [default: BOTKIT_HOST and BOTKIT_PORT]")
@click.option("--bot", help="Whom to talk to, where there are several.")
@click.option("--channel", help="On which service, where there are several.")
@click.option("--account", help="Which account, where a bot has several on one service.")
@click.option("--person", default="Olena", show_default=True, help="Who talks; each name is somebody else.")
@click.option("--locale", default="en", show_default=True, help="The language of the person's phone.")
@click.option("--open", "opens", is_flag=True, help="Open the chat.")
@click.option("--context", default="", help="What the deep link of --open carries.")
@click.option("--say", "says", multiple=True, metavar="TEXT", help="Write a text.")
@click.option("--tap", "taps", multiple=True, metavar="LABEL", help="Press a button.")
@click.option("--photo", "photo", multiple=True, metavar="CAPTION", help="Send a picture.")
@click.option("--file", "file", multiple=True, metavar="NAME", help="Send a document.")
@click.option("--location", "location", multiple=True, metavar="LAT,LON", help="Send a place.")
@click.option("--leave", "leaves", is_flag=True, help="Block the bot, or unsubscribe.")
@click.option("--json", "as_json", is_flag=True, help="Print the steps as one JSON document.")
@click.pass_context
def chat(
    ctx: click.Context,
    /,
    *,
    url: str | None,
    bot: str | None,
    channel: str | None,
    account: str | None,
    person: str,
    locale: str,
    as_json: bool,
    **_: object,
) -> None:
    """Talks to the running service as a person with a simulated phone.

    What the person does is done in the order written, and repeated as often as written. Without anything to do, the
    talk is yours.

    Example: botkit chat --channel viber --open --say track --say 123456 --tap Friday
    """
    deeds: list[Deed] = ctx.meta[_STEPS]
    if as_json and not deeds:
        raise click.UsageError("--json needs something to do, such as --say TEXT")
    with Desk(url or _address()) as desk:
        phone = Phone(desk, _choose(desk, bot, channel, account), person, locale)
        if as_json:
            print_json(_Transcript(phone.account.bot, phone.account.channel, person, _perform(phone, deeds)))
        elif deeds:
            _Talk(phone, open_console()).perform(deeds)
        else:
            _Talk(phone, open_console()).run()


def _address() -> str:
    settings = load_project_settings()
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104 - where it listens
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"


def _choose(desk: Desk, bot: str | None, channel: str | None, ta: str | None) -> PhoneAccount:
    accounts = desk.accounts()
    found = choose_account(accounts, bot, channel, ta)
    if isinstance(found, PhoneAccount):
        return found
    if found:
        raise click.UsageError(
            f"several accounts could be meant; choose with --bot, --channel and --account: {_listed(found)}"
        )
    if not accounts:
        raise BotkitError(
            f"no account of the service at {desk.url} is simulated: all have credentials",
            fix="write to the bot with the service's own app",
        )
    asked = [f"bot {bot!r}" * bool(bot), f"channel {channel!r}" * bool(channel), f"account {ta!r}" * bool(ta)]
    raise BotkitError(
        f"no simulated account fits {', '.join(filter(None, asked))}; there are: {_listed(accounts)}",
        fix="choose one of these; an account with credentials is real and is reached with the service's own app",
    )


def _listed(accounts: Iterable[PhoneAccount]) -> str:
    return ", ".join(f"{account.bot} on {account.channel} ({account.ta})" for account in accounts)


def _perform(phone: Phone, deeds: Iterable[Deed]) -> list[Step]:
    phone.do(Deed("looks"))
    return [phone.do(deed) for deed in deeds]


class _Talk:
    """A talk on a console; the buttons that a line may name are those that the last answer brought."""

    def __init__(self, phone: Phone, console: Console) -> None:
        self._phone = phone
        self._console = console
        self._choices: list[Choice] = []

    def perform(self, deeds: Iterable[Deed]) -> None:
        """Does one thing after the other, each with what came of it."""
        self._phone.do(Deed("looks"))
        for deed in deeds:
            self._do(deed)

    def run(self) -> None:
        """Reads lines until the end of the input."""
        with contextlib.suppress(ImportError):
            # Importing it is what gives `input` its history and its keys.
            import readline  # noqa: F401
        account = self._phone.account
        self._console.print(Text(f"{account.bot} on {account.channel}, as {self._phone.person}\n{_HELP}\n", "dim"))
        self._do(Deed("looks"))
        with contextlib.suppress(EOFError, KeyboardInterrupt):
            while self._obey(input(f"{self._phone.person}> ")):
                pass
        self._console.print()

    def _obey(self, line: str) -> bool:
        try:
            deed = parse_line(line, self._choices)
            if deed.verb == "state":
                self._show_all_states()
            elif deed.verb != "quit":
                self._do(deed, is_typed=sys.stdin.isatty())
            return deed.verb != "quit"
        except (BotkitError, ValueError) as error:
            self._console.print(Text(str(error), "red"))
            return True

    def _do(self, deed: Deed, *, is_typed: bool = False) -> None:
        before = self._phone.screen.states
        step = self._phone.do(deed)
        own = [bubble for bubble in step.bubbles if bubble.side == "person"]
        if deed.verb in _UNSEEN and not own:
            self._print(self._phone.person, f"({_UNSEEN[deed.verb]} {deed.text}".rstrip() + ")", "dim")
        self._show([bubble for bubble in step.bubbles if not (is_typed and deed.verb == "says" and bubble in own)])
        if states := _moves(before, step.states):
            self._print("", states, "dim")

    def _show(self, bubbles: Sequence[Bubble]) -> None:
        if any(bubble.side == "bot" for bubble in bubbles):
            self._choices = choices_of(bubbles)
        names = {"bot": self._phone.account.bot, "person": self._phone.person}
        for bubble in bubbles:
            is_newest = bool(bubble.choices) and choices_of([bubble]) == self._choices
            lines = [_content(bubble), *_buttons(bubble, is_numbered=is_newest)]
            self._print(names.get(bubble.side, bubble.side), "\n".join(lines), _STYLES[bubble.side])

    def _print(self, who: str, text: str, style: str) -> None:
        line = Text(f"{who:>10}  ", style)
        line.append(text.replace("\n", f"\n{'':>10}  "), "dim" if style == "dim" else "default not bold")
        self._console.print(line, soft_wrap=True)

    def _show_all_states(self) -> None:
        screen = self._phone.screen
        parts = [f"{flow}: {state}" for flow, state in screen.states.items()]
        parts += [f"{name.replace('_', ' ')}: {count}" for name, count in (screen.session or {}).items()]
        self._console.print(Text("\n".join(parts), "dim"))


def _content(bubble: Bubble) -> str:
    if bubble.kind == "text":
        return bubble.text
    return " ".join(filter(None, [f"<{bubble.kind}>", bubble.source, bubble.text]))


def _buttons(bubble: Bubble, *, is_numbered: bool) -> list[str]:
    rows, number = [], 0
    for row in bubble.choices:
        labels = []
        for choice in row:
            number += 1
            label = f"[{number}] {choice.label}" if is_numbered else f"[{choice.label}]"
            labels.append(f"{label} {choice.value}" if choice.kind == "link" else label)
        rows.append("  ".join(labels))
    return rows


def _moves(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    # `Flow` is what routers without a flow are in: it never moves.
    flows = [name for name in after if name != "Flow"]
    moves = {name: _move(before.get(name, after[name]), after[name]) for name in flows}
    return next(iter(moves.values()), "") if len(flows) < 2 else ", ".join(f"{n} {m}" for n, m in moves.items())


def _move(before: str, after: str) -> str:
    return after if before == after else f"{before} > {after}"
