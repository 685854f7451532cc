"""Imports point down: the levels of botkit's modules, the homes of outside libraries, the way from bots to botkit."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import packages_distributions
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent

# What stands at the start of botkit. in a module's name; `channels.*` is the package and all that is in it.
LEVELS: tuple[tuple[str, ...], ...] = (
    (
        "exceptions",
        "conversation",
        "clock",
        "redaction",
        "addresses",
        "time_zones",
        "waiting",
        "send_schedule",
        "credentials",
        "public_urls",
        "public_addresses",
        "pinning",
        "unpacking",
        "metrics",
    ),
    ("events", "messages", "outgoing", "buttons", "formatting", "rendering", "splitting"),
    (
        *("adapter", "line", "http_client", "webhook", "session_rules", "store", "turn", "timer"),
        *("deliveries", "broadcast", "payload"),
        *("capabilities", "degradation", "menu", "uploads", "pace", "log_fields", "tracing"),
        *("chatapps.*", "accounts", "contacts", "delivery_route", "hops", "callback", "submission", "consent"),
    ),
    (
        *("context", "decisions", "filters", "record", "segments", "sessions"),
        *("router", "route", "route_table", "route_checks", "moves"),
        *("flow", "flow_data", "trigger", "place", "diagram"),
        *("languages", "language_checks"),
        *("handoff", "tags", "linking"),
    ),
    (
        "bot",
        "message_checks",
        "dispatcher",
        "commit",
        "albums",
        "migration",
        "outbox",
        "endings",
        "failover",
        "charging",
        "ledger",
        "engine",
        "intake",
        "held_turns",
        "governor",
        "batches",
        "broadcaster",
        "estimate",
        "feeder",
        "reports",
        "watchdog",
        "poller",
        "sweeper",
        "trails",
        "attempts",
        "relay",
        "addressing",
        "bulk",
        "fates",
        "sending",
    ),
    (
        *("channels.*", "gateways.*", "redis.*", "http", "transport", "answer_reader"),
        *("receiver", "answer", "body", "gate", "protocol", "send_api.*"),
    ),
    ("settings", "telemetry", "simulators.*"),
    ("app", "service", "metrics_page", "play.*", "inspect.*", "testing"),
    ("cli.*", "pytest_plugin", "__init__", "__main__"),
)

# An outside library that is not named here may be imported anywhere.
HOMES: dict[str, tuple[str, ...]] = {
    "transitions": ("flow",),
    "redis": ("redis.*",),
    "httpx": ("http", "transport", "simulators.*", "testing", "app", "cli.*"),
    "starlette": (
        *("receiver", "answer", "body", "gate", "app", "metrics_page"),
        *("simulators.*", "send_api.*", "play.*", "inspect.*", "testing"),
    ),
    "prometheus_client": ("metrics_page",),
    "opentelemetry": ("tracing",),
    "babel": ("cli.catalogues",),
    "phonenumbers": ("addresses",),
    "pytest": ("pytest_plugin",),
    "pytest_asyncio": ("pytest_plugin",),
}

# Whom each of the four packages may import among the four.
DIRECTION = {
    "botkit": {"botkit"},
    "state": {"state", "botkit"},
    "handlers": {"handlers", "state", "botkit"},
    "bots": {"bots", "handlers", "state", "botkit"},
}


def read(folder: Path) -> dict[str, str]:
    """Returns the source of every module under the folder by its dotted name; a package is named `x.__init__`."""
    files = (path for path in sorted(folder.rglob("*.py")) if not any(part.startswith(".") for part in path.parts[1:]))
    return {".".join(path.relative_to(folder.parent).with_suffix("").parts): path.read_text("utf-8") for path in files}


def imported(name: str, sources: Mapping[str, str]) -> Iterator[str]:
    """Yields what the module imports, wherever in its text: in functions and for types only as well."""
    for node in ast.walk(ast.parse(sources[name])):
        if isinstance(node, ast.Import):
            yield from (resolve(alias.name, sources) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = (
                ".".join([*name.split(".")[: -node.level], *filter(None, [node.module])])
                if node.level
                else node.module or ""
            )
            yield from (resolve(f"{origin}.{alias.name}", sources, origin) for alias in node.names)


def resolve(name: str, sources: Mapping[str, str], otherwise: str = "") -> str:
    """Returns the name of the module that a dotted name means; a name from a module means that module."""
    if name in sources:
        return name
    if f"{name}.__init__" in sources:
        return f"{name}.__init__"
    return resolve(otherwise, sources) if otherwise else name


def matches(name: str, patterns: tuple[str, ...]) -> bool:
    """Whether a module, named without the `botkit.` in front, is one of a table's row."""
    return any(
        name == pattern or (pattern.endswith(".*") and f"{name}.".startswith(pattern[:-1])) for pattern in patterns
    )


