"""What the pages in docs/ show works as it stands there, and what is made from the code is up to date."""

import ast
import importlib.util
import json
import re
import shlex
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from inspect import iscoroutinefunction, signature
from itertools import pairwise
from pathlib import Path
from string import Template
from types import ModuleType

import click
import httpx
import pytest

from botkit import channels, gateways
from botkit.adapter import Adapter
from botkit.app import App
from botkit.callback import callback
from botkit.channels import telegram_messages, viber_messages
from botkit.channels.telegram import Telegram
from botkit.cli import cli
from botkit.cli.capabilities import load_adapters, load_rows, load_ways, markdown_gateways, markdown_of, markdown_table
from botkit.cli.doctor import recommended
from botkit.conversation import Account, Conversation
from botkit.deliveries import HopNews
from botkit.events import HopReported
from botkit.exceptions import SettingsError
from botkit.gateways import (
    mitto_settings,
    smsc_contacts,
    smsc_limits,
    smsc_polling,
    smsc_settings,
    smsgold_subscribers,
)
from botkit.gateways.mitto import Mitto
from botkit.gateways.rapporto import Rapporto
from botkit.gateways.smsc import Smsc
from botkit.messages import Raw
from botkit.metrics import FAMILIES
from botkit.metrics_page import GAUGES
from botkit.redis.bounds import Bounds
from botkit.redis.gate import PATIENCE_MS
from botkit.send_api import callbacks
from botkit.send_api.bulk import MAX_PAGE
from botkit.send_api.keys import digest_of
from botkit.send_api.requests import RequestPolicy
from botkit.settings import load_settings
from botkit.testing import BotTester
from tests.generated import ROOT, is_up_to_date

PAGES = {page.stem: page for page in sorted((ROOT / "docs").glob("*.md"))}
#: All that have a page of their own: the channels, then the gateways.
SERVICES: Mapping[str, type[Adapter]] = {
    adapter.channel: adapter for package in (channels, gateways) for adapter in load_adapters(package)
}
#: Pages whose tests are about the bots of this repository, not about one of their own.
OF_THE_PROJECT = ("languages",)

_BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_SETTING = re.compile(r"\bPARCEL_[A-Z]+_[A-Z_]+(?<!_)\b")

every_service = pytest.mark.parametrize("service", SERVICES)
every_page = pytest.mark.parametrize("page", PAGES)


def blocks(page: str, language: str) -> list[str]:
    return [code for kind, code in _BLOCK.findall(PAGES[page].read_text("utf-8")) if kind == language]


def prose(page: str) -> str:
    """Returns a page without its line breaks."""
    return " ".join(PAGES[page].read_text("utf-8").split())


# --- what is made from the code ---


def test_the_readme_holds_the_table_of_all_channels(request: pytest.FixtureRequest) -> None:
    assert is_up_to_date(ROOT / "README.md", "capabilities", markdown_table(load_rows()), request.config)


def test_the_readme_holds_the_table_of_all_gateways(request: pytest.FixtureRequest) -> None:
    assert is_up_to_date(ROOT / "README.md", "gateways", markdown_gateways(), request.config)


@every_service
def test_a_services_page_holds_all_that_it_can(service: str, request: pytest.FixtureRequest) -> None:
    rows = load_ways().get(service) or [row for row in load_rows() if row.channel == service]
    assert is_up_to_date(PAGES[service], service, markdown_of(rows), request.config)


def test_the_page_of_operation_holds_all_metrics(request: pytest.FixtureRequest) -> None:
    rows = ["| metric | kind | labels | tells |", "|---|---|---|---|"]
    for family in FAMILIES:
        words = f"`{family.label}`: {', '.join(family.values)}" if family.label else ""
        labels = ["`channel`, `account`"] * family.of_account + [words] * bool(words)
        name = f"botkit_{family.name}" + "_total" * (family.kind == "counter")
        rows.append(f"| `{name}` | {family.kind} | {'; '.join(labels)} | {family.help} |")
    for name, (text, words) in GAUGES.items():
        source = "" if name in ("processes", "store_up") else ", store"
        named = ", ".join(f"`{label}`" for label in words.split(", ") if label)
        rows.append(f"| `botkit_{name}` | gauge{source} | {named} | {text} |")
    assert is_up_to_date(PAGES["operate"], "metrics", "\n".join(rows), request.config)


