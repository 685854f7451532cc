"""What a service says when it is ready."""

import platform
from collections.abc import Iterable
from importlib.metadata import version

import click

from botkit.adapter import Adapter
from botkit.app import App
from botkit.bot import Bot
from botkit.message_checks import degradations
from botkit.send_api.keys import load_keyring
from botkit.service import Service
from botkit.settings import Settings

#: The most messages that are named for being shown otherwise than written.
MOST_DEGRADED = 10


def print_banner(app: App, settings: Settings) -> None:
    """Prints where the store is, which bots answer where, what is simulated, and which messages come out otherwise."""
    service = app.service
    if service is None:
        return
    environment = "production" if settings.is_production else "development"
    click.secho(f"\nbotkit {version('botkit')}   Python {platform.python_version()}   {environment}", bold=True)
    for name, text in _rows(app, service, settings):
        click.echo(f"  {name:<9} {text}")
    click.echo("Ctrl+C stops the bots first, then the store.\n")


def _rows(app: App, service: Service, settings: Settings) -> list[tuple[str, str]]:
    rows = [("store", _store(app, service, settings))]
    for bot in service.bots:
        flows = sum(flow.__name__ != "Flow" for flow in bot.table.flows)
        rows.append(("bot", f"{bot.name} ({_count(flows, 'flow')}, {_count(len(bot.table.routes), 'route')})"))
    for account, owner in service.owners.items():
        state = "SIMULATED: no credentials set" if service.is_simulated(account) else "live"
        rows.append(("account", f"{account.ta} on {_where(owner.adapter)}   {state}"))
    base = f"http://{settings.host}:{settings.port}"
    public = settings.public_url or base
    rows.append(("webhooks", f"{public}/webhooks/<channel>?ta=<account>"))
    if any(owner.adapter.kinds for owner in service.owners.values()):
        rows.append(("", f"{public}/webhooks/<gateway>/<kind>?ta=<account>"))
    if keys := load_keyring(settings.api_keys, settings.api_keys_file).keys:
        rows.append(("send API", f"{base}/messages/send   {_count(len(keys), 'key')}"))
    simulated = [account for account in service.owners if service.is_simulated(account)]
    if simulated:
        first = simulated[0]
        bot_name = service.owners[first].bot.name
        at = "" if settings.port == 8000 else f" --url {base}"
        rows.append(("try", f"botkit chat --bot {bot_name} --channel {first.channel}{at}"))
        if len(simulated) == len(service.owners):
            rows.append(("", "all accounts are simulated: nothing leaves this machine"))
    return rows + degraded_rows(service.bots)


def _where(adapter: Adapter) -> str:
    is_gateway = adapter.network != adapter.channel
    return f"{adapter.channel} ({adapter.network})" if is_gateway else adapter.channel


def degraded_rows(bots: Iterable[Bot]) -> list[tuple[str, str]]:
    """Returns the messages that some service shows otherwise than written: at most ten, then how many more."""
    lines = [line for bot in bots for line in degradations(bot)]
    shown = lines[:MOST_DEGRADED]
    if len(lines) > len(shown):
        shown.append(f"and {len(lines) - len(shown)} more: botkit doctor")
    return [("" if number else "degraded", line) for number, line in enumerate(shown)]


def _store(app: App, service: Service, settings: Settings) -> str:
    if app.server is None:
        return f"Redis {service.store.version} (BOTKIT_REDIS_URL)"
    kept = f"kept in {settings.folder / 'redis'}" if app.server.is_durable else "in memory: forgotten on restart"
    return f"embedded {app.server.kind.value} {app.server.version}, {kept}"


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
