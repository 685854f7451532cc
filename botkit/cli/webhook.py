"""`botkit webhook`: tells the services where to post, and asks them where they do."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import click
from msgspec import Struct
from rich.console import Console
from rich.text import Text

from botkit.adapter import Adapter
from botkit.app import App
from botkit.cli.consoles import console_addresses
from botkit.cli.project import load_app, load_project_settings
from botkit.cli.terminal import open_console, print_json
from botkit.exceptions import BotkitError, ServiceError, SettingsError, TransportError
from botkit.http import Http
from botkit.redaction import Redactor
from botkit.service import webhook_url
from botkit.webhook import WebhookStatus

SIMULATED = "simulated: nothing to register"


class Registration(Struct):
    """One account's webhook: where it is and where it should be; `error` is why what was wanted did not happen.

    `addresses` are those of a gateway, by the kinds of its webhooks.
    """

    bot: str
    channel: str
    account: str
    now: str = ""
    wanted: str = ""
    result: str = ""
    error: str = ""
    details: Mapping[str, Any] = {}
    addresses: Mapping[str, str] = {}


class _Job:
    """An account, the connection to its service, and what is known of its webhook."""

    def __init__(self, bot: str, adapter: Adapter, base: str, *, shows_secrets: bool = False) -> None:
        self.adapter = adapter
        self.registration = Registration(bot, adapter.channel, adapter.ta)
        self.failure: BotkitError | None = None
        if not adapter.has_credentials:
            self.registration.result = SIMULATED
        elif base:
            if self.is_set_by_call:
                self.registration.wanted = webhook_url(base, adapter.account)
            self.registration.addresses = console_addresses(adapter, base, shows_secrets=shows_secrets)

    @property
    def is_open(self) -> bool:
        """Whether there is a service to talk to, and it did not refuse yet."""
        return self.adapter.has_credentials and self.failure is None

    @property
    def is_set_by_call(self) -> bool:
        """Whether the service can be told where to post; the others have a console, or call nobody."""
        return self.adapter.has_webhook_call

    async def attempt(self, work: Callable[["_Job", Http], Awaitable[None]]) -> None:
        """Does a piece of work, and keeps what the service says against it."""
        if not self.is_open:
            return
        try:
            async with Http() as client:
                await work(self, client)
        except (ServiceError, TransportError) as error:
            self.failure = error
            self.registration.result = "failed"
            self.registration.error = str(error)


async def _load(job: _Job, client: Http) -> None:
    status = await job.adapter.load_webhook(client)
    job.registration.now = status.url
    job.registration.details = _presentable(status, job.adapter)


async def _set(job: _Job, client: Http) -> None:
    await job.adapter.set_webhook(job.registration.wanted, client)
    await _load(job, client)
    if job.registration.now == job.registration.wanted:
        job.registration.result = "set and verified"
    elif "set in" in job.registration.details:
        job.registration.result = f"answers as it should; the address is set in {job.registration.details['set in']}"
    else:
        raise ServiceError("the service took the address, and names another when asked", fix="look who else sets it")


async def _delete(job: _Job, client: Http) -> None:
    await job.adapter.delete_webhook(client)
    await _load(job, client)
    if job.registration.now:
        raise ServiceError("the service took the order, and still names an address", fix="look who else sets it")
    job.registration.result = "deleted"


def _by_hand(job: _Job) -> str:
    if not job.adapter.methods:
        return "calls nobody back: nothing to register"
    shown = "" if job.registration.addresses else "; to see them: botkit webhook info --url https://..."
    return f"its addresses are entered by hand{shown}"


def _presentable(status: WebhookStatus, adapter: Adapter) -> dict[str, Any]:
    # A service may repeat in its own words what it was sent.
    redact = Redactor(adapter.secrets()).redact
    return {name: redact(value) if isinstance(value, str) else value for name, value in status.details.items()}


_app = click.option("--app", default="bots:app", show_default=True, help="The application, as module:attribute.")
_bot = click.option("--bot", help="Only this bot's accounts.")
_account = click.option("--account", metavar="TA", help="Only this account.")
_channel = click.option("--channel", help="Only accounts on this channel.")
_url = click.option("--url", "--public-url", "public_url", help="Base address.  [default: BOTKIT_PUBLIC_URL]")
_dry_run = click.option("--dry-run", is_flag=True, help="Print what would be done, and do nothing.")
_yes = click.option("--yes", is_flag=True, help="Do not ask.")
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def webhook() -> None:
    """Registers the webhooks of the accounts that have credentials.

    Example: botkit webhook set --bot parcel --url https://bots.example.org
    """


@webhook.command(name="set")
@_app
@_bot
@_account
@_channel
@_url
@_dry_run
@_yes
@_json
def set_(*, app: str, public_url: str | None, dry_run: bool, yes: bool, as_json: bool, **which: str | None) -> None:
    """Registers every account's webhook, and asks the service whether it took it.

    An address that is right already is registered again, with the present secret and kinds of events. Viber and
    Business Messages call the address before they take it: the service must be running there.

    Example: botkit webhook set --url https://bots.example.org --dry-run
    """
    jobs = _jobs(load_app(app), which, _base(public_url))
    _warn_of_http(jobs)
    asyncio.run(_all(jobs, _load))
    for job in filter(lambda job: job.is_open, jobs):
        is_same = job.registration.now == job.registration.wanted
        would = "would be set again" if is_same else "would be set"
        job.registration.result = would if job.is_set_by_call else _by_hand(job)
    _carry_out(jobs, _set, "Set", dry_run=dry_run, yes=yes, as_json=as_json)


@webhook.command
@_app
@_bot
@_account
@_channel
@_url
@click.option("--show-secrets", "shows_secrets", is_flag=True, help="Print addresses with what proves the caller.")
@_json
def info(*, app: str, public_url: str | None, shows_secrets: bool, as_json: bool, **which: str | None) -> None:
    """Prints what the services say of the webhooks, beside what they should say if the address is known.

    Of gateways it prints the addresses that are entered in their consoles.

    Example: botkit webhook info --channel telegram --json
    """
    base = load_project_settings(public_url=public_url).public_url
    jobs = _jobs(load_app(app), which, base, shows_secrets=shows_secrets)
    asyncio.run(_all(jobs, _load))
    for job in filter(lambda job: job.is_open, jobs):
        job.registration.result = _compared(job.registration) if job.is_set_by_call else _by_hand(job)
    _report(jobs, as_json=as_json)
    _require_success(jobs)


@webhook.command
@_app
@_bot
@_account
@_channel
@_dry_run
@_yes
@_json
def delete(*, app: str, dry_run: bool, yes: bool, as_json: bool, **which: str | None) -> None:
    """Removes webhooks: the service stops posting. Viber then also closes the bot's chats until another is set.

    Example: botkit webhook delete --account parcel-viber
    """
    jobs = _jobs(load_app(app), which, "")
    asyncio.run(_all(jobs, _load))
    for job in filter(lambda job: job.is_open, jobs):
        job.registration.result = "would be deleted" if job.is_set_by_call else _by_hand(job)
    _carry_out(jobs, _delete, "Delete", dry_run=dry_run, yes=yes, as_json=as_json)


def _base(public_url: str | None) -> str:
    base = load_project_settings(public_url=public_url).public_url
    if not base:
        raise SettingsError(
            "BOTKIT_PUBLIC_URL is not set, so there is no address to register",
            fix="set it to the https address under which the services reach this one, or give it with --url",
        )
    return base


def _jobs(app: App, which: Mapping[str, str | None], base: str, *, shows_secrets: bool = False) -> list[_Job]:
    jobs = [_Job(bot.name, adapter, base, shows_secrets=shows_secrets) for bot in app.bots for adapter in bot.accounts]
    found = [job for job in jobs if _fits(job.registration, which)]
    if not found:
        asked = " ".join(f"--{name} {value}" for name, value in which.items() if value)
        known = ", ".join(f"{r.bot} on {r.channel} ({r.account})" for r in (job.registration for job in jobs))
        raise click.UsageError(f"no account fits {asked or 'the application'}; there are: {known or 'none'}")
    return found


def _fits(registration: Registration, which: Mapping[str, str | None]) -> bool:
    return all(value in (None, getattr(registration, name)) for name, value in which.items())


async def _all(jobs: Sequence[_Job], work: Callable[[_Job, Http], Awaitable[None]]) -> None:
    await asyncio.gather(*(job.attempt(work) for job in jobs))


def _compared(registration: Registration) -> str:
    if "set in" in registration.details:
        return f"set in {registration.details['set in']}"
    if not registration.wanted:
        return "set" if registration.now else "not set"
    if registration.now == registration.wanted:
        return "as it should be"
    return "differs; set it with: botkit webhook set" if registration.now else "not set"


def _carry_out(
    jobs: Sequence[_Job],
    work: Callable[[_Job, Http], Awaitable[None]],
    verb: str,
    *,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    count = sum(job.is_open and job.is_set_by_call for job in jobs)
    if dry_run or not count:
        _report(jobs, as_json=as_json)
        _require_success(jobs)
        return
    if not yes:
        # The plan is no part of the document that is asked for.
        _print(jobs, open_console(stderr=as_json))
        click.confirm(f"{verb} {count} webhook{'s' * (count > 1)}?", abort=True, err=True)
    asyncio.run(_all([job for job in jobs if job.is_set_by_call], work))
    _report(jobs, as_json=as_json)
    _require_success(jobs)


def _warn_of_http(jobs: Sequence[_Job]) -> None:
    adapters = {job.adapter for job in jobs if job.is_open and job.registration.wanted.startswith("http://")}
    if names := needs_https(adapters):
        click.echo(f"warning: the address is http://: {names} only https", err=True)


def needs_https(adapters: set[Adapter]) -> str:
    """Returns which of the adapters' real services take only https, as in "Telegram and Viber accept"; none, empty."""
    # A service at another address is a server of one's own, with rules of its own.
    names = sorted({type(adapter).__name__ for adapter in adapters if adapter.api_url == adapter.default_api_url})
    return f"{' and '.join(names)} accept{'s' * (len(names) == 1)}" if names else ""