def test_every_service_has_a_page_and_the_index_names_every_page() -> None:
    assert SERVICES.keys() <= set(PAGES)
    named = set(_LINK.findall(PAGES["README"].read_text("utf-8")))
    assert {f"{page}.md" for page in PAGES} - {"README.md"} == {name for name in named if not name.startswith("..")}


# --- what is shown ---


def module_of(page: str, folder: Path) -> ModuleType:
    """Returns the Python of a page as one module, as a reader would paste it."""
    path = folder / f"{page.replace('-', '_')}_page.py"
    path.write_text("\n\n".join(blocks(page, "python")), "utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    # Where it would stand in a project: beside the catalogues.
    module.__file__ = str(ROOT / "bots" / "shop.py")
    spec.loader.exec_module(module)
    return module


def shown_tests() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        for code in blocks(page, "python"):
            yield from ((page, name) for name in re.findall(r"^(?:async )?def (test_\w+)", code, re.MULTILINE))


@pytest.mark.parametrize(("page", "name"), [*shown_tests()])
async def test_a_shown_test_passes(
    page: str, name: str, botkit_app: App, botkit_redis_url: str, tmp_path: Path
) -> None:
    module = module_of(page, tmp_path)
    shown = getattr(module, name)
    # A test on a page asserts, and returns nothing.
    if not iscoroutinefunction(shown):
        assert shown() is None
    elif "botkit_redis_url" in signature(shown).parameters:
        assert await shown(botkit_redis_url, tmp_path) is None
    else:
        bots = botkit_app if page in OF_THE_PROJECT else [module.bot]
        async with BotTester(bots, botkit_redis_url, folder=tmp_path) as tester:
            assert await shown(tester) is None


@pytest.mark.parametrize(("page", "name"), [*shown_tests()])
def test_a_shown_test_asserts(page: str, name: str) -> None:
    (code,) = [code for code in blocks(page, "python") if f"def {name}(" in code]
    (shown,) = [node for node in ast.walk(ast.parse(code)) if getattr(node, "name", "") == name]
    assert any(isinstance(node, ast.Assert) for node in ast.walk(shown))


def test_every_name_in_shown_code_exists_and_is_used(tmp_path: Path) -> None:
    for page in PAGES:
        module_of(page, tmp_path)
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "F", str(tmp_path)]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