def level(module: str) -> int | None:
    """Returns the level of a module of botkit, None for one that the table does not know."""
    name = module.removeprefix("botkit.")
    return next((number for number, patterns in enumerate(LEVELS) if matches(name, patterns)), None)


def faults(sources: Mapping[str, str]) -> list[str]:
    """Returns every breach of the levels, each as a sentence."""
    found = [f"{name} has no level: give it one in LEVELS" for name in sources if level(name) is None]
    same_level: dict[str, set[str]] = {}
    for name in sources:
        inside = {target for target in imported(name, sources) if target.split(".")[0] == "botkit"}
        found += sorted(filter(None, (fault(name, target) for target in inside)))
        same_level[name] = {target for target in inside - {name} if level(target) == level(name)}
    return found + circle(same_level)


def fault(name: str, target: str) -> str:
    """Returns what is wrong with one module's import of another, or nothing."""
    own, other = level(name), level(target)
    if target in ("botkit", "botkit.__init__"):
        return f"{name} imports the package root: name the module instead"
    if other is None:
        return f"{name} imports {target}, which is no module of the table"
    if own is not None and other > own:
        return f"{name} (level {own}) imports {target} (level {other}): imports point down"
    return ""


def circle(graph: Mapping[str, set[str]]) -> list[str]:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return ["imports go in a circle: " + " -> ".join(reversed(error.args[1]))]
    return []


def homeless(sources: Mapping[str, str]) -> list[str]:
    """Returns every import of an outside library away from its home."""
    used = {name: {target.split(".")[0] for target in imported(name, sources)} for name in sources}
    return sorted(
        f"{name} imports {library}, whose home is {', '.join(homes)}"
        for name in sources
        for library, homes in HOMES.items()
        if library in used[name] and not matches(name.removeprefix("botkit."), homes)
    )


def upward(sources: Mapping[str, str]) -> list[str]:
    """Returns every import against the direction bots -> handlers -> state -> botkit."""
    return sorted(
        f"{name} imports {target}: bots -> handlers -> state -> botkit"
        for name in sources
        for target in set(imported(name, sources))
        if (package := target.split(".")[0]) in DIRECTION and package not in DIRECTION[name.split(".")[0]]
    )