def _require_success(jobs: Sequence[_Job]) -> None:
    failures = [f"{job.adapter.channel} {job.adapter.ta}: {job.failure}" for job in jobs if job.failure]
    if any(isinstance(job.failure, ServiceError) for job in jobs):
        raise ServiceError("\n".join(failures))
    if failures:
        raise TransportError("\n".join(failures), fix="check the network, then try again")
    if not any(job.adapter.has_credentials for job in jobs):
        settings = ", ".join(f"{job.adapter.prefix or job.adapter.ta}_{job.adapter.token_setting}" for job in jobs)
        raise SettingsError("no account here has credentials, so there is nothing to register", fix=f"set {settings}")


def _report(jobs: Sequence[_Job], *, as_json: bool) -> None:
    if as_json:
        print_json([job.registration for job in jobs])
    else:
        _print(jobs, open_console())


def _print(jobs: Sequence[_Job], console: Console) -> None:
    for registration in (job.registration for job in jobs):
        style = "red" if registration.error else "dim" if registration.result == SIMULATED else "green"
        head = Text(f"{registration.bot}  {registration.channel}  {registration.account}  ", "bold")
        console.print(head.append(registration.result, f"not bold {style}"), soft_wrap=True)
        if registration.result != SIMULATED:
            _print_rows(console, registration)


def _print_rows(console: Console, registration: Registration) -> None:
    rows: dict[str, Any] = dict(registration.details)
    if registration.now or "set in" not in rows:
        # Where it cannot be asked, nobody knows that none is set.
        rows = {"now": registration.now or ("unknown" if registration.error else "not set"), **rows}
    if registration.wanted != registration.now:
        rows["wanted"] = registration.wanted
    rows |= registration.addresses
    width = max(8, *map(len, registration.addresses), 0)
    for name, value in rows.items():
        if value != "":
            console.print(Text(f"  {name:<{width}} {value}"), soft_wrap=True)
