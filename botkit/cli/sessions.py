"""`botkit sessions`: which sessions are open, and what a month's messages were and cost."""

import math
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

import click
from msgspec import Struct
from rich.text import Text

from botkit.adapter import Adapter
from botkit.cli.project import ask_store, load_app
from botkit.cli.tables import new_table
from botkit.cli.terminal import open_console, print_json
from botkit.ledger import Cost, Ledger, month_of
from botkit.redis.ledger import OpenSession, list_sessions, load_ledgers
from botkit.redis.store import RedisStore
from botkit.sessions import session_at
from botkit.trigger import did_you_mean

T = TypeVar("T")


class SessionRow(Struct, frozen=True):
    """A conversation's session as it is printed; what is not limited has None `left`, and what is not open no times.

    `in_row` and `this_hour` went out without an answer; `held` messages wait for the person or for a time.
    """

    account: str
    conversation: str
    started_at: datetime | None
    ends_at: datetime | None
    sent: int
    left: int | None
    in_row: int
    this_hour: int
    held: int


class LedgerRow(Struct, frozen=True):
    """An account's month as it is printed; amounts are texts, so that no reader rounds them."""

    account: str
    month: str
    sessions: int
    messages: int
    outside: int
    free: int
    charged: int
    held: int
    stopped: int
    refunded: int
    costs: Sequence[Cost]
    total: dict[str, Decimal]
    billing: dict[str, int]
    outside_by_service: int


@click.group(invoke_without_command=True)
@click.option("--app", default="bots:app", show_default=True, help="The application, as module:attribute.")
@click.option("--bot", help="Only this bot's accounts.")
@click.option("--account", help="Only this account, by its ta.")
@click.option("--show-ids", is_flag=True, help="Name the conversations, not their hashes.")
@click.option("--ledger", is_flag=True, help="What a month's messages were and cost.")
@click.option("--month", default="", help="The ledger's month in UTC, as 2026-11.  [default: this one]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def sessions(
    ctx: click.Context,
    *,
    app: str,
    bot: str | None,
    account: str | None,
    show_ids: bool,
    ledger: bool,
    month: str,
    as_json: bool,
) -> None:
    """Lists the open sessions of the accounts that have them, and conversations whose messages are held.

    Example: botkit sessions --ledger --month 2026-11
    """
    if ctx.invoked_subcommand is not None:
        return
    if month and not re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", month):
        raise click.UsageError(f"--month is a year and a month such as 2026-11, not {month!r}")
    adapters = _adapters(app, bot, account)
    if ledger:
        wanted = [] if bot is None and account is None else list(adapters)
        ledgers = ask_store(lambda store: _ledgers(store, list(adapters), wanted, month.replace("-", ""))) or []
        if as_json:
            print_json([_ledger_row(each) for each in ledgers])
        else:
            _print_ledgers(ledgers)
        return
    rows = ask_store(lambda store: _rows(store, adapters, show_ids=show_ids)) or []
    if as_json:
        print_json(rows)
    else:
        _print_sessions(rows)


@sessions.command
@click.argument("conversation")
def reset(conversation: str) -> None:
    """Ends the session of CONVERSATION as if nothing had been sent; what is held is tried again.

    CONVERSATION is its key, or its hash as `botkit sessions` shows it. The service's own count does not change.
    """
    is_done = ask_store(lambda store: _reset(store, conversation))
    if not is_done:
        raise click.ClickException(f"no session and no count of {conversation!r}")
    click.echo(f"{conversation}: the next message is the first")


def _adapters(app: str, bot: str | None, account: str | None) -> dict[str, Adapter]:
    bots = load_app(app).bots
    names = [each.name for each in bots]
    if bot is not None and bot not in names:
        raise click.UsageError(f"no bot {bot!r}{did_you_mean(bot, names)}\n  there are: {', '.join(names)}")
    found = [a for each in bots if bot in (None, each.name) for a in each.accounts if a.sessions is not None]
    tas = [adapter.ta for adapter in found]
    if account is not None and account not in tas:
        known = ", ".join(tas) or "none"
        raise click.UsageError(
            f"no account {account!r} that has sessions{did_you_mean(account, tas)}\n  there are: {known}"
        )
    return {f"{a.account.channel}:{a.account.ta}": a for a in found if account in (None, a.ta)}


