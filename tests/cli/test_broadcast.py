"""`botkit broadcast`: the plan before anybody is written to, the questions, the steps, and how far it has come."""

import asyncio
import io
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from botkit.broadcast import Broadcast, Fate, Progress, Segment, Spot, Stage, Tally
from botkit.cli.broadcast_progress import Bars
from botkit.conversation import Account
from botkit.messages import Text
from botkit.record import Flows
from botkit.redis.store import RedisStore
from tests.cli.conftest import Do, Run

BOTS = """
from botkit import App, Bot, Flow, Router, Telegram, Trigger, Viber

class Parcel(Flow):
    states = ("idle", "booked")
    book = Trigger("*", "booked")

def bot(name):
    accounts = [Telegram(ta=f"{name}-telegram"), Viber.from_env(name.upper(), {"TAXI_SESSION_PRICE": "0.5"})]
    accounts[1].ta = f"{name}-viber"
    return Bot(name, routers=[Router(Parcel)], accounts=accounts)

app = App([bot("taxi"), bot("shop")])
"""


@pytest.fixture(autouse=True)
def bots(project: Path, prefix: str) -> None:
    """A project with two bots."""
    (project / "bots").mkdir()
    (project / "bots" / "__init__.py").write_text(BOTS)


@pytest.fixture
def people(do: Do) -> None:
    """Three on Telegram, one of them a "vip", and two on Viber."""
    names = [("telegram", "taxi-telegram", str(number)) for number in (1, 2, 3)]
    names += [("viber", "taxi-viber", name) for name in ("ann", "ben")]

    async def write(store: RedisStore) -> None:
        for number, name in enumerate(names):
            cid = ":".join(name)
            await store.ingest(cid, f"{number:022}", b"event", token="", window=60, opens=True)
        flows = Flows(b"")
        flows.tags = frozenset({"vip"})
        await store.call("HSET", store.keys.of(":".join(names[0]), "c")[0], "s", flows.dump())

    do(write)


def listed(run: Run) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(run("broadcast", "list", "--json").out)
    return rows


def planned(run: Run, *options: str) -> dict[str, Any]:
    done = run("broadcast", "new", "--bot", "taxi", "--text", "News!", "--dry-run", "--json", *options)
    assert done.code == 0, done.err
    plan: dict[str, Any] = json.loads(done.out)
    return plan


def started(run: Run) -> str:
    done = run("broadcast", "new", "--bot", "taxi", "--text", "News!", "--yes", "--json")
    assert done.code == 0, done.err
    return str(json.loads(done.out)["id"])


# --- planning ---


@pytest.mark.usefixtures("people")
def test_the_plan_tells_what_it_will_take_and_a_dry_run_leaves_it_at_that(run: Run) -> None:
    plan = planned(run)
    assert (plan["bot"], plan["recipients"], plan["is_started"], plan["costs"]) == ("taxi", 5, False, {"EUR": "1.0"})
    telegram, viber = plan["lanes"]
    assert (telegram["account"], telegram["recipients"], telegram["opens"]) == ("taxi-telegram", 3, 0)
    assert (viber["account"], viber["recipients"], viber["opens"], viber["cost"]) == ("taxi-viber", 2, 2, "1.0")
    assert [row["stage"] for row in listed(run)] == ["cancelled"]


