"""`botkit sessions`: what is open, what a month came to, and a new start for one conversation."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from botkit.channels.viber import Viber
from botkit.charging import Charging
from botkit.clock import Clock
from botkit.conversation import digest
from botkit.messages import Text
from botkit.outgoing import Outgoing
from botkit.redis.store import RedisStore
from botkit.session_rules import Prices, SessionRules
from botkit.store import Verdict
from botkit.turn import Queue
from tests.cli.conftest import Do, Run

ANN, BEN = "viber:taxi-viber:ann", "viber:taxi-viber:ben"

BOTS = """
from botkit import App, Bot, Router, Telegram, Viber

def bot(name):
    router = Router()

    @router.text()
    async def answer(event, ctx):
        ctx.reply("yes")

    accounts = [Telegram(ta=f"{name}-telegram"), Viber.from_env(name.upper(), {"TAXI_AT_LIMIT": "charge"})]
    accounts[1].ta = f"{name}-viber"
    return Bot(name, routers=[router], accounts=accounts)

app = App([bot("taxi"), bot("shop")])
"""


@pytest.fixture(autouse=True)
def bots(project: Path, prefix: str) -> None:
    """A project with two bots."""
    (project / "bots").mkdir()
    (project / "bots" / "__init__.py").write_text(BOTS)


async def send(store: RedisStore, number: int, cid: str = ANN, **rules: Any) -> Verdict:
    """Sends one message to somebody, as a process would."""
    prices = Prices(message=Decimal("0.05"), session=Decimal("0.5"))
    adapter = Viber(ta="taxi-viber", sessions=SessionRules(prices=prices, **rules))
    outgoing = Outgoing(f"{number:024d}", ("viber", "taxi-viber"), "ann", Text(text="hello"))
    await store.enqueue(cid, outgoing.key, b"")
    (turn,) = (await store.claim(Queue.OUTBOX, 100)).turns
    counted = await Charging(store, Clock()).count(adapter, turn, outgoing)
    if counted.verdict is Verdict.DONE:
        await store.sent(turn, keep=False)
    return counted.verdict


async def talk(store: RedisStore) -> None:
    """Ann has had two messages, Ben one, and another of his is held."""
    assert await send(store, 1) is Verdict.DONE
    assert await send(store, 2) is Verdict.DONE
    assert await send(store, 3, BEN) is Verdict.DONE
    assert await send(store, 4, BEN, max_in_row=1) is Verdict.HELD


def test_without_sessions_that_is_said(run: Run) -> None:
    assert run("sessions") == (0, "no open sessions\n", "")
    assert json.loads(run("sessions", "--json").out) == []


def test_open_sessions_are_listed_with_what_is_left(run: Run, do: Do) -> None:
    do(talk)
    ann, ben = json.loads(run("sessions", "--show-ids", "--json").out)
    assert (ann["conversation"], ben["conversation"]) == (ANN, BEN)
    assert (ann["sent"], ann["left"], ann["in_row"], ann["this_hour"], ann["held"]) == (2, 58, 2, 2, 0)
    assert (ben["sent"], ben["left"], ben["in_row"], ben["this_hour"], ben["held"]) == (1, 59, 1, 1, 1)
    started, ends = (datetime.fromisoformat(ann[name]) for name in ("started_at", "ends_at"))
    assert (ends - started).total_seconds() == 86_400
    assert abs((datetime.now(UTC) - started).total_seconds()) < 60
    assert list(ann) == [
        *("account", "conversation", "started_at", "ends_at"),
        *("sent", "left", "in_row", "this_hour", "held"),
    ]


def test_a_person_is_a_hash_unless_ids_are_asked_for(run: Run, do: Do) -> None:
    do(talk)
    hidden, shown = run("sessions").out, run("sessions", "--show-ids").out
    assert ANN not in hidden
    assert "ann" not in hidden
    assert digest(ANN)[:10] not in hidden
    assert ANN in shown


@pytest.mark.parametrize(
    ("args", "number"),
    [
        ("--bot taxi", 2),
        ("--bot shop", 0),
        ("--account taxi-viber", 2),
        ("--account shop-viber", 0),
    ],
)
def test_only_the_sessions_of_a_bot_or_an_account_are_listed(run: Run, do: Do, args: str, number: int) -> None:
    do(talk)
    assert len(json.loads(run("sessions", *args.split(), "--json").out)) == number


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--bot", "taxy"), "no bot 'taxy'; did you mean 'taxi'?"),
        (("--account", "taxi-telegram"), "no account 'taxi-telegram' that has sessions"),
        (("--ledger", "--month", "2026-13"), "--month is a year and a month such as 2026-11"),
        (("--ledger", "--month", "202611"), "--month is a year and a month such as 2026-11"),
    ],
)
def test_what_there_is_not_is_a_mistake_in_usage(run: Run, args: tuple[str, ...], said: str) -> None:
    outcome = run("sessions", *args)
    assert outcome.code == 2
    assert said in outcome.err


# --- the ledger ---


async def spend(store: RedisStore) -> None:
    """One session with a message, and two messages at a price."""
    for number in (1, 2, 3):
        assert await send(store, number, max_in_row=1, at_limit="charge") is Verdict.DONE
    await store.book("viber:taxi-viber", f"{datetime.now(UTC):%Y%m}", {"billing|5": 2, "billing|1": 1})


def test_the_ledger_tells_what_a_month_came_to_and_what_the_service_says(run: Run, do: Do) -> None:
    do(spend)
    shop, taxi = json.loads(run("sessions", "--ledger", "--json").out)
    assert (shop["account"], shop["sessions"], shop["total"]) == ("viber:shop-viber", 0, {})
    assert (taxi["account"], taxi["month"]) == ("viber:taxi-viber", f"{datetime.now(UTC):%Y%m}")
    assert (taxi["sessions"], taxi["messages"], taxi["outside"], taxi["charged"]) == (1, 1, 2, 2)
    assert taxi["total"] == {"EUR": "0.6"}
    assert taxi["costs"] == [
        {"country": "", "number": 2, "amount": "0.1", "currency": "EUR"},
        {"country": "session", "number": 1, "amount": "0.5", "currency": "EUR"},
    ]
    assert (taxi["billing"], taxi["outside_by_service"]) == ({"1": 1, "5": 2}, 2)


def test_the_ledger_is_a_table_for_people(run: Run, do: Do) -> None:
    do(spend)
    said = run("sessions", "--ledger", "--bot", "taxi").out
    assert "0.6 EUR" in said
    assert "2 of 2 outside" in said
    assert "viber:taxi-viber: ?? 2 = 0.1 EUR" in said
    assert "shop-viber" not in said


def test_another_month_is_another_ledger(run: Run, do: Do) -> None:
    do(spend)
    found = json.loads(run("sessions", "--ledger", "--month", "2020-01", "--account", "taxi-viber", "--json").out)
    assert [(each["month"], each["sessions"]) for each in found] == [("202001", 0)]


# --- reset ---


@pytest.mark.parametrize("is_hash", [False, True], ids=["a key", "a hash"])
def test_after_a_reset_there_is_no_session_and_what_was_held_is_tried_again(run: Run, do: Do, is_hash: bool) -> None:
    do(talk)
    shown = json.loads(run("sessions", "--show-ids", "--json").out)
    place = [row["conversation"] for row in shown].index(BEN)
    name = json.loads(run("sessions", "--json").out)[place]["conversation"] if is_hash else BEN
    assert run("sessions", "reset", name).code == 0
    assert [row["conversation"] for row in json.loads(run("sessions", "--show-ids", "--json").out)] == [ANN]

    async def look(store: RedisStore) -> None:
        (turn,) = (await store.claim(Queue.OUTBOX, 100)).turns
        assert turn.cid == BEN

    do(look)


def test_a_conversation_without_a_session_cannot_be_reset(run: Run) -> None:
    outcome = run("sessions", "reset", ANN)
    assert outcome.code == 1
    assert "no session and no count" in outcome.err


def test_without_a_store_that_was_ever_started_nothing_is_open(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BOTKIT_REDIS_URL")
    assert run("sessions").out == "no open sessions\n"
    assert json.loads(run("sessions", "--ledger", "--json").out) == []