# --- sessions ---


async def _rows(store: RedisStore, adapters: dict[str, Adapter], *, show_ids: bool) -> list[SessionRow]:
    now = store.clock.now()
    found = [each async for each in list_sessions(store) if each.account in adapters]
    rows = [
        _row(each, adapters[each.account], now, each.cid if show_ids else store.pseudonym(each.cid)) for each in found
    ]
    return sorted(rows, key=lambda row: (row.account, row.ends_at is None, row.ends_at, row.conversation))


def _row(found: OpenSession, adapter: Adapter, now: datetime, name: str) -> SessionRow:
    if adapter.sessions is None:
        raise TypeError(f"{adapter!r} has no sessions")
    session = session_at(adapter.sessions, found.counts, 0, now)
    return SessionRow(
        account=adapter.ta,
        conversation=name,
        started_at=session.started_at,
        ends_at=session.ends_at,
        sent=session.sent,
        left=None if math.isinf(session.left) else int(session.left),
        in_row=found.counts.in_row,
        this_hour=found.counts.this_hour if found.counts.hour == int(now.timestamp() // 3600) else 0,
        held=found.queued if found.is_held else 0,
    )


def _print_sessions(rows: Sequence[SessionRow]) -> None:
    if not rows:
        click.echo("no open sessions")
        return
    table = new_table("account", "conversation", "started (UTC)", "ends (UTC)", *_numbers("sent left row hour held"))
    for row in rows:
        left = "-" if row.left is None else str(row.left)
        numbers = (str(row.sent), left, str(row.in_row), str(row.this_hour), str(row.held))
        table.add_row(*map(Text, (row.account, row.conversation, _time(row.started_at), _time(row.ends_at), *numbers)))
    open_console().print(table)


def _time(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}" if at else "-"


async def _reset(store: RedisStore, conversation: str) -> bool:
    if ":" not in conversation:
        hashed = [each.cid async for each in list_sessions(store) if store.pseudonym(each.cid) == conversation]
        return any([await store.reset_session(cid) for cid in hashed])
    return await store.reset_session(conversation)


# --- the ledger ---


async def _ledgers(store: RedisStore, known: list[str], wanted: list[str], month: str) -> list[Ledger]:
    found = await load_ledgers(store, month or month_of(store.clock.now()), known)
    return [each for each in found if not wanted or each.account in wanted]


def _ledger_row(ledger: Ledger) -> LedgerRow:
    return LedgerRow(
        **{name: getattr(ledger, name) for name in LedgerRow.__struct_fields__ if name not in ("total", "billing")},
        total=dict(ledger.total),
        billing=dict(ledger.billing),
    )


def _print_ledgers(ledgers: Sequence[Ledger]) -> None:
    table = new_table(
        "account", *_numbers("sessions messages outside free charged held stopped refunded"), "cost", "says"
    )
    for ledger in ledgers:
        numbers = (ledger.sessions, ledger.messages, ledger.outside, ledger.free, ledger.charged)
        rest = (ledger.held, ledger.stopped, ledger.refunded)
        texts = (ledger.account, *map(str, numbers + rest), _money(ledger.total), _said(ledger))
        table.add_row(*map(Text, texts))
    console = open_console()
    console.print(table)
    for ledger in ledgers:
        for cost in ledger.costs:
            console.print(
                f"{ledger.account}: {cost.country or '??'} {cost.number} = {cost.amount.normalize():f} {cost.currency}"
            )


def _money(total: Mapping[str, Decimal]) -> str:
    return ", ".join(f"{amount.normalize():f} {currency}" for currency, amount in sorted(total.items())) or "-"


def _said(ledger: Ledger) -> str:
    # What the service counted outside of sessions, beside what we did.
    return f"{ledger.outside_by_service} of {ledger.outside} outside" if ledger.billing else "-"


def _numbers(names: str) -> tuple[str, ...]:
    return tuple(f"#{name}" for name in names.split())