@pytest.mark.usefixtures("people")
def test_the_plan_is_shown_as_a_table_with_people_price_and_losses(run: Run, project: Path) -> None:
    message = project / "message.json"
    message.write_text(json.dumps({"type": "text", "text": "News!", "silent": True}))
    done = run("broadcast", "new", "--bot", "taxi", "--message", str(message), "--dry-run")
    assert done.code == 0
    head, telegram, viber, loss = done.out.splitlines()
    assert head.split()[:3] == ["channel", "account", "people"]
    assert telegram.split() == ["telegram", "taxi-telegram", "3", *"000000", "-", "0:00:00"]
    assert viber.split() == ["viber", "taxi-viber", "2", *"002000", "1", "EUR", "0:00:00"]
    assert loss == "viber: no silent"


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize(
    ("options", "number"),
    [
        (("--tag", "vip"), 1),
        (("--no-tag", "vip"), 4),
        (("--any-tag", "vip", "--any-tag", "new"), 1),
        (("--channel", "viber"), 2),
        (("--account", "taxi-telegram"), 3),
        (("--state", "parcel.idle"), 5),
        (("--state", "parcel"), 0),
        (("--locale", "sl"), 0),
    ],
)
def test_options_narrow_it_down(run: Run, options: tuple[str, ...], number: int) -> None:
    assert planned(run, *options)["recipients"] == number


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize(
    ("typed", "code", "stage"), [("y\n", 0, "running"), ("n\n", 1, "cancelled"), ("", 1, "cancelled")]
)
def test_it_asks_before_anybody_is_written_to(run: Run, typed: str, code: int, stage: str) -> None:
    done = run("broadcast", "new", "--bot", "taxi", "--text", "News!", "--name", "spring", typed=typed)
    assert done.code == code
    assert "Write to 5 people?" in done.err
    (row,) = listed(run)
    assert (row["stage"], row["name"], row["total"]) == (stage, "spring", 5)


