"""`botkit new`: writes a bot that works, with its handlers, its flow and its test."""

import keyword
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from string import Template

import click

from botkit.bot import Bot
from botkit.exceptions import BotkitError, DefinitionError

#: The class that speaks for each channel; its accounts are named <BOT>_<CHANNEL>.
CHANNELS = {"telegram": "Telegram", "viber": "Viber", "gbm": "BusinessMessages"}

_LINE = 120
_PACKAGES = {
    "bots": "The bots of this service; `bots:app` is what it runs.",
    "handlers": "What the bots say: one module per topic, each with its router.",
    "state": "The flows: one module each.",
}
#: Names that the written modules use for something else.
_TAKEN = {"app", "bot", "botkit", "bots", "handlers", "state", "pytest"}
_TAKEN_CLASSES = {
    *("After", "Bot", "Button", "ButtonPressed", "Context", "ConversationStarted", "Flow", "MessageReceived", "Router"),
    *("Trigger", "BotTester"),
}

_IMPORT = re.compile(r"^from bots import (?:\(([^)]*)\)|([^(\n]+))$", re.MULTILINE)
_APP = re.compile(r"^app = App\(\[([^\]]*)\]\)$", re.MULTILINE)


@click.command
@click.argument("name")
@click.option("--channels", default="telegram,viber,gbm", show_default=True, help="Where the bot answers.")
@click.option("--force", is_flag=True, help="Write over the bot's own files where they exist.")
def new(*, name: str, channels: str, force: bool) -> None:
    """Writes a bot that works, its handlers, its flow and its test, and adds it to bots/__init__.py.

    Example: botkit new taxi --channels telegram,viber
    """
    chosen = _channels(channels)
    module = module_name(name)
    written = render(name, module, chosen)
    existing = [str(path) for path in written if path.exists()]
    if existing and not force:
        raise BotkitError(
            f"there is already {', '.join(existing)}; nothing was written", fix="choose another name, or add --force"
        )
    for package, sentence in _PACKAGES.items():
        if package != "bots":
            _write_missing(Path(package, "__init__.py"), f'"""{sentence}"""\n')
    for path, text in written.items():
        _write(path, text)
    _enlist(Path("bots", "__init__.py"), module)
    click.echo(f"Next: botkit dev, then botkit chat --bot {name}. Its test runs with pytest.")


def render(name: str, module: str, channels: Sequence[str]) -> Mapping[Path, str]:
    """Returns the bot's files by their paths."""
    prefix = module.upper()
    accounts = [f'        {CHANNELS[channel]}.from_env("{prefix}_{channel.upper()}"),' for channel in channels]
    values = {
        "name": name,
        "module": module,
        "flow": _class(name),
        "imports": ", ".join(sorted(["Bot", *(CHANNELS[channel] for channel in channels)])),
        "accounts": "\n".join(accounts),
        "channels": ", ".join(f'"{channel}"' for channel in channels),
    }
    templates = {
        Path("bots", f"{module}.py"): "bot",
        Path("handlers", f"{module}.py"): "handlers",
        Path("state", f"{module}.py"): "state",
        Path("tests", f"test_{module}.py"): "test",
    }
    return {path: _template(template).substitute(values) for path, template in templates.items()}


def enlist(text: str, module: str) -> str | None:
    """Returns `bots/__init__.py` with one more bot; None where it is not as `botkit new` writes it."""
    imported, app = _IMPORT.search(text), _APP.search(text)
    if not imported or not app:
        return None
    modules = sorted({*_split(imported[1] or imported[2]), module})
    bots = [*dict.fromkeys([*_split(app[1]), f"{module}.bot"])]
    text = text.replace(imported[0], _fitted("from bots import ", "(", modules, ")", is_bare=True))
    return text.replace(app[0], _fitted("app = App(", "[", bots, "]", is_bare=False) + ")")


def _split(names: str) -> list[str]:
    return [name for part in names.split(",") if (name := part.strip())]


def _fitted(before: str, opening: str, names: Sequence[str], closing: str, *, is_bare: bool) -> str:
    line = before + ", ".join(names) if is_bare else f"{before}{opening}{', '.join(names)}{closing}"
    if len(line) + (not is_bare) <= _LINE:
        return line
    return "\n".join([before + opening, *(f"    {name}," for name in names), closing])


def _enlist(path: Path, module: str) -> None:
    empty = (
        f'"""{_PACKAGES["bots"]}"""\n\nfrom botkit import App\nfrom bots import {module}\n\napp = App([{module}.bot])\n'
    )
    if not path.exists():
        _write(path, empty)
        return
    text = path.read_text(encoding="utf-8")
    changed = enlist(text, module)
    if changed is None:
        click.echo(f"{path} is not as botkit writes it; add to it: from bots import {module}, and {module}.bot to App")
    elif changed != text:
        path.write_text(changed, encoding="utf-8")
        click.echo(f"changed {path}")


def _channels(text: str) -> list[str]:
    chosen = list(dict.fromkeys(_split(text)))
    unknown = [channel for channel in chosen if channel not in CHANNELS]
    if unknown or not chosen:
        raise click.BadParameter(
            f"no channel {', '.join(map(repr, unknown)) or 'was named'}; there are: {', '.join(CHANNELS)}",
            param_hint="--channels",
        )
    return chosen


def module_name(name: str) -> str:
    """Returns the name of a bot's modules; raises BadParameter where the name can be no bot's."""
    try:
        Bot(name, routers=[], accounts=[])
    except DefinitionError as error:
        raise click.BadParameter(str(error), param_hint="NAME") from None
    module, flow = name.replace("-", "_"), _class(name)
    if keyword.iskeyword(module) or keyword.iskeyword(flow) or module in _TAKEN or flow in _TAKEN_CLASSES:
        raise click.BadParameter(f"{name!r} means something else in the code of a bot", param_hint="NAME")
    return module


def _class(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("-"))


def _template(name: str) -> Template:
    return Template(files("botkit.cli").joinpath("templates", f"{name}.txt").read_text(encoding="utf-8"))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    click.echo(f"wrote {path}")


def _write_missing(path: Path, text: str) -> None:
    if not path.exists():
        _write(path, text)