@every_page
def test_a_shown_command_exists_with_its_options(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for line in "".join(blocks(page, "console")).splitlines():
        words = shlex.split(line, comments=True)
        for file in (word for word in words if word.endswith((".csv", ".json"))):
            Path(file).touch()
        if words[1:2] == ["botkit"]:
            assert refused(cli, words[2:]) == "", line


def refused(command: click.Command, words: list[str]) -> str:
    """Returns why a command does not take these words, or nothing."""
    while isinstance(command, click.Group):
        name, *words = words
        found = command.get_command(click.Context(command), name)
        if found is None:
            return f"there is no command {name}"
        command = found
    try:
        command.make_context(command.name, words)
    except click.ClickException as error:
        return error.format_message()
    return ""


@every_page
def test_a_link_leads_to_a_file_that_is_there(page: str) -> None:
    for link in _LINK.findall(PAGES[page].read_text("utf-8")):
        if not link.startswith(("https://", "#")):
            assert (PAGES[page].parent / link).exists(), link


# --- settings ---


class Asked(dict[str, str]):
    """An environment that notes what it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def get(self, key: str, default: object = None) -> str:
        self.names.add(key)
        return str(default or "")


@every_service
def test_a_page_names_the_settings_that_its_account_reads_and_no_other(service: str) -> None:
    asked = Asked()
    SERVICES[service].from_env(f"PARCEL_{service.upper()}", asked)
    named = set(_SETTING.findall(PAGES[service].read_text("utf-8")))
    assert named == asked.names


def test_an_account_with_a_token_and_no_secret_does_not_start() -> None:
    with pytest.raises(SettingsError, match="SECRET is not set"):
        Telegram.from_env("SHOP", {"SHOP_TOKEN": f"1:{'A' * 35}"})


def test_the_settings_of_several_servers_are_shown_as_they_are_read(tmp_path: Path) -> None:
    shown = [dict(line.split("=", 1) for line in block.splitlines()) for block in blocks("cluster", "sh")]
    assert [load_settings(environ, folder=tmp_path).ack_replicas for environ in shown] == [1, 1]
    told = PAGES["cluster"].read_text("utf-8")
    advised = recommended(1, is_cluster=True)
    assert {name for name in advised if f"`{name}`" in told} == advised.keys()


# --- bounds that pages tell in words ---


def test_the_figures_on_the_pages_are_those_of_the_code() -> None:
    told = {page: prose(page) for page in PAGES}
    assert f"photos up to {telegram_messages.MAX_PHOTO // 1024**2} MB" in told["telegram"]
    assert f"others up to {telegram_messages.MAX_UPLOAD // 1024**2} MB" in told["telegram"]
    assert f"up to {viber_messages.MAX_NAME} characters" in told["viber"]
    assert (
        f"{viber_messages.MAX_VIDEO_SIZE // 1024**2} MB and {viber_messages.MAX_VIDEO_SECONDS} seconds" in told["viber"]
    )
    assert f"files up to {viber_messages.MAX_FILE_SIZE // 1024**2} MB" in told["viber"]
    assert f"up to {viber_messages.MAX_REQUEST // 1024} KB of JSON" in told["viber"]
    assert f"Up to {smsgold_subscribers.MAX_KNOWN:,} subscribers" in told["smsgold"]
    assert f"Up to {smsc_polling.MAX_KNOWN:,} numbers" in told["smsc"]
    assert f"up to {smsc_limits.CONNECTIONS} from each process" in told["smsc"]
    assert f"up to {Smsc.max_receivers} numbers in a request" in told["smsc"]
    assert f"spread over {Bounds().partitions} partitions" in told["cluster"]
    assert PATIENCE_MS == 500
    assert "within half a second" in told["cluster"]


DEFAULTS: Mapping[str, Mapping[str, object]] = {
    "mitto": {
        "VIA": "`sms`",
        "TOKEN_SECONDS": mitto_settings.TOKEN_SECONDS,
        "BULK_SIZE": mitto_settings.BULK_SIZE,
        "REPEATS": Mitto().max_repeats,
        "SEND_PATH": f"`{mitto_settings.SEND_PATH}`",
        "BULK_PATH": f"`{mitto_settings.BULK_PATH}`",
        "API_URL": f"`{Mitto.default_api_url}`",
        "SMS_API_URL": f"`{Mitto.default_sms_api_url}`",
    },
    "rapporto": {"VIA": f"`{Rapporto().via}`", "RESUBMISSION": "`false`", "CASCADES": "`false`"},
    "smsc": {
        "VIA": "`sms`",
        "POLL": f"{smsc_settings.POLL_SECONDS:g}",
        "REPEATS": Smsc().max_repeats,
        "BLACKLIST_COMMANDS": f"`{','.join(smsc_contacts.COMMANDS)}`",
        "API_URL": f"`{Smsc.default_api_url}`",
    },
}


@pytest.mark.parametrize(("page", "setting"), [(page, name) for page, known in DEFAULTS.items() for name in known])
def test_a_default_on_a_page_is_that_of_the_code(page: str, setting: str) -> None:
    row = f"| `PARCEL_{page.upper()}_{setting}` | {DEFAULTS[page][setting]} |"
    assert row in PAGES[page].read_text("utf-8")


# --- the send API, as its page shows it ---

KEY = "bk_of_a_page"


@pytest.fixture
async def program(botkit_redis_url: str, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A program with every scope, before the accounts of the page."""
    keys = f"page:{digest_of(KEY)}:send+bulk+read"
    bot = module_of("send-api", tmp_path).bot
    async with BotTester([bot], botkit_redis_url, folder=tmp_path, api_keys=keys) as tester:
        transport, headers = httpx.ASGITransport(tester.app), {"X-Botkit-Key": KEY}
        async with httpx.AsyncClient(transport=transport, base_url="http://service", headers=headers) as client:
            yield client


def is_request(shown: Mapping[str, object]) -> bool:
    return "trafficAccountId" in shown or "destination" in shown


def shown_requests(page: str) -> list[dict[str, object]]:
    return [found for code in blocks(page, "json") if is_request(found := json.loads(code))]


@pytest.mark.parametrize("number", range(len(shown_requests("send-api"))))
async def test_a_shown_request_is_taken(number: int, program: httpx.AsyncClient) -> None:
    answer = await program.post("/messages/send", json=shown_requests("send-api")[number])
    assert answer.status_code == 200, answer.text


async def test_the_shown_problems_are_those_that_are_told(program: httpx.AsyncClient) -> None:
    (shown,) = [found for code in blocks("send-api", "json") if "problems" in (found := json.loads(code))]
    button = {"caption": "Look", "action": "https://shop.example.org"}
    viber = {"type": "promotional", "text": "Hello", "ttl": 5, "buton": button}
    request = {"trafficAccountId": "shop-viber", "destination": "+385910000001", "viber": viber}
    answer = await program.post("/messages/send", json=request)
    assert answer.json() == shown


async def test_the_shown_calls_of_curl_are_answered_with_200_one_after_the_other(program: httpx.AsyncClient) -> None:
    known: dict[str, str] = {"KEY": KEY}
    lines = "".join(blocks("send-api", "sh")).replace("\\\n", "").splitlines()
    calls = [shlex.split(line) for line in lines if line.startswith("curl ")]
    assert len(calls) > 5
    for words in calls:
        if "DELETE" in words:
            # What is shown before it has left by now: one that waits for its time is what can be cancelled.
            known["ID"] = (await program.post("/messages/send", json=waiting())).json()["messageId"]
        answer = await called(program, [Template(word).substitute(known) for word in words[1:]])
        assert answer.status_code == 200, (words, answer.text)
        found = answer.json()
        known |= {"ID": found.get("messageId", known.get("ID", "")), "BULK": found.get("bulkId", "")}


def waiting() -> dict[str, object]:
    """The request of the page that has a schedule, for the day after tomorrow."""
    (shown,) = [each for each in shown_requests("send-api") if "scheduleInfo" in each]
    day = (datetime.now(UTC) + timedelta(days=2)).isoweekday()
    return {**shown, "scheduleInfo": {"weekdaysSchedule": str(day)}, "timeZone": "UTC"}


async def called(program: httpx.AsyncClient, words: list[str]) -> httpx.Response:
    """Makes a call as curl does with these words."""
    url, *options = sorted(words, key=lambda word: not word.startswith("https://"))
    given = dict(pairwise(words))
    headers = dict(each.split(": ", 1) for each in options if ": " in each and not each.startswith("{"))
    method = given.get("-X", "POST" if "-d" in given else "GET")
    path = url.removeprefix("https://bots.example.org")
    return await program.request(method, path, content=given.get("-d", ""), headers=headers)


def test_the_shown_report_has_the_members_of_one() -> None:
    (shown,) = [found for code in blocks("send-api", "json") if "type" in (found := json.loads(code))]
    home = Conversation(Account("mitto", "shop-sms"), "+385910000001")
    heard = HopReported(id="1", at=datetime.now(UTC), conversation=home, key="k", status="delivered")
    message = callback(heard, HopNews("delivered"), None, now_ms=0).message
    assert isinstance(message, Raw)
    assert (shown.keys(), shown["data"].keys()) == (message.payload.keys(), message.payload["data"].keys())
    assert shown["type"] == message.payload["type"]


def test_the_bounds_of_the_send_api_are_those_of_the_code() -> None:
    page = prose("send-api")
    policy, minutes = RequestPolicy(), callbacks.DELAYS[-1] / 60
    assert f"up to {policy.max_body // 1024**2} MiB and is here within {policy.body_seconds:g} seconds" in page
    assert f"up to {policy.max_bulk // 1024**2} MiB in {policy.bulk_seconds:g}" in page
    assert f"after {callbacks.DELAYS[0]:g} seconds at first and every {minutes:g} minutes in the end" in page
    assert callbacks.MAX_AGE == 3 * 86_400
    assert f"up to {MAX_PAGE:,} on a page" in page