@pytest.mark.usefixtures("people")
def test_the_message_is_what_was_asked_for(run: Run, do: Do) -> None:
    options = ("--at", "2036-11-30T09:00+01:00", "--notify", "telegram:taxi-telegram:7", "--button", "Today=day:today")
    done = run("broadcast", "new", "--bot", "taxi", "--text", "Which day?", "--yes", *options)
    assert done.code == 0
    assert "botkit broadcast watch" in done.out
    (found,) = do(lambda store: store.broadcasts.list())
    assert found.broadcast.message.buttons[0][0].value == "day:today"
    assert found.broadcast.notify.key == "telegram:taxi-telegram:7"
    assert found.starts_ms == 1000 * datetime(2036, 11, 30, 8, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--text", "x"), "--bot says which bot writes"),
        (("--bot", "taxy", "--text", "x"), "no bot 'taxy'; did you mean 'taxi'?"),
        (("--bot", "taxi"), "give either --text or --message"),
        (("--bot", "taxi", "--text", "x", "--at", "2026-11-30T09:00"), "--at is an instant with its offset"),
        (("--bot", "taxi", "--text", "x", "--at", "soon"), "--at is an instant with its offset"),
        (("--bot", "taxi", "--text", "x", "--button", "Today"), "--button is LABEL=VALUE"),
        (("--bot", "taxi", "--text", "x", "--notify", "1"), "--notify is channel:account:id"),
        (("--bot", "taxi", "--text", "x", "--notify", "viber:other:1"), "there are: telegram:taxi-telegram"),
        (("--bot", "taxi", "--text", "x", "--json"), "--json needs --yes or --dry-run"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(run: Run, options: tuple[str, ...], text: str) -> None:
    done = run("broadcast", "new", *options)
    assert done.code == 2
    assert text in done.err


@pytest.mark.parametrize("content", ["{", '{"type":"text"}', '{"type":"nothing"}', '{"type":"text","text":""}'])
def test_a_file_that_is_no_message_is_a_usage_error(run: Run, project: Path, content: str) -> None:
    (project / "message.json").write_text(content)
    done = run("broadcast", "new", "--bot", "taxi", "--message", "message.json")
    assert done.code == 2
    assert "message.json is no message" in done.err


def test_a_state_that_is_not_there_and_a_segment_without_people_are_failures(run: Run) -> None:
    wrong = run("broadcast", "new", "--bot", "taxi", "--text", "x", "--state", "parcel.boked", "--yes")
    assert wrong.code == 1
    assert "did you mean 'booked'?" in wrong.err
    empty = run("broadcast", "new", "--bot", "taxi", "--text", "x", "--yes")
    assert empty.code == 1
    assert "nobody belongs to this segment" in empty.err


def test_without_a_store_there_is_nothing_to_do(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BOTKIT_REDIS_URL")
    done = run("broadcast", "list")
    assert done.code == 3
    assert "botkit run" in done.err


# --- stages ---


@pytest.mark.usefixtures("people")
def test_it_is_paused_resumed_and_cancelled(run: Run) -> None:
    broadcast = started(run)
    for command, stage in (("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")):
        done = run("broadcast", command, broadcast)
        assert (done.code, done.out) == (0, f"{broadcast}: {stage}\n")
    done = run("broadcast", "resume", broadcast)
    assert done.code == 1
    assert f"broadcast {broadcast} is cancelled" in done.err


@pytest.mark.parametrize("command", ["pause", "resume", "cancel", "watch"])
def test_one_that_is_not_there_is_a_failure(run: Run, command: str) -> None:
    done = run("broadcast", command, "nothing")
    assert done.code == 1
    assert "no broadcast 'nothing'" in done.err


def test_the_list_says_when_there_is_nothing(run: Run) -> None:
    assert run("broadcast", "list").out == "no broadcasts\n"


@pytest.mark.usefixtures("people")
def test_the_list_names_stage_and_numbers(run: Run, do: Do) -> None:
    broadcast = started(run)
    do(lambda store: store.broadcasts.note(Spot(broadcast, 0, 0), Fate.SENT))
    _, row = run("broadcast", "list").out.splitlines()
    assert row.split() == [broadcast, "taxi", "running", "5", "1", "0", "0", "0", "0"]


# --- watching ---


@contextmanager
def sending(url: str, prefix: str, broadcast: str, end: Stage) -> Iterator[None]:
    """The service at work in a thread of its own, for as long as somebody watches."""

    async def work() -> None:
        store = RedisStore(url, prefix=prefix)
        for lane, index in ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1)):
            await asyncio.sleep(0.15)
            await store.broadcasts.note(Spot(broadcast, lane, index), Fate.SENT)
        await store.broadcasts.move(broadcast, end)
        await store.close()

    thread = threading.Thread(target=lambda: asyncio.run(work()))
    thread.start()
    yield
    thread.join()


@pytest.mark.usefixtures("people")
def test_watching_tells_each_step_until_the_end(run: Run, botkit_redis_url: str, prefix: str) -> None:
    broadcast = started(run)
    with sending(botkit_redis_url, prefix, broadcast, Stage.DONE):
        done = run("broadcast", "watch", broadcast)
    assert done.code == 0
    first, *steps, last = done.out.splitlines()
    assert first == "running 0 sent, 0 failed, 0 skipped of 5; 0 delivered, 0 seen"
    assert steps
    assert last == "done 5 sent, 0 failed, 0 skipped of 5; 0 delivered, 0 seen"


@pytest.mark.usefixtures("people")
def test_with_json_each_step_is_a_line_and_one_that_was_cancelled_a_failure(run: Run) -> None:
    broadcast = started(run)
    run("broadcast", "cancel", broadcast)
    done = run("broadcast", "watch", broadcast, "--json")
    assert done.code == 1
    (line,) = done.out.splitlines()
    assert (json.loads(line)["stage"], json.loads(line)["total"]) == ("cancelled", 5)


def test_in_a_terminal_each_account_has_a_bar() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=140, color_system=None)
    accounts = (Account("telegram", "taxi-telegram"), Account("viber", "taxi-viber"))
    what = Broadcast("b1", "taxi", Text(text="News!"), Segment(), accounts)
    lanes = (Tally(total=1000, fed=300, sent=250), Tally(total=50, fed=50, sent=49, failed=1))
    with Bars(console, Progress(what, Stage.RUNNING, 1, 1, 0, lanes)) as bars:
        bars.show(Progress(what, Stage.PAUSED, 1, 1, 0, lanes))
    file = console.file
    assert isinstance(file, io.StringIO)
    shown = file.getvalue()
    assert "taxi-telegram" in shown
    assert "250/1000" in shown
    assert "50/50" in shown
    assert "paused: 49 sent, 1 failed, 0 skipped of 50" in shown