def undeclared(sources: Mapping[str, str]) -> set[str]:
    """Returns the outside packages that are imported but not asked for in pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    texts = [*project["dependencies"], *chain.from_iterable(project["optional-dependencies"].values())]
    declared = {canonicalize_name(Requirement(text).name) for text in texts}
    outside = {target.split(".")[0] for name in sources for target in imported(name, sources)}
    outside -= {"botkit", "pytest", "pytest_asyncio", *sys.stdlib_module_names}
    owners = packages_distributions()
    return {name for name in outside if declared.isdisjoint(map(canonicalize_name, owners.get(name, [name])))}


@pytest.fixture(scope="module")
def botkit() -> dict[str, str]:
    return read(ROOT / "botkit")


def test_every_module_has_a_level_and_imports_only_below_it_or_beside_it_without_a_circle(
    botkit: dict[str, str],
) -> None:
    found = faults(botkit)
    assert not found, "\n".join(found)


def test_every_outside_library_is_imported_only_at_its_home(botkit: dict[str, str]) -> None:
    found = homeless(botkit)
    assert not found, "\n".join(found)


def test_every_outside_library_is_a_declared_dependency(botkit: dict[str, str]) -> None:
    assert undeclared(botkit) == set()


def test_the_application_imports_in_one_direction_only() -> None:
    sources = {name: text for package in DIRECTION for name, text in read(ROOT / package).items()}
    found = upward(sources)
    assert not found, "\n".join(found)


def test_no_two_rows_of_the_table_name_one_module() -> None:
    patterns = [pattern for row in LEVELS for pattern in row]
    assert len(patterns) == len(set(patterns))


@pytest.mark.parametrize(
    "line",
    [
        "import botkit.engine",
        "from botkit.engine import Engine",
        "from botkit import engine",
        "from . import engine",
        "from .engine import Engine",
        "def late():\n    from botkit.engine import Engine",
        "if TYPE_CHECKING:\n    from botkit.engine import Engine",
    ],
)
def test_an_import_that_points_up_is_found_in_every_form(line: str) -> None:
    sources = {"botkit.__init__": "", "botkit.engine": "", "botkit.events": line}
    assert faults(sources) == ["botkit.events (level 1) imports botkit.engine (level 4): imports point down"]


@pytest.mark.parametrize(
    "line", ["import botkit", "from botkit import App", "from . import App", "from botkit import *"]
)
def test_an_import_of_the_package_root_is_found_in_every_form(line: str) -> None:
    sources = {"botkit.__init__": "", "botkit.events": line}
    assert faults(sources) == ["botkit.events imports the package root: name the module instead"]


def test_an_import_from_a_level_below_or_beside_is_allowed() -> None:
    sources = {
        "botkit.clock": "",
        "botkit.events": "from botkit.clock import Clock",
        "botkit.messages": "from .events import Event",
        "botkit.redis.__init__": "",
        "botkit.redis.store": "from . import scripts\nfrom ..clock import Clock",
        "botkit.redis.scripts": "import botkit.clock",
    }
    assert faults(sources) == []


def test_a_circle_within_a_level_is_found() -> None:
    sources = {"botkit.events": "from botkit.messages import Text", "botkit.messages": "import botkit.events"}
    assert len(faults(sources)) == 1
    assert re.fullmatch(r"imports go in a circle: botkit\.(\w+) -> botkit\.\w+ -> botkit\.\1", faults(sources)[0])


def test_a_module_that_the_table_does_not_know_is_named() -> None:
    assert faults({"botkit.helpers": ""}) == ["botkit.helpers has no level: give it one in LEVELS"]


def test_a_library_away_from_its_home_is_found() -> None:
    sources = {
        "botkit.http": "import httpx",
        "botkit.redis.store": "import redis.asyncio",
        "botkit.outbox": "import httpx",
    }
    assert homeless(sources) == [
        "botkit.outbox imports httpx, whose home is http, transport, simulators.*, testing, app, cli.*"
    ]


def test_a_library_that_is_not_declared_is_found() -> None:
    sources = {"botkit.clock": "import time\nimport numpy.linalg\nfrom markdown_it import MarkdownIt\nimport jwt"}
    assert undeclared(sources) == {"numpy"}


@pytest.mark.parametrize(
    ("name", "line", "is_allowed"),
    [
        ("bots.pizza", "from handlers import pizza", True),
        ("handlers.pizza", "from state.pizza import Pizza", True),
        ("state.pizza", "from botkit import Flow", True),
        ("handlers.pizza", "import bots.pizza", False),
        ("state.pizza", "from handlers import pizza", False),
        ("botkit.app", "def load():\n    import bots", False),
    ],
)
def test_an_import_against_the_direction_of_the_application_is_found(name: str, line: str, is_allowed: bool) -> None:
    sources = {f"{package}.pizza": "" for package in ("bots", "handlers", "state")} | {name: line}
    assert (upward(sources) == []) is is_allowed
